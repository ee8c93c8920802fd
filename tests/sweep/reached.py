"""What the sweep must have met, or it is not what it says. A run brings what it has really seen, not what it was meant to.
And of which faults the admin is told."""

import dataclasses
import pathlib
import re

from plan import KINDS
from world import WORKERS

ALARM_DEF = pathlib.Path(__file__).resolve().parent.parent.parent / "lib/metrics/alarm.def"
ALARMS = re.findall(r'^ALARM\(\w+, "(\w+)"', ALARM_DEF.read_text(), re.M)
# billing_attention is what some flows are about, whatever they meet. The others: by no kind.
RAISED_BY = {"database_away": ("error", "lost", "away", "left"), "program_died": ("kill before", "kill after"),
             "billing_attention": (None, *KINDS), "journal_not_written": ("error", "lost", "away")}
AT_STEP = {"journal_not_written": " fsync the journal"}  # and only when that met it

TAKEN_OVER, ONE_OF_TWO_DIED, OUTAGE, STOPPING, TOLD_UNKNOWN, NOT_SENT, TAKEN_UP = (
    "a job of a process that died was run by another", "one of two workers died, the other lived on",
    "the clock moved past a lease while the database was away", "the worker was told to stop, and ended by itself",
    "a client was told outcome_unknown", "a receipt says that an init was not sent",
    "what one worker has left was taken up by another")


@dataclasses.dataclass(frozen=True)
class Run:
    flow: str
    kind: str
    at: int
    workers: int = 1

    def __str__(self):
        return f"--flow '{self.flow}' --kind '{self.kind}' --at {self.at} --workers {self.workers}"


@dataclasses.dataclass(frozen=True)
class Outcome:
    run: Run
    step: str | None  # that met the fault; None: none did
    seen: frozenset = frozenset()
    wrong: str | None = None


INIT, REACH = "/content/init/", " reach "


def is_init(step):
    return INIT in step and REACH not in step


# name, outcome -> bool
REACHED = [
    *((f"two live workers of {worker}, of which one dies at work", lambda o, worker=worker: (
        o.run.kind.startswith("kill") and o.step.startswith(f"{worker} ") and ONE_OF_TWO_DIED in o.seen)) for worker in WORKERS),
    ("a job of a dead worker that another takes over", lambda o: o.run.workers == 2 and {ONE_OF_TWO_DIED, TAKEN_OVER} <= o.seen),
    ("a worker's COMMIT that was done and whose answer was lost",
     lambda o: o.run.kind == "lost" and o.step.startswith("worker-") and o.step.endswith(" COMMIT")),
    ("an ambiguous COMMIT of which a client was told", lambda o: o.step.endswith(" COMMIT") and TOLD_UNKNOWN in o.seen),
    ("a database that is away for longer than a lease", lambda o: o.run.kind == "away" and OUTAGE in o.seen),
    ("a TikTok that is slow when the worker is stopped",
     lambda o: o.run.kind == "stop" and is_init(o.step) and STOPPING in o.seen),
    *((f"a result that {worker} leaves to the next one, when it must end while the database is away", lambda o, worker=worker: (
        o.run.kind == "left" and o.step.startswith(f"{worker} ") and TAKEN_UP in o.seen)) for worker in ("worker-publish", "worker-mail")),
    ("an init whose answer was lost", lambda o: o.run.kind == "lost" and is_init(o.step)),
    ("an init that was surely not sent",
     lambda o: o.run.kind == "error" and INIT in o.step and REACH in o.step and NOT_SENT in o.seen),
    *((what, lambda o, step=step: o.run.kind == "error" and o.step.endswith(step)) for what, step in (
        ("a connection to the database that fails", " connect to the database"),
        ("a transaction that does not begin", " START TRANSACTION"),
        ("an image that does not get to the disk", " sync a file"),
        ("a folder that does not get to the disk", " sync a folder"))),
    ("a call or a result that changes hands when the worker dies",
     lambda o: o.run.kind.startswith("kill") and o.step.endswith((" hand over a call", " take a result"))),
]


def has_reason(alarm, kind, step):
    return kind in RAISED_BY.get(alarm, ()) and step.endswith(AT_STEP.get(alarm, ""))


def false_alarms(kind, step, logged, about=()):
    """The lines of alarms ({program: its log}) that no fault of this kind at this step is a reason for, and which the flow is not about."""
    names = [name for name in ALARMS if not has_reason(name, kind, step) and name not in about]
    event = re.compile(rf'"event":"({"|".join(names)})"')
    return [line for text in logged.values() for line in text.splitlines() if event.search(line)]


def missed(outcomes, all_of_it, kinds=()):
    """What is wrong with the sweep itself. Most runs must meet their fault: else the steps are not what was counted. All together
    must meet what REACHED says, and each flow every kind."""
    met = [o for o in outcomes if o.step]
    found = [] if len(met) * 4 > len(outcomes) * 3 else [f"{len(met)} of {len(outcomes)} runs met their fault"]
    if not all_of_it:
        return found
    found += [name for name, is_it in REACHED if not any(map(is_it, met))]
    reached = {(o.run.flow, o.run.workers, o.run.kind) for o in met}
    wanted = {(o.run.flow, o.run.workers, kind) for o in outcomes for kind in kinds}
    return found + [f"{flow}, {n} worker(s): no {kind}" for flow, n, kind in sorted(wanted - reached)]
