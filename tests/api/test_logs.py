"""No address, query or token in any of nginx's logs, whatever goes wrong; and logs that live 14 days."""

import configparser
import contextlib
import itertools
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import time
import uuid

import pytest
import requests

import images
from conftest import User
from helpers import Client
from test_nginx import CHECKOUT, fake_program, raw, request_line

WORDS = {"token": "mk_live_" + "inthelog".ljust(49, "0"), "cookie": "cookieinthelog", "code": "codeinthelog", "state": "stateinthelog",
         "referer": "refererinthelog", "agent": "agentinthelog", "body": "bodyinthelog"}


class Nginx:
    """One more nginx in front of the stack's programs, with its own logs. patience_sec: how long it waits for an answer of theirs, if not
    as long as the stack's own."""

    def __init__(self, stack, folder, level, changes=(), patience_sec=None):
        import ready
        import services
        from layout import AS_ROOT
        self.stack, self.folder = stack, folder
        self.https, self.http = ready.free_port(), ready.free_port()
        self.url = f"https://localhost:{self.https}"
        shutil.copytree(stack.at.nginx, folder, ignore=shutil.ignore_patterns("temp"))
        for name in ("body", "fastcgi", "proxy", "scgi", "uwsgi"):
            (folder / "temp" / name).mkdir(parents=True)
        changes = [*changes, (str(stack.at.nginx), str(folder)), (f":{stack.https}", f":{self.https}"), (f":{stack.http}", f":{self.http}"),
                   (str(stack.at.simulator_sock), str(folder / "simulator.sock")),
                   (str(stack.at.run / "nginx/tls.sock"), str(folder / "tls.sock")),
                   (str(stack.at.log / "access.log"), str(folder / "access.log")),
                   ("error_log stderr info;", f"error_log {folder}/main.log info;"),
                   ("error_log stderr emerg;", f"error_log {folder}/error.log {level};")]
        for path in folder.rglob("*.conf"):
            text = path.read_text()
            for old, new in changes:
                text = text.replace(old, new)
            if patience_sec is not None:
                text = re.sub(r"fastcgi_read_timeout \d+s", f"fastcgi_read_timeout {patience_sec}s", text)
            path.write_text(text)
        who = {}
        if AS_ROOT:
            subprocess.run(["chown", "-R", f"{services.NGINX.uid}:{services.GID_NGINX}", folder], check=True)
            who = {"user": services.NGINX.uid, "group": services.GID_NGINX, "extra_groups": list(services.NGINX.groups)}
        self.stderr = (folder / "stderr.log").open("wb")
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-p", f"{folder}/", "-e", f"{folder}/main.log", "-c", f"{folder}/nginx.conf"],
                                        stdout=self.stderr, stderr=self.stderr, **who)
        stack.wait(lambda: self.process.poll() is not None or not ready.port_problem(self.https) is None, "it listens")
        assert self.process.poll() is None, (folder / "main.log").read_text() + (folder / "stderr.log").read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.stderr.close()

    def client(self):
        return Client(self.url, self.stack.ca, Authorization=f"Bearer {WORDS['token']}", Cookie=f"a={WORDS['cookie']}",
                      Referer=f"https://{WORDS['referer']}/", **{"User-Agent": WORDS["agent"]})


@contextlib.contextmanager
def nginx(stack, level, changes=(), patience_sec=None):
    # Below /tmp, not pytest's folder: the service's uid must be able to walk there.
    folder = pathlib.Path(f"/tmp/mcli-logs-{os.getpid()}-{time.monotonic_ns()}")
    try:
        made = Nginx(stack, folder, level, changes, patience_sec)
        try:
            yield made
        finally:
            made.stop()
            made.logs = {p.name: p.read_text(errors="replace") for p in folder.glob("*.log")}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def walls(**other):
    """The changes that put a server's numbers in the place of the stack's, which are so wide that no test meets them."""
    names = ("NETWORK_RATE", "CALLER_RATE", "SIGN_IN_RATE", "HEALTH_RATE", "DELIVERY_RATE", "UPLOADS_AT_ONCE", "USER_UPLOADS_AT_ONCE",
             "CONNECTIONS_AT_ONCE")
    texts = [(CHECKOUT / "tests/stack/render.py").read_text(), (CHECKOUT / "nginx/meson.build").read_text()]
    wide, real = ({name: re.search(rf"""["']{name}["']: ["']?(\w+(?:/s)?)""", text)[1] for name in names} for text in texts)
    real |= other
    before = {"UPLOADS_AT_ONCE": "uploads ", "USER_UPLOADS_AT_ONCE": "uploads ", "CONNECTIONS_AT_ONCE": "mcli_connections "}
    return [(f"{before.get(name, 'rate=')}{wide[name]};", f"{before.get(name, 'rate=')}{real[name]};") for name in names]


