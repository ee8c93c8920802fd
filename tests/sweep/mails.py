"""Flows of mails: what worker@mail hands to a relay, and what it writes as a file."""

import hashlib
import sys
import uuid

from world import HERE  # first: it knows where the next ones are

sys.path.append(str(HERE.parent / "fakes"))

import conftest  # isort: skip
from accounts import address_of, change_id, confirm_email, confirm_email_ready, id_of, post  # isort: skip
from flows import Flow, state  # isort: skip
from lost import MAIL  # isort: skip
from helpers import expect  # isort: skip
from mailing import Letter, Outgoing, Queued  # isort: skip
from relay import Relay  # isort: skip

RELAYS = {}  # of a stack; all flows on it then send there


def relay_of(world):
    if world not in RELAYS:
        RELAYS[world] = Relay().__enter__()
    return RELAYS[world]


def configure(world, **settings):
    """Of the next worker@mail, which is held. Run by run: the flows have different ones, and it is not among what is put back."""
    at, text = world.stack.at, world.stack.at.conf.read_text()
    for name, value in settings.items():
        text = conftest.with_setting(text, name, value)
    at.conf_of("worker-mail").write_text(text)


def mail_ready(world):
    """A mail with a link waits for its worker."""
    relay = relay_of(world)
    world.hold("worker-mail")
    user = world.user()
    return state(user=user, relay=relay, mail=Queued(world.stack, user, "reset_password"))


def mail_act(world, s):
    s.before = len(s.relay.taken)
    configure(world, smtp_host="localhost", smtp_port=s.relay.port)
    world.let_go("worker-mail")
    world.until(lambda: s.mail.row()["state"] == "sent", "the mail is sent")


def mail_right(world, s):
    """Twice only where nobody can know what the relay said; and every link that somebody has works."""
    taken = [Letter(m.raw) for m in s.relay.taken[s.before:] if m.to == s.user.email]
    least, most = s.at_risk(MAIL)
    assert least <= len(taken) - 1 <= most, f"taken {len(taken)} times, and the answers to {least} to {most} are lost"
    for letter in taken:
        assert world.count("SELECT COUNT(*) AS n FROM one_time_tokens WHERE token_hash = %s",
                           hashlib.sha256(letter.token.encode()).digest()) == 1, "a link that works was mailed"
    world.until(lambda: s.mail.jobs() == [], "nothing is left to do")


def kept_ready(world):
    world.hold("worker-mail")
    user = world.user()
    return state(user=user, mail=Queued(world.stack, user, "reset_password"))


def kept_act(world, s):
    configure(world)
    world.let_go("worker-mail")
    world.until(lambda: s.mail.row()["state"] == "sent", "the file is written")


def kept_right(world, s):
    letter = s.mail.letter()
    assert letter.to == s.user.email and letter.html.rstrip().endswith("</html>")
    assert world.count("SELECT COUNT(*) AS n FROM one_time_tokens WHERE token_hash = %s",
                       hashlib.sha256(letter.token.encode()).digest()) == 1
    world.until(lambda: s.mail.jobs() == [], "nothing is left to do")


def refused_act(world, s):
    """The relay knows of no such address, however often it is asked."""
    s.relay.does[s.user.email] = ["rcpt 550 5.1.1 No such user"] * 20
    configure(world, smtp_host="localhost", smtp_port=s.relay.port)
    world.let_go("worker-mail")
    world.until(lambda: s.mail.row()["state"] == "failed", "the mail is failed")


def refused_right(world, s):
    """What the relay has said is noted of the mail and of its user."""
    s.relay.does[s.user.email] = []
    assert s.mail.row()["reply_code"] == 550
    assert world.count("SELECT COUNT(*) AS n FROM users WHERE id = %s AND undeliverable_at_us IS NOT NULL", id_of(s)) == 1
    world.until(lambda: s.mail.jobs() == [], "nothing is left to do")


def to_old_ready(world):
    """The address was changed, and what says so to the old one waits for its worker. The link to the new one has been written: two
    mails could not be told apart in the steps."""
    world.hold("worker-mail")
    configure(world)
    s = confirm_email_ready(world)
    world.let_go("worker-mail")
    world.until(lambda: world.count("SELECT COUNT(*) AS n FROM mail_outbox WHERE user_id = %s AND state = 'queued'", id_of(s)) == 0,
                "the link is written")
    world.hold("worker-mail")
    assert confirm_email(world, s).how == "done"
    (row,) = world.stack.sql("SELECT id FROM mail_outbox WHERE user_id = %s AND template = 'email_changed' AND subject_id = %s",
                             id_of(s), change_id(world, s))
    s.relay, s.mail = relay_of(world), Outgoing(world.stack, uuid.UUID(bytes=row["id"]))
    return s


def to_old_right(world, s):
    """Who reads the old address can undo the change; the new one gets nothing."""
    mail_right(world, s)
    taken = s.relay.taken[s.before:]
    assert {m.to for m in taken} == {s.user.email} and address_of(world, s) == s.new
    letter = Letter(taken[-1].raw)
    assert letter.page == "undo-email"
    expect(post(world, "undo-email", token=letter.token), 200)
    assert address_of(world, s) == s.user.email


MAILS = [
    Flow("mail", ("worker-mail",), mail_ready, mail_act, mail_right, workers=True, left=True),
    Flow("mail that is refused", ("worker-mail",), mail_ready, refused_act, refused_right, workers=True),
    Flow("mail as a file", ("worker-mail",), kept_ready, kept_act, kept_right, workers=True),
    Flow("mail to the old address", ("worker-mail",), to_old_ready, mail_act, to_old_right, workers=True),
]
