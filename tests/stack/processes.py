"""Processes by number, without mistaking a reused number for the old process."""

import os
import pathlib
import signal
import time


def stat(pid):
    """Fields of /proc/PID/stat after the name: [0] is field 3, the state. None when there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def start_time(pid):
    fields = stat(pid)
    return int(fields[19]) if fields else 0


def alive(pid, started):
    fields = stat(pid)
    return fields is not None and fields[0] != "Z" and int(fields[19]) == started


def kill_group(pid, signo):
    try:
        os.killpg(pid, signo)
    except (ProcessLookupError, PermissionError):
        pass


def group_members(pgid):
    members = []
    for entry in os.listdir("/proc"):
        fields = stat(entry) if entry.isdigit() else None
        if fields and int(fields[2]) == pgid and fields[0] != "Z":
            members.append(int(entry))
    return members


def exit_text(code):
    return f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"


def read_pids(at):
    """[(name, pid, start time)] as the supervisor wrote them; the supervisor first."""
    try:
        lines = at.pids.read_text().splitlines()
    except OSError:
        return []
    return [(name, int(pid), int(started)) for name, pid, started in map(str.split, lines)]


def ours(pid, started):
    """Whether the group of that number is still the one that was written down."""
    fields = stat(pid)
    return fields is None or int(fields[19]) == started


def clean_up(at):
    """Ends what a killed supervisor left behind. The supervisor itself must not be running."""
    left = [(pid, started) for name, pid, started in read_pids(at) if name != "supervisor"]
    for signo, patience_sec in ((signal.SIGTERM, 10), (signal.SIGKILL, 2)):
        for pid, started in left:
            if ours(pid, started):
                kill_group(pid, signo)
        end = time.monotonic() + patience_sec
        while time.monotonic() < end and any(ours(p, s) and group_members(p) for p, s in left):
            time.sleep(0.05)
    at.pids.unlink(missing_ok=True)
