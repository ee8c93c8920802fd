"""Plans: what they allow, who has one, and what is refused without (lib/model/billing)."""

import concurrent.futures
import json
import os
import re
import secrets
import subprocess
import uuid

import pytest
import render
from budgets import Agent, refuse
from helpers import expect
from images import jpeg
from layout import CHECKOUT
from plans import at_limit, billing, counted, far_from_the_months_end, grant, in_days, limits, now, revoke, subscribed, to_next_month
from publishing import SMALL, Sent
from shop import with_credential

DAY = 86400
MIB = 1 << 20


def post(user, account, image, api=None):
    body = {"upload_ids": [image], "description": secrets.token_hex(8)}
    return (api or user.api).post(f"/api/v1/accounts/{account}/posts", json=body)


def upload(user, data=SMALL, api=None):
    return (api or user.api).post("/api/v1/uploads", data=data, headers={"Content-Type": "image/jpeg"})


def image_of(user, api=None):
    return expect(upload(user, api=api), 201)["data"]["id"]


@pytest.fixture
def idle(stack):
    """Nothing is sent meanwhile."""
    far_from_the_months_end(stack)
    with stack.stopped("worker-publish"):
        yield stack


# --- the file


def admin_with(stack, tmp_path, text):
    file, conf = tmp_path / "plans", tmp_path / "conf"
    if text is not None:
        file.write_text(text)
    conf.write_text(re.sub(r"^plans = .*$", f"plans = {file}", stack.at.conf.read_text(), flags=re.MULTILINE))
    return stack.admin("billing", "plans", conf=conf)


def test_the_admin_prints_the_plans(stack, tmp_path):
    done = stack.admin("billing", "plans")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "free  free  rate_factor 1",
        "tiny  posts_per_month 2  accounts 1  storage_bytes 1048576  rate_factor 1",
        "small  posts_per_month 100  accounts 2  storage_bytes 52428800  rate_factor 2  price_live price_1SmallLive"
        "  price_test price_1SmallTest",
        "large  rate_factor 10  price_live price_1LargeLive  price_test price_1LargeTest"]
    sample = admin_with(stack, tmp_path, (CHECKOUT / "systemd/plans.conf").read_text())
    assert (sample.returncode, sample.stderr) == (0, "") and [l.split()[0] for l in sample.stdout.splitlines()] == ["free", "pro", "agency"]


@pytest.mark.parametrize("text,says", [
    (None, "the file cannot be read"), ("", "there is no plan in it"), ("[pro]\n", "no plan is free"),
    ("[free]\nfree = yes\nposts_per_month = lots\n", "line 3: posts_per_month of the plan free must be a number"),
    ("[free]\nfree = yes\n[a]\nprice_live = price_1\n[b]\nprice_live = price_1\n", "line 5: the plan b has the price of a")])
def test_a_wrong_file_is_told_by_its_line(stack, tmp_path, text, says):
    done = admin_with(stack, tmp_path, text)
    assert done.returncode == 1 and done.stdout == "" and says in done.stderr and str(tmp_path / "plans") in done.stderr, done


@pytest.mark.parametrize("program", ["auth", "keys", "tiktok", "uploads", "posts", "billing"])
def test_with_a_wrong_file_no_program_starts_that_knows_users(stack, tmp_path, program):
    file, conf = tmp_path / "plans", tmp_path / "conf"
    file.write_text("[free]\nfree = maybe\n")
    conf.write_text(re.sub(r"^plans = .*$", f"plans = {file}", stack.at.conf.read_text(), flags=re.MULTILINE))
    done = subprocess.run([render.find_program(os.environ["MARKETINGCLI_BUILD"], f"marketingcli-{program}")], stdin=subprocess.DEVNULL,
                          env={**os.environ, "MARKETINGCLI_CONF": str(conf)}, capture_output=True, text=True, timeout=60)
    line = json.loads(done.stderr.splitlines()[-1])
    assert (done.returncode, line["event"]) == (78, "cannot_start"), done
    assert line["why"] == f"line 2: free of the plan free must be yes or no [billing.plans: {file}]"


def test_without_a_file_there_is_one_plan_without_limits(stack, user):
    with stack.configured("billing", billing_plans=""):
        shown = billing(user)
        assert (shown["plan"], shown["source"], [p["name"] for p in shown["plans"]]) == ("free", "free", ["free"])
        assert [row["limit"] for row in shown["limits"]] == [None] * 3


# --- what is shown


