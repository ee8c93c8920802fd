"""Who is there when the requests come: the people, what they own, and what must not change.

- "me" sends them, with a key, a session, an account, an upload, a post and things to spend;
- "other" lends its key and its session: what it may do, it may do to itself;
- "victim" sends nothing. Its ids are tried. Its rows must be the same afterwards;
- "door" is who signs in and out: its sessions end, and its sign-in needs a code or none.

What a person owns has a word in it that nobody else's has. An answer shows it only to its owner.
"""

import hashlib
import io
import random
import re
import secrets
import threading
import time
import uuid

from PIL import Image

import authenticator
import conftest
import helpers
import links
import publishing
import publishing_policy
import services
import simulator
import stripe_sim
import users

USAGE_EVERY_SEC = 1  # WRITE_EVERY_US in lib/fcgi/usage.c
RECENT_SEC = 500  # a bit less than what makes a password that was typed an old one
TRIES = 10  # more than requests are under way
TEST_ACCOUNTS = "/api/v1/sandbox/accounts"
UNSUBSCRIBE = "/api/v1/mail/unsubscribe"
OF_MOVER = ("/api/v1/auth/change-password", "/api/v1/auth/change-email")  # of somebody whose session may end by it
POLICY = "hostile"  # the version of the privacy policy that is in force
NOBODY = "019a0000-0000-7000-8000-000000000000"
OPTIONS = {"post_mode": "DIRECT_POST", "privacy_level": "PUBLIC_TO_EVERYONE", "disable_comment": False}
SCOPES = ["accounts:read", "posts:read", "posts:write", "uploads:write", "usage:read"]

# What a field of that name holds. Which of them a route takes, its own answers tell (World.learn).
VALUES = {
    "email": lambda rng, w: rng.choice([w.other.email, f"fresh{rng.randrange(1 << 40)}@example.com"]),
    "password": lambda rng, w: w.other.password,
    "name": lambda rng, w: rng.choice(["laptop", "Zoë", "a" * 40]),
    "token": lambda rng, w: "x",  # that of its route: World.fields
    "old_password": lambda rng, w: w.mover.password,
    "new_password": lambda rng, w: "seven copper walruses",
    "accepted_terms": lambda rng, w: rng.choice([True, False]),
    "invitation": lambda rng, w: "0" * 22,
    "title": lambda rng, w: rng.choice(["Two pictures", "😀 🇫🇷", "x" * 90]),
    "description": lambda rng, w: rng.choice(["Bonjour", "é" * 400, ""]),
    "title_overflow": lambda rng, w: rng.choice(["truncate", "reject"]),
    "upload_ids": lambda rng, w: [w.me.things["uploads"]] * rng.choice([1, 1, 2]),
    "scopes": lambda rng, w: rng.sample(SCOPES, rng.randint(1, len(SCOPES))),
    "expires_at": lambda rng, w: rng.choice(["2999-01-01T00:00:00Z", "2098-12-31T23:59:59.5+02:00"]),
    "budget": lambda rng, w: rng.choice([{}, {"accounts": [w.me.things["accounts"]], "posts_per_day": 5},
                                         {"max_privacy_level": "SELF_ONLY", "needs_approval": True}]),
    "content_digest": lambda rng, w: w.me.waiting["content_digest"],
    "confirm_not_published": lambda rng, w: rng.choice([True, False]),
    "ended_at": lambda rng, w: None,
    "overlap_sec": lambda rng, w: rng.choice([0, 60, 604800]),
    "code": lambda rng, w: w.door.code,
    "plan": lambda rng, w: "small",
    "session_id": lambda rng, w: w.session_to_pay,
    "sign_in_token": lambda rng, w: w.door.token,
    "platform_options": lambda rng, w: {**OPTIONS, "photo_cover_index": 0},
    **{notice: lambda rng, w: rng.choice([True, False]) for notice in ("post_failed", "approval_waiting", "key_expiring")},
}


