"""More flows: an admin brings a schema up to date, its grants first and what is to be revoked last. In a database of its own, with a few files and
a user of its own, so that the stack's programs go on."""

import pathlib
import secrets
import shutil
import tempfile

from world import Told  # first: it knows where the next ones are

from desk import no_admin  # isort: skip
from flows import Flow, state  # isort: skip

BOOTSTRAP = pathlib.Path(__file__).resolve().parents[2] / "sql/0000_schema_migrations.sql"

# USER is replaced by that of the flow: both are kept side by side.
BEFORE = {"0004_a.sql": "CREATE TABLE IF NOT EXISTS a (id INT PRIMARY KEY, x INT, y INT);",
          "grants.sql": "-- user USER\nGRANT SELECT, DELETE ON {db}.a TO {user};\nGRANT UPDATE (x) ON {db}.a TO {user};\n"}
AFTER = {"0005_z.sql": "ALTER TABLE a ADD COLUMN IF NOT EXISTS z INT;", "0006_row.sql": "INSERT IGNORE INTO a VALUES (1, 2, 3, 4);",
         "grants.sql": "-- user USER\nGRANT SELECT ON {db}.a TO {user};\nGRANT UPDATE (x, z) ON {db}.a TO {user};\n"}
NEEDED_BEFORE = {("SELECT", ""), ("DELETE", ""), ("UPDATE", "x")}
NEEDED_AFTER = {("SELECT", ""), ("UPDATE", "x"), ("UPDATE", "z")}


def put(s, files):
    for name, text in files.items():
        (s.sql / name).write_text(text.replace("USER", s.name))


def migrate(world, s, *more, **env):
    return world.stack.admin("migrate", "--sql", str(s.sql), "--database", s.name, "--credentials", str(s.credentials), *more, **env)


def rights(world, s):
    """Of the user: {(what, of which column)}"""
    rows = world.stack.sql(
        "SELECT privilege_type AS p, '' AS c FROM information_schema.TABLE_PRIVILEGES WHERE table_schema = %s AND grantee LIKE %s UNION"
        " SELECT privilege_type, column_name FROM information_schema.COLUMN_PRIVILEGES WHERE table_schema = %s AND grantee LIKE %s",
        *[s.name, f"'marketingcli_{s.name}'%"] * 2)
    return {(row["p"], row["c"]) for row in rows if row["p"] != "USAGE"}


def clear(world, s):
    world.stack.sql(f"DROP DATABASE IF EXISTS {s.name}")
    world.stack.sql(f"DROP USER IF EXISTS marketingcli_{s.name}@localhost")


def release_before(world, s):
    """The database as that has left it, and the files of the one after it. A sweep puts back its stack's database, and not this one."""
    clear(world, s)
    for file in s.sql.iterdir():
        file.unlink()
    shutil.copy(BOOTSTRAP, s.sql)
    put(s, BEFORE)
    done = migrate(world, s)
    assert done.returncode == 0 and rights(world, s) == NEEDED_BEFORE, (done.stderr, rights(world, s))
    put(s, AFTER)


def migrate_ready(world, name="sweep_migrated"):
    """Programs of the release before would run all the while."""
    no_admin(world)
    s = state(name=name, folder=tempfile.TemporaryDirectory(prefix="mcli-migrated-"))
    s.sql, s.credentials = (pathlib.Path(s.folder.name) / name for name in ("sql", "credentials"))
    s.sql.mkdir()
    (s.credentials / s.name).mkdir(parents=True)
    (s.credentials / s.name / "db-password").write_text(secrets.token_urlsafe(24) + "\n")
    release_before(world, s)
    return s


def as_seen(done):
    assert done.returncode in (0, 1) or done.returncode < 0, (done.returncode, done.stderr)
    return Told("done" if done.returncode == 0 else "unknown", code=done.stderr)


def migrate_act(world, s):
    s.told = as_seen(migrate(world, s, MARKETINGCLI_TEST_PROGRAM="admin"))
    assert NEEDED_BEFORE <= rights(world, s), "the programs of before lack a right"


def rows(world, s):
    return world.stack.sql(f"SELECT x, y, z FROM {s.name}.a")


def versions(world, s):
    return [row["v"] for row in world.stack.sql(f"SELECT version AS v FROM {s.name}.schema_migrations ORDER BY version")]


def migrate_right(world, s):
    """Files are applied in their order, and a second run ends what the first has begun."""
    assert versions(world, s) in ([4], [4, 5], [4, 5, 6])
    assert s.told.how != "done" or (versions(world, s) == [4, 5, 6] and NEEDED_AFTER <= rights(world, s))
    assert migrate(world, s).returncode == 0
    assert rights(world, s) == NEEDED_BEFORE | NEEDED_AFTER
    assert versions(world, s) == [4, 5, 6] and rows(world, s) == [{"x": 2, "y": 3, "z": 4}]
    release_before(world, s)


def updated(world, s):
    release_before(world, s)
    assert migrate(world, s).returncode == 0


def revoke_ready(world):
    s = migrate_ready(world, "sweep_revoked")
    updated(world, s)
    return s


def revoke_act(world, s):
    s.told = as_seen(migrate(world, s, "--revoke", MARKETINGCLI_TEST_PROGRAM="admin"))
    assert NEEDED_AFTER <= rights(world, s), f"the programs of now lack a right: {rights(world, s)} {s.told}"


def revoke_right(world, s):
    assert s.told.how != "done" or rights(world, s) == NEEDED_AFTER
    assert migrate(world, s, "--revoke").returncode == 0 and rights(world, s) == NEEDED_AFTER
    updated(world, s)


MIGRATED = [
    Flow("migrate", ("admin",), migrate_ready, migrate_act, migrate_right),
    Flow("migrate and revoke", ("admin",), revoke_ready, revoke_act, revoke_right),
]
