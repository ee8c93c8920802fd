"""The same work as GET /api/v1/me with a key, in Go, PHP and Node, and as GET /api/v1/posts/{id} and POST /webhooks/stripe, in Go and Node, behind the stack's own nginx and on its MariaDB."""

import glob
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess

import machine  # noqa: F401  (finds tests/stack)
import services
from layout import AS_ROOT, folder, write

SOURCES = pathlib.Path(__file__).resolve().parent / "peers"
NAMES = ("go", "php", "node")
CONNECTIONS = 8  # to the database, as one of our programs has
# Our program reads the key's row once a second and the user's with each request; who has no such cache joins.
STATEMENT = ("SELECT k.id AS key_id, k.name AS key_name, k.prefix, k.revoked_at_us, k.user_state, u.id, u.email, u.name,"
             " u.created_at_us FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.hash = ?")
# As lib/model/post/post.c reads a post: with the creator's name for its address, the images, the events.
POST_STATEMENTS = {
    "key": "SELECT user_id, revoked_at_us, user_state FROM api_keys WHERE hash = ?",
    "post": "SELECT p.id, p.account_id, p.title, p.description, p.post_mode, p.privacy_level, p.disable_comment, p.auto_add_music,"
            " p.brand_content_toggle, p.brand_organic_toggle, p.is_aigc, p.photo_cover_index, p.state, p.publish_id, p.tiktok_post_ids,"
            " p.next_attempt_at_us, p.key_id, p.created_at_us, p.ended_at_us, s.username,"
            " COALESCE(p.state IN ('queued', 'deferred') AND a.state = 'needs_reconnect', FALSE) AS held FROM posts p"
            " LEFT JOIN accounts a ON a.id = p.account_id AND a.state <> 'disconnected'"
            " LEFT JOIN creator_snapshots s ON s.account_id = a.id AND s.fetched_at_us > ? WHERE p.id = ? AND p.user_id = ? AND p.mode = 'live'",
    "images": "SELECT i.position, i.upload_id, u.width, u.height, u.size_bytes, u.changes, u.sha256, u.media_type, u.original_width,"
              " u.original_height, u.original_bytes, u.original_sha256, u.provenance, f.fetched_at_us, u.deleted_at_us FROM post_images i"
              " JOIN uploads u ON u.id = i.upload_id LEFT JOIN attempt_fetches f ON f.position = i.position AND f.attempt_id ="
              " (SELECT a.id FROM post_attempts a WHERE a.post_id = i.post_id ORDER BY a.number DESC LIMIT 1) WHERE i.post_id = ?"
              " ORDER BY i.position",
    "events": "SELECT at_us, event, code, platform_code, platform_log_id, request_id, state FROM (SELECT * FROM post_events WHERE post_id = ?"
              " ORDER BY at_us DESC, id DESC LIMIT 500) e ORDER BY at_us, id",
}


# As lib/model/billing/provider_event_add.c stores an event, and lib/model/job/job.c its job, but for what concerns jobs that run or died.
WEBHOOK_STATEMENTS = {
    "look": "SELECT (SELECT e.id FROM provider_events e WHERE e.event_id = ?) AS known,"
            " (SELECT s.user_id FROM subscriptions s WHERE s.customer_id = ?) AS owner",
    "add": "INSERT INTO provider_events (event_id, id, type, created_at_us, received_at_us, user_id, object_id, customer_id,"
           " subscription_id, status, state, via) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'webhook')",
    "job": "INSERT INTO jobs_billing (id, kind, subject_id, state, run_at_us, request_id, created_at_us)"
           " VALUES (?, 'customer', ?, 'ready', ?, ?, ?) ON DUPLICATE KEY UPDATE run_at_us = LEAST(run_at_us, VALUES(run_at_us))",
}


def php_fpm():
    return sorted(glob.glob("/usr/sbin/php-fpm*"))[-1]