def test_a_user_sees_their_plan(user):
    shown = billing(user)
    assert {k: v for k, v in shown.items() if k not in ("limits", "plans")} == {
        "plan": "free", "source": "free", "until": None, "status": None, "period_end": None, "will_cancel": False, "cancel_at": None,
        "trial_end": None, "rate_factor": 1, "terms_version": None, "terms_accepted_at": None, "terms_accepted_how": None}
    posts, *others = shown["limits"]
    assert (posts["name"], posts["limit"], posts["used"]) == ("posts_per_month", None, 0) and re.search(r"-01T00:00:00(\.0+)?Z$", posts["resets_at"])
    assert others == [{"name": n, "limit": None, "used": 0, "resets_at": None} for n in ("accounts", "storage_bytes")]
    assert [(p["name"], p["is_free"], p["is_current"], p["is_sold"]) for p in shown["plans"]] == [
        ("free", True, True, False), ("tiny", False, False, False), ("small", False, False, True), ("large", False, False, True)]
    assert shown["plans"][1] == {"name": "tiny", "is_free": False, "is_current": False, "is_sold": False, "posts_per_month": 2, "accounts": 1,
                                 "storage_bytes": MIB, "rate_factor": 1}


def test_only_a_session_sees_it(user, stack):
    expect(user.api.get("/api/v1/billing"), 403, "session_required")
    expect(stack.client().get("/api/v1/billing"), 401, "unauthenticated")
    for path in ("checkout", "portal", "sync"):
        expect(user.api.post(f"/api/v1/billing/{path}", json={}), 403, "session_required")


def test_nothing_can_be_bought_without_stripe(user, stack):
    right = {"plan": "small", "accepted_terms": True}
    with with_credential(stack, "stripe-api-key", ""):
        stack.restart("billing")
        assert not any(p["is_sold"] for p in billing(user)["plans"])
        expect(user.web.post("/api/v1/billing/checkout", json=right), 503, "billing_not_configured")
        expect(user.web.post("/api/v1/billing/portal"), 503, "billing_not_configured")
        expect(user.web.post("/api/v1/billing/sync", json={"session_id": "cs_test_1"}), 503, "billing_not_configured")
    stack.restart("billing")
    for wrong, code, param in (({**right, "plan": "gold"}, "plan_unknown", "plan"), ({**right, "plan": "free"}, "plan_unknown", "plan"),
                               ({**right, "accepted_terms": False}, "terms_not_accepted", "accepted_terms"),
                               ({"accepted_terms": True}, "required", "plan"), ({**right, "x": 1}, "unknown_field", "x")):
        error = expect(user.web.post("/api/v1/billing/checkout", json=wrong), 422, code)["error"]
        assert error["param"] == param
    expect(user.web.post("/api/v1/billing/sync", json={"session_id": "x" * 256}), 422, "too_long")


@pytest.mark.parametrize("status", ["incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid", "paused", "unknown"])
def test_the_subscription_is_shown(user, stack, status):
    """In Stripe's words; which plan it gives is a table (tests/unit/model/billing/terms.c)."""
    end = int(now(stack).timestamp() + DAY) * 1_000_000
    with subscribed(user, status=status, plan="small", period_end_us=end, cancel_at_us=end):
        shown = billing(user)
    has = status in ("trialing", "active", "past_due")
    assert (shown["status"], shown["plan"], shown["source"]) == (status, *(("small", "subscription") if has else ("free", "free")))
    assert shown["will_cancel"] and shown["period_end"] == shown["cancel_at"] != None  # noqa: E711
    assert (shown["until"] is None) == (status != "past_due"), "the grace ends by itself"


# --- given by hand


def activity(user):
    return [(r["what"], r["about"]) for r in user.stack.sql(
        "SELECT what, about FROM activity WHERE user_id = %s AND by_whom = 'admin' ORDER BY id", uuid.UUID(user.id).bytes)]


def test_a_plan_that_is_given(user, stack):
    day, end = in_days(stack, 1), in_days(stack, 2)
    until = (now(stack).replace(hour=0, minute=0, second=0, microsecond=0).timestamp() + 2 * DAY)
    assert re.fullmatch(rf"{user.id} was given the plan small until \S+\n", grant(user, "small", "--until", day))
    shown = billing(user)
    assert (shown["plan"], shown["source"]) == ("small", "grant") and shown["until"].startswith(end)
    said = stack.admin("billing", "show", user.email).stdout
    assert re.search(r"^plan +small  by grant  until ", said, re.MULTILINE) and re.search(r"^uses +0 of 100 posts_per_month$", said, re.MULTILINE), said
    stack.move_clock(until - now(stack).timestamp() - 60)
    assert billing(user)["plan"] == "small"
    stack.move_clock(61)
    assert billing(user)["plan"] == "free", "by itself"
    assert [what for what, _ in activity(user)] == ["admin_granted_plan", "admin_read"]
    assert activity(user)[0][1].startswith("small until "), activity(user)


