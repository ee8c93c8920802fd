"""The last word about a post: TikTok is asked once more before an account's tokens go, and again when it is connected anew."""

import pathlib
import sys
import time
import uuid

import pytest
from helpers import expect
from publishing import Sent, failed

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from transport import Transport  # noqa: E402

STATUS, HOUR = "/v2/post/publish/status/fetch/", 3600
AWAY = (500, "{}")


@pytest.fixture
def creator():
    return f"last.{uuid.uuid4().hex[:12]}"


@pytest.fixture
def account(user, creator):
    return user.connect(creator)


@pytest.fixture
def worker_hears_nothing(stack):
    with Transport(stack) as tiktok, tiktok.used_by("worker-publish"):
        tiktok.fault(STATUS, AWAY, times=1000)
        yield tiktok


@pytest.fixture
def nobody_hears_anything(stack):
    with Transport(stack) as tiktok, tiktok.used_by("tiktok", "worker-publish"):
        tiktok.fault(STATUS, AWAY, times=1000)
        yield tiktok


def settled_at_tiktok(*sent):
    """TikTok has them and has made its mind up; we do not know it."""
    for s in sent:
        s.wait("processing")
        s.wait_at_simulator()


def disconnect(user, account):
    return expect(user.web.delete(f"/api/v1/accounts/{account}"), 200)["data"]


def unconfirmed(post):
    assert "again" in failed(post, "unconfirmed")["message"]
    return post


def due(stack, sent):
    return stack.sql("SELECT u.delete_due_at_us AS at, u.post_due_at_us AS post FROM uploads u JOIN post_images i ON i.upload_id = u.id"
                     " WHERE i.post_id = %s", sent.key)


# Before the tokens go


def test_a_disconnect_asks_once_more(stack, user, account, worker_hears_nothing):
    public, private = Sent(stack, user, account), Sent(stack, user, account, privacy="SELF_ONLY")
    draft, refused = Sent(stack, user, account, direct=False), Sent(stack, user, account, "[[fail:spam_risk]]")
    settled_at_tiktok(public, private, draft, refused)
    disconnect(user, account)
    posts = [s.get() for s in (public, private, draft, refused)]
    assert [p["status"] for p in posts] == ["published", "published", "in_inbox", "failed"], "they ended before the answer"
    assert posts[3]["failure"]["code"] == "spam_risk"
    for s in (public, private, draft, refused):
        assert s.events().count("unconfirmed") == 0
        stack.wait(lambda s=s: s.jobs() == [], "nothing is left to do for it")
    assert len(public.get()["events"]) == len(posts[0]["events"]), "and nothing was written twice"


def test_what_tiktok_does_not_tell_in_time_is_unconfirmed(stack, user, account, nobody_hears_anything):
    sent = Sent(stack, user, account)
    settled_at_tiktok(sent)
    asked = nobody_hears_anything.requests(STATUS)
    disconnect(user, account)
    unconfirmed(sent.wait())
    assert nobody_hears_anything.requests(STATUS) > asked
    assert sent.at_simulator() == 1
    stack.wait(lambda: sent.jobs() == [], "nothing is left to do for it")


def test_all_are_asked_about_at_once(stack, user, account, worker_hears_nothing):
    """So the user waits for one answer, however many posts there are."""
    sent = [Sent(stack, user, account, "[[status:stuck]]") for _ in range(5)]
    for s in sent:
        s.wait("processing")
    with Transport(stack) as tiktok, tiktok.used_by("tiktok"):
        tiktok.fault(STATUS, "hang", times=1000)
        disconnect(user, account)
        assert tiktok.requests(STATUS) == 5
    for s in sent:
        unconfirmed(s.wait())


def test_no_more_is_asked_than_tiktok_answers_in_a_minute(stack, user, account, worker_hears_nothing):
    sent = Sent(stack, user, account)
    settled_at_tiktok(sent)
    with Transport(stack) as tiktok, tiktok.used_by("tiktok"), stack.stopped("worker-publish"):
        now = int(time.time() * 1_000_000).to_bytes(8, "big")
        stack.sql("UPDATE accounts SET poll_calls = %s WHERE id = %s", now * 30, uuid.UUID(account).bytes)
        disconnect(user, account)
        assert tiktok.requests(STATUS) == 0
    unconfirmed(sent.wait())


def test_nobody_elses_posts_are_asked_about(stack, user, other, account, worker_hears_nothing):
    sent = Sent(stack, user, account)
    settled_at_tiktok(sent)
    with Transport(stack) as tiktok, tiktok.used_by("tiktok"):
        expect(other.web.delete(f"/api/v1/accounts/{account}"), 404, "not_found")
        assert tiktok.requests() == 0
    assert sent.get()["status"] == "processing"


# After it is connected again


def test_a_connection_corrects_what_was_unconfirmed(stack, user, account, creator, nobody_hears_anything):
    sent, draft = Sent(stack, user, account), Sent(stack, user, account, direct=False)
    settled_at_tiktok(sent, draft)
    disconnect(user, account)
    before = [(unconfirmed(s.wait()), due(stack, s)) for s in (sent, draft)]
    nobody_hears_anything.faults.clear()
    stack.move_clock(HOUR)
    assert user.connect(creator) == account
    for s, (old, images), state, event in ((sent, before[0], "published", "late_published"),
                                           (draft, before[1], "in_inbox", "late_inbox")):
        post = s.wait(state)
        assert post["failure"] is None and s.events()[-1] == event and s.events()[-2] == "unconfirmed"
        assert post["ended_at"] == old["ended_at"] and due(stack, s) == images, "its images go when they were to go"
        assert s.at_simulator() == 1 and s.states_of_attempts() == ["accepted"]


