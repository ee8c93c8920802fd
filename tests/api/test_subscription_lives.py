"""Lives of subscriptions: in whatever order their events come, and however often, what a user has at the end is what Stripe says.

The events are the simulator's, signed and sent here by the test; the webhook and worker@billing are the real ones. What to expect is
derived anew from docs/stripe.md and Stripe's answer. Of the 1 000 orders and the 1 000 lives a run draws 20 by the date;
MARKETINGCLI_LIVES has the numbers of others (3,17), or "all". A number always makes the same life.
"""

import collections
import concurrent.futures
import datetime
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
from plans import now
from stripe_sim import Stripe, bare

ALL, SAMPLE = 1000, 20
PLANS = {"price_1SmallTest": "small", "price_1LargeTest": "large"}  # the better one last
FOREIGN = "price_of_something_else"
ACCESS = {"trialing": 2, "active": 2, "past_due": 1}  # of other states: none
OVER = ("canceled", "incomplete_expired")
GRACE_SEC = 7 * 86400
THREADS = 6
PASSWORD = "correct horse battery"
NOTHING = {"plan": "free", "source": "free", "until": None, "status": None, "period_end": None, "will_cancel": False, "cancel_at": None,
           "trial_end": None}


def numbers():
    told = os.environ.get("MARKETINGCLI_LIVES")
    if told is None:
        return sorted(random.Random(datetime.date.today().isoformat()).sample(range(ALL), SAMPLE))
    return range(ALL) if told == "all" else [int(n) for n in told.split(",")]


# What is to be expected


def price_of(subscription):
    return subscription["items"]["data"][0]["price"]["id"]


def period_of(subscription):
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def place(subscription):
    """The greatest counts: docs/stripe.md#state."""
    status = subscription["status"]
    return (ACCESS.get(status, 0), status not in OVER, list(PLANS).index(price_of(subscription)), period_of(subscription)[1],
            subscription["created"], subscription["id"])


def expected(subscriptions, now_sec):
    """What GET /billing has to say when these are Stripe's."""
    ours = [s for s in subscriptions if price_of(s) in PLANS]
    if not ours:
        return NOTHING
    it = max(ours, key=place)
    start, end = period_of(it)
    until = min(start, end) + GRACE_SEC if it["status"] == "past_due" else None
    has_it = it["status"] in ACCESS and (until is None or now_sec < until)
    ends = it["cancel_at"] or (end if it["cancel_at_period_end"] else None)
    return {"plan": PLANS[price_of(it)] if has_it else "free", "source": "subscription" if has_it else "free",
            "until": until if has_it else None, "status": it["status"], "period_end": end, "will_cancel": ends is not None,
            "cancel_at": ends, "trial_end": it["trial_end"]}


def seconds(text):
    return None if text is None else int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def told(answer):
    return {k: seconds(answer.get(k)) if k in ("until", "period_end", "cancel_at", "trial_end") else answer.get(k) for k in NOTHING}


# What happens


class Life:
    """A user and their customer, whose events come only as the test sends them."""

    def __init__(self, world, name, knows_customer=True):
        self.world, self.name, self.rng = world, name, random.Random(name)
        self.email, self.done, self.sent, self.sendings = f"life{secrets.token_hex(8)}@example.com", [], set(), 0
        self.user = users.add_user(world.sql, self.email, PASSWORD)
        web = world.stack.client(Origin=world.stack.url)
        expect(web.post("/api/v1/auth/login", json={"email": self.email, "password": PASSWORD}), 200)
        self.cookies = web.cookies
        web.close()
        self.customer = world.stripe.customer(self.user, self.email)["id"]
        world.stripe.hold(self.customer)
        if knows_customer:  # else the first event that names the user tells
            world.sql("INSERT INTO subscriptions (user_id, customer_id, created_at_us, updated_at_us) VALUES (%s, %s, 1, 1)", self.id,
                      self.customer)

    @property
    def id(self):
        return uuid.UUID(self.user).bytes

    def buy(self, card, price, **more):
        self.done.append(("buy", card, price, more))
        session = self.world.stripe.checkout(self.customer, client_reference_id=self.user, **{"line_items[0][price]": price, **more})
        self.world.stripe.pay(session, card)

    def choose(self, action, subscription=None, **more):
        """A button of the portal. Whether it could be."""
        stripe = self.world.stripe
        if not hasattr(self, "portal"):
            self.portal = stripe.made("/v1/billing_portal/sessions", {
                "customer": self.customer, "return_url": f"{self.world.stack.url}/billing"})["url"]
        answer = stripe.http.post(self.portal, data={"action": action, "subscription": subscription, **more}, allow_redirects=False)
        assert answer.status_code in (200, 303, 409), (self.name, answer.text)
        self.done.append((action, more, answer.status_code))
        return answer.status_code != 409

    def subscriptions(self):
        return self.world.stripe.subscriptions(self.customer)

    def events(self):
        rows = self.world.sql("SELECT body FROM sandbox_stripe_events WHERE customer_id = %s ORDER BY id", bare(self.customer))
        return [row["body"].encode() for row in rows]

    def send(self, bodies):
        for body in bodies:
            signed = self.world.stripe.signed(body, int(now(self.world.stack).timestamp()))
            answer = self.world.http.post("/webhooks/stripe", data=body, headers=signed)
            assert answer.status_code == 200, (self.name, answer.text, body)
            self.sent.add(body)
            self.sendings += 1

    def send_all(self, repeats_max):
        """What was not sent yet, and some again, in any order."""
        bodies = self.events()
        left = [b for b in bodies if b not in self.sent] + self.rng.choices(bodies, k=self.rng.randint(1, repeats_max))
        self.rng.shuffle(left)
        self.send(left)