def test_a_plan_that_is_taken_back(user):
    grant(user, "small")
    grant(user, "large")
    assert (billing(user)["plan"], billing(user)["until"]) == ("large", None)
    assert revoke(user) == f"{user.id} has no given plan any more\n"
    assert billing(user)["plan"] == "free"
    assert revoke(user) == f"{user.id} had been given no plan\n"
    assert [what for what, _ in activity(user)] == ["admin_granted_plan", "admin_granted_plan", "admin_revoked_plan"]


def test_what_the_admin_cannot_mean(user, stack):
    for args, says in (((user.id, "gold"), "there is no plan gold"), ((user.id, "small", "--until", "soon"), "--until must be a day"),
                       ((user.id, "small", "--until", "2020-01-01"), "--until has passed"), (("nobody@example.com", "small"), "there is no user"),
                       ((user.id,), "billing grant needs USER PLAN")):
        done = stack.admin("billing", "grant", *args)
        assert done.returncode != 0 and says in done.stderr and done.stdout == "", done
    assert billing(user)["plan"] == "free"


def test_a_better_plan_that_is_paid_goes_on(user):
    grant(user, "small")
    with subscribed(user, status="active", plan="large"):
        assert (billing(user)["plan"], billing(user)["source"]) == ("large", "subscription")
        assert grant(user, "small") == f"{user.id} was given the plan small\n", "which is not what they have"
    grant(user, "large")
    with subscribed(user, status="active", plan="small"):
        assert (billing(user)["plan"], billing(user)["source"]) == ("large", "grant")


def test_a_plan_that_the_file_has_no_more(user, stack):
    grant(user, "small")
    user.stack.sql("UPDATE plan_grants SET plan = 'gold' WHERE user_id = %s", uuid.UUID(user.id).bytes)
    assert billing(user)["plan"] == "free"
    assert "gold (not in the file of the plans)" in stack.admin("billing", "show", user.id).stdout


# --- posts in a month


def test_posts_of_a_month(user, account, idle):
    image = image_of(user)
    expect(post(user, account, image), 202)
    assert counted(user) == 0, "without a limit nothing is counted"
    grant(user, "tiny")
    for n in (1, 2):
        expect(post(user, account, image), 202)
        assert limits(user)["posts_per_month"] == (2, n)
    error = at_limit(post(user, account, image), "posts_per_month", 2, 2, "tiny", "small")
    assert "The next month begins at" in error["message"]
    form = user.api.post(f"/api/v1/accounts/{account}/posts", files=[("images", ("1.jpg", jpeg(900, 900), "image/jpeg"))])
    at_limit(form, "posts_per_month", 2, 2, "tiny", "small")
    assert limits(user)["storage_bytes"][1] < 100_000, "nothing of what was refused stays"
    grant(user, "small")
    expect(post(user, account, image), 202)
    assert limits(user)["posts_per_month"] == (100, 3)
    revoke(user)
    expect(post(user, account, image), 202)
    assert counted(user) == 3


def test_the_month_turns(user, account, idle):
    grant(user, "tiny")
    image = image_of(user)
    for _ in range(2):
        expect(post(user, account, image), 202)
    at_limit(post(user, account, image), "posts_per_month", 2, 2, "tiny", "small")
    to_next_month(idle)
    user.web = user.sign_in()
    user.api = idle.client(Authorization=f"Bearer {user.make_key('next month')['key']}")
    assert limits(user)["posts_per_month"] == (2, 0)
    image = image_of(user)
    expect(post(user, account, image), 202)
    assert limits(user)["posts_per_month"] == (2, 1)


def test_a_count_of_a_clock_that_is_ahead(user, account, idle):
    """Of the next month it holds, as machines' clocks differ; of any other month it is over."""
    grant(user, "tiny")
    image = image_of(user)
    expect(post(user, account, image), 202)
    id = uuid.UUID(user.id).bytes
    idle.sql("UPDATE plan_counters SET month = month + 1, posts = 2 WHERE user_id = %s", id)
    at_limit(post(user, account, image), "posts_per_month", 2, 2, "tiny", "small")
    for ahead in (1, -3):  # two months ahead, then one behind
        idle.sql("UPDATE plan_counters SET month = month + %s, posts = 2 WHERE user_id = %s", ahead, id)
        expect(post(user, account, image), 202)
        assert counted(user) == 1


