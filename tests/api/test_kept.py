"""A worker that must end while the database is away leaves what it knows to the next one, as files (lib/jobs/spool.h)."""

import contextlib
import os
import signal
import time
import uuid

import pytest
from conftest import User
from publishing import LEASE_SEC, Sent, failed, nobody_else_posts
from test_alarms import events
from test_engine import INIT, TOKEN, alarms, in_flight, known, second_worker
from test_mail import Relay, sending
from test_outage import forgot_password, mails_of
from test_stopping import tries_in_vain
from transport import Transport

PUBLISH = "worker-publish"
PASSED_SEC = 700  # longer than PASSING_US of lib/jobs/handover.c
STOP_SEC = 30  # longer than a worker has for its end (RUNNER_STOP_SEC, and a call)


@pytest.fixture
def tiktok(stack):
    """What a worker has for its end is the time of a call and 15 s."""
    nobody_else_posts(stack)
    with Transport(stack) as tiktok, tiktok.used_by(PUBLISH, database_timeout_sec=1, tiktok_timeout_sec=10):
        yield tiktok


def files(stack, worker="publish"):
    return sorted((stack.at.kept / worker).glob("*.kept"))


def job_of(stack, account):
    """The name that its turn's file has, without the fence."""
    row, = stack.sql("SELECT id FROM jobs_publish WHERE kind = 'turn' AND subject_id = %s", uuid.UUID(account).bytes)
    return str(uuid.UUID(bytes=row["id"]))


def files_of(stack, job):
    """Without those that a test before may have left."""
    return [path for path in files(stack) if path.name.startswith(job)]


def held(stack, user, account, tiktok):
    """A post that TikTok has taken, and holds the answer; and the name of its turn's files."""
    known(stack, account)
    return in_flight(stack, user, account, tiktok), job_of(stack, account)


def is_back(stack, worker, logged=0):
    """The worker has seen that the database is back. Before that the clock's jump tells it nothing, and it gives others more time."""
    stack.wait(lambda: events(stack.log(worker)[logged:], "database_back"), "it sees the database again")


@contextlib.contextmanager
def left(stack, worker, answer):
    """The worker has calls open. The database stands still, the answers come, and the worker ends meanwhile. It is away inside the with
    block, and so is the database. Gives what ends the latter, and what the worker has logged since."""
    logged = len(stack.log(worker))

    def time_passes():
        stack.wait(lambda: events(stack.log(worker)[logged:], "stopping"), "it stops")
        tries_in_vain(stack, worker)
        stack.lose_patience(STOP_SEC)

    with contextlib.ExitStack() as outage:
        outage.enter_context(stack.frozen("mariadb"))
        stack.wait(lambda: events(stack.log(worker)[logged:], "database_away"), "it notices")
        answer()
        with stack.stopped(worker, once_told=time_passes):
            told = stack.log(worker)[logged:]
            assert events(told, "stopped"), "within its time, and by itself"
            yield outage.close, told


