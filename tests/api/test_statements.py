"""How many statements a request costs: a number that does not grow with what it shows, or with what a user has."""

import pathlib
import sys
import uuid

import pytest
from helpers import expect
from test_posts import made, send_json, upload

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from database import Database  # noqa: E402

WHO_ASKS = ("FROM api_keys", "UPDATE api_keys")  # of which a kept key needs none
BESIDE = ("SET SESSION", "MAX(version)", "@@GLOBAL", "START TRANSACTION", "COMMIT")  # of a new connection; also of the notes of keys that were used


@pytest.fixture
def statements(stack):
    """statements(f): those of the apps posts and uploads while f runs, but for who asks."""
    with Database(stack) as database, database.used_by("posts", "uploads"):
        def of(ask):
            ask()  # prepares
            database.asked.clear()
            ask()
            return [t for t in database.asked if not any(w in t for w in (*WHO_ASKS, *BESIDE))]
        yield of


@pytest.fixture
def published(user, stack):
    """Posts that TikTok gave ids to, of several accounts. {id: the account's handle}"""
    accounts = [user.connect() for _ in range(4)]
    names = {a: stack.wait(lambda a=a: stack.sql("SELECT username FROM creator_snapshots WHERE account_id = %s", uuid.UUID(a).bytes),
                           "the account's handle is known")[0]["username"] for a in accounts}
    with stack.stopped("worker-publish"):
        posts = {made(user.api, account)["id"]: name for account, name in names.items()}
        for n, id in enumerate(posts, 1):
            stack.sql("UPDATE posts SET state = 'published', ended_at_us = created_at_us, tiktok_post_ids = %s WHERE id = %s",
                      f"7{n}", uuid.UUID(id).bytes)
            stack.sql("DELETE FROM jobs_publish WHERE subject_id = %s", uuid.UUID(id).bytes)
    return posts


def test_a_page_of_posts_is_one_statement(user, stack, published, statements):
    listed = []
    asked = statements(lambda: listed.append(expect(user.api.get("/api/v1/posts?limit=100"), 200)["data"]))
    assert len(asked) == 1, asked
    urls = {p["id"]: p["post_url"] for p in listed[-1]}
    assert urls == {id: f"{stack.sandbox_url}/@{name}/photo/7{n}" for n, (id, name) in enumerate(published.items(), 1)}


def test_a_post_is_three_statements(user, stack, published, statements):
    """The post, its images, its events."""
    id, name = next(iter(published.items()))
    read = []
    asked = statements(lambda: read.append(expect(user.api.get(f"/api/v1/posts/{id}"), 200)["data"]))
    assert len(asked) == 3, asked
    assert read[-1]["post_url"] == f"{stack.sandbox_url}/@{name}/photo/71"


@pytest.mark.parametrize("what", ["disconnected", "not asked for a day"])
def test_a_handle_that_is_not_known_any_more(user, stack, published, what):
    """The post stays; its address cannot be built."""
    first, *others = published
    account = expect(user.api.get(f"/api/v1/posts/{first}"), 200)["data"]["account_id"]
    if what == "disconnected":
        expect(user.web.delete(f"/api/v1/accounts/{account}"), 200)
    else:
        stack.sql("UPDATE creator_snapshots SET fetched_at_us = fetched_at_us - 86400000000 WHERE account_id = %s",
                  uuid.UUID(account).bytes)
    urls = {p["id"]: p["post_url"] for p in expect(user.api.get("/api/v1/posts"), 200)["data"]}
    assert urls[first] is None and all(urls[id] for id in others)
    assert expect(user.api.get(f"/api/v1/posts/{first}"), 200)["data"]["post_url"] is None


def test_a_cap_is_one_statement_of_a_creation(user, account, stack, statements):
    """It locks the user and counts; one more looks ahead before images are read. One is for the key's budget: it may have got one
    since it was asked who it is, a minute ago when images came."""
    image = upload(user)
    with stack.stopped("worker-publish"):
        made_of = {"upload": statements(lambda: upload(user)),
                   "post of an upload": statements(lambda: expect(send_json(user.api, account, upload_ids=[image]), 202)),
                   "post of an image": statements(lambda: made(user.api, account))}
    counted = {what: sum("FROM users u" in t for t in asked) for what, asked in made_of.items()}
    assert counted == {"upload": 2, "post of an upload": 1, "post of an image": 3}  # an image: its row, and its bytes
    assert {what: len(asked) for what, asked in made_of.items()} == {"upload": 5, "post of an upload": 8, "post of an image": 12}
    budgets = {what: sum("FROM key_budgets" in t for t in asked) for what, asked in made_of.items()}
    assert budgets == {"upload": 0, "post of an upload": 1, "post of an image": 1}
