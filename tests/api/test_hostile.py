"""Requests that no honest client sends: clear answers, no 500, and never a second request that nobody asked for."""

import asyncio
import gzip
import json
import pathlib
import re
import resource
import socket
import ssl
import subprocess
import time

import pytest

import images
from helpers import expect
from test_nginx import json_error, raw, request_line

CRLF = "\r\n"
SECOND = "GET /api/v1/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = SECOND[:-2] + "Connection: close\r\n\r\n"


def exchange(stack, data, port=None, tls=True, patience=60, **more):
    """[(status, body)]: all answers to the bytes, until nginx closes or says nothing for a while."""
    connection = socket.create_connection(("127.0.0.1", port or stack.https), timeout=patience)
    if tls:
        connection = ssl.create_default_context(cafile=str(stack.ca)).wrap_socket(connection, server_hostname="localhost")
    got = b""
    with connection:
        try:
            connection.sendall(data)
            while piece := connection.recv(65536):
                got += piece
        except (TimeoutError, ConnectionError, ssl.SSLError):
            pass
    return answers(got)


def answers(data):
    found = []
    while data:
        if data.startswith(b'{"error":{"code":"bad_request"'):  # HTTP/0.9 has no head
            return [*found, (400, data)]
        head, blank, rest = data.partition(b"\r\n\r\n")
        assert blank and head.startswith(b"HTTP/1."), data[:200]
        headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if headers.get(b"Transfer-Encoding") == b"chunked":
            body, end, data = rest.partition(b"\r\n0\r\n\r\n")
            assert end
        else:
            n = int(headers.get(b"Content-Length", 0))
            body, data = rest[:n], rest[n:]
        found.append((int(head.split()[1]), body))
    return found


