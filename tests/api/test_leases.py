"""Leases: what a worker has begun stays its own while it lives, whatever clocks, databases and other workers do."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
import uuid

import pymysql
import pytest
from helpers import expect
from publishing import LEASE_SEC, Sent, failed
from test_alarms import events
from test_engine import CREATOR, INIT, TOKEN, alarms, in_flight, known, second_worker, tiktok  # noqa: F401 (a fixture)
from test_metrics import Shown

RIGHT = "INSERT ON marketingcli.post_events"
RENEW_SEC = 30  # RENEW_US of lib/jobs/leases.c


def now_us(stack):
    """The programs' wall clock."""
    clock = stack.at.test / "clock"
    return time.time_ns() // 1000 + (int(clock.read_text()) if clock.exists() else 0)


def turn_of(stack, account):
    """The account's job, while it runs."""
    row, = stack.sql("SELECT run_at_us, runs, lease_token FROM jobs_publish WHERE kind = 'turn' AND subject_id = %s"
                     " AND lease_token IS NOT NULL", uuid.UUID(account).bytes)
    return row


def is_right(stack, tiktok, sent):
    tiktok.release()
    assert sent.wait(seconds=60)["status"] == "published"
    assert sent.at_simulator() == 1 and sent.states_of_attempts() == ["accepted"]
    assert alarms(stack, "result_lost") == 0


@contextlib.contextmanager
def refused(stack, tiktok):
    """The database takes all but what the result of an init needs, and TikTok answers."""
    kept = {"kind": "turn", "outcome": "not_recorded"}
    stack.sql(f"REVOKE {RIGHT} FROM marketingcli_worker_publish@localhost")
    try:
        tiktok.release()
        stack.wait(lambda: Shown(stack, "worker-publish")("jobs_total", **kept) >= 1, "it cannot be written")
        yield
    finally:
        stack.sql(f"GRANT {RIGHT} TO marketingcli_worker_publish@localhost")


@pytest.mark.parametrize("workers", [1, 2])
def test_the_clock_is_set_on_while_an_init_is_in_flight(stack, user, account, tiktok, workers):  # noqa: F811
    """By more than a lease, as after a night in which the machine slept. Each worker takes over nothing, and counts nothing."""
    with second_worker(stack) if workers == 2 else contextlib.nullcontext():
        sent = in_flight(stack, user, account, tiktok)
        lease = turn_of(stack, account)
        for _ in range(2):
            stack.move_clock(LEASE_SEC + 10)
            stack.wait(lambda: turn_of(stack, account)["run_at_us"] > now_us(stack), "it is extended")
        assert (turn_of(stack, account)["runs"], turn_of(stack, account)["lease_token"]) == (1, lease["lease_token"])
        is_right(stack, tiktok, sent)


def statements_in_database(stack):
    """How many connections have sent MariaDB something that it has not read: it stands still."""
    out = subprocess.run(["ss", "-xH", "state", "connected"], capture_output=True, text=True).stdout
    mine = [line.split() for line in out.splitlines() if f" {stack.at.mariadb_sock.resolve()} " in line]
    return sum(int(recv_q) > 0 for _, _, recv_q, *_ in mine)


def test_a_database_that_stands_still_and_returns_no_error(stack, user, account, tiktok):  # noqa: F811
    with stack.configured("worker-publish", database_timeout_sec=30):
        sent = in_flight(stack, user, account, tiktok)
        with stack.frozen("mariadb"):
            stack.move_clock(LEASE_SEC + 10)
            tiktok.release()
            stack.wait(lambda: statements_in_database(stack) >= 2, "the result stands in the database, and a claim")
        is_right(stack, tiktok, sent)
        assert alarms(stack, "database_away") == 0


