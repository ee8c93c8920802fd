"""Registering: an address gets a mail, and whoever asks learns nothing about it."""

import pathlib
import re
import sys

import pytest
from helpers import expect
from newcomers import DAY, PASSWORD, Newcomer

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from database import Database  # noqa: E402

LIFETIME_SEC = 7 * DAY
MAILS_A_DAY = 3


@pytest.fixture
def newcomer(stack):
    return Newcomer(stack)


@pytest.fixture
def known(stack):
    """An address that has an account."""
    somebody = Newcomer(stack)
    somebody.join()
    return somebody


# --- what it makes


def test_registering_makes_a_row_and_a_mail_and_no_user(newcomer):
    answer = newcomer.register(name="Ann Ünlü")
    assert expect(answer, 202)["data"] == {"status": "accepted"}
    assert "Set-Cookie" not in answer.headers
    row, = newcomer.rows()
    assert (row["email"], row["name"], row["password_hash"]) == (newcomer.email, "Ann Ünlü", None)
    assert row["expires_at_us"] - row["created_at_us"] == LIFETIME_SEC * 10**6
    assert newcomer.mails() == [("verify_email", row["id"])]
    assert newcomer.rows("users") == []
    expect(newcomer.login(), 401, "bad_credentials")


def test_the_form_of_email_and_password(newcomer):
    """As it was published; the password is kept as a hash alone."""
    expect(newcomer.register(password=PASSWORD), 202)
    row, = newcomer.rows()
    assert row["password_hash"].startswith("$2b$") and PASSWORD not in str(row)
    expect(newcomer.login(), 401, "bad_credentials")


def test_a_known_address_is_told_by_mail(known):
    before = known.rows("users")
    expect(known.register(password="another copper walrus", name="Mallory"), 202)
    assert known.rows("users") == before, "nothing changes for the one who has the account"
    assert known.mails() == [("already_registered", before[0]["id"])]
    row, = known.rows()
    assert row["expires_at_us"] == row["created_at_us"], "it never was good"
    assert (row["name"], row["password_hash"]) == (None, None)
    expect(known.verify(known.link()), 400, "link_invalid")
    expect(known.login("another copper walrus"), 401, "bad_credentials")
    expect(known.login(), 200)


# --- known and unknown addresses


CHANGES = re.compile(r"^(Date|X-Request-Id|RateLimit|X-RateLimit-Remaining|X-RateLimit-Reset): .*$", re.M)


def bytes_of(answer):
    """But for the time, the request's id, and how many requests are left."""
    head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    body = answer.text.replace(answer.headers["X-Request-Id"], "ID")
    return answer.status_code, CHANGES.sub(r"\1", head), body


@pytest.mark.parametrize("fields", [{}, {"password": PASSWORD, "name": "Ann"}])
def test_known_and_unknown_are_answered_alike(stack, known, newcomer, fields):
    """Also one that waits for its link, one whose mails of a day are used up, and one of somebody who may not sign in."""
    waiting, tired, disabled = Newcomer(stack), Newcomer(stack), Newcomer(stack)
    disabled.join()
    stack.sql("UPDATE users SET state = 'disabled' WHERE email_key = %s", disabled.email)
    waiting.register()
    for _ in range(MAILS_A_DAY):
        tired.register()
    people = (newcomer, known, waiting, tired, disabled)
    assert len({bytes_of(person.register(**fields)) for person in people}) == 1
    assert len({bytes_of(person.resend()) for person in (*people, Newcomer(stack))}) == 1


def test_known_and_unknown_cost_the_same_statements(stack, known, newcomer):
    with Database(stack) as database, database.used_by("auth"):
        newcomer.register()  # each thread prepares what it needs

        def asked(call):
            for _ in range(20):  # until a thread has it that has prepared all
                database.asked.clear()
                expect(call(), 202)
                stack.sql("DELETE FROM mail_allowances")
                if not any("SET SESSION" in text for text in database.asked):
                    return [text for text in database.asked if not any(own in text for own in ("usage_daily", "recipients"))]
            raise AssertionError("a new connection each time")
        waiting = Newcomer(stack)
        asked(waiting.register)
        for ask in ("register", "resend"):
            found = {tuple(asked(getattr(person, ask))) for person in (Newcomer(stack), known, waiting)}
            assert len(found) == 1, found
            assert sum("INSERT" in text for text in next(iter(found))) >= 3


# --- mails that strangers cause


def test_three_mails_a_day(stack, newcomer):
    for ask in (newcomer.register, newcomer.resend, newcomer.register):
        expect(ask(), 202)
    assert len(newcomer.mails()) == MAILS_A_DAY and len(newcomer.rows()) == 2
    for ask in (newcomer.register, newcomer.resend):
        expect(ask(), 202)
    assert len(newcomer.mails()) == MAILS_A_DAY and len(newcomer.rows()) == 2, "the fourth makes nothing"
    stack.move_clock(DAY)
    expect(newcomer.resend(), 202)
    assert len(newcomer.mails()) == MAILS_A_DAY + 1


