"""How much API keys are used (lib/fcgi/usage.h, lib/model/usage/usage.h): counted exactly, never twice, and shown by day, key and status."""

import concurrent.futures
import csv
import datetime
import io
import pathlib
import signal
import sys
import uuid

import pytest
import standing
from helpers import expect
from test_budgets import now
from test_metrics import Shown
from test_nginx import raw, request_line
from test_statements import rows_read
from waiting import locked

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from database import Database  # noqa: E402

DAY_US = 86_400_000_000
UTC = datetime.timezone.utc


@pytest.fixture(autouse=True)
def one_day(stack):
    """None ends while a test counts what is of today."""
    if (now(stack) + datetime.timedelta(minutes=10)).day != now(stack).day:
        stack.move_clock(600)


def day_us(at):
    return int(datetime.datetime(at.year, at.month, at.day, tzinfo=UTC).timestamp()) * 1_000_000


def new_key(user, name="another"):
    made = expect(user.web.post("/api/v1/keys", json={"name": name}), 201)["data"]
    return made["id"], user.stack.client(Authorization=f"Bearer {made['key']}")


def usage(client, **query):
    return expect(client.get("/api/v1/usage", params=query), 200)["data"]


def by_status(user):
    """Asked with the session, which is not counted."""
    return {row["status"]: row["requests"] for row in usage(user.web, group_by="status")["rows"]}


def counted(user, **expected):
    """Until the counts by status are these."""
    want = {int(status.removeprefix("s")): n for status, n in expected.items()}
    got = []
    user.stack.wait(lambda: got.append(by_status(user)) or sum(got[-1].values()) >= sum(want.values()), "all are written")
    assert got[-1] == want


def ask(client, n, threads=20):
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return [a.status_code for a in pool.map(lambda _: client.get("/api/v1/me"), range(n))]


def test_every_answer_is_counted_once(user):
    """Of several programs; a refused key is nobody's, and a session is not counted."""
    for path, status in (("/api/v1/me", 200), ("/api/v1/posts", 200), ("/api/v1/uploads", 200), ("/api/v1/accounts", 200),
                         ("/api/v1/accounts/x", 404), ("/api/v1/keys", 403), ("/api/v1/me?x=1", 422), ("/api/v1/me?x=%ff", 400)):
        assert user.api.get(path).status_code == status
    for path in ("/api/v1/me", "/api/v1/keys", "/api/v1/auth/login"):  # the last takes no key, so none is looked at
        assert user.api.put(path).status_code == 405
    user.web.get("/api/v1/me", headers={"Authorization": "Bearer mk_live_x"})
    user.web.put("/api/v1/me", headers={"Authorization": "Bearer mk_live_x"})
    counted(user, s200=4, s400=1, s403=1, s404=1, s405=2, s422=1)
    shown = usage(user.web)
    (day,) = shown["rows"]
    assert (shown["requests"], shown["errors"], day["requests"], day["errors"], day["span"]) == (10, 6, 10, 6, "day")
    today = now(user.stack).strftime("%Y-%m-%d")
    assert day["starts_at"] == f"{today}T00:00:00.000000Z" and day["last_used_at"].startswith(today)
    assert shown["group_by"] == "day" and shown["from"] < shown["to"]


def test_what_no_program_has_answered_is_not_counted(user):
    for line, status in (("GET /api/v1/nothing", 404), (f"GET /api/v1/me?{'a' * 9000}", 414), ("POST /api/v1/posts/validate", 413),
                         ("TRACE /api/v1/me", 405)):
        request = request_line(f"{line} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {user.key}",
                               *(["Content-Length: 1000000"] if status == 413 else []))
        assert raw(user.stack, request)[0] == status
    ask(user.api, 1)
    counted(user, s200=1)


def test_200_at_once_at_a_limit_of_100(stack, user):
    """What the limit lets through and what usage counts is the same."""
    user.key
    with stack.configured("auth", rates_read=100, rates_window_sec=86400, service_queue_sec=60):
        got = ask(user.api, 200, threads=200)
    assert sorted(got) == [200] * 100 + [429] * 100
    counted(user, s200=100, s429=100)


