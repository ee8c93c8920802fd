"""Mail and its user: to which address it goes, and in which order the two are locked."""

import concurrent.futures
import uuid

import pymysql
from mailing import Queued
from test_mail import HOUR, plain, relay  # noqa: F401 (fixtures)


def test_what_was_done_before_the_address_was_changed(stack, user, relay):  # noqa: F811
    """The mail that tells of it waits for the relay, and must not go to whoever has changed the address meanwhile. What is done
    afterwards goes to the new one, and so does what can be switched off."""
    me, first, second, own = uuid.UUID(user.id).bytes, f"first.{user.email}", f"second.{user.email}", "password_changed"
    mail, posts = Queued(stack, user, own, age_sec=60), Queued(stack, user, "post_failed", age_sec=60, about="T")
    relay.does[user.email] = ["451 4.7.1 Not now"] * 2
    mail.wait_for_try(), posts.wait_for_try()
    now_us = mail.now_us + 60_000_000
    for at_us, old, new in ((now_us, user.email, first), (now_us + 1, first, second), (mail.now_us - 1, f"long.ago.{user.email}", user.email)):
        stack.sql("INSERT INTO email_changes (id, user_id, old_email, old_email_key, new_email, new_email_key, created_at_us, expires_at_us,"
                  " confirmed_at_us) VALUES (%s, %s, %s, 'k', %s, 'k', %s, %s, %s)", uuid.uuid4().bytes, me, old, new, at_us, at_us, at_us)
    stack.sql("UPDATE users SET email = %s WHERE id = %s", second, me)
    stack.move_clock(HOUR)
    after = Queued(stack, user, own)
    mail.wait(), posts.wait(), after.wait()
    assert [t.sender.split("@")[0] for t in relay.to(user.email)] == [f"bounce+{mail.id}"]
    assert {t.sender.split("@")[0] for t in relay.to(second)} == {f"bounce+{posts.id}", f"bounce+{after.id}"} and relay.to(first) == []
    stack.sql("DELETE FROM email_changes WHERE user_id = %s", me)
    stack.sql("UPDATE users SET email = %s WHERE id = %s", user.email, me)


def test_a_retry_locks_the_user_before_the_mail(stack, user, relay):  # noqa: F811
    """As a bounce does (tools/admin/bounce.c): else the two could wait for each other."""
    relay.does[user.email] = ["550 5.1.1 No"]
    mail = Queued(stack, user, "totp_enabled")
    mail.wait("failed")
    root = pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="root", database="marketingcli", autocommit=False)
    with concurrent.futures.ThreadPoolExecutor(1) as pool, root, root.cursor() as cursor:
        cursor.execute("SELECT id FROM users WHERE id = %s FOR UPDATE", uuid.UUID(user.id).bytes)
        retried = pool.submit(stack.admin, "mail", "retry", str(mail.id))
        stack.wait(lambda: int(stack.sql("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'")[0]["Value"]), "it waits for the user")
        cursor.execute("SELECT id FROM mail_outbox WHERE id = %s FOR UPDATE NOWAIT", mail.id.bytes)
        root.commit()
        assert retried.result().returncode == 0
    assert mail.wait()["tries"] == 2
