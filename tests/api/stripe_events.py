"""What Stripe sends: events, signed as it signs them, and how they are delivered."""

import hashlib
import hmac
import json
import secrets
import uuid

from plans import now

PATH = "/webhooks/stripe"


def secret_of(stack):
    return (stack.at.credentials / "billing" / "stripe-webhook-secrets").read_text().split()[0]


def signature(secret, payload, at):
    return hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()


def signed(stack, payload, secret=None, age_sec=0):
    at = int(now(stack).timestamp()) - age_sec
    return f"t={at},v1={signature(secret or secret_of(stack), payload, at)}"


def new_id(prefix):
    return f"{prefix}_{secrets.token_hex(12)}"


def event(type="customer.subscription.updated", customer=None, object=None, **more):
    """One of Stripe's, whose object is of the kind that the type has."""
    kind = object or {"customer.deleted": "customer", "charge.refunded": "charge"}.get(
        type, "subscription" if type.startswith("customer.subscription.") else
        "checkout.session" if type.startswith("checkout.session.") else
        "dispute" if type.startswith("charge.dispute.") else
        "radar.early_fraud_warning" if type.startswith("radar.") else "invoice")
    inner = {"id": customer if kind == "customer" else new_id({"subscription": "sub", "charge": "ch"}.get(kind, "in")), "object": kind,
             **more.pop("data", {})}
    if customer and kind != "customer":
        inner["customer"] = customer
    return {"id": new_id("evt"), "object": "event", "api_version": "2026-10-28.endive", "created": 1795000000, "livemode": False,
            "pending_webhooks": 1, "request": {"id": None, "idempotency_key": None}, "type": type, "data": {"object": inner}, **more}


def bytes_of(what):
    return what if isinstance(what, bytes) else json.dumps(what, indent=2).encode()


def deliver(stack, what, header=None, client=None, **headers):
    """The answer. header "": none is sent."""
    payload = bytes_of(what)
    if header is None:
        header = signed(stack, payload)
    sent = {"Content-Type": "application/json; charset=utf-8", **({"Stripe-Signature": header} if header else {}), **headers}
    return (client or stack.client()).post(PATH, data=payload, headers=sent)


def customer_of(user, customer=None):
    """The user has this customer at Stripe, and nothing else yet."""
    customer = customer or new_id("cus")
    user.stack.sql("INSERT INTO subscriptions (user_id, customer_id, created_at_us, updated_at_us) VALUES (%s, %s, 1, 1)",
                   uuid.UUID(user.id).bytes, customer)
    return customer


def row(stack, event_id):
    rows = stack.sql("SELECT * FROM provider_events WHERE event_id = %s", event_id)
    return rows[0] if rows else None


def jobs(stack, kind, subject):
    """How many there are: of a user (text) or an event (bytes)."""
    subject = uuid.UUID(subject).bytes if isinstance(subject, str) else subject
    return stack.sql("SELECT COUNT(*) n FROM jobs_billing WHERE kind = %s AND subject_id = %s", kind, subject)[0]["n"]
