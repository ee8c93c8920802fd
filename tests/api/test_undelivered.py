"""What users see of their own mails: those that did not reach them."""

import uuid

from helpers import expect
from mailing import Queued
from test_change_email import ask, change_to, fresh
from test_mail import plain, relay  # noqa: F401 (fixtures)

MAILS = "/api/v1/me/mails"


def undelivered(user):
    return expect(user.web.get(MAILS), 200)["data"]["undelivered"]


def test_what_did_not_come_is_shown_to_whom_it_was_for(stack, user, other, relay):  # noqa: F811
    """Refused at the address or for its words, and what came back; not what was taken, nor what waits."""
    assert undelivered(user) == []
    relay.does[user.email] = ["rcpt 550 5.1.1 No such user", "554 5.6.0 Not such words", "take", "take", "451"]
    mails = {}
    for name, state in (("reset_password", "failed"), ("post_failed", "dropped"), ("totp_enabled", "failed"), ("totp_disabled", "sent"),
                        ("password_changed", "sent")):
        mails[name] = Queued(stack, user, name)
        mails[name].wait(state)
    stack.sql("UPDATE mail_outbox SET bounced_at_us = ended_at_us + 5000000 WHERE id = %s", mails["password_changed"].id.bytes)
    waits = Queued(stack, user, "recovery_code_used")
    waits.wait_for_try()
    rows = undelivered(user)
    assert [(r["mail"], r["came_back"]) for r in rows] == [("password_changed", True), ("totp_enabled", False), ("reset_password", False)]
    assert all(set(r) == {"mail", "created_at", "failed_at", "came_back"} and r["created_at"] <= r["failed_at"] for r in rows), "no id, and no word of the relay's"
    assert undelivered(other) == []
    relay.does[user.email] = []


def test_nothing_is_told_of_an_address_that_is_not_the_users(stack, user):
    """Whether a mailbox is there would tell who has an account: of one with an account, another mail fails."""
    expect(ask(user, new := fresh()), 202)
    mail = change_to(user, new)
    stack.wait(lambda: stack.sql("SELECT 1 FROM mail_outbox WHERE subject_id = %s AND state = 'sent'", mail), "it is sent")
    stack.sql("UPDATE mail_outbox SET state = 'failed' WHERE subject_id = %s", mail)
    assert undelivered(user) == []


def test_the_newest_hundred(stack, user):
    me = uuid.UUID(user.id).bytes
    stack.sql("INSERT INTO mail_outbox (id, user_id, template, state, created_at_us, ended_at_us) SELECT UNHEX(REPLACE(UUID(), '-', '')), %s,"
              " 'totp_enabled', 'failed', 1, 1000000 * UNIX_TIMESTAMP() FROM seq_1_to_101", me)
    assert len(undelivered(user)) == 100
    stack.sql("DELETE FROM mail_outbox WHERE user_id = %s", me)  # other tests look at the newest of all


def test_who_may_ask(stack, user):
    expect(user.api.get(MAILS), 403, "session_required")
    expect(stack.client().get(MAILS), 401, "unauthenticated")
    expect(user.web.get(MAILS, params={"limit": 1}), 422, "unknown_field")
