"""worker@mail: what it sends, to whom, and what becomes of it when the relay, the database or the worker fails."""

import contextlib
import email.utils
import hashlib
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
import uuid

import pytest
import seen
import standing
from conftest import CHECKOUT, User, with_setting
from mailing import Letter, Queued
from publishing import PAUSE_SEC
from render import find_program
from test_engine import second_worker
from test_metrics import Shown

sys.path.append(str(CHECKOUT / "tests/fakes"))

from relay import Relay, context_of  # noqa: E402

HOUR, DAY = 3600, 86400


@contextlib.contextmanager
def sending(stack, relay, **settings):
    with stack.configured("worker-mail", smtp_host="localhost", smtp_port=relay.port, **settings):
        yield relay


@pytest.fixture(scope="module")
def plain(stack):
    """A relay on this machine, as most servers have it; the others tell each their own."""
    with Relay() as relay, sending(stack, relay):
        yield relay


@pytest.fixture
def relay(plain):
    plain.busy, plain.refuses = False, None
    plain.go_on.clear()
    plain.waiting.clear()
    yield plain
    plain.busy, plain.refuses = False, None
    plain.go_on.set()


@contextlib.contextmanager
def secrets_of(stack, text):
    """The worker's password at the relay, read when it starts."""
    path = stack.at.credentials / "worker_mail" / "smtp-password"
    mode = path.stat()
    seen.remember(text)
    path.chmod(0o600)
    path.write_text(text)
    try:
        yield
    finally:
        path.write_text("")
        path.chmod(stat.S_IMODE(mode.st_mode))


def test_without_a_relay_a_mail_is_a_file(stack, user):
    mail = Queued(stack, user, "reset_password")
    row = mail.wait()
    assert (row["tries"], row["reply_code"], row["reply"]) == (1, None, "written as a file") and mail.jobs() == []
    path = stack.at.mail / f"{mail.id}.eml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(stack.at.mail.stat().st_mode) == 0o700
    if os.geteuid() == 0:
        assert path.stat().st_uid == stack.at.mail.stat().st_uid != 0
    letter = mail.letter()
    assert letter.to == user.email and letter.page == "reset-password"
    assert letter.message["Return-Path"] == f"<bounce+{mail.id}@localhost>"
    (token,) = stack.sql("SELECT * FROM one_time_tokens WHERE token_hash = %s", hashlib.sha256(letter.token.encode()).digest())
    assert (token["purpose"], token["subject_id"]) == ("reset_password", uuid.UUID(user.id).bytes)
    assert f'href="{stack.url}/reset-password#{letter.token}"' in letter.html
    for table in ("mail_outbox", "jobs_mail", "one_time_tokens"):
        assert letter.token not in repr(stack.sql(f"SELECT * FROM {table}")), "nobody who reads the database has the link"


def test_files_go_after_a_day(stack, user):
    mails = [Queued(stack, user, "totp_enabled") for _ in range(2)]
    gone, stays = (stack.at.mail / f"{mail.id}.eml" for mail in mails)
    for mail, path, age_sec in zip(mails, (gone, stays), (DAY + 60, DAY - 60)):
        mail.wait()
        written = time.time() - age_sec
        os.utime(path, (written, written))
    tidy(stack)
    assert (gone.exists(), stays.exists()) == (False, True)


