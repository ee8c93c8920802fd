"""POST /privacy/erasure: all that is held of a user goes, everywhere, and a receipt stays that names nobody."""

import hashlib
import hmac
import json
import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pymysql
import standing
import tiktok_events
from helpers import expect
from images import jpeg
from mailing import wait_letter
from payers import deliver, event, jobs, payer, stored, stripe, tell  # noqa: F401 (fixtures)
from publishing import Sent
from test_alarms import events
from test_disabled import wait_for_waiter
from test_metrics import Shown
from test_privacy import WHOSE

ERASURE = "/api/v1/privacy/erasure"  # covers: POST /api/v1/privacy/erasure
# covers: DELETE /api/v1/privacy/erasure
# covers: GET /api/v1/privacy/erasure/{receipt}
DAY = 86400
# Tables without a constraint that leads to the user: what keeps late rows out of them is said beside each.
LOOSE = {"notices_due",  # its cause is a post or a key of the user
         "oauth_states",  # needs a session
         "erasures", "journal_due",  # under the user's lock
         "jobs_publish", "jobs_media", "jobs_mail", "jobs_billing", "jobs_privacy",  # ids alone; a job without its subject ends
         "sandbox_stripe_checkouts", "sandbox_stripe_customers"}  # the simulator's world


def ask(user, status=202, code=None, confirm=None):
    answer = expect(user.web.post(ERASURE, json={"confirm": confirm or user.email}), status, code)
    return answer["data"] if status == 202 else answer


def receipt(stack, id):
    return expect(stack.client().get(f"{ERASURE}/{id}"), 200)["data"]


def wait_done(stack, id):
    return stack.wait(lambda: (r := receipt(stack, id))["state"] == "done" and r, f"the erasure is done: {receipt(stack, id)}")


def dump(stack):
    """Every value of every table as bytes, but what the simulators have of their own: {table: bytes}."""
    tables = [r["t"] for r in stack.sql("SELECT TABLE_NAME t FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'marketingcli'"
                                        " AND TABLE_TYPE = 'BASE TABLE' AND TABLE_NAME NOT LIKE 'sandbox%%'")]
    return {t: b"\n".join(v if isinstance(v, bytes) else str(v).encode() for row in stack.sql(f"SELECT * FROM {t}") for v in row.values())
            for t in tables}


def holds(stack, needles):
    """{(table, needle)} of what is found: text as it is, ids as 16 bytes, as text and as hexadecimal digits."""
    ways = {name: {v} if isinstance(v, bytes) else {v.encode()} for name, v in needles.items()}
    for name, v in needles.items():
        if isinstance(v, bytes):
            ways[name] |= {str(uuid.UUID(bytes=v)).encode(), v.hex().encode()}
    return {(t, name) for t, text in dump(stack).items() for name, found in ways.items() if any(w in text for w in found)}


def test_it_says_what_it_costs(stack, user, account):
    Sent(stack, user, account).wait("published")
    shown = expect(user.web.get(ERASURE), 200)["data"]
    assert (shown["tiktok_accounts"], shown["api_keys"], shown["posts"], shown["posts_at_tiktok"], shown["posts_waiting"]) == (1, 1, 1, 1, 0)
    assert (shown["plan"], shown["plan_until"], shown["grace_days"], shown["erasure"]) == (None, None, 0, None)
    id, end = uuid.UUID(user.id).bytes, 4102444800
    stack.sql("UPDATE users SET subscribed_plan = 'small' WHERE id = %s", id)
    for status, until in (("active", "2100-01-01T00:00:00.000000Z"), ("trialing", None), ("past_due", None)):
        stack.sql("REPLACE INTO subscriptions (user_id, customer_id, plan, status, period_end_us, created_at_us, updated_at_us)"
                  " VALUES (%s, %s, 'small', %s, %s, 1, 1)", id, f"cus_{user.number}cost", status, end * 1_000_000)
        shown = expect(user.web.get(ERASURE), 200)["data"]
        assert (shown["plan"], shown["plan_until"]) == ("small", until), "the paid time that is lost"
    stack.sql("DELETE FROM subscriptions WHERE user_id = %s", id)


