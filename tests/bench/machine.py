"""What the machine says about processes, and about itself."""

import contextlib
import os
import pathlib
import platform
import resource
import subprocess
import sys
import threading

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "stack"), str(TESTS / "api")]

import processes  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count()


def cpu_of_groups():
    """{process group: CPU seconds}, children that have ended included."""
    used = {}
    for entry in os.listdir("/proc"):
        fields = processes.stat(entry) if entry.isdigit() else None
        if fields:
            group = int(fields[2])
            used[group] = used.get(group, 0) + sum(map(int, fields[11:15])) / TICK
    return used


def cpu_busy():
    """CPU seconds of everything on the machine."""
    fields = list(map(int, pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9]))
    return (sum(fields) - fields[3] - fields[4]) / TICK


def cpu_of_clients():
    """CPU seconds of this process and of the commands it ran that have ended (wrk)."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(r.ru_utime + r.ru_stime for r in used)


def schedule(group, policy):
    """Every thread of a process group."""
    for pid in processes.group_members(group):
        for task in os.listdir(f"/proc/{pid}/task"):
            os.sched_setscheduler(int(task), policy, os.sched_param(0))


def pss_mb(group):
    """Memory of a process group; pages shared between processes count for each with its part."""
    kb = 0
    for pid in processes.group_members(group):
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kb += int(line.split()[1])
    return kb / 1024


class Peak:
    """The most that measure() gave inside the with block."""

    def __init__(self, measure):
        self.measure, self.mb, self.stop = measure, 0.0, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def watch(self):
        while not self.stop.wait(0.5):
            with contextlib.suppress(OSError):
                self.mb = max(self.mb, self.measure())


def mb_of(folder):
    """What its files take."""
    bytes = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            bytes += path.stat().st_blocks * 512
    return bytes / 2**20


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        return (done.stdout or done.stderr).strip().splitlines()[0]
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return "?"


def facts(php_fpm):
    cpu = [line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
           if line.startswith("model name")]
    memory = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) >> 20
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "?")
    return [
        f"{CORES} cores {cpu[0] if cpu else platform.machine()}, {memory} GB, {system}, kernel {platform.release().split('-')[0]}",
        "; ".join([first_line("nginx", "-v").replace("nginx version: ", ""),
                   first_line("mariadbd", "--version").split("Ver ")[-1].split(" for ")[0].join(("MariaDB ", "")),
                   first_line("gcc", "--version"), f"libvips {first_line('pkg-config', '--modversion', 'vips')}"]),
        "; ".join([first_line("go", "version"), first_line(php_fpm, "-v").split(" (built")[0],
                   f"node {first_line('node', '--version')}"]),
    ]
