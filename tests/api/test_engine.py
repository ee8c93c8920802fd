"""The workers' engine: no result is lost, no fault of the installation is blamed on a job, a stop begins nothing."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time
import uuid

import pytest
import render
import services
from conftest import with_setting
from helpers import expect
from publishing import LEASE_SEC, PAUSE_SEC, Sent, creator_of, failed, nobody_else_posts
from test_alarms import events
from test_metrics import Shown

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from transport import Transport  # noqa: E402

INIT, STATUS, CREATOR, TOKEN = ("/v2/post/publish/content/init/", "/v2/post/publish/status/fetch/",
                                "/v2/post/publish/creator_info/query/", "/v2/oauth/token/")
CLAIM_BATCH = 16

RATE_LIMITED = (429, json.dumps({"data": {}, "error": {"code": "rate_limit_exceeded", "message": "", "log_id": "L"}}))


@pytest.fixture
def tiktok(stack):
    """An answer that is held may be long in coming. Who posts is the test alone: a fault is for whoever asks first."""
    nobody_else_posts(stack)
    with Transport(stack) as tiktok, tiktok.used_by("worker-publish", database_timeout_sec=1, tiktok_timeout_sec=60):
        yield tiktok


def known(stack, account):
    """The account's key, once nothing is left to be done for it."""
    key = uuid.UUID(account).bytes
    stack.wait(lambda: creator_of(stack, account) and not stack.sql("SELECT 1 FROM jobs_publish WHERE subject_id = %s", key),
               "the account is known")
    return key


def jobs_of_turns(stack, account):
    return stack.sql("SELECT run_at_us, lease_token FROM jobs_publish WHERE kind = 'turn' AND subject_id = %s", uuid.UUID(account).bytes)


def in_flight(stack, user, account, tiktok):
    """A post that TikTok has taken, and whose answer is there and held, until release()."""
    tiktok.fault(INIT, "held")
    held, sent = tiktok.held, Sent(stack, user, account)
    stack.wait(lambda: tiktok.held > held, "the simulator needs the database no more")
    return sent


def alarms(stack, name):
    return Shown(stack, "worker-publish")("alarms_total", alarm=name)


def told(stack, since, name):
    """The events of that name; some may be of what other tests left behind."""
    return events(stack.log("worker-publish")[since:], name)


@contextlib.contextmanager
def second_worker(stack, name="worker-publish"):
    """Another worker of the class beside the stack's, as it is configured now."""
    conf, own = stack.at.run / "second.conf", stack.at.conf_of(name)
    conf.write_text(with_setting((own if own.exists() else stack.at.conf).read_text(), "metrics_dir", ""))
    service = next(s for s in services.PROGRAMS if s.name == name)
    with (stack.at.log / "second.log").open("ab") as out:
        process = subprocess.Popen([render.find_program(os.environ["MARKETINGCLI_BUILD"], service.program), *service.args],
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={
                                       **os.environ, "MARKETINGCLI_CONF": str(conf), "MARKETINGCLI_TEST_DIR": str(stack.at.test),
                                       "CREDENTIALS_DIRECTORY": str(stack.at.credentials / service.database)})
    try:
        stack.wait(lambda: '"event":"started"' in stack.log("second"), "it runs")
        yield process
    finally:
        process.terminate()
        assert process.wait(60) == 0
        (stack.at.log / "second.log").unlink()


@contextlib.contextmanager
def away(stack, tiktok, workers=1):
    """The database stands still, which all workers notice; TikTok answers, and meanwhile all leases end."""
    with stack.frozen("mariadb"):
        stack.wait(lambda: alarms(stack, "database_away") == 1, "the worker notices")
        stack.wait(lambda: workers == 1 or '"event":"database_away"' in stack.log("second"), "the other one, too")
        tiktok.release()
        stack.move_clock(LEASE_SEC + 10)
        tried = Shown(stack, "worker-publish")("database_errors_total", error="unavailable")
        stack.wait(lambda: Shown(stack, "worker-publish")("database_errors_total", error="unavailable") >= tried + 3,
                   "it has tried to write what it has, after the end of its leases")
        yield