def test_what_a_reader_gets(stack, user, relay):
    name = 'Zoë <b>"O\'Neil"</b> & Söhne'
    stack.sql("UPDATE users SET name = %s WHERE id = %s", name, uuid.UUID(user.id).bytes)
    mail = Queued(stack, user, "key_seen_in_clear", key_name="<script>alert(1)</script>", at="2026-11-26T13:10:00Z")
    row = mail.wait()
    assert row["reply_code"] == 250 and row["reply"].startswith("2.0.0 Taken as") and row["params"] is None
    (taken,) = relay.to(user.email)
    letter, headers = Letter(taken.raw), taken.message
    assert taken.sender == f"bounce+{mail.id}@localhost" and not taken.signed_in
    assert headers["From"] == "MarketingCLI <no-reply@localhost>" and headers["To"] == user.email
    said = hashlib.sha256(mail.id.bytes).hexdigest()[:32]  # others learn it, and must not learn where bounces go
    assert headers["Message-ID"] == f"<{said}@localhost>" and headers["Auto-Submitted"] == "auto-generated"
    assert headers.get_content_type() == "multipart/alternative"
    assert abs(email.utils.parsedate_to_datetime(headers["Date"]).timestamp() - mail.now_us / 1e6) < 60
    assert letter.text.startswith(f"Hello {name},\n\n") and 'the key "<script>alert(1)</script>"' in letter.text
    assert "26 November 2026, 13:10 UTC" in letter.text and "<script>" not in letter.html and "<b>" not in letter.html
    assert "&#60;script&#62;alert(1)&#60;/script&#62;" in letter.html
    assert not re.search(r"<img|<link|<script|src=|https?://(?!localhost)", letter.html), "it loads nothing, and points at nobody else"


def test_what_a_user_is_called_injects_nothing(stack, user, relay):
    stack.sql("UPDATE users SET name = %s WHERE id = %s", "A\r\nBcc: all@example.com\r\n\r\n.\r\nQUIT", uuid.UUID(user.id).bytes)
    Queued(stack, user, "post_failed", about="T\r\nSubject: X\r\n.\r\n", why="W\x00Y").wait()
    (taken,) = relay.to(user.email)
    letter = Letter(taken.raw)
    assert {k.lower() for k in taken.message.keys()} == {"from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version", "content-type",
                                                            "list-unsubscribe", "list-unsubscribe-post"}
    assert letter.subject == "Posts could not be published" and "Hello A  Bcc: all@example.com" in letter.text
    assert "T  Subject: X  .  " in letter.text and "W Y" in letter.text


@pytest.mark.parametrize("reply, code", [("451 4.7.1 Not now", 451), ("rcpt 450 4.2.0 Greylisted", 450), ("452 4.2.2 Full", 452)])
def test_not_now_is_tried_again(stack, user, relay, reply, code):
    relay.does[user.email] = [reply]
    mail = Queued(stack, user, "totp_enabled")
    row = mail.wait_for_try()
    assert (row["state"], row["tries"], row["reply_code"]) == ("queued", 1, code) and relay.to(user.email) == []
    stack.move_clock(HOUR)
    assert mail.wait()["tries"] == 2 and len(relay.to(user.email)) == 1


def test_never_is_final_and_shown_to_the_admin(stack, user, relay):
    relay.does[user.email], before = [f"rcpt 550 5.1.1 <{user.email}>: No such user"], Shown(stack, "worker-mail")
    mail = Queued(stack, user, "post_failed", about="A title")
    row = mail.wait("failed")
    stack.wait(lambda: Shown(stack, "worker-mail").moved(before, "mails_total").get(("failed",)) == 1, "it is counted")
    assert (row["tries"], row["reply_code"], row["reply"]) == (1, 550, "5.1.1 <(address)>: No such user") and mail.jobs() == []
    listed = stack.admin("mail", "list").stdout
    assert f"{mail.id} " in listed and " failed post_failed tries=1 reply=550\n" in listed
    shown = stack.admin("mail", "show", str(mail.id)).stdout
    assert "No such user" in shown and user.id in shown and user.email not in shown
    for words in (("user", "deliverable", user.id), ("mail", "retry", str(mail.id))):
        done = stack.admin(*words)
        assert done.returncode == 0, done.stderr
    assert mail.wait()["reply_code"] == 250 and "A title" in Letter(relay.to(user.email)[0].raw).text
    assert stack.admin("mail", "retry", str(mail.id)).returncode == 1, "it was sent"
    noted = stack.sql("SELECT what, by_whom FROM activity WHERE user_id = %s ORDER BY id", uuid.UUID(user.id).bytes)
    assert [(n["what"], n["by_whom"]) for n in noted if n["by_whom"] == "admin"] == [
        ("admin_read", "admin"), ("admin_set_deliverable", "admin"), ("admin_sent_mail", "admin")]


