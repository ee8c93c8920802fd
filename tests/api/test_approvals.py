"""Posts that wait for their owner's word: who gives it, about what, how often, until when; and that what was approved is sent."""

import concurrent.futures
import datetime
import json
import uuid

import pytest
import standing
from budgets import DAY, Agent, answered, approve, forms, post_of, refuse
from helpers import expect
from publishing import failed
from test_truth import database, unknown  # noqa: F401  (a fixture)
from test_uploads import stored

AT_ONCE = 50
NOBODY = "019a0000-0000-7000-8000-000000000000"


@pytest.fixture
def agent(user):
    return Agent(user, needs_approval=True)


@pytest.fixture
def waiting(agent, account):
    return agent.posted(account)


def refused(answer, status, code, param=None):
    error = expect(answer, status, code)["error"]
    assert error["param"] == param, error
    return error


def events(post):
    return [e["event"] for e in post["events"]]


def row(stack, post, columns="*"):
    return stack.sql(f"SELECT {columns} FROM posts WHERE id = %s", uuid.UUID(post["id"]).bytes)[0]


def listed(user, query=""):
    return [p["id"] for p in expect(user.web.get("/api/v1/posts" + query), 200)["data"]]


def at(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def now_or_again(ask):
    """The answer to one of many at once, which may be told to come again."""
    while (answer := ask()).status_code == 503:
        expect(answer, 503, "busy")
    return answer


# --- waiting


@pytest.mark.parametrize("by_form", [False, True])
def test_it_waits(user, stack, agent, account, by_form):
    if by_form:
        post = expect(agent.api.post(f"/api/v1/accounts/{account}/posts", **forms(account, post_mode="MEDIA_UPLOAD")), 202)["data"]
    else:
        post = agent.posted(account)
    assert post["status"] == "awaiting_approval" and post["key_id"] == agent.id and post["failure"] is None
    assert at(post["awaiting_until"]) - at(post["created_at"]) == datetime.timedelta(days=23)
    assert events(post) == ["submitted"] and len(post["content_digest"]) == 64
    other = Agent(user).send(account)
    assert other.wait()["status"] == "published", "those of other keys go by"
    post.pop("warnings")
    assert answered(post_of(user, post["id"])) == post
    assert stack.sql("SELECT 1 FROM post_attempts WHERE post_id = %s", uuid.UUID(post["id"]).bytes) == []


def test_a_session_and_other_keys_need_none(user, agent, account):
    for api in (user.web, user.api):
        post = agent.posted(account, api=api)
        assert post["status"] == "queued" and post["awaiting_until"] is None
        assert post["key_id"] != agent.id and events(post) == ["created"]


def test_the_list_of_those_that_wait(user, agent, account):
    with user.stack.stopped("worker-publish"):
        ids = [agent.posted(account)["id"] for _ in range(3)]
        queued = agent.posted(account, api=user.web)["id"]
        assert listed(user, "?status=awaiting_approval") == ids[::-1] and listed(user, "?status=queued") == [queued]
        page = expect(user.web.get("/api/v1/posts?status=awaiting_approval&limit=2"), 200)
        assert [p["id"] for p in page["data"]] == ids[:0:-1] and page["meta"]["has_more"]
        assert listed(user, f"?status=awaiting_approval&cursor={page['meta']['next_cursor']}") == ids[:1]
        assert listed(user, "?status=draft") == [] and len(listed(user)) == 4


@pytest.fixture
def rows_read(stack):
    """What the app posts has read so far (userstat); until its connections end, a statement shows when it is over."""
    stack.sql("SET GLOBAL userstat = 1")
    yield lambda: int(stack.sql("SELECT rows_read FROM information_schema.user_statistics"
                                " WHERE user = 'marketingcli_posts'")[0]["rows_read"])
    stack.sql("SET GLOBAL userstat = 0")


def test_the_list_reads_no_posts_that_have_ended(user, stack, waiting, rows_read):
    """However many there are."""
    columns = ", ".join(c for c in row(stack, waiting) if c not in ("id", "state", "ended_at_us"))
    like, ended = uuid.UUID(waiting["id"]).bytes, "id > UNHEX(RPAD('0FFF', 32, '0')) AND user_id = %s AND state = 'canceled'"
    stack.sql(f"INSERT INTO posts (id, state, ended_at_us, {columns}) SELECT UNHEX(CONCAT('0fff', LPAD(HEX(seq), 12, '0'),"
              f" HEX(RANDOM_BYTES(8)))), 'canceled', 1, {columns} FROM posts JOIN seq_1_to_2000 WHERE id = %s", like)
    try:
        assert listed(user, "?status=awaiting_approval") == [waiting["id"]]
        before = rows_read()
        assert listed(user, "?status=awaiting_approval") == [waiting["id"]] and listed(user, "?status=queued") == []
        assert 0 < rows_read() - before < 50
    finally:
        stack.sql(f"DELETE FROM posts WHERE {ended}", uuid.UUID(user.id).bytes)


@pytest.mark.parametrize("status", ["", "waiting", "AWAITING_APPROVAL", "queued,failed"])
def test_a_list_of_another_status(user, status):
    refused(user.web.get(f"/api/v1/posts?status={status}"), 422, "invalid_value", "status")
    error = expect(user.web.get(f"/api/v1/posts?status={status}&limit=0&state=x"), 422, "validation_failed")["error"]
    assert {d["param"] for d in error["details"]} == {"status", "limit", "state"}


def test_nobody_sees_anothers(user, other, waiting):
    assert listed(other, "?status=awaiting_approval") == []


def test_the_cap_counts_them(user, agent, account):
    with user.stack.configured("posts", caps_queued_posts=2):
        agent.posted(account)
        second = agent.posted(account)
        refused(agent.post(account), 409, "queued_posts_too_many")
        expect(refuse(user, second), 200)
        agent.posted(account)
        caps = {c["name"]: c["used"] for c in expect(user.web.get("/api/v1/me"), 200)["data"]["caps"]}
        assert caps["queued_posts"] == 2


def test_its_images_cannot_be_deleted(user, agent, waiting):
    refused(agent.api.delete(f"/api/v1/uploads/{waiting['images'][0]['upload_id']}"), 409, "upload_in_use")


# --- approved


def test_approved_it_goes_out(user, stack, agent, account):
    sent = agent.send(account, "SELF_ONLY")
    post = sent.get()
    answer = approve(user, post)
    approved = expect(answer, 200)["data"]
    assert approved["status"] == "queued" and events(approved) == ["submitted", "approved"]
    assert approved["awaiting_until"] is None and approved["content_digest"] == post["content_digest"]
    assert approved["events"][1]["request_id"] == answer.headers["X-Request-Id"]
    done = sent.wait()
    assert done["status"] == "published" and sent.at_simulator() == 1
    assert events(done)[:4] == ["submitted", "approved", "attempt", "accepted"]


def test_the_digest_is_taken_in_either_case(user, waiting):
    expect(approve(user, waiting, waiting["content_digest"].upper()), 200)


def test_another_digest(user, agent, waiting, account):
    other = agent.posted(account, title="another")
    assert other["content_digest"] != waiting["content_digest"]
    for digest in ("0" * 64, other["content_digest"], "x" * 64):
        error = refused(approve(user, waiting, digest), 409, "content_digest_mismatch")
        assert not error["retryable"] and "content_digest" in error["message"]
    assert post_of(user, waiting["id"])["status"] == "awaiting_approval"


def test_two_posts_alike_have_one_digest(user, agent, account):
    a, b = (agent.posted(account, description="alike") for _ in range(2))
    assert a["content_digest"] == b["content_digest"] and a["id"] != b["id"]
    expect(approve(user, a), 200)
    assert post_of(user, b["id"])["status"] == "awaiting_approval"


def test_the_key_itself_may_not(user, agent, waiting):
    for call in ("approve", "refuse"):
        for api in (agent.api, user.api):
            refused(api.post(f"/api/v1/posts/{waiting['id']}/{call}", json={"content_digest": waiting["content_digest"]}),
                    403, "session_required")
    assert post_of(user, waiting["id"])["status"] == "awaiting_approval"


def test_nor_another_site(user, stack, waiting):
    web = stack.client(Cookie=f"__Host-session={user.web.cookies['__Host-session']}", Origin="https://evil.example")
    for call in ("approve", "refuse"):
        refused(web.post(f"/api/v1/posts/{waiting['id']}/{call}", json={"content_digest": waiting["content_digest"]}), 403,
                "cross_origin")


def test_somebody_elses(user, other, waiting):
    for answer in (approve(other, waiting), refuse(other, waiting)):
        refused(answer, 404, "not_found")
    for id in (NOBODY, "x"):
        for answer in (approve(user, {**waiting, "id": id}), refuse(user, {**waiting, "id": id})):
            refused(answer, 404, "not_found")
    assert post_of(user, waiting["id"])["status"] == "awaiting_approval"


def test_one_that_does_not_wait(user, account):
    sent = Agent(user).send(account)
    with_digest = sent.get()
    for _ in range(2):
        for answer in (approve(user, with_digest), refuse(user, with_digest)):
            assert not refused(answer, 409, "not_awaiting_approval")["retryable"]
        sent.wait()
    assert sent.get()["status"] == "published"


def test_twice(user, waiting):
    """The second changes nothing, and says so."""
    with user.stack.stopped("worker-publish"):
        expect(approve(user, waiting), 200)
        for answer in (approve(user, waiting), refuse(user, waiting)):
            refused(answer, 409, "not_awaiting_approval")
        assert events(post_of(user, waiting["id"])) == ["submitted", "approved"]


def test_many_at_once(user, agent, account):
    """One wins, and it goes out once."""
    sent = agent.send(account, "SELF_ONLY")
    post = sent.get()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: now_or_again(lambda: approve(user, post)), range(AT_ONCE)))
    assert sorted(a.status_code for a in answers) == [200] + [409] * (AT_ONCE - 1)
    for answer in answers:
        if answer.status_code == 409:
            refused(answer, 409, "not_awaiting_approval")
    assert sent.wait()["status"] == "published" and sent.at_simulator() == 1
    assert sent.events().count("approved") == 1