def post(*headers, body=""):
    return CRLF.join(["POST /api/v1/auth/login HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers, "", body]
                     ).encode("latin-1")


# Smuggling: the second request is inside the first, for one reader of two. It must be either refused with it or plainly
# its body; /api/v1/smuggled must never be asked.

INSIDE = f"0{CRLF}{CRLF}{SECOND}"
SMUGGLED = {
    "length and chunked": post(f"Content-Length: {len(INSIDE)}", "Transfer-Encoding: chunked", body=INSIDE),
    "chunked and length": post("Transfer-Encoding: chunked", f"Content-Length: {len(INSIDE)}", body=INSIDE),
    "chunked twice": post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=INSIDE),
    "chunked, identity": post("Transfer-Encoding: chunked, identity", body=INSIDE),
    "identity, chunked": post("Transfer-Encoding: identity, chunked", body=INSIDE),
    "xchunked": post("Transfer-Encoding: xchunked", f"Content-Length: {len(INSIDE)}", body=INSIDE),
    "quoted": post('Transfer-Encoding: "chunked"', f"Content-Length: {len(INSIDE)}", body=INSIDE),
    "tab": post("Transfer-Encoding:\tchunked", f"Content-Length: {len(INSIDE)}", body=INSIDE),
    "vertical tab": post("Transfer-Encoding: \x0bchunked", f"Content-Length: {len(INSIDE)}", body=INSIDE),
    "space before the colon": post("Transfer-Encoding : chunked", f"Content-Length: {len(INSIDE)}", body=INSIDE),
    "space before the name": post(f"Content-Length: {len(INSIDE)}", " Transfer-Encoding: chunked", body=INSIDE),
    "folded": post("Transfer-Encoding:\r\n chunked", f"Content-Length: {len(INSIDE)}", body=INSIDE),
    "bare CR": post("X: y\rTransfer-Encoding: chunked", f"Content-Length: {len(INSIDE)}", body=INSIDE),
    "bare LF": post(f"X: y\nContent-Length: {len(INSIDE)}", body=INSIDE),
    "LF only": post(f"Content-Length: {len(INSIDE)}", body=INSIDE).replace(b"\r\n", b"\n"),
    "NUL in a name": post("Transfer-Encoding\0: chunked", f"Content-Length: {len(INSIDE)}", body=INSIDE),
    "underscores": post("Transfer_Encoding: chunked", f"Content-Length: {len(INSIDE)}", body=INSIDE),
    "two lengths": post(f"Content-Length: {len(INSIDE)}", "Content-Length: 0", body=INSIDE),
    "the same length twice": post(f"Content-Length: {len(INSIDE)}", f"Content-Length: {len(INSIDE)}", body=INSIDE),
    "a list of lengths": post(f"Content-Length: {len(INSIDE)}, {len(INSIDE)}", body=INSIDE),
    "a length with a sign": post(f"Content-Length: +{len(INSIDE)}", body=INSIDE),
    "a negative length": post("Content-Length: -1", body=INSIDE),
    "a hexadecimal length": post(f"Content-Length: {len(INSIDE):#x}", body=INSIDE),
    "a length of 2^64": post(f"Content-Length: {2 ** 64 + len(INSIDE)}", body=INSIDE),
    "an empty length": post("Content-Length:", body=INSIDE),
    "a chunk's size of 2^64": post("Transfer-Encoding: chunked", body=f"{2 ** 64:x}{CRLF}{SECOND}"),
    "a chunk's size with a sign": post("Transfer-Encoding: chunked", body=f"-1{CRLF}{SECOND}"),
    "a chunk's size in 0x": post("Transfer-Encoding: chunked", body=f"0x0{CRLF}{CRLF}{SECOND}"),
    "no chunk": post("Transfer-Encoding: chunked", body=f"junk{CRLF}{SECOND}"),
    "a chunk without its end": post("Transfer-Encoding: chunked", body=f"1{CRLF}abc{CRLF}0{CRLF}{CRLF}{SECOND}"),
    "chunked in 1.0": post("Transfer-Encoding: chunked", f"Content-Length: {len(INSIDE)}", body=INSIDE).replace(b"/1.1", b"/1.0", 1),
    "version 1.2": post(f"Content-Length: {len(INSIDE)}", body=INSIDE).replace(b"/1.1", b"/1.2", 1),
    "version 9": post(f"Content-Length: {len(INSIDE)}", body=INSIDE).replace(b"/1.1", b"/9.9", 1),
    "no version": post(f"Content-Length: {len(INSIDE)}", body=INSIDE).replace(b" HTTP/1.1", b"", 1),
}
# Read in one way only, by everyone who keeps to RFC 9112: the body ends before the second request, so that is one.
PIPELINED = {"chunked": post("Transfer-Encoding: chunked", body=f"0{CRLF}{CRLF}{LAST}"),
             "a chunk's extension": post("Transfer-Encoding: chunked", body=f"0;x=y{CRLF}{CRLF}{LAST}"),
             "no length": post(body=LAST), "length 0": post("Content-Length: 0", body=LAST)}


@pytest.mark.parametrize("name", SMUGGLED)
def test_smuggling(stack, name):
    got = exchange(stack, SMUGGLED[name], patience=1)
    assert len(got) <= 1, got
    for status, body in got:
        assert status in (400, 403, 405, 422, 501, 505), (status, body)
    log = stack.log("access")
    assert "/api/v1/smuggled" not in [line.split('"path":"')[1].split('"')[0] for line in log.splitlines()[-2:]]


@pytest.mark.parametrize("name", PIPELINED)
def test_pipelining(stack, name):
    got = exchange(stack, PIPELINED[name])
    assert [status for status, _ in got] in ([400, 404], [422, 404], [415, 404]), got


# Headers


def test_headers_twice(stack, user):
    """Two that contradict each other are refused, never picked from."""
    good = f"Authorization: Bearer {user.key}"
    for headers in ([good, "Authorization: Bearer mk_live_other"], ["Authorization: Bearer mk_live_other", good],
                    [good, good]):
        status, got, body = raw(stack, request_line("GET /api/v1/me HTTP/1.1", "Host: localhost", *headers))
        assert status == 400
    for headers in (["Host: localhost", "Host: elsewhere.example"], ["Host: elsewhere.example", "Host: localhost"], []):
        status, got, body = raw(stack, request_line("GET /api/v1/me HTTP/1.1", *headers, good))
        assert status == 400
        json_error(got, body, "bad_request")


