"""More flows: an account is disconnected while workers are at its posts."""

from flows import Flow, account_row, disconnect_act, ended, is_unknown, settled_ready, unknown_right, until_done

from publishing import Sent  # isort: skip

BEGUN = "INSERT INTO post_attempts"


def leaving_ready(world):
    """One post that TikTok has settled, which we do not know, and one that waits for its turn."""
    s = settled_ready(world)
    s.next = Sent(world.stack, s.user, s.account)
    return s


def is_at_work(world):
    """Or will hardly be: somebody has met the fault."""
    return world.plan.met or any(step.what.startswith(BEGUN) for step in world.plan.steps())


def leaving_act(world, s):
    world.stack.sql("UPDATE creator_snapshots SET fetched_at_us = %s", world.now_us())  # the init is the first call
    world.let_go("worker-publish")
    world.stack.wait(lambda: is_at_work(world), "a worker hands the post over", 60)
    disconnect_act(world, s)
    s.posts = [ended(world, s.user, sent.id) for sent in (s.sent, s.next)]


def leaving_right(world, s):
    """What TikTok has got is not said to be canceled, what it has not is not said to be there, and nothing waits for tokens that
    are gone."""
    gone = account_row(world, s)["state"] == "disconnected"
    assert {"done": gone, "nothing": not gone, "unknown": True}[s.told.how], s.told
    for sent, post in zip((s.sent, s.next), s.posts):
        code = post["failure"] and post["failure"]["code"]
        there = {"published": (1,), "canceled": (0,), "failed": (0, 1) if is_unknown(post) else (1,)}[post["status"]]
        assert sent.at_simulator() in there and code in (None, "account_disconnected", "unconfirmed", "outcome_unknown"), post
        assert gone or post["status"] == "published" or is_unknown(post), post
    unknown_right(s, s.posts)
    if not gone:
        assert until_done(lambda: s.user.web.delete(f"/api/v1/accounts/{s.account}")).how == "done"
    assert account_row(world, s) == {"state": "disconnected", "wiped": 1}
    world.until(lambda: not s.sent.jobs() + s.next.jobs(), "nothing is left to do")


LEAVING = [Flow("disconnect at work", ("tiktok", "worker-publish"), leaving_ready, leaving_act, leaving_right, workers=True)]
