"""The second factor: codes of an authenticator app at the sign-in, and recovery codes."""

import concurrent.futures
import hashlib
import json
import re
import urllib.parse
import uuid

import pytest
from authenticator import App, begin, begun, enrol, finish, totp
from helpers import expect
from mailing import wait_letter

MINUTE = 60
COOKIE = "__Host-session"
TOTP = "/api/v1/auth/totp"


@pytest.fixture
def enrolled(user):
    """(user, app, recovery codes); no code was used in the current 30 seconds but that which enabled it."""
    return user, *enrol(user)


def rows(stack, user, table):
    return stack.sql(f"SELECT * FROM {table} WHERE user_id = %s", uuid.UUID(user.id).bytes)


def told(stack, user):
    """(what is in the activity, which mails there are), in their order."""
    done = stack.sql("SELECT what FROM activity WHERE user_id = %s ORDER BY id", uuid.UUID(user.id).bytes)
    mails = stack.sql("SELECT template FROM mail_outbox WHERE user_id = %s ORDER BY id", uuid.UUID(user.id).bytes)
    return [r["what"] for r in done], [r["template"] for r in mails]


# Switching it on and off


def test_what_an_app_gets(user, stack):
    data = expect(user.web.post("/api/v1/auth/totp"), 200)["data"]
    assert set(data) == {"secret", "otpauth_uri"} and re.fullmatch("[A-Z2-7]{32}", data["secret"])
    uri = urllib.parse.urlsplit(data["otpauth_uri"])
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert urllib.parse.unquote(uri.path) == f"/localhost:{user.email}"
    assert urllib.parse.parse_qs(uri.query) == {"secret": [data["secret"]], "issuer": ["localhost"], "algorithm": ["SHA1"],
                                                "digits": ["6"], "period": ["30"]}
    assert data["secret"] not in stack.log("auth")


def test_it_counts_once_a_code_was_given(user, stack):
    expect(user.web.post("/api/v1/auth/totp"), 200)
    assert expect(user.web.get(TOTP), 200)["data"] == {"enabled": False, "enabled_at": None, "recovery_codes_left": 0}
    expect(begin(user), 200)  # not yet
    app, codes = enrol(user)
    assert len(set(codes)) == 10 and all(re.fullmatch("([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", c) for c in codes)
    data = expect(user.web.get(TOTP), 200)["data"]
    assert data["enabled"] and data["enabled_at"] and data["recovery_codes_left"] == 10
    what, mails = told(stack, user)
    assert what[-1] == "totp_enabled" and mails[-1] == "totp_enabled"
    begun(user)


def test_only_hashes_and_what_is_sealed_are_kept(enrolled, stack):
    user, app, codes = enrolled
    (row,), kept = rows(stack, user, "user_totp"), rows(stack, user, "recovery_codes")
    assert len(row["secret"]) == 29 + 20 and app.secret not in str(row)
    assert {r["code_hash"] for r in kept} == {hashlib.sha256(uuid.UUID(user.id).bytes + c.replace("-", "").encode()).digest() for c in codes}


def test_enrolling_again_before_it_counts(user, stack):
    first = App(stack, expect(user.web.post("/api/v1/auth/totp"), 200)["data"]["secret"])
    second = App(stack, expect(user.web.post("/api/v1/auth/totp"), 200)["data"]["secret"])
    assert first.secret != second.secret
    expect(user.web.post("/api/v1/auth/totp/confirm", json={"code": first.shows()}), 403, "wrong_code")
    expect(user.web.post("/api/v1/auth/totp/confirm", json={"code": second.shows()}), 200)


def test_enrolling_when_it_counts(enrolled, stack):
    user, app, _ = enrolled
    expect(user.web.post("/api/v1/auth/totp"), 409, "totp_already_on")
    expect(user.web.post("/api/v1/auth/totp/confirm", json={"code": app.next()}), 409, "totp_already_on")
    expect(finish(stack, begun(user), app.shows()), 200)


