"""What a key may post at most: accounts, posts a day, a privacy level; who may change that; and that it holds at the hand-over."""

import concurrent.futures
import datetime
import uuid

import pytest
from budgets import DAY, UNLIMITED, Agent, create, post_of
from helpers import expect
from publishing import failed
from test_rotation import rotate

LEVELS = ["SELF_ONLY", "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR", "PUBLIC_TO_EVERYONE"]  # the narrowest first
NOBODY = "019a0000-0000-7000-8000-000000000000"
AT_ONCE, PER_DAY = 50, 10
MINUTE = 60


def now(stack):
    clock = stack.at.test / "clock"
    moved = int(clock.read_text()) if clock.exists() else 0
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(microseconds=moved)


def far_from_midnight(user):
    """So that the day does not end in the middle of a test. Who makes keys then has typed the password a moment ago."""
    if now(user.stack).hour >= 23:
        user.stack.move_clock(2 * 3600)
        user.confirm()


def refused(answer, status, code, param=None):
    error = expect(answer, status, code)["error"]
    assert error["param"] == param, error
    return error


# --- what is shown


def test_shown_where_the_key_is(user, account):
    far_from_midnight(user)
    agent = Agent(user, accounts=[account], posts_per_day=7, max_privacy_level="SELF_ONLY", needs_approval=True)
    budget = agent.made["budget"]
    midnight = (now(user.stack) + datetime.timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert datetime.datetime.fromisoformat(budget.pop("resets_at").replace("Z", "+00:00")) == midnight
    assert budget == {"accounts": [account], "posts_per_day": 7, "max_privacy_level": "SELF_ONLY", "needs_approval": True,
                      "posts_left": 7}
    (listed,) = expect(user.web.get("/api/v1/keys"), 200)["data"]
    for shown in (agent.shown(), agent.me(), listed["budget"]):
        assert {**shown, "resets_at": None} == {**budget, "resets_at": None}


def test_none_by_default(user):
    for body in ({}, {"budget": None}, {"budget": {}}, {"budget": {**UNLIMITED}}):
        body = {k: {f: v for f, v in b.items() if f not in ("posts_left", "resets_at")} if b else b for k, b in body.items()}
        key = expect(user.web.post("/api/v1/keys", json={"name": "k", **body}), 201)["data"]
        assert key["budget"] is None
        assert expect(user.web.get(f"/api/v1/keys/{key['id']}"), 200)["data"]["budget"] is None
        api = user.stack.client(Authorization=f"Bearer {key['key']}")
        assert expect(api.get("/api/v1/me"), 200)["data"]["key"]["budget"] is None


def test_a_session_has_none(user):
    assert expect(user.web.get("/api/v1/me"), 200)["data"]["key"] is None


def test_each_limit_alone(user, account):
    for limit in ({"accounts": [account]}, {"posts_per_day": 3}, {"max_privacy_level": "FOLLOWER_OF_CREATOR"},
                  {"needs_approval": True}):
        shown = Agent(user, **limit).shown()
        left = {"posts_left": 3, "resets_at": shown["resets_at"]} if "posts_per_day" in limit else {}
        assert shown == {**UNLIMITED, **limit, **left}


# --- accounts


def test_other_accounts_are_refused(user, account):
    second = user.connect()
    agent = Agent(user, accounts=[account])
    assert not refused(agent.post(second), 403, "budget_account")["retryable"]
    assert agent.posts() == 0 and agent.counted() == 0
    agent.posted(account)
    assert agent.counted() == 1
    expect(agent.api.get(f"/api/v1/accounts/{second}"), 200)  # it limits posts, not what the key sees


def test_refused_before_the_images_are_read(user, account):
    """Nothing of them is stored, and none is decoded."""
    agent = Agent(user, accounts=[user.connect()], posts_per_day=1)
    form = [("images", ("1.jpg", b"no image", "image/jpeg"))]
    refused(agent.api.post(f"/api/v1/accounts/{account}/posts", files=form), 403, "budget_account")
    agent.posted(agent.shown()["accounts"][0])
    answer = agent.api.post(f"/api/v1/accounts/{agent.shown()['accounts'][0]}/posts", files=form)
    refused(answer, 429, "budget_posts_per_day")
    assert len(expect(agent.api.get("/api/v1/uploads"), 200)["data"]) == 1


def test_somebody_elses_account_stays_not_found(user, other):
    agent = Agent(user, posts_per_day=1)
    refused(agent.post(other.connect()), 404, "not_found")
    assert agent.counted() == 0


# --- the privacy level


@pytest.mark.parametrize("level", LEVELS)
def test_levels_up_to_the_highest(user, level):
    public, private = user.connect(), user.connect(private=True)
    agent = Agent(user, max_privacy_level=level)
    with user.stack.stopped("worker-publish"):
        for asked in LEVELS:
            answer = agent.post(private if asked == "FOLLOWER_OF_CREATOR" else public, asked)
            if LEVELS.index(asked) <= LEVELS.index(level):
                expect(answer, 202)
            else:
                refused(answer, 403, "budget_privacy_level", "platform_options.privacy_level")
        agent.posted(public)  # a draft: who posts it at TikTok chooses its level there


def test_the_level_is_told_with_all_other_problems(user, account):
    agent = Agent(user, max_privacy_level="SELF_ONLY")
    error = expect(agent.post(account, "PUBLIC_TO_EVERYONE", title="x" * 91), 422, "validation_failed")["error"]
    assert {(d["code"], d["param"]) for d in error["details"]} == {
        ("title_too_long", "title"), ("budget_privacy_level", "platform_options.privacy_level")}


# --- posts a day


def test_exactly_as_many_as_there_are(user, account):
    """However many ask at once."""
    far_from_midnight(user)
    agent = Agent(user, posts_per_day=PER_DAY)
    agent.image()

    def one(_):
        while (answer := agent.post(account)).status_code == 503:
            expect(answer, 503, "busy")
        return answer

    with user.stack.stopped("worker-publish"), concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(one, range(AT_ONCE)))
    assert sorted(a.status_code for a in answers) == [202] * PER_DAY + [429] * (AT_ONCE - PER_DAY)
    for answer in answers:
        if answer.status_code == 429:
            assert refused(answer, 429, "budget_posts_per_day")["retryable"]
    assert agent.posts() == PER_DAY == agent.counted()
    assert agent.me()["posts_left"] == 0 == agent.shown()["posts_left"]


