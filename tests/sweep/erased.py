"""More flows: an account is erased, and what a restore must do again reaches the journal."""

import hashlib
import hmac
import uuid

from flows import SMALL, Flow, state, until_done
from world import told

from helpers import expect  # isort: skip

ERASURE = "/api/v1/privacy/erasure"
DAY = 86400


def erased_ready(world):
    """Somebody with an account at TikTok, an image and a key; nobody works on what is left to do."""
    user = world.user()
    assert user.key
    account = user.connect()
    expect(user.api.post("/api/v1/uploads", data=SMALL), 201)
    for worker in ("worker-privacy", "worker-publish", "worker-media"):
        world.hold(worker)
    return state(user=user, account=account, id=uuid.UUID(user.id).bytes, asked=None)


def ask(s):
    return told(lambda: s.user.web.post(ERASURE, json={"confirm": s.user.email}))


def asked_act(world, s):
    s.told = ask(s)


def state_of(world, s):
    rows = world.stack.sql("SELECT state FROM users WHERE id = %s", s.id)
    return rows[0]["state"] if rows else None


def receipts(world):
    return world.stack.sql("SELECT id, state, user_id, accounts_n FROM erasures")


def forget_journal(world):
    """What a run before has written says nothing of this one."""
    (world.stack.at.journal / "journal").unlink(missing_ok=True)


def let_all_go(world):
    if world.is_held("worker-privacy"):
        forget_journal(world)
    for worker in ("worker-publish", "worker-media", "worker-privacy"):
        world.let_go(worker)


def is_gone(world, s):
    """Nothing of the user is left but a receipt that names nobody, and the journal says so."""
    (made,) = receipts(world)
    assert made["state"] == "done" and made["user_id"] is None, made
    tables = [r["t"] for r in world.stack.sql("SELECT DISTINCT TABLE_NAME t FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'marketingcli'"
                                              " AND COLUMN_NAME = 'user_id' AND TABLE_NAME NOT LIKE 'sandbox%%' AND TABLE_NAME NOT LIKE 'test%%'")]
    left = {t: n for t in tables if (n := world.count(f"SELECT COUNT(*) n FROM {t} WHERE user_id = %s", s.id))}
    assert not left and state_of(world, s) is None, left
    assert world.files() == []
    for table in ("accounts", "posts", "post_images", "creator_snapshots", "uploads", "journal_due"):
        assert world.count(f"SELECT COUNT(*) n FROM {table}") == 0, table
    assert journal_has(world, "erasure", s.id) and journal_has(world, "disconnect", uuid.UUID(s.account).bytes)


def journal_has(world, what, id):
    key = (world.stack.at.credentials / "worker_privacy/journal-key").read_text().strip().encode()
    name = hmac.new(key, what.encode() + id, hashlib.sha256).hexdigest()
    path = world.stack.at.journal / "journal"
    return path.exists() and any(line.split()[2:4] == [what, name] for line in path.read_text().splitlines())


def ends(world, s):
    let_all_go(world)
    world.until(lambda: state_of(world, s) is None, "the user is gone")
    is_gone(world, s)


def asked_right(world, s):
    """It was begun whole, or not at all; and who repeats it has one erasure."""
    begun = state_of(world, s) == "erasing"
    assert {"done": begun, "nothing": not begun, "unknown": True}[s.told.how], s.told
    assert len(receipts(world)) == begun
    if begun:
        world.stack.wait(lambda: s.user.api.get("/api/v1/me").status_code == 401, "the key stops working", 5)
    else:
        assert until_done(lambda: s.user.web.post(ERASURE, json={"confirm": s.user.email})).how == "done"
    ends(world, s)


def begun_ready(world):
    s = erased_ready(world)
    assert ask(s).how == "done"
    return s


def steps_act(world, s):
    let_all_go(world)
    world.until(lambda: state_of(world, s) is None, "the user is gone")


def steps_right(world, s):
    is_gone(world, s)


def waiting_ready(world):
    s = begun_ready(world)
    s.user.web = s.user.sign_in()
    return s


def cancel_act(world, s):
    s.told = told(lambda: s.user.web.delete(ERASURE))


def cancel_right(world, s):
    back = state_of(world, s) == "active"
    assert {"done": back, "nothing": not back, "unknown": True}[s.told.how], s.told
    if not back:
        assert until_done(lambda: s.user.web.delete(ERASURE)).how == "done"
    assert state_of(world, s) == "active" and [r["state"] for r in receipts(world)] == ["canceled"]
    expect(s.user.web.get("/api/v1/keys"), 200)
    let_all_go(world)
    world.until(lambda: not world.count("SELECT COUNT(*) n FROM jobs_privacy WHERE kind = 'erase'"), "nobody goes on with it")
    assert state_of(world, s) == "active"


def with_grace(world):
    return {"privacy": {"erasure_grace_days": 3}}


def journal_ready(world):
    user = world.user()
    key = user.make_key("sweep")["id"]
    world.hold("worker-privacy")
    expect(user.web.delete(f"/api/v1/keys/{key}"), 204)
    return state(user=user, key=uuid.UUID(key).bytes)


def journal_act(world, s):
    forget_journal(world)
    world.let_go("worker-privacy")
    world.until(lambda: not world.count("SELECT COUNT(*) n FROM journal_due"), "the journal has it")


def journal_right(world, s):
    """It may be there twice, and is never missing once its row is gone."""
    assert journal_has(world, "revocation", s.key)
    world.until(lambda: not world.count("SELECT COUNT(*) n FROM jobs_privacy WHERE kind = 'journal'"), "its job is done")


ERASED = [
    Flow("erasure asked", ("privacy",), erased_ready, asked_act, asked_right),
    Flow("erasure", ("worker-privacy",), begun_ready, steps_act, steps_right, workers=True),
    Flow("erasure of an account", ("worker-publish",), begun_ready, steps_act, steps_right),
    Flow("erasure canceled", ("privacy",), waiting_ready, cancel_act, cancel_right, settings=with_grace),
    Flow("journal", ("worker-privacy",), journal_ready, journal_act, journal_right, workers=True),
]
