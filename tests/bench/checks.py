"""The rows about what each request pays for limits, usage and scopes."""

import contextlib
import os
import statistics
import subprocess
import sys
import time

import machine
import wrk
from client import CHEAP, Stack, User
from table import show

sys.path.append(str(machine.TESTS / "runner"))

import builds  # noqa: E402

USERS, KEYS_EACH = 50, 4
MANY_KEYS = 10_000
PARTS = ("nginx", "auth", "mariadb")


def hooked_build():
    """A release, but that it can be told to leave the checks out."""
    if wrong := builds.build("hooked", ["all", "tests/bench/bench-note"]):
        raise RuntimeError(wrong)
    return str(builds.folder("hooked"))


@contextlib.contextmanager
def unchecked(stack):
    """The program leaves them out inside the with block."""
    switch = stack.at.test / "points/unchecked"
    switch.touch()
    try:
        yield
    finally:
        switch.unlink()


def checks(bench):
    build = hooked_build()
    stack = Stack(build, "--set=rates.read=600000", CHEAP)
    try:
        cost(bench, stack)
        notes(bench, stack, build)
    finally:
        stack.down()


def cost(bench, stack):
    """CPU of a request with and without, in turns. The answer's limits and caps are in both."""
    quick = bench.rounds == 1
    people = [User(stack, i, KEYS_EACH) for i in range(4 if quick else USERS)]
    requests = [stack.wire("GET", "/api/v1/me", {"Authorization": f"Bearer {key}"}) for user in people for key in user.keys]

    def load():
        time.sleep(2)  # the program looks at the switch once a second
        before = machine.cpu_of_groups()
        result = wrk.Load(stack.url, requests, bench.seconds, 32).result()
        after = machine.cpu_of_groups()
        if result.not_2xx or result.broken:
            raise RuntimeError(f"GET /me: {result.not_2xx + result.broken} of {result.requests} answers were not 200")
        groups = stack.groups()
        return {name: (after[groups[name]] - before[groups[name]]) * 1e6 / result.requests for name in PARTS}

    def load_unchecked():
        with unchecked(stack):
            return load()

    runs = bench.in_turns({"with": load, "without": load_unchecked})
    both = list(zip(runs["with"], runs["without"]))
    bench.table.ratio("GET /me, CPU of all: with limits, usage and scopes / without",
                      [sum(a.values()) / sum(b.values()) for a, b in both], "<= 1.05", digits=3)
    for name in PARTS:
        bench.table.detail("CPU per GET /me, us: with limits, usage and scopes, and without", name,
                           *(show(statistics.median(run[name] for run in runs[what]), 1) for what in runs))


def notes(bench, stack, build):
    ids = [os.urandom(16) for _ in range(MANY_KEYS)]
    user = stack.sql("SELECT HEX(id) FROM users LIMIT 1")[0][0]
    for i in range(0, MANY_KEYS, 500):
        rows = ",".join(f"(x'{id.hex()}', x'{user}', 'active', 'many', 'mk_live_many', x'{id.hex() * 2}', 1)" for id in ids[i:i + 500])
        stack.sql(f"INSERT INTO api_keys (id, user_id, user_state, name, prefix, hash, created_at_us) VALUES {rows}")
    keys = stack.at.home / "many-keys"
    keys.write_bytes(b"".join(ids))
    command = [f"{build}/tests/bench/bench-note", stack.at.mariadb_sock, keys, str(bench.seconds)]
    runs = [list(map(float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1].split()))
            for _ in range(min(bench.rounds, 3))]
    what = f"note of the last use of one of {MANY_KEYS} keys, by 8 threads at once"
    bench.table.ratio(f"{what}, CPU, us", [run[1] / 1000 for run in runs], "<= 1")
    bench.table.ratio(f"{what}, p99, us", [run[3] / 1000 for run in runs], "<= 1")
