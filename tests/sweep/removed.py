"""Somebody ends our access inside TikTok: its webhook, which TikTok sends again until it is taken, and what the worker makes of it."""

from world import told  # first: it knows where the next ones are

from flows import Flow, account_row, ended, settled_ready  # isort: skip
from publishing import Sent  # isort: skip
from tiktok_events import deliver, event, open_id_of  # isort: skip


def removed_ready(world):
    """One post that TikTok has settled, which we do not know, and one that waits for its turn."""
    s = settled_ready(world)
    s.next = Sent(world.stack, s.user, s.account)
    world.stack.move_clock(2)  # TikTok tells whole seconds
    s.event = event(world.stack, open_id=open_id_of(world.stack, s.account))
    return s


def is_taken(world, s):
    return told(lambda: deliver(world.stack, s.event)).how == "done"


def removed_act(world, s):
    s.told = told(lambda: deliver(world.stack, s.event))
    world.let_go("worker-publish")
    assert s.told.how in ("done", "unknown", "nothing"), s.told
    is_taken(world, s) or world.until(lambda: is_taken(world, s), "what TikTok sends again is taken")
    world.until(lambda: world.stack.sql("SELECT state FROM tiktok_events") == [{"state": "done"}], "the event is done")


def removed_right(world, s):
    """The tokens are gone, the user is told once, and of each post what is so."""
    assert account_row(world, s) == {"state": "disconnected", "wiped": 1}
    assert world.stack.sql("SELECT COUNT(*) n FROM activity WHERE what = 'account_removed'")[0]["n"] == 1
    for sent in (s.sent, s.next):
        post = ended(world, s.user, sent.id)
        code = post["failure"] and post["failure"]["code"]
        there = {"published": (1,), "canceled": (0,), "failed": (0, 1) if code == "outcome_unknown" else (1,)}[post["status"]]
        assert sent.at_simulator() in there and code in (None, "account_disconnected", "unconfirmed", "outcome_unknown"), post


OF_REMOVED = [Flow("removed at TikTok", ("tiktok", "worker-publish"), removed_ready, removed_act, removed_right, workers=True)]