@pytest.mark.parametrize("coding, refused", [("gzip", True), ("br, gzip", True), ("nonsense", True), ("identity, gzip", True),
                                             ("gzip;q=0", True), ("identity", False), ("IDENTITY", False), ("", False)])
def test_content_encoding(stack, user, coding, refused):
    """A body that is packed is refused with a sentence about that, before it is read and taken for something broken."""
    headers, wanted = {"Content-Encoding": coding, "Content-Type": "application/json"}, (415, "unsupported_content_encoding")
    good = {"email": user.email, "password": user.password}
    body = gzip.compress(json.dumps(good).encode()) if refused else json.dumps(good).encode()
    for client, path, data, status, more in ((stack.client(), "/api/v1/auth/login", body, 200, {}),
                                             (user.web, "/api/v1/keys", json.dumps({"name": "a"}).encode(), 201, {}),
                                             (user.api, "/api/v1/uploads", images.jpeg(64, 48), 201, {"Content-Type": "image/jpeg"})):
        answer = client.post(path, data=data, headers={**headers, **more})
        expect(answer, *(wanted if refused else (status,)))
        assert answer.headers.get("Accept-Encoding") == ("identity" if refused else None)
    expect(user.api.get("/api/v1/me", headers={"Content-Encoding": coding}), 200)  # has no body


FORM, TWO_FORMS = "multipart/form-data; boundary=b", "multipart/form-data; boundary=a, multipart/form-data; boundary=b"
TWICE = [  # headers that say twice what a body is, and what becomes of that; nginx 1.22 would hand on the first
    (["Content-Type: application/json", "Content-Type: text/plain"], 400, "content_type_repeated"),
    (["Content-Type: text/plain", "Content-Type: application/json"], 400, "content_type_repeated"),
    (["Content-Type: application/json", "content-type: application/json"], 400, "content_type_repeated"),
    (["Content-Type: application/json, text/plain"], 415, "unsupported_media_type"),
    (["Content-Type: application/json", "Content-Encoding: identity", "Content-Encoding: gzip"], 415, "unsupported_content_encoding"),
    (["Content-Type: application/json", "Content-Encoding: gzip", "Content-Encoding: identity"], 415, "unsupported_content_encoding"),
    (["Content-Type: application/json", "Content-Encoding:", "Content-Encoding: gzip"], 415, "unsupported_content_encoding"),
]
LENGTH_TWICE = [["Content-Length: 2", "Content-Length: 2"], ["Content-Length: 2", "Content-Length: 20"], ["Content-Length: 2, 2"],
                ["Content-Length: 2", "Transfer-Encoding: chunked"], ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
                ["Transfer-Encoding: chunked", "Transfer-Encoding: gzip"], ["Transfer-Encoding: gzip, chunked"], ["Transfer-Encoding: chunked, chunked"],
                ["Transfer-Encoding: identity", "Transfer-Encoding: chunked"]]


def twice(stack, path, headers, who, body=b"{}"):
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", *who, *headers, "Connection: close", "", ""]
    status, got, answer = raw(stack, CRLF.join(lines).encode() + body)
    return status, got, unchunked(answer) if ["Transfer-Encoding", "chunked"] in got else answer


def unchunked(text):
    body = b""
    while text:
        size, _, text = text.partition(b"\r\n")
        body, text = body + text[:int(size, 16)], text[int(size, 16) + 2:]
    return body


@pytest.mark.parametrize("headers, status, code", TWICE)
def test_what_a_body_is_is_said_once(stack, user, headers, status, code):
    """Of an address that makes something, one that does not, one with a large body, and the simulator's."""
    key, length = f"Authorization: Bearer {user.key}", "Content-Length: 2"
    session = ["Cookie: " + "; ".join(f"{c.name}={c.value}" for c in user.web.cookies), f"Origin: {stack.url}"]
    for path, who in (("/api/v1/auth/login", []), ("/api/v1/keys", session), (f"/api/v1/accounts/{user.connect()}/posts", [key])):
        got_status, got, body = twice(stack, path, [length, *headers], who)
        assert got_status == status, (path, body)
        json_error(got, body, code)


