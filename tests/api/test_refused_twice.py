"""What nginx refuses is JSON and one line of its log, also where two things are wrong at once."""

import http.client
import json
import socket
import ssl
import time

import h2.connection
import h2.events
import pytest

from helpers import expect
from test_hostile import exchange

LENGTH = 50 << 20  # more than any of these locations takes


def request(line, *headers, host="localhost"):
    return "\r\n".join([line, f"Host: {host}", "Content-Type: application/json", f"Content-Length: {LENGTH}", *headers, "", "x"]).encode("latin-1")


@pytest.mark.parametrize("data, tls, status, code", [
    (request("POST /api/v1/keys HTTP/1.1"), True, 413, "body_too_large"),
    (request("POST /api/v1/keys HTTP/1.1", "Transfer-Encoding: chunked"), True, 400, "bad_request"),
    (request("POST /api/v1/keys HTTP/1.1", f"X: {'y' * 20000}"), True, 431, "headers_too_large"),
    (request("POST /api/v1/keys HTTP/1.1", host=".."), True, 400, "bad_request"),
    (request("POST /api/v1/keys HTTP/1.1", host="elsewhere.example"), True, 404, "not_found"),
    (request("POST / HTTP/1.1", host="elsewhere.example"), False, 404, "not_found"),
    (request("POST /api/v1/keys HTTP/1.1"), False, 403, "https_required"),
    (request("POST /m/x/0 HTTP/1.1"), False, 403, "https_required"),
], ids=["length", "coding", "header", "host", "name", "name in the clear", "API in the clear", "image in the clear"])
def test_with_a_length_beyond_the_limit(stack, data, tls, status, code):
    connection = socket.create_connection(("127.0.0.1", stack.https if tls else stack.http), timeout=60)
    if tls:
        connection = ssl.create_default_context(cafile=str(stack.ca)).wrap_socket(connection, server_hostname="localhost")
    with connection:
        connection.sendall(data)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == status
        assert json.loads(answer.read())["error"]["code"] == code


class Http2:
    """One connection, whose client says what it likes."""

    def __init__(self, stack):
        context = ssl.create_default_context(cafile=str(stack.ca))
        context.set_alpn_protocols(["h2"])
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", stack.https), timeout=60), server_hostname="localhost")
        self.h2 = h2.connection.H2Connection()
        self.h2.initiate_connection()

    def ask(self, method, path, *headers, end=True):
        """Its stream."""
        number = self.h2.get_next_available_stream_id()
        self.h2.send_headers(number, [(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path), *headers],
                             end_stream=end)
        self.socket.sendall(self.h2.data_to_send())
        return number

    def answer(self, number):
        """(status, body)"""
        status, body = None, b""
        while data := self.socket.recv(65536):
            for event in self.h2.receive_data(data):
                if getattr(event, "stream_id", None) != number:
                    continue
                status = int(dict(event.headers)[b":status"]) if isinstance(event, h2.events.ResponseReceived) else status
                body += event.data if isinstance(event, h2.events.DataReceived) else b""
                if isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                    return status, body
        return status, body


@pytest.mark.parametrize("path", ["/api/v1/keys", "/api/v1/nothing", "/"])
def test_a_length_without_a_body_over_http2(stack, path):
    """Malformed (RFC 9113, 8.1.1), and too long as well."""
    client = Http2(stack)
    status, body = client.answer(client.ask("POST", path, ("content-length", str(LENGTH))))
    assert status == 400
    assert json.loads(body)["error"]["code"] == "bad_request"


def test_the_log_is_json(stack):
    """Also of a stream that nginx has no status for, and of a path and a host that are no text."""
    log = stack.at.log / "access.log"
    begin = log.stat().st_size
    client = Http2(stack)
    gone = client.ask("POST", f"/api/v1/reset{time.monotonic_ns()}", ("content-length", "5"), end=False)
    client.h2.reset_stream(gone)
    client.socket.sendall(client.h2.data_to_send())
    assert client.answer(client.ask("GET", "/api/v1/me"))[0] == 401
    for odd in (b"GET /api/v1/\xe4\xff HTTP/1.1\r\nHost: localhost\r\n", b"GET / HTTP/1.1\r\nHost: \xe4\xff\r\n"):
        assert [s for s, _ in exchange(stack, odd + b"Connection: close\r\n\r\n")] == [404]
    last = f"/api/v1/last{time.monotonic_ns()}"
    expect(stack.client().get(last), 404)
    stack.wait(lambda: last.encode() in log.read_bytes(), "it is logged")
    with log.open("rb") as f:
        f.seek(begin)
        lines = [json.loads(line) for line in f.read().splitlines()]
    assert all(isinstance(line["status"], int) for line in lines)
