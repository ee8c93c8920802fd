"""A bucket in memory, for the sweep: quick, put back by assigning .objects, and it takes any clock and any signature. What verifies
these is s3.py.

    with Bucket(certificate, key) as bucket:
        bucket.objects["/images/ab/cd.jpg"]
"""

import http.server
import threading
import xml.sax.saxutils

from s3 import tls_server


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_):
        pass

    def say(self, status, body=b""):
        self.close_connection = True
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if len(body) == int(self.headers["Content-Length"]):  # else it has nothing of it
            self.server.bucket.objects[self.path] = body
            self.say(200)

    def do_GET(self):
        if "?" in self.path:
            return self.say(200, self.server.bucket.listed())
        body = self.server.bucket.objects.get(self.path)
        return self.say(404, b"<Error><Code>NoSuchKey</Code></Error>") if body is None else self.say(200, body)

    do_HEAD = do_GET

    def do_DELETE(self):
        self.server.bucket.objects.pop(self.path, None)
        self.say(204)


class Bucket:
    def __init__(self, certificate, key):
        self.objects = {}
        self.server, self.endpoint = tls_server(Handler, certificate, key)
        self.server.bucket = self

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def listed(self):
        """All at once."""
        found = "".join(f"<Contents><Key>{xml.sax.saxutils.escape(name.split('/', 2)[2])}</Key><Size>{len(body)}</Size></Contents>"
                        for name, body in sorted(self.objects.items()))
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode()
