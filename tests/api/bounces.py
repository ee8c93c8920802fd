"""Mail that comes back, and the pipe that it goes into."""

import os
import subprocess

from conftest import CHECKOUT
from render import find_program

REPORT = (CHECKOUT / "tests/fuzz/corpus/bounce/postfix").read_text()
THAT_ID = "019ac0de-0000-7000-8000-000000000001"


def report(mail, text=REPORT, **replaced):
    for old, new in replaced.items():
        assert f"{old}: " in text
        text = "".join(f"{old}: {new}\n" if line.startswith(f"{old}: ") else line for line in text.splitlines(keepends=True))
    return text.replace(THAT_ID, str(mail.id))


def bounce(stack, text, *options, conf=None, **env):
    """(exit code, what it said)"""
    done = subprocess.run([find_program(os.environ["MARKETINGCLI_BUILD"], "marketingcli-admin"), "mail", "bounce", *options],
                          input=text if isinstance(text, bytes) else text.encode(), capture_output=True,
                          env={**os.environ, "MARKETINGCLI_CONF": str(conf or stack.at.conf), "MARKETINGCLI_TEST_DIR": str(stack.at.test), **env})
    return done.returncode, (done.stdout + done.stderr).decode()
