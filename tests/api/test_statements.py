"""How many statements a request costs: a number that does not grow with what it shows, or with what a user has."""

import pathlib
import sys
import uuid

import pytest
from helpers import expect
from plans import grant
from test_posts import made, send, send_json, upload

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from database import Database  # noqa: E402

WHO_ASKS = ("FROM api_keys", "UPDATE api_keys")  # of which a kept key needs none
BESIDE = ("SET SESSION", "MAX(version)", "MAX(oldest)", "@@GLOBAL", "START TRANSACTION", "COMMIT")  # of a new connection; also of the notes of keys that were used


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


def test_a_request_beyond_its_limit_is_no_statement(user, stack):
    """Limits are counted without the database: what is let through is as above."""
    assert user.key
    with Database(stack) as database, database.used_by("posts", rates_read=1, rates_window_sec=86400):
        expect(user.api.get("/api/v1/posts"), 200)
        assert any(t.startswith("SELECT") and "FROM posts" in t for t in database.asked), database.asked
        database.asked.clear()
        for _ in range(5):
            expect(user.api.get("/api/v1/posts"), 429, "rate_limited")
        assert [t for t in database.asked if not any(w in t for w in (*WHO_ASKS, *BESIDE))] == []


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
    """It locks the user and counts; one more looks ahead before the body comes. The key's share of a day's images is one each time, and none for
    a session. One is for the key's budget: it may have got one since it was asked who it is, a minute ago when images came."""
    image = upload(user)
    with stack.stopped("worker-publish"):
        made_of = {"upload": statements(lambda: upload(user)),
                   "post of an upload": statements(lambda: expect(send_json(user.api, account, upload_ids=[image]), 202)),
                   "post of an image": statements(lambda: made(user.api, account))}
    counted = {what: sum("FROM users u" in t for t in asked) for what, asked in made_of.items()}
    assert counted == {"upload": 3, "post of an upload": 2, "post of an image": 3}  # an image: its row, and its bytes
    assert {what: len(asked) for what, asked in made_of.items()} == {"upload": 8, "post of an upload": 10, "post of an image": 15}
    shares = {what: sum("FROM uploads FORCE INDEX (by_key)" in t for t in asked) for what, asked in made_of.items()}
    assert shares == {"upload": 2, "post of an upload": 0, "post of an image": 2}
    budgets = {what: sum("FROM key_budgets" in t for t in asked) for what, asked in made_of.items()}
    assert budgets == {"upload": 0, "post of an upload": 1, "post of an image": 1}


def test_a_plan_with_a_limit_is_one_statement_more(user, account, stack, statements):
    """Of a post. Without a limit it is none."""
    image = upload(user)

    def cost():
        return (statements(lambda: expect(send_json(user.api, account, upload_ids=[image]), 202)),
                len(statements(lambda: upload(user))))
    with stack.stopped("worker-publish"):
        without = cost()
        grant(user, "large")
        assert cost() == without
        grant(user, "small")
        posts, uploads = cost()
        assert len(posts) == len(without[0]) + 1 and uploads == without[1], (posts, without)


def test_to_see_oneself_costs_the_same_with_any_plan(user, stack):
    with Database(stack) as database, database.used_by("auth"):
        seen = {}
        for plan in ("small", "large"):
            grant(user, plan)
            expect(user.web.get("/api/v1/me"), 200)
            database.asked.clear()
            expect(user.web.get("/api/v1/me"), 200)
            seen[plan] = list(database.asked)
    assert len(seen["small"]) == len(seen["large"]) and not any("plan_counters" in t for t in seen["small"]), seen


# What counting costs


def sql(user, text, *args):
    """text with {user} for the user's id."""
    return user.stack.sql(text.replace("{user}", f"x'{user.id.replace('-', '')}'"), *args)


