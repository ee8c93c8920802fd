"""What a flow acts on: a stack whose programs meet one fault, the clients, and the way to an end in which nothing moves."""

import contextlib
import dataclasses
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "load"))

import load  # noqa: E402  (and with it tests/api)

conftest = load.conftest

import requests  # noqa: E402

from plan import Plan  # noqa: E402
from publishing import LEASE_SEC  # noqa: E402

WORKERS = {"worker-publish": "jobs_publish", "worker-media": "jobs_media", "worker-mail": "jobs_mail", "worker-billing": "jobs_billing", "worker-privacy": "jobs_privacy"}
# A worker that must end while the database is away does so after the time of a call and 15 s.
SETTINGS = ("worker.idle_ms=50", "tiktok.timeout_sec=10", "smtp.timeout_sec=10")
LOOK_SEC, ASK_SEC = 0.06, 0.5  # between looks at whether something moves, and between questions to the API
SOON_SEC = 20  # longer than workers leave alone what others may have open
GRACE_SEC = 3.2  # JUMP_GRACE_US of lib/jobs/leases.c, and a bit; less than its STOOD_US, so it is no jump of its own
PATIENCE_SEC = 120  # for something that moves by itself: longer than the longest wait that the clock does not end


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


def written_since(path, size):
    with path.open("rb") as f:
        f.seek(size)
        return f.read().decode(errors="replace")


