"""Idempotency-Key: a request that makes something makes it once, however often it is repeated, and its repeats get its answer."""

import contextlib
import http.client
import json
import pathlib
import ssl
import sys
import uuid

import pytest
import standing
from helpers import expect
from images import jpeg
from test_posts import SMALL, count_posts, upload

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from database import Database  # noqa: E402

LEASE_SEC, HOUR = 60, 3600
OTHER = jpeg(60, 90)


def new_key():
    return str(uuid.uuid4())


def sql(user, text, *args):
    """text with {user} for the user's id."""
    return user.stack.sql(text.replace("{user}", f"x'{user.id.replace('-', '')}'"), *args)


# What makes something: each call makes one thing, the same one for the same `what`.


class Post:
    route = "POST /api/v1/accounts/{id}/posts"

    def __init__(self, user):
        self.user, self.account, self.api = user, user.connect(), user.api

    def path(self):
        return f"/api/v1/accounts/{self.account}/posts"

    def make(self, key, what="one", images=(SMALL, OTHER), turned=False, client=None):
        """The fields of the form in one order or in another."""
        parts = [("description", (None, what)), ("platform_options", (None, '{"post_mode": "MEDIA_UPLOAD"}'))]
        shown = [("images", (f"{i}.jpg", data, "image/jpeg")) for i, data in enumerate(images)]
        return (client or self.api).post(self.path(), files=shown + parts[::-1] if turned else parts + shown, headers=headers(key))

    def made(self):
        return count_posts(self.user.stack, self.user)


class PostOfUploads(Post):
    def __init__(self, user):
        super().__init__(user)
        self.upload = upload(user)

    def make(self, key, what="one", client=None):
        return (client or self.api).post(self.path(), json={"upload_ids": [self.upload], "description": what}, headers=headers(key))


class Upload:
    route = "POST /api/v1/uploads"

    def __init__(self, user):
        self.user, self.api = user, user.api

    def make(self, key, what="one", client=None):
        return (client or self.api).post("/api/v1/uploads", data=SMALL if what == "one" else OTHER, headers=headers(key))

    def made(self):
        return sql(self.user, "SELECT COUNT(*) n FROM uploads WHERE user_id = {user} AND state = 'ready'")[0]["n"]


class UploadForm(Upload):
    def make(self, key, what="one", client=None):
        return (client or self.api).post("/api/v1/uploads", files={"image": SMALL if what == "one" else OTHER}, headers=headers(key))


class Key:
    route = "POST /api/v1/keys"

    def __init__(self, user):
        self.user, self.api = user, user.web

    def make(self, key, what="one", client=None):
        return (client or self.api).post("/api/v1/keys", json={"name": what}, headers=headers(key))

    def made(self):
        return sql(self.user, "SELECT COUNT(*) n FROM api_keys WHERE user_id = {user} AND name IN ('one', 'two')")[0]["n"]


class SandboxAccount:
    route = "POST /api/v1/sandbox/accounts"

    def __init__(self, user):
        self.user, self.api = user, user.stack.client(Authorization=f"Bearer {user.make_key('test', mode='test')['key']}")

    def make(self, key, what="one", client=None):
        return (client or self.api).post("/api/v1/sandbox/accounts", json={"private_account": what != "one"}, headers=headers(key))

    def made(self):
        return sql(self.user, "SELECT COUNT(*) n FROM accounts WHERE user_id = {user} AND mode = 'test' AND state = 'active'")[0]["n"]


ROTATION = "POST /api/v1/keys/{id}/rotate"
MAKERS = [Post, PostOfUploads, Upload, UploadForm, Key, SandboxAccount]


@pytest.fixture(params=MAKERS, ids=lambda m: m.__name__)
def maker(request, user):
    return request.param(user)


@pytest.fixture
def posts(user):
    return PostOfUploads(user)


@pytest.fixture
def database(stack):
    with Database(stack) as made:
        yield made


def headers(key):
    return {} if key is None else {"Idempotency-Key": key}


