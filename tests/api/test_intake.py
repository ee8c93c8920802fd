"""Large bodies pass through a second nginx: what it tells, what it believes, and what happens while it is away."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading

import pytest

import fastcgi
import images
import processes
from helpers import expect
from readable import readable
from test_logs import moved, nginx
from test_metrics import UnixConnection, connects, parse
from test_nginx import borrowed_listener, request_line
from test_strangers import BIG, over_http2, send

MIB = 1 << 20
UPLOADS = "/api/v1/uploads"
LARGE = images.jpeg(64, 48) + b"\0" * BIG  # decoders stop at the end of the image


class Program:
    """In the place of uploads inside the with block: lets every body in, notes what it was asked, and answers 201, hangs up or is silent."""

    def __init__(self, stack):
        self.stack, self.asked, self.then, self.done = stack, [], "answers", threading.Event()

    def __enter__(self):
        self.stopped = self.stack.stopped("uploads", signal.SIGKILL)
        self.stopped.__enter__()
        self.listener = borrowed_listener(self.stack.pid("supervisor"), str(self.stack.at.run / "uploads.sock"))
        self.accepting = threading.Thread(target=self.accept)
        self.accepting.start()
        return self

    def __exit__(self, *what):
        self.done.set()
        self.accepting.join()
        self.listener.close()
        self.stopped.__exit__(*what)

    def accept(self):
        while not self.done.is_set():
            if readable([self.listener], 0.1):  # a timeout on the socket would be the next program's too
                connection, _ = self.listener.accept()
                connection.setblocking(True)
                threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rb") as file, contextlib.suppress(ConnectionError, struct.error):
            while request := self.request(file):
                parameters, body = request
                if parameters.get(b"AUTHORIZE_ONLY"):
                    self.say(connection, b"Status: 204 No Content\r\n\r\n")
                    continue
                self.asked.append((parameters, body))
                if self.then == "is silent":
                    self.done.wait(60)
                if self.then != "answers":
                    return
                self.say(connection, b'Status: 201 Created\r\nContent-Type: application/json\r\n\r\n{"data":{}}')

    @staticmethod
    def say(connection, answer):
        connection.sendall(fastcgi.record(fastcgi.STDOUT, answer) + fastcgi.record(fastcgi.STDOUT) + fastcgi.record(fastcgi.END, bytes(8)))

    @staticmethod
    def request(file):
        streams = {fastcgi.PARAMS: bytearray(), fastcgi.STDIN: bytearray()}
        while head := file.read(8):
            _, kind, _, length, padding, _ = struct.unpack(">BBHHBB", head)
            content = file.read(length + padding)[:length]
            if kind == fastcgi.STDIN and not length:
                return parsed(bytes(streams[fastcgi.PARAMS])), bytes(streams[fastcgi.STDIN])
            if kind in streams:
                streams[kind] += content
        return None


def parsed(pairs):
    """{name: value}; one that comes again is a mistake of nginx's."""
    found, at = {}, 0
    while at < len(pairs):
        sizes = []
        for _ in range(2):
            n = pairs[at]
            wide = n >= 128
            sizes.append(struct.unpack(">I", pairs[at:at + 4])[0] & 0x7fffffff if wide else n)
            at += 4 if wide else 1
        name, value = pairs[at:at + sizes[0]], pairs[at + sizes[0]:at + sum(sizes)]
        assert name not in found or name.startswith(b"HTTP_"), name
        found.setdefault(name, value)
        at += sum(sizes)
    return found


@pytest.fixture
def program(stack):
    with Program(stack) as it:
        yield it


def connected(stack):
    context = ssl.create_default_context(cafile=str(stack.ca))
    return context.wrap_socket(socket.create_connection(("127.0.0.1", stack.https), timeout=20), server_hostname="localhost")


def begun(stack, *headers, sent=b"x", length=10 * MIB, path=UPLOADS):
    """A request of which that much of the body has come."""
    connection = connected(stack)
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: image/jpeg", f"Content-Length: {length}", *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode() + sent)
    return connection


def answer_of(connection):
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.headers, answer.read()


def in_work(stack):
    """How many requests the second nginx has, besides this one."""
    connection = UnixConnection(stack.at.run / "metrics/intake.sock")
    stack.wait(lambda: connects(connection), "it shows its metrics")
    connection.request("GET", "/metrics")
    (n,) = parse(connection.getresponse().read().decode()).values()
    return int(n) - 1