def upload_begun(it, key, query="", *headers, path="/api/v1/uploads", length=1000000, source="127.0.0.1"):
    """A request whose body never comes: nginx holds it."""
    context = ssl.create_default_context(cafile=str(it.stack.ca))
    plain = socket.create_connection(("127.0.0.1", it.https), timeout=60, source_address=(source, 0))
    connection = context.wrap_socket(plain, server_hostname="localhost")
    lines = [f"POST {path}{query} HTTP/1.1", f"Host: localhost:{it.https}", f"Authorization: Bearer {key}",
             "Content-Type: image/jpeg", f"Content-Length: {length}", *headers]
    connection.sendall("\r\n".join([*lines, "", "x"]).encode())
    return connection


CALLBACK = f"/api/v1/tiktok/callback?code={WORDS['code']}&state={WORDS['state']}"


def provoke(stack, it):
    """{what: status}"""
    client, got = it.client(), {}
    key = User(stack).key  # before the others sign in, who keep a slow machine busy

    def ask(what, method, path, **more):
        try:
            got[what] = client.request(method, path, **more).status_code
        except requests.ConnectionError:
            got[what] = "reset"

    with stack.stopped("tiktok"), fake_program(stack, "tiktok"):
        ask("callback, it dies", "GET", CALLBACK)
    with moved(stack.at.run / "tiktok.sock"):
        ask("callback, it is gone", "GET", CALLBACK)
    with stack.stopped("tiktok"):
        ask("callback, it is stopped", "GET", CALLBACK)
        ask("accounts, it is stopped", "GET", f"/api/v1/accounts?code={WORDS['code']}")
        with pytest.raises(requests.Timeout):
            client.get(CALLBACK, timeout=0.2)  # the client goes away
    for n in range(25):
        ask("sign-in", "POST", f"/api/v1/auth/login?code={WORDS['code']}", json={"email": f"{WORDS['body']}{n}@example.com", "password": "x" * 10})
    ask("no route", "GET", f"/api/v1/nothing?code={WORDS['code']}")
    ask("no page", "GET", f"/nothing?code={WORDS['code']}")
    ask("internal", "GET", f"/internal/store/x?code={WORDS['code']}")
    (stack.at.intake / "body").chmod(0)
    ask("no room for the body", "POST", "/api/v1/uploads", data=WORDS["body"].encode() * 40000,
        headers={"Authorization": f"Bearer {key}", "Content-Type": "image/jpeg"})
    (stack.at.intake / "body").chmod(0o700)

    secret = f"?code={WORDS['code']}"
    own = type("", (), {"https": it.https, "ca": stack.ca})
    for what, request in {
            "nonsense": f"NONSENSE {secret}\r\n\r\n".encode(),
            "too large": request_line(f"POST /api/v1/auth/login{secret} HTTP/1.1", "Host: localhost", "Content-Length: 70000"),
            "two hosts": request_line(f"GET /{secret} HTTP/1.1", "Host: localhost", "Host: localhost"),
            "long path": request_line(f"GET /{'a' * 20000}{secret} HTTP/1.1", "Host: localhost"),
            "long header": request_line(f"GET /{secret} HTTP/1.1", "Host: localhost", f"Cookie: {WORDS['cookie'] * 2000}"),
            "transfer coding": request_line(f"POST /{secret} HTTP/1.1", "Host: localhost", "Transfer-Encoding: x"),
            "bad chunk": request_line(f"POST /api/v1/keys{secret} HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked") + b"zz\r\n",
            "elsewhere": request_line(f"GET /{secret} HTTP/1.1", "Host: elsewhere.example"),
            "bad header": request_line(f"GET /{secret} HTTP/1.1", "Host: localhost", f"X\0: {WORDS['token']}"),
            "outside the root": request_line(f"GET /../../x{secret} HTTP/1.1", "Host: localhost")}.items():
        got[what] = raw(own, request)[0]
    got["plain on tls"] = raw(own, request_line(f"GET /api/v1/me{secret} HTTP/1.1", "Host: localhost"), tls=False)[0]
    tls_errors(it, stack)
    return got