def first_minute(life):
    """Of a card that pays: the order is the caller's."""
    life.buy("pays", "price_1SmallTest")
    return life.events()


def order_with_repeats(life):
    """Some events come while there is still a bill to confirm; which, and how often, is drawn."""
    if life.rng.random() < 0.5:
        first_minute(life)
    else:
        life.buy("wants_action", "price_1SmallTest")
        life.send(life.rng.choices(life.events(), k=life.rng.randrange(4)))
        [subscription] = life.subscriptions()
        assert life.choose("pay", subscription["id"])
    life.send_all(8)


STEPS = ["renew"] * 4 + ["fail"] * 2 + ["recover"] * 2 + ["send"] * 3 + [
    "cancel", "cancel_by_flag", "keep", "change", "pause", "resume", "pause_collection", "resume_collection", "ends_unpaid",
    "card_wants_action", "dispute", "dispute_lost", "refund", "fraud_warning", "cancel_now", "buy"]


def step(life, what, running):
    rng, one = life.rng, life.rng.choice(running) if running else None
    if what == "buy" or one is None:
        more = {"subscription_data[trial_period_days]": rng.choice([1, 14])} if rng.random() < 0.3 else {}
        life.buy(rng.choice(["pays"] * 3 + ["declines_later", "wants_action"]), rng.choice([*PLANS, *PLANS, FOREIGN]), **more)
    elif what == "renew":
        life.choose("advance", days=rng.choice([1, 3, 7, 31, 62]))
    elif what == "fail":
        life.choose("card_declines", one)
        life.choose("advance", days=rng.choice([31, 33]))
    elif what == "recover":
        life.choose("card_pays", one)
        life.choose("pay", one)
    elif what == "send":
        life.send(rng.choices(life.events(), k=rng.randrange(1, 4)))
    else:
        life.choose(what, one, price=rng.choice([*PLANS, FOREIGN]))


def any_step(life):
    # By their age: the ids are not the same in each run.
    running = [s["id"] for s in reversed(life.subscriptions()) if s["status"] not in OVER]
    step(life, life.rng.choice(STEPS), running)


def random_life(life):
    step(life, "buy", [])
    for _ in range(life.rng.randrange(3, 12)):
        any_step(life)
    life.send_all(6)


def one_more(life):
    """After all before it is worked off, so that only its own events can tell of it."""
    new, is_last = [], life.rng.random() < 0.1
    while not new:  # some steps cannot be, or nobody is told
        if is_last:
            life.choose("delete")
        else:
            any_step(life)
        new = [b for b in life.events() if b not in life.sent]
    new += life.rng.choices(new, k=life.rng.randrange(3))
    life.rng.shuffle(new)
    life.send(new)


# All of them


