"""A key that expires stops at its time."""

import datetime

import pytest
from helpers import expect
from test_keys import LIMIT, create, listed, made, with_key

PATHS = ("/api/v1/me", "/api/v1/accounts", "/api/v1/posts", "/api/v1/uploads")
HOUR = 3600


def at(seconds, stack):
    """That many seconds from now, by the programs' clock."""
    clock = stack.at.test / "clock"
    moved = int(clock.read_text()) / 1_000_000 if clock.exists() else 0
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds + moved)


def expiring(user, stack, seconds=HOUR, **more):
    body = {"name": "a key", "expires_at": at(seconds, stack).isoformat(), **more}
    return expect(user.web.post("/api/v1/keys", json=body), 201)["data"]


@pytest.mark.parametrize("path", PATHS)
def test_it_stops_at_its_time(user, stack, path):
    """Also where it is kept: no second passes between the two requests by the clock that the cache goes by."""
    key = expiring(user, stack)
    expect(with_key(stack, key["key"], path), 200)
    stack.move_clock(HOUR - 60)
    expect(with_key(stack, key["key"], path), 200)
    stack.move_clock(61)
    expect(with_key(stack, key["key"], path), 401, "key_expired")


def test_when_it_expires_is_shown(user, stack):
    key = expiring(user, stack, HOUR)
    (shown,) = listed(user)["data"]
    assert shown["expires_at"] == key["expires_at"]
    assert expect(with_key(stack, key["key"]), 200)["data"]["key"]["expires_at"] == key["expires_at"]
    stack.move_clock(HOUR + 1)
    assert listed(user)["data"] == [{**shown, "last_used_at": listed(user)["data"][0]["last_used_at"]}]


@pytest.mark.parametrize("text, shown", [
    ("2998-01-02T03:04:05+02:00", "2998-01-02T01:04:05.000000Z"),
    ("2998-01-02T03:04:05.123456-00:30", "2998-01-02T03:34:05.123456Z"),
    ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
])
def test_an_offset_counts(user, text, shown):
    body = {"name": "x", "expires_at": text}
    assert expect(user.web.post("/api/v1/keys", json=body), 201)["data"]["expires_at"] == shown


def test_never_by_default(user, stack):
    for more in ({}, {"expires_at": None}):
        key = expect(user.web.post("/api/v1/keys", json={"name": "x", **more}), 201)["data"]
        assert key["expires_at"] is None
    stack.move_clock(24 * 365 * HOUR)
    expect(with_key(stack, key["key"]), 200)


@pytest.mark.parametrize("value, code, sentence", [
    ("1999-01-01T00:00:00Z", "time_in_the_past", "still to come"),
    ("1970-01-01T00:00:00Z", "time_in_the_past", "still to come"),
    ("0001-01-01T00:00:00Z", "time_in_the_past", "still to come"),
    ("2998-01-01T00:00:00", "invalid_value", "offset"),
    ("2998-01-01", "invalid_value", "offset"),
    ("2998-02-30T00:00:00Z", "invalid_value", "offset"),
    ("tomorrow", "invalid_value", "offset"),
    ("", "invalid_value", "offset"),
    (32503680000, "wrong_type", "as a string"),
    (True, "wrong_type", "as a string"),
])
def test_bad_times(user, value, code, sentence):
    error = expect(user.web.post("/api/v1/keys", json={"name": "x", "expires_at": value}), 422, code)["error"]
    assert error["param"] == "expires_at" and sentence in error["message"]
    assert listed(user)["data"] == []


def test_the_moment_itself_is_too_late(user, stack):
    stack.set_clock(0)
    now = at(0, stack).isoformat()
    expect(user.web.post("/api/v1/keys", json={"name": "x", "expires_at": now}), 422, "time_in_the_past")


def test_a_key_that_has_expired_takes_no_place(user, stack):
    old = expiring(user, stack)
    while len(listed(user, "?limit=100")["data"]) < LIMIT:
        made(user)
    expect(create(user), 409, "too_many")
    stack.move_clock(HOUR + 1)
    user.confirm()
    made(user)
    ids = [k["id"] for k in listed(user, "?limit=100")["data"]]
    assert len(ids) == LIMIT and old["id"] not in ids
    expect(create(user), 409, "too_many")
    expect(with_key(stack, old["key"]), 401, "key_expired")


def test_one_that_has_expired_can_be_revoked(user, stack):
    key = expiring(user, stack)
    stack.move_clock(HOUR + 1)
    assert user.web.delete(f"/api/v1/keys/{key['id']}").status_code == 204
    assert listed(user)["data"] == []
    expect(user.web.delete(f"/api/v1/keys/{key['id']}"), 404, "not_found")
