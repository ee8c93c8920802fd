"""The groups of tests: each can name its tests without building, and says how those that are wanted run.

A group's parts are functions without parameters that may run side by side; run.py does that. They put their results into
the section of the report that they were given.
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

import builds
import children
from builds import CHECKOUT
from children import python_environment

sys.path.insert(0, str(CHECKOUT / "tests/stack"))

import sanitizers  # noqa: E402

FUZZ_SEC = 3
# Many times what they take: these end what hangs, and a slow machine is no reason.
UNIT_TIMEOUT_SEC, PYTEST_TIMEOUT_SEC, DEMO_TIMEOUT_SEC, LOAD_TIMEOUT_SEC = 600, 2400, 600, 600
SWEEP_TIMEOUT_SEC = 12 * 3600  # of all of it; a sample takes minutes
SCRIPT_TIMEOUT_SEC = 1800  # the upgrade: with the build of the commit before
BOOT_TIMEOUT_SEC = 3 * 3600  # with three builds; of a quarter of an hour
CHAOS_TIMEOUT_SEC = 1200  # of one seed; the short form takes a minute
HOSTILE_TIMEOUT_SEC = 600  # of the requests of one seed
WHOLE_TIMEOUT_SEC = 1800

os.environ.update(sanitizers.OPTIONS)


def then(parts, last):
    """The parts, of which the one that ends last also calls last()."""
    lock, left = threading.Lock(), [len(parts)]

    def run(part):
        part()
        with lock:
            left[0] -= 1
            all_done = left[0] == 0
        if all_done:
            last()
    return [lambda part=part: run(part) for part in parts]


def whole_lines(file):
    """Those that have come since the last call. Of one that is being written the beginning may be there: it comes later."""
    while True:
        at = file.tell()
        line = file.readline()
        if not line.endswith("\n"):
            file.seek(at)
            return
        yield line


# Unit tests: every cmocka test of tests/unit/<key>.c


class Unit:
    def __init__(self, name, build):
        self.name, self.builds = name, [build]

    def names(self):
        """Of the table unit_tests; those of database_tests run in tests/api, on the stack's MariaDB."""
        table = re.search(r"^unit_tests = \{(.*?)^\}", (CHECKOUT / "tests/unit/meson.build").read_text(), re.M | re.S)[1]
        names = []
        for key in sorted(re.findall(r"^  '([\w/]+)':", table, re.M)):
            path = CHECKOUT / f"tests/unit/{key}.c"
            text = re.sub(r"^#define.*\n", "", path.read_text(), flags=re.M)  # TEST(name): with the file's own set-up
            tests = re.findall(r"\b(?:cmocka_unit_test\w*|TEST)\(\s*(\w+)", text)
            names += [f"{self.name}/{key}:{t}" for t in tests]
        return names

    def parts(self, wanted, section):
        return [lambda: self.run(wanted, section)]

    def run(self, wanted, section):
        by_key = {}
        for name in wanted:
            by_key.setdefault(name.partition("/")[2].partition(":")[0], []).append(name)
        every = self.names()
        for key, names in by_key.items():
            code, out = children.run([builds.unit_binary(self.builds[0], key)], UNIT_TIMEOUT_SEC, nice=True,
                                     env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"}, cwd=builds.folder(self.builds[0]))
            said = {test: state == "ok" for state, test in re.findall(r"^(ok|not ok) \d+ - (\w+)", out, re.M)}
            known = [n.partition(":")[2] for n in every if n.startswith(f"{self.name}/{key}:")]
            names += [f"{self.name}/{key}:{test}" for test in said if test not in known]  # called in a way not seen by names()
            for name in names:
                section.add(name, said.get(name.partition(":")[2], False), out[-3000:])
            if code != 0 and all(said.get(n.partition(":")[2], False) for n in names):
                section.add(f"{self.name}/{key} (exit code {code})", False, out[-3000:])


# pytest: tests/api against stacks, tests/deploy on what is installed


class Pytest:
    """shares: so many processes share the files (pytest_shares.py), each with a stack of its own: they wait most of the time."""

    def __init__(self, name, build, variable, shares=1, nice=False):
        self.name, self.builds, self.variable, self.shares, self.nice = name, [build], variable, shares, nice
        self.every, self.problem = None, ""

    def names(self):
        if self.every is None:
            self.every = self.collected()
        return self.every

    def collected(self):
        done = subprocess.run(["/usr/bin/python3", "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", "."],
                              cwd=CHECKOUT / "tests" / self.name, capture_output=True, text=True, env=python_environment())
        if done.returncode not in (0, 5):
            self.problem = done.stdout + done.stderr
            return [f"{self.name}/ (collection)"]
        return [f"{self.name}/{line}" for line in done.stdout.splitlines() if "::" in line]

    def parts(self, wanted, section):
        if self.problem:
            return [lambda: section.add(wanted[0], False, self.problem)]
        ids = [name[len(self.name) + 1:] for name in wanted if "::" in name]
        whole = len(ids) == len(self.names())
        files = {i.partition("::")[0] for i in ids}
        # A file of which all is wanted is named as one: the ids of all tests are too much for a command line.
        of_file = collections.Counter(n[len(self.name) + 1:].partition("::")[0] for n in self.names())
        given = collections.Counter(i.partition("::")[0] for i in ids)
        arguments = [f for f in sorted(files) if given[f] == of_file[f]]
        arguments += [i for i in ids if i.partition("::")[0] not in arguments]
        shares = max(1, min(self.shares, len(files)))
        shared = tempfile.TemporaryDirectory(prefix="mcli-shares-")
        failed = []

        def share():
            self.run(arguments, pathlib.Path(shared.name), section, failed)

        def end():
            if whole and not failed and (CHECKOUT / "tests" / self.name / "seen.py").exists():
                self.look_at_all(pathlib.Path(shared.name), section)
            shared.cleanup()
        return then([share] * shares, end)

    def run(self, arguments, shared, section, failed):
        environment = python_environment(MARKETINGCLI_SHARES=str(shared), **{self.variable: str(builds.folder(self.builds[0]))})
        with tempfile.NamedTemporaryFile("r", prefix="mcli-results-") as results, tempfile.TemporaryFile("w+") as output:
            environment["MARKETINGCLI_RESULTS"] = results.name
            process = children.start(
                ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_lines", "-p", "pytest_shares",
                 "--no-header", *arguments], nice=self.nice, cwd=CHECKOUT / "tests" / self.name, stdout=output, stderr=output,
                env=environment)
            deadline = time.monotonic() + PYTEST_TIMEOUT_SEC
            failures = 0
            try:
                while process.poll() is None and time.monotonic() < deadline:
                    failures += self.pass_on(results, section)
                    time.sleep(0.2)
                late = process.poll() is None
                if late:
                    children.end(process)
                failures += self.pass_on(results, section)
            finally:
                children.ended(process)
            if process.returncode not in (0, 5):
                output.seek(0)
                section.say(output.read()[-100000:])
                failed.append(process)
                if late or failures == 0:
                    section.add(f"{self.name} ({'not done in time' if late else f'pytest exit code {process.returncode}'})", False)

    def pass_on(self, results, section):
        """Adds the tests that have ended since the last call; returns how many of them failed."""
        lines = [json.loads(line) for line in whole_lines(results)]
        for line in lines:
            if line["skipped"]:
                section.say(f"skip {self.name}/{line['name']}")
            else:
                section.add(f"{self.name}/{line['name']}", line["ok"], seconds=line["seconds"])
        return sum(not line["ok"] for line in lines)

    def look_at_all(self, shared, section):
        """What the shares have seen together (tests/api/seen.py)."""
        code, out = children.run(["/usr/bin/python3", "seen.py", builds.folder(self.builds[0]), *sorted(shared.glob("*.seen"))],
                                 UNIT_TIMEOUT_SEC, cwd=CHECKOUT / "tests" / self.name, env=python_environment())
        section.add(f"{self.name}/seen.py (every route answered, every alarm raised)", code == 0, out[-8000:])


