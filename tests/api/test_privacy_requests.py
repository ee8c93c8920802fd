"""marketingcli-admin privacy: requests about personal data that came by mail, with their deadlines."""

import json
import os
import re
import uuid
import zipfile

import pytest
from helpers import expect
from mailing import wait_letter
from test_admin_users import activity
from test_alarms import events
from test_metrics import Shown

DAY_US = 86_400 * 10**6
REASON = "mail of 1 June, from the account's address"


def works(stack, *args, **how):
    done = stack.admin("privacy", *args, **how)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def fails(stack, *args, code=1):
    done = stack.admin("privacy", *args)
    assert done.returncode == code and done.stdout == "", done
    return done.stderr


def requests(stack, user):
    return [(r["what"], r["reason"], r["done_at_us"] is not None) for r in stack.sql(
        "SELECT what, reason, done_at_us FROM privacy_requests WHERE user_id = %s ORDER BY id", uuid.UUID(user.id).bytes)]


def test_a_request_is_noted_and_done_by_its_verb(stack, user):
    said = works(stack, "note", "access", "--of", user.email, "--reason", REASON, "--received", "2026-01-31")
    id, due = re.fullmatch(r"(\S{36})  due (\S+)\n", said).groups()
    assert due.startswith("2026-02-28T00:00:00")
    line = next(l for l in works(stack, "requests").splitlines() if l.startswith(id))
    assert user.id in line and "OVERDUE since 2026-02-28" in line and line.endswith(REASON)
    assert requests(stack, user) == [("access", REASON, False)]
    shown = works(stack, "access", user.id, "--reason", "as noted")
    for words in ("Email address", "for managing the account", "account: 1; kept as long as the account exists"):
        assert words in shown, shown
    assert requests(stack, user) == [("access", REASON, True)]
    assert id not in works(stack, "requests") and id in works(stack, "requests", "--all")
    assert activity(stack, user.id) == [("admin_privacy_request", "admin", "access")]
    works(stack, "access", user.email, "--reason", "once more")  # which nobody had noted
    assert requests(stack, user) == [("access", REASON, True), ("access", "once more", True)]


def test_access_is_what_the_user_sees(stack, user):
    shown = works(stack, "access", user.email, "--reason", REASON)
    for group in expect(user.web.get("/api/v1/privacy/data"), 200)["data"]["groups"]:
        assert group["what"] in shown
        for item in group["items"]:
            assert item["what"] in shown and item["for"] in shown
            assert all(held["name"] in shown for held in item["held"])


def test_the_name_and_the_address_are_corrected(stack, user, other):
    assert "Another account" in fails(stack, "correct", user.email, "--reason", REASON, "--email", other.email.upper(), "--verified")
    assert requests(stack, user) == [] and activity(stack, user.id) == []
    new = f"{uuid.uuid4().hex}@example.com"
    works(stack, "correct", user.email, "--reason", REASON, "--name", "Ada L.")
    assert expect(user.web.get("/api/v1/me"), 200)["data"]["name"] == "Ada L."
    said = works(stack, "correct", user.email, "--reason", REASON, "--email", new)
    assert "when its link is followed" in said
    assert expect(user.web.get("/api/v1/me"), 200)["data"]["email"] == user.email
    assert "change-email" in wait_letter(stack, new, "Confirm").text
    third = f"{uuid.uuid4().hex}@example.com"
    works(stack, "correct", user.email, "--reason", REASON, "--email", third, "--verified")
    assert user.web.get("/api/v1/me").status_code == 401  # all sessions end
    assert stack.sql("SELECT email FROM users WHERE id = %s", uuid.UUID(user.id).bytes) == [{"email": third}]
    done = [what for what, _, about in activity(stack, user.id)]
    assert done == ["name_changed", "admin_privacy_request", "email_change_asked", "admin_privacy_request", "email_changed",
                    "admin_privacy_request"]
    assert [r[0] for r in requests(stack, user)] == ["correct"] * 3
    templates = [r["template"] for r in stack.sql("SELECT template FROM mail_outbox WHERE user_id = %s ORDER BY id", uuid.UUID(user.id).bytes)]
    assert templates == ["change_email", "email_changed"]  # the old address can undo it