def test_until_midnight_utc(user, account):
    stack = user.stack
    far_from_midnight(user)
    agent = Agent(user, posts_per_day=1)
    assert agent.me()["posts_left"] == 1
    agent.posted(account)
    answer = agent.post(account)
    refused(answer, 429, "budget_posts_per_day")
    left = (now(stack).replace(hour=0, minute=0, second=0, microsecond=0) + datetime.timedelta(days=1) - now(stack)).total_seconds()
    wait = int(answer.headers["Retry-After"])
    assert left <= wait <= left + 60, "until then, and hardly longer"
    stack.move_clock(left - 30)
    refused(agent.post(account), 429, "budget_posts_per_day")
    stack.move_clock(60)
    agent.posted(account)
    assert agent.me()["posts_left"] == 0
    refused(agent.post(account), 429, "budget_posts_per_day")


def test_a_clock_that_goes_back_over_midnight_gives_nothing_back(user, account):
    """Machines whose clocks differ take turns in being right."""
    stack = user.stack
    far_from_midnight(user)
    agent = Agent(user, posts_per_day=1)
    row = uuid.UUID(agent.id).bytes
    agent.posted(account)
    stack.sql("UPDATE key_budgets SET day = day + 1 WHERE key_id = %s", row)
    refused(agent.post(account), 429, "budget_posts_per_day")
    assert agent.shown()["posts_left"] == 0
    stack.sql("UPDATE key_budgets SET day = day + 1000 WHERE key_id = %s", row)  # a clock that was wrong for once
    refused(agent.post(account), 429, "budget_posts_per_day")


def test_what_is_not_made_is_not_counted(user, account):
    agent = Agent(user, posts_per_day=1, max_privacy_level="SELF_ONLY")
    expect(agent.post(account, upload_ids=[NOBODY]), 422)
    expect(agent.post(account, title="x" * 91), 422)
    expect(agent.post(account, "PUBLIC_TO_EVERYONE"), 403)
    assert agent.counted() == 0 and agent.me()["posts_left"] == 1
    agent.posted(account)