def test_the_mails_of_an_address_are_counted_whatever_its_case(stack, newcomer):
    for email in (newcomer.email, newcomer.email.upper(), newcomer.email.title(), newcomer.email.swapcase()):
        expect(Newcomer(stack, email).register(), 202)
    assert len(newcomer.mails()) == MAILS_A_DAY


def test_resend_is_about_the_newest(newcomer):
    newcomer.register()
    newcomer.register()
    expect(newcomer.resend(), 202)
    first, second = (row["id"] for row in newcomer.rows())
    assert newcomer.mails() == [("verify_email", first), ("verify_email", second), ("verify_email", second)]


def test_resend_of_nothing_mails_nobody(stack, newcomer, known):
    """The row that is made so that all addresses cost the same is about nobody."""
    before = {m["id"] for m in stack.sql("SELECT id FROM mail_outbox")}
    expect(newcomer.resend(), 202)
    expect(known.resend(), 202)
    made = [m for m in stack.sql("SELECT * FROM mail_outbox") if m["id"] not in before]
    assert sorted(m["template"] for m in made) == ["already_registered", "verify_email"]
    nobody, = (m for m in made if m["template"] == "verify_email")
    assert nobody["user_id"] is None
    stack.wait(lambda: stack.sql("SELECT state FROM mail_outbox WHERE id = %s", nobody["id"])[0]["state"] == "dropped",
               "the worker has found nobody to mail it to")
    assert stack.sql("SELECT 1 FROM registrations WHERE id = %s", nobody["subject_id"]) == []


def test_a_registration_that_is_over_is_not_mailed(stack, newcomer):
    newcomer.register()
    stack.move_clock(LIFETIME_SEC + 1)
    expect(newcomer.resend(), 202)
    assert len(newcomer.mails()) == 1


# --- bad input


def test_every_problem_at_once(newcomer):
    answer = newcomer.register(email="nobody", password="short", name="", plan="gold", accepted_terms="yes", invitation=7)
    error = expect(answer, 422, "validation_failed")["error"]
    assert {d["param"]: d["code"] for d in error["details"]} == {
        "email": "bad_email", "password": "password_too_short", "name": "too_short", "plan": "unknown_field",
        "accepted_terms": "wrong_type", "invitation": "wrong_type"}
    assert all(d["message"] for d in error["details"])


@pytest.mark.parametrize("path, needed", [("register", ["email"]), ("resend-verification", ["email"]),
                                          ("verify-email", ["token", "password"])])
def test_what_is_needed(newcomer, path, needed):
    error = expect(newcomer.web.post(f"/api/v1/auth/{path}", json={}), 422, "required")["error"]
    assert [d["param"] for d in error["details"]] == needed


@pytest.mark.parametrize("password, code", [
    ("123456789", "password_too_short"),
    ("ä" * 9, "password_too_short"),
    ("x" * 73, "password_too_long"),
    ("x" * 71 + "ä", "password_too_long"),
    ("0123456789\0", "password_nul"),
    ("\0" + "0123456789", "password_nul"),
    (1234567890, "wrong_type"),
])
def test_passwords_that_are_refused(newcomer, password, code):
    newcomer.register()
    for answer in (newcomer.register(password=password), newcomer.verify(newcomer.link(), password)):
        error = expect(answer, 422, code)["error"]
        assert error["param"] == "password"
        assert str(password) not in str(error), "the answer does not repeat it"
    assert newcomer.rows("users") == []


@pytest.mark.parametrize("password", ["q7#Vd9!kzt", "ä7ßq-ü2xöv", "correct-horse." * 5 + "-x"])
def test_passwords_that_are_taken(stack, password):
    for fields in ({"password": password}, {}):
        newcomer = Newcomer(stack)
        expect(newcomer.register(**fields), 202)
        expect(newcomer.verify(newcomer.link(), password), 200)
        expect(newcomer.login(password), 200)
        expect(newcomer.login(password[:-1] + "y"), 401, "bad_credentials")


@pytest.mark.parametrize("email", [
    "", "a", "a@localhost", "a b@example.org", "@example.org", "a@", "a@@example.org", "a@b@example.org",
    "a@example.org\n", "a@example.org\r\nBcc: b@example.org", "\na@example.org", "a\0@example.org", "a@example.org\0",
    "a@example.org ", " a@example.org", "a@example.org.", "a@.example.org", "a@example..org", "a@\u00a0example.org",
    "ä@example.org", "a@bücher.example", "a@example\u3002org", "a\u0308@example.org", "ａ@example.org",
    "a" * 65 + "@example.org", "a" * 64 + "@" + "b" * 63 + "." + "c" * 63 + "." + "d" * 62, "a" * 320, "a@" + "b." * 159 + "c",
    '"a b"@example.org', "a@[127.0.0.1]", "a@127.0.0.1", "<a@example.org>", "a@example.org, b@example.org", ["a@example.org"]])
