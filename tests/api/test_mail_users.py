"""Mail and its user: to which address it goes, and in which order the two are locked."""

import concurrent.futures
import time
import uuid

import pymysql
import pytest
from helpers import expect
from mailing import Queued, clock_of
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


NO_SUCH = "550 5.1.1 <x>: No such user"


def undeliverable(user):
    return expect(user.web.get("/api/v1/me"), 200)["data"]["email_undeliverable_since"]


@pytest.mark.parametrize("reply, state, marks", [
    (f"rcpt {NO_SUCH}", "failed", True), ("rcpt 550 5.1.10 Domain takes no mail", "failed", True), ("rcpt 554 5.2.1 Closed", "failed", True),
    ("rcpt 550 No such user", "failed", False), ("rcpt 550 5.1.1x", "failed", False), ("rcpt 552 5.2.2 Full", "failed", False),
    ("rcpt 550 5.1.8 Your address is bad", "failed", False), ("rcpt 550 5.7.1 Policy", "queued", False),
    ("rcpt 450 5.1.1 Greylisted", "queued", False), ("rcpt 450 4.1.1 Later", "queued", False), (NO_SUCH, "failed", False)])
def test_a_relay_that_knows_of_no_such_address(stack, user, relay, reply, state, marks):  # noqa: F811
    """At RCPT, before it has seen the mail. The last of these comes after it, and may be about its words."""
    relay.does[user.email] = [reply]
    mail = Queued(stack, user, "totp_enabled")
    if state == "failed":
        mail.wait(state)
    else:
        stack.wait(lambda: mail.row()["reply_code"], "the relay has said so")
    assert (undeliverable(user) is not None) == marks and mail.row()["bounced_at_us"] is None
    if marks:
        Queued(stack, user, "post_failed", count=1, about='"x"').wait("dropped")
        since = undeliverable(user)
        stack.move_clock(HOUR)
        relay.does[user.email] = [reply]
        Queued(stack, user, "totp_enabled").wait("failed")
        assert undeliverable(user) == since, "it is so since the first"


def test_a_refused_address_that_is_not_the_users(stack, user, relay):  # noqa: F811
    """The new one of a change that waits; one that the user had before a change; and our own, at MAIL."""
    new, me = f"new.{user.email}", uuid.UUID(user.id).bytes
    change, now_us = uuid.uuid4(), clock_of(stack) + int(time.time() * 1_000_000)
    stack.sql("INSERT INTO email_changes (id, user_id, old_email, old_email_key, new_email, new_email_key, created_at_us, expires_at_us)"
              " VALUES (%s, %s, %s, 'k', %s, 'k', %s, %s)", change.bytes, me, user.email, new, now_us, now_us + HOUR * 10**6)
    relay.does[new] = [f"rcpt {NO_SUCH}"]
    Queued(stack, user, "change_email", subject=str(change)).wait("failed")
    with stack.stopped("worker-mail"):
        late = Queued(stack, user, "totp_enabled", age_sec=60)
        stack.sql("INSERT INTO activity (id, user_id, what, by_whom, created_at_us) VALUES (%s, %s, 'email_changed', 'user', %s)",
                  uuid.UUID(int=late.id.int + (1 << 80)).bytes, me, now_us)
        relay.does[user.email] = [f"rcpt {NO_SUCH}"]
    late.wait("failed")
    relay.refuses = NO_SUCH
    refused = Queued(stack, user, "totp_enabled")
    stack.wait(lambda: refused.row()["reply_code"] == 550, "the relay has said so")
    assert undeliverable(user) is None
    relay.refuses = None
    stack.move_clock(HOUR)
    refused.wait()
    stack.sql("DELETE FROM email_changes WHERE user_id = %s", me)


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
