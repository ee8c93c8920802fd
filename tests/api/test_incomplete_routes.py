"""A program with a route whose row leaves a policy out, or contradicts itself, does not start (tests/fixtures/incomplete.c)."""

import json
import os
import pathlib
import subprocess

import pytest

PROGRAM = pathlib.Path(os.environ["MARKETINGCLI_BUILD"]) / "tests/fixtures/marketingcli-incomplete"
EX_CONFIG = 78


def start(stack, row):
    """(exit code, why it does not start)"""
    done = subprocess.run([PROGRAM], env={**os.environ, "MARKETINGCLI_CONF": str(stack.at.conf), "ROW": row}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30)
    last = json.loads((done.stdout + done.stderr).splitlines()[-1])
    assert last["event"] == "cannot_start", last
    return done.returncode, last["why"]


@pytest.mark.parametrize("row", ["no_auth", "no_rate", "no_scope", "scope_of_a_session", "no_summary", "light_stream",
                                 "creates_for_nobody", "recent_auth_of_a_key"])
def test_it_names_the_row(stack, row):
    assert start(stack, row) == (EX_CONFIG, f"/{row}")


def test_a_complete_row_is_no_reason(stack):
    """It comes further, to what this test does not give it."""
    code, why = start(stack, "complete")
    assert code == EX_CONFIG and "db-password" in why