def kept(stack):
    """The files in which the second nginx keeps bodies right now. They have no name any more."""
    open_files = []
    for pid in processes.group_members(stack.pid("intake")):
        with contextlib.suppress(OSError):
            for fd in os.listdir(f"/proc/{pid}/fd"):
                open_files.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return [p for p in open_files if p.startswith(f"{stack.at.intake}/body/")]


def line_of(stack, request_id):
    found = stack.wait(lambda: [x for x in stack.log("access").splitlines() if request_id in x], "it is logged")
    assert len(found) == 1
    return json.loads(found[0])


# While it is away


def test_while_it_is_away(stack, user, account):
    """A large body is told so at once, that it may come again, and nothing has happened; all else goes on."""
    with stack.stopped("intake"):
        for path, kind in ((UPLOADS, "image/jpeg"), (f"/api/v1/accounts/{account}/posts", "multipart/form-data; boundary=x")):
            answer = user.api.post(path, data=LARGE, headers={"Content-Type": kind})
            error = expect(answer, 503, "unavailable")["error"]
            assert error["retryable"] is True and answer.headers["Retry-After"] == "2" and answer.headers["RateLimit"]
            assert answer.headers["Connection"] == "close"
        made = expect(user.api.post(UPLOADS, data=images.jpeg(64, 48)), 201)["data"]["id"]
        expect(user.api.get("/api/v1/me"), 200)
        expect(user.api.post(f"/api/v1/accounts/{account}/posts", json={
            "upload_ids": [made], "platform_options": {"post_mode": "DIRECT_POST", "privacy_level": "SELF_ONLY"}}), 202)
        expect(stack.client().post(UPLOADS, data=LARGE), 401)
    stack.wait(lambda: in_work(stack) == 0, "it is there")
    expect(user.api.post(UPLOADS, data=LARGE), 201)


@pytest.mark.parametrize("whole", [False, True])
def test_it_dies(stack, program, whole):
    """With part of a body the program has not been asked, and the sender may come again. With all of it nobody knows."""
    program.then = "is silent"
    connection = begun(stack, sent=b"x" * (BIG if whole else 1000), length=BIG)
    stack.wait(lambda: program.asked if whole else in_work(stack) == 1, "it has the body")
    with stack.stopped("intake", signal.SIGKILL):
        status, headers, body = answer_of(connection)
    error = json.loads(body)["error"]
    assert (status, error["code"], error["retryable"]) == ((502, "outcome_unknown", False) if whole else (503, "unavailable", True))
    assert headers["Retry-After"] == (None if whole else "2") and len(program.asked) == whole
    connection.close()
    assert line_of(stack, headers["X-Request-Id"])["upstream_seconds"] == "", "that is not the program's time"


@pytest.mark.parametrize("signo", [signal.SIGHUP, signal.SIGQUIT])
def test_an_update_ends_no_upload(stack, program, signo):
    """What is coming when it is told to reload or to stop comes to its end."""
    connection = begun(stack, sent=b"x" * 1000, length=BIG)
    stack.wait(lambda: in_work(stack) == 1, "the body is coming")
    stack.kill("intake", signo)
    connection.sendall(b"x" * (BIG - 1000))
    assert answer_of(connection)[0] == 201
    stack.wait(lambda: stack.client().post(UPLOADS, data=b"x" * BIG).status_code == 201, "the next one takes bodies")


# What the program is told, and what it says


FORGED = ["X-Real-IP: 203.0.113.9", "x-real-ip: 203.0.113.9", "X-Forwarded-For: 203.0.113.9", "X-Request-Id: 00000000000000000000000000000000",
          "X-Program-Status: 299", "X-Program-Seconds: 99", "X-Mcli: x", "Connection: close, X-Real-IP, X-Request-Id, Content-Length"]


