"""More flows: posts by a key with a budget, with an Idempotency-Key, by a client that repeats until it has an answer."""

from world import told  # noqa: F401  first: it knows where the next ones are

from budgeted import agent_of, budgeted_ready, budgeted_right  # isort: skip
from flows import SMALL, Flow, create_ready  # isort: skip
from helpers import expect  # isort: skip
from repeated import until_made, with_key  # isort: skip


def form_of(s):
    return {"files": [("platform_options", (None, '{"post_mode": "MEDIA_UPLOAD"}')), *[("images", ("1.jpg", SMALL, "image/jpeg"))] * 2]}


def keyed_act(world, s):
    key = with_key()
    s.told = until_made(world, lambda: s.user.api.post(f"/api/v1/accounts/{s.account}/posts", headers=key, **form_of(s)))


def last_ready(world):
    """One post is left of the day: a repeat must not be told that there is none."""
    s = create_ready(world)
    agent_of(world, s, posts_per_day=1)
    return s


def waiting_ready(world):
    s = create_ready(world)
    agent_of(world, s, needs_approval=True)
    return s


def waiting_right(world, s):
    """It waits, once, and is not sent."""
    (post,) = expect(s.user.web.get("/api/v1/posts?status=awaiting_approval"), 200)["data"]
    assert post["id"] == s.told.data["id"] and [e["event"] for e in s.told.data["events"]] == ["submitted"]
    world.let_go("worker-publish")
    world.until(lambda: world.count("SELECT COUNT(*) AS n FROM jobs_publish WHERE kind = 'turn'") == 0, "its account's turn is over")
    assert world.count("SELECT COUNT(*) AS n FROM post_attempts") == 0


OF_AGENTS = [
    Flow("keyed budgeted post", ("posts",), budgeted_ready, keyed_act, budgeted_right),
    Flow("keyed last post", ("posts",), last_ready, keyed_act, budgeted_right),
    Flow("keyed waiting post", ("posts",), waiting_ready, keyed_act, waiting_right),
]
