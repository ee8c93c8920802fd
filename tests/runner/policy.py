"""The promises of the privacy policy: tests/policy, one stack for all of them, and what tests of other groups say of them.

A promise is kept when each of its tests has passed, and it has one. A test that another group has run in this run is not run
again; one that nobody has run, because the run was asked for this group alone, is run here.
"""

import re
import sys

from builds import CHECKOUT
from groups import Pytest

sys.path.insert(0, str(CHECKOUT / "tests/policy"))

from promises import PROMISES  # noqa: E402

OWN = re.compile(r"::test_([A-Z]\d)(?![0-9A-Za-z])")


class Gathered:
    """In place of a section of the report: keeps the results."""

    def __init__(self, section):
        self.section, self.results = section, {}

    def add(self, name, ok, details="", seconds=0):
        self.results[name] = self.results.get(name, True) and ok
        if not ok:
            self.section.say(f"FAIL {name}\n     " + details.strip().replace("\n", "\n     "))

    def say(self, text):
        self.section.say(text)


def names_of(test, names):
    """Those that a row of the table means."""
    return [n for n in names if n == test or n.startswith((f"{test}[", f"{test}::", f"{test}:"))]


class Policy:
    name, builds = "policy", ["asan"]

    def __init__(self, groups):
        self.own, self.groups = Pytest("policy", "asan", "MARKETINGCLI_BUILD"), groups

    def names(self):
        return [f"policy/{id}" for id in PROMISES]

    def parts(self, wanted, section):
        return [lambda: self.run([name.partition("/")[2] for name in wanted], section)]

    def run(self, ids, section):
        tests = {id: [n for n in self.own.names() if (m := OWN.search(n)) and m[1] == id] for id in ids}
        nobodys = [n for n in self.own.names() if not (m := OWN.search(n)) or m[1] not in PROMISES]
        gathered = Gathered(section)
        if self.own.problem:
            section.say(self.own.problem)
        # All of them, also where few promises are wanted: what holds for a whole run is asked at its end.
        self.run_here(self.own, self.own.names(), gathered)
        for id in ids:
            for test in PROMISES[id][1]:
                group = self.groups[test.partition("/")[0]]
                tests[id] += names_of(test, group.names()) or [f"{test} (no such test)"]
        missing = sorted({t for each in tests.values() for t in each} - set(gathered.results) - set(section.report.results))
        for group in self.groups.values():
            those = [t for t in missing if t.startswith(f"{group.name}/") and "(no such test)" not in t]
            if those:
                self.run_here(group, those, gathered)
        results = {**section.report.results, **gathered.results}
        for name in nobodys:
            section.add(f"{name} is named after no promise", False)
        for name in set(gathered.results) - {t for each in tests.values() for t in each}:
            if not gathered.results[name] and not OWN.search(name):
                section.add(name, False)  # of the stack, when it goes down
        self.print_table(tests, results, section)

    def run_here(self, group, names, gathered):
        for part in group.parts(names, gathered):
            part()

    def print_table(self, tests, results, section):
        for id, names in tests.items():
            section.say(f"     {id}: {PROMISES[id][0]}")
            for name in names:
                section.say(f"       {'ok  ' if results.get(name) else 'FAIL' if name in results else 'none'} {name}")
            section.add(f"policy/{id}", bool(names) and all(results.get(n) for n in names), "" if names else "it has no test")
