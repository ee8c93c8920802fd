"""An S3 store that verifies what is signed: OpenStack Swift behind a TLS server that can be told to fail.

    with S3(folder, ca, certificate, key) as s3:       # certificate: of localhost
        s3.fault("503 Service Unavailable", "ServiceUnavailable")    # what the next request gets
        ...
        assert s3.seen == ["PUT /images/ab/cd.jpg"]

Faults, each for one request, in the order given:
    (status, code)  an error with that code, of a request that was read and did nothing
    "drop"          reads the request and closes
    "drop_after"    passes it on and closes: it was done, and nobody hears of it
    "cut"           passes it on and closes in the middle of the answer's body
    "hang"          says nothing until released or the client gives up
"""

import http.client
import http.server
import json
import pathlib
import socketserver
import ssl
import subprocess
import threading

BUCKET, KEY_ID, SECRET, REGION = "images", "test:tester", "secret-of-the-swift-of-tests", "auto"
PYTHON = "/usr/bin/python3"  # Debian's, which knows Debian's Swift
HOP = {"connection", "transfer-encoding", "keep-alive"}


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 100

    def handle_error(self, *_):
        pass  # a client that went away


def tls_server(handler, certificate, key):
    """(a server at a free port, the URL of it). certificate: of localhost. The handshake is the connection's own thread's."""
    server = Server(("127.0.0.1", 0), handler)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server, f"https://localhost:{server.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_):
        pass

    def send(self, status, headers, body, cut=False):
        self.close_connection = True
        self.send_response_only(*status)
        for name, value in headers:
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body[:len(body) // 2] if cut else body)

    def answer(self):
        s3 = self.server.s3
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = s3.begin(f"{self.command} {self.path}")
        if fault == "hang":
            s3.released.wait(60)
        if fault in ("drop", "hang"):
            return
        if isinstance(fault, tuple):
            text = f"<?xml version='1.0'?><Error><Code>{fault[1]}</Code><RequestId>front</RequestId></Error>".encode()
            number, reason = fault[0].split(" ", 1)
            self.send((int(number), reason), [("Content-Length", str(len(text)))], b"" if self.command == "HEAD" else text)
            return
        status, headers, text = s3.passed_on(self, body)
        if fault != "drop_after":
            self.send(status, headers, text, cut=fault == "cut")

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = answer


class S3:
    def __init__(self, folder, certificate, key, buckets=(BUCKET,)):
        self.lock, self.faults, self.seen = threading.Lock(), [], []
        self.released = threading.Event()
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "swift.log"
        self.swift = subprocess.Popen([PYTHON, pathlib.Path(__file__).parent / "swift_server.py", folder, *buckets], text=True,
                                      stdout=subprocess.PIPE, stderr=self.log.open("w"))
        self.server, self.endpoint = tls_server(Handler, certificate, key)
        self.server.s3 = self

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        line = self.swift.stdout.readline()
        assert line, self.log.read_text()[-2000:]
        self.port = json.loads(line)["port"]
        return self

    def __exit__(self, *_):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.swift.kill()
        self.swift.wait()

    def fault(self, *faults):
        with self.lock:
            self.faults += faults

    def begin(self, what):
        with self.lock:
            self.seen.append(what)
            return self.faults.pop(0) if self.faults else None

    def taken(self):
        """What came since it was asked last."""
        with self.lock:
            seen, self.seen = self.seen, []
            return seen

    def passed_on(self, request, body):
        swift = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        swift.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            if name.lower() not in HOP:
                swift.putheader(name, value)
        swift.endheaders(body or None)
        answer = swift.getresponse()
        text = answer.read()
        swift.close()
        return (answer.status, answer.reason), answer.getheaders(), text