# What is known is written


@pytest.mark.parametrize("workers", [1, 2])
def test_an_accepted_init_stays_accepted_in_an_outage_longer_than_its_lease(stack, user, account, tiktok, workers):
    with second_worker(stack) if workers == 2 else contextlib.nullcontext():
        sent = in_flight(stack, user, account, tiktok)
        with away(stack, tiktok, workers):
            pass
        assert sent.wait(seconds=60)["status"] == "published"
        assert sent.at_simulator() == 1 and sent.states_of_attempts() == ["accepted"]
        assert alarms(stack, "result_lost") == 0


def test_a_database_that_stands_still_gives_nothing_to_the_other_worker(stack, user, account, tiktok):
    """Nobody's statement fails, and all leases end meanwhile (test_leases.py has one worker alone)."""
    with stack.configured("worker-publish", database_timeout_sec=60), second_worker(stack):
        started = events(stack.log("worker-publish"), "started")[-1]
        stack.wait(lambda: Shown(stack, "worker-publish")("database_connections") >= started["threads"], "to connect would fail after 5 s")
        sent = in_flight(stack, user, account, tiktok)
        with stack.frozen("mariadb"):
            stack.move_clock(LEASE_SEC + 10)
            time.sleep(6)  # longer than STOOD_US
        tiktok.release()
        assert sent.wait(seconds=60)["status"] == "published"
        assert sent.at_simulator() == 1 and sent.states_of_attempts() == ["accepted"]
        assert alarms(stack, "database_away") == alarms(stack, "result_lost") == 0


def test_a_fresh_pair_of_tokens_is_kept_in_an_outage_longer_than_its_lease(stack, user, account, tiktok):
    key = known(stack, account)
    stack.sql("UPDATE accounts SET access_expires_at_us = 1000000 WHERE id = %s", key)
    tiktok.fault(TOKEN, "held")
    sent = Sent(stack, user, account)
    stack.wait(lambda: tiktok.held == tiktok.requests(TOKEN) == 1, "the refresh is under way: the old pair has ended")
    with away(stack, tiktok):
        pass
    assert sent.wait()["status"] == "published"
    assert tiktok.requests(TOKEN) == 1, "and the new pair is used"
    row, = stack.sql("SELECT state, access_expires_at_us FROM accounts WHERE id = %s", key)
    assert row["state"] == "active" and row["access_expires_at_us"] > 1000000


def test_a_result_that_the_database_refuses_is_kept(stack, user, account, tiktok):
    """Here for a right that is missing; a schema that does not fit looks the same. The job's lease ends meanwhile, too."""
    sent = in_flight(stack, user, account, tiktok)
    right = "INSERT ON marketingcli.post_events"
    stack.sql(f"REVOKE {right} FROM marketingcli_worker_publish@localhost")
    try:
        tiktok.release()
        kept = {"kind": "turn", "outcome": "not_recorded"}
        stack.wait(lambda: Shown(stack, "worker-publish")("jobs_total", **kept) >= 1, "it cannot be written")
        assert sent.get()["status"] == "publishing"
    finally:
        stack.sql(f"GRANT {right} TO marketingcli_worker_publish@localhost")
    assert sent.wait()["status"] == "published"
    assert sent.at_simulator() == 1 and sent.states_of_attempts() == ["accepted"]