def test_what_a_relay_said_does_nothing_to_a_terminal(stack, user, relay):
    mail = Queued(stack, user, "totp_enabled")
    mail.wait()
    stack.sql("UPDATE mail_outbox SET reply = %s WHERE id = %s", "a\x1b[2Jb\x9bc\u00e9", mail.id.bytes)
    shown = stack.admin("mail", "show", str(mail.id)).stdout
    assert "a?[2Jb?c\u00e9\n" in shown and "\x1b" not in shown and "\x9b" not in shown


def test_two_days_are_enough(stack, user, relay):
    relay.does[user.email] = ["451"] * 10
    mail = Queued(stack, user, "totp_enabled", age_sec=3 * DAY)
    assert mail.wait_for_try()["state"] == "queued", "nobody has refused it before"
    stack.sql("UPDATE mail_outbox SET tried_at_us = tried_at_us - %s WHERE id = %s", (2 * DAY - 3 * HOUR) * 10**6, mail.id.bytes)
    stack.move_clock(2 * HOUR)
    assert mail.wait_for_try(2)["state"] == "queued", "an hour is left"
    stack.move_clock(2 * HOUR)
    row = mail.wait("failed")
    assert row["reply_code"] == 451 and mail.jobs() == [] and relay.to(user.email) == []


def test_a_lost_answer_sends_again_and_both_links_work(stack, user, relay):
    relay.does[user.email] = ["drop"]
    mail = Queued(stack, user, "reset_password")
    row = mail.wait_for_try()
    assert (row["state"], row["tries"], row["reply_code"]) == ("queued", 1, None) and "may have taken" in row["reply"]
    stack.move_clock(300)
    assert mail.wait()["tries"] == 2
    first, second = ([Letter(m.raw) for m in ms if m.to == user.email][0] for ms in (relay.dropped, relay.taken))
    assert first.token != second.token and first.message["Message-ID"] == second.message["Message-ID"]
    hashes = [hashlib.sha256(letter.token.encode()).digest() for letter in (first, second)]
    assert len(stack.sql("SELECT 1 FROM one_time_tokens WHERE token_hash IN (%s, %s)", *hashes)) == 2


def test_a_relay_that_never_says_gets_it_three_times(stack, user, relay):
    """Then the admin is told, and may have it sent again."""
    relay.does[user.email] = ["drop"] * 10
    mail = Queued(stack, user, "totp_enabled")
    for tries in (1, 2):
        assert mail.wait_for_try(tries)["state"] == "queued"
        stack.move_clock(HOUR)
    row = mail.wait("failed")
    assert (row["tries"], row["unknown_tries"], row["reply_code"]) == (3, 3, None) and "may have taken" in row["reply"]
    assert len([m for m in relay.dropped if m.to == user.email]) == 3 and mail.jobs() == []
    relay.does[user.email] = []
    assert stack.admin("mail", "retry", str(mail.id)).stdout == "it is queued again\n"
    assert (mail.wait()["unknown_tries"], len(relay.to(user.email))) == (0, 1)


def test_a_worker_that_stops_begins_nothing_more(stack, user, relay):
    """What it has begun it hears the end of; the others it leaves to the next one, and none comes twice."""
    with stack.configured("worker-mail", smtp_connections=1):
        relay.does[user.email] = ["wait"]
        first = Queued(stack, user, "totp_enabled")
        stack.wait(relay.waiting.is_set, "the relay has it")
        others = [Queued(stack, user, "totp_enabled") for _ in range(5)]
        stack.wait(lambda: all(m.jobs()[0]["lease_token"] for m in others), "they wait for the connection")
        starts, pid = stack.starts("worker-mail"), stack.kill("worker-mail", signal.SIGTERM)
        stack.wait(lambda: not any(m.jobs()[0]["lease_token"] for m in others), "it has let go of them")
        assert stack.pid("worker-mail") == pid and len(relay.to(user.email)) == 1
        relay.go_on.set()
        stack.wait_for_start("worker-mail", pid, starts)
        for mail in [first, *others]:
            assert mail.wait()["tries"] == 1
        assert sorted(m.sender for m in relay.to(user.email)) == sorted(f"bounce+{m.id}@localhost" for m in [first, *others])


