"""More flows: the last place of a plan, which two want; a post that gives its place back; and a plan that an admin gives."""

import concurrent.futures

from world import told  # first: it knows where the next ones are

from accounts import id_of  # isort: skip
from budgeted import agent_of, refuse_act  # isort: skip
from desk import NOBODY_KNOWS, admin_did, no_admin  # isort: skip
from flows import Flow, create_ready, no_file_is_left_over, send_post, state, until_done  # isort: skip
from helpers import expect  # isort: skip
from plans import far_from_the_months_end  # isort: skip
from second import as_told  # isort: skip
from world import Told  # isort: skip

TINY = 2  # posts_per_month of the plan tiny (tests/stack/render.py)


def give(world, s, plan):
    done = world.stack.admin("billing", "grant", s.user.id, plan)
    assert done.returncode == 0, done.stderr


def counted(world, s):
    return world.count("SELECT COALESCE(SUM(posts), 0) AS n FROM plan_counters WHERE user_id = %s", id_of(s))


def posts_of(s):
    return [p["id"] for p in expect(s.user.api.get("/api/v1/posts"), 200)["data"]]


def tiny_ready(world):
    """Somebody whose posts are counted, far from the end of what they are counted in."""
    far_from_the_months_end(world.stack)
    s = create_ready(world)
    give(world, s, "tiny")
    return s


def last_place_ready(world):
    s = tiny_ready(world)
    s.first = expect(send_post(s), 202)["data"]["id"]
    return s


def last_place_act(world, s):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        s.both = list(pool.map(lambda _: told(lambda: send_post(s)), range(2)))
    s.told = s.both[0]


def last_place_right(world, s):
    """As many are counted as there are, whoever was told what; one at most has got it, and somebody can get it still if nobody has."""
    new = [id for id in posts_of(s) if id != s.first]
    assert len(new) <= 1 and counted(world, s) == 1 + len(new), (new, counted(world, s))
    done = [t.data["id"] for t in s.both if t.how == "done"]
    assert done == new or done == [] and any(t.how == "unknown" for t in s.both), (s.both, new)
    assert all(t.code == "plan_limit_reached" for t in s.both if t.how == "refused"), s.both
    last = until_done(lambda: send_post(s))
    assert (last.how, last.code) == (("refused", "plan_limit_reached") if new else ("done", None)), last
    assert counted(world, s) == len(posts_of(s)) == TINY
    posts = [expect(s.user.api.get(f"/api/v1/posts/{id}"), 200)["data"] for id in posts_of(s)]
    no_file_is_left_over(world, [i["upload_id"] for p in posts for i in p["images"]])


def given_back_ready(world):
    s = tiny_ready(world)
    agent_of(world, s, needs_approval=True)
    s.post = expect(send_post(s), 202)["data"]
    assert counted(world, s) == 1
    return s


def given_back_right(world, s):
    """With the end of the post, and once."""
    def ended():
        return expect(s.user.api.get(f"/api/v1/posts/{s.post['id']}"), 200)["data"]["status"] == "canceled"
    assert counted(world, s) == (0 if ended() else 1)
    assert {"done": ended(), "nothing": not ended(), "unknown": True}[s.told.how], s.told
    until_done(lambda: s.user.web.post(f"/api/v1/posts/{s.post['id']}/refuse"))
    assert ended() and counted(world, s) == 0


def grant_ready(world):
    no_admin(world)
    s = state(user=world.user())
    assert s.user.key
    return s


def grant(world, s):
    done = world.stack.admin("billing", "grant", s.user.id, "small", MARKETINGCLI_TEST_PROGRAM="admin")
    assert done.returncode in (0, 1) or done.returncode < 0, (done.returncode, done.stderr)
    if done.returncode == 0:
        return Told("done", {"said": done.stdout})
    return Told("unknown" if done.returncode < 0 or NOBODY_KNOWS in done.stderr else "nothing", code=done.stderr)


def grant_act(world, s):
    s.told = grant(world, s)


def given(world, s):
    """What the grant, the user, the keys and the sessions say, each once."""
    texts = ["SELECT plan FROM plan_grants WHERE user_id = %s", *(
        f"SELECT granted_plan AS plan FROM {table} WHERE {column} = %s"
        for table, column in (("users", "id"), ("sessions", "user_id"), ("api_keys", "user_id")))]
    return {plan for text in texts for plan in {row["plan"] for row in world.stack.sql(text, id_of(s))} or {None}}


def grant_right(world, s):
    """All of it or nothing."""
    before = given(world, s)
    assert before in ({None}, {"small"}), before
    as_told(s, before == {"small"})
    assert admin_did(world, s, "admin_granted_plan") == (before == {"small"})
    assert grant(world, s).how == "done" and given(world, s) == {"small"}
    assert expect(s.user.web.get("/api/v1/billing"), 200)["data"]["plan"] == "small"


PLANNED = [
    Flow("last place", ("posts",), last_place_ready, last_place_act, last_place_right),
    Flow("given back", ("posts",), given_back_ready, refuse_act, given_back_right),
    Flow("grant a plan", ("admin",), grant_ready, grant_act, grant_right),
]
