"""The stack that the API tests run against, and users of it.

The programs come from the meson build folder $MARKETINGCLI_BUILD (tests/run.sh: gcc with ASan, UBSan and test hooks).
With $MARKETINGCLI_STACK the tests use a stack that is up already in that folder and leave it up: quick while developing.
"""

import contextlib
import itertools
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib

import pymysql
import pytest

import helpers
import seen
import simulator

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(CHECKOUT / "tests/stack"))

import processes  # noqa: E402
import sanitizers  # noqa: E402
import users  # noqa: E402
from layout import Layout  # noqa: E402

ID_MAX = 40
PATIENCE_SEC = 60  # for what comes by itself, on a machine that stands still now and then


def pytest_make_parametrize_id(config, val, argname):
    """Bytes, and texts that are long or hold what no terminal takes, would be unreadable as a test's name."""
    text = val.decode(errors="replace") if isinstance(val, bytes) else val
    if not isinstance(text, str) or (isinstance(val, str) and len(text) <= ID_MAX and text.isprintable()):
        return None
    plain = re.sub(r"[^ -~]|[\[\]]", ".", text[:ID_MAX])
    return plain if len(text) <= ID_MAX else f"{plain}...{len(text)}-{zlib.crc32(repr(val).encode()):08x}"


LENIENT = ["sandbox.moderation_sec=0", "sandbox.posts_per_day=1000"]  # for tests that are not about these
SETTINGS = ["password.bcrypt_cost=4", "worker.idle_ms=50", *LENIENT]
DEFECT = re.compile(r"\w+Sanitizer:|runtime error:|assert", re.IGNORECASE)
ASKED_FOR = 'lib/base/point.c",'  # the assertion that a test makes fail
NOT_OURS = ("mariadb", "nginx", "access", "supervisor")

os.environ.setdefault("MARKETINGCLI_BUILD",
                      str(CHECKOUT / ("build-dev" if "MARKETINGCLI_STACK" in os.environ else "build-asan")))

os.environ.update(sanitizers.OPTIONS)  # also for what the tests start by themselves

resolve = socket.getaddrinfo


def resolve_localhost(host, *args, **more):
    """glibc knows localhost but not names below it (RFC 6761 6.3), which curl and browsers resolve by themselves."""
    if isinstance(host, str) and host.endswith(".localhost"):
        host = "127.0.0.1"
    return resolve(host, *args, **more)


socket.getaddrinfo = resolve_localhost


seen.watch()


