"""Unit tests that need a MariaDB (database_tests in tests/unit/meson.build), on the stack's own."""
import os
import pathlib
import re
import subprocess

import pytest
from conftest import CHECKOUT, with_setting

TABLE = (pathlib.Path(__file__).resolve().parent.parent / "unit/meson.build").read_text()
KEYS = re.findall(r"^  '([\w/]+)':", re.search(r"^database_tests = \{(.*?)^\}", TABLE, re.M | re.S)[1], re.M)
assert KEYS


@pytest.fixture(scope="module")
def databases(stack):
    """test_db is empty; test_schema has our tables, and no worker looks there."""
    stack.sql("CREATE DATABASE IF NOT EXISTS test_db CHARACTER SET utf8mb4")
    stack.sql("CREATE DATABASE IF NOT EXISTS test_schema CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin")
    conf = stack.at.run / "test_schema.conf"
    conf.write_text(with_setting(stack.at.conf.read_text(), "database_name", "test_schema"))
    made = stack.admin("migrate", "--sql", str(CHECKOUT / "sql"), conf=conf)
    assert made.returncode == 0, made.stderr
    yield
    stack.sql("DROP DATABASE test_schema")


@pytest.mark.parametrize("key", KEYS)
def test_unit(stack, databases, key):
    run = subprocess.run([f"{os.environ['MARKETINGCLI_BUILD']}/tests/unit/unit-{re.sub('/', '_', key)}"],
                         env={**os.environ, "TEST_DB_SOCKET": str(stack.at.mariadb_sock)}, capture_output=True, text=True,
                         timeout=600)
    assert run.returncode == 0, run.stdout + run.stderr
