"""nginx's access log under the installed rules: a real logrotate rotates what a real nginx writes, day after day."""

import contextlib
import datetime
import gzip
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest

KEPT_DAYS = 14
WAIT_SEC = 20


def wait_for(condition, what):
    end = time.monotonic() + WAIT_SEC
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


class Site:
    """nginx as www-data with the installed log's folder and format of a line, and days that pass when they are told to."""

    def __init__(self, machine, installed):
        machine.run("systemd-tmpfiles", "--create")
        self.log = machine.root / "var/log/marketingcli"
        self.current = self.log / "access.log"
        self.home = machine.root / "nginx"
        self.home.mkdir()
        self.socket, self.pid, self.state = self.home / "http.sock", self.home / "pid", self.home / "state"
        rules = (installed / "etc/logrotate.d/marketingcli").read_text()
        assert "/run/nginx.pid" in rules
        self.rules = self.home / "rules"
        self.rules.write_text(rules.replace("/var/log/marketingcli", str(self.log)).replace("/run/nginx.pid", str(self.pid)))
        user = re.search(r"^user .*;$", (installed / "etc/nginx/marketingcli/nginx.conf").read_text(), re.M)[0]
        server = (installed / "etc/nginx/marketingcli/snippets/server.conf").read_text()
        logs = re.findall(r"^(?:access|error)_log .*;$", server, re.M)
        assert len(logs) == 2
        (self.home / "conf").write_text(
            f"{user}\nworker_processes 2;\npid {self.pid};\nerror_log {self.home}/error;\nevents {{}}\nhttp {{\n"
            + "".join(f"{n}_temp_path {self.home}/{n};\n" for n in ("client_body", "fastcgi", "proxy", "scgi", "uwsgi"))
            + "log_format marketingcli $request_uri;\n" + "\n".join(logs).replace("/var/log/marketingcli", str(self.log))
            + f"\nserver {{ listen unix:{self.socket}; return 204; }}\n}}\n")
        self.sent = 0

    @contextlib.contextmanager
    def running(self):
        nginx = subprocess.Popen(["/usr/sbin/nginx", "-e", "stderr", "-c", self.home / "conf", "-g", "daemon off;"])
        try:
            wait_for(self.pid.exists, "nginx has started")
            yield
        finally:
            nginx.terminate()
            nginx.wait(WAIT_SEC)

    def ask(self):
        """The address of a request that was answered; nginx writes its line at the same time."""
        self.sent += 1
        path = f"/{self.sent}"
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.socket))
            s.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            while s.recv(1000):
                pass
        return path

    def day_passes(self):
        """Everything here is a day older, and the night's logrotate comes."""
        for path in self.log.iterdir():
            was = path.stat().st_mtime - 86400
            os.utime(path, (was, was))
        yesterday = datetime.date.today() - datetime.timedelta(days=1)
        self.state.write_text("logrotate state -- version 2\n" + "".join(
            f'"{self.log}/{name}.log" {yesterday.year}-{yesterday.month}-{yesterday.day}-0:0:0\n' for name in ("access", "nginx-error")))
        self.state.chmod(0o640)
        done = subprocess.run(["/usr/sbin/logrotate", "-s", self.state, self.rules], capture_output=True, text=True)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")

    def lines(self):
        return [line for path in self.log.glob("access.log*")
                for line in (gzip.open(path, "rt") if path.suffix == ".gz" else path.open()).read().splitlines()]


@pytest.fixture
def site(machine, installed):
    assert shutil.which("logrotate")
    site = Site(machine, installed)
    with site.running():
        yield site


def test_nothing_is_lost_in_a_rotation(site):
    """Requests come all the while; the workers write on in the new file, and nobody but them and the group adm may read any."""
    stop = threading.Event()

    def visitor():
        while not stop.is_set():
            site.ask()

    visits = threading.Thread(target=visitor)
    visits.start()
    try:
        for _ in range(3):
            wait_for(lambda: site.current.stat().st_size > 0, "requests are in today's file")
            site.day_passes()
        wait_for(lambda: site.current.stat().st_size > 0, "the workers have opened the new file")
    finally:
        stop.set()
        visits.join()
    wait_for(lambda: len(site.lines()) == site.sent, "each request has its line")
    assert sorted(site.lines()) == sorted(f"/{i}" for i in range(1, site.sent + 1))
    for path in site.log.iterdir():
        assert (path.stat().st_mode & 0o777, path.stat().st_uid, path.stat().st_gid) == (0o640, 33, 4), path
    assert site.log.stat().st_mode & 0o777 == 0o751 and site.log.stat().st_uid == 0, "nobody but root makes or deletes files there"


def test_fourteen_days_hold_for_a_quiet_site(site):
    """Its one line is gone after 14 days, although no other has come; and no sooner than after 13."""
    path = site.ask()
    wait_for(lambda: site.lines() == [path], "the line is there")
    for day in range(1, KEPT_DAYS + 1):
        site.day_passes()
        assert (site.lines() == [path]) == (day < KEPT_DAYS), f"after {day} days"
    wait_for(lambda: site.ask() and site.current.read_text(), "nginx writes on")  # its workers open the new file a moment after logrotate has ended