# Lint: each executable of tests/lint looks at the tree and at the two builds


class Lint:
    name, builds = "lint", ["asan", "release"]

    def names(self):
        return [f"lint/{p.name}" for p in sorted((CHECKOUT / "tests/lint").iterdir()) if p.is_file() and os.access(p, os.X_OK)]

    def parts(self, wanted, section):
        return [lambda: self.run(wanted, section)]

    def run(self, wanted, section):
        environment = python_environment(MARKETINGCLI_BUILD=str(builds.folder("asan")),
                                         MARKETINGCLI_RELEASE_BUILD=str(builds.folder("release")))
        for name in wanted:
            code, out = children.run([CHECKOUT / "tests" / name], UNIT_TIMEOUT_SEC, nice=True, cwd=CHECKOUT, env=environment)
            section.add(name, code == 0, out[-8000:])


# Fuzzing: tests/fuzz/run.sh runs the targets it is told, each with its corpus


class Fuzz:
    name, builds = "fuzz", ["fuzz"]

    def names(self):
        path = CHECKOUT / "tests/fuzz"
        return [f"fuzz/{p.stem}" for p in sorted(path.glob("*.c"))] if (path / "run.sh").exists() else []

    def parts(self, wanted, section):
        return [lambda name=name: self.run(name, section) for name in wanted]

    def run(self, name, section):
        code, out = children.run([CHECKOUT / "tests/fuzz/run.sh", builds.folder("fuzz"), FUZZ_SEC, name.partition("/")[2]],
                                 FUZZ_SEC * 10 + 60, nice=True)
        section.add(name, code == 0, out[-6000:])