def test_the_simulator_takes_one_type(stack):
    kind = "Content-Type: application/x-www-form-urlencoded"
    for headers in ([kind, kind], [kind, "Content-Encoding: identity", "Content-Encoding: gzip"]):
        lines = ["POST /v2/oauth/token/ HTTP/1.1", "Host: sandbox.localhost", "Content-Length: 2", *headers, "Connection: close", "", "{}"]
        status, got, body = raw(stack, CRLF.join(lines).encode())
        assert status == 400 and b'"code":"invalid_params"' in body, body


def test_two_boundaries(stack, user):
    for kinds in ([FORM, FORM], [TWO_FORMS], [FORM + "; boundary=c"]):
        for path in ("/api/v1/uploads", f"/api/v1/accounts/{user.connect()}/posts"):
            status, got, body = twice(stack, path, ["Content-Length: 9", *(f"Content-Type: {k}" for k in kinds)], [f"Authorization: Bearer {user.key}"],
                                      b"--b\r\n\r\n--")
            assert status == 400, (path, body)
            json_error(got, body, "content_type_repeated" if len(kinds) == 2 else "multipart_no_boundary")


@pytest.mark.parametrize("lengths", LENGTH_TWICE)
def test_the_length_is_said_once(stack, user, lengths):
    """Else two who read it would not agree on where the next request begins."""
    for path in ("/api/v1/auth/login", "/api/v1/uploads"):
        status, got, body = twice(stack, path, ["Content-Type: application/json", *lengths], [f"Authorization: Bearer {user.key}"],
                                  b"2\r\n{}\r\n0\r\n\r\n" if "Transfer" in lengths[-1] else b"{}")
        assert status == 400, (path, body)
        json_error(got, body, "bad_request")


def test_cookies_twice(stack, user):
    """HTTP/2 splits cookies into several headers, so several are one; two sessions in them are a contradiction."""
    session = "; ".join(f"{c.name}={c.value}" for c in user.web.cookies)
    status, got, body = raw(stack, request_line("GET /api/v1/me HTTP/1.1", "Host: localhost", "Cookie: a=b", f"Cookie: {session}"))
    assert status == 200
    other = f"Cookie: {session.partition('=')[0]}={'x' * 43}"
    for cookies in ([f"Cookie: {session}", other], [other, f"Cookie: {session}"]):
        status, got, body = raw(stack, request_line("GET /api/v1/me HTTP/1.1", "Host: localhost", *cookies))
        assert status in (400, 401), body


@pytest.mark.parametrize("header", ["Authorization: Bearer ", "Cookie: a=", "Content-Type: text/", "Origin: https://", "Idempotency-Key: ", "X-Any: "])
@pytest.mark.parametrize("size", [4000, 7000, 9000, 15000, 40000])
def test_large_headers(stack, header, size):
    """One that no program reads may be longer, as long as nginx has room for it."""
    status, got, body = raw(stack, request_line("GET /api/v1/me HTTP/1.1", "Host: localhost", header + "x" * size))
    assert status == (401 if size < (16000 if header == "X-Any: " else 8000) else 431)
    json_error(got, body, "headers_too_large") if status != 401 else None


def test_many_headers(stack):
    """None of them is beyond 8 KB, and up to 32 KB in all are taken, however they fall into nginx's buffers."""
    for n, size, accepted in ((100, 20, True), (3000, 20, False), (5, 5400, True), (5, 5600, True), (3, 8150, True), (7, 4650, True), (9, 8150, False)):
        status, got, body = raw(stack, request_line("GET /api/v1/me HTTP/1.1", "Host: localhost", *(f"X-{i}: {'y' * size}" for i in range(n))))
        assert status == (401 if accepted else 431), (n, size)


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "bearer  x", "Basic eDp5", "Bearer a b", "Bearer \xff\xfe", "Bearer \x7f",
                                   "Bearer mk_live_" + "0" * 49, ", Bearer x", "\t"])