def made(answer):
    assert answer.status_code in (201, 202), answer.text
    assert "Idempotent-Replayed" not in answer.headers
    return expect(answer, answer.status_code)["data"]


def replayed(answer, status):
    data = expect(answer, status)["data"]
    assert answer.headers["Idempotent-Replayed"] == "true"
    return data


def rows(user):
    return sql(user, "SELECT claim, lease_until_us, status, data FROM idempotency_keys WHERE user_id = {user}")


def in_progress(answer):
    error = expect(answer, 409, "idempotency_in_progress")["error"]
    assert error["retryable"] is True
    return int(answer.headers["Retry-After"])


def test_every_route_that_creates_is_tried_here(stack):
    routes = json.loads(stack.admin("tables").stdout)["routes"]
    assert {f"{r['method']} {r['pattern']}" for r in routes if r["creates"]} == {m.route for m in MAKERS} | {ROTATION}


# --- repeating


def without_secret(data):
    return {**data, "key": None, "secret_shown_once": True} if "key" in data else data


def test_a_repeat_gets_the_first_answer(maker):
    key, before = new_key(), maker.made()
    first = maker.make(key)
    data = made(first)
    for _ in range(2):
        again = maker.make(key)
        assert replayed(again, first.status_code) == without_secret(data)
        assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert maker.made() == before + 1


def test_without_a_key_each_makes_one(maker):
    before = maker.made()
    assert made(maker.make(None))["id"] != made(maker.make(None))["id"]
    assert maker.made() == before + 2 and rows(maker.user) == []


def test_another_body_is_refused(maker):
    key, before = new_key(), maker.made()
    made(maker.make(key))
    error = expect(maker.make(key, "two"), 422, "idempotency_key_reused")["error"]
    assert error["retryable"] is False and maker.made() == before + 1
    replayed(maker.make(key), 202 if isinstance(maker, Post) else 201)


def test_another_route_is_refused(user):
    key = new_key()
    made(user.api.post("/api/v1/uploads", data=b"", files={"image": SMALL}, headers=headers(key)))
    expect(user.web.post("/api/v1/keys", json={"name": "one"}, headers=headers(key)), 422, "idempotency_key_reused")
    first, second = Post(user), Post(user)
    made(first.make(again := new_key()))
    expect(second.make(again), 422, "idempotency_key_reused")


def test_a_form_is_compared_by_its_parts(user):
    """Each time it has another boundary. The order of the images counts, that of the fields does not."""
    post, key = Post(user), new_key()
    data = made(post.make(key))
    assert replayed(post.make(key, turned=True), 202) == data
    expect(post.make(key, images=(OTHER, SMALL)), 422, "idempotency_key_reused")
    expect(post.make(key, images=(SMALL,)), 422, "idempotency_key_reused")
    assert post.made() == 1


def test_a_repeat_decodes_no_image(user, stack):
    post, key = Post(user), new_key()
    data = made(post.make(key))
    with stack.stopped("image"):
        assert replayed(post.make(key), 202) == data
    assert sql(user, "SELECT COUNT(*) n FROM uploads WHERE user_id = {user}")[0]["n"] == 2


def test_a_new_key_is_never_shown_again(user, stack):
    maker, key = Key(user), new_key()
    secret = made(maker.make(key))["key"]
    expect(stack.client(Authorization=f"Bearer {secret}").get("/api/v1/me"), 200)
    again = maker.make(key)
    assert secret not in again.text
    data = replayed(again, 201)
    assert data["key"] is None and data["secret_shown_once"] is True
    (row,) = rows(user)
    assert row["status"] == 201 and b"mk_live_" in row["data"] and secret.encode() not in row["data"]  # its first characters are shown


