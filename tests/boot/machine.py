"""A bare Debian 12 that really boots: a root file system of its own on a disk of its own (so that it can be full), made by mmdebstrap,
and systemd as the first process (start.sh). It shares the host's network and clock, and nothing else."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import textwrap
import time

HERE = pathlib.Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
KEPT = CHECKOUT / "build-boot"  # the bare system, packages that apt has fetched, and what the compiler has made: for the next run
# Beyond what Debian calls essential, and apt. ccache is for the test's sake: meson finds it, and the same source is compiled once.
BARE = ["systemd-sysv", "dbus", "ca-certificates", "ccache"]
CACHES = {"archives": "var/cache/apt/archives", "ccache": "root/.cache/ccache"}  # in KEPT, and on the machine
DISK_GB = 8
KEPT_DAYS = 7
OWN_AUTHORITIES = pathlib.Path("/usr/local/share/ca-certificates")  # whom the host believes beyond Debian's: so that npm finds its registry
ENVIRONMENT = {"NODE_EXTRA_CA_CERTS": "/etc/ssl/certs/ca-certificates.crt", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "TERM": "dumb", "LANG": "C.UTF-8"}


class Failed(Exception):
    pass


def check(holds, message):
    if not holds:
        raise Failed(message)


def wait(condition, what, seconds=120):
    """Awaits it; the seconds end what hangs, and are no measure."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        check(time.monotonic() < end, f"not after {seconds} s: {what}")
        time.sleep(0.2)


def bare():
    """A tar file of the bare system."""
    path = KEPT / "debian.tar"
    KEPT.mkdir(exist_ok=True)
    if not path.exists() or time.time() - path.stat().st_mtime > KEPT_DAYS * 86400:
        made = path.with_suffix(".new.tar")
        done = subprocess.run(["mmdebstrap", "--variant=minbase", f"--include={','.join(BARE)}", "bookworm", made],
                              capture_output=True, text=True)
        check(done.returncode == 0, f"mmdebstrap: {done.stderr[-2000:]}")
        made.replace(path)
    return path


def unified():
    """The unified hierarchy of control groups, wherever the host has mounted it."""
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, path, kind, *_ = line.split()
        if kind == "cgroup2":
            return pathlib.Path(path)
    raise Failed("there is no unified hierarchy of control groups")


class Machine:
    def __init__(self, folder, names):
        self.folder, self.root = folder, folder / "root"
        self.cgroup = unified() / f"marketingcli-boot-{os.getpid()}"
        self.names, self.first = names, None

    def make(self):
        disk = self.folder / "disk"
        with disk.open("wb") as f:
            f.truncate(DISK_GB << 30)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", disk], check=True)
        self.root.mkdir()
        subprocess.run(["mount", "-o", "loop", disk, self.root], check=True)
        subprocess.run(["tar", "-C", self.root, "-xf", bare()], check=True)
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        (self.root / "etc/hostname").write_text("marketing\n")
        (self.root / "etc/hosts").write_text("".join(f"127.0.0.1 {name}\n" for name in ("localhost", *self.names)))
        shutil.copytree(OWN_AUTHORITIES, self.root / str(OWN_AUTHORITIES)[1:], dirs_exist_ok=True)
        (self.root / "etc/dpkg/dpkg.cfg.d/of-the-test").write_text("force-unsafe-io\n")  # nobody needs these files after a power cut
        for name, path in CACHES.items():
            (KEPT / name).mkdir(exist_ok=True)
            (self.root / path).mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-au", f"{KEPT / name}/.", self.root / path], check=True)

    def keep(self):
        for name, path in CACHES.items():
            subprocess.run(["cp", "-au", f"{self.root / path}/.", KEPT / name], check=True)

    def boot(self):
        self.cgroup.mkdir()
        self.log = (self.folder / "console").open("wb")
        self.process = subprocess.Popen([HERE / "start.sh", self.root, self.cgroup], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        start_new_session=True)
        self.first = wait(self.first_process, "there is a first process")
        wait(lambda: self.run("systemctl is-system-running", may_fail=True)[1].strip() == "running", "the machine has booted")
        self.run("update-ca-certificates")

    def first_process(self):
        check(self.process.poll() is None, f"the machine does not boot: {(self.folder / 'console').read_text()[-2000:]}")
        path = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for child in path.read_text().split():
            with contextlib.suppress(OSError):
                if pathlib.Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                    return int(child)
        return None

    def command(self, *argv):
        settings = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
        return ["nsenter", "-t", str(self.first), "-m", "-u", "-i", "-p", "-C", "-r", "-w", "env", "-i", *settings, *argv]

    def run(self, text, may_fail=False, seconds=1200):
        """(exit code, output) of a script for bash. seconds: ends what hangs."""
        process = subprocess.Popen(self.command("bash", "-c", f"cd /root\n{text}"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        try:
            out = process.communicate(timeout=seconds)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out = process.communicate()[0].decode(errors="replace")
            raise Failed(f"not done after {seconds} s: {text}\n{out[-3000:]}") from None
        check(may_fail or process.returncode == 0, f"{text}\nended with {process.returncode}:\n{out[-4000:]}")
        return process.returncode, out

    def says(self, text, **more):
        return self.run(text, **more)[1].strip()

    def off(self):
        if self.first is not None:
            os.kill(self.process.pid, signal.SIGKILL)  # and with it, what it has started
            self.process.wait()
            self.log.close()
        for _ in range(50):  # until the last process is gone
            folders = sorted((p for p in self.cgroup.rglob("*") if p.is_dir()), key=lambda p: -len(p.parts)) if self.cgroup.exists() else []
            with contextlib.suppress(OSError):
                for path in [*folders, self.cgroup]:
                    path.rmdir()
                break
            time.sleep(0.1)
        subprocess.run(["umount", "-l", self.root], stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def booted(names, keep=False):
    """keep: what is on its disk stays, to be looked at."""
    check(os.geteuid() == 0, "needs root")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mcli-boot-"))
    machine = Machine(folder, names)
    try:
        machine.make()
        machine.boot()
        yield machine
    finally:
        machine.off()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


# What the documents say to type


def block(name):
    """The commands, or the lines of a file, after <!-- boot: NAME --> in docs/operations.md. In a list they are indented."""
    text = (CHECKOUT / "docs/operations.md").read_text()
    found = re.findall(rf"^( *)<!-- boot: {re.escape(name)} -->\n\1```\w+\n(.*?)^\1```$", text, re.M | re.S)
    check(len(found) == 1, f"docs/operations.md has {len(found)} blocks that are marked with boot: {name}")
    return textwrap.dedent(found[0][1])


def filled(text, **values):
    """With its words in capitals replaced, as a reader does."""
    for name, value in values.items():
        text = re.sub(rf"(?<![A-Z_$]){name}(?![A-Z_])", lambda _: value, text)
    return text