def test_approved_and_refused_at_once(user, agent, account):
    for _ in range(5):
        post = agent.posted(account)
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            calls = [approve, refuse] * 5
            answers = list(pool.map(lambda call: now_or_again(lambda: call(user, post)), calls))
        winners = [call for call, answer in zip(calls, answers) if answer.status_code == 200]
        assert len(winners) == 1 and {a.status_code for a in answers} == {200, 409}
        said = events(post_of(user, post["id"]))
        assert ("approved" in said, "refused" in said) == (winners == [approve], winners == [refuse]), said


BAD = [
    ({}, 422, "required", "content_digest"),
    ({"content_digest": None}, 422, "required", "content_digest"),
    ({"content_digest": ""}, 422, "too_short", "content_digest"),
    ({"content_digest": "0" * 63}, 422, "too_short", "content_digest"),
    ({"content_digest": "0" * 65}, 422, "too_long", "content_digest"),
    ({"content_digest": 1}, 422, "wrong_type", "content_digest"),
    ({"content_digest": ["0" * 64]}, 422, "wrong_type", "content_digest"),
    ({"content_digest": "0" * 64, "x": 1}, 422, "unknown_field", "x"),
]


@pytest.mark.parametrize("body, status, code, param", BAD)
def test_bad_bodies(user, waiting, body, status, code, param):
    refused(user.web.post(f"/api/v1/posts/{waiting['id']}/approve", json=body), status, code, param)


