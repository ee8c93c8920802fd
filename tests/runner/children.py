"""The commands that groups run. Each is a process group of its own, so that all that it started can be ended with it."""

import os
import pathlib
import signal
import subprocess
import threading
import time

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
PATIENCE_SEC = ((signal.SIGINT, 30), (signal.SIGKILL, 5))  # a stack needs a while to go down

lock = threading.Lock()
running = set()
ending = False


def python_environment(**more):
    """What is compiled is kept apart from the sources, for the many processes that import the same tests."""
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(CHECKOUT / "build-python"),
            "PYTHONPATH": str(CHECKOUT / "tests/runner"), **more}


class Interrupted(Exception):
    """Nothing is started any more."""


def start(command, nice=False, **more):
    """A Popen. Pass it to wait() or communicate() and then to ended()."""
    command = list(map(str, command))
    with lock:
        if ending:
            raise Interrupted
        process = subprocess.Popen(["nice", *command] if nice else command, start_new_session=True, **more)
        running.add(process)
    return process


def ended(process):
    with lock:
        running.discard(process)
        if ending:
            raise Interrupted


def run(command, timeout_sec, nice=False, **more):
    """(exit code, output)"""
    process = start(command, nice, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **more)
    try:
        out, _ = process.communicate(timeout=timeout_sec)
        return process.returncode, out
    except subprocess.TimeoutExpired:
        return -1, f"{end(process)}\nnot done after {timeout_sec} s: interrupted"
    finally:
        ended(process)


def tell(process, signo):
    try:
        os.killpg(process.pid, signo)
    except ProcessLookupError:
        pass


def end(process):
    """Interrupts, so that it can clean up, and then kills; returns what it wrote, when that goes to a pipe."""
    for signo, patience_sec in PATIENCE_SEC:
        tell(process, signo)
        try:
            return process.communicate(timeout=patience_sec)[0] or ""
        except subprocess.TimeoutExpired:
            continue
    return ""


def end_all():
    """Ends what other threads run, which then get Interrupted; so does who would start something now."""
    global ending
    with lock:
        ending = True
    for signo, patience_sec in PATIENCE_SEC:
        with lock:
            left = list(running)
        for process in left:
            tell(process, signo)
        deadline = time.monotonic() + patience_sec
        while running and time.monotonic() < deadline:
            time.sleep(0.05)
