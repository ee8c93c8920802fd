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
    return re.findall(r'^POLICY\("([^"]+)"', text, re.MULTILINE)


def admin(*args):
    """What marketingcli-admin of the build under test prints."""
    build = pathlib.Path(os.environ.get("MARKETINGCLI_BUILD", CHECKOUT / "build-asan"))
    program = next((p for p in build.rglob("marketingcli-admin") if p.is_file()), None)
    if program is None:
        sys.exit(f"there is no marketingcli-admin below {build}: build first, or set MARKETINGCLI_BUILD")
    return subprocess.run([program, *args], check=True, capture_output=True, text=True).stdout


# nginx: which location a path gets, and what stands in it.

UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20}
LOCATION = re.compile(r"^location (=|~|\^~)? ?(\S+) \{(.*?)^\}", re.DOTALL | re.MULTILINE)
LIMIT = re.compile(r"client_max_body_size (\d+)([km]?);")


def body_limit(text):
    match = LIMIT.search(text)
    return int(match[1]) * UNITS[match[2]] if match else None


def nginx_locations():
    """[(kind, pattern, what stands in it)] of all apps."""
    return [location for file in sorted((CHECKOUT / "nginx/locations").glob("*.conf"))
            for location in LOCATION.findall(file.read_text())]


def nginx_location_of(locations, path):
    """nginx's choice: the exact one, the longest prefix if it says ^~, the first regular expression, the prefix."""
    exact = [loc for loc in locations if loc[0] == "=" and loc[1] == path]
    prefixes = sorted((loc for loc in locations if loc[0] in ("", "^~") and path.startswith(loc[1])), key=lambda l: len(l[1]))
    patterns = [loc for loc in locations if loc[0] == "~" and re.search(loc[1], path)]
    if exact:
        return exact[0]
    if prefixes and prefixes[-1][0] == "^~":
        return prefixes[-1]
    return (patterns or prefixes[-1:] or [None])[0]


def routes_of_nginx():
    """[(method, pattern, body limit, whether a GET with an effect)] of the routes that the site's server block has."""
    rows = [line.split(" ") for line in admin("limits").splitlines()]
    return [(method, pattern, int(limit), effect == "effect") for method, pattern, limit, effect in rows
            if pattern.startswith(("/api/", "/m/"))]  # the simulator has a server of its own


def finish(faults, checked):
    """Ends the program. checked: how many things were looked at; none means that the test itself is broken."""
    if checked == 0:
        sys.exit("nothing was found to check")
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)
