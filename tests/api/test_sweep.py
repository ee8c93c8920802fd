"""The sweep (tests/sweep) says so when it has not met what it is there for."""

import contextlib
import dataclasses
import json
import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "sweep"))

import flows  # noqa: E402
import lost as lost_  # noqa: E402
import reached  # noqa: E402
from lost import at_risk  # noqa: E402
from plan import KINDS, Step  # noqa: E402
from reached import (NOT_SENT, ONE_OF_TWO_DIED, OUTAGE, STOPPING, TAKEN_OVER, TAKEN_UP, TOLD_UNKNOWN,  # noqa: E402
                     Outcome, Run, false_alarms, missed)
from repeated import KEYED  # noqa: E402


def outcome(kind, step, *seen, workers=1, flow="publish"):
    return Outcome(Run(flow, kind, 1, workers), step, frozenset(seen))


INIT = "worker-publish https://tiktok/v2/post/publish/content/init/"
REACH = "worker-publish reach https://tiktok/v2/post/publish/content/init/"


def one_of_two(worker):
    step = f"{worker} COMMIT"
    others = [outcome("kill after", "tiktok COMMIT", ONE_OF_TWO_DIED, workers=2), outcome("kill after", None, ONE_OF_TWO_DIED, workers=2)]
    return outcome("kill after", step, ONE_OF_TWO_DIED, workers=2), [
        *others, outcome("kill after", step, workers=2), outcome("stop", step, ONE_OF_TWO_DIED, workers=2)]


def leaves(worker):
    step = f"{worker} take a result"
    return outcome("left", step, TAKEN_UP), [outcome("left", step), outcome("away", step, TAKEN_UP), outcome("left", "x take a result", TAKEN_UP)]


def fails(step, of):
    return outcome("error", f"{of} {step}"), [outcome("lost", f"{of} {step}"), outcome("error", f"{of} {step} else")]


# For each row of REACHED: a run that reaches it, and runs that nearly do.
EXAMPLES = {
    "two live workers of worker-publish, of which one dies at work": one_of_two("worker-publish"),
    "two live workers of worker-media, of which one dies at work": one_of_two("worker-media"),
    "two live workers of worker-mail, of which one dies at work": one_of_two("worker-mail"),
    "two live workers of worker-billing, of which one dies at work": one_of_two("worker-billing"),
    "two live workers of worker-privacy, of which one dies at work": one_of_two("worker-privacy"),
    "a job of a dead worker that another takes over": (
        outcome("kill before", INIT, ONE_OF_TWO_DIED, TAKEN_OVER, workers=2),
        [outcome("kill before", INIT, TAKEN_OVER), outcome("kill before", INIT, ONE_OF_TWO_DIED, workers=2)]),
    "a worker's COMMIT that was done and whose answer was lost": (
        outcome("lost", "worker-publish COMMIT"),
        [outcome("lost", "posts COMMIT"), outcome("error", "worker-publish COMMIT"), outcome("lost", "worker-publish UPDATE")]),
    "an ambiguous COMMIT of which a client was told": (
        outcome("lost", "posts COMMIT", TOLD_UNKNOWN),
        [outcome("lost", "posts COMMIT"), outcome("lost", "posts INSERT", TOLD_UNKNOWN)]),
    "a database that is away for longer than a lease": (
        outcome("away", "worker-publish COMMIT", OUTAGE), [outcome("away", "worker-publish COMMIT"), outcome("lost", INIT, OUTAGE)]),
    "a TikTok that is slow when the worker is stopped": (
        outcome("stop", INIT, STOPPING), [outcome("stop", INIT), outcome("stop", "worker-publish COMMIT", STOPPING),
                                          outcome("stop", REACH, STOPPING)]),
    "a result that worker-publish leaves to the next one, when it must end while the database is away": leaves("worker-publish"),
    "a result that worker-mail leaves to the next one, when it must end while the database is away": leaves("worker-mail"),
    "an init whose answer was lost": (outcome("lost", INIT), [outcome("error", INIT), outcome("lost", None), outcome("lost", REACH)]),
    "an init that was surely not sent": (
        outcome("error", REACH, NOT_SENT), [outcome("error", REACH), outcome("error", INIT, NOT_SENT), outcome("lost", REACH, NOT_SENT)]),
    "a connection to the database that fails": fails("connect to the database", "worker-mail"),
    "a transaction that does not begin": fails("START TRANSACTION", "posts"),
    "an image that does not get to the disk": fails("sync a file", "uploads"),
    "a folder that does not get to the disk": fails("sync a folder", "worker-media"),
    "a call or a result that changes hands when the worker dies": (
        outcome("kill after", "worker-publish take a result"), [outcome("lost", "worker-publish take a result")]),
}
GOOD = [example for example, _ in EXAMPLES.values()]