class World:
    def __init__(self, stack):
        self.stack, self.lock, self.local = stack, threading.Lock(), threading.local()

    def sql(self, text, *args):
        with self.lock:
            return self.stack.sql(text, *args)

    @property
    def stripe(self):
        """Of this thread."""
        if not hasattr(self.local, "stripe"):
            self.local.stripe = Stripe(self.stack)
            self.local.stripe.stack = self  # which shares one connection to the database
        return self.local.stripe

    @property
    def http(self):
        if not hasattr(self.local, "http"):
            self.local.http = self.stack.client()
        return self.local.http

    def __getattr__(self, name):
        return getattr(self.stack, name)

    def left(self, events, users):
        """What is to be done for these ids. Other tests leave behind what cannot be done: of customers whom nobody has."""
        waiting = {row["event_id"] for row in self.sql("SELECT event_id FROM provider_events WHERE state = 'waiting'")}
        jobs = {row["subject_id"] for row in self.sql("SELECT subject_id FROM jobs_billing WHERE kind = 'customer'")}
        return waiting & events or jobs & users

    def look(self, life):
        """What is wrong with how it ended; None: nothing. What GET /billing says, and what requests are judged by."""
        answer = self.http.get("/api/v1/billing", cookies=life.cookies)
        is_deleted = self.sql("SELECT 1 FROM sandbox_stripe_customers WHERE id = %s AND deleted_at_us IS NOT NULL", bare(life.customer))
        wanted = NOTHING if is_deleted else expected(life.subscriptions(), now(self.stack).timestamp())
        found = told(expect(answer, 200)["data"])
        copies = self.sql("SELECT subscribed_plan p, subscribed_until_us DIV 1000000 u FROM users WHERE id = %s UNION ALL"
                          " SELECT subscribed_plan, subscribed_until_us DIV 1000000 FROM sessions WHERE user_id = %s", life.id, life.id)
        copied = {(row["p"] or "free", row["u"]) for row in copies}
        life.end = found
        self.sql("UPDATE sandbox_stripe_events SET delivered_at_us = 1, next_at_us = NULL WHERE customer_id = %s", bare(life.customer))
        if len(copies) == 2 and found == wanted and copied == {(wanted["plan"], wanted["until"])}:
            return None
        return f"{life.name}: {life.customer} of {life.user}\n  did {life.done}\n  has {found}\n  copied {copied}\n  wants {wanted}"

    def settle(self, lives):
        sent, theirs = {json.loads(body)["id"] for life in lives for body in life.sent}, {life.id for life in lives}
        self.stack.wait(lambda: not self.left(sent, theirs), "all is worked off", 120 + len(lives))

    def run(self, names, live, last=None, **more):
        begun = time.monotonic()

        def whole(name):
            life = Life(self, name, **more)
            live(life)
            return life
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            lives = list(pool.map(whole, names))
            self.settle(lives)
            if last is not None:
                list(pool.map(last, lives))
                self.settle(lives)
            wrong = [w for w in pool.map(self.look, lives) if w]
        ends = collections.Counter(f"{life.end['status']}:{life.end['plan']}{':will_cancel' * life.end['will_cancel']}" for life in lives)
        print(f"\n{len(lives)} x {live.__name__}: {sum(len(life.sent) for life in lives)} events, {sum(life.sendings for life in lives)}"
              f" deliveries, {time.monotonic() - begun:.0f} s, {len(wrong)} wrong; ends: {dict(ends.most_common())}")
        assert not wrong, "\n".join(wrong[:5])
        return lives


@pytest.fixture
def world(stack):
    return World(stack)


ACTIVE = {("small", "active", False)}


def ends_of(lives):
    return {(life.end["plan"], life.end["status"], life.end["will_cancel"]) for life in lives}


@pytest.mark.parametrize("knows_customer", [True, False])
def test_every_order_of_the_first_minute(world, knows_customer):
    kinds = ["customer.subscription.created", "invoice.paid", "customer.subscription.updated", "checkout.session.completed"]

    def each_once(life):
        bodies = first_minute(life)
        assert [json.loads(b)["type"] for b in bodies] == kinds
        life.send([bodies[int(i)] for i in life.name])
    orders = ["".join(order) for order in itertools.permutations("0123")]
    assert ends_of(world.run(orders, each_once, knows_customer=knows_customer)) == ACTIVE


def test_orders_with_repeats(world):
    assert ends_of(world.run([f"order {n}" for n in numbers()], order_with_repeats)) == ACTIVE


def test_random_lives(world):
    world.run([f"life {n}" for n in numbers()], random_life, one_more)