def is_pending(pid, signo):
    """Whether the signal waits for the process to take it (proc(5): a bit per signal)."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has ended
        return False
    return int(status.partition("\nShdPnd:")[2].split()[0], 16) >> (signo - 1) & 1


def wait_for(condition, what, seconds=PATIENCE_SEC):
    """The first truthy value of condition()."""
    end = time.monotonic() + seconds
    while True:
        late = time.monotonic() >= end  # who stood still until then looks once more
        value = condition()
        if value:
            return value
        assert not late, f"not within {seconds} s: {what}"
        time.sleep(0.03)


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 10).close()
        return True
    except ConnectionRefusedError:
        return False


STARTED = re.compile('"event":"(started|cannot_start)"')


class Stack:
    def __init__(self, folder):
        self.dir = pathlib.Path(folder)
        self.at = Layout(self.dir)
        ports = dict(line.split() for line in self.at.ports.read_text().splitlines())
        self.https, self.http = int(ports["https"]), int(ports["http"])
        self.url, self.sandbox_url = f"https://localhost:{self.https}", f"https://sandbox.localhost:{self.https}"
        self.http_url = f"http://localhost:{self.http}"
        self.ca = self.at.ca
        self.database = None

    # The database, as its root

    def sql(self, text, *args):
        """The rows as a list of dicts. A connection that MariaDB's restart has ended is made anew, and a statement that loses a
        deadlock against a program's runs again."""
        if self.database is not None:
            try:
                self.database.ping(reconnect=False)
            except pymysql.MySQLError:
                self.database = None
        if self.database is None:
            self.database = pymysql.connect(unix_socket=str(self.at.mariadb_sock), user="root", database="marketingcli",
                                            autocommit=True, cursorclass=pymysql.cursors.DictCursor)
        with self.database.cursor() as cursor:
            while True:
                try:
                    cursor.execute(text, args or None)
                    return list(cursor.fetchall())
                except pymysql.OperationalError as e:
                    if e.args[0] != pymysql.constants.ER.LOCK_DEADLOCK:
                        raise

    # The programs: auth keys tiktok uploads posts sandbox image worker-publish worker-media worker-mail mariadb nginx

    def log(self, name):
        """What the program has written so far ("access": nginx's access log)."""
        return (self.at.log / f"{name}.log").read_text(errors="replace")

    def pid(self, name):
        """The process that runs right now; None while there is none."""
        for entry, pid, started in processes.read_pids(self.at):
            if entry == name and processes.alive(pid, started):
                return pid
        return None

    def kill(self, name, signo=signal.SIGKILL):
        """Sends the signal and returns the pid that got it. The supervisor starts whoever ends again."""
        pid = self.pid(name)
        assert pid is not None, f"{name} is not running"
        os.kill(pid, signo)
        if signo == signal.SIGSTOP:  # a thread runs on until it is next interrupted
            self.wait(lambda: helpers.all_stopped(pid), f"{name} stands still")
        return pid

    @contextlib.contextmanager
    def frozen(self, name):
        """The program stands still inside the with block, and goes on afterwards."""
        pid = self.kill(name, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def starts(self, name):
        """How often the program has started. It has read its configuration by then; a process may be there long before."""
        return len(STARTED.findall(self.log(name)))

    def wait_for_start(self, name, old, starts):
        """Until another process than old runs, and has started if it says so."""
        self.wait(lambda: self.pid(name) not in (None, old) and (starts == 0 or self.starts(name) > starts), f"{name} runs again")
        if name == "nginx":  # which says nothing when it starts
            self.wait(lambda: listens(self.https), "nginx lets clients in")

    def restart(self, name):
        """SIGTERM, and back when the next process runs."""
        starts = self.starts(name)
        self.wait_for_start(name, self.kill(name, signal.SIGTERM), starts)

    def nudge(self):
        """The supervisor looks around now, and not within half a second."""
        os.kill(self.pid("supervisor"), signal.SIGCHLD)

    @contextlib.contextmanager
    def stopped(self, name, signo=signal.SIGTERM, once_told=lambda: None):
        """The program is away inside the with block. once_told() is called when it has taken the signal, and may not have ended yet."""
        hold, starts = self.at.hold / name, self.starts(name)
        hold.touch()
        try:
            pid = self.kill(name, signo)
            self.wait(lambda: not is_pending(pid, signo), f"{name} has taken the signal")
            once_told()
            self.wait(lambda: self.pid(name) is None, f"{name} has ended")
            yield
        finally:
            hold.unlink()
            self.nudge()
            self.wait_for_start(name, None, starts)
            if name == "mariadb":
                self.wait(self.database_answers, "MariaDB answers again")

    @contextlib.contextmanager
    def configured(self, *programs, **settings):
        """These programs, and no others that start meanwhile, have these settings inside the with block:
        <section>_<key>=value."""
        before = {}
        try:
            for program in programs:
                own = self.at.conf_of(program)
                before[own] = own.read_text() if own.exists() else None
                text = before[own] or self.at.conf.read_text()
                for name, value in settings.items():
                    text = with_setting(text, name, value)
                own.write_text(text)
                self.restart(program)
            yield
        finally:
            for own, text in before.items():
                own.write_text(text) if text is not None else own.unlink()
            for program in programs:
                self.restart(program)

    def database_answers(self):
        try:
            return self.sql("SELECT 1")
        except pymysql.MySQLError:
            return None

    def admin(self, *args, conf=None, stdin=None, **env):
        """Runs marketingcli-admin with the stack's configuration or another; the CompletedProcess has text in stdout and
        stderr."""
        from render import find_program
        return subprocess.run([find_program(os.environ["MARKETINGCLI_BUILD"], "marketingcli-admin"), *args],
                              env={**os.environ, "MARKETINGCLI_CONF": str(conf or self.at.conf),
                                   "MARKETINGCLI_TEST_DIR": str(self.at.test), **env}, capture_output=True, text=True,
                              input=stdin)

    # Time and the points at which a program dies (test builds only)

    def move_clock(self, seconds):
        """Moves the programs' clock by that much, on top of former moves. It is set back after each test."""
        self.set_on("clock", seconds)

    def lose_patience(self, seconds):
        """What programs wait for by clock_patience_us (lib/base/clock.h) is over that much sooner. It is never set back."""
        self.set_on("patience", seconds)

    def set_on(self, name, seconds):
        file = self.at.test / name
        self.set_clock((int(file.read_text()) if file.exists() else 0) + int(seconds * 1_000_000), name)

    def set_clock(self, offset_us, name="clock"):
        new = self.at.test / f"{name}.new"
        new.write_text(str(offset_us))
        new.replace(self.at.test / name)

    def arm(self, point, assertion=False):
        """The next program that reaches the point removes the file and dies: by SIGKILL, or by a failed assertion. Returns the
        file."""
        armed = self.at.test / "points" / point
        armed.write_text("assert" if assertion else "")
        return armed

    def wait(self, condition, what, seconds=PATIENCE_SEC):
        """The first truthy value of condition()."""
        return wait_for(condition, what, seconds)

    # Clients

    def client(self, **headers):
        """Somebody without credentials."""
        return helpers.Client(self.url, self.ca, **headers)


def with_setting(text, name, value):
    """The configuration with one value changed; name is <section>_<key>."""
    section, _, key = name.partition("_")
    head, _, tail = text.partition(f"[{section}]\n")
    own, bracket, rest = tail.partition("\n[")
    own = "".join(line for line in own.splitlines(keepends=True) if line.split(" = ")[0] != key)
    return f"{head}[{section}]\n{key} = {value}\n{own}{bracket}{rest}"


class User:
    numbers = itertools.count(1)

    """Somebody who is signed in. cost: of the password's hash."""

    def __init__(self, stack, cost=users.COST):
        self.stack = stack
        self.number = next(User.numbers)
        self.email = f"user{self.number}.{os.getpid()}.{time.time_ns()}@example.com"
        self.password = f"correct horse {self.number} battery"
        self.id = users.add_user(stack.sql, self.email, self.password, cost=cost)
        self.web = self.sign_in()

    def __getattr__(self, name):
        """.key and .api come with first use, so that tests without them need no keys program."""
        if name not in ("key", "api"):
            raise AttributeError(name)
        self.key = self.make_key("tests")["key"]
        self.api = self.stack.client(Authorization=f"Bearer {self.key}")
        return getattr(self, name)

    def sign_in(self):
        """A client with a session."""
        web = self.stack.client(Origin=self.stack.url)
        helpers.expect(web.post("/api/v1/auth/login", json={"email": self.email, "password": self.password}), 200)
        return web

    def make_key(self, name, **more):
        """Also when the clock was moved since the sign-in."""
        answer = self.web.post("/api/v1/keys", json={"name": name, **more})
        if answer.status_code == 403:
            helpers.expect(answer, 403, "recent_auth_required")
            self.confirm()
            answer = self.web.post("/api/v1/keys", json={"name": name, **more})
        return helpers.expect(answer, 201)["data"]

    def confirm(self):
        """Types the password again, as those must who make or widen a key long after they signed in."""
        return helpers.expect(self.web.post("/api/v1/auth/confirm", json={"password": self.password}), 200)["data"]

    def authorize_url(self):
        """Where GET /tiktok/connect sends the browser."""
        answer = self.web.get("/api/v1/tiktok/connect", allow_redirects=False)
        assert answer.status_code in (302, 303), answer.text
        return answer.headers["Location"]

    def consent(self, authorize_url, username, decision="allow", private=False, comment_disabled=False, grant=None):
        """Fills in the simulator's form as the creator; returns the callback's URL."""
        browser = helpers.Client(self.stack.sandbox_url, self.stack.ca)
        page = browser.get(authorize_url)
        assert page.status_code == 200, page.text
        form = helpers.Form(page.text)
        scopes = form.fields["scope"].split(",") if grant is None else grant
        fields = [*form.fields.items(), ("username", username), ("decision", decision), *(("grant", s) for s in scopes)]
        fields += [("private", "on")] if private else []
        fields += [("comment_disabled", "on")] if comment_disabled else []
        answer = browser.post(authorize_url.partition("?")[0], data=fields, allow_redirects=False)
        assert answer.status_code in (302, 303), answer.text
        return answer.headers["Location"]

    def connect(self, username=None, private=False, comment_disabled=False, grant=None):
        """Connects a simulated TikTok account; returns its id."""
        username = username or f"creator.{os.getpid()}.{next(User.numbers)}"
        callback = self.consent(self.authorize_url(), username, private=private, comment_disabled=comment_disabled,
                                grant=grant)
        answer = self.web.get(callback, headers={"Accept": "text/html"}, allow_redirects=False)
        assert answer.status_code in (302, 303), answer.text
        account = helpers.query_of(answer.headers["Location"]).get("account")
        assert account, answer.headers["Location"]
        return account


@pytest.fixture(scope="session")
def stack(request):
    kept = os.environ.get("MARKETINGCLI_STACK")
    if kept:
        request.config.stash[STACK] = Stack(kept)
        yield request.config.stash[STACK]
        return
    folder = tempfile.mkdtemp(prefix="mcli-test-")
    os.chmod(folder, 0o711)
    up = None
    try:
        up = start(folder)
        made = Stack(folder)
        request.config.stash[STACK] = made
        yield made
        beside = seen.leaks_beside_logs(made)
        up.terminate()
        up.wait(60)
        assert not (found := defects(made.at.log)), "the programs' logs report defects:\n" + "\n".join(found)
        seen.from_credentials(made.at.credentials)
        logs = [*made.at.log.glob("*.log"), made.dir / "up.log"]
        assert not (found := seen.leaks(logs)), "the logs hold secrets:\n" + "\n".join(found)
        assert not beside, "tables or mails hold secrets:\n" + "\n".join(beside)
        if request.config.stash.get(WHOLE, False) and request.session.testsfailed == 0:
            look_at_all(seen.seen_in(p.read_text(errors="replace") for p in logs))
    finally:
        if up is not None and up.poll() is None:
            up.terminate()
            up.wait(60)
        shutil.rmtree(Layout(folder).home, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def look_at_all(these):
    """What a whole run must have seen: here, or in the runner when others have a share of the tests (pytest_shares.py)."""
    shared = os.environ.get("MARKETINGCLI_SHARES")
    if shared:
        pathlib.Path(shared, f"{os.getpid()}.seen").write_text("\n".join(these))
    else:
        assert not (missed := seen.missed(os.environ["MARKETINGCLI_BUILD"], these)), "\n".join(missed)


def start(folder):
    """The supervisor, as our child: it ends the stack when we die, whatever we die of."""
    said = pathlib.Path(folder) / "up.log"
    with said.open("w") as out:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig=TERM", CHECKOUT / "tests/stack.sh", "up", "--foreground", "--dir", folder, "--https", "0",
             "--http", "0", "--build", os.environ["MARKETINGCLI_BUILD"], *(f"--set={s}" for s in SETTINGS),
             *os.environ.get("MARKETINGCLI_STACK_OPTIONS", "").split()], stdout=out, stderr=out, start_new_session=True)
    wait_for(lambda: process.poll() is not None or "\nup: " in "\n" + said.read_text(), "the stack is up, or says why not",
             seconds=300)  # the supervisor's own patience ends before
    if process.returncode is not None:
        pytest.exit(f"the stack does not come up:\n{said.read_text()}", returncode=1)
    return process


