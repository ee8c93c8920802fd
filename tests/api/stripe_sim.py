"""The Stripe simulator: as our programs see it, as people do, and what a test can make of it (tests/README.md#the-stripe-simulator)."""

import hashlib
import hmac
import json
import time
import uuid

from helpers import Client

PRICE = "price_test"
DAY = 86_400


def bare(stripe_id):
    """The digits of an id, as the tables have them: bytes."""
    return bytes.fromhex(stripe_id.split("_")[-1])


class Stripe:
    def __init__(self, stack):
        self.stack = stack
        self.http = Client(stack.sandbox_url, stack.ca)
        self.key = self.credential("stripe-simulator-key")
        self.secret = self.credential("stripe-simulator-secrets").split()[0]

    def credential(self, name):
        [file] = self.stack.at.credentials.glob(f"*sandbox*/{name}")
        return file.read_text().strip()

    # The API

    def headers(self, key=None):
        return {"Authorization": f"Bearer {self.key}", **({"Idempotency-Key": key} if key else {})}

    def post(self, path, data=None, key=None):
        return self.http.post(path, data=data or {}, headers=self.headers(key))

    def get(self, path, **params):
        return self.http.get(path, params=params, headers=self.headers())

    def made(self, path, data=None, key=None):
        answer = self.post(path, data, key)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def got(self, path, **params):
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def customer(self, user_id=None, email="a@example.org", key=None):
        return self.made("/v1/customers", {"email": email, "metadata[user_id]": user_id or str(uuid.uuid4())}, key)

    def checkout_fields(self, customer, **more):
        return {"mode": "subscription", "customer": customer, "line_items[0][price]": PRICE, "line_items[0][quantity]": 1,
                "success_url": f"{self.stack.url}/billing/done?session_id={{CHECKOUT_SESSION_ID}}",
                "cancel_url": f"{self.stack.url}/billing/canceled", **more}

    def checkout(self, customer, key=None, **more):
        return self.made("/v1/checkout/sessions", self.checkout_fields(customer, **more), key)

    def subscriptions(self, customer):
        return self.got("/v1/subscriptions", customer=customer, status="all", limit=100)["data"]  # covers: GET /v1/subscriptions

    # People

    def pay(self, session, card="pays", **more):
        """At the checkout page, by the address that the session has. Where it leads to."""
        answer = self.http.post(session["url"], data={"action": "pay", "card": card, **more}, allow_redirects=False)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def subscribe(self, customer, card="pays", **more):
        """The subscription that came of a checkout."""
        session = self.checkout(customer, **more)
        self.pay(session, card)
        return self.got(f"/v1/checkout/sessions/{session['id']}")["subscription"]

    def choose(self, customer, action, subscription=None, status=303, **more):
        """A button of the portal's page: the table at the end of fcgi-apps/sandbox/stripe/portal.c."""
        portal = self.made("/v1/billing_portal/sessions", {"customer": customer, "return_url": f"{self.stack.url}/billing"})
        answer = self.http.post(portal["url"], data={"action": action, "subscription": subscription, **more}, allow_redirects=False)
        assert answer.status_code == status, answer.text
        return answer

    def pass_days(self, customer, days):
        self.choose(customer, "advance", days=days)

    # What a test can make of it

    def hold(self, customer, held=True):
        """Events are made, and not sent: the test sends them."""
        self.stack.sql("UPDATE sandbox_stripe_customers SET is_held = %s WHERE id = %s", held, bare(customer))

    def events(self, customer):
        """As they came up: [{"id", "type", ...}]."""
        rows = self.stack.sql("SELECT body FROM sandbox_stripe_events WHERE customer_id = %s ORDER BY id", bare(customer))
        return [json.loads(row["body"]) for row in rows]

    def types(self, customer):
        return [event["type"] for event in self.events(customer)]

    def body(self, event_id):
        [row] = self.stack.sql("SELECT body FROM sandbox_stripe_events WHERE id = %s", bare(event_id))
        return row["body"].encode()

    def signed(self, body, at=None, secret=None):
        at = int(time.time()) if at is None else at
        mac = hmac.new((secret or self.secret).encode(), str(at).encode() + b"." + body, hashlib.sha256).hexdigest()
        return {"Stripe-Signature": f"t={at},v1={mac}", "Content-Type": "application/json"}

    def deliver(self, event_id):
        """Sends a stored event, as often as it is called; says that it was delivered as the simulator would."""
        body = self.body(event_id)
        answer = self.stack.client().post("/webhooks/stripe", data=body, headers=self.signed(body))
        if answer.status_code // 100 == 2:
            self.stack.sql("UPDATE sandbox_stripe_events SET delivered_at_us = 1, next_at_us = NULL WHERE id = %s", bare(event_id))
        return answer

    def script(self, operation, status=0, made=False, kept=False, wait_ms=0, times=1):
        """For the next calls of that operation (the names in fcgi-apps/sandbox/stripe/): the HTTP status; with made, the call
        is carried out and its answer is lost; with kept, a repeat with the same Idempotency-Key gets it again."""
        self.stack.sql("REPLACE INTO sandbox_stripe_calls (kind, call_key, status, is_made, is_kept, wait_ms, times, created_at_us)"
                       " VALUES ('scripted', %s, %s, %s, %s, %s, %s, %s)",
                       operation, status, made, kept, wait_ms, times, time.time_ns() // 1000)

    def forget_scripts(self):
        self.stack.sql("DELETE FROM sandbox_stripe_calls WHERE kind = 'scripted'")
