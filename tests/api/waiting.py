"""Requests that wait for the same row, one behind the other."""

import contextlib
import functools
import re
import time
import uuid

import pymysql
from conftest import User

LOCK_WAIT_SEC = 2  # innodb_lock_wait_timeout of the programs: whoever has waited for so long begins anew, behind the others
held = {"sec": 0.0}


@contextlib.contextmanager
def locked(stack, user, of=("auth", "keys")):
    """Somebody else has the user's row inside the with block. Gives what waits until so many of these programs wait for it: worker@mail,
    which sends a mail meanwhile, is none of them."""
    waiting = re.compile(r"\nLOCK WAIT .*\n.* marketingcli_(?:" + "|".join(of) + r")\b")

    def waits(n):
        stack.wait(lambda: len(waiting.findall(stack.sql("SHOW ENGINE INNODB STATUS")[0]["Status"])) == n, f"{n} wait for the user")
    with pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="root", database="marketingcli") as holder:
        holder.cursor().execute("SELECT 1 FROM users WHERE id = %s FOR UPDATE", uuid.UUID(user.id).bytes)
        began = time.monotonic()
        try:
            yield waits
        finally:
            holder.rollback()
            held["sec"] = time.monotonic() - began


def in_line(test):
    """For a test of who waits first for a lock. On a machine that was so slow that somebody has lost their place, it shows nothing, and
    another user tries."""
    @functools.wraps(test)
    def run(**given):
        for n in range(3):
            try:
                return test(**{**given, "user": User(given["stack"]) if n else given["user"]})
            except AssertionError:
                if n == 2 or held["sec"] < LOCK_WAIT_SEC:
                    raise
    return run
