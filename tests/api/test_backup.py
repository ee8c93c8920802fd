"""marketingcli-admin backup and restore: what is kept can be put back, whatever happens on the way, and nothing is sent a second time."""

import concurrent.futures
import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import time
import uuid

import pymysql
import pytest
import standing
from backups import BAD, DAY, Old, Vault, clock_has_gone_right, of_another, sealed_of, with_settings
from conftest import CHECKOUT
from helpers import expect
from publishing import Sent, failed
from services import PROGRAMS
from test_alarms import events
from test_erasure import ask, wait_done
from test_metrics import Shown

HELD = "service_restored"


@pytest.fixture(scope="module")
def vault(stack, tmp_path_factory):
    made = Vault(stack, tmp_path_factory.mktemp("vault"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def made(vault):
    """A backup that nobody changes."""
    return vault.backup()


@contextlib.contextmanager
def all_stopped(stack):
    """All that have a database; whatever happens, they can connect afterwards."""
    with contextlib.ExitStack() as away:
        for program in PROGRAMS:
            if program.database:
                away.enter_context(stack.stopped(program.name))
        try:
            yield
        finally:
            stack.database = None
            for row in stack.sql("SELECT CONCAT(QUOTE(user), '@', QUOTE(host)) AS u FROM mysql.user WHERE user LIKE 'marketingcli\\_%%'"):
                stack.sql(f"ALTER USER {row['u']} ACCOUNT UNLOCK")


def test_a_backup_is_whole_and_taken_away(vault, made):
    """Its digest is beside it, and fits; the private key opens it by OpenSSL alone, and what is inside is no plain text."""
    digest = made.with_name(made.name + ".sha256")
    assert subprocess.run(["sha256sum", "-c", digest.name], cwd=made.parent, capture_output=True).returncode == 0
    assert (vault.copies / made.name).read_bytes() == made.read_bytes() and (vault.copies / digest.name).exists()
    text = subprocess.run(["openssl", "cms", "-decrypt", "-inform", "DER", "-in", made, "-inkey", vault.key], check=True,
                          capture_output=True).stdout
    assert text.startswith(b"MCLIBAK1") and b"marketingcli backup 1\n" in text and b"schema_migrations" in text
    assert b"CREATE TABLE" not in made.read_bytes()
    assert made.stat().st_mode & 0o77 == 0 and "made" in vault.files()
    assert list(vault.scratch.iterdir()) == [], "nothing is left of the scratch server"
    assert made.name in vault.admin("backup", "list").stdout


@pytest.mark.parametrize("what", BAD)
def test_a_bad_backup_is_refused(vault, made, what):
    """By its digest; and without one, by what it says of itself. The services run: nothing is touched before all of it was read."""
    bad = of_another(vault, made, "marketingcli-20200101T000000Z.bad", BAD[what])
    try:
        said = vault.restore(bad, code=1).stderr
        assert "is no backup, or a part of it is missing" in said or "this key does not open it, or it was changed" in said, said
        beside = bad.with_name(bad.name + ".sha256")
        beside.write_text(made.with_name(made.name + ".sha256").read_text())
        assert "its SHA-256 is another" in vault.restore(bad, code=1).stderr
        beside.unlink()
    finally:
        bad.unlink()


def test_another_key_opens_nothing(vault, made):
    assert "this key does not open it" in vault.restore(made, code=1, key=vault.other_key).stderr
    assert "is not a private key" in vault.restore(made, code=1, key=made).stderr


@pytest.mark.parametrize("schema, says", [(9999, r"has schema 9999, and this release knows \d+: install"), (1, "--replace it is dropped")])
def test_a_newer_schema_is_refused(vault, schema, says):
    file = sealed_of(vault, schema)
    try:
        assert re.search(says, vault.restore(file, "--without-journal", code=1).stderr)
    finally:
        file.unlink()


def test_it_is_refused_while_the_services_run(vault, stack, made, user):
    assert "with --replace it is dropped" in vault.restore(made, "--without-journal", code=1).stderr
    assert "the services are running" in vault.restore(made, "--without-journal", "--replace", code=1).stderr
    expect(user.api.get("/api/v1/posts"), 200)
    assert stack.sql("SELECT COUNT(*) AS n FROM mysql.global_priv WHERE User LIKE 'marketingcli%%' AND JSON_VALUE(Priv, '$.account_locked') = 1")[0]["n"] == 0


def with_its_table_read(stack, database, restore):
    """A restore that must wait before it can drop the database; its result."""
    stack.sql(f"CREATE DATABASE {database}")
    stack.sql(f"CREATE TABLE {database}.t (id INT)")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="root") as other:
            other.cursor().execute(f"LOCK TABLES {database}.t READ")
            run = pool.submit(restore)
            stack.wait(lambda: stack.sql("SELECT 1 FROM information_schema.PROCESSLIST WHERE info LIKE 'DROP DATABASE%%'"), "it drops it")
            assert stack.sql(f"SELECT IS_USED_LOCK('migrate.{database}') AS l")[0]["l"], "a migrate comes between"
        return run.result()


def test_one_that_is_done_is_replaced_only_when_that_is_said(vault, stack, made):
    """A restore that died after all was done: services may have worked on it since, so another backup does not take its place unasked. Nor
    comes a migrate before its mark is there, and makes a database while it drops the one before."""
    to = ("--without-journal", "--database", "mcli_done")
    other = sealed_of(vault, 1)
    try:
        (stack.at.test / "points").mkdir(exist_ok=True)
        stack.arm("restore.let_in")
        with_its_table_read(stack, "mcli_done", lambda: vault.restore(made, *to, "--replace", code=-9))
        assert "with --replace it is dropped" in vault.restore(other, *to, code=1).stderr
        assert "is in place already" in vault.restore(made, *to).stdout
    finally:
        stack.sql("DROP DATABASE IF EXISTS mcli_done")
        other.unlink()


def test_what_is_sealed_under_a_key_that_is_gone_is_named(vault, stack, user, tmp_path):
    """The keys were rotated since the backup: one line for each, whatever is sealed under it. Or the ring was lost, and made anew with the same
    numbers. Nor does it matter that the journal's key has gone, if what it wrote was before the backup."""
    lost, _ = user.connect(), user.connect()
    stack.sql("UPDATE accounts SET access_token = CONCAT(CHAR(98), SUBSTR(access_token, 2)) WHERE id = %s", uuid.UUID(lost).bytes)
    folder, file, journal = tmp_path / "credentials", vault.backup(), tmp_path / "journal"
    current = int((stack.at.credentials / "tiktok/token-keys").read_text().split()[0])
    shutil.copytree(stack.at.credentials, folder)
    (folder / "tiktok/token-keys").write_text(f"{current} {'ab' * 32}\n")
    restore = lambda code=0: vault.admin("restore", file, "--key", vault.key, "--dir", folder, "--journal", journal, "--database", "mcli_sealed", code=code)  # noqa: E731
    try:
        journal.write_text(f"1 2126-11-27T15:56:00.000000Z erasure {'0' * 64} {'0' * 32}\n")
        assert "no line of the journal is of a key" in restore(code=1).stderr
        journal.write_text(f"1 2026-01-01T00:00:00.000000Z erasure {'0' * 64} {'0' * 32}\n")
        said = restore().stdout
        assert "(1 lines, 1 of them torn)" in said and "CANNOT BE READ" not in said, said
        under = {row["id"]: row["n"] for row in stack.sql("SELECT ORD(access_token) AS id, COUNT(*) AS n FROM mcli_sealed.accounts"
                                                          " WHERE access_token IS NOT NULL GROUP BY 1")}
        gone = re.findall(r"CANNOT BE OPENED: (\d+) TikTok accounts are sealed under key (\d+) of token-keys, which \S+tiktok/token-keys does", said)
        other = re.findall(r"CANNOT BE OPENED: (\d+) TikTok accounts are sealed under another key (\d+) of token-keys than that in \S+tiktok/token-keys", said)
        assert [int(id) for _, id in other] == [current] and under[98] == 1, said
        assert {int(id): int(n) for n, id in gone + other} == under, said
        assert "of totp-keys" not in said
    finally:
        stack.sql("DROP DATABASE IF EXISTS mcli_sealed")
        for path in vault.dir.glob(f"{file.name}*"):
            path.unlink()


def test_two_at_once(vault, stack, olds, made):
    """Nor is one deleted while somebody may be reading it."""
    clock_has_gone_right(olds.dir, time.time())
    old, _ = olds.one(time.time() - 50 * DAY), olds.one(time.time() - DAY)
    stack.sql("SELECT GET_LOCK('backup.marketingcli', 0)")
    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for run in [pool.submit(olds.check, "another backup", "nothing was deleted", code=1), pool.submit(vault.admin, "backup", code=1),
                        pool.submit(vault.restore, made, "--without-journal", code=1)]:
                assert run.result() is None or "another backup" in run.result().stderr
    finally:
        stack.sql("SELECT RELEASE_LOCK('backup.marketingcli')")
    assert old.exists()


def test_a_full_disk_and_a_kill_leave_what_there_is(vault, stack, made):
    """And nothing that looks like a backup."""
    before = vault.files()
    done = subprocess.run(["prlimit", "--fsize=20000", "--", str(find_admin()), "backup"], capture_output=True, text=True,
                          env={**os.environ, "MARKETINGCLI_CONF": str(vault.conf)})
    assert done.returncode != 0 and vault.files() == before, done
    for point in ("backup.written", "backup.verified"):
        (stack.at.test / "points").mkdir(exist_ok=True)
        (stack.at.test / "points" / point).touch()
        vault.admin("backup", code=-9)
        left, = (n for n in vault.files() if n not in before)  # the one of before has gone
        assert left.endswith(".part")
    assert f"{left} was left by a backup that was killed" in vault.admin("backup", "check").stdout
    (vault.dir / left).unlink()
    points = [stack.arm(f"child.{name}") for name in ("late", "started")]
    vault.admin("backup", code=-9)
    points[0].unlink()
    stack.wait(lambda: subprocess.run(["pgrep", "-f", f"datadir={vault.scratch}"], capture_output=True).returncode == 1,
               "the scratch server goes with the backup, although it was killed before that had started")


def test_another_installation_makes_one_of_the_same_second(vault):
    """In the same folder: its part is neither taken over nor deleted."""
    with contextlib.ExitStack() as others:
        parts = []
        for later in range(2):
            at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + later))
            parts.append(vault.dir / f"marketingcli-{at}.cms.part")
            fcntl.flock(others.enter_context(parts[-1].open("w")), fcntl.LOCK_EX)
        made = vault.backup()
        assert made.is_file() and all(p.exists() and f"{p}" != f"{made}.part" for p in parts)
    for path in [*parts, *vault.dir.glob(f"{made.name}*")]:
        path.unlink()