def test_a_repeat_is_not_counted(user, account):
    agent = Agent(user, posts_per_day=1)
    key, more = {"Idempotency-Key": "k"}, {"description": "one"}
    first = expect(agent.post(account, headers=key, **more), 202)["data"]
    again = agent.post(account, headers=key, **more)
    assert expect(again, 202)["data"] == first and again.headers["Idempotent-Replayed"] == "true"
    assert agent.counted() == 1
    refused(agent.post(account, headers={"Idempotency-Key": "l"}), 429, "budget_posts_per_day")


def test_a_failed_post_is_not_given_back(user, account):
    """The number is one of posts that were accepted."""
    agent = Agent(user, posts_per_day=1)
    with user.stack.stopped("worker-publish"):
        post = agent.posted(account)
        expect(user.web.delete(f"/api/v1/accounts/{account}"), 200)
    assert post_of(user, post["id"])["status"] == "canceled"
    refused(agent.post(user.connect()), 429, "budget_posts_per_day")


def test_each_key_and_the_session_for_itself(user, account):
    agents = [Agent(user, posts_per_day=1) for _ in range(2)]
    for agent in agents:
        agent.posted(account)
        refused(agent.post(account), 429, "budget_posts_per_day")
    agents[0].posted(account, api=user.web)
    agents[0].posted(account, api=user.api)


def test_all_secrets_of_a_key_share_it(user, account):
    agent = Agent(user, posts_per_day=2, max_privacy_level="SELF_ONLY")
    rotated = expect(rotate(user, agent.made), 200)["data"]
    assert rotated["budget"]["posts_per_day"] == 2
    new = user.stack.client(Authorization=f"Bearer {rotated['key']}")
    agent.posted(account)
    agent.posted(account, api=new)
    for api in (agent.api, new):
        refused(agent.post(account, api=api), 429, "budget_posts_per_day")
        refused(agent.post(account, "PUBLIC_TO_EVERYONE", api=api), 429, "budget_posts_per_day")
        assert expect(api.get("/api/v1/me"), 200)["data"]["key"]["budget"]["posts_left"] == 0
    expect(agent.change(posts_per_day=2, max_privacy_level="SELF_ONLY"), 200)
    assert agent.shown()["posts_left"] == 0, "what was made counts on"


# --- changing it


def test_a_change_replaces_all_of_it(user, account):
    agent = Agent(user, accounts=[account], needs_approval=True)
    changed = expect(agent.change(posts_per_day=5), 200)["data"]["budget"]
    assert changed == agent.shown() == {**UNLIMITED, "posts_per_day": 5, "posts_left": 5, "resets_at": changed["resets_at"]}
    assert expect(agent.change(), 200)["data"]["budget"] is None and agent.me() is None
    expect(user.web.patch(f"/api/v1/keys/{agent.id}", json={"name": "renamed"}), 200)
    assert expect(agent.change(max_privacy_level="SELF_ONLY"), 200)["data"]["name"] == "renamed"
    kept = expect(user.web.patch(f"/api/v1/keys/{agent.id}", json={"scopes": ["posts:write"]}), 200)["data"]
    assert kept["budget"]["max_privacy_level"] == "SELF_ONLY", "what is not named stays"


def test_from_the_next_request_on(user, account):
    agent = Agent(user)
    with user.stack.stopped("worker-publish"):
        agent.posted(account, "PUBLIC_TO_EVERYONE")
        expect(agent.change(max_privacy_level="SELF_ONLY"), 200)
        refused(agent.post(account, "PUBLIC_TO_EVERYONE"), 403, "budget_privacy_level", "platform_options.privacy_level")


