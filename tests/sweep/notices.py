"""More flows: what users are told by mail, what causes it, and switching it off."""

import hashlib
import secrets
import uuid

import requests
from world import told  # first: it knows where the next ones are

from bounces import bounce, report  # isort: skip
from budgeted import agent_of  # isort: skip
from flows import DAY, Flow, create_ready, ended, send_post, state, unknown_right, until_done, upload_ready  # isort: skip
from helpers import expect  # isort: skip
from keys import key_works, keys_of  # isort: skip
from mailing import Queued  # isort: skip
from publishing import Sent  # isort: skip

GATHER_SEC = 121


def id_of(s):
    return uuid.UUID(s.user.id).bytes


def due_of(world, s):
    return [uuid.UUID(bytes=r["subject_id"]) for r in world.stack.sql("SELECT subject_id FROM notices_due WHERE user_id = %s", id_of(s))]


def mails_of(world, s, template):
    return world.count("SELECT COUNT(*) AS n FROM mail_outbox WHERE user_id = %s AND template = %s", id_of(s), template)


def job_of(world, s):
    return world.count("SELECT COUNT(*) AS n FROM jobs_mail WHERE kind = 'notices' AND subject_id = %s", id_of(s))


# --- switching off


def switch_ready(world):
    return state(user=world.user())


def switch(s):
    return s.user.web.patch("/api/v1/me/notifications", json={"post_failed": False})


def switch_act(world, s):
    s.told = told(lambda: switch(s))


def is_on(s):
    return expect(s.user.web.get("/api/v1/me/notifications"), 200)["data"]["post_failed"]


def switch_right(world, s, again=switch):
    """Off or on, and the activity says the same."""
    on = is_on(s)
    assert {"done": not on, "nothing": on, "unknown": True}[s.told.how], s.told
    assert until_done(lambda: again(s)).how == "done"
    assert not is_on(s) and world.count(
        "SELECT COUNT(*) AS n FROM activity WHERE user_id = %s AND what = 'notifications_changed'", id_of(s)) == 1


def unsubscribe_ready(world):
    s, s.token = switch_ready(world), secrets.token_hex(20)
    world.hold("worker-mail")
    mail = Queued(world.stack, s.user, "post_failed")
    world.stack.sql("INSERT INTO one_time_tokens VALUES (%s, 'unsubscribe', %s, %s, %s)", hashlib.sha256(s.token.encode()).digest(),
                    mail.id.bytes, mail.now_us, mail.now_us + DAY * 1_000_000)
    return s


def unsubscribe(s):
    return s.user.stack.client().post("/api/v1/mail/unsubscribe", params={"token": s.token}, data={"List-Unsubscribe": "One-Click"})


def unsubscribe_act(world, s):
    s.told = told(lambda: unsubscribe(s))


def unsubscribe_right(world, s):
    switch_right(world, s, unsubscribe)


# --- causes


def failing_ready(world):
    s = upload_ready(world)
    s.account = s.user.connect()
    world.hold("worker-mail")
    world.hold("worker-publish")
    s.sent = Sent(world.stack, s.user, s.account, "[[fail:spam_risk]]")
    return s


def failing_act(world, s):
    world.let_go("worker-publish")
    s.post = ended(world, s.user, s.sent.id, ("failed",))


def failing_right(world, s):
    """Whatever it failed with: whoever's post it is will be told, once."""
    unknown_right(s, [s.post])
    assert due_of(world, s) == [uuid.UUID(s.sent.id)] and job_of(world, s) == 1


def waiting_ready(world):
    s = create_ready(world)
    world.hold("worker-mail")
    agent_of(world, s, needs_approval=True)
    return s


def waiting_act(world, s):
    s.told = told(lambda: send_post(s))


def waiting_right(world, s):
    """A post that waits, and a notice of it; or neither."""
    there = [uuid.UUID(p["id"]) for p in expect(s.user.api.get("/api/v1/posts"), 200)["data"]]
    assert len(there) in {"done": (1,), "nothing": (0,), "unknown": (0, 1)}[s.told.how], (there, s.told)
    assert due_of(world, s) == there and job_of(world, s) == len(there)


def clear_ready(world):
    s = switch_ready(world)
    assert s.user.key
    world.hold("worker-mail")
    return s


def in_clear(world, s):
    answer = requests.get(world.stack.http_url + "/api/v1/me", headers={"Authorization": f"Bearer {s.user.key}"}, allow_redirects=False)
    assert answer.status_code == 403


def clear_act(world, s):
    """The answer says nothing; what is known of the key is in memory until the database has it, which takes no step of the clock."""
    def is_revoked():
        if world.plan.is_away:
            world.plan.end()
        return not key_works(s) or in_clear(world, s)
    in_clear(world, s)
    world.stack.wait(is_revoked, "the key is revoked")