def test_what_was_shown_long_ago(user, stack):
    """Both ends of the hour."""
    expect(user.web.post("/api/v1/auth/totp/confirm", json={"code": "123456"}), 409, "totp_not_begun")
    app = App(stack, expect(user.web.post("/api/v1/auth/totp"), 200)["data"]["secret"])
    stack.move_clock(60 * MINUTE - 10)
    user.confirm()
    expect(user.web.post("/api/v1/auth/totp/confirm", json={"code": app.wrong()}), 403, "wrong_code")
    stack.move_clock(11)
    expect(user.web.post("/api/v1/auth/totp/confirm", json={"code": app.shows()}), 409, "totp_not_begun")


def test_switching_it_off(enrolled, stack):
    user, app, codes = enrolled
    token = begun(user)
    answer = user.web.delete("/api/v1/auth/totp")
    expect(answer, 204)
    assert not rows(stack, user, "user_totp") and not rows(stack, user, "recovery_codes") and not rows(stack, user, "pending_sign_ins")
    what, mails = told(stack, user)
    assert what[-1] == "totp_disabled" and mails[-2:] == ["totp_enabled", "totp_disabled"]
    expect(finish(stack, token, app.next()), 401, "sign_in_ended")
    expect(begin(user), 200)
    expect(user.web.delete("/api/v1/auth/totp"), 409, "totp_not_on")
    expect(user.web.post("/api/v1/auth/totp/recovery-codes"), 409, "totp_not_on")


def test_new_recovery_codes(enrolled, stack):
    user, app, codes = enrolled
    new = expect(user.web.post("/api/v1/auth/totp/recovery-codes"), 200)["data"]["recovery_codes"]
    assert len(new) == 10 and not set(new) & set(codes)
    assert told(stack, user)[0][-1] == "recovery_codes_made"
    expect(finish(stack, begun(user), codes[0]), 403, "wrong_code")
    expect(finish(stack, begun(user), new[0]), 200)


