"""marketingcli-admin user: the tool itself, as an admin runs it, and what becomes of the user."""

import os
import re
import uuid

import pytest
from authenticator import begin, begun, enrol, finish
from helpers import Client, expect
from mailing import wait_letter
from test_keys import with_key

NEW = "correct horse battery"  # as README.md has it


def works(stack, *args, stdin=None):
    done = stack.admin("user", *args, stdin=stdin)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def fails(stack, *args, code=1, stdin=None):
    done = stack.admin("user", *args, stdin=stdin)
    assert done.returncode == code and done.stdout == "", done
    return done.stderr


def fresh():
    return f"{uuid.uuid4().hex}@Example.com"


def password_in(said):
    return re.search(r"^password: (\S{20,})$", said, re.MULTILINE)[1]


def sign_in(stack, email, password):
    client = stack.client(Origin=stack.url)
    return client, client.post("/api/v1/auth/login", json={"email": email, "password": password})


def activity(stack, user_id):
    return [(r["what"], r["by_whom"], r["about"]) for r in stack.sql(
        "SELECT what, by_whom, about FROM activity WHERE user_id = %s AND by_whom = 'admin' ORDER BY created_at_us, id",
        uuid.UUID(user_id).bytes)]


def mails(stack, user_id):
    return [r["template"] for r in stack.sql("SELECT template FROM mail_outbox WHERE user_id = %s ORDER BY id",
                                             uuid.UUID(user_id).bytes)]


def told(stack, user_id):
    """What the newest mail of an admin's reset says that was done."""
    letters = wait_letter(stack, stack.sql("SELECT email FROM users WHERE id = %s", uuid.UUID(user_id).bytes)[0]["email"], "An administrator")
    return " ".join(letters.text.split())


# create


def test_the_first_account(stack):
    email = fresh()
    said = works(stack, "create", email, "--name", "Ada Lovelace")
    client, answer = sign_in(stack, email.lower(), password_in(said))
    made = expect(answer, 200)["data"]
    assert (made["email"], made["name"]) == (email, "Ada Lovelace") and made["id"] in said
    assert activity(stack, made["id"]) == [("admin_created", "admin", None)]
    expect(client.post("/api/v1/keys", json={"name": "first"}), 201)


def test_a_password_from_standard_input_is_not_shown(stack):
    email = fresh()
    said = works(stack, "create", email, "--password-stdin", stdin=NEW + "\nmore\n")
    assert NEW not in said and "password" not in said
    assert expect(sign_in(stack, email, NEW)[1], 200)["data"]["name"] is None


def test_made_passwords_differ(stack):
    assert len({password_in(works(stack, "create", fresh())) for _ in range(3)}) == 3


@pytest.mark.parametrize("args, stdin, words", [
    (["nobody"], None, "nobody"),
    (["a@b"], None, "a@b"),
    (["a\r\nBcc: b@example.com"], None, ""),
    (["a@example.com", "--name", ""], None, "name"),
    (["a@example.com", "--name", "x" * 101], None, "name"),
    (["a@example.com", "--name", "two\nlines"], None, "name"),
    (["a@example.com", "--name", b"\xff"], None, "name"),
    (["a@example.com", "--password-stdin"], "", "standard input"),
    (["a@example.com", "--password-stdin"], "short\n", "10"),
    (["a@example.com", "--password-stdin"], "x" * 2000 + "\n", "72"),
    (["a@example.com", "--password-stdin"], "has a NUL\0 in its middle\n", ""),
])
def test_what_is_no_account(stack, args, stdin, words):
    before = stack.sql("SELECT COUNT(*) AS n FROM users")
    assert words in fails(stack, "create", *args, stdin=stdin)
    assert stack.sql("SELECT COUNT(*) AS n FROM users") == before


def test_an_address_has_one_account(stack, user):
    assert "already" in fails(stack, "create", user.email.upper())
    assert activity(stack, user.id) == []


def test_there_is_no_password_on_the_command_line(stack):
    assert "is not an option" in fails(stack, "create", fresh(), "--password", NEW, code=2)


def test_without_an_address(stack):
    assert fails(stack, "create", code=2)
    assert fails(stack, "show", code=2)