def test_another_scratch_server_in_the_same_folder_stays(vault, stack):
    """As of another database."""
    (vault.scratch / "scratch").mkdir(parents=True, exist_ok=True)
    folder = os.open(vault.scratch / "scratch", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    assert "another backup has its scratch server in" in vault.admin("backup", code=1).stderr and (vault.scratch / "scratch").exists()
    os.close(folder)


def test_what_another_installation_was_quicker_to_make_stays(vault, stack):
    """It has chosen the same name, before there was a file, and was first to make that."""
    shutil.rmtree(vault.scratch / "scratch", ignore_errors=True)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        run = pool.submit(vault.admin, "backup", code=1)
        stack.wait(lambda: (vault.scratch / "scratch").exists(), "it has its name")
        parts = [vault.dir / f"marketingcli-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(time.time() - ago))}.cms.part" for ago in range(3)]
        for part in parts:
            part.write_text("another's")
        assert "File exists" in run.result().stderr
    assert [part.read_text() for part in parts] == ["another's"] * len(parts)
    for part in parts:
        part.unlink()


def test_a_backup_that_is_not_taken_away_leaves_the_alarm_on(vault, stack, tmp_path):
    """The command has nothing of ours open: with a connection to the database it could keep our lock when we are gone."""
    folder, command = tmp_path / "backups", tmp_path / "copy"
    command.write_text(f"#!/bin/sh\nls -l /proc/$$/fd >{tmp_path}/open\nexit 1\n")
    command.chmod(0o755)
    conf = with_settings(vault, tmp_path / "conf", backup_dir=folder, backup_copy=command)
    done = stack.admin("backup", conf=conf)
    assert done.returncode == 1 and "was not taken elsewhere" in done.stderr, done
    assert "pipe:" in (left := (tmp_path / "open").read_text()) and "socket:" not in left
    assert sorted(p.suffix for p in folder.iterdir()) == [".cms", ".sha256"], "it is kept, and the stamp of the newest is not set"


def test_a_scratch_folder_in_which_others_write_is_refused(vault, stack, tmp_path):
    """They could put a server of their own in its place, and be given the dump."""
    folder = pathlib.Path(f"{vault.scratch}-open")
    folder.mkdir()
    try:
        folder.chmod(0o777)
        done = stack.admin("backup", conf=with_settings(vault, tmp_path / "conf", backup_scratch_dir=folder))
        assert done.returncode == 1 and "may write there" in done.stderr and list(folder.iterdir()) == [], done
    finally:
        shutil.rmtree(folder)


def test_a_journal_that_was_lost_does_not_replace_its_copy(vault, stack, tmp_path):
    conf = with_settings(vault, tmp_path / "conf", privacy_journal_dir=tmp_path, backup_dir=tmp_path, backup_copy="true")
    journal = tmp_path / "journal"

    def taken(text):
        journal.unlink(missing_ok=True)
        if text:
            journal.write_text(text)
        return stack.admin("backup", "journal", conf=conf).returncode

    assert taken("one\ntwo\n") == 0
    [copy] = tmp_path.glob("journal.*")
    for less in ("new\n", None):
        assert taken(less) == 1 and copy.read_text() == "one\ntwo\n"
    assert taken("one\ntwo\nthree\n") == 0 and copy.read_text() == "one\ntwo\nthree\n"


def find_admin():
    from render import find_program
    return find_program(os.environ["MARKETINGCLI_BUILD"], "marketingcli-admin")


@pytest.fixture
def kept(vault, made):
    """What a test leaves beside the backup goes."""
    before = vault.files()
    yield
    for name in set(vault.files()) - set(before):
        (vault.dir / name).unlink()


def test_old_ones_go_and_bad_ones_are_told(vault, made, kept):
    clock_has_gone_right(vault.dir, time.time())
    old = made.with_name("marketingcli-20200102T030405Z.cms")
    for name in (old, old.with_name(old.name + ".sha256"), old.with_name("marketingcli-20200102T030406Z.cms.part")):
        name.touch()
    bad = of_another(vault, made, f"{made.stem}0.cms", BAD["a bit flipped in the middle"])
    assert "has no digest beside it" in vault.admin("backup", "check", code=1).stderr
    bad.with_name(bad.name + ".sha256").write_text(made.with_name(made.name + ".sha256").read_text())
    assert "its SHA-256 is another" in vault.admin("backup", "check", code=1).stderr
    assert "bad" in vault.files() and not [n for n in vault.files() if n.startswith("marketingcli-2020")]
    bad.unlink()
    vault.admin("backup", "check")
    assert "bad" not in vault.files() and made.exists()


@pytest.fixture
def olds(vault, stack, made, tmp_path):
    """The kernel says that its clock is right."""
    (stack.at.test / "clock_unset").write_text("0")
    yield Old(vault, made, tmp_path / "backups")
    (stack.at.test / "clock_unset").unlink()


def test_a_clock_that_is_wrong_deletes_nothing(stack, olds):
    now = time.time()
    old = olds.one(now - 29 * DAY)
    olds.check("0 bad")
    stack.move_clock(40 * DAY)
    new = olds.one(now + 40 * DAY)
    for _ in range(2):
        olds.check("2 files would go, and stay until the clock has gone right for a day", "0 bad")
    (stack.at.test / "clock_unset").write_text("1")
    clock_has_gone_right(olds.dir, now + 40 * DAY)
    olds.check("2 files would go")
    stack.move_clock(-40 * DAY)
    clock_has_gone_right(olds.dir, now)
    olds.check(f"{new} is of the future", "1 bad", code=1)
    assert old.exists()


def test_the_newest_good_one_stays(olds):
    now = time.time()
    old, newest = olds.one(now - 50 * DAY), olds.one(now - 40 * DAY)
    olds.one(now - 10 * DAY).write_bytes(b"bad")
    clock_has_gone_right(olds.dir, now)
    olds.check(f"{newest.name} stays though its time is over", "1 backups deleted, 2 bad", code=1)
    assert newest.exists() and not old.exists()


@contextlib.contextmanager
def small_disk(vault, options):
    folder = pathlib.Path(f"{vault.scratch}-small")
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True)
    if done.returncode:
        folder.rmdir()
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()