def test_a_rotation_that_is_repeated(user, stack):
    """One new secret, and one old one that still works."""
    before = made(Key(user).make(None))

    def rotate(overlap_sec):
        return user.web.post(f"/api/v1/keys/{before['id']}/rotate", json={"overlap_sec": overlap_sec}, headers=headers(key))

    key = new_key()
    data = expect(rotate(HOUR), 200)["data"]
    assert replayed(rotate(HOUR), 200) == without_secret(data)
    expect(rotate(2 * HOUR), 422, "idempotency_key_reused")
    for secret in (before["key"], data["key"]):
        expect(stack.client(Authorization=f"Bearer {secret}").get("/api/v1/me"), 200)
    assert sql(user, "SELECT COUNT(*) n FROM api_keys WHERE user_id = {user} AND of_key_id IS NOT NULL")[0]["n"] == 1
    assert all(data["key"].encode() not in row["data"] for row in rows(user))


def given_back(user):
    """The first has died, and nothing came of it: whoever repeats it now would make the thing."""
    sql(user, "UPDATE idempotency_keys SET status = NULL, data = NULL, request = NULL, lease_until_us = 1 WHERE user_id = {user}")


def test_a_repeat_needs_no_post_to_be_left(user, stack):
    """It makes none. A key whose request has made nothing does not help."""
    with stack.configured("posts", rates_post=2, rates_window_sec=86400):
        maker, key = PostOfUploads(user), new_key()
        data = made(maker.make(key))
        made(maker.make(new_key(), "two"))
        expect(maker.make(new_key(), "three"), 429, "rate_limited")
        for _ in range(2):
            again = maker.make(key)
            assert replayed(again, 202) == data and again.headers["RateLimit"].startswith('"post";r=0;')
        expect(maker.make(key, "two"), 422, "idempotency_key_reused")
        given_back(user)
        error = expect(maker.make(key), 429, "rate_limited")["error"]
        assert error["param"] == "post" and "at most 2 in 86400 seconds for one API key" in error["message"]
        assert maker.made() == 2 and len(rows(user)) == 1


def test_a_repeat_needs_no_password_again(user, stack):
    """Whoever has lost the answer may come after the ten minutes."""
    maker, key = Key(user), new_key()
    before = made(Key(user).make(None))
    path, turn = f"/api/v1/keys/{before['id']}/rotate", headers(new_key())
    data, rotated = made(maker.make(key)), expect(user.web.post(path, json={}, headers=turn), 200)["data"]
    there = maker.made()
    stack.move_clock(601)
    assert replayed(maker.make(key), 201) == without_secret(data)
    assert replayed(user.web.post(path, json={}, headers=turn), 200) == without_secret(rotated)
    expect(maker.make(key, "two"), 422, "idempotency_key_reused")
    for late in (maker.make(new_key()), maker.make(None), user.web.post(path, json={}, headers=headers(new_key()))):
        expect(late, 403, "recent_auth_required")
    given_back(user)
    expect(maker.make(key), 403, "recent_auth_required")
    assert maker.made() == there


def test_keys_belong_to_a_user(user, other):
    key = new_key()
    mine, theirs = (made(Upload(u).make(key)) for u in (user, other))
    assert mine["id"] != theirs["id"]
    assert replayed(Upload(other).make(key), 201) == theirs


def test_a_key_of_the_same_user_does_not_matter(user, stack):
    """What is repeated may come with another credential."""
    key, maker = new_key(), Upload(user)
    data = made(maker.make(key))
    assert replayed(maker.make(key, client=user.web), 201) == data


def test_quotes_do_not_matter(user):
    maker = Upload(user)
    data = made(maker.make('"a \\"key\\" of mine"'))
    assert replayed(maker.make('"a \\"key\\" of mine" '), 201) == data
    data = made(maker.make("bare"))
    assert replayed(maker.make('"bare"'), 201) == data


def test_a_day_later_it_is_new(maker, stack):
    key, before = new_key(), maker.made()
    data = made(maker.make(key))
    stack.move_clock(24 * HOUR - 60)
    maker.user.confirm()  # keys want a fresh password
    assert replayed(maker.make(key), 202 if isinstance(maker, Post) else 201)["id"] == data["id"]
    stack.move_clock(120)
    assert made(maker.make(key, "two"))["id"] != data["id"]
    assert maker.made() == before + 2


