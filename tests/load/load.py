"""Load on a stack: wrk processes, each with one kind of request and the one status that it must be answered with."""

import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "api"))

import conftest  # noqa: E402
import images  # noqa: E402

TIMEOUT_SEC = 30  # a request that takes longer has failed


@contextlib.contextmanager
def stack(build, *settings):
    """A stack of its own inside the with block."""
    os.environ["MARKETINGCLI_BUILD"] = str(pathlib.Path(build).resolve())
    conftest.SETTINGS[:] = ["password.bcrypt_cost=4", *conftest.LENIENT, *settings]
    folder = tempfile.mkdtemp(prefix="mcli-load-")
    os.chmod(folder, 0o711)
    up = conftest.start(folder)
    try:
        made = conftest.Stack(folder)
        yield made
        up.terminate()
        up.wait(60)
        assert not (found := conftest.defects(made.at.log)), "the programs' logs report defects:\n" + "\n".join(found)
    finally:
        up.terminate()
        up.wait(60)
        shutil.rmtree(conftest.Layout(folder).home, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@dataclasses.dataclass
class Kind:
    """Requests that are all answered with the same status. Each is (method, path, headers, body)."""
    name: str
    expected: int
    requests: list
    connections: int = 4


@dataclasses.dataclass
class Result:
    name: str
    served: int  # answers
    bad: int  # of them with another status
    broken: int  # connections that ended without an answer
    timeouts: int
    max_ms: int
    first_bad: str

    @property
    def failed(self):
        return self.bad + self.broken + self.timeouts


class Load:
    """All kinds at once, until stop()."""

    def __init__(self, stack, kinds):
        self.folder = tempfile.TemporaryDirectory(prefix="mcli-requests-")
        self.names = (f"{self.folder.name}/{i}" for i in itertools.count())
        self.running = [(kind, self.start(stack, kind)) for kind in kinds]

    def start(self, stack, kind):
        lines = [self.line(stack, *request) for request in kind.requests]
        return subprocess.Popen(
            ["wrk", "-t", "1", "-c", str(kind.connections), "-d", "1h", "--timeout", f"{TIMEOUT_SEC}s",
             "-s", HERE / "requests.lua", stack.url, "--", self.file("\n".join(lines).encode()), str(kind.expected)],
            stdout=subprocess.PIPE, text=True, errors="replace")

    def line(self, stack, method, path, headers, body):
        headers = {"Host": f"localhost:{stack.https}", **headers}
        return "\t".join([method, path, *(f"{n}: {v}" for n, v in headers.items()),
                          "-" if body is None else self.file(body)])

    def file(self, content):
        name = next(self.names)
        pathlib.Path(name).write_bytes(content)
        return name

    def stop(self):
        """Ends the load; the results. Requests on their way then are not counted."""
        for _, process in self.running:
            process.send_signal(signal.SIGINT)
        results = []
        for kind, process in self.running:
            out, _ = process.communicate(timeout=60)
            line = out.rpartition("\nRESULT\t")[2]
            assert process.returncode == 0 and line, out
            numbers, first_bad = line.rstrip("\n").split("\t")[:5], line.rstrip("\n").split("\t", 5)[5]
            served, bad, broken, timeouts, max_us = map(int, numbers)
            results.append(Result(kind.name, served, bad, broken, timeouts, max_us // 1000, first_bad))
        self.folder.cleanup()
        return results


def kinds(stack, n_users):
    """Pooled GETs of every app, unpooled POSTs of every app, uploads."""
    users = [conftest.User(stack) for _ in range(n_users)]
    cookies = [{"Cookie": f"__Host-session={u.web.cookies['__Host-session']}", "Origin": stack.url} for u in users]
    keys = [{"Authorization": f"Bearer {u.key}"} for u in users]
    as_json = {"Content-Type": "application/json"}
    nobody = "01a203f4-f8bd-7e8a-a70b-bd6f0e352b1b"
    sign_in = [json.dumps({"email": u.email, "password": u.password}).encode() for u in users]
    gets = ("/api/v1/me", "/api/v1/keys", "/api/v1/accounts", "/api/v1/uploads", "/api/v1/posts")
    return [
        Kind("GET, pooled", 200, [("GET", path, who, None) for who in cookies for path in gets], 8),
        Kind("POST auth/login", 200, [("POST", "/api/v1/auth/login", as_json, body) for body in sign_in]),
        Kind("POST keys", 201, [("POST", "/api/v1/keys", {**who, **as_json}, b'{"name":"load"}') for who in cookies]),
        Kind("POST uploads", 201, [("POST", "/api/v1/uploads", {**who, "Content-Type": "image/jpeg"}, images.jpeg(64, 48))
                                   for who in keys]),
        Kind("POST posts", 404, [("POST", f"/api/v1/accounts/{nobody}/posts", {**who, **as_json},
                                  json.dumps({"upload_ids": [nobody], "title": "load"}).encode()) for who in keys]),
        Kind("DELETE accounts", 404, [("DELETE", f"/api/v1/accounts/{nobody}", who, None) for who in cookies]),
    ]
