"""Backups, for the tests of them and for their flows of the sweep."""

import gzip
import os
import pathlib
import re
import shutil
import subprocess
import time

from conftest import with_setting

DAY = 86400


class Vault:
    """A folder of backups, and the key that opens them."""

    def __init__(self, stack, folder):
        self.stack, self.dir = stack, folder / "backups"
        self.key, self.other_key = (self.certificate(folder, name) for name in ("ours", "other"))
        self.scratch = pathlib.Path(f"/dev/shm/mcli-test-{os.getpid()}")
        self.copies = folder / "copies"
        self.copies.mkdir()
        text = stack.at.conf.read_text()
        for name, value in {"backup_certificate": folder / "ours.pem", "backup_dir": self.dir, "backup_scratch_dir": self.scratch,
                            "backup_user": "nobody", "backup_copy": f"cp -t {self.copies}"}.items():
            text = with_setting(text, name, value)
        self.conf = folder / "conf"
        self.conf.write_text(text)

    @staticmethod
    def certificate(folder, name):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout",
                        folder / f"{name}.key", "-out", folder / f"{name}.pem"], check=True, capture_output=True)
        return folder / f"{name}.key"

    def admin(self, *args, code=0, **env):
        done = self.stack.admin(*map(str, args), conf=self.conf, **env)
        assert done.returncode == code, (args, done)
        return done

    def backup(self):
        done = self.admin("backup")
        return pathlib.Path(re.search(r"^(\S+): schema .* loaded once and the same$", done.stdout, re.M)[1])

    def restore(self, file, *more, code=0, key=None):
        return self.admin("restore", file, "--key", key or self.key, "--dir", self.stack.at.credentials, *more, code=code)

    def files(self):
        return sorted(p.name for p in self.dir.iterdir())

    def close(self):
        shutil.rmtree(self.scratch, ignore_errors=True)


def with_settings(vault, path, **settings):
    text = vault.conf.read_text()
    for name, value in settings.items():
        text = with_setting(text, name, value)
    path.write_text(text)
    return path


def sealed_of(vault, schema):
    """A backup by the words of tools/admin/backup_file.h, made with OpenSSL alone."""
    about = f"marketingcli backup 1\nmade_at 2026-11-27T19:08:22Z\ndatabase marketingcli\nschema {schema}\n\nSELECT 1;"
    file = vault.dir / "marketingcli-20200101T000000Z.sealed"
    with file.open("wb") as out:
        for number, part in enumerate((about.encode(), gzip.compress(b"SELECT 1;"))):
            head = b"MCLIBAK1" + bytes(16) + number.to_bytes(8, "big") + bytes([number])
            out.write(subprocess.run(["openssl", "cms", "-encrypt", "-binary", "-noindef", "-aes-256-gcm", "-outform", "DER", vault.key.with_suffix(".pem")],
                                     input=head + part, check=True, capture_output=True).stdout)
    return file


def clock_has_gone_right(folder, now):
    """As checks of some days have left it."""
    (folder / "clock").write_text(f"{int(now - 2 * DAY) * 1_000_000:020} {int(now - DAY / 2) * 1_000_000:020}\n")


class Old:
    """A folder of backups that are as good as one that was made, and of another time."""

    def __init__(self, vault, made, folder):
        folder.mkdir()
        self.vault, self.made, self.dir = vault, made, folder
        self.conf = with_settings(vault, folder.parent / "conf", backup_dir=folder, watch_clock="yes")

    def one(self, at):
        copy = self.dir / f"marketingcli-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(at))}.cms"
        shutil.copy(self.made, copy)
        shutil.copy(self.made.with_name(self.made.name + ".sha256"), copy.with_name(copy.name + ".sha256"))
        return copy

    def check(self, *says, code=0):
        done = self.vault.stack.admin("backup", "check", conf=self.conf)
        assert done.returncode == code and all(word in done.stdout + done.stderr for word in says), done


def of_another(vault, made, name, change):
    """A copy that something has happened to."""
    bad = made.with_name(name)
    data = bytearray(made.read_bytes())
    bad.write_bytes(change(data))
    return bad


def flipped(data, at):
    return bytes(data[:at]) + bytes([data[at] ^ 1]) + bytes(data[at + 1:])


BAD = {
    "cut short": lambda d: bytes(d[:-1]),
    "without its last part": lambda d: bytes(d[:6 + int.from_bytes(d[2:2 + (d[1] & 0x7f)], "big")]),
    **{f"a bit flipped {where}": lambda d, at=at: flipped(d, at(len(d))) for where, at in {
        "in its length": lambda n: 3, "in its first part": lambda n: 500, "in the middle": lambda n: n // 2, "at its end": lambda n: n - 1}.items()},
    "with more at its end": lambda d: bytes(d) + b"x",
    "twice": lambda d: bytes(d) * 2,
    "empty": lambda d: b"",
    "no backup": lambda d: b"-- MariaDB dump\n",
}
