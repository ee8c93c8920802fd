"""The manual pages: installed, without a fault that mandoc finds, and complete."""

import os
import pathlib
import re
import subprocess

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("MARKETINGCLI_RELEASE", CHECKOUT / "build-release"))
ADMIN = BUILD / "tools/admin/marketingcli-admin"
PAGES = {"8": "marketingcli-admin", "5": "marketingcli.conf"}
# What depends on the pages that this machine has, and a rule for pages of the BSDs' own.
NO_FAULT = re.compile(r"referenced manual not found|outdated mandoc\.db|operating system explicitly specified")


def page(installed, section):
    return installed / f"usr/share/man/man{section}/{PAGES[section]}.{section}"


def shown(path):
    """As a reader sees it on a terminal, in one line."""
    text = subprocess.run(["mandoc", "-Tutf8", path], check=True, capture_output=True, text=True).stdout
    return " ".join(re.sub(".\b", "", text).split())


@pytest.mark.parametrize("section", PAGES)
def test_mandoc_finds_no_fault(installed, section):
    done = subprocess.run(["mandoc", "-Tlint", "-Wall", page(installed, section)], capture_output=True, text=True)
    assert [line for line in (done.stdout + done.stderr).splitlines() if not NO_FAULT.search(line)] == []


def test_every_verb_and_option_is_explained(installed):
    usage = subprocess.run([ADMIN, "help"], check=True, capture_output=True, text=True).stdout
    verbs = re.findall(r"^  (\w+(?: [a-z-]+)?(?: [A-Z]+)*)(.*)\n      (.*)$", usage, re.M)
    assert len(verbs) > 4
    text = shown(page(installed, "8"))
    for verb, options, help_text in verbs:
        assert f"marketingcli-admin {verb}{options}" in text and f" {verb} {help_text}" in text
        assert all(text.count(option) > 1 for option in re.findall(r"--\w+", options))


def test_every_key_is_explained(installed):
    sample = (installed / "etc/marketingcli/marketingcli.conf.sample").read_text()
    text = shown(page(installed, "5"))
    keys = re.findall(r"^#?(\w+) = (.*)$", sample, re.M)
    assert len(keys) > 30
    for key, default in keys:
        assert re.search(rf" {key} [A-Z].*?\. Must be .*?\. "
                         + (rf"The default is ‘{re.escape(default)}’\." if default else "(Empty by default|This key must be given)\\."),
                         text), key
    for section in re.findall(r"^\[\w+\]$", sample, re.M):
        assert section in text
