"""Mail that comes back: marketingcli-admin mail bounce, as a mail server pipes into it."""

import os
import pathlib
import uuid

import links
import pytest
from bounces import REPORT, bounce, report
from helpers import expect
from mailing import Queued

USER = "marketingcli_bounce"
DONE, TRY_AGAIN = 0, 75


@pytest.fixture(scope="module", autouse=True)
def signs_in(stack):
    """MariaDB lets in the system's user of that name alone, who is not there on every machine: so here it needs no password."""
    stack.sql(f"ALTER USER {USER}@localhost IDENTIFIED BY ''")
    yield
    stack.sql(f"ALTER USER {USER}@localhost IDENTIFIED VIA unix_socket")


def since(user):
    return expect(user.web.get("/api/v1/me"), 200)["data"]["email_undeliverable_since"]


def is_unmarked(user, mail):
    assert since(user) is None and mail.row()["bounced_at_us"] is None


@pytest.fixture
def mail(user, stack):
    """One to the user that has gone out."""
    mail = Queued(stack, user, "password_changed", at="2026-01-01T00:00:00Z")
    mail.wait()
    return mail


def test_an_address_that_is_not_there(user, other, stack, mail):
    assert since(user) is None
    code, said = bounce(stack, report(mail))
    assert code == DONE and f"{mail.id}: came back for good (5.1.1 smtp; 550" in said and "undeliverable" in said
    when = since(user)
    assert when and since(other) is None
    row = mail.row()
    assert row["state"] == "sent" and row["bounced_at_us"] and row["reply"].startswith("5.1.1 smtp; 550")
    assert "@" in REPORT.partition("Diagnostic-Code: ")[2].partition("\n")[0] and "@" not in row["reply"], "it holds no address"
    signed_in = expect(stack.client(Origin=stack.url).post("/api/v1/auth/login", json={"email": user.email, "password": user.password}), 200)
    assert signed_in["data"]["email_undeliverable_since"] == when
    assert expect(user.api.get("/api/v1/me"), 200)["data"]["email_undeliverable_since"] is None, "as a key is told no address"
    stack.move_clock(3600)
    assert bounce(stack, report(mail))[0] == DONE
    assert since(user) == when and mail.row()["bounced_at_us"] == row["bounced_at_us"], "a repeat changes nothing"


def test_it_is_listed(user, stack, mail):
    newer = Queued(stack, user, "password_changed", at="2026-01-01T00:00:00Z")
    newer.wait()
    assert str(mail.id) not in stack.admin("mail", "list", "--state", "bounced").stdout
    bounce(stack, report(newer))
    bounce(stack, report(mail))
    for state in ("sent", "bounced"):
        lines = stack.admin("mail", "list", "--state", state).stdout.splitlines()
        (line,) = [line for line in lines if str(mail.id) in line]
        assert line.endswith(" bounced"), line
    own = [id for id in (line.split()[0] for line in lines) if id in (str(mail.id), str(newer.id))]
    assert own == [str(mail.id), str(newer.id)], "the last to come back is the first"


@pytest.mark.parametrize("status, of_address", [("5.1.2", True), ("5.1.10", True), ("5.2.1", True), ("5.4.4", True), ("5.0.0", False),
                                                ("5.2.2", False), ("5.3.4", False), ("5.7.1", False), ("5.7.26", False)])
def test_what_is_about_one_mail_marks_no_address(user, stack, mail, status, of_address):
    code, said = bounce(stack, report(mail, Status=status))
    assert code == DONE and f"came back for good ({status} " in said and ("undeliverable" in said) == of_address
    assert mail.row()["bounced_at_us"] and (since(user) is not None) == of_address


def test_an_admin_takes_the_mark_away(user, stack, mail):
    bounce(stack, report(mail))
    assert since(user)
    assert stack.admin("user", "deliverable", user.email).stdout == f"the address of {user.email} gets notifications again\n"
    assert since(user) is None and mail.row()["bounced_at_us"]
    assert stack.admin("user", "deliverable", user.id).stdout == f"the address of {user.id} was not marked\n"
    assert stack.admin("user", "deliverable", f"no.{user.email}").returncode == 1
    noted = stack.sql("SELECT what, by_whom FROM activity WHERE user_id = %s AND what = 'admin_set_deliverable'", uuid.UUID(user.id).bytes)
    assert [n["by_whom"] for n in noted] == ["admin"]


@pytest.mark.parametrize("headers", ["Delivered-To", "X-Original-To", "Envelope-To", "To"])
def test_for_whom_it_is(user, stack, mail, headers):
    """By the first of these headers, or as the mail server says."""
    address = f"bounce+{mail.id}@example.com"
    text = "".join(line for line in report(mail).splitlines(keepends=True) if not line.startswith(("Delivered-To: ", "To: ")))
    assert bounce(stack, text) == (DONE, "ignored: it is for none of our mails\n")
    is_unmarked(user, mail)
    assert "came back" in bounce(stack, f"{headers}: \"x, y\" <{address}>\n{text}")[1]
    assert since(user)


def test_as_the_mail_server_says(user, stack, mail):
    assert "none of our mails" in bounce(stack, report(mail), "--recipient", "bounce+x@example.com")[1]
    assert "no such mail" in bounce(stack, report(mail), "--recipient", f"bounce+{uuid.uuid4()}@example.com")[1]
    is_unmarked(user, mail)
    assert "came back" in bounce(stack, REPORT, "--recipient", f"bounce+{str(mail.id).upper()}@Example.com")[1]
    assert since(user)