def provoke_limits(stack, it, user):
    """{zone: the 429s that it gave}, and what the zone of a question behind the back refuses. Each zone's burst ends before another's,
    in this order."""
    query = f"?code={WORDS['code']}&state={WORDS['state']}"
    key, second = user.key, user.make_key("second")["key"]
    client, got = it.client(), {}

    def until_refused(zone, ask):
        got[zone] = []
        for _ in range(500):
            answer = ask()
            if answer.status_code == 429:
                got[zone].append(answer)
            if len(got[zone]) == 3:
                return

    def sign_in():
        """Each of somebody else: wrong passwords of one account are counted by the program."""
        return client.post(f"/api/v1/auth/login{query}", json={"email": f"{WORDS['body']}{uuid.uuid4().hex}@example.com", "password": "x" * 10})

    until_refused("mcli_sign_in", sign_in)

    def upload(key=key, data=images.jpeg(64, 48), query=query):
        return client.post(f"/api/v1/uploads{query}", data=data, headers={"Authorization": f"Bearer {key}"})

    def upload_of_second():
        """Without the query, for which a body is refused: only one that may come is its user's."""
        return upload(second, b"x" * 100_000, "")

    def hold(begin, is_refused):
        """Until there are too many: nginx may still count one that is gone, and then refuses one of these."""
        held = []

        def too_many():
            held.append(begin())
            return is_refused()
        stack.wait(too_many, "there are too many")
        return held

    def let_go(held, is_taken):
        for connection in held:
            connection.close()
        stack.wait(is_taken, "they are gone")

    spoken = (f"Cookie: a={WORDS['cookie']}", f"Referer: https://{WORDS['referer']}/")
    held = hold(lambda: upload_begun(it, key, query, *spoken), lambda: upload().status_code == 429)
    until_refused("mcli_uploads", upload)
    let_go(held, lambda: upload().status_code != 429)
    others = itertools.cycle((key, user.make_key("third")["key"]))  # two of a key, three of a user
    held = hold(lambda: upload_begun(it, next(others), "", *spoken), lambda: upload_of_second().status_code == 429)
    until_refused("mcli_user_uploads", upload_of_second)
    let_go(held, lambda: upload_of_second().status_code != 429)
    held = hold(lambda: upload_begun(it, key, query, path="/api/v1/keys", length=1000), lambda: client.get(f"/{query}").status_code == 429)
    until_refused("mcli_connections", lambda: client.get(f"/{query}"))
    let_go(held, lambda: client.get(f"/{query}").status_code == 200)
    provoke_webhooks(it, client, query, hold, let_go, until_refused)
    until_refused("mcli_health", lambda: client.get(f"/healthz{query}"))
    until_refused("mcli_delivery", lambda: client.get(f"/m/{key}/0{query}"))
    until_refused("mcli_caller", lambda: client.get(f"/api/v1/me{query}"))
    for _ in range(20):  # the answers do not wait for this one, so none is a 429
        requests.get(f"http://localhost:{it.http}/api/v1/me{query}", headers=client.headers)
    del client.headers["Authorization"]
    until_refused("mcli_network", lambda: client.get(f"/api/v1/keys{query}"))
    return got


class From(requests.adapters.HTTPAdapter):
    """Asks from another address of this machine: another network."""
    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args, **more):
        super().init_poolmanager(*args, **more, source_address=(self.address, 0))


def provoke_webhooks(it, client, query, hold, let_go, until_refused):
    """Those of one network first; and while it has as many as it may, those of all by another network. Stripe's addresses are not
    counted with those of strangers."""
    def webhook(of=client):
        return of.post(f"/webhooks/stripe{query}", data=b"{}")

    def begun(source):
        return upload_begun(it, "x", query, path="/webhooks/stripe", length=1000, source=source)
    other, stripe = it.client(), it.client()
    other.mount("https://", From("127.0.0.2"))
    stripe.mount("https://", From("127.0.0.3"))
    held = hold(lambda: begun("127.0.0.1"), lambda: webhook().status_code == 429)
    until_refused("mcli_webhooks", webhook)
    held += hold(lambda: begun("127.0.0.2"), lambda: webhook(other).status_code == 429)
    until_refused("mcli_webhooks_of_all", lambda: webhook(other))
    assert webhook(stripe).status_code != 429
    let_go(held, lambda: webhook().status_code != 429 and webhook(other).status_code != 429)


