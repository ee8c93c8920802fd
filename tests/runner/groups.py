"""The groups of tests: each can name its tests without building, and run those that are wanted."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import builds
from builds import CHECKOUT

sys.path.insert(0, str(CHECKOUT / "tests/stack"))

import sanitizers  # noqa: E402

FUZZ_SEC = 6
UNIT_TIMEOUT_SEC, PYTEST_TIMEOUT_SEC, DEMO_TIMEOUT_SEC, LOAD_TIMEOUT_SEC = 120, 900, 240, 180

os.environ.update(sanitizers.OPTIONS)


def run(command, timeout_sec, **more):
    """(exit code, output); a command that takes too long is interrupted, so that it can clean up, and then killed."""
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace", start_new_session=True, **more)
    try:
        return finish(process, timeout_sec)
    except KeyboardInterrupt:
        end(process)
        raise


def finish(process, timeout_sec):
    try:
        out, _ = process.communicate(timeout=timeout_sec)
        return process.returncode, out
    except subprocess.TimeoutExpired:
        return -1, f"{end(process)}\nnot done after {timeout_sec} s: interrupted"


def end(process):
    """Interrupts, and kills who does not care; returns what it wrote, when that goes to a pipe."""
    out = ""
    for signo, patience_sec in ((signal.SIGINT, 30), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, signo)
            out = process.communicate(timeout=patience_sec)[0] or ""
            break
        except (subprocess.TimeoutExpired, ProcessLookupError):
            continue
    return out


# Unit tests: every cmocka test of tests/unit/<key>.c


def unit_names(group):
    """Of the table unit_tests; those of database_tests run in tests/api, on the stack's MariaDB."""
    table = re.search(r"^unit_tests = \{(.*?)^\}", (CHECKOUT / "tests/unit/meson.build").read_text(), re.M | re.S)[1]
    names = []
    for key in sorted(re.findall(r"^  '([\w/]+)':", table, re.M)):
        path = CHECKOUT / f"tests/unit/{key}.c"
        text = re.sub(r"^#define.*\n", "", path.read_text(), flags=re.M)  # TEST(name): with the file's own set-up
        tests = re.findall(r"\b(?:cmocka_unit_test\w*|TEST)\(\s*(\w+)", text)
        names += [f"{group}/{key}:{t}" for t in tests]
    return names


def unit_run(group, build, wanted, report):
    if not builds.build(build, report):
        return
    report.heading(group)
    by_key = {}
    for name in wanted:
        by_key.setdefault(name.partition("/")[2].partition(":")[0], []).append(name)
    for key, names in by_key.items():
        binary = builds.folder(build) / "tests/unit" / ("unit-" + re.sub(r"\W", "_", key))
        code, out = run([binary], UNIT_TIMEOUT_SEC, env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"},
                        cwd=builds.folder(build))
        said = {test: state == "ok" for state, test in re.findall(r"^(ok|not ok) \d+ - (\w+)", out, re.M)}
        known = [n.partition(":")[2] for n in unit_names(group) if n.startswith(f"{group}/{key}:")]
        names += [f"{group}/{key}:{test}" for test in said if test not in known]  # called in a way not seen by unit_names
        for name in names:
            ok = said.get(name.partition(":")[2], False)
            report.add(name, ok, "" if ok else out[-3000:])
        if code != 0 and all(said.get(n.partition(":")[2], False) for n in names):
            report.add(f"{group}/{key} (exit code {code})", False, out[-3000:])


# pytest: tests/api against the stack, tests/deploy on what is installed


def pytest_names(group):
    folder = "tests/" + group
    done = subprocess.run(["/usr/bin/python3", "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", "."],
                          cwd=CHECKOUT / folder, capture_output=True, text=True, env=python_environment())
    if done.returncode not in (0, 5):
        return [f"{group}/ (collection)"]
    return [f"{group}/{line}" for line in done.stdout.splitlines() if "::" in line]


def python_environment(**more):
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(CHECKOUT / "tests/runner"), **more}


