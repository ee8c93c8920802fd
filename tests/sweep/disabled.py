"""More flows: a post whose owner was disabled before it was handed over."""

from flows import Flow, ended, publish_ready, published_right


def set_user(world, s, verb):
    done = world.stack.admin("user", verb, s.user.id)
    assert done.returncode == 0, done.stderr


def held_ready(world):
    s = publish_ready(world)
    set_user(world, s, "disable")
    return s


def held_act(world, s):
    def is_held():
        return world.count("SELECT COUNT(*) AS n FROM post_events WHERE post_id = %s AND event = 'held' AND code = 'user_disabled'",
                           s.sent.key) == 1 and world.stillness()[0] is not None
    world.let_go("worker-publish")
    world.until(is_held, f"post {s.sent.id} is held")


def held_right(world, s):
    """Nothing was handed over, which is said once; and it is sent when the user is enabled again."""
    assert s.sent.attempts() == [] and s.sent.at_simulator() == 0
    set_user(world, s, "enable")
    post = ended(world, s.user, s.sent.id)
    assert [e["event"] for e in post["events"]].count("held") == 1
    published_right(world, s, [s.sent], [post])


DISABLED = [Flow("held", ("worker-publish",), held_ready, held_act, held_right, workers=True)]