def rows_read(stack, program, ask):
    """How many rows the program's statements read meanwhile. Only connections that begin afterwards are counted."""
    stack.sql("SET GLOBAL userstat = 1")
    with stack.stopped(program):
        pass

    def read():
        return stack.sql("SELECT COALESCE(SUM(ROWS_READ), 0) n FROM information_schema.USER_STATISTICS WHERE USER = %s",
                         f"marketingcli_{program}")[0]["n"]
    before = read()
    ask()
    with stack.stopped(program):  # a statement is counted after its answer
        return read() - before


def add_old_posts(user, account, n):
    sql(user, "INSERT INTO posts (id, user_id, account_id, post_mode, disable_comment, auto_add_music, brand_content_toggle,"
              " brand_organic_toggle, is_aigc, photo_cover_index, state, created_at_us, ended_at_us, updated_at_us)"
              " SELECT UNHEX(CONCAT('0150', LPAD(HEX(seq), 8, '0'), '7000', LEFT('{id}', 16))), {user}, %s, 'MEDIA_UPLOAD', 0, 0, 0, 0, 0, 0,"
              " 'published', 1, 1, 1 FROM seq_1_to_{n}".replace("{id}", user.id.replace("-", "")[::-1]).replace("{n}", str(n)), uuid.UUID(account).bytes)


def posts_used(user):
    return next(cap["used"] for cap in expect(user.api.get("/api/v1/me"), 200)["data"]["caps"] if cap["name"] == "posts")


def test_counting_posts_does_not_walk_them(stack, user):
    """However many there are; those of the last hour are walked, and those of programs that know nothing of the count."""
    account = user.connect()
    with stack.stopped("worker-publish"):
        add_old_posts(user, account, 20000)
        assert rows_read(stack, "auth", lambda: posts_used(user)) > 20000
        image = upload(user)
        expect(send_json(user.api, account, upload_ids=[image]), 202)
        assert rows_read(stack, "auth", lambda: posts_used(user)) < 200
        assert rows_read(stack, "posts", lambda: expect(send_json(user.api, account, upload_ids=[image]), 202)) < 200
        assert posts_used(user) == 20002
        sql(user, "UPDATE posts_counted SET upto_id = UNHEX('01500000100070000000000000000000'), n = 4095 WHERE user_id = {user}")
        assert posts_used(user) == 20002
        expect(send_json(user.api, account, upload_ids=[image]), 202)
        assert sql(user, "SELECT n FROM posts_counted WHERE user_id = {user}")[0]["n"] == 20000
        assert posts_used(user) == 20003


def test_accounts_that_were_disconnected_cost_nothing(stack, user):
    """Test accounts come and go as often as their key asks."""
    id, account = user.id.replace("-", ""), user.connect()
    sql(user, "INSERT INTO accounts (id, user_id, open_id, scopes, state, connected_at_us, disconnected_at_us, updated_at_us)"
              " SELECT UNHEX(CONCAT('0150', LPAD(HEX(seq), 8, '0'), '7001', LEFT('{id}', 16))), {user}, CONCAT('gone', seq, '{id}'), '',"
              " 'disconnected', 1, 1, 1 FROM seq_1_to_20000".replace("{id}", id[::-1]))
    assert rows_read(stack, "auth", lambda: posts_used(user)) < 200
    listed = []
    assert rows_read(stack, "tiktok", lambda: listed.extend(expect(user.api.get("/api/v1/accounts"), 200)["data"])) < 200
    assert [a["id"] for a in listed] == [account]
    assert rows_read(stack, "tiktok", lambda: user.connect()) < 400


def test_old_posts_are_counted_by_the_migration(stack, user, account):
    """But not those of the last hour."""
    with stack.stopped("worker-publish"):
        add_old_posts(user, account, 7)
        expect(send(user.api, account), 202)
        stack.sql("DROP TABLE posts_counted")
        stack.sql((pathlib.Path(__file__).resolve().parents[2] / "sql/0102_posts_counted.sql").read_text().replace("%", "%%"))
        assert [row["n"] for row in sql(user, "SELECT n FROM posts_counted WHERE user_id = {user}")] == [7]
        assert posts_used(user) == 8
