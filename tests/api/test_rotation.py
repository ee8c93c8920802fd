"""POST /keys/{id}/rotate: a new secret for the same key, while the old one goes on working for a chosen time."""

import concurrent.futures
import datetime
import uuid

import pytest
import requests
from helpers import expect
from test_key_expiry import at, expiring
from test_keys import LIMIT, create, listed, made, with_key
from test_truth import database, unknown  # noqa: F401  (a fixture)

DAY = 86400
PATHS = ("/api/v1/me", "/api/v1/accounts", "/api/v1/posts", "/api/v1/uploads")


def rotate(user, key, **body):
    return user.web.post(f"/api/v1/keys/{key['id']}/rotate", json=body)


def rotated(user, key, **body):
    return expect(rotate(user, key, **body), 200)["data"]


def only(user):
    (key,) = listed(user)["data"]
    return key


def rows_of(stack, key):
    return stack.sql("SELECT * FROM api_keys WHERE id = %s OR of_key_id = %s", *[uuid.UUID(key["id"]).bytes] * 2)


def microseconds(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1_000_000)


def test_both_secrets_are_the_same_key(user, stack):
    old = made(user, "laptop")
    new = rotated(user, old)
    assert new["key"] != old["key"] and new["prefix"] == new["key"][:12]
    same = ("id", "name", "scopes", "created_at", "expires_at")
    assert {f: new[f] for f in same} == {f: old[f] for f in same}
    for secret, prefix in ((old["key"], old["prefix"]), (new["key"], new["prefix"])):
        shown = expect(with_key(stack, secret), 200)["data"]["key"]
        assert (shown["id"], shown["name"], shown["prefix"]) == (old["id"], "laptop", prefix)
    assert only(user)["id"] == old["id"] and only(user)["prefix"] == new["prefix"] and "key" not in only(user)
    stack.wait(lambda: only(user)["last_used_at"], "the use is noted")


@pytest.mark.parametrize("path", PATHS)
def test_the_old_secret_ends_when_the_overlap_does(user, stack, path):
    old = made(user)
    new = rotated(user, old, overlap_sec=3600)
    expect(with_key(stack, old["key"], path), 200)
    stack.move_clock(3590)
    expect(with_key(stack, old["key"], path), 200)
    stack.move_clock(11)
    expect(with_key(stack, old["key"], path), 401, "key_rotated")
    expect(with_key(stack, new["key"], path), 200)


@pytest.mark.parametrize("path", PATHS)
def test_without_an_overlap_it_ends_at_once(user, stack, path):
    old = made(user)
    expect(with_key(stack, old["key"], path), 200)
    new = rotated(user, old, overlap_sec=0)
    expect(with_key(stack, old["key"], path), 401, "key_rotated")
    expect(with_key(stack, new["key"], path), 200)


@pytest.mark.parametrize("body, seconds", [({}, DAY), ({"overlap_sec": 0}, 0), ({"overlap_sec": 1}, 1),
                                           ({"overlap_sec": 7 * DAY}, 7 * DAY)])
def test_until_when_is_shown(user, stack, body, seconds):
    key = made(user)
    assert key["old_secret_expires_at"] is None and only(user)["old_secret_expires_at"] is None
    before = at(seconds, stack).timestamp() * 1_000_000
    new = rotated(user, key, **body)
    assert before - 1000 <= microseconds(new["old_secret_expires_at"]) <= at(seconds, stack).timestamp() * 1_000_000 + 1000
    assert only(user)["old_secret_expires_at"] == new["old_secret_expires_at"]


@pytest.mark.parametrize("overlap, code", [(-1, "out_of_range"), (7 * DAY + 1, "out_of_range"), (10**30, "out_of_range"),
                                           (1.5, "wrong_type"), ("3600", "wrong_type"), (None, "wrong_type"), ([], "wrong_type")])
def test_bad_overlaps(user, stack, overlap, code):
    key = made(user)
    assert expect(rotate(user, key, overlap_sec=overlap), 422, code)["error"]["param"] == "overlap_sec"
    expect(with_key(stack, key["key"]), 200)
    assert only(user)["prefix"] == key["prefix"]


def test_bad_bodies(user):
    key = made(user)
    expect(rotate(user, key, scopes=[]), 422, "unknown_field")
    expect(user.web.post(f"/api/v1/keys/{key['id']}/rotate"), 415, "unsupported_media_type")
    expect(user.web.post(f"/api/v1/keys/{key['id']}/rotate", data="", headers={"Content-Type": "application/json"}), 400,
           "bad_json")