def paused(stack, since):
    return '"event":"kind_paused"' in stack.log("worker-mail")[since:]


def resumed(stack, since):
    return '"event":"kind_resumed"' in stack.log("worker-mail")[since:]


def test_a_relay_that_is_busy_pauses_the_kind_and_fails_nothing(stack, user, relay):
    relay.busy, logged = True, len(stack.log("worker-mail"))
    mails = [Queued(stack, user, "totp_enabled", age_sec=age) for age in (0, 3 * DAY, 3 * DAY)]
    stack.wait(lambda: paused(stack, logged), "the kind is paused")
    nobody = Queued(stack, None, "verify_email", subject=str(uuid.uuid4()))
    nobody.wait("dropped")
    assert not resumed(stack, logged), "a mail that goes to nobody says nothing of the relay"
    relay.busy = False
    stack.move_clock(HOUR)
    stack.lose_patience(PAUSE_SEC)
    for mail in mails:
        row = mail.wait()
        assert (row["tries"], row["reply_code"]) == (1, 250), "a try that the relay had no time for does not count"
    assert len(relay.to(user.email)) == 3


@pytest.mark.parametrize("reply", ["553 5.7.1 Sender address rejected", "550 No"])
def test_a_relay_that_refuses_our_sender_fails_nothing(stack, user, relay, reply):
    relay.refuses, logged = reply, len(stack.log("worker-mail"))
    mails = [Queued(stack, user, "totp_enabled") for _ in range(3)]
    stack.wait(lambda: paused(stack, logged), "the kind is paused")
    assert "the relay refuses our sender" in stack.log("worker-mail")[logged:]
    for mail in mails:
        row = mail.row()
        assert (row["state"], row["tries"], row["reply_code"], row["reply"]) == ("queued", 0, int(reply[:3]), reply[4:])
    relay.refuses = None
    stack.move_clock(HOUR)
    stack.lose_patience(PAUSE_SEC)
    for mail in mails:
        mail.wait()
    assert resumed(stack, logged) and len(relay.to(user.email)) == 3


def test_a_relay_that_does_not_send_for_us(stack, user, relay):
    """It may be about this recipient alone, and then two days are enough."""
    relay.does[user.email] = ["rcpt 554 5.7.1 Relay access denied"] * 2
    young, old = (Queued(stack, user, "totp_enabled", age_sec=age) for age in (0, 2 * DAY + HOUR))
    assert (young.wait_for_try()["state"], young.row()["reply_code"]) == ("queued", 554)
    assert old.wait("failed")["reply_code"] == 554


def test_who_is_disabled_hears_what_is_about_their_safety_alone(stack, user, relay):
    stack.sql("UPDATE users SET state = 'disabled' WHERE id = %s", uuid.UUID(user.id).bytes)
    reset, seen_in_clear = Queued(stack, user, "reset_password"), Queued(stack, user, "key_seen_in_clear", key_name="k", at="2026-11-26T13:10:00Z")
    by_admin = Queued(stack, user, "reset_by_admin", why="So.")
    assert reset.wait("dropped")["tries"] == 0
    seen_in_clear.wait()
    by_admin.wait()
    assert len(relay.to(user.email)) == 2


def test_a_relay_that_hangs_delays_nobody_for_ever(stack, user, other, relay):
    with sending(stack, relay, smtp_timeout_sec=5):
        relay.does[user.email] = ["hang"]
        mail = Queued(stack, user, "totp_enabled")
        Queued(stack, other, "totp_enabled").wait()
        assert mail.wait_for_try()["state"] == "queued"
    stack.move_clock(HOUR)
    mail.wait()
    assert len(relay.to(user.email)) == 1