CHANGES = {
    "enrol": lambda user: user.web.post("/api/v1/auth/totp"),
    "confirm": lambda user: user.web.post("/api/v1/auth/totp/confirm", json={"code": "123456"}),
    "disable": lambda user: user.web.delete("/api/v1/auth/totp"),
    "codes": lambda user: user.web.post("/api/v1/auth/totp/recovery-codes"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_takes_the_password_again(user, stack, change):
    stack.move_clock(10 * MINUTE + 1)
    expect(CHANGES[change](user), 403, "recent_auth_required")
    assert user.web.get(TOTP).status_code == 200


@pytest.mark.parametrize("change", ["confirm", "disable", "codes"])
def test_a_change_gives_the_session_another_cookie(user, stack, change):
    if change != "confirm":
        enrol(user)
    old = user.web.cookies[COOKIE]
    if change == "confirm":
        enrol(user)
    else:
        assert CHANGES[change](user).status_code < 300
    assert user.web.cookies[COOKIE] != old
    before = stack.client(Cookie=f"{COOKIE}={old}", Origin=stack.url)
    expect(before.get("/api/v1/me"), 200)
    stack.move_clock(21)
    expect(before.get("/api/v1/me"), 401, "session_expired")
    expect(user.web.get("/api/v1/me"), 200)


def test_a_change_does_not_make_the_session_more_recent(user, stack):
    stack.move_clock(9 * MINUTE)
    enrol(user)
    stack.move_clock(MINUTE + 1)
    expect(user.web.delete("/api/v1/auth/totp"), 403, "recent_auth_required")


def test_who_may_not(user, stack):
    for change in CHANGES.values():
        assert change(type("U", (), {"web": stack.client(Origin=stack.url)})).status_code == 401
        assert change(type("U", (), {"web": user.api})).status_code == 403
        foreign = stack.client(Cookie=f"{COOKIE}={user.web.cookies[COOKIE]}", Origin="https://elsewhere.example")
        expect(change(type("U", (), {"web": foreign})), 403, "cross_origin")


@pytest.mark.parametrize("body, code, param", [
    ({}, "required", "code"), ({"code": None}, "required", "code"), ({"code": 123456}, "wrong_type", "code"),
    ({"code": "1" * 1025}, "too_long", "code"), ({"code": "1", "x": 1}, "unknown_field", "x"),
])
def test_bad_bodies(user, stack, body, code, param):
    assert expect(user.web.post("/api/v1/auth/totp/confirm", json=body), 422, code)["error"]["param"] == param
    body = {"sign_in_token": "x" * 43, **body}
    assert expect(stack.client().post("/api/v1/auth/login/code", json=body), 422, code)["error"]["param"] == param


# Signing in


def test_the_two_steps(enrolled, stack):
    user, app, _ = enrolled
    client = stack.client(Origin=stack.url)
    answer = begin(user, client)
    data = expect(answer, 202)["data"]
    assert set(data) == {"status", "sign_in_token", "expires_at"} and len(data["sign_in_token"]) == 43
    assert COOKIE not in client.cookies and data["sign_in_token"] not in stack.log("auth")
    (row,) = rows(stack, user, "pending_sign_ins")
    assert row["token_hash"] == hashlib.sha256(data["sign_in_token"].encode()).digest()
    answer = finish(stack, data["sign_in_token"], app.next(), client)
    assert expect(answer, 200)["data"]["email"] == user.email
    assert expect(client.get("/api/v1/me"), 200)["data"]["id"] == user.id
    assert told(stack, user)[0][-1] == "signed_in" and not rows(stack, user, "pending_sign_ins")
    expect(finish(stack, data["sign_in_token"], app.next()), 401, "sign_in_ended")


def test_both_in_one_request(enrolled, stack):
    user, app, codes = enrolled
    expect(begin(user, code=app.next()), 200)
    expect(begin(user, code=app.shows()), 403, "wrong_code")
    expect(begin(user, code=codes[3].lower().replace("-", " ")), 200)
    expect(begin(user, code=None), 202)
    expect(begin(user, code=""), 403, "wrong_code")


def test_a_code_that_nobody_needs(user):
    expect(begin(user, code="123456"), 200)


def test_the_session_that_was_there_ends(enrolled, stack):
    user, app, _ = enrolled
    client = stack.client(Origin=stack.url, Cookie=f"{COOKIE}={user.web.cookies[COOKIE]}")
    expect(finish(stack, begun(user), app.next(), client), 200)
    expect(user.web.get("/api/v1/me"), 401, "session_expired")


@pytest.mark.parametrize("steps, status", [(-2, 403), (-1, 200), (0, 200), (1, 200), (2, 403)])
def test_a_clock_that_is_off(enrolled, stack, steps, status):
    user, app, _ = enrolled
    app.next(5 * MINUTE)
    assert finish(stack, begun(user), app.shows(steps)).status_code == status


@pytest.mark.parametrize("spelt", ["{0}{1}", "{0} {1}", " {0}{1} ", "{0}-{1}"])
def test_codes_with_spaces(enrolled, stack, spelt):
    user, app, _ = enrolled
    code = app.next()
    expect(finish(stack, begun(user), spelt.format(code[:3], code[3:])), 200)


@pytest.mark.parametrize("code", ["", " ", "12345", "1234567", "abcdef", "１２３４５６", "12345\0", "\0", "'; --", "-1", "1e5", "0x1234",
                                  "1234-5678-90AB-CDEU", "x" * 1024, "\ud800"])
def test_garbled_codes(enrolled, stack, code):
    user, _, _ = enrolled
    body = json.dumps({"sign_in_token": begun(user), "code": code}, ensure_ascii=True)
    answer = stack.client(Origin=stack.url).post("/api/v1/auth/login/code", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == (400 if code == "\ud800" else 403), answer.text
    assert "Set-Cookie" not in answer.headers


def test_a_code_works_once(enrolled, stack):
    """Nor does an older one after it; the next one does."""
    user, app, _ = enrolled
    app.next()
    now, before, later = app.shows(), app.shows(-1), app.shows(1)
    expect(finish(stack, begun(user), now), 200)
    for code in (now, before):
        expect(finish(stack, begun(user), code), 403, "wrong_code")
    expect(finish(stack, begun(user), later), 200)


def test_the_code_that_enabled_it_is_used(enrolled, stack):
    user, app, _ = enrolled
    expect(finish(stack, begun(user), app.used), 403, "wrong_code")


def test_two_at_once_with_the_same_code(enrolled, stack):
    user, app, _ = enrolled
    tokens = [begun(user) for _ in range(4)]
    code = app.next()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        got = sorted(pool.map(lambda t: finish(stack, t, code).status_code, tokens))
    assert got == [200, 403, 403, 403]


def test_two_at_once_with_the_same_recovery_code(enrolled, stack):
    user, _, codes = enrolled
    tokens = [begun(user) for _ in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        got = sorted(pool.map(lambda t: finish(stack, t, codes[0]).status_code, tokens))
    assert got == [200, 403, 403, 403]


def test_two_at_once_with_the_same_token(enrolled, stack):
    """And different codes, each of which is good."""
    user, _, codes = enrolled
    token = begun(user)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        got = list(pool.map(lambda c: finish(stack, token, c).status_code, codes[:3]))
    assert sorted(got) == [200, 401, 401]
    assert expect(user.web.get(TOTP), 200)["data"]["recovery_codes_left"] == 9, "what ended in vain used nothing up"


def test_five_wrong_codes_end_it(enrolled, stack):
    user, app, codes = enrolled
    token = begun(user)
    app.next()
    for _ in range(4):
        expect(finish(stack, token, app.wrong()), 403, "wrong_code")
    expect(finish(stack, token, app.wrong()), 401, "sign_in_ended")
    stack.move_clock(MINUTE)  # what the throttle wants
    expect(finish(stack, token, app.shows()), 401, "sign_in_ended")
    expect(finish(stack, begun(user), app.shows()), 200)


def test_four_wrong_codes_do_not(enrolled, stack):
    user, app, _ = enrolled
    token = begun(user)
    app.next()
    for _ in range(4):
        expect(finish(stack, token, app.wrong()), 403, "wrong_code")
    expect(finish(stack, token, app.shows()), 200)


def test_wrong_codes_are_guesses(enrolled, stack):
    """Also for who knows the password: giving it again does not make them free again."""
    user, app, _ = enrolled
    app.next()
    for _ in range(5):
        expect(finish(stack, begun(user), app.wrong()), 403, "wrong_code")
    token = stack.sql("SELECT COUNT(*) AS n FROM pending_sign_ins WHERE user_id = %s", uuid.UUID(user.id).bytes)[0]["n"]
    assert token == 5
    assert expect(begin(user), 429, "too_many_wrong_passwords")["error"]["retryable"]


def test_wrong_codes_at_once_are_as_many(enrolled, stack):
    user, app, _ = enrolled
    token = begun(user)
    stack.sql("UPDATE pending_sign_ins SET tries = 3 WHERE user_id = %s", uuid.UUID(user.id).bytes)
    app.next()
    wrong = app.wrong()
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        got = list(pool.map(lambda _: finish(stack, token, wrong).json()["error"]["code"], range(5)))
    assert rows(stack, user, "pending_sign_ins")[0]["tries"] == 5
    assert 1 <= got.count("wrong_code") <= 2 and set(got) == {"wrong_code", "sign_in_ended"}


def test_the_ten_minutes(enrolled, stack):
    """Both ends."""
    user, app, _ = enrolled
    early, late = begun(user), begun(user)
    stack.move_clock(10 * MINUTE - 35)
    expect(finish(stack, early, app.next()), 200)
    stack.move_clock(36)
    expect(finish(stack, late, app.shows()), 401, "sign_in_ended")


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "x" * 1024, "\0"])
def test_tokens_that_are_none(stack, token):
    expect(finish(stack, token, "123456"), 401, "sign_in_ended")


def test_a_token_is_not_a_session_nor_a_session_a_token(enrolled, stack):
    user, app, _ = enrolled
    expect(stack.client(Cookie=f"{COOKIE}={begun(user)}").get("/api/v1/me"), 401, "session_expired")
    expect(finish(stack, user.web.cookies[COOKIE], app.next()), 401, "sign_in_ended")


def test_somebody_elses_code(enrolled, other, stack):
    user, _, _ = enrolled
    theirs, codes = enrol(other)
    expect(finish(stack, begun(user), theirs.next()), 403, "wrong_code")
    expect(finish(stack, begun(user), codes[0]), 403, "wrong_code")


def test_a_password_that_was_changed_meanwhile(enrolled, stack):
    user, app, _ = enrolled
    token = begun(user)
    stack.sql("UPDATE users SET password_hash = CONCAT(password_hash, 'x') WHERE id = %s", uuid.UUID(user.id).bytes)
    expect(finish(stack, token, app.next()), 401, "sign_in_ended")


def test_a_disabled_user(enrolled, stack):
    user, app, _ = enrolled
    token = begun(user)
    stack.sql("UPDATE users SET state = 'disabled' WHERE id = %s", uuid.UUID(user.id).bytes)
    expect(finish(stack, token, app.next()), 401, "sign_in_ended")
    expect(begin(user), 401, "bad_credentials")


def test_the_oldest_of_many_goes(enrolled, stack):
    user, app, _ = enrolled
    tokens = [begun(user) for _ in range(21)]
    assert len(rows(stack, user, "pending_sign_ins")) == 20
    expect(finish(stack, tokens[0], app.next()), 401, "sign_in_ended")
    expect(finish(stack, tokens[1], app.shows()), 200)


def test_a_clock_that_was_ahead(enrolled, stack):
    """What was used then does not keep anybody waiting; and the code of now still works once."""
    user, app, _ = enrolled
    stack.move_clock(86400)
    expect(finish(stack, begun(user), app.next()), 200)
    stack.set_clock(0)
    app.next()
    token, again = begun(user), begun(user)
    expect(finish(stack, token, app.shows()), 200)
    expect(finish(stack, again, app.shows()), 403, "wrong_code")


# Recovery codes


def test_a_recovery_code_works_once_and_its_owner_is_told(enrolled, stack):
    user, _, codes = enrolled
    expect(finish(stack, begun(user), codes[7]), 200)
    what, mails = told(stack, user)
    assert "recovery_code_used" in what and mails[-1] == "recovery_code_used"
    letter = wait_letter(stack, user.email, "recovery code")
    assert "Recovery codes that are left: 9." in letter.text and "the last one" not in letter.text and "signed in" not in letter.text
    expect(finish(stack, begun(user), codes[7]), 403, "wrong_code")
    assert expect(user.web.get(TOTP), 200)["data"]["recovery_codes_left"] == 9
    assert told(stack, user)[1].count("recovery_code_used") == 1


def test_the_last_recovery_code(enrolled, stack):
    """Its owner learns that none is left."""
    user, _, codes = enrolled
    stack.sql("DELETE FROM recovery_codes WHERE user_id = %s AND code_hash <> UNHEX(%s)", uuid.UUID(user.id).bytes,
              hashlib.sha256(uuid.UUID(user.id).bytes + codes[3].replace("-", "").encode()).hexdigest())
    expect(finish(stack, begun(user), codes[3]), 200)
    text = wait_letter(stack, user.email, "recovery code").text
    assert "It was the last one" in text and "that are left" not in text


def test_a_recovery_code_enables_nothing(user):
    expect(user.web.post("/api/v1/auth/totp"), 200)
    expect(user.web.post("/api/v1/auth/totp/confirm", json={"code": "7K2M-Q9XE-0P5T-W3HD"}), 403, "wrong_code")


# The keys


def with_keys(stack, text):
    path = stack.at.credentials / "auth/totp-keys"
    before = path.read_text()
    path.write_text(text(before))
    stack.restart("auth")
    return before


def test_a_new_key_seals_again_what_is_used(enrolled, stack):
    user, app, codes = enrolled
    before = with_keys(stack, lambda old: f"7 {'cd' * 32}\n{old}")
    try:
        expect(finish(stack, begun(user), app.next()), 200)
        assert rows(stack, user, "user_totp")[0]["secret"][0] == 7
        with_keys(stack, lambda _: f"7 {'cd' * 32}\n")
        expect(finish(stack, begun(user), app.next()), 200)
        with_keys(stack, lambda _: f"8 {'ef' * 32}\n")
        expect(finish(stack, begun(user), app.next()), 500, "internal_error")  # the key is gone
        expect(finish(stack, begun(user), codes[0]), 200)
    finally:
        with_keys(stack, lambda _: before)


def test_the_app_of_the_tests():
    """RFC 6238, appendix B."""
    assert totp("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 59 // 30) == "287082"
