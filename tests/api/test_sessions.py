"""A user's sessions: which there are, and ending them from another one."""

import time
import uuid

import pytest
from authenticator import begun, enrol, finish
from helpers import expect

COOKIE = "__Host-session"
SESSIONS = "/api/v1/auth/sessions"
HOUR, MINUTE = 3600, 60


def another(user):
    """One more browser."""
    client = user.stack.client(Origin=user.stack.url)
    expect(client.post("/api/v1/auth/login", json={"email": user.email, "password": user.password}), 200)
    return client


def listed(client, query=""):
    return expect(client.get(SESSIONS + query), 200)["data"]


def current(client):
    (one,) = [s["id"] for s in listed(client) if s["current"]]
    return one


def activity(user):
    return [r["what"] for r in user.stack.sql("SELECT what FROM activity WHERE user_id = %s ORDER BY id", uuid.UUID(user.id).bytes)]


def test_what_is_shown(user, stack):
    second = another(user)
    rows = listed(second)
    assert [set(r) for r in rows] == [{"id", "created_at", "last_seen_at", "expires_at", "current"}] * 2
    assert [r["current"] for r in rows] == [True, False], "the newest first"
    assert rows[0]["created_at"] >= rows[1]["created_at"] and current(user.web) == rows[1]["id"]
    stack.move_clock(2 * MINUTE)
    expect(user.web.get("/api/v1/me"), 200)
    seen = listed(user.web)[1]
    assert seen["last_seen_at"] > rows[1]["last_seen_at"] and seen["created_at"] == rows[1]["created_at"]
    assert user.web.cookies[COOKIE] not in str(rows)


def test_a_sign_in_is_in_the_activity(user):
    another(user)
    assert activity(user).count("signed_in") == 2


def test_pages(user):
    for _ in range(4):
        another(user)
    answer = expect(user.web.get(f"{SESSIONS}?limit=2"), 200)
    assert len(answer["data"]) == 2 and answer["meta"]["has_more"]
    rest = expect(user.web.get(f"{SESSIONS}?limit=3&cursor={answer['meta']['next_cursor']}"), 200)
    assert len(rest["data"]) == 3 and not rest["meta"]["has_more"] and rest["data"][-1]["current"]
    expect(user.web.get(f"{SESSIONS}?limit=0"), 422, "out_of_range")
    expect(user.web.get(f"{SESSIONS}?state=x"), 422, "unknown_field")