def test_it_needs_the_address_a_recent_password_and_a_session(stack, user):
    ask(user, 422, "confirmation_mismatch", confirm="somebody@example.com")
    expect(user.web.post(ERASURE, json={}), 422, "required")
    expect(user.api.post(ERASURE, json={"confirm": user.email}), 403, "session_required")
    expect(stack.client().post(ERASURE, json={"confirm": user.email}), 401, "unauthenticated")
    expect(user.web.delete(ERASURE), 409, "erasure_not_asked")
    stack.move_clock(660)
    ask(user, 403, "recent_auth_required")
    expect(user.web.delete(ERASURE), 403, "recent_auth_required")
    assert stack.sql("SELECT state FROM users WHERE id = %s", uuid.UUID(user.id).bytes) == [{"state": "active"}]


def test_a_receipt_cannot_be_guessed(stack):
    for id in (uuid.uuid4(), uuid.UUID(int=0), "cancel", "x' OR 1"):
        expect(stack.client().get(f"{ERASURE}/{id}"), 404, "not_found")


def test_all_is_gone(stack, payer):  # noqa: F811
    """What was there of the user is nowhere any more: not in a table, not in the store, not at Stripe."""
    user = payer.user
    account = user.connect()
    post = Sent(stack, user, account).wait("published")
    upload = expect(user.api.post("/api/v1/uploads", data=jpeg(90, 61), headers={"Idempotency-Key": f"k{user.number}"}), 201)["data"]["id"]
    expect(user.web.patch("/api/v1/me", json={"name": f"Ada{user.number} Byron"}), 200)
    expect(user.web.post("/api/v1/auth/change-email", json={"email": f"new.{user.email}"}), 202)
    user.web.get("/api/v1/tiktok/connect", allow_redirects=False)
    (open_id,) = (r["open_id"] for r in stack.sql("SELECT open_id FROM accounts WHERE id = %s", uuid.UUID(account).bytes))
    attempts = [r["id"] for r in stack.sql("SELECT id FROM post_attempts WHERE post_id = %s", uuid.UUID(post["id"]).bytes)]
    key = stack.sql("SELECT id, prefix FROM api_keys WHERE user_id = %s", payer.id)[0]
    needles = {"id": payer.id, "email": user.email, "name": f"Ada{user.number} Byron", "open_id": open_id, "customer": payer.customer,
               "account": uuid.UUID(account).bytes, "post": uuid.UUID(post["id"]).bytes, "upload": uuid.UUID(upload).bytes,
               "key": key["id"], "prefix": key["prefix"], "attempt": attempts[0], "title": post["description"]}
    assert {name for _, name in holds(stack, needles)} == set(needles), "the search finds what is there"

    made = ask(user)
    assert made["state"] in ("waiting", "running") and made["cancel_until"] is None and made["tiktok_accounts"] == 1
    expect(user.api.get("/api/v1/me"), 401, "invalid_key")
    expect(user.web.get("/api/v1/me"), 401)
    first = wait_letter(stack, user.email, "is to be erased").text
    assert made["receipt"] in first and post["post_url"] in first.replace("=\n", "").replace("\n", " ")

    done = wait_done(stack, made["receipt"])
    assert all(s["done_at"] for s in done["steps"]) and done["tiktok_revoked"] == 1
    assert (done["posts_at_tiktok"], done["posts_unknown"]) == (1, 0)
    assert {r["what"] for r in done["remains"] if r["until"]} >= {"logs", "backups"}
    assert user.email not in json.dumps(done) and user.id not in json.dumps(done)
    assert holds(stack, needles) == set()
    assert all(stack.sql(f"SELECT COUNT(*) n FROM {t} WHERE {w}".replace("?", "%s"), payer.id) == [{"n": 0}] for t, w in WHOSE.items())
    assert not list(stack.at.store.rglob(f"{upload}*")) and payer.stripe.customers[payer.customer] == {"deleted": True}
    last = wait_letter(stack, user.email, "is erased")
    assert made["receipt"] in last.text and ": 1." in last.text
    expect(stack.client(Origin=stack.url).post("/api/v1/auth/login", json={"email": user.email, "password": user.password}), 401, "bad_credentials")

    # What comes late brings nobody back.
    late = deliver(stack, event("customer.subscription.updated", {"id": payer.sub, "object": "subscription", "customer": payer.customer,
                                                                  "status": "active", "metadata": {"user_id": user.id}}))
    assert (stored(stack, late)["state"], stored(stack, late)["why"], stored(stack, late)["user_id"]) == ("ignored", "unknown_customer", None)
    assert {name for _, name in holds(stack, needles)} == {"customer"}, "as the receipt says, for 30 days"
    assert stack.admin("user", "show", user.id).returncode != 0

    # The journal names them only to who has the key.
    key_of = (stack.at.credentials / "worker_privacy/journal-key").read_text().strip()
    lines = (stack.at.journal / "journal").read_text().splitlines()
    name = keyed(key_of, "erasure", payer.id)
    assert [x.split()[2] for x in lines if name in x] == ["erasure"]
    assert any(keyed(key_of, "disconnect", uuid.UUID(account).bytes) in x for x in lines)
    assert any(keyed(key_of, "revocation", key["id"]) in x for x in lines)
    assert user.id not in "\n".join(lines)


