"""A stack for the measurements, and its users."""

import http.client
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import machine  # noqa: F401  (finds tests/stack)
import processes
import users
from layout import CHECKOUT, Layout

PASSWORD = "correct horse battery staple"
CHEAP = "--set=password.bcrypt_cost=4"
MANY_POSTS = ("--set", "sandbox.posts_per_day=1000")  # else TikTok defers what a few rounds have made


class Stack:
    def __init__(self, build, *options):
        self.cost = 4 if CHEAP in options else 12  # what the configuration has by default
        self.build, self.folder = build, tempfile.mkdtemp(prefix="mcli-bench-")
        os.chmod(self.folder, 0o711)
        try:
            self.command("up", "--weighted", "--https", "0", "--http", "0", "--build", build, *MANY_POSTS, *options)
        except subprocess.CalledProcessError as e:
            self.down()
            sys.exit(e.returncode)  # it has said why
        self.at = Layout(self.folder)
        self.https = int(dict(line.split() for line in self.at.ports.read_text().splitlines())["https"])
        self.url = f"https://localhost:{self.https}"
        self.tls = ssl.create_default_context(cafile=str(self.at.ca))
        self.tls.check_hostname = True

    def command(self, name, *options):
        subprocess.run([CHECKOUT / "tests/stack.sh", name, "--dir", self.folder, *options], check=True,
                       stdout=subprocess.DEVNULL)

    def down(self):
        self.command("down")
        subprocess.run(["rm", "-rf", self.folder, Layout(self.folder).home], check=True)

    def groups(self):
        """{service: process group}"""
        return {name: pid for name, pid, _ in processes.read_pids(self.at) if name != "supervisor"}

    def sql(self, text):
        command = ["mariadb", "--no-defaults", "-uroot", "-S", self.at.mariadb_sock, "-N", "-e", text, "marketingcli"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def connect(self):
        return http.client.HTTPSConnection("localhost", self.https, timeout=60, context=self.tls)

    def call(self, method, path, headers=None, body=None, connection=None, expected=(200, 201, 202)):
        """(parsed answer, its headers)"""
        c = connection or self.connect()
        c.request(method, path, body, headers or {})
        r = c.getresponse()
        data = r.read()
        if connection is None:
            c.close()
        if r.status not in expected:
            raise RuntimeError(f"{method} {path}: {r.status} {data[:300]!r}")
        return json.loads(data), r.headers

    def wire(self, method, path, headers, body=b""):
        """The request as wrk sends it."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: localhost:{self.https}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}"] if body else []
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class User:
    """With a few keys."""

    def __init__(self, stack, number, keys):
        self.email = f"user{number}-{time.time_ns()}@example.com"
        self.sign_in = json.dumps({"email": self.email, "password": PASSWORD}).encode()
        as_json = {"Content-Type": "application/json", "Origin": stack.url}
        c = stack.connect()
        users.add_user(stack.sql, self.email, PASSWORD, f"User {number}", stack.cost)
        _, headers = stack.call("POST", "/api/v1/auth/login", as_json, self.sign_in, c)
        session = {**as_json, "Cookie": headers["Set-Cookie"].split(";")[0]}
        self.keys = []
        for i in range(keys):
            answer, _ = stack.call("POST", "/api/v1/keys", session, json.dumps({"name": f"bench {i}"}), c)
            self.keys.append(answer["data"]["key"])
        c.close()


class SignIns:
    """So many people who sign in again and again inside the with block, and come again when Retry-After says."""

    def __init__(self, stack, users, people):
        self.stack, self.done, self.refused, self.failed = stack, 0, 0, 0
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.person, args=[users[i % len(users)]]) for i in range(people)]

    def __enter__(self):
        self.since = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        self.seconds = time.monotonic() - self.since

    def person(self, user):
        c = self.stack.connect()
        while not self.stop.is_set():
            c.request("POST", "/api/v1/auth/login", user.sign_in, {"Content-Type": "application/json"})
            r = c.getresponse()
            r.read()
            self.done += r.status == 200
            self.refused += r.status == 503
            self.failed += r.status not in (200, 503)
            if r.status != 200:
                self.stop.wait(float(r.headers.get("Retry-After", "1")))
        c.close()
