"""The loop of somebody who edits: no new stack, and only what is needed is built.

  tests/quick.sh up [OPTION...]           tests/stack.sh up, with the settings that make tests quick
  tests/quick.sh test_keys.py -k limit    pytest in tests/api, with any arguments of pytest's, on the stack that is up
  tests/quick.sh keys.test.mjs -k shown   the same in tests/browser; the pages are made anew first
  tests/quick.sh restart [NAME...]        builds, and restarts these programs of the stack, or those that have changed
  tests/quick.sh unit base/buf...         builds and runs tests/unit/base/buf.c (with ASan and UBSan); needs no stack

The stack is in .stack, or in the folder $MARKETINGCLI_STACK; tests/stack.sh down ends it. A new route, a new service and
nginx's files need a new stack: down, and up.
"""

import os
import pathlib
import signal
import subprocess
import sys
import time

import builds
from builds import CHECKOUT
from children import python_environment

sys.path.insert(0, str(CHECKOUT / "tests/stack"))

import processes  # noqa: E402
import ready  # noqa: E402
import render  # noqa: E402
import sanitizers  # noqa: E402
import services  # noqa: E402
import stack  # noqa: E402
from layout import Layout  # noqa: E402

AT = Layout(os.environ.get("MARKETINGCLI_STACK", CHECKOUT / ".stack"))
RESTART_SEC = 20
GONE_SEC = 2  # the supervisor starts sooner who has ended once


def supervisor():
    pid = stack.running(AT)
    if pid is None:
        sys.exit(f"no stack is up in {AT.dir}: tests/quick.sh up")
    return pid


def build_of_stack():
    """The build folder that the stack was started from: as its supervisor's command line says."""
    pid = supervisor()
    words = pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")[2:-1]
    return pathlib.Path(os.readlink(f"/proc/{pid}/cwd"), stack.parse(words).build or CHECKOUT / "build-dev")


def up(options):
    sys.path.insert(0, str(CHECKOUT / "tests/api"))
    import conftest
    os.execv(CHECKOUT / "tests/stack.sh", ["stack.sh", "up", "--dir", str(AT.dir), *(f"--set={s}" for s in conftest.SETTINGS),
                                           *options])


def api(arguments):
    build = build_of_stack()
    is_browser = any(".test.mjs" in a for a in arguments)
    if is_browser and subprocess.run(["/usr/bin/ninja", "--quiet", "-C", build, "nginx/html"]).returncode != 0:
        return 1
    os.environ.update(python_environment(MARKETINGCLI_STACK=str(AT.dir), MARKETINGCLI_BUILD=str(build)))
    os.chdir(CHECKOUT / "tests" / ("browser" if is_browser else "api"))
    os.execv("/usr/bin/python3", ["python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", *arguments])


# restart


def pid_of(name):
    return next((pid for n, pid, started in processes.read_pids(AT) if n == name and processes.alive(pid, started)), None)


def changed(name, built):
    """Whether the program that runs is another than the one that is built now; it may run from a copy (render.programs)."""
    pid = pid_of(name)
    if pid is None:
        return True
    runs, is_built = os.stat(f"/proc/{pid}/exe"), os.stat(built)
    return (runs.st_size, runs.st_mtime_ns) != (is_built.st_size, is_built.st_mtime_ns)


def answer_again(old, probes):
    """Waits until each name of old = {name: pid} has another process, and the programs answer. False when one does not stay up."""
    probe = ready.Probe(AT.ca, stack.read_ports(AT)["https"], probes)
    gone = {}
    deadline = time.monotonic() + RESTART_SEC
    while (now := time.monotonic()) < deadline:
        pids = {name: pid_of(name) for name in old}
        if any(pid is None and now - gone.setdefault(name, now) > GONE_SEC for name, pid in pids.items()):
            return False
        if all(pid not in (None, old[name]) for name, pid in pids.items()) and probe.all_answer():
            return True
        time.sleep(0.02)
    return False


def restart(names):
    build = build_of_stack()
    of_stack = {s.name: s for s in services.PROGRAMS}
    if unknown := set(names) - set(of_stack):
        sys.exit(f"no such program: {', '.join(sorted(unknown))}. There are: {' '.join(of_stack)}")
    targets = [p.relative_to(build) for n in names if (p := render.find_program(build, of_stack[n].program))]
    if subprocess.run(["/usr/bin/ninja", "-C", build, *targets]).returncode != 0:
        return 1
    if not names:
        names = [n for n, s in of_stack.items() if (p := render.find_program(build, s.program)) and changed(n, p)]
    render.programs(AT, build, {of_stack[n].program for n in names})
    old = {n: pid_of(n) for n in names}
    for pid in filter(None, old.values()):
        os.kill(pid, signal.SIGTERM)
    tables = render.tables(render.find_program(build, "marketingcli-admin"))
    if not answer_again(old, [p for n in names if (p := services.probe(of_stack[n], tables))]):
        print(*(f"--- {n}.log\n{ready.tail(AT.log / f'{n}.log')}" for n in names), "not up again", sep="\n", file=sys.stderr)
        return 1
    print(f"restarted: {' '.join(names)}" if names else "nothing has changed")
    return 0


# unit


def database():
    """For the tests that need one (database_tests in tests/unit/meson.build): the stack's, if one is up."""
    if stack.running(AT) is None:
        return {}
    subprocess.run(["mariadb", "--no-defaults", "-uroot", "-S", AT.mariadb_sock, "-e",
                    "CREATE DATABASE IF NOT EXISTS test_db CHARACTER SET utf8mb4"], check=True)
    return {"TEST_DB_SOCKET": str(AT.mariadb_sock)}


def unit(keys):
    binaries = [builds.unit_binary("asan", key) for key in keys]
    if problem := builds.build("asan", [b.relative_to(builds.folder("asan")) for b in binaries]):
        print(problem, file=sys.stderr)
        return 1
    environment = {**os.environ, **sanitizers.OPTIONS, **database()}
    return max(subprocess.run([b], cwd=builds.folder("asan"), env=environment).returncode != 0 for b in binaries)


def main():
    arguments = sys.argv[1:]
    command = {"up": up, "restart": restart, "unit": unit}.get(arguments[0] if arguments else "")
    if command is not None and arguments != ["unit"]:
        return command(arguments[1:])
    if arguments and arguments[0] not in ("unit", "-h", "--help", "help"):
        return api(arguments)
    print(__doc__.partition("\n\n")[2].strip("\n"), file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
