"""What runs the tests: tests/run.sh, with its groups side by side."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest
from conftest import wait_for

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
RUNNER = CHECKOUT / "tests/runner"

sys.path.insert(0, str(RUNNER))

from groups import then  # noqa: E402
from report import Report  # noqa: E402


# Side by side


def test_the_last_part_calls_the_end():
    did = []
    for part in then([lambda: did.append("a"), lambda: did.append("b")], lambda: did.append("end")):
        part()
    assert did == ["a", "b", "end"]


def test_lines_of_a_group_stand_together(capsys):
    report = Report()
    first, second, third = (report.section(name) for name in ("first", "second", "third"))
    for section in (second, first, third):
        section.begin()
    first.add("first/a", True)
    second.add("second/a", False, "the reason\nof it")
    second.end()
    assert capsys.readouterr().out == "== first (0 s)\nok   first/a\n"
    first.add("first/b", True)
    first.end()
    assert capsys.readouterr().out == ("ok   first/b\n== second (0 s)\nFAIL second/a\n     the reason\n     of it\n"
                                       "== third (0 s)\n")
    third.add("third/a", True)
    assert capsys.readouterr().out == "ok   third/a\n"
    third.end()
    assert report.end() == 1
    assert capsys.readouterr().out.splitlines()[1:] == ["failed: second/a", "3 passed, 1 failed"]


SHARED_TEST = """
import pathlib, time
import pytest

def note(what):
    with open({log!r}, "a") as f:
        f.write(what + "\\n")

@pytest.fixture(scope="module")
def of_file():
    note("begin {name}")
    yield
    note("end {name}")

@pytest.mark.parametrize("n", [1, 2])
def test_it(of_file, n):
    note(f"{name} {{n}}")
    end = time.monotonic() + 30
    while "{other} 1\\n" not in pathlib.Path({log!r}).read_text():  # which another process must run meanwhile
        assert time.monotonic() < end
        time.sleep(0.01)
"""


def test_each_file_runs_once(tmp_path):
    """Two processes with the same files; each test waits for one that the other process has."""
    log, shares = tmp_path / "log", tmp_path / "shares"
    shares.mkdir()
    for name, other in (("a", "b"), ("b", "a"), ("c", "a")):
        (tmp_path / f"test_{name}.py").write_text(SHARED_TEST.format(log=str(log), name=name, other=other))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_shares", "."]
    running = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env={**os.environ, "PYTHONPATH": str(RUNNER), "MARKETINGCLI_SHARES": str(shares)})
               for _ in range(2)]
    said = [p.communicate(timeout=60)[0] for p in running]
    assert [p.returncode for p in running] == [0, 0], said
    lines = log.read_text().splitlines()
    for name in "abc":
        assert [line for line in lines if name in line.split()] == [f"begin {name}", f"{name} 1", f"{name} 2", f"end {name}"]
    assert lines.index("c 1") > min(lines.index("end a"), lines.index("end b"))


INTERRUPTED = """
import os, signal, sys
import run, children
from report import Report

class Sleeping:
    name, builds = "sleeping", []
    def parts(self, wanted, section):
        return [lambda n=n: children.run(["sh", "-c", f"echo $$ >{sys.argv[1]}/{n}; exec sleep 1000"], 1000) for n in range(3)]

for signo in (signal.SIGINT, signal.SIGTERM):
    signal.signal(signo, run.interrupt)
try:
    run.run([(Sleeping(), ["x"])], 2, Report())
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("signo", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_all_that_runs(tmp_path, signo):
    runner = subprocess.Popen([sys.executable, "-c", INTERRUPTED, tmp_path], env={**os.environ, "PYTHONPATH": str(RUNNER)})
    try:
        pids = [int(wait_for(lambda: (tmp_path / n).exists() and (tmp_path / n).read_text(), "it runs")) for n in "01"]
        runner.send_signal(signo)
        assert runner.wait(30) == 130
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.killpg(pid, 0)
        assert not (tmp_path / "2").exists(), "and nothing is begun"
    finally:
        runner.kill()
        runner.wait()


def run_sh(*arguments):
    return subprocess.run([CHECKOUT / "tests/run.sh", *arguments], capture_output=True, text=True, timeout=60)


def test_list_names_the_tests_of_all_groups():
    names = run_sh("--list").stdout.splitlines()
    assert {n.partition("/")[0] for n in names} == {"unit", "lint", "api", "demo", "deploy", "unit-clang", "fuzz", "load"}
    assert len(names) == len(set(names))
    chosen = run_sh("--list", "base/buf", "lint/size", "tsan-unit/base/err").stdout.splitlines()
    assert [n for n in chosen if not n.startswith("tsan-")] == [n for n in names if "base/buf" in n or "lint/size" in n]
    assert any(n.startswith("tsan-unit/base/err:") for n in chosen)


def test_a_word_that_no_test_has():
    done = run_sh("no such test")
    assert done.returncode == 2 and done.stdout.splitlines()[-1] == "0 passed, 0 failed"
