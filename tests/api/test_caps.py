"""What one user can have (lib/model/user/caps.h): each number holds, for requests at the same time too, and the answer says it."""

import concurrent.futures
import uuid

import pytest
from helpers import expect
from images import jpeg
from test_posts import SMALL, count_posts, send, send_json, upload

UPLOADS, QUEUED, POSTS, SESSIONS = 4, 3, 5, 3
MIB = 1 << 20  # caps.upload_mb, in bytes
AT_ONCE = 50


@pytest.fixture(scope="module")
def capped(stack):
    with stack.configured("auth", "uploads", "posts", caps_uploads=UPLOADS, caps_upload_mb=1, caps_queued_posts=QUEUED,
                          caps_posts=POSTS, caps_sessions=SESSIONS, service_queue_sec=60), stack.stopped("worker-publish"):
        yield stack


@pytest.fixture
def user(capped, user):
    user.key
    return user


def sql(user, text, *args):
    """text with {user} for the user's id."""
    return user.stack.sql(text.replace("{user}", f"x'{user.id.replace('-', '')}'"), *args)


def post_image(user, data=SMALL):
    return user.api.post("/api/v1/uploads", data=data, headers={"Content-Type": "image/jpeg"})


def fill(user, n=UPLOADS):
    return [upload(user) for _ in range(n)]


def refused(answer, code, says):
    error = expect(answer, 409, code)["error"]
    assert says in error["message"] and error["param"] is None and "Retry-After" not in answer.headers, error
    return error


def at_once(ask, n=AT_ONCE):
    """The answers to as many requests at the same time; one that was told to come again does."""
    def one(_):
        while (answer := ask()).status_code == 503:
            expect(answer, 503, "busy")
        return answer

    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        return list(pool.map(one, range(n)))


def exactly_one(answers, status, code):
    assert sorted({a.status_code for a in answers}) == [status, 409], [a.text for a in answers if a.status_code not in (status, 409)]
    for answer in answers:
        if answer.status_code == 409:
            expect(answer, 409, code)
    assert [a.status_code for a in answers].count(status) == 1


def held(user):
    return sql(user, "SELECT COUNT(*) n FROM uploads WHERE user_id = {user} AND deleted_at_us IS NULL")[0]["n"]


def nothing_of_it_stays(user, before=0):
    """No post, and once the purge has come, no more images in the store than before."""
    assert count_posts(user.stack, user) == 0
    assert sql(user, "SELECT COUNT(*) n FROM uploads WHERE user_id = {user} AND state = 'ready'")[0]["n"] == before
    user.stack.wait(lambda: held(user) == before, "what the request left is gone")
    for row in sql(user, "SELECT id FROM uploads WHERE user_id = {user} AND deleted_at_us IS NOT NULL"):
        assert not list((user.stack.dir / "store").rglob(f"{uuid.UUID(bytes=row['id'])}.*"))


# --- uploads


def test_uploads(user, other):
    ids = fill(user)
    error = refused(post_image(user), "uploads_too_many", f"{UPLOADS} images")
    assert error["retryable"] is False
    assert held(user) == UPLOADS
    upload(other)
    assert user.api.delete(f"/api/v1/uploads/{ids[0]}").status_code == 204
    user.stack.wait(lambda: post_image(user).status_code == 201, "there is room again")
    refused(post_image(user), "uploads_too_many", f"{UPLOADS} images")


def test_uploads_at_once(user):
    fill(user, UPLOADS - 1)
    exactly_one(at_once(lambda: post_image(user)), 201, "uploads_too_many")
    assert held(user) == UPLOADS