def test_what_is_known_at_the_end_of_a_stop_goes_on(stack, user, tiktok):
    """Four posts: of one TikTok has accepted the init, and of another it has sent a fresh pair of tokens. What was left of the third is
    damaged, and that of the fourth is of a run that was taken over: it was not there when somebody asked."""
    accounts = [user.connect() for _ in range(4)]
    for account in accounts:
        known(stack, account)
    whole, refreshed, damaged, elsewhere = accounts
    tiktok.fault(INIT, "held", times=3)
    tiktok.fault(TOKEN, "held")
    stack.sql("UPDATE accounts SET access_expires_at_us = 1000000 WHERE id = %s", uuid.UUID(refreshed).bytes)
    logged = len(stack.log(PUBLISH))
    sent = {account: Sent(stack, user, account) for account in accounts}
    stack.wait(lambda: tiktok.held == 4, "all are under way, and their answers are there")
    assert tiktok.requests(TOKEN) == 1 and sum(s.at_simulator() for s in sent.values()) == 3
    jobs = {account: job_of(stack, account) for account in accounts}
    publish_id = stack.sql("SELECT publish_id FROM sandbox_publishes WHERE description = %s", sent[whole].description)[0]["publish_id"]
    with left(stack, PUBLISH, tiktok.release) as (_, told):
        assert not events(told, "result_lost")
        kept = {e["about"]: e for e in events(told, "job") if e["outcome"] == "result_kept"}
        assert set(kept) == {s.id for s in sent.values()} and kept[sent[whole].id]["note"] == f"publish_id {publish_id}"
        there = {path.name.split(".")[0]: path for path in files(stack)}
        assert set(there) == set(jobs.values())
        for path in there.values():
            assert path.stat().st_mode & 0o777 == 0o600
            assert publish_id.encode() not in path.read_bytes() and b"refresh" not in path.read_bytes(), "sealed"
        os.truncate(there[jobs[damaged]], 40)
        stray = there[jobs[elsewhere]].rename(there[jobs[elsewhere]].with_name(f"{jobs[elsewhere]}.{uuid.uuid4()}.kept"))
    is_back(stack, PUBLISH, logged)
    stack.move_clock(LEASE_SEC + 10)
    for account in (whole, refreshed):
        assert sent[account].wait()["status"] == "published"
        assert sent[account].states_of_attempts() == ["accepted"] and sent[account].events().count("accepted") == 1
    assert stack.sql("SELECT publish_id FROM posts WHERE id = %s", sent[whole].key)[0]["publish_id"] == publish_id
    for account in (damaged, elsewhere):
        failed(sent[account].wait(), "outcome_unknown")
    assert all(s.at_simulator() == 1 for s in sent.values())
    stack.wait(lambda: files(stack) == [stray], "what was written is not kept")
    told = stack.log(PUBLISH)[logged:]
    assert {e["job"] for e in events(told, "kept_result_taken_up")} == {jobs[whole], jobs[refreshed]}, "the pair that came then is used"
    assert [(e["job"], e["why"]) for e in events(told, "kept_result_dropped")] == [(jobs[damaged], "damaged")]
    lost, = events(told, "result_lost")
    assert lost["job"] == jobs[damaged] and alarms(stack, "result_lost") == 1, "what cannot be read is lost, and somebody is woken"

    stack.move_clock(PASSED_SEC)
    old = stray.with_name(f"{uuid.uuid4()}.{uuid.uuid4()}.kept")
    old.write_bytes(b"")
    os.utime(old, (time.time() - 8 * 86400,) * 2)
    ahead = stray.with_name(f"{uuid.uuid4()}.{uuid.uuid4()}.kept")
    ahead.write_bytes(b"")
    os.utime(ahead, (time.time() + 400 * 86400,) * 2)
    logged = len(stack.log(PUBLISH))
    stack.restart(PUBLISH)
    stack.wait(lambda: files(stack) == [], "what nobody asks for goes")
    dropped = {e["job"]: (e["why"], e.get("note")) for e in events(stack.log(PUBLISH)[logged:], "kept_result_dropped")}
    assert dropped[jobs[elsewhere]][0] == "written, or taken over" and dropped[jobs[elsewhere]][1].startswith("publish_id ")
    assert dropped[old.name.split(".")[0]][0] == "nobody has asked for it"
    assert dropped[ahead.name.split(".")[0]][0] == "written, or taken over", "the clock was set back since"


def test_who_takes_it_up_dies_of_something(stack, user, account, tiktok):
    """Before its commit: the next one takes it up. (After it, and at all other steps: tests/sweep.)"""
    sent, job = held(stack, user, account, tiktok)
    logged = len(stack.log(PUBLISH))
    with left(stack, PUBLISH, tiktok.release):
        armed = stack.arm("publish.called")
    is_back(stack, PUBLISH, logged)
    pid, starts = stack.pid(PUBLISH), stack.starts(PUBLISH)
    stack.move_clock(LEASE_SEC + 10)
    stack.wait(lambda: not armed.exists(), "it has died")
    stack.wait_for_start(PUBLISH, pid, starts)
    assert len(files_of(stack, job)) == 1
    stack.move_clock(LEASE_SEC + 10)
    assert sent.wait()["status"] == "published"
    assert sent.states_of_attempts() == ["accepted"] and sent.events().count("accepted") == 1
    assert sent.at_simulator() == 1
    stack.move_clock(PASSED_SEC)
    stack.restart(PUBLISH)
    stack.wait(lambda: files_of(stack, job) == [], "nothing is left")


