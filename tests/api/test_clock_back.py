"""The wall clock is set back by hours: what was written before has times that are too far ahead, and nothing waits for them."""

import datetime
import uuid

import pytest
import standing
from budgets import Agent
from helpers import expect
from links import sign_in
from mailing import Queued
from publishing import Sent, failed
from test_budgets import far_from_midnight
from test_engine import STATUS, TOKEN, in_flight, known, tiktok  # noqa: F401 (a fixture)
from test_keys import LIMIT, made, with_key
from test_leases import is_right, now_us
from test_mail import Relay, sending
from test_recent_auth import COOKIE
from test_rotation import rotated

AHEAD_US = 5 * 3600 * 1_000_000
DAY_US = 24 * 3600 * 1_000_000

back = pytest.mark.parametrize("hours", [1, 5])


def pass_grace(stack):
    """A worker that has started leaves what others have open to them for a while (GRACE_US of lib/jobs/leases.c)."""
    stack.move_clock(20)


@back
def test_what_was_due_now_is_due(stack, user, account, hours):
    """A post that came a moment before: its job would be due in hours."""
    known(stack, account)
    with stack.stopped("worker-publish"):
        sent = Sent(stack, user, account)
        stack.move_clock(-hours * 3600)
    assert sent.wait()["status"] == "published"


@back
def test_a_worker_sees_it(stack, user, account, tiktok, hours):  # noqa: F811
    """What it has open stays its own, and what is to be polled, tried again or kept up is due."""
    other = user.connect()
    known(stack, other)
    tiktok.fault(STATUS, (500, "{}"), times=1000)
    polled = Sent(stack, user, other)
    polled.wait("processing")
    stack.wait(lambda: stack.sql("SELECT 1 FROM jobs_publish WHERE kind = 'poll' AND subject_id = %s AND tries > 2", polled.key),
               "it is polled again and again")
    with tiktok.lock:
        tiktok.faults.clear()
    sent = in_flight(stack, user, account, tiktok)
    stack.wait(lambda: not stack.sql("SELECT 1 FROM sandbox_publishes WHERE status = 'PROCESSING_DOWNLOAD' AND description IN"
                                     " (%s, %s)", sent.description, polled.description), "the simulator's clock is set back, too")
    stack.move_clock(-hours * 3600)
    stack.wait(lambda: not stack.sql("SELECT 1 FROM jobs_publish WHERE lease_token IS NOT NULL AND run_at_us > %s",
                                     now_us(stack) + 600_000_000), "its leases end soon")
    is_right(stack, tiktok, sent)
    assert polled.wait(seconds=60)["status"] == "published"


@back
def test_what_a_dead_worker_left_is_taken_over(stack, user, account, tiktok, hours):  # noqa: F811
    sent = in_flight(stack, user, account, tiktok)
    with stack.stopped("worker-publish", 9):
        stack.move_clock(-hours * 3600)
    pass_grace(stack)
    failed(sent.wait(seconds=60), "outcome_unknown")


@pytest.mark.parametrize("left", ["waiting", "leased"])
def test_a_mail_that_a_dead_worker_left_is_sent(stack, user, left):
    """The password reset of a moment before, say."""
    with Relay() as relay, sending(stack, relay):
        if left == "leased":
            relay.does[user.email] = ["wait"]
            mail = Queued(stack, user, "totp_enabled")
            stack.wait(relay.waiting.is_set, "the relay has it")
        with stack.stopped("worker-mail", 9):
            relay.go_on.set()
            mail = mail if left == "leased" else Queued(stack, user, "totp_enabled")
            stack.move_clock(-3600)
        pass_grace(stack)
        mail.wait()


def test_a_lease_of_tokens_does_not_last(stack, user, account, tiktok):  # noqa: F811
    key = known(stack, account)
    stack.sql("UPDATE accounts SET access_expires_at_us = 1000000, lease_token = id, lease_until_us = %s WHERE id = %s",
              now_us(stack) + AHEAD_US, key)
    assert Sent(stack, user, account).wait(seconds=60)["status"] == "published"
    assert tiktok.requests(TOKEN) == 1