def test_whose_answer_was_lost_rotates_again(user, stack):
    """The secret that is in use everywhere outlives that, and does not live longer than was said last."""
    first = made(user)
    second = rotated(user, first, overlap_sec=3600)
    third = rotated(user, first, overlap_sec=2 * DAY)
    for secret in (first, second, third):
        expect(with_key(stack, secret["key"]), 200)
    stack.move_clock(3601)
    expect(with_key(stack, first["key"]), 401, "key_rotated")
    expect(with_key(stack, second["key"]), 200)
    user.confirm()
    fourth = rotated(user, first, overlap_sec=0)
    expect(with_key(stack, second["key"]), 401, "key_rotated")
    expect(with_key(stack, third["key"]), 401, "key_rotated")
    expect(with_key(stack, fourth["key"]), 200)


def test_a_shorter_overlap_ends_those_before_too(user, stack):
    first = made(user)
    second = rotated(user, first, overlap_sec=7 * DAY)
    third = rotated(user, first, overlap_sec=60)
    stack.move_clock(61)
    expect(with_key(stack, first["key"]), 401, "key_rotated")
    expect(with_key(stack, second["key"]), 401, "key_rotated")
    expect(with_key(stack, third["key"]), 200)


def test_only_so_many_old_secrets_work(user, stack):
    key = made(user)
    secrets = [key["key"], *(rotated(user, key, overlap_sec=3600 + n)["key"] for n in range(3))]
    refused = expect(rotate(user, key, overlap_sec=3600), 409, "old_secrets_too_many")["error"]
    assert "overlap_sec 0" in refused["message"]
    for secret in secrets:
        expect(with_key(stack, secret), 200)
    last = rotated(user, key, overlap_sec=0)
    for secret in secrets:
        assert with_key(stack, secret).status_code == 401
    expect(with_key(stack, last["key"]), 200)
    for _ in range(5):
        last = rotated(user, key, overlap_sec=0)
    assert len(rows_of(stack, key)) == 4
    rotated(user, key, overlap_sec=60)
    expect(with_key(stack, last["key"]), 200)


def test_a_place_that_is_used_again_has_nothing_of_before(user, stack):
    """The row of an old secret ended before its key lost a scope; it must not give the next old secret what the key has not."""
    key = made(user)
    last = rotated(user, key, overlap_sec=0)
    expiring(user, stack, 3600)
    while len(listed(user, "?limit=100")["data"]) < LIMIT:
        made(user)
    stack.move_clock(3601)
    user.confirm()
    expect(create(user), 201)  # in the place of the one that has expired
    narrow = {"name": "narrow", "scopes": ["posts:read"]}
    expect(user.web.patch(f"/api/v1/keys/{key['id']}", json=narrow), 200)
    rotated(user, key, overlap_sec=3600)
    shown = expect(with_key(stack, last["key"]), 200)["data"]["key"]
    assert {f: shown[f] for f in narrow} == narrow
    write = requests.post(f"{stack.url}/api/v1/uploads", headers={"Authorization": f"Bearer {last['key']}"}, verify=str(stack.ca))
    expect(write, 403, "scope_missing")
    assert len(rows_of(stack, key)) == 2


def test_old_secrets_take_no_place_of_a_key(user):
    key = made(user)
    for _ in range(3):
        rotated(user, key)
    while len(listed(user, "?limit=100")["data"]) < LIMIT:
        made(user)
    expect(create(user), 409, "too_many")
    assert len(listed(user, "?limit=100")["data"]) == LIMIT


def test_a_revocation_ends_all_secrets_at_once(user, stack):
    key = made(user)
    secrets = [key["key"], *(rotated(user, key)["key"] for _ in range(2))]
    for secret in secrets:
        expect(with_key(stack, secret), 200)
    assert user.web.delete(f"/api/v1/keys/{key['id']}").status_code == 204
    for secret in secrets:
        expect(with_key(stack, secret), 401, "invalid_key")
    assert listed(user)["data"] == []
    expect(rotate(user, key), 404, "not_found")


def test_old_secrets_are_no_keys(user, stack):
    key = made(user)
    rotated(user, key)
    (old,) = (str(uuid.UUID(bytes=row["id"])) for row in rows_of(stack, key) if row["of_key_id"])
    expect(user.web.post(f"/api/v1/keys/{old}/rotate", json={}), 404, "not_found")
    assert only(user)["id"] == key["id"]


def test_a_key_that_expires(user, stack):
    """The old secret ends no later than the key; and one that has expired gets no new secret."""
    key = expiring(user, stack, 3600)
    new = rotated(user, key, overlap_sec=DAY)
    assert new["old_secret_expires_at"] == new["expires_at"] == key["expires_at"]
    stack.move_clock(3601)
    assert with_key(stack, key["key"]).status_code == 401
    expect(with_key(stack, new["key"]), 401, "key_expired")
    user.confirm()
    expect(rotate(user, key), 409, "key_ended")


