"""API keys: made once, listed, revoked, and what a request with a bad one gets."""

import concurrent.futures
import hashlib
import re
import secrets

import pytest
import requests
from helpers import expect

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LIMIT = 25


def checksum(text):
    v = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % 62**6
    return "".join(BASE62[v // 62**i % 62] for i in range(5, -1, -1))


def create(user, name="a key"):
    return user.web.post("/api/v1/keys", json={"name": name})


def made(user, name="a key"):
    return expect(create(user, name), 201)["data"]


def listed(user, query=""):
    return expect(user.web.get("/api/v1/keys" + query), 200)


def with_key(stack, key, path="/api/v1/me"):
    return requests.get(stack.url + path, headers={"Authorization": f"Bearer {key}"}, verify=str(stack.ca))


# --- making


def test_key_is_shown_once(user, stack):
    key = made(user, "Zeitung für Ünlü")
    assert set(key) == {"id", "name", "prefix", "mode", "scopes", "key", "created_at", "expires_at", "last_used_at",
                        "old_secret_expires_at", "revoked_at", "revoked_reason", "budget"}
    assert re.fullmatch(r"mk_live_[0-9A-Za-z]{49}", key["key"])
    assert key["key"][51:] == checksum(key["key"][:51])
    assert key["prefix"] == key["key"][:12] and key["last_used_at"] is None and key["name"] == "Zeitung für Ünlü"
    (again,) = (k for k in listed(user)["data"] if k["id"] == key["id"])
    assert again == {k: v for k, v in key.items() if k != "key"}
    (row,) = stack.sql(f"SELECT * FROM api_keys WHERE id = x'{key['id'].replace('-', '')}'")
    assert bytes(row["hash"]) == hashlib.sha256(key["key"].encode()).digest()
    assert key["key"] not in str(row) and key["key"] not in stack.log("keys")


def test_key_works_at_once(user, stack):
    key = made(user)
    data = expect(with_key(stack, key["key"]), 200)["data"]
    assert data["id"] == user.id and data["key"] == {f: key[f] for f in ("id", "name", "prefix", "mode", "scopes", "expires_at", "budget")}


@pytest.mark.parametrize("body, code, param", [
    ({}, "required", "name"),
    ({"name": None}, "required", "name"),
    ({"name": ""}, "too_short", "name"),
    ({"name": "x" * 101}, "too_long", "name"),
    ({"name": "ü" * 51}, "too_long", "name"),
    ({"name": "a\tb"}, "invalid_characters", "name"),
    ({"name": "a\0b"}, "invalid_characters", "name"),
    ({"name": 7}, "wrong_type", "name"),
    ({"name": "a", "scope": "all"}, "unknown_field", "scope"),
])
def test_bad_names(user, body, code, param):
    before = listed(user)["data"]
    assert expect(user.web.post("/api/v1/keys", json=body), 422, code)["error"]["param"] == param
    assert listed(user)["data"] == before


@pytest.mark.parametrize("name", ["x", "x" * 100, "ü" * 50, "👍"])
def test_good_names(user, name):
    assert made(user, name)["name"] == name


def test_json_only(user):
    expect(user.web.post("/api/v1/keys", data={"name": "x"}), 415, "unsupported_media_type")


def test_limit(user):
    while len(listed(user, "?limit=100")["data"]) < LIMIT:
        last = made(user)
    expect(create(user), 409, "too_many")
    assert user.web.delete(f"/api/v1/keys/{last['id']}").status_code == 204
    made(user)
    expect(create(user), 409, "too_many")


def test_limit_holds_for_simultaneous_requests(user):
    while len(listed(user, "?limit=100")["data"]) < LIMIT - 2:
        made(user)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: create(user, f"racer {i}").status_code, range(8)))
    assert sorted(answers) == [201] * 2 + [409] * 6
    assert len(listed(user, "?limit=100")["data"]) == LIMIT


def test_limit_is_each_users_own(user, other):
    while len(listed(user, "?limit=100")["data"]) < LIMIT:
        made(user)
    made(other)


# --- listing


def test_list_newest_first_by_pages(user):
    for i in range(4):
        made(user, f"key {i}")
    whole = listed(user, "?limit=100")
    assert whole["meta"]["has_more"] is False and whole["meta"]["next_cursor"] is None
    times = [k["created_at"] for k in whole["data"]]
    assert times == sorted(times, reverse=True)
    found, query = [], "?limit=2"
    while True:
        page = listed(user, query)
        assert page["meta"]["limit"] == 2 and 1 <= len(page["data"]) <= 2
        found += page["data"]
        if not page["meta"]["has_more"]:
            assert page["meta"]["next_cursor"] is None
            break
        query = "?limit=2&cursor=" + page["meta"]["next_cursor"]
    assert found == whole["data"]


def test_exactly_one_page_has_no_more(user):
    n = len(listed(user, "?limit=100")["data"])
    made(user)
    page = listed(user, f"?limit={n + 1}")
    assert len(page["data"]) == n + 1 and page["meta"]["has_more"] is False


def test_list_shows_own_keys_only(user, other):
    key = made(other)
    assert key["id"] not in [k["id"] for k in listed(user, "?limit=100")["data"]]


def test_last_use_is_shown(user, stack):
    key = made(user)
    expect(with_key(stack, key["key"]), 200)

    def used():
        return next(k["last_used_at"] for k in listed(user)["data"] if k["id"] == key["id"])

    assert stack.wait(used, "last_used_at to be written", 10) > key["created_at"]


