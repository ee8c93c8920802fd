"""A Stripe that holds what a test puts into it, answers what worker@billing asks, and fails when it is told to.

    with FakeStripe(certificate, key) as stripe:
        stripe.customers["cus_1"] = {}                       # or {"deleted": True}
        stripe.subscribe("cus_1", "sub_1", status="active")
        stripe.behave("/v1/subscriptions", "500", "ok")      # the first list fails, all later ones go well
        ... stripe.url ...
        assert stripe.asked("GET", "/v1/subscriptions")

Behaviours: ok; drop (does what it is asked for and closes without an answer); NNN (this status, with Stripe's error object);
held (answers after release()).
"""

import collections
import http.server
import json
import re
import ssl
import threading
import time
import urllib.parse


class FakeStripe:
    def __init__(self, certificate, key):
        self.customers, self.subscriptions, self.charges, self.events = {}, {}, {}, []
        self.page_events = 100  # at most, of a page that is asked for more
        self.sessions = {}  # id: customer, of those that are open
        self.requests = []  # (method, path, {name: value})
        self.behaviours = collections.defaultdict(collections.deque)
        self.last = collections.defaultdict(lambda: "ok")
        self.lock, self.released = threading.Lock(), threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def clear(self):
        """It has nothing, as at first."""
        for kept in (self.customers, self.subscriptions, self.charges, self.events, self.sessions, self.requests):
            kept.clear()

    def subscribe(self, customer, id, status="active", price="price_1SmallTest", **more):
        now = int(time.time())
        self.subscriptions[id] = {
            "id": id, "object": "subscription", "customer": customer, "livemode": False, "status": status, "created": now,
            "items": {"object": "list", "has_more": False, "data": [{
                "id": f"si_{id}", "price": {"id": price}, "current_period_start": more.pop("start", now),
                "current_period_end": more.pop("end", now + 30 * 86400)}]}, **more}

    def behave(self, path, *behaviours):
        """One behaviour a request below this path; the last one stays."""
        with self.lock:
            self.behaviours[path] = collections.deque(behaviours)
            self.last[path] = behaviours[-1]

    def release(self):
        self.released.set()

    def asked(self, method, path):
        return [given for m, p, given in self.requests if (m, p) == (method, path)]

    def next_behaviour(self, path):
        with self.lock:
            own = max((p for p in self.last if path.startswith(p)), key=len, default=None)
            return "ok" if own is None else self.behaviours[own].popleft() if self.behaviours[own] else self.last[own]

    # What it says: a status and an object

    def missing(self, what):
        return 404, {"error": {"type": "invalid_request_error", "code": "resource_missing", "param": what}}

    def customer(self, method, id, given):
        own = self.customers.get(id)
        if own is None or (own.get("deleted") and method != "GET"):
            return self.missing("id")
        if method == "DELETE":
            own.clear()
            own["deleted"] = True
            for sub in self.subscriptions.values():
                if sub["customer"] == id:
                    sub["status"] = "canceled"
        if own.get("deleted"):
            return 200, {"id": id, "object": "customer", "deleted": True}
        own.update(given)
        return 200, {"id": id, "object": "customer", "livemode": False, "metadata": {}, **own}

    def listed(self, rows):
        return 200, {"object": "list", "has_more": False, "data": rows}

    def answer(self, method, path, given):
        if found := re.fullmatch(r"/v1/customers/(\w+)", path):
            return self.customer(method, found[1], given)
        if path == "/v1/customers" and method == "GET":
            return self.page([{"id": id, "object": "customer", "livemode": False, "metadata": {}, **c} for id, c in reversed(self.customers.items())
                              if not c.get("deleted")], given)
        if path == "/v1/subscriptions":
            if given["customer"] not in self.customers:
                return self.missing("customer")
            return self.listed([s for s in self.subscriptions.values() if s["customer"] == given["customer"]][::-1])
        if path == "/v1/checkout/sessions":
            return self.listed([{"id": id, "object": "checkout.session", "status": "open", "livemode": False, "customer": c,
                                 "url": f"https://checkout.example/{id}"}
                                for id, c in self.sessions.items() if c == given["customer"]])
        if found := re.fullmatch(r"/v1/checkout/sessions/(\w+)/expire", path):
            if self.sessions.pop(found[1], None) is None:
                return 400, {"error": {"type": "invalid_request_error"}}
            return 200, {"id": found[1], "object": "checkout.session", "status": "expired", "livemode": False}
        if found := re.fullmatch(r"/v1/charges/(\w+)", path):
            if found[1] not in self.charges:
                return self.missing("id")
            return 200, {"id": found[1], "object": "charge", "customer": self.charges[found[1]]}
        if path == "/v1/events":
            return self.page_of_events(given)
        return 404, {"error": {"type": "invalid_request_error"}}

    def page_of_events(self, given):
        types = [value for name, value in given.items() if name.startswith("types[")]
        return self.page([e for e in reversed(self.events) if e["type"] in types], given, self.page_events)

    def page(self, own, given, most=100):
        if "starting_after" in given:
            ids = [one["id"] for one in own]
            if given["starting_after"] not in ids:
                return self.missing("starting_after")
            own = own[ids.index(given["starting_after"]) + 1:]
        size = min(int(given["limit"]), most)
        return 200, {"object": "list", "has_more": len(own) > size, "data": own[:size]}

    def handler(fake):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def serve(self):
                path, _, query = self.path.partition("?")
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                given = dict(urllib.parse.parse_qsl(query or body, keep_blank_values=True))
                behaviour = fake.next_behaviour(path)
                with fake.lock:
                    fake.requests.append((self.command, path, given))
                    if behaviour.isdigit():
                        status, object = int(behaviour), {"error": {"type": "api_error"}}
                    else:
                        status, object = fake.answer(self.command, path, given)
                if behaviour == "held":
                    fake.released.wait()
                if behaviour == "drop":
                    self.close_connection = True
                    return
                text = json.dumps(object).encode()
                self.send_response(status)
                self.send_header("Request-Id", f"req_{len(fake.requests)}")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_DELETE = serve
        return Handler
