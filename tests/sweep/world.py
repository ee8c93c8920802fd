"""What a flow acts on: a stack whose programs meet one fault, the clients, and the way to an end in which nothing moves."""

import contextlib
import dataclasses
import os
import pathlib
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "load"))

import load  # noqa: E402  (and with it tests/api)

conftest = load.conftest

import requests  # noqa: E402

from plan import Plan  # noqa: E402
from publishing import LEASE_SEC  # noqa: E402

KEPT = ("schema_migrations", "schema_version")  # tables that are not the world's


WORKERS = ("worker-publish", "worker-media")


@dataclasses.dataclass
class Told:
    """What the client was told: done; nothing (it has not happened, try again); unknown (it may have); refused."""
    how: str
    data: dict | None = None
    code: str | None = None
    may_exist: str | None = None


def told(call):
    """One request, as an honest client understands its answer."""
    try:
        answer = call()
    except requests.ConnectionError:
        return Told("unknown")
    if answer.status_code < 300:
        return Told("done", answer.json()["data"] if answer.content else None)
    error = answer.json()["error"]
    if error["code"] == "outcome_unknown":
        return Told("unknown", code=error["code"], may_exist=error["may_exist_id"])
    return Told("nothing" if error["retryable"] else "refused", code=error["code"])


class World:
    def __init__(self, stack):
        self.stack, self.plan = stack, Plan(stack.at.test / "faults")
        self.first, self.second = self.worker(), None
        tables = [row["table_name"] for row in stack.sql(
            "SELECT TABLE_NAME AS table_name FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'marketingcli'")]
        self.tables = [t for t in tables if t not in KEPT and not t.startswith("schema_")]

    # Before and after a run

    def reset(self):
        """Nothing is left of the run before: no rows, no images, no time. The workers begin anew."""
        self.plan.end()
        for worker in WORKERS:
            self.hold(worker)
        self.stack.set_clock(0)
        self.stack.sql("SET FOREIGN_KEY_CHECKS = 0")
        for table in self.tables:
            self.stack.sql(f"DELETE FROM {table}")
        self.stack.sql("SET FOREIGN_KEY_CHECKS = 1")
        subprocess.run(["find", self.stack.at.store, "-mindepth", "1", "-delete"], check=True)
        for worker in WORKERS:
            self.let_go(worker)

    def user(self):
        return conftest.User(self.stack)

    # Programs

    def hold(self, name):
        """The program ends, and stays away until let_go."""
        (self.stack.at.hold / name).touch()
        pid = self.stack.pid(name)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        self.stack.wait(lambda: self.stack.pid(name) is None, f"{name} has ended", 60)

    def let_go(self, name):
        (self.stack.at.hold / name).unlink(missing_ok=True)

    def all_are_up(self, names):
        self.stack.wait(lambda: all(self.stack.pid(n) is not None for n in names), f"{names} run", 60)

    def worker(self):
        """How worker@publish is started, to start one more with the same rights."""
        pid = self.stack.wait(lambda: self.stack.pid("worker-publish"), "a worker runs")
        proc = pathlib.Path(f"/proc/{pid}")
        status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines() if ":\t" in line)
        return {"args": (proc / "cmdline").read_text().split("\0")[:-1],
                "env": dict(e.split("=", 1) for e in (proc / "environ").read_text().split("\0") if "=" in e),
                "user": int(status["Uid"].split()[0]), "group": int(status["Gid"].split()[0]),
                "extra_groups": [int(g) for g in status["Groups"].split()]}

    def start_second_worker(self):
        with (self.stack.at.log / "worker-publish-2.log").open("ab") as log:
            self.second = subprocess.Popen(**self.first, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")

    def end_second_worker(self):
        if self.second is not None:
            self.second.terminate()
            self.second.wait(60)
            self.second = None

    # Time

    def until(self, condition, what, rounds=12, step_sec=LEASE_SEC + 10, seconds=6):
        """Waits; as often as it does not come about by itself, the clock moves past a lease. A database that is away comes back
        after the first time: its absence was longer than a lease."""
        for _ in range(rounds):
            with contextlib.suppress(AssertionError):
                return self.stack.wait(condition, what, 1 if self.plan.is_away else seconds)
            self.stack.move_clock(step_sec)
            if self.plan.is_away:
                self.plan.end()
        return self.stack.wait(condition, what, seconds)

    # What is there

    def files(self):
        return sorted(p.name for p in self.stack.at.store.rglob("*") if p.is_file())

    def count(self, text, *args):
        return self.stack.sql(text, *args)[0]["n"]
