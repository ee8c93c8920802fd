"""What was done with an account, as its user sees it; and the name, which is changed at once."""

import uuid

import pytest
import requests
from helpers import expect
from links import HOUR, MINUTE, activity, now_us
from publishing import creator_of

ACTIVITY = "/api/v1/me/activity"
MINOR_SEC = 600  # ACTIVITY_MINOR_US


def kinds(user):
    return [a["what"] for a in activity(user)]


def rename(user, name):
    return user.web.patch("/api/v1/me", json={"name": name})


# The name


def test_a_name_is_changed_and_removed(user):
    assert expect(rename(user, "Ann Ünlü"), 200)["data"]["name"] == "Ann Ünlü"
    assert expect(user.web.get("/api/v1/me"), 200)["data"]["name"] == "Ann Ünlü"
    assert expect(rename(user, None), 200)["data"]["name"] is None
    assert expect(user.web.get("/api/v1/me"), 200)["data"]["name"] is None
    assert kinds(user)[0] == "name_changed"


def test_nothing_is_noted_where_nothing_changes(user):
    data = expect(user.web.patch("/api/v1/me", json={}), 200)["data"]
    assert set(data) >= {"id", "email", "name", "created_at"} and data["email"] == user.email
    expect(rename(user, None), 200)
    expect(rename(user, "Ann"), 200)
    expect(rename(user, "Ann"), 200)
    assert kinds(user).count("name_changed") == 1


def test_changes_to_and_fro_are_noted_once_in_a_while(stack, user):
    """Else a session could fill 24 months with them, and hide in between what matters."""
    def to_and_fro():
        for i in range(3):
            expect(rename(user, f"name {i}"), 200)
            for value in (False, True):
                expect(user.web.patch("/api/v1/me/notifications", json={"post_failed": value}), 200)

    def noted():
        return [kinds(user).count(what) for what in ("name_changed", "notifications_changed")]
    to_and_fro()
    assert noted() == [1, 1]
    stack.move_clock(MINOR_SEC - MINUTE)
    to_and_fro()
    assert noted() == [1, 1]
    stack.move_clock(2 * MINUTE + 1)  # ids are up to a minute ahead, after a test that has moved the clock
    to_and_fro()
    assert noted() == [2, 2]
    stack.move_clock(-HOUR)
    to_and_fro()
    assert noted() == [3, 3], "what is later than now does not count"


