"""Repeats with an Idempotency-Key that come at the same time, after the death of a program, or when the database was away: one thing
is made, and who asked is told the truth."""

import concurrent.futures
import contextlib
import os
import signal
import time
import uuid

import pymysql
import pytest
from helpers import expect
from images import jpeg
from test_idempotency import (LEASE_SEC, MAKERS, Key, Post, PostOfUploads, SandboxAccount, Upload, UploadForm, away_code, database, in_progress,  # noqa: F401
                              made, maker, new_key, posts, replayed, rows, sql, without_secret)
from waiting import patiently

AT_ONCE = 50
RERUNS = 8  # how often lib/db tries a transaction whose connection breaks


# --- at the same time


@contextlib.contextmanager
def locked(stack, text, *args):
    """The rows are locked inside the with block."""
    connection = pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="root", database="marketingcli")
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(text + " FOR UPDATE", args)
        yield
        connection.rollback()


@contextlib.contextmanager
def under_way(posts, key):
    """A request that has claimed its key and waits for an upload's row. Yields the future of its answer."""
    stack = posts.user.stack
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with locked(stack, "SELECT id FROM uploads WHERE id = %s", uuid.UUID(posts.upload).bytes):
            answer = pool.submit(posts.make, key)
            stack.wait(lambda: rows(posts.user), "the key is claimed")
            yield answer


def test_one_that_is_under_way(posts):
    key, began = new_key(), time.monotonic()
    with under_way(posts, key) as first:
        assert in_progress(posts.make(key)) <= 5 + time.monotonic() - began
        in_progress(posts.make(key, "two"))  # what the first says is not known before it is read
    data = made(first.result())
    assert replayed(posts.make(key), 202) == data
    assert posts.made() == 1


def test_many_at_once(maker):
    key, before = new_key(), maker.made()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: patiently(maker.user.stack, lambda: maker.make(key)), range(AT_ONCE)))
    fresh = [a for a in answers if a.status_code < 300 and "Idempotent-Replayed" not in a.headers]
    assert len(fresh) == 1 and maker.made() == before + 1
    data = made(fresh[0])
    for answer in answers:
        if answer.status_code == 409:
            in_progress(answer)
        elif answer is not fresh[0]:
            assert replayed(answer, fresh[0].status_code) == without_secret(data)
    assert replayed(maker.make(key), fresh[0].status_code) == without_secret(data)


def test_different_keys_at_once(posts):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda n: posts.make(f"key-{n % 10}"), range(AT_ONCE)))
    fresh = [a for a in answers if a.status_code == 202 and "Idempotent-Replayed" not in a.headers]
    assert len(fresh) == posts.made() == 10


# --- when the program dies, or the database goes away


def test_a_key_is_taken_over(maker, stack):
    """The program dies while it works on it."""
    key, before, began = new_key(), maker.made(), time.monotonic()
    armed = stack.arm("idempotent.claimed")
    error = expect(maker.make(key), 502, "outcome_unknown")["error"]
    assert error["retryable"] is True and not armed.exists()
    stack.wait(lambda: maker.make(key).status_code == 409, "the program is back")
    for passes, least in ((15, 15), (15, 25), (15, 10), (LEASE_SEC - 45, 0)):  # who comes after as long as that is there in time
        stack.move_clock(passes)
        answer = maker.make(key)
        if least:
            assert least - (time.monotonic() - began) <= in_progress(answer) <= LEASE_SEC / 2 + 1
    made(answer)
    assert maker.made() == before + 1


def test_whoever_is_too_slow_changes_nothing(posts):
    """Its lease is over and another has its key: the one who comes late is told so, and leaves nothing."""
    key, stack = new_key(), posts.user.stack
    with under_way(posts, key) as first:
        sql(posts.user, "UPDATE idempotency_keys SET claim = %s WHERE user_id = {user}", uuid.uuid4().bytes)
    in_progress(first.result())
    assert posts.made() == 0 and len(rows(posts.user)) == 1
    stack.move_clock(LEASE_SEC + 1)
    made(posts.make(key))


