"""marketingcli-admin credentials rotate on a stack, whose services are restarted by tests/stack/restarts.py."""

import hmac
import pathlib
import threading

import pymysql

from conftest import CHECKOUT

RESTARTS = CHECKOUT / "tests/stack/restarts.py"
STEPS_MAX = 20  # of a rotation


def rotate(stack, name, *more, folder=None, restart=RESTARTS, stdin=None, **env):
    return stack.admin("credentials", "rotate", name, "--dir", str(folder or stack.at.credentials), "--restart", str(restart), *map(str, more),
                       stdin=stdin, MARKETINGCLI_RESTART_DIR=str(stack.dir), **env)


def check(stack, folder=None):
    return stack.admin("credentials", "check", "--dir", str(folder or stack.at.credentials))


def done(answer):
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def refused(answer, *words):
    assert answer.returncode == 1 and all(w in answer.stderr for w in words), (answer.returncode, answer.stdout, answer.stderr)
    return answer.stderr


def under_way(stack):
    """What rotations have left: their own files, and those beside the credentials."""
    at = pathlib.Path(stack.at.credentials)
    return sorted(str(p.relative_to(at)) for p in at.glob("*/*") if p.parent.name == "rotation" or "." in p.name)


def file(stack, service, name):
    return stack.at.credentials / service / name


def texts(stack):
    """{SERVICE/NAME: what it holds} of all credentials of the stack."""
    at = pathlib.Path(stack.at.credentials)
    return {str(p.relative_to(at)): p.read_text() for p in at.glob("*/*") if p.parent.name != "rotation"}


def file_of(stack, name):
    """Of one of those that have it."""
    return next(pathlib.Path(stack.at.credentials).glob(f"*/{name}"))


class Load:
    """Somebody asks all the time, on connections of their own, inside the with block. All answers must be good."""

    def __init__(self, user, *paths):
        self.user, self.paths, self.bad, self.good, self.over = user, paths, [], 0, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.is_set():
            for path in self.paths:
                answer = self.user.web.get(path)
                if answer.status_code == 200:
                    self.good += 1
                else:
                    self.bad.append((path, answer.status_code, answer.text))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.over.set()
        self.thread.join()
        assert self.good > 0 and not self.bad, (self.good, self.bad[:3])


def connects(stack, service, password):
    try:
        pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user=f"marketingcli_{service}", password=password.strip(),
                        database="marketingcli").close()
        return True
    except pymysql.OperationalError as e:
        assert e.args[0] == pymysql.constants.ER.ACCESS_DENIED_ERROR, e
        return False


def lines(folder, name, *services):
    texts = {(folder / s / name).read_text() for s in services}
    assert len(texts) == 1
    return texts.pop().splitlines()


def with_line(stack, folder, name, text, *more):
    return stack.admin("credentials", "rotate", name, "--dir", str(folder), "--restart", "/bin/true", *more, stdin=text)


def journal_line(key, at):
    text = f"1 {at} erasure {'ab' * 32}"
    return f"{text} {hmac.digest(key.encode(), text.encode(), 'sha256')[:16].hex()}\n"


def spoiled(path, text=None, mode=None):
    text is None or path.write_text(text)
    mode is None or path.chmod(mode)


SPOILED = [
    ("keys/db-password", None, 0o640, "keys/db-password can be used by others than its owner: chmod 600"),
    ("posts/db-password", "", None, "posts/db-password must have 16 to 200 characters"),
    ("media/db-password", "short\n", None, "media/db-password must have 16 to 200 characters"),
    ("auth/totp-keys", "", None, "auth/totp-keys is no key ring"), ("tiktok/token-keys", "1 abcd\n", None, "tiktok/token-keys is no key ring"),
    ("worker_privacy/journal-key", "ab\n", None, "worker_privacy/journal-key is too short"),
    ("billing/stripe-api-key", "a\0b", None, "billing/stripe-api-key has a NUL"),
    ("media/s3-secret-key", "1\n2\n3\n4\n5\n", None, "media/s3-secret-key has more than 4 lines"),
    ("sandbox", None, 0o755, "sandbox can be used by others than its owner: chmod 700")]
