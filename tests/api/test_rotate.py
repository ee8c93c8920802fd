"""marketingcli-admin credentials rotate: a new secret in the place of an old one while the services go on, and killed at each step."""

import contextlib
import fcntl
import itertools
import os
import shutil
import signal
import threading
import uuid

import pymysql
import pytest
from authenticator import begun, enrol, finish
from conftest import CHECKOUT, with_setting
from helpers import expect
from publishing import Sent
from rotating import SPOILED, STEPS_MAX, Load, check, connects, done, file, journal_line, lines, refused, rotate, spoiled, under_way, with_line
from test_alarms import small_disk

DAY = 86400


def killed(stack, point, *what):
    """The rotation dies at the point. False: it is done."""
    armed = stack.arm(f"rotate.{point}")
    answer = rotate(stack, *what)
    if answer.returncode == -signal.SIGKILL:
        return True
    armed.unlink()
    done(answer)
    return False


def killed_at_each_step(stack, *what):
    """Twice: when a step was done and is not noted, and when it is. Yields after each step."""
    for _ in range(STEPS_MAX):
        if not killed(stack, "step_done", *what):
            return
        assert killed(stack, "step_noted", *what) and under_way(stack) != []
        yield


# The database's passwords


def test_a_password_is_rotated_while_it_is_in_use(stack, user):
    password = file(stack, "keys", "db-password")
    old = password.read_text()
    owner = password.stat().st_uid
    with Load(user, "/api/v1/keys"):
        said = done(rotate(stack, "db-password", "--service", "keys"))
    assert "db-password: done\n" in said
    assert password.read_text() != old and (password.stat().st_mode & 0o777, password.stat().st_uid) == (0o600, owner)
    assert connects(stack, "keys", password.read_text()) and not connects(stack, "keys", old)
    assert under_way(stack) == []


def test_a_connection_of_before_goes_on(stack):
    """A long transaction of a process that has not ended yet."""
    password = file(stack, "media", "db-password")
    with pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="marketingcli_media", password=password.read_text().strip(),
                         database="marketingcli") as before, before.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT COUNT(*) FROM schema_migrations")
        done(rotate(stack, "db-password", "--service", "media"))
        cursor.execute("SELECT COUNT(*) FROM schema_migrations")
        cursor.execute("COMMIT")


def test_a_password_is_rotated_although_it_is_killed_at_each_step(stack, user):
    """migrate --credentials comes in between, and says the same; whatever program starts then can connect."""
    password = file(stack, "keys", "db-password")
    old = password.read_text()
    for steps, _ in enumerate(killed_at_each_step(stack, "db-password", "--service", "keys"), 1):
        if steps == 3:
            done(stack.admin("migrate", "--sql", str(CHECKOUT / "sql"), "--credentials", str(stack.at.credentials)))
        assert connects(stack, "keys", password.read_text())
        if (before := password.with_name("db-password.old")).exists():
            assert connects(stack, "keys", before.read_text())
    assert steps == 5 and under_way(stack) == []
    assert not connects(stack, "keys", old) and connects(stack, "keys", password.read_text())
    expect(user.web.get("/api/v1/keys"), 200)


def test_where_the_services_cannot_be_restarted_the_old_password_stays_good(stack):
    password = file(stack, "media", "db-password")
    old = password.read_text()
    refused(rotate(stack, "db-password", "--service", "media", restart="/bin/false"), "run it again")
    assert connects(stack, "media", old) and connects(stack, "media", password.read_text())
    assert "db-password: a rotation is under way" in done(check(stack))
    assert "going on" in done(rotate(stack, "db-password"))
    assert not connects(stack, "media", old)


def test_a_new_password_is_given_up(stack):
    """Before a file has it, as when MariaDB does not take it; and when all files have it."""
    password, what = file(stack, "media", "db-password"), ("db-password", "--service", "media")
    old = password.read_text()
    assert killed(stack, "step_noted", *what) and password.with_name("db-password.new").exists()
    done(rotate(stack, "db-password", "--abort"))
    assert password.read_text() == old and under_way(stack) == [] and connects(stack, "media", old)
    refused(rotate(stack, *what, restart="/bin/false"), "run it again")
    new = password.read_text()
    assert new != old
    refused(rotate(stack, "db-password", "--abort", restart="/bin/false"), "run it again")
    assert password.read_text() == old and connects(stack, "media", old) and connects(stack, "media", new)
    done(rotate(stack, "db-password", "--abort"))
    assert under_way(stack) == [] and connects(stack, "media", old) and not connects(stack, "media", new)