def test_old_keys_are_deleted(user, stack):
    """Not by a housekeeping that began before the clock went on: to that the fresh key ends too late, and it makes it older."""
    stack.restart("worker-publish")
    standing.run(stack, "jobs_publish", "housekeeping")
    made(Upload(user).make(new_key()))
    stack.move_clock(24 * HOUR + 60)
    made(Upload(user).make(fresh := new_key()))
    stack.move_clock(2 * HOUR)  # the housekeeping comes every hour
    stack.wait(lambda: len(rows(user)) == 1, "the old one is gone")
    replayed(Upload(user).make(fresh), 201)


def test_old_keys_are_deleted_whatever_else_fails(user, stack):
    grant = "DELETE ON oauth_states {} marketingcli_worker_publish@localhost"
    made(Upload(user).make(new_key()))
    stack.sql(f"REVOKE {grant.format('FROM')}")
    try:
        sql(user, "UPDATE idempotency_keys SET expires_at_us = 1 WHERE user_id = {user}")
        standing.hurry(stack, "jobs_publish", "housekeeping")
        stack.wait(lambda: not rows(user), "it is gone")
    finally:
        stack.sql(f"GRANT {grant.format('TO')}")


# --- what is no key


@pytest.mark.parametrize("key", ["", '""', '"', '"a', "a b", "a,b", '"a", "b"', '"a";x=1', '"a\\b"', "caf\xe9", "a\x7f", "x" * 256,
                                 '"' + "x" * 256 + '"'])
def test_what_is_no_key(maker, key):
    before = maker.made()
    error = expect(maker.make(key), 400, "bad_idempotency_key")["error"]
    assert error["retryable"] is False and "255" in error["message"]
    assert maker.made() == before and rows(maker.user) == []


def test_the_longest_keys(user):
    maker = Upload(user)
    for key in ("x" * 255, '"' + '\\\\' * 255 + '"'):
        data = made(maker.make(key))
        assert replayed(maker.make(key), 201) == data


@pytest.mark.parametrize("path, body", [("/api/v1/keys", b'{"name": "one"}'), ("/api/v1/uploads", SMALL)])
@pytest.mark.parametrize("keys", [("a", "b"), ("a", "a"), ("", "a"), ('"a', 'b"')])
def test_two_headers(user, stack, path, body, keys):
    connection = http.client.HTTPSConnection("localhost", stack.https, context=ssl.create_default_context(cafile=str(stack.ca)))
    with contextlib.closing(connection):
        connection.putrequest("POST", path)
        connection.putheader("Cookie", f"__Host-session={user.web.cookies['__Host-session']}")
        connection.putheader("Origin", stack.url)
        connection.putheader("Content-Type", "application/json" if path.endswith("keys") else "image/jpeg")
        connection.putheader("Content-Length", str(len(body)))
        for key in keys:
            connection.putheader("Idempotency-Key", key)
        connection.endheaders(body)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["error"]["code"]) == (400, "bad_idempotency_key")
    assert Key(user).made() == 0 and Upload(user).made() == 0


def test_a_bad_key_is_told_before_the_body_comes(user, stack):
    """A body of 600 MB that is not sent: nginx has asked the program."""
    connection = http.client.HTTPSConnection("localhost", stack.https, context=ssl.create_default_context(cafile=str(stack.ca)), timeout=60)
    with contextlib.closing(connection):
        connection.request("POST", Post(user).path(), headers={"Authorization": f"Bearer {user.key}", "Idempotency-Key": "a b",
                                                               "Content-Type": "multipart/form-data; boundary=b",
                                                               "Content-Length": str(600 << 20)})
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["error"]["code"]) == (400, "bad_idempotency_key")


def test_routes_that_make_nothing_pass_over_it(user):
    expect(user.api.get("/api/v1/me", headers=headers("a b")), 200)
    expect(user.web.post("/api/v1/auth/logout", headers=headers("a b")), 204)


# --- failures are not kept


