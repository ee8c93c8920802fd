"""POST /api/v1/privacy/export: a ZIP of everything that is held of a user, as its reader opens it; and who gets one, and how often."""

import concurrent.futures
import csv
import hashlib
import io
import json
import os
import re
import socket
import ssl
import subprocess
import uuid
import zipfile

import pymysql
import pytest
import requests
from helpers import expect
from images import jpeg
from links import activity
from publishing import Sent
from test_alarms import small_disk
from test_confined import DENIED, connect
from test_privacy import COLUMNS, HELD, TABLES

EXPORT = "/api/v1/privacy/export"
A_DAY = 3  # caps.exports_a_day
FILES = dict(re.findall(r'^TABLE\((\w+), "\w+", \w+, (?:\w+|".+?"), "(\w+)", \w+\)$', HELD, re.M))
NASTY = ['=HYPERLINK("http://x","y")', '../../etc/passwd', "\u202egnp.exe", "+1", " @x", "日本 🎉"]
WORSE = ['say "hi"\r\nand, more', "\t=1"]  # no request can bring these
# Small numbers: all other columns of a byte are flags.
NUMBERS = {("posts", "photo_cover_index")}
# Who asks is known by these, and an erasure ends sign-ins that were begun.
KNOWN_BY = {("api_keys", "hash"), ("sessions", "token_hash"), ("sessions", "old_token_hash"), ("pending_sign_ins", "token_hash")}


class Export:
    def __init__(self, answer, folder):
        assert answer.status_code == 200, answer.text
        self.headers, self.bytes = answer.headers, answer.content
        self.path = folder / "export.zip"
        self.path.write_bytes(self.bytes)
        self.zip = zipfile.ZipFile(self.path)
        self.names = self.zip.namelist()

    def text(self, name):
        return self.zip.read(name).decode()

    def json(self, file):
        return json.loads(self.text(f"{file}.json"))

    def csv(self, name):
        return list(csv.DictReader(io.StringIO(self.text(f"csv/{name}.csv"), newline="")))

    def opens(self, folder):
        """As with the tools that people have; and its digests are right."""
        assert self.zip.testzip() is None
        run("unzip", "-tqq", self.path)
        listed = run("bsdtar", "-tf", self.path).split("\n")
        assert [name for name in listed if name] == self.names
        run("unzip", "-qq", "-o", self.path, "-d", folder)
        checked = run("sha256sum", "-c", "--strict", "SHA256SUMS", cwd=folder)
        assert {line.rpartition(": ")[0] for line in checked.strip().split("\n")} == set(self.names) - {"SHA256SUMS"}


def run(*args, cwd=None):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, (args, done.stdout, done.stderr)
    return done.stdout


def ask(user, **more):
    return user.web.post(EXPORT, **more)


def upload(user, data=None):
    return expect(user.api.post("/api/v1/uploads", data=data or jpeg(60, 40), headers={"Content-Type": "image/jpeg"}), 201)["data"]


def stored(stack, upload_id):
    return next(stack.at.store.rglob(f"{upload_id}*"))


def given(user):
    return [a["what"] for a in activity(user)].count("exported")


@pytest.fixture
def rich(stack, user, account):
    """Somebody who has something of most."""
    for name in NASTY:
        user.make_key(name)
    for name in WORSE:
        stack.sql("UPDATE api_keys SET name = %s WHERE id = %s", name, uuid.UUID(user.make_key("worse")["id"]).bytes)
    user.posts = [Sent(stack, user, account, text=text, images=2) for text in ("=1+1", 'two "quotes"\n../..')]
    for post in user.posts:
        assert post.wait()["status"] == "published"
    expect(user.api.post("/api/v1/uploads", data=jpeg(60, 40), headers={"Content-Type": "image/jpeg", "Idempotency-Key": str(uuid.uuid4())}), 201)
    user.account = account
    return user


