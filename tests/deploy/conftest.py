"""`meson install` of the release build into a folder, once for all tests here."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent

sys.path.insert(0, str(CHECKOUT / "tools/generate"))

import generate  # noqa: E402

ROWS = generate.services()


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    root = tmp_path_factory.mktemp("installed")
    build = os.environ.get("MARKETINGCLI_RELEASE", str(CHECKOUT / "build-release"))
    subprocess.run(["/usr/bin/meson", "install", "-C", build, "--no-rebuild", "--destdir", str(root)], check=True,
                   stdout=subprocess.DEVNULL)
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def root(installed):
    """The installed tree with the host's units beside ours, as systemd-analyze --root= wants it."""
    if not (installed / "usr/lib/systemd/system").exists():
        shutil.copytree("/lib/systemd/system", installed / "usr/lib/systemd/system", symlinks=True)
        shutil.copytree(installed / "lib/systemd/system", installed / "usr/lib/systemd/system", dirs_exist_ok=True)
        shutil.rmtree(installed / "lib")
        (installed / "lib").symlink_to("usr/lib")
    return installed


class Machine:
    """A root with Debian's users, in which systemd-sysusers and systemd-tmpfiles read our files."""

    def __init__(self, root, folder):
        self.root = folder
        for part in ("usr/lib/sysusers.d", "usr/lib/tmpfiles.d"):
            shutil.copytree(root / part, folder / part)
        (folder / "etc").mkdir()
        (folder / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/:/usr/sbin/nologin\n")
        (folder / "etc/group").write_text("root:x:0:\nadm:x:4:\nwww-data:x:33:\n")

    def run(self, program, *options):
        done = subprocess.run([program, *options, f"--root={self.root}"], capture_output=True, text=True)
        words = "\n".join(x for x in done.stderr.splitlines() if not x.startswith("Creating "))
        assert (done.returncode, words) == (0, "")

    def ids(self, file):
        return {x.split(":")[0]: int(x.split(":")[2]) for x in (self.root / "etc" / file).read_text().splitlines()}

    def members(self, group):
        (line,) = re.findall(rf"^{group}:.*:(.*)$", (self.root / "etc/group").read_text(), re.M)
        return set(filter(None, line.split(",")))

    def may(self, user, groups, command):
        """Whether that user with those groups, and no other, can run the command of the shell."""
        users, gids = self.ids("passwd"), self.ids("group")
        done = subprocess.run(["sh", "-c", command], user=users[user], group=gids[user], extra_groups=[gids[g] for g in groups], cwd="/",
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0 or re.search("Permission denied|cannot create|not permitted", done.stderr), done.stderr
        return done.returncode == 0


@pytest.fixture
def machine(root):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)  # its users walk through it
        it = Machine(root, pathlib.Path(folder))
        it.run("systemd-sysusers")
        yield it