def keyed(key, what, id):
    return hmac.new(key.encode(), what.encode() + id, hashlib.sha256).hexdigest()


def test_a_customer_that_was_made_and_never_stored_goes_too(stack, payer):  # noqa: F811
    """Who had it made died before it was written down. That it was begun is known, so those made since are looked through."""
    lost, others = "cus_Lost", "cus_Others"
    payer.stripe.customers[lost] = {"email": payer.user.email, "metadata": {"user_id": payer.user.id}}
    payer.stripe.customers[others] = {"email": "b@example.com", "metadata": {"user_id": str(uuid.uuid4())}}
    # There may be many, and they need not be of ours alone. All of these do not fit into the memory of a run.
    payer.stripe.customers |= {f"cus_since{n}": {"description": "x" * 9000, "metadata": {"user_id": "7"}} for n in range(1000)}
    stack.sql("UPDATE users SET customer_asked_at_us = created_at_us WHERE id = %s", payer.id)
    made = ask(payer.user)
    stack.wait(lambda: stack.sql("SELECT 1 FROM jobs_billing WHERE kind = 'customer_delete' AND subject_id = %s", payer.id), "it is begun")
    stack.move_clock(130)  # a call that was begun before is over by then
    wait_done(stack, made["receipt"])
    assert [payer.stripe.customers[c] for c in (payer.customer, lost)] == [{"deleted": True}] * 2
    assert payer.stripe.customers[others]["email"] == "b@example.com"


def test_a_purchase_right_after_a_disown_stays(payer):
    """Nobody is left who would delete its customer."""
    with payer.stack.stopped("worker-billing"):
        payer.stack.admin("billing", "forget", payer.user.email)
        assert payer.stack.admin("billing", "disown", payer.user.email).returncode == 0
        payer.bind()
    payer.subscribe()
    tell(payer, "customer.subscription.created", payer.subscription())
    assert not jobs(payer.stack, "customer_delete", payer.id) and payer.plan() == "small"
    assert payer.stripe.customers[payer.customer] == {"email": payer.user.email}


def test_a_purchase_after_a_disown_stays_while_the_worker_still_looks(payer):
    """The job has found no customer, and looks through those made since, when it is taken away: what it finds then is the next one."""
    stack, stripe, logged = payer.stack, payer.stripe, len(payer.stack.log("worker-billing"))  # noqa: F811
    stripe.customers[payer.customer] = {"email": payer.user.email, "metadata": {"user_id": payer.user.id}}
    stripe.behave("/v1/customers", "held", "ok")
    looked = len(stripe.asked("GET", "/v1/customers"))  # by tests before
    stack.sql("UPDATE users SET customer_asked_at_us = created_at_us WHERE id = %s", payer.id)
    payer.stack.sql("DELETE FROM subscriptions WHERE user_id = %s", payer.id)
    stack.admin("billing", "forget", payer.user.email)
    stack.wait(lambda: jobs(stack, "customer_delete", payer.id), "it is asked for")
    stack.move_clock(130)
    stack.wait(lambda: len(stripe.asked("GET", "/v1/customers")) > looked, "it looks")
    payer.bind()
    assert stack.admin("billing", "disown", payer.user.email).returncode == 0
    payer.bind()
    stripe.release()
    stack.wait(lambda: [e for e in events(stack.log("worker-billing")[logged:], "job") if e["kind"] == "customer_delete"
                        and e["outcome"] != "again"], "it has ended")
    assert stripe.customers[payer.customer].get("email") == payer.user.email and payer.row()["customer_id"] == payer.customer