@pytest.mark.parametrize("size", [1000, BIG])
def test_the_program_is_told_what_is_true(stack, program, size):
    """Whoever asks, a small body or a large one: the address and the id are nginx's, and everything else is as it was sent."""
    status, headers, _ = answer_of(begun(stack, *FORGED, "Idempotency-Key: a", "Idempotency-Key: b", sent=b"x" * size, length=size,
                                         path="/api/v1//uploads?a=%41&b=c"))
    ((parameters, body),) = program.asked
    assert (status, body) == (201, b"x" * size)
    assert parameters[b"REQUEST_ID"].decode() == headers["X-Request-Id"] != "0" * 32
    assert parameters[b"REMOTE_ADDR"] == b"127.0.0.1"
    assert (parameters[b"REQUEST_PATH"], parameters[b"QUERY_STRING"]) == (b"/api/v1//uploads", b"a=%41&b=c")
    assert (parameters[b"CONTENT_LENGTH"], parameters[b"CONTENT_TYPE" if b"CONTENT_TYPE" in parameters else b"HTTP_CONTENT_TYPE"]) == (
        str(size).encode(), b"image/jpeg")
    assert not [h for h in headers if h.startswith("X-Program")] and headers.get_all("X-Request-Id") == [headers["X-Request-Id"]]
    line = line_of(stack, headers["X-Request-Id"])
    assert (line["remote"], line["status"], line["upstream_status"]) == ("127.0.0.0", 201, "201")
    assert float(line["upstream_seconds"]) <= line["seconds"] and line["request_bytes"] > size


SMUGGLED = b"\r\n0\r\n\r\nPOST /api/v1/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_ends_where_its_sender_said(stack, program, chunked):
    """Whatever is in it; and what comes after it is the next request of the same client."""
    body = SMUGGLED + b"y" * BIG + SMUGGLED
    framed = b"".join(b"%x;a=b\r\n%b\r\n" % (len(p), p) for p in (body[:70], body[70:])) + b"0\r\nX-Real-IP: 203.0.113.9\r\n\r\n" if chunked else body
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    with connected(stack) as connection:
        connection.sendall(f"POST {UPLOADS} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n".encode() + framed)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, answer.read()) == (201, b'{"data":{}}')
        connection.sendall(request_line("GET /api/v1/nothing HTTP/1.1", "Host: localhost"))
        assert answer_of(connection)[0] == 404
    assert [b for _, b in program.asked] == [body] and program.asked[0][0][b"HTTP_X_REAL_IP"] == b"127.0.0.1"


@pytest.mark.parametrize("headers", [["Content-Length: 5", "Transfer-Encoding: chunked"], ["Content-Length: 1048576", "Content-Length: 5"],
                                     ["Transfer-Encoding: chunked, chunked"], ["Transfer-Encoding: xchunked"], ["Content-Length: +5"]])