def test_bodies_that_are_none(user, waiting):
    path = f"/api/v1/posts/{waiting['id']}/approve"
    json_type = {"Content-Type": "application/json"}
    refused(user.web.post(path, data=b"", headers=json_type), 400, "bad_json")
    refused(user.web.post(path, data=b'{"content_digest": "\xff"}', headers=json_type), 400, "bad_utf8")
    refused(user.web.post(path), 415, "unsupported_media_type")
    refused(user.web.post(path, data=json.dumps({"content_digest": "0" * 5000}), headers=json_type), 413, "body_too_large")
    assert post_of(user, waiting["id"])["status"] == "awaiting_approval"


# --- refused


def test_refused_it_ends(user, stack, agent, account):
    sent = agent.send(account)
    answer = expect(refuse(user, sent.get()), 200)["data"]
    assert answer["status"] == "canceled" and events(answer) == ["submitted", "refused"]
    assert answer["failure"]["code"] == "refused_by_owner" and "refused" in answer["failure"]["message"]
    assert answer["ended_at"] is not None and answer["awaiting_until"] is None and not answer["failure"]["retryable"]
    assert answered(sent.get()) == answer and sent.at_simulator() == 0
    refused(refuse(user, answer), 409, "not_awaiting_approval")


def test_refused_it_is_not_given_back(user, account):
    agent = Agent(user, needs_approval=True, posts_per_day=1)
    expect(refuse(user, agent.posted(account)), 200)
    refused(agent.post(account), 429, "budget_posts_per_day")


def test_its_images_go_as_after_every_end(user, stack, agent, account):
    post = agent.send(account).get()
    image = post["images"][0]["upload_id"]
    stack.move_clock(10 * DAY)
    user.web.post("/api/v1/auth/login", json={"email": user.email, "password": user.password})
    expect(refuse(user, post), 200)
    stack.move_clock(6 * DAY - 60)
    assert stored(stack, image)
    stack.move_clock(120)
    stack.wait(lambda: not stored(stack, image), "the image is gone")


