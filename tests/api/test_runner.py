"""What runs the tests: tests/run.sh with its groups side by side, and tests/quick.sh."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest
import render
import services
from conftest import Stack, wait_for
from helpers import expect
from test_stack import own_folder

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
RUNNER = CHECKOUT / "tests/runner"
QUICK_SH = str(CHECKOUT / "tests/quick.sh")

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
    run.run([(Sleeping(), ["x"])], 2, {}, Report())
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
    return subprocess.run([CHECKOUT / "tests/run.sh", *arguments], capture_output=True, text=True, timeout=300)


def test_list_names_the_tests_of_all_groups():
    names = run_sh("--list").stdout.splitlines()
    assert {n.partition("/")[0] for n in names} == {"unit", "lint", "api", "browser", "demo", "deploy", "unit-clang", "fuzz", "load", "hostile",
                                                       "sweep-sample", "chaos-short", "policy"}
    assert len(names) == len(set(names))
    chosen = run_sh("--list", "base/buf", "lint/size", "tsan-unit/base/err").stdout.splitlines()
    assert [n for n in chosen if not n.startswith("tsan-")] == [n for n in names if "base/buf" in n or "lint/size" in n]
    assert any(n.startswith("tsan-unit/base/err:") for n in chosen)


def test_a_word_that_no_test_has():
    done = run_sh("no such test")
    assert done.returncode == 2 and done.stdout.splitlines()[-1] == "0 passed, 0 failed"


# tests/quick.sh


def quick_sh(folder, *arguments):
    return subprocess.run([QUICK_SH, *arguments], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "MARKETINGCLI_STACK": str(folder)})


def test_quick_without_a_stack(tmp_path):
    for arguments in (["test_keys.py"], ["restart", "keys"]):
        done = quick_sh(tmp_path, *arguments)
        assert done.returncode == 1 and "no stack is up" in done.stderr and "tests/quick.sh up" in done.stderr
    assert quick_sh(tmp_path).returncode == 2


def test_quick_runs_tests_on_the_stack_that_is_up(stack):
    pid = stack.pid("supervisor")
    done = quick_sh(stack.dir, "test_metrics.py", "-k", "test_healthz")
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout + done.stderr
    assert stack.pid("supervisor") == pid
    assert quick_sh(stack.dir, "test_metrics.py", "-k", "no_such_test").returncode == 5


@pytest.mark.skipif(pathlib.Path(os.environ["MARKETINGCLI_BUILD"]).name != "build-asan", reason="builds there")
def test_quick_unit(tmp_path):
    done = quick_sh(tmp_path, "unit", "base/err", "base/buf")
    assert done.returncode == 0 and (done.stdout + done.stderr).count("[  PASSED  ]") == 2, done.stdout + done.stderr


@contextlib.contextmanager
def build_of_copies():
    """A folder in which ninja "builds" the keys and posts programs by copying what is built already."""
    with own_folder("mcli-build-") as build:
        text = "rule copy\n  command = cp $in $out.new && mv $out.new $out\n"
        for program in {s.program for s in services.PROGRAMS} | {"marketingcli-admin"}:
            built = render.find_program(os.environ["MARKETINGCLI_BUILD"], program)
            if program in ("marketingcli-keys", "marketingcli-posts"):
                shutil.copy(built, build / f"{program}.in")
                text += f"build {program}: copy {program}.in\n"
            else:
                (build / program).symlink_to(built)
                text += f"build {program}: phony\n"
        (build / "build.ninja").write_text(text)
        subprocess.run(["ninja", "-C", build], check=True, stdout=subprocess.DEVNULL)
        yield build


@pytest.mark.parametrize("reachable", [True, False])
def test_quick_restart(reachable):
    """Builds; ends and starts those that are named, or that have changed, and no other. Also where the stack runs copies, because
    its users cannot reach the build folder."""
    with build_of_copies() as build, own_folder() as folder:
        if not reachable:
            build.chmod(0o700)
        started = quick_sh(folder, "up", "--https", "0", "--http", "0", "--build", str(build))
        assert started.returncode == 0, started.stderr
        made = Stack(folder)
        pids = {s.name: made.pid(s.name) for s in services.PROGRAMS}

        def restarted(*arguments):
            done = quick_sh(folder, "restart", *arguments)
            assert done.returncode == 0, done.stdout + done.stderr
            expect(made.client().get("/api/v1/keys"), 401)
            expect(made.client().get("/api/v1/posts"), 401)
            others = {name for name in pids if made.pid(name) != pids[name]}
            pids.update((name, made.pid(name)) for name in others)
            return others

        assert restarted() == set()
        assert restarted("keys", "worker-media") == {"keys", "worker-media"}
        (build / "marketingcli-posts.in").touch()
        assert restarted() == {"posts"}
        assert os.stat(f"/proc/{pids['posts']}/exe").st_mtime_ns == (build / "marketingcli-posts").stat().st_mtime_ns
        assert restarted() == set()

        if reachable:
            refused_restarts(folder, build)


def refused_restarts(folder, build):
    """What does not build is not restarted; what does not stay up is shown."""
    unknown = quick_sh(folder, "restart", "nobody")
    assert unknown.returncode == 1 and "nobody" in unknown.stderr and "worker-publish" in unknown.stderr
    pid = Stack(folder).pid("keys")
    (build / "marketingcli-keys.in").unlink()
    assert quick_sh(folder, "restart", "keys").returncode == 1 and Stack(folder).pid("keys") == pid
    (build / "marketingcli-keys.in").write_text("#!/bin/sh\necho the reason >&2\nexit 78\n")
    (build / "marketingcli-keys.in").chmod(0o755)
    broken = quick_sh(folder, "restart", "keys")
    assert broken.returncode == 1 and "the reason" in broken.stderr