class Person(conftest.User):
    def __init__(self, stack, name):
        self.stack, self.name = stack, name
        self.word = f"{name}{secrets.token_hex(5)}"
        self.email, self.password = f"{self.word}@example.com", "correct horse battery"
        self.id = users.add_user(stack.sql, self.email, self.password, self.word)
        self.signed_in_at = time.monotonic()
        self.web = self.sign_in()
        self.things, self.spare = {}, {}

    def cookie(self):
        return cookie_of(self.web)

    def make(self, resource):
        """One more thing that an address can name; its id."""
        if resource == "keys":
            web = self.web if self.is_recent() else self.sign_in()  # another session: this one's cookie is in use
            return helpers.expect(web.post("/api/v1/keys", json={"name": self.word}), 201)["data"]["id"]
        if resource == "accounts":
            return self.connect(f"{self.word}.{secrets.token_hex(3)}")
        if resource == "uploads":
            return helpers.expect(self.api.post("/api/v1/uploads", data=publishing.SMALL), 201)["data"]["id"]
        if resource == "waiting":
            self.waiting = self.make_waiting()
            return self.waiting["id"]
        if resource == "posts":
            return publishing.Sent(self.stack, self, self.things["accounts"], self.word).id
        return NOBODY

    def make_waiting(self):
        """A post that waits for approval; all of them say the same, so one digest is good for all."""
        if not hasattr(self, "agent"):
            key = helpers.expect(self.web.post("/api/v1/keys", json={"name": self.word, "budget": {"needs_approval": True}}), 201)
            self.agent = self.stack.client(Authorization=f"Bearer {key['data']['key']}")
            self.shown = self.make("uploads")
        body = {"upload_ids": [self.shown], "title": self.word}
        return helpers.expect(self.agent.post(f"/api/v1/accounts/{self.things['accounts']}/posts", json=body), 202)["data"]

    def is_recent(self):
        """Whether the password was typed a moment ago, for what needs that."""
        return time.monotonic() - self.signed_in_at < RECENT_SEC

    def settle(self):
        """Owns one of each, and more that is spent by DELETE and by signing out."""
        for resource in ("accounts", "uploads", "keys", "posts", "waiting"):
            self.things[resource] = self.make(resource)
        self.spare = {r: self.make(r) for r in ("accounts", "uploads", "keys")}


class Door(Person):
    """Whose sessions come and go, and whose sign-in takes a code as often as a request wants one."""

    def __init__(self, stack):
        super().__init__(stack, "door")
        self.code, self.token = "123456", "x" * 43
        self.come_to_leave()

    def sign_in(self):
        self.needs_no_code()
        return super().sign_in()

    def come_to_leave(self):
        """A session, for those who sign out."""
        self.leaving = cookie_of(self.sign_in())

    def needs_no_code(self):
        for table in ("user_totp", "recovery_codes", "pending_sign_ins"):
            self.stack.sql(f"DELETE FROM {table} WHERE user_id = %s", uuid.UUID(self.id).bytes)

    def answered(self, ask):
        """The data of the good answer to ask(web). Each try has a session of its own: a request that is on its way may end all of them."""
        for _ in range(TRIES):
            answer = ask(self.sign_in())
            if answer.status_code != 401:
                break
        return helpers.expect(answer, 200)["data"]

    def another_session(self):
        rows = self.answered(lambda web: web.get("/api/v1/auth/sessions"))
        return next(row["id"] for row in rows if row["current"])

    def make_ready(self, route):
        """What it takes for a good answer from a route about codes."""
        self.needs_no_code()
        if route["pattern"].endswith("/auth/confirm") or route["pattern"].endswith("/auth/totp") and route["method"] == "POST":
            return
        shown = self.answered(lambda web: web.post("/api/v1/auth/totp"))
        self.code = authenticator.App(self.stack, shown["secret"]).shows()
        if route["pattern"].endswith("/totp/confirm"):
            return
        self.stack.sql("UPDATE user_totp SET enabled_at_us = created_at_us WHERE user_id = %s", uuid.UUID(self.id).bytes)
        if route["pattern"].endswith("/login/code"):
            self.token = helpers.expect(authenticator.begin(self), 202)["data"]["sign_in_token"]