def test_a_refused_image_takes_no_room(user):
    """Its row goes at once, and not when the hour is over that an image has to arrive."""
    data = jpeg(1200, 900)
    for _ in range(UPLOADS + 1):
        user.stack.wait(lambda: post_image(user, data[:len(data) // 2]).status_code == 422, "the image is refused as such")
    nothing_of_it_stays(user)
    fill(user)


def test_a_form_that_is_refused_takes_no_room(user):
    image = ("a.jpg", SMALL, "image/jpeg")
    for _ in range(UPLOADS + 1):
        expect(user.api.post("/api/v1/uploads", files=[("image", image), ("photo", image)]), 422, "unknown_field")
        nothing_of_it_stays(user)


# --- the room they take


def almost_full(user, room):
    """There is room for so many bytes more."""
    id = upload(user)
    sql(user, "UPDATE uploads SET size_bytes = %s WHERE id = %s", MIB - room, uuid.UUID(id).bytes)


def size_of(user, data=SMALL):
    return expect(post_image(user, data), 201)["data"]["size_bytes"]


def test_bytes(user, other):
    size = size_of(other)
    almost_full(user, size - 1)
    error = refused(post_image(user), "upload_bytes_too_many", "1 MB")
    assert error["retryable"] is False
    user.stack.wait(lambda: held(user) == 1, "what was refused is gone")
    sql(user, "UPDATE uploads SET size_bytes = size_bytes - 1 WHERE user_id = {user} AND state = 'ready'")
    upload(user)
    refused(post_image(user), "upload_bytes_too_many", "1 MB")
    assert [u["id"] for u in expect(user.api.get("/api/v1/uploads"), 200)["data"]][1:], "two are there"


def test_a_full_store_refuses_before_an_image_is_decoded(user):
    """No row is made, and that comes before the image service is asked."""
    almost_full(user, 0)
    refused(post_image(user), "upload_bytes_too_many", "1 MB")
    assert sql(user, "SELECT COUNT(*) n FROM uploads WHERE user_id = {user}")[0]["n"] == 1


def test_bytes_at_once(capped, user, other):
    size = size_of(other)
    almost_full(user, size)
    with capped.configured("uploads", caps_uploads=AT_ONCE + 1):
        exactly_one(at_once(lambda: post_image(user)), 201, "upload_bytes_too_many")
    assert sql(user, "SELECT SUM(size_bytes) n FROM uploads WHERE user_id = {user} AND state = 'ready'")[0]["n"] == MIB
    user.stack.wait(lambda: held(user) == 2, "what was refused is gone")


# --- posts


def end_posts(user, n=100):
    sql(user, "UPDATE posts SET state = 'failed', failure_code = 'images_gone', ended_at_us = created_at_us"
              " WHERE user_id = {user} AND ended_at_us IS NULL LIMIT %s", n)


@pytest.mark.parametrize("by_upload", [False, True])
def test_queued_posts(user, account, by_upload):
    id = upload(user)

    def create():
        return send_json(user.api, account, upload_ids=[id]) if by_upload else send(user.api, account)

    for _ in range(QUEUED):
        expect(send_json(user.api, account, upload_ids=[id]), 202)
    uploads = sql(user, "SELECT COUNT(*) n FROM uploads WHERE user_id = {user}")[0]["n"]
    error = refused(create(), "queued_posts_too_many", f"{QUEUED} posts")
    assert error["retryable"] is True, "they end by themselves"
    assert sql(user, "SELECT COUNT(*) n FROM uploads WHERE user_id = {user}")[0]["n"] == uploads, "refused before its images"
    end_posts(user, 1)
    expect(create(), 202)
    refused(create(), "queued_posts_too_many", f"{QUEUED} posts")


def test_queued_posts_at_once(user, account):
    id = upload(user)
    for _ in range(QUEUED - 1):
        expect(send_json(user.api, account, upload_ids=[id]), 202)
    exactly_one(at_once(lambda: send_json(user.api, account, upload_ids=[id])), 202, "queued_posts_too_many")
    assert count_posts(user.stack, user) == QUEUED


def test_posts_at_once(user, account, other):
    """All that were ever made count."""
    id = upload(user)
    for _ in range(POSTS - 1):
        expect(send_json(user.api, account, upload_ids=[id]), 202)
        end_posts(user)
    exactly_one(at_once(lambda: send_json(user.api, account, upload_ids=[id])), 202, "posts_too_many")
    end_posts(user)
    assert refused(send_json(user.api, account, upload_ids=[id]), "posts_too_many", f"{POSTS} posts")["retryable"] is False
    refused(send(user.api, account), "posts_too_many", f"{POSTS} posts")
    assert count_posts(user.stack, user) == POSTS
    expect(send_json(other.api, other.connect(), upload_ids=[upload(other)]), 202)


def test_a_post_whose_images_are_too_many(user, account):
    fill(user, 1)
    refused(send(user.api, account, [SMALL] * 35), "uploads_too_many", f"{UPLOADS} images")
    nothing_of_it_stays(user, before=1)
    expect(send(user.api, account, [SMALL] * (UPLOADS - 1)), 202)


def test_a_post_whose_images_are_too_large(user, account, other):
    size = size_of(other)
    almost_full(user, 3 * size - 1)
    refused(send(user.api, account, [SMALL] * 3), "upload_bytes_too_many", "1 MB")
    nothing_of_it_stays(user, before=1)
    expect(send(user.api, account, [SMALL] * 2), 202)


def test_a_post_that_is_refused_leaves_no_images(user, account):
    for fields in ({"title": "x" * 91}, {"options": {"photo_cover_index": 2}}):
        expect(send(user.api, account, [SMALL, SMALL], **fields), 422)
        nothing_of_it_stays(user)
    expect(send(user.api, account, [SMALL, b"%PDF-1.7 no image"]), 415)
    nothing_of_it_stays(user)


# --- sessions


def sign_in(user, **cookies):
    client = user.stack.client(Origin=user.stack.url)
    expect(client.post("/api/v1/auth/login", json={"email": user.email, "password": user.password}, cookies=cookies), 200)
    return client


def sessions(user):
    return sql(user, "SELECT id FROM sessions WHERE user_id = {user}")


def age(user, client, column, us):
    """Moves a time of the session that this client has into the past."""
    sql(user, f"UPDATE sessions SET {column} = {column} - %s WHERE token_hash = UNHEX(SHA2(%s, 256))", us,
        client.cookies["__Host-session"])


def test_a_sign_in_ends_the_session_not_used_for_longest(user):
    """Which is not the oldest."""
    second, third = sign_in(user), sign_in(user)
    for client, minutes in ((user.web, 10), (second, 20), (third, 30)):
        age(user, client, "last_seen_at_us", minutes * 60 * 10**6)
    expect(second.get("/api/v1/me"), 200)  # now it was used last
    fourth = sign_in(user)
    expect(third.get("/api/v1/me"), 401, "session_expired")
    for client in (user.web, second, fourth):
        expect(client.get("/api/v1/me"), 200)
    assert len(sessions(user)) == SESSIONS


def test_the_session_that_is_replaced_makes_room(user):
    second, third = sign_in(user), sign_in(user)
    old = third.cookies["__Host-session"]
    fourth = sign_in(user, **{"__Host-session": old})
    expect(third.get("/api/v1/me"), 401, "session_expired")
    for client in (user.web, second, fourth):
        expect(client.get("/api/v1/me"), 200)


def test_sign_ins_at_once(user):
    for client in at_once(lambda: signing_in(user), 20):
        assert client.status_code == 200
    assert len(sessions(user)) == SESSIONS
    assert user.web.get("/api/v1/me").status_code == 401


def signing_in(user):
    client = user.stack.client(Origin=user.stack.url)
    return client.post("/api/v1/auth/login", json={"email": user.email, "password": user.password})


@pytest.mark.parametrize("column, hours", [("last_seen_at_us", 169), ("expires_at_us", 721)])
def test_a_session_that_is_over_does_not_count(user, column, hours):
    """It is gone with the next sign-in, and ends none that lives, though it was used after one of these."""
    over, third = sign_in(user), sign_in(user)
    age(user, user.web, "last_seen_at_us", 160 * 3600 * 10**6)
    age(user, over, column, hours * 3600 * 10**6)
    fourth = sign_in(user)
    for client in (third, fourth):
        expect(client.get("/api/v1/me"), 200)
    expect(user.web.get("/api/v1/me"), 200)
    expect(over.get("/api/v1/me"), 401, "session_expired")
    assert len(sessions(user)) == SESSIONS


# --- in a day, whatever has become of it


def test_images_a_day(capped, user, other):
    """One key may send half of them."""
    first = user.api.headers["Authorization"]
    second = f"Bearer {user.make_key('second')['key']}"
    with capped.configured("uploads", caps_uploads_a_day=3):
        for key, n in ((first, 2), (second, 1)):
            user.api.headers["Authorization"] = key
            for _ in range(n):
                assert user.api.delete(f"/api/v1/uploads/{upload(user)}").status_code == 204
            capped.wait(lambda: held(user) == 0, "their files are gone")
            if key == first:
                assert refused(post_image(user), "uploads_a_day_of_key", "half of the images")["retryable"] is False
        assert refused(post_image(user), "uploads_a_day_too_many", "3 images")["retryable"] is False
        upload(other)
        capped.move_clock(86401)
        upload(user)


def test_images_of_posts_a_day(capped, user, account):
    with capped.configured("posts", caps_uploads_a_day=5, caps_uploads=10):
        uploads = 0
        for code, says in (("uploads_a_day_of_key", "half of the images"), ("uploads_a_day_too_many", "5 images")):
            user.api.headers["Authorization"] = f"Bearer {user.make_key(code)['key']}"
            expect(send(user.api, account, [SMALL] * 2), 202)
            uploads = min(uploads + 3, 5)
            for _ in range(2):
                refused(send(user.api, account, [SMALL] * 2), code, says)
                assert sql(user, "SELECT COUNT(*) n FROM uploads WHERE user_id = {user}")[0]["n"] == uploads, "refused before its images"


def test_keys_a_day(capped, user, other):
    with capped.configured("keys", caps_keys_a_day=3):
        for i in range(2):  # and the one that the user has
            assert user.web.delete(f"/api/v1/keys/{user.make_key(f'{i}')['id']}").status_code == 204
        exactly = refused(user.web.post("/api/v1/keys", json={"name": "x"}), "keys_a_day_too_many", "3 keys")
        assert exactly["retryable"] is False and sql(user, "SELECT COUNT(*) n FROM api_keys WHERE user_id = {user}")[0]["n"] == 3
        other.make_key("another's")
        capped.move_clock(86401)
        user.make_key("the next day")


def test_changes_of_keys_a_day(capped, user):
    """They can still be revoked."""
    with capped.configured("keys", caps_key_changes_a_day=3):
        key = user.make_key("changes")["id"]
        for path, ask in ((f"/api/v1/keys/{key}", lambda p: user.web.patch(p, json={"name": "x"})),
                          (f"/api/v1/keys/{key}/rotate", lambda p: user.web.post(p, json={"overlap_sec": 0}))):
            expect(ask(path), 200)
        expect(user.web.patch(f"/api/v1/keys/{key}", json={"name": "y"}), 200)
        for path, ask in ((f"/api/v1/keys/{key}", lambda p: user.web.patch(p, json={"name": "x"})),
                          (f"/api/v1/keys/{key}/rotate", lambda p: user.web.post(p, json={"overlap_sec": 0}))):
            refused(ask(path), "key_changes_a_day_too_many", "3 changes")
        assert user.web.delete(f"/api/v1/keys/{key}").status_code == 204
        capped.move_clock(86401)
        expect(user.web.patch(f"/api/v1/keys/{user.make_key('next')['id']}", json={"name": "z"}), 200)


def creators(stack):
    return stack.sql("SELECT COUNT(*) n FROM sandbox_creators")[0]["n"]


def test_accounts_a_day(capped, user):
    """Of the simulator's, of which nothing is made there when it is too many; one of before can be connected again."""
    name = f"day.{user.id[-8:]}"
    agent = capped.client(Authorization=f"Bearer {user.make_key('test', mode='test')['key']}")

    def make():
        return agent.post("/api/v1/sandbox/accounts", json={})
    with capped.configured("tiktok", caps_accounts_a_day=3):
        id = user.connect(name)
        for _ in range(2):
            made = expect(make(), 201)["data"]["id"]
            expect(user.web.delete(f"/api/v1/accounts/{made}?mode=test"), 200)
        before = creators(capped)
        refused(make(), "accounts_a_day_too_many", "3 accounts")
        assert creators(capped) == before
        answer = user.web.get(user.consent(user.authorize_url(), name + "b"))
        refused(answer, "accounts_a_day_too_many", "3 accounts")
        assert user.connect(name) == id
        capped.move_clock(86401)
        expect(make(), 201)


def test_accounts_in_all_at_the_simulator(capped, user):
    agent = capped.client(Authorization=f"Bearer {user.make_key('test', mode='test')['key']}")
    with capped.configured("tiktok", tiktok_accounts_max=1):
        expect(agent.post("/api/v1/sandbox/accounts", json={}), 201)
        before = creators(capped)
        refused(agent.post("/api/v1/sandbox/accounts", json={}), "accounts_too_many", "1 accounts")
        assert creators(capped) == before


# They are visible


def shown(user):
    rows = expect(user.web.get("/api/v1/me"), 200)["data"]["caps"]
    assert rows == expect(user.api.get("/api/v1/me"), 200)["data"]["caps"]
    return {row["name"]: (row["used"], row["limit"]) for row in rows}


def test_me_shows_each_with_its_use(user):
    begin = {"uploads": (0, UPLOADS), "upload_bytes": (0, MIB), "queued_posts": (0, QUEUED), "posts": (0, POSTS), "sessions": (1, SESSIONS),
             "keys": (1, 25), "accounts": (0, 100), "idempotency_keys": (0, 10000), "uploads_a_day": (0, 5000), "keys_a_day": (1, 100),
             "key_changes_a_day": (0, 200), "accounts_a_day": (0, 200)}
    assert shown(user) == begin
    first, second = fill(user, 2)
    size = sql(user, "SELECT CAST(SUM(size_bytes) AS SIGNED) AS n FROM uploads WHERE user_id = {user}")[0]["n"]
    assert size > 0 and shown(user) == begin | {"uploads": (2, UPLOADS), "upload_bytes": (size, MIB), "uploads_a_day": (2, 5000)}
    account = user.connect()
    expect(send_json(user.api, account, upload_ids=[first]), 202)
    expect(user.web.post("/api/v1/keys", json={"name": "second"}, headers={"Idempotency-Key": "second"}), 201)
    expect(user.stack.client().post("/api/v1/auth/login", json={"email": user.email, "password": user.password}), 200)
    now = shown(user)
    assert {name: used for name, (used, _) in now.items()} == {
        "uploads": 2, "upload_bytes": size, "queued_posts": 1, "posts": 1, "sessions": 2, "keys": 2, "accounts": 1,
        "idempotency_keys": 1, "uploads_a_day": 2, "keys_a_day": 2, "key_changes_a_day": 0, "accounts_a_day": 1}
    sql(user, "UPDATE posts SET state = 'canceled', ended_at_us = created_at_us WHERE user_id = {user}")
    sql(user, "UPDATE sessions SET expires_at_us = 1 WHERE user_id = {user} ORDER BY id DESC LIMIT 1")
    sql(user, "UPDATE api_keys SET revoked_at_us = 1 WHERE user_id = {user} AND name = 'second'")
    sql(user, "UPDATE accounts SET state = 'disconnected' WHERE user_id = {user}")
    assert shown(user) == now | {"queued_posts": (0, QUEUED), "sessions": (1, SESSIONS), "keys": (1, 25), "accounts": (0, 100)}