def test_nothing_can_be_added_to_nobody(stack):
    """Late rows: the database itself refuses one of a user who is gone, in every table that says whose its rows are."""
    tables = {r["t"] for r in stack.sql("SELECT c.TABLE_NAME t FROM information_schema.COLUMNS c JOIN information_schema.TABLES USING (TABLE_SCHEMA,"
                                        " TABLE_NAME) WHERE TABLE_SCHEMA = 'marketingcli' AND TABLE_TYPE = 'BASE TABLE' AND c.COLUMN_NAME = 'user_id'")}
    bound = {r["t"] for r in stack.sql("SELECT TABLE_NAME t FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = 'marketingcli'"
                                       " AND COLUMN_NAME = 'user_id' AND REFERENCED_TABLE_NAME = 'users'")}
    assert tables - bound == LOOSE


def test_counts_in_memory_of_a_user_who_is_gone_are_dropped(stack, user, other):
    """A program that has counted requests writes them a second later: those of others are not lost with them."""
    assert user.key and other.key
    made = ask(user)
    with stack.frozen("auth"):  # both have asked there, and nothing is written yet
        wait_done(stack, made["receipt"])
    expect(other.api.get("/api/v1/me"), 200)
    stack.wait(lambda: stack.sql("SELECT 1 FROM usage_daily WHERE user_id = %s", uuid.UUID(other.id).bytes), "usage is written")
    assert not stack.sql("SELECT 1 FROM usage_daily WHERE user_id = %s", uuid.UUID(user.id).bytes)


def test_a_post_on_its_way_is_in_the_receipt(stack, user, account):
    stack.wait(lambda: stack.sql("SELECT 1 FROM creator_snapshots WHERE account_id = %s", uuid.UUID(account).bytes), "the init is the first call")
    with stack.frozen("sandbox"):
        post = Sent(stack, user, account)
        post.wait("publishing")
        made = ask(user)
    done = wait_done(stack, made["receipt"])
    assert post.at_simulator() == done["posts_at_tiktok"] + done["posts_unknown"] == 1


def test_with_tiktok_down_the_tokens_go_all_the_same(stack, user, account):
    with stack.stopped("sandbox"):
        made = ask(user)
        stack.wait(lambda: stack.sql("SELECT 1 FROM accounts WHERE id = %s AND access_token IS NULL", uuid.UUID(account).bytes)
                   or receipt(stack, made["receipt"])["state"] == "done", "the tokens are gone")
        done = wait_done(stack, made["receipt"])
    assert (done["tiktok_accounts"], done["tiktok_revoked"]) == (1, 0)


def test_tokens_that_nobody_can_open_go_all_the_same(stack, user, account):
    """Their key is lost, or the row is damaged: waiting for it would keep them for ever. An access token that opens ends its grant."""
    stack.sql("UPDATE accounts SET access_token = refresh_token WHERE id = %s", uuid.UUID(account).bytes)
    stack.sql("UPDATE accounts SET refresh_token = access_token WHERE id = %s", uuid.UUID(user.connect()).bytes)
    done = wait_done(stack, ask(user)["receipt"])
    assert (done["tiktok_accounts"], done["tiktok_revoked"]) == (2, 1)


def test_what_tiktok_told_stays_for_somebody_else_with_that_account(stack, user, other):
    name = f"shared.{user.id[-8:]}"
    user.connect(name)
    theirs = other.connect(name)
    told = tiktok_events.event(stack, "post.publish.complete", tiktok_events.open_id_of(stack, theirs), {"publish_id": "p"})
    expect(tiktok_events.deliver(stack, told), 200)
    done = wait_done(stack, ask(user)["receipt"])
    assert done["tiktok_revoked"] == 0 and tiktok_events.row(stack, told)
    assert expect(other.web.get(f"/api/v1/accounts/{theirs}"), 200)["data"]["is_active"]