def test_everything_is_in_it(stack, rich, other, tmp_path):
    upload(other)
    export = Export(ask(rich), tmp_path)
    export.opens(tmp_path / "x")
    assert (export.names[0], export.names[-1]) == ("README.txt", "SHA256SUMS")
    assert all(re.fullmatch(r"[a-zA-Z0-9_./-]+", name) and ".." not in name for name in export.names)

    # Every table, by both ways, and nothing of others
    rows = 0
    for table, file in FILES.items():
        lines = export.csv(TABLES[table])
        rows += len(lines)
        if table not in ("post_attempts", "attempt_fetches", "post_events"):
            assert len(export.json(file)[TABLES[table]]) == len(lines), table
        head = next(csv.reader(io.StringIO(export.text(f"csv/{TABLES[table]}.csv"))))
        wanted = {re.sub("_us$", "", c) for (t, c), (kind, _) in COLUMNS.items() if t == table and kind not in ("SECRET", "COPY")}
        assert wanted <= set(head), table
    headers = export.headers
    assert int(headers["X-Export-Records"]) == rows
    assert int(headers["X-Export-Images"]) == 5 == len([n for n in export.names if n.startswith("images/")])
    assert f"{rows} records and 5 images of {headers['X-Export-Image-Bytes']} bytes" in export.text("README.txt")
    assert headers["Content-Type"] == "application/zip" and headers["Cache-Control"] == "no-store"
    assert re.fullmatch(r'attachment; filename="export-\d{4}-\d\d-\d\d.zip"', headers["Content-Disposition"])
    assert other.email not in "".join(export.text(n) for n in export.names if not n.startswith("images/"))

    # As people read it
    account = export.json("account")["account"][0]
    assert (account["id"], account["email"]) == (rich.id, rich.email) and account["created_at"].endswith("Z")
    posts = {p["id"]: p for p in export.json("posts")["posts"]}
    assert set(posts) == {sent.id for sent in rich.posts}
    for sent in rich.posts:
        post, shown = posts[sent.id], sent.get()
        assert post["description"] == sent.description and post["state"] == "published" and post["is_aigc"] is False
        assert post["upload_ids"] == [i["upload_id"] for i in shown["images"]] and post["account_id"] == rich.account
        assert post["created_at"] == shown["created_at"]
        assert [e["event"] for e in post["events"]] == [e["event"] for e in shown["events"]]
        attempt, = post["attempts"]
        assert attempt["state"] == "accepted" and attempt["payload"]["post_info"]["description"] == sent.description
        assert [f["position"] for f in attempt["fetches"]] == [0, 1]
        for image in shown["images"]:
            assert export.zip.read(f"images/{image['upload_id']}.jpg") == stored(stack, image["upload_id"]).read_bytes()
    assert {k["name"] for k in export.json("keys")["api_keys"]} >= {*NASTY, *WORSE}
    assert {k["scopes"][0] for k in export.json("keys")["api_keys"]} == {"accounts:read"}
    assert export.json("answers")["answers"][0]["data"]["id"]
    assert all(not re.match(r"[\s]*[=+@＝]", v or "") for name in ("api_keys", "posts") for row in export.csv(name) for v in row.values())
    assert {k["name"] for k in export.csv("api_keys")} >= {'say "hi"\r\nand, more', "'=HYPERLINK(\"http://x\",\"y\")", "\u202egnp.exe"}
    assert "For: posting on the user's behalf" in export.text("README.txt") and "Kept (mails): 90 days" in export.text("README.txt")

    # No secret, however it may be written
    everything = b"\n".join(export.zip.read(name) for name in export.names)
    attempts = stack.sql("SELECT a.id FROM post_attempts a JOIN posts p ON p.id = a.post_id WHERE p.user_id = %s", uuid.UUID(rich.id).bytes)
    secrets = [rich.key, rich.password, rich.web.cookies["__Host-session"], *[str(uuid.UUID(bytes=a["id"])) for a in attempts]]
    for (table, column), (kind, _) in COLUMNS.items():
        if kind == "SECRET" and table in FILES:
            secrets += [r["v"] for r in stack.sql(f"SELECT {column} AS v FROM {table}") if r["v"]]
    for secret in secrets:
        raw = secret if isinstance(secret, bytes) else secret.encode()
        assert raw not in everything and raw.hex().encode() not in everything
    assert activity(rich)[0]["what"] == "exported"


