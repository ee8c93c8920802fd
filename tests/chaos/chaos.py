#!/usr/bin/python3
"""Many post, while workers are killed and the database, nginx, the app and TikTok fail; a record is kept of every acknowledged
call. Afterwards checker.py judges it: nothing lost, nothing twice, nothing stuck, everybody told the truth.

    tests/chaos/chaos.py --build DIR [SEED...]         500 posts over 50 accounts of 10 users, for each seed (default: today, the date)
    tests/chaos/chaos.py --build DIR --short [SEED]    100 posts over 10 accounts of 2 users; up to three times, until all is reached
    --keep DIR                                         where the histories stay (a run that is not right keeps its own in any case)

The build must have test hooks: time passes for the programs, while no worker runs, so that nobody waits for leases and minutes.
"""

import argparse
import dataclasses
import datetime
import pathlib
import random
import shutil
import sys
import tempfile
import time

from bad_tiktok import BadTiktok  # first: it knows where the next ones are
import checker  # isort: skip
import history as record  # isort: skip
from people import People  # isort: skip
from troubles import TROUBLES, Conflicts, Troubles  # isort: skip
from world import World, load  # isort: skip

TIKTOK_TIMEOUT_SEC = 10  # longer than what is slow, also on a busy machine; ANSWERED_US in checker.py is below it
SETTLE_ROUNDS = 30  # of two minutes each, at the end: the longest wait is a poll's, ten minutes
STILL_SEC = 20  # without an end of a post: then only time helps. A worker may take over nothing for 15 s (GRACE_US in lib/jobs/leases.c)


@dataclasses.dataclass
class Size:
    users: int
    accounts_each: int
    posts_each: int  # of an account
    troubles: int  # at least
    calm_sec: tuple  # between two troubles
    pause_sec: float  # of a client, between two posts
    conflicts_sec: float  # between two deadlocks
    runs: int  # at most, until they have reached what they are there for


FULL = Size(10, 5, 10, troubles=36, calm_sec=(0.2, 2.5), pause_sec=0.6, conflicts_sec=3, runs=1)
SHORT = Size(2, 5, 10, troubles=12, calm_sec=(0.2, 1.5), pause_sec=0.6, conflicts_sec=1, runs=3)


def make_trouble(people, size, troubles, rng):
    """Until all posts are made, and all troubles have come."""
    work = people.post(size.posts_each, size.pause_sec)
    n = 0
    while not work.is_done() or n < size.troubles:
        time.sleep(rng.uniform(*size.calm_sec))
        troubles.next()
        n += 1


def settle(people, troubles):
    """All is well again, and time passes until all posts have ended, or have had the time to."""
    def open_posts():
        return [post["id"] for _, post in people.all_posts() if post["status"] not in checker.ENDED]
    for _ in range(SETTLE_ROUNDS):
        now, changed = open_posts(), time.monotonic()
        while now and time.monotonic() < changed + STILL_SEC:
            time.sleep(2)
            before, now = now, open_posts()
            changed = changed if now == before else time.monotonic()
        if not now:
            return
        troubles.stop_both()


def run(stack, size, seed, path):
    rng = random.Random(seed)
    history = record.History(path, stack)
    with BadTiktok(stack, history, rng) as tiktok, tiktok.used_by("worker-publish", tiktok_timeout_sec=TIKTOK_TIMEOUT_SEC):
        world = World(stack)
        people = People(stack, history, rng, size.users, size.accounts_each)
        world.start_second_worker("worker-publish")
        conflicts, troubles = Conflicts(stack, history, tiktok, size.conflicts_sec), Troubles(world, history, tiktok, rng)
        try:
            people.watch()
            make_trouble(people, size, troubles, rng)
            conflicts.end()
            tiktok.calm.set()
            settle(people, troubles)
        finally:
            conflicts.end()
            people.stop.set()
            world.end_second_worker()
        people.note_posts()
        for post in stack.sql("SELECT description, status, publish_id FROM sandbox_publishes"):
            history.note("at_tiktok", **post)
    history.close()


def judge(build, size, seed, folder):
    """Whether there was no fault and all was reached, by one run or by several together."""
    missing = None
    for n in range(size.runs):
        path = folder / f"{seed}{f'.{n}' if n else ''}.jsonl"
        with load.stack(build, "worker.idle_ms=50") as stack:
            run(stack, size, f"{seed}.{n}" if n else seed, path)
        faults, missed = checker.report(record.read(path), TROUBLES)
        missing = missed if missing is None else missing & missed
        if faults or not missing:
            return not faults
    print(f"NOT REACHED by any: {', '.join(sorted(missing))}")
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, help="meson build folder, with test hooks")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("seeds", nargs="*", metavar="SEED", default=["today"])
    options = parser.parse_args()
    size, right = SHORT if options.short else FULL, True
    folder = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="mcli-chaos-"))
    folder.mkdir(exist_ok=True)
    for seed in (datetime.date.today().isoformat() if s == "today" else s for s in options.seeds):
        began = time.monotonic()
        well = judge(options.build, size, seed, folder)
        print(f"{'ok' if well else 'FAIL'} {seed} {time.monotonic() - began:.0f} s"
              f"{'' if well else f'; the histories: {folder}'}", flush=True)
        right = right and well
    if right and options.keep is None:
        shutil.rmtree(folder)
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
