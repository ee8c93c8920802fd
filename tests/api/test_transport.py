"""TikTok fails in transport (tests/fakes/tiktok.py): what may have left is never sent again, what did not leave is."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import uuid

import pytest
from helpers import all_stopped
from publishing import LEASE_SEC, Sent, failed

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from tiktok import FakeTiktok  # noqa: E402


class Worker:
    """Our own worker@publish, which believes that the fake is TikTok; the stack's is away meanwhile. patience_sec: with TikTok."""

    def __init__(self, stack, tiktok, folder, patience_sec):
        from render import find_program
        self.conf = folder / "conf"
        lines = [line for line in stack.at.conf.read_text().splitlines()
                 if not line.replace(" ", "").startswith(("api_url=", "ca_file=", "timeout_sec="))]
        at = lines.index("[tiktok]") + 1
        lines[at:at] = [f"api_url = {tiktok.url}", f"ca_file = {stack.ca}", f"timeout_sec = {patience_sec}"]
        lines.insert(lines.index("[database]") + 1, "timeout_sec = 2")
        self.conf.write_text("\n".join(lines) + "\n")
        self.log = (folder / "log").open("ab")
        self.program = find_program(os.environ["MARKETINGCLI_BUILD"], "marketingcli-worker")
        self.environment = {**os.environ, "MARKETINGCLI_CONF": str(self.conf),
                            "CREDENTIALS_DIRECTORY": str(stack.at.credentials / "worker_publish"),
                            "MARKETINGCLI_TEST_DIR": str(stack.at.test)}
        self.start()

    def start(self):
        self.process = subprocess.Popen([self.program, "publish"], stderr=self.log, env=self.environment)

    def stop(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        assert self.process.wait(60) == 0


def inits(tiktok, sent):
    """How often the fake has received the post: whatever else the worker finds to do is not counted."""
    return sum(sent.description.encode() in body for body in tiktok.received["init"])


def polls(tiktok, sent):
    """How often the fake was asked about the post; the worker also polls those that other tests have left."""
    publish_id = sent.stack.sql("SELECT publish_id FROM posts WHERE id = %s", sent.key)[0]["publish_id"]
    return sum(json.loads(body)["publish_id"] == publish_id for body in tiktok.received["status"])


def state_of(stack, account):
    return stack.sql("SELECT state FROM accounts WHERE id = %s", uuid.UUID(account).bytes)[0]["state"]


@pytest.fixture
def tiktok(stack):
    with FakeTiktok(stack.at.tls / "leaf.crt", stack.at.tls / "leaf.key") as fake:
        yield fake


@pytest.fixture
def connected(stack, user):
    """Connected to the simulator; its snapshot is old, so that nothing of it is used."""
    account = user.connect()
    stack.wait(lambda: stack.sql("SELECT 1 FROM creator_snapshots WHERE account_id = %s", uuid.UUID(account).bytes),
               "the snapshot is there")
    return account


@pytest.fixture
def worker(stack, tiktok, connected, tmp_path, request):
    hangs = "callspec" in dir(request.node) and "hang" in request.node.callspec.params.values()
    with stack.stopped("worker-publish"):
        made = Worker(stack, tiktok, tmp_path, 2 if hangs else 30)
        with contextlib.ExitStack() as end:
            end.callback(made.stop)
            yield made


@pytest.mark.parametrize("behaviour", ["drop", "reset", "hang", "garbage", "empty", "cut", "code:internal_error:500",
                                       "unlogged:no_such_code:400", "code:no_such_code:409", "code:invalid_param:200",
                                       "code:rate_limit_exceeded:408", "code:photo_pull_failed:400",
                                       "code:temporarily_unavailable:400", "taken:access_token_expired:200",
                                       "taken:10002:401", "taken:no_such_code:429"])
def test_what_may_have_left_is_unknown(stack, user, connected, tiktok, worker, behaviour):
    tiktok.behave("init", behaviour)
    sent = Sent(stack, user, connected)
    failed(sent.wait(), "outcome_unknown")
    stack.move_clock(LEASE_SEC + 10)
    assert inits(tiktok, sent) == 1 and sent.states_of_attempts() == ["outcome_unknown"] and sent.jobs() == []


@pytest.mark.parametrize("code, failure", [("no_such_code:400", "tiktok_refused"), ("no_such_code:403", "tiktok_refused"),
                                           ("invalid_file_upload:400", "invalid_file_upload")])
def test_a_refusal_that_no_page_lists(stack, user, connected, tiktok, worker, code, failure):
    """TikTok itself says no, in its envelope with its log_id: nothing was posted."""
    tiktok.behave("init", "code:" + code)
    sent = Sent(stack, user, connected)
    platform = failed(sent.wait(), failure)["platform_error"]
    assert platform == {"code": code.partition(":")[0], "log_id": "fake-log"}
    assert inits(tiktok, sent) == 1 and sent.states_of_attempts() == ["refused"] and sent.jobs() == []


@pytest.mark.parametrize("code", ["access_token_expired:401", "10001:401", "10002:401", "10002:200", "no_such_code:401"])
def test_a_dead_token_by_another_name_is_refreshed(stack, user, connected, tiktok, worker, code):
    tiktok.behave("init", "code:" + code, "ok")
    sent = Sent(stack, user, connected)
    assert sent.wait()["status"] == "published"
    assert inits(tiktok, sent) == 2 and sent.states_of_attempts() == ["refused", "accepted"]
    assert sent.attempts()[0]["platform_code"] == code.partition(":")[0] and tiktok.received["token"]


def test_a_token_that_stays_dead_ends_in_a_reconnection(stack, user, connected, tiktok, worker):
    """The post waits for it, unsent."""
    tiktok.behave("init", "code:access_token_expired:401")
    sent = Sent(stack, user, connected)
    sent.wait_event("refused_retry", times=2)
    assert sent.get()["status"] == "queued" and state_of(stack, connected) == "needs_reconnect"
    assert inits(tiktok, sent) == 2 and sent.states_of_attempts() == ["refused", "refused"]


@pytest.mark.parametrize("code", ["10001:401", "10002:401", "10002:200"])
def test_a_number_that_a_refresh_does_not_mend_is_a_refusal(stack, user, connected, tiktok, worker, code):
    """It may mean a dead token or wrong parameters. With a fresh token it cannot be the token: the account stays."""
    tiktok.behave("init", "code:" + code)
    sent = Sent(stack, user, connected)
    platform = failed(sent.wait(), "tiktok_refused")["platform_error"]
    assert platform == {"code": code.partition(":")[0], "log_id": "fake-log"}
    assert inits(tiktok, sent) == 2 and sent.states_of_attempts() == ["refused", "refused"] and sent.jobs() == []
    assert len(tiktok.received["token"]) == 1
    assert state_of(stack, connected) == "active"


def test_a_limit_by_another_name_is_waited_for(stack, user, connected, tiktok, worker):
    tiktok.behave("init", "code:no_such_code:429", "ok")
    sent = Sent(stack, user, connected)
    sent.wait_event("refused_retry")
    stack.move_clock(60 + 900)
    assert sent.wait()["status"] == "published" and inits(tiktok, sent) == 2


@pytest.mark.parametrize("code", ["access_token_expired:401", "10002:200"])
def test_polls_go_on_after_a_dead_token_by_another_name(stack, user, connected, tiktok, worker, code):
    tiktok.behave("status", "code:" + code, "ok")
    sent = Sent(stack, user, connected)
    assert sent.wait()["status"] == "published" and len(tiktok.received["token"]) == 1


@pytest.mark.parametrize("call", ["creator", "status"])
def test_a_number_that_a_refresh_does_not_mend_leaves_the_account(stack, user, connected, tiktok, worker, call):
    """Of calls that post nothing, too: they are made again later, and nobody is told to connect again."""
    stack.sql("DELETE FROM creator_snapshots WHERE account_id = %s", uuid.UUID(connected).bytes)
    tiktok.behave(call, "code:10002:200")
    sent = Sent(stack, user, connected)
    sent.wait_event("not_reached" if call == "creator" else "poll")
    assert tiktok.received["token"]
    tiktok.behave(call, "ok")
    stack.move_clock(90)
    assert sent.wait()["status"] == "published" and inits(tiktok, sent) == 1
    assert state_of(stack, connected) == "active"


def test_published_by_another_name(stack, user, connected, tiktok, worker):
    tiktok.statuses = ["PUBLISH_SUCCESS"]
    assert Sent(stack, user, connected).wait()["status"] == "published"


def test_a_post_that_expired_at_tiktok(stack, user, connected, tiktok, worker):
    tiktok.statuses = ["PROCESSING_DOWNLOAD", "EXPIRED"]
    sent = Sent(stack, user, connected)
    failure = failed(sent.wait(), "tiktok_expired")
    assert failure["platform_error"]["code"] == "EXPIRED" and "profile" in failure["message"]
    assert failure["retryable"] is False and sent.states_of_attempts() == ["accepted"] and sent.jobs() == []


def test_what_did_not_leave_is_sent_later(stack, user, connected, tiktok, worker):
    tiktok.behave("connection", "refuse")
    sent = Sent(stack, user, connected)
    stack.wait(lambda: {"not_sent", "not_reached"} & set(sent.events()), "it is noted")
    assert sent.get()["status"] == "queued"
    tiktok.behave("connection", "ok")
    stack.move_clock(30)
    assert sent.wait()["status"] == "published"
    assert inits(tiktok, sent) == 1 and sent.states_of_attempts()[-1] == "accepted"
    assert set(sent.states_of_attempts()[:-1]) <= {"not_sent"}


def test_database_away_while_tiktok_answers(stack, user, connected, tiktok, worker):
    """The answer waits for the database: no unknown outcome."""
    tiktok.behave("init", "held")
    sent = Sent(stack, user, connected)
    sent.wait("publishing")
    stack.wait(lambda: inits(tiktok, sent), "the init is on its way")
    tiktok.release()
    with stack.frozen("mariadb"):
        with pytest.raises(subprocess.TimeoutExpired):  # longer than a statement and the call may take
            worker.process.wait(6)
    assert sent.wait()["status"] == "published"
    assert inits(tiktok, sent) == 1 and sent.states_of_attempts() == ["accepted"]


def test_frozen_worker(stack, user, connected, tiktok, worker, tmp_path):
    """Frozen beyond its lease with the call made: another says unknown, and the thawed one changes nothing."""
    tiktok.behave("init", "held")
    sent = Sent(stack, user, connected)
    stack.wait(lambda: inits(tiktok, sent), "the init is on its way")
    worker.process.send_signal(signal.SIGSTOP)
    stack.wait(lambda: all_stopped(worker.process.pid), "it stands still")
    tiktok.release()
    frozen = worker.process
    worker.start()
    try:
        stack.wait(lambda: (tmp_path / "log").read_text().count('"event":"started"') == 2, "another one sees the clock's jump")
        stack.move_clock(LEASE_SEC + 10)
        failed(sent.wait(), "outcome_unknown")
    finally:
        frozen.send_signal(signal.SIGCONT)
        frozen.terminate()
        assert frozen.wait(60) == 0
    assert sent.get()["status"] == "failed" and sent.states_of_attempts() == ["outcome_unknown"]
    assert inits(tiktok, sent) == 1


def test_creator_info_that_is_rate_limited(stack, user, connected, tiktok, worker):
    """TikTok may say so for ever: each time is told and counted, and the post goes on when it is over."""
    stack.sql("DELETE FROM creator_snapshots WHERE account_id = %s", uuid.UUID(connected).bytes)
    tiktok.behave("creator", "code:rate_limit_exceeded:429")
    sent = Sent(stack, user, connected)
    sent.wait_event("not_reached")
    event = next(e for e in sent.get()["events"] if e["event"] == "not_reached")
    assert event["code"] == "tiktok_rate_limited" and event["platform_code"] == "rate_limit_exceeded"
    assert sent.get()["status"] == "queued" and sent.attempts() == []
    tiktok.behave("creator", "ok")
    stack.move_clock(90)
    assert sent.wait()["status"] == "published"
    assert inits(tiktok, sent) == 1


def test_errors_while_polling(stack, user, connected, tiktok, worker):
    tiktok.behave("status", "http:500", "drop", "code:invalid_publish_id:400", "garbage", "code:rate_limit_exceeded:429",
                  "ok")
    sent = Sent(stack, user, connected)
    before = 0
    for _ in range(12):
        stack.wait(lambda: polls(tiktok, sent) > before or sent.get()["status"] == "published", "it is asked")
        if sent.get()["status"] == "published":
            break
        before = polls(tiktok, sent)
        stack.move_clock(90)
    assert sent.wait()["status"] == "published"
    assert inits(tiktok, sent) == 1


def test_a_refresh_that_fails_in_transport_is_tried_again(stack, user, connected, tiktok, worker):
    tiktok.behave("token", "http:500", "ok")
    stack.move_clock(7200)
    sent = Sent(stack, user, connected)
    stack.wait(lambda: tiktok.received["token"], "a refresh is asked for")
    stack.move_clock(30)
    assert sent.wait()["status"] == "published"
    assert len(tiktok.received["token"]) >= 2
