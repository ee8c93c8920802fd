"""More flows: a post is canceled before it leaves, and one that has ended is tried again."""

import uuid

from world import told  # first: it knows where the next ones are

from flows import Flow, create_ready, ended, until_done  # isort: skip
from helpers import expect  # isort: skip
from publishing import Sent  # isort: skip


def post_of(s):
    return expect(s.user.api.get(f"/api/v1/posts/{s.sent.id}"), 200)["data"]


def times(s, event):
    return [e["event"] for e in post_of(s)["events"]].count(event)


def cancel(s):
    return s.user.api.post(f"/api/v1/posts/{s.sent.id}/cancel")


def retry(s):
    return s.user.api.post(f"/api/v1/posts/{s.sent.id}/retry", json={"confirm_not_published": True})


def as_told(s, n):
    assert n in {"done": (1,), "nothing": (0,), "unknown": (0, 1)}[s.told.how], (n, s.told)


def cancel_ready(world):
    s = create_ready(world)
    s.sent = Sent(world.stack, s.user, s.account)
    return s


def cancel_act(world, s):
    s.told = told(lambda: cancel(s))


def cancel_right(world, s):
    """Once or not at all, with its images' end; and then it does not leave."""
    as_told(s, times(s, "canceled"))
    assert until_done(lambda: cancel(s)).how == "done"
    assert times(s, "canceled") == 1 and post_of(s)["status"] == "canceled"
    assert world.count("SELECT COUNT(*) AS n FROM uploads WHERE post_due_at_us IS NOT NULL") == 1
    world.let_go("worker-publish")
    world.until(lambda: world.count("SELECT COUNT(*) AS n FROM jobs_publish WHERE kind = 'turn'") == 0, "its account's turn is over")
    assert world.count("SELECT COUNT(*) AS n FROM post_attempts") == 0


def retry_ready(world):
    """Nobody knows whether TikTok has it, and it has not."""
    s = cancel_ready(world)
    world.stack.sql("INSERT INTO post_attempts (id, post_id, number, fence, state, payload, created_at_us, ended_at_us)"
                    " VALUES (%s, %s, 1, %s, 'outcome_unknown', '{}', 1, 1)", uuid.uuid4().bytes, s.sent.key, uuid.uuid4().bytes)
    assert until_done(lambda: cancel(s)).how == "done"
    world.stack.sql("UPDATE posts SET state = 'failed', failure_code = 'outcome_unknown' WHERE id = %s", s.sent.key)
    return s


def retry_act(world, s):
    s.told = told(lambda: retry(s))


def retry_right(world, s):
    """Tried again once or not at all; and then it goes out, once."""
    as_told(s, times(s, "retried"))
    assert until_done(lambda: retry(s)).how == "done"
    assert times(s, "retried") == 1
    world.let_go("worker-publish")
    assert ended(world, s.user, s.sent.id)["status"] == "published"
    assert s.sent.at_simulator() == 1 and s.sent.states_of_attempts() == ["outcome_unknown", "accepted"]


AGAIN = [
    Flow("cancel", ("posts",), cancel_ready, cancel_act, cancel_right),
    Flow("retry", ("posts",), retry_ready, retry_act, retry_right),
]