def test_every_row_has_an_example():
    assert list(EXAMPLES) == [name for name, _ in reached.REACHED]
    assert missed(GOOD, all_of_it=True) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_was_not_reached_is_said(name):
    is_it = dict(reached.REACHED)[name]
    others = [o for o in GOOD if not is_it(o)]
    for near in EXAMPLES[name][1]:
        met = [*others, *[near] * (near.step is not None)]
        assert name in missed(met, all_of_it=True), near
    assert name not in missed([*others, EXAMPLES[name][0]], all_of_it=True)


def test_what_makes_something_is_swept_with_an_idempotency_key(stack):
    routes = json.loads(stack.admin("tables").stdout)["routes"]
    assert set(KEYED) == {f"{r['method']} {r['pattern']}" for r in routes if r["creates"]}


def test_runs_that_do_not_meet_their_fault_prove_nothing():
    blank = [dataclasses.replace(o, step=None) for o in GOOD]
    assert missed([*GOOD, *blank], all_of_it=False) == [f"{len(GOOD)} of {2 * len(GOOD)} runs met their fault"]
    assert missed([], all_of_it=False) == ["0 of 0 runs met their fault"]


def test_each_flow_meets_every_kind():
    runs = [outcome(kind, INIT, flow="purge") for kind in KINDS]
    unmet = [o if o.run.kind != "lost" else dataclasses.replace(o, step=None) for o in runs]
    gap = "purge, 1 worker(s): no lost"
    assert gap not in missed([*GOOD, *runs], True, KINDS) and gap in missed([*GOOD, *unmet], True, KINDS)


FSYNC, COMMIT = "worker-privacy fsync the journal", "worker-privacy COMMIT"


@pytest.mark.parametrize("kind, step, alarm, is_false", [
    ("lost", COMMIT, "database_away", False), ("stop", COMMIT, "database_away", True), ("kill after", COMMIT, "program_died", False),
    ("error", COMMIT, "program_died", True), ("away", COMMIT, "result_lost", True), ("left", COMMIT, "result_lost", True),
    ("left", COMMIT, "database_away", False), ("kill before", COMMIT, "post_without_job", True), ("stop", COMMIT, "started", False),
    ("error", FSYNC, "journal_not_written", False), ("away", FSYNC, "journal_not_written", False),
    ("away", COMMIT, "journal_not_written", True), ("stop", FSYNC, "journal_not_written", True)])
def test_an_alarm_without_a_reason_is_a_fault(kind, step, alarm, is_false):
    line = f'{{"level":"error","program":"worker-publish","event":"{alarm}"}}'
    assert false_alarms(kind, step, {"worker-publish": f"{line}\n", "posts": ""}) == [line] * is_false


# What a run may lose

A, B = 100, 200  # processes; their threads: A + 1, ...
INSERT, WRITE, OF_TOKENS, OF_MAIL = (
    "INSERT INTO post_attempts (id", "UPDATE post_attempts SET state = ?, publish_id", "UPDATE accounts FORCE INDEX (PRIMARY) SET access_token = COALESCE(?, a",
    "UPDATE mail_outbox SET state = ?, tries")


def step(what, process=A, thread=1, n=1, done=True):
    return Step(process, process + thread, n, done, f"worker-publish {what}")


def transaction(statement, n=1, done=True, **whose):
    return [step("START TRANSACTION", **whose), step(statement, n=n, **whose), step("COMMIT", done=done, **whose)]


def calls(url, **whose):
    return [step("hand over a call", **whose), step(f"reach {url}", **{**whose, "thread": 9}), step(url, **{**whose, "thread": 9}),
            step("take a result", **whose)]


URL, TOKEN_URL = "https://tiktok/v2/post/publish/content/init/", "https://tiktok/v2/oauth/token/"
SENT_ONCE = [*transaction("UPDATE jobs_publish SET"), *transaction(INSERT), *calls(URL), *transaction(WRITE), step("SELECT 1")]
PROMISED, CALLED, KEPT = 6, 9, 13  # the places of the COMMITs and of the call in it, from 1


def cut(steps, kind, at):
    """As a process leaves them that is killed there."""
    return [*steps[:at - 1], dataclasses.replace(steps[at - 1], done=kind == "kill after")]


@pytest.mark.parametrize("kind, lost", [
    ("kill before", range(PROMISED + 1, KEPT + 1)), ("kill after", range(PROMISED, KEPT)), ("error", [CALLED]), ("lost", [CALLED]),
    ("away", [CALLED]), ("stop", []), ("left", [])])