def test_somebody_who_has_nothing(stack, user, tmp_path):
    """With a body or without."""
    for body in (None, {}):
        export = Export(ask(user, json=body), tmp_path)
        export.opens(tmp_path / "x")
        assert export.json("posts")["posts"] == [] and export.headers["X-Export-Images"] == "0"
        assert export.csv("posts") == [] and export.json("account")["account"][0]["email"] == user.email


def test_who_gets_none(stack, user):
    expect(user.api.post(EXPORT), 403, "session_required")
    expect(stack.client().post(EXPORT), 401, "unauthenticated")
    expect(stack.client(Cookie=f"__Host-session={user.web.cookies['__Host-session']}", Origin="https://elsewhere.example").post(EXPORT), 403,
           "cross_origin")
    expect(ask(user, params={"user": user.id}), 422)
    expect(user.web.get(EXPORT), 405, "method_not_allowed")
    stack.move_clock(601)
    expect(ask(user), 403, "recent_auth_required")
    assert given(user) == 0


def test_somebody_who_is_disabled_meanwhile(stack, user):
    """The session was looked at before."""
    stack.sql("UPDATE users SET state = 'disabled' WHERE id = %s", uuid.UUID(user.id).bytes)
    expect(ask(user), 403, "account_disabled")
    assert given(user) == 0


def test_three_a_day(stack, user, other):
    """However many are asked for at once; and then another day."""
    with concurrent.futures.ThreadPoolExecutor(A_DAY + 2) as at_once:
        answers = list(at_once.map(lambda _: ask(user), range(A_DAY + 2)))
    statuses = sorted(a.status_code for a in answers)
    assert statuses == [200] * A_DAY + [429] * 2
    for answer in answers:
        if answer.status_code == 429:
            assert expect(answer, 429, "exports_a_day_too_many")["error"]["retryable"]
            assert 86000 < int(answer.headers["Retry-After"]) <= 86400
    assert given(user) == A_DAY
    assert ask(other).status_code == 200
    stack.move_clock(86400 + 60)
    user.confirm()
    assert ask(user).status_code == 200


def test_images_that_go_meanwhile(stack, user, tmp_path):
    """Each is named, and the others are there."""
    gone, there = upload(user)["id"], upload(user)["id"]
    stored(stack, gone).unlink()
    export = Export(ask(user), tmp_path)
    export.opens(tmp_path / "x")
    assert f"images/{there}.jpg" in export.names and f"images/{gone}.jpg" not in export.names
    assert f"# deleted while this was made: images/{gone}.jpg\n" in export.text("SHA256SUMS")


def test_a_folder_that_is_not_mounted(stack, user, tmp_path):
    """What is not in it was not deleted."""
    away, mark = upload(user)["id"], stack.at.store / ".marketingcli-folder"
    stored(stack, away).unlink()
    mark.rename(mark.with_suffix(".away"))
    try:
        sums = Export(ask(user), tmp_path).text("SHA256SUMS")
    finally:
        mark.with_suffix(".away").rename(mark)
    assert f"# could not be read: images/{away}.jpg\n# images that could not be read: 1\n" in sums