def test_nobody_is_left(stack, relay):
    """A registration that is gone, or has been used."""
    for template in ("verify_email", "change_email", "email_changed"):
        mail = Queued(stack, None, template, subject=str(uuid.uuid4()))
        row = mail.wait("dropped")
        assert row["tries"] == 0 and mail.jobs() == []


def test_an_address_that_is_no_users(stack, user, relay):
    """Of a registration, and of both ends of a change. Who is not known to have the address yet chooses no word of the mail."""
    now_us, me = int(time.time() * 1_000_000), uuid.UUID(user.id).bytes
    stack.sql("UPDATE users SET name = 'Buy at example.net' WHERE id = %s", me)
    for table, columns, values in (
            ("registrations", "email_key, email, name, created_at_us, expires_at_us", (f"new.{user.email}", f"New.{user.email}", "Buy at example.net", now_us, now_us + HOUR * 10**6)),
            ("email_changes", "user_id, old_email, old_email_key, new_email, new_email_key, created_at_us, expires_at_us, undo_until_us",
             (me, f"Old.{user.email}", "k", f"Changed.{user.email}", "k", now_us, now_us + HOUR * 10**6, now_us + HOUR * 10**6))):
        about = uuid.uuid4()
        stack.sql(f"INSERT INTO {table} (id, {columns}) VALUES (%s, {', '.join(['%s'] * len(values))})", about.bytes, *values)
        for template, to, page in {"registrations": [("verify_email", "New", "verify-email")],
                                   "email_changes": [("change_email", "Changed", "change-email"), ("email_changed", "Old", "undo-email")]}[table]:
            Queued(stack, user if table == "email_changes" else None, template, subject=str(about)).wait()
            (taken,) = relay.to(f"{to}.{user.email}")
            letter = Letter(taken.raw)
            assert letter.page == page and "example.net" not in letter.text
            (token,) = stack.sql("SELECT * FROM one_time_tokens WHERE token_hash = %s", hashlib.sha256(letter.token.encode()).digest())
            assert token["subject_id"] == about.bytes and token["purpose"] == page.replace("-", "_")
    stack.sql("UPDATE email_changes SET confirmed_at_us = 1, undo_until_us = 1 WHERE user_id = %s", me)
    for template in ("change_email", "email_changed"):
        Queued(stack, user, template, subject=str(about)).wait("dropped")
    assert len(relay.to(f"Changed.{user.email}")) == len(relay.to(f"Old.{user.email}")) == 1, "a link would do nothing"
    stack.sql("DELETE FROM email_changes WHERE user_id = %s", me)


def test_a_template_of_a_newer_program_waits_for_its_worker(stack, user, relay):
    mail = Queued(stack, user, "from_the_future")
    assert mail.wait_for_try()["state"] == "queued"
    stack.sql("UPDATE mail_outbox SET template = 'totp_enabled' WHERE id = %s", mail.id.bytes)
    stack.move_clock(HOUR)
    mail.wait()


def test_a_worker_that_dies_before_the_relay_answers(stack, user, relay):
    """The next one sends it again: nobody knows."""
    relay.does[user.email] = ["wait"]
    mail = Queued(stack, user, "totp_enabled")
    stack.wait(relay.waiting.is_set, "the relay has it")
    starts = stack.starts("worker-mail")
    stack.wait_for_start("worker-mail", stack.kill("worker-mail"), starts)
    relay.go_on.set()
    stack.move_clock(HOUR)
    mail.wait()
    assert len(relay.to(user.email)) == 2


def test_of_two_workers_one_sends(stack, user, relay):
    with second_worker(stack, "worker-mail"):
        mails = [Queued(stack, user, "totp_enabled") for _ in range(40)]
        for mail in mails:
            mail.wait()
    assert sorted(m.sender for m in relay.to(user.email)) == sorted(f"bounce+{m.id}@localhost" for m in mails)


