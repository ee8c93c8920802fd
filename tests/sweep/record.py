"""What a sweep has done so far, in a file, so that one of hours can be ended and gone on with. Lines of JSON: the steps that were
counted, once for each flow, then the outcomes as they came."""

import json
import pathlib

from reached import Outcome, Run


class Record:
    """Without a path it keeps nothing."""

    def __init__(self, path):
        self.file, self.counted, self.outcomes = None, {}, {}  # {(flow, workers): steps}, {Run: (Outcome, seconds)}
        if path is None:
            return
        if pathlib.Path(path).exists():
            for line in pathlib.Path(path).read_text().splitlines():
                self.take(json.loads(line))
        self.file = open(path, "a", buffering=1)

    def take(self, entry):
        run = Run(entry["flow"], entry.get("kind"), entry.get("at"), entry["workers"])
        if run.kind is None:
            self.counted[run.flow, run.workers] = entry["steps"]
        else:
            self.outcomes[run] = Outcome(run, entry["step"], frozenset(entry["seen"]), entry["wrong"]), entry["seconds"]

    def add(self, **entry):
        if self.file is not None:
            self.file.write(json.dumps(entry) + "\n")

    def add_counted(self, counted):
        for (flow, workers), steps in counted.items():
            self.add(flow=flow, workers=workers, steps=steps)

    def add_outcome(self, outcome, seconds):
        run = outcome.run
        self.add(flow=run.flow, kind=run.kind, at=run.at, workers=run.workers, step=outcome.step, seen=sorted(outcome.seen),
                 wrong=outcome.wrong, seconds=round(seconds, 1))

    def right(self):
        """Those that need not be made again: what was wrong must be."""
        return {run: had for run, had in self.outcomes.items() if had[0].wrong is None}