def test_addresses_that_are_refused(newcomer, email):
    for path in ("register", "resend-verification"):
        code = "wrong_type" if isinstance(email, list) else "bad_email"
        answer = newcomer.web.post(f"/api/v1/auth/{path}", json={"email": email})
        assert expect(answer, 422, code)["error"]["param"] == "email"


@pytest.mark.parametrize("local, domain", [
    ("a" * 64, "example.org"), ("a", "b.c"), ("o'brien+news", "example.org"), ("a.", "example.org"),
    ("a" * 64, "b" * 63 + "." + "c" * 63 + "." + "d" * 61), ("a", "xn--bcher-kva.example")])
def test_addresses_that_are_taken(stack, local, domain):
    newcomer = Newcomer(stack, f"{local}@{domain}")
    stack.sql("DELETE FROM mail_allowances")
    expect(newcomer.register(), 202)
    assert newcomer.rows()[-1]["email"] == newcomer.email


def test_look_alikes_are_apart(stack, newcomer):
    """Of two that differ in more than the case of letters, none is the other's; two that do not are one."""
    local, domain = newcomer.email.split("@")
    alike = [f"{local}+tag@{domain}", f"{local}.@{domain}", f"{local}-@{domain}", f"{local[:2]}.{local[2:]}@{domain}",
             f"{local}@{domain}.example", f"{local}@xn--{domain}"]
    for person in [newcomer, *(Newcomer(stack, email) for email in alike)]:
        person.join()
    assert len({person.rows("users")[0]["id"] for person in [newcomer, *(Newcomer(stack, e) for e in alike)]}) == len(alike) + 1
    again = Newcomer(stack, newcomer.email.upper())
    expect(again.register(), 202)
    assert newcomer.mails()[-1][0] == "already_registered"
    expect(again.login(), 200)


@pytest.mark.parametrize("name, code", [
    ("", "too_short"), ("x" * 101, "too_long"), ("ü" * 50 + "x", "too_long"), ("a\nb", "invalid_characters"),
    ("a\r\nBcc: b@example.org", "invalid_characters"), ("a\0", "invalid_characters"), ("\x7f", "invalid_characters"),
    (["Ann"], "wrong_type")])
def test_names_that_are_refused(newcomer, name, code):
    assert expect(newcomer.register(name=name), 422, code)["error"]["param"] == "name"


@pytest.mark.parametrize("name", [None, "x", "x" * 100, "ü" * 50, "<b>\"O'Brien\"</b>", "عائشة"])
def test_names_that_are_taken(newcomer, name):
    assert newcomer.join(name=name)["name"] == name


@pytest.mark.parametrize("body, status, code", [
    (b"", 400, "bad_json"),
    (b"{", 400, "bad_json"),
    (b"[]", 400, "bad_json"),
    (b'{"email":"a@b.c"} x', 400, "bad_json"),
    (b'{"email":"\xff"}', 400, "bad_utf8"),
    (b'{"email":' + b"[" * 20 + b"]" * 20 + b"}", 400, "json_too_deep"),
    (b'{"name":"' + b"x" * 20000 + b'"}', 413, "body_too_large"),
])
def test_bodies_that_are_refused(newcomer, body, status, code):
    for path in ("register", "resend-verification", "verify-email"):
        expect(newcomer.web.post(f"/api/v1/auth/{path}", data=body, headers={"Content-Type": "application/json"}), status, code)


def test_json_only(newcomer):
    for path in ("register", "resend-verification", "verify-email"):
        expect(newcomer.web.post(f"/api/v1/auth/{path}", data={"email": newcomer.email}), 415, "unsupported_media_type")
        assert newcomer.web.get(f"/api/v1/auth/{path}").status_code == 405


# --- nothing is left behind that must not be


def test_a_dump_holds_no_token_and_no_password(stack, newcomer, known):
    password, other = "a password of the dump", "another of the dump"
    expect(newcomer.register(password=password), 202)
    expect(known.register(password=other), 202)
    token = newcomer.link()
    expect(newcomer.verify(token, "a wrong one of the dump"), 403, "wrong_password")
    waiting = Newcomer(stack)
    waiting.register(password=other)
    pending = waiting.link()
    expect(newcomer.verify(token, password), 200)
    tables = [r["name"] for r in stack.sql("SELECT TABLE_NAME AS name FROM information_schema.TABLES"
                                           " WHERE TABLE_SCHEMA = 'marketingcli' AND TABLE_TYPE = 'BASE TABLE'")]
    dump = "\n".join(str(stack.sql(f"SELECT * FROM {table}")) for table in tables)
    assert waiting.email in dump and "one_time_tokens" in tables, "it is a dump"
    for secret in (password, other, "a wrong one of the dump", token, pending):
        assert secret not in dump
