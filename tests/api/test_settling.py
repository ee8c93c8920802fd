"""What is known about a post and its account is written where it belongs, whatever happens at the same time."""

import pathlib
import sys
import time
import uuid

import pytest
import standing
from helpers import expect
from publishing import Sent, failed
from test_leases import now_us
from test_metrics import Shown

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from database import Database  # noqa: E402
from transport import Transport  # noqa: E402

INIT, STATUS, HOUR, DAY = "/v2/post/publish/content/init/", "/v2/post/publish/status/fetch/", 3600, 86400
AWAY = (500, "{}")


@pytest.fixture
def tiktok(stack):
    with Transport(stack) as tiktok, tiktok.used_by("worker-publish"):
        yield tiktok


def key_of(account):
    return uuid.UUID(account).bytes


def account_of(user, account):
    return expect(user.web.get(f"/api/v1/accounts/{account}"), 200)["data"]


# The account's state


@pytest.mark.parametrize("reason, cured", [("invalid_grant", True), ("scope_not_authorized", False)])
def test_what_a_new_pair_of_tokens_cures(stack, user, account, reason, cured):
    """The poll of an older post refreshes the tokens of an account that must be connected again. If the pair before was the
    reason, its queue goes on at once; what was not granted is still not granted."""
    older = Sent(stack, user, account, "[[status:stuck]]")
    older.wait_event("poll")
    with stack.stopped("worker-publish"):
        sent = Sent(stack, user, account)
        stack.sql("UPDATE accounts SET state = 'needs_reconnect', state_reason = %s, access_expires_at_us = 1000000 WHERE id = %s",
                  reason, key_of(account))
        stack.sql("UPDATE jobs_publish SET run_at_us = run_at_us + 3600000000 WHERE kind = 'poll' AND subject_id = %s", older.key)
    sent.wait_event("held")
    stack.sql("UPDATE jobs_publish SET run_at_us = 1000000 WHERE kind = 'poll' AND subject_id = %s", older.key)
    stack.wait(lambda: stack.sql("SELECT 1 FROM accounts WHERE id = %s AND access_expires_at_us > 1000000", key_of(account)),
               "the tokens are refreshed")
    if cured:
        assert sent.wait()["status"] == "published" and account_of(user, account)["is_active"]
    else:
        assert (account_of(user, account)["state"], account_of(user, account)["state_reason"]) == ("needs_reconnect", reason)
        assert sent.get()["held_until"] and sent.get()["status"] == "queued"


def test_a_refresh_token_whose_end_is_not_known(stack, user, account):
    stack.sql("UPDATE accounts SET access_expires_at_us = 1000000, refresh_expires_at_us = NULL WHERE id = %s", key_of(account))
    assert Sent(stack, user, account).wait()["status"] == "published"


def test_tokens_whose_end_is_not_known_are_kept_up(stack, user, account):
    """Of an account that nobody uses: it might have to be connected again."""
    key, other = key_of(account), key_of(user.connect())
    stack.wait(lambda: not stack.sql("SELECT 1 FROM jobs_publish WHERE subject_id IN (%s, %s)", key, other), "they are known")
    for id, days in ((key, 31), (other, 29)):
        stack.sql("UPDATE accounts SET access_expires_at_us = %s, refresh_expires_at_us = NULL WHERE id = %s",
                  now_us(stack) - days * 86_400_000_000, id)
    standing.run(stack, "jobs_publish", "housekeeping")

    def is_fresh(id):
        return stack.sql("SELECT 1 FROM accounts WHERE id = %s AND access_expires_at_us > %s", id, now_us(stack))
    stack.wait(lambda: is_fresh(key), "it is refreshed")
    assert not is_fresh(other) and not stack.sql("SELECT 1 FROM jobs_publish WHERE subject_id = %s", other)