def test_a_result_that_comes_after_somebody_else_took_over(stack, user, account, tiktok):
    """The fence refuses it, and somebody must know."""
    logged = len(stack.log("worker-publish"))
    sent = in_flight(stack, user, account, tiktok)
    stack.sql("UPDATE jobs_publish SET lease_token = REVERSE(lease_token) WHERE kind = 'turn' AND subject_id = %s", uuid.UUID(account).bytes)
    tiktok.release()
    stack.wait(lambda: Shown(stack, "worker-publish")("alarms_total", alarm="result_lost") == 1, "somebody is woken")
    told, = events(stack.log("worker-publish")[logged:], "result_lost")
    assert (told["level"], told["kind"], told["about"]) == ("error", "turn", sent.id)
    publish_id = stack.sql("SELECT publish_id FROM sandbox_publishes WHERE description = %s", sent.description)[0]["publish_id"]
    assert told["note"] == f"publish_id {publish_id}", "all that leads to the post at TikTok"
    stack.move_clock(LEASE_SEC + 10)
    failed(sent.wait(), "outcome_unknown")
    assert sent.at_simulator() == 1 and sent.states_of_attempts() == ["outcome_unknown"]


# What is not a job's fault


@contextlib.contextmanager
def another_key(stack):
    """The worker has lost the key with which all tokens are sealed."""
    file = stack.at.credentials / "worker_publish/token-keys"
    before = file.read_text()
    try:
        file.write_text(f"1 {'ab' * 32}\n")
        yield
    finally:
        file.write_text(before)


def test_a_missing_key_pauses_the_kind_and_fails_nothing(stack, user):
    accounts = [user.connect() for _ in range(4)]
    for account in accounts:
        known(stack, account)
    with another_key(stack):
        with stack.stopped("worker-publish"):
            sent, logged = [Sent(stack, user, account) for account in accounts], len(stack.log("worker-publish"))
        stack.wait(lambda: "turn" in [e["kind"] for e in told(stack, logged, "kind_paused")], "somebody is woken")
        stack.wait(lambda: Shown(stack, "worker-publish")("alarms_total", alarm="kind_paused") == len(told(stack, logged, "kind_paused")), "once each")
        for _ in range(6):  # a night
            before = Shown(stack, "worker-publish")("jobs_total", kind="turn", outcome="dropped")
            stack.move_clock(3600)
            stack.lose_patience(PAUSE_SEC)
            stack.wait(lambda: Shown(stack, "worker-publish")("jobs_total", kind="turn", outcome="dropped") > before, "it tries")
        assert {s.get()["status"] for s in sent} == {"queued"}
        assert {job["state"] for s in sent for job in s.jobs()} == {"ready"}
    logged = len(stack.log("worker-publish"))
    stack.restart("worker-publish")
    stack.move_clock(3600)
    assert [s.wait()["status"] for s in sent] == ["published"] * 4
    assert all(s.at_simulator() == 1 for s in sent)
    assert not events(stack.log("worker-publish")[logged:], "job_dead")


ALL_PAUSED = '"event":"kind_paused","kind":"all"'


def test_a_claim_that_is_refused_is_told_once(stack, user, account):
    """A right that is missing, as after a migration that was forgotten: nothing runs, and the worker does not look well."""
    stack.restart("worker-publish")
    stack.wait(lambda: alarms(stack, "kind_paused") == 0, "it runs")
    told = stack.log("worker-publish").count(ALL_PAUSED)  # a kind may be paused, too: what others left behind is not recorded
    right = "UPDATE, DELETE ON marketingcli.jobs_publish"
    stack.sql(f"REVOKE {right} FROM marketingcli_worker_publish@localhost")
    try:
        sent = Sent(stack, user, account)
        stack.wait(lambda: stack.log("worker-publish").count(ALL_PAUSED) == told + 1, "somebody is woken")
        before = Shown(stack, "worker-publish")("database_errors_total", error="failed")
        stack.wait(lambda: Shown(stack, "worker-publish")("database_errors_total", error="failed") > before + 2, "it tries on")
        assert stack.log("worker-publish").count(ALL_PAUSED) == told + 1 and alarms(stack, "database_away") == 0
        assert sent.get()["status"] == "queued"
    finally:
        stack.sql(f"GRANT {right} TO marketingcli_worker_publish@localhost")
    assert sent.wait()["status"] == "published"


