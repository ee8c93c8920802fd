#!/usr/bin/python3
"""Every credential there is, rotated in one go under load, as docs/operations.md has it: no request may fail, and posts are published meanwhile.

    tests/rotation/rotation.py --build DIR            all of them
    tests/rotation/rotation.py --build DIR --short    one service and one ring
"""

import argparse
import pathlib
import secrets
import signal
import sys
import time

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(CHECKOUT / "tests/load"), str(CHECKOUT / "tests/upgrade")]

import load  # noqa: E402
from restart import Log, check, report, told  # noqa: E402
from upgrade import Posts  # noqa: E402

import rotating  # noqa: E402  (of tests/api, which load has found)
import test_engine  # noqa: E402
import test_metrics  # noqa: E402

MADE_HERE = (("db-password",), ("token-keys",), ("totp-keys",), ("journal-key",))
SHORT = (("db-password", "--service", "keys"), ("token-keys",))
# Who issues it here, and knows the new one first; then who uses it.
ISSUED = (("tiktok-simulator-secret", "tiktok-client-secret"), ("stripe-simulator-key", "stripe-api-key"),
          ("stripe-simulator-secrets", "stripe-webhook-secrets"), (None, "smtp-password"), (None, "s3-secret-key"))
BEGINS = {"stripe-api-key": "rk_test_", "stripe-webhook-secrets": "whsec_"}
ALARMS = ("result_lost", "job_dead", "post_without_job", "kind_paused", "database_away", "program_died")
REQUESTS = 2000  # before and after


def rotate(stack, name, *more, **how):
    began, answer = time.monotonic(), rotating.rotate(stack, name, *more, **how)
    check(answer.returncode == 0, f"{name} is not rotated: {answer.stdout}{answer.stderr}")
    print(f"    {name} {' '.join(more)}: {time.monotonic() - began:.1f} s", flush=True)


def issued(stack, posts, issuer, name):
    new = BEGINS.get(name, "") + secrets.token_hex(20)
    for one in filter(None, (issuer, name)):
        rotate(stack, one, stdin=new)
    posts.more()
    for one in filter(None, (name, issuer)):
        if rotating.file_of(stack, one).read_text().count("\n") > 1:
            rotate(stack, one, "--finish")
    posts.more()


def rotate_all(stack, posts, short):
    before = rotating.texts(stack)
    for what in SHORT if short else MADE_HERE:
        rotate(stack, *what)
        posts.more()
    for issuer, name in () if short else ISSUED:
        issued(stack, posts, issuer, name)
    same = [name for name, text in rotating.texts(stack).items() if text == before[name]]
    check(short or not same, f"as before: {same}")


def run(stack, short):
    kinds, log = load.kinds(stack, 16), Log(stack)
    theirs = load.conftest.Stack(stack.at.dir)  # of the thread that posts: no two of them may share a connection to the database
    posts = Posts(theirs, [load.conftest.User(theirs) for _ in range(4)])
    began, at_work = time.monotonic(), load.Load(stack, kinds)
    try:
        stack.wait(lambda: log.count() >= REQUESTS, "it is at work")
        rotate_all(stack, posts, short)
        after = log.count()
        stack.wait(lambda: log.count() >= after + REQUESTS, "all of it is new")
    finally:
        posts.ended.set()
        results = at_work.stop()
    names = [s.name for s in test_engine.services.PROGRAMS]
    report(results, 1, time.monotonic() - began, signal.SIGTERM, log.lines(), names)
    print(f"    {posts.end()} posts published")
    check(sum(r.failed for r in results) == 0, "requests failed during a rotation")
    workers = [s.name for s in test_engine.services.WORKERS]
    raised = [(name, a) for name in workers for a in ALARMS if test_metrics.Shown(stack, name)("alarms_total", alarm=a)]
    check(not raised, f"alarms: {raised}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, help="meson build folder")
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    with load.stack(options.build, "worker.idle_ms=50", "keys.max_per_user=1000", "caps.keys_a_day=10000", "caps.sessions=1000") as stack:
        run(stack, options.short)


if __name__ == "__main__":
    told(main)
