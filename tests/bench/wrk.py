"""wrk: one run of one kind of request, bounded in time."""

import dataclasses
import pathlib
import subprocess
import tempfile

LUA = pathlib.Path(__file__).resolve().parent / "requests.lua"


@dataclasses.dataclass
class Result:
    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    not_2xx: int
    broken: int

    @property
    def rps(self):
        return self.requests / self.seconds


class Load:
    """Runs from its creation on; result() waits for the end. requests: whole HTTP requests, as bytes."""

    def __init__(self, url, requests, seconds, connections, pause_ms=None):
        self.file = tempfile.NamedTemporaryFile(prefix="mcli-bench-")
        self.file.write(b"\0".join(requests))
        self.file.flush()
        self.seconds = seconds
        self.process = subprocess.Popen(
            ["wrk", "-t1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "30s", "-s", str(LUA), url, "--",
             self.file.name, *([str(pause_ms)] if pause_ms else [])],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def result(self):
        try:
            out, _ = self.process.communicate(timeout=self.seconds + 30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        line = out.rpartition("\nRESULT ")[2].split()
        if self.process.returncode != 0 or len(line) != 6:
            raise RuntimeError(f"wrk: {out}")
        n, us, p50, p99, not_2xx, broken = map(int, line)
        return Result(n, us / 1e6, p50 / 1e3, p99 / 1e3, not_2xx, broken)
