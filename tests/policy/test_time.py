"""How long it stays (R1 to R4), and what a user can do about it (Y1 to Y6). After the files that look at what the simulators have: time passes
here, and then that goes, too."""

import os
import pathlib
import sys
import uuid

import life as lives
from conftest import User
from helpers import expect
from publishing import Sent

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))
from transport import Transport  # noqa: E402

TOKENS = ("access_token", "refresh_token", "display_name", "avatar_url")


def test_R1(stack, user):
    """Eight days after it was posted there is no image, in the store or beside it; what is known of the post is (R2)."""
    sent = Sent(stack, user, user.connect())
    sent.wait("published")
    ids = [r["upload_id"] for r in stack.sql("SELECT upload_id FROM post_images WHERE post_id = %s", sent.key)]
    before = [p.read_bytes() for p in lives.stored(stack, ids)]
    assert before
    stack.move_clock(8 * lives.DAY)
    stack.wait(lambda: not lives.stored(stack, ids), "the images are deleted")
    left = [p.read_bytes() for folder in (stack.at.store_home, stack.at.kept) for p in folder.rglob("*") if p.is_file()]
    assert not [1 for bytes in before if bytes in left]
    stack.wait(lambda: stack.sql("SELECT deleted_at_us FROM uploads WHERE id = %s", ids[0])[0]["deleted_at_us"], "and it is noted")


def test_R2(stack, user):
    sent = Sent(stack, user, user.connect())
    sent.wait("published")
    stack.move_clock(800 * lives.DAY)
    post = expect(user.sign_in().get(f"/api/v1/posts/{sent.id}"), 200)["data"]
    assert (post["description"], post["status"]) == (sent.description, "published")


def test_R3(stack, user):
    """The moment after, whatever TikTok says, or does not say."""
    account = user.connect()
    with Transport(stack) as tiktok, tiktok.used_by("tiktok"):
        tiktok.fault("/v2/oauth/revoke/", "drop")
        called = stack.at.test / "called"
        before = called.stat().st_size
        told = expect(user.web.delete(f"/api/v1/accounts/{account}"), 200)["data"]
        assert told["not_revoked_because"] == "unreachable"
        (row,) = stack.sql("SELECT * FROM accounts WHERE id = %s", uuid.UUID(account).bytes)
        assert {c: row[c] for c in TOKENS} == dict.fromkeys(TOKENS)
        os.truncate(called, before)  # this one is at no address of the policy (test_whole_run.py)


def test_Y1(life):
    data = expect(life.sign_in().get("/api/v1/privacy/data"), 200)["data"]
    items = {i["item"]: i for g in data["groups"] for i in g["items"]}
    assert items["account.email"]["held"][0]["records"] >= 1 and items["post.text"]["held"]


def test_Y2(stack, user):
    assert expect(user.web.patch("/api/v1/me", json={"name": "Corrected"}), 200)["data"]["name"] == "Corrected"
    (row,) = stack.sql("SELECT name FROM users WHERE id = %s", uuid.UUID(user.id).bytes)
    assert row["name"] == "Corrected"


def test_Y4(stack, user):
    account = user.connect()
    assert expect(user.web.delete(f"/api/v1/accounts/{account}"), 200)["data"]["revoked_at_tiktok"] is True
    expect(user.web.get(f"/api/v1/accounts/{account}"), 404, "not_found")


def test_Y5(stack):
    user = User(stack)
    made = user.make_key("to be revoked")
    client = stack.client(Authorization=f"Bearer {made['key']}")
    expect(client.get("/api/v1/me"), 200)
    expect(user.web.delete(f"/api/v1/keys/{made['id']}"), 204)
    expect(client.get("/api/v1/me"), 401)
