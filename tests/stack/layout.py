"""Where everything of a stack lies, and who owns it.

A stack has a folder (--dir). What the services touch must be reachable for their uids and must have short paths (a unix
socket's path has at most 107 bytes), so when the folder is deep or below something like /root (0700), the stack's home
is a folder below $TMPDIR, and the folder holds links into it.
"""

import os
import pathlib
import tempfile

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent

HOME_PATH_MAX = 60  # leaves room for "/run/worker-publish.sock" in 107 bytes, and in conf.def's 100
LINKED = ("ca.crt", "mariadb.sock", "log", "conf", "store", "test", "pids", "ports", "credentials", "hold", "run", "mail", "kept", "journal", "policy")

AS_ROOT = os.geteuid() == 0


def reachable(path):
    """Whether every user can walk to path."""
    path = pathlib.Path(path).resolve()
    return all(p.stat().st_mode & 0o001 for p in [path, *path.parents] if p.is_dir())


class Layout:
    def __init__(self, folder):
        self.dir = pathlib.Path(os.path.abspath(folder))
        marker = self.dir / "home"
        self.home = pathlib.Path(os.readlink(marker)) if marker.is_symlink() else self.dir

    def __getattr__(self, name):
        """layout.mariadb_sock is HOME/mariadb.sock, and so on: one place for the names."""
        files = {
            "conf": "conf", "plans": "plans.conf", "pids": "pids", "ports": "ports", "log": "log", "run": "run", "store_home": "store",
            "store": "store/images", "spool": "store/spool", "test": "test", "hold": "hold", "credentials": "credentials", "tls": "tls",
            "mail": "mail", "kept": "kept", "exports": "exports", "journal": "journal", "policy": "policy",
            "nginx": "nginx", "data": "data", "bin": "bin", "lock": "lock", "intake": "intake", "intake_dir": "run/intake", "ca": "ca.crt",
            "mariadb_sock": "mariadb.sock", "simulator_sock": "run/simulator/http.sock",
        }
        if name not in files:
            raise AttributeError(name)
        return self.home / files[name]

    def conf_of(self, program):
        """Its own configuration, where a test has given it one."""
        return self.home / f"conf.{program}"

    def exists(self):
        return self.pids.exists() or self.data.exists()

    def make(self):
        """Creates the folder, and a home elsewhere when the folder itself will not do."""
        self.dir.mkdir(parents=True, exist_ok=True)
        marker = self.dir / "home"
        if marker.is_symlink() and not self.home.is_dir():
            marker.unlink()  # the home was below /tmp and has been cleared away
            self.home = self.dir
        if not marker.is_symlink() and (len(str(self.dir)) > HOME_PATH_MAX or (AS_ROOT and not reachable(self.dir.parent))):
            self.home = pathlib.Path(tempfile.mkdtemp(prefix="mcli-"))
            marker.symlink_to(self.home)
            for name in LINKED:
                link = self.dir / name
                if not link.is_symlink():
                    link.symlink_to(self.home / name)
        # Passwords and keys lie in folders of their own owners; the home itself is only walked through.
        self.home.chmod(0o711 if AS_ROOT else 0o700)


def folder(path, mode, uid=-1, gid=-1):
    """A folder with exactly this mode and, when we may, this owner."""
    path.mkdir(parents=True, exist_ok=True)
    if AS_ROOT:
        os.chown(path, uid, gid)
    path.chmod(mode)
    return path


def write(path, text, mode=0o644, uid=-1, gid=-1):
    """A file with exactly this content, mode and owner; never readable by others in between."""
    path = pathlib.Path(path)
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
        f.write(text)
    if AS_ROOT:
        os.chown(temporary, uid, gid)
    temporary.chmod(mode)
    temporary.replace(path)
