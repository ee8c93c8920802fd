"""The row about a crowd of posts that are due at once: how fast workers hand them to TikTok."""

import collections
import contextlib
import json
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import posting  # finds tests/api
import machine
from client import CHEAP, Stack
from table import show

sys.path.append(str(machine.TESTS / "sweep"))

from world import World  # noqa: E402  (it knows how to start one more worker with the rights of the first)

USERS, ACCOUNTS_EACH, POSTS_EACH = 40, 5, 100
DELAY_MS = 100
CLIENTS = 8
TOLD_SEC = 10
ENDS_SEC = 300  # all of it: with one worker, and then with two
WANTED = {1: ">= 200", 2: ">= 300"}  # posts a second, by workers
# Keeps a window's newest call and forgets the others, so that it never is full.
WITHOUT_LIMITS = ("CREATE OR REPLACE TRIGGER bench BEFORE UPDATE ON accounts FOR EACH ROW"
                  " SET NEW.init_calls = RIGHT(NEW.init_calls, 8), NEW.poll_calls = RIGHT(NEW.poll_calls, 8)")


class Tiktok:
    """tiktok.c; inits: [(when, account, number of the post)], as they came."""

    def __init__(self, stack):
        program, self.record = stack.at.home / "bench-tiktok", stack.at.home / "inits"
        subprocess.run(["gcc", "-O2", "-o", program, machine.TESTS / "bench/tiktok.c", "-lssl", "-lcrypto", "-lpthread"], check=True)
        self.process = subprocess.Popen([program, stack.at.tls / "leaf.crt", stack.at.tls / "leaf.key", str(DELAY_MS), self.record],
                                        stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.url = f"https://localhost:{int(self.process.stdout.readline())}"

    def count(self):
        return self.record.read_bytes().count(b"\n")

    def inits(self):
        lines = [line.split() for line in self.record.read_text().splitlines()]
        return [(int(us) / 1e6, account, int(number)) for us, account, number in lines]

    def end(self):
        self.process.kill()
        self.process.wait()


class HandOver:
    def __init__(self, bench, stack):
        quick, self.ends = bench.rounds == 1, time.monotonic() + ENDS_SEC
        self.bench, self.stack, self.programs = bench, stack, posting.conftest.Stack(stack.folder)
        self.posts_each = 10 if quick else POSTS_EACH
        self.people = [Person(self.programs, 2 if quick else ACCOUNTS_EACH) for _ in range(4 if quick else USERS)]
        self.accounts = [(person, account) for person in self.people for account in person.accounts]
        self.n = len(self.accounts) * self.posts_each
        self.tiktok = Tiktok(stack)

    def status(self):
        """What MariaDB counts: of the worker, and of all."""
        counts = {name: int(value) for name, value in self.stack.sql(
            "SHOW GLOBAL STATUS WHERE variable_name IN ('Binlog_commits', 'Binlog_group_commits', 'Innodb_deadlocks')")}
        rows = self.stack.sql("SELECT select_commands + update_commands + other_commands FROM information_schema.user_statistics"
                              " WHERE user = 'marketingcli_worker_publish'")
        return {"statements": int(rows[0][0]) if rows else 0, **counts}

    def create(self, account):
        person, id = account
        body = {"upload_ids": [person.upload], "description": f"{id} 0",
                "platform_options": {"post_mode": "DIRECT_POST", "privacy_level": "PUBLIC_TO_EVERYONE"}}
        self.stack.call("POST", f"/api/v1/accounts/{id}/posts", {**person.bearer, "Content-Type": "application/json"}, json.dumps(body))

    def copy(self):
        """Each account's post as often as it is wanted, with an id after the one before: how posts are made is another row's."""
        of = f"FROM posts p JOIN seq_1_to_{self.posts_each - 1} s"
        queued = "WHERE p.state = 'queued'"
        made = {"posts": f"{of} {queued}", "post_images": f"{of} JOIN post_images t ON t.post_id = p.id {queued}",
                "post_events": f"{of} JOIN post_events t ON t.post_id = p.id {queued}"}
        rows = {table: self.copied(table, "p" if table == "posts" else "t") for table in made}
        # The posts last: what is copied is found by them.
        self.stack.sql("START TRANSACTION; SET foreign_key_checks = 0;" + ";".join(
            f"INSERT INTO {table} ({columns}) SELECT {values} {made[table]}" for table, (columns, values) in reversed(rows.items())) + "; COMMIT")

    def copied(self, table, source):
        """(its columns, their values in a copy)"""
        columns = [c for c, in self.stack.sql(f"SELECT column_name FROM information_schema.columns WHERE table_schema = 'marketingcli'"
                                              f" AND table_name = '{table}' AND is_generated = 'NEVER'")]
        changed = {"id": later(f"{source}.id"), "post_id": later("p.id"), "description": "CONCAT(SUBSTRING_INDEX(p.description, ' ', 1), ' ', s.seq)"}
        return ", ".join(columns), ", ".join(changed.get(c, f"{source}.{c}") for c in columns)

    def ended(self):
        """How many of the posts; all, once nothing is left to do."""
        left = int(self.stack.sql("SELECT COUNT(*) FROM jobs_publish WHERE kind IN ('turn', 'poll')")[0][0])
        return self.n - min(left, self.n)

    def run(self, workers):
        """What one hand-over took."""
        seen = self.tiktok.count()
        with self.programs.configured("worker-publish", tiktok_api_url=self.tiktok.url), contextlib.ExitStack() as second:
            world = World(self.programs)
            with self.programs.stopped("worker-publish"):
                with ThreadPoolExecutor(CLIENTS) as pool:
                    list(pool.map(self.create, self.accounts))
                self.copy()
                before = self.status()
                if workers == 2:
                    world.start_second_worker("worker-publish")
                    second.callback(world.end_second_worker)
                began = time.monotonic()
            groups = {**self.stack.groups(), "TikTok": self.tiktok.process.pid}
            cpu = machine.cpu_of_groups()
            with machine.Peak(lambda: machine.pss_mb(groups["worker-publish"])) as peak:
                self.until(lambda: self.tiktok.count() - seen, f"{workers} at work, handed over")
                inits = self.tiktok.inits()[seen:]
                self.until(self.ended, f"{workers} at work, ended")
            after, used = self.status(), machine.cpu_of_groups()
        published = int(self.stack.sql("SELECT COUNT(*) FROM posts WHERE state <> 'published'")[0][0])
        if published or len(inits) != self.n:
            raise RuntimeError(f"{len(inits)} inits of {self.n} posts; {published} posts are not published")
        firsts = {}
        for when, account, _ in inits:
            firsts.setdefault(account, when)
        return {"rate": self.n / (inits[-1][0] - began), "last first": max(firsts.values()) - began, "disorder": disorder(inits),
                "memory": peak.mb, "counts": {name: (after[name] - before[name]) / self.n for name in after},
                "cpu": {name: (used.get(group, 0) - cpu.get(group, 0)) * 1e3 / self.n for name, group in groups.items()}}

    def until(self, count, what):
        """All of the posts. Says how far it is, because it takes minutes."""
        told = time.monotonic()
        while (n := count()) < self.n:
            if time.monotonic() > self.ends:
                raise RuntimeError(f"hand-over: not done after {ENDS_SEC} s: {what} {n} of {self.n}")
            if time.monotonic() > told + TOLD_SEC:
                told = time.monotonic()
                print(f"hand-over, {what}: {n} of {self.n}", file=sys.stderr, flush=True)
            time.sleep(0.5)


class Person(posting.conftest.User):
    """With a key, an image and accounts."""

    def __init__(self, stack, accounts):
        super().__init__(stack)
        self.accounts = [self.connect() for _ in range(accounts)]
        self.bearer = {"Authorization": f"Bearer {self.key}"}
        self.upload = posting.expect(self.api.post("/api/v1/uploads", data=posting.images.jpeg(90, 60)), 201)["data"]["id"]


def later(id):
    """SQL for the id with a time that is so many milliseconds later."""
    return f"UNHEX(CONCAT(LPAD(HEX(CONV(LEFT(HEX({id}), 12), 16, 10) + s.seq), 12, '0'), SUBSTR(HEX({id}), 13)))"


def disorder(inits):
    """Posts that came before an older one of their account."""
    numbers = collections.defaultdict(list)
    for _, account, number in inits:
        numbers[account].append(number)
    return sum(a > b for of_account in numbers.values() for a, b in zip(of_account, of_account[1:]))


def handover(bench):
    stack = Stack(bench.stack.build, "--durable", CHEAP)
    try:
        stack.sql("SET GLOBAL userstat = 1")
        stack.sql(WITHOUT_LIMITS)
        it = HandOver(bench, stack)
        try:
            tell(bench, it, {workers: it.run(workers) for workers in WANTED})
        finally:
            it.tiktok.end()
    finally:
        stack.down()


def tell(bench, it, runs):
    what = f"hand-over of {it.n} due posts over {len(it.accounts)} accounts, {{}} worker{{}}"
    for workers, run in runs.items():
        name = what.format(workers, "s" if workers > 1 else "")
        bench.table.ratio(f"{name}, posts a second", [run["rate"]], WANTED[workers], digits=0)
        bench.table.ratio(f"{name}, first post of the last account, s", [run["last first"]], "<= 5", digits=1)
        bench.table.ratio(f"{name}, posts out of their account's order", [run["disorder"]], "<= 0", digits=0)
        bench.table.ratio(f"{name}, memory (PSS) of the worker at most, MB", [run["memory"]], digits=1)
    detail = "Hand-over, per post until it is published"
    bench.table.detail(detail, "", *(f"{workers} worker{'s' if workers > 1 else ''}" for workers in runs))
    for label, part, field in (("statements of the workers", "counts", "statements"), ("commits", "counts", "Binlog_commits"),
                               ("groups of commits", "counts", "Binlog_group_commits"), ("deadlocks", "counts", "Innodb_deadlocks")):
        bench.table.detail(detail, label, *(show(run[part][field]) for run in runs.values()))
    for name in sorted({name for run in runs.values() for name in run["cpu"]}):
        values = [run["cpu"].get(name, 0) for run in runs.values()]
        if statistics.fmean(values) >= 0.05:
            bench.table.detail(detail, f"CPU of {name}, ms", *(show(value) for value in values))