def test_an_init_is_lost_from_its_commit_to_that_of_its_result(kind, lost):
    for at in range(1, len(SENT_ONCE) + 1):
        steps = cut(SENT_ONCE, kind, at) if kind.startswith("kill") else SENT_ONCE
        assert at_risk(lost_.INIT, steps, kind, at) == (int(at in lost),) * 2, (kind, at, steps[at - 1])
    assert at_risk(lost_.INIT, SENT_ONCE, None, None) == (0, 0)


@pytest.mark.parametrize("result, url, statement", [(lost_.TOKENS, TOKEN_URL, OF_TOKENS), (lost_.MAIL, "smtp://relay:25/", OF_MAIL)])
def test_other_results_are_lost_from_their_answer_to_its_commit(result, url, statement):
    steps = [*calls(url), *transaction(statement), step("SELECT 1")]
    call, kept = 3, 7
    for kind, lost in (("kill before", range(call + 1, kept + 1)), ("kill after", range(call, kept)), ("error", []), ("away", []),
                       ("lost", [call]), ("stop", [])):
        for at in range(1, len(steps) + 1):
            run = cut(steps, kind, at) if kind.startswith("kill") else steps
            assert at_risk(result, run, kind, at) == (int(at in lost),) * 2, (kind, at)


def test_only_the_process_that_dies_loses_anything():
    steps = [*transaction(INSERT), *transaction(INSERT, process=B), *calls(URL), *calls(URL, process=B), *transaction(WRITE)]
    assert at_risk(lost_.INIT, steps, "kill after", len(steps)) == (0, 0)
    assert at_risk(lost_.INIT, [*steps, step("SELECT 1", process=B)], "kill before", len(steps) + 1) == (1, 1)


def test_several_in_one_transaction_are_lost_together():
    steps = [*transaction(INSERT, n=3), *calls(URL), *transaction(WRITE), *transaction(WRITE, n=2)]
    lost = [at_risk(lost_.INIT, cut(steps, "kill after", at), "kill after", at)[0] for at in range(1, len(steps) + 1)]
    assert lost == [0, 0, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 0]


def test_what_another_thread_has_under_way_may_be_either():
    """Its COMMIT was sent, and the process dies of something else."""
    steps = [*transaction(INSERT), *calls(URL), *transaction(WRITE, done=False), step("SELECT 1", thread=2, done=False)]
    assert at_risk(lost_.INIT, steps, "kill before", len(steps)) == (0, 1)
    rolled_back = [*transaction(INSERT)[:2], *transaction("UPDATE jobs_publish SET"), step("SELECT 1")]
    assert at_risk(lost_.INIT, rolled_back, "kill after", len(rolled_back)) == (0, 0)


class Post:
    """Of one that TikTok has, or has not."""

    def __init__(self, there):
        self.there = there

    def at_simulator(self):
        return self.there

    def events(self):
        return ["created"]

    def states_of_attempts(self):
        return []

    def jobs(self):
        return []


UNKNOWN, PUBLISHED = {"status": "failed", "failure": {"code": "outcome_unknown"}}, {"status": "published", "failure": None}


@pytest.mark.parametrize("kind, at, post, is_right", [
    ("kill after", KEPT - 1, UNKNOWN, True), ("kill after", KEPT - 1, PUBLISHED, False), ("kill after", KEPT, UNKNOWN, False),
    ("kill after", KEPT, PUBLISHED, True), ("kill before", PROMISED, UNKNOWN, False), ("error", KEPT, UNKNOWN, False),
    ("away", KEPT, UNKNOWN, False), ("stop", CALLED, UNKNOWN, False), ("lost", CALLED, UNKNOWN, True), ("lost", CALLED, PUBLISHED, False),
    (None, None, UNKNOWN, False)])
def test_the_oracle_condemns_what_is_lost_without_a_reason_and_what_is_known_without_one(kind, at, post, is_right):
    """A planted fault: a point after the COMMIT at which the program loses what it has written, say."""
    s = flows.state(post=post, sent=Post(1))
    s.steps = cut(SENT_ONCE, kind, at) if kind and kind.startswith("kill") else SENT_ONCE
    s.kind, s.at = kind, at
    s.sent.states_of_attempts = lambda: ["accepted"] * (post is PUBLISHED)

    class World:
        until = staticmethod(lambda condition, what: condition())
    with contextlib.nullcontext() if is_right else pytest.raises(AssertionError, match="the outcome of"):
        flows.publish_right(World, s)


def test_a_post_that_nobody_has_sent_is_not_at_tiktok():
    s = flows.state()
    s.steps, s.kind, s.at = cut(SENT_ONCE, "kill before", CALLED), "kill before", CALLED
    with pytest.raises(AssertionError):
        flows.seen_right(s, [Post(1)])
    flows.seen_right(s, [Post(0)])