FULL = {"posts_per_day": 5, "max_privacy_level": "MUTUAL_FOLLOW_FRIENDS", "needs_approval": True}
WIDER = {
    "another account": lambda a, b: {**FULL, "accounts": [a, b]},
    "other accounts": lambda a, b: {**FULL, "accounts": [b]},
    "all accounts": lambda a, b: FULL,
    "more a day": lambda a, b: {**FULL, "accounts": [a], "posts_per_day": 6},
    "any number": lambda a, b: {**FULL, "accounts": [a], "posts_per_day": None},
    "a higher level": lambda a, b: {**FULL, "accounts": [a], "max_privacy_level": "FOLLOWER_OF_CREATOR"},
    "any level": lambda a, b: {**FULL, "accounts": [a], "max_privacy_level": None},
    "no approval": lambda a, b: {**FULL, "accounts": [a], "needs_approval": False},
    "narrower and wider": lambda a, b: {"accounts": [a], "posts_per_day": 1, "max_privacy_level": "SELF_ONLY"},
    "none": lambda a, b: {},
}


def test_widening_needs_the_password(user, account):
    second = user.connect()
    agent = Agent(user, accounts=[account], **FULL)
    before = agent.shown()
    user.stack.move_clock(11 * MINUTE)
    for what, wider in WIDER.items():
        budget = wider(account, second)
        refused(agent.change(**budget), 403, "recent_auth_required")
        assert agent.shown()["posts_per_day"] == before["posts_per_day"], what
    user.confirm()
    for budget in WIDER.values():
        expect(agent.change(accounts=[account], **FULL), 200)
        expect(agent.change(**budget(account, second)), 200)


def test_narrowing_does_not(user, account):
    second = user.connect()
    agent = Agent(user, accounts=[account, second], posts_per_day=5)
    user.stack.move_clock(11 * MINUTE)
    for budget in ({"accounts": [second, account], "posts_per_day": 5}, {"accounts": [second], "posts_per_day": 5},
                   {"accounts": [second], "posts_per_day": 4}, {"accounts": [second], **FULL, "posts_per_day": 1}):
        expect(agent.change(**budget), 200)
    unlimited = Agent.__new__(Agent)
    unlimited.user, unlimited.id = user, None
    user.confirm()
    unlimited.id = expect(create(user, None), 201)["data"]["id"]
    user.stack.move_clock(11 * MINUTE)
    expect(unlimited.change(accounts=[account], **FULL), 200)


def test_a_key_that_has_ended_is_not_changed(user):
    agent = Agent(user, posts_per_day=5)
    expect(user.web.delete(f"/api/v1/keys/{agent.id}"), 204)
    refused(agent.change(posts_per_day=1), 404, "not_found")


def test_somebody_elses_key(user, other):
    agent = Agent(user, posts_per_day=5)
    refused(other.web.patch(f"/api/v1/keys/{agent.id}", json={"budget": {}}), 404, "not_found")
    assert agent.shown()["posts_per_day"] == 5


def test_a_key_cannot_change_its_own(user):
    agent = Agent(user, posts_per_day=5)
    refused(agent.api.patch(f"/api/v1/keys/{agent.id}", json={"budget": {}}), 403, "session_required")


# --- bad input

BAD = [
    ({"posts_per_day": 0}, 422, "out_of_range", "budget.posts_per_day"),
    ({"posts_per_day": -1}, 422, "out_of_range", "budget.posts_per_day"),
    ({"posts_per_day": 100001}, 422, "out_of_range", "budget.posts_per_day"),
    ({"posts_per_day": 10**30}, 422, "out_of_range", "budget.posts_per_day"),
    ({"posts_per_day": 1.5}, 422, "wrong_type", "budget.posts_per_day"),
    ({"posts_per_day": "10"}, 422, "wrong_type", "budget.posts_per_day"),
    ({"max_privacy_level": "PRIVATE"}, 422, "invalid_value", "budget.max_privacy_level"),
    ({"max_privacy_level": "self_only"}, 422, "invalid_value", "budget.max_privacy_level"),
    ({"max_privacy_level": 0}, 422, "wrong_type", "budget.max_privacy_level"),
    ({"needs_approval": "yes"}, 422, "wrong_type", "budget.needs_approval"),
    ({"accounts": []}, 422, "too_short", "budget.accounts"),
    ({"accounts": "all"}, 422, "wrong_type", "budget.accounts"),
    ({"accounts": [1]}, 422, "wrong_type", "budget.accounts[0]"),
    ({"accounts": [None]}, 422, "wrong_type", "budget.accounts[0]"),
    ({"accounts": ["me"]}, 422, "invalid_value", "budget.accounts[0]"),
    ({"accounts": [NOBODY] * 101}, 422, "too_long", "budget.accounts"),
    ({"accounts": [NOBODY]}, 404, "not_found", "budget.accounts[0]"),
    ({"accounts": ["00000000-0000-0000-0000-000000000000"]}, 404, "not_found", "budget.accounts[0]"),
    ({"posts": 1}, 422, "unknown_field", "budget.posts"),
    ([], 422, "wrong_type", "budget"),
    ("SELF_ONLY", 422, "wrong_type", "budget"),
]


