"""lib/model/account*.c and oauth_state.c against the stack's own MariaDB: their unit test needs a server."""
import os
import subprocess


def test_account_model(stack):
    run = subprocess.run([f"{os.environ['MARKETINGCLI_BUILD']}/tests/unit/unit-model_account"],
                         env={**os.environ, "TEST_DB_SOCKET": str(stack.at.mariadb_sock)}, capture_output=True, text=True,
                         timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "SKIP" not in run.stdout
