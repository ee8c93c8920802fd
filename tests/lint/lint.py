"""What the lint tests share. Each is a program in this folder: 0 when the tree is as it should be, else 1 and a list."""

import os
import pathlib
import re
import subprocess
import sys

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
SOURCE_DIRS = ("lib", "fcgi-apps", "worker", "tools", "tests/unit", "tests/fixtures", "tests/fuzz", "tests/fakes")


def path_of(file):
    return str(file.relative_to(CHECKOUT))


def sources(*suffixes, dirs=SOURCE_DIRS):
    """The tree's files of these suffixes, as Path."""
    return sorted(f for d in dirs for f in (CHECKOUT / d).rglob("*") if f.suffix in suffixes and f.is_file())


def policy_items():
    text = (CHECKOUT / "lib/base/policy.def").read_text()
    return re.findall(r'^POLICY\(\w+, "([^"]+)"', text, re.MULTILINE)


def admin(*args):
    """What marketingcli-admin of the build under test prints."""
    build = pathlib.Path(os.environ.get("MARKETINGCLI_BUILD", CHECKOUT / "build-asan"))
    program = next((p for p in build.rglob("marketingcli-admin") if p.is_file()), None)
    if program is None:
        sys.exit(f"there is no marketingcli-admin below {build}: build first, or set MARKETINGCLI_BUILD")
    return subprocess.run([program, *args], check=True, capture_output=True, text=True).stdout


def finish(faults, checked):
    """Ends the program. checked: how many things were looked at; none means that the test itself is broken."""
    if checked == 0:
        sys.exit("nothing was found to check")
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)
