"""lib/db against the stack's own MariaDB: tests/unit/db/db.c needs a server, so it runs here."""
import os
import subprocess


def test_lib_db(stack):
    stack.sql("CREATE DATABASE IF NOT EXISTS test_db CHARACTER SET utf8mb4")
    build = os.environ["MARKETINGCLI_BUILD"]
    run = subprocess.run([f"{build}/tests/unit/unit-db"], env={**os.environ, "TEST_DB_SOCKET": f"{stack.dir}/mariadb.sock"},
                         capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