def test_users_who_come_from_elsewhere_must_use_tls_all_the_while(stack, tmp_path):
    """database.clients: users of their own, and files that nobody else has."""
    folder, conf, user = copied(stack, tmp_path), tmp_path / "conf", "marketingcli_media@`127.9.%`"
    conf.write_text(with_setting(stack.at.conf.read_text(), "database_clients", "127.9.%"))
    stack.sql(f"CREATE USER {user} IDENTIFIED BY 'of-before-0123456' REQUIRE SSL")
    what, how = ("db-password", "--service", "media"), {"folder": folder, "conf": conf}
    old, passwords = folder / "media/db-password.old", [(folder / "media/db-password").read_text()]
    old.write_text(f"left-by-nobody-{'0' * 20}\n")
    old.chmod(0o600)
    refused(check(stack, folder), "db-password.old is of no rotation that is under way", "rotate db-password --service media")
    stack.sql("SET GLOBAL log_output = 'TABLE', GLOBAL general_log = 1")
    try:
        refused(rotate(stack, *what, restart="/bin/false", **how), "run it again")
        shown, = stack.sql(f"SHOW CREATE USER {user}")[0].values()
        assert shown.count("mysql_native_password") == 3 and " OR " in shown and "REQUIRE SSL" in shown  # also what was left
        done(rotate(stack, *what, restart="/bin/true", **how))
        shown, = stack.sql(f"SHOW CREATE USER {user}")[0].values()
        assert " OR " not in shown and "REQUIRE SSL" in shown
        passwords.append((folder / "media/db-password").read_text())
        said = [row["argument"] for row in stack.sql("SELECT argument FROM mysql.general_log WHERE argument LIKE '%%IDENTIFIED%%'")]
        assert said and not [s for s in said for p in passwords if p.strip() in s], "no log of MariaDB's has a password"
    finally:
        stack.sql("SET GLOBAL general_log = 0, GLOBAL log_output = DEFAULT")
        stack.sql("TRUNCATE mysql.general_log")
        stack.sql(f"DROP USER {user}")
    assert not old.exists()
    done(check(stack, folder))


