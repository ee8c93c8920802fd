"""What became of posts, by day and account: counted from the posts themselves, along their index."""

import datetime
import uuid

import pytest
from budgets import Agent
from helpers import expect

DAY_US, NOON = 86400 * 10**6, datetime.datetime(2026, 3, 14, 12, tzinfo=datetime.timezone.utc)
NOON_US = int(NOON.timestamp()) * 10**6
ASKED = "from=2026-03-10T00:00:00Z&to=2026-03-20T00:00:00Z"


class Ends:
    """Posts that have ended, as rows."""

    def __init__(self, stack, user):
        self.stack, self.user = stack, user
        with stack.stopped("worker-publish"):
            agent, account = Agent(user), user.connect()
            self.rows = {}
            for a in (account, user.connect()):
                id = agent.posted(a)["id"]
                self.rows[a], = stack.sql("SELECT * FROM posts WHERE id = %s", uuid.UUID(id).bytes)
                expect(user.web.post(f"/api/v1/posts/{id}/cancel"), 200)
        self.accounts = sorted(self.rows, key=lambda a: uuid.UUID(a).bytes)

    def add(self, account, state, ended_us, took_us, deferred=False):
        id = uuid.uuid4().bytes
        row = {**self.rows[account], "id": id, "state": state, "ended_at_us": ended_us, "created_at_us": ended_us - took_us}
        self.stack.sql(f"INSERT INTO posts ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})", *row.values())
        if deferred:
            self.stack.sql("INSERT INTO post_events (id, post_id, at_us, event, state) VALUES (%s, %s, 1, 'deferred', 'deferred')", uuid.uuid4().bytes, id)

    def gone(self):
        for table in ("post_events WHERE post_id IN (SELECT id FROM posts WHERE ", "posts WHERE (1 AND "):
            self.stack.sql(f"DELETE FROM {table} user_id = %s AND ended_at_us < %s)", uuid.UUID(self.user.id).bytes, NOON_US + 30 * DAY_US)


@pytest.fixture(scope="module")
def user(stack):
    import conftest
    return conftest.User(stack)


@pytest.fixture(scope="module")
def ends(stack, user):
    made = Ends(stack, user)
    yield made
    made.gone()


def rows_of(api, query=ASKED):
    return expect(api.get(f"/api/v1/usage/posts?{query}"), 200)["data"]["rows"]


def test_of_a_month(stack, user, other, ends):
    a, b = ends.accounts
    for took_s in range(1, 101):
        ends.add(a, "published", NOON_US + took_s, took_s * 10**6)
    ends.add(a, "failed", NOON_US, 7 * 3600 * 10**6, deferred=True)
    ends.add(a, "canceled", NOON_US, 1)
    ends.add(b, "in_inbox", NOON_US + DAY_US, 9 * 3600 * 10**6, deferred=True)
    ends.add(b, "published", NOON_US + 8 * DAY_US, 1)  # not asked for
    day = {"starts_at": "2026-03-14T00:00:00Z", "account_id": a, "published": 100, "in_inbox": 0, "failed": 1, "canceled": 1, "deferred": 1,
           "p50_ms": 50000, "p95_ms": 95000}
    next = {"starts_at": "2026-03-15T00:00:00Z", "account_id": b, "published": 0, "in_inbox": 1, "failed": 0, "canceled": 0, "deferred": 1,
            "p50_ms": None, "p95_ms": None}
    for api in (user.api, user.web):
        data = expect(api.get(f"/api/v1/usage/posts?{ASKED}"), 200)["data"]
        shown = [{**r, "starts_at": r["starts_at"].replace(".000000Z", "Z")} for r in data["rows"]]
        assert shown == [next, day]
    assert rows_of(other.web) == [] == rows_of(user.web, ASKED + "&mode=test")


def test_it_reads_what_it_counts(stack, user, ends):
    """And not the user's other posts, however many."""
    row = ends.rows[ends.accounts[0]]
    columns = ", ".join(c for c in row if c not in ("id", "state", "ended_at_us"))
    stack.sql(f"INSERT INTO posts (id, state, ended_at_us, {columns}) SELECT UNHEX(CONCAT('0fff', LPAD(HEX(seq), 12, '0'), HEX(RANDOM_BYTES(8)))),"
              f" 'canceled', 1, {columns} FROM posts JOIN seq_1_to_2000 WHERE id = %s", row["id"])
    stack.sql("SET GLOBAL userstat = 1")
    try:
        read = lambda: int(stack.sql("SELECT rows_read AS n FROM information_schema.user_statistics WHERE user = 'marketingcli_posts'")[0]["n"])  # noqa: E731
        query = "from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z"
        rows_of(user.web, query)
        before = read()
        assert rows_of(user.web, query) == [] and read() - before < 60
    finally:
        stack.sql("SET GLOBAL userstat = 0")


@pytest.mark.parametrize("query, code, param", [("from=2026-01-01T00:00:00Z&to=2026-02-02T00:00:00Z", "out_of_range", "to"),
                                                ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "out_of_range", "to"),
                                                ("from=yesterday", "wrong_type", "from"), ("group_by=day", "unknown_field", "group_by")])
def test_bad_questions(user, query, code, param):
    assert expect(user.api.get(f"/api/v1/usage/posts?{query}"), 422, code)["error"]["param"] == param


def test_the_last_thirty_days(user):
    data = expect(user.api.get("/api/v1/usage/posts"), 200)["data"]
    assert data["from"] < data["to"]
