"""nginx: TLS, routing, limits, its own errors, headers, what it logs and what it does not."""

import contextlib
import ctypes
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import threading
import uuid

import pytest
import requests

from helpers import Client, expect
from publishing import Sent
from readable import readable

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent

PIDFD_GETFD = 438

ONCE = ["X-Request-Id", "Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy",
        "Content-Security-Policy", "Cache-Control", "Content-Type"]


def is_whole(answer):
    """As far as its Content-Length says so."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"\r\nContent-Length: (\d+)(\r\n|$)", head)
    return length is not None and len(body) >= int(length[1])


def raw(stack, request, port=None, tls=True, host="localhost", to_end=False, **context_changes):
    """The whole answer to bytes that no client would send. to_end: until nginx closes, which for seconds may wait for the rest of what
    it has refused."""
    connection = socket.create_connection(("127.0.0.1", port or stack.https), timeout=60)
    if tls:
        context = ssl.create_default_context(cafile=str(stack.ca))
        for name, value in context_changes.items():
            setattr(context, name, value)
        connection = context.wrap_socket(connection, server_hostname=host)
    with connection:
        connection.sendall(request)
        answer = b""
        while (to_end or not is_whole(answer)) and (piece := connection.recv(65536)):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = [line.split(": ", 1) for line in lines[1:]]
    return int(lines[0].split()[1]), headers, body


def request_line(line, *headers):
    return "\r\n".join([line, *headers, "Connection: close", "", ""]).encode()


def json_error(headers, body, code):
    """The API's error shape in an answer of raw()."""
    request_id = dict(headers)["X-Request-Id"]
    answer = json.loads(body)
    assert dict(headers)["Content-Type"] == "application/json"
    assert answer["meta"] == {"request_id": request_id}
    assert answer["error"]["code"] == code
    return answer["error"]


# TLS and names


@pytest.mark.parametrize("version, ok", [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
def test_tls_versions(stack, version, ok):
    context = ssl.create_default_context(cafile=str(stack.ca))
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # else OpenSSL 3 itself refuses 1.1
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
    with socket.create_connection(("127.0.0.1", stack.https), timeout=60) as plain:
        if ok:
            with context.wrap_socket(plain, server_hostname="localhost") as tls:
                assert tls.version() == version.replace("_", ".")
        else:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                context.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "sandbox.localhost"])
def test_certificate_names(stack, host):
    status, headers, body = raw(stack, request_line("GET /nothing HTTP/1.1", f"Host: {host}"), host=host)
    assert status == 404


def test_http2(stack):
    out = subprocess.run(["curl", "-sS", "--http2", "--cacert", stack.ca, "-o", "/dev/null", "-w", "%{http_version}",
                          stack.url + "/"], capture_output=True, text=True, check=True)
    assert out.stdout == "2"


@pytest.mark.parametrize("tls", [True, False])
def test_unknown_host_is_refused(stack, tls):
    port = stack.https if tls else stack.http
    for path in ("/", "/api/v1/me"):
        status, headers, body = raw(stack, request_line(f"GET {path} HTTP/1.1", "Host: elsewhere.example"), port, tls)
        assert status == 404
        json_error(headers, body, "not_found")


def test_server_version_is_not_told(stack):
    for path in ("/", "/api/v1/nothing", "/nothing"):
        assert stack.client().get(path).headers["Server"] == "nginx"


# Plain HTTP


def test_plain_http_pages_are_redirected(stack):
    answer = stack.client().get(stack.http_url + "/connected.html?x=1", allow_redirects=False)
    assert answer.status_code == 301
    assert answer.headers["Location"] == stack.url + "/connected.html?x=1"


@pytest.mark.parametrize("method, path", [("GET", "/api/v1/me"), ("POST", "/api/v1/me"), ("DELETE", "/api/v1/me"),
                                          ("GET", "/api"), ("GET", "/api/")])
def test_plain_http_api_is_refused(stack, method, path):
    answer = stack.client().request(method, stack.http_url + path, allow_redirects=False)
    expect(answer, 403, "https_required")


