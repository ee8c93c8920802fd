"""The password: which may be chosen; changed in a session; forgotten and reset by the link of a mail."""

import concurrent.futures
import json
import re
import uuid

import pymysql
import pytest
import seen
from conftest import User
from helpers import expect
from links import HOUR, MINUTE, activity, holders_of, link, mails, now_us, sign_in, told
from newcomers import Newcomer

NEW = "seven copper walruses"
FORGOT = "/api/v1/auth/forgot-password"
RESET = "/api/v1/auth/reset-password"
CHANGE = "/api/v1/auth/change-password"


def change(user, old=None, new=NEW, web=None):
    return (web or user.web).post(CHANGE, json={"old_password": old or user.password, "new_password": new})


def forgot(stack, email):
    return stack.client(Origin=stack.url).post(FORGOT, json={"email": email})


def reset(stack, token, password=NEW):
    return stack.client(Origin=stack.url).post(RESET, json={"token": token, "password": password})


def reset_link(stack, user):
    return link(stack, "reset_password", user.id)


def second_session(user):
    answer, web = sign_in(user.stack, user.email, user.password)
    expect(answer, 200)
    return web


def disable(stack, user):
    stack.sql("UPDATE users SET state = 'disabled' WHERE id = %s", uuid.UUID(user.id).bytes)


# Which may be chosen


WEAK = [
    ("123456789", "password_too_short"), ("kQ4!vT9#x", "password_too_short"), ("ä" * 9, "password_too_short"),
    ("kQ4!vT9#x" * 8 + "k", "password_too_long"), ("kQ4!vT9#" * 8 + "kQ4!vT9ä", "password_too_long"),
    ("kQ4!vT9#xz\0", "password_nul"),
    ("password123", "password_common"), ("Pa$$w0rd2024", "password_common"), ("letmein letmein", "password_common"),
    ("aaaaaaaaaaaa", "password_pattern"), ("qwertyuiop[]", "password_pattern"), ("abcdefghijkl", "password_pattern"),
    ("kx9kx9kx9kx9", "password_pattern"), (" " * 20, "password_pattern"), ("0" * 72, "password_pattern"),
    ("1987-04-23", "password_date"),
    ("marketingcli1", "password_personal"),
]


@pytest.mark.parametrize("password, code", WEAK)
def test_a_password_that_is_soon_guessed_is_refused(user, password, code):
    error = expect(change(user, new=password), 422, code)["error"]
    assert error["param"] == "new_password" and password not in json.dumps(error)


@pytest.mark.parametrize("password", [
    "kQ4!vT9#xz", "kQ4!vT9#xz" * 7 + "kQ"[:2], "ü" + "kQ4!vT9#x", "four words that help", "überraschend viele Zebras"])
def test_other_passwords_are_taken(user, password):
    expect(change(user, new=password), 204)
    expect(sign_in(user.stack, user.email, password)[0], 200)


@pytest.mark.parametrize("of", ["local", "domain", "whole", "name", "leet"])
def test_what_others_know_of_the_user_is_no_password(user, of):
    expect(user.web.patch("/api/v1/me", json={"name": "Wilhelmina Papadopoulou"}), 200)
    local, _, domain = user.email.partition("@")
    words = {"local": local, "domain": f"{domain}-1", "whole": user.email, "name": "Wilhelmina Papadopoulou",
             "leet": "W1lh3lm1n4"}
    seen.is_public(*words.values())
    expect(change(user, new=words[of]), 422, "password_personal")
    stranger = User(user.stack)
    if of in ("name", "leet"):  # of somebody else it is good
        expect(change(stranger, new="Wilhelmina Papadopoulou"), 204)


def test_it_is_asked_at_the_reset_too(stack, user):
    token = reset_link(stack, user)
    seen.is_public(local := user.email.partition("@")[0])
    for password, code in (("short", "password_too_short"), ("password123", "password_common"), (local, "password_personal")):
        assert expect(reset(stack, token, password), 422, code)["error"]["param"] == "password"
    expect(reset(stack, token), 204)  # the link was not used up


def test_it_is_asked_at_the_registration_too(stack):
    newcomer = Newcomer(stack)
    seen.is_public(local := newcomer.email.partition("@")[0], "Zwentibold Smith")
    for password, code in (("password123", "password_common"), (local, "password_personal"), ("Zwentibold Smith", "password_personal")):
        answer = newcomer.register(name="Zwentibold Smith", password=password)
        assert expect(answer, 422, code)["error"]["param"] == "password"
    expect(newcomer.register(name="Zwentibold Smith"), 202)
    for password, code in (("short", "password_too_short"), (local, "password_personal"), ("Zwentibold Smith", "password_personal")):
        assert expect(newcomer.verify(newcomer.link(), password), 422, code)["error"]["param"] == "password"
    expect(newcomer.verify(newcomer.link(), NEW), 200)