def test_those_that_are_over_are_not_shown(user, stack):
    """Idle or too old; both ends of each."""
    idle, old = another(user), another(user)
    ids = current(idle), current(old)
    for margin, shown in ((MINUTE, True), (-MINUTE, False)):
        stack.sql("UPDATE sessions SET last_seen_at_us = %s WHERE id = %s", time.time_ns() // 1000 - (168 * HOUR - margin) * 10**6, uuid.UUID(ids[0]).bytes)
        stack.sql("UPDATE sessions SET expires_at_us = %s WHERE id = %s", time.time_ns() // 1000 + margin * 10**6, uuid.UUID(ids[1]).bytes)
        assert [i in {s["id"] for s in listed(user.web)} for i in ids] == [shown] * 2
    for client in (idle, old):
        expect(client.get("/api/v1/me"), 401, "session_expired")


def by_service(user):
    return [r["what"] for r in user.stack.sql("SELECT what FROM activity WHERE user_id = %s AND by_whom = 'service'", uuid.UUID(user.id).bytes)]


def test_one_that_the_cap_ends_is_in_the_activity(user, stack):
    """And one that was over anyway is not."""
    with stack.configured("auth", caps_sessions=3):
        clients = [another(user) for _ in range(2)]
        assert by_service(user) == []
        clients.append(another(user))
        expect(user.web.get("/api/v1/me"), 401, "session_expired")
        assert by_service(user) == ["session_ended"]
        stack.sql("UPDATE sessions SET expires_at_us = 1 WHERE user_id = %s ORDER BY id LIMIT 1", uuid.UUID(user.id).bytes)
        another(user)
        assert by_service(user) == ["session_ended"]


def test_ending_one(user):
    second, third = another(user), another(user)
    expect(user.web.delete(f"/api/v1/auth/sessions/{current(second)}"), 204)
    expect(second.get("/api/v1/me"), 401, "session_expired")
    expect(third.get("/api/v1/me"), 200)
    assert len(listed(user.web)) == 2 and activity(user)[-1] == "session_ended"


def test_ending_this_one_is_signing_out(user):
    second = another(user)
    answer = second.delete(f"/api/v1/auth/sessions/{current(second)}")
    expect(answer, 204)
    assert answer.headers["Set-Cookie"].startswith(f"{COOKIE}=; ") and "session_ended" not in activity(user)
    assert len(listed(user.web)) == 1


def test_ending_one_twice(user):
    id = current(another(user))
    expect(user.web.delete(f"/api/v1/auth/sessions/{id}"), 204)
    expect(user.web.delete(f"/api/v1/auth/sessions/{id}"), 404, "not_found")
    assert activity(user).count("session_ended") == 1


@pytest.mark.parametrize("id", ["x", "0", "019a0000-0000-7000-8000-000000000000", "019A0000-0000-7000-8000-00000000000g", "a" * 300])
def test_ids_that_are_none(user, id):
    expect(user.web.delete(f"/api/v1/auth/sessions/{id}"), 404, "not_found")


def test_somebody_elses(user, other):
    theirs = current(other.web)
    expect(user.web.delete(f"/api/v1/auth/sessions/{theirs}"), 404, "not_found")
    expect(other.web.get("/api/v1/me"), 200)
    assert theirs not in str(listed(user.web))
    expect(user.web.delete("/api/v1/auth/sessions"), 204)
    expect(other.web.get("/api/v1/me"), 200)


def test_ending_all_others(user, stack):
    """And the sign-ins that wait for a code."""
    others = [another(user) for _ in range(3)]
    app, _ = enrol(user)
    token = begun(user)
    expect(user.web.delete("/api/v1/auth/sessions"), 204)
    for client in others:
        expect(client.get("/api/v1/me"), 401, "session_expired")
    assert [s["current"] for s in listed(user.web)] == [True] and activity(user)[-1] == "sessions_ended"
    expect(finish(stack, token, app.next()), 401, "sign_in_ended")
    expect(user.web.delete("/api/v1/auth/sessions"), 204)  # none


def test_it_takes_no_password(user, stack):
    """Who finds a stranger's session must be able to end it at once."""
    second = another(user)
    stack.move_clock(HOUR)
    expect(user.web.delete(f"/api/v1/auth/sessions/{current(second)}"), 204)
    expect(user.web.delete("/api/v1/auth/sessions"), 204)


def test_who_may_not(user, stack):
    id = current(user.web)
    calls = [("GET", SESSIONS), ("DELETE", SESSIONS), ("DELETE", f"{SESSIONS}/{id}")]
    foreign = stack.client(Cookie=f"{COOKIE}={user.web.cookies[COOKIE]}", Origin="https://elsewhere.example")
    for method, path in calls:
        expect(stack.client(Origin=stack.url).request(method, path), 401, "unauthenticated")
        expect(user.api.request(method, path), 403, "session_required")
        if method == "DELETE":
            expect(foreign.request(method, path), 403, "cross_origin")
    expect(user.web.get("/api/v1/me"), 200)


def test_the_cookie_before_ends_with_it(user, stack):
    """A confirmation has given the session another one; both end."""
    second = another(user)
    old = stack.client(Cookie=f"{COOKIE}={second.cookies[COOKIE]}")
    expect(second.post("/api/v1/auth/confirm", json={"password": user.password}), 200)
    expect(user.web.delete("/api/v1/auth/sessions"), 204)
    for client in (old, second):
        expect(client.get("/api/v1/me"), 401, "session_expired")