def test_by_key(user):
    first, one = new_key(user, "one")
    second, two = new_key(user, "=1+1")
    ask(one, 3)
    ask(two, 2)
    two.get("/api/v1/accounts/x")
    counted(user, s200=5, s404=1)
    rows = usage(user.web, group_by="key")["rows"]
    assert [(r["key_id"], r["key_name"], r["requests"], r["errors"]) for r in rows] == [(first, "one", 3, 0), (second, "=1+1", 3, 1)]
    listed = {k["id"]: k["last_used_at"] for k in expect(user.web.get("/api/v1/keys"), 200)["data"]}
    assert {r["key_id"]: r["last_used_at"] for r in rows} == {id: listed[id] for id in (first, second)}
    expect(user.web.delete(f"/api/v1/keys/{second}"), 204)  # what it was used for stays
    assert len(usage(user.web, group_by="key")["rows"]) == 2


@pytest.mark.parametrize("group", ["day", "key", "status"])
def test_of_one_key(user, other, group):
    first, one = new_key(user, "one")
    second, two = new_key(user, "two")
    ask(one, 3)
    ask(two, 2)
    two.get("/api/v1/accounts/x")
    counted(user, s200=5, s404=1)
    of_two = usage(user.web, group_by=group, key_id=second)
    assert (of_two["requests"], of_two["errors"]) == (3, 1)
    assert usage(user.web, group_by=group, key_id=first)["requests"] == 3
    answer = user.web.get("/api/v1/usage", params={"group_by": group, "key_id": second, "format": "csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [(r["requests"], r["errors"]) for r in rows] == [(str(r["requests"]), str(r["errors"])) for r in of_two["rows"]]
    assert usage(other.web, group_by=group, key_id=second)["rows"] == [], "it is somebody else's"
    error = expect(user.web.get("/api/v1/usage?key_id=x"), 422)["error"]
    assert error["param"] == "key_id"


def test_a_key_sees_its_users_usage_and_nobody_elses(user, other):
    ask(user.api, 2)
    ask(other.api, 3)
    counted(user, s200=2)
    counted(other, s200=3)
    assert usage(user.api)["requests"] == 2
    assert usage(user.api, group_by="key")["rows"][0]["key_prefix"] == user.key[:12]
    expect(user.stack.client().get("/api/v1/usage"), 401)


def test_a_key_needs_the_scope(user):
    for scopes, status, code in ((["usage:read"], 200, None), (["posts:read", "accounts:read"], 403, "scope_missing")):
        made = expect(user.web.post("/api/v1/keys", json={"name": "scoped", "scopes": scopes}), 201)["data"]
        expect(user.stack.client(Authorization=f"Bearer {made['key']}").get("/api/v1/usage"), status, code)


@pytest.mark.parametrize("group", ["day", "key", "status"])
def test_csv_says_the_same(user, group):
    _, client = new_key(user, '=cmd|"x",y')
    ask(client, 3)
    client.get("/api/v1/accounts/x")
    counted(user, s200=3, s404=1)
    answer = user.web.get("/api/v1/usage", params={"group_by": group, "format": "csv"})
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="usage.csv"' and answer.content.count(b"\r\n") >= 2
    rows = list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))
    for row in rows:
        row.pop("key_name", None)
    shown = [{name: str(value) for name, value in row.items() if name != "key_name"} for row in usage(user.web, group_by=group)["rows"]]
    assert rows == shown
    if group == "key":
        assert b'"\'=cmd|""x"",y"' in answer.content, "no spreadsheet takes it for a formula"
    head = user.web.head("/api/v1/usage", params={"format": "csv"})
    assert head.status_code == 200 and head.content == b"" and head.headers["Content-Type"] == answer.headers["Content-Type"]


def test_no_name_is_taken_for_a_formula(user, stack):
    """Tabs and line ends come into a name by hand alone."""
    names = ["=1", "+1", "-1", "@x", "＝1", "＋1", "－1", "＠x", " =1", "  ＝1", "\t=1", "\r=1", "\n=1"]
    plain = ["a=1", "1-1", "ü", " a", "．1"]
    for i, name in enumerate([*names, *plain]):
        id, _ = new_key(user, f"n{i}")
        stack.sql("UPDATE api_keys SET name = %s WHERE id = %s", name, uuid.UUID(id).bytes)
        put(user, now(user.stack), 1, key=uuid.UUID(id).bytes)
    answer = user.web.get("/api/v1/usage?group_by=key&format=csv")
    got = [row["key_name"] for row in csv.DictReader(io.StringIO(answer.content.decode(), newline=""))]
    assert got == [f"'{name}" for name in names] + plain