@pytest.mark.parametrize("query, status, code", [
    ("?limit=0", 422, "out_of_range"),
    ("?limit=101", 422, "out_of_range"),
    ("?limit=x", 422, "wrong_type"),
    ("?page=2", 422, "unknown_field"),
    ("?limit=1&limit=2", 422, "repeated_field"),
    ("?cursor=garbage", 400, "bad_cursor"),
    ("?cursor=", 400, "bad_cursor"),
    ("?cursor=%ff", 400, "bad_query"),
])
def test_bad_pages(user, query, status, code):
    expect(user.web.get("/api/v1/keys" + query), status, code)


# --- revoking


def test_revoked_key_is_refused_with_the_next_request(user, stack):
    key = made(user)
    expect(with_key(stack, key["key"]), 200)
    answer = user.web.delete(f"/api/v1/keys/{key['id']}")
    assert answer.status_code == 204 and answer.content == b""
    for path in ("/api/v1/me", "/api/v1/keys", "/api/v1/accounts", "/api/v1/posts", "/api/v1/uploads"):
        expect(with_key(stack, key["key"], path), 401, "invalid_key")
    assert key["id"] not in [k["id"] for k in listed(user, "?limit=100")["data"]]
    expect(user.web.delete(f"/api/v1/keys/{key['id']}"), 404, "not_found")


def test_somebody_elses_key(user, other, stack):
    key = made(other)
    expect(user.web.delete(f"/api/v1/keys/{key['id']}"), 404, "not_found")
    expect(with_key(stack, key["key"]), 200)


@pytest.mark.parametrize("key_id", ["x", "00000000-0000-0000-0000-000000000000", "01900000-0000-7000-8000-00000000000",
                                    "01900000-0000-7000-8000-000000000000"])
def test_no_such_key(user, key_id):
    expect(user.web.delete(f"/api/v1/keys/{key_id}"), 404, "not_found")


# --- who may


def test_a_key_manages_no_keys(user):
    for answer in (user.api.get("/api/v1/keys"), user.api.post("/api/v1/keys", json={"name": "x"}),
                   user.api.get("/api/v1/keys/01900000-0000-7000-8000-000000000000"),
                   user.api.patch("/api/v1/keys/01900000-0000-7000-8000-000000000000", json={"name": "x"}),
                   user.api.delete("/api/v1/keys/01900000-0000-7000-8000-000000000000")):
        expect(answer, 403, "session_required")


def test_nobody(stack):
    for method in ("GET", "POST"):
        expect(requests.request(method, stack.url + "/api/v1/keys", verify=str(stack.ca)), 401, "unauthenticated")


def test_wrong_method(user):
    answer = user.web.put("/api/v1/keys", json={"name": "x"})
    expect(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= {m.strip() for m in answer.headers["Allow"].split(",")}
    answer = user.web.put("/api/v1/keys/01900000-0000-7000-8000-000000000000", json={})
    expect(answer, 405, "method_not_allowed")
    assert {m.strip() for m in answer.headers["Allow"].split(",")} == {"GET", "HEAD", "PATCH", "DELETE"}


# --- what is no key


def test_mistyped_key_is_told_apart_from_an_unknown_one(user, stack):
    key = made(user)["key"]
    at = 20
    typo = key[:at] + ("x" if key[at] != "x" else "y") + key[at + 1:]
    expect(with_key(stack, typo), 401, "bad_key")
    unknown = "mk_live_" + "".join(secrets.choice(BASE62) for _ in range(43))
    expect(with_key(stack, unknown + checksum(unknown)), 401, "invalid_key")


@pytest.mark.parametrize("change", [
    lambda k: k[:-1], lambda k: k + "x", lambda k: k.replace("mk_live_", "mk_test_"), lambda k: k.upper(),
    lambda k: k[8:], lambda k: "", lambda k: "x" * 4000, lambda k: k[:30] + " " + k[31:]])
def test_garbled_key(user, stack, change):
    expect(with_key(stack, change(user.key)), 401, None)
    assert with_key(stack, change(user.key)).json()["error"]["code"] in ("bad_key", "unauthenticated")


def test_other_schemes(user, stack):
    for value in (f"Basic {user.key}", user.key, "Bearer"):
        answer = requests.get(stack.url + "/api/v1/me", headers={"Authorization": value}, verify=str(stack.ca))
        expect(answer, 401, "unauthenticated")
    lower = requests.get(stack.url + "/api/v1/me", headers={"Authorization": f"bearer {user.key}"}, verify=str(stack.ca))
    expect(lower, 200)  # RFC 9110 11.1: the scheme's name is case-insensitive


def test_a_key_in_the_query_is_no_key(user, stack):
    expect(requests.get(f"{stack.url}/api/v1/me?key={user.key}", verify=str(stack.ca)), 401, "unauthenticated")
    for program in ("auth", "keys"):
        assert user.key not in stack.log(program)


def test_key_of_a_disabled_user(user, stack):
    expect(user.api.get("/api/v1/me"), 200)
    stack.sql(f"UPDATE api_keys SET user_state = 'disabled' WHERE user_id = x'{user.id.replace('-', '')}'")
    stack.wait(lambda: user.api.get("/api/v1/me").status_code == 403, "what was kept of the key is old")
    expect(user.api.get("/api/v1/me"), 403, "account_disabled")


def test_a_key_wins_over_a_cookie(user, other, stack):
    answer = user.web.get("/api/v1/me", headers={"Authorization": f"Bearer {other.key}"})
    assert expect(answer, 200)["data"]["id"] == other.id