def test_one_job_that_fails_holds_up_no_other(stack, user, account):
    """Somebody is told, it is tried again for ever, and nothing is buried."""
    broken = user.connect()
    known(stack, broken)
    stack.sql("UPDATE accounts SET access_token = refresh_token WHERE id = %s", uuid.UUID(broken).bytes)
    logged = len(stack.log("worker-publish"))
    stack.restart("worker-publish")
    sent = Sent(stack, user, broken)
    stack.wait(lambda: any(job["tries"] for job in sent.jobs()), "it is tried again")
    stack.sql("UPDATE jobs_publish SET failures = 9, run_at_us = 1000000 WHERE lease_token IS NULL AND subject_id = %s", uuid.UUID(broken).bytes)
    assert Sent(stack, user, account).wait()["status"] == "published"
    stack.wait(lambda: broken in [e["subject"] for e in told(stack, logged, "job_stuck")], "somebody is told")
    stack.wait(lambda: Shown(stack, "worker-publish")("alarms_total", alarm="job_stuck") == len(told(stack, logged, "job_stuck")), "once each")
    assert sent.get()["status"] == "queued"
    assert {job["state"] for job in sent.jobs()} == {"ready"}


def test_who_runs_beside_a_job_that_crashes_is_not_buried(stack, user, account, tiktok):
    tiktok.fault(STATUS, "slow", times=2, seconds=20)
    innocent = Sent(stack, user, account)
    stack.wait(lambda: tiktok.requests(STATUS) >= 1, "it is being polled")
    other = user.connect()
    crashing = None
    for _ in range(3):
        pid, starts, armed = stack.pid("worker-publish"), stack.starts("worker-publish"), stack.arm("publish.before_attempt_commit")
        crashing = crashing or Sent(stack, user, other)
        stack.wait(lambda: not armed.exists(), "it crashes", seconds=60)
        stack.wait_for_start("worker-publish", pid, starts)
        stack.move_clock(LEASE_SEC + 10)  # only now: a lease that ends while its worker lives would count as a crash
    failed(crashing.wait(seconds=60), "worker_crashed")
    assert innocent.wait(seconds=60)["status"] == "published"
    assert innocent.at_simulator() == 1 and innocent.states_of_attempts() == ["accepted"]


def test_the_post_that_killed_the_worker_fails(stack, user, account, tiktok):
    """And not the one that is at the head of the queue when the job is buried."""
    key = known(stack, account)
    with stack.stopped("worker-publish"):
        crashing, deferred = Sent(stack, user, account), Sent(stack, user, account)
        stack.sql("UPDATE posts SET state = 'deferred', next_attempt_at_us = created_at_us + 86400000000 WHERE id = %s", deferred.key)
        armed, starts = stack.arm("publish.before_attempt_commit"), stack.starts("worker-publish") + 1
    for left in (2, 1, 0):
        stack.wait(lambda: not armed.exists(), "it crashes", seconds=60)
        stack.wait(lambda: stack.starts("worker-publish") > starts, "the next worker runs")
        starts = stack.starts("worker-publish")
        if left:
            armed = stack.arm("publish.before_attempt_commit")
        else:
            stack.sql("UPDATE posts SET next_attempt_at_us = 1000000 WHERE id = %s", deferred.key)
        stack.sql("UPDATE jobs_publish SET run_at_us = 1000000 WHERE kind = 'turn' AND subject_id = %s", key)
        stack.move_clock(LEASE_SEC + 10)  # after a jump it gives others less time than after its start
    failed(crashing.wait(seconds=60), "worker_crashed")
    assert deferred.wait(seconds=60)["status"] == "published"


# Turns


def test_posts_of_an_account_keep_their_order(stack, user, account, tiktok):
    """Also when TikTok tells the first to come again later: those behind it wait."""
    tiktok.fault(INIT, RATE_LIMITED)
    with stack.stopped("worker-publish"):
        sent = [Sent(stack, user, account, text=f"number {i}") for i in range(6)]
    sent[0].wait_event("refused_retry")
    assert {s.get()["status"] for s in sent} == {"queued"} and not any(s.attempts() for s in sent[1:])
    stack.move_clock(70)
    assert [s.wait()["status"] for s in sent] == ["published"] * 6
    rows = stack.sql("SELECT description FROM sandbox_publishes WHERE description IN %s ORDER BY created_at_us", [s.description for s in sent])
    assert [row["description"] for row in rows] == [s.description for s in sent]


