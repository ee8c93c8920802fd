"""What is held of a user, and who is told: lib/model/privacy/held.def against the database, and GET /privacy/data against both."""

import re
import uuid

import pytest
from helpers import expect
from layout import CHECKOUT
from publishing import Sent

HELD = (CHECKOUT / "lib/model/privacy/held.def").read_text()
POLICY = (CHECKOUT / "lib/base/policy.def").read_text()
TABLES = {m[2]: m[3] for m in re.finditer(r'^(TABLE|NOBODYS)\((\w+), "(\w+)"', HELD, re.M)}
COLUMNS = {(t, c): (kind, item) for t, c, kind, item in re.findall(r'^COLUMN\((\w+), (\w+), (\w+), "([^"]+)"\)', HELD, re.M)}
FILES = set(re.findall(r"^FILES\((\w+),", HELD, re.M))
ITEMS = re.findall(r'^POLICY\(\w+, "([^"]+)"', POLICY, re.M)
MACROS = dict(re.findall(r'^#define (\w+) "(.*)"$', HELD, re.M))
WHOSE = {t: MACROS.get(w, w.strip('"')) for t, w in re.findall(r'^TABLE\((\w+), "\w+", \w+, (\w+|".+?"), "\w+", \w+\)$', HELD, re.M)}


def columns_of(stack):
    """{(table, column): its comment} of what is a table, and not a view of one."""
    rows = stack.sql("SELECT c.TABLE_NAME t, c.COLUMN_NAME n, c.COLUMN_COMMENT k FROM information_schema.COLUMNS c"
                     " JOIN information_schema.TABLES USING (TABLE_SCHEMA, TABLE_NAME)"
                     " WHERE TABLE_SCHEMA = 'marketingcli' AND TABLE_TYPE = 'BASE TABLE'")
    return {(r["t"], r["n"]): r["k"] for r in rows}


def test_every_column_with_personal_data_is_in_the_table(stack):
    """A column that is added names its item in its comment, or has none; and then it is here, or this fails."""
    commented = {at: m[1] for at, k in columns_of(stack).items() if (m := re.search(r"\[policy:([^\]]+)\]", k))}
    assert len(commented) > 200
    assert commented == {at: item for at, (_, item) in COLUMNS.items() if at[0] not in FILES}


def test_every_table_that_says_whose_a_row_is_has_a_place(stack):
    assert {t for t, c in columns_of(stack) if c == "user_id"} <= set(TABLES)


def test_every_item_is_held_somewhere():
    assert {item for kind, item in COLUMNS.values() if kind != "COPY"} == set(ITEMS)


@pytest.mark.parametrize("table", WHOSE)
def test_whose_a_row_is_is_asked_along_an_index(stack, table):
    """However many users there are, there is an index to go along; of a table with a few rows MariaDB may read all.
    Without a row of a unique index it has no plan at all."""
    plan = stack.sql(f"EXPLAIN SELECT 1 FROM {table} WHERE {WHOSE[table]}".replace("?", "%s"), uuid.uuid4().bytes)
    named = [row for row in plan if row["table"] is not None and not row["table"].startswith("<")]
    assert all(row["type"] not in ("ALL", "index") or row["possible_keys"] for row in named), plan


def data(user):
    return expect(user.web.get("/api/v1/privacy/data"), 200)["data"]


def places(data):
    return {h["name"]: h for g in data["groups"] for i in g["items"] for h in i["held"]}


def test_a_new_user_sees_every_item(user):
    shown = data(user)
    items = {i["item"]: i for g in shown["groups"] for i in g["items"]}
    assert sorted(items) == sorted(ITEMS)
    assert all(i["held"] and i["what"] and i["for"] and i["promise"] for i in items.values())
    assert items["account.password"]["is_secret"] and items["key.hash"]["is_secret"] and not items["account.email"]["is_secret"]
    mail = places(shown)["mails"]
    assert (mail["kept_n"], mail["kept_unit"]) == (90, "days")
    assert places(shown)["image_files"]["kept_n"] == 7
    assert places(shown)["posts"]["records"] == 0 and places(shown)["links"]["records"] is None
    assert [r["recipient"] for r in shown["recipients"]] == ["tiktok", "stripe"]
    assert items["account.email"]["recipients"] == ["stripe"] and items["post.text"]["recipients"] == ["tiktok"]


def test_it_counts_what_is_there_and_nothing_of_others(stack, user, other, account):
    Sent(stack, user, account).wait("published")
    of_user, of_other = places(data(user)), places(data(other))
    for table, name in TABLES.items():
        if table in WHOSE:
            n = stack.sql(f"SELECT COUNT(*) AS n FROM {table} WHERE {WHOSE[table]}".replace("?", "%s"), uuid.UUID(user.id).bytes)[0]["n"]
            assert name not in of_user or of_user[name]["records"] == n, name
    assert of_user["posts"]["records"] == 1 and of_user["attempts"]["records"] == 1 and of_user["image_files"]["records"] == 1
    assert all(of_other[name]["records"] == 0 for name in ("posts", "attempts", "events", "images", "image_files", "tiktok_accounts"))


def test_no_secret_and_no_data_is_in_it(user):
    text = user.web.get("/api/v1/privacy/data").text
    assert user.email not in text and user.key not in text and "$2" not in text


def test_a_session_sees_it_and_no_key(stack, user):
    expect(user.api.get("/api/v1/privacy/data"), 403, "session_required")
    expect(stack.client().get("/api/v1/privacy/data"), 401, "unauthenticated")
    expect(user.web.post("/api/v1/privacy/data"), 405, "method_not_allowed")
