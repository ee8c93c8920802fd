"""A stranger's body: not a byte of it reaches nginx's disk, and the answer says what was wrong."""

import contextlib
import ctypes
import functools
import hashlib
import http.client
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

import images
from helpers import expect
from test_nginx import waiting_connections

IN_MODIFY, IN_CREATE, IN_ISDIR = 0x2, 0x100, 0x40000000
BIG, SMALL = 256 << 10, 60 << 10  # of a body: beyond what nginx keeps in memory; the most that a small address takes
IN_MEMORY = 1 << 20  # the most that an address takes whose bodies nginx keeps in memory whole
METHODS = ["POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "BREW"]


class Spool:
    """The folders in which both nginx keep bodies, or could: what has been written there, told by the kernel (inotify(7))."""

    def __init__(self, stack):
        import services
        from layout import AS_ROOT
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.folders = {}
        for top, owner in ((stack.at.nginx / "temp", services.NGINX), (stack.at.intake, services.INTAKE)):
            for folder in [top, *(p for p in top.iterdir() if p.is_dir()), *(top / "body" / digit for digit in "0123456789")]:
                if not folder.exists():  # nginx makes them as it needs them
                    folder.mkdir()
                    if AS_ROOT:
                        os.chown(folder, owner.uid, owner.uid)
                watch = self.libc.inotify_add_watch(self.fd, os.fsencode(folder), IN_CREATE | IN_MODIFY)
                assert watch > 0, os.strerror(ctypes.get_errno())
                self.folders[watch] = folder

    def written(self):
        """{file: bytes}, of all files touched since the last call; 0 for one that is gone by now."""
        try:
            events, found = os.read(self.fd, 1 << 20), {}
        except BlockingIOError:
            return {}
        while events:
            watch, mask, _, n = struct.unpack("iIII", events[:16])
            path = self.folders[watch] / events[16:16 + n].rstrip(b"\0").decode()
            if not mask & IN_ISDIR:
                found[path.name] = path.stat().st_size if path.exists() else 0
            events = events[16 + n:]
        return found


@pytest.fixture(scope="module")
def spool(stack):
    it = Spool(stack)
    yield it
    os.close(it.fd)


@functools.cache
def tls(ca):
    return ssl.create_default_context(cafile=ca)


def send(stack, method, path, headers=(), size=BIG, chunked=False, extension=b"", content=None, kind="image/jpeg"):
    """(status, headers, body) of a request of that size; it is all sent, or as much as nginx takes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Type: {kind}", "Connection: close", *headers,
             "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}", "", ""]
    body = content or b"x" * size
    if chunked:
        part = 1 if extension else 8000
        body = b"".join(b"%x%b\r\n%b\r\n" % (len(p), extension, p) for p in (body[i:i + part] for i in range(0, len(body), part)))
        body += b"0\r\n\r\n"

    with tls(str(stack.ca)).wrap_socket(socket.create_connection(("127.0.0.1", stack.https), timeout=60),
                                        server_hostname="localhost") as connection:
        connection.sendall("\r\n".join(lines).encode("latin-1"))
        with contextlib.suppress(ConnectionError, ssl.SSLError):  # refused in the middle
            connection.sendall(body)
        answer = http.client.HTTPResponse(connection, method=method)
        answer.begin()
        return answer.status, answer.headers, answer.read()


def cookie_of(user):
    return "; ".join(f"{c.name}={c.value}" for c in user.web.cookies)


@pytest.fixture(scope="module")
def strangers(stack):
    """{who: headers}"""
    from conftest import User
    user = User(stack)
    session, key = cookie_of(user), user.key
    old = User(stack)
    expired = cookie_of(old)
    expect(old.web.post("/api/v1/auth/logout"), 204)
    made_up = made_up_key()
    return {
        "nobody": [],
        "nonsense": ["Authorization: Bearer nonsense"],
        "another scheme": ["Authorization: Basic eDp5"],
        "TikTok's": ["Authorization: Bearer act.0123456789abcdef0123456789abcdef"],
        "mistyped": [f"Authorization: Bearer {key[:-1]}{'a' if key[-1] != 'a' else 'b'}"],
        "made up": [f"Authorization: Bearer {made_up}"],
        "a key that may not": [f"Authorization: Bearer {user.make_key('reads', scopes=['usage:read'])['key']}"],
        "two keys": [f"Authorization: Bearer {key}", f"Authorization: Bearer {made_up}"],
        "two keys in one": [f"Authorization: Bearer {key} {made_up}"],
        "a session that is over": [f"Cookie: {expired}", f"Origin: {stack.url}"],
        "a made-up session": [f"Cookie: __Host-session={'x' * 43}", f"Origin: {stack.url}"],
        "two sessions": [f"Cookie: {session}; {expired}", f"Origin: {stack.url}"],
        "two cookies": [f"Cookie: {session}", f"Cookie: {session}", f"Origin: {stack.url}"],
        "a session of another page": [f"Cookie: {session}", "Origin: https://elsewhere.example"],
        "a session of no page": [f"Cookie: {session}"],
        "nonsense before a session": ["Authorization: x", f"Cookie: {session}", f"Origin: {stack.url}"],
    }


def made_up_key():
    """With the checksum that an unknown key needs to be looked for (lib/model/key/key.h)."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    head = "mk_live_" + "7" * 43
    n, sum_ = int.from_bytes(hashlib.sha256(head.encode()).digest()[:8], "big") % 62 ** 6, ""
    for _ in range(6):
        n, digit = divmod(n, 62)
        sum_ = digits[digit] + sum_
    return head + sum_


@pytest.fixture(scope="module")
def addresses(stack):
    """[(path, the most that its location takes)]: every pattern of the main host, and ways to miss one."""
    from render import find_program, tables
    import services
    hosts = {s.name: s.host for s in services.PROGRAMS}
    most = {}
    for r in tables(find_program(os.environ["MARKETINGCLI_BUILD"], "marketingcli-admin"))["routes"]:
        if hosts[r["app"]] == "localhost":
            path = r["pattern"].replace("{n}", "0").replace("{id}", ID).replace("{attempt}", ID)
            most[path] = max(most.get(path, 0), r["body_max_bytes"])
    odd = {"/api/v1//uploads": BIG, "/api/v1/./uploads": BIG, "/api/v1/%75ploads": BIG, "/api/v1/uploads?a=%zz": BIG,
           f"/api/v1//accounts/{ID}/posts": BIG, f"/api/v1/accounts/%2e%2e/posts": BIG, "/api/v1/nothing": 0, "/": 0,
           "/style.css": 0, "/API/v1/uploads": 0, "/internal/authorize/uploads": 0, "/internal/refused/uploads": 0}
    return sorted((most | odd).items())


ID = "019a0000-0000-7000-8000-000000000000"


def test_a_body_that_is_let_in_is_seen(stack, user, spool):
    """What this file counts with does count: somebody with a key may fill the disk, up to the limit."""
    spool.written()
    status, headers, body = send(stack, "POST", "/api/v1/uploads", [f"Authorization: Bearer {user.key}"])
    assert status == 415, body
    assert len(spool.written()) == 1


def test_no_byte_of_a_stranger(stack, strangers, addresses, spool):
    """Every method, every address, every kind of credential that is none."""
    spool.written()
    let_in = []
    for path, most in addresses:
        for method in METHODS if most > SMALL else ["POST", "GET", "PUT"]:
            for who, headers in strangers.items() if most else [*strangers.items()][:1]:
                status, _, _ = send(stack, method, path, headers, max(SMALL, most if most <= IN_MEMORY else BIG))
                if written := spool.written():
                    let_in.append((method, path, who, status, written))
                assert status < 500, (method, path, who, status)
    assert let_in == []


@pytest.mark.parametrize("path", ["/api/v1/uploads", f"/api/v1/accounts/{ID}/posts"])
def test_no_byte_in_chunks(stack, strangers, spool, path):
    spool.written()
    for who, headers in strangers.items():
        for method in ("POST", "PUT") if "a session of" in who else ("POST", "PUT", "GET"):  # theirs may read
            status, _, body = send(stack, method, path, headers, chunked=True)
            assert status in (400, 401, 403, 404, 405), (who, method, body)
            assert spool.written() == {}, (who, method)


def test_no_byte_in_chunks_with_much_around_them(stack, addresses, spool):
    """A chunk may have an extension (RFC 9112 7.1.1). A few bytes in chunks of kilobytes fill the memory that nginx has for a
    body, and what comes after it used to go to its disk."""
    spool.written()
    let_in = []
    for path, most in addresses:
        for method in ("POST", "GET", "PUT"):
            status, _, body = send(stack, method, path, size=100, chunked=True, extension=b";x=" + b"y" * 4000)
            if written := spool.written():
                let_in.append((method, path, status, written))
            assert 400 <= status < 500 or method == "GET" and status == 200, (method, path, status)
            if path.startswith("/api/v1/auth/"):
                assert method != "POST" or (status, json.loads(body)["error"]["code"]) == (413, "body_too_large"), (path, body)
    assert let_in == []


def test_what_nginx_says_of_a_body_it_cannot_hold(stack):
    """25 KB in chunks of a byte are not too large, but too much for its memory. What else it fails at has another cause."""
    _, _, body = send(stack, "POST", "/api/v1/auth/login", size=25000, chunked=True, extension=b";")
    error = json.loads(body)["error"]
    assert error["code"] == "body_too_large" and "too many small chunks" in error["message"]


def test_a_small_body_in_chunks(stack):
    """As HTTP libraries send that do not know the length; also with extensions."""
    login = json.dumps({"email": "x@example.com", "password": "x" * 10}).encode()
    for extension in (b"", b";x=y"):
        status, _, body = send(stack, "POST", "/api/v1/auth/login", content=login, kind="application/json", chunked=True, extension=extension)
        assert (status, json.loads(body)["error"]["code"]) == (401, "bad_credentials"), body


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PUT"])
@pytest.mark.parametrize("length", ["known", "unknown"])
def test_no_byte_where_no_body_is_taken(stack, user, spool, method, length):
    """Signed in or not: a method that takes no body lets none in, however the sender says how long it is."""
    spool.written()
    for headers in ([f"Authorization: Bearer {user.key}"], [f"Cookie: {cookie_of(user)}", f"Origin: {stack.url}"]):
        for path, allowed in (("/api/v1/uploads", ("GET", "HEAD")), (f"/api/v1/accounts/{ID}/posts", ())):
            status, _, body = send(stack, method, path, headers, chunked=length == "unknown")
            assert status == (413 if method in allowed else 405), (path, body)
            assert spool.written() == {}, path


def test_no_byte_of_a_get_over_http2(stack, user, spool, tmp_path):
    spool.written()
    (tmp_path / "body").write_bytes(b"x" * BIG)
    with (tmp_path / "body").open("rb") as body:
        out = subprocess.run(["curl", "-sS", "--http2", "--cacert", stack.ca, "-X", "GET", "-H", "Content-Length:", "-T", "-", "-m", "60",
                              "-H", f"Authorization: Bearer {user.key}", "-w", "\n%{http_version} %{http_code}", stack.url + "/api/v1/uploads"],
                             stdin=body, capture_output=True, text=True).stdout
    assert out.endswith("\n2 413"), out
    assert spool.written() == {}


@pytest.mark.parametrize("length", ["Content-Length", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("path, method, status", [("/api/v1/uploads", "POST", 401), ("/api/v1/uploads", "PUT", 405),
                                                  ("/api/v1//uploads", "POST", 404)])
def test_no_byte_over_http2(stack, spool, tmp_path, path, method, status, length):
    spool.written()
    (tmp_path / "body").write_bytes(b"x" * BIG)
    sized = ["-H", "Content-Length:", "-T", "-"] if "chunked" in length else ["--data-binary", "@-"]
    with (tmp_path / "body").open("rb") as body:
        out = subprocess.run(["curl", "-sS", "--http2", "--cacert", stack.ca, "-X", method, *sized, "-w", "\n%{http_version} %{http_code}",
                              "-m", "60", "-i", stack.url + path], stdin=body, capture_output=True, text=True).stdout
    assert out.endswith(f"\n2 {status}"), out
    assert spool.written() == {}


def over_http2(stack, path, header, chunked, body):
    """The status of a POST of that file."""
    sized = ["-H", "Content-Length:", "-T", "-"] if chunked else ["--data-binary", "@-"]
    with body.open("rb") as file:
        out = subprocess.run(["curl", "-sS", "--http2", "--cacert", stack.ca, "-X", "POST", *sized, "-H", header, "-o", "/dev/null",
                              "-w", "%{http_version} %{http_code}", "-m", "60", stack.url + path], stdin=file, capture_output=True, text=True).stdout
    version, status = out.split()
    assert version == "2"
    return int(status)


def is_kept(stack, path, headers):
    """Whether the program still knows whose key that is: then it says what is left of the limits."""
    return "RateLimit" in send(stack, "GET", path, headers, 0)[1]


def test_no_byte_while_the_database_is_away(stack, strangers, user, spool, tmp_path):
    """Nobody can be told from a stranger then; whoever might be good is asked to come again."""
    who = {**strangers, "a user": [f"Authorization: Bearer {user.key}"]}
    paths = ["/api/v1/uploads", f"/api/v1/accounts/{ID}/posts"]
    (tmp_path / "body").write_bytes(b"x" * BIG)
    spool.written()
    let_in = []
    with stack.stopped("mariadb"):
        for name in ("a user", "two keys", "a key that may not"):
            for path in ("/api/v1/uploads", "/api/v1/posts"):
                stack.wait(lambda name=name, path=path: not is_kept(stack, path, who[name]), "no program keeps a verified key any more")
        got = {}
        for asked in [(path, method, name) for path in paths for method in ("POST", "PUT", "GET") for name in who]:
            path, method, name = asked
            got[asked] = send(stack, method, path, who[name])
            let_in += [asked] if spool.written() else []
        for path in paths:
            for chunked in (False, True):
                assert over_http2(stack, path, f"Authorization: Bearer {user.key}", chunked, tmp_path / "body") == 503
                assert over_http2(stack, path, f"Authorization: Bearer {made_up_key()}", chunked, tmp_path / "body") == 503
                assert over_http2(stack, path, "Authorization: Bearer nonsense", chunked, tmp_path / "body") == 401
                let_in += [(path, "HTTP/2")] if spool.written() else []
    assert let_in == []
    for path in paths:
        for name in ("made up", "a session that is over", "a key that may not", "a user"):
            status, headers, body = got[path, "POST", name]
            assert (status, json.loads(body)["error"]["code"], headers["Retry-After"]) == (503, "database_unavailable", "2"), (path, name)
        assert got[path, "POST", "nobody"][0] == got[path, "POST", "nonsense"][0] == 401


def test_no_byte_of_a_request_that_waited_too_long(stack, user, spool):
    """The question is stale when the program gets to it."""
    user.key
    with stack.configured("uploads", service_queue_sec="1"):
        spool.written()
        pid, got = stack.kill("uploads", signal.SIGSTOP), []
        sender = threading.Thread(target=lambda: got.append(
            send(stack, "POST", "/api/v1/uploads", [f"Authorization: Bearer {user.key}"])))
        sender.start()
        stack.wait(lambda: waiting_connections(stack, "uploads") > 0, "the question waits at the socket")
        time.sleep(1.5)  # it is that old then
        os.kill(pid, signal.SIGCONT)
        sender.join()
    status, headers, body = got[0]
    assert (status, json.loads(body)["error"]["code"], headers["Retry-After"]) == (503, "busy", "2")
    assert spool.written() == {}


@pytest.mark.parametrize("method, path, who, status, code", [
    ("POST", "/api/v1/uploads", "nobody", 401, "unauthenticated"),
    ("POST", "/api/v1/uploads", "mistyped", 401, "bad_key"),
    ("POST", "/api/v1/uploads", "made up", 401, "invalid_key"),
    ("POST", "/api/v1/uploads", "a session that is over", 401, "session_expired"),
    ("POST", "/api/v1/uploads", "two sessions", 400, "bad_cookie"),
    ("POST", "/api/v1/uploads", "a session of no page", 403, "cross_origin"),
    ("PUT", "/api/v1/uploads", "nobody", 405, "method_not_allowed"),
    ("PUT", f"/api/v1/accounts/{ID}/posts", "nobody", 405, "method_not_allowed"),
    ("POST", "/api/v1//uploads", "nobody", 404, "not_found"),
    ("POST", "/api/v1/uploads?a=%zz", "nobody", 400, "bad_query"),
])
def test_the_answer_says_what_was_wrong(stack, strangers, method, path, who, status, code):
    got, headers, body = send(stack, method, path, strangers[who])
    answer = json.loads(body)
    assert (got, answer["error"]["code"]) == (status, code)
    assert answer["meta"]["request_id"] == headers["X-Request-Id"] and headers["Content-Type"] == "application/json"
    assert headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)
    if status == 405:
        assert headers["Allow"] == ("POST, GET, HEAD" if path.endswith("uploads") else "POST")


def test_a_length_beyond_the_limit(stack, user, spool):
    """Of a GET, which takes no body at all; nginx itself refuses what is too much for the address."""
    spool.written()
    status, _, body = send(stack, "GET", "/api/v1/uploads", [f"Authorization: Bearer {user.key}"])
    assert (status, json.loads(body)["error"]["code"]) == (413, "body_too_large")
    assert spool.written() == {}
    expect(user.api.get("/api/v1/uploads"), 200)
    expect(user.api.post("/api/v1/uploads", data=images.jpeg(64, 48)), 201)
