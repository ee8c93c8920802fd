"""A TikTok whose network is bad: a TLS server in front of the simulator that passes requests on, except for those that a
test gave a fault.

    with Transport(stack) as tiktok, tiktok.used_by("tiktok"):
        tiktok.fault("/v2/oauth/token/", "hang")
        ...
        assert tiktok.requests("/v2/oauth/token/") == 1

Faults (each for as many requests as `times` says, in the order given):
    drop        reads the request and closes: TikTok did not act on it
    drop_after  passes it on and closes: TikTok acted on it, nobody hears of it
    hang        reads it and says nothing until the client gives up; never passed on
    fail_after  passes it on and answers 500: TikTok acted on it, and says that something broke
    slow        passes it on, but answers only after `seconds`
    held        passes it on, but answers only after release()
    late        passes it on only after release()
    cut         passes it on and closes in the middle of the answer
    (status, body)  answers this itself
refuse_connections(n) resets the next n connections before the TLS handshake: nothing of a request can have come.

Who wants to know what became of each request overrides begun(exchange) and done(exchange).
"""

import contextlib
import dataclasses
import http.server
import json
import socket
import ssl
import struct
import threading
import time

import requests

INTERNAL_ERROR = (500, json.dumps({"data": {}, "error": {"code": "internal_error", "message": "", "log_id": "F500"}}))
BAD_GATEWAY_PAGE = (502, "<html><body>bad gateway</body></html>")


@dataclasses.dataclass
class Exchange:
    """One request, and what became of it."""
    path: str
    body: bytes
    began: float  # time.monotonic()
    kind: object = None  # its fault
    said: tuple | None = None  # (status, text) of TikTok, if it was passed on and TikTok answered
    given: tuple | None = None  # (status, text) that went back, whole


class Transport:
    def __init__(self, stack):
        self.stack, self.lock = stack, threading.Lock()
        self.faults, self.seen = [], []
        self.refused = 0  # connections still to be reset
        self.held = 0  # answers that are there, and wait for release()
        self.ended, self.released = threading.Event(), threading.Event()
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(stack.at.tls / "leaf.crt", stack.at.tls / "leaf.key")
        self.server = Server(self)
        self.url = f"https://localhost:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    @contextlib.contextmanager
    def used_by(self, *programs, **settings):
        """The programs reach TikTok through this server inside the with block. settings: tiktok_timeout_sec=2, ..."""
        with self.stack.configured(*programs, tiktok_api_url=self.url, **settings):
            try:
                yield self
            finally:
                self.release()  # a program that ends waits for its answers

    def fault(self, path, kind, times=1, seconds=1.0):
        """The next `times` requests to a path that begins with this one."""
        with self.lock:
            self.faults += [(path, kind, seconds)] * times

    def release(self):
        """Those that are held are answered, and so are those that come."""
        self.released.set()

    def refuse_connections(self, times):
        with self.lock:
            self.refused = times

    def requests(self, path=""):
        """How many requests to paths that begin so have come."""
        with self.lock:
            return sum(1 for seen, _ in self.seen if seen.startswith(path))

    def begun(self, exchange):
        """Called when a request is there, in its connection's thread."""

    def done(self, exchange):
        """When it is over."""

    def next_fault(self, exchange):
        """(kind, seconds)"""
        with self.lock:
            for i, (prefix, kind, seconds) in enumerate(self.faults):
                if exchange.path.startswith(prefix):
                    del self.faults[i]
                    return kind, seconds
        return None, 0


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, transport):
        self.transport = transport
        super().__init__(("127.0.0.1", 0), Handler)

    def process_request_thread(self, request, address):
        """The handshake happens here, in the connection's own thread."""
        t = self.transport
        with t.lock:
            refuse, t.refused = t.refused > 0, max(0, t.refused - 1)
        try:
            if refuse:
                request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                request.close()
                return
            request = t.tls.wrap_socket(request, server_side=True)
        except OSError:  # the client left
            request.close()
            return
        super().process_request_thread(request, address)

    def handle_error(self, request, address):
        pass  # a client that left in the middle


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        t = self.server.transport
        began = time.monotonic()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with t.lock:
            t.seen.append((self.path, body))
        exchange = Exchange(self.path, body, began)
        t.begun(exchange)
        exchange.kind, seconds = t.next_fault(exchange)
        try:
            self.meet(exchange, seconds)
        finally:
            t.done(exchange)

    do_GET = do_POST

    def meet(self, exchange, seconds):
        kind = exchange.kind
        if isinstance(kind, tuple):
            self.answer(exchange, *kind)
        elif kind == "drop":
            self.close()
        elif kind == "hang":
            self.hang()
        else:
            self.pass_on(exchange, seconds)

    def pass_on(self, exchange, seconds):
        t, kind = self.server.transport, exchange.kind
        if kind == "late":
            t.released.wait()
        headers = {k: v for k, v in self.headers.items() if k.lower() in ("authorization", "content-type", "accept")}
        with requests.Session() as upstream:
            upstream.trust_env = False
            got = upstream.request(self.command, t.stack.sandbox_url + self.path, data=exchange.body, headers=headers,
                                   verify=str(t.stack.ca), timeout=60, allow_redirects=False)
        exchange.said = got.status_code, got.text
        if kind == "slow":
            t.ended.wait(seconds)
        if kind == "held":
            with t.lock:
                t.held += 1
            t.released.wait()
        if kind == "drop_after":
            self.close()
        elif kind == "fail_after":
            self.answer(exchange, *INTERNAL_ERROR)
        else:
            self.answer(exchange, *exchange.said, cut=kind == "cut")

    def answer(self, exchange, status, text, cut=False):
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:len(content) // 2] if cut else content)
        if cut:
            self.close()
        else:
            exchange.given = status, text

    def hang(self):
        """Until the client has gone or the test is over."""
        t = self.server.transport
        self.connection.settimeout(0.1)
        while not t.ended.is_set():
            try:
                if self.connection.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        self.close()

    def close(self):
        self.close_connection = True

    def log_message(self, *_):
        pass