@pytest.mark.parametrize("replaced", [
    {"Action": "delayed", "Status": "4.2.0"}, {"Status": "4.4.7"}, {"Action": "delayed"}, {"Status": "2.0.0"}, {"Status": "5"},
    {"Status": "x"}, {"Action": "delivered"}, {"Content-Type": "text/plain"}])
def test_what_is_not_for_good_changes_nothing(user, stack, mail, replaced):
    code, said = bounce(stack, report(mail, **replaced))
    assert code == DONE and "not a report of a mail that failed for good" in said
    is_unmarked(user, mail)


@pytest.mark.parametrize("text", [b"", b"\n", b"\0" * 1000, b"\xff" * 1000, os.urandom(5000), b"Content-Type: multipart/report\n\n",
                                  b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 5000])
def test_nonsense_is_taken_and_ignored(user, stack, mail, text):
    """With a failure the mail server would answer one more bounce."""
    to = f"bounce+{mail.id}@example.com"
    for options in ((), ("--recipient", to)):
        code, said = bounce(stack, text, *options)
        assert code == DONE and "ignored" in said, said
    is_unmarked(user, mail)


def test_more_than_is_read(user, stack, mail):
    """A report with a large mail after it; and one that is large before it says anything."""
    assert bounce(stack, "X: " + "y" * (1 << 20) + "\n" + report(mail))[0] == DONE
    is_unmarked(user, mail)
    assert "came back" in bounce(stack, report(mail) + "y" * (8 << 20))[1]


def test_mail_to_another_address_says_nothing_about_the_users(user, stack):
    """A confirmation goes to an address that is not yet theirs; one from before a change, to one that no longer is."""
    mail = Queued(stack, user, "password_changed", at="2026-01-01T00:00:00Z")
    mail.wait()
    stack.sql("INSERT INTO activity (id, user_id, what, by_whom, created_at_us) VALUES (%s, %s, 'email_changed', 'user', %s)",
              uuid.UUID(int=mail.id.int + (1 << 80)).bytes, uuid.UUID(user.id).bytes, mail.now_us + 1000)
    for other in (mail, Queued(stack, user, "change_email", subject=str(uuid.uuid4()))):
        code, said = bounce(stack, report(other))
        assert code == DONE and "came back for good" in said and "undeliverable" not in said
        assert other.row()["bounced_at_us"]
    assert since(user) is None


def test_notifications_stop_and_mail_about_the_account_does_not(user, stack, mail):
    bounce(stack, report(mail))
    notice, account = Queued(stack, user, "post_failed", count=1, about='"x"'), Queued(stack, user, "password_changed", at="2026-01-01T00:00:00Z")
    notice.wait("dropped")
    account.wait("sent")


def test_a_link_that_arrived_is_proof(user, stack, mail):
    bounce(stack, report(mail))
    assert since(user)
    token = links.link(stack, "reset_password", uuid.UUID(user.id).bytes)
    body = {"token": token, "password": "seven copper walruses"}
    assert stack.client(Origin=stack.url).post("/api/v1/auth/reset-password", json=body).status_code < 300
    signed_in = stack.client(Origin=stack.url).post("/api/v1/auth/login", json={"email": user.email, "password": body["password"]})
    assert expect(signed_in, 200)["data"]["email_undeliverable_since"] is None


def test_while_the_database_is_away_the_mail_server_comes_again(user, stack, mail, tmp_path):
    conf = tmp_path / "conf"
    conf.write_text(stack.at.conf.read_text().replace(str(stack.at.mariadb_sock), str(tmp_path / "none.sock")))
    code, said = bounce(stack, report(mail), conf=conf)
    assert code == TRY_AGAIN and said
    assert bounce(stack, report(mail), conf=pathlib.Path("/nonexistent"))[0] == TRY_AGAIN
    is_unmarked(user, mail)
    assert "came back" in bounce(stack, report(mail))[1]


def test_it_can_do_nothing_else(stack):
    """What it reads comes from strangers."""
    rights = {(r["table_name"], r["privilege_type"]) for r in stack.sql(
        "SELECT table_name, privilege_type FROM information_schema.COLUMN_PRIVILEGES WHERE grantee LIKE %s UNION"
        " SELECT table_name, privilege_type FROM information_schema.TABLE_PRIVILEGES WHERE grantee LIKE %s", f"'{USER}'%", f"'{USER}'%")}
    assert rights == {("schema_migrations", "SELECT"), ("policy_versions", "SELECT"), ("mail_outbox", "SELECT"), ("mail_outbox", "UPDATE"), ("users", "SELECT"),
                      ("users", "UPDATE"), ("activity", "SELECT")}


@pytest.mark.parametrize("options", [["--recipient", "a@example.com", "b@example.com"], ["--recipient"], ["--recipient", "a", "--recipient", "b"]])
def test_a_command_line_that_is_wrong(stack, user, mail, options):
    """Any other exit code than these two would be answered with one more bounce."""
    assert bounce(stack, report(mail), *options)[0] == TRY_AGAIN
    is_unmarked(user, mail)