def tls_errors(it, stack):
    old = ssl.create_default_context(cafile=str(stack.ca))
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    distrusting = ssl.create_default_context()
    for context in (old, distrusting):
        with socket.create_connection(("127.0.0.1", it.https), timeout=60) as plain, pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(plain, server_hostname="localhost")
    for data in (b"\x16\x03\x01\x00\x05hello", b"\x15\x03\x03\x00\x02\x02\x28", b"\x16\x03\x01"):
        with socket.create_connection(("127.0.0.1", it.https), timeout=60) as plain:
            plain.sendall(data)
            plain.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                plain.recv(4096)


@contextlib.contextmanager
def moved(path):
    away = path.with_suffix(".away")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)


def told(logs):
    """[(file, word)]: what must not be there and is."""
    return [(name, word) for name, text in logs.items()
            for word in (*WORDS.values(), "inthelog", "127.0.0.1", "127.0.0.2", "::1", "client:", "request:") if word in text]


def test_nothing_is_told(stack):
    with nginx(stack, "emerg", patience_sec=1) as it:
        got = provoke(stack, it)
    assert got.pop("callback, it is gone") in (502, 503)
    wanted = {"callback, it dies": 502, "callback, it is stopped": 504,
              "accounts, it is stopped": 504, "too large": 413, "no route": 404, "no room for the body": 503, "nonsense": 400,
              "two hosts": 400, "long path": 414, "long header": 431, "plain on tls": 403}
    assert {what: got.get(what) for what in wanted} == wanted
    assert set(it.logs) == {"access.log", "error.log", "main.log", "stderr.log"}
    assert told(it.logs) == []
    assert it.logs["error.log"] == "" and it.logs["access.log"].count("\n") > len(got)
    programs = {p.name: p.read_text(errors="replace") for p in stack.at.log.glob("*.log")}
    assert [(name, word) for name, text in programs.items() for word in WORDS.values() if word in text] == []


CONNECTIONS_AT_ONCE = 10
# The real rates could outrun a slow machine, and 500 connections take a while.
SLOW = [*walls(NETWORK_RATE="1r/s", CALLER_RATE="1r/s", DELIVERY_RATE="1r/s", SIGN_IN_RATE="6r/m", HEALTH_RATE="6r/m",
               CONNECTIONS_AT_ONCE=str(CONNECTIONS_AT_ONCE)),
        ("burst=2000 delay=1000;", "burst=4 delay=4;"), ("mcli_webhooks 64;", "mcli_webhooks 4;"), ("mcli_webhooks_of_all 512;", "mcli_webhooks_of_all 6;"),
        # What is held there is held for longer than a busy machine needs to hold the last of them; and this address is one of Stripe's.
        ("client_body_timeout 5s;", "client_body_timeout 60s;"), ("3.18.12.63 ", "127.0.0.3 ")]
ZONES = {zone for name in ("snippets/maps", "local/rates")
         for zone in re.findall(r"^limit_(?:req|conn)_zone .*?zone=(\w+)", (CHECKOUT / f"nginx/{name}.conf").read_text(), re.M)}
ANSWERED = ZONES - {"mcli_clear"}  # the others are a client's to meet


def test_a_webhook_that_stalls_is_let_go(stack):
    """Long before others: its place is one of few."""
    with nginx(stack, "emerg", [("client_body_timeout 5s;", "client_body_timeout 1s;")]) as it:
        held = upload_begun(it, "x", path="/webhooks/stripe", length=1000)
        while held.recv(4096):
            pass


def test_nothing_is_told_of_who_is_refused(stack, user):
    with nginx(stack, "emerg", SLOW) as it:
        got = provoke_limits(stack, it, user)
    assert set(got) == ANSWERED and all(len(answers) == 3 for answers in got.values())
    for answer in sum(got.values(), []):
        assert answer.json()["error"]["code"] == "rate_limited"
        assert not [word for word in WORDS.values() if word in answer.text + str(answer.headers)]
    refused = [line for line in it.logs["access.log"].splitlines() if '"status":429' in line]
    assert len(refused) >= 3 * len(ANSWERED) and it.logs["error.log"] == ""
    assert told(it.logs) == [] and not any(user.key in text for text in it.logs.values())
    programs = {p.name: p.read_text(errors="replace") for p in stack.at.log.glob("*.log")}
    assert [(name, word) for name, text in programs.items() for word in (*WORDS.values(), user.key) if word in text] == []


