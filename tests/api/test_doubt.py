"""A worker that claims jobs and does not hear whether that was committed: they wait for no lease, and it counts as no crash."""

import pathlib
import sys

from publishing import LEASE_SEC, Sent
from test_engine import alarms, known
from test_leases import now_us

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from database import Database  # noqa: E402

CLAIM = "UPDATE jobs_publish FORCE INDEX (PRIMARY) SET lease_token"


def unheard(stack, database, times):
    """The next claims are: of what a test does, once the worker's standing jobs have run."""
    stack.wait(lambda: not stack.sql("SELECT 1 FROM jobs_publish WHERE state = 'ready' AND (lease_token IS NOT NULL OR run_at_us < %s)", now_us(stack)),
               "nothing is due")
    for _ in range(times):
        database.fault("COMMIT", "unanswered", after=CLAIM)


def test_what_was_claimed_unheard_is_due(stack, user, account):
    known(stack, account)
    with Database(stack) as database, database.used_by("worker-publish"):
        unheard(stack, database, 1)
        sent = Sent(stack, user, account)
        assert sent.wait()["status"] == "published"
        assert database.met == [("COMMIT", "unanswered")] and sent.at_simulator() == 1


def test_what_was_claimed_unheard_again_and_again_is_not_buried(stack, user, account):
    """Each time the lease ends by the clock, as it would when nobody gave the job back."""
    known(stack, account)
    with Database(stack) as database, database.used_by("worker-publish"):
        unheard(stack, database, 5)
        sent = Sent(stack, user, account)
        for n in (1, 2, 3, 4, 5):
            stack.wait(lambda n=n: len(database.met) >= n, "nobody hears of a claim")
            stack.move_clock(LEASE_SEC + 10)
        assert sent.wait()["status"] == "published"
        assert alarms(stack, "job_dead") == 0 and sent.at_simulator() == 1
