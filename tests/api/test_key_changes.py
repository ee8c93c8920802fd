"""GET and PATCH /keys/{id}: one key, its name and what it may do."""

import concurrent.futures
import uuid

import pytest
from helpers import expect
from test_key_expiry import expiring
from test_keys import listed, made, with_key
from test_rotation import rotated
from test_scopes import ALL
from test_truth import database, unknown  # noqa: F401  (a fixture)


def get(user, key):
    return user.web.get(f"/api/v1/keys/{key['id']}")


def got(user, key):
    return expect(get(user, key), 200)["data"]


def patch(user, which, **body):
    return user.web.patch(f"/api/v1/keys/{which['id']}", json=body)


def patched(user, which, **body):
    return expect(patch(user, which, **body), 200)["data"]


def test_one_key_is_shown_as_in_the_list(user):
    keys = [made(user, f"key {n}") for n in range(2)]
    assert [got(user, k) for k in reversed(keys)] == listed(user)["data"]
    assert "key" not in got(user, keys[0])


def test_the_name_changes(user, stack):
    key = made(user, "laptop")
    changed = patched(user, key, name="Büro 👍")
    assert changed == {**got(user, key), "name": "Büro 👍"} and changed["scopes"] == ALL
    assert expect(with_key(stack, key["key"]), 200)["data"]["key"]["name"] == "Büro 👍"


def test_scopes_change_with_the_next_request(user, stack):
    key = made(user)
    for _ in range(5):
        expect(with_key(stack, key["key"], "/api/v1/posts"), 200)
        assert patched(user, key, scopes=["usage:read", "accounts:read"])["scopes"] == ["accounts:read", "usage:read"]
        expect(with_key(stack, key["key"], "/api/v1/posts"), 403, "scope_missing")
        expect(with_key(stack, key["key"], "/api/v1/accounts"), 200)
        assert patched(user, key, scopes=ALL)["scopes"] == ALL
    assert got(user, key)["name"] == key["name"]


def test_a_change_is_one_of_all_secrets(user, stack):
    key = made(user)
    new = rotated(user, key)
    patched(user, key, scopes=["posts:read"], name="narrow")
    for secret in (key, new):
        shown = expect(with_key(stack, secret["key"]), 200)["data"]["key"]
        assert (shown["id"], shown["name"], shown["scopes"]) == (key["id"], "narrow", ["posts:read"])
        expect(with_key(stack, secret["key"], "/api/v1/accounts"), 403, "scope_missing")
    newer = rotated(user, key)
    assert newer["scopes"] == ["posts:read"] and newer["name"] == "narrow"


def test_nothing_to_change(user):
    key = made(user)
    assert patched(user, key) == got(user, key) == patched(user, key, name=key["name"], scopes=ALL)


@pytest.mark.parametrize("body, code, param", [
    ({"name": ""}, "too_short", "name"),
    ({"name": None}, "wrong_type", "name"),
    ({"name": "x" * 101}, "too_long", "name"),
    ({"name": "a\nb"}, "invalid_characters", "name"),
    ({"scopes": []}, "too_short", "scopes"),
    ({"scopes": None}, "wrong_type", "scopes"),
    ({"scopes": ["posts:read", "x"]}, "invalid_value", "scopes[1]"),
    ({"scopes": ["posts:read", "posts:read"]}, "repeated_field", "scopes[1]"),
    ({"expires_at": "2998-01-01T00:00:00Z"}, "unknown_field", "expires_at"),
    ({"key": "mk_live_x"}, "unknown_field", "key"),
])
def test_bad_changes(user, body, code, param):
    key = made(user)
    before = got(user, key)
    assert expect(patch(user, key, **body), 422, code)["error"]["param"] == param
    assert got(user, key) == before


def test_json_only(user):
    key = made(user)
    url = f"/api/v1/keys/{key['id']}"
    expect(user.web.patch(url, data={"name": "x"}), 415, "unsupported_media_type")
    expect(user.web.patch(url, data="{", headers={"Content-Type": "application/json"}), 400, "bad_json")
    expect(user.web.get(url + "?x=1"), 422, "unknown_field")


def test_somebody_elses(user, other):
    key = made(other)
    before = got(other, key)
    expect(get(user, key), 404, "not_found")
    expect(patch(user, key, name="mine"), 404, "not_found")
    assert got(other, key) == before


@pytest.mark.parametrize("key_id", ["x", "00000000-0000-0000-0000-000000000000", "019a0000-0000-7000-8000-000000000000"])
def test_no_such_key(user, key_id):
    expect(user.web.get(f"/api/v1/keys/{key_id}"), 404, "not_found")
    expect(user.web.patch(f"/api/v1/keys/{key_id}", json={"name": "x"}), 404, "not_found")


def test_of_an_old_secret(user, stack):
    key = made(user)
    rotated(user, key)
    (row,) = stack.sql("SELECT id FROM api_keys WHERE of_key_id = %s", uuid.UUID(key["id"]).bytes)
    old = {"id": str(uuid.UUID(bytes=row["id"]))}
    expect(get(user, old), 404, "not_found")
    expect(patch(user, old, name="x"), 404, "not_found")
    expect(user.web.delete(f"/api/v1/keys/{old['id']}"), 404, "not_found")


def test_revoked_or_expired(user, stack):
    key = expiring(user, stack)
    stack.move_clock(3601)
    assert got(user, key)["expires_at"] == key["expires_at"]
    expect(patch(user, key, name="x"), 409, "key_ended")
    assert user.web.delete(f"/api/v1/keys/{key['id']}").status_code == 204
    expect(get(user, key), 404, "not_found")
    expect(patch(user, key, name="x"), 404, "not_found")


def test_many_at_once(user):
    """Each change is whole: a name and scopes that were sent together stay together."""
    key = made(user)
    pairs = [(scope, [scope]) for scope in ALL]
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        for answer in pool.map(lambda p: patch(user, key, name=p[0], scopes=p[1]), pairs * 3):
            expect(answer, 200)
    assert got(user, key)["scopes"] == [got(user, key)["name"]]


@pytest.mark.parametrize("fault", ["lost", "unanswered"])
def test_a_change_that_may_have_been_made(user, stack, database, fault):  # noqa: F811
    """Nobody is left with more than the key may do now."""
    key = made(user)
    expect(with_key(stack, key["key"], "/api/v1/posts"), 200)
    with database.used_by("keys"):
        database.fault("COMMIT", fault, after="UPDATE api_keys FORCE INDEX (by_user_live) SET name")
        unknown(patch(user, key, scopes=["usage:read"]))
        assert database.met
        narrowed = got(user, key)["scopes"] == ["usage:read"]
        assert narrowed == (fault == "unanswered")
        assert with_key(stack, key["key"], "/api/v1/posts").status_code == (403 if narrowed else 200)