def clear_right(world, s):
    """Revoked, and one mail says so."""
    assert [k["revoked_reason"] for k in expect(s.user.web.get("/api/v1/keys"), 200)["data"]] == ["seen_in_clear"] and keys_of(s.user)
    assert mails_of(world, s, "key_seen_in_clear") == 1


# --- gathering


def gather_ready(world):
    s = failing_ready(world)
    failing_act(world, s)
    world.stack.move_clock(GATHER_SEC)
    return s


def gather_act(world, s):
    world.let_go("worker-mail")
    world.until(lambda: due_of(world, s) == [] and job_of(world, s) == 0, "it is gathered")


def gather_right(world, s):
    """One mail, and nothing is left; it is also sent."""
    world.until(lambda: mails_of(world, s, "post_failed") == 1 and world.count(
        "SELECT COUNT(*) AS n FROM mail_outbox WHERE user_id = %s AND state = 'sent'", id_of(s)) == 1, "one is sent")


def expiring_ready(world):
    s = switch_ready(world)
    key = s.user.make_key("sweep")
    s.key = uuid.UUID(key["id"])
    world.stack.wait(lambda: world.count("SELECT COUNT(*) AS n FROM jobs_mail WHERE kind = 'expiring' AND lease_token IS NULL") == 1,
                     "there is the job")
    world.hold("worker-mail")
    now_us = world.now_us()
    world.stack.sql("UPDATE api_keys SET created_at_us = %s, expires_at_us = %s WHERE id = %s", now_us - 30 * DAY * 1_000_000,
                    now_us + 6 * DAY * 1_000_000, s.key.bytes)
    world.stack.sql("UPDATE jobs_mail SET run_at_us = 1000000 WHERE kind = 'expiring'")
    return s


def expiring_act(world, s):
    world.let_go("worker-mail")
    world.until(lambda: due_of(world, s) == [s.key] or mails_of(world, s, "key_expiring"), "its owner will be told")


def expiring_right(world, s):
    """Once."""
    world.until(lambda: mails_of(world, s, "key_expiring") == 1 and due_of(world, s) == [], "it is mailed")
    world.stack.sql("UPDATE jobs_mail SET run_at_us = 1000000 WHERE kind = 'expiring' AND lease_token IS NULL")
    world.until(lambda: world.count("SELECT COUNT(*) AS n FROM jobs_mail WHERE kind = 'expiring' AND run_at_us > 1000000"
                                    " AND lease_token IS NULL") == 1, "it was looked for once more")
    assert due_of(world, s) == [] and mails_of(world, s, "key_expiring") == 1


# --- what comes back


def bounce_ready(world):
    s = switch_ready(world)
    world.hold("worker-mail")
    (world.stack.at.hold / "admin").touch()  # nobody but the flow starts it
    s.mail = Queued(world.stack, s.user, "post_failed")
    return s


def pipe(world, s):
    """As the mail server does: what did not end well comes again."""
    code, said = bounce(world.stack, report(s.mail), "--user", "root", MARKETINGCLI_TEST_PROGRAM="admin")
    assert code in (0, 75) or code < 0, (code, said)
    return code == 0


def bounce_act(world, s):
    s.is_done = pipe(world, s)


def marks_of(world, s):
    """Of the mail and of its user."""
    return world.count("SELECT (m.bounced_at_us IS NOT NULL) + (u.undeliverable_at_us IS NOT NULL) AS n FROM mail_outbox m"
                       " JOIN users u ON u.id = m.user_id WHERE m.id = %s", s.mail.id.bytes)


def bounce_right(world, s):
    """Both or neither."""
    assert marks_of(world, s) in ((2,) if s.is_done else (0, 2))
    world.plan.end()
    assert pipe(world, s) and marks_of(world, s) == 2


NOTICES = [
    Flow("switch off", ("auth",), switch_ready, switch_act, switch_right),
    Flow("unsubscribe", ("auth",), unsubscribe_ready, unsubscribe_act, unsubscribe_right),
    Flow("post failed", ("worker-publish",), failing_ready, failing_act, failing_right, workers=True),
    Flow("post waits", ("posts",), waiting_ready, waiting_act, waiting_right),
    Flow("seen in clear", ("keys",), clear_ready, clear_act, clear_right),
    Flow("bounce", ("admin",), bounce_ready, bounce_act, bounce_right),
    Flow("gather", ("worker-mail",), gather_ready, gather_act, gather_right, workers=True),
    Flow("key expiring", ("worker-mail",), expiring_ready, expiring_act, expiring_right, workers=True),
]