# list and show


def test_list_is_paged_in_the_order_of_addresses_and_noted(stack):
    word = uuid.uuid4().hex
    emails = [f"{word}.{i}@example.com" for i in range(5)]
    ids = {e: re.search(r"id is (\S+)", works(stack, "create", e))[1] for e in reversed(emails)}
    works(stack, "disable", emails[3])

    def listed(*more):
        done = stack.admin("user", "list", "--begins", word.upper(), *more)
        assert done.returncode == 0, done.stderr
        return [line.split()[3] for line in done.stdout.splitlines()], done.stderr

    assert listed() == (emails, "")
    shown, hint = listed("--limit", "2")
    assert shown == emails[:2] and emails[1] in hint
    assert listed("--limit", "5", "--after", emails[1].upper())[0] == emails[2:]
    assert listed("--state", "disabled")[0] == [emails[3]]
    assert listed("--state", "active", "--after", emails[2])[0] == [emails[4]]
    assert listed("--after", emails[4]) == ([], "")
    assert activity(stack, ids[emails[0]]) == [("admin_created", "admin", None), ("admin_read", "admin", "list"),
                                               ("admin_read", "admin", "list")]


@pytest.mark.parametrize("args", [["--limit", "0"], ["--limit", "1001"], ["--limit", "x"], ["--state", "gone"]])
def test_list_options(stack, args):
    assert args[0] in fails(stack, "list", *args, code=2)


def test_no_list_walks_the_users(stack):
    for where in ("", "state = 'disabled' AND "):
        for force in ("FORCE INDEX (by_state)",) if where else ("",):
            plan, = stack.sql(f"EXPLAIN SELECT id FROM users {force} WHERE {where}email_key > 'a' AND email_key >= 'b'"
                              " AND email_key < 'b~' ORDER BY email_key LIMIT 50")
            assert plan["type"] == "range" and "filesort" not in (plan["Extra"] or ""), plan


def test_show_says_what_is_known_and_no_secret(stack, user, account):
    user.make_key("laptop")
    said = works(stack, "show", user.email)
    key = stack.sql("SELECT prefix FROM api_keys WHERE user_id = %s AND name = 'laptop'", uuid.UUID(user.id).bytes)[0]["prefix"]
    for word in (user.id, user.email, "active", key, "laptop", account, "1 of ", "sessions"):
        assert word in said, said
    row = stack.sql("SELECT password_hash FROM users WHERE id = %s", uuid.UUID(user.id).bytes)[0]
    assert row["password_hash"] not in said and user.key not in said
    assert user.web.cookies["__Host-session"] not in said
    assert activity(stack, user.id) == [("admin_read", "admin", "show")]
    assert works(stack, "show", user.id).startswith("id         " + user.id)


def test_its_owner_sees_who_looked(stack, user):
    works(stack, "show", user.id)
    newest = expect(user.web.get("/api/v1/me/activity"), 200)["data"][0]
    assert (newest["what"], newest["by"], newest["about"]) == ("admin_read", "admin", "show")


def test_an_address_to_which_no_mail_comes(stack, user):
    assert "came back" not in works(stack, "show", user.id)
    stack.sql("UPDATE users SET undeliverable_at_us = 1700000000000000 WHERE id = %s", uuid.UUID(user.id).bytes)
    assert "mail to it came back 2023-11-14T22:13:20" in works(stack, "show", user.id)


def test_what_others_wrote_does_nothing_to_a_terminal(stack, user):
    stack.sql("UPDATE users SET name = %s WHERE id = %s", "a\x1b[2Jb\x9bc\u00e9\n", uuid.UUID(user.id).bytes)
    said = works(stack, "show", user.id)
    assert "a?[2Jb?c\u00e9?\n" in said and "\x1b" not in said and "\x9b" not in said


@pytest.mark.parametrize("verb", ["show", "disable", "enable", "reset-password", "reset-totp", "sessions"])
def test_nobody(stack, verb):
    assert "there is no user" in fails(stack, verb, "nobody@example.com")


@pytest.mark.parametrize("who", ["0193a203-0000-7000-8000-000000000000", "x", ""])
def test_no_address_and_no_id(stack, who):
    assert "there is no user" in fails(stack, "show", who)