def test_the_database_is_away_when_the_relay_answers(stack, user, relay):
    """What the relay has said is kept until it can be written, and the mail is not sent twice."""
    relay.does[user.email] = ["wait"]
    mail = Queued(stack, user, "totp_enabled")
    stack.wait(relay.waiting.is_set, "the relay has it")
    logged = len(stack.log("worker-mail"))
    with stack.stopped("mariadb", signal.SIGKILL):
        relay.go_on.set()
        stack.wait(lambda: '"event":"database_away"' in stack.log("worker-mail")[logged:], "the worker cannot write it")
    mail.wait()
    assert len(relay.to(user.email)) == 1


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_tls_and_sign_in(stack, user, tls):
    context = context_of(stack.at.tls / "leaf.crt", stack.at.tls / "leaf.key")
    secret = ("mailer", "a password, for the relay alone")
    with secrets_of(stack, secret[1]), Relay(context, starttls=tls == "starttls", secret=secret) as relay, \
            sending(stack, relay, smtp_tls=tls, smtp_ca_file=stack.ca, smtp_user="mailer"):
        Queued(stack, user, "totp_enabled").wait()
        (taken,) = relay.to(user.email)
        assert taken.signed_in and (taken.tls or tls == "tls")


REFUSING = {
    "offers no STARTTLS": (dict(), dict(smtp_tls="starttls"), "STARTTLS"),
    "shows a certificate that nobody trusts": (dict(tls=True), dict(smtp_tls="tls"), "certificate"),
    "wants another password": (dict(tls=True, secret=("mailer", "another password")), dict(smtp_tls="tls", trusted=True, smtp_user="mailer"), ""),
}


@pytest.mark.parametrize("why", REFUSING)
def test_a_relay_that_is_not_to_be_trusted_gets_nothing(stack, user, why):
    offers, wants, said = REFUSING[why]
    context = context_of(stack.at.tls / "leaf.crt", stack.at.tls / "leaf.key") if offers.get("tls") else None
    settings = {k: v for k, v in wants.items() if k != "trusted"} | ({"smtp_ca_file": stack.ca} if wants.get("trusted") else {})
    with secrets_of(stack, "a password, for the relay alone"), Relay(context, secret=offers.get("secret")) as relay, \
            sending(stack, relay, **settings):
        mail = Queued(stack, user, "reset_password")
        row = mail.wait_for_try()
        assert (row["state"], row["tries"]) == ("queued", 0) and row["reply"] and relay.taken == [] and relay.dropped == []
    mail_is_written_later(stack, mail)


def mail_is_written_later(stack, mail):
    stack.move_clock(HOUR)
    mail.wait()


def test_a_worker_that_cannot_send_does_not_start(stack, tmp_path):
    """A password without TLS, a user without a password, a sender that is no address."""
    text = stack.at.conf.read_text()
    program = find_program(os.environ["MARKETINGCLI_BUILD"], "marketingcli-worker")
    for settings, said in (({"smtp_user": "mailer"}, "smtp-password is empty"), ({"smtp_from": "no address"}, "smtp.from is no address"),
                           ({"smtp_from": "a@b\x01c"}, "smtp.from is no address")):
        conf = tmp_path / "conf"
        own = with_setting(text, "metrics_dir", "")
        for name, value in settings.items():
            own = with_setting(own, name, value)
        conf.write_text(own)
        done = subprocess.run([program, "mail"], capture_output=True, text=True, timeout=20, env={
            **os.environ, "MARKETINGCLI_CONF": str(conf), "CREDENTIALS_DIRECTORY": str(stack.at.credentials / "worker_mail")})
        assert done.returncode == 78 and said in done.stderr, done.stderr


# table, its columns and a row: of an id, a user and a time
KEPT = [
    ("mail_outbox", "id, user_id, template, state, created_at_us, ended_at_us", "%s, %s, 'totp_enabled', 'sent', 1, %s", 90 * DAY),
    ("one_time_tokens", "token_hash, subject_id, purpose, created_at_us, expires_at_us", "%s, %s, 'unsubscribe', 1, %s", 2 * DAY),
    ("pending_sign_ins", "token_hash, user_id, password_mark, created_at_us, expires_at_us", "%s, %s, '', 1, %s", 0),
    ("activity", "id, user_id, what, by_whom, created_at_us", "%s, %s, 'signed_in', 'user', %s", 730 * DAY),
]


