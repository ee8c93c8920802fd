#!/usr/bin/python3
"""How long a backup and a restore take, with as many posts as one wants: tests/bench/backing_up.py --build BUILD [--posts N]. A MariaDB of its own, as on a
server (each commit is flushed); the scratch server is below --dir, in memory if that is. Not part of run.sh: it needs minutes and some GB. What is printed are
rows for results.txt."""

import argparse
import os
import pathlib
import pwd
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
import uuid

import machine
import pymysql
from table import Table

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
EVENTS = 4  # of a post that was published: created, attempt, accepted, published


def server(folder, uid):
    data = folder / "data"
    data.mkdir()
    os.chown(data, uid, uid)
    def become():
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)

    subprocess.run(["mariadb-install-db", "--no-defaults", "--force", f"--datadir={data}", "--skip-test-db", "--auth-root-authentication-method=normal"],
                   check=True, capture_output=True, preexec_fn=become)
    process = subprocess.Popen(["/usr/sbin/mariadbd", "--no-defaults", f"--datadir={data}", f"--tmpdir={data}", f"--socket={data}/sock", "--skip-networking",
                                "--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M", f"--log-error={data}/log"],
                               preexec_fn=become, stderr=subprocess.DEVNULL)
    while True:
        try:
            return process, pymysql.connect(unix_socket=f"{data}/sock", user="root", autocommit=True)
        except pymysql.MySQLError:
            if process.poll() is not None:
                raise SystemExit((data / "log").read_text()) from None
            time.sleep(0.1)


def fill(cursor, n):
    """Posts of 100 accounts, each with its receipt, one image and what was said of it."""
    cursor.execute("USE marketingcli")
    cursor.execute("SET FOREIGN_KEY_CHECKS = 0, UNIQUE_CHECKS = 0, sql_mode = ''")
    id = "UNHEX(CONCAT('01a21e0000007000', LPAD(HEX(seq), 16, '0')))"
    account = "UNHEX(CONCAT('01a21e00000070000001', LPAD(HEX(seq % 100), 12, '0')))"
    user = "UNHEX(CONCAT('01a21e00000070000002', LPAD(HEX(seq % 100), 12, '0')))"
    text = "CONCAT(SHA2(seq, 256), ' ', SHA2(-seq, 256), ' what it says, over and over, what it says')"
    rows = {
        "users": ("seq_1_to_100", {"id": user, "email": "CONCAT(seq, '@example.com')", "email_key": "CONCAT(seq, '@example.com')", "password_hash": "'x'"}),
        "accounts": ("seq_1_to_100", {"id": account, "user_id": user, "open_id": "SHA2(seq, 224)", "state": "'active'"}),
        "posts": (f"seq_1_to_{n}", {"id": id, "user_id": user, "account_id": account, "description": text, "created_at_us": "1795000000000000 + seq",
                                    "state": "IF(seq % 1000 = 0, 'queued', 'published')", "publish_id": "CONCAT('p_pub_url~v2.', seq)"}),
        "post_events": (f"seq_1_to_{n * EVENTS}", {"id": id, "post_id": f"UNHEX(CONCAT('01a21e0000007000', LPAD(HEX(1 + seq DIV {EVENTS}), 16, '0')))",
                                                   "at_us": "1795000000000000 + seq", "event": "'published'", "request_id": "SHA2(seq, 224)"}),
        "post_attempts": (f"seq_1_to_{n}", {"id": id, "post_id": id, "number": "1", "state": "'accepted'", "fence": id, "publish_id": "CONCAT('p_pub_url~v2.', seq)"}),
        "uploads": (f"seq_1_to_{n}", {"id": id, "user_id": user, "sha256": "UNHEX(SHA2(seq, 256))", "original_sha256": "UNHEX(SHA2(-seq, 256))"}),
        "post_images": (f"seq_1_to_{n}", {"post_id": id, "position": "0", "upload_id": id}),
    }
    for table, (seq, columns) in rows.items():
        known = known_of(cursor, table)
        columns = {c: v for c, v in columns.items() if c in known}
        cursor.execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM {seq}")


