"""The sweep (tests/sweep) says so when it has not met what it is there for."""

import dataclasses
import json
import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "sweep"))

import reached  # noqa: E402
from plan import KINDS  # noqa: E402
from reached import (ONE_OF_TWO_DIED, OUTAGE, STOPPING, TAKEN_OVER, TOLD_UNKNOWN, Outcome, Run,  # noqa: E402
                     false_alarms, missed)
from repeated import KEYED  # noqa: E402


def outcome(kind, step, *seen, workers=1, flow="publish"):
    return Outcome(Run(flow, kind, 1, workers), step, frozenset(seen))


INIT = "worker-publish https://tiktok/v2/post/publish/content/init/"

# For each row of REACHED: a run that reaches it, and runs that nearly do.
EXAMPLES = {
    "two live workers, of which one dies at work": (
        outcome("kill after", INIT, ONE_OF_TWO_DIED, workers=2),
        [outcome("kill after", INIT, workers=2), outcome("stop", INIT, ONE_OF_TWO_DIED, workers=2),
         outcome("kill after", None, ONE_OF_TWO_DIED, workers=2)]),
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
        outcome("stop", INIT, STOPPING), [outcome("stop", INIT), outcome("stop", "worker-publish COMMIT", STOPPING)]),
    "an init whose answer was lost": (outcome("lost", INIT), [outcome("error", INIT), outcome("lost", None)]),
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


@pytest.mark.parametrize("kind, alarm, is_false", [
    ("lost", "database_away", False), ("stop", "database_away", True), ("kill after", "program_died", False),
    ("error", "program_died", True), ("away", "result_lost", True), ("kill before", "post_without_job", True), ("stop", "started", False)])
def test_an_alarm_without_a_reason_is_a_fault(kind, alarm, is_false):
    line = f'{{"level":"error","program":"worker-publish","event":"{alarm}"}}'
    assert false_alarms(kind, {"worker-publish": f"{line}\n", "posts": ""}) == [line] * is_false
