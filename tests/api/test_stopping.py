"""A worker that is told to stop while the database is away: what it knows is written, if the database comes back within
the time that it has for its end (RUNNER_STOP_SEC and that of a call)."""

import contextlib

import pytest
from test_alarms import events
from test_engine import INIT, alarms, in_flight, known, tiktok  # noqa: F401
from test_metrics import Shown


def unavailable(stack, worker):
    return Shown(stack, worker)("database_errors_total", error="unavailable")


def tries_in_vain(stack, worker="worker-publish", tries=2):
    before = unavailable(stack, worker)
    stack.wait(lambda: unavailable(stack, worker) >= before + tries, "it tries to write what it has")


@contextlib.contextmanager
def outage(stack, by):
    """Gives what ends it."""
    with contextlib.ExitStack() as away:
        away.enter_context(stack.frozen("mariadb") if by == "frozen" else stack.stopped("mariadb"))
        yield away.close


def park(stack, tiktok):  # noqa: F811
    """TikTok has accepted the init, and the database does not take that."""
    stack.wait(lambda: alarms(stack, "database_away") == 1, "the worker notices")
    tiktok.release()
    tries_in_vain(stack)
    assert Shown(stack, "worker-publish")("runs_open", **{"class": "publish"}) == 1, "it has a result"


@pytest.mark.parametrize("by", ["frozen", "stopped"])
def test_a_result_that_is_parked_is_written_when_the_database_comes_back_during_a_stop(stack, user, account, tiktok, by):  # noqa: F811
    known(stack, account)
    logged, sent = len(stack.log("worker-publish")), in_flight(stack, user, account, tiktok)
    with outage(stack, by) as comes_back:
        park(stack, tiktok)

        def once_told():
            stack.wait(lambda: events(stack.log("worker-publish")[logged:], "stopping"), "it stops")
            tries_in_vain(stack)
            comes_back()
        with stack.stopped("worker-publish", once_told=once_told):
            told = stack.log("worker-publish")[logged:]
            assert events(told, "stopped") and not events(told, "result_lost") + events(told, "stopped_with_runs_open"), told
            assert sent.get()["status"] == "processing" and sent.states_of_attempts() == ["accepted"]
            assert not any(job["lease_token"] for job in sent.jobs()), "the next need not wait for a lease"
    assert sent.wait()["status"] == "published"
    assert tiktok.requests(INIT) == sent.at_simulator() == 1 and sent.events().count("accepted") == 1