def test_a_long_request_keeps_its_key(user, stack):
    post, key = Post(user), new_key()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(post.make, key, images=[jpeg(1200, 900)] * 30)
        (row,) = stack.wait(lambda: rows(user), "the key is claimed")
        pid = stack.kill("posts", signal.SIGSTOP)
        assert rows(user)[0]["status"] is None
        stack.move_clock(LEASE_SEC / 2)
        os.kill(pid, signal.SIGCONT)
        made(answer.result())
    (end,) = rows(user)
    assert end["claim"] == row["claim"] and end["lease_until_us"] >= row["lease_until_us"] + LEASE_SEC / 2 * 1_000_000


COMMIT_OF = {Post: ("posts", "INSERT INTO posts"), PostOfUploads: ("posts", "INSERT INTO posts"), Key: ("keys", "INSERT INTO api_keys"),
             SandboxAccount: ("tiktok", "INSERT INTO accounts"),
             Upload: ("uploads", "UPDATE uploads SET state = 'ready'"), UploadForm: ("uploads", "UPDATE uploads SET state = 'ready'")}


def test_a_commit_whose_answer_was_lost(maker, database):
    """The database is back at once, and tells: who asked gets the answer as if nothing had been, also the key."""
    key, before = new_key(), maker.made()
    program, after = COMMIT_OF[type(maker)]
    with database.used_by(program):
        database.fault("COMMIT", "unanswered", after=after)
        first = maker.make(key)
        data = made(first)
        assert database.met and data.get("key", "mk_live_").startswith("mk_live_")
        assert replayed(maker.make(key), first.status_code) == without_secret(data)
    assert maker.made() == before + 1


def test_a_commit_that_was_lost(maker, database):
    key, before = new_key(), maker.made()
    program, after = COMMIT_OF[type(maker)]
    with database.used_by(program):
        database.fault("COMMIT", "lost", after=after)
        expect(maker.make(key), 503, away_code(maker))
        assert database.met and maker.made() == before
        made(maker.make(key))
    assert maker.made() == before + 1


@pytest.mark.parametrize("fault", ["lost", "unanswered"])
def test_a_repeat_tells_what_became_of_it(maker, database, fault):
    key, before = new_key(), maker.made()
    program, after = COMMIT_OF[type(maker)]
    with database.used_by(program):
        database.fault("COMMIT", fault, after=after)
        for _ in range(RERUNS):
            database.fault("DELETE FROM idempotency_keys", "lost")
        answer = maker.make(key)
        error = expect(answer, 500, "outcome_unknown")["error"]
        assert error["retryable"] is True and error["may_exist_id"] and len(database.met) == 1 + RERUNS
        if fault == "unanswered":
            again = maker.make(key)
            assert replayed(again, again.status_code)["id"] == error["may_exist_id"]
        else:
            in_progress(maker.make(key))
            maker.user.stack.move_clock(LEASE_SEC + 1)
            assert made(maker.make(key))["id"] != error["may_exist_id"]
    assert maker.made() == before + 1


def test_a_claim_whose_commit_is_unknown(posts, database):
    """Nothing of the request has happened, and the next one may begin at once."""
    for fault in ("lost", "unanswered"):
        with database.used_by("posts"):
            database.fault("COMMIT", fault, after="INSERT INTO idempotency_keys")
            expect(posts.make(key := new_key()), 503, "database_unavailable")
            assert database.met and rows(posts.user) == []
            made(posts.make(key))
        sql(posts.user, "DELETE FROM idempotency_keys WHERE user_id = {user}")
    assert posts.made() == 2


def test_what_was_lost_before_the_commit_runs_again(posts, database):
    with database.used_by("posts"):
        database.fault("UPDATE idempotency_keys SET request", "unanswered")
        data = made(posts.make(key := new_key()))
        assert database.met and replayed(posts.make(key), 202) == data
    assert posts.made() == 1
