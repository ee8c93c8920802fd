"""Unit tests that need a MariaDB (database_tests in tests/unit/meson.build), on the stack's own."""
import os
import subprocess

import pytest


@pytest.mark.parametrize("name", ["db_db", "model_tiktok_account", "model_job_job"])
def test_unit(stack, name):
    stack.sql("CREATE DATABASE IF NOT EXISTS test_db CHARACTER SET utf8mb4")
    run = subprocess.run([f"{os.environ['MARKETINGCLI_BUILD']}/tests/unit/unit-{name}"],
                         env={**os.environ, "TEST_DB_SOCKET": str(stack.at.mariadb_sock)}, capture_output=True, text=True,
                         timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
