"""tests/run.sh: all tests but those of ASKED_FOR, or those whose name contains one of the words.

The builds are made one after another, and each group begins when those that it needs are there: from the first build on, tests run
beside the others. The parts of the groups begin in their order, LANES at a time: most of them wait more than they compute. What
measures or loads the machine runs alone at the end.
"""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import builds
import children
from groups import Boot, Chaos, Demo, Fuzz, Hostile, Lint, Load, Pytest, Script, Sweep, Tsan, Unit, Whole, then
from policy import Policy
from report import Report

AGAIN_MAX = 5
LANES = 4  # for two processors: a test computes for a third of its time

# In the order in which they begin and are printed.
GROUPS = [
    Unit("unit", "asan"),
    Pytest("api", "asan", "MARKETINGCLI_BUILD", shares=4),
    Pytest("browser", "asan", "MARKETINGCLI_BUILD", shares=2),
    Lint(),
    Demo(),
    Sweep("sweep-sample", "asan", "--sample", "24", "--jobs", "2"),
    Pytest("deploy", "release", "MARKETINGCLI_RELEASE", nice=True),
    Unit("unit-clang", "clang"),
    Fuzz(),
]
ALONE = [Load("load", "release"), Chaos("chaos-short", ["today"], "--short"), Hostile("hostile", "asan", range(1, 2))]
# Of the promises that others' tests keep, it takes their results; those that were not run, it runs.
LAST = [Policy({g.name: g for g in (*GROUPS, *ALONE)})]
# Not without being asked for by name, because of the time they take: tests/run.sh tsan, sweep-all, chaos, hostile,
# lives, images, rotation, upgrade, which needs the history, and boot, which needs much of a machine
ASKED_FOR = {"tsan": ([Unit("tsan-unit", "tsan"), Tsan()], [Load("tsan-load", "tsan")]),
             "sweep": ([Sweep("sweep-all", "hooked", "--jobs", "10")], []),
             "chaos": ([], [Chaos("chaos", range(1, 6))]),
             "lives": ([], [Whole("lives", "test_subscription_lives.py", "MARKETINGCLI_LIVES")]),
             "images": ([], [Whole("images", "test_any_image.py", "MARKETINGCLI_IMAGES")]),
             "upgrade": ([], [Script("upgrade", "hooked", "from-the-commit-before")]),
             "rotation": ([], [Script("rotation", "release", "each-credential")]),
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
    with ThreadPoolExecutor(1) as builder:
        built = build([g for g in wanted if wanted[g]], builder, report)
        for groups, lanes in ((beside, LANES), (alone, 1)):
            run([(g, wanted[g]) for g in groups if wanted[g]], lanes, built, report)
    again(wanted, built, report)
    run([(g, wanted[g]) for g in LAST if wanted[g]], 1, built, report)
    return report.end()


def again(groups, built, report):
    """What failed, once more and alone, when it is little: tests/README.md says what that is for."""
    if len(report.failed) <= AGAIN_MAX:
        repeated = [(g, [n for n in g.names() if n in report.failed]) for g in groups if isinstance(g, Pytest)]
        run([(g, names) for g, names in repeated if names], 1, built, report, " again")


def build(groups, builder, report):
    """Has the builds made that the groups need: {name: a Future, whether it succeeded}. What did not is a failed test."""
    section, names = report.section("build"), list(dict.fromkeys(name for g in groups for name in g.builds))
    section.begin()

    def one(name):
        problem = builds.build(name, nice=name != names[0])  # tests run beside the others
        section.add(f"build/{name}", problem is None, problem or "")
        if name == names[-1]:
            section.end()
        return problem is None
    if not names:
        section.end()
    return {name: builder.submit(one, name) for name in names}


def run(groups, lanes, built, report, more=""):
    tasks = []
    for group, wanted in groups:
        section = report.section(group.name + more)

        def begin(part, group=group, section=section):
            if all(built[name].result() for name in group.builds):
                section.begin()
                part()
        parts = [lambda part=part, begin=begin: begin(part) for part in group.parts(wanted, section)]
        tasks += then(parts, section.end)
    with ThreadPoolExecutor(lanes) as pool:
        futures = [pool.submit(task) for task in tasks]
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
