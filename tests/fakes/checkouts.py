"""A Stripe of one test: it keeps idempotency keys as Stripe does, and fails where the test wants it. (The simulator, which lives in
the stack, has webhooks, time and pages besides.)

    with FakeStripe(certificate, key) as stripe:
        stripe.behave("checkout", "lost", "ok")    # the first is made, and nobody is told; all later ones are answered
        ... stripe.url ...
        stripe.pay(session_id)
        assert len(stripe.asked("checkout")) == 2

Operations: customer, customer_get, customer_delete, checkout, checkout_get, checkouts, expire, portal, subscriptions.
Behaviours: ok; drop (not done, no answer); lost (done, no answer); hang (not done, never answered); garbage (200, not JSON);
http:NNN (not done, and not kept); kept:NNN (not done, and kept for its idempotency key); no:NNN:CODE (refused);
dead (the connection is closed before TLS).
stripe.before[operation] = function: called once, before the next such call is done.
"""

import collections
import contextlib
import http.server
import itertools
import json
import ssl
import threading
import urllib.parse

PATHS = (("POST", ("customers",), "customer"), ("GET", ("customers", None), "customer_get"),
         ("POST", ("customers", None), "customer_update"), ("DELETE", ("customers", None), "customer_delete"),
         ("POST", ("checkout", "sessions"), "checkout"), ("GET", ("checkout", "sessions"), "checkouts"),
         ("GET", ("checkout", "sessions", None), "checkout_get"), ("POST", ("checkout", "sessions", None, "expire"), "expire"),
         ("POST", ("billing_portal", "sessions"), "portal"), ("GET", ("subscriptions",), "subscriptions"))
NO_ANSWER = object()


class Refused(Exception):
    def __init__(self, status, code=None, param=None, type="invalid_request_error"):
        super().__init__(code)
        self.status, self.body = status, {"error": {"type": type, "code": code, "param": param, "message": "as asked"}}


def find(method, parts):
    for m, pattern, name in PATHS:
        if m == method and len(pattern) == len(parts) and all(p in (None, q) for p, q in zip(pattern, parts)):
            return name, [q for p, q in zip(pattern, parts) if p is None]
    raise Refused(404, None)


