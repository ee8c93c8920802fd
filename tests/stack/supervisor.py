"""Starts the services of a stack, holds their sockets, restarts what dies, ends all of it."""

import contextlib
import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import time

import processes
import ready
import render
import sanitizers
import services
from layout import AS_ROOT, CHECKOUT, folder, write

BACKLOG = 4096  # as in the units: a full unix socket is a 502 at once
PAUSE_FIRST_SEC, PAUSE_MAX_SEC = 0.05, 1.0
FAULTS_BYTES = 20 + 4 * 32 + 4096 * (16 + 96)  # struct fault_plan (lib/base/fault.h)
STEADY_SEC = 5  # who lived this long is restarted as if for the first time
STOP_SEC = 10  # from SIGTERM to SIGKILL
GIVE_UP_DEATHS = 3  # while starting: somebody who died this often will not come up
READY_SEC = 60
SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}

MARIADB_INIT = ["--auth-root-authentication-method=" + ("socket" if AS_ROOT else "normal"), "--skip-test-db",
                "--skip-name-resolve"]
MARIADB_DATA = ["--innodb-data-file-path=ibdata1:4M:autoextend"]
MARIADB_SMALL = ["--innodb-log-file-size=4M"]
MARIADB_RUN = ["--skip-networking", "--innodb-temp-data-file-path=ibtmp1:4M:autoextend",
               "--performance-schema=0", "--aria-pagecache-buffer-size=8M", "--max-connections=300"]
# Every commit is written, as the programs want it, but nothing waits for the disk.
MARIADB_FAST = [*MARIADB_SMALL, "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=1", "--skip-log-bin",
                "--innodb-flush-method=nosync", "--innodb-doublewrite=0", "--innodb-fast-shutdown=2"]
# The sizes are MariaDB's own: with a log of 4 MB it would write out pages all the time.
MARIADB_DURABLE = ["--innodb-flush-log-at-trx-commit=1", "--log-bin=binlog", "--sync-binlog=1", "--server-id=1"]


class Failed(Exception):
    """The stack does not come up; the text says why."""


class Child:
    def __init__(self, service, argv):
        self.service, self.argv = service, argv
        self.listener = self.process = None
        self.started = self.start_at = 0.0
        self.pause, self.deaths, self.last_exit = PAUSE_FIRST_SEC, 0, None

    @property
    def name(self):
        return self.service.name


