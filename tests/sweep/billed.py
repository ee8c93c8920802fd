"""Flows of worker@billing: what Stripe's events come to, and what it is asked to do. Stripe is tests/fakes/stripe.py: each run begins with
what the flow wants it to have."""

import sys
import uuid

from world import HERE  # first: it knows where the next ones are

sys.path.append(str(HERE.parent / "fakes"))

import conftest  # isort: skip
from accounts import id_of  # isort: skip
from flows import Flow, state  # isort: skip
from helpers import expect  # isort: skip
from stripe import FakeStripe  # isort: skip
from payers import deliver, event  # isort: skip

ADMIN = "money@example.com"


def stripe_of(world):
    at = world.stack.at
    if world.stripe is None:
        world.stripe = FakeStripe(at.tls / "leaf.crt", at.tls / "leaf.key").__enter__()
    return world.stripe


def billed_ready(world):
    world.hold("worker-billing")
    world.hold("worker-mail")
    s = state(user=world.user(), stripe=stripe_of(world))
    assert s.user.key
    word = uuid.uuid4().hex
    s.customer, s.sub, s.charge = f"cus_{word}", f"sub_{word}", f"ch_{word}"
    world.stack.sql("INSERT INTO subscriptions (user_id, customer_id, created_at_us, updated_at_us) VALUES (%s, %s, 1, 1)",
                    id_of(s), s.customer)
    world.stack.sql("DELETE FROM jobs_billing")  # the standing ones are made anew
    begin_stripe(s)
    return s


def begin_stripe(s):
    fake = s.stripe
    fake.clear()
    fake.customers[s.customer] = {"email": "old@example.com"}
    fake.charges[s.charge] = s.customer
    fake.sessions.update({f"cs_{s.sub}": s.customer, "cs_other": "cus_other"})
    fake.subscribe(s.customer, s.sub, status="past_due")


def bill(s):
    return {"id": f"in_{s.sub}", "object": "invoice", "customer": s.customer, "status": "open",
            "hosted_invoice_url": f"https://invoice.example/{s.sub}",
            "parent": {"subscription_details": {"subscription": s.sub}}}


def let_go(world):
    at, text = world.stack.at, world.stack.at.conf.read_text()
    for name, value in (("stripe_api_url", world.stripe.url), ("billing_admin_email", ADMIN)):
        text = conftest.with_setting(text, name, value)
    at.conf_of("worker-billing").write_text(text)
    world.let_go("worker-billing")


def jobs(world, kind):
    return world.stack.sql("SELECT * FROM jobs_billing WHERE kind = %s", kind)


def waiting(world, s):
    return world.count("SELECT COUNT(*) AS n FROM provider_events WHERE state = 'waiting'")


def is_through(world, s):
    return not waiting(world, s) and not jobs(world, "customer") and not jobs(world, "charge")


def has_plan(world, s, plan):
    """Wherever there is a copy of it, and at the API."""
    texts = (f"SELECT subscribed_plan AS plan FROM {table} WHERE {column} = %s"
             for table, column in (("users", "id"), ("sessions", "user_id"), ("api_keys", "user_id")))
    copies = [row["plan"] for text in texts for row in world.stack.sql(text, id_of(s))]
    assert len(copies) >= 3 and set(copies) == {plan}, copies
    assert expect(s.user.web.get("/api/v1/billing"), 200)["data"]["plan"] == (plan or "free")


def mails(world):
    return [r["template"] for r in world.stack.sql("SELECT template FROM mail_outbox ORDER BY id")]


def lease_is_free(world, s):
    rows = world.stack.sql("SELECT sync_token FROM subscriptions WHERE user_id = %s", id_of(s))
    return all(r["sync_token"] is None for r in rows)


def give_plan(world, s):
    for table, column in (("users", "id"), ("sessions", "user_id"), ("api_keys", "user_id")):
        world.stack.sql(f"UPDATE {table} SET subscribed_plan = 'small' WHERE {column} = %s", id_of(s))


# --- an event


def customer_ready(world):
    s = billed_ready(world)
    for _ in range(2):
        deliver(world.stack, event("invoice.payment_failed", bill(s)))
    return s


def customer_act(world, s):
    begin_stripe(s)
    let_go(world)
    world.until(lambda: is_through(world, s), "the events are done")


def customer_right(world, s):
    """The plan is there in all its copies, and one mail for the bill."""
    has_plan(world, s, "small")
    assert mails(world) == ["payment_failed"] and lease_is_free(world, s)
    assert world.count("SELECT COUNT(*) AS n FROM provider_events WHERE state = 'done'") == 2
    assert world.count("SELECT COUNT(*) AS n FROM provider_events WHERE link IS NULL AND mailed_at_us IS NOT NULL") == 1, "the mail has it"


# --- a customer whom Stripe does not know


def unknown_act(world, s):
    begin_stripe(s)
    del s.stripe.customers[s.customer]
    let_go(world)
    world.until(lambda: world.count("SELECT COUNT(*) AS n FROM subscriptions WHERE attention = 'unknown_customer'") == 1
                and all(j["lease_token"] is None for j in jobs(world, "customer")), "it is noted that somebody was told")