class World:
    def __init__(self, stack):
        self.stack, self.plan = stack, Plan(stack.at.test / "faults")
        self.how = {worker: self.how_started(worker) for worker in WORKERS}
        self.second, self.second_of = None, None  # of which worker there are two, or will be once it is let go
        self.sizes, self.programs = {}, ()  # of the logs, when what counts began; whose steps count
        self.stripe = None  # tests/fakes/stripe.py, once a flow has asked for it: worker@billing goes on asking there
        self.outage = False  # whether a database was away for longer than a lease
        self.jumped = {}  # workers that have not seen yet that the clock was set on: where their logs ended then
        tables = [row["table_name"] for row in stack.sql(
            "SELECT TABLE_NAME AS table_name FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'marketingcli'")]
        self.tables = [t for t in tables if not t.startswith("schema_") and t != "stores"]  # the folder stays whose it is
        self.settings = None  # of the flow of the last run

    def user(self):
        return conftest.User(self.stack)

    # Programs

    def configure(self, settings):
        """Programs that are no workers, as a flow wants them. The run before may have been another's."""
        if settings is self.settings:
            return
        before, after = (wanted(self) if wanted else {} for wanted in (self.settings, settings))
        for program in before.keys() | after.keys():
            text = self.stack.at.conf.read_text()
            for name, value in after.get(program, {}).items():
                text = conftest.with_setting(text, name, value)
            self.stack.at.conf_of(program).write_text(text)
            self.stack.restart(program)
        self.settings = settings

    def is_held(self, name):
        return (self.stack.at.hold / name).exists()

    def hold(self, name, signo=signal.SIGTERM):
        """The program ends, and stays away until let_go. It may be just starting: then the signal comes when it is there."""
        down, told = self.stack.at.hold / f"{name}.down", set()

        def is_down():
            pid = self.stack.pid(name)
            if pid is not None and pid not in told:
                told.add(pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signo)
            return down.exists()
        down.unlink(missing_ok=True)
        (self.stack.at.hold / name).touch()
        self.stack.nudge()
        self.stack.wait(is_down, f"{name} has ended", 60)
        self.metrics_of(name).unlink(missing_ok=True)  # of one that was killed: no news of the next run

    def let_go(self, name):
        if self.is_held(name):
            (self.stack.at.hold / name).unlink()
            self.stack.nudge()
        if name == self.second_of and self.second is None:
            self.start_second_worker(name)

    def all_are_up(self, names):
        self.stack.wait(lambda: all(self.stack.pid(n) is not None for n in names), f"{names} run", 60)

    def how_started(self, worker):
        """How it is started, to start one more with the same rights."""
        pid = self.stack.wait(lambda: self.stack.pid(worker), "a worker runs")
        proc = pathlib.Path(f"/proc/{pid}")
        status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines() if ":\t" in line)
        env = dict(e.split("=", 1) for e in (proc / "environ").read_text().split("\0") if "=" in e)
        return {"args": (proc / "cmdline").read_text().split("\0")[:-1],
                "env": {**env, "MARKETINGCLI_CONF": str(self.stack.at.conf_of(f"{worker}-2"))},
                "user": int(status["Uid"].split()[0]), "group": int(status["Gid"].split()[0]),
                "extra_groups": [int(g) for g in status["Groups"].split()]}

    def metrics_of(self, name):
        return self.stack.at.run / "metrics" / f"{name}.sock"

    def metrics_of_second(self):
        return self.stack.at.run / "metrics-2" / f"{self.second_of}.sock"

    def start_second_worker(self, worker):
        """With the settings of the first one; it shows its metrics elsewhere."""
        self.second_of = worker
        at, shown = self.stack.at, self.metrics_of_second()
        shown.parent.mkdir(exist_ok=True)
        shown.parent.chmod(0o777)
        shown.unlink(missing_ok=True)  # of one that a former run has killed: no news of this one
        own, conf = at.conf_of(worker), at.conf_of(f"{worker}-2")
        conf.write_text(conftest.with_setting((own if own.exists() else at.conf).read_text(), "metrics_dir", shown.parent))
        conf.chmod(0o644)
        with (at.log / f"{worker}-2.log").open("ab") as log:
            self.second = subprocess.Popen(**self.how[worker], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")

    def second_lives(self):
        return self.second is not None and self.second.poll() is None

    def end_second_worker(self, signo=signal.SIGTERM):
        if self.second is not None:
            self.second.send_signal(signo)
            self.second.wait(60)
        self.second, self.second_of = None, None

    def begin(self, programs, *fault):
        """From now on the steps of these programs count."""
        self.sizes = {path: path.stat().st_size for path in self.stack.at.log.glob("*.log")}
        self.programs, self.outage, self.jumped = programs, False, {}
        self.plan.begin(programs, *fault)

    def logged(self):
        """{program: what it has logged since}"""
        return {path.stem: written_since(path, self.sizes.get(path, 0)) for path in self.stack.at.log.glob("*.log")}

    def all_know(self):
        """Whether all workers that may meet the fault have seen that the database is away. One that has not would take the others
        for dead: an outage of longer than a lease is in truth seen by all. Who was told to stop meanwhile has ended."""
        logged = self.logged()
        workers = [p for p in self.programs if p in WORKERS] + [f"{self.second_of}-2"] * self.second_lives()
        if self.plan.is_left and not any('"event":"stopped"' in logged[name] for name in logged if name.startswith("worker-")):
            return False
        return all('"event":"database_away"' in logged[name] for name in workers)

    # Time

    def now_us(self):
        """By the programs' clock."""
        return time.time_ns() // 1000 + int((self.stack.at.test / "clock").read_text())

    def set_time(self, now_us):
        self.stack.set_clock(now_us - time.time_ns() // 1000)

    def open_runs(self, path):
        """As the worker's metrics have it; None when nobody answers there."""
        with socket.socket(socket.AF_UNIX) as s, contextlib.suppress(OSError):
            s.settimeout(5)
            s.connect(str(path))
            s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            with s.makefile("rb") as answer:
                if found := re.search(rb"^marketingcli_runs_open\{[^}]*\} (\d+)", answer.read(), re.M):
                    return int(found[1])
        return None

    def set_on(self, sec):
        """The clock, by so much that it is a jump."""
        logs = {name: self.stack.at.log / f"{name}.log" for name in [*WORKERS, *([f"{self.second_of}-2"] * self.second_lives())]}
        self.jumped = {path: path.stat().st_size for name, path in logs.items() if not self.is_held(name)}
        self.stack.move_clock(sec)

    def end_grace(self):
        """Workers take over nothing for some seconds after a jump that they have seen. These need not be waited for, either."""
        if self.jumped and all('"event":"clock_jumped"' in written_since(*log) for log in self.jumped.items()):
            self.jumped = {}
            self.stack.move_clock(GRACE_SEC)

    def stillness(self, soon_sec=0):
        """(jobs, None) when nothing moves by itself until the clock does: no job is due or runs, and TikTok fetches nothing. Else
        (None, what moves). Who wants to be sure compares two of them."""
        now_us = self.now_us()
        workers = {name: table for name, table in WORKERS.items() if not self.is_held(name)}
        jobs = [self.stack.sql(f"SELECT kind, id, run_at_us, lease_token FROM {table} WHERE state = 'ready' ORDER BY id")
                for table in workers.values()]
        if due := [job for of_class in jobs for job in of_class if job["run_at_us"] <= now_us + soon_sec * 1_000_000]:
            return None, f"due: {due}"
        if self.count("SELECT COUNT(*) AS n FROM sandbox_publishes WHERE status = 'PROCESSING_DOWNLOAD'"
                      " AND (next_at_us <= %s OR (lease_token IS NOT NULL AND pulled_at_us IS NULL))", now_us):
            return None, "TikTok fetches images"
        if missing := [name for name in workers if self.stack.pid(name) is None]:
            return None, f"about to be started again: {missing}"
        shown = [self.metrics_of(name) for name in workers]
        shown += [self.metrics_of_second()] if self.second_lives() else []
        runs = {str(path): self.open_runs(path) for path in shown}
        return (None, f"open runs: {runs}") if any(n != 0 for n in runs.values()) else (jobs, None)

    def tiktok_is_done(self):
        """With all posts it has. Else it might go on in the middle of what Kept reads."""
        return self.count("SELECT COUNT(*) AS n FROM sandbox_publishes WHERE status = 'PROCESSING_DOWNLOAD'") == 0

    def as_far_as_it_goes(self, condition, what, soon_sec=0):
        """condition() when it comes about by itself; None when nothing moves any more."""
        still, moves, asked, end = None, None, time.monotonic(), time.monotonic() + PATIENCE_SEC
        while time.monotonic() < end:
            if self.plan.is_away and self.all_know():
                return None
            self.end_grace()
            before, (still, moves) = still, self.stillness(soon_sec)
            ends = still is not None and still == before and not self.plan.is_away
            if ends or time.monotonic() > asked + ASK_SEC:
                asked = time.monotonic()
                value = condition()
                if ends or value:
                    return value
            time.sleep(LOOK_SEC)
        raise AssertionError(f"{what}: not within {PATIENCE_SEC} s, in which {moves}")

    def until(self, condition, what, rounds=12, step_sec=LEASE_SEC + 10):
        """Waits; as often as nothing moves by itself and it has not come about, the clock moves past a lease. A database that is
        away comes back after the first time: its absence was longer than a lease. After a jump of the clock workers take over
        nothing for a while, so in the second half what is due soon is waited for."""
        for n in range(rounds):
            if value := self.as_far_as_it_goes(condition, what, SOON_SEC if n >= rounds // 2 else 0):
                return value
            self.set_on(step_sec)
            if self.plan.is_away:
                self.outage |= step_sec > LEASE_SEC
                self.plan.end()
        value = self.as_far_as_it_goes(condition, what)
        assert value, f"{what}: not in {rounds} times {step_sec} s"
        return value

    # What is there

    def files(self):
        """Of images."""
        return sorted(p.name for p in self.stack.at.store.rglob("[!.]*") if p.is_file())

    def count(self, text, *args):
        return self.stack.sql(text, *args)[0]["n"]
