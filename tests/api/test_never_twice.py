"""worker@publish is killed at its worst moments: never two posts at TikTok, and never a silent one."""

import signal

import pytest
from links import now_us
from publishing import ENDED, LEASE_SEC, Sent, failed
from test_metrics import Shown


def die_at(stack, point, send):
    """Sends a post whose worker dies at the point; the next worker takes over when the lease is over. It has started: only then it sees
    that the clock is moved, and gives others less time than after its start (lib/jobs/leases.c)."""
    pid, starts = stack.pid("worker-publish"), stack.starts("worker-publish")
    armed = stack.arm(point)
    sent = send()
    stack.wait(lambda: not armed.exists(), f"{point} is reached")
    stack.wait_for_start("worker-publish", pid, starts)
    return sent


@pytest.fixture
def send(stack, user, account):
    return lambda **more: Sent(stack, user, account, **more)


def test_before_the_commit(stack, send):
    """Nothing was written and nothing was sent: the post is simply published by the next run."""
    sent = die_at(stack, "publish.before_attempt_commit", send)
    assert sent.attempts() == [] and sent.at_simulator() == 0 and sent.get()["status"] == "queued"
    stack.move_clock(LEASE_SEC + 10)
    assert sent.wait()["status"] == "published"
    assert sent.at_simulator() == 1 and sent.states_of_attempts() == ["accepted"]


def test_after_the_commit(stack, send):
    """The init was not made, but nobody can know that: the user is told to look."""
    sent = die_at(stack, "publish.attempt_committed", send)
    assert sent.get()["status"] == "publishing"
    stack.move_clock(LEASE_SEC + 10)
    failed(sent.wait(), "outcome_unknown")
    assert sent.at_simulator() == 0 and sent.states_of_attempts() == ["outcome_unknown"]
    assert sent.get()["images"][0]["fetched_at"] is None, "the evidence: TikTok did not fetch"


def test_after_the_call(stack, send):
    """TikTok took the post, and its answer died with the worker."""
    sent = die_at(stack, "publish.called", send)
    stack.wait(lambda: sent.at_simulator() == 1, "the simulator has it")
    stack.move_clock(LEASE_SEC + 10)
    failed(sent.wait(), "outcome_unknown")
    stack.wait(lambda: sent.get()["images"][0]["fetched_at"], "the evidence: TikTok fetched the image")
    assert sent.at_simulator() == 1 and sent.states_of_attempts() == ["outcome_unknown"]


def test_after_the_publish_id(stack, send):
    """All is written: only the polling goes on, without waiting for a lease."""
    sent = die_at(stack, "publish.publish_id_committed", send)
    assert sent.wait()["status"] == "published"
    assert sent.at_simulator() == 1 and sent.states_of_attempts() == ["accepted"]


def test_nothing_more_comes_later(stack, send):
    """An unknown outcome stays what it is, a day and many rounds later."""
    sent = die_at(stack, "publish.called", send)
    stack.move_clock(LEASE_SEC + 10)
    failed(sent.wait(), "outcome_unknown")
    stack.move_clock(86400)
    other = send()
    assert other.wait()["status"] == "published"
    assert sent.at_simulator() == 1 and sent.get()["status"] == "failed" and sent.jobs() == []


def test_a_worker_that_always_crashes(stack, send):
    """After three crashes, the last one alone, the post is given up, the user is told, and the account's next one is sent."""
    sent = die_at(stack, "publish.before_attempt_commit", send)
    for _ in range(2):
        pid, starts, armed = stack.pid("worker-publish"), stack.starts("worker-publish"), stack.arm("publish.before_attempt_commit")
        stack.move_clock(LEASE_SEC + 10)
        stack.wait(lambda: not armed.exists(), "it crashes again")
        stack.wait_for_start("worker-publish", pid, starts)
    stack.move_clock(LEASE_SEC + 10)
    failed(sent.wait(), "worker_crashed")
    assert sent.at_simulator() == 0 and sent.attempts() == []
    assert send().wait()["status"] == "published"


def is_idle(stack):
    """The worker is at no job, and none is due."""
    due = stack.sql("SELECT COUNT(*) AS n FROM jobs_publish WHERE state = 'ready' AND run_at_us <= %s", now_us(stack))[0]["n"]
    return due == 0 and Shown(stack, "worker-publish")("runs_open", **{"class": "publish"}) == 0


def is_busy(stack):
    return Shown(stack, "worker-publish")("runs_open", **{"class": "publish"}) > 0


def test_kills_at_any_time(stack, user):
    """Twenty posts while the worker is killed again and again, wherever it is just then."""
    accounts = [user.connect() for _ in range(4)]
    sent = [Sent(stack, user, accounts[i % 4]) for i in range(20)]
    killed = None
    for _ in range(6):
        stack.wait(lambda: stack.pid("worker-publish") not in (None, killed), "a worker runs")
        stack.wait(lambda: is_busy(stack) or is_idle(stack), "it has got somewhere: where is left to chance")
        killed = stack.kill("worker-publish", signal.SIGKILL)
    for _ in range(40):
        if all(s.get()["status"] in ENDED for s in sent):
            break
        stack.move_clock(LEASE_SEC)
        stack.wait(lambda: is_idle(stack), "the worker has done what there was")
    for s in sent:
        post = s.wait()
        assert s.at_simulator() <= 1, "posted twice"
        if post["status"] == "published":
            assert s.at_simulator() == 1 and s.states_of_attempts() == ["accepted"]
        else:
            failed(post, "outcome_unknown")


def test_stop_finishes_what_is_in_flight(stack, send):
    """SIGTERM at any moment makes no unknown outcome."""
    sent = [send() for _ in range(4)]
    stack.wait(lambda: any(s.attempts() for s in sent), "one is on its way")
    stack.restart("worker-publish")
    for s in sent:
        assert s.wait()["status"] == "published" and s.states_of_attempts() == ["accepted"]