def test_a_result_that_is_refused_keeps_its_lease(stack, user, account, tiktok):  # noqa: F811
    """And what others need goes on: claims, renewals. One that must run alone waits: it could take the result with it."""
    other, beside = user.connect(), user.connect()
    for each in (other, beside):
        known(stack, each)
    sent = in_flight(stack, user, account, tiktok)
    with refused(stack, tiktok):
        lease = turn_of(stack, account)
        creators = "FROM jobs_publish WHERE kind = 'creator' AND subject_id = %s"
        for key, runs in ((uuid.UUID(other).bytes, 2), (uuid.UUID(beside).bytes, 0)):
            stack.sql("INSERT INTO jobs_publish (id, kind, subject_id, state, run_at_us, runs, created_at_us)"
                      " VALUES (%s, 'creator', %s, 'ready', 1000000, %s, 1000000)", uuid.uuid4().bytes, key, runs)
        stack.wait(lambda: not stack.sql(f"SELECT 1 {creators}", uuid.UUID(beside).bytes), "others go on")
        stack.lose_patience(RENEW_SEC)
        stack.wait(lambda: turn_of(stack, account)["run_at_us"] > lease["run_at_us"], "it is extended in time")
        stack.move_clock(LEASE_SEC + 10)
        stack.wait(lambda: turn_of(stack, account)["run_at_us"] > now_us(stack), "and when its time is over by the clock")
        assert sent.get()["status"] == "publishing"
        assert stack.sql(f"SELECT runs {creators}", uuid.UUID(other).bytes) == [{"runs": 2}]
    is_right(stack, tiktok, sent)
    stack.wait(lambda: not stack.sql(f"SELECT 1 {creators}", uuid.UUID(other).bytes), "then it runs")


def test_a_worker_that_starts_takes_over_nothing_at_once(stack, user, account, tiktok):  # noqa: F811
    """The database may have come back a moment ago, and another worker lives that has not seen it yet."""
    mine = user.connect()
    known(stack, mine)
    sent = in_flight(stack, user, account, tiktok)
    first = stack.kill("worker-publish", signal.SIGSTOP)
    try:
        stack.move_clock(LEASE_SEC + 10)
        with second_worker(stack):
            assert Sent(stack, user, mine).wait()["status"] == "published"
            assert turn_of(stack, account)["runs"] == 1
            tiktok.release()
            os.kill(first, signal.SIGCONT)
            is_right(stack, tiktok, sent)
    finally:
        os.kill(first, signal.SIGCONT)


def test_the_clock_is_set_on_while_tokens_are_refreshed(stack, user, account, tiktok):  # noqa: F811
    """A refresh token works once: nobody else uses it meanwhile."""
    key = known(stack, account)
    stack.sql("UPDATE accounts SET access_expires_at_us = 1000000 WHERE id = %s", key)
    tiktok.fault(TOKEN, "held")
    sent = Sent(stack, user, account)
    stack.wait(lambda: tiktok.requests(TOKEN) == 1, "the refresh is under way")
    stack.move_clock(LEASE_SEC + 10)
    stack.sql("INSERT INTO jobs_publish (id, kind, subject_id, state, run_at_us, created_at_us)"
              " VALUES (%s, 'refresh', %s, 'ready', 1000000, 1000000)", uuid.uuid4().bytes, key)
    stack.wait(lambda: stack.sql("SELECT 1 FROM accounts WHERE id = %s AND lease_until_us > %s", key, now_us(stack)),
               "it is extended, too")
    tiktok.release()
    assert sent.wait()["status"] == "published"
    stack.wait(lambda: not stack.sql("SELECT 1 FROM jobs_publish WHERE kind = 'refresh' AND subject_id = %s", key),
               "the other one has had its turn")
    used = [body for path, body in tiktok.seen if path.startswith(TOKEN)]
    assert len(used) == len(set(used)) == 2, "each with a pair of its own"


@contextlib.contextmanager
def job_locked(stack, account):
    """Somebody holds the row of the account's job."""
    row, = stack.sql("SELECT id FROM jobs_publish WHERE kind = 'turn' AND subject_id = %s", uuid.UUID(account).bytes)
    root = pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="root", database="marketingcli", autocommit=False)
    with root, root.cursor() as cursor:
        cursor.execute("SELECT id FROM jobs_publish WHERE id = %s FOR UPDATE", row["id"])
        yield


def test_one_row_that_somebody_holds_stops_no_other(stack, user, account, tiktok):  # noqa: F811
    """Neither while its lease is extended nor when its result is written; and nobody hears of an outage."""
    first, second = user.connect(), user.connect()
    for other in (first, second):
        known(stack, other)
    with stack.configured("worker-publish", database_timeout_sec=3):
        sent = in_flight(stack, user, account, tiktok)
        with job_locked(stack, account):
            stack.move_clock(LEASE_SEC + 10)  # all leases are to be extended
            assert Sent(stack, user, first).wait(seconds=60)["status"] == "published"
            tiktok.release()
            reruns = Shown(stack, "worker-publish")("database_errors_total", error="rerun")
            stack.wait(lambda: Shown(stack, "worker-publish")("database_errors_total", error="rerun") > reruns + 2, "it is tried on")
            assert Sent(stack, user, second).wait(seconds=60)["status"] == "published"
            assert sent.get()["status"] == "publishing" and alarms(stack, "database_away") == 0
        is_right(stack, tiktok, sent)


