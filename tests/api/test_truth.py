"""What was committed is answered as done, and what may have been committed as unknown: never as if nothing had happened."""

import pathlib
import sys
import uuid

import pytest
from authenticator import begun, enrol, finish
from budgets import answered
from helpers import expect
from newcomers import Newcomer
from test_connect import consented
from test_posts import SMALL, count_posts, made, send, send_json, upload

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from database import Database  # noqa: E402


REVOKE = "UPDATE api_keys FORCE INDEX (by_user_live) SET revoked_at_us"


@pytest.fixture
def database(stack):
    with Database(stack) as made:
        yield made


def keys(user):
    return [k["id"] for k in expect(user.web.get("/api/v1/keys"), 200)["data"]]


def post_of(user, id):
    """As the list of posts and the post itself show it, once both agree that it is the user's."""
    assert [p["id"] for p in expect(user.api.get("/api/v1/posts"), 200)["data"]] == [id]
    return expect(user.api.get(f"/api/v1/posts/{id}"), 200)["data"]


def unknown(answer):
    """The answer to a request of which nobody knows whether it was done."""
    error = expect(answer, 500, "outcome_unknown")["error"]
    assert error["retryable"] is False and "Retry-After" not in answer.headers
    assert "may or may not" in error["message"]
    return error["may_exist_id"]


# --- the database goes away after the commit


@pytest.mark.parametrize("by_upload", [False, True])
def test_a_post_is_answered_from_what_was_written(user, account, stack, by_upload):
    """What the create says is what is read afterwards."""
    with stack.stopped("worker-publish"):
        if by_upload:
            answer = send_json(user.api, account, upload_ids=[upload(user)], title="a title")
        else:
            answer = send(user.api, account, [SMALL, SMALL], title="a title", description="a description",
                          options={"post_mode": "DIRECT_POST", "privacy_level": "SELF_ONLY", "is_aigc": True})
        post = expect(answer, 202)["data"]
        post.pop("warnings")
        assert post == answered(post_of(user, post["id"]))


def test_an_upload_is_answered_from_what_was_written(user):
    id = upload(user)
    made = expect(user.api.post("/api/v1/uploads", data=SMALL, headers={"Content-Type": "image/jpeg"}), 201)["data"]
    assert made["id"] != id and made == expect(user.api.get(f"/api/v1/uploads/{made['id']}"), 200)["data"]


@pytest.mark.parametrize("by_upload", [False, True])
def test_no_database_after_a_post_was_made(user, account, stack, database, by_upload):
    ids = [upload(user)] if by_upload else None
    with stack.stopped("worker-publish"):
        with database.used_by("posts"):
            database.fault("COMMIT", "away", after="INSERT INTO posts")
            answer = send_json(user.api, account, upload_ids=ids) if by_upload else send(user.api, account)
            assert database.met == [("COMMIT", "away")]
            post = expect(answer, 202)["data"]
            expect(user.api.get("/api/v1/posts"), 503, "database_unavailable")
            database.back()
        post.pop("warnings")
        assert post == answered(post_of(user, post["id"]))


def test_no_database_after_an_upload(user, database):
    user.key
    with database.used_by("uploads"):
        database.fault("COMMIT", "away", after="UPDATE uploads SET state = 'ready'")
        answer = user.api.post("/api/v1/uploads", data=SMALL, headers={"Content-Type": "image/jpeg"})
        id = expect(answer, 201)["data"]["id"]
        database.back()
    expect(user.api.get(f"/api/v1/uploads/{id}"), 200)


def test_no_database_after_a_sign_in(user, stack, database):
    """The session that the browser sent along has ended with the same commit."""
    old = user.web.cookies["__Host-session"]
    with database.used_by("auth"):
        database.fault("COMMIT", "away", after="INSERT INTO sessions")
        expect(user.web.post("/api/v1/auth/login", json={"email": user.email, "password": user.password}), 200)
        assert database.met
        database.back()
    assert user.web.cookies["__Host-session"] != old
    expect(user.web.get("/api/v1/me"), 200)
    expect(stack.client(Cookie=f"__Host-session={old}").get("/api/v1/me"), 401, "session_expired")


def test_no_database_after_an_account_was_connected(user, database):
    url = consented(user, f"truth.{user.number}.{user.id[-6:]}")
    with database.used_by("tiktok"):
        database.fault("COMMIT", "away", after="INSERT INTO accounts")
        account = expect(user.web.get(url), 200)["data"]
        assert database.met
        database.back()
    (listed,) = expect(user.web.get("/api/v1/accounts"), 200)["data"]
    assert listed["id"] == account["id"] and listed["connected_at"] == account["connected_at"]


def test_no_database_after_a_key_was_made_or_revoked(user, database):
    with database.used_by("keys"):
        database.fault("COMMIT", "away", after="INSERT INTO api_keys")
        id = expect(user.web.post("/api/v1/keys", json={"name": "made"}), 201)["data"]["id"]
        database.back()
        database.fault("COMMIT", "away", after=REVOKE)
        expect(user.web.delete(f"/api/v1/keys/{id}"), 204)
        database.back()
        assert len(database.met) == 2 and keys(user) == []


# --- the database goes away after a first part was committed


def test_no_database_after_a_code_was_counted(user, stack, database):
    """The try is used, so the answer does not say that nothing was changed."""
    app, _ = enrol(user)
    token = begun(user)
    with database.used_by("auth"):
        for used in range(1, 5):
            database.fault("UPDATE pending_sign_ins SET tries", "away")
            answer = finish(stack, token, app.next())
            error = expect(answer, 503, "unavailable")["error"]
            assert "nothing" not in error["message"] and error["retryable"] and "Retry-After" in answer.headers
            assert len(database.met) == used
            database.back()
            assert stack.sql("SELECT tries FROM pending_sign_ins WHERE user_id = %s", uuid.UUID(user.id).bytes)[0]["tries"] == used
    expect(finish(stack, token, app.next()), 200)


