"""More flows: publishing a version of the privacy policy, and telling all users of it. The versions are of some day to come, so that
none is in force for other flows."""

import uuid

from world import Told  # first: it knows where the next ones are

from desk import NOBODY_KNOWS, no_admin  # isort: skip
from flows import Flow, state  # isort: skip
from publishing_policy import publish, take_back  # isort: skip
from second import as_told  # isort: skip

VERSION, DAYS = "of-the-sweep", 60


def publish_ready(world):
    no_admin(world)
    world.hold("worker-mail")
    take_back(world.stack)
    return state()


def at_the_desk(world):
    """As the admin understands it: one that was killed has said nothing."""
    done = publish(world.stack, VERSION, "--material", days=DAYS, MARKETINGCLI_TEST_PROGRAM="admin")
    assert done.returncode in (0, 1) or done.returncode < 0, (done.returncode, done.stderr)
    if done.returncode == 0:
        return Told("done", {"said": done.stdout})
    return Told("unknown" if done.returncode < 0 or "nobody knows" in done.stderr or NOBODY_KNOWS in done.stderr else "nothing",
                code=done.stderr)


def publish_act(world, s):
    for path in world.stack.at.policy.iterdir():  # of the run before
        path.unlink()
    s.told = at_the_desk(world)


def published(world):
    """The version, its notice and its job: all or none. A file may be there without them, but not the other way round."""
    rows = [world.count(f"SELECT COUNT(*) AS n FROM {table}") for table in ("policy_versions", "policy_notices")]
    jobs = world.count("SELECT COUNT(*) AS n FROM jobs_mail WHERE kind = 'policy_notice'")
    assert (*rows, jobs) in ((0, 0, 0), (1, 1, 1)), (rows, jobs)
    names = {p.name for p in world.stack.at.policy.iterdir() if p.suffix == ".html"}
    assert not rows[0] or names == {f"{kind}-{VERSION}.html" for kind in ("privacy", "terms")}, names
    return bool(rows[0])


def publish_right(world, s):
    as_told(s, published(world))
    assert at_the_desk(world).how == "done" and published(world)
    assert all(p.read_text().endswith("</html>\n") for p in world.stack.at.policy.glob("*.html"))
    take_back(world.stack)


def notice_ready(world):
    """Three users whose rows are settled, and a notice that has come so far that they are next."""
    s = publish_ready(world)
    now = world.now_us()
    at_ms = now // 1000 - 120_000
    s.users = [uuid.UUID(int=(at_ms + i) << 80 | 7 << 76 | 2 << 62 | uuid.uuid4().int & (1 << 62) - 1) for i in range(3)]
    for id in s.users:
        world.stack.sql("INSERT INTO users (id, email_key, email, password_hash, state, created_at_us, updated_at_us)"
                        " VALUES (%s, %s, %s, 'x', 'active', %s, %s)", id.bytes, f"{id}@example.com", f"{id}@example.com", now, now)
    assert at_the_desk(world).how == "done"
    world.stack.sql("UPDATE policy_notices SET told_below = %s", uuid.UUID(int=at_ms << 80).bytes)
    return s


def mails_of(world, id):
    return world.count("SELECT COUNT(*) AS n FROM mail_outbox WHERE template = 'policy_changed' AND user_id = %s", id.bytes)


def notice_act(world, s):
    world.let_go("worker-mail")
    world.until(lambda: world.count("SELECT told AS n FROM policy_notices") >= len(s.users), "they are told")


def notice_right(world, s):
    """Each once; and the job waits for those who register before the version is in force."""
    assert [mails_of(world, id) for id in s.users] == [1, 1, 1]
    assert world.count("SELECT COUNT(*) - COUNT(DISTINCT user_id) AS n FROM mail_outbox WHERE template = 'policy_changed'") == 0
    world.until(lambda: world.count("SELECT COUNT(*) AS n FROM jobs_mail WHERE kind = 'policy_notice' AND lease_token IS NULL"
                                    " AND run_at_us > %s", world.now_us()) == 1, "it waits")
    assert [mails_of(world, id) for id in s.users] == [1, 1, 1]
    take_back(world.stack)


POLICIES = [
    Flow("publish a policy", ("admin",), publish_ready, publish_act, publish_right),
    Flow("tell of a policy", ("worker-mail",), notice_ready, notice_act, notice_right, workers=True),
]