@back
def test_a_post_that_was_put_off_does_not_wait_for_long(stack, user, account, hours):
    known(stack, account)
    with stack.stopped("worker-publish"):
        sent = Sent(stack, user, account)
        stack.sql("UPDATE posts SET next_attempt_at_us = %s WHERE id = %s", now_us(stack) + hours * 3_600_000_000, sent.key)
    assert sent.wait()["status"] == "published"


def test_places_and_snapshots_are_not_believed(stack, user, account, tiktok):  # noqa: F811
    """A poll's place that is hours ahead; and TikTok is asked anew what the creator may do."""
    key = known(stack, account)
    ahead_us = now_us(stack) + AHEAD_US
    stack.sql("UPDATE accounts SET poll_calls = %s, init_calls = %s WHERE id = %s", ahead_us.to_bytes(8, "big") * 29,
              ahead_us.to_bytes(8, "big") * 5, key)
    stack.sql("UPDATE creator_snapshots SET fetched_at_us = %s, privacy_level_options = 'SELF_ONLY' WHERE account_id = %s",
              ahead_us, key)
    assert Sent(stack, user, account).wait(seconds=60)["status"] == "published"


def test_a_key_of_a_request_that_died_does_not_wait(stack, user):
    key = {"Idempotency-Key": f'"{uuid.uuid4().hex}"'}
    made = expect(user.web.post("/api/v1/keys", json={"name": "one"}, headers=key), 201)
    stack.sql("UPDATE idempotency_keys SET status = NULL, data = NULL, lease_until_us = %s WHERE user_id = %s",
              now_us(stack) + AHEAD_US, uuid.UUID(user.id).bytes)
    again = expect(user.web.post("/api/v1/keys", json={"name": "one"}, headers=key), 201)
    assert made["data"]["id"] != again["data"]["id"]


def test_an_answer_is_repeated_for_a_day_more(stack, user):
    """And not for a year; but nothing is made twice."""
    me, key = uuid.UUID(user.id).bytes, {"Idempotency-Key": f'"{uuid.uuid4().hex}"'}
    made = expect(user.web.post("/api/v1/keys", json={"name": "one"}, headers=key), 201)
    stack.sql("UPDATE idempotency_keys SET expires_at_us = %s WHERE user_id = %s", now_us(stack) + 365 * DAY_US, me)
    again = user.web.post("/api/v1/keys", json={"name": "one"}, headers=key)
    assert expect(again, 201)["data"]["id"] == made["data"]["id"] and again.headers["Idempotent-Replayed"] == "true"
    standing.hurry(stack, "jobs_publish", "housekeeping")
    stack.wait(lambda: stack.sql("SELECT 1 FROM idempotency_keys WHERE user_id = %s AND expires_at_us BETWEEN %s AND %s", me,
                                 now_us(stack) + DAY_US - 600_000_000, now_us(stack) + DAY_US), "it ends in a day")
    expect(user.web.post("/api/v1/keys", json={"name": "two"}, headers=key), 422, "idempotency_key_reused")


def test_keys_that_seemed_to_have_expired_go_on(stack, user):
    """All but the one whose place was taken meanwhile."""
    expires = {"expires_at": datetime.datetime.fromtimestamp(now_us(stack) / 1e6 + 30 * 86400, datetime.timezone.utc).isoformat()}
    keys = [expect(user.web.post("/api/v1/keys", json={"name": str(n), **expires}), 201)["data"] for n in range(LIMIT)]
    stack.move_clock(60 * 86400)
    answer, user.web = sign_in(stack, user.email, user.password)
    expect(answer, 200)
    expect(user.web.post("/api/v1/keys", json={"name": "meanwhile"}), 201)
    stack.move_clock(-60 * 86400)
    assert sorted(with_key(stack, k["key"]).status_code for k in keys) == [200] * (LIMIT - 1) + [401]


