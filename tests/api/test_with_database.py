"""Unit tests that need a MariaDB (database_tests in tests/unit/meson.build), on the stack's own."""
import os
import pathlib
import re
import subprocess

import pytest

TABLE = (pathlib.Path(__file__).resolve().parent.parent / "unit/meson.build").read_text()
KEYS = re.findall(r"^  '([\w/]+)':", re.search(r"^database_tests = \{(.*?)^\}", TABLE, re.M | re.S)[1], re.M)
assert KEYS


@pytest.mark.parametrize("key", KEYS)
def test_unit(stack, key):
    stack.sql("CREATE DATABASE IF NOT EXISTS test_db CHARACTER SET utf8mb4")
    run = subprocess.run([f"{os.environ['MARKETINGCLI_BUILD']}/tests/unit/unit-{re.sub('/', '_', key)}"],
                         env={**os.environ, "TEST_DB_SOCKET": str(stack.at.mariadb_sock)}, capture_output=True, text=True,
                         timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