class FakeStripe:
    def __init__(self, certificate, key, livemode=False, now=lambda: 1_800_000_000):
        self.livemode, self.now = livemode, now
        self.numbers, self.lock, self.ended = itertools.count(1), threading.RLock(), threading.Event()
        self.reset()
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self):
                fake.serve(self)

            do_GET = do_POST = do_DELETE = answer

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 64

            def finish_request(self, request, address):
                if fake.last["connection"] == "dead":
                    return
                with contextlib.suppress(OSError):
                    super().finish_request(tls.wrap_socket(request, server_side=True), address)

        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"https://localhost:{self.server.server_address[1]}"

    def reset(self):
        with self.lock:
            self.customers, self.sessions, self.subscriptions = {}, {}, {}
            self.behaviours, self.last = collections.defaultdict(collections.deque), collections.defaultdict(lambda: "ok")
            self.calls, self.kept, self.before = [], {}, {}

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()

    def behave(self, operation, *behaviours):
        """One a call; the last one stays."""
        with self.lock:
            self.behaviours[operation], self.last[operation] = collections.deque(behaviours), behaviours[-1]

    def asked(self, operation):
        return [fields for name, fields in self.calls if name == operation]

    # --- what people do at Stripe

    def pay(self, session_id, status="active"):
        with self.lock:
            s = self.sessions[session_id]
            assert s["status"] == "open", s
            subscription = self.subscribe(s["customer"], s["price"], status)
            s.update(status="complete", subscription=subscription["id"])
            return subscription

    def subscribe(self, customer, price, status="active"):
        id = f"sub_{next(self.numbers)}"
        self.subscriptions[id] = {
            "id": id, "object": "subscription", "customer": customer, "status": status, "livemode": self.livemode,
            "created": self.now(), "metadata": {}, "cancel_at_period_end": False, "cancel_at": None, "trial_end": None, "ended_at": None,
            "items": {"object": "list", "has_more": False, "data": [
                {"price": {"id": price}, "current_period_start": self.now(), "current_period_end": self.now() + 30 * 86400}]}}
        return self.subscriptions[id]

    # --- the API

    def serve(self, h):
        path, _, query = h.path.partition("?")
        body = h.rfile.read(int(h.headers.get("Content-Length", 0))).decode()
        fields = dict(urllib.parse.parse_qsl(body or query, keep_blank_values=True))
        assert path.startswith("/v1/") and h.headers["Stripe-Version"] and h.headers["Authorization"].startswith("Bearer rk_")
        replayed, key = False, h.headers["Idempotency-Key"]
        try:
            name, ids = find(h.command, path.split("/")[2:])
            status, answer, replayed = self.once(name, ids, fields, key)
        except Refused as e:
            status, answer = e.status, e.body
        if answer is NO_ANSWER:
            h.close_connection = True
            return
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        h.send_response(status)
        for header, value in (("Content-Type", "application/json"), ("Content-Length", str(len(text))),
                              ("Request-Id", f"req_{next(self.numbers)}"), *([("Idempotent-Replayed", "true")] if replayed else [])):
            h.send_header(header, value)
        h.end_headers()
        h.wfile.write(text)

    def once(self, name, ids, fields, key):
        """(status, answer, is it a kept one?)"""
        with self.lock:
            self.calls.append((name, {**fields, "ids": ids, "key": key}))
            behaviour = self.behaviours[name].popleft() if self.behaviours[name] else self.last[name]
            hook = self.before.pop(name, None)
        if hook is not None:
            hook()
        kind, _, rest = behaviour.partition(":")
        if kind == "hang":
            self.ended.wait(120)
        if kind in ("drop", "hang"):
            return None, NO_ANSWER, False
        if kind == "garbage":
            return 200, b"<html>not JSON</html>", False
        if kind == "http":
            return int(rest), b"oops", False
        if kind == "no":
            number, _, code = rest.partition(":")
            raise Refused(int(number), code or None)
        with self.lock:
            if key in self.kept:
                before, status, answer = self.kept[key]
                if before != (name, ids, fields):
                    raise Refused(400, type="idempotency_error")
                return (None, NO_ANSWER, False) if kind == "lost" else (status, answer, True)
            if kind == "kept":
                status, answer = int(rest), {"error": {"type": "api_error"}}
            else:
                status, answer = 200, json.loads(json.dumps(self.done(name, ids, fields)))
            if key is not None:
                self.kept[key] = (name, ids, fields), status, answer
            return (None, NO_ANSWER, False) if kind == "lost" else (status, answer, False)

    def done(self, name, ids, fields):
        return getattr(self, "list_subscriptions" if name == "subscriptions" else name)(*ids, fields)

    def there(self, what, id, param=None):
        if id not in what:
            raise Refused(404, "resource_missing", param)
        return what[id]

    def customer(self, fields):
        id = f"cus_{next(self.numbers)}"
        self.customers[id] = {"id": id, "object": "customer", "livemode": self.livemode, "email": fields["email"],
                              "metadata": {"user_id": fields["metadata[user_id]"]}}
        return self.customers[id]

    def customer_get(self, id, fields):
        return self.there(self.customers, id)

    def customer_delete(self, id, fields=None):
        self.there(self.customers, id)
        self.customers[id] = {"id": id, "object": "customer", "deleted": True}
        for s in self.subscriptions.values():
            if s["customer"] == id:
                s["status"] = "canceled"
        return self.customers[id]

    def alive(self, id):
        if self.customers.get(id, {"deleted": True}).get("deleted"):
            raise Refused(400, "resource_missing", "customer")

    def checkout(self, fields):
        self.alive(fields["customer"])
        if int(fields["expires_at"]) < self.now() + 1800:
            raise Refused(400, None, "expires_at")
        id = f"cs_test_{next(self.numbers)}"
        self.sessions[id] = {"id": id, "object": "checkout.session", "livemode": self.livemode, "status": "open", "subscription": None,
                             "customer": fields["customer"], "client_reference_id": fields["client_reference_id"],
                             "price": fields["line_items[0][price]"], "expires_at": int(fields["expires_at"]),
                             "url": f"https://checkout.stripe.example/c/pay/{id}#x"}
        return self.shown(self.sessions[id])

    def shown(self, session):
        if session["status"] == "open" and session["expires_at"] <= self.now():
            session["status"] = "expired"
        return {**session, "url": session["url"] if session["status"] == "open" else None}

    def checkout_get(self, id, fields):
        return self.shown(self.there(self.sessions, id))

    def checkouts(self, fields):
        data = [self.shown(s) for s in self.sessions.values() if s["customer"] == fields["customer"]]
        return {"object": "list", "has_more": False, "data": [s for s in data if s["status"] == fields["status"]]}

    def expire(self, id, fields):
        session = self.there(self.sessions, id)
        if self.shown(session)["status"] != "open":
            raise Refused(400)
        session["status"] = "expired"
        return self.shown(session)

    def open_sessions(self):
        return [s["id"] for s in self.sessions.values() if self.shown(s)["status"] == "open"]

    def portal(self, fields):
        self.alive(fields["customer"])
        return {"id": f"bps_{next(self.numbers)}", "object": "billing_portal.session", "livemode": self.livemode,
                "url": f"https://billing.stripe.example/p/session/{fields['customer']}"}

    def subscriptions_of(self, customer):
        return [s for s in self.subscriptions.values() if s["customer"] == customer]

    def list_subscriptions(self, fields):
        self.there(self.customers, fields["customer"], "customer")
        return {"object": "list", "has_more": False, "data": self.subscriptions_of(fields["customer"])[::-1]}