def test_what_the_disconnect_itself_ended_at_tiktok(stack, user, account, creator, worker_hears_nothing):
    """TikTok fails what it is working on when the access goes: that is no fault of the connection that came after it."""
    sent = Sent(stack, user, account, "[[status:stuck]]")
    sent.wait("processing")
    assert disconnect(user, account)["revoked_at_tiktok"]
    unconfirmed(sent.wait())
    worker_hears_nothing.faults.clear()
    assert user.connect(creator) == account
    sent.wait_event("late_failed")
    failed(sent.get(), "auth_removed")
    stack.wait(lambda: sent.jobs() == [], "nothing is left to do for it")
    assert expect(user.web.get(f"/api/v1/accounts/{account}"), 200)["data"]["state"] == "active"


def test_access_that_went_before_a_late_answer(stack, user, account):
    """The init was made with the access of before, however late TikTok's answer to it came."""
    sent = Sent(stack, user, account, "[[status:stuck]]")
    sent.wait("processing")
    stack.sql("UPDATE accounts SET connected_at_us = (SELECT created_at_us + 1 FROM post_attempts WHERE post_id = %s) WHERE id = %s",
              sent.key, uuid.UUID(account).bytes)
    stack.sql("UPDATE sandbox_publishes SET status = 'FAILED', fail_reason = 'auth_removed', ended_at_us = 1 WHERE description = %s",
              sent.description)
    failed(sent.wait(), "auth_removed")
    assert expect(user.web.get(f"/api/v1/accounts/{account}"), 200)["data"]["state"] == "active"


def test_a_connection_corrects_what_took_too_long(stack, user, account, creator):
    """Also when TikTok does not answer at first."""
    sent = Sent(stack, user, account, "[[status:stuck]]")
    sent.wait_event("poll")
    stack.move_clock(25 * HOUR)
    failed(sent.wait(), "confirmation_timeout")
    stack.sql("UPDATE sandbox_publishes SET status = 'PUBLISH_COMPLETE', ended_at_us = 1 WHERE description = %s", sent.description)
    with Transport(stack) as tiktok, tiktok.used_by("worker-publish"):
        tiktok.fault(STATUS, AWAY, times=2)
        assert user.connect(creator) == account
        stack.wait(lambda: tiktok.requests(STATUS) > 2, "it asks until TikTok answers")
        assert sent.wait("published")["failure"] is None
    assert sent.events()[-2:] == ["confirmation_timeout", "late_published"]


def test_what_tiktok_does_not_know_is_not_asked_about_for_ever(stack, user, account, creator):
    sent = Sent(stack, user, account, "[[status:stuck]]")
    sent.wait_event("poll")
    stack.move_clock(25 * HOUR)
    failed(sent.wait(), "confirmation_timeout")
    assert user.connect(creator) == account
    stack.wait(lambda: [j["kind"] for j in sent.jobs()] == ["poll"], "it is asked about")
    stack.wait(lambda: stack.move_clock(120) or sent.jobs() == [], "it is given up")
    failed(sent.get(), "confirmation_timeout")


def test_what_failed_otherwise_is_left_alone(stack, user, account, creator):
    sent = Sent(stack, user, account, "[[fail:spam_risk]]")
    failed(sent.wait(), "spam_risk")
    stack.wait(lambda: sent.jobs() == [], "nothing is left to do for it")
    events = sent.events()
    assert user.connect(creator) == account
    assert Sent(stack, user, account).wait()["status"] == "published"
    assert sent.events() == events


MANY = 250  # more than two transactions wake


def test_a_connection_asks_about_all_of_many(stack, user, account, creator, nobody_hears_anything):
    sent = Sent(stack, user, account)
    settled_at_tiktok(sent)
    disconnect(user, account)
    unconfirmed(sent.wait())
    post, = stack.sql("SELECT * FROM posts WHERE id = %s", sent.key)
    columns = ", ".join(c for c in post if c not in ("id", "publish_id"))
    stack.sql(f"INSERT INTO posts (id, publish_id, {columns}) SELECT CONCAT(LEFT(id, 6), RIGHT(CONCAT('00', CHAR(seq)), 2), RANDOM_BYTES(8)),"
              f" CONCAT('of nobody ', seq, HEX(id)), {columns} FROM posts JOIN seq_1_to_{MANY} WHERE id = %s", sent.key)
    nobody_hears_anything.fault(STATUS, "drop", times=100_000)
    assert user.connect(creator) == account
    asked = ("SELECT 1 FROM posts p LEFT JOIN jobs_publish j ON j.kind = 'poll' AND j.subject_id = p.id"
             " WHERE p.account_id = %s AND p.state = 'failed' AND j.id IS NULL LIMIT 1")
    try:
        stack.wait(lambda: not stack.sql(asked, uuid.UUID(account).bytes), "each of them has its poll")
    finally:
        stack.sql("DELETE j FROM jobs_publish j JOIN posts p ON p.id = j.subject_id WHERE p.account_id = %s", uuid.UUID(account).bytes)