def broken(stack, upload_id):
    """Its file cannot be read any more."""
    stored(stack, upload_id).chmod(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a store that belongs to somebody else")
def test_images_that_cannot_be_read(stack, user, tmp_path):
    """Each is named and they are counted: one lost image must not keep all the rest from its owner."""
    lost, there, short = (upload(user)["id"] for _ in range(3))
    broken(stack, lost)
    odd = stored(stack, short)
    odd.unlink()
    odd.mkdir()  # opens, and cannot be read
    before = len(stack.log("privacy").splitlines())
    export = Export(ask(user), tmp_path)
    export.opens(tmp_path / "x")
    assert [n for n in export.names if n.startswith("images/")] == [f"images/{there}.jpg"]
    sums = export.text("SHA256SUMS").splitlines()
    assert [l for l in sums if l.startswith("#")] == [f"# could not be read: images/{i}.jpg" for i in (lost, short)] + [
        "# images that could not be read: 2"]
    stack.wait(lambda: "images could not be read" in "".join(stack.log("privacy").splitlines()[before:]), "the log says so")
    odd.rmdir()


def test_an_export_that_breaks_off(stack, user):
    """What was sent is no whole ZIP, and every client sees that it broke off."""
    stored(stack, upload(user)["id"]).write_bytes(os.urandom(24 << 20))
    answer, got = ask(user, stream=True), b""
    starts, killed = stack.starts("privacy"), None
    with pytest.raises(requests.exceptions.RequestException):
        for piece in answer.iter_content(1 << 16):
            got += piece
            killed = killed or stack.kill("privacy")
    assert len(got) > 1 << 16 and b"SHA256SUMS" not in got and b"PK\5\6" not in got
    stack.wait_for_start("privacy", killed, starts)
    assert given(user) == 1


def test_no_room_for_the_rows(stack, user):
    with stack.configured("privacy", privacy_spool_dir="/proc"):
        expect(ask(user), 503, "store_unavailable")
    with small_disk(stack.at.test / "full") as disk:
        if disk is not None:
            disk.chmod(0o777)
            with stack.configured("privacy", privacy_spool_dir=disk):
                expect(ask(user), 507, "store_full")
                (disk / "fill").unlink()
                assert ask(user).status_code == 200
    assert given(user) == (disk is not None)


def test_a_database_that_is_away(stack, user):
    with stack.stopped("mariadb"):
        assert ask(user).status_code == 503
    assert ask(user).status_code == 200


class Slow:
    """Reads the head of an export, and no more."""

    def __init__(self, stack, user):
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        raw.connect(("127.0.0.1", stack.https))
        self.socket = ssl.create_default_context(cafile=stack.ca).wrap_socket(raw, server_hostname="localhost")
        self.socket.settimeout(60)
        self.socket.sendall(f"POST {EXPORT} HTTP/1.1\r\nHost: localhost:{stack.https}\r\nOrigin: {stack.url}\r\nContent-Length: 0\r\n"
                            f"Cookie: __Host-session={user.web.cookies['__Host-session']}\r\n\r\n".encode())
        assert self.socket.recv(4096).startswith(b"HTTP/1.1 200")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def on_disk(stack):
    """Bytes in nginx's folder of temporary files, also in those that have no name any more."""
    n = sum(f.stat().st_size for f in (stack.at.nginx / "temp").rglob("*") if f.is_file() and f.name != "nginx.pid")
    for pid in run("pgrep", "-f", f"nginx: worker|{stack.at.nginx}").split():
        try:
            fds = list(os.scandir(f"/proc/{pid}/fd"))
        except OSError:
            continue
        for fd in fds:
            try:
                if str(stack.at.nginx / "temp") in os.readlink(fd.path):
                    n += os.stat(fd.path).st_size
            except OSError:
                pass
    return n


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a store that belongs to somebody else")
def test_slow_readers_harm_nobody(stack, user, other, tmp_path):
    """Others get their answers and their exports; a second one of the same user waits in vain; and nginx keeps nothing."""
    location = (stack.at.nginx / "locations/privacy.conf").read_text().partition(f"location = {EXPORT} ")[2].partition("\n}")[0]
    assert "fastcgi_max_temp_file_size 0;" in location
    big = upload(user)["id"]
    stored(stack, big).write_bytes(os.urandom(24 << 20))
    with Slow(stack, user):
        stack.wait(lambda: stack.log("privacy"), "it is there")
        for _ in range(5):
            expect(user.web.get("/api/v1/privacy/data"), 200)
        Export(ask(other), tmp_path).opens(tmp_path / "x")
        assert on_disk(stack) < 1 << 16
        busy = stack.sql("SELECT 1 FROM information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id"
                         " WHERE p.USER = 'marketingcli_privacy'")
        assert not busy, "nothing is held in the database"
        lines = len(stack.log("privacy").splitlines())
    stack.wait(lambda: '"sent":"in part"' in "".join(stack.log("privacy").splitlines()[lines:]), "it has seen that nobody reads")
    assert ask(user).status_code == 200


def test_what_is_secret_is_not_readable_for_it(stack):
    with connect(stack, "privacy") as db, db.cursor() as cursor:
        for (table, column), (kind, _) in COLUMNS.items():
            if kind != "SECRET" or (table, column) in KNOWN_BY:
                continue
            with pytest.raises(pymysql.MySQLError) as refused:
                cursor.execute(f"SELECT {column} FROM {table} LIMIT 1")
            assert refused.value.args[0] in DENIED, (table, column)


def test_what_is_true_or_false_is_shown_so(stack):
    """A column of one byte is a flag, or is known as a number."""
    tiny = {(r["t"], r["c"]) for r in stack.sql("SELECT TABLE_NAME t, COLUMN_NAME c FROM information_schema.COLUMNS"
                                                " WHERE TABLE_SCHEMA = 'marketingcli' AND DATA_TYPE = 'tinyint'")}
    assert {at for at in tiny & set(COLUMNS) if at[0] in FILES and COLUMNS[at][0] == "DATA"} == NUMBERS


def test_many_posts_keep_their_receipts_apart(stack, user, account, tmp_path):
    """Rows of several tables are put together: each belongs to its own post, wherever a chunk ends."""
    sent = Sent(stack, user, account)
    sent.wait()
    n = 1000
    stack.sql("CREATE TEMPORARY TABLE many AS SELECT * FROM posts WHERE id = %s", sent.key)
    stack.sql("UPDATE many SET publish_id = NULL, tiktok_post_ids = NULL")
    stack.sql("INSERT INTO posts SELECT UNHEX(CONCAT(LEFT(HEX(id), 16), LPAD(HEX(seq), 16, '0'))) AS id,"
              + ",".join(r["c"] if r["c"] != "description" else "CONCAT('post ', seq)" for r in columns(stack, "posts") if r["c"] != "id")
              + f" FROM many, seq_1_to_{n}")
    stack.sql("INSERT INTO post_events (id, post_id, at_us, event, state) SELECT UNHEX(LPAD(CONCAT(HEX(e.seq), LPAD(HEX(p.seq), 8, '0')), 32, 'A')),"
              " UNHEX(CONCAT(LEFT(HEX(%s), 16), LPAD(HEX(p.seq), 16, '0'))), e.seq, CONCAT('event ', p.seq, ' ', e.seq), 'published'"
              f" FROM seq_1_to_{n} p, seq_1_to_3 e WHERE e.seq <= p.seq MOD 4", sent.key)
    stack.sql("DROP TEMPORARY TABLE many")
    export = Export(ask(user), tmp_path)
    posts = {p["description"]: p for p in export.json("posts")["posts"]}
    assert len(posts) == n + 1
    for i in range(1, n + 1):
        assert [e["event"] for e in posts[f"post {i}"]["events"]] == [f"event {i} {e}" for e in range(1, i % 4 + 1)]
        assert posts[f"post {i}"]["attempts"] == []
    assert len(posts[sent.description]["attempts"]) == 1 and len(export.csv("posts")) == n + 1
    stack.sql("DELETE FROM post_events WHERE event LIKE 'event %%'")
    stack.sql("DELETE FROM posts WHERE user_id = %s AND description LIKE 'post %%'", uuid.UUID(user.id).bytes)


def columns(stack, table):
    return stack.sql("SELECT COLUMN_NAME c FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'marketingcli' AND TABLE_NAME = %s"
                     " ORDER BY ORDINAL_POSITION", table)
