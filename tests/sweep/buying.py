"""Flows of buying: whatever fails in the middle of a checkout, there is one customer and one page at Stripe, and it can be paid."""

import uuid

from world import told  # first: it knows where the next ones are

from flows import Flow, state, until_done  # isort: skip
from helpers import expect  # isort: skip
from shop import checkout, row, session_of, sync  # isort: skip
from stripe_sim import Stripe  # isort: skip

LEASE_SEC = 130  # of who asks Stripe about a customer; and a bit


def nobody_asks(world, s):
    """The lease is free; soon, because a worker may have found just now what was not delivered, and hold it for a moment."""
    world.stack.wait(lambda: row(s.user)["sync_token"] is None, "nobody asks Stripe any more")


def buyer_ready(world):
    return state(user=world.user())


def checkout_act(world, s):
    s.told = told(lambda: checkout(s.user))


def checkout_right(world, s):
    assert s.told.how in ("done", "nothing", "unknown"), s.told
    world.stack.move_clock(LEASE_SEC)
    again = until_done(lambda: checkout(s.user))
    assert again.how == "done" and again.data["kind"] == "checkout", again
    assert s.told.how != "done" or s.told.data == again.data
    stripe, kept = Stripe(world.stack), row(s.user)
    customers = world.stack.sql("SELECT id FROM sandbox_stripe_customers WHERE user_id = %s", uuid.UUID(s.user.id).bytes)
    assert [f"cus_{c['id'].hex()}" for c in customers] == [kept["customer_id"]]
    sessions = stripe.got("/v1/checkout/sessions", customer=kept["customer_id"], status="open", limit=20)["data"]
    assert [one["url"] for one in sessions] == [again.data["url"]] and kept["checkout_session_id"] == sessions[0]["id"]
    nobody_asks(world, s)
    assert world.count("SELECT COUNT(*) AS n FROM sandbox_stripe_checkouts") == 1, "the same call found it again"


def sync_ready(world):
    """Somebody has paid, and comes back; Stripe's events of it are late, and nobody finds them meanwhile."""
    world.hold("worker-billing")
    s = buyer_ready(world)
    data = expect(checkout(s.user), 200)["data"]
    stripe = Stripe(world.stack)
    stripe.hold(row(s.user)["customer_id"])
    stripe.pay(data)
    s.session = session_of(s.user)
    return s


def sync_act(world, s):
    s.told = told(lambda: sync(s.user, s.session))


def plan_of(s):
    return expect(s.user.web.get("/api/v1/billing"), 200)["data"]["plan"]


def sync_right(world, s):
    """All of it or nothing, also in the copies that a key and a session have."""
    id = uuid.UUID(s.user.id).bytes
    plans = {r["subscribed_plan"] for table in ("users", "sessions") for r in world.stack.sql(
        f"SELECT subscribed_plan FROM {table} WHERE {'id' if table == 'users' else 'user_id'} = %s", id)}
    assert plans in ({None}, {"small"}) and row(s.user)["plan"] in plans
    assert (plan_of(s) == "small") == (plans == {"small"}) and (s.told.how != "done" or plans == {"small"}), (s.told, plans)
    world.stack.move_clock(LEASE_SEC)
    again = until_done(lambda: sync(s.user, s.session))
    assert again.how == "done" and again.data["plan"] == plan_of(s) == "small"
    nobody_asks(world, s)


OF_BUYERS = [
    Flow("checkout", ("billing",), buyer_ready, checkout_act, checkout_right),
    Flow("back from checkout", ("billing",), sync_ready, sync_act, sync_right),
]