def test_odd_credentials(stack, value):
    status, got, body = raw(stack, CRLF.join(["GET /api/v1/me HTTP/1.1", "Host: localhost", f"Authorization: {value}",
                                              "Connection: close", "", ""]).encode("latin-1"))
    assert status in (400, 401)


# Paths and queries

PATHS = ["//", "/.", "/..", "/api//v1/me", "/api/v1//me", "/api/v1/./me", "/api/v1/keys/../me", "/api/v1/%2e%2e/v1/me",
         "/api/v1/%2e/me", "/api%2fv1%2fme", "/api/v1%2fme", "/api/v1/me/", "/api/v1/me.", "/api/v1/me..", "/api/v1/me%20",
         "/api/v1/me;x", "/api/v1/%6de", "/API/v1/me", "/api/v1/me%00", "/api/v1/keys/%00", "/api/v1/keys/%", "/api/v1/keys/%zz",
         "/api/v1/keys/%e4%f6", "/api/v1/keys/%ff%fe", "/api/v1/keys/%c0%ae%c0%ae", "/api/v1/keys/\xe4\xf6", "/api/v1/keys/\x01",
         "/api/v1/keys/a b", "/api/v1/keys/\\..\\me", "/api/v1/keys/" + "../" * 20 + "etc/passwd", "/..%2f..%2fetc/passwd",
         "/%2e%2e/%2e%2e/etc/passwd", "/m/../api/v1/me", "/m/%2e%2e/api/v1/me", "/m/..%2f..%2finternal/store/x",
         "/api/v1/../../internal/store/x", "/internal/store/%2e%2e/%2e%2e/conf", "//internal/store/x", "/internal/authorize/posts",
         "/api/v1/accounts/x/posts/../../../keys", "/style.css/", "/index.html%00.css", "/snippets/../nginx.conf", "*", "api/v1/me", "",
         "?x", "#x", "/api/v1/keys#/../me", "/" + "a/" * 3000]


@pytest.mark.parametrize("path", PATHS, ids=lambda p: repr(p)[:50])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_paths(stack, path, method):
    """Neither another route's answer under a second name, nor a file that is none of ours, nor an answer without sense."""
    got = exchange(stack, f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode("latin-1"))
    assert len(got) == 1
    status, body = got[0]
    at_root = path in ("//", "/.", "?x", "#x")
    assert status in ({400, 401, 403, 404, 405, 414} | ({200} if at_root and method == "GET" else set())), (status, body)
    assert b"root:" not in body and b"worker_processes" not in body


@pytest.mark.parametrize("path", ["/api/v1/accounts", "/api/v1/posts", "/api/v1/uploads", "/api/v1/keys", "/api/v1/me"])
@pytest.mark.parametrize("query", ["%", "%zz", "%00", "a=%ff", "a=%c0%80", "limit=%31%", "limit=\xff", "&&&", "=", "=x", "a",
                                   "limit=1&limit=2", "cursor=%", "cursor=" + "a" * 5000, "limit=99999999999999999999",
                                   "limit=-0", "limit=1e1", "limit=+1", "&".join(f"a{i}=b" for i in range(1000)), "a[]=1", "?"],
                         ids=lambda q: q[:16].encode("ascii", "backslashreplace").decode())
def test_queries(stack, user, path, query):
    who = [f"Authorization: Bearer {user.key}"]
    if path == "/api/v1/keys":
        who = ["Cookie: " + "; ".join(f"{c.name}={c.value}" for c in user.web.cookies)]
    got = exchange(stack, CRLF.join([f"GET {path}?{query} HTTP/1.1", "Host: localhost", "Connection: close", *who, "", ""]).encode("latin-1"))
    assert len(got) == 1 and got[0][0] in (200, 400, 422), got
    assert got[0][0] != 200 or query in ("&&&", "?", "=", "limit=-0") or path in ("/api/v1/keys", "/api/v1/me"), got


