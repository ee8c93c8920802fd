"""A worker of nginx takes a bounded part of a body at a time, however fast it comes, and looks after others before the next."""

import contextlib
import os
import re
import signal
import subprocess

BODY = 20_000_000
MOST = 500_000  # before others get their turn: what may wait in the kernel, as much that comes meanwhile, and some


@contextlib.contextmanager
def traced(stack, folder):
    """strace of all workers of nginx inside the with block; gives their files."""
    import processes
    master = stack.pid("nginx")
    files = {pid: folder / f"worker-{pid}" for pid in processes.group_members(master) if pid != master}
    tracers = [subprocess.Popen(["strace", "-q", "-e", "trace=epoll_wait,read,recvfrom", "-o", file, "-p", str(pid)],
                                stderr=subprocess.PIPE, text=True) for pid, file in files.items()]
    try:
        stack.wait(lambda: all(is_traced(pid) for pid in files), "all workers are traced")
        yield files.values()
    finally:
        for tracer in tracers:
            tracer.send_signal(signal.SIGINT)
            tracer.communicate()


def is_traced(pid):
    with open(f"/proc/{pid}/status") as f:
        return re.search(r"^TracerPid:\t(\d+)$", f.read(), re.MULTILINE)[1] != "0"


def turns(file):
    """How many bytes a worker has read between two looks at who has something for it."""
    read = 0
    for line in file.read_text().splitlines():
        if line.startswith("epoll_wait("):
            yield read
            read = 0
        elif got := re.search(r"^(?:read|recvfrom)\(.* = (\d+)$", line):
            read += int(got[1])


def test_a_worker_takes_part_of_a_body(stack, user, tmp_path):
    """Over HTTP/2. nginx 1.22 reads a body of HTTP/1.1 for as long as its sender is faster than nginx is, which takes more than
    four gigabits a second."""
    body = tmp_path / "body"
    body.write_bytes(os.urandom(BODY))
    with traced(stack, tmp_path) as files:
        done = subprocess.run(["curl", "-sS", "--http2", "--cacert", stack.ca, "-H", f"Authorization: Bearer {user.key}", "-H",
                               "Content-Type: image/jpeg", "--data-binary", f"@{body}", f"{stack.url}/api/v1/uploads"],
                              capture_output=True, text=True, timeout=120)
    assert "image_type_unsupported" in done.stdout, (done.stdout, done.stderr)
    read = [n for file in files for n in turns(file)]
    assert sum(read) > BODY and max(read) < MOST, sorted(read)[-10:]