@contextlib.contextmanager
def at_work(stack):
    """Another admin is, with these credentials."""
    folder = os.open(stack.at.credentials, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield os.fstat(folder).st_ino
    finally:
        os.close(folder)


def test_of_two_admins_the_second_is_told(stack):
    with at_work(stack):
        refused(rotate(stack, "db-password", "--service", "media"), "another marketingcli-admin works with")


def test_a_migration_waits_for_a_rotation(stack):
    """Else it could give MariaDB a password that the rotation has left meanwhile."""
    answers, what = [], ("migrate", "--sql", str(CHECKOUT / "sql"), "--credentials", str(stack.at.credentials))
    migrating = threading.Thread(target=lambda: answers.append(stack.admin(*what)))
    with at_work(stack) as inode:
        migrating.start()
        stack.wait(lambda: any("-> FLOCK" in line and f":{inode} " in line for line in open("/proc/locks")), "it waits")
    migrating.join()
    done(*answers)
    assert "waiting for another marketingcli-admin" in answers[0].stderr


# The keys under which tokens and authenticator apps' secrets are sealed


def sealed_under(stack, user, table, *columns):
    """Of this user: another test may have left a row that no key opens."""
    rows = stack.sql(f"SELECT {', '.join(columns)} FROM {table} WHERE user_id = %s", uuid.UUID(user.id).bytes)
    return {row[c][0] for row in rows for c in columns if row[c] is not None}


def ring(stack, service, name):
    return [int(line.split()[0]) for line in file(stack, service, name).read_text().splitlines()]


def test_tokens_are_sealed_again(stack, user):
    account = user.connect()
    before, = ring(stack, "tiktok", "token-keys")
    with Load(user, "/api/v1/accounts"):
        done(rotate(stack, "token-keys"))
    assert ring(stack, "tiktok", "token-keys") == ring(stack, "worker_publish", "token-keys") == [before + 1] and under_way(stack) == []
    assert sealed_under(stack, user, "accounts", "access_token", "refresh_token") == {before + 1}
    assert Sent(stack, user, account).wait()["status"] == "published"


def test_tokens_that_come_meanwhile_are_not_overwritten(stack, user):
    """And the old key stays as long as worker@publish has a result that it has kept under it."""
    (kept := stack.at.kept / "publish").mkdir(exist_ok=True)
    of_before = kept / f"{uuid.uuid4()}.{uuid.uuid4()}.kept"
    of_before.write_bytes(bytes(ring(stack, "tiktok", "token-keys")) + b"x" * 60)
    account = uuid.UUID(user.connect()).bytes
    theirs = bytes([99]) + b"x" * 60
    held = pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="root", database="marketingcli")
    with held, held.cursor() as cursor:
        cursor.execute("UPDATE accounts SET access_token = %s WHERE id = %s", (theirs, account))
        answers = []
        rotating = threading.Thread(target=lambda: answers.append(rotate(stack, "token-keys")))
        rotating.start()
        stack.wait(lambda: waits(stack, "UPDATE accounts FORCE INDEX (PRIMARY) SET access_token = ?, refresh_token = ?"), "it waits for the row")
        cursor.execute("COMMIT")
    rotating.join()
    refused(*answers, "1 results that worker@publish has kept")
    assert "rows cannot be opened" in answers[0].stdout  # ours are no tokens
    assert len(ring(stack, "tiktok", "token-keys")) == 2
    of_before.unlink()
    done(rotate(stack, "token-keys"))
    assert len(ring(stack, "tiktok", "token-keys")) == 1
    row, = stack.sql("SELECT access_token FROM accounts WHERE id = %s", account)
    assert row["access_token"] == theirs
    stack.sql("UPDATE accounts SET access_token = NULL, refresh_token = NULL, state = 'disconnected' WHERE id = %s", account)


def test_an_old_key_that_went_from_one_file_alone_goes_from_the_other(stack, user, tmp_path):
    """As a run leaves them that is killed between the two; of the rows none was lost."""
    user.connect()
    before, restart = file(stack, "worker_publish", "token-keys").read_text(), tmp_path / "restart"
    restart.write_text(f'#!/bin/sh\necho >>{tmp_path}/calls\n[ $(wc -l <{tmp_path}/calls) -lt 3 ]\n')  # the third one fails
    restart.chmod(0o755)
    refused(rotate(stack, "token-keys", restart=restart), "run it again")
    state, path = file(stack, "rotation", "token-keys"), file(stack, "worker_publish", "token-keys")
    path.write_text(path.read_text() + before)
    state.write_text(state.read_text().replace("step 5", "step 4"))
    done(rotate(stack, "token-keys"))
    assert len(ring(stack, "tiktok", "token-keys")) == len(ring(stack, "worker_publish", "token-keys")) == 1
    assert sealed_under(stack, user, "accounts", "access_token", "refresh_token") == set(ring(stack, "tiktok", "token-keys"))


def test_files_that_differ_are_not_rotated(stack, tmp_path):
    folder = copied(stack, tmp_path)
    (folder / "tiktok/token-keys").write_text(f"9 {'ab' * 32}\n")
    refused(rotate(stack, "token-keys", folder=folder), "differ")


def waits(stack, statement):
    """Somebody's statement that begins so is at the database: it waits for a row."""
    return stack.sql("SELECT 1 FROM information_schema.PROCESSLIST WHERE info LIKE %s", statement + "%")