def left_by_a_dead_worker(stack, key):
    """A job that does nothing, whose worker died long ago."""
    stack.sql("INSERT INTO jobs_publish (id, kind, subject_id, state, run_at_us, lease_token, runs, created_at_us) VALUES"
              " (%s, 'publish', %s, 'ready', 1000000, %s, 1, 1000000)", key, key, b"somebody's token")


def is_done(stack, key):
    return not stack.sql("SELECT 1 FROM jobs_publish WHERE id = %s", key)


def test_one_row_that_somebody_holds_keeps_none_from_being_taken_over(stack, user, account, tiktok):  # noqa: F811
    """Nor does the worker look as if it stood still."""
    key = uuid.uuid4().bytes
    with stack.configured("worker-publish", database_timeout_sec=3):
        sent = in_flight(stack, user, account, tiktok)
        logged = len(stack.log("worker-publish"))
        with job_locked(stack, account):
            stack.move_clock(LEASE_SEC + 10)  # all leases are to be extended
            left_by_a_dead_worker(stack, key)
            stack.wait(lambda: is_done(stack, key), "it is taken over")
        is_right(stack, tiktok, sent)
        assert not events(stack.log("worker-publish")[logged:], "stood_still")


def test_workers_that_die_within_their_grace_take_over_all_the_same(stack, user, account, tiktok):  # noqa: F811
    """Each lives for a moment. The database has answered them all the while, so nobody's lease ended in an outage."""
    dead = uuid.uuid4().bytes
    left_by_a_dead_worker(stack, dead)

    def lives_and_dies():
        key = uuid.uuid4().bytes
        stack.sql("INSERT INTO jobs_publish (id, kind, subject_id, state, run_at_us, created_at_us)"
                  " VALUES (%s, 'publish', %s, 'ready', 1000000, 1000000)", key, key)
        pid = stack.wait(lambda: stack.pid("worker-publish"), "it runs")
        stack.wait(lambda: is_done(stack, key), "it works")
        stack.kill("worker-publish")
        stack.nudge()
        stack.wait(lambda: stack.pid("worker-publish") not in (None, pid), "the next one runs")
        return is_done(stack, dead)

    lives_and_dies()
    stack.wait(lives_and_dies, "it is taken over", seconds=60)


def test_a_late_result_of_what_somebody_else_gave_up_is_not_lost(stack, user, account, tiktok):  # noqa: F811
    """It stays with the attempt, and TikTok is asked: nobody need look."""
    alarms_before, logged = alarms(stack, "result_lost"), len(stack.log("worker-publish"))
    sent = in_flight(stack, user, account, tiktok)
    stack.sql("UPDATE post_attempts SET state = 'outcome_unknown', ended_at_us = 1 WHERE post_id = %s", sent.key)
    stack.sql("UPDATE posts SET state = 'failed', failure_code = 'outcome_unknown', ended_at_us = 1 WHERE id = %s", sent.key)
    stack.sql("UPDATE jobs_publish SET lease_token = REVERSE(lease_token) WHERE kind = 'turn' AND subject_id = %s", uuid.UUID(account).bytes)
    tiktok.release()
    stack.wait(lambda: sent.get()["status"] == "published", "TikTok's word corrects it")
    assert sent.events()[-2:] == ["late_accepted", "late_published"]
    assert alarms(stack, "result_lost") == alarms_before
    assert "lease_lost" in [e["outcome"] for e in events(stack.log("worker-publish")[logged:], "job")]


# A result that the database refuses for good


def told_of(stack, subject):
    """What the log says of the one result that was lost."""
    assert alarms(stack, "result_lost") == 1
    return [e for e in events(stack.log("worker-publish"), "result_lost") if e["subject"] == subject]


