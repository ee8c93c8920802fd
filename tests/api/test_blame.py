"""Who is blamed when a post cannot be sent: what is at fault in the installation fails no post in TikTok's name, and is told."""

import json
import pathlib
import sys
import uuid

import pytest
from publishing import PAUSE_SEC, Sent, failed
from test_alarms import events
from test_engine import TOKEN, known, tiktok  # noqa: F401 (a fixture)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from database import Database  # noqa: E402

NIGHT, WEEK = 900, 7 * 86400 + 60  # the longest wait between two tries; as long as images are kept
MANY = 1_000_000


def tried_often(sent, event, times=100):
    for _ in range(times):
        sent.stack.sql("INSERT INTO post_events (id, post_id, at_us, event, state) VALUES (%s, %s, 1000000, %s, 'queued')",
                       uuid.uuid4().bytes, sent.key, event)


def tries(sent):
    return sent.stack.sql("SELECT COUNT(*) AS n FROM post_events WHERE post_id = %s AND event IN ('not_sent', 'not_reached')",
                          sent.key)[0]["n"]


def tried_again(stack, sent):
    before = tries(sent)
    stack.move_clock(NIGHT)
    stack.wait(lambda: tries(sent) > before, "it is tried again")


def last_event(sent):
    return sent.get()["events"][-1]


def test_one_account_whose_calls_do_not_leave_is_told_of_and_fails_late(stack, user, account, tiktok):  # noqa: F811
    """A certificate that expired looks the same. Too few accounts to pause the kind."""
    known(stack, account)
    logged = len(stack.log("worker-publish"))
    with stack.stopped("worker-publish"):
        tiktok.refuse_connections(MANY)
        sent = Sent(stack, user, account)
        tried_often(sent, "not_sent")
    for _ in range(10):
        tried_again(stack, sent)

    def told(event):
        return [e for e in events(stack.log("worker-publish")[logged:], event) if e["kind"] == "turn"]

    stack.wait(lambda: told("job_stuck"), "somebody is told")
    stuck, = told("job_stuck")
    assert stuck["subject"] == account and stuck["detail"]
    assert sent.get()["status"] == "queued" and last_event(sent)["code"] == "tiktok_unreachable"
    assert not told("kind_paused")
    stack.move_clock(WEEK)
    failed(sent.wait(), "tiktok_unreachable")
    assert sent.at_simulator() == 0


@pytest.mark.parametrize("refusal", ["invalid_client", "unauthorized_client"])
def test_a_wrong_client_secret_pauses_the_kind_and_fails_nothing(stack, user, tiktok, refusal):  # noqa: F811
    accounts = [user.connect() for _ in range(4)]
    for account in accounts:
        known(stack, account)
    body = json.dumps({"error": refusal, "error_description": "", "log_id": "L"})
    before = len([e for e in events(stack.log("worker-publish"), "kind_paused") if e["kind"] == "turn"])
    with stack.stopped("worker-publish"):
        tiktok.fault(TOKEN, (401, body), times=MANY // 1000)
        sent = [Sent(stack, user, account) for account in accounts]
        stack.sql("UPDATE accounts SET access_expires_at_us = 1000000 WHERE id IN %s", [uuid.UUID(account).bytes for account in accounts])
        for one in sent:
            tried_often(one, "not_sent")
    # Polls that others left behind may fail for the same reason.
    told = stack.wait(lambda: [e for e in events(stack.log("worker-publish"), "kind_paused") if e["kind"] == "turn"][before:], "somebody is told")
    assert [e["note"] for e in told] == [refusal]
    for one in sent:
        stack.wait(lambda one=one: tries(one) > 100, "each was tried")
        assert one.get()["status"] == "queued"
        event = last_event(one)
        assert (event["event"], event["code"], event["platform_code"]) == ("not_sent", "service_fault", refusal)
    with tiktok.lock:
        tiktok.faults.clear()
    stack.move_clock(NIGHT)
    stack.lose_patience(PAUSE_SEC)
    for one in sent:
        assert one.wait()["status"] == "published"


def test_an_attempt_whose_commit_nobody_heard_of_is_our_own_fault(stack, user, account):
    known(stack, account)
    with Database(stack) as database, database.used_by("worker-publish"):
        with stack.stopped("worker-publish"):
            sent = Sent(stack, user, account)
            tried_often(sent, "not_sent")
            database.fault("COMMIT", "unanswered", after="INSERT INTO post_attempts")
        stack.wait(lambda: sent.states_of_attempts() == ["not_sent"], "nobody heard of it, so it was not sent")
        assert sent.get()["status"] == "queued" and last_event(sent)["code"] == "service_fault"
        stack.move_clock(NIGHT)
        assert sent.wait()["status"] == "published"
        assert sent.states_of_attempts() == ["not_sent", "accepted"] and sent.at_simulator() == 1
