"""What is due for several posts at once is done together (worker/publish/turns.c, polls.c), and each of them is for itself all
the same."""

import contextlib
import time
import uuid

import pytest
from publishing import Sent, creator_of

ACCOUNTS = 4


@pytest.fixture
def accounts(stack, user):
    made = [user.connect() for _ in range(ACCOUNTS)]
    stack.wait(lambda: all(creator_of(stack, account) for account in made), "it is known what TikTok offers them")
    return made


def send_all(stack, user, accounts):
    """Due when the worker starts, and nothing else of these accounts is to be asked before."""
    sent = [Sent(stack, user, account) for account in accounts]
    stack.sql("UPDATE creator_snapshots SET fetched_at_us = %s WHERE account_id IN %s", time.time_ns() // 1000,
              [uuid.UUID(account).bytes for account in accounts])
    return sent


def moments(stack, sent, event):
    """When it happened to them: what is written together has one time."""
    return [row["at_us"] for row in stack.sql("SELECT DISTINCT at_us FROM post_events WHERE event = %s AND post_id IN %s",
                                              event, [s.key for s in sent])]


@contextlib.contextmanager
def refused(stack, table, condition):
    stack.sql(f"CREATE TRIGGER refused BEFORE INSERT ON {table} FOR EACH ROW IF {condition} THEN"
              " SIGNAL SQLSTATE '45000'; END IF")
    try:
        yield
    finally:
        stack.sql("DROP TRIGGER refused")


def test_attempts_are_written_together(stack, user, accounts):
    with stack.stopped("worker-publish"):
        sent = send_all(stack, user, accounts)
    for one in sent:
        assert one.wait()["status"] == "published"
        assert one.states_of_attempts() == ["accepted"] and one.at_simulator() == 1
        assert one.events() == ["created", "attempt", "accepted", "published"]
    assert len(moments(stack, sent, "attempt")) == 1


def test_one_that_needs_more_leaves_the_others_together(stack, user, accounts):
    with stack.stopped("worker-publish"):
        sent = send_all(stack, user, accounts)
        stack.sql("UPDATE creator_snapshots SET fetched_at_us = 1 WHERE account_id = %s", uuid.UUID(sent[0].account).bytes)
    for one in sent:
        assert one.wait()["status"] == "published" and one.at_simulator() == 1
    assert len(moments(stack, sent[1:], "attempt")) == 1


@pytest.mark.parametrize("table, condition", [("post_attempts", "NEW.post_id = X'{id}'"),
                                              ("jobs_publish", "NEW.kind = 'poll' AND NEW.subject_id = X'{id}'")],
                         ids=["before the calls", "after the calls"])
def test_what_is_refused_to_one_harms_no_other(stack, user, accounts, table, condition):
    """Nothing of what was to be written together stays; then each is written by itself."""
    with contextlib.ExitStack() as held:
        with stack.stopped("worker-publish"):
            sent = send_all(stack, user, accounts)
            held.enter_context(refused(stack, table, condition.format(id=sent[0].key.hex())))
        for one in sent[1:]:
            assert one.wait()["status"] == "published"
        assert sent[0].get()["status"] in ("queued", "publishing")
    assert sent[0].wait()["status"] == "published"
    for one in sent:
        assert one.states_of_attempts() == ["accepted"] and one.at_simulator() == 1
        assert one.events() == ["created", "attempt", "accepted", "published"]