# --- nobody decides


def test_after_23_days_it_is_canceled(user, stack, agent, account):
    """So its images are gone when the 30 days of the policy are over; until then they are there."""
    sent = agent.send(account)
    image = sent.get()["images"][0]["upload_id"]
    stack.move_clock(23 * DAY - 3600)
    standing.run(stack, "jobs_publish", "housekeeping")
    assert sent.get()["status"] == "awaiting_approval" and stored(stack, image)
    stack.move_clock(2 * 3600)
    done = sent.wait()
    assert done["status"] == "canceled" and done["failure"]["code"] == "approval_expired"
    assert sent.events() == ["submitted", "approval_expired"] and sent.at_simulator() == 0
    user.web.post("/api/v1/auth/login", json={"email": user.email, "password": user.password})
    refused(approve(user, done), 409, "not_awaiting_approval")
    stack.move_clock(6 * DAY + 60)  # the 30th day has begun
    stack.wait(lambda: not stored(stack, image), "the image is gone")


def test_late_but_before_the_housekeeping(user, stack, agent, account):
    sent = agent.send(account)
    with stack.stopped("worker-publish"):
        stack.move_clock(23 * DAY + 60)
        user.web.post("/api/v1/auth/login", json={"email": user.email, "password": user.password})
        expect(approve(user, sent.get()), 200)


# --- what was approved is what is sent

TAMPERED = {
    "title": "UPDATE posts SET title = 'another' WHERE id = %s",
    "level": "UPDATE posts SET privacy_level = 'PUBLIC_TO_EVERYONE' WHERE id = %s",
    "comments": "UPDATE posts SET disable_comment = 1 - disable_comment WHERE id = %s",
    "image": "UPDATE uploads SET sha256 = REPEAT('x', 32) WHERE id = (SELECT upload_id FROM post_images WHERE post_id = %s)",
}


@pytest.mark.parametrize("what", TAMPERED)
def test_another_content_is_not_sent(user, stack, agent, account, what):
    sent = agent.send(account)
    with stack.stopped("worker-publish"):
        expect(approve(user, sent.get()), 200)
        stack.sql(TAMPERED[what], sent.key)
    failed(sent.wait(), "not_as_approved")
    assert sent.events() == ["submitted", "approved", "not_as_approved"] and sent.at_simulator() == 0 and not sent.attempts()


def test_another_content_is_not_approved(user, stack, agent, account):
    """Seen, changed, approved: the digest is that of what was seen."""
    post = agent.posted(account)
    stack.sql("UPDATE posts SET title = 'another' WHERE id = %s", uuid.UUID(post["id"]).bytes)
    refused(approve(user, post), 409, "content_digest_mismatch")
    changed = post_of(user, post["id"])
    assert changed["content_digest"] != post["content_digest"]
    expect(approve(user, changed), 200)


# --- beside the rest of the budget


def test_the_budget_binds_the_owner_too(user, agent, account):
    """What the key may by now not post cannot be approved; the owner widens the budget first."""
    post = agent.posted(account, "MUTUAL_FOLLOW_FRIENDS")
    expect(agent.change(needs_approval=True, max_privacy_level="SELF_ONLY"), 200)
    refused(approve(user, post), 403, "budget_privacy_level")
    expect(agent.change(needs_approval=True, accounts=[user.connect()]), 200)
    refused(approve(user, post), 403, "budget_account")
    assert post_of(user, post["id"])["status"] == "awaiting_approval"
    expect(agent.change(needs_approval=True), 200)
    expect(approve(user, post), 200)


def test_narrowed_after_the_approval(user, stack, agent, account):
    sent = agent.send(account, "PUBLIC_TO_EVERYONE")
    with stack.stopped("worker-publish"):
        expect(approve(user, sent.get()), 200)
        expect(agent.change(needs_approval=True, max_privacy_level="SELF_ONLY"), 200)
    failed(sent.wait(), "budget_privacy_level")
    assert sent.at_simulator() == 0


def test_what_waits_goes_on_waiting(user, stack, agent, account):
    """Also when the key needs no approval any more, and when it has ended."""
    sent = agent.send(account, "SELF_ONLY")
    expect(agent.change(), 200)
    assert agent.posted(account)["status"] == "queued"
    expect(user.web.delete(f"/api/v1/keys/{agent.id}"), 204)
    assert post_of(user, sent.id)["status"] == "awaiting_approval"
    expect(approve(user, post_of(user, sent.id)), 200)
    sent.user = user
    assert sent.wait()["status"] == "published"


