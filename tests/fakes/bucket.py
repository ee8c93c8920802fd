"""A bucket in memory, for the sweep: quick, put back by assigning .objects, and it takes any clock and any signature. What verifies
these is s3.py.

    with Bucket(certificate, key) as bucket:
        bucket.objects["/images/ab/cd.jpg"]
"""

import http.server
import threading
import urllib.parse
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
            asked = dict(urllib.parse.parse_qsl(self.path.partition("?")[2]))
            return self.say(200, self.server.bucket.listed(asked.get("prefix", ""), asked.get("start-after", "")))
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

    def listed(self, prefix, after):
        """All of these at once."""
        names = {name.split("/", 2)[2]: len(body) for name, body in self.objects.items()}
        found = "".join(f"<Contents><Key>{xml.sax.saxutils.escape(name)}</Key><Size>{n}</Size></Contents>"
                        for name, n in sorted(names.items()) if name.startswith(prefix) and name > after)
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode()
