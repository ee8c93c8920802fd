#!/usr/bin/python3
"""Runs each flow again and again, with one fault at its first step, its second, ... its last (SQLite's way), and looks after each
run whether the world is right. The steps are counted, not chosen (lib/base/fault.h). A fault it finds becomes a named test.

    tests/sweep/sweep.py --build DIR                      all of it
    tests/sweep/sweep.py --build DIR --jobs N             the same, with N stacks side by side
    tests/sweep/sweep.py --build DIR --record FILE        the same, noted there: it goes on where it was ended, and with what was wrong
    tests/sweep/sweep.py --build DIR --sample N --seed S  N runs of it, drawn by the seed (without one: today's date)
    tests/sweep/sweep.py --build DIR --flow publish --kind lost --at 7 [--workers 2]    one run, to look at

The build must have test hooks. Its output ends with: flows, points, runs, faults.
"""

import argparse
import collections
import contextlib
import datetime
import random
import signal
import sys
import time
import traceback

from accounts import OF_ACCOUNTS
from again import AGAIN
from agents import OF_AGENTS
from backed_up import BACKED_UP
from billed import BILLED
from bucketed import BUCKETED
from budgeted import BUDGETED
from buying import OF_BUYERS
from desk import AT_THE_DESK
from disabled import DISABLED
from erased import ERASED
from exported import EXPORTED
from flows import FLOWS as SENT_ONCE, state
from kept import Kept, clear
from keys import OF_KEYS
from lanes import Lanes
from leaving import LEAVING
from mails import MAILS
from migrated import MIGRATED
from notices import NOTICES
from plan import KINDS, LEFT, RESULT
from planned import PLANNED
from policies import POLICIES
from reached import (NOT_SENT, ONE_OF_TWO_DIED, OUTAGE, STOPPING, TAKEN_OVER, TAKEN_UP, TOLD_UNKNOWN, Outcome, Run,
                     false_alarms, missed)
from record import Record
from registering import REGISTERING
from removed import OF_REMOVED
from repeated import REPEATED
from rotated import ROTATED
from second import OF_SECOND
from undone import UNDONE
from webhooks import WEBHOOKS
from world import SETTINGS, WORKERS, World, load

FLOWS = [*SENT_ONCE, *ERASED, *LEAVING, *OF_REMOVED, *OF_KEYS, *BUDGETED, *AGAIN, *DISABLED, *REPEATED, *OF_AGENTS, *REGISTERING, *MAILS, *NOTICES, *OF_ACCOUNTS, *OF_SECOND,
         *AT_THE_DESK, *UNDONE, *PLANNED, *OF_BUYERS, *WEBHOOKS, *BILLED, *BUCKETED, *EXPORTED, *POLICIES, *MIGRATED, *BACKED_UP, *ROTATED]
BY_NAME = {flow.name: flow for flow in FLOWS}


def worker_of(flow):
    """That of which there may be two, or None."""
    return next((p for p in flow.programs if p in WORKERS), None)


