"""Counts tests and prints a line for each."""

import time


class Report:
    def __init__(self):
        self.passed, self.failed, self.started = 0, [], time.monotonic()

    def heading(self, text):
        print(f"== {text} ({time.monotonic() - self.started:.0f} s)", flush=True)

    def add(self, name, ok, details="", seconds=0):
        print(f"{'ok  ' if ok else 'FAIL'} {name}{f'  {seconds:.0f} s' if seconds >= 5 else ''}", flush=True)
        if ok:
            self.passed += 1
        else:
            self.failed.append(name)
            if details:
                print("     " + details.strip().replace("\n", "\n     "), flush=True)

    def end(self):
        print(f"-- {time.monotonic() - self.started:.0f} s")
        for name in self.failed:
            print(f"failed: {name}")
        print(f"{self.passed} passed, {len(self.failed)} failed", flush=True)
        return 1 if self.failed else 0