def as_unit(service, weighted):
    """In the child: what a unit gives its process besides user and environment."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if service in (*services.PROGRAMS, services.INTAKE):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    # CPUWeight=10, which is about nice 10. A session is to Linux's autogroups what a unit is to its cgroups; where they are switched off
    # (`sysctl kernel`) the processes' own nice counts.
    if weighted and service.name in ("image", "intake"):
        os.nice(10)
        with contextlib.suppress(OSError), open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write("10")


class Supervisor:
    def __init__(self, at, options, say):
        self.at, self.options, self.say = at, options, say
        self.children, self.stopping = [], False

    # -- The files

    def prepare(self):
        at, options = self.at, self.options
        for path in (at.log, at.run):
            folder(path, 0o755)
        for path in (at.hold, at.test):
            folder(path, 0o755)
        folder(at.test / "points", 0o777)  # a program removes the point at which it dies
        write(at.test / "called", "", 0o666)  # whom programs call (lib/net/outgoing.h)
        write(at.test / "faults", "\0" * FAULTS_BYTES, 0o666)
        folder(at.run / "metrics", 0o3770, 0, services.GID_METRICS)
        folder(at.intake_dir, 0o750, services.INTAKE.uid, services.GID_INTAKE)
        folder(at.simulator_sock.parent, 0o750, services.NGINX.uid, services.GID_SIMULATOR)
        folder(at.run / "nginx", 0o755, services.NGINX.uid)
        write(at.run / "keys.epoch", "", 0o664, 0, services.GID_EPOCH)
        write(at.run / "rates.1", "", 0o660, 0, services.GID_RATES)
        folder(at.store_home, 0o750, 0, services.GID_STORE)
        folder(at.store, 0o2775, 0, services.GID_STORE_WRITE)
        folder(at.spool, 0o2770, 0, services.GID_STORE_WRITE)
        folder(at.policy, 0o755)
        folder(at.mail, 0o700, services.MAIL.uid, services.MAIL.uid)
        folder(at.exports, 0o700, services.PRIVACY.uid, services.PRIVACY.uid)
        folder(at.journal, 0o700, services.ERASER.uid, services.ERASER.uid)
        folder(at.kept, 0o755)
        for worker in services.WORKERS:
            folder(at.kept / worker.args[0], 0o700, worker.uid, worker.uid)
        render.certificates(at)
        render.credentials(at)
        render.configuration(at, options.https, options.changes)
        write(at.ports, f"https {options.https}\nhttp {options.http}\n")

        names = {s.program for s in services.PROGRAMS} | {"marketingcli-admin"}
        self.found = render.programs(at, options.build, sorted(names))
        missing = sorted(n for n, path in self.found.items() if path is None)
        if missing and (not options.partial or "marketingcli-admin" in missing):
            raise Failed(f"not built in {options.build}: {', '.join(missing)} (--partial starts what there is)")
        if missing:
            self.say(f"left out, not built: {', '.join(missing)}")
        self.tables = render.tables(self.found["marketingcli-admin"])
        render.limits(at, self.found["marketingcli-admin"])
        render.nginx(at, options.build, self.tables, options.https, options.http, ready.has_ipv6())

    # -- The database

    def as_user(self, service, argv):
        """The command line that runs argv as the service's user, with nothing to gain and not without us."""
        command = ["setpriv", "--no-new-privs", "--pdeathsig=TERM"]
        if AS_ROOT:
            groups = ",".join(map(str, service.groups))
            command += [f"--reuid={service.uid}", f"--regid={service.uid}", "--inh-caps=-all", "--bounding-set=-all",
                        f"--groups={groups}" if groups else "--clear-groups"]
        return [*command, "--", *map(str, argv)]

    def database_start(self):
        at, mariadb = self.at, services.MARIADB
        own = folder(at.home / "mariadb", 0o755, mariadb.uid, mariadb.uid)
        # A mariadbd that starts removes all temporary tables that it finds, also those of another stack's.
        temporary = f"--tmpdir={folder(own / 'tmp', 0o700, mariadb.uid, mariadb.uid)}"
        done = at.home / "data.ready"
        if not done.exists():
            subprocess.run(["rm", "-rf", str(at.data)], check=True)
            folder(at.data, 0o700, mariadb.uid, mariadb.uid)
            # --force: the machine's own name need not resolve; only the socket is used.
            init = ["mariadb-install-db", "--no-defaults", "--force", f"--datadir={at.data}", temporary, *MARIADB_INIT,
                    *MARIADB_DATA, *MARIADB_SMALL]
            if AS_ROOT:
                init.append("--auth-root-socket-user=root")
            log = at.log / "mariadb.log"
            with log.open("ab") as out:
                if subprocess.run(self.as_user(mariadb, init), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                  env=self.environment(mariadb)).returncode != 0:
                    raise Failed(f"mariadb-install-db failed:\n{ready.tail(log, 40)}")  # advice follows the reason
            done.touch()
        argv = ["/usr/sbin/mariadbd", "--no-defaults", f"--datadir={at.data}", temporary, f"--socket={own}/mariadb.sock",
                f"--pid-file={own}/mariadb.pid", *MARIADB_DATA, *MARIADB_RUN,
                *(MARIADB_DURABLE if self.options.durable else MARIADB_FAST)]
        # mariadbd makes its socket by itself and must own the folder for that; the name everyone uses is a link.
        at.mariadb_sock.unlink(missing_ok=True)
        at.mariadb_sock.symlink_to("mariadb/mariadb.sock")
        self.add(Child(mariadb, argv))
        self.until(lambda: ready.database_answers(at.mariadb_sock), "MariaDB does not answer")

    def migrate(self):
        admin = self.found["marketingcli-admin"]
        log = self.at.log / "migrate.log"
        with log.open("wb") as out:
            argv = [str(admin), "migrate", "--sql", str(CHECKOUT / "sql"), "--credentials", str(self.at.credentials)]
            code = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                  env=self.environment(services.MARIADB)).returncode
        if code != 0:
            raise Failed(f"marketingcli-admin migrate ended with {code}:\n{ready.tail(log)}")

    # -- Children

    def listen(self, service):
        """The service's listening socket: ours, so that it outlives the service."""
        path = self.at.run / f"{service.name}.sock"
        path.unlink(missing_ok=True)
        kind = socket.SOCK_SEQPACKET if service.socket == "seqpacket" else socket.SOCK_STREAM
        s = socket.socket(socket.AF_UNIX, kind)
        s.bind(str(path))
        if AS_ROOT:
            os.chown(path, 0, service.socket_gid)
        path.chmod(0o660)
        s.listen(BACKLOG)
        return s

    def environment(self, service):
        at, own = self.at, self.at.conf_of(service.name)
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "MARKETINGCLI_CONF": str(own if own.exists() else at.conf),
               "MARKETINGCLI_TEST_DIR": str(at.test), "MARKETINGCLI_TEST_PROGRAM": service.name, **sanitizers.OPTIONS}
        if service in services.PROGRAMS:
            env["CREDENTIALS_DIRECTORY"] = str(at.credentials / (service.database or service.name))
        return env

    def add(self, child):
        if child.service.socket:
            child.listener = self.listen(child.service)
        self.children.append(child)
        self.start(child)

    def start(self, child):
        if child.service is services.NGINX:  # as on a server: systemd/nginx.conf.in
            for path in (self.at.simulator_sock, self.at.run / "nginx/tls.sock"):
                path.unlink(missing_ok=True)
        if child.service is services.INTAKE:  # likewise: RuntimeDirectory= is made anew
            for path in (self.at.intake_dir / "http.sock", self.at.run / "metrics/intake.sock"):
                path.unlink(missing_ok=True)
        with (self.at.log / f"{child.name}.log").open("ab") as log:
            child.process = subprocess.Popen(
                self.as_user(child.service, child.argv), stdin=child.listener or subprocess.DEVNULL, stdout=log,
                stderr=log, env=self.environment(child.service), cwd="/", umask=0o027, start_new_session=True,
                preexec_fn=lambda: as_unit(child.service, self.options.weighted))
        child.started, child.start_at = time.monotonic(), 0.0
        self.write_pids()

    def write_pids(self):
        alive = [("supervisor", os.getpid())] + [(c.name, c.process.pid) for c in self.children if c.process]
        write(self.at.pids, "".join(f"{name} {pid} {processes.start_time(pid)}\n" for name, pid in alive))

    def tend(self, wait_sec):
        """Waits for something to happen, at most wait_sec; buries the dead and starts them again."""
        now = time.monotonic()
        due = [c.start_at for c in self.children if c.start_at and not self.is_held(c)]
        got = signal.sigtimedwait(SIGNALS, max(0.0, min([wait_sec] + [d - now for d in due])))
        if got is not None and got.si_signo != signal.SIGCHLD:
            self.stopping = True
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                self.bury(child)
        for child in self.children:
            if child.process is None and self.is_held(child):
                (self.at.hold / f"{child.name}.down").touch()
            elif child.process is None and not self.stopping and time.monotonic() >= child.start_at:
                self.start(child)

    def is_held(self, child):
        """A test keeps it down for a while, certainly from when there is HOLD/<name>.down. Who ends that sends SIGCHLD, so that it
        is seen at once."""
        return (self.at.hold / child.name).exists()

    def bury(self, child):
        processes.kill_group(child.process.pid, signal.SIGKILL)  # what a killed service left behind (nginx's workers)
        child.last_exit, child.process = child.process.returncode, None
        child.deaths += 1
        if self.is_held(child) or child.last_exit == -signal.SIGKILL or time.monotonic() - child.started >= STEADY_SEC:
            child.pause = PAUSE_FIRST_SEC  # also for whom a test has held or killed: that says nothing about the program
        child.start_at = time.monotonic() + child.pause
        child.pause = min(child.pause * 2, PAUSE_MAX_SEC)
        if not self.stopping:
            self.say(f"{child.name} ended ({processes.exit_text(child.last_exit)}), starting it again")
        self.write_pids()

    def until(self, condition, what):
        """Tends the children until condition() is true. Gives up when somebody keeps dying, or after READY_SEC."""
        end = time.monotonic() + READY_SEC
        while not condition():
            self.tend(0.02)
            for child in self.children:
                if child.deaths >= GIVE_UP_DEATHS:
                    log = self.at.log / f"{child.name}.log"
                    raise Failed(f"{child.name} does not stay up ({processes.exit_text(child.last_exit)}). "
                                 f"The end of {log}:\n{ready.tail(log)}")
            if self.stopping:
                raise Failed("stopped while starting")
            if time.monotonic() > end:
                logs = "".join(f"--- {c.name}.log\n{ready.tail(self.at.log / (c.name + '.log'), 8)}\n"
                               for c in self.children)
                raise Failed(f"{what} after {READY_SEC} s\n{logs}")

    # -- The whole

    def up(self):
        self.prepare()
        self.database_start()
        self.migrate()
        expected = []
        for service in services.PROGRAMS:
            if self.found[service.program] is not None:
                self.add(Child(service, [self.found[service.program], *service.args]))
                address = services.probe(service, self.tables)
                expected += [address] if address else []
        for service, conf in ((services.INTAKE, "intake.conf"), (services.NGINX, "nginx.conf")):
            self.add(Child(service, ["/usr/sbin/nginx", "-p", f"{self.at.nginx}/", "-e", "stderr", "-c", f"{self.at.nginx}/{conf}"]))
        probe = ready.Probe(self.at.ca, self.options.https, expected)
        self.until(probe.all_answer, "not all programs answer through nginx")
        self.until(lambda: all(c.process for c in self.children), "not all programs are up")

    def run(self):
        while not self.stopping:
            self.tend(0.5)

    def down(self):
        """SIGTERM to all, MariaDB last; SIGKILL to who is still there after STOP_SEC."""
        self.stopping = True
        database = [c for c in self.children if c.service is services.MARIADB]
        for group in ([c for c in self.children if c not in database], database):
            for child in group:
                if child.process is not None:
                    child.process.send_signal(signal.SIGTERM)
            end = time.monotonic() + STOP_SEC
            while any(c.process for c in group) and time.monotonic() < end:
                self.tend(0.1)
            for child in group:
                if child.process is not None:
                    self.say(f"{child.name} did not end within {STOP_SEC} s: killed")
                    processes.kill_group(child.process.pid, signal.SIGKILL)
                    child.process.wait()
        for child in self.children:
            if child.listener is not None:
                child.listener.close()
                (self.at.run / f"{child.name}.sock").unlink(missing_ok=True)
        self.at.pids.unlink(missing_ok=True)


def supervise(at, options, say):
    """The supervisor's whole life. say(text) reports; returns the exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    lock = open(at.lock, "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(f"FAILED a stack is running in {at.dir}")
        return 1
    processes.clean_up(at)
    it = Supervisor(at, options, say)
    code = 0
    try:
        it.up()
        say("READY")
        it.run()
    except (Failed, RuntimeError, OSError, subprocess.SubprocessError) as e:
        say(f"FAILED {e}")
        code = 1
    finally:
        it.down()
    return code