def test_too_little_room_is_said_beforehand(vault, stack, tmp_path):
    for setting, what in {"backup_scratch_dir": "the scratch server of a backup needs", "backup_dir": "a backup needs"}.items():
        with small_disk(vault, "size=500k,mode=711") as folder:
            done = stack.admin("backup", conf=with_settings(vault, tmp_path / "conf", **{setting: folder}))
            assert done.returncode == 1 and re.search(rf"{folder}\S* has \d MB free, and {what} about \d+ MB there", done.stderr), done
            assert [p.name for p in folder.iterdir()] in ([], ["scratch"])


def test_what_a_killed_one_has_left_takes_no_room(vault, stack, tmp_path):
    """Its scratch server is as large as the database."""
    with small_disk(vault, "size=40m,mode=711") as folder:
        (folder / "scratch").mkdir()
        with contextlib.suppress(OSError):
            (folder / "scratch/left").write_bytes(bytes(50 << 20))
        done = stack.admin("backup", conf=with_settings(vault, tmp_path / "conf", backup_dir=folder, backup_scratch_dir=folder))
        assert done.returncode == 1 and "the scratch server of a backup needs" in done.stderr, done
        assert not (folder / "scratch/left").exists()


def test_a_disk_that_is_full_at_the_last_moment(vault, stack, tmp_path):
    """No room for the digest: what is left does not look like a backup, and is not told as one."""
    with small_disk(vault, "size=100m,nr_inodes=2") as folder:
        done = stack.admin("backup", conf=with_settings(vault, tmp_path / "conf", backup_dir=folder))
        assert done.returncode == 1 and "No space left" in done.stderr and list(folder.iterdir()) == [], done


