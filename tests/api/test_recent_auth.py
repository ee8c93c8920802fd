"""What needs the password, typed a moment ago: at the sign-in, or with POST /auth/confirm."""

import concurrent.futures
import json
import uuid

import pytest
from helpers import expect
from test_key_changes import patched
from test_keys import create, made, with_key
from test_rotation import rotate
from test_scopes import ALL
from test_truth import database, unknown  # noqa: F401  (a fixture)

MINUTE, OVERLAP = 60, 20
COOKIE = "__Host-session"


def confirm(user, **body):
    return user.web.post("/api/v1/auth/confirm", json=body)


def widen(user, key):
    return user.web.patch(f"/api/v1/keys/{key['id']}", json={"scopes": ["posts:read", "posts:write"]})


NEEDS_IT = {"make": (lambda user, key: create(user), 201), "rotate": (rotate, 200), "widen": (widen, 200)}


@pytest.fixture
def key(user):
    return expect(user.web.post("/api/v1/keys", json={"name": "k", "scopes": ["posts:read"]}), 201)["data"]


def test_the_routes_that_need_it(stack):
    rows = json.loads(stack.admin("tables").stdout)["routes"]
    assert {f"{r['method']} {r['pattern']}" for r in rows if r["recent_auth"]} == {
        "POST /api/v1/auth/change-email", "POST /api/v1/keys", "POST /api/v1/keys/{id}/rotate",  # PATCH asks only who widens
        "POST /api/v1/auth/totp", "DELETE /api/v1/auth/totp", "POST /api/v1/auth/totp/confirm", "POST /api/v1/auth/totp/recovery-codes",
        "POST /api/v1/privacy/export", "POST /api/v1/privacy/erasure", "DELETE /api/v1/privacy/erasure"}


@pytest.mark.parametrize("what", NEEDS_IT)
def test_a_sign_in_is_enough_for_ten_minutes(user, stack, key, what):
    call, status = NEEDS_IT[what]
    stack.move_clock(10 * MINUTE - 5)
    expect(call(user, key), status)


@pytest.mark.parametrize("what", NEEDS_IT)
def test_later_it_takes_the_password_again(user, stack, key, what):
    call, status = NEEDS_IT[what]
    stack.move_clock(10 * MINUTE + 1)
    error = expect(call(user, key), 403, "recent_auth_required")["error"]
    assert "/api/v1/auth/confirm" in error["message"] and not error["retryable"]
    expect(confirm(user, password=user.password), 200)
    expect(call(user, key), status)
    stack.move_clock(10 * MINUTE + 1)
    expect(create(user), 403, "recent_auth_required")


def test_what_takes_nothing_more(user, stack, key):
    """Narrowing, renaming, looking and revoking."""
    stack.move_clock(60 * MINUTE)
    assert patched(user, key, name="renamed", scopes=["posts:read"])["name"] == "renamed"
    expect(user.web.get(f"/api/v1/keys/{key['id']}"), 200)
    expect(user.web.get("/api/v1/keys"), 200)
    assert user.web.delete(f"/api/v1/keys/{key['id']}").status_code == 204


def test_narrowing_takes_nothing_more_and_widening_back_does(user, stack):
    key = made(user)
    stack.move_clock(11 * MINUTE)
    patched(user, key, scopes=["posts:read"])
    for scopes in (ALL, ["posts:write"], ["posts:read", "usage:read"]):
        expect(user.web.patch(f"/api/v1/keys/{key['id']}", json={"scopes": scopes}), 403, "recent_auth_required")
    assert patched(user, key)["scopes"] == ["posts:read"]


def test_nothing_happens_without_it(user, stack, key):
    stack.move_clock(11 * MINUTE)
    for call, _ in NEEDS_IT.values():
        expect(call(user, key), 403, "recent_auth_required")
    (row,) = stack.sql("SELECT hash, CAST(scopes AS CHAR) AS scopes FROM api_keys WHERE user_id = %s", uuid.UUID(user.id).bytes)
    assert row["scopes"] == "posts:read"
    expect(with_key(stack, key["key"], "/api/v1/posts"), 200)


def test_until_when_it_holds_is_told(user, stack, key):
    stack.move_clock(60 * MINUTE)
    data = expect(confirm(user, password=user.password), 200)["data"]
    assert set(data) == {"recent_auth_until"} and data["recent_auth_until"].endswith("Z")
    stack.move_clock(9 * MINUTE)
    expect(create(user), 201)


