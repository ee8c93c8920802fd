"""What a slow machine must not change: who waits before whom, who is told that a program is busy, and how long something takes."""

import contextlib
import functools
import re
import threading
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


def patiently(stack, ask, told=None):
    """The answer to who comes again as long as the program says that it is busy: where nobody may wait for more than a second
    (service.queue_sec), it rightly says so to those who came while the machine stood still. told: gets the refusals."""
    def asked():
        answer = ask()
        if answer.status_code != 503 or answer.json()["error"]["code"] != "busy":
            return [answer]
        if told is not None:
            told.append(answer)
        return None
    answer, = stack.wait(asked, "it is not busy")
    return answer


def quickest(act, seconds, prepare=lambda: None):
    """The time that act(prepare()) takes, and if it is not less than these seconds, the least of three: a machine that stands still does
    not do so each time."""
    took = []
    while not took or took[-1] >= seconds and len(took) < 3:
        given = prepare()
        began = time.monotonic()
        act(given)
        took.append(time.monotonic() - began)
    return min(took)


class Awake:
    """A clock for bounds: it goes on as the wall clock does, but stands still while the machine does. As a context manager; then now().
    stood_sec: how long the machine has stood still at a time, at most."""
    TICK_SEC, MOST_SEC = 0.05, 0.1

    def __init__(self):
        self.at, self.stood_sec, self.ended = 0.0, 0.0, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def run(self):
        before = time.monotonic()
        while not self.ended.wait(self.TICK_SEC):
            now = time.monotonic()
            self.at += min(now - before, self.MOST_SEC)
            self.stood_sec = max(self.stood_sec, now - before - self.MOST_SEC)
            before = now

    def now(self):
        return self.at