def test_somebody_elses(user, other, stack):
    key = made(other)
    expect(rotate(user, key), 404, "not_found")
    for id in ("x", "019a0000-0000-7000-8000-000000000000"):
        expect(user.web.post(f"/api/v1/keys/{id}/rotate", json={}), 404, "not_found")
    expect(with_key(stack, key["key"]), 200)
    assert only(other)["prefix"] == key["prefix"]


def test_a_key_rotates_no_key(user):
    key = made(user)
    expect(user.api.post(f"/api/v1/keys/{key['id']}/rotate", json={}), 403, "session_required")


def test_many_at_once(user, stack):
    """Each new secret is the key's for a moment; the last one stays, and the others are old ones."""
    key = made(user)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: rotate(user, key, overlap_sec=3600), range(6)))
    new = [a.json()["data"] for a in answers if a.status_code == 200]
    assert len(new) == 3 and [a.json()["error"]["code"] for a in answers if a.status_code == 409] == ["old_secrets_too_many"] * 3
    for secret in [key, *new]:
        expect(with_key(stack, secret["key"]), 200)
    assert only(user)["prefix"] in [n["prefix"] for n in new]
    rotated(user, key, overlap_sec=0)
    for secret in [key, *new]:
        expect(with_key(stack, secret["key"]), 401)


def test_of_a_disabled_user(user, stack):
    key = made(user)
    new = rotated(user, key)
    stack.sql("UPDATE api_keys SET user_state = 'disabled' WHERE user_id = %s", uuid.UUID(user.id).bytes)
    for secret in (key, new):
        stack.wait(lambda s=secret: with_key(stack, s["key"]).status_code == 403, "what was kept of the key is old")


def test_no_table_holds_a_key(user, stack):
    """Nor does what is kept for a repeat."""
    def keyed(path, **body):
        return expect(user.web.post(f"/api/v1/keys{path}", json=body, headers={"Idempotency-Key": uuid.uuid4().hex}), status[path == ""])["data"]

    status, secrets = {True: 201, False: 200}, []
    for mode in ("test", "live"):
        key = keyed("", name="a key", mode=mode)
        turn = f"/{key['id']}/rotate"
        secrets += [key["key"], keyed(turn)["key"], keyed(turn, overlap_sec=0)["key"], rotated(user, key)["key"]]
    for secret in secrets:
        with_key(stack, secret)
    tables = [r["t"] for r in stack.sql("SELECT table_name AS t FROM information_schema.tables WHERE table_schema = 'marketingcli'")]
    dump = "".join(repr(stack.sql(f"SELECT * FROM `{table}`")) for table in tables)
    assert secrets[-1][:12] in dump, "the dump has what may be in it"
    for secret in secrets:
        assert secret[len("mk_live_"):] not in dump and secret[20:] not in dump


@pytest.mark.parametrize("fault", ["lost", "unanswered"])
def test_a_rotation_that_may_have_happened(user, stack, database, fault):  # noqa: F811
    """What was in use works in any case; the key's prefix says what has happened."""
    key = made(user)
    with database.used_by("keys"):
        database.fault("COMMIT", fault, after="INSERT INTO api_keys")
        assert unknown(rotate(user, key)) is None
        assert database.met
        assert (only(user)["prefix"] != key["prefix"]) == (fault == "unanswered")
        expect(with_key(stack, key["key"]), 200)


def test_the_old_secret_ends_with_a_commit_that_comes_late(user, stack, database):  # noqa: F811
    """Its connection broke, and it waits; until it comes the old secret is good, and another program keeps that it is."""
    key = made(user)
    with database.used_by("keys"), concurrent.futures.ThreadPoolExecutor(1) as pool:
        database.fault("COMMIT", "late", after="INSERT INTO api_keys")
        done = pool.submit(user.web.post, f"/api/v1/keys/{key['id']}/rotate", json={"overlap_sec": 0},
                           headers={"Idempotency-Key": uuid.uuid4().hex})
        stack.wait(lambda: any(t.startswith("DELETE FROM idempotency_keys WHERE user_id") for t in database.asked), "it looks what came of it")
        expect(with_key(stack, key["key"]), 200)
        database.back()
        expect(done.result(), 200)
        expect(with_key(stack, key["key"]), 401, "key_rotated")


def test_killed_between_the_rotation_and_the_end_of_the_epoch(user, stack):
    key = made(user)
    expect(with_key(stack, key["key"]), 200)
    armed = stack.arm("key.rotated")
    assert rotate(user, key, overlap_sec=0).status_code == 502
    assert not armed.exists()
    stack.wait(lambda: user.web.get("/api/v1/keys").status_code == 200, "keys runs again")
    expect(with_key(stack, key["key"]), 401, "key_rotated")