# disable and enable: what becomes of keys, sessions and posts is in test_disabled.py


def test_disable_is_said_noted_once_and_can_be_repeated(stack, user):
    assert "is disabled" in works(stack, "disable", user.email)
    assert "was disabled before" in works(stack, "disable", user.id)
    assert "disabled" in works(stack, "show", user.id)
    assert "is active" in works(stack, "enable", user.id)
    assert "was active before" in works(stack, "enable", user.id)
    assert activity(stack, user.id) == [("admin_disabled", "admin", None), ("admin_read", "admin", "show"),
                                        ("admin_enabled", "admin", None)]


# reset-password and sessions


def test_reset_password(stack, user):
    other = Client(stack.url, stack.ca, Origin=stack.url)
    expect(other.post("/api/v1/auth/login", json={"email": user.email, "password": user.password}), 200)
    stack.sql("INSERT INTO one_time_tokens VALUES (%s, 'reset_password', %s, 1, 1 << 60)", os.urandom(32), uuid.UUID(user.id).bytes)
    key = user.key
    new = password_in(works(stack, "reset-password", user.email))
    for client in (user.web, other):
        expect(client.get("/api/v1/me"), 401)
    expect(with_key(stack, key), 200)
    expect(sign_in(stack, user.email, user.password)[1], 401)
    expect(sign_in(stack, user.email, new)[1], 200)
    assert not stack.sql("SELECT 1 FROM one_time_tokens WHERE subject_id = %s", uuid.UUID(user.id).bytes), "no link is good"
    assert activity(stack, user.id) == [("admin_reset_password", "admin", None)]
    assert mails(stack, user.id) == ["reset_by_admin"]
    assert "Your password is another one now" in told(stack, user.id)


def test_reset_password_from_standard_input(stack, user):
    assert NEW not in works(stack, "reset-password", user.id, "--password-stdin", stdin=NEW)
    expect(sign_in(stack, user.email, NEW)[1], 200)
    assert "10" in fails(stack, "reset-password", user.id, "--password-stdin", stdin="short")
    expect(sign_in(stack, user.email, NEW)[1], 200)


@pytest.mark.parametrize("by", ["id", "email"])
def test_a_new_password_is_none_that_the_user_is_known_by(stack, user, by):
    """However the admin names the user: the name and the address are what others would try first."""
    stack.sql("UPDATE users SET name = 'Wilhelmina Featherstone' WHERE id = %s", uuid.UUID(user.id).bytes)
    for word in ("wilhelminafeatherstone", user.email):
        assert "address" in fails(stack, "reset-password", getattr(user, by), "--password-stdin", stdin=word + "\n")
    expect(sign_in(stack, user.email, user.password)[1], 200)


def test_a_password_of_a_line_from_windows(stack, user):
    works(stack, "reset-password", user.id, "--password-stdin", stdin=NEW + "\r\nmore\r\n")
    expect(sign_in(stack, user.email, NEW)[1], 200)
    works(stack, "create", email := fresh(), "--password-stdin", stdin=NEW + "\r\n")
    expect(sign_in(stack, email, NEW)[1], 200)


def test_reset_totp(stack, user):
    enrol(user)
    token = begun(user)
    assert "needs a code" in works(stack, "show", user.id) and "10 recovery codes left" in works(stack, "show", user.id)
    assert "needs no code any more, and all sessions have ended" in works(stack, "reset-totp", user.email)
    expect(begin(user), 200)
    expect(finish(stack, token, "000000"), 401)
    expect(user.web.get("/api/v1/me"), 401, "session_expired")
    for table in ("user_totp", "recovery_codes", "pending_sign_ins"):
        assert not stack.sql(f"SELECT 1 FROM {table} WHERE user_id = %s", uuid.UUID(user.id).bytes), table
    assert "needed no code before" in works(stack, "reset-totp", user.id)
    assert activity(stack, user.id)[2:] == [("admin_reset_totp", "admin", None)]
    assert mails(stack, user.id)[-1] == "reset_by_admin" and "Signing in needs no code any more" in told(stack, user.id)
    assert "by password alone" in works(stack, "show", user.id)


