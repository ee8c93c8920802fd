"""What is refused whatever the body says is refused before the body comes: not a byte of it reaches nginx's disk."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from budgets import Agent
from helpers import expect
from images import jpeg
from test_budgets import far_from_midnight
from test_caps import POSTS, QUEUED, UPLOADS, almost_full, capped, end_posts, fill, sql, user  # noqa: F401  (fixtures)
from test_posts import SMALL, send_json, upload
from test_strangers import BIG, send, spool  # noqa: F401  (a fixture)
from test_turns import images  # noqa: F401  (a fixture)

FORM = "multipart/form-data; boundary=x"
JSON = "application/json"
LONG_JSON = 200 << 10  # not longer than it may be, and more than nginx keeps in memory


def posts_of(account):
    return f"/api/v1/accounts/{account}/posts"


def size_of(kind):
    return LONG_JSON if kind == JSON else BIG


def ask(user, path, kind, *headers, size=None):  # noqa: F811
    status, _, body = send(user.stack, "POST", path, [f"Authorization: Bearer {user.key}", *headers], kind=kind,
                           size=size or size_of(kind))
    return status, json.loads(body)["error"]["code"]


def queue_posts(user, account, n, ended=False):  # noqa: F811
    id = upload(user)
    for _ in range(n):
        expect(send_json(user.api, account, upload_ids=[id]), 202)
        if ended:
            end_posts(user)


def no_upload(user, account):  # noqa: F811
    fill(user)


def no_byte(user, account):  # noqa: F811
    almost_full(user, 0)


def no_queued_post(user, account):  # noqa: F811
    queue_posts(user, account, QUEUED)


def no_post(user, account):  # noqa: F811
    queue_posts(user, account, POSTS, ended=True)


@pytest.mark.parametrize("at_cap, code, kinds", [
    (no_upload, "uploads_too_many", ("image/jpeg", FORM)),
    (no_byte, "upload_bytes_too_many", ("image/jpeg", FORM)),
    (no_queued_post, "queued_posts_too_many", (FORM, JSON)),
    (no_post, "posts_too_many", (FORM, JSON)),
])
def test_who_has_no_room(user, account, spool, at_cap, code, kinds):  # noqa: F811
    at_cap(user, account)
    spool.written()
    for kind in kinds:
        path = "/api/v1/uploads" if kind == "image/jpeg" else posts_of(account)
        assert ask(user, path, kind) == (409, code), kind
        assert ask(user, path, kind, "Idempotency-Key: new") == (409, code), kind
    assert spool.written() == {}


@pytest.mark.parametrize("kind", [FORM, JSON])
def test_an_account_that_takes_no_posts(user, account, other, spool, kind):  # noqa: F811
    theirs = other.connect()
    sql(user, "UPDATE accounts SET state = 'needs_reconnect' WHERE id = %s", uuid.UUID(account).bytes)
    spool.written()
    for path, status, code in ((posts_of(theirs), 404, "not_found"), (posts_of(uuid.uuid4()), 404, "not_found"),
                               (posts_of("x"), 404, "not_found"), (posts_of(account), 409, "account_needs_reconnect")):
        assert ask(user, path, kind) == (status, code), path
    assert spool.written() == {}


@pytest.mark.parametrize("kind", [FORM, JSON])
def test_a_key_whose_budget_is_used_up(user, account, spool, kind):  # noqa: F811
    agent = Agent(user, accounts=[account], posts_per_day=1)
    far_from_midnight(user)
    agent.posted(account)
    elsewhere = user.connect()
    spool.written()
    for to, status, code in ((account, 429, "budget_posts_per_day"), (elsewhere, 403, "budget_account")):
        got, headers, body = send(user.stack, "POST", posts_of(to), [f"Authorization: Bearer {agent.made['key']}"], kind=kind,
                                  size=size_of(kind))
        assert (got, json.loads(body)["error"]["code"]) == (status, code)
        assert ("Retry-After" in dict(headers)) == (status == 429)
    assert spool.written() == {}
    assert agent.posts() == 1 and agent.counted() == 1


def test_json_that_is_longer_than_json_may_be(user, account, spool):  # noqa: F811
    """Although images in its place could be."""
    spool.written()
    for kind in (JSON, "application/JSON; charset=utf-8"):
        assert ask(user, posts_of(account), kind, size=(256 << 10) + 1) == (413, "body_too_large")
    assert spool.written() == {}


def test_what_is_no_image_and_no_form(user, account, spool):  # noqa: F811
    spool.written()
    for path in ("/api/v1/uploads", posts_of(account)):
        assert ask(user, path, "text/plain") == (415, "unsupported_media_type")
        assert ask(user, f"{path}?a=b", FORM)[0] == 422
    assert spool.written() == {}


def test_a_repeat_needs_no_room(user, account):  # noqa: F811
    """It gets the answer of the first, which took the last place."""
    fill(user, UPLOADS - 1)
    key = {"Idempotency-Key": "last"}
    image = jpeg(1200, 900)
    made = expect(user.api.post("/api/v1/uploads", data=image, headers=key), 201)["data"]
    again = user.api.post("/api/v1/uploads", data=image, headers=key)
    assert expect(again, 201)["data"] == made and again.headers["Idempotent-Replayed"] == "true"
    expect(user.api.post("/api/v1/uploads", data=image, headers={"Idempotency-Key": "next"}), 409, "uploads_too_many")


def test_a_repeat_is_told_that_the_first_is_under_way(capped, user, images):  # noqa: F811
    """And not that there is no room, which would be the end of it."""
    path, held = images
    fill(user, UPLOADS - 1)
    key = {"Idempotency-Key": "last"}
    with capped.configured("uploads", store_image_socket=path), ThreadPoolExecutor() as pool:
        first = pool.submit(user.api.post, "/api/v1/uploads", data=SMALL, headers=key)
        capped.wait(lambda: held.count() == 1, "it has taken the last place")
        expect(user.api.post("/api/v1/uploads", data=SMALL, headers=key), 409, "idempotency_in_progress")
        expect(user.api.post("/api/v1/uploads", data=SMALL), 409, "uploads_too_many")
        held.release()
        expect(first.result(), 503)
