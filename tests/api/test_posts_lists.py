"""The list of posts of one status, or of one account: whatever the order of its ends, page by page, and along an index."""

import uuid

import pytest
from budgets import Agent
from helpers import expect

STATES = ["queued", "published", "failed", "canceled", "in_inbox", "deferred"]


@pytest.fixture(scope="module")
def still(stack):
    with stack.stopped("worker-publish"):
        yield


@pytest.fixture
def posts(still, stack, user):
    """Two of each state and account, in turn; the oldest first."""
    agent, accounts = Agent(user), [user.connect(), user.connect()]
    made = []
    for n in range(2 * len(STATES) * len(accounts)):
        account, state = accounts[n % 2], STATES[n // 2 % len(STATES)]
        id = agent.posted(account)["id"]
        stack.sql("UPDATE posts SET state = %s, ended_at_us = IF(%s, 1, NULL) WHERE id = %s", state, state not in ("queued", "deferred"), uuid.UUID(id).bytes)
        made.append({"id": id, "account_id": account, "status": state})
    return made


def pages(api, **query):
    found, cursor = [], None
    while True:
        answer = expect(api.get("/api/v1/posts", params={**query, "limit": 3, **({"cursor": cursor} if cursor else {})}), 200)
        found += answer["data"]
        if not answer["meta"]["has_more"]:
            return [{k: p[k] for k in ("id", "account_id", "status")} for p in found]
        cursor = answer["meta"]["next_cursor"]


def test_each_way_to_ask(user, other, posts):
    for api in (user.api, user.web):
        assert pages(api) == posts[::-1]
        for status in [*STATES, "draft", "processing"]:
            assert pages(api, status=status) == [p for p in posts[::-1] if p["status"] == status]
        for account in {p["account_id"] for p in posts}:
            assert pages(api, account_id=account) == [p for p in posts[::-1] if p["account_id"] == account]
            assert pages(api, account_id=account, status="failed") == [p for p in posts[::-1] if (p["account_id"], p["status"]) == (account, "failed")]
            assert pages(other.api, account_id=account) == pages(other.web, account_id=account, status="failed") == []
    assert pages(user.web, account_id=posts[0]["account_id"], mode="test") == []


@pytest.mark.parametrize("query, code, param", [("account_id=x", "wrong_type", "account_id"), ("account_id=", "wrong_type", "account_id"),
                                                ("status=failed&status=queued", "repeated_field", "status"), ("account=x", "unknown_field", "account")])
def test_bad_questions(user, query, code, param):
    assert expect(user.api.get(f"/api/v1/posts?{query}"), 422, code)["error"]["param"] == param


def test_it_reads_what_it_shows(stack, user, other, posts):
    """However many others there are, of the same user, the same account and other people."""
    row, = stack.sql("SELECT * FROM posts WHERE id = %s", uuid.UUID(posts[0]["id"]).bytes)
    columns = ", ".join(c for c in row if c not in ("id", "state", "ended_at_us"))
    stack.sql(f"INSERT INTO posts (id, state, ended_at_us, {columns}) SELECT UNHEX(CONCAT('0fff', LPAD(HEX(seq), 12, '0'), HEX(RANDOM_BYTES(8)))),"
              f" 'canceled', 1, {columns} FROM posts JOIN seq_1_to_2000 WHERE id = %s", row["id"])
    stack.sql("SET GLOBAL userstat = 1")
    read = lambda: int(stack.sql("SELECT rows_read AS n FROM information_schema.user_statistics WHERE user = 'marketingcli_posts'")[0]["n"])  # noqa: E731
    try:
        for api, query in ((user.web, "status=failed"), (user.web, f"account_id={posts[0]['account_id']}&limit=5"),
                           (user.web, f"account_id={posts[0]['account_id']}&status=published"), (user.web, "status=canceled&limit=5"),
                           (user.web, f"account_id={posts[0]['account_id']}&limit=5&cursor={posts[2]['id']}"), (other.web, f"account_id={posts[0]['account_id']}"), (other.web, "status=canceled")):
            api.get(f"/api/v1/posts?{query}")
            before = read()
            expect(api.get(f"/api/v1/posts?{query}"), 200)
            assert read() - before < 60, query
    finally:
        stack.sql("SET GLOBAL userstat = 0")
        stack.sql("DELETE FROM posts WHERE id > UNHEX(RPAD('0FFF', 32, '0')) AND id < UNHEX(RPAD('1', 32, '0')) AND user_id = %s", row["user_id"])
