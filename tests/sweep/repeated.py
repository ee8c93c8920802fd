"""More flows: what makes something, with an Idempotency-Key, by a client that repeats whatever goes wrong until it has an answer."""

import uuid

from world import told  # first: it knows where the next ones are

from flows import (SMALL, Flow, create_ready, create_right, make_test_account, send_post, test_account_ready,  # isort: skip
                   test_account_right, upload_ready, upload_right)
from helpers import expect  # isort: skip
from keys import key_create_ready, key_rotate_ready, key_works, keys_of  # isort: skip


KEY_LEASE_SEC = 60  # of a request that has died with its key


def until_made(world, call):
    for _ in range(30):
        answer = told(call)
        if answer.how == "done":
            return answer
        assert answer.how != "refused", answer
        if world.plan.is_away:
            world.plan.end()
        if answer.code == "idempotency_in_progress":
            world.stack.move_clock(KEY_LEASE_SEC + 1)
    raise AssertionError(f"never an answer: {answer}")


def with_key():
    return {"Idempotency-Key": str(uuid.uuid4())}


def key_create_repeated_act(world, s):
    key = with_key()
    s.told = until_made(world, lambda: s.user.web.post("/api/v1/keys", json={"name": "sweep"}, headers=key))


def key_create_repeated_right(world, s):
    assert keys_of(s.user) == [s.told.data["id"]]
    if s.told.data["key"] is None:
        assert s.told.data["secret_shown_once"] is True
    else:
        expect(world.stack.client(Authorization=f"Bearer {s.told.data['key']}").get("/api/v1/accounts"), 200)


def key_rotate_repeated_act(world, s):
    key = with_key()
    s.told = until_made(world, lambda: s.user.web.post(f"/api/v1/keys/{s.id}/rotate", json={}, headers=key))


def key_rotate_repeated_right(world, s):
    assert world.count("SELECT COUNT(*) AS n FROM api_keys WHERE of_key_id = %s", uuid.UUID(s.id).bytes) == 1
    assert key_works(s), "the secret that was in use works"


def upload_repeated_act(world, s):
    key = with_key()
    s.told = until_made(world, lambda: s.user.api.post("/api/v1/uploads", data=SMALL, headers=key))


def upload_form_repeated_act(world, s):
    key = with_key()
    s.told = until_made(world, lambda: s.user.api.post("/api/v1/uploads", files={"image": SMALL}, headers=key))


def create_repeated_act(world, s):
    key = with_key()
    s.told = until_made(world, lambda: send_post(s, key))


def create_by_ids_ready(world):
    s = create_ready(world)
    s.uploads = [expect(s.user.api.post("/api/v1/uploads", data=SMALL), 201)["data"]["id"] for _ in range(2)]
    return s


def create_by_ids_repeated_act(world, s):
    key, body = with_key(), {"upload_ids": s.uploads, "description": "sweep", "platform_options": {"post_mode": "MEDIA_UPLOAD"}}
    s.told = until_made(world, lambda: s.user.api.post(f"/api/v1/accounts/{s.account}/posts", json=body, headers=key))


def test_account_repeated_act(world, s):
    key = with_key()
    s.told = until_made(world, lambda: make_test_account(s, key))


# By the route that makes it: each that has the column `creates`, with each kind of body that it takes.
KEYED = {
    "POST /api/v1/keys": [Flow("keyed key", ("keys",), key_create_ready, key_create_repeated_act, key_create_repeated_right)],
    "POST /api/v1/keys/{id}/rotate": [
        Flow("keyed rotate", ("keys",), key_rotate_ready, key_rotate_repeated_act, key_rotate_repeated_right)],
    "POST /api/v1/uploads": [
        Flow("keyed upload", ("uploads",), upload_ready, upload_repeated_act, upload_right),
        Flow("keyed upload form", ("uploads",), upload_ready, upload_form_repeated_act, upload_right)],
    "POST /api/v1/accounts/{id}/posts": [
        Flow("keyed post", ("posts",), create_ready, create_repeated_act, create_right),
        Flow("keyed post by ids", ("posts",), create_by_ids_ready, create_by_ids_repeated_act, create_right)],
    "POST /api/v1/sandbox/accounts": [
        Flow("keyed test account", ("tiktok",), test_account_ready, test_account_repeated_act, test_account_right)],
}
REPEATED = [flow for flows in KEYED.values() for flow in flows]