def test_test_posts_do_not_count(user, idle):
    grant(user, "tiny")
    api = idle.client(Authorization=f"Bearer {user.make_key('t', mode='test')['key']}")
    account = expect(api.post("/api/v1/sandbox/accounts", json={}), 201)["data"]["id"]
    image = image_of(user, api=api)
    for _ in range(3):
        expect(post(user, account, image, api=api), 202)
    assert counted(user) == 0 and limits(user)["accounts"] == (1, 0)


def test_exactly_as_many_as_are_left(user, account, idle):
    grant(user, "small")
    image = image_of(user)

    def one(_):
        while (answer := post(user, account, image)).status_code == 503:
            pass
        return answer
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(one, range(200)))
    assert sorted({a.status_code for a in answers}) == [202, 402], {a.status_code: a.text for a in answers}
    assert [a.status_code for a in answers].count(202) == 100
    assert counted(user) == idle.sql("SELECT COUNT(*) AS n FROM posts WHERE user_id = %s", uuid.UUID(user.id).bytes)[0]["n"] == 100


def plan_month(post_id, stack):
    return stack.sql("SELECT plan_month AS m FROM posts WHERE id = %s", uuid.UUID(post_id).bytes)[0]["m"]


def test_what_was_never_sent_is_given_back_once(user, account, idle):
    grant(user, "tiny")
    agent = Agent(user, needs_approval=True)
    first, second = (agent.posted(account) for _ in range(2))
    assert counted(user) == 2 and agent.post(account).status_code == 402
    assert plan_month(first["id"], idle) is not None
    expect(refuse(user, first), 200)
    assert counted(user) == 1 and plan_month(first["id"], idle) is None
    expect(refuse(user, first), 409, "not_awaiting_approval")
    assert counted(user) == 1
    third = agent.posted(account)
    assert counted(user) == 2
    expect(user.web.delete(f"/api/v1/accounts/{account}"), 200)  # cancels both
    assert counted(user) == 0 and [plan_month(p["id"], idle) for p in (second, third)] == [None, None]


def test_what_was_sent_is_not_given_back(user, stack, account):
    far_from_the_months_end(stack)
    grant(user, "tiny")
    sent = Sent(stack, user, account)
    assert sent.wait()["status"] == "published"
    refused = Sent(stack, user, account, text="[[fail:spam_risk_text]]").wait()
    assert refused["status"] == "failed"
    assert counted(user) == 2


def test_of_a_past_month_nothing_is_given_back(user, account, idle):
    grant(user, "tiny")
    agent = Agent(user, needs_approval=True)
    old = agent.posted(account)
    idle.sql("UPDATE posts SET plan_month = plan_month - 1 WHERE id = %s", uuid.UUID(old["id"]).bytes)
    expect(refuse(user, old), 200)
    assert counted(user) == 1


def test_a_repeat_is_not_counted(user, account, idle):
    grant(user, "tiny")
    image, headers = image_of(user), {"Idempotency-Key": secrets.token_hex(8)}
    body = {"upload_ids": [image], "description": "once"}
    for _ in range(3):
        expect(user.api.post(f"/api/v1/accounts/{account}/posts", json=body, headers=headers), 202)
    assert counted(user) == 1


# --- accounts


def test_connected_accounts(user, stack):
    grant(user, "tiny")
    first = user.connect()
    callback = user.consent(user.authorize_url(), f"second.{user.number}.{os.getpid()}")
    at_limit(user.web.get(callback, allow_redirects=False), "accounts", 1, 1, "tiny", "small")
    callback = user.consent(user.authorize_url(), f"third.{user.number}.{os.getpid()}")
    page = user.web.get(callback, headers={"Accept": "text/html"}, allow_redirects=False)
    assert page.status_code == 303 and page.headers["Location"].endswith("?error=plan_limit_reached")
    expect(user.web.delete(f"/api/v1/accounts/{first}"), 200)
    assert user.connect()
    assert limits(user)["accounts"] == (1, 1)