def test_of_one_kind_a_day_is_enough(stack, user):
    """A script that signs in each minute fills no tables; and nothing else is lost for it."""
    before = kinds(user).count("signed_in")
    stack.sql("INSERT INTO activity (id, user_id, what, by_whom, created_at_us) SELECT UNHEX(CONCAT(LPAD(HEX(%s), 12, '0'), '7000', LPAD(HEX(seq), 16, '0'))),"
              " %s, 'signed_in', 'user', %s FROM seq_1_to_999", (now := (now_us(stack) - HOUR * 10**6)) // 1000, uuid.UUID(user.id).bytes, now)

    def sign_in():
        answer = user.stack.client(Origin=user.stack.url).post("/api/v1/auth/login", json={"email": user.email, "password": user.password})
        expect(answer, 200)

    def noted():
        return stack.sql("SELECT COUNT(*) n FROM activity WHERE user_id = %s AND what = 'signed_in'", uuid.UUID(user.id).bytes)[0]["n"] - 999 - before
    stack.move_clock(MINOR_SEC + MINUTE + 1)  # ids are up to a minute ahead, after a test that has moved the clock
    for wanted in (1, 1, 1):
        sign_in()
        assert noted() == wanted
    user.make_key("noted all the same")
    assert kinds(user)[0] == "key_created"
    stack.move_clock(24 * HOUR)
    for wanted in (2, 3):
        sign_in()
        assert noted() == wanted


@pytest.mark.parametrize("name", ["x", "x" * 100, "ü" * 50, " ", "O'Neill <b>", "0"])
def test_what_is_a_name(user, name):
    assert expect(rename(user, name), 200)["data"]["name"] == name


@pytest.mark.parametrize("name, code", [("", "too_short"), ("x" * 101, "too_long"), ("a\nb", "invalid_characters"),
                                        ("a\r\nBcc: x", "invalid_characters"), ("a\0", "invalid_characters"), (5, "wrong_type")])
def test_what_is_no_name(user, name, code):
    assert expect(rename(user, name), 422, code)["error"]["param"] == "name"


def test_nothing_else_is_changed_there(user):
    expect(user.web.patch("/api/v1/me", json={"email": "a@example.com"}), 422, "unknown_field")
    expect(user.api.patch("/api/v1/me", json={"name": "x"}), 403, "session_required")


# Activity


def test_it_begins_with_the_newest(user):
    for name in ("a", "b", "c"):
        user.make_key(name)
    rows = activity(user, "key_created")
    assert [r["about"] for r in rows] == ["c", "b", "a"]
    assert set(rows[0]) == {"id", "what", "description", "by", "about_id", "about", "created_at"}
    assert rows[0]["by"] == "user" and rows[0]["description"] == "An API key was made"
    assert rows == sorted(rows, key=lambda r: r["created_at"], reverse=True)


def test_it_comes_in_pages(user):
    for i in range(5):
        user.make_key(f"key {i}")
    all_of_it, seen, cursor = activity(user), [], None
    while True:
        answer = expect(user.web.get(ACTIVITY, params={"limit": 2, **({"cursor": cursor} if cursor else {})}), 200)
        seen += answer["data"]
        cursor = answer["meta"]["next_cursor"]
        assert answer["meta"]["has_more"] == (cursor is not None) and len(answer["data"]) <= 2
        if cursor is None:
            break
    assert seen == all_of_it and len(seen) >= 5


@pytest.mark.parametrize("query, param", [({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"limit": "x"}, "limit"),
                                          ({"what": "signed_in"}, "what")])
def test_what_may_be_asked(user, query, param):
    assert expect(user.web.get(ACTIVITY, params=query), 422)["error"]["param"] == param
    expect(user.web.get(ACTIVITY, params={"cursor": "x"}), 400, "bad_cursor")


def test_it_is_its_users_alone(stack, user, other):
    user.make_key("mine")
    assert "key_created" not in kinds(other)
    expect(user.api.get(ACTIVITY), 403, "session_required")
    expect(stack.client().get(ACTIVITY), 401, "unauthenticated")
    cursor = activity(user)[0]["id"]
    assert expect(other.web.get(ACTIVITY, params={"cursor": cursor}), 200)["data"] == [
        a for a in activity(other) if a["id"] < cursor]


def test_what_is_done_with_keys(user):
    key = user.make_key("laptop")
    address = f"/api/v1/keys/{key['id']}"
    expect(user.web.patch(address, json={"name": "desk"}), 200)
    expect(user.web.post(f"{address}/rotate", json={}), 200)
    expect(user.web.delete(address), 204)
    rows = [a for a in activity(user) if a["about_id"] == key["id"]]
    assert [(r["what"], r["about"], r["by"]) for r in rows] == [
        ("key_revoked", "desk", "user"), ("key_rotated", "desk", "user"), ("key_changed", "desk", "user"),
        ("key_created", "laptop", "user")]
    expect(user.web.delete(address), 404, "not_found")
    expect(user.web.patch(address, json={"name": "x"}), 404, "not_found")
    assert [a for a in activity(user) if a["about_id"] == key["id"]] == rows


def test_a_key_that_was_seen_in_clear(stack, user):
    key = user.make_key("leaked")
    requests.get(stack.http_url + "/api/v1/me", headers={"Authorization": f"Bearer {key['key']}"}, timeout=30)
    rows = stack.wait(lambda: [a for a in activity(user, "key_revoked") if a["about_id"] == key["id"]], "it is revoked")
    assert [(r["by"], r["about"]) for r in rows] == [("service", "leaked")]


def test_what_fails_is_not_noted(user):
    key = user.make_key("laptop", scopes=["posts:read"])
    before = kinds(user)
    expect(user.web.patch(f"/api/v1/keys/{key['id']}", json={"scopes": []}), 422)
    expect(user.web.post("/api/v1/keys", json={"name": ""}), 422)
    assert kinds(user) == before


def test_a_repeat_with_the_same_key_is_noted_once(user):
    headers = {"Idempotency-Key": f'"{uuid.uuid4()}"'}
    for _ in range(2):
        expect(user.web.post("/api/v1/keys", json={"name": "once"}, headers=headers), 201)
    assert kinds(user).count("key_created") == 1


def test_what_is_done_with_accounts(stack, user):
    account = user.connect()
    creator = stack.wait(lambda: creator_of(stack, account), "the creator is known")
    assert user.connect(creator) == account
    expect(user.web.delete(f"/api/v1/accounts/{account}"), 200)
    expect(user.web.delete(f"/api/v1/accounts/{account}"), 404)
    rows = [a for a in activity(user) if a["about_id"] == account]
    assert [(r["what"], r["by"]) for r in rows] == [
        ("account_disconnected", "user"), ("account_connected", "user"), ("account_connected", "user")]
    assert all(r["about"] is None for r in rows), "names go with the connection"


def test_what_a_key_does(stack, user):
    api = stack.client(Authorization=f"Bearer {user.make_key('test', mode='test')['key']}")
    account = expect(api.post("/api/v1/sandbox/accounts", json={}), 201)["data"]["id"]
    assert [(a["what"], a["by"]) for a in activity(user) if a["about_id"] == account] == [("account_connected", "key")]


def test_nothing_changes_a_row(stack):
    """No program may: not even the one that adds them."""
    grants = [g for r in stack.sql("SELECT User AS user FROM mysql.user WHERE user LIKE 'marketingcli%'")
              for row in stack.sql(f"SHOW GRANTS FOR '{r['user']}'@'localhost'") for g in row.values()]
    of_activity = [g for g in grants if ".`activity`" in g]
    assert of_activity and not [g for g in of_activity if "UPDATE" in g], of_activity