@pytest.mark.parametrize("budget, status, code, param", BAD)
def test_bad_budgets(user, budget, status, code, param):
    refused(create(user, budget), status, code, param)
    assert expect(user.web.get("/api/v1/keys"), 200)["data"] == []
    agent = Agent(user, posts_per_day=5)
    refused(user.web.patch(f"/api/v1/keys/{agent.id}", json={"budget": budget}), status, code, param)
    assert agent.shown()["posts_per_day"] == 5


def test_accounts_of_others_and_twice(user, other, account):
    theirs = other.connect()
    error = refused(create(user, {"accounts": [account, theirs]}), 404, "not_found", "budget.accounts[1]")
    assert theirs not in error["message"]
    refused(create(user, {"accounts": [account, account]}), 422, "repeated_field", "budget.accounts[1]")
    refused(create(user, {"accounts": [account, account.upper()]}), 422, "repeated_field", "budget.accounts[1]")


def test_all_problems_at_once(user, other, account):
    body = {"name": "", "budget": {"accounts": [account, other.connect(), account, "x"], "posts_per_day": 0,
                                   "max_privacy_level": "ALL"}}
    error = expect(user.web.post("/api/v1/keys", json=body), 422, "validation_failed")["error"]
    assert {(d["code"], d["param"]) for d in error["details"]} == {
        ("too_short", "name"), ("not_found", "budget.accounts[1]"), ("repeated_field", "budget.accounts[2]"),
        ("invalid_value", "budget.accounts[3]"), ("out_of_range", "budget.posts_per_day"),
        ("invalid_value", "budget.max_privacy_level")}


def test_null_in_a_change_is_no_way_to_lift_all(user):
    agent = Agent(user, posts_per_day=5)
    refused(user.web.patch(f"/api/v1/keys/{agent.id}", json={"budget": None}), 422, "wrong_type", "budget")
    assert agent.shown()["posts_per_day"] == 5


def test_as_many_accounts_as_fit(user):
    """All of them can be named, kept and shown."""
    ids = [str(uuid.uuid4()) for _ in range(100)]
    for i in ids:
        user.stack.sql("INSERT INTO accounts (id, user_id, open_id, scopes, state, connected_at_us, updated_at_us)"
                       " VALUES (%s, %s, %s, '', 'disconnected', 1, 1)", uuid.UUID(i).bytes, uuid.UUID(user.id).bytes, i)
    agent = Agent(user, accounts=ids)
    assert agent.shown()["accounts"] == ids == agent.me()["accounts"]


# --- at the hand-over


@pytest.fixture
def away(stack):
    """No worker, until the test lets it come."""
    held = stack.stopped("worker-publish")
    held.__enter__()
    yield lambda: held.__exit__(None, None, None)


NARROWED = {
    "budget_account": lambda second: {"accounts": [second]},
    "budget_privacy_level": lambda second: {"max_privacy_level": "SELF_ONLY"},
    "budget_needs_approval": lambda second: {"needs_approval": True},
}