def test_what_only_looks_like_the_api_is_a_page(stack):
    assert stack.client().get(stack.http_url + "/apiary", allow_redirects=False).status_code == 301


def test_plain_http_on_the_tls_port(stack):
    status, headers, body = raw(stack, request_line("GET /api/v1/me HTTP/1.1", "Host: localhost"), tls=False)
    assert status == 403
    json_error(headers, body, "https_required")


# nginx's own errors


@pytest.mark.parametrize("request_bytes, status, code", [
    (b"NONSENSE\r\n\r\n", 400, "bad_request"),
    (request_line("GET /api/v1/me HTTP/1.1", "Host: localhost", "Host: localhost"), 400, "bad_request"),
    (request_line("GET /api/v1/me HTTP/1.1", "Host: localhost", "Transfer-Encoding: nonsense"), 400, "bad_request"),
    (request_line(f"GET /api/v1/{'a' * 20000} HTTP/1.1", "Host: localhost"), 414, "address_too_long"),
    (request_line("GET /api/v1/me HTTP/1.1", "Host: localhost", f"X-Long: {'a' * 20000}"), 431, "headers_too_large"),
    (request_line("GET /api/v1/me HTTP/1.1", "Host: localhost", f"Cookie: a={'a' * 20000}"), 431, "headers_too_large"),
    (request_line("GET /api/v1/nothing HTTP/1.1", "Host: localhost"), 404, "not_found"),
    (request_line("GET /api/ HTTP/1.1", "Host: localhost"), 404, "not_found"),
    (request_line("GET /internal/store/a HTTP/1.1", "Host: localhost"), 404, "not_found"),
    (request_line("GET /internal/error/bad_request HTTP/1.1", "Host: localhost"), 404, None),
    (request_line("TRACE /api/v1/me HTTP/1.1", "Host: localhost"), 405, "method_not_allowed"),
    (request_line("POST / HTTP/1.1", "Host: localhost", "Content-Length: 0"), 405, "method_not_allowed"),
], ids=["nonsense", "two hosts", "transfer coding", "long path", "long header", "long cookie", "no route", "no app", "store",
        "error page", "trace", "post to a page"])
def test_own_errors(stack, request_bytes, status, code):
    got, headers, body = raw(stack, request_bytes)
    assert got == status
    if code is not None:
        json_error(headers, body, code)
    if status == 405:
        assert dict(headers)["Allow"] == ("GET, HEAD, PATCH" if b"/me" in request_bytes else "GET, HEAD")