def test_a_refused_request_can_be_mended(user):
    post, key = PostOfUploads(user), new_key()
    bad = {"upload_ids": [post.upload], "title": "x" * 91}
    for body, status in ((bad, 422), ({"upload_ids": [new_key()]}, 422), ({"nothing": 1}, 422)):
        expect(user.api.post(post.path(), json=body, headers=headers(key)), status)
        assert rows(user) == []
    expect(user.api.post(post.path(), data=b"{", headers={**headers(key), "Content-Type": "application/json"}), 400, "bad_json")
    made(post.make(key))
    assert post.made() == 1


def test_an_image_that_is_none(user):
    key = new_key()
    expect(user.api.post("/api/v1/uploads", data=b"no image", headers=headers(key)), 415, "image_type_unsupported")
    made(Upload(user).make(key))


def test_who_may_not_ask(user, stack):
    key = new_key()
    for client, status in ((stack.client(), 401), (user.api, 403), (stack.client(Authorization="Bearer mk_live_x"), 401)):
        expect(Key(user).make(key, client=client), status)
    assert rows(user) == []
    made(Key(user).make(key))
    expect(Key(user).make(key, client=stack.client()), 401)


def test_a_busy_service(user, stack):
    post, key = Post(user), new_key()
    with stack.configured("posts", store_image_timeout_sec=1, service_queue_sec=1), stack.stopped("image"):
        assert expect(post.make(key), 503)["error"]["retryable"] is True
    made(post.make(key))
    assert post.made() == 1


def away_code(maker):
    """What a request is told that the database leaves in the middle: images have left their rows by then, which count for a while."""
    return "unavailable" if type(maker) in (Post, Upload, UploadForm) else "database_unavailable"


def test_no_database(posts, database):
    key = new_key()
    with database.used_by("posts"):
        database.fault("INSERT INTO posts", "away")
        expect(posts.make(key), 503, away_code(posts))
        database.back()
        assert database.met
        posts.user.stack.move_clock(LEASE_SEC + 1)  # nobody could give the key back
        made(posts.make(key))
    assert posts.made() == 1


def test_where_it_is_then(maker):
    """Location, of a repeat as well; and of no failure."""
    key = new_key()
    first, again = maker.make(key), maker.make(key)
    for answer in (first, again):
        where, id = answer.headers["Location"], expect(answer, answer.status_code)["data"]["id"]
        assert where == f"/api/v1/{maker.route.rpartition('/')[2]}/{id}"
        assert expect(maker.api.get(where), 200)["data"]["id"] == id
    assert "Location" not in maker.make(key, "two").headers  # 422: the key belongs to another request


def test_a_rotation_makes_nothing_new(user):
    key = user.make_key("x")
    answer = user.web.post(f"/api/v1/keys/{key['id']}/rotate", json={})
    expect(answer, 200)
    assert "Location" not in answer.headers


def test_a_cap(user, stack):
    with stack.configured("uploads", caps_idempotency_keys=10):
        maker, keys = Upload(user), [new_key() for _ in range(10)]
        for key in keys[:5]:
            made(maker.make(key))
        error = expect(maker.make(new_key()), 409, "idempotency_keys_of_key")["error"]
        assert "half" in error["message"] and error["retryable"] is False
        replayed(maker.make(keys[0]), 201)
        user.api.headers["Authorization"] = f"Bearer {user.make_key('another')['key']}"
        for key in keys[5:]:
            made(maker.make(key))
        error = expect(maker.make(new_key()), 409, "idempotency_keys_too_many")["error"]
        assert "At most 10 keys" in error["message"] and error["retryable"] is False
        replayed(maker.make(keys[0]), 201)
        made(maker.make(None))
        sql(user, "UPDATE idempotency_keys SET expires_at_us = 1 WHERE user_id = {user} ORDER BY claim LIMIT 2")  # and nobody purges
        user.api.headers["Authorization"] = f"Bearer {user.make_key('third')['key']}"
        made(maker.make(new_key()))
        made(maker.make(keys[0]))
        expect(maker.make(keys[1]), 409, "idempotency_keys_too_many")
