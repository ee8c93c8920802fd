"""Counts tests and prints a line for each.

Groups that run side by side have a section each. The first section that has not ended is printed as it goes, the others
when it is their turn: what belongs together stands together.
"""

import threading
import time


class Report:
    def __init__(self):
        self.passed, self.failed, self.shaky, self.started = 0, [], [], time.monotonic()
        self.lock, self.sections, self.took = threading.RLock(), [], []
        self.results = {}  # the last of each test

    def seconds(self):
        return time.monotonic() - self.started

    def section(self, name):
        with self.lock:
            self.sections.append(Section(self, name))
            return self.sections[-1]

    def print_on(self):
        """Prints what is due."""
        while self.sections:
            first = self.sections[0]
            for line in first.lines:
                print(line, flush=True)
            first.lines.clear()
            if not first.ended:
                return
            self.sections.pop(0)

    def end(self):
        print(f"-- {self.seconds():.0f} s ({', '.join(f'{name} {sec:.0f}' for name, sec in self.took)})")
        for name in self.shaky:
            print(f"shaky: {name} failed, and passed alone: find out why")
        for name in self.failed:
            print(f"failed: {name}")
        shaky = f", {len(self.shaky)} shaky" if self.shaky else ""
        print(f"{self.passed} passed, {len(self.failed)} failed{shaky}", flush=True)
        return 1 if self.failed else 0


class Section:
    def __init__(self, report, name):
        self.report, self.name, self.lines = report, name, []
        self.began, self.ended = None, False

    def say(self, text):
        with self.report.lock:
            self.lines.append(text)
            self.report.print_on()

    def begin(self):
        """The heading, the first time."""
        with self.report.lock:
            if self.began is None:
                self.began = self.report.seconds()
                self.say(f"== {self.name} ({self.began:.0f} s)")

    def add(self, name, ok, details="", seconds=0):
        details = "" if ok else details.strip()
        with self.report.lock:
            self.report.results[name] = ok
            if ok and name in self.report.failed:  # before
                self.report.failed.remove(name)
                self.report.shaky.append(name)
            elif ok:
                self.report.passed += 1
            elif name not in self.report.failed:
                self.report.failed.append(name)
            self.say(f"{'ok  ' if ok else 'FAIL'} {name}{f'  {seconds:.0f} s' if seconds >= 5 else ''}")
            if details:
                self.say("     " + details.replace("\n", "\n     "))

    def end(self):
        with self.report.lock:
            self.ended = True
            if self.began is not None:
                self.report.took.append((self.name, self.report.seconds() - self.began))
            self.report.print_on()