def test_two_at_once_have_one_receipt(stack, user):
    """The second was let in before the first had ended its session."""
    webs = [user.web, user.sign_in()]
    with stack.stopped("worker-privacy"):
        first = ask(user)
        again = user.sign_in()
        assert expect(again.post(ERASURE, json={"confirm": user.email}), 202)["data"]["receipt"] == first["receipt"]
        expect(webs[1].get(ERASURE), 401)
        expect(again.delete(ERASURE), 409, "erasure_too_late")
    wait_done(stack, first["receipt"])
    expect(again.get(ERASURE), 401)


def test_whatever_comes_meanwhile_brings_nobody_back(stack, payer):  # noqa: F811
    """Sign-ins elsewhere, uploads, and webhooks about the user, from before it is asked for until it is over; two of each at a time."""
    user, over, image = payer.user, threading.Event(), jpeg(90, 66)
    api, open_id = user.api, tiktok_events.open_id_of(stack, user.connect())
    acts = {"sign in": lambda: stack.client(Origin=stack.url).post("/api/v1/auth/login", json={"email": user.email, "password": user.password}),
            "upload": lambda: api.post("/api/v1/uploads", data=image),
            "stripe": lambda: deliver(stack, event("invoice.paid", payer.invoice())),
            "tiktok": lambda: tiktok_events.deliver(stack, tiktok_events.event(stack, "post.publish.complete", open_id, {"publish_id": f"p{uuid.uuid4()}"}))}
    answers = {name: [] for name in acts}

    def go_on(name):
        while not over.is_set():
            answers[name].append(acts[name]())
    with ThreadPoolExecutor(2 * len(acts)) as pool:
        going = [pool.submit(go_on, name) for name in [*acts, *acts]]
        try:
            stack.wait(lambda: all(answers.values()), "all have begun")
            wait_done(stack, ask(user)["receipt"])
        finally:
            over.set()
        for one in going:
            one.result()
    told = {name: {getattr(a, "status_code", 200) for a in some} for name, some in answers.items()}
    assert told["sign in"] <= {200, 401, 429, 503} and told["upload"] <= {201, 401, 403, 429, 503} and told["tiktok"] <= {200, 503}, told
    assert 201 in told["upload"] and 401 in told["upload"], "before and after"
    stack.wait(lambda: not holds(stack, {"id": payer.id, "email": user.email, "open_id": open_id}), "nothing is left")
    made = [a.json()["data"]["id"] for a in answers["upload"] if a.status_code == 201]
    assert not [path for path in stack.at.store.rglob("*") if path.name.partition(".")[0] in made]


def test_until_its_time_is_over_it_can_be_canceled(stack, user):
    """What went does not come back; and nothing but a cancel of the user ends it."""
    account = user.connect()
    upload = expect(user.api.post("/api/v1/uploads", data=jpeg(90, 62)), 201)["data"]["id"]
    with stack.configured("privacy", erasure_grace_days=3):
        made = ask(user)
        assert made["state"] == "waiting" and made["cancel_until"]
        user.web = user.sign_in()
        assert expect(user.web.get("/api/v1/me"), 200)["data"]["email"] == user.email
        for method, path in (("GET", "/api/v1/keys"), ("GET", "/api/v1/posts"), ("PATCH", "/api/v1/me"), ("GET", "/api/v1/privacy/data"),
                             ("POST", "/api/v1/keys"), ("GET", "/api/v1/auth/sessions")):
            expect(user.web.request(method, path, json={} if method != "GET" else None), 403, "account_erasing")
        shown = expect(user.web.get(ERASURE), 200)["data"]["erasure"]
        assert shown["receipt"] == made["receipt"] == ask(user)["receipt"]
        stack.wait(lambda: all(s["done_at"] for s in receipt(stack, made["receipt"])["steps"][:2]), "tokens and images are gone")
        assert not list(stack.at.store.rglob(f"{upload}*"))
        enabled = stack.admin("user", "enable", user.id)
        assert enabled.returncode != 0
        assert f"user {user.id}" in stack.admin("privacy", "erasures").stdout
        expect(stack.client(Origin=stack.url).post("/api/v1/auth/forgot-password", json={"email": user.email}), 202)

        canceled = expect(user.web.delete(ERASURE), 200)["data"]
        assert canceled["state"] == receipt(stack, made["receipt"])["state"] == "canceled" and canceled["receipt"] == made["receipt"]
        expect(user.web.delete(ERASURE), 409, "erasure_not_asked")
        assert wait_letter(stack, user.email, "Your account stays")
        assert expect(user.web.get("/api/v1/keys"), 200)["data"] == []
        expect(user.api.get("/api/v1/me"), 401, "invalid_key")
        expect(user.web.get(f"/api/v1/accounts/{account}"), 404)
        names = [a["what"] for a in expect(user.web.get("/api/v1/me/activity"), 200)["data"]]
        assert names[0] == "erasure_canceled" and "erasure_asked" in names and "account_disconnected" in names

        user.web = user.sign_in()
        second = ask(user)
        assert second["receipt"] != made["receipt"]
        with stack.stopped("worker-privacy"):
            stack.move_clock(3 * DAY + 60)
            user.web = user.sign_in()
            expect(user.web.delete(ERASURE), 409, "erasure_too_late")
        wait_done(stack, second["receipt"])


