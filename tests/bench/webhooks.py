"""The row about a burst of Stripe's webhooks: 10 000 events from 64 connections through nginx, with durable commits, beside the same in
Go and Node."""

import subprocess
import time

import posting  # finds tests/api
import machine
import peers
import stripe_events
import users
from client import CHEAP, Stack
from table import show

EVENTS, CONNECTIONS, CUSTOMERS = 10_000, 64, 1_000
PATHS = {"ours": "/webhooks/stripe", "Go": "/api/bench/go/webhook", "Node": "/api/bench/node/webhook"}
PADDING = "x" * 4000  # an event about a subscription has some 5 KB


def customers(stack, n):
    """So many users with a customer each."""
    for i in range(0, n, 200):
        made = [(users.new_id().hex, f"bench{i + k}@example.com", f"cus_bench{i + k}") for k in range(min(200, n - i))]
        rows = ",".join(f"(x'{id}', '{email}', '{email}', 'x', 'active', 1, 1)" for id, email, _ in made)
        stack.sql(f"INSERT INTO users (id, email_key, email, password_hash, state, created_at_us, updated_at_us) VALUES {rows}")
        rows = ",".join(f"(x'{id}', '{customer}', 1, 1)" for id, _, customer in made)
        stack.sql(f"INSERT INTO subscriptions (user_id, customer_id, created_at_us, updated_at_us) VALUES {rows}")


class Burst:
    def __init__(self, bench, stack):
        self.bench, self.stack = bench, stack
        self.n = 500 if bench.rounds == 1 else EVENTS
        self.programs = posting.conftest.Stack(stack.folder)
        self.program, self.file = stack.at.home / "bench-burst", stack.at.home / "bench-events"
        subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", "-o", self.program, machine.TESTS / "bench/burst.c", "-lssl", "-lcrypto",
                        "-lpthread"], check=True)
        customers(stack, CUSTOMERS)

    def run(self, name, path):
        """One burst of events that nobody has seen: {what it gave}."""
        self.stack.sql("DELETE FROM jobs_billing; DELETE FROM provider_events")
        bodies = [stripe_events.bytes_of(stripe_events.event(customer=f"cus_bench{i * 7 % CUSTOMERS}", data={
            "metadata": {"padding": PADDING}, "status": "active"})) for i in range(self.n)]
        self.file.write_bytes(b"\0".join(
            self.stack.wire("POST", path, {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature":
                                           stripe_events.signed(self.programs, body)}, body) for body in bodies))
        command = [self.program, str(self.stack.https), str(CONNECTIONS), self.file]
        before = self.cpu()
        done, _, others = self.bench.measured(lambda: subprocess.run(command, check=True, capture_output=True, text=True, timeout=120))
        after = self.cpu()
        n, us, p50_us, p99_us, not_2xx, broken = map(int, done.stdout.removeprefix("RESULT").split())
        stored, jobs = (int(v) for v in self.stack.sql("SELECT (SELECT COUNT(*) FROM provider_events), (SELECT COUNT(*) FROM jobs_billing)")[0])
        if (not_2xx, broken, stored, jobs) != (0, 0, n, min(n, CUSTOMERS)):
            raise RuntimeError(f"{name}: of {n} events {not_2xx} were refused, {broken} broke off; stored: {stored}, jobs: {jobs}")
        return {"rps": n * 1e6 / us, "p50": p50_us / 1e3, "p99": p99_us / 1e3, "others": others,
                "cpu": {who: (after[who] - before.get(who, 0)) * 1e6 / n for who in after}}

    def cpu(self):
        used = machine.cpu_of_groups()
        return {name: used.get(group, 0) for name, group in self.groups.items()}


def until_reloaded(stack):
    """The processes that nginx had before close what is idle on them."""
    good, end = 0, time.monotonic() + 30
    while good < 20:
        try:
            stack.call("GET", "/api/bench/return200")
            good += 1
        except (RuntimeError, OSError):
            good = 0
            if time.monotonic() > end:
                raise
        time.sleep(0.1)


def webhooks(bench):
    stack = Stack(bench.stack.build, "--durable", CHEAP)
    try:
        burst = Burst(bench, stack)
        others = peers.Peers(stack.at, stack.sql, BENCH_WEBHOOK_SECRET=stripe_events.secret_of(burst.programs))
        peers.nginx(stack.at, others.made, stack.groups()["nginx"])
        until_reloaded(stack)
        burst.groups = {**stack.groups(), **others.groups}
        with burst.programs.stopped("worker-billing"):
            tell(bench, burst, bench.in_turns({name: lambda name=name, path=path: burst.run(name, path) for name, path in PATHS.items()}))
        others.stop()
    finally:
        stack.down()


def tell(bench, burst, runs):
    what = f"webhooks, {burst.n} events from {CONNECTIONS} connections, durable"
    bench.table.ratio(f"{what}: acknowledged a second", [r["rps"] for r in runs["ours"]], ">= 2000", digits=0)
    bench.table.ratio(f"{what}: p99, ms", [r["p99"] for r in runs["ours"]], "<= 40", digits=1)
    for name in ("Go", "Node"):
        bench.table.ratio(f"{what}, acknowledged a second: ours / {name}", [a["rps"] / b["rps"] for a, b in zip(runs["ours"], runs[name])])
    title = "Webhooks, medians of the runs; CPU per event"
    bench.table.detail(title, "", "events/s", "p50 ms", "p99 ms", "nginx us", "program us", "MariaDB us", "others %")
    for name, program in (("ours", "billing"), ("Go", "go"), ("Node", "node")):
        middle = lambda value: posting.quantile([value(r) for r in runs[name]], 0.5)  # noqa: E731
        bench.table.detail(title, name, show(middle(lambda r: r["rps"]), 0), show(middle(lambda r: r["p50"])), show(middle(lambda r: r["p99"])),
                           *(show(middle(lambda r: r["cpu"].get(who, 0)), 0) for who in ("nginx", program, "mariadb")),
                           show(middle(lambda r: r["others"] * 100), 0))