def test_what_somebody_else_has_called_unknown_meanwhile(stack, user, account, tiktok):
    """What is known is not thrown away: TikTok is asked, and the post ends as it is there."""
    sent, job = held(stack, user, account, tiktok)
    with left(stack, PUBLISH, tiktok.release) as (comes_back, _):
        comes_back()
        stack.sql("UPDATE post_attempts SET state = 'outcome_unknown', ended_at_us = 1 WHERE post_id = %s", sent.key)
        stack.sql("UPDATE posts SET state = 'failed', failure_code = 'outcome_unknown', ended_at_us = 1 WHERE id = %s", sent.key)
    stack.move_clock(LEASE_SEC + 10)
    stack.wait(lambda: sent.get()["status"] == "published", "it is published")
    assert sent.states_of_attempts() == ["outcome_unknown"] and sent.at_simulator() == 1
    assert [e for e in sent.events() if e.startswith("late_")] == ["late_accepted", "late_published"]
    stack.wait(lambda: files_of(stack, job) == [], "it is written")


def test_another_worker_on_the_machine_takes_it_up(stack, user, account, tiktok):
    sent, job = held(stack, user, account, tiktok)
    with second_worker(stack):
        def answer():
            stack.wait(lambda: '"event":"database_away"' in stack.log("second"), "the other one, too")
            tiktok.release()
        with left(stack, PUBLISH, answer) as (comes_back, _):
            assert len(files_of(stack, job)) == 1
            comes_back()
            is_back(stack, "second")
            stack.move_clock(LEASE_SEC + 10)
            assert sent.wait()["status"] == "published"
            assert sent.states_of_attempts() == ["accepted"] and sent.at_simulator() == 1
            stack.wait(lambda: files_of(stack, job) == [], "it is written")
            assert events(stack.log("second"), "kept_result_taken_up")


@pytest.mark.parametrize("is_there", [True, False])
def test_a_mail_that_the_relay_has_taken(stack, is_there):
    """It is sent once. Where the folder is missing, or full, it is as if there were none: somebody is told, and the mail comes twice."""
    user = User(stack)
    settings = {} if is_there else {"worker_kept_dir": "/nonexistent"}
    with Relay() as relay, sending(stack, relay, database_timeout_sec=1, smtp_timeout_sec=5, **settings):
        relay.does[user.email] = ["wait"]
        assert forgot_password(stack, user).status_code == 202
        stack.wait(lambda: relay.to(user.email), "the relay has it, and has not answered yet")
        logged = len(stack.log("worker-mail"))
        with left(stack, "worker-mail", relay.go_on.set) as (_, told):
            assert len(files(stack, "mail")) == is_there
            assert (len(events(told, "not_kept")), len(events(told, "result_lost"))) == ((0, 0) if is_there else (1, 1))
        is_back(stack, "worker-mail", logged)
        stack.move_clock(2 * LEASE_SEC + 10)
        stack.wait(lambda: mails_of(stack, user) == [("sent", 1)], "it is sent")
        assert len(relay.to(user.email)) == (1 if is_there else 2)
        stack.wait(lambda: files(stack, "mail") == [], "it is written")


def test_a_folder_that_may_not_be_entered(stack):
    """What is in it would seem not to be there, and what a post's call had done would be lost: nobody works with it."""
    folder, worker = stack.at.kept / "media", "worker-media"
    before, logged = folder.stat(), len(stack.log(worker))
    os.chown(folder, os.geteuid(), os.getegid())
    folder.chmod(0)
    try:
        stack.kill(worker, signal.SIGTERM)
        stack.wait(lambda: events(stack.log(worker)[logged:], "cannot_start"), "the next one does not start")
        assert "worker.kept_dir" in events(stack.log(worker)[logged:], "cannot_start")[0]["why"]
        assert not events(stack.log(worker)[logged:], "started")
    finally:
        folder.chmod(before.st_mode & 0o777)
        os.chown(folder, before.st_uid, before.st_gid)
    stack.wait(lambda: events(stack.log(worker)[logged:], "started"), "it starts")
