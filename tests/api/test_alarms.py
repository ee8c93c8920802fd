"""What should wake somebody: each alarm is one event of the log and one more in the metrics.

Here are those that are far from what usually goes wrong; test_metrics.py provokes the others, tests/lint/alarms compares."""

import json
import os
import pathlib
import signal
import sys

from publishing import LEASE_SEC, Sent, failed
from test_metrics import Shown

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from transport import Transport  # noqa: E402


def events(text, name):
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]


def test_a_result_that_is_lost(stack, user, account):
    """The database is away for longer than the lease: what TikTok has answered is nowhere, and somebody must know."""
    with Transport(stack) as tiktok, tiktok.used_by("worker-publish", database_timeout_sec=1):
        tiktok.fault("/v2/post/publish/content/init/", "slow", seconds=1)
        logged = len(stack.log("worker-publish"))
        sent = Sent(stack, user, account)
        stack.wait(lambda: sent.at_simulator() == 1, "TikTok has it, and has not answered yet")
        database = stack.kill("mariadb", signal.SIGSTOP)
        try:
            stack.move_clock(LEASE_SEC + 10)
            lost = {"kind": "publish", "outcome": "result_lost"}
            stack.wait(lambda: Shown(stack, "worker-publish")("jobs_total", **lost) == 1, "the run is given up")
            stack.wait(lambda: Shown(stack, "worker-publish")("alarms_total", alarm="result_lost") == 1, "somebody is woken")
        finally:
            os.kill(database, signal.SIGCONT)
        told = events(stack.log("worker-publish")[logged:], "result_lost")
        assert [(e["level"], e["kind"], e["subject"]) for e in told] == [("error", "publish", sent.id)]
        failed(sent.wait(), "outcome_unknown")
        assert sent.at_simulator() == 1 and sent.states_of_attempts() == ["outcome_unknown"]


def test_a_post_without_a_job(stack, user, account):
    """Which cannot be, says the audit when it finds one, and gives it the job of its state."""
    hold, armed = stack.at.hold / "worker-publish", stack.arm("publish.publish_id_committed")
    hold.touch()
    try:
        polled = Sent(stack, user, account)
        stack.wait(lambda: not armed.exists() and stack.pid("worker-publish") is None, "the worker has died after its init")
        untouched, new = Sent(stack, user, account), Sent(stack, user, account)
        assert [post.get()["status"] for post in (polled, untouched, new)] == ["processing", "queued", "queued"]
        for post, since_sec in ((polled, 700), (untouched, 700), (new, 10)):
            stack.sql("DELETE FROM jobs_publish WHERE subject_id = %s", post.key)
            stack.sql("UPDATE posts SET updated_at_us = updated_at_us - %s * 1000000 WHERE id = %s", since_sec, post.key)
        stack.sql("UPDATE jobs_publish SET run_at_us = 1000000 WHERE kind = 'housekeeping'")
        logged = len(stack.log("worker-publish"))
    finally:
        hold.unlink()
    assert polled.wait()["status"] == untouched.wait()["status"] == "published"
    assert polled.at_simulator() == untouched.at_simulator() == 1
    told = events(stack.log("worker-publish")[logged:], "post_without_job")
    assert sorted((e["level"], e["post"]) for e in told) == sorted(("error", post.id) for post in (polled, untouched))
    assert Shown(stack, "worker-publish")("alarms_total", alarm="post_without_job") == 2
    assert new.jobs() == [] and new.get()["status"] == "queued", "its transaction could still be under way"

    stack.sql("UPDATE posts SET updated_at_us = updated_at_us - 700 * 1000000 WHERE id = %s", new.key)
    stack.sql("UPDATE jobs_publish SET run_at_us = 1000000 WHERE kind = 'housekeeping'")
    assert new.wait()["status"] == "published"
    assert Shown(stack, "worker-publish")("alarms_total", alarm="post_without_job") == 3
