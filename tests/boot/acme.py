"""Let's Encrypt, as far as certbot sees it: takes orders (RFC 8555), looks at port 80 for the answer to each challenge, and signs with an
authority of its own. It believes every signature of an account. `refuse` makes it find every challenge wrong; `days` is how long its
certificates live."""

import base64
import hashlib
import http.server
import itertools
import json
import pathlib
import ssl
import subprocess
import threading
import urllib.request


def openssl(*words, **more):
    return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, **more).stdout


def token_of(order, name):
    """Each challenge has its own, and an answer of before is none."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"{order} {name}".encode()).digest()).decode().rstrip("=")


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Authority:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.days, self.refuse, self.looked_at = 90, False, []
        self.numbers, self.orders = itertools.count(1), {}
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 30, "-subj", "/CN=Authority of the tests",
                "-keyout", self.folder / "ca.key", "-out", self.folder / "ca.crt")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 30, "-subj", "/CN=localhost",
                "-keyout", self.folder / "key", "-out", self.folder / "crt")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "crt", self.folder / "key")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.authority = self
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def sign(self, csr):
        (self.folder / "csr").write_bytes(openssl("req", "-inform", "DER", input=csr))
        openssl("x509", "-req", "-in", self.folder / "csr", "-CA", self.folder / "ca.crt", "-CAkey", self.folder / "ca.key", "-CAcreateserial",
                "-copy_extensions", "copy", "-days", self.days, "-out", self.folder / "signed")
        return (self.folder / "signed").read_bytes() + (self.folder / "ca.crt").read_bytes()

    def is_answered(self, name, token):
        """As the real one: by plain HTTP at port 80. All names lead to this machine."""
        asked = urllib.request.Request(f"http://127.0.0.1/.well-known/acme-challenge/{token}", headers={"Host": name})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=10) as answer:
                found = answer.read().decode().startswith(f"{token}.")
        except OSError:
            found = False
        self.looked_at.append((name, found))
        return found and not self.refuse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body=None, kind="application/json", **headers):
        data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        self.send_response(status)
        for name, value in {"Replay-Nonce": f"nonce{next(self.server.authority.numbers)}", "Content-Type": kind, "Content-Length": str(len(data)),
                            **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def do_GET(self):
        url = self.server.authority.url
        self.reply(200, {name: f"{url}/{name}" for name in ("newNonce", "newAccount", "newOrder", "revokeCert", "keyChange")})

    do_HEAD = do_GET

    def do_POST(self):
        a = self.server.authority
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        payload = json.loads(decoded(sent["payload"]) or b"{}")
        _, what, *rest = self.path.split("/")
        if what == "newAccount":
            return self.reply(201, {"status": "valid"}, Location=f"{a.url}/account/1")
        if what == "account" or what == "revokeCert":
            return self.reply(200, {"status": "valid"})
        if what == "newOrder":
            id = str(next(a.numbers))
            a.orders[id] = {"names": [x["value"] for x in payload["identifiers"]], "status": {}}
            return self.reply(201, self.order(id), Location=f"{a.url}/order/{id}")
        order = a.orders[rest[0]]
        if what == "authz":
            return self.reply(200, self.authz(rest[0], rest[1]))
        if what == "challenge":
            order["status"][rest[1]] = "valid" if a.is_answered(rest[1], token_of(*rest)) else "invalid"
            return self.reply(200, self.challenge(*rest), Link=f'<{a.url}/authz/{rest[0]}/{rest[1]}>;rel="up"')
        if what == "finalize":
            order["signed"] = a.sign(decoded(payload["csr"]))
        if what == "certificate":
            return self.reply(200, order["signed"], "application/pem-certificate-chain")
        return self.reply(200, self.order(rest[0]), Location=f"{a.url}/order/{rest[0]}")

    def order(self, id):
        url, order = self.server.authority.url, self.server.authority.orders[id]
        ready = all(order["status"].get(name) == "valid" for name in order["names"])
        made = {"status": "valid" if "signed" in order else "ready" if ready else "pending", "finalize": f"{url}/finalize/{id}",
                "expires": "2099-01-01T00:00:00Z", "identifiers": [{"type": "dns", "value": name} for name in order["names"]],
                "authorizations": [f"{url}/authz/{id}/{name}" for name in order["names"]]}
        return {**made, "certificate": f"{url}/certificate/{id}"} if "signed" in order else made

    def authz(self, id, name):
        return {"status": self.status(id, name), "identifier": {"type": "dns", "value": name}, "challenges": [self.challenge(id, name)]}

    def challenge(self, id, name):
        made = {"type": "http-01", "token": token_of(id, name), "url": f"{self.server.authority.url}/challenge/{id}/{name}", "status": self.status(id, name)}
        wrong = {"error": {"type": "urn:ietf:params:acme:error:connection", "detail": "nobody answers at port 80"}}
        return {**made, **wrong} if made["status"] == "invalid" else made

    def status(self, id, name):
        return self.server.authority.orders[id]["status"].get(name, "pending")