@pytest.mark.parametrize("code", ["scope_not_authorized", "spam_risk_too_many_posts"])
def test_a_refusal_that_comes_when_the_account_is_gone(stack, user, account, tiktok, code):
    """The post is not put back into a queue that nobody looks at for days."""
    tiktok.fault(INIT, "held")
    sent = Sent(stack, user, account, f"[[code:{code}]]")
    stack.wait(lambda: tiktok.requests(INIT) == 1, "TikTok is asked")
    expect(user.web.delete(f"/api/v1/accounts/{account}"), 200)
    tiktok.release()
    assert sent.wait("canceled")["failure"]["code"] == "account_disconnected"
    stack.wait(lambda: sent.jobs() == [], "nothing is left to do")


def test_a_disconnect_whose_commit_is_not_answered(stack, user, account):
    """The grant is ended at TikTok all the same: nobody else has its tokens any more."""
    with Database(stack) as database, database.used_by("tiktok"):
        database.fault("COMMIT", "unanswered", after="UPDATE accounts FORCE INDEX (PRIMARY) SET state = 'disconnected'")
        ended = expect(user.web.delete(f"/api/v1/accounts/{account}"), 200)["data"]
        assert database.met and ended["revoked_at_tiktok"] is True
    expect(user.web.get(f"/api/v1/accounts/{account}"), 404, "not_found")


# The post's end


def test_a_tiktok_that_cannot_be_asked_ends_nothing(stack, user, account, tiktok):
    """The deadline is for a TikTok that answers."""
    tiktok.fault(STATUS, AWAY, times=100000)
    sent = Sent(stack, user, account)
    sent.wait("processing")
    sent.wait_at_simulator()
    stack.move_clock(25 * HOUR)
    asked = tiktok.requests(STATUS)
    stack.wait(lambda: tiktok.requests(STATUS) > asked, "it is asked after the deadline")
    stack.wait(lambda: [j["kind"] for j in sent.jobs()] == ["poll"], "and will be asked again")
    assert sent.get()["status"] == "processing"
    tiktok.faults.clear()
    stack.move_clock(HOUR)
    assert sent.wait()["status"] == "published"


def test_a_tiktok_that_never_answers_again(stack, user, account, tiktok):
    tiktok.fault(STATUS, AWAY, times=100000)
    sent = Sent(stack, user, account)
    sent.wait("processing")
    stack.move_clock(8 * DAY + HOUR)
    failed(sent.wait(), "confirmation_timeout")


def test_an_answer_to_the_record_of_an_init_that_is_lost(stack, user, account):
    """It was recorded, so no alarm says that it was lost."""
    with Database(stack) as database, database.used_by("worker-publish"):
        database.fault("COMMIT", "unanswered", after="UPDATE post_attempts SET state")
        sent = Sent(stack, user, account)
        assert sent.wait()["status"] == "published"
        assert database.met and sent.at_simulator() == 1 and sent.states_of_attempts() == ["accepted"]
        assert Shown(stack, "worker-publish")("alarms_total", alarm="result_lost") == 0


def test_the_newest_events_are_shown(stack, user, account):
    sent = Sent(stack, user, account)
    sent.wait()
    last = sent.events()[-1]
    stack.sql("INSERT INTO post_events (id, post_id, at_us, event, state) SELECT UNHEX(CONCAT('0fff', LPAD(HEX(seq), 12, '0'),"
              " HEX(RANDOM_BYTES(8)))), %s, 1000000 + seq, 'poll', 'processing' FROM seq_1_to_600", sent.key)
    events = sent.events()
    assert len(events) == 500 and events[-1] == last


def test_a_post_that_is_tried_again_later_keeps_its_time(stack, user, account):
    """When others wait for TikTok's minute."""
    with stack.stopped("worker-publish"):
        head, later = Sent(stack, user, account, direct=False), Sent(stack, user, account, direct=False)
        now_us = int(time.time() * 1_000_000)
        stack.sql("UPDATE accounts SET init_calls = %s WHERE id = %s", now_us.to_bytes(8, "big") * 6, key_of(account))
        stack.sql("UPDATE posts SET next_attempt_at_us = %s WHERE id = %s", now_us + HOUR * 1_000_000, later.key)
        before = later.get()["next_attempt_at"]
    stack.wait(lambda: head.get()["next_attempt_at"], "the first one says until when it waits")
    assert later.get()["next_attempt_at"] == before
