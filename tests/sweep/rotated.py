"""More flows: an admin rotates a secret that we make ourselves. Nobody is restarted: what programs that start then would find is looked at
instead, and at the end the files are put back, because those that run have the secrets of before."""

import pymysql

from world import Told  # first: it knows where the next ones are

from authenticator import enrol  # isort: skip
from desk import no_admin  # isort: skip
from flows import Flow, state  # isort: skip
from rotating import done, rotate, under_way  # isort: skip

SERVICE = "media"
USER = f"marketingcli_{SERVICE}@localhost"


def run(world, s, **env):
    return rotate(world.stack, s.name, *s.more, restart="/bin/true", **env)


def act(world, s):
    """Nothing is left of a run before that went wrong."""
    put_back(s)
    for name in under_way(world.stack):
        (world.stack.at.credentials / name).unlink()
    answer = run(world, s, MARKETINGCLI_TEST_PROGRAM="admin")
    assert answer.returncode in (0, 1) or answer.returncode < 0, (answer.returncode, answer.stderr)
    s.told = Told("done" if answer.returncode == 0 else "unknown", code=answer.stderr)


def files_of(world, name, *services):
    return {service: world.stack.at.credentials / service / name for service in services}


def ready(world, name, services, *more):
    no_admin(world)
    files = files_of(world, name, *services)
    return state(name=name, more=more, files=files, before={service: path.read_text() for service, path in files.items()})


def put_back(s):
    for service, path in s.files.items():
        path.write_text(s.before[service])


# --- a password of the database


def password_ready(world):
    return ready(world, "db-password", (SERVICE,), "--service", SERVICE)


def connects(world, password):
    try:
        pymysql.connect(unix_socket=str(world.stack.at.mariadb_sock), user=USER.partition("@")[0], password=password.strip()).close()
        return True
    except pymysql.OperationalError:
        return False


def password_right(world, s):
    """Whoever has started at whatever moment can connect, until it is done."""
    path, old = s.files[SERVICE], s.before[SERVICE]
    assert connects(world, path.read_text())
    assert s.told.how != "done" or path.read_text() != old
    if (of_before := path.with_name("db-password.old")).exists():
        assert connects(world, of_before.read_text())
    if path.read_text() == old:
        done(run(world, s))
    while under_way(world.stack):
        done(run(world, s))
    assert path.read_text() != old and connects(world, path.read_text()) and not connects(world, old)
    put_back(s)
    world.stack.sql(f"ALTER USER {USER} IDENTIFIED BY '{old.strip()}'")
    assert connects(world, old)


# --- keys under which something is sealed


def ids(text):
    return [int(line.split()[0]) for line in text.splitlines()]


def sealed_under(world, s):
    return {row[c][0] for row in world.stack.sql(f"SELECT {', '.join(s.columns)} FROM {s.table}") for c in s.columns if row[c] is not None}


def tokens_ready(world):
    """Two accounts, in rows of their own."""
    user = world.user()
    user.connect()
    user.connect()
    world.hold("worker-publish")
    s = ready(world, "token-keys", ("tiktok", "worker_publish"))
    s.table, s.columns = "accounts", ("access_token", "refresh_token")
    return s


def second_factors_ready(world):
    enrol(world.user())
    s = ready(world, "totp-keys", ("auth",))
    s.table, s.columns = "user_totp", ("secret",)
    return s


def rings_right(world, s):
    """Whoever has started at whatever moment can open all there is; and all is sealed under the new key when it is done."""
    texts = [path.read_text() for path in s.files.values()]
    assert all(sealed_under(world, s) <= set(ids(text)) for text in texts), (texts, sealed_under(world, s))
    before, = ids(next(iter(s.before.values())))
    assert s.told.how != "done" or {tuple(ids(text)) for text in texts} == {(before + 1,)}
    if ids(texts[0]) == [before]:
        done(run(world, s))
    while under_way(world.stack):
        done(run(world, s))
    assert {tuple(ids(path.read_text())) for path in s.files.values()} == {(before + 1,)} and sealed_under(world, s) == {before + 1}
    assert "cannot be opened" not in done(run(world, s))  # another one opens each of them
    put_back(s)


ROTATED = [
    Flow("rotate a password", ("admin",), password_ready, act, password_right),
    Flow("rotate the keys of tokens", ("admin",), tokens_ready, act, rings_right),
    Flow("rotate the keys of second factors", ("admin",), second_factors_ready, act, rings_right),
]