def tidy(stack):
    standing.run(stack, "jobs_mail", "tidy")


@pytest.mark.parametrize("table, columns, row, kept_sec", KEPT, ids=[k[0] for k in KEPT])
def test_what_is_kept_for_a_time_goes(stack, user, table, columns, row, kept_sec):
    key, size = columns.partition(",")[0], 32 if columns.startswith("token_hash") else 16
    gone, stays = os.urandom(size), os.urandom(size)
    for which, age_sec in ((gone, kept_sec + HOUR), (stays, kept_sec - HOUR)):
        at_us = int((time.time() - age_sec) * 1_000_000)
        stack.sql(f"INSERT INTO {table} ({columns}) VALUES ({row})", which, uuid.UUID(user.id).bytes, at_us)
    tidy(stack)
    assert [r[key] for r in stack.sql(f"SELECT {key} FROM {table} WHERE {key} IN (%s, %s)", gone, stays)] == [stays]


def test_allowances_are_of_today(stack):
    today, yesterday, day = os.urandom(32), os.urandom(32), int(time.time()) // DAY
    stack.sql("INSERT INTO mail_allowances VALUES (%s, %s, 1), (%s, %s, 1)", today, day + 1, yesterday, day - 1)
    tidy(stack)
    assert [r["address_hash"] for r in stack.sql("SELECT * FROM mail_allowances WHERE address_hash IN (%s, %s)", today, yesterday)] == [today]


def test_a_secret_that_nobody_confirmed_goes(stack):
    """After the hour in which it could be; one that counts stays."""
    forgotten, shown, on = User(stack), User(stack), User(stack)
    for user, age_sec, enabled in ((forgotten, HOUR + 60, None), (shown, HOUR - 60, None), (on, 2 * HOUR, 1)):
        stack.sql("INSERT INTO user_totp (user_id, secret, created_at_us, enabled_at_us) VALUES (%s, '', %s, %s)",
                  uuid.UUID(user.id).bytes, int((time.time() - age_sec) * 1_000_000), enabled)
    tidy(stack)
    left = {str(uuid.UUID(bytes=r["user_id"])) for r in stack.sql("SELECT user_id FROM user_totp")}
    assert left & {forgotten.id, shown.id, on.id} == {shown.id, on.id}


def test_more_than_a_batch_goes(stack):
    for _ in range(3):
        stack.sql("INSERT INTO one_time_tokens SELECT RANDOM_BYTES(32), 'unsubscribe', RANDOM_BYTES(16), 1, 7 FROM seq_1_to_400")
    tidy(stack)
    assert stack.sql("SELECT COUNT(*) AS n FROM one_time_tokens WHERE expires_at_us = 7")[0]["n"] == 0


def test_a_folder_that_cannot_be_written_is_told(stack, user):
    """The kind waits, as it does for a relay, and says what is wrong. It goes on with the first file."""
    logged, folder = len(stack.log("worker-mail")), stack.at.mail / "later"
    with stack.configured("worker-mail", smtp_host="", smtp_dir=folder):
        mails = [Queued(stack, user, "totp_enabled", age_sec=age) for age in (0, 3 * DAY, 3 * DAY)]
        stack.wait(lambda: paused(stack, logged), "the kind is paused")
        assert '"note":"smtp.dir cannot be written"' in stack.log("worker-mail")[logged:]
        for mail in mails:
            assert mail.row()["state"] == "queued"
        folder.mkdir(mode=0o700)
        shutil.chown(folder, stack.at.mail.stat().st_uid)
        stack.move_clock(HOUR)
        for mail in mails:
            mail.wait()
        assert resumed(stack, logged)
        shutil.rmtree(folder)