def copy_post(stack, sent, n):
    """n more of its account, whose ids come before all others."""
    post, = stack.sql("SELECT * FROM posts WHERE id = %s", sent.key)
    columns = ", ".join(c for c in post if c != "id")
    stack.sql(f"INSERT INTO posts (id, {columns}) SELECT UNHEX(CONCAT('0fff', LPAD(HEX(seq), 12, '0'), HEX(RANDOM_BYTES(8)))),"
              f" {columns} FROM posts JOIN seq_1_to_{n} WHERE id = %s", sent.key)


def test_a_long_queue_of_one_account_holds_up_nobody(stack, user, other, account):
    """Fifty thousand posts are due, and one of somebody else's: it goes out before the seventh of those."""
    mine = other.connect()
    key = known(stack, account)
    known(stack, mine)
    with stack.stopped("worker-publish"):
        first = Sent(stack, user, account)
        copy_post(stack, first, 50000)
        stack.sql("INSERT INTO post_images (post_id, position, upload_id) SELECT p.id, 0, i.upload_id FROM posts p"
                  " JOIN post_images i ON i.post_id = %s WHERE p.account_id = %s AND p.id <> %s", first.key, key, first.key)
        theirs = Sent(stack, other, mine)
    try:
        assert theirs.wait()["status"] == "published"
        sent = stack.sql("SELECT COUNT(*) AS n FROM posts WHERE account_id = %s AND state <> 'queued'", key)[0]["n"]
        assert sent <= 6, "what TikTok takes of an account in a minute"
        assert 0 < stack.sql("SELECT COUNT(*) AS n FROM jobs_publish WHERE user_id = %s", uuid.UUID(user.id).bytes)[0]["n"] <= 10
    finally:
        stack.sql("DELETE FROM jobs_publish WHERE kind = 'turn' AND subject_id = %s", key)
        waiting = "p.account_id = %s AND p.state = 'queued' AND p.id <> %s"
        stack.sql(f"DELETE i FROM post_images i JOIN posts p ON p.id = i.post_id WHERE {waiting}", key, first.key)
        stack.sql(f"DELETE p FROM posts p WHERE {waiting}", key, first.key)


def test_users_take_turns(stack, user, other):
    """Of two: one has posts to send to many accounts, and the other, later, to one."""
    many, mine = [user.connect() for _ in range(48)], other.connect()
    for account in (*many, mine):
        known(stack, account)
    with stack.configured("worker-publish", worker_threads=1):  # so that posts are begun in the order of the claims
        with stack.stopped("worker-publish"):
            before = [Sent(stack, user, account, direct=False) for account in many]
            theirs = Sent(stack, other, mine, direct=False)
        assert theirs.wait()["status"] == "in_inbox"
        assert all(s.wait()["status"] == "in_inbox" for s in before)
    began = [row["post_id"] for row in stack.sql("SELECT post_id FROM post_attempts WHERE post_id IN %s ORDER BY created_at_us",
                                                 [s.key for s in (*before, theirs)])]
    assert len(began) == 49 and began.index(theirs.key) < 2 * CLAIM_BATCH


def test_a_post_that_is_put_off_is_not_sent_before(stack, user, account):
    """Its account's turn was due earlier, and moves with it."""
    known(stack, account)
    with stack.stopped("worker-publish"):
        sent = Sent(stack, user, account)
        early, = jobs_of_turns(stack, account)
        later_us = early["run_at_us"] + 1800 * 1_000_000
        stack.sql("UPDATE posts SET next_attempt_at_us = %s WHERE id = %s", later_us, sent.key)
    stack.wait(lambda: jobs_of_turns(stack, account) == [{"run_at_us": later_us, "lease_token": None}], "it waits until then")
    assert sent.get()["status"] == "queued" and sent.attempts() == []
    stack.move_clock(1800)
    assert sent.wait()["status"] == "published"