def test_a_body_without_one_length(stack, program, headers):
    with connected(stack) as connection:
        connection.sendall("\r\n".join([f"POST {UPLOADS} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode() + b"5\r\nhello\r\n0\r\n\r\n")
        assert answer_of(connection)[0] == 400
    assert program.asked == []


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("chunked", [False, True])
def test_the_limit(stack, program, chunked, more):
    """21 MB, and one byte more."""
    status, _, body = send(stack, "POST", UPLOADS, size=21 * MIB + more, chunked=chunked)
    assert status == (413 if more else 201) and (not more or json.loads(body)["error"]["code"] == "body_too_large")
    assert [len(b) for _, b in program.asked] == [] if more else [21 * MIB]


@pytest.mark.parametrize("size", [0, 1000, 21 * MIB, 21 * MIB + 1])
@pytest.mark.parametrize("chunked", [False, True])
def test_over_http2(stack, program, tmp_path, chunked, size):
    """Where a body of unknown length ends with its stream, and the second nginx is told so in chunks."""
    body = (SMUGGLED + os.urandom(1000) * (size // 1000 + 1))[:size]
    (tmp_path / "body").write_bytes(body)
    status = over_http2(stack, UPLOADS, "Content-Type: image/jpeg", chunked, tmp_path / "body")
    assert (status, [b for _, b in program.asked]) == ((413, []) if size > 21 * MIB else (201, [body]))


@pytest.mark.parametrize("who", ["somebody", "nobody"])
def test_who_waits_for_a_continue(stack, user, who):
    """It comes from the first, once the body may; a stranger gets the answer alone."""
    key = [f"Authorization: Bearer {user.key}"] if who == "somebody" else []
    with begun(stack, "Expect: 100-continue", *key, sent=b"", length=len(LARGE)) as connection:
        first = connection.recv(25)
        assert first == (b"HTTP/1.1 100 Continue\r\n\r\n" if key else b"HTTP/1.1 401 Unauthorized")
        if key:
            connection.sendall(LARGE)
            assert answer_of(connection)[0] == 201


# When it does not end well


def test_a_body_that_is_cut(stack, program):
    """Neither the program is asked, nor is anything of it kept."""
    with begun(stack, sent=b"x" * 300_000):
        stack.wait(lambda: kept(stack), "a part is on the disk")
    stack.wait(lambda: not kept(stack) and in_work(stack) == 0, "it is gone")
    assert program.asked == []


def test_a_body_that_stands_still(stack, program):
    with nginx(stack, "emerg", [("client_body_timeout 30s;", "client_body_timeout 1s;")]) as it:
        it.ca = stack.ca
        connection = begun(it, sent=b"x" * 300_000)
        assert connection.recv(1) == b""
    stack.wait(lambda: not kept(stack) and in_work(stack) == 0, "it is gone")
    assert program.asked == []


@pytest.mark.parametrize("key", [[], ["Idempotency-Key: k"]])
def test_a_program_that_dies_with_it(stack, program, key):
    program.then = "hangs up"
    status, headers, body = answer_of(begun(stack, *key, sent=b"x" * BIG, length=BIG))
    error = json.loads(body)["error"]
    assert (status, error["code"], error["retryable"]) == (502, "outcome_unknown", bool(key)) and len(program.asked) == 1
    assert json.loads(body)["meta"]["request_id"] == headers["X-Request-Id"] and headers["Content-Type"] == "application/json"
    line = line_of(stack, headers["X-Request-Id"])
    assert (line["status"], line["upstream_status"]) == (502, "502") and float(line["upstream_seconds"]) <= line["seconds"]


def test_a_program_that_goes_meanwhile(stack, program):
    """It said yes, and cannot be reached when the body is there: nothing has happened."""
    connection = begun(stack, sent=b"x" * 1000, length=BIG)
    stack.wait(lambda: in_work(stack) == 1, "the body is coming")
    with moved(stack.at.run / "uploads.sock"):
        connection.sendall(b"x" * (BIG - 1000))
        status, headers, body = answer_of(connection)
    error = json.loads(body)["error"]
    assert (status, error["code"], error["retryable"], headers.get_all("Retry-After")) == (503, "unavailable", True, ["2"])
    assert program.asked == []


def test_a_full_disk(stack, program):
    (stack.at.intake / "body").chmod(0)
    try:
        status, headers, body = answer_of(begun(stack, sent=b"x" * BIG, length=BIG))
    finally:
        (stack.at.intake / "body").chmod(0o700)
    assert (status, json.loads(body)["error"]["code"], headers.get_all("Retry-After")) == (503, "unavailable", ["2"])
    assert program.asked == []


@pytest.mark.parametrize("length", [2 * MIB, 16 * MIB])
def test_a_disk_that_fills_in_the_middle(stack, program, length):
    """The program was not asked, whether or not the sender had said all by then; and the next body comes in."""
    folder = stack.at.intake / "body"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=777", "none", folder], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with connected(stack) as connection:
            sender = threading.Thread(target=send_body, args=[connection, length])
            sender.start()
            status, headers, body = answer_of(connection)
            sender.join()
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
    assert (status, json.loads(body)["error"]["code"], headers.get_all("Retry-After")) == (503, "unavailable", ["2"])
    assert program.asked == []
    assert answer_of(begun(stack, sent=b"x" * BIG, length=BIG))[0] == 201


def send_body(connection, length):
    with contextlib.suppress(OSError):
        connection.sendall(f"POST {UPLOADS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n".encode())
        for _ in range(length // MIB):
            connection.sendall(b"x" * MIB)


def test_a_route_that_it_does_not_know(stack, user):
    """Between the reload of the one and of the other: nothing has happened."""
    conf = stack.at.nginx / "snippets/intake-locations.conf"
    text = conf.read_text()
    try:
        conf.write_text(re.sub(r"^location = /api/v1/uploads \{.*?^\}\n", "", text, flags=re.M | re.S))
        assert conf.read_text() != text
        stack.restart("intake")
        stack.wait(lambda: in_work(stack) == 0, "it is there")
        error = expect(user.api.post(UPLOADS, data=LARGE), 503, "unavailable")["error"]
        assert error["retryable"] is True
    finally:
        conf.write_text(text)
        stack.restart("intake")
        stack.wait(lambda: in_work(stack) == 0, "it is there")
