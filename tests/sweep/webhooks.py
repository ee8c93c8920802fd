"""Stripe's webhooks: two events at once, of which one comes twice."""

import concurrent.futures

from world import told  # first: it knows where the next ones are

from accounts import id_of  # isort: skip
from flows import Flow, state  # isort: skip
from stripe_events import customer_of, deliver, event  # isort: skip
from stripe_sim import Stripe  # isort: skip

TIMES = 3


def webhook_ready(world):
    s = state(user=world.user())
    customer = customer_of(s.user, Stripe(world.stack).customer(user_id=s.user.id)["id"])  # the worker asks about it
    s.events = [event(customer=customer) for _ in range(2)]
    return s


def webhook_act(world, s):
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        s.each = list(pool.map(lambda e: (e["id"], told(lambda: deliver(world.stack, e))), [s.events[0], s.events[1], s.events[0]]))
    s.told = s.each[0][1]


def webhook_stored(world, s):
    """The ids of the events that are there, and whether one waits that nobody will look after: of one moment."""
    rows = world.stack.sql("SELECT e.event_id, e.state, (SELECT COUNT(*) FROM jobs_billing j WHERE j.kind = 'customer' AND j.subject_id = e.user_id)"
                           " AS jobs FROM provider_events e WHERE e.user_id = %s", id_of(s))
    assert all(row["jobs"] == 1 for row in rows if row["state"] == "waiting"), rows
    return [row["event_id"] for row in rows]


def webhook_right(world, s):
    """What was acknowledged is there, once, with its job; and Stripe sends again what was not, until it is."""
    there = webhook_stored(world, s)
    assert len(there) == len(set(there)), there
    for id, answer in s.each:
        assert answer.how in ("done", "unknown", "nothing"), answer
        assert id in there or answer.how != "done", (id, answer, there)
    for sent in s.events:
        assert any(told(lambda: deliver(world.stack, sent)).how == "done" for _ in range(TIMES)), sent["id"]
    assert sorted(webhook_stored(world, s)) == sorted(e["id"] for e in s.events)


WEBHOOKS = [Flow("webhook", ("billing",), webhook_ready, webhook_act, webhook_right)]