def test_polls_of_an_account_come_back_once_and_in_time(stack, user, account, tiktok):
    """TikTok answers 30 a minute for an account: who must wait has a place of its own, and does not ask for it again."""
    known(stack, account)
    with stack.stopped("worker-publish"):
        sent, of_others = Sent(stack, user, account), tiktok.requests(STATUS)  # the last of the test before may have come here
        now_us = stack.sql("SELECT created_at_us FROM posts WHERE id = %s", sent.key)[0]["created_at_us"]
        stack.sql("UPDATE accounts SET poll_calls = %s WHERE id = %s", now_us.to_bytes(8, "big") * 30, uuid.UUID(account).bytes)
    stack.wait(lambda: sent.states_of_attempts() == ["accepted"], "it is sent")
    job = stack.wait(lambda: next(iter(stack.sql("SELECT run_at_us, slot_at_us, tries FROM jobs_publish WHERE kind = 'poll'"
                                                 " AND subject_id = %s AND slot_at_us IS NOT NULL", sent.key)), None), "it waits")
    assert job["run_at_us"] == job["slot_at_us"] == now_us + 60_000_000 and tiktok.requests(STATUS) == of_others
    stack.move_clock(61)
    assert sent.wait()["status"] == "published"


def test_a_job_of_the_release_before_becomes_a_turn(stack, user, account):
    """Its program was not restarted yet, or its worker was stopped with such jobs in the table."""
    with stack.stopped("worker-publish"):
        sent = Sent(stack, user, account)
        sent.lose_jobs()
        stack.sql("INSERT INTO jobs_publish (id, kind, subject_id, state, run_at_us, created_at_us)"
                  " VALUES (%s, 'publish', %s, 'ready', 1000000, 1000000)", uuid.uuid4().bytes, sent.key)
    assert sent.wait()["status"] == "published" and sent.at_simulator() == 1
    stack.wait(lambda: not [j for j in sent.jobs() if j["kind"] != "poll"], "nothing else is left of it")


def test_a_worker_of_the_release_before_is_not_robbed(stack, user, account):
    """It is sending the post: what became of that is for its job to say, as long as there is one."""
    with stack.stopped("worker-publish"):
        sent = Sent(stack, user, account)
        stack.sql("INSERT INTO jobs_publish (id, kind, subject_id, state, run_at_us, lease_token, created_at_us)"
                  " VALUES (%s, 'publish', %s, 'ready', (UNIX_TIMESTAMP() + 60) * 1000000, %s, 1000000)", uuid.uuid4().bytes,
                  sent.key, b"the old worker's")
        stack.sql("INSERT INTO post_attempts (id, post_id, number, fence, state, payload, created_at_us) VALUES"
                  " (%s, %s, 1, %s, 'committed', '{}', 1000000)", uuid.uuid4().bytes, sent.key, b"the old worker's")
        stack.sql("UPDATE posts SET state = 'publishing' WHERE id = %s", sent.key)
    stack.wait(lambda: any(j["kind"] == "turn" and j["tries"] for j in sent.jobs()), "the new one has looked")
    assert sent.get()["status"] == "publishing" and sent.states_of_attempts() == ["committed"]
    stack.move_clock(120)  # its lease is over: it has died
    failed(sent.wait(), "outcome_unknown")


# An account that must be connected again, or that is disconnected


def lose_tokens(stack, account):
    """TikTok no longer takes the account's tokens."""
    stack.sql("UPDATE accounts SET access_expires_at_us = 1000000, refresh_expires_at_us = 1000000 WHERE id = %s", uuid.UUID(account).bytes)


def is_held(sent):
    post = sent.get()
    return post["held_until"] and post["status"] == "queued" and post["failure"]["code"] == "account_needs_reconnect"