def test_a_publish_id_that_another_post_has(stack, user, account, tiktok):  # noqa: F811
    """TikTok names one twice. Which post it is about nobody knows: the second one's owner is told to look."""
    publish_id = f"p_pub_url~v2.{uuid.uuid4().int % 10 ** 18}"
    tiktok.fault(INIT, (200, json.dumps({"data": {"publish_id": publish_id}, "error": {"code": "ok", "log_id": "L"}})), times=2)
    first = Sent(stack, user, account)
    first.wait("processing")
    second = Sent(stack, user, account)
    failed(second.wait(), "outcome_unknown")
    attempt, = stack.sql("SELECT state, publish_id FROM post_attempts WHERE post_id = %s", second.key)
    assert attempt == {"state": "outcome_unknown", "publish_id": publish_id}
    assert first.get()["status"] == "processing"
    assert told_of(stack, account)
    stack.sql("DELETE FROM jobs_publish WHERE subject_id = %s", first.key)


@contextlib.contextmanager
def refusing(stack, table, condition):
    """The database refuses an UPDATE of one row, and nothing else."""
    stack.sql(f"CREATE TRIGGER refusing BEFORE UPDATE ON {table} FOR EACH ROW IF {condition} THEN"
              " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF")
    try:
        yield
    finally:
        stack.sql("DROP TRIGGER refusing")


def refused_for_long(stack):
    kept = {"kind": "turn", "outcome": "not_recorded"}
    stack.wait(lambda: Shown(stack, "worker-publish")("jobs_total", **kept) >= 1, "it cannot be written")
    stack.move_clock(660)


def test_a_result_that_is_refused_for_good(stack, user, account, tiktok):  # noqa: F811
    """It is kept for long; then the post ends with the truth, and the account's next one is sent."""
    sent = in_flight(stack, user, account, tiktok)
    with refusing(stack, "posts", f"NEW.state = 'processing' AND NEW.id = 0x{sent.key.hex()}"):
        behind = Sent(stack, user, account)
        tiktok.release()
        refused_for_long(stack)
        failed(sent.wait(), "outcome_unknown")
        attempt, = stack.sql("SELECT state, publish_id FROM post_attempts WHERE post_id = %s", sent.key)
        assert attempt["state"] == "outcome_unknown" and attempt["publish_id"]
        assert told_of(stack, account)
        assert behind.wait()["status"] == "published"
    assert sent.at_simulator() == 1


def test_a_pair_of_tokens_that_is_refused_for_good(stack, user, account, tiktok):  # noqa: F811
    """The run ends, and its job is tried again: the account then shows what TikTok says."""
    key = known(stack, account)
    stack.sql("UPDATE accounts SET access_expires_at_us = 1000000 WHERE id = %s", key)
    with refusing(stack, "accounts", f"NEW.access_token <> OLD.access_token AND NEW.id = 0x{key.hex()}"):
        sent = Sent(stack, user, account)
        refused_for_long(stack)
        stack.wait(lambda: alarms(stack, "result_lost") == 1, "somebody is told")
        assert told_of(stack, account)
    stack.wait(lambda: sent.get()["held_until"], "the old pair is used up")


WAITS_FOR_A_ROW = re.compile(r"\nLOCK WAIT .*\n.* marketingcli_worker_publish\b")


def test_a_snapshot_that_comes_while_its_account_ends_is_not_kept(stack, user, account, tiktok):  # noqa: F811
    key = known(stack, account)
    stack.sql("DELETE FROM creator_snapshots WHERE account_id = %s", key)
    before = tiktok.requests(CREATOR)
    tiktok.fault(CREATOR, "held")
    expect(user.web.get(f"/api/v1/accounts/{account}"), 200)
    stack.wait(lambda: tiktok.requests(CREATOR) > before, "TikTok is asked")
    with pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="root", database="marketingcli") as ending:
        ending.cursor().execute("UPDATE accounts SET state = 'disconnected' WHERE id = %s", key)
        ending.cursor().execute("DELETE FROM creator_snapshots WHERE account_id = %s", key)
        tiktok.release()
        stack.wait(lambda: WAITS_FOR_A_ROW.search(stack.sql("SHOW ENGINE INNODB STATUS")[0]["Status"]), "the answer is to be written")
        ending.commit()
    stack.wait(lambda: not stack.sql("SELECT 1 FROM jobs_publish WHERE kind = 'creator' AND subject_id = %s", key), "it is done with")
    assert not stack.sql("SELECT 1 FROM creator_snapshots WHERE account_id = %s", key)