def test_a_code_is_good_although_the_secret_is_sealed_again_just_then(stack, user):
    """The sign-in has read the secret as it was, and waits for its row behind the rotation, which changes it."""
    app, _ = enrol(user)
    before, = ring(stack, "auth", "totp-keys")
    token, code = begun(user), app.next()
    answers, held = [], pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="root", database="marketingcli")
    rotating = threading.Thread(target=lambda: answers.append(rotate(stack, "totp-keys")))
    signing_in = threading.Thread(target=lambda: answers.append(finish(stack, token, code)))
    with held, held.cursor() as cursor:
        cursor.execute("SELECT 1 FROM user_totp WHERE user_id = %s FOR UPDATE", uuid.UUID(user.id).bytes)
        rotating.start()
        stack.wait(lambda: waits(stack, "UPDATE user_totp SET secret = ? WHERE"), "the rotation has come to the row")
        signing_in.start()
        stack.wait(lambda: waits(stack, "UPDATE user_totp SET last_step = ?"), "the sign-in has come to the row")
        cursor.execute("COMMIT")
    signing_in.join()
    rotating.join()
    assert answers[0].status_code == 200, answers[0].text
    done(answers[1])
    assert under_way(stack) == [] and ring(stack, "auth", "totp-keys") == [before + 1]
    assert sealed_under(stack, user, "user_totp", "secret") == {before + 1}
    expect(finish(stack, begun(user), app.next(30)), 200)


# What others issue


@pytest.fixture(scope="module")
def made(tmp_path_factory, stack):
    """Credentials that nobody has."""
    folder = tmp_path_factory.mktemp("credentials")
    done(stack.admin("credentials", "--dir", str(folder)))
    return folder


def copied(stack, tmp_path):
    """Of this stack, for a test that must not change them."""
    folder = tmp_path / "credentials"
    shutil.copytree(stack.at.credentials, folder)
    return folder


def test_old_and_new_are_good_until_the_issuer_knows(stack, made, tmp_path):
    holders = ("tiktok", "worker_publish")
    name = "tiktok-client-secret"
    assert f"{name}: done\n" in done(with_line(stack, made, name, "first\n"))  # the file was empty: there is no old one
    assert lines(made, name, *holders) == ["first"]
    (tmp_path / "new").write_text("second")
    said = done(with_line(stack, made, name, None, "--file", str(tmp_path / "new")))
    assert "TikTok's developer portal" in said and "--finish" in said
    assert lines(made, name, *holders) == ["second", "first"]
    assert "both are good now" in done(with_line(stack, made, name, "third\n"))  # again: nothing is read
    assert "it waits for --finish" in done(check(stack, made))
    done(with_line(stack, made, name, None, "--finish"))
    assert lines(made, name, *holders) == ["second"]
    refused(with_line(stack, made, name, None, "--finish"), "no rotation")


def test_a_new_one_that_is_wrong_is_taken_back(stack, made):
    name = "smtp-password"
    done(with_line(stack, made, name, "right\n"))
    done(with_line(stack, made, name, "wrong\n"))
    done(with_line(stack, made, name, None, "--abort"))
    assert lines(made, name, "worker_mail") == ["right"]
    refused(with_line(stack, made, name, None, "--abort"), "no rotation")


def test_what_is_issued_is_rotated_although_it_is_killed_at_each_step(stack, made):
    name, killed_n = "smtp-password", []
    (made / "worker_mail" / name).write_text("old\n")
    for course, text, are_good in (((), "new\n", (["old"], ["new", "old"])), (("--finish",), None, (["new", "old"], ["new"]))):
        for point in itertools.cycle(("step_done", "step_noted")):
            armed = stack.arm(f"rotate.{point}")
            answer = with_line(stack, made, name, text, *course)
            if answer.returncode != -signal.SIGKILL:
                armed.unlink()
                done(answer)
                break
            killed_n.append(course)
            assert lines(made, name, "worker_mail") in are_good
    assert len(killed_n) == 8 and lines(made, name, "worker_mail") == ["new"]


@pytest.mark.parametrize("text, why", [
    ("", "is empty"), ("\n", "is empty"), ("a\nb\n", "one line"), ("a\0b\n", "one line"), (" a\n", "blanks"), ("a\t\n", "one line"),
    ("x" * 1025, "at most 1024 bytes"), ("whsec_there\n", "the same as the old one"), ("hunter2\n", "must begin with whsec_")])
def test_what_is_no_secret_changes_nothing(stack, made, text, why):
    path = made / "billing/stripe-webhook-secrets"
    path.write_text("whsec_there\n")
    refused(with_line(stack, made, "stripe-webhook-secrets", text), why)
    assert path.read_text() == "whsec_there\n" and not (made / "rotation/stripe-webhook-secrets").exists()