class Somebody(threading.Thread):
    """Reads an account and writes to it, and that is committed, a hundred times a second at most, until told to stop."""

    def __init__(self, socket, account):
        super().__init__()
        self.socket, self.account, self.stop, self.ms, self.failed = socket, account.bytes, threading.Event(), [], 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.join()

    def run(self):
        with pymysql.connect(unix_socket=self.socket, user="root", database="marketingcli", autocommit=True) as database, database.cursor() as cursor:
            while not self.stop.wait(0.01):
                began = time.monotonic()
                try:
                    cursor.execute("SELECT * FROM accounts WHERE id = %s", self.account)
                    cursor.execute("UPDATE accounts SET updated_at_us = updated_at_us + 1 WHERE id = %s", self.account)
                except pymysql.MySQLError:
                    self.failed += 1
                self.ms.append((time.monotonic() - began) * 1000)

    def p99(self):
        return statistics.quantiles(self.ms, n=100)[98]


def admin_of(build, conf):
    """Runs marketingcli-admin: (seconds, what it said, MB of memory at most)."""
    def admin(*args):
        began = time.monotonic()
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.Popen([pathlib.Path(build) / "tools/admin/marketingcli-admin", *map(str, args)], stdout=said, stderr=subprocess.STDOUT,
                                    env={**os.environ, "MARKETINGCLI_CONF": str(conf)})
            _, status, used = os.wait4(done.pid, 0)
            done.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            if done.returncode != 0:
                raise SystemExit(said.read())
            return time.monotonic() - began, said.read(), used.ru_maxrss / 1024
    return admin


def known_of(cursor, table):
    cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_schema = 'marketingcli' AND table_name = %s", table)
    return {row[0] for row in cursor.fetchall()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--dir", help="where the scratch server is; default: in memory, below /dev/shm")
    given = parser.parse_args()
    uid = pwd.getpwnam("nobody").pw_uid
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mcli-bench-backup-", dir="/var/tmp"))
    folder.chmod(0o711)
    scratch = pathlib.Path(given.dir or tempfile.mkdtemp(prefix="mcli-bench-", dir="/dev/shm"))
    scratch.chmod(0o711)
    process, database = server(folder, uid)
    try:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:4096", "-nodes", "-days", "2", "-subj", "/CN=bench", "-keyout", folder / "key", "-out",
                        folder / "pem"], check=True, capture_output=True)
        (folder / "conf").write_text(f"[service]\nurl = https://localhost\n[database]\nsocket = {folder}/data/sock\n[backup]\ncertificate = {folder}/pem\n"
                                     f"dir = {folder}/backups\nscratch_dir = {scratch}\nuser = nobody\n")

        admin = admin_of(given.build, folder / "conf")
        admin("migrate", "--sql", CHECKOUT / "sql")
        with database.cursor() as cursor:
            fill(cursor, given.posts)
        table, what, socket = Table(), f"{given.posts} posts", f"{folder}/data/sock"
        one = uuid.UUID("01a21e00-0000-7000-0001-00000000004d")
        with Somebody(socket, one) as alone:
            time.sleep(10)
        with Somebody(socket, one) as somebody, machine.Peak(lambda: machine.mb_of(scratch)) as most:
            seconds, said, mb = admin("backup")
        file = pathlib.Path(said.partition(":")[0])
        table.ratio(f"backup of {what}, seconds", [seconds], digits=0)
        table.ratio("the same: MB of its file", [file.stat().st_size / 2**20], digits=0)
        table.ratio("the same: MB of the scratch server at most", [most.mb], digits=0)
        table.ratio("the same: p99 of a read and a commit of somebody else, meanwhile / without", [somebody.p99() / alone.p99()])
        with Somebody(socket, one) as during:
            restore_seconds, _, restore_mb = admin("restore", file, "--key", folder / "key", "--without-journal", "--database", "trial")
        table.ratio(f"restore of {what} beside it, seconds", [restore_seconds], digits=0)
        table.ratio("the same: p99 of a read and a commit of somebody else, meanwhile / without", [during.p99() / alone.p99()])
        table.ratio("statements of somebody else that failed meanwhile", [somebody.failed + during.failed], "<= 0", digits=0)
        table.ratio("memory of a process of both at most (the scratch server), MB", [max(mb, restore_mb)], digits=0)
        print(table.text(), time.strftime("%Y-%m-%d", time.gmtime()), machine.facts("php-fpm8.2")[0], sep="\n")
        print(said)
    finally:
        database.close()
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
        if given.dir is None:
            shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