def test_in_grace_an_owner_who_lost_the_password_can_reset_it_and_cancel(stack, user):
    """The reset alone cancels nothing, and nothing but what lets them sign in is mailed."""
    with stack.configured("privacy", erasure_grace_days=3):
        made = ask(user)
        forgot = stack.client(Origin=stack.url)
        expect(forgot.post("/api/v1/auth/forgot-password", json={"email": user.email}), 202)
        token = re.search(r"#(\S+)", wait_letter(stack, user.email, "Choose a new password").text)[1]
        user.password = "another-Str0ng-pass"
        expect(forgot.post("/api/v1/auth/reset-password", json={"token": token, "password": user.password}), 204)
        wait_letter(stack, user.email, "password was")
        assert receipt(stack, made["receipt"])["state"] == "waiting"
        web = user.sign_in()
        expect(web.delete(ERASURE), 200)
        expect(web.delete(ERASURE), 409, "erasure_not_asked")
        assert receipt(stack, made["receipt"])["state"] == "canceled"


def test_after_a_cancel_nothing_more_goes(stack, user, account):
    """The account was still waiting for a post on its way to TikTok, and its job for that; the erasure's own job ends, too. Another one goes
    all the same: its owner has written, too, that it should."""
    other = user.connect()
    for one in (account, other):
        stack.wait(lambda: stack.sql("SELECT 1 FROM creator_snapshots WHERE account_id = %s", uuid.UUID(one).bytes), "the init is the first call")
    with stack.configured("privacy", erasure_grace_days=3):
        with stack.frozen("sandbox"):
            for one in (account, other):
                Sent(stack, user, one).wait("publishing")
            made = ask(user)
            assert stack.admin("privacy", "disconnect", user.id, "--reason", "a letter", "--account", other).returncode == 0
            user.web = user.sign_in()
            expect(user.web.delete(ERASURE), 200)
        left = lambda: [stack.sql(f"SELECT 1 FROM {t} WHERE kind = %s AND subject_id = %s", kind, uuid.UUID(id).bytes) for t, kind, id in (  # noqa: E731
            ("jobs_publish", "account_erase", account), ("jobs_publish", "account_erase", other), ("jobs_privacy", "erase", made["receipt"]))]
        stack.wait(lambda: not any(left()), "no job is left", 60)
        expect(user.web.get(f"/api/v1/accounts/{other}"), 404)
        assert expect(user.web.get(f"/api/v1/accounts/{account}"), 200)["data"]["is_active"]


def test_a_cancel_waits_for_a_step_that_is_under_way(stack, user):
    """The worker has read that the erasure waits, and is about to mark the images: afterwards it would take what the user has got back."""
    upload = expect(user.api.post("/api/v1/uploads", data=jpeg(90, 64)), 201)["data"]["id"]
    root = pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="root", database="marketingcli", autocommit=False)
    with stack.configured("privacy", erasure_grace_days=3), root, root.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        cursor.execute("SELECT 1 FROM uploads WHERE id = %s FOR UPDATE", uuid.UUID(upload).bytes)
        ask(user)
        user.web = user.sign_in()
        wait_for_waiter(stack, "marketingcli_worker_privacy", "UPDATE uploads%")
        canceled = pool.submit(lambda: user.web.delete(ERASURE))
        try:
            wait_for_waiter(stack, "marketingcli_privacy", "SELECT state FROM users%FOR UPDATE")
        finally:
            root.rollback()
        expect(canceled.result(), 200)
        stack.wait(lambda: not stack.sql("SELECT 1 FROM jobs_privacy WHERE kind = 'erase'"), "nobody goes on with it")