def test_posts_wait_until_their_account_is_connected_again(stack, user):
    creator = f"held.{uuid.uuid4().hex[:12]}"
    account = user.connect(creator)
    with stack.stopped("worker-publish"):
        lose_tokens(stack, account)
        sent = [Sent(stack, user, account) for _ in range(3)]
    stack.wait(lambda: all(is_held(s) for s in sent), "all of them say why they wait")
    assert sent[0].events()[-1] == "held"
    listed = {p["id"]: p for p in expect(user.api.get("/api/v1/posts"), 200)["data"]}
    assert all(listed[s.id]["held_until"] == s.get()["held_until"] for s in sent)
    stack.move_clock(3600)
    assert user.connect(creator) == account
    for s in sent:
        post = s.wait()
        assert post["status"] == "published" and post["held_until"] is None and s.at_simulator() == 1


def test_a_post_that_waited_in_vain_fails_when_the_time_of_its_images_is_over(stack, user, account):
    with stack.stopped("worker-publish"):
        lose_tokens(stack, account)
        sent = Sent(stack, user, account)
    stack.wait(lambda: is_held(sent), "it waits")
    stack.move_clock(6 * 86400 + 60)
    failed(sent.wait(), "account_needs_reconnect")


def test_a_disconnect_cancels_a_queue_of_any_length(stack, user, account):
    """In short transactions: the answer does not wait for the last one."""
    key = uuid.UUID(account).bytes
    with stack.stopped("worker-publish"):
        first = Sent(stack, user, account)
        copy_post(stack, first, 1000)
        expect(user.web.delete(f"/api/v1/accounts/{account}"), 200)
        left = stack.sql("SELECT COUNT(*) AS n FROM posts WHERE account_id = %s AND state = 'queued'", key)[0]["n"]
        assert left >= 900
    stack.wait(lambda: not stack.sql("SELECT 1 FROM posts WHERE account_id = %s AND state <> 'canceled' LIMIT 1", key), "all end")
    codes = stack.sql("SELECT DISTINCT failure_code FROM posts WHERE account_id = %s", key)
    assert [row["failure_code"] for row in codes] == ["account_disconnected"]


# The end of a worker


def test_no_init_is_begun_after_sigterm(stack, user, tiktok):
    accounts = [user.connect() for _ in range(3)]
    for account in accounts:
        known(stack, account)
    stack.move_clock(120)  # the snapshots are old: each post asks for a fresh one
    before = tiktok.requests(CREATOR)
    tiktok.fault(CREATOR, "held", times=6)
    sent = [Sent(stack, user, account) for account in accounts]
    stack.wait(lambda: tiktok.requests(CREATOR) >= before + 3, "each is asked about")
    with stack.stopped("worker-publish", once_told=tiktok.release):
        assert tiktok.requests(INIT) == 0
        assert {s.get()["status"] for s in sent} == {"queued"}
        assert not any(job["lease_token"] for s in sent for job in s.jobs()), "the next worker need not wait for a lease"
    assert [s.wait()["status"] for s in sent] == ["published"] * 3
    assert tiktok.requests(INIT) == 3


# Tokens


def test_a_pair_that_lives_for_less_than_two_minutes_is_used(stack, user, account, tiktok):
    """And not refreshed again and again."""
    stack.sql("UPDATE accounts SET access_expires_at_us = 1000000 WHERE id = %s", known(stack, account))
    short = {"access_token": "act.short", "expires_in": 60, "refresh_token": "rft.short", "refresh_expires_in": 15552000,
             "open_id": "x", "scope": "user.info.basic,video.publish,video.upload", "token_type": "Bearer"}
    tiktok.fault(TOKEN, (200, json.dumps(short)), times=50)
    sent = Sent(stack, user, account, direct=False)
    stack.wait(lambda: tiktok.requests(INIT) >= 1, "it is used")
    assert tiktok.requests(TOKEN) == 1
    stack.wait(lambda: stack.sql("SELECT state FROM accounts WHERE id = %s", uuid.UUID(account).bytes)[0]["state"]
               == "needs_reconnect", "the simulator does not know it")
    assert tiktok.requests(TOKEN) == 2 and sent.at_simulator() == 0