def many_keys(user, n):
    """Each was used twice today."""
    id = uuid.UUID(user.id).bytes
    user.stack.sql("INSERT INTO api_keys (id, user_id, user_state, name, prefix, hash, created_at_us, revoked_at_us)"
                   " SELECT UNHEX(CONCAT(LPAD(HEX(seq), 12, '0'), '7000', LEFT(HEX(%s), 16))), %s, 'active', 'many', 'mk_live_many',"
                   " UNHEX(SHA2(CONCAT(HEX(%s), seq), 256)), 1, {now} FROM seq_1_to_{n}".format(now=today_us(user.stack), n=n), id[::-1], id, id)
    user.stack.sql("INSERT INTO usage_daily SELECT user_id, %s, 'day', id, 200, 1, 2, 5 FROM api_keys WHERE user_id = %s AND name = 'many'",
                   today_us(user.stack), id)


def test_csv_of_many_keys(user):
    """JSON has at most 1000 rows and says so; CSV has them all."""
    many_keys(user, 2500)
    error = expect(user.web.get("/api/v1/usage?group_by=key"), 422, "out_of_range")["error"]
    assert error["param"] == "to" and "format=csv" in error["message"]
    answer = user.web.get("/api/v1/usage?group_by=key&format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == len({r["key_id"] for r in rows}) == 2500 and {r["requests"] for r in rows} == {"2"}
    assert usage(user.web, group_by="day")["requests"] == 5000


def test_the_cost_of_many_keys_grows_with_their_number(user):
    """And not with its square: a chunk of keys does not walk the others."""
    many_keys(user, 6000)
    read = rows_read(user.stack, "posts", lambda: user.web.get("/api/v1/usage?group_by=key&format=csv").raise_for_status())
    assert 6000 < read < 18000  # a row of usage, and one of the key


def test_a_slow_reader_of_csv_is_not_in_the_way_of_images(user, stack):
    """What is streamed takes no place of those who send images."""
    new_key(user)
    with Database(stack) as database, database.used_by("posts"), concurrent.futures.ThreadPoolExecutor() as pool:
        database.fault("SELECT STRAIGHT_JOIN u.key_id", "hung")
        asked = pool.submit(user.web.get, "/api/v1/usage?group_by=key&format=csv")
        shown = stack.wait(lambda: (s := Shown(stack, "posts"))("threads_outside") + s("threads_heavy") == 1 and s, "it is being read")
        assert (shown("threads_outside"), shown("threads_heavy")) == (1, 0)
        database.back()
        asked.result()


def today_us(stack):
    return day_us(now(stack))


# What must not be lost, and never comes twice


def test_a_stop_writes_what_was_counted(user, stack):
    user.key
    for _ in range(3):
        ask(user.api, 10)
        stack.restart("auth")
    counted(user, s200=30)


def test_a_kill_loses_what_was_not_written(user, stack):
    """And nothing else, and doubles nothing."""
    ask(user.api, 10)
    counted(user, s200=10)
    ask(user.api, 10)
    starts = stack.starts("auth")
    stack.wait_for_start("auth", stack.kill("auth", signal.SIGKILL), starts)
    ask(user.api, 7)
    stack.wait(lambda: by_status(user)[200] >= 17, "what came after it is written")
    stack.restart("auth")
    assert by_status(user)[200] in (17, 27)  # written at once, or not at all


def test_what_the_database_does_not_take_is_kept(user, stack):
    """And written when it does."""
    grant = "INSERT ON usage_daily {} marketingcli_auth@localhost"
    ask(user.api, 4)
    counted(user, s200=4)
    logged = len(stack.log("auth"))
    stack.sql(f"REVOKE {grant.format('FROM')}")
    try:
        ask(user.api, 10)
        stack.wait(lambda: stack.log("auth")[logged:].count('"event":"usage_not_written"') > 1, "it was tried twice")
        user.api.get("/api/v1/me?x=1")
        assert by_status(user) == {200: 4}
    finally:
        stack.sql(f"GRANT {grant.format('TO')}")
    counted(user, s200=14, s422=1)


def test_a_user_who_is_locked_holds_up_nobody_else(user, other, stack):
    """Whose first use of the day, which locks the user, waits for somebody; a kill then loses nothing of the others."""
    assert user.key and other.key
    with locked(stack, user):
        ask(user.api, 3)
        ask(other.api, 5)
        counted(other, s200=5)
        ask(other.api, 5)
        counted(other, s200=10)
        assert by_status(user) == {}
    counted(user, s200=3)


def test_a_stop_waits_for_a_user_who_is_locked(user, other, stack):
    assert user.key and other.key
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with locked(stack, user) as waits:
            ask(user.api, 3)
            stopped = pool.submit(stack.restart, "auth")
            waits(1)
        stopped.result()
    counted(user, s200=3)


@pytest.mark.parametrize("fault, n", [("lost", 5), ("unanswered", 5)])
def test_the_connection_breaks_while_it_is_written(user, stack, fault, n):
    """lost: MariaDB has not seen it, so it is written again. unanswered: it has; it is not."""
    user.key
    with Database(stack) as database, database.used_by("auth"):
        database.fault("INSERT INTO usage_daily", fault)
        ask(user.api, n)
        stack.wait(lambda: database.met, "the statement was met")
        counted(user, s200=n)


def test_the_database_hangs_while_it_is_written(user, stack):
    """One shard's statement waits in vain; it and the others, which are not tried then, are written later, and once."""
    clients = [user.api, *(new_key(user, f"k{i}")[1] for i in range(9))]
    with Database(stack) as database, database.used_by("auth", database_timeout_sec=1):
        logged = len(stack.log("auth"))
        database.fault("INSERT INTO usage_daily", "hung")
        for client in clients * 2:
            expect(client.get("/api/v1/me"), 200)
        stack.wait(lambda: '"event":"usage_not_written"' in stack.log("auth")[logged:], "it is given up")
        assert [text for text, _ in database.met] == ["INSERT INTO usage_daily"]
        assert '"event":"usage_dropped"' not in stack.log("auth")[logged:]
        counted(user, s200=20)
        database.back()
        stack.restart("auth")
        assert by_status(user) == {200: 20}


@pytest.mark.parametrize("fault", ["lost", "unanswered"])
def test_nobody_knows_whether_it_was_committed(user, stack, fault):
    """Then it is dropped: what is counted may be too little, and never too much. The log says how much that is."""
    user.key
    with Database(stack) as database, database.used_by("auth"):
        logged = len(stack.log("auth"))
        database.fault("COMMIT", fault, after="INSERT INTO usage_daily")
        expect(user.api.get("/api/v1/me"), 200)
        stack.wait(lambda: '"event":"usage_dropped"' in stack.log("auth")[logged:], "it is dropped")
        assert '"code":"outcome_unknown"' in stack.log("auth")[logged:]
        for _ in range(3):
            expect(user.api.get("/api/v1/me"), 200)
        written = 3 + (fault == "unanswered")
        counted(user, s200=written)
        stack.restart("auth")
        assert by_status(user) == {200: written}


def test_a_key_that_is_gone_is_not_brought_back(user, stack):
    key, client = new_key(user)
    with stack.stopped("keys"):
        expect(client.get("/api/v1/me"), 200)
        stack.sql("DELETE FROM api_keys WHERE id = %s", uuid.UUID(key).bytes)
    ask(user.api, 2)
    stack.wait(lambda: by_status(user).get(200, 0) >= 2, "the others are written")
    assert not stack.sql("SELECT 1 FROM usage_daily u LEFT JOIN api_keys k ON k.id = u.key_id WHERE u.user_id = %s AND k.id IS NULL"
                         " AND u.key_id <> %s", uuid.UUID(user.id).bytes, uuid.UUID(key).bytes)


# Time


def put(user, at, requests, status=200, key=None):
    """As if so many had been counted on the day of at."""
    key = key or user.stack.sql("SELECT id FROM api_keys WHERE user_id = %s LIMIT 1", uuid.UUID(user.id).bytes)[0]["id"]
    day = day_us(at)
    user.stack.sql("INSERT INTO usage_daily VALUES (%s, %s, 'day', %s, %s, 1, %s, %s)", uuid.UUID(user.id).bytes, day, key, status, requests,
                   day + 1)


def months_ago(n, day=1):
    now = datetime.datetime.now(UTC)
    month = now.year * 12 + now.month - 1 - n
    return datetime.datetime(month // 12, month % 12 + 1, day, tzinfo=UTC)


def text(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_days_are_whole_and_in_utc(user):
    user.key
    for day, n in ((1, 1), (2, 2), (3, 4)):
        put(user, months_ago(2, day), n)
    begin, month = months_ago(2), months_ago(2).strftime("%Y-%m")
    for start, end, total in ((f"{month}-01T00:00:00Z", f"{month}-04T00:00:00Z", 7), (f"{month}-01T23:59:59Z", f"{month}-03T00:00:00Z", 3),
                              (f"{month}-02T00:00:00Z", f"{month}-03T00:00:01Z", 6), (f"{month}-02T01:00:00+02:00", f"{month}-02T05:00:00Z", 3),
                              (f"{month}-03T00:00:00.000001-00:30", f"{month}-05T00:00:00z", 4)):
        assert usage(user.web, **{"from": start, "to": end})["requests"] == total, (start, end)
    assert usage(user.web, **{"from": text(begin), "to": text(begin + datetime.timedelta(days=1))})["rows"][0]["starts_at"].startswith(f"{month}-01T")
    assert usage(user.web)["requests"] == 0  # the last 30 days
    assert usage(user.web, to=f"{month}-05T00:00:00Z")["requests"] == 7  # the 30 before


def due(stack):
    standing.hurry(stack, "jobs_media", "usage")


def test_old_days_become_months(user, stack):
    """Once, whole months only, with the same sums; each key and status by itself."""
    user.key
    id, _ = new_key(user)
    for months, day, n, status in ((13, 1, 1, 200), (14, 28, 2, 200), (14, 1, 4, 200), (14, 2, 8, 404), (15, 9, 16, 200)):
        put(user, months_ago(months, day), n, status)
    put(user, months_ago(14, 3), 32, key=uuid.UUID(id).bytes)
    rows = "SELECT span, requests FROM usage_daily WHERE user_id = %s ORDER BY requests"
    due(stack)
    stack.wait(lambda: len(stack.sql(rows, uuid.UUID(user.id).bytes)) == 5, "they are put together")
    standing.run(stack, "jobs_media", "usage")
    assert [(r["span"], r["requests"]) for r in stack.sql(rows, uuid.UUID(user.id).bytes)] == [
        ("day", 1), ("month", 6), ("month", 8), ("month", 16), ("month", 32)]
    shown = usage(user.web, **{"from": text(months_ago(15)), "to": text(months_ago(12))})
    assert [(r["starts_at"][:10], r["span"], r["requests"], r["errors"]) for r in shown["rows"]] == [
        (months_ago(15).strftime("%Y-%m-%d"), "month", 16, 0), (months_ago(14).strftime("%Y-%m-%d"), "month", 46, 8),
        (months_ago(13).strftime("%Y-%m-%d"), "day", 1, 0)]
    put(user, months_ago(14, 5), 64)  # and one that comes late is added
    due(stack)
    stack.wait(lambda: usage(user.web, **{"from": text(months_ago(14)), "to": text(months_ago(13))})["requests"] == 110
               and not stack.sql("SELECT 1 FROM usage_daily WHERE user_id = %s AND span = 'day' AND requests = 64", uuid.UUID(user.id).bytes),
               "it is in its month")


def test_what_is_old_goes(user, stack):
    """Months of more than 24 months ago, and the keys and secrets that ended before; not a key that lives, or ended later."""
    user.key
    ends = {"revoked long ago": ("revoked_at_us", 25), "revoked later": ("revoked_at_us", 23), "expired long ago": ("expires_at_us", 25),
            "expired later": ("expires_at_us", 23), "live": (None, 0)}
    keys = {}
    for what, (column, months) in ends.items():
        id, client = new_key(user, what)
        keys[what] = uuid.UUID(id).bytes
        for ago in (26, 24, 23):
            put(user, months_ago(ago), 1, key=keys[what])
        if column:
            stack.sql(f"UPDATE api_keys SET {column} = %s WHERE id = %s", int(months_ago(months, 9).timestamp()) * 1_000_000, keys[what])
    expect(user.web.post(f"/api/v1/keys/{uuid.UUID(bytes=keys['live'])}/rotate", json={}), 200)
    stack.sql("UPDATE api_keys SET expires_at_us = 5 WHERE of_key_id = %s", keys["live"])

    def names():
        return {r["name"] for r in stack.sql("SELECT name FROM api_keys WHERE user_id = %s", uuid.UUID(user.id).bytes)}
    due(stack)
    stack.wait(lambda: names() == set(ends) - {"revoked long ago", "expired long ago"} | {"tests"}, "the others are gone")
    assert not stack.sql("SELECT 1 FROM api_keys WHERE of_key_id = %s", keys["live"])
    left = stack.sql("SELECT DISTINCT starts_at_us at FROM usage_daily WHERE user_id = %s ORDER BY at", uuid.UUID(user.id).bytes)
    assert [r["at"] for r in left][:2] == [int(months_ago(n).timestamp()) * 1_000_000 for n in (24, 23)]
    shown = usage(user.web, **{"from": text(months_ago(24)), "to": text(months_ago(20)), "group_by": "key"})["rows"]
    assert {r["key_name"]: r["requests"] for r in shown} == {what: 2 for what in ends if "long ago" not in what}
    expect(user.web.get("/api/v1/keys"), 200)


def test_many_old_rows_go_in_several_runs(user, stack):
    id = uuid.UUID(user.id).bytes
    stack.sql("INSERT INTO api_keys (id, user_id, user_state, name, prefix, hash, created_at_us, revoked_at_us)"
              " SELECT UNHEX(CONCAT(LPAD(HEX(seq), 12, '0'), '7000', LEFT(HEX(%s), 16))), %s, 'active', 'old', 'mk_live_old',"
              " UNHEX(SHA2(CONCAT(HEX(%s), seq, 'old'), 256)), 1, 2 FROM seq_1_to_450", id[::-1], id, id)
    due(stack)
    stack.wait(lambda: not stack.sql("SELECT 1 FROM api_keys WHERE user_id = %s AND name = 'old' LIMIT 1", id), "all are gone")


# Bad input


@pytest.mark.parametrize("query, code, param", [
    ("from=2026-11-01T00:00:00", "wrong_type", "from"), ("to=2026-11-01", "wrong_type", "to"), ("to=", "wrong_type", "to"),
    ("from=yesterday", "wrong_type", "from"), ("from=2026-02-30T00:00:00Z", "wrong_type", "from"), ("from=1761955200", "wrong_type", "from"),
    ("from=2026-11-01T00:00:00+01:00", "wrong_type", "from"),  # + is a blank in an address
    ("from=1969-12-31T23:59:59Z", "wrong_type", "from"), ("to=9999-12-31T23:59:59Z", "wrong_type", "to"),
    ("from=0000-01-01T00:00:00Z", "wrong_type", "from"),
    ("from=2026-11-02T00:00:00Z&to=2026-11-02T00:00:00Z", "out_of_range", "to"),
    ("from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z", "out_of_range", "to"),
    ("from=2025-01-01T00:00:00Z&to=2026-02-01T00:00:01Z", "out_of_range", "to"),
    ("from=1970-01-01T00:00:00Z", "out_of_range", "to"),
    ("group_by=week", "invalid_value", "group_by"), ("group_by=", "invalid_value", "group_by"), ("group_by=DAY", "invalid_value", "group_by"),
    ("format=xml", "invalid_value", "format"), ("by=day", "unknown_field", "by"), ("limit=1", "unknown_field", "limit"),
    ("group_by=day&group_by=key", "repeated_field", "group_by"),
])
def test_bad_input(user, query, code, param):
    for more in ("", "&format=csv") if "format" not in query else ("",):
        error = expect(user.web.get(f"/api/v1/usage?{query}{more}"), 422, code)["error"]
        assert error["param"] == param, error


def test_all_problems_at_once(user):
    error = expect(user.web.get("/api/v1/usage?from=x&to=y&group_by=z&format=w&v=1"), 422, "validation_failed")["error"]
    assert sorted(d["param"] for d in error["details"]) == ["format", "from", "group_by", "to", "v"]


@pytest.mark.parametrize("query", ["from=2025-01-01T00:00:00Z&to=2026-02-01T00:00:00Z", "from=2025-01-31T12:00:00Z&to=2026-02-28T00:00:00Z",
                                   "from=1970-01-01T00:00:00Z&to=1970-01-02T00:00:00Z", "to=1970-01-02T00:00:00Z"])
def test_the_longest_and_the_oldest(user, query):
    assert usage(user.web, **dict(p.split("=") for p in query.split("&")))["rows"] == []