def test_a_disabled_user_is_disabled_again_after_a_cancel(stack, user):
    assert stack.admin("user", "disable", user.id).returncode == 0
    stack.sql("UPDATE users SET state = 'active' WHERE id = %s", uuid.UUID(user.id).bytes)
    stack.sql("UPDATE sessions SET user_state = 'active' WHERE user_id = %s", uuid.UUID(user.id).bytes)
    with stack.configured("privacy", erasure_grace_days=1):
        made = ask(user)
        stack.sql("UPDATE erasures SET was_disabled = 1 WHERE id = %s", uuid.UUID(made["receipt"]).bytes)
        user.web = user.sign_in()
        expect(user.web.delete(ERASURE), 200)
        expect(user.web.get("/api/v1/me"), 403, "account_disabled")


def test_an_erasure_that_does_not_end_is_an_alarm(stack, user):
    expect(user.api.post("/api/v1/uploads", data=jpeg(90, 63)), 201)
    with stack.stopped("worker-media"):
        made = ask(user)
        stack.wait(lambda: receipt(stack, made["receipt"])["state"] == "running", "it has begun")
        before = len(events(stack.log("worker-privacy"), "erasure_late"))
        stack.move_clock(DAY + 60)
        standing.hurry(stack, "jobs_privacy", "erasures_tidy")
        stack.wait(lambda: len(events(stack.log("worker-privacy"), "erasure_late")) > before, "the alarm")
        assert Shown(stack, "worker-privacy")("alarms_total", alarm="erasure_late") == len(events(stack.log("worker-privacy"), "erasure_late"))
    wait_done(stack, made["receipt"])


def test_it_says_why_it_waits(stack, user):
    """As on a fresh server, which has no mail server yet: all but the address has gone."""
    with stack.stopped("worker-mail"):
        made = ask(user)
        shown = stack.wait(lambda: (r := receipt(stack, made["receipt"]))["waits_for"] == "mail" and r, "it waits for the last mail")
        assert shown["state"] == "running" and shown["waits_until"] > shown["asked_at"]
        listed = stack.admin("privacy", "erasures").stdout
        assert f"next: the last mail (worker@mail), not after {shown['waits_until'][:19]}Z; nobody has tried to send it" in listed, listed
    done = wait_done(stack, made["receipt"])
    assert done["waits_for"] is None and done["waits_until"] is None


def verified(stack):
    shown = stack.admin("privacy", "journal", "--dir", str(stack.at.credentials))
    assert shown.returncode == 0, shown.stderr
    return {what: int(n) for what, n in re.findall(r"^(\w+) +(\d+)$", shown.stdout, re.M)}


def test_the_journal_waits_for_its_disk_and_survives_a_torn_line(stack, user):
    file = stack.at.journal / "journal"
    first = user.make_key("first")["id"]
    expect(user.web.delete(f"/api/v1/keys/{first}"), 204)
    stack.wait(lambda: not stack.sql("SELECT 1 FROM journal_due"), "the journal is written")
    before = verified(stack)
    with file.open("ab") as torn:
        torn.write(b"1 2026-11-27T15:5")
    away = stack.at.journal.resolve().with_name("journal.away")
    real = stack.at.journal.resolve()
    real.rename(away)
    try:
        second = user.make_key("second")["id"]
        expect(user.web.delete(f"/api/v1/keys/{second}"), 204)
        stack.wait(lambda: events(stack.log("worker-privacy"), "journal_not_written"), "the alarm")
        assert stack.sql("SELECT COUNT(*) n FROM journal_due WHERE user_id = %s", uuid.UUID(user.id).bytes) == [{"n": 1}]
    finally:
        away.rename(real)
    stack.wait(lambda: not stack.sql("SELECT 1 FROM journal_due"), "the journal is written")
    assert Shown(stack, "worker-privacy")("alarms_total", alarm="journal_not_written") == len(events(stack.log("worker-privacy"), "journal_not_written"))
    after = verified(stack)
    assert after["revocation"] == before["revocation"] + 1 and after["torn"] == before["torn"] + 1
    assert oct(file.stat().st_mode & 0o777) == "0o600"