def unknown_right(world, s):
    """Somebody was, and nobody has lost a plan for it or an event."""
    assert [line for text in world.logged().values() for line in text.splitlines()
            if '"event":"billing_attention"' in line and "does not know the customer" in line and s.user.id in line]
    assert waiting(world, s) == 2 and lease_is_free(world, s) and len(jobs(world, "customer")) == 1


# --- a dispute


def charge_ready(world):
    s = billed_ready(world)
    deliver(world.stack, event("charge.dispute.created", {"id": f"du_{s.sub}", "object": "dispute", "charge": s.charge}))
    return s


def charge_right(world, s):
    """It is the user's, and one mail tells the admin."""
    assert mails(world) == ["billing_attention"] and lease_is_free(world, s)
    assert world.count("SELECT COUNT(*) AS n FROM provider_events WHERE state = 'done' AND user_id = %s", id_of(s)) == 1


# --- events that have never come


def reconcile_act(world, s):
    begin_stripe(s)
    s.stripe.events = [event("invoice.payment_failed", bill(s)) for _ in range(12)]
    let_go(world)
    world.until(lambda: world.count("SELECT COUNT(*) AS n FROM provider_events") == 12 and is_through(world, s)
                and any(j["run_at_us"] > world.now_us() + 3600 * 1_000_000 for j in jobs(world, "reconcile")),
                "all are found and done")


def reconcile_right(world, s):
    has_plan(world, s, "small")
    assert mails(world) == ["payment_failed"] and lease_is_free(world, s)
    assert world.count("SELECT COUNT(*) AS n FROM provider_events WHERE state = 'done' AND via = 'reconciliation'") == 12


# --- a period that is over, of which no event tells


def lapsed_ready(world):
    s = billed_ready(world)
    give_plan(world, s)
    world.stack.sql("UPDATE subscriptions SET subscription_id = %s, plan = 'small', status = 'active', period_end_us = %s, updated_at_us = 1"
                    " WHERE user_id = %s", s.sub, world.now_us() - 25 * 3600 * 1_000_000, id_of(s))
    return s


def lapsed_act(world, s):
    begin_stripe(s)
    s.stripe.subscriptions[s.sub]["status"] = "canceled"
    let_go(world)
    world.until(lambda: world.count("SELECT COUNT(*) AS n FROM subscriptions WHERE status = 'canceled'") == 1 and not jobs(world, "customer"),
                "it is seen that it has ended")


def lapsed_right(world, s):
    has_plan(world, s, None)
    assert lease_is_free(world, s) and mails(world) == []


# --- a changed address


def email_ready(world):
    s = billed_ready(world)
    world.stack.sql("INSERT INTO jobs_billing (id, kind, subject_id, state, run_at_us, created_at_us)"
                    " VALUES (%s, 'customer_email', %s, 'ready', 1, 1)", uuid.uuid4().bytes, id_of(s))
    return s


def email_act(world, s):
    begin_stripe(s)
    let_go(world)
    world.until(lambda: not jobs(world, "customer_email"), "Stripe was told")


def email_right(world, s):
    assert s.stripe.customers[s.customer]["email"] == s.user.email


# --- an erasure


def delete_ready(world):
    s = billed_ready(world)
    give_plan(world, s)
    deliver(world.stack, event("invoice.paid", bill(s)))
    world.stack.sql("DELETE FROM jobs_billing")
    done = world.stack.admin("billing", "forget", s.user.id)
    assert done.returncode == 0, done.stderr
    return s


def delete_act(world, s):
    begin_stripe(s)
    let_go(world)
    world.until(lambda: not jobs(world, "customer_delete"), "the customer is forgotten")


def delete_right(world, s):
    """At Stripe and here, and nobody can pay at a checkout that was open."""
    assert s.stripe.customers[s.customer] == {"deleted": True} and [*s.stripe.sessions] == ["cs_other"]
    assert world.count("SELECT COUNT(*) AS n FROM subscriptions WHERE user_id = %s", id_of(s)) == 0
    assert world.count("SELECT COUNT(*) AS n FROM provider_events") == 0
    has_plan(world, s, None)


WORKER = ("worker-billing",)
BILLED = [
    Flow("an event of Stripe's", WORKER, customer_ready, customer_act, customer_right, workers=True),
    Flow("a customer nobody knows", WORKER, customer_ready, unknown_act, unknown_right, workers=True),
    Flow("a dispute", WORKER, charge_ready, customer_act, charge_right, workers=True),
    Flow("reconciliation", WORKER, billed_ready, reconcile_act, reconcile_right, workers=True),
    Flow("a period that is over", WORKER, lapsed_ready, lapsed_act, lapsed_right, workers=True, about=("events_missed",)),
    Flow("an address for Stripe", WORKER, email_ready, email_act, email_right, workers=True),
    Flow("forget a customer", WORKER, delete_ready, delete_act, delete_right, workers=True),
]
