"""The plan of faults, which all programs of a test build map (lib/base/fault.h)."""

import dataclasses
import mmap
import struct

STEPS_MAX, PROGRAM_BYTES, PROGRAMS_MAX = 4096, 32, 4
HEAD, STEP = struct.Struct("<5I"), struct.Struct("<4I96s")
KIND, AT, COUNTED, MET, NUMBER = range(5)  # the fields of the head
PROGRAMS_AT = HEAD.size
STEPS_AT = PROGRAMS_AT + PROGRAMS_MAX * PROGRAM_BYTES
SIZE = STEPS_AT + STEPS_MAX * STEP.size

OFF, COUNT = 0, 1
KINDS = {"kill before": 2, "kill after": 3, "error": 4, "lost": 5, "away": 6, "stop": 7, "left": 8}
LEFT = "left"  # takes as long as a worker has for its end: only where a result has just come, and only these steps count
RESULT = " take a result"


@dataclasses.dataclass(frozen=True)
class Step:
    process: int
    thread: int
    n: int  # rows
    done: bool
    name: str  # "posts INSERT INTO posts"

    @property
    def what(self):
        """Without the program."""
        return self.name.partition(" ")[2]


def step_of(field):
    process, thread, n, done, name = STEP.unpack(field)
    return Step(process, thread, n, done == 1, name.partition(b"\0")[0].decode(errors="replace"))


class Plan:
    def __init__(self, path):
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), SIZE)

    def field(self, n):
        return struct.unpack_from("<I", self.map, 4 * n)[0]

    def put(self, n, value):
        struct.pack_into("<I", self.map, 4 * n, value)

    def begin(self, programs, kind=COUNT, at=0):
        """From now on the steps of these programs count; the at-th meets the fault. The kind is put last: it starts all."""
        assert self.field(KIND) == OFF and 0 < len(programs) < PROGRAMS_MAX
        names = b"".join(p.encode().ljust(PROGRAM_BYTES, b"\0") for p in programs)
        self.put(NUMBER, self.field(NUMBER) + 1)
        self.map[PROGRAMS_AT:STEPS_AT] = names.ljust(STEPS_AT - PROGRAMS_AT, b"\0")
        self.map[STEPS_AT:SIZE] = bytes(SIZE - STEPS_AT)
        for n, value in ((AT, at), (COUNTED, 0), (MET, 0), (KIND, kind)):
            self.put(n, value)

    def end(self):
        self.put(KIND, OFF)

    @property
    def is_away(self):
        return self.field(KIND) in (KINDS["away"], KINDS[LEFT]) and self.met

    @property
    def is_left(self):
        """Is the worker that met it to end while the database is away?"""
        return self.field(KIND) == KINDS[LEFT] and self.met

    @property
    def met(self):
        return self.field(MET) == 1

    @property
    def counted(self):
        return self.field(COUNTED)

    def place(self, kind, at):
        """Among all steps, from 1."""
        results = [n for n, step in enumerate(self.steps(), 1) if step.name.endswith(RESULT)]
        return at if kind != LEFT else results[at - 1] if at <= len(results) else self.counted + 1

    def step(self, n):
        """The n-th step, from 1."""
        at = STEPS_AT + (n - 1) * STEP.size
        return step_of(self.map[at:at + STEP.size])

    def steps(self):
        return [self.step(n) for n in range(1, min(self.counted, STEPS_MAX) + 1)]
