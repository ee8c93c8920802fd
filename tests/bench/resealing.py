#!/usr/bin/python3
"""How long the rotation of a key ring takes with as many rows as one wants, and what somebody else feels of it:
tests/bench/resealing.py --build BUILD [--rows N]. A MariaDB of its own, as on a server (each commit is flushed); nobody is restarted. Not part of run.sh.
What is printed are rows for results.txt."""

import argparse
import os
import pathlib
import pwd
import shutil
import tempfile
import time
import uuid

import machine
from backing_up import CHECKOUT, Somebody, admin_of, known_of, server
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from table import Table

TOKEN, SECRET = b"act." + 72 * b"x", 20 * b"x"  # as long as TikTok's, and as ours


def id_of(n):
    return uuid.UUID(f"01a21e00-0000-7000-8000-{n:012x}")


class Ring:
    """The only key of a credential, as lib/crypto/keyring.h seals under it."""

    def __init__(self, path):
        id, key = path.read_text().split()
        self.head, self.key = bytes([int(id)]), AESGCM(bytes.fromhex(key))

    def seal(self, plain, place):
        nonce = os.urandom(12)
        return (self.head + nonce + self.key.encrypt(nonce, plain, place.encode())).hex()


RINGS = {  # the holder of the credential; the table; its columns: one that is sealed has a function
    "token-keys": ("tiktok", "accounts", {
        "id": None, "user_id": None, "access_token": lambda ring, id: ring.seal(TOKEN, f"accounts.access_token:{id}"),
        "refresh_token": lambda ring, id: ring.seal(TOKEN, f"accounts.refresh_token:{id}")}),
    "totp-keys": ("auth", "user_totp", {"user_id": None, "secret": lambda ring, id: ring.seal(SECRET, f"user_totp.secret:{id}")}),
}
MORE = {"open_id": "SHA2(@n := @n + 1, 224)", "state": "'active'", "scopes": "''"}


def fill(cursor, folder, table, columns, ring, n):
    path = folder / "data" / "rows"
    with path.open("w") as f:
        for i in range(1, n + 1):
            id = id_of(i)
            f.write("\t".join(id.hex if seal is None else seal(ring, id) for seal in columns.values()) + "\n")
    more = {c: v for c, v in MORE.items() if c in known_of(cursor, table)}
    sets = [f"{c} = UNHEX(@{c})" for c in columns] + [f"{c} = {v}" for c, v in more.items()]
    cursor.execute("SET FOREIGN_KEY_CHECKS = 0, UNIQUE_CHECKS = 0, sql_mode = '', @n = 0")
    cursor.execute(f"LOAD DATA INFILE '{path}' INTO TABLE {table} CHARACTER SET ascii ({', '.join(f'@{c}' for c in columns)}) SET {', '.join(sets)}")
    path.unlink()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mcli-bench-reseal-", dir="/var/tmp"))
    folder.chmod(0o711)
    process, database = server(folder, pwd.getpwnam("nobody").pw_uid)
    socket, credentials, table = f"{folder}/data/sock", folder / "credentials", Table()
    try:
        (folder / "conf").write_text(f"[service]\nurl = https://localhost\n[database]\nsocket = {socket}\n")

        admin = admin_of(given.build, folder / "conf")
        admin("migrate", "--sql", CHECKOUT / "sql")
        admin("credentials", "--dir", credentials)
        with database.cursor() as cursor:
            cursor.execute("USE marketingcli")
            for name, (holder, of, columns) in RINGS.items():
                fill(cursor, folder, of, columns, Ring(credentials / holder / name), given.rows)
        with Somebody(socket, id_of(given.rows // 2)) as alone:
            time.sleep(10)
        for name in RINGS:
            with Somebody(socket, id_of(given.rows // 2)) as during:
                seconds, said, mb = admin("credentials", "rotate", name, "--dir", credentials, "--restart", "/bin/true")
            if f"{given.rows} of {given.rows} rows were sealed again" not in said:
                raise SystemExit(said)
            table.ratio(f"rotation of {name} with {given.rows} rows, seconds", [seconds], digits=0)
            table.ratio("the same: p99 of a read and a commit of somebody else, meanwhile / without", [during.p99() / alone.p99()])
            table.ratio("the same: the longest of these, ms", [max(during.ms)], digits=0)
            table.ratio("the same: statements of somebody else that failed", [during.failed], "<= 0", digits=0)
            table.ratio("the same: memory of marketingcli-admin at most, MB", [mb], digits=0)
        print(table.text(), time.strftime("%Y-%m-%d", time.gmtime()), machine.facts("php-fpm8.2")[0], sep="\n")
    finally:
        database.close()
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