def pytest_run(group, build, variable, wanted, report):
    folder = "tests/" + group
    if not builds.build(build, report):
        return
    report.heading(group)
    ids = [name[len(group) + 1:] for name in wanted if "::" in name]
    whole = len(ids) == len(pytest_names(group))  # a command line of a thousand ids is too long to read
    with tempfile.NamedTemporaryFile("r", prefix="mcli-results-") as results, tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_lines", "--no-header",
             *(["."] if whole else ids)], cwd=CHECKOUT / folder, stdout=output, stderr=output, start_new_session=True,
            env=python_environment(MARKETINGCLI_RESULTS=results.name, **{variable: str(builds.folder(build))}))
        deadline = time.monotonic() + PYTEST_TIMEOUT_SEC
        failed = len(report.failed)
        try:
            while process.poll() is None and time.monotonic() < deadline:
                pass_on(results, group, report)
                time.sleep(0.2)
        finally:  # also when a human interrupts: pytest takes its stack down
            late = process.poll() is None
            if late:
                end(process)
            pass_on(results, group, report)
        if process.returncode not in (0, 5):
            output.seek(0)
            print(output.read()[-100000:])
            if late or len(report.failed) == failed:
                report.add(f"{group} ({'not done in time' if late else f'pytest exit code {process.returncode}'})", False)


def pass_on(results, group, report):
    """Counts the tests that have ended since the last call."""
    lines = [json.loads(line) for line in results.readlines()]
    for line in lines:
        if line["skipped"]:
            print(f"skip {group}/{line['name']}", flush=True)
        else:
            report.add(f"{group}/{line['name']}", line["ok"], seconds=line["seconds"])


# Lint: each executable of tests/lint looks at the tree and at the two builds


def lint_names():
    return [f"lint/{p.name}" for p in sorted((CHECKOUT / "tests/lint").iterdir())
            if p.is_file() and os.access(p, os.X_OK)]


def lint_run(wanted, report):
    if not builds.build("asan", report) or not builds.build("release", report):
        return
    report.heading("lint")
    for name in wanted:
        code, out = run([CHECKOUT / "tests" / name], UNIT_TIMEOUT_SEC, cwd=CHECKOUT, env=python_environment(
            MARKETINGCLI_BUILD=str(builds.folder("asan")), MARKETINGCLI_RELEASE_BUILD=str(builds.folder("release"))))
        report.add(name, code == 0, out[-8000:])


# Fuzzing: tests/fuzz/run.sh runs the targets it is told, each with its corpus


def fuzz_names():
    path = CHECKOUT / "tests/fuzz"
    return [f"fuzz/{p.stem}" for p in sorted(path.glob("*.c"))] if (path / "run.sh").exists() else []


def fuzz_run(wanted, report):
    if not builds.build("fuzz", report):
        return
    report.heading("fuzz")
    for name in wanted:
        target = name.partition("/")[2]
        code, out = run([CHECKOUT / "tests/fuzz/run.sh", builds.folder("fuzz"), FUZZ_SEC, target], FUZZ_SEC * 10 + 60)
        report.add(name, code == 0, out[-6000:])


# The demo, as a user runs it, through the release build


def demo_run(_, report):
    if not builds.build("release", report):
        return
    report.heading("demo")
    code, out = run([CHECKOUT / "tests/demo.sh", "--once", "--https", "0", "--http", "0", "--build",
                     builds.folder("release")], DEMO_TIMEOUT_SEC)
    last = out.strip().splitlines()[-1] if out.strip() else ""
    report.add("demo/once", code == 0 and last.startswith("published https://"), out[-8000:])


# Threads: each file of tests/api on a build with ThreadSanitizer, whose reports are failures; one after another


def tsan_names():
    return [f"tsan/{p.stem}" for p in sorted((CHECKOUT / "tests/api").glob("test_*.py"))]


def tsan_run(wanted, report):
    if not builds.build("tsan", report):
        return
    report.heading("tsan")
    for name in wanted:
        command = ["nice", "/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"{name.partition('/')[2]}.py"]
        code, out = run(command, PYTEST_TIMEOUT_SEC, cwd=CHECKOUT / "tests/api",
                        env=python_environment(MARKETINGCLI_BUILD=str(builds.folder("tsan"))))
        report.add(name, code == 0, out[-8000:])


# Load: the short form of each executable of tests/load, on a stack of its own


def load_names(group):
    return [f"{group}/{p.stem}" for p in sorted((CHECKOUT / "tests/load").glob("*.py")) if os.access(p, os.X_OK)]


def load_run(group, build, wanted, report):
    if not builds.build(build, report):
        return
    report.heading(group)
    for name in wanted:
        script = CHECKOUT / "tests/load" / f"{name.partition('/')[2]}.py"
        code, out = run([script, "--short", "--build", builds.folder(build)], LOAD_TIMEOUT_SEC, env=python_environment())
        print(out.rstrip(), flush=True)
        report.add(name, code == 0, out[-8000:])