# The demo, as a user runs it, through the release build


class Demo:
    name, builds = "demo", ["release"]

    def names(self):
        return ["demo/once"]

    def parts(self, wanted, section):
        return [lambda: self.run(section)]

    def run(self, section):
        code, out = children.run([CHECKOUT / "tests/demo.sh", "--once", "--https", "0", "--http", "0", "--build",
                                  builds.folder("release")], DEMO_TIMEOUT_SEC, nice=True)
        last = out.strip().splitlines()[-1] if out.strip() else ""
        section.add("demo/once", code == 0 and last.startswith("published https://"), out[-8000:])


# Threads: each file of tests/api on a build with ThreadSanitizer, whose reports are failures


class Tsan:
    name, builds = "tsan", ["tsan"]

    def names(self):
        return [f"tsan/{p.stem}" for p in sorted((CHECKOUT / "tests/api").glob("test_*.py"))]

    def parts(self, wanted, section):
        return [lambda name=name: self.run(name, section) for name in wanted]

    def run(self, name, section):
        command = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"{name.partition('/')[2]}.py"]
        code, out = children.run(command, PYTEST_TIMEOUT_SEC, nice=True, cwd=CHECKOUT / "tests/api",
                                 env=python_environment(MARKETINGCLI_BUILD=str(builds.folder("tsan"))))
        section.add(name, code == 0, out[-8000:])


# The sweep: each flow with a fault at each of its steps (tests/sweep); in the ordinary run a sample, drawn by the date


class Sweep:
    def __init__(self, name, build, *options):
        self.name, self.options, self.builds = name, options, [build]

    def names(self):
        return [f"{self.name}/flows"]

    def parts(self, wanted, section):
        return [lambda: self.run(wanted, section)]

    def run(self, wanted, section):
        for name in wanted:
            command = [CHECKOUT / "tests/sweep/sweep.py", "--build", builds.folder(self.builds[0]), *self.options]
            code, out = children.run(command, SWEEP_TIMEOUT_SEC, nice=True, env=python_environment())
            section.say("\n".join(out.rstrip().splitlines()[-100:]))
            section.add(name, code == 0, out[-8000:])


# Load: the short form of each executable of tests/load, on a stack of its own


class Load:
    def __init__(self, name, build):
        self.name, self.builds = name, [build]

    def names(self):
        return [f"{self.name}/{p.stem}" for p in sorted((CHECKOUT / "tests/load").glob("*.py")) if os.access(p, os.X_OK)]

    def parts(self, wanted, section):
        return [lambda: self.run(wanted, section)]

    def run(self, wanted, section):
        for name in wanted:
            script = CHECKOUT / "tests/load" / f"{name.partition('/')[2]}.py"
            code, out = children.run([script, "--short", "--build", builds.folder(self.builds[0])], LOAD_TIMEOUT_SEC,
                                     env=python_environment())
            section.say(out.rstrip())
            section.add(name, code == 0, out[-8000:])


# Chaos: posts for which everything fails now and then, and a judge; the short form, or all of it for each seed