def test_a_smaller_plan_keeps_what_there_is(user, stack):
    """And what is connected can be connected again, for that is nothing new."""
    names = [f"keeps{n}.{user.number}.{os.getpid()}" for n in range(3)]
    accounts = [user.connect(name) for name in names]
    grant(user, "tiny")
    assert len(expect(user.web.get("/api/v1/accounts"), 200)["data"]) == 3 and limits(user)["accounts"] == (1, 3)
    stack.sql("UPDATE accounts SET state = 'needs_reconnect' WHERE id = %s", uuid.UUID(accounts[0]).bytes)
    assert user.connect(names[0]) == accounts[0]
    expect(user.web.delete(f"/api/v1/accounts/{accounts[1]}"), 200)
    callback = user.consent(user.authorize_url(), names[1])
    at_limit(user.web.get(callback, allow_redirects=False), "accounts", 1, 2, "tiny", "large")


# --- room


def test_room_for_images(user, stack):
    grant(user, "tiny")
    first = expect(upload(user), 201)["data"]["id"]
    stack.sql("UPDATE uploads SET size_bytes = %s WHERE id = %s", MIB, uuid.UUID(first).bytes)
    at_limit(upload(user), "storage_bytes", MIB, MIB, "tiny", "small")
    grant(user, "small")
    expect(upload(user), 201)
    grant(user, "tiny")
    assert limits(user)["storage_bytes"][1] > MIB
    expect(user.api.delete(f"/api/v1/uploads/{first}"), 204)


# --- rate


def limit_of(answer):
    return int(answer.headers["X-RateLimit-Limit"])


def test_a_plan_may_ask_more_often_with_the_next_request(user):
    web, api = user.web, user.api
    plain = limit_of(api.get("/api/v1/me"))
    assert limit_of(web.get("/api/v1/me")) == plain
    grant(user, "small")
    for who in (web, api, user.sign_in(), user.stack.client(Authorization=f"Bearer {user.make_key('more')['key']}")):
        assert limit_of(who.get("/api/v1/me")) == 2 * plain
    assert {row["limit"] for row in expect(api.get("/api/v1/me"), 200)["data"]["limits"]} == {2 * plain}
    revoke(user)
    assert limit_of(web.get("/api/v1/me")) == limit_of(api.get("/api/v1/me")) == plain


def test_the_end_of_a_plan_reaches_keys_that_are_kept(user, stack):
    plain = limit_of(user.api.get("/api/v1/me"))
    grant(user, "small", "--until", in_days(stack, 1))
    assert limit_of(user.api.get("/api/v1/me")) == 2 * plain
    stack.move_clock(3 * DAY)
    assert limit_of(user.api.get("/api/v1/me")) == plain


def test_an_old_secret_has_the_plan_of_its_key(user, stack):
    made = user.make_key("rotated")
    grant(user, "small")
    user.confirm()
    old = stack.client(Authorization=f"Bearer {made['key']}")
    expect(user.web.post(f"/api/v1/keys/{made['id']}/rotate", json={"overlap_sec": 3600}), 200)
    twice = limit_of(old.get("/api/v1/me"))
    revoke(user)
    assert twice == 2 * limit_of(old.get("/api/v1/me"))


# --- rights


def test_rights_do_not_depend_on_a_plan(user, account, stack):
    grant(user, "tiny")
    stack.sql("INSERT INTO plan_counters (user_id, month, posts) VALUES (%s, 9999, 5)", uuid.UUID(user.id).bytes)
    expect(user.web.delete(f"/api/v1/accounts/{account}"), 200)
    expect(user.web.get("/api/v1/me"), 200)
    expect(user.web.get("/api/v1/billing"), 200)


def test_what_programs_of_before_make_is_not_counted(user, account, idle):
    """Their INSERT names none of the new columns; and a key of theirs has the free plan until that changes."""
    grant(user, "tiny")
    image = image_of(user)
    made = expect(post(user, account, image), 202)["data"]["id"]
    columns = [r["c"] for r in idle.sql("SELECT column_name AS c FROM information_schema.columns WHERE table_schema = 'marketingcli'"
                                        " AND table_name = 'posts' AND column_name NOT IN ('id', 'plan_month', 'publish_id')")]
    idle.sql(f"INSERT INTO posts (id, {', '.join(columns)}) SELECT %s, {', '.join(columns)} FROM posts WHERE id = %s",
             uuid.uuid4().bytes, uuid.UUID(made).bytes)
    assert counted(user) == 1
    expect(post(user, account, image), 202)
    at_limit(post(user, account, image), "posts_per_month", 2, 2, "tiny", "small")