class World:
    def __init__(self, stack, tables):
        self.stack, self.lock = stack, threading.Lock()
        hosts = {s.name: s.host for s in services.PROGRAMS}
        self.hosts = {r["pattern"]: hosts[r["app"]] for r in tables["routes"]}
        self.routes = [r for r in tables["routes"] if not r["internal"]]
        self.errors = {e["code"]: e for e in tables["errors"]}
        self.me, self.other, self.victim = self.people = [Person(stack, n) for n in ("me", "other", "victim")]
        publishing_policy.published(stack, POLICY)
        self.door = Door(stack)
        for person in self.people:
            person.settle()
        self.let_mail_come(uuid.UUID(self.victim.id).bytes)
        self.dead_key, self.dead_cookie = self.ended()
        self.mover = conftest.User(stack)
        self.links = {pattern: make(self) for pattern, make in LINKS.items()}
        post = publishing.Sent(stack, self.victim, self.victim.things["accounts"], self.victim.word)
        post.wait()
        stack.wait(lambda: self.me.api.get(f"/api/v1/posts/{self.me.things['posts']}").json()["data"]["status"] in publishing.ENDED,
                   "the post has ended")
        self.attempt = str(uuid.UUID(bytes=stack.sql("SELECT id FROM post_attempts WHERE post_id = %s LIMIT 1",
                                                     uuid.UUID(self.me.things["posts"]).bytes)[0]["id"]))
        self.creator = simulator.App(stack).connect()
        self.stripe, self.buyer = self.at_stripe()
        self.session_to_pay = self.begin_to_buy()
        self.images = [small_image(kind, mode) for kind in ("JPEG", "PNG") for mode in ("RGB", "L")]
        self.known = {r["method"] + r["pattern"]: self.learn(r) for r in self.routes
                      if r["body_max_bytes"] > 0 and hosts[r["app"]] == "localhost"}
        stack.wait(self.is_still, "nothing of the victim's is under way")
        self.before = self.victims_rows()

    def at_stripe(self):
        """The simulated Stripe, and {resource: id} of a customer there; nothing of it is sent."""
        stripe = stripe_sim.Stripe(self.stack)
        customer = stripe.customer()["id"]
        stripe.hold(customer)
        subscription = stripe.subscribe(customer)
        session = stripe.checkout(customer)["id"]
        portal = stripe.made("/v1/billing_portal/sessions", {"customer": customer, "return_url": f"{self.stack.url}/billing"})
        return stripe, {"customers": customer, "subscriptions": subscription, "sessions": session, "pay": session,
                        "charges": f"ch_{subscription[4:]}", "invoice": f"in_{subscription[4:]}", "portal": portal["id"],
                        "events": stripe.events(customer)[0]["id"]}

    def begin_to_buy(self):
        """The session of mine, which nobody pays: so that the next checkout is one, too."""
        helpers.expect(self.me.web.post("/api/v1/billing/checkout", json={"plan": "small", "accepted_terms": True}), 200)
        (row,) = self.stack.sql("SELECT checkout_session_id FROM subscriptions WHERE user_id = %s", uuid.UUID(self.me.id).bytes)
        return row["checkout_session_id"]

    def mailed(self):
        """The token of a mail to me that can be switched off."""
        token, mail = secrets.token_hex(20), uuid.uuid4().bytes
        self.stack.sql("INSERT INTO mail_outbox (id, user_id, template, state, created_at_us) VALUES (%s, %s, 'post_failed', 'sent', 1)",
                       mail, uuid.UUID(self.me.id).bytes)
        self.stack.sql("INSERT INTO one_time_tokens VALUES (%s, 'unsubscribe', %s, 1, %s)",
                       hashlib.sha256(token.encode()).digest(), mail, (1 << 62))
        return token

    def let_mail_come(self, user):
        """About the post that waits. By itself it comes after two minutes, in the middle of a run that takes longer."""
        self.stack.sql("UPDATE jobs_mail SET run_at_us = 1 WHERE kind = 'notices' AND subject_id = %s", user)
        self.stack.wait(lambda: not self.stack.sql("SELECT 1 FROM notices_due WHERE user_id = %s UNION SELECT 1 FROM jobs_mail WHERE user_id = %s"
                                                   " UNION SELECT 1 FROM mail_outbox WHERE user_id = %s AND ended_at_us IS NULL", user, user, user),
                        "the mail is sent")

    def is_still(self):
        """Also what the programs have counted for a second has been written."""
        before = self.victims_rows()
        time.sleep(2 * USAGE_EVERY_SEC)
        return self.victims_rows() == before

    def ended(self):
        """A key that is revoked, and a session that is over."""
        made = helpers.expect(self.me.web.post("/api/v1/keys", json={"name": "revoked"}), 201)["data"]
        helpers.expect(self.me.web.delete(f"/api/v1/keys/{made['id']}"), 204)
        cookie = cookie_of(self.me.sign_in())
        helpers.expect(self.stack.client(Cookie=cookie, Origin=self.stack.url).post("/api/v1/auth/logout"), 204)
        return made["key"], cookie

    def make_link(self):
        """The token of a link that makes a user."""
        email = f"{secrets.token_hex(8)}@example.com"
        helpers.expect(self.stack.client().post("/api/v1/auth/register", json={"email": email, "accepted_terms": True}), 202)
        return users.add_link(self.stack.sql, email)

    def reset_link(self):
        return links.link(self.stack, "reset_password", users.add_user(self.stack.sql, f"{secrets.token_hex(8)}@example.com", "x" * 12))

    def change_link(self, purpose):
        """Of a change of address that waits, or that can be undone."""
        old, new = (f"{secrets.token_hex(8)}@example.com" for _ in range(2))
        user, change, now = users.add_user(self.stack.sql, old, "x" * 12), uuid.uuid4().bytes, links.now_us(self.stack)
        made = (now, now + (1 << 40)) if purpose == "undo_email" else (None, None)
        self.stack.sql("INSERT INTO email_changes (id, user_id, old_email, old_email_key, new_email, new_email_key, created_at_us,"
                       " expires_at_us, confirmed_at_us, undo_until_us) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                       change, uuid.UUID(user).bytes, old, old, new, new, now, now + (1 << 40), *made)
        return links.link(self.stack, purpose, change)

    # What plain requests are made of

    def host_of(self, route):
        return self.hosts[route["pattern"]]

    def path(self, route):
        """The pattern with what is mine in it: what a DELETE takes is spent, so it gets the spare one."""
        words = {"attempt": self.attempt, "n": "0", "handle": "@somebody", "username": "somebody", "post_id": "7", "version": POLICY}
        own = self.me.spare if route["method"] == "DELETE" else self.me.things
        words["id"] = own.get(resource_of(route), NOBODY)
        if is_about_stripe(route):
            what = re.search(r"/(\w+)/\{id\}", route["pattern"])
            words["id"] = self.buyer[what[1]] if what else NOBODY
            if route["method"] == "DELETE":
                words["id"] = self.stripe.customer()["id"]
        with self.lock:
            if is_about_codes(route):
                self.door.make_ready(route)
            elif resource_of(route) == "sessions":
                words["id"] = self.door.another_session()
        return re.sub(r"\{(\w+)\}", lambda m: words.get(m[1], NOBODY), route["pattern"])

    def query(self, rng, route):
        if route["pattern"].endswith("/callback"):
            return "?" + self.me.consent(self.me.authorize_url(), f"{self.me.word}.again").partition("?")[2]
        if route["pattern"] == TEST_ACCOUNTS:
            return "?mode=test"
        if route["pattern"] == UNSUBSCRIBE:
            return f"?token={self.links[UNSUBSCRIBE]}"
        lists = route["method"] == "GET" and route["pattern"].endswith("s")
        return rng.choice(["", "", "?limit=2", "?limit=100"]) if lists and not self.is_session_only(route) else ""

    def is_session_only(self, route):
        return route["auth"] == "session"

    def sign(self, rng, r):
        """With the credential that the route wants."""
        if r.is_sandbox() and is_about_stripe(r.route):
            r.set("Authorization", f"Bearer {self.stripe.key}")
        elif r.is_sandbox():
            r.set("Authorization", self.creator.headers["Authorization"])
        elif r.route["auth"] == "any" and rng.random() < 0.7:
            self.with_key(r, self.me)
        elif r.route["auth"] in ("any", "session"):
            self.with_session(r, self.me)
        elif r.path.endswith("/auth/login"):
            r.owners.add("other")  # whose password is in the example

    def with_key(self, r, person):
        r.set("Authorization", f"Bearer {person.key}")
        r.owners.add(person.name)

    def with_session(self, r, person):
        r.set("Cookie", self.cookie(r, person))
        r.set("Origin", self.stack.url)
        r.owners.add(person.name)

    def cookie(self, r, person):
        if r.route["pattern"] in OF_MOVER:
            return cookie_of(self.mover.web)
        return self.door.leaving if "/auth/" in r.route["pattern"] else person.cookie()

    def learn(self, route):
        """The names of the fields that a route takes: all that it does not call unknown, and those that it asks for."""
        spent = "/auth/" in route["pattern"]  # a confirmation gives the session another cookie
        cookie = self.door.leaving if spent else self.me.cookie()
        headers = {} if route["auth"] == "none" else {"Cookie": cookie, "Origin": self.stack.url}  # a sign-in ends its session
        body = {name: value(random.Random(0), self) for name, value in VALUES.items()}
        for _ in range(3):
            mode = "?mode=test" if route["pattern"] == TEST_ACCOUNTS else ""
            answer = self.stack.client(**headers).request(route["method"], self.path(route) + mode, json=body)
            if answer.status_code != 422:
                break
            for problem in answer.json()["error"]["details"]:
                if problem["code"] == "unknown_field":
                    body.pop(problem["param"], None)
                elif problem["code"] == "required":
                    body.setdefault(problem["param"], "x")
        if spent:
            self.door.come_to_leave()
        return list(body) if answer.status_code not in (413, 415) else []

    def fields(self, rng, r):
        if r.route["pattern"] == UNSUBSCRIBE:
            return {"List-Unsubscribe": "One-Click"}
        names = self.known[r.route["method"] + r.route["pattern"]]
        chosen = [n for n in names if n in ("email", "password", "name", "upload_ids") or rng.random() < 0.8]
        values = {n: VALUES[n](rng, self) if n in VALUES else "x" for n in chosen}
        if "token" in values:
            values["token"] = self.links[r.route["pattern"]]
        if r.route["pattern"].endswith("/change-email") and values.get("email") == self.other.email:
            values["email"] = self.door.email  # somebody has it, too; and a GET shows the address that was asked for
        if r.route["pattern"].endswith("/reset-password") and "password" in values:
            values["password"] = "seven copper walruses"
        return values

    def image(self, rng):
        return rng.choice(self.images)

    def sandbox_body(self, route):
        """(type, value) of what TikTok takes, or Stripe."""
        at, app = route["pattern"], self.creator.app
        if is_about_stripe(route):
            return "application/x-www-form-urlencoded", self.stripe_body(at)
        if at.startswith("/v2/oauth/") or "authorize" in at:
            return "application/x-www-form-urlencoded", {"client_key": app.key, "client_secret": app.secret,
                                                         "grant_type": "refresh_token", "refresh_token": "rft.nothing"}
        if at == "/settings/apps":
            return "application/x-www-form-urlencoded", {"client_key": "of-nobody", "username": self.creator.username}
        return "application/json", simulator.draft(self.creator) if "init" in at else {"publish_id": "p_pub_url~v2.1"}

    def stripe_body(self, at):
        customer, url = self.buyer["customers"], f"{self.stack.url}/billing"
        bodies = {"/v1/checkout/sessions": self.stripe.checkout_fields(customer),
                  "/v1/billing_portal/sessions": {"customer": customer, "return_url": url},
                  "/stripe/pay/{id}": {"action": "back"}, "/stripe/portal/{id}": {"action": "keep", "subscription": self.buyer["subscriptions"]}}
        return {name: str(value) for name, value in bodies.get(at, {"email": "fresh@example.com", "metadata[user_id]": NOBODY}).items()}

    def renew(self, r):
        """What the request has spent, or found spent, is made again."""
        resource = resource_of(r.route)
        with self.lock:
            if resource == "waiting":
                if self.me.web.get(f"/api/v1/posts/{self.me.things[resource]}").json()["data"]["status"] != "awaiting_approval":
                    self.me.things[resource] = self.me.make(resource)
            elif r.method == "DELETE" and (own := [o for o in (self.me.spare, self.me.things) if o.get(resource, "none") in r.path]):
                own[0][resource] = self.me.make(resource)  # a mutation may turn a GET of what stays into one
            elif r.route["pattern"] in LINKS:
                self.links[r.route["pattern"]] = LINKS[r.route["pattern"]](self)
            elif r.route["pattern"] in OF_MOVER:
                self.mover = conftest.User(self.stack)
            elif "/auth/" in r.route["pattern"] and self.stack.client(Cookie=self.door.leaving).get("/api/v1/me").status_code != 200:
                self.door.come_to_leave()

    # The victim

    def victims_rows(self):
        """{table: rows}: all that is bound to the victim by an id, over any number of tables."""
        columns = self.stack.sql("SELECT table_name AS t, column_name AS c FROM information_schema.columns"
                                 " WHERE table_schema = 'marketingcli' AND column_type = 'binary(16)'")
        known, found = {uuid.UUID(self.victim.id).bytes}, {}
        while True:
            before = len(known)
            for column in columns:
                table, name = column["t"], column["c"]
                rows = self.stack.sql(f"SELECT * FROM {table} WHERE {name} IN ({', '.join(['%s'] * len(known))})", *known)
                kept = found.setdefault(table, {})
                for row in rows:
                    row.pop("last_used_at_us", None)  # of its key, from before: written a while after the use
                    kept[repr(sorted(row.items()))] = row
                    if isinstance(row.get("id"), bytes):
                        known.add(row["id"])
            if len(known) == before:
                return {table: set(rows) for table, rows in found.items() if rows}


def is_about_stripe(route):
    return route["pattern"].startswith(("/v1/", "/stripe/"))


def is_about_codes(route):
    return "/auth/totp" in route["pattern"] or route["pattern"].endswith(("/auth/confirm", "/auth/login/code"))


# The routes that follow the link of a mail, and how to get one.
LINKS = {
    UNSUBSCRIBE: World.mailed,
    "/api/v1/auth/verify-email": World.make_link,
    "/api/v1/auth/resend-reset": World.reset_link,
    "/api/v1/auth/reset-password": World.reset_link,
    "/api/v1/auth/confirm-email": lambda w: w.change_link("change_email"),
    "/api/v1/auth/undo-email": lambda w: w.change_link("undo_email"),
}


def resource_of(route):
    """What an {id} of the pattern names: "posts"; None without one. One that is decided about must wait."""
    if route["pattern"].endswith(("/approve", "/refuse", "/cancel", "/retry")):
        return "waiting"
    found = re.search(r"/(\w+)/\{id\}", route["pattern"])
    return found[1] if found else None


def cookie_of(session):
    return f"__Host-session={session.cookies['__Host-session']}"


def small_image(kind, mode):
    """The same bytes each time: what is made of them by a seed is the same, too."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((64, 48)).convert(mode).save(out, kind)
    return out.getvalue()