@pytest.mark.parametrize("code", NARROWED)
def test_what_was_accepted_does_not_go_out_beyond_a_narrower_budget(user, stack, account, away, code):
    second = user.connect()
    agent = Agent(user)
    sent, after = agent.send(account, "PUBLIC_TO_EVERYONE"), agent.send(second, "SELF_ONLY")
    expect(agent.change(**NARROWED[code](second)), 200)
    assert sent.get()["status"] == "queued"
    away()
    failure = failed(sent.wait(), code)
    assert not failure["retryable"] and "Nothing was sent" in failure["message"]
    assert sent.events() == ["created", "over_budget"] and sent.at_simulator() == 0 and sent.attempts() == []
    assert sent.get()["events"][-1]["code"] == code
    if code == "budget_needs_approval":
        failed(after.wait(), code)
    else:
        assert after.wait()["status"] == "published", "what the budget allows goes out"


def test_a_limit_of_posts_is_for_those_that_are_still_to_be_made(user, account, away):
    far_from_midnight(user)
    agent = Agent(user)
    sent = [agent.send(account) for _ in range(2)]
    assert expect(agent.change(posts_per_day=1), 200)["data"]["budget"]["posts_left"] == 0
    away()
    assert [s.wait()["status"] for s in sent] == ["published"] * 2
    refused(agent.post(account), 429, "budget_posts_per_day")


@pytest.mark.parametrize("before", [None, {}, {"max_privacy_level": "SELF_ONLY"}, {"posts_per_day": 9}])
def test_a_limit_counts_what_was_made_on_the_day_before_it_came(user, account, before):
    far_from_midnight(user)
    agent, stranger = Agent(user), Agent(user)
    if before is not None:
        expect(agent.change(**before), 200)
    for api in (agent.api, agent.api, stranger.api, user.web):
        agent.posted(account, api=api)
    expect(agent.change(posts_per_day=1), 200)
    refused(agent.post(account), 429, "budget_posts_per_day")
    assert expect(agent.change(posts_per_day=5), 200)["data"]["budget"]["posts_left"] == 3
    expect(agent.change(), 200)
    agent.posted(account)
    assert expect(agent.change(posts_per_day=5), 200)["data"]["budget"]["posts_left"] == 2 == agent.me()["posts_left"]
    user.stack.move_clock(DAY)
    assert expect(agent.change(posts_per_day=4), 200)["data"]["budget"]["posts_left"] == 4


def test_a_wider_budget_lets_it_go(user, account, away):
    agent = Agent(user, max_privacy_level="SELF_ONLY")
    sent = agent.send(account)
    expect(agent.change(), 200)
    away()
    assert sent.wait()["status"] == "published"


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_a_key_that_has_ended_keeps_its_budget(user, stack, account, away, end):
    """Its posts were accepted, so they go out; but not beyond what it might post at last."""
    agent = Agent(user, posts_per_day=10)
    good, bad = agent.send(account), agent.send(account, "PUBLIC_TO_EVERYONE")
    expect(agent.change(posts_per_day=10, max_privacy_level="SELF_ONLY"), 200)
    if end == "revoked":
        expect(user.web.delete(f"/api/v1/keys/{agent.id}"), 204)
    else:
        stack.sql("UPDATE api_keys SET expires_at_us = 1 WHERE id = %s", uuid.UUID(agent.id).bytes)
    away()
    good.user = bad.user = user
    assert good.wait()["status"] == "published"
    failed(bad.wait(), "budget_privacy_level")


def test_a_key_that_is_gone_has_no_budget_left(user, stack, account, away):
    """Its row of limits goes with it, and nothing stands in the way of that."""
    agent = Agent(user, posts_per_day=10)
    sent = agent.send(account)
    stack.sql("DELETE FROM api_keys WHERE id = %s", uuid.UUID(agent.id).bytes)
    assert stack.sql("SELECT 1 FROM key_budgets WHERE key_id = %s", uuid.UUID(agent.id).bytes) == []
    away()
    sent.user = user
    assert sent.wait()["status"] == "published"


def test_a_program_of_before_counts_nothing_but_the_hand_over_looks(user, stack, account, away):
    """Its create does not know of budgets: a post that it has taken is still not sent."""
    agent = Agent(user)
    sent = agent.send(account, "PUBLIC_TO_EVERYONE")
    row = uuid.UUID(agent.id).bytes
    stack.sql("INSERT INTO key_budgets (key_id, max_privacy_level, needs_approval) VALUES (%s, 'SELF_ONLY', 0)", row)
    away()
    failed(sent.wait(), "budget_privacy_level")