def test_the_session_gets_another_cookie(user, stack):
    """Somebody who has stolen the one before can do less than before, and not more."""
    old = user.web.cookies[COOKIE]
    answer = confirm(user, password=user.password)
    expect(answer, 200)
    new = user.web.cookies[COOKIE]
    assert new != old
    assert all(w in answer.headers["Set-Cookie"] for w in ("Path=/", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age="))
    before = stack.client(Cookie=f"{COOKIE}={old}", Origin=stack.url)
    expect(before.get("/api/v1/me"), 200)  # what the browser has sent already
    stack.move_clock(OVERLAP + 1)
    expect(before.get("/api/v1/me"), 401, "session_expired")
    expect(user.web.get("/api/v1/me"), 200)
    assert stack.sql("SELECT COUNT(*) AS n FROM sessions WHERE user_id = %s", uuid.UUID(user.id).bytes)[0]["n"] == 1


def test_the_cookie_before_is_not_confirmed(user, stack):
    """Nor after the second one."""
    old = stack.client(Cookie=f"{COOKIE}={user.web.cookies[COOKIE]}", Origin=stack.url)
    stack.move_clock(11 * MINUTE)
    expect(confirm(user, password=user.password), 200)
    expect(old.get("/api/v1/keys"), 200)
    expect(old.post("/api/v1/keys", json={"name": "x"}), 403, "recent_auth_required")
    expect(create(user), 201)
    expect(confirm(user, password=user.password), 200)
    expect(old.get("/api/v1/me"), 401, "session_expired")


def test_whoever_lost_the_answer_confirms_again(user, stack):
    """With the cookie of before, for some seconds; and not with any other."""
    cookie = user.web.cookies[COOKIE]
    stack.move_clock(11 * MINUTE)
    expect(confirm(user, password=user.password), 200)
    old = stack.client(Cookie=f"{COOKIE}={cookie}", Origin=stack.url)
    answer = old.post("/api/v1/auth/confirm", json={"password": user.password})
    expect(answer, 200)
    again = stack.client(Cookie=answer.headers["Set-Cookie"].split(";")[0], Origin=stack.url)
    expect(again.post("/api/v1/keys", json={"name": "x"}), 201)
    expect(user.web.get("/api/v1/me"), 200)  # the answer that was thought lost
    stack.move_clock(OVERLAP + 1)
    expect(user.web.get("/api/v1/me"), 401, "session_expired")
    expect(again.get("/api/v1/me"), 200)


def test_signing_out_ends_the_cookie_before_as_well(user, stack):
    old = stack.client(Cookie=f"{COOKIE}={user.web.cookies[COOKIE]}")
    expect(confirm(user, password=user.password), 200)
    expect(user.web.post("/api/v1/auth/logout"), 204)
    expect(old.get("/api/v1/me"), 401, "session_expired")


# Guessing


def wrong(user, n):
    return [confirm(user, password=f"guess {i}") for i in range(n)]


def told_to_wait(answer):
    error = expect(answer, 429, "too_many_wrong_passwords")["error"]
    assert error["retryable"] and error["type"] == "rate_limit", error
    return int(answer.headers["Retry-After"])


def test_guessing_takes_longer_and_longer(user, stack):
    """And the right password waits, too; but nobody is locked out for good."""
    assert [a.status_code for a in wrong(user, 6)] == [403] * 5 + [429]
    waits = []
    for _ in range(8):
        waits.append(told_to_wait(confirm(user, password=user.password)))
        stack.move_clock(waits[-1])
        expect(confirm(user, password="x"), 403, "wrong_password")
    assert [round(w / 30) for w in waits] == [1, 2, 4, 8, 16, 30, 30, 30]
    stack.move_clock(15 * MINUTE)
    expect(confirm(user, password=user.password), 200)
    assert [a.status_code for a in wrong(user, 6)] == [403] * 5 + [429], "the right one forgets them"


def test_guesses_are_forgotten_after_an_hour(user, stack):
    wrong(user, 5)
    told_to_wait(confirm(user, password="x"))
    stack.move_clock(61 * MINUTE)
    assert [a.status_code for a in wrong(user, 6)] == [403] * 5 + [429]


def test_guesses_at_once_are_as_many(user, stack):
    """From several sessions, and nobody else's are counted."""
    second = stack.client(Origin=stack.url)
    expect(second.post("/api/v1/auth/login", json={"email": user.email, "password": user.password}), 200)

    def one(i):
        while (answer := (user.web, second)[i % 2].post("/api/v1/auth/confirm", json={"password": f"guess {i}"})).status_code == 503:
            pass
        return answer.status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(one, range(20))) == [403] * 5 + [429] * 15


def test_another_user_may_guess(user, other):
    wrong(user, 6)
    expect(confirm(other, password=other.password), 200)


def test_what_could_not_be_looked_at_is_no_guess(user, stack):
    grant = "SELECT ON users {} marketingcli_auth@localhost"
    stack.sql(f"REVOKE {grant.format('FROM')}")
    try:
        assert {a.status_code for a in wrong(user, 7)} == {500}
    finally:
        stack.sql(f"GRANT {grant.format('TO')}")
    assert [a.status_code for a in wrong(user, 6)] == [403] * 5 + [429]


def test_a_clock_that_was_set_back(user, stack):
    """Nobody waits for it to come where it was."""
    stack.move_clock(60 * MINUTE)
    user.web.post("/api/v1/auth/login", json={"email": user.email, "password": user.password})
    wrong(user, 6)
    stack.set_clock(0)
    assert told_to_wait(confirm(user, password=user.password)) <= 30


def test_it_is_of_this_session_only(user, stack, key):
    second = stack.client(Origin=stack.url)
    expect(second.post("/api/v1/auth/login", json={"email": user.email, "password": user.password}), 200)
    stack.move_clock(11 * MINUTE)
    expect(confirm(user, password=user.password), 200)
    expect(create(user), 201)
    expect(second.post("/api/v1/keys", json={"name": "x"}), 403, "recent_auth_required")


@pytest.mark.parametrize("password", ["wrong horse battery", "", " ", "x" * 1024, "\0", "ü" * 40])
def test_wrong_passwords(user, stack, key, password):
    stack.move_clock(11 * MINUTE)
    before = user.web.cookies[COOKIE]
    answer = confirm(user, password=password)
    expect(answer, 403, "wrong_password")
    assert "Set-Cookie" not in answer.headers and user.web.cookies[COOKIE] == before
    expect(create(user), 403, "recent_auth_required")
    assert password == "" or password not in stack.log("auth") or password in (" ", "\0")


def test_somebody_elses_password(user, other, stack):
    expect(confirm(user, password=other.password), 403, "wrong_password")


@pytest.mark.parametrize("body, code, param", [
    ({}, "required", "password"), ({"password": None}, "required", "password"), ({"password": 5}, "wrong_type", "password"),
    ({"password": "x" * 1025}, "too_long", "password"), ({"password": "x", "email": "a@b.c"}, "unknown_field", "email"),
])
def test_bad_bodies(user, body, code, param):
    assert expect(confirm(user, **body), 422, code)["error"]["param"] == param


def test_who_may_confirm(user, stack):
    body = {"password": user.password}
    expect(stack.client().post("/api/v1/auth/confirm", json=body), 401, "unauthenticated")
    expect(user.api.post("/api/v1/auth/confirm", json=body), 403, "session_required")
    foreign = {"Origin": "https://elsewhere.example"}
    expect(user.web.post("/api/v1/auth/confirm", json=body, headers=foreign), 403, "cross_origin")
    expect(user.web.post("/api/v1/auth/confirm", data=body), 415, "unsupported_media_type")


def test_a_disabled_user(user, stack):
    stack.sql("UPDATE users SET state = 'disabled' WHERE id = %s", uuid.UUID(user.id).bytes)
    expect(confirm(user, password=user.password), 403, "account_disabled")


def test_twice_at_once(user, stack):
    """The cookie of before may renew the session once more; the last answer's cookie is good."""
    cookie = f"{COOKIE}={user.web.cookies[COOKIE]}"

    def one(_):
        return stack.client(Cookie=cookie, Origin=stack.url).post("/api/v1/auth/confirm", json={"password": user.password})

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(one, range(4)))
    codes = sorted(a.status_code for a in answers)
    assert set(codes) <= {200, 401, 503} and codes.count(200) in (1, 2), codes
    cookies = [a.headers["Set-Cookie"].split(";")[0] for a in answers if a.status_code == 200]
    assert all(stack.client(Cookie=c).get("/api/v1/me").status_code == 200 for c in cookies)


def test_a_session_of_a_program_from_before(user, stack):
    """Its column is NULL: its sign-in counts, and is an old one."""
    stack.sql("UPDATE sessions SET confirmed_at_us = NULL WHERE user_id = %s", uuid.UUID(user.id).bytes)
    expect(create(user), 201)
    stack.sql("UPDATE sessions SET created_at_us = created_at_us - 601000000 WHERE user_id = %s", uuid.UUID(user.id).bytes)
    expect(create(user), 403, "recent_auth_required")


@pytest.mark.parametrize("fault", ["lost", "unanswered"])
def test_a_confirmation_that_may_have_happened(user, stack, database, fault):  # noqa: F811
    """Either cookie is good, but never both; a sign-in always helps."""
    with database.used_by("auth"):
        database.fault("UPDATE sessions SET old_token_hash", fault)
        unknown(confirm(user, password=user.password))
        assert database.met
        expect(user.web.get("/api/v1/me"), 200)
        stack.move_clock(OVERLAP + 1)
        assert user.web.get("/api/v1/me").status_code == (200 if fault == "lost" else 401)
        expect(user.web.post("/api/v1/auth/login", json={"email": user.email, "password": user.password}), 200)
        expect(create(user), 201)
