"""Lives of subscriptions at the Stripe simulator: in whatever order their events come here, and however often, what is stored is
what Stripe has at the end. MARKETINGCLI_LIVES=1000 makes a thousand of each where a run has some dozens."""

import concurrent.futures
import itertools
import json
import os
import random
import secrets
import threading
import time
import uuid

import pytest
import users
from helpers import expect
from stripe_sim import Stripe, bare

LIVES = int(os.environ.get("MARKETINGCLI_LIVES", 40))
SEED = int(os.environ.get("MARKETINGCLI_SEED", 12))
PLANS = {"price_1SmallTest": "small", "price_1LargeTest": "large"}
FOREIGN = "price_other"
ACCESS = {"trialing": 2, "active": 2, "past_due": 1}
OVER = ("canceled", "incomplete_expired")
THREADS = 6


class Life:
    """A customer whose events come only as the test sends them."""

    def __init__(self, world, number):
        self.world, self.stripe, self.rng = world, world.stripe, random.Random(f"{SEED}.{number}")
        self.number, self.done, self.sent = number, [], set()
        self.user = users.add_user(world.stack.sql, f"life{secrets.token_hex(8)}@example.com", "correct horse battery")
        self.customer = self.stripe.customer(self.user)["id"]
        self.stripe.hold(self.customer)
        world.stack.sql("INSERT INTO subscriptions (user_id, customer_id, created_at_us, updated_at_us) VALUES (%s, %s, 1, 1)",
                        uuid.UUID(self.user).bytes, self.customer)

    # What happens

    def open_portal(self):
        self.portal = self.stripe.made("/v1/billing_portal/sessions", {
            "customer": self.customer, "return_url": f"{self.world.stack.url}/billing"})["url"]

    def choose(self, action, subscription=None, **more):
        """Whether it could be."""
        answer = self.world.http().post(self.portal, data={"action": action, "subscription": subscription, **more}, allow_redirects=False)
        assert answer.status_code in (200, 303, 409), answer.text
        self.done.append((action, more, answer.status_code))
        return answer.status_code != 409

    def subscribe(self):
        card = self.rng.choice(["pays"] * 3 + ["declines_later", "wants_action", "wants_action_later"])
        price, more = self.rng.choice([*PLANS, *PLANS, FOREIGN]), {}
        if self.rng.random() < 0.3:
            more["subscription_data[trial_period_days]"] = self.rng.choice([1, 14])
        self.buy(card, price, **more)
        self.done.append(("subscribe", card, price, more))

    def buy(self, card, price, **more):
        session = self.stripe.checkout(self.customer, client_reference_id=self.user, **{"line_items[0][price]": price, **more})
        self.stripe.pay(session, card)

    def live(self):
        """Months of it. Some of the events are sent on the way."""
        rng, alive = self.rng, True
        self.open_portal()
        self.subscribe()
        for _ in range(rng.randrange(3, 12)):
            now = self.stripe.subscriptions(self.customer)
            running = [s["id"] for s in now if s["status"] not in OVER]
            what = rng.choice(["advance"] * 4 + ["card_pays", "card_declines", "card_wants_action", "pay", "cancel", "cancel_by_flag",
                              "keep", "change", "pause", "resume", "pause_collection", "resume_collection", "ends_unpaid", "dispute",
                              "refund", "fraud_warning", "cancel_now", "send", "send"])
            if not running or rng.random() < 0.05:
                self.subscribe()
            elif what == "advance":
                self.choose(what, days=rng.choice([1, 3, 7, 30, 31, 62]))
            elif what == "send":
                self.send(rng.choices(self.events(), k=rng.randrange(4)))
            else:
                self.choose(what, rng.choice(running), price=rng.choice([*PLANS, FOREIGN]))
        if rng.random() < 0.15:
            alive = not self.choose("delete")
        self.is_deleted = not alive
        self.send_all()

    # What comes of it here

    def events(self):
        with self.world.lock:
            rows = self.world.stack.sql("SELECT body FROM sandbox_stripe_events WHERE customer_id = %s ORDER BY id", bare(self.customer))
        return [row["body"].encode() for row in rows]

    def send(self, bodies):
        for body in bodies:
            answer = self.world.http().post("/webhooks/stripe", data=body, headers=self.stripe.signed(body, int(self.world.now())))
            assert answer.status_code == 200, (answer.text, body)
            self.sent.add(body)

    def send_all(self):
        """Each at least once: in any order, and some of them again."""
        bodies = self.events()
        left = [b for b in bodies if b not in self.sent]
        bodies = left + self.rng.choices(bodies, k=self.rng.randrange(6))
        self.rng.shuffle(bodies)
        self.send(bodies)

    def expected(self):
        """(subscription, plan, status, period's end, trial's end): the one of ours that counts; docs/stripe.md#state."""
        if getattr(self, "is_deleted", False):
            return None
        ours = [s for s in self.stripe.subscriptions(self.customer) if price_of(s) in PLANS]
        if not ours:
            return (None,) * 5
        best = max(ours, key=lambda s: (ACCESS.get(s["status"], 0), s["status"] not in OVER, list(PLANS).index(price_of(s)),
                                        period_end(s), s["created"], s["id"]))
        micro = 1_000_000
        return (best["id"], PLANS[price_of(best)], best["status"], period_end(best) * micro, best["trial_end"] and best["trial_end"] * micro)

    def stored(self):
        rows = self.world.stack.sql("SELECT subscription_id, plan, status, period_end_us, trial_end_us FROM subscriptions WHERE user_id = %s",
                                    uuid.UUID(self.user).bytes)
        return tuple(rows[0].values()) if rows else None

    def told(self):
        return f"life {self.number} of seed {SEED}: {self.customer} of {self.user}: {self.done}"