def test_a_new_password_does_not_pass_the_code(stack, user):
    app, _ = enrol(user)
    user.password = password_in(works(stack, "reset-password", user.id))
    expect(finish(stack, begun(user), app.next()), 200)


def test_sessions_are_listed_and_ended(stack, user, other):
    expect(sign_in(stack, user.email, user.password)[1], 200)
    said = works(stack, "sessions", user.id).splitlines()
    assert len(said) == 2 and all("signed in" in line and "last seen" in line for line in said)
    expect(user.web.get("/api/v1/me"), 200)
    assert len(works(stack, "sessions", user.id, "--end").splitlines()) == 2
    expect(user.web.get("/api/v1/me"), 401)
    expect(other.web.get("/api/v1/me"), 200)
    assert works(stack, "sessions", user.id) == ""
    assert [what for what, _, _ in activity(stack, user.id)] == ["admin_read", "admin_ended_sessions", "admin_read"]


def test_ending_sessions_ends_sign_ins_that_wait_for_a_code(stack, user):
    app, _ = enrol(user)
    token = begun(user)
    works(stack, "sessions", user.id, "--end")
    expect(finish(stack, token, app.next()), 401, "sign_in_ended")


# verify: a registration, by who vouches for its address


def register(stack, email, **more):
    expect(stack.client().post("/api/v1/auth/register", json={"email": email, **more}), 202)


def pending(stack, email):
    return stack.sql("SELECT COUNT(*) AS n FROM registrations WHERE email_key = %s", email.lower())[0]["n"]


def test_verify_makes_the_account_with_a_password_of_its_own(stack):
    email = fresh()
    register(stack, email, name="Not Ada", password="what somebody else typed")
    register(stack, email, name="Ada", password="what somebody else typed")
    assert pending(stack, email) == 2
    said = works(stack, "verify", email.upper())
    expect(sign_in(stack, email, "what somebody else typed")[1], 401)
    made = expect(sign_in(stack, email, password_in(said))[1], 200)["data"]
    assert (made["email"], made["name"]) == (email, "Ada"), "of the newest"
    assert pending(stack, email) == 0
    assert activity(stack, made["id"]) == [("admin_verified", "admin", None)]
    assert "nobody has registered" in fails(stack, "verify", email)


def test_verify_needs_a_registration_that_is_not_over(stack, user):
    assert "nobody has registered" in fails(stack, "verify", fresh())
    assert "nobody has registered" in fails(stack, "verify", user.email)
    email = fresh()
    register(stack, email)
    stack.move_clock(7 * 86400)
    assert "nobody has registered" in fails(stack, "verify", email)
    assert fails(stack, "verify", "x")


def test_create_drops_what_was_registered(stack):
    email = fresh()
    register(stack, email)
    works(stack, "create", email)
    assert pending(stack, email) == 0


# Invitations


def test_invitations(stack):
    def invitation(*args):
        done = stack.admin("invitation", *args)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    said = invitation("create", "--uses", "2", "--days", "3")
    code, id = re.search(r"^code: (\w{20,})$", said, re.MULTILINE)[1], re.search(r"invitation (\S+)", said)[1]
    line, = (line for line in invitation("list").splitlines() if line.startswith(id))
    assert "0 of 2 used" in line and "revoked" not in line and code not in line
    assert "is revoked" in invitation("revoke", id)
    assert "is revoked" in invitation("revoke", id), "it can be repeated"
    line, = (line for line in invitation("list").splitlines() if line.startswith(id))
    assert line.endswith("revoked")
    for args, code, words in ((("create", "--uses", "0"), 2, "--uses"), (("create", "--days", "367"), 2, "--days"),
                              (("revoke", str(uuid.uuid4())), 1, "no invitation"), (("revoke", "x"), 1, "not the id")):
        done = stack.admin("invitation", *args)
        assert done.returncode == code and words in done.stderr, done


# The database


def test_as_whom_and_where(stack):
    assert "nobody_there" in fails(stack, "list", "--user", "nobody_there")
    assert "not_there" in fails(stack, "list", "--database", "not_there")