def test_a_key_that_needs_one_by_now(user, stack, account):
    """A post that was approved once is approved; one that was made before was not."""
    agent = Agent(user)
    with stack.stopped("worker-publish"):
        before = agent.send(account, "SELF_ONLY")
        expect(agent.change(needs_approval=True), 200)
        after = agent.send(account, "SELF_ONLY")
        expect(approve(user, after.get()), 200)
    failed(before.wait(), "budget_needs_approval")
    assert after.wait()["status"] == "published"


# --- the account


def test_a_disconnect_ends_it(user, agent, account, waiting):
    expect(user.web.delete(f"/api/v1/accounts/{account}"), 200)
    post = agent.user.stack.wait(lambda: (p := post_of(user, waiting["id"]))["status"] == "canceled" and p, "it is canceled")
    assert post["failure"]["code"] == "account_disconnected" and events(post) == ["submitted", "account_disconnected"]
    refused(approve(user, post), 409, "not_awaiting_approval")


def test_a_disconnect_at_the_same_moment(user, stack, agent, account):
    """It did not see the post, which was not there yet: the account's turn ends it."""
    with stack.stopped("worker-publish"):
        post = agent.posted(account)
        stack.sql("UPDATE accounts SET state = 'disconnected' WHERE id = %s", uuid.UUID(account).bytes)
    post = stack.wait(lambda: (p := post_of(user, post["id"]))["status"] == "canceled" and p, "it is canceled")
    assert post["failure"]["code"] == "account_disconnected"


@pytest.mark.parametrize("days", [0, 10])
def test_an_account_that_must_be_connected_again(user, stack, agent, account, days):
    """Approved, a post would be held as long as its images are kept, counted from when it was made: that may be over by now."""
    sent = agent.send(account, "SELF_ONLY")
    stack.move_clock(days * DAY)
    user.web.post("/api/v1/auth/login", json={"email": user.email, "password": user.password})
    with stack.stopped("worker-publish"):  # it would refresh the tokens
        stack.sql("UPDATE accounts SET state = 'needs_reconnect', state_reason = 'access_token_invalid' WHERE id = %s",
                  uuid.UUID(account).bytes)
        refused(approve(user, sent.get()), 409, "account_needs_reconnect")
        post = sent.get()
        assert post["status"] == "awaiting_approval" and events(post) == ["submitted"]
        stack.sql("UPDATE accounts SET state = 'active', state_reason = NULL WHERE id = %s", uuid.UUID(account).bytes)
        assert expect(approve(user, post), 200)["data"]["status"] == "queued"


def test_it_can_be_refused_nevertheless(user, stack, account, waiting):
    stack.sql("UPDATE accounts SET state = 'needs_reconnect', state_reason = 'access_token_invalid' WHERE id = %s",
              uuid.UUID(account).bytes)
    assert expect(refuse(user, waiting), 200)["data"]["status"] == "canceled"


def test_an_account_that_was_disconnected_a_moment_ago(user, stack, account, waiting):
    """Its posts are about to be canceled."""
    with stack.stopped("worker-publish"):
        stack.sql("UPDATE accounts SET state = 'disconnected' WHERE id = %s", uuid.UUID(account).bytes)
        refused(approve(user, waiting), 409, "not_awaiting_approval")


# --- when the answer is lost


@pytest.mark.parametrize("call, event", [(approve, "approved"), (refuse, "refused")])
def test_the_answer_of_the_database_is_lost(user, stack, agent, account, database, call, event):  # noqa: F811
    post = agent.posted(account)
    with stack.stopped("worker-publish"):
        with database.used_by("posts"):
            database.fault("COMMIT", "unanswered", after="UPDATE posts")
            unknown(call(user, post))
            database.back()
        assert events(post_of(user, post["id"])) == ["submitted", event], "the receipt says what became of it"
        refused(call(user, post), 409, "not_awaiting_approval")


@pytest.mark.parametrize("call", [approve, refuse])
def test_no_database_after_it_was_decided(user, stack, agent, account, database, call):  # noqa: F811
    post = agent.posted(account)
    with stack.stopped("worker-publish"):
        with database.used_by("posts"):
            database.fault("COMMIT", "away", after="UPDATE posts")
            answer = expect(call(user, post), 200)["data"]
            database.back()
        assert answered(post_of(user, post["id"])) == answer
