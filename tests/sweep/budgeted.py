"""More flows: posts by a key with a budget, and what their owner says of them."""

import uuid

from world import told  # first: it knows where the next ones are

from flows import Flow, create_act, create_ready, create_right, ended, send_post, until_done  # isort: skip
from helpers import expect  # isort: skip


def agent_of(world, s, **budget):
    """From here on the user's key is one with this budget."""
    made = expect(s.user.web.post("/api/v1/keys", json={"name": "agent", "budget": budget}), 201)["data"]
    s.user.api, s.key = world.stack.client(Authorization=f"Bearer {made['key']}"), uuid.UUID(made["id"]).bytes


def budgeted_ready(world):
    s = create_ready(world)
    agent_of(world, s, accounts=[s.account], posts_per_day=5)
    return s


def budgeted_right(world, s):
    """Each post is counted once, and nothing else is."""
    create_right(world, s)
    counted = world.stack.sql("SELECT posts FROM key_budgets WHERE key_id = %s", s.key)[0]["posts"]
    assert counted == world.count("SELECT COUNT(*) AS n FROM posts WHERE key_id = %s", s.key)


def approve_ready(world):
    s = create_ready(world)
    agent_of(world, s, needs_approval=True)
    s.post = expect(send_post(s), 202)["data"]
    assert s.post["status"] == "awaiting_approval"
    return s


def approve(s):
    return s.user.web.post(f"/api/v1/posts/{s.post['id']}/approve", json={"content_digest": s.post["content_digest"]})


def approve_act(world, s):
    s.told = told(lambda: approve(s))


def approvals_of(s):
    return [e["event"] for e in expect(s.user.api.get(f"/api/v1/posts/{s.post['id']}"), 200)["data"]["events"]].count("approved")


def approve_right(world, s):
    """Approved once or not at all, and what was approved goes out once."""
    n = approvals_of(s)
    assert n in {"done": (1,), "nothing": (0,), "unknown": (0, 1)}[s.told.how], (n, s.told)
    last = until_done(lambda: approve(s))
    assert (last.how, last.code) == (("done", None) if n == 0 else ("refused", "not_awaiting_approval")), last
    assert approvals_of(s) == 1
    world.let_go("worker-publish")
    ended(world, s.user, s.post["id"], ("in_inbox",))
    assert world.count("SELECT COUNT(*) AS n FROM sandbox_publishes") == 1


def refuse_act(world, s):
    s.told = told(lambda: s.user.web.post(f"/api/v1/posts/{s.post['id']}/refuse"))


def refuse_right(world, s):
    """Canceled, with its images' end set, or still waiting."""
    def status():
        return expect(s.user.api.get(f"/api/v1/posts/{s.post['id']}"), 200)["data"]["status"]
    refused = status() == "canceled"
    assert {"done": refused, "nothing": not refused, "unknown": True}[s.told.how], s.told
    until_done(lambda: s.user.web.post(f"/api/v1/posts/{s.post['id']}/refuse"))
    assert status() == "canceled"
    assert world.count("SELECT COUNT(*) AS n FROM uploads WHERE post_due_at_us IS NOT NULL") == 2
    world.let_go("worker-publish")
    assert world.count("SELECT COUNT(*) AS n FROM sandbox_publishes") == 0


BUDGETED = [
    Flow("budgeted post", ("posts",), budgeted_ready, create_act, budgeted_right),
    Flow("approve", ("posts",), approve_ready, approve_act, approve_right),
    Flow("refuse", ("posts",), approve_ready, refuse_act, refuse_right),
]