@pytest.mark.parametrize("what, why", [
    (["no-such"], "there is no credential"), (["token-keys", "--service", "tiktok"], "db-password alone"),
    (["db-password", "--service", "nobody"], "no service nobody"), (["journal-key", "--file", "/dev/null"], "is made here"), (["db-password", "--finish"], "no rotation"),
    (["db-password", "--finish", "--abort"], "not both")])
def test_what_is_asked_wrongly(stack, what, why):
    refused(rotate(stack, *what), why)


def test_the_journals_old_key_stays_as_long_as_there_are_backups_from_before(stack, made):
    old, = lines(made, "journal-key", "worker_privacy")
    said = done(with_line(stack, made, "journal-key", None))
    new, also = lines(made, "journal-key", "worker_privacy")
    assert also == old and new != old and "not before 20" in said
    refused(with_line(stack, made, "journal-key", None, "--finish"), "needed until")
    stack.move_clock(2 * DAY)
    done(check(stack, made))  # it is no fault that it waits
    stack.move_clock(29 * DAY + 60)
    refused(check(stack, made), "journal-key was begun more than 31 days ago: end it")
    done(with_line(stack, made, "journal-key", None, "--finish"))
    assert lines(made, "journal-key", "worker_privacy") == [new]


def test_the_journals_old_key_is_needed_from_when_nothing_is_written_with_it(stack, made, tmp_path):
    """The worker that writes was restarted days after it was begun."""
    folder = tmp_path / "credentials"
    shutil.copytree(made, folder)
    refused(rotate(stack, "journal-key", folder=folder, restart="/bin/false"), "run it again")
    stack.move_clock(2 * DAY)
    refused(check(stack, folder), "journal-key was begun more than a day ago")
    done(with_line(stack, folder, "journal-key", None))
    done(check(stack, folder))
    stack.move_clock(29 * DAY)
    refused(with_line(stack, folder, "journal-key", None, "--finish"), "needed until")
    stack.move_clock(2 * DAY)
    done(with_line(stack, folder, "journal-key", None, "--finish"))


def test_the_journals_old_key_stays_while_a_backup_here_needs_it(stack, made, tmp_path):
    """Whatever the clock says: a line that is of it, and newer than a backup that is still there."""
    folder, journals, backups = tmp_path / "credentials", tmp_path / "journals", tmp_path / "backups"
    shutil.copytree(made, folder)
    journals.mkdir()
    backups.mkdir()
    conf = tmp_path / "conf"
    conf.write_text(with_setting(with_setting(stack.at.conf.read_text(), "privacy_journal_dir", journals), "backup_dir", backups))
    old, = lines(folder, "journal-key", "worker_privacy")
    finish = lambda: stack.admin("credentials", "rotate", "journal-key", "--finish", "--dir", str(folder), "--restart", "/bin/true", conf=conf)  # noqa: E731
    done(with_line(stack, folder, "journal-key", None))
    stack.move_clock(31 * DAY)
    (backups / "journal.elsewhere").write_text(journal_line(old, "2026-03-02T00:00:00.000000Z"))
    backup = backups / "marketingcli-20260301T000000Z.cms"
    backup.touch()
    refused(finish(), "the old journal-key is needed: 1 lines", "marketingcli-20260301T000000Z.cms")
    backup.rename(backups / "marketingcli-20260303T000000Z.cms")
    said = done(finish())
    assert "1 lines of the journals here are of the old one, the newest of 2026-03-02T00:00:00" in said
    assert old not in lines(folder, "journal-key", "worker_privacy")


# What is wrong with the files


def test_files_that_are_not_as_they_must_be_are_named(stack, made, tmp_path):
    folder = tmp_path / "credentials"
    shutil.copytree(made, folder)
    done(check(stack, folder))
    for name, text, mode, _ in SPOILED:
        spoiled(folder / name, text, mode)
    refused(check(stack, folder), *(words for *_, words in SPOILED))
    refused(stack.admin("credentials", "--dir", str(folder)), *(words for *_, words in SPOILED))


def test_a_unit_is_refused_a_credential_that_is_not_as_it_must_be(stack, tmp_path):
    (tmp_path / "token-keys").write_text("")
    (tmp_path / "smtp-password").write_text("")  # may be empty
    asked = lambda: stack.admin("config", "check", CREDENTIALS_DIRECTORY=str(tmp_path))  # noqa: E731
    refused(asked(), "the credential token-keys is no key ring")
    (tmp_path / "token-keys").write_text(f"1 {'ab' * 32}\n")
    done(asked())