def test_a_disabled_user_is_corrected(stack, user):
    """What is held of them must be right, too; and they stay disabled."""
    new = f"{uuid.uuid4().hex}@example.com"
    assert stack.admin("user", "disable", user.id).returncode == 0
    works(stack, "correct", user.id, "--reason", REASON, "--name", "Ada L.", "--email", new, "--verified")
    assert stack.sql("SELECT name, email, state FROM users WHERE id = %s", uuid.UUID(user.id).bytes) == [
        {"name": "Ada L.", "email": new, "state": "disabled"}]
    assert "not active" in fails(stack, "correct", user.id, "--reason", REASON, "--email", f"x{new}")


def test_an_export_is_written_to_a_file(stack, user, tmp_path):
    file, dir = tmp_path / "ada.zip", ["--dir", str(stack.at.credentials)]
    works(stack, "export", user.email, "--reason", REASON, "--file", str(file), *dir)
    with zipfile.ZipFile(file) as z:
        assert z.testzip() is None and user.email in json.dumps([z.read(n).decode() for n in z.namelist() if n.endswith("json")])
    assert file.stat().st_mode & 0o777 == 0o600
    assert requests(stack, user) == [("export", REASON, True)]
    assert "exists" in fails(stack, "export", user.email, "--reason", REASON, "--file", str(file), *dir)
    assert "--file" in fails(stack, "export", user.email, "--reason", REASON)


def test_accounts_are_disconnected(stack, user):
    one, two = user.connect(), user.connect()
    assert "1 to be" in works(stack, "disconnect", user.email, "--reason", REASON, "--account", one)
    listed = lambda: [a["id"] for a in expect(user.web.get("/api/v1/accounts"), 200)["data"]]  # noqa: E731
    stack.wait(lambda: listed() == [two], "it is gone")
    assert "no account" in fails(stack, "disconnect", user.email, "--reason", REASON, "--account", one)
    works(stack, "disconnect", user.email, "--reason", REASON)
    stack.wait(lambda: listed() == [], "both are gone")
    assert requests(stack, user) == [("disconnect", REASON, True)] * 2
    assert stack.sql("SELECT COUNT(access_token) n FROM accounts WHERE user_id = %s", uuid.UUID(user.id).bytes)[0]["n"] == 0


def test_an_account_is_erased(stack, user):
    receipt = re.fullmatch(r"receipt (\S{36})\n", works(stack, "erase", user.email, "--reason", REASON))[1]
    assert "by writing to us" in wait_letter(stack, user.email, "is to be erased").text, "it was not asked for with a password"
    got = lambda: expect(stack.client().get(f"/api/v1/privacy/erasure/{receipt}"), 200)["data"]  # noqa: E731
    stack.wait(lambda: got()["state"] == "done", "it is erased", 60)
    assert "No post that was made here is known to remain at TikTok." in wait_letter(stack, user.email, "is erased").text
    for table, column in (("users", "id"), ("privacy_requests", "user_id")):
        assert stack.sql(f"SELECT 1 FROM {table} WHERE {column} = %s", uuid.UUID(user.id).bytes) == []


def test_an_erasure_is_canceled_in_grace(stack, user, tmp_path):
    """For an owner who cannot sign in."""
    graced = tmp_path / "conf"
    graced.write_text(stack.at.conf.read_text() + "\n[erasure]\ngrace_days = 3\n")
    cancel = ["cancel", user.email, "--reason", REASON]
    assert "Nobody has asked" in fails(stack, *cancel)
    receipt = re.fullmatch(r"receipt (\S{36})\n", works(stack, "erase", user.email, "--reason", REASON, conf=graced))[1]
    assert receipt in works(stack, *cancel)
    assert expect(stack.client().get(f"/api/v1/privacy/erasure/{receipt}"), 200)["data"]["state"] == "canceled"
    assert ("erasure_canceled", "admin", REASON) in activity(stack, user.id)
    wait_letter(stack, user.email, "Your account stays")
    assert "Nobody has asked" in fails(stack, *cancel)