def test_two_copies_of_the_journal_at_once(vault, stack, made):
    fd = os.open(vault.dir, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        assert "another backup journal is running" in vault.admin("backup", "journal", code=1).stderr
    finally:
        os.close(fd)
    vault.admin("backup", "journal")


def test_a_copy_of_the_journal_on_a_full_disk(vault, stack, tmp_path):
    """The one before stays, and the next one is whole."""
    (tmp_path / "journals").mkdir()
    journal = tmp_path / "journals/journal"
    with small_disk(vault, "size=64k,mode=711") as folder:
        conf = with_settings(vault, tmp_path / "conf", privacy_journal_dir=journal.parent, backup_dir=folder, backup_copy="true")
        taken = lambda text: (journal.write_text(text), stack.admin("backup", "journal", conf=conf))[1]  # noqa: E731
        assert taken("one\n").returncode == 0
        [copy] = folder.glob("journal.*")
        full = taken("one\n" + "x" * 100_000)
        assert full.returncode == 1 and "No space left on device" in full.stderr and copy.read_text() == "one\n", full
        assert sorted(p.name for p in folder.iterdir()) == sorted([copy.name, "journal-copied"])
        assert taken("one\ntwo\n").returncode == 0 and copy.read_text() == "one\ntwo\n"


def test_alarms(stack):
    """One that is old, a journal that stays here, and one that is bad: until that is over."""
    folder = stack.at.test / "backups"
    folder.mkdir()
    for name in ("made", "bad"):
        (folder / name).touch()
    os.utime(folder / "made", (1, 1))
    before = len(stack.log("worker-media"))
    told = lambda name: [e.get("what") for e in events(stack.log("worker-media")[before:], name)]  # noqa: E731
    try:
        with stack.configured("worker-media", backup_certificate="/nowhere", backup_dir=folder, backup_copy="true"):
            stack.wait(lambda: len(told("backup_old")) == 2 and told("backup_bad"), "all are told")
            shown = Shown(stack, "worker-media")
            assert told("backup_old") == ["backup", "journal"] and shown("alarms_total", alarm="backup_old") == len(told("backup_old"))
            assert shown("alarms_total", alarm="backup_bad") == 1
            for name in ("made", "journal-copied"):
                (folder / name).touch()
                os.utime(folder / name)
            (folder / "bad").unlink()
            stack.wait(lambda: sorted(told("backup_new")) == ["backup", "journal"] and told("backup_good"), "all is over")
    finally:
        shutil.rmtree(folder)


def test_what_is_restored(vault, stack, user, account):
    """What was sent since the backup is not sent again; what was erased, disconnected and revoked since is so again; and a restore that
    dies anywhere is run again."""
    leaver, erased, gone = type(user)(stack), type(user)(stack), user.connect()
    erased_id = uuid.UUID(erased.id).bytes
    revoked = user.make_key("revoked")
    with stack.stopped("worker-publish"):
        sent, given_up = Sent(stack, user, account), Sent(stack, leaver, leaver.connect())
        file = vault.backup()
    sent.wait("published")
    given_up.wait("published")
    other = type(user)(stack)
    other_id = uuid.UUID(other.id).bytes
    assert user.web.delete(f"/api/v1/keys/{revoked['id']}").status_code == 204
    expect(user.web.delete(f"/api/v1/accounts/{gone}"), 200)
    wait_done(stack, ask(erased)["receipt"])
    assert user.web.get("/api/v1/me").status_code == 200
    stack.wait(lambda: stack.sql("SELECT COUNT(*) AS n FROM journal_due")[0]["n"] == 0, "the journal has it")
    vault.admin("backup", "journal")
    [journal] = vault.copies.glob("journal.*")
    restore = lambda *more, **how: vault.restore(file, "--journal", journal, *more, **how)  # noqa: E731
    points = stack.at.test / "points"
    points.mkdir(exist_ok=True)
    logged = len(stack.log("worker-publish"))
    stack.sql("CREATE USER marketingcli_keys@'10.9.9.9'")  # of another installation on the same server
    locked = "SELECT User AS u, Host AS h FROM mysql.global_priv WHERE User LIKE 'marketingcli%%' AND JSON_VALUE(Priv, '$.account_locked') = 1"
    with all_stopped(stack):
        (points / "restore.loaded").touch()
        restore("--replace", code=-9)
        hosts = {row["h"] for row in stack.sql(locked)}
        assert hosts == {"localhost"}, hosts
        stack.sql("DROP USER marketingcli_keys@'10.9.9.9'")
        assert "a restore of marketingcli has not come to its end" in vault.admin("migrate", "--sql", CHECKOUT / "sql", code=1).stderr
        (points / "restore.let_in").touch()
        said = restore(code=-9).stdout
        assert "is in place already" in restore().stdout
        stack.database = None
        assert re.search(r"1 erasures begun, 1 accounts disconnected, 1 keys revoked", said), said
        assert int(re.search(r"on hold: (\d+) posts", said)[1]) >= 2, said
        assert stack.sql("SELECT COUNT(*) AS n FROM sessions")[0]["n"] == 0
        assert stack.sql("SELECT COUNT(*) AS n FROM users WHERE id = %s", other_id)[0]["n"] == 0
        assert stack.sql("SELECT state FROM users WHERE id = %s", erased_id) == [{"state": "erasing"}]
        assert not stack.sql("SHOW TABLES LIKE 'restore_unfinished'")
    told = lambda: events(stack.log("worker-publish")[logged:], "posts_held")  # noqa: E731
    stack.wait(told, "somebody is told that posts wait")
    assert told()[0]["posts"] >= 2 and Shown(stack, "worker-publish")("alarms_total", alarm="posts_held") == len(told())
    n = len(told())
    standing.run(stack, "jobs_publish", "housekeeping")  # as it comes again in seconds while there is much to purge
    assert len(told()) == n
    stack.move_clock(3600)  # ids of before may be ahead of the clock, where another test had moved it
    assert user.web.get("/api/v1/me").status_code == 401
    expect(stack.client(Authorization=f"Bearer {revoked['key']}").get("/api/v1/me"), 401)
    stack.wait(lambda: not stack.sql("SELECT 1 FROM users WHERE id = %s", erased_id), "who was erased is gone again")
    post = sent.get()
    assert (post["status"], post["failure"]["code"], post["events"][-1]["event"]) == ("queued", HELD, "held"), post
    assert "cancel it" in post["failure"]["message"]
    assert Sent(stack, user, account).wait()["status"] == "published", "newer posts go"
    assert sent.at_simulator() == 0
    assert sent.id in vault.admin("posts", "held").stdout and given_up.id not in vault.admin("posts", "held", "--of", user.id).stdout
    assert "say whose posts" in vault.admin("posts", "release", code=1).stderr
    assert vault.admin("posts", "give-up", "--of", leaver.id).stdout == "1 posts given up\n"
    failed(given_up.get(), "outcome_unknown")
    assert given_up.at_simulator() == 0
    vault.admin("posts", "release", "--all")
    assert sent.wait()["status"] == "published" and sent.at_simulator() == 1
    assert sent.events()[:3] == ["created", "held", "released"]
    assert vault.admin("posts", "held").stdout == ""
    stack.admin("store", "check", "--delete", "--dir", str(stack.at.credentials))  # of those that the restore does not know
