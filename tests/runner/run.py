"""tests/run.sh: all tests but those of ASKED_FOR, or those whose name contains one of the words."""

import signal
import sys
from functools import partial

import groups
from report import Report

# (how the group's tests are called, how those that are wanted run)
GROUPS = [
    (partial(groups.unit_names, "unit"), partial(groups.unit_run, "unit", "asan")),
    (groups.lint_names, groups.lint_run),
    (partial(groups.pytest_names, "api"), partial(groups.pytest_run, "api", "asan", "MARKETINGCLI_BUILD")),
    (partial(groups.pytest_names, "deploy"), partial(groups.pytest_run, "deploy", "release", "MARKETINGCLI_RELEASE")),
    (lambda: ["demo/once"], groups.demo_run),
    (partial(groups.load_names, "load"), partial(groups.load_run, "load", "release")),
    (partial(groups.unit_names, "unit-clang"), partial(groups.unit_run, "unit-clang", "clang")),
    (groups.fuzz_names, groups.fuzz_run),
]
# Not without being asked for by name, because of the time they take: tests/run.sh tsan
ASKED_FOR = {
    "tsan": [
        (partial(groups.unit_names, "tsan-unit"), partial(groups.unit_run, "tsan-unit", "tsan")),
        (groups.tsan_names, groups.tsan_run),
        (partial(groups.load_names, "tsan-load"), partial(groups.load_run, "tsan-load", "tsan")),
    ],
}


def main():
    words = [a for a in sys.argv[1:] if a != "--list"]
    if any(w.startswith("-") for w in words):
        print("usage: tests/run.sh [--list] [WORD...]", file=sys.stderr)
        return 2
    report = Report()
    known = False
    asked = [g for name, own in ASKED_FOR.items() if any(w.startswith(name) for w in words) for g in own]
    for names, run in [*GROUPS, *asked]:
        wanted = [n for n in names() if not words or any(w in n for w in words)]
        known = known or bool(wanted)
        if "--list" in sys.argv:
            print("".join(f"{n}\n" for n in wanted), end="")
        elif wanted:
            run(wanted, report)
    if "--list" in sys.argv:
        return 0
    if not known:
        print(f"no test has a name with: {' '.join(words)}", file=sys.stderr)
        report.end()
        return 2
    return report.end()


def interrupt(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    for signo in (signal.SIGINT, signal.SIGTERM):  # in the background SIGINT would be ignored, here and by those we start
        signal.signal(signo, interrupt)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
