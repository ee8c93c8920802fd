"""pytest plugin: one line per test into $MARKETINGCLI_RESULTS, in the words of tests/run.sh."""

import json
import os


def pytest_runtest_logreport(report):
    # A test is its call; what fails in setup or teardown is a failure of its own.
    if report.when == "call" or report.failed:
        name = report.nodeid if report.when != "teardown" else f"{report.nodeid} (teardown)"
        with open(os.environ["MARKETINGCLI_RESULTS"], "a") as f:
            f.write(json.dumps({"name": name, "ok": not report.failed, "skipped": report.skipped,
                                "seconds": report.duration}) + "\n")


def pytest_collectreport(report):
    if report.failed:
        with open(os.environ["MARKETINGCLI_RESULTS"], "a") as f:
            f.write(json.dumps({"name": f"{report.nodeid} (collection)", "ok": False, "skipped": False, "seconds": 0}) + "\n")
