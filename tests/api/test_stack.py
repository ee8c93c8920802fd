"""The development stack itself: tests/stack.sh and its supervisor, with stacks of their own."""

import concurrent.futures
import contextlib
import dataclasses
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

import processes
import render
import services
import users
from conftest import Stack, defects
from helpers import expect
from layout import Layout
from waiting import quickest

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
STACK_SH = str(CHECKOUT / "tests/stack.sh")
ROWS = {services.generate.label(row): row for row in services.generate.services()}
APPS = [name for name, row in ROWS.items() if row["kind"] == "app"]


def stack_sh(folder, *args, **more):
    return subprocess.run([STACK_SH, *args, "--dir", str(folder)], capture_output=True, text=True, timeout=120, **more)


def up(folder, *more):
    return stack_sh(folder, "up", "--https", "0", "--http", "0", "--build", os.environ["MARKETINGCLI_BUILD"],
                    "--set", "password.bcrypt_cost=4", *more)


@contextlib.contextmanager
def own_folder(prefix="mcli-own-"):
    folder = tempfile.mkdtemp(prefix=prefix)
    os.chmod(folder, 0o711)
    try:
        yield pathlib.Path(folder)
        stack_sh(folder, "down")
        assert defects(Layout(folder).log) == []
    finally:
        stack_sh(folder, "down")
        shutil.rmtree(Layout(folder).home, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def processes_of(folder):
    """Everything that runs with the folder in its command line or that was written down as the stack's."""
    home = str(Layout(folder).home).encode()
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes() + pathlib.Path(f"/proc/{entry}/environ").read_bytes()
            if home in words and int(entry) != os.getpid() and processes.stat(entry)[0] != "Z":
                found.append(int(entry))
    return found


def test_up_twice_down_twice():
    with own_folder() as folder:
        assert stack_sh(folder, "status").returncode == 3
        first = up(folder)
        assert first.returncode == 0, first.stderr
        made = Stack(folder)
        pid = made.pid("supervisor")
        again = up(folder)
        assert again.returncode == 0 and "already up" in again.stdout
        assert made.pid("supervisor") == pid
        assert stack_sh(folder, "status").returncode == 0
        expect(made.client().get("/api/v1/me"), 401)

        assert stack_sh(folder, "down").returncode == 0
        assert processes_of(folder) == []
        assert stack_sh(folder, "down").returncode == 0
        assert stack_sh(folder, "status").returncode == 3

        # The data is still there the next time.
        assert up(folder).returncode == 0
        assert Stack(folder).sql("SELECT COUNT(*) AS n FROM schema_migrations")[0]["n"] > 0


def test_up_after_the_supervisor_was_killed():
    with own_folder() as folder:
        assert up(folder).returncode == 0
        made = Stack(folder)
        old = {name: made.pid(name) for name in ("supervisor", "nginx", "mariadb", "auth")}
        made.kill("supervisor")
        made.wait(lambda: made.pid("supervisor") is None, "the supervisor is dead")
        assert stack_sh(folder, "status").returncode == 3
        ports = ["--https", str(made.https), "--http", str(made.http)]
        again = stack_sh(folder, "up", *ports, "--build", os.environ["MARKETINGCLI_BUILD"])
        assert again.returncode == 0, again.stderr
        for name, pid in old.items():
            assert made.pid(name) not in (None, pid)
        expect(made.client().get("/api/v1/me"), 401)
        made.kill("supervisor")
        assert stack_sh(folder, "down").returncode == 0
        assert processes_of(folder) == []


def test_a_wrong_configuration():
    with own_folder() as folder:
        failed = up(folder, "--set", "service.threads=65")
        assert failed.returncode == 1
        assert "service.threads must be a number from 0 to 64" in failed.stderr
        assert processes_of(folder) == []
        assert stack_sh(folder, "status").returncode == 3


def test_a_program_that_cannot_start(tmp_path):
    """Who it is, how it ended, what it said last; and nothing is left running."""
    tmp_path.chmod(0o755)
    for program in {s.program for s in services.PROGRAMS} | {"marketingcli-admin"}:
        (tmp_path / program).symlink_to(render.find_program(os.environ["MARKETINGCLI_BUILD"], program))
    (tmp_path / "marketingcli-keys").unlink()
    (tmp_path / "marketingcli-keys").write_text("#!/bin/sh\necho the reason >&2\nexit 78\n")
    (tmp_path / "marketingcli-keys").chmod(0o755)
    with own_folder() as folder:
        failed = stack_sh(folder, "up", "--https", "0", "--http", "0", "--build", str(tmp_path))
        assert failed.returncode == 1
        assert "keys does not stay up (exit code 78)" in failed.stderr and "the reason" in failed.stderr
        assert processes_of(folder) == []
        assert stack_sh(folder, "status").returncode == 3


def test_a_credential_that_nobody_makes(tmp_path, monkeypatch):
    """A new row of service.def whose file tests/stack/render.py does not know."""
    row = dataclasses.replace(services.KEYS, credentials=("no-such-key",))
    monkeypatch.setattr(services, "PROGRAMS", [row])
    with pytest.raises(RuntimeError, match="keys needs the credential no-such-key, and tests/stack/render.py"):
        render.credentials(Layout(tmp_path))


def test_a_port_that_is_taken(stack):
    with own_folder() as folder:
        failed = stack_sh(folder, "up", "--https", str(stack.https), "--http", "0", "--build",
                          os.environ["MARKETINGCLI_BUILD"])
        assert failed.returncode == 1
        assert f"port {stack.https}" in failed.stderr


def test_a_build_without_programs(tmp_path):
    with own_folder() as folder:
        failed = stack_sh(folder, "up", "--https", "0", "--http", "0", "--build", str(tmp_path))
        assert failed.returncode == 1
        assert "marketingcli-auth" in failed.stderr
        assert processes_of(folder) == []


def test_a_deep_folder_below_a_closed_one():
    """Where sockets' paths would be too long and the services may not walk: the home is elsewhere, links lead there."""
    with own_folder() as closed:
        closed.chmod(0o700)
        folder = closed / ("a" * 60) / ("b" * 60)
        folder.mkdir(parents=True)
        try:
            started = up(folder)
            assert started.returncode == 0, started.stderr
            made = Stack(folder)
            assert len(str(made.at.run / "worker-publish.sock")) < 100
            expect(made.client().get("/api/v1/me"), 401)
            assert (folder / "ca.crt").read_text() == made.ca.read_text()
        finally:
            home = Layout(folder).home
            stack_sh(folder, "down")
            shutil.rmtree(home, ignore_errors=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_as_somebody_else():
    """Without root everything runs under the own uid, and works."""
    nobody = 65534
    with own_folder() as folder:
        os.chown(folder, nobody, nobody)
        as_nobody = {"user": nobody, "group": nobody, "extra_groups": [], "env": {**os.environ, "HOME": str(folder)}}
        started = stack_sh(folder, "up", "--https", "0", "--http", "0", "--build", os.environ["MARKETINGCLI_BUILD"],
                           **as_nobody)
        assert started.returncode == 0, started.stderr
        made = Stack(folder)
        expect(made.client().get("/api/v1/me"), 401)
        for name, pid, _ in processes.read_pids(made.at):
            assert os.stat(f"/proc/{pid}").st_uid == nobody, name
        assert stack_sh(folder, "down", **as_nobody).returncode == 0
        assert processes_of(folder) == []


# What is in a running stack


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_uids_and_rights(stack):
    """Each service under a uid of its own, without capabilities, with its own credentials alone."""
    uids = {}
    for name, pid, _ in processes.read_pids(stack.at):
        if name == "supervisor":
            continue
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
                      if ":\t" in line)
        uid = int(status["Uid"].split()[0])
        assert uid not in (0, os.getuid()) and uid not in uids.values(), name
        assert status["NoNewPrivs"] == "1" and int(status["CapEff"], 16) == 0 and int(status["CapBnd"], 16) == 0, name
        uids[name] = uid
    assert set(uids) == {s.name for s in [*services.PROGRAMS, services.INTAKE, services.NGINX, services.MARIADB]}
    for folder in stack.at.credentials.iterdir():
        info = folder.stat()
        assert info.st_mode & 0o777 == 0o700
        if folder.name == "rotation":  # of the admin
            continue
        assert info.st_uid == uids[folder.name.replace("_", "-")]
        for secret in folder.iterdir():
            assert secret.stat().st_mode & 0o777 in (0o400, 0o600) and secret.stat().st_uid == info.st_uid  # 0600: it was rotated
    for service in services.PROGRAMS:
        has = {f.name for f in (stack.at.credentials / (service.database or service.name)).iterdir()}
        assert has == {*service.credentials, *(["db-password"] if service.database else [])}, service.name


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("name", ["nginx", *ROWS])
def test_who_may_connect_where(stack, name):
    """Apps are asked by nginx and by those whose row says so, the image service by the latter alone, the intake by nginx alone."""
    row = ROWS.get(name, {"asks_apps": True, "asks_image": False})
    may = {*(APPS if row["asks_apps"] else []), *(["image"] if row["asks_image"] else []), *(["intake/http"] if name in ("nginx", "intake") else [])}
    status = pathlib.Path(f"/proc/{stack.pid(name)}/status").read_text()
    uid = int(status.partition("\nUid:\t")[2].split()[0])
    groups = [int(g) for g in status.partition("\nGroups:\t")[2].partition("\n")[0].split()]
    script = """if True:
        import socket, sys
        for name in sys.argv[2:]:
            kind = socket.SOCK_SEQPACKET if name == "image" else socket.SOCK_STREAM
            with socket.socket(socket.AF_UNIX, kind) as s:
                try:
                    s.connect(f"{sys.argv[1]}/{name}.sock")
                    print(name)
                except PermissionError:
                    pass
        """
    done = subprocess.run(["/usr/bin/python3", "-c", script, str(stack.at.run), *APPS, "image", "intake/http"], user=uid, group=uid,
                          extra_groups=groups, capture_output=True, text=True, check=True, cwd="/")
    assert set(done.stdout.split()) == may


def test_store_is_read_by_nginx_alone_besides_its_writers(stack):
    for path, mode in ((stack.at.store_home, 0o750), (stack.at.store, 0o2775), (stack.at.spool, 0o2770)):
        assert path.stat().st_mode & 0o7777 == mode, path


@pytest.mark.parametrize("name", ["auth", "image", "worker-publish", "intake", "nginx"])
def test_what_dies_comes_back(stack, name):
    def next_one(old):
        stack.wait(lambda: stack.pid(name) not in (None, old), f"{name} runs again")

    assert quickest(next_one, 5, lambda: stack.kill(name)) < 5
    stack.wait(lambda: answers(stack), "the API answers")


def test_database_comes_back(stack):
    old = stack.kill("mariadb")
    stack.wait(lambda: stack.pid("mariadb") not in (None, old), "MariaDB runs again")
    stack.wait(stack.database_answers, "MariaDB answers")
    user_agent = stack.client(Authorization="Bearer mk_live_" + "a" * 49)
    stack.wait(lambda: user_agent.get("/api/v1/keys").status_code in (401, 403), "the programs are connected again")


def test_another_stack_does_not_remove_temporary_tables(stack):
    """A mariadbd that starts removes those that it finds in its folder."""
    folder = pathlib.Path(stack.sql("SELECT @@tmpdir AS d")[0]["d"])
    assert stack.at.home.resolve() in folder.resolve().parents


def answers(stack):
    try:
        return stack.client().get("/api/v1/me").status_code == 401
    except OSError:
        return False


def test_logs_are_shown(stack):
    process = subprocess.Popen([STACK_SH, "logs", "auth", "--dir", str(stack.dir)], stdout=subprocess.PIPE, text=True)
    try:
        assert '"event":"started"' in process.stdout.readline() or process.stdout.readline()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        process.stdout.close()
    assert stack_sh(stack.dir, "logs", "nobody").returncode == 1


def test_shell_knows_the_stack(stack):
    done = subprocess.run([STACK_SH, "shell", "--dir", str(stack.dir)], capture_output=True, text=True, timeout=60,
                          input="echo url=$URL\ndb -N -e 'SELECT 40+2'\napi /me\nexit\n")
    assert f"url={stack.url}" in done.stdout
    assert "\n42\n" in done.stdout
    assert '"unauthenticated"' in done.stdout


def test_sockets_have_a_long_queue(stack):
    for name in APPS:
        out = subprocess.run(["ss", "-xlH", "src", f"{stack.at.run}/{name}.sock"], capture_output=True, text=True).stdout
        assert int(out.split()[3]) == min(4096, int(pathlib.Path("/proc/sys/net/core/somaxconn").read_text())), out


def test_image_socket_is_seqpacket(stack):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect(str(stack.at.run / "image.sock"))


def survives_sigpipe(pid):
    """SigIgn and SigCgt have a bit per signal (proc(5))."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigIgn:", "SigCgt:"))]
    return (masks[0] | masks[1]) >> (signal.SIGPIPE - 1) & 1


def test_no_program_dies_of_a_broken_pipe(stack):
    """Whoever reads a log or holds a connection may go away."""
    for name in ROWS:
        stack.wait(lambda: survives_sigpipe(stack.pid(name)), f"{name} has started and survives it")


def test_hashes_of_several_threads():
    """Each is that of its own password."""
    passwords = [f"of thread {n}" for n in range(200)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = list(pool.map(users.hash_of.__wrapped__, passwords))
    assert made == [users.hash_of.__wrapped__(password) for password in passwords]
