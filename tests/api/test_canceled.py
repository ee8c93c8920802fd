"""A disconnect, and a connection that comes just after it: what is canceled or given up, and what is not."""

import contextlib
import uuid

import pymysql
import pytest
from helpers import expect
from publishing import Sent
from test_engine import STATUS, known, tiktok  # noqa: F401 (a fixture)
from test_metrics import Shown


@pytest.mark.parametrize("set_back_sec", [0, 30])
def test_what_a_disconnect_cancels_stays_canceled(stack, user, set_back_sec):
    """Also what is left of a long queue when the account is connected again; what is posted from then on is sent. Also where the
    clock was set back a little, and ids are ahead of it."""
    creator = f"again.{uuid.uuid4().hex[:12]}"
    account = user.connect(creator)
    key = known(stack, account)
    with stack.stopped("worker-publish"):
        stack.move_clock(set_back_sec)
        first = Sent(stack, user, account)
        stack.set_clock(0)
        post, = stack.sql("SELECT * FROM posts WHERE id = %s", first.key)
        columns = ", ".join(c for c in post if c != "id")
        stack.sql(f"INSERT INTO posts (id, {columns}) SELECT UNHEX(CONCAT('0000', LPAD(HEX(seq), 12, '0'), HEX(RANDOM_BYTES(8)))),"
                  f" {columns} FROM posts JOIN seq_1_to_250 WHERE id = %s", first.key)
        expect(user.web.delete(f"/api/v1/accounts/{account}"), 200)
        assert user.connect(creator) == account
        new = Sent(stack, user, account)
    assert new.wait()["status"] == "published"
    ends = stack.sql("SELECT state, failure_code AS code, COUNT(*) AS n FROM posts WHERE account_id = %s AND id <> %s"
                     " GROUP BY state, failure_code", key, new.key)
    assert ends == [{"state": "canceled", "code": "account_disconnected", "n": 251}]


@contextlib.contextmanager
def held_up(stack, sent):
    """Somebody holds the post's row, and whoever wants to write there has come so far."""
    root = pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="root", database="marketingcli", autocommit=False)
    with root, root.cursor() as cursor:
        cursor.execute("SELECT id FROM posts WHERE id = %s FOR UPDATE", sent.key)
        yield lambda: stack.wait(lambda: int(stack.sql("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'")[0]["Value"]),
                                 "the worker waits for us")


def test_an_account_is_connected_again_while_its_posts_are_canceled(stack, user, account):
    """The worker has read that it is disconnected: posts of the new connection are none of those that it cancels."""
    key = known(stack, account)
    with stack.configured("worker-publish", database_timeout_sec=30), contextlib.ExitStack() as held:
        with stack.stopped("worker-publish"):
            old = Sent(stack, user, account)
            stack.sql("UPDATE accounts SET state = 'disconnected' WHERE id = %s", key)
            waits = held.enter_context(held_up(stack, old))
        waits()
        stack.sql("UPDATE accounts SET state = 'active' WHERE id = %s", key)
        new = Sent(stack, user, account)
        reruns = Shown(stack, "worker-publish")("database_errors_total", error="rerun")
        stack.wait(lambda: Shown(stack, "worker-publish")("database_errors_total", error="rerun") > reruns, "it tries again")
        held.close()
        assert new.wait(seconds=60)["status"] == "published"


def test_an_account_is_connected_again_while_a_post_is_given_up(stack, user, account, tiktok):  # noqa: F811
    """The poll has read that nobody will ever tell its end."""
    key = known(stack, account)
    with stack.configured("worker-publish", database_timeout_sec=30):
        tiktok.fault(STATUS, (500, "{}"), times=1000)
        sent = Sent(stack, user, account)
        sent.wait("processing")
        tokens, = stack.sql("SELECT access_token, refresh_token FROM accounts WHERE id = %s", key)
        with held_up(stack, sent) as waits:
            stack.sql("UPDATE accounts SET state = 'disconnected', access_token = NULL, refresh_token = NULL WHERE id = %s", key)
            waits()
            stack.sql("UPDATE accounts SET state = 'active', access_token = %s, refresh_token = %s WHERE id = %s",
                      *tokens.values(), key)
            with tiktok.lock:
                tiktok.faults.clear()
        assert sent.wait(seconds=60)["status"] == "published"
        assert "unconfirmed" not in sent.events()