def test_when_a_key_was_used_is_not_to_come(stack, user):
    me = uuid.UUID(user.id).bytes
    with_key(stack, user.key)
    stack.wait(lambda: stack.sql("SELECT 1 FROM api_keys WHERE user_id = %s AND last_used_at_us > 0", me), "its use is noted")
    stack.sql("UPDATE api_keys SET last_used_at_us = %s WHERE user_id = %s", now_us(stack) + AHEAD_US, me)
    with_key(stack, user.key)
    stack.wait(lambda: stack.sql("SELECT 1 FROM api_keys WHERE user_id = %s AND last_used_at_us <= %s", me, now_us(stack)), "it is right")


@back
def test_an_old_secret_that_ended_at_once_has_ended(stack, user, hours):
    """Also by the clock of a machine that is behind."""
    old = made(user)
    new = rotated(user, old, overlap_sec=3600)
    last = rotated(user, old, overlap_sec=0)
    stack.move_clock(-hours * 3600)
    assert [with_key(stack, k["key"]).status_code for k in (old, new, last)] == [401, 401, 200]
    expect(with_key(stack, new["key"]), 401, "key_rotated")


@back
def test_the_cookie_before_does_not_live_for_hours(stack, user, hours):
    before = stack.client(Cookie=f"{COOKIE}={user.web.cookies[COOKIE]}", Origin=stack.url)
    user.confirm()
    expect(before.get("/api/v1/me"), 200)
    stack.move_clock(-hours * 3600)
    expect(before.get("/api/v1/me"), 401, "session_expired")
    expect(before.post("/api/v1/auth/confirm", json={"password": user.password}), 401, "session_expired")
    expect(user.web.get("/api/v1/me"), 200)


@pytest.mark.parametrize("days, left", [(1, 0), (3, 1)])
def test_posts_of_today_count_whatever_day_it_was_meanwhile(stack, user, account, days, left):
    """What was made on a day that has not begun is of that day, but of tomorrow counts at once: another machine may be there already."""
    far_from_midnight(user)
    agent = Agent(user, posts_per_day=3)
    for _ in range(2):
        agent.posted(account)
    stack.move_clock(days * 86400)
    agent.posted(account)
    stack.move_clock(-days * 86400)
    for _ in range(left):
        agent.posted(account)
    expect(agent.post(account), 429, "budget_posts_per_day")


def test_a_password_that_was_typed_is_not_recent_for_hours(stack, user):
    stack.sql("UPDATE sessions SET created_at_us = %s WHERE user_id = %s", now_us(stack) + AHEAD_US, uuid.UUID(user.id).bytes)
    assert user.web.post("/api/v1/keys", json={"name": "late"}).status_code == 403


def test_a_session_that_was_used_ahead_is_idle_in_time(stack, user):
    """As after any other request: a week later, and not a week after the time to which the clock had gone."""
    stack.sql("UPDATE sessions SET last_seen_at_us = %s WHERE user_id = %s", now_us(stack) + AHEAD_US, uuid.UUID(user.id).bytes)
    assert user.web.get("/api/v1/me").status_code == 200
    seen = stack.sql("SELECT last_seen_at_us FROM sessions WHERE user_id = %s", uuid.UUID(user.id).bytes)[0]["last_seen_at_us"]
    assert seen <= now_us(stack)


def test_who_asked_for_addresses_ahead_may_ask(stack, user):
    """Five times in 24 hours; those of a time that is yet to come keep nobody waiting for it."""
    for n in range(5):
        assert user.web.post("/api/v1/auth/change-email", json={"email": f"ahead.{n}.{user.email}"}).status_code == 202
    stack.sql("UPDATE email_changes SET created_at_us = %s WHERE user_id = %s", now_us(stack) + AHEAD_US, uuid.UUID(user.id).bytes)
    assert user.web.post("/api/v1/auth/change-email", json={"email": f"now.{user.email}"}).status_code == 202


def test_a_worker_that_was_seen_hours_ahead_is_not_well(stack):
    with stack.stopped("worker-publish"):
        stack.sql("UPDATE worker_heartbeats SET seen_at_us = %s WHERE class = 'publish'", now_us(stack) + AHEAD_US)
        stack.wait(lambda: stack.client().get("/readyz").status_code == 503, "it is missed")
