"""The meson build folders of the tests: build-* in the checkout, kept, so that the next run builds what changed."""

import os
import re

import children
from children import CHECKOUT

TIMEOUT_SEC = 3600
HOOKED = ["-Dtests=true", "-Dtest_hooks=true"]
SANITIZED = ["-Db_sanitize=address,undefined", "-Db_lundef=false"]
BUILDS = {
    "asan": ("gcc", [*HOOKED, *SANITIZED, "-Dheic=true"]),  # the others are without it
    "clang": ("clang-14", [*HOOKED, "-Ddashboard=false", "--buildtype=debug"]),  # for what it says, and not to be quick
    "fuzz": ("clang-14", ["-Dfuzz=true", "-Dheic=true", "-Ddashboard=false"]),
    "hooked": ("gcc", ["-Dtest_hooks=true", "--buildtype=release"]),  # for what is run thousands of times
    "release": ("gcc", ["--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var", "--buildtype=release"]),  # as in docs/operations.md
    "tsan": ("gcc", [*HOOKED, "-Ddashboard=false", "-Db_sanitize=thread", "-Db_lundef=false"]),
}
QUICK_LINKER = {name: {"CC_LD": "gold"} for name in BUILDS if name != "release"}  # some two hundred programs are linked
TARGETS = {"fuzz": ["fuzz"]}  # of the others: all


def folder(name):
    return CHECKOUT / f"build-{name}"


def unit_binary(name, key):
    """Of tests/unit/<key>.c"""
    return folder(name) / "tests/unit" / ("unit-" + re.sub(r"\W", "_", key))


def build(name, targets=(), nice=False):
    """Sets up if needed, and builds. None, or what the command that failed has written."""
    compiler, options = BUILDS[name]
    at = folder(name)
    setup = [] if (at / "build.ninja").exists() else [["/usr/bin/meson", "setup", str(at), str(CHECKOUT), *options]]
    if not setup and set_up_with(at) != " ".join(options):
        setup = [["/usr/bin/meson", "setup", "--wipe", str(at), str(CHECKOUT), *options]]
    for command in [*setup, ["/usr/bin/ninja", "-C", str(at), *(targets or TARGETS.get(name, []))]]:
        code, out = children.run(command, TIMEOUT_SEC, nice=nice, env={**os.environ, "CC": compiler, **QUICK_LINKER.get(name, {})})
        if code != 0:
            return "\n".join(out.splitlines()[-60:])
        if command in setup:
            (at / "options").write_text(" ".join(options))
    return None


def set_up_with(at):
    try:
        return (at / "options").read_text()
    except OSError:
        return None