STACK = pytest.StashKey()
WHOLE = pytest.StashKey()  # whether all files are run, so that every route is


def pytest_collection_finish(session):
    files = {item.path.name for item in session.items}
    words = [*session.config.args, session.config.option.keyword]
    session.config.stash[WHOLE] = (files >= {p.name for p in pathlib.Path(__file__).parent.glob("test_*.py")}
                                   and not any("::" in w for w in words) and not session.config.option.keyword)


def defects(logs):
    """The sanitizers' reports and failed assertions of all programs, with the lines that follow."""
    found = []
    for path in sorted(logs.glob("*.log")):
        if path.stem in NOT_OURS:
            continue
        lines = path.read_text(errors="replace").splitlines()
        hits = [i for i, line in enumerate(lines) if DEFECT.search(line) and ASKED_FOR not in line]
        if hits:
            found += [f"--- {path.name}", *lines[hits[0]:hits[0] + 40]]
    return found


@pytest.fixture
def user(stack):
    return User(stack)


@pytest.fixture
def other(stack):
    return User(stack)


@pytest.fixture
def account(user):
    return user.connect()


@pytest.fixture
def app(stack):
    """An app that is known to the simulator alone."""
    return simulator.App(stack)


@pytest.fixture
def creator(app):
    return app.connect()


@pytest.fixture(autouse=True)
def clean_slate(request):
    """The clock runs normally and no point is armed when the next test begins."""
    yield
    stack = request.config.stash.get(STACK, None)
    if stack is not None:
        (stack.at.test / "clock").unlink(missing_ok=True)
        for point in (stack.at.test / "points").iterdir():
            point.unlink(missing_ok=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    stack = item.config.stash.get(STACK, None)
    item.log_sizes = {p: p.stat().st_size for p in stack.at.log.glob("*.log")} if stack else {}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """What the programs wrote during a test that failed."""
    report = (yield).get_result()
    stack = item.config.stash.get(STACK, None)
    if not report.failed or stack is None:
        return
    for path in sorted(stack.at.log.glob("*.log")):
        with path.open("rb") as f:
            f.seek(item.log_sizes.get(path, 0))
            lines = f.read().decode(errors="replace").splitlines()[-30:]
        if lines:
            report.sections.append((f"log of {path.stem}", "\n".join(lines)))
