"""Kinds of jobs do not stand in each other's way."""

import uuid

from publishing import Sent
from test_engine import STATUS, known, tiktok  # noqa: F401 (a fixture)
from test_leases import now_us

PLACES, OF_POLLS = 8, 6  # worker.in_flight_max, and the share of the kind poll


def test_polls_that_hang_leave_places_to_others(stack, user, account, tiktok):  # noqa: F811
    """TikTok answers no question about a post: the other calls have places all the same."""
    accounts = [account, user.connect(), user.connect()]
    for each in accounts:
        known(stack, each)
    with stack.configured("worker-publish", worker_in_flight_max=PLACES):
        tiktok.fault(STATUS, "held", times=1000)
        polled = [Sent(stack, user, each) for each in accounts[:2] for _ in range(5)]
        for sent in polled:
            sent.wait("processing")
        stack.wait(lambda: tiktok.requests(STATUS) >= OF_POLLS and not stack.sql(
            "SELECT 1 FROM jobs_publish JOIN posts p ON p.id = subject_id WHERE p.user_id = %s AND kind = 'poll' AND lease_token IS NULL"
            " AND run_at_us > %s", uuid.UUID(user.id).bytes, now_us(stack)), "all are due")
        sent = Sent(stack, user, accounts[2])
        stack.wait(lambda: sent.at_simulator() == 1, "it is sent all the same")
        tiktok.release()
        assert all(one.wait()["status"] == "published" for one in [*polled, sent])