def price_of(subscription):
    return subscription["items"]["data"][0]["price"]["id"]


def period_end(subscription):
    return subscription["items"]["data"][0]["current_period_end"]


class World:
    def __init__(self, stack):
        self.stack, self.stripe, self.lock, self.local = stack, Stripe(stack), threading.Lock(), threading.local()

    def now(self):
        clock = self.stack.at.test / "clock"
        return time.time() + (int(clock.read_text()) / 1e6 if clock.exists() else 0)

    def http(self):
        """Of this thread."""
        if not hasattr(self.local, "http"):
            self.local.http = self.stack.client()
        return self.local.http

    def run(self, lives, live):
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(live, lives))
        self.stack.wait(lambda: not self.stack.sql("SELECT 1 FROM provider_events WHERE state = 'waiting' LIMIT 1"),
                        "all events are worked off", 60 + len(lives))
        wrong = [life for life in lives if life.stored() != life.expected()]
        assert not wrong, "\n".join(f"{life.told()}\n  stored {life.stored()}\n  wanted {life.expected()}" for life in wrong[:5])


@pytest.fixture
def world(stack):
    return World(stack)


def first_minute(life):
    life.buy("pays", "price_1SmallTest")
    return life.events()


def test_every_order_of_the_first_minute(world):
    orders = list(itertools.permutations(range(4)))
    lives = [Life(world, f"order{n}") for n in range(len(orders))]

    def live(pair):
        life, order = pair
        bodies = first_minute(life)
        assert [json.loads(b)["type"] for b in bodies] == [
            "customer.subscription.created", "invoice.paid", "customer.subscription.updated", "checkout.session.completed"]
        life.send([bodies[i] for i in order])
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(live, zip(lives, orders)))
    world.run(lives, lambda life: None)
    assert {life.stored()[1:3] for life in lives} == {("small", "active")}


def test_orders_with_repeats(world):
    lives = [Life(world, f"repeats{n}") for n in range(LIVES)]

    def live(life):
        bodies = first_minute(life)
        bodies += life.rng.choices(bodies, k=life.rng.randrange(1, 8))
        life.rng.shuffle(bodies)
        life.send(bodies)
    world.run(lives, live)
    assert {life.stored()[1:3] for life in lives} == {("small", "active")}


def test_random_lives(world):
    world.run([Life(world, f"life{n}") for n in range(LIVES)], Life.live)


def test_somebody_buys_cancels_and_leaves(world, user, stack):
    """As a user does, with what the simulator sends by itself."""
    answer = user.web.post("/api/v1/billing/checkout", json={"plan": "small", "accepted_terms": True})
    url = expect(answer, 200)["data"]["url"]
    assert url.startswith(f"{stack.sandbox_url}/stripe/pay/cs_test_")

    def billing():
        return expect(user.web.get("/api/v1/billing"), 200)["data"]
    assert billing()["plan"] == "free"
    paid = world.stripe.pay({"url": url})
    data = expect(user.web.post("/api/v1/billing/sync", json={"session_id": paid.partition("session_id=")[2]}), 200)["data"]
    assert (data["plan"], data["status"], data["will_cancel"]) == ("small", "active", False)
    portal = expect(user.web.post("/api/v1/billing/portal"), 200)["data"]["url"]
    [row] = stack.sql("SELECT customer_id, subscription_id FROM subscriptions WHERE user_id = %s", uuid.UUID(user.id).bytes)

    def choose(action, **more):
        answer = user.stack.client().post(portal, data={"action": action, "subscription": row["subscription_id"], **more}, allow_redirects=False)
        assert answer.status_code in (200, 303), answer.text
    choose("cancel")
    stack.wait(lambda: billing()["will_cancel"], "the cancellation has come by the webhook")
    choose("keep")
    choose("change", price="price_1LargeTest")
    stack.wait(lambda: (billing()["plan"], billing()["will_cancel"]) == ("large", False), "the other plan has come")
    choose("cancel_now")
    stack.wait(lambda: billing()["plan"] == "free", "it has ended")
    stack.wait(lambda: not stack.sql("SELECT 1 FROM sandbox_stripe_events WHERE customer_id = %s AND delivered_at_us IS NULL",
                                     bare(row["customer_id"])), "all is delivered")