def test_a_chattier_level_would_tell_who_is_refused(stack, user):
    """And by which zone: all of them are provoked."""
    with nginx(stack, "error", SLOW) as it:
        provoke_limits(stack, it, user)
    lines = [line for line in it.logs["error.log"].splitlines() if " limiting " in line]
    assert {re.search(r'by zone "(\w+)"', line)[1] for line in lines} == ZONES
    assert all("client: 127.0.0." in line for line in lines)
    # Those who meet the wall of a user's uploads ask without a query; one of them may meet that of a key's, which still counts one that is gone.
    assert [line for line in lines if f"?code={WORDS['code']}&state={WORDS['state']}" not in line and '_uploads"' not in line] == []


@pytest.mark.parametrize("level", ["alert", "crit", "error"])
def test_a_chattier_level_would_tell(stack, level):
    """What the test above provokes does reach nginx's error log, were it not for its level."""
    with nginx(stack, level, patience_sec=1) as it:
        provoke(stack, it)
    found = {word for name, word in told(it.logs) if name == "error.log"}
    assert level == "alert" or {"client:", "request:", "127.0.0.1", WORDS["code"], WORDS["state"]} <= found


# 14 days, in what is installed


def test_retention():
    """Of nginx's logs (all of them lie where logrotate looks) and of the programs' journal."""
    rotate = (CHECKOUT / "systemd/logrotate.conf").read_text()
    folder = re.search(r"^(/\S+)/\*\.log \{", rotate, re.M)[1]
    logs = re.findall(r"'(?:ACCESS|ERROR)_LOG': '(\S+)'", (CHECKOUT / "nginx/meson.build").read_text())
    assert len(logs) == 2 and all(str(pathlib.Path(p).parent) == folder and p.endswith(".log") for p in logs)
    words = dict(line.split() for line in rotate.splitlines() if len(line.split()) == 2 and line.startswith("\t"))
    assert re.search(r"^\tdaily$", rotate, re.M)
    assert int(words["rotate"]) + 1 <= 14, "the current one is a day too"
    assert int(words["maxage"]) <= 14

    journal = configparser.ConfigParser()
    journal.read(CHECKOUT / "systemd/journald.conf")
    assert journal["Journal"]["MaxRetentionSec"] == "14day" and journal["Journal"]["MaxFileSec"] == "1day"
    shared = (CHECKOUT / "systemd/hardening.conf").read_text()
    for line in ("LogNamespace=marketingcli", "StandardOutput=journal", "StandardError=journal"):
        assert line in shared.splitlines()
    for unit in (CHECKOUT / "systemd").rglob("*.service*"):
        if unit.is_file():  # a unit that is not called marketingcli-* has none of what these share, and the same journal
            said = re.findall(r"^(?:LogNamespace|StandardOutput|StandardError)=.*$", unit.read_text(), re.M)
            assert said == (["LogNamespace=marketingcli"] if unit.name.startswith(("backup-", "credentials-")) else []), unit


def test_every_site_has_the_logs():
    """No server block falls back to the logs of the main configuration."""
    for site in (CHECKOUT / "nginx/sites").glob("*.conf"):
        blocks = re.findall(r"^server \{.*?^\}", site.read_text(), re.M | re.S)
        assert blocks
        for block in blocks:
            assert block.count("snippets/server.conf;") == 1
            assert not re.search(r"\b(access_log|error_log)\b", block)
    for part in [path for name in ("local", "locations", "snippets") for path in (CHECKOUT / "nginx" / name).glob("*.conf")]:
        logs = re.findall(r"^\s*((?:access|error)_log .*;)", part.read_text(), re.M)
        assert logs == (["access_log @ACCESS_LOG@ marketingcli;", "error_log @ERROR_LOG@ emerg;"] if part.name == "server.conf" else [])


def test_a_read_that_succeeds_is_in_nginxs_log_alone(stack, user):
    """The journal is capped, and nearly all requests are such. What changes something, or fails, has a line of the program's, too."""
    with stack.configured("auth", service_log_level="info"):
        since = len(stack.log("auth"))
        quiet = user.api.get("/api/v1/me")
        told = [user.api.get("/api/v1/me?nonsense=1"), user.web.patch("/api/v1/me", json={"name": "Grace"}),
                user.api.get("/api/v1/me", headers={"Authorization": "Bearer x"})]
        assert [r.status_code for r in (quiet, *told)] == [200, 422, 200, 401]
        stack.wait(lambda: all(r.headers["X-Request-Id"] in stack.log("auth")[since:] for r in told), "these have their lines")
        assert quiet.headers["X-Request-Id"] not in stack.log("auth")[since:]
        stack.wait(lambda: quiet.headers["X-Request-Id"] in stack.log("access"), "and nginx tells of it")
