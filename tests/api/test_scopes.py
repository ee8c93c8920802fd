"""What a key may do: its scopes, and the one that each route asks for."""

import json
import uuid

import pytest
import requests
from helpers import expect
from test_keys import made, with_key

ALL = ["accounts:read", "posts:read", "posts:write", "uploads:write", "usage:read"]
NOBODY = "019a0000-0000-7000-8000-000000000000"

# What every route asks of a key, written down a second time: a row that asks for less shows here.
ROUTES = {
    "GET /api/v1/me": "none",
    "GET /api/v1/accounts": "accounts:read",
    "GET /api/v1/accounts/{id}": "accounts:read",
    "GET /api/v1/accounts/{id}/avatar": "accounts:read",
    "POST /api/v1/accounts/{id}/posts": "posts:write",
    "POST /api/v1/sandbox/accounts": "posts:write",
    "GET /api/v1/posts": "posts:read",
    "GET /api/v1/posts/{id}": "posts:read",
    "POST /api/v1/posts/{id}/cancel": "posts:write",
    "POST /api/v1/posts/{id}/retry": "posts:write",
    "POST /api/v1/uploads": "uploads:write",
    "GET /api/v1/uploads": "uploads:write",
    "GET /api/v1/uploads/{id}": "uploads:write",
    "DELETE /api/v1/uploads/{id}": "uploads:write",
    "GET /api/v1/uploads/{id}/image": "uploads:write",
    "GET /api/v1/usage": "usage:read",
    "GET /api/v1/usage/posts": "usage:read",
}


def create(user, **body):
    return user.web.post("/api/v1/keys", json={"name": "a key", **body})


def key_with(user, *scopes):
    return expect(create(user, scopes=list(scopes)), 201)["data"]["key"]


def call(stack, key, route):
    method, pattern = route.split(" ")
    return requests.request(method, stack.url + pattern.replace("{id}", NOBODY), verify=str(stack.ca),
                            headers={"Authorization": f"Bearer {key}"})


def is_let_in(answer):
    """A live key may do nothing to test accounts, whatever its scopes."""
    return answer.status_code not in (401, 403) or answer.json()["error"]["code"] == "test_mode_required"


def test_each_route_says_its_scope(stack):
    rows = json.loads(stack.admin("tables").stdout)["routes"]
    assert {f"{r['method']} {r['pattern']}": r["scope"] for r in rows if r["auth"] == "any"} == ROUTES
    assert {r["scope"] for r in rows if r["auth"] != "any"} == {"-"}


def test_a_route_is_closed_to_keys_without_its_scope(user, stack):
    for scope in ALL:
        without = key_with(user, *(s for s in ALL if s != scope))
        only = key_with(user, scope)
        for route, needed in ROUTES.items():
            for key, may in ((without, needed != scope), (only, needed in (scope, "none"))):
                answer = call(stack, key, route)
                if may:
                    assert is_let_in(answer), (route, scope, answer.text)
                    continue
                error = expect(answer, 403, "scope_missing")["error"]
                assert f"the scope {needed}." in error["message"] and error["param"] is None and not error["retryable"]
                assert answer.headers["WWW-Authenticate"] == f'Bearer error="insufficient_scope", scope="{needed}"'


def test_a_session_may_do_all(user):
    for route, scope in ROUTES.items():
        method, pattern = route.split(" ")
        answer = user.web.request(method, pattern.replace("{id}", NOBODY))
        assert is_let_in(answer), (route, answer.text)
        assert "WWW-Authenticate" not in answer.headers


def test_all_by_default(user, stack):
    for more in ({}, {"scopes": None}, {"scopes": ALL[::-1]}):
        assert expect(create(user, **more), 201)["data"]["scopes"] == ALL
    key = made(user)
    assert key["scopes"] == ALL
    assert expect(with_key(stack, key["key"]), 200)["data"]["key"]["scopes"] == ALL


def test_shown_where_the_key_is(user, stack):
    key = expect(create(user, scopes=["uploads:write", "posts:read"]), 201)["data"]
    assert key["scopes"] == ["posts:read", "uploads:write"]
    (again,) = (k for k in expect(user.web.get("/api/v1/keys"), 200)["data"] if k["id"] == key["id"])
    assert again["scopes"] == key["scopes"]
    assert expect(with_key(stack, key["key"]), 200)["data"]["key"]["scopes"] == key["scopes"]


def test_keys_of_a_program_from_before_may_do_all(user, stack):
    """Its INSERT does not name the column."""
    key = made(user)
    row = stack.sql("SELECT * FROM api_keys WHERE id = %s", uuid.UUID(key["id"]).bytes)[0]
    stack.sql("DELETE FROM api_keys WHERE id = %s", row["id"])
    old = ("id", "user_id", "user_state", "name", "prefix", "hash", "created_at_us")
    stack.sql(f"INSERT INTO api_keys ({', '.join(old)}) VALUES ({', '.join(['%s'] * len(old))})", *(row[c] for c in old))
    assert expect(with_key(stack, key["key"]), 200)["data"]["key"]["scopes"] == ALL
    expect(with_key(stack, key["key"], "/api/v1/posts"), 200)


def test_refused_before_a_large_body(user, stack):
    key = key_with(user, "posts:read", "accounts:read")
    answer = requests.post(f"{stack.url}/api/v1/uploads", data=b"\xff\xd8" + b"x" * (1 << 20), verify=str(stack.ca),
                           headers={"Authorization": f"Bearer {key}", "Content-Type": "image/jpeg"})
    error = expect(answer, 403, "scope_missing")["error"]
    assert "uploads:write" in error["message"] and "uploads:write" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("scopes, code, param, sentence", [
    (["posts:read", "posts:delete"], "invalid_value", "scopes[1]", "uploads:write"),
    (["Posts:read"], "invalid_value", "scopes[0]", "posts:read"),
    ([""], "invalid_value", "scopes[0]", "posts:read"),
    (["posts:read", "usage:read", "posts:read"], "repeated_field", "scopes[2]", "already"),
    ([], "too_short", "scopes", "not be empty"),
    ("posts:read", "wrong_type", "scopes", "list of strings"),
    ({"posts:read": True}, "wrong_type", "scopes", "list of strings"),
    ([1], "wrong_type", "scopes[0]", "string"),
    ([None], "wrong_type", "scopes[0]", "string"),
    ([["posts:read"]], "wrong_type", "scopes[0]", "string"),
    (["posts:read\0"], "invalid_value", "scopes[0]", "posts:read"),
    (["x"] * 21, "too_long", "scopes", "at most 20"),
])
def test_bad_scopes(user, scopes, code, param, sentence):
    error = expect(create(user, scopes=scopes), 422, code)["error"]
    assert error["param"] == param and sentence in error["message"], error
    assert expect(user.web.get("/api/v1/keys"), 200)["data"] == []


def test_all_problems_at_once(user):
    error = expect(create(user, name="", scopes=["x", "posts:read", "posts:read"]), 422, "validation_failed")["error"]
    assert [(d["code"], d["param"]) for d in error["details"]] == [
        ("too_short", "name"), ("invalid_value", "scopes[0]"), ("repeated_field", "scopes[2]")]
