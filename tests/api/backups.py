"""Backups, for the tests of them and for their flows of the sweep."""

import gzip
import os
import pathlib
import shutil
import subprocess

from conftest import with_setting


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
        assert "loaded once and the same" in done.stdout
        return pathlib.Path(done.stdout.splitlines()[-1].partition(":")[0])  # before it: what one that was killed has left

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
