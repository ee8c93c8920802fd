#!/usr/bin/python3
"""Restarts services of the stack in $MARKETINGCLI_RESTART_DIR, as systemctl does on a server: for credentials rotate --restart.

    restarts.py NAME...    SIGTERM to all that run; back when other processes run in their place
"""

import os
import signal
import sys
import time

import processes
from layout import Layout

PATIENCE_SEC = 180  # longer than a program may take to stop


def running(at):
    return {name: pid for name, pid, started in processes.read_pids(at) if processes.alive(pid, started)}


def main():
    at = Layout(os.environ["MARKETINGCLI_RESTART_DIR"])
    before = {name: pid for name, pid in running(at).items() if name in sys.argv[1:]}
    for pid in before.values():
        os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + PATIENCE_SEC
    while any(running(at).get(name, pid) == pid for name, pid in before.items()):
        if time.monotonic() > end:
            sys.exit("not all of them run again")
        time.sleep(0.02)


if __name__ == "__main__":
    main()
