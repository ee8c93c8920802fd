"""The row about exports: one of 100 000 posts and 1 GB of images, and who asks for something light meanwhile."""

import hashlib
import io
import json
import os
import pathlib
import re
import threading
import time
import uuid
import zipfile

import posting  # finds tests/api
from table import show

POSTS, IMAGES, IMAGE_BYTES = 100_000, 1000, 1 << 20
MEMORY_MB = 64
LIGHT = ("/api/v1/me", "/api/v1/usage", "/api/v1/accounts")
PACED = {"connections": 16, "pause_ms": 20}


def fill(bench, owner, n_posts, n_images):
    """Copies of one post and of one image, as many as that."""
    sent = owner.send(owner.stack.client(), [posting.images.jpeg(90, 60)]).json()["data"]["id"]
    owner.stack.wait(lambda: owner.stack.client().get(f"/api/v1/posts/{sent}", headers=owner.bearer).json()["data"]["status"] in posting.ENDED, "it is sent")
    key, sql = uuid.UUID(sent).hex, bench.stack.sql
    names = {t: [r[0] for r in sql(f"SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'marketingcli' AND TABLE_NAME = '{t}'"
                                   " AND EXTRA NOT LIKE '%GENERATED%' ORDER BY ORDINAL_POSITION")]
             for t in ("posts", "post_attempts", "post_events", "attempt_fetches", "uploads")}

    def copies(table, where, n, **new):
        picked = ", ".join(new.get(c, f"t.{c}") for c in names[table])
        sql(f"INSERT INTO {table} ({', '.join(names[table])}) SELECT {picked} FROM {table} t, seq_1_to_{n} s WHERE {where}")

    def made(of, number="s.seq"):
        return f"UNHEX(CONCAT(LEFT(HEX({of}), 20), LPAD(HEX({number}), 12, '0')))"
    post = f"UNHEX('{key}')"
    copies("posts", f"t.id = {post}", n_posts, id=made("t.id"), publish_id="NULL", description="CONCAT(REPEAT('what it says, ', 20), s.seq)")
    copies("post_events", f"t.post_id = {post}", n_posts, id=made("t.id"), post_id=made("t.post_id"))
    copies("attempt_fetches", f"t.attempt_id IN (SELECT id FROM post_attempts WHERE post_id = {post})", n_posts, attempt_id=made("t.attempt_id"))
    copies("post_attempts", f"t.post_id = {post}", n_posts, id=made("t.id"), post_id=made("t.post_id"))
    copies("uploads", f"t.user_id = UNHEX('{uuid.UUID(owner.id).hex}') AND t.deleted_at_us IS NULL", n_images, id=made("t.id"))
    for (text,) in sql(f"SELECT LOWER(HEX(id)) FROM uploads WHERE user_id = UNHEX('{uuid.UUID(owner.id).hex}') AND deleted_at_us IS NULL"):
        image = str(uuid.UUID(text))
        path = pathlib.Path(bench.stack.at.store) / image[-4:-2] / image[-2:] / f"{image}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(os.urandom(IMAGE_BYTES))
            path.chmod(0o644)
        for folder in (path.parent, path.parent.parent):
            folder.chmod(0o2775)


class Exporting(threading.Thread):
    """One after another, until it is told to stop, or one alone."""

    def __init__(self, bench, owner, path):
        super().__init__()
        self.bench, self.owner, self.path, self.runs, self.wrong = bench, owner, path, [], None
        self.stop = threading.Event()
        self.start()

    def one(self):
        self.bench.stack.sql("DELETE FROM activity WHERE what = 'exported'")
        began, n = time.monotonic(), 0
        with self.owner.web.post("/api/v1/privacy/export", stream=True, timeout=600) as answer, self.path.open("wb") as f:
            if answer.status_code != 200:
                raise RuntimeError(answer.text)
            first = time.monotonic() - began
            for piece in answer.iter_content(1 << 18):
                f.write(piece)
                n += len(piece)
        self.runs.append((n / 1e6, time.monotonic() - began, first))

    def run(self):
        try:
            while not self.runs or not self.stop.is_set():
                self.one()
        except Exception as e:  # told by whoever waits for it
            self.wrong = e

    def end(self):
        self.stop.set()
        self.join()
        if self.wrong:
            raise self.wrong


def peak_mb(pid):
    """The most memory that a process of the group had since it was last asked."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def check(path, n_posts, n_images):
    """Raises unless it is whole."""
    with zipfile.ZipFile(path) as z:
        sums = dict(reversed(line.split("  ", 1)) for line in z.read("SHA256SUMS").decode().splitlines())
        for name in z.namelist()[:-1]:
            digest = hashlib.sha256()
            with z.open(name) as f:
                while piece := f.read(1 << 20):
                    digest.update(piece)
            if digest.hexdigest() != sums.pop(name):
                raise RuntimeError(f"{name} is damaged")
        with z.open("posts.json") as f:
            posts = json.load(io.TextIOWrapper(f))["posts"]
        if sums or len(posts) != n_posts + 1 or len([n for n in z.namelist() if n.startswith("images/")]) != n_images + 1:
            raise RuntimeError("the export is not what was put there")
        if not all(p["attempts"] and p["events"] for p in posts):
            raise RuntimeError("a post has no receipt")


def export(bench):
    quick = bench.rounds == 1
    n_posts, n_images = (POSTS // 50, IMAGES // 50) if quick else (POSTS, IMAGES)
    owner, others = posting.posters(bench, 1)[0], posting.posters(bench, 2 if quick else 10)
    fill(bench, owner, n_posts, n_images)
    light = [bench.stack.wire("GET", path, p.bearer) for p in others for path in LIGHT]
    path = pathlib.Path(bench.stack.folder) / "export.zip"
    pid = bench.groups()["privacy"]
    peaks, exports = [], []
    peak_mb(pid)

    def paced():
        return bench.run_all("light requests", light, seconds=3 if quick else 15, **PACED)

    def during():
        exporting = Exporting(bench, owner, path)
        run = paced()
        exporting.end()
        exports.extend(exporting.runs)
        peaks.append(peak_mb(pid))
        return run

    runs = bench.in_turns({"light requests without exports": paced, "light requests during exports": during}, rounds=3)
    alone, meanwhile = runs.values()
    check(path, n_posts, n_images)
    path.unlink()
    what = f"export of {n_posts} posts and {n_images} images of {IMAGE_BYTES >> 20} MB"
    bench.table.ratio(f"{what}: MB a second", [mb / seconds for mb, seconds, _ in exports], digits=0)
    bench.table.ratio(f"{what}: seconds until its first byte", [first for _, _, first in exports], digits=1)
    bench.table.ratio(f"{what}: most memory of the program, MB", peaks, f"<= {MEMORY_MB}", digits=1)
    bench.table.ratio(f"p99 of light requests: during {what} / without", [a.load.p99_ms / b.load.p99_ms for a, b in zip(meanwhile, alone)], "<= 1.5")
    bench.table.detail(what, "MB", show(exports[-1][0], 0))
    bench.rates(runs, "auth")
