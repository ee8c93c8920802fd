#!/usr/bin/python3
"""Every app restarted again and again under load.

    tests/load/restart.py --build DIR            3 runs, each app restarted 10 times in >= 40 000 requests: none may fail
    tests/load/restart.py --build DIR --kill     the same by SIGKILL: only what an app was working on may fail
    tests/load/restart.py --build DIR --short    both, small: this is what tests/run.sh runs
"""

import argparse
import signal
import sys
import time

import load

APPS = ("auth", "keys", "tiktok", "uploads", "media", "posts")
THREADS = 8  # of an app: what it can be working on when it is killed
ROUND_SEC = 1.5


class Failed(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failed(what)


class Log:
    """nginx's access log from now on: every request that was answered, also those that wrk did not live to see."""

    def __init__(self, stack):
        self.path = stack.at.log / "access.log"
        self.start = self.path.stat().st_size

    def lines(self):
        with self.path.open("rb") as f:
            f.seek(self.start)
            return [load.json.loads(line) for line in f.read().splitlines(keepends=True) if line.endswith(b"\n")]

    def count(self):
        with self.path.open("rb") as f:
            f.seek(self.start)
            return f.read().count(b"\n")


def restart_all(stack, signo):
    """One after the other, each while the others work; back when all run again."""
    old = {}
    for name in APPS:
        old[name] = stack.kill(name, signo)
        time.sleep(ROUND_SEC / len(APPS))
    for name in APPS:
        stack.wait(lambda: stack.pid(name) not in (None, old[name]), f"{name} runs again")


def keys_in_database(stack, before):
    return stack.sql("SELECT COUNT(*) AS n FROM api_keys WHERE name = 'load'")[0]["n"] - before


def run(stack, kinds, rounds, requests, signo):
    log = Log(stack)
    before = keys_in_database(stack, 0)
    started = time.monotonic()
    at_work = load.Load(stack, kinds)
    done = 0
    try:
        while done < rounds or log.count() < requests:
            time.sleep(0.2)
            if done < rounds:
                restart_all(stack, signo)
                done += 1
    finally:
        results = at_work.stop()
    report(results, done, time.monotonic() - started, signo, log.lines())
    created = next(r for r in results if r.name == "POST keys")
    lost = created.served - created.bad - keys_in_database(stack, before)
    check(lost <= 0, f"{lost} keys were acknowledged and are not in the database")
    return results


def report(results, rounds, seconds, signo, lines, apps=APPS):
    served, failed = sum(r.served for r in results), sum(r.failed for r in results)
    print(f"{signal.Signals(signo).name}: {len(apps)} apps x {rounds} restarts, {served} requests in {seconds:.0f} s, "
          f"{failed} failed")
    for r in results:
        print(f"    {r.name:<16} {r.served:>7} served, {r.bad} with a wrong status, {r.broken} cut off, {r.timeouts} timed out, "
              f"slowest {r.max_ms} ms" + (f" ({r.first_bad})" if r.first_bad else ""))
    repeated = sum(1 for line in lines if "," in line["upstream_status"])
    print(f"    asked a second time by nginx (GET only): {repeated}", flush=True)


def graceful(stack, kinds, rounds, requests):
    results = run(stack, kinds, rounds, requests, signal.SIGTERM)
    check(sum(r.failed for r in results) == 0, "requests failed during graceful restarts")
    check(sum(r.served for r in results) >= requests, "fewer requests than wanted")


def killed(stack, kinds, rounds, requests):
    log = Log(stack)
    results = run(stack, kinds, rounds, requests, signal.SIGKILL)
    failed = sum(r.failed for r in results)
    check(failed <= rounds * len(APPS) * THREADS, f"{failed} failed: more than the apps can have been working on")
    check(sum(r.broken + r.timeouts for r in results) == 0, "requests without an answer")
    check(sum(r.served for r in results) >= requests, "fewer requests than wanted")
    wrong = {(line["path"], line["status"]) for line in log.lines() if line["status"] in (500, 504)}
    check(not wrong, f"an app's death is a 502, or a 503 when nothing had been sent to it, not: {wrong}")
    after = load.Load(stack, kinds)
    time.sleep(1)
    check(sum(r.failed for r in after.stop()) == 0, "requests failed after the apps had come back")


def told(main):
    """What a check says is the last line."""
    try:
        main()
    except Failed as e:
        sys.exit(f"failed: {e}")
    print("ok")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, help="meson build folder")
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    with load.stack(options.build, "keys.max_per_user=1000", "caps.keys_a_day=10000") as stack:
        if options.short:
            kinds = load.kinds(stack, 16)
            graceful(stack, kinds, 2, 4000)
            killed(stack, kinds, 2, 4000)
        for _ in range(0 if options.short else 3):
            (killed if options.kill else graceful)(stack, load.kinds(stack, 80), 10, 40000)


if __name__ == "__main__":
    told(main)
