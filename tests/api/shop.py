"""Buying at a Stripe of one's own (tests/fakes/checkouts.py), which the app billing believes in."""

import concurrent.futures
import contextlib
import pathlib
import sys
import threading
import uuid

import pytest
from helpers import expect
from plans import now

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from checkouts import FakeStripe  # noqa: E402

PRICES = {"small": "price_1SmallTest", "large": "price_1LargeTest"}
PATIENCE_SEC = 2  # of the app with each call; with all of a request's together: twice that


def credential(stack, name):
    return stack.at.credentials / "billing" / name


@contextlib.contextmanager
def with_credential(stack, name, text):
    """The app has it from its next start on."""
    file = credential(stack, name)
    before = file.read_bytes()
    file.chmod(0o600)
    file.write_text(text)
    try:
        yield
    finally:
        file.write_bytes(before)
        file.chmod(0o400)


@pytest.fixture(scope="module")
def shop(stack):
    with FakeStripe(stack.at.tls / "leaf.crt", stack.at.tls / "leaf.key", now=lambda: int(now(stack).timestamp())) as fake:
        with stack.configured("billing", stripe_api_url=fake.url, stripe_ca_file=stack.ca, stripe_allow_private_addresses="yes",
                              stripe_interactive_timeout_sec=PATIENCE_SEC):
            yield fake


@pytest.fixture
def stripe(shop):
    """As if nobody had ever asked."""
    shop.reset()
    yield shop
    shop.reset()


def checkout(user, plan="small", web=None):
    return (web or user.web).post("/api/v1/billing/checkout", json={"plan": plan, "accepted_terms": True})


def to_pay(user, plan="small"):
    """The id of the session that the user is sent to."""
    data = expect(checkout(user, plan), 200)["data"]
    assert data["kind"] == "checkout" and data["expires_at"], data
    return data["url"].rpartition("/")[2].partition("#")[0]


def sync(user, session):
    return user.web.post("/api/v1/billing/sync", json={"session_id": session})


def row(user):
    rows = user.stack.sql("SELECT * FROM subscriptions WHERE user_id = %s", uuid.UUID(user.id).bytes)
    return rows[0] if rows else None


def session_of(user):
    return row(user)["checkout_session_id"]


def change_row(user, what, *values):
    user.stack.sql(f"UPDATE subscriptions SET {what} WHERE user_id = %s", *values, uuid.UUID(user.id).bytes)


def customer_of(stripe, user):
    (id,) = [c["id"] for c in stripe.customers.values() if not c.get("deleted") and c["metadata"]["user_id"] == user.id]
    return id


def portal(user):
    return user.web.post("/api/v1/billing/portal")


def to_portal(stripe, user, plan="small"):
    data = expect(checkout(user, plan), 200)["data"]
    assert data == {"kind": "portal", "url": f"https://billing.stripe.example/p/session/{customer_of(stripe, user)}", "expires_at": None}


def one_open(stripe, session):
    assert stripe.open_sessions() == [session]


def is_free(user):
    """The lease."""
    return row(user)["sync_token"] is None and row(user)["sync_until_us"] is None


def at_once(calls):
    ready = threading.Barrier(len(calls))

    def run(call):
        ready.wait()
        return call()

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


__all__ = ["PRICES", "at_once", "change_row", "checkout", "credential", "customer_of", "is_free", "one_open", "portal", "row", "session_of", "shop",
           "stripe", "sync", "to_pay", "to_portal", "with_credential"]