class Sweep:
    """What one stack does."""

    def __init__(self, stack):
        self.world, self.kept = World(stack), {}

    def ready(self, flow):
        world = self.world
        world.configure(flow.settings)
        if flow.name not in self.kept:
            for worker in WORKERS:
                world.hold(worker)
            world.set_time(time.time_ns() // 1000)
            clear(world)
            for worker in WORKERS:
                world.let_go(worker)
            made = flow.ready(world)
            world.stack.wait(lambda: world.stillness()[0] is not None and world.tiktok_is_done(), "nothing moves", 60)
            self.kept[flow.name] = Kept(world, made)
        return state(**self.kept[flow.name].put_back(world))

    def steps(self, flow, workers):
        """The names of the steps of a run without a fault, which must be right, too."""
        return self.act(flow, workers)[1]

    def act(self, flow, workers, kind=None, at=0):
        """Returns its state at the end, and the names of all steps."""
        world = self.world
        s = self.ready(flow)
        try:
            world.begin(flow.programs, *((KINDS[kind], at) if kind else ()))
            if workers == 2:
                world.second_of = worker_of(flow)
            flow.act(world, s)
            assert workers == 1 or world.second is not None, "nobody has let the workers go"
            met = world.plan.met  # first: a worker that looks for jobs may meet it in between
            s.steps = world.plan.steps()
            if met:
                s.kind, s.at = kind, world.plan.place(kind, at)
            world.plan.end()
            world.all_are_up([p for p in flow.programs if not world.is_held(p)])
            flow.right(world, s)
            s.second_lived = world.second_lives()
            s.logged = world.logged()
            world.end_second_worker()
            for program in WORKERS.keys() & set(flow.programs):  # whatever it has met, it still ends when it is told to
                world.hold(program)
            assert not (false := false_alarms(kind, s.step, world.logged(), flow.about)), false
        except BaseException:
            world.plan.end()
            world.end_second_worker(signal.SIGKILL)
            for worker in WORKERS:
                world.hold(worker, signal.SIGKILL)
            raise
        return s, [step.name for step in s.steps]

    def outcome(self, run):
        try:
            s, _ = self.act(BY_NAME[run.flow], run.workers, run.kind, run.at)
        except Exception:  # whatever it is, the sweep goes on
            plan = self.world.plan
            return Outcome(run, plan.step(plan.place(run.kind, run.at)).name or "?", wrong=traceback.format_exc(limit=-3))
        return Outcome(run, s.step or None, self.seen(run, s))

    def seen(self, run, s):
        """What the workers' logs and the client say of it."""
        logged = "".join(text for name, text in s.logged.items() if name.startswith("worker-"))
        worker = worker_of(BY_NAME[run.flow])
        first_died = worker is not None and s.logged[worker].count('"event":"started"') > 1
        told = getattr(s, "told", None)
        seen = {TAKEN_OVER: '"runs":2' in logged, OUTAGE: self.world.outage, STOPPING: '"event":"stopped"' in logged,
                ONE_OF_TWO_DIED: run.workers == 2 and first_died == s.second_lived, NOT_SENT: '"note":"not_sent"' in logged,
                TAKEN_UP: '"event":"kept_result_taken_up"' in logged,
                TOLD_UNKNOWN: told is not None and told.code == "outcome_unknown"}
        return frozenset(name for name, is_so in seen.items() if is_so)

    def do(self, task):
        """A Run, or (flow's name, workers), whose steps are to be counted."""
        if isinstance(task, Run):
            began = time.monotonic()
            return self.outcome(task), time.monotonic() - began
        return task, self.steps(BY_NAME[task[0]], task[1])


@contextlib.contextmanager
def sweep_on_a_stack(build):
    with load.stack(build, *SETTINGS) as stack:
        yield Sweep(stack).do


EVERYWHERE = [kind for kind in KINDS if kind != LEFT]  # of the kinds: which any step can meet
COUNTED = 2  # times; the longest counts: a worker that waits looks for jobs more or less often. For a sample once is enough


def counted_steps(lanes, tasks, known, times):
    """{(flow, workers): the names of its steps} of the tasks, as far as they are not known."""
    counted = {task: known[task] for task in tasks if task in known}
    for task, steps in lanes.deal([task for task in tasks if task not in known] * times):
        counted[task] = max(steps, counted.get(task, []), key=len)
    return {task: counted[task] for task in tasks}


def all_runs(counted, verbose):
    """All runs of the flows whose steps have been counted."""
    for (name, n), steps in counted.items():
        print(f"{name}{' with two workers' if n == 2 else ''}: {len(steps)} steps", flush=True)
        if verbose:
            print("\n".join(f"  {at} {step}" for at, step in enumerate(steps, 1)), flush=True)

    def places(steps, kind):
        return range(1, 1 + sum(kind != LEFT or step.endswith(RESULT) for step in steps))
    return [Run(name, kind, at, n) for (name, n), steps in counted.items() for kind in KINDS
            if kind != LEFT or BY_NAME[name].left for at in places(steps, kind)]


def different_first(runs, counted, outcomes):
    """What repeats a kind at a step of the same name comes last: a worker that waits does the same again and again."""
    seen, first, again = {(o.run.flow, o.run.kind, o.step) for o in outcomes}, [], []
    for run in runs:
        steps = counted[run.flow, run.workers]
        place = (run.flow, run.kind, run.at if run.kind == LEFT else steps[run.at - 1])
        (again if place in seen else first).append(run)
        seen.add(place)
    return first, again


def by_name(counted, outcomes):
    """How many different steps the flows have, and how many of them have met every kind."""
    names = {(name, step) for (name, _), steps in counted.items() for step in steps}
    met = {(o.run.flow, o.step, o.run.kind) for o in outcomes}
    return f"{len(names)} different steps, of which {sum(all((*n, kind) in met for kind in EVERYWHERE) for n in names)} met every kind"


def print_table(outcomes):
    """What became of the runs, by flow and kind."""
    rows = collections.defaultdict(lambda: [0, 0, 0, 0.0])
    for outcome, seconds in outcomes:
        row = rows[outcome.run.flow, outcome.run.workers, outcome.run.kind]
        for i, n in enumerate((1, outcome.step is not None, outcome.wrong is not None, seconds)):
            row[i] += n
    print(f"{'flow':<12} {'workers':>7} {'kind':<11} {'runs':>5} {'met':>5} {'faults':>6} {'seconds a run':>13}")
    for (flow, n, kind), (runs, met, wrong, seconds) in sorted(rows.items()):
        print(f"{flow:<12} {n:>7} {kind:<11} {runs:>5} {met:>5} {wrong:>6} {seconds / runs:>13.1f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, help="meson build folder, with test hooks")
    parser.add_argument("--jobs", type=int, default=1, help="stacks side by side")
    parser.add_argument("--record", help="file of what has been done")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", default=datetime.date.today().isoformat())
    parser.add_argument("--flow", choices=BY_NAME, action="append", help="only these")
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--at", type=int)
    parser.add_argument("--workers", type=int, choices=(1, 2))
    parser.add_argument("--verbose", action="store_true", help="name the steps")
    options = parser.parse_args()
    flows = [f for f in FLOWS if options.flow is None or f.name in options.flow]
    tasks = [(f.name, n) for f in flows for n in ((1, 2) if f.workers else (1,)) if options.workers in (None, n)]
    outcomes, began, record = [], time.monotonic(), Record(options.record)
    with Lanes(options.jobs, lambda: sweep_on_a_stack(options.build)) as lanes:
        counted = counted_steps(lanes, tasks, record.counted, 1 if options.sample else COUNTED)
        record.add_counted({task: steps for task, steps in counted.items() if task not in record.counted})
        runs = [r for r in all_runs(counted, options.verbose) if options.kind in (None, r.kind) and options.at in (None, r.at)]
        whole = len(flows) == len(FLOWS) and not options.sample and (options.kind, options.at, options.workers) == (None,) * 3
        random.Random(options.seed).shuffle(runs)
        if options.sample:
            runs = runs[:options.sample]
            print(f"seed {options.seed}: {len(runs)} runs", flush=True)
        right = record.right()
        outcomes = [right[run] for run in runs if run in right]
        first, again = different_first([run for run in runs if run not in right], counted, [o for o, _ in outcomes])
        print(f"{len(outcomes)} runs are done; {len(first)} of different steps come first, {len(again)} that repeat them then", flush=True)
        for outcome, seconds in lanes.deal([*first, *again]):
            outcomes.append((outcome, seconds))
            record.add_outcome(outcome, seconds)
            if outcome.wrong:
                print(f"WRONG {outcome.run}\n  at: {outcome.step}\n{outcome.wrong}", flush=True)
            if len(outcomes) % 100 == 0:
                print(f"{len(outcomes)} of {len(runs)} runs, {time.monotonic() - began:.0f} s", flush=True)
    print_table(outcomes)
    gaps = missed([o for o, _ in outcomes], whole, EVERYWHERE)
    for gap in gaps:
        print(f"NOT REACHED {gap}")
    wrong = sum(o.wrong is not None for o, _ in outcomes)
    if whole:
        print(by_name(counted, [o for o, _ in outcomes]))
    print(f"{len(flows)} flows, {sum(map(len, counted.values()))} points, {len(outcomes)} runs, {wrong} faults")
    sys.exit(1 if wrong or gaps else 0)


if __name__ == "__main__":
    main()