def test_all_problems_at_once(user):
    answer = user.web.post(CHANGE, json={"old_password": 5, "new_password": "short", "more": 1})
    details = expect(answer, 422, "validation_failed")["error"]["details"]
    assert {d["param"]: d["code"] for d in details} == {
        "old_password": "wrong_type", "new_password": "password_too_short", "more": "unknown_field"}


# The pages of the links


@pytest.mark.parametrize("page, route", [("reset-password", "reset-password"), ("change-email", "confirm-email"), ("undo-email", "undo-email")])
def test_a_page_sends_its_link_to_the_api(stack, page, route):
    """By link.js, which test_verification.py runs."""
    shown = stack.client().get(f"/{page}")
    assert shown.status_code == 200 and shown.headers["Content-Type"].startswith("text/html")
    assert "script-src 'self'" in shown.headers["Content-Security-Policy"]
    assert not re.search(r"<script>|\son\w+=|style=|https?:", shown.text), "nothing inline, nothing from elsewhere"
    addresses = re.findall(r'(?:src|href|action)="([^"]*)"', shown.text)
    assert addresses[:3] == ["/style.css", "/icon.svg", "/link.js"] and all(re.match("/(?!/)", a) for a in addresses)
    sent = {"reset-password": ["/api/v1/auth/resend-reset"]}.get(page, [])
    assert [a for a in addresses if a.startswith("/api/")] == [f"/api/v1/auth/{route}", *sent]
    assert re.findall(r'<input [^>]*name="(\w+)"', shown.text) == (["password"] if page == "reset-password" else [])
    assert all(f'id="{id}"' in shown.text for id in ("form", "result")) and 'data-done="' in shown.text


# Changing


