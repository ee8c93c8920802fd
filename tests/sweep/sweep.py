#!/usr/bin/python3
"""Runs each flow again and again, with one fault at its first step, its second, ... its last (SQLite's way), and looks after each
run whether the world is right. The steps are counted, not chosen (lib/base/fault.h). A fault it finds becomes a named test.

    tests/sweep/sweep.py --build DIR                      all of it
    tests/sweep/sweep.py --build DIR --sample N --seed S  N runs of it, drawn by the seed (without one: today's date)
    tests/sweep/sweep.py --build DIR --flow publish --kind lost --at 7 [--workers 2]    one run, to look at

The build must have test hooks. Its output ends with: flows, points, runs, faults.
"""

import argparse
import dataclasses
import datetime
import random
import sys
import traceback

from flows import FLOWS
from plan import KINDS
from world import WORKERS, World, load


# What all of it must have met, or it is not what it says: name, (run, step) -> bool.
REACHED = [
    ("two live workers, of which one dies at work", lambda run, step: run.workers == 2 and run.kind.startswith("kill")),
    ("a COMMIT that was done and whose answer was lost", lambda run, step: run.kind == "lost" and step.endswith(" COMMIT")),
    ("a database that is away for longer than a lease", lambda run, step: run.kind == "away" and "worker" in step),
    ("a TikTok that is slow when the worker is stopped", lambda run, step: run.kind == "stop" and "/content/init/" in step),
    ("an init whose answer was lost", lambda run, step: run.kind == "lost" and "/content/init/" in step),
]


@dataclasses.dataclass(frozen=True)
class Run:
    flow: object
    kind: str
    at: int
    workers: int

    def __str__(self):
        return f"--flow '{self.flow.name}' --kind '{self.kind}' --at {self.at} --workers {self.workers}"


class Sweep:
    def __init__(self, world):
        self.world, self.faults, self.met = world, [], []

    def run(self, flow, kind=None, at=0, workers=1):
        """Returns the step that met the fault, or None; of a run without a fault: the names of all steps."""
        world = self.world
        world.reset()
        state = flow.ready(world)
        try:
            world.plan.begin(flow.programs, *((KINDS[kind], at) if kind else ()))
            if workers == 2:
                world.start_second_worker()
            flow.act(world, state)
            steps, met = world.plan.steps(), world.plan.step(at) if kind and world.plan.met else None
            world.plan.end()
            world.all_are_up([p for p in flow.programs if not (world.stack.at.hold / p).exists()])
            flow.right(world, state)
        finally:
            world.plan.end()
            for name in WORKERS:
                world.let_go(name)
            world.end_second_worker()
        return met if kind else steps

    def try_run(self, run):
        """Runs it, and notes what was wrong and which step it was."""
        try:
            step = self.run(run.flow, run.kind, run.at, run.workers)
        except Exception:  # whatever it is, the sweep goes on
            step = self.world.plan.step(run.at)
            self.faults.append(run)
            print(f"WRONG {run}\n  at: {step}\n{traceback.format_exc(limit=-3)}", flush=True)
        self.met.append((run, step))

    def missed(self, all_of_it):
        """Most runs must meet their fault: else the steps are not what was counted. All together must meet what REACHED says."""
        met = [(run, step) for run, step in self.met if step]
        missed = [] if len(met) * 4 > len(self.met) * 3 else [f"{len(met)} of {len(self.met)} runs met their fault"]
        if all_of_it:
            missed += [name for name, is_it in REACHED if not any(is_it(run, step) for run, step in met)]
        return missed


def plan_of(sweep, flows, workers, verbose):
    """All runs, once the steps of each flow have been counted."""
    runs, points = [], 0
    for flow in flows:
        for n in (1, 2) if flow.workers else (1,):
            if workers and n != workers:
                continue
            steps = sweep.run(flow, workers=n)
            points += len(steps)
            print(f"{flow.name}{' with two workers' if n == 2 else ''}: {len(steps)} steps", flush=True)
            if verbose:
                print("\n".join(f"  {at} {step}" for at, step in enumerate(steps, 1)), flush=True)
            runs += [Run(flow, kind, at, n) for kind in KINDS for at in range(1, len(steps) + 1)]
    return runs, points


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, help="meson build folder, with test hooks")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", default=datetime.date.today().isoformat())
    parser.add_argument("--flow")
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--at", type=int)
    parser.add_argument("--workers", type=int, choices=(1, 2))
    parser.add_argument("--verbose", action="store_true", help="name the steps")
    options = parser.parse_args()
    flows = [f for f in FLOWS if options.flow in (None, f.name)]
    with load.stack(options.build, "worker.idle_ms=50") as stack:
        sweep = Sweep(World(stack))
        runs, points = plan_of(sweep, flows, options.workers, options.verbose)
        runs = [r for r in runs if options.kind in (None, r.kind) and options.at in (None, r.at)]
        if options.sample:
            random.Random(options.seed).shuffle(runs)
            runs = runs[:options.sample]
            print(f"seed {options.seed}: {len(runs)} runs", flush=True)
        for run in runs:
            sweep.try_run(run)
    missed = sweep.missed(all_of_it=len(flows) == len(FLOWS) and not options.sample)
    for name in missed:
        print(f"NOT REACHED {name}")
    print(f"{len(flows)} flows, {points} points, {len(sweep.met)} runs, {len(sweep.faults)} faults")
    sys.exit(1 if sweep.faults or missed else 0)


if __name__ == "__main__":
    main()