@pytest.mark.parametrize("target, status", [
    ("http://localhost/api/v1/me", 401), ("https://localhost/api/v1/me", 401), ("http://elsewhere.example/api/v1/me", 404),
    ("http://localhost", 200), ("http://localhost?x", 200), ("http:///api/v1/me", 400), ("ftp://localhost/api/v1/me", 401),
    ("http://user:secret@localhost/api/v1/me", 400), ("//localhost/api/v1/me", 404), ("localhost:443", 400)])
def test_absolute_form(stack, target, status):
    """The host of the target counts (RFC 9112, 3.2.2), the header is for those who cannot know."""
    got = exchange(stack, f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert [s for s, _ in got] == [status], got


@pytest.mark.parametrize("host", ["elsewhere.example", "localhost.elsewhere.example", "localhost@elsewhere.example", "..", "loc\0alhost",
                                  "localhost/../x", "[::1", "\xe4\xf6", "a" * 300, ""])
def test_wrong_host(stack, host):
    got = exchange(stack, f"GET /api/v1/me HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("latin-1"))
    assert len(got) == 1 and got[0][0] in (400, 404), got


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "PROPFIND", "get", "G\0T", "GET\t", "X" * 5000, "OPTIONS", "PRI"])
def test_methods(stack, method):
    for path in ("/", "/api/v1/me", "/m/00000000-0000-7000-8000-000000000000/0"):
        got = exchange(stack, f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert len(got) == 1 and got[0][0] in (400, 404, 405, 414), got


# Ranges

RANGES = ["bytes=0-0", "bytes=-1", "bytes=0-", "bytes=99999999999999999999-", "bytes=-99999999999999999999", "bytes=5-2", "bytes=",
          "bytes=a-b", "lines=0-1", "bytes=0-0," * 700, "bytes=" + ",".join(["0-"] * 1300), "bytes=" + ",".join(f"{i}-" for i in range(500)),
          "bytes=-" + "9" * 4000, "bytes=18446744073709551615-18446744073709551616"]


@pytest.mark.parametrize("value", RANGES, ids=range(len(RANGES)))
@pytest.mark.parametrize("path", ["/style.css", "/api/v1/me", "/m/00000000-0000-7000-8000-000000000000/0"])
def test_ranges(stack, value, path):
    whole = len(stack.client().get("/style.css").content)
    answer = stack.client(Range=value).get(path)
    if path == "/style.css":
        assert answer.status_code in (200, 206, 416)
        assert len(answer.content) <= whole + 2000, "many overlapping ranges are not many copies"
    else:
        assert answer.status_code == (401 if path == "/api/v1/me" else 404)


def test_ranges_of_an_image(stack, user):
    """What TikTok fetches: the store's file, whatever is asked for; never more than the file and some multipart wrapping."""
    from publishing import Sent
    account = user.connect()
    sent = Sent(stack, user, account)
    sent.wait()
    attempt = stack.sql("SELECT LOWER(INSERT(INSERT(INSERT(INSERT(HEX(a.id), 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-')) AS id"
                        " FROM post_attempts a ORDER BY a.id DESC LIMIT 1")[0]["id"]
    path = f"/m/{attempt}/0"
    whole = stack.client().get(path)
    if whole.status_code == 404:
        pytest.skip("the image is gone already")
    for value in RANGES:
        answer = stack.client(Range=value).get(path)
        assert answer.status_code in (200, 206, 416), value
        assert len(answer.content) <= len(whole.content) + 2000, value


# TLS (test_nginx.py has the versions)


@pytest.mark.parametrize("data", [b"", b"\x16\x03\x01", b"\x16\x03\x01\xff\xff" + b"\0" * 100, b"\x80\x2e\x01\x00\x02",
                                  b"\x15\x03\x03\x00\x02\x02\x28", b"\0" * 1000, b"\xff" * 1000, b"SSH-2.0-x\r\n"])
def test_not_tls(stack, data):
    with socket.create_connection(("127.0.0.1", stack.https), timeout=60) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while piece := connection.recv(4096):
                got += piece
        except ConnectionResetError:
            pass
    assert b"500" not in got[:20]
    expect(stack.client().get("/api/v1/me"), 401)


def test_old_protocols_by_name(stack):
    for option in ("-tls1", "-tls1_1"):
        done = subprocess.run(["openssl", "s_client", option, "-cipher", "ALL:@SECLEVEL=0", "-connect", f"127.0.0.1:{stack.https}"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode != 0 and "Cipher is (NONE)" in done.stdout


# HTTP/2


def test_http2_oddities(stack):
    """Names that HTTP/1 would not carry, two of what there may be one of, pseudo-headers as headers."""
    def status(*options):
        done = subprocess.run(["curl", "-sS", "--http2", "--cacert", stack.ca, "-m", "60", "-o", "/dev/null", "-w", "%{http_code}",
                               *options], capture_output=True, text=True)
        return int(done.stdout)

    url = stack.url + "/api/v1/me"
    assert status(url) == 401
    assert status("-H", "Transfer-Encoding: chunked", url) in (0, 400, 401)
    assert status("-H", "Connection: close, x", "-H", "Keep-Alive: 1", url) in (0, 400, 401)
    assert status("-H", "Content-Length: 5", "-X", "POST", "-d", "", stack.url + "/api/v1/auth/login") in (0, 400, 415)
    assert status("-H", "Authorization: Bearer a", "-H", "Authorization: Bearer b", url) in (400, 401)
    assert status("-H", "X: " + "y" * 40000, url) in (0, 431)
    assert status("-H", "Host: elsewhere.example", url) in (400, 404)
    assert status("--path-as-is", stack.url + "/api/v1/keys/../me") in (401, 404)
    assert status(url) == 401


# Very many connections

IDLE = 10_000


def nginx_kilobytes(stack):
    master = stack.pid("nginx")
    workers = [int(p) for p in pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split()]
    return sum(int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{p}/smaps_rollup").read_text(), re.M)[1])
               for p in [master, *workers])


def test_ten_thousand_idle_connections(stack, user):
    """Of all kinds: connected only, half a request, a finished one that is kept. Others are served meanwhile and after."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < IDLE + 500:
        pytest.skip(f"the system lets a process have {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before = nginx_kilobytes(stack)
    user.key  # made before
    stack.wait(lambda: asyncio.run(crowd(stack, user)) < 10, "others are served while they are all there", seconds=120)
    expect(user.api.get("/api/v1/me"), 200)
    assert nginx_kilobytes(stack) < before + 64 * 1024
    for name in ("auth", "keys"):
        assert stack.pid(name) is not None


async def crowd(stack, user):
    """How long others take meanwhile; nginx lets go of who sends nothing for ten seconds."""
    context = ssl.create_default_context(cafile=str(stack.ca))
    gate = asyncio.Semaphore(200)
    opened, failed = [], 0

    async def come(i):
        nonlocal failed
        port, tls = (stack.https, context) if i % 50 == 0 else (stack.http, None) if i % 2 else (stack.https, None)
        async with gate:
            try:
                reader, writer = await asyncio.wait_for(asyncio.open_connection(
                    "127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None), 60)
                if tls and i % 100 == 0:
                    writer.write(b"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
                elif tls or port == stack.http:
                    writer.write(b"GET /api/v1/me HTTP/1.1\r\nHost: loc")
                opened.append(writer)
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                failed += 1

    await asyncio.gather(*(come(i) for i in range(IDLE)))
    assert failed == 0 and len(opened) == IDLE
    started = time.monotonic()
    for _ in range(20):
        answer = await asyncio.to_thread(lambda: user.api.get("/api/v1/me"))
        expect(answer, 200)
    fresh = await asyncio.to_thread(lambda: stack.client().get("/api/v1/me"))
    expect(fresh, 401)
    took = time.monotonic() - started
    for writer in opened:
        writer.transport.abort()
    return took