@pytest.mark.parametrize("path", ["/m", "/m/", "/M/x/0", "/api", "/Api", "/API/v1/me", "/api/v1", "/api/v1/auth", "/api/v1/accounts/",
                                  "/api/v1//", "/internal", "/Internal/x", "/healthz/", "/HEALTHZ", "/readyz/x", "/%61pi",
                                  "/internal/refused/posts", "/internal/others/uploads/api/v1/uploads"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_programs_ask_is_never_a_page(stack, method, path):
    """Below the addresses of the API and of the images, and beside them: JSON, and no redirect."""
    answer = stack.client().request(method, stack.url + path, allow_redirects=False)
    expect(answer, 404, "not_found")
    assert "no-store" in answer.headers["Cache-Control"] or "%" in path


@pytest.mark.parametrize("path", ["/api", "/API/v1/me", "/m", "/m/x/0", "/M/"])
def test_plain_http_is_never_a_page_for_programs(stack, path):
    expect(stack.client().get(stack.http_url + path, allow_redirects=False), 403, "https_required")


def test_parts_of_an_image_that_are_not_there(stack, user):
    """nginx's own answers about the file of an image that a program gave it to send."""
    account = user.connect()
    sent = Sent(stack, user, account)
    path = stack.wait(lambda: address_of(stack, sent), "the attempt is there")
    client = stack.client()
    assert client.get(path).status_code == 200
    expect(client.get(path, headers={"Range": "bytes=99999999-"}), 416, "range_not_satisfiable")
    expect(client.get(path, headers={"If-Match": '"another"'}), 412, "precondition_failed")
    sent.wait()


def address_of(stack, sent):
    rows = stack.sql("SELECT LOWER(HEX(id)) AS id FROM post_attempts WHERE post_id = %s", sent.key)
    return rows and f"/m/{uuid.UUID(rows[0]['id'])}/0"


@pytest.mark.parametrize("path, limit", [("/api/v1/auth/login", 64 << 10), ("/api/v1/uploads", 21 << 20),
                                         ("/api/v1/accounts/x/posts", 701 << 20)])
@pytest.mark.parametrize("http_version", ["--http1.1", "--http2"])
def test_body_limits(stack, path, limit, http_version):
    """One byte too many is refused by nginx before the body is read: only the length is claimed here."""
    out = subprocess.run(["curl", "-sS", http_version, "--cacert", stack.ca, "-H", f"Content-Length: {limit + 1}",
                          "-H", "Expect:", "-X", "POST", "-d", "x", "-m", "60", "-w", "\n%{http_code}",
                          stack.url + path], capture_output=True, text=True)
    body, _, status = out.stdout.rpartition("\n")
    assert status == "413", out
    error = json.loads(body)["error"]
    assert error["code"] == "body_too_large"


def test_body_at_the_limit_reaches_the_program(stack):
    answer = stack.client().post("/api/v1/auth/login", data=b" " * (64 << 10))
    stack.wait(lambda: answer.headers["X-Request-Id"] in stack.log("auth"), "the program logs the request")


def test_a_program_that_is_away(stack):
    """Its socket stays, so requests wait for it and none fails."""
    with stack.stopped("keys"):
        with pytest.raises(requests.Timeout):
            stack.client().get("/api/v1/keys", timeout=0.3)
    expect(stack.client().get("/api/v1/keys"), 401)


def test_a_post_that_waits_outlives_the_program(stack):
    """SIGSTOP, a POST on its way, SIGKILL: nobody had accepted it yet, so the next process answers it, once."""
    pid = stack.kill("keys", signal.SIGSTOP)
    connection = http.client.HTTPSConnection("127.0.0.1", stack.https, timeout=30, context=ssl.create_default_context(
        cafile=str(stack.ca)))
    connection.request("POST", "/api/v1/keys", body=b"{}", headers={"Host": "localhost", "Content-Type": "application/json"})
    stack.wait(lambda: waiting_connections(stack, "keys") > 0, "the request waits at the socket")
    os.kill(pid, signal.SIGKILL)
    answer = connection.getresponse()
    assert answer.status == 401
    request_id = answer.headers["X-Request-Id"]
    connection.close()
    assert stack.log("keys").count(request_id) == 1


@pytest.mark.parametrize("method, path", [("POST", "/api/v1/keys"), ("GET", "/api/v1/tiktok/connect"),
                                          ("GET", "/api/v1/tiktok/callback?code=x&state=y"), ("GET", "/m/x/0")])
def test_what_changes_something_is_asked_once(stack, method, path):
    """The program dies while it has the request: 502 that says that it may have been done, and no second try on another
    connection."""
    name = {"/api/v1/keys": "keys", "/m/x/0": "media"}.get(path, "tiktok")
    with stack.stopped(name, signal.SIGKILL), fake_program(stack, name) as accepted:
        answer = stack.client(Origin=stack.url).request(method, path)
        error = expect(answer, 502, "outcome_unknown")["error"]
        assert error["retryable"] is False and "may or may not" in error["message"] and "Retry-After" not in answer.headers
        assert accepted() == 1


def test_what_changes_nothing_may_be_asked_again(stack):
    with stack.stopped("keys", signal.SIGKILL), fake_program(stack, "keys"):
        error = expect(stack.client().get("/api/v1/keys"), 502, "bad_gateway")["error"]
        assert error["retryable"] is True and "Try again" in error["message"]


@pytest.mark.parametrize("method, path, code, retryable", [("POST", "/api/v1/keys", "outcome_unknown", False),
                                                           ("DELETE", "/api/v1/keys/x", "outcome_unknown", False),
                                                           ("GET", "/api/v1/keys", "gateway_timeout", True)])
def test_a_program_that_takes_too_long(stack, method, path, code, retryable):
    with short_patience(stack):
        with stack.frozen("keys"):
            answer = stack.client(Origin=stack.url).request(method, path)
        assert expect(answer, 504, code)["error"]["retryable"] is retryable


@contextlib.contextmanager
def short_patience(stack):
    """nginx waits for programs one second."""
    conf = stack.at.nginx / "snippets/programs.conf"
    before = conf.read_text()
    try:
        conf.write_text(before.replace("fastcgi_read_timeout 120s;", "fastcgi_read_timeout 1s;"))
        reload(stack)
        yield
    finally:
        conf.write_text(before)
        reload(stack)


def workers(stack):
    """The processes of nginx that answer."""
    master = stack.pid("nginx")
    return set(pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split())


def reload(stack):
    """Until the workers of before have ended."""
    old = workers(stack)
    os.kill(stack.pid("nginx"), signal.SIGHUP)
    stack.wait(lambda: workers(stack) and not workers(stack) & old, "nginx has new workers")


@contextlib.contextmanager
def fake_program(stack, name):
    """Accepts on the program's socket, the supervisor's, and closes each connection once it has read something."""
    count = [0]
    supervisor = stack.pid("supervisor")
    listener = borrowed_listener(supervisor, f"{stack.at.run}/{name}.sock")
    done = threading.Event()

    def serve():
        while not done.is_set():
            if readable([listener], 0.1):  # a timeout on the socket would be the next program's too
                connection, _ = listener.accept()
                connection.recv(65536)
                count[0] += 1
                connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield lambda: count[0]
    finally:
        done.set()
        thread.join()
        listener.close()


def borrowed_listener(pid, path):
    """A copy of the listening socket that another process holds (pidfd_getfd(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    try:
        for entry in os.listdir(f"/proc/{pid}/fd"):
            if os.readlink(f"/proc/{pid}/fd/{entry}").startswith("socket:"):
                fd = libc.syscall(PIDFD_GETFD, pidfd, int(entry), 0)
                assert fd >= 0, os.strerror(ctypes.get_errno())
                found = socket.socket(fileno=fd)
                if found.family == socket.AF_UNIX and found.getsockname() == path:
                    return found
                found.close()
    finally:
        os.close(pidfd)
    raise AssertionError(f"{pid} does not hold {path}")


def waiting_connections(stack, name):
    out = subprocess.run(["ss", "-xlH"], capture_output=True, text=True).stdout
    for line in out.splitlines():
        if f"{stack.at.run}/{name}.sock" in line:
            return int(line.split()[2])
    return 0


# Headers


@pytest.mark.parametrize("path", ["/", "/style.css", "/nothing", "/api/v1/nothing", "/api/v1/me", "/api/v1/keys",
                                  "/m/00000000-0000-7000-8000-000000000000/0"])
def test_headers_once_each(stack, path):
    status, headers, body = raw(stack, request_line(f"GET {path} HTTP/1.1", "Host: localhost"))
    names = [name.lower() for name, _ in headers]
    for name in ONCE:
        assert names.count(name.lower()) == 1, (name, headers)
    values = {name.lower(): value for name, value in headers}
    assert values["x-content-type-options"] == "nosniff"
    assert values["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in values["content-security-policy"]
    assert values["content-security-policy"].startswith("default-src 'none'")
    if path.startswith(("/api", "/m/")):
        assert "no-store" in values["cache-control"]
        assert "script-src" not in values["content-security-policy"]


@pytest.mark.parametrize("line, wanted", [
    ("GET /healthz", "200 OK"), ("POST /api/v1/keys", "201 Created"), ("POST /api/v1/auth/register", "202 Accepted"),
    ("POST /api/v1/auth/logout", "204 No Content"), ("GET /api/v1/tiktok/connect", "303 See Other"),
    ("GET /api/v1/posts?limit=%zz", "400 Bad Request"), ("GET /api/v1/tiktok/callback", "400 Bad Request"),
    ("POST /api/v1/uploads", "401 Unauthorized"), ("GET /api/v1/me", "401 Unauthorized"), ("GET /api/v1/nothing", "404 Not Found"),
    ("GET /api/v1/posts/x", "404 Not Found"), ("PUT /api/v1/keys", "405 Method Not Allowed"),
    ("PUT /api/v1/uploads", "405 Method Not Allowed"), ("POST /api/v1/auth/login", "415 Unsupported Media Type")])
def test_status_lines(stack, user, line, wanted):
    """RFC 9112, 4: the code, a space, and a reason if there is one."""
    body, headers = b"", [f"Cookie: __Host-session={user.web.cookies['__Host-session']}", f"Origin: {stack.url}",
                          "Content-Type: application/json"]
    if wanted.startswith("20"):
        account = {"email": f"status.{user.email}", "password": "correct horse battery staple"}
        body = json.dumps({"name": "a"} if "keys" in line else account).encode()
    elif wanted.startswith(("401", "415")):
        headers = []
    with ssl.create_default_context(cafile=str(stack.ca)).wrap_socket(
            socket.create_connection(("127.0.0.1", stack.https), timeout=60), server_hostname="localhost") as connection:
        connection.sendall(request_line(f"{line} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers) + body)
        assert connection.makefile("rb").readline() == f"HTTP/1.1 {wanted}\r\n".encode()


def test_request_id_is_not_the_clients(stack):
    chosen = "0123456789abcdef0123456789abcdef"
    answer = stack.client(**{"X-Request-Id": chosen, "Request-Id": chosen}).get("/api/v1/me")
    expect(answer, 401)
    assert answer.headers["X-Request-Id"] != chosen


# The simulator's host


def test_sandbox_is_another_host(stack):
    """The API is not there, and the simulator is not here."""
    sandbox = Client(stack.sandbox_url, stack.ca)
    assert sandbox.get("/api/v1/me").status_code == 404
    assert stack.client().get("/v2/auth/authorize/").status_code == 404


# The logs


def test_access_log(stack):
    answer = stack.client(Authorization="Bearer mk_live_secretsecret", Cookie="a=secretcookie").get(
        "/api/v1/me?code=secretcode&state=secretstate")
    request_id = answer.headers["X-Request-Id"]
    line = stack.wait(lambda: [x for x in stack.log("access").splitlines() if request_id in x], "a log line")[0]
    entry = json.loads(line)
    assert entry["path"] == "/api/v1/me"
    assert entry["remote"] == "127.0.0.0"
    assert entry["status"] == 401
    assert entry["method"] == "GET"
    assert "secret" not in line


@pytest.mark.parametrize("address, cut", [
    ("192.0.2.77", "192.0.2.0"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"), ("2001:db8:1::9", "2001:db8:1::"),
    ("2001:db8::9", "2001:db8::"), ("2001::9", "2001::"), ("::1", "::"), ("fe80::1:2:3", "fe80::"),
    ("::ffff:192.0.2.77", "::")])
def test_addresses_are_cut(address, cut):
    """The map of nginx/snippets/maps.conf, its rules applied in their order."""
    block = re.search(r"map \$remote_addr \$mcli_remote \{(.*?)\n\}", (CHECKOUT / "nginx/snippets/maps.conf").read_text(),
                      re.S).group(1)
    default = re.search(r'default "(.*)";', block).group(1)
    for pattern, name, rest in re.findall(r"~(\S+) \$(\w+?)((?:\.0|::));", block):
        found = re.search(pattern.replace("(?<", "(?P<"), address)
        if found:
            assert found.group(name) + rest == cut
            return
    assert default == cut


def test_error_log_has_no_requests(stack):
    """Programs that are away and files that are missing leave no request line in nginx's error log."""
    stack.client().get("/nothing?secret=1")
    stack.client().get("/api/v1/uploads/secret-id?secret=1")
    assert "secret" not in stack.log("nginx")
    assert "client:" not in stack.log("nginx")


def test_error_log_level_everywhere():
    levels = re.findall(r"error_log \S+ (\w+);", "".join(
        p.read_text() for p in (CHECKOUT / "nginx").rglob("*.conf*")))
    assert levels and set(levels) == {"emerg"}
