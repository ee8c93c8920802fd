"""Users with a customer at a Stripe of one's own (tests/fakes/stripe.py), which worker@billing believes in."""

import hashlib
import hmac
import itertools
import json
import os
import pathlib
import sys
import time
import uuid

import pytest
from helpers import expect
from mailing import files
from plans import billing, now

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))
from stripe import FakeStripe  # noqa: E402

numbers = itertools.count(1)
ADMIN = "money@example.com"


@pytest.fixture(scope="module")
def stripe(stack):
    with FakeStripe(stack.at.tls / "leaf.crt", stack.at.tls / "leaf.key") as fake, \
            stack.configured("worker-billing", stripe_api_url=fake.url, billing_admin_email=ADMIN), \
            stack.configured("worker-mail", billing_admin_email=ADMIN):
        yield fake


@pytest.fixture(autouse=True)
def well_behaved(stripe):
    yield
    stripe.behaviours.clear()
    stripe.last.clear()
    stripe.released.clear()


class Payer:
    """A user with a customer, whose subscription is `sub`."""

    def __init__(self, user, stripe):
        self.user, self.stack, self.stripe = user, user.stack, stripe
        self.id = uuid.UUID(user.id).bytes
        word = f"{os.getpid()}x{next(numbers)}"
        self.customer, self.sub = f"cus_{word}", f"sub_{word}"
        stripe.customers[self.customer] = {"email": user.email}

    def bind(self):
        self.stack.sql("INSERT INTO subscriptions (user_id, customer_id, created_at_us, updated_at_us) VALUES (%s, %s, 1, 1)",
                       self.id, self.customer)
        return self

    def subscribe(self, **more):
        self.stripe.subscribe(self.customer, self.sub, **more)

    def row(self):
        rows = self.stack.sql("SELECT * FROM subscriptions WHERE user_id = %s", self.id)
        return rows[0] if rows else None

    def plan(self):
        return billing(self.user)["plan"]

    def invoice(self, **more):
        return {"id": f"in_{self.sub}", "object": "invoice", "customer": self.customer, "status": "open",
                "hosted_invoice_url": f"https://invoice.example/{self.sub}",
                "parent": {"subscription_details": {"subscription": self.sub}}, **more}

    def subscription(self):
        return self.stripe.subscriptions[self.sub]


@pytest.fixture
def payer(user, stripe):
    return Payer(user, stripe).bind()


def event(type, object, **more):
    return {"id": f"evt_{os.getpid()}x{next(numbers)}", "object": "event", "type": type, "livemode": False,
            "created": int(time.time()), "data": {"object": object}, **more}


def deliver(stack, sent):
    secret = (stack.at.credentials / "billing/stripe-webhook-secrets").read_text().split()[0]
    body, at = json.dumps(sent), int(now(stack).timestamp())
    v1 = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    expect(stack.client().post("/webhooks/stripe", data=body,
                               headers={"Content-Type": "application/json", "Stripe-Signature": f"t={at},v1={v1}"}), 200)
    return sent["id"]


def stored(stack, id):
    (row,) = stack.sql("SELECT * FROM provider_events WHERE event_id = %s", id)
    return row


def done(stack, id):
    row = stack.wait(lambda: (r := stored(stack, id))["state"] != "waiting" and r, f"{id} is worked off")
    return row["state"], row["why"]


def tell(payer, type, object, **more):
    """The event, worked off."""
    id = deliver(payer.stack, event(type, object, **more))
    assert done(payer.stack, id) == ("done", None)
    return id


def jobs(stack, kind, subject):
    return stack.sql("SELECT * FROM jobs_billing WHERE kind = %s AND subject_id = %s", kind, subject)


def settled(stack, kind, subject):
    stack.wait(lambda: not jobs(stack, kind, subject), f"the job {kind} has ended")


def alarms(stack):
    """Of this process."""
    said = stack.log("worker-billing").rpartition('"event":"started"')[2]
    return [line for line in said.splitlines() if '"event":"billing_attention"' in line]


def alarms_of(payer):
    """What they say, of a user."""
    return [json.loads(line)["what"] for line in alarms(payer.stack) if payer.user.id in line]


def put_off(payer, kind):
    """The job, when it has run and waits."""
    return payer.stack.wait(lambda: [j for j in jobs(payer.stack, kind, payer.id) if j["tries"] and not j["lease_token"]], f"{kind} is put off")[0]


def at_once(payer, kind):
    payer.stack.sql("UPDATE jobs_billing SET run_at_us = 1 WHERE kind = %s AND subject_id = %s AND lease_token IS NULL", kind, payer.id)


def shown_to_admin(payer):
    return payer.stack.admin("billing", "show", payer.user.id).stdout


def letters(payer, subject):
    return [m for m in files(payer.stack) if m.to == payer.user.email and subject in m.subject]