class Chaos:
    def __init__(self, name, names, *options):
        self.name, self.runs, self.options, self.builds = name, names, options, ["asan"]

    def names(self):
        return [f"{self.name}/{run}" for run in self.runs]

    def parts(self, wanted, section):
        return [lambda: self.run(wanted, section)]

    def run(self, wanted, section):
        for name in wanted:
            command = [CHECKOUT / "tests/chaos/chaos.py", "--build", builds.folder("asan"), *self.options, name.partition("/")[2]]
            code, out = children.run(command, CHAOS_TIMEOUT_SEC, env=python_environment())
            section.say("\n".join(out.rstrip().splitlines()[-30:]))
            section.add(name, code == 0, out[-8000:])


# Upgrade: the commit before is updated to this one under load. It needs the history, and a clone may be shallow. Rotation: each credential


class Script:
    """One test, which is the script of its own folder that has the folder's name."""

    def __init__(self, name, build, what):
        self.name, self.builds, self.what = name, [build], what

    def names(self):
        return [f"{self.name}/{self.what}"]

    def parts(self, wanted, section):
        return [lambda: self.run(wanted, section)]

    def run(self, wanted, section):
        for name in wanted:
            command = [CHECKOUT / f"tests/{self.name}/{self.name}.py", "--build", builds.folder(self.builds[0])]
            code, out = children.run(command, SCRIPT_TIMEOUT_SEC, env=python_environment())
            section.say(out.rstrip())
            section.add(name, code == 0, out[-8000:])


# Boot: a bare Debian becomes a server by the documents' own commands, on a machine that really boots


class Boot:
    name, builds = "boot", []  # it builds on that machine

    def names(self):
        script = (CHECKOUT / "tests/boot/boot.py").read_text()
        steps = re.search(r"^STEPS = \{(.*?)\}", script, re.M | re.S)[1]
        return [f"{self.name}/{step}" for step in re.findall(r'"([\w-]+)":', steps)]

    def parts(self, wanted, section):
        return [lambda: self.run(wanted, section)]

    def run(self, wanted, section):
        steps = [name.partition("/")[2] for name in wanted]
        code, out = children.run([CHECKOUT / "tests/boot/boot.py", *steps], BOOT_TIMEOUT_SEC, env=python_environment())
        section.say(out.rstrip())
        said = {step: state == "ok" for state, step in re.findall(r"^(ok|FAIL) ([\w-]+) \d+ s$", out, re.M)}
        for name, step in zip(wanted, steps):
            section.add(name, said.get(step, False))
        if code != 0 and all(said.get(step, False) for step in steps):
            section.add(f"{self.name} (exit code {code})", False)


# Hostile: the seeded requests of tests/hostile, all of them against one stack


class Hostile:
    def __init__(self, name, build, seeds):
        self.name, self.builds, self.seeds = name, [build], seeds

    def names(self):
        return [f"{self.name}/{seed}" for seed in self.seeds]

    def parts(self, wanted, section):
        return [lambda: self.run(wanted, section)]

    def run(self, wanted, section):
        seeds = [name.partition("/")[2] for name in wanted]
        code, out = children.run([CHECKOUT / "tests/hostile/hostile.py", "--build", builds.folder(self.builds[0]), *seeds],
                                 HOSTILE_TIMEOUT_SEC * (1 + len(seeds)), env=python_environment())
        section.say(out.rstrip())
        said = {seed: state == "ok" for state, seed in re.findall(r"^(ok|FAIL) (\d+) \d+ s$", out, re.M)}
        for name, seed in zip(wanted, seeds):
            section.add(name, said.get(seed, False))
        if code != 0 and all(said.get(seed, False) for seed in seeds):
            section.add(f"{self.name} (exit code {code})", False)  # what shows only when the programs end


# The whole of what a run of api/ draws some of: a file of API tests, and the variable that says which


class Whole:
    builds = ["asan"]

    def __init__(self, name, file, variable):
        self.name, self.file, self.variable = name, file, variable

    def names(self):
        return [f"{self.name}/all"]

    def parts(self, wanted, section):
        return [lambda: self.run(wanted, section)]

    def run(self, wanted, section):
        for name in wanted:
            command = ["/usr/bin/python3", "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", self.file]
            environment = python_environment(MARKETINGCLI_BUILD=str(builds.folder("asan")), **{self.variable: "all"})
            code, out = children.run(command, WHOLE_TIMEOUT_SEC, cwd=CHECKOUT / "tests/api", env=environment)
            section.say("\n".join(line for line in out.splitlines() if " x " in line))
            section.add(name, code == 0, out[-8000:])