def test_of_another_owner_or_missing(stack, made, tmp_path):
    folder = tmp_path / "credentials"
    shutil.copytree(made, folder)
    (folder / "media/s3-secret-key").unlink()
    refused(check(stack, folder), "media/s3-secret-key is missing")
    done(stack.admin("credentials", "--dir", str(folder)))
    if os.geteuid() == 0:
        os.chown(folder / "media/s3-secret-key", 65534, 65534)
        refused(check(stack, folder), "belongs to another user")


def test_what_a_killed_run_has_left_is_named_and_goes(stack, made, tmp_path):
    folder = tmp_path / "credentials"
    shutil.copytree(made, folder)
    (folder / "rotation").mkdir(exist_ok=True)
    left = [folder / name for name in ("media/s3-secret-key.part", "keys/db-password.new.part", "rotation/token-keys.part")]
    for path in left:
        path.touch(0o600)
    said = done(check(stack, folder))
    assert all(f"{path} was left by a run that was killed" in said for path in left) and all(path.exists() for path in left)
    done(stack.admin("credentials", "--dir", str(folder)))
    assert not [path for path in left if path.exists()]


def test_two_secrets_that_nobody_takes_back_are_told(stack, made, tmp_path):
    """By hand, without a rotation. A comment of a key ring is none."""
    folder = tmp_path / "credentials"
    shutil.copytree(made, folder)
    (folder / "worker_mail/smtp-password").write_text("new\nold\n")
    ring = folder / "auth/totp-keys"
    ring.write_text(f"# made today\n{ring.read_text()}")
    done(check(stack, folder))
    stack.move_clock(DAY + 3600)
    said = refused(check(stack, folder), "worker_mail/smtp-password has 2 secrets")
    assert "totp-keys" not in said
    ring.write_text(f"{ring.read_text()}99 {'ab' * 32}\n")  # as after a restore, for what is sealed under it
    os.utime(ring, (1, 1))
    (folder / "worker_mail/smtp-password").write_text("new\n")
    said = refused(check(stack, folder), "auth/totp-keys has 2 keys", "credentials rotate totp-keys seals all again")
    assert "leave the current" not in said


def test_a_full_disk_leaves_the_old_secret(stack, made, tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        if disk is None:
            pytest.skip("no file system can be mounted here")
        (disk / "fill").unlink()
        folder = disk / "credentials"
        shutil.copytree(made, folder)
        (folder / "worker_mail/smtp-password").write_text("old\n")
        fill = disk / "fill"
        with contextlib.suppress(OSError), fill.open("wb", buffering=0) as f:
            while True:
                f.write(bytes(4096))
        refused(with_line(stack, folder, "smtp-password", "new\n"), "No space left on device")
        assert lines(folder, "smtp-password", "worker_mail") == ["old"] and not list(folder.glob("*/*.part")) and not list(folder.glob("rotation/*"))
        fill.unlink()
        done(with_line(stack, folder, "smtp-password", "new\n"))
        assert lines(folder, "smtp-password", "worker_mail") == ["new", "old"]


def test_a_rotation_that_nobody_ends_is_told(stack, made, tmp_path):
    folder = tmp_path / "credentials"
    shutil.copytree(made, folder)
    (folder / "billing/stripe-api-key").write_text("rk_test_there\n")
    (folder / "worker_billing/stripe-api-key").write_text("rk_test_there\n")
    refused(with_line(stack, folder, "stripe-api-key", "rk_live_new\n"), "stripe.livemode is no")
    done(with_line(stack, folder, "stripe-api-key", "rk_test_new\n"))
    done(check(stack, folder))
    stack.move_clock(DAY + 60)
    refused(check(stack, folder), "begun more than a day ago")
    state = folder / "rotation/stripe-api-key"
    text = state.read_text()
    state.write_text(text.replace("step 2", "step 3"))
    refused(check(stack, folder), "is not what a rotation has written")
    state.write_text(text[:20])
    refused(check(stack, folder), "is not what a rotation has written")
    refused(with_line(stack, folder, "stripe-api-key", None, "--finish"), "is not what a rotation has written")
