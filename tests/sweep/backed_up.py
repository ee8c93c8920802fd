"""More flows: a backup is made, and is put back: into a database of its own, so that the stack's programs go on."""

import hashlib
import pathlib
import subprocess
import tempfile
import time

from world import Told  # first: it knows where the next ones are

from backups import Vault  # isort: skip
from desk import no_admin  # isort: skip
from flows import Flow, state  # isort: skip
from publishing import Sent  # isort: skip

DATABASE = "sweep_restored"
UNFINISHED = "restore_unfinished"
DAY = 86400


def clear(world):
    world.stack.sql(f"DROP DATABASE IF EXISTS {DATABASE}")


def backup_ready(world):
    no_admin(world)
    world.hold("worker-publish")
    s = state(folder=tempfile.TemporaryDirectory(prefix="mcli-backed-up-"))
    s.vault = Vault(world.stack, pathlib.Path(s.folder.name))
    s.user = world.user()
    s.sent = Sent(world.stack, s.user, s.user.connect())
    return s


def as_seen(done):
    assert done.returncode in (0, 1) or done.returncode < 0, (done.returncode, done.stderr)
    return Told("done" if done.returncode == 0 else "unknown", code=done.stderr)


def run(world, s, *args, **env):
    return world.stack.admin(*map(str, args), conf=s.vault.conf, **env)


def backup_act(world, s):
    s.told = as_seen(run(world, s, "backup", MARKETINGCLI_TEST_PROGRAM="admin"))


def whole(s):
    """The backups, each of which is what its digest says."""
    found = sorted(s.vault.dir.glob("*.cms")) if s.vault.dir.exists() else []
    for file in found:
        assert subprocess.run(["sha256sum", "-c", f"{file.name}.sha256"], cwd=s.vault.dir, capture_output=True).returncode == 0, file
    return found


def backup_right(world, s):
    """There is a whole one or none; and the next one is made, whatever the one before has left."""
    assert s.told.how != "done" or len(whole(s)) == 1, s.told
    for file in whole(s):
        file.unlink()
    assert s.vault.backup() in whole(s)
    for file in s.vault.dir.iterdir():
        file.unlink()
    s.vault.close()


def restore_ready(world):
    s = backup_ready(world)
    s.file = s.vault.backup()
    clear(world)
    return s


def restore(world, s, *more, **env):
    return run(world, s, "restore", s.file, "--key", s.vault.key, "--without-journal", "--database", DATABASE, *more, **env)


def restore_act(world, s):
    s.told = as_seen(restore(world, s, MARKETINGCLI_TEST_PROGRAM="admin"))


def tables(world):
    return {row["t"] for row in world.stack.sql("SELECT table_name AS t FROM information_schema.tables WHERE table_schema = %s", DATABASE)}


def restore_right(world, s):
    """It is whole, or says that it is not; and a second run ends it."""
    there = tables(world)
    assert s.told.how == "unknown" or UNFINISHED not in there, s.told
    assert s.told.how == "done" or not there or UNFINISHED in there or "posts" in there, there
    done = restore(world, s)
    if "--replace" in done.stderr:
        done = restore(world, s, "--replace")
    assert done.returncode == 0 and UNFINISHED not in tables(world), done
    counts = world.stack.sql(f"SELECT (SELECT COUNT(*) FROM {DATABASE}.sessions) AS sessions, (SELECT COUNT(*) FROM {DATABASE}.posts) AS posts,"
                             " (SELECT COUNT(*) FROM posts) AS all_posts")[0]
    assert counts["sessions"] == 0 and counts["posts"] == counts["all_posts"] >= 1, counts
    held = world.stack.sql(f"SELECT 1 FROM {DATABASE}.posts p JOIN {DATABASE}.accounts a ON a.id = p.account_id AND p.id <= a.held_to_id"
                           " WHERE p.id = %s", s.sent.key)
    assert len(held) == 1
    clear(world)
    s.vault.close()


def a_backup(world, s, days):
    """As good as its digest says."""
    made = s.vault.dir / f"marketingcli-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(world.now_us() / 1e6 - days * DAY))}.cms"
    made.write_bytes(b"x")
    made.with_name(made.name + ".sha256").write_text(f"{hashlib.sha256(b'x').hexdigest()}  {made.name}\n")


def fill(world, s):
    """The clock has gone right for some days, as they have seen it who looked before."""
    for file in s.vault.dir.iterdir():
        file.unlink()
    for days in (40, 1):
        a_backup(world, s, days)
    now_us = world.now_us()
    (s.vault.dir / "clock").write_text(f"{now_us - 2 * DAY * 1_000_000:020} {now_us - DAY * 500_000:020}\n")


def check_ready(world):
    no_admin(world)
    s = state(folder=tempfile.TemporaryDirectory(prefix="mcli-backed-up-"))
    s.vault = Vault(world.stack, pathlib.Path(s.folder.name))
    s.vault.dir.mkdir()
    fill(world, s)
    return s


def check_act(world, s):
    s.told = as_seen(run(world, s, "backup", "check", MARKETINGCLI_TEST_PROGRAM="admin"))


def check_right(world, s):
    """The newer one is there, and the older one until it is said that it went."""
    left = sorted(s.vault.dir.glob("*.cms"))
    assert len(left) in ((1,) if s.told.how == "done" else (1, 2)), (s.told, left)
    assert run(world, s, "backup", "check").returncode == 0
    assert sorted(s.vault.dir.glob("marketingcli-*")) == [left[-1], left[-1].with_name(left[-1].name + ".sha256")]
    fill(world, s)


BACKED_UP = [
    Flow("back up", ("admin",), backup_ready, backup_act, backup_right),
    Flow("delete old backups", ("admin",), check_ready, check_act, check_right),
    Flow("restore", ("admin",), restore_ready, restore_act, restore_right),
]