def test_a_change_ends_all_other_sessions(stack, user):
    other, key, old = second_session(user), user.key, user.web.cookies["__Host-session"]
    before = len(mails(stack, user))
    answer = change(user)
    expect(answer, 204)
    assert all(w in answer.headers["Set-Cookie"] for w in ("Path=/", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age="))
    expect(other.get("/api/v1/me"), 401, "session_expired")
    expect(stack.client(Cookie=f"__Host-session={old}").get("/api/v1/me"), 401, "session_expired")  # at once
    expect(user.web.get("/api/v1/me"), 200)
    expect(user.web.post("/api/v1/keys", json={"name": "typed a moment ago"}), 201)
    expect(stack.client(Authorization=f"Bearer {key}").get("/api/v1/me"), 200)
    expect(sign_in(stack, user.email, user.password)[0], 401, "bad_credentials")
    expect(sign_in(stack, user.email, NEW)[0], 200)
    assert [m[0] for m in mails(stack, user)[before:]] == ["password_changed"]
    assert len(activity(user, "password_changed")) == 1


def test_it_makes_the_session_recent(stack, user):
    stack.move_clock(11 * MINUTE)
    expect(user.web.post("/api/v1/keys", json={"name": "k"}), 403, "recent_auth_required")
    expect(change(user), 204)
    expect(user.web.post("/api/v1/keys", json={"name": "k"}), 201)


def test_a_wrong_old_password_changes_nothing(stack, user):
    other, cookie = second_session(user), user.web.cookies["__Host-session"]
    assert expect(change(user, old="not my password"), 403, "wrong_password")["error"]["retryable"] is False
    expect(other.get("/api/v1/me"), 200)
    assert user.web.cookies["__Host-session"] == cookie and activity(user, "password_changed") == []
    expect(sign_in(stack, user.email, user.password)[0], 200)


def test_guesses_are_counted_with_those_at_confirm(stack, user):
    for i in range(5):
        path, name = ((CHANGE, "old_password"), ("/api/v1/auth/confirm", "password"))[i % 2]
        expect(user.web.post(path, json={name: "x", **({"new_password": NEW} if path == CHANGE else {})}), 403, "wrong_password")
    answer = change(user)
    expect(answer, 429, "too_many_wrong_passwords")
    stack.move_clock(int(answer.headers["Retry-After"]))
    expect(change(user), 204)


def test_of_two_changes_at_once_one_wins(stack, user):
    other, news = second_session(user), ["copper walrus seven", "granite llama eleven"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda i: change(user, new=news[i], web=(user.web, other)[i]), range(2)))
    assert sorted(a.status_code for a in answers)[0] == 204
    won = [a.status_code for a in answers].index(204)
    assert answers[1 - won].status_code in (401, 403, 409), answers[1 - won].text
    assert [sign_in(stack, user.email, p)[0].status_code for p in news] == [200, 401][::1 if won == 0 else -1]
    assert len(mails(stack, user, "password_changed")) == 1


@pytest.mark.parametrize("path, body", [
    (CHANGE, {"old_password": "x", "new_password": NEW}), (FORGOT, {"email": "a@example.com"}), (RESET, {"token": "x", "password": NEW})])
def test_a_foreign_page_can_do_nothing(stack, user, path, body):
    answer = user.web.post(path, json=body, headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"})
    expect(answer, 403, "cross_origin")


def test_who_may_not_change_it(stack, user):
    body = {"old_password": user.password, "new_password": NEW}
    expect(user.api.post(CHANGE, json=body), 403, "session_required")
    expect(stack.client(Origin=stack.url).post(CHANGE, json=body), 401, "unauthenticated")


# Forgetting


def test_known_and_unknown_addresses_are_answered_alike(stack, user, other):
    disable(stack, other)
    answers = [forgot(stack, e) for e in (user.email, f"nobody.{user.email}", other.email, user.email.upper())]
    assert expect(answers[0], 202)["data"] == {"status": "accepted"}
    assert len({json.dumps(told(a)) for a in answers}) == 1
    assert mails(stack, user) == [("reset_password", None)] * 2
    assert mails(stack, other) == []


def test_strangers_cause_two_links_a_day(stack, user):
    """The third mail of a day is kept for the warning that they guess (test_allowances.py)."""
    stack.move_clock(2 * 86400 - now_us(stack) // 10**6 % 86400)  # the beginning of a day, UTC
    answers = [forgot(stack, user.email) for _ in range(4)]
    assert len({json.dumps(told(a)) for a in answers}) == 1 and answers[0].status_code == 202
    assert len(mails(stack, user)) == 2
    stack.move_clock(23 * HOUR)
    forgot(stack, user.email)
    assert len(mails(stack, user)) == 2
    stack.move_clock(HOUR)
    forgot(stack, user.email)
    assert len(mails(stack, user)) == 3


@pytest.mark.parametrize("body, code", [
    ({}, "required"), ({"email": None}, "required"), ({"email": ""}, "bad_email"), ({"email": "a@b"}, "bad_email"),
    ({"email": "a@example.com\r\nBcc: b@example.com"}, "bad_email"), ({"email": "a\0@example.com"}, "bad_email"),
    ({"email": "a@bücher.example"}, "bad_email"), ({"email": 5}, "wrong_type"), ({"email": "a@example.com", "x": 1}, "unknown_field"),
    ({"email": "a" * 65 + "@example.com"}, "bad_email"), ({"email": f"a@{'b' * 63}.{'c' * 63}.{'d' * 63}.{'e' * 63}.example"}, "bad_email"),
    ({"email": "a@example.com "}, "bad_email"), ({"email": "a@example.com."}, "bad_email")])
def test_what_is_no_address(stack, body, code):
    expect(stack.client(Origin=stack.url).post(FORGOT, json=body), 422, code)


@pytest.mark.parametrize("alike", ["+tag", ".", "é"])
def test_an_address_that_looks_like_it_gets_no_mail(stack, user, alike):
    local, _, domain = user.email.partition("@")
    forgot(stack, f"{local}{alike}@{domain}")
    assert mails(stack, user) == []


@pytest.mark.parametrize("by, status, code", [("email", 202, None), ("token", 400, "link_invalid")])
def test_whoever_is_erased_meanwhile_is_nobody(stack, by, status, code):
    """They were found, and are gone before the mail is written."""
    id, now = uuid.uuid4(), now_us(stack)
    email = f"{id}@example.com"
    stack.sql("INSERT INTO users (id, email_key, email, password_hash, state, created_at_us, updated_at_us)"
              " VALUES (%s, %s, %s, 'x', 'active', %s, %s)", id.bytes, email, email, now, now)
    token = link(stack, "reset_password", id.bytes)
    path, body = (FORGOT, {"email": email}) if by == "email" else ("/api/v1/auth/resend-reset", {"token": token})
    with pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="root", database="marketingcli") as root, \
            concurrent.futures.ThreadPoolExecutor(1) as pool:
        root.cursor().execute("DELETE FROM users WHERE id = %s", id.bytes)
        answer = pool.submit(stack.client(Origin=stack.url).post, path, json=body)
        stack.wait(lambda: re.search(r"\nLOCK WAIT .*\n.* marketingcli_auth\b", stack.sql("SHOW ENGINE INNODB STATUS")[0]["Status"]), "it waits for them")
        root.commit()
        expect(answer.result(), status, code)
    stack.sql("DELETE FROM one_time_tokens WHERE subject_id = %s", id.bytes)


# Resetting


def test_a_reset_ends_all_sessions_and_signs_nobody_in(stack, user):
    other, key = second_session(user), user.key
    token = reset_link(stack, user)
    answer = reset(stack, token)
    expect(answer, 204)
    assert "Set-Cookie" not in answer.headers
    for web in (user.web, other):
        expect(web.get("/api/v1/me"), 401, "session_expired")
    expect(stack.client(Authorization=f"Bearer {key}").get("/api/v1/me"), 200)
    expect(sign_in(stack, user.email, user.password)[0], 401, "bad_credentials")
    answer, user.web = sign_in(stack, user.email, NEW)
    expect(answer, 200)
    assert len(activity(user, "password_reset")) == 1
    assert mails(stack, user, "password_changed") == [("password_changed", None)]
    expect(reset(stack, token, "another copper walrus"), 400, "link_invalid")
    expect(sign_in(stack, user.email, NEW)[0], 200)


def test_a_link_is_good_for_half_an_hour(stack, user, other):
    early, late = reset_link(stack, user), reset_link(stack, other)
    stack.move_clock(30 * MINUTE - 5)
    expect(reset(stack, early), 204)
    stack.move_clock(6)
    expect(reset(stack, late), 400, "link_invalid")
    expect(sign_in(stack, other.email, other.password)[0], 200)


def test_what_is_no_link(stack, user):
    token = reset_link(stack, user)
    for bad in ("", "x", token[:-1], token + "x", token.swapcase(), f" {token}", token + "\0", "x" * 1024, "\u00fc" * 40):
        expect(reset(stack, bad), 400, "link_invalid")
    expect(reset(stack, token), 204)


@pytest.mark.parametrize("purpose", ["verify_email", "change_email", "undo_email", "unsubscribe"])
def test_a_link_of_another_kind_is_none(stack, user, purpose):
    expect(reset(stack, link(stack, purpose, user.id)), 400, "link_invalid")
    expect(sign_in(stack, user.email, user.password)[0], 200)


def test_a_link_is_one_users(stack, user, other):
    expect(reset(stack, reset_link(stack, user)), 204)
    expect(sign_in(stack, other.email, other.password)[0], 200)
    expect(sign_in(stack, other.email, NEW)[0], 401)


@pytest.mark.parametrize("body, code, param", [
    ({}, "required", None), ({"token": "x"}, "required", "password"), ({"password": NEW}, "required", "token"),
    ({"token": 1, "password": NEW}, "wrong_type", "token"), ({"token": "x" * 1025, "password": NEW}, "too_long", "token"),
    ({"token": "x", "password": None}, "required", "password"), ({"token": "x", "password": NEW, "user": 1}, "unknown_field", "user")])
def test_what_a_reset_is_made_of(stack, body, code, param):
    assert expect(stack.client(Origin=stack.url).post(RESET, json=body), 422, code)["error"]["param"] == param


def test_a_mail_that_came_twice_is_worth_one(stack, user):
    first, second = reset_link(stack, user), reset_link(stack, user)
    expect(reset(stack, second), 204)
    expect(reset(stack, first, "another copper walrus"), 400, "link_invalid")


def test_of_two_at_once_one_wins(stack, user):
    token, news = reset_link(stack, user), ["copper walrus seven", "granite llama eleven"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda p: reset(stack, token, p), news))
    assert sorted(a.status_code for a in answers) == [204, 400], [a.text for a in answers]
    assert [sign_in(stack, user.email, p)[0].status_code for p in news] == [{204: 200, 400: 401}[a.status_code] for a in answers]
    assert len(mails(stack, user, "password_changed")) == 1


def test_a_change_ends_links_that_are_under_way(stack, user):
    token = reset_link(stack, user)
    expect(change(user), 204)
    expect(reset(stack, token, "another copper walrus"), 400, "link_invalid")


def test_who_is_disabled_resets_nothing(stack, user):
    token = reset_link(stack, user)
    disable(stack, user)
    expect(reset(stack, token), 400, "link_invalid")
    stack.sql("UPDATE users SET state = 'active' WHERE id = %s", uuid.UUID(user.id).bytes)
    expect(sign_in(stack, user.email, user.password)[0], 200)


def test_no_table_holds_a_link_or_a_password(stack, user):
    token = reset_link(stack, user)
    expect(reset(stack, token), 204)
    assert holders_of(stack, token) == holders_of(stack, NEW) == []
