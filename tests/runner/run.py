"""tests/run.sh: all tests but those of ASKED_FOR, or those whose name contains one of the words.

First come the builds, one after another, on all processors. Then the parts of the groups begin in their order, LANES at a
time: most of them wait more than they compute. What measures or loads the machine runs alone at the end.
"""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import builds
import children
from groups import Boot, Chaos, Demo, Fuzz, Hostile, Lint, Load, Pytest, Sweep, Tsan, Unit, Upgrade, Whole, then
from policy import Policy
from report import Report

AGAIN_MAX = 5
LANES = 4  # for two processors: a test computes for a third of its time

# In the order in which they begin and are printed.
GROUPS = [
    Unit("unit", "asan"),
    Lint(),
    Pytest("api", "asan", "MARKETINGCLI_BUILD", shares=4),
    Demo(),
    Sweep("sweep-sample", "asan", "--sample", "36", "--jobs", "2"),
    Pytest("deploy", "release", "MARKETINGCLI_RELEASE", nice=True),
    Unit("unit-clang", "clang"),
    Fuzz(),
]
ALONE = [Load("load", "release"), Chaos("chaos-short", ["today"], "--short"), Hostile("hostile", "asan", range(1, 2))]
# Of the promises that others' tests keep, it takes their results; those that were not run, it runs.
LAST = [Policy({g.name: g for g in (*GROUPS, *ALONE)})]
# Not without being asked for by name, because of the time they take: tests/run.sh tsan, sweep-all, chaos, hostile,
# lives, images, upgrade, which needs the history, and boot, which needs much of a machine
ASKED_FOR = {"tsan": ([Unit("tsan-unit", "tsan"), Tsan()], [Load("tsan-load", "tsan")]),
             "sweep": ([Sweep("sweep-all", "hooked", "--jobs", "10")], []),
             "chaos": ([], [Chaos("chaos", range(1, 6))]),
             "lives": ([], [Whole("lives", "test_subscription_lives.py", "MARKETINGCLI_LIVES")]),
             "images": ([], [Whole("images", "test_any_image.py", "MARKETINGCLI_IMAGES")]),
             "upgrade": ([], [Upgrade()]),
             "boot": ([], [Boot()]),
             "hostile": ([], [Hostile("hostile", "asan", range(2, 28))])}  # 27 seeds are 54 000 requests


def main():
    words = [a for a in sys.argv[1:] if a != "--list"]
    if any(w.startswith("-") for w in words):
        print("usage: tests/run.sh [--list] [WORD...]", file=sys.stderr)
        return 2
    asked = [groups for name, groups in ASKED_FOR.items() if any(w.startswith(name) for w in words)]
    beside, alone = ([g for groups in each for g in groups] for each in zip((GROUPS, ALONE), *asked))
    wanted = {g: [n for n in g.names() if not words or any(w in n for w in words)] for g in [*beside, *alone, *LAST]}
    if "--list" in sys.argv:
        print("".join(f"{n}\n" for names in wanted.values() for n in names), end="")
        return 0
    report = Report()
    if not any(wanted.values()):
        print(f"no test has a name with: {' '.join(words)}", file=sys.stderr)
        report.end()
        return 2
    built = build([g for g in wanted if wanted[g]], report)
    for groups, lanes in ((beside, LANES), (alone, 1)):
        run([(g, wanted[g]) for g in groups if wanted[g] and built.issuperset(g.builds)], lanes, report)
    again(wanted, report)
    run([(g, wanted[g]) for g in LAST if wanted[g] and built.issuperset(g.builds)], 1, report)
    return report.end()


def again(groups, report):
    """What failed, once more and alone, when it is little: tests/README.md says what that is for."""
    if len(report.failed) <= AGAIN_MAX:
        repeated = [(g, [n for n in g.names() if n in report.failed]) for g in groups if isinstance(g, Pytest)]
        run([(g, names) for g, names in repeated if names], 1, report, " again")


def build(groups, report):
    """Makes the builds that the groups need; returns those that succeeded. The others are failed tests."""
    section, built = report.section("build"), set()
    section.begin()
    for name in dict.fromkeys(name for g in groups for name in g.builds):
        problem = builds.build(name)
        section.add(f"build/{name}", problem is None, problem or "")
        built |= {name} if problem is None else set()
    section.end()
    return built


def run(groups, lanes, report, more=""):
    tasks = []
    for group, wanted in groups:
        section = report.section(group.name + more)
        tasks += [(section, part) for part in then(group.parts(wanted, section), section.end)]

    def begin(section, part):
        section.begin()
        part()
    with ThreadPoolExecutor(lanes) as pool:
        futures = [pool.submit(begin, *task) for task in tasks]
        try:
            for future in futures:
                future.result()
        except BaseException:
            for signo in (signal.SIGINT, signal.SIGTERM):  # once is enough
                signal.signal(signo, signal.SIG_IGN)
            pool.shutdown(wait=False, cancel_futures=True)
            children.end_all()
            raise


def interrupt(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    for signo in (signal.SIGINT, signal.SIGTERM):  # in the background SIGINT would be ignored, here and by those we start
        signal.signal(signo, interrupt)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
