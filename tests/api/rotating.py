"""marketingcli-admin credentials rotate on a stack, whose services are restarted by tests/stack/restarts.py."""

import pathlib

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