def test_an_address_that_somebody_has(stack, user, other):
    assert "Another account has this address" in fails(stack, "correct", user.email, "--reason", REASON, "--email", other.email, "--verified")
    assert requests(stack, user) == []
    assert stack.sql("SELECT email FROM users WHERE id = %s", uuid.UUID(user.id).bytes) == [{"email": user.email}]


def test_somebody_without_an_account(stack):
    id = works(stack, "note", "erase", "--reason", "a letter").split()[0]
    line = next(l for l in works(stack, "requests").splitlines() if l.startswith(id))
    assert "nobody's" in line
    assert works(stack, "close", id) == ""
    assert id not in works(stack, "requests")
    assert "open" in fails(stack, "close", id)


@pytest.mark.parametrize("args, words, code", [
    (("access", "USER"), "--reason", 2), (("access", "USER", "--reason", ""), "--reason", 2),
    (("access", "USER", "--reason", "two\nlines"), "--reason", 2), (("access", "USER", "--reason", "x" * 501), "--reason", 2),
    (("note", "everything", "--reason", REASON), "everything", 2),
    (("note", "access", "--reason", REASON, "--received", "tomorrow"), "--received", 2),
    (("note", "access", "--reason", REASON, "--received", "2999-01-01"), "--received", 2),
    (("access", "nobody@example.com", "--reason", REASON), "nobody@example.com", 1), (("close", "x"), "id", 1),
    (("correct", "USER", "--reason", REASON), "--name", 1), (("correct", "USER", "--reason", REASON, "--name", "a\nb"), "name", 1),
    (("correct", "USER", "--reason", REASON, "--email", "nobody"), "", 1)])
def test_what_is_refused(stack, user, args, words, code):
    assert words in fails(stack, *[user.email if a == "USER" else a for a in args], code=code)
    assert requests(stack, user) == []


def test_an_overdue_request_is_an_alarm_once_a_day(stack, user):
    stack.sql("UPDATE privacy_requests SET done_at_us = received_at_us WHERE done_at_us IS NULL")
    works(stack, "note", "export", "--of", user.email, "--reason", REASON, "--received", "2026-01-31")
    told = lambda: stack.sql("SELECT told_at_us t FROM privacy_requests WHERE done_at_us IS NULL")[0]["t"]  # noqa: E731
    before, shown = len(events(stack.log("worker-mail"), "request_overdue")), Shown(stack, "worker-mail")
    tidy = lambda: stack.sql("UPDATE jobs_mail SET run_at_us = 1 WHERE kind = 'tidy'")  # noqa: E731
    stuck = stack.at.mail / "stuck.eml"  # a mail's file that cannot be deleted: that keeps no alarm quiet
    stuck.mkdir()
    os.utime(stuck, (1, 1))
    tidy()
    stack.wait(lambda: told(), "the alarm")
    stuck.rmdir()
    first = told()
    stack.wait(lambda: len(events(stack.log("worker-mail"), "request_overdue")) == before + 1, "it is in the log")
    assert Shown(stack, "worker-mail").moved(shown, "alarms_total") == {("request_overdue",): 1}
    ran = lambda: stack.sql("SELECT run_at_us t FROM jobs_mail WHERE kind = 'tidy' AND state = 'ready' AND run_at_us > 1")  # noqa: E731
    tidy()
    stack.wait(ran, "it has run once more")
    assert told() == first
    stack.sql("UPDATE privacy_requests SET told_at_us = told_at_us - %s WHERE done_at_us IS NULL", DAY_US + 1)
    tidy()
    stack.wait(lambda: told() > first, "the next day's alarm")
    ahead = told() + 10 * DAY_US  # of a clock that was set back
    stack.sql("UPDATE privacy_requests SET told_at_us = %s WHERE done_at_us IS NULL", ahead)
    tidy()
    stack.wait(lambda: told() < ahead, "the alarm of today")
    stack.sql("UPDATE privacy_requests SET done_at_us = 1 WHERE user_id = %s", uuid.UUID(user.id).bytes)
    tidy()
    stack.wait(lambda: requests(stack, user) == [], "two years later it is gone")