@pytest.mark.parametrize("kind", ["upload", "post"])
def test_no_database_after_an_images_row_was_written(user, account, database, kind):
    """It counts until it is swept."""
    user.key
    program = {"upload": "uploads", "post": "posts"}[kind]
    with database.used_by(program):
        database.fault("COMMIT", "away", after="INSERT INTO uploads")
        image = {"upload": lambda: user.api.post("/api/v1/uploads", data=SMALL), "post": lambda: send(user.api, account)}
        expect(image[kind](), 503, "unavailable")
        assert database.met
        expect(user.api.get(f"/api/v1/{program}"), 503, "database_unavailable")
        database.back()


def test_a_disconnect_that_nobody_knows_of_says_what_to_do(user, account, stack, database):
    """Its tokens are gone, and with them the way to revoke the grant."""
    with database.used_by("tiktok"):
        database.fault("COMMIT", "gone", after="UPDATE accounts FORCE INDEX (PRIMARY) SET state = 'disconnected'")
        answer = user.web.delete(f"/api/v1/accounts/{account}")
        unknown(answer)
        assert "in TikTok's settings" in answer.json()["error"]["message"]
        assert database.met
        database.back()
        expect(user.web.delete(f"/api/v1/accounts/{account}"), 404, "not_found")


# --- the connection is lost with the commit


@pytest.mark.parametrize("fault", ["lost", "unanswered"])
def test_a_post_that_may_have_been_made(user, account, stack, database, fault):
    with stack.stopped("worker-publish"):
        with database.used_by("posts"):
            database.fault("COMMIT", fault, after="INSERT INTO posts")
            id = unknown(send(user.api, account))
            assert database.met
        if fault == "lost":
            assert count_posts(stack, user) == 0
            expect(user.api.get(f"/api/v1/posts/{id}"), 404, "not_found")
        else:
            assert post_of(user, id)["status"] == "queued"


@pytest.mark.parametrize("fault", ["lost", "unanswered"])
def test_an_upload_that_may_have_been_made(user, database, fault):
    user.key
    with database.used_by("uploads"):
        database.fault("COMMIT", fault, after="UPDATE uploads SET state = 'ready'")
        id = unknown(user.api.post("/api/v1/uploads", data=SMALL, headers={"Content-Type": "image/jpeg"}))
        assert database.met
        assert [u["id"] for u in expect(user.api.get("/api/v1/uploads"), 200)["data"]] == ([] if fault == "lost" else [id])


@pytest.mark.parametrize("fault", ["lost", "unanswered"])
def test_a_key_that_may_have_been_made(user, database, fault):
    with database.used_by("keys"):
        database.fault("COMMIT", fault, after="INSERT INTO api_keys")
        id = unknown(user.web.post("/api/v1/keys", json={"name": "lost"}))
        assert database.met
        assert keys(user) == ([] if fault == "lost" else [id])


@pytest.mark.parametrize("fault", ["lost", "unanswered"])
def test_a_key_that_may_have_been_revoked(user, stack, database, fault):
    key = expect(user.web.post("/api/v1/keys", json={"name": "revoked"}), 201)["data"]
    client = stack.client(Authorization=f"Bearer {key['key']}")
    expect(client.get("/api/v1/accounts"), 200)  # it is kept now
    with database.used_by("keys"):
        database.fault("COMMIT", fault, after=REVOKE)
        assert unknown(user.web.delete(f"/api/v1/keys/{key['id']}")) is None
        assert database.met
        assert keys(user) == ([key["id"]] if fault == "lost" else [])
        expect(client.get("/api/v1/accounts"), *((200,) if fault == "lost" else (401, "invalid_key")))


@pytest.mark.parametrize("fault", ["lost", "unanswered"])
def test_an_address_that_may_be_registered(stack, database, fault):
    who = Newcomer(stack)
    with database.used_by("auth"):
        database.fault("COMMIT", fault, after="INSERT INTO mail_allowances")
        assert unknown(who.register()) is None
        assert database.met
    assert len(who.rows()) == len(who.mails()) == (0 if fault == "lost" else 1)


@pytest.mark.parametrize("fault", ["lost", "unanswered"])
def test_a_user_who_may_be_there(stack, database, fault):
    who = Newcomer(stack)
    who.register()
    token = who.link()
    with database.used_by("auth"):
        database.fault("COMMIT", fault, after="SELECT id FROM registrations")
        assert unknown(who.verify(token)) is None
        assert database.met
        expect(who.verify(token), *((200,) if fault == "lost" else (400, "link_invalid")))
    expect(who.login(), 200)


def test_what_was_lost_before_the_commit_runs_again(user, account, stack, database):
    with stack.stopped("worker-publish"), database.used_by("posts"):
        database.fault("INSERT INTO posts", "unanswered")
        database.fault("INSERT INTO post_images", "lost")
        post = made(user.api, account)
        assert len(database.met) == 2
        assert post_of(user, post["id"])["id"] == post["id"]


def test_a_read_that_wrote_a_note_beside(user, stack, database):
    """Whether the note was written does not matter to who asked: nothing of the request has happened."""
    expect(user.web.get("/api/v1/me"), 200)
    with database.used_by("auth"):
        stack.move_clock(120)
        database.fault("UPDATE sessions SET last_seen_at_us", "unanswered")
        expect(user.web.get("/api/v1/me"), 503, "database_unavailable")
        expect(user.web.get("/api/v1/me"), 200)
