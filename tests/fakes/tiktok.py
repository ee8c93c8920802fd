"""A TikTok that fails in transport: what the simulator, behind nginx, cannot do.

    with FakeTiktok(certificate, key) as tiktok:
        tiktok.behave("init", "drop", "ok")     # the first init is dropped after it arrived, all later ones are accepted
        ... tiktok.url ...
        assert len(tiktok.received["init"]) == 1

Behaviours: ok; drop (reads the request, closes); reset (reads it, closes with RST); hang (reads it, never answers);
garbage (200, not JSON); cut (promises more bytes than it sends); empty (200, {}); http:NNN; code:CODE:NNN (TikTok's error
envelope; a CODE of digits is sent as a number); unlogged:CODE:NNN (without its log_id); taken:CODE:NNN (with the
publish_id of a post); oauth:CODE; held (answers after release()); refuse (accepts the connection and closes before TLS: nothing can have
been sent).
"""

import collections
import json
import socket
import ssl
import struct
import threading

PATHS = {
    "/v2/post/publish/content/init/": "init",
    "/v2/post/publish/status/fetch/": "status",
    "/v2/post/publish/creator_info/query/": "creator",
    "/v2/oauth/token/": "token",
}


class FakeTiktok:
    def __init__(self, certificate, key):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"https://localhost:{self.port}"
        self.behaviours = collections.defaultdict(collections.deque)
        self.last = collections.defaultdict(lambda: "ok")
        self.received = collections.defaultdict(list)  # name: bodies, as they came
        self.connections = 0
        self.statuses = ["PROCESSING_DOWNLOAD", "PUBLISH_COMPLETE"]
        self.lock = threading.Lock()
        self.ended, self.released = threading.Event(), threading.Event()

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.released.set()
        self.listener.close()

    def release(self):
        """Those that are held are answered, and so are those that come."""
        self.released.set()

    def behave(self, name, *behaviours):
        """One behaviour a call; the last one stays."""
        with self.lock:
            self.behaviours[name] = collections.deque(behaviours)
            self.last[name] = behaviours[-1]

    def next_behaviour(self, name):
        with self.lock:
            return self.behaviours[name].popleft() if self.behaviours[name] else self.last[name]

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            if self.last["connection"] == "refuse":
                return
            connection = self.tls.wrap_socket(connection, server_side=True)
            while self.serve_one(connection):
                pass
        except OSError:
            pass
        finally:
            connection.close()

    def serve_one(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            more = connection.recv(65536)
            if not more:
                return False
            head += more
        head, _, body = head.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        while len(body) < int(headers.get("content-length", 0)):
            body += connection.recv(65536)
        name = PATHS.get(lines[0].split()[1], "other")
        with self.lock:
            self.received[name].append(body)
        return self.answer(connection, name, self.next_behaviour(name))

    def answer(self, connection, name, behaviour):
        kind, _, rest = behaviour.partition(":")
        if kind == "drop":
            return False
        if kind == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if kind == "hang":
            self.ended.wait(120)
            return False
        if kind == "held":
            self.released.wait()
        status, text = 200, json.dumps(self.good(name))
        if kind == "garbage":
            text = "<html>not JSON</html>"
        elif kind == "empty":
            text = "{}"
        elif kind == "http":
            status, text = int(rest), "oops"
        elif kind in ("code", "unlogged", "taken"):
            code, _, number = rest.partition(":")
            error = {"code": int(code) if code.isdigit() else code, "message": "as asked"}
            if kind != "unlogged":
                error["log_id"] = "fake-log"
            data = self.good("init")["data"] if kind == "taken" else {}
            status, text = int(number), json.dumps({"data": data, "error": error})
        elif kind == "oauth":
            text = json.dumps({"error": rest, "error_description": "as asked", "log_id": "fake-log"})
        length = len(text) + (100 if kind == "cut" else 0)
        connection.sendall(f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
                           f"{text}".encode())
        return kind != "cut"

    def good(self, name):
        with self.lock:
            n = len(self.received[name])
            if name == "status":
                status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        error = {"code": "ok", "message": "", "log_id": f"fake-{name}-{n}"}
        if name == "init":
            return {"data": {"publish_id": f"p_pub_url~fake.{self.port}.{n}"}, "error": error}
        if name == "status":
            data = {"status": status}
            if status in ("PUBLISH_COMPLETE", "PUBLISH_SUCCESS"):
                data["publicaly_available_post_id"] = [7300000000000000000 + n]
            if status.startswith("FAILED:"):
                data = {"status": "FAILED", "fail_reason": status.partition(":")[2]}
            return {"data": data, "error": error}
        if name == "creator":
            return {"data": {"creator_username": "fake.creator", "creator_nickname": "Fake", "comment_disabled": False,
                             "privacy_level_options": ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]},
                    "error": error}
        return {"access_token": f"act.fake{n}", "refresh_token": f"rft.fake{n}", "expires_in": 7200,
                "refresh_expires_in": 15552000, "open_id": "fake-open-id", "scope": "user.info.basic,video.publish,video.upload",
                "token_type": "Bearer"}