def build(at):
    """The peers in a folder of the stack's."""
    made = folder(at.home / "bench", 0o755, services.NGINX.uid, services.GID_NGINX)
    for source in ("php/me.php", "node/me.js", "node/post.js", "node/webhook.js", "node/package.json"):
        shutil.copy(SOURCES / source, made)
    go = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(made / "go-cache"),
          "CGO_ENABLED": "0"}
    subprocess.run(["go", "build", "-o", made / "me-go", *sorted((SOURCES / "go").glob("*.go"))], env=go, check=True)
    npm = ["npm", "install", "--prefix", made, "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    subprocess.run(npm, check=True, stdout=subprocess.DEVNULL)
    fill(SOURCES / "php/fpm.conf", made / "fpm.conf", SOCKET=made / "php.sock", LOG=made / "php.log",
         CONNECTIONS=CONNECTIONS)
    return made


def fill(source, to, **names):
    text = source.read_text()
    for name, value in names.items():
        text = text.replace(f"@{name}@", str(value))
    write(to, text)


def nginx(at, made, pid):
    """The peers' addresses into the stack's nginx; its limits on rates out of it, for all alike."""
    fill(SOURCES / "nginx-upstreams.conf", at.nginx / "bench-upstreams.conf", DIR=made)
    fill(SOURCES / "nginx-locations.conf", at.nginx / "locations/bench.conf", DIR=made, NGINX_DIR=at.nginx)
    names = at.nginx / "snippets/locations.conf"
    write(names, names.read_text() + f"include {at.nginx}/locations/bench.conf;\n")
    main = at.nginx / "nginx.conf"
    write(main, main.read_text().replace("http {", f"http {{\n\tinclude {at.nginx}/bench-upstreams.conf;", 1))
    for file in at.nginx.rglob("*.conf"):
        text = file.read_text()
        without = re.sub(r"^[ \t]*limit_(req|conn) .*?;", "", text, flags=re.MULTILINE)
        if without != text:
            write(file, without)
    os.kill(pid, signal.SIGHUP)


class Peers:
    """Running between start and stop. groups: {name: process group}."""

    def __init__(self, at, sql, **env):
        self.at, self.made = at, build(at)
        password = secrets.token_hex(16)
        sql(f"CREATE OR REPLACE USER bench@localhost IDENTIFIED BY '{password}'")
        sql("GRANT SELECT ON marketingcli.* TO bench@localhost")
        for table in ("provider_events", "jobs_billing"):
            sql(f"GRANT INSERT, UPDATE ON marketingcli.{table} TO bench@localhost")
        self.env = {
            "PATH": os.environ["PATH"], "NODE_ENV": "production", "BENCH_PASSWORD": password,
            "BENCH_CONNECTIONS": str(CONNECTIONS), "BENCH_DATABASE": str(at.mariadb_sock),
            "BENCH_STATEMENT": STATEMENT, "BENCH_POST_STATEMENTS": json.dumps(POST_STATEMENTS),
            "BENCH_WEBHOOK_STATEMENTS": json.dumps(WEBHOOK_STATEMENTS), **env,
            "BENCH_TIKTOK": re.search(r"^authorize_url = (.*)$", at.conf.read_text(), re.MULTILINE)[1],
        }
        self.log = (at.log / "bench.log").open("ab")
        self.processes = {
            "go": self.start("go", [self.made / "me-go"]),
            "php": self.start("php", [php_fpm(), "-F", "-y", self.made / "fpm.conf"]),
            "node": self.start("node", [shutil.which("node"), self.made / "me.js"]),
        }
        self.groups = {name: process.pid for name, process in self.processes.items()}

    def start(self, name, argv):
        user = ["setpriv", "--pdeathsig=TERM"]
        if AS_ROOT:
            user += [f"--reuid={services.NGINX.uid}", f"--regid={services.GID_NGINX}", "--clear-groups"]
        return subprocess.Popen([*map(str, user), "--", *map(str, argv)], env={**self.env, "BENCH_SOCKET":
                                str(self.made / f"{name}.sock")}, cwd=self.made, stdin=subprocess.DEVNULL,
                                stdout=self.log, stderr=self.log, start_new_session=True)

    def said(self):
        return "".join(file.read_text(errors="replace") for file in (self.at.log / "bench.log", self.made / "php.log")
                       if file.exists())

    def stop(self):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
