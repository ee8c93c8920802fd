"""The same work as GET /api/v1/me with a key, in Go, PHP and Node, behind the stack's own nginx and on its MariaDB."""

import glob
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


def php_fpm():
    return sorted(glob.glob("/usr/sbin/php-fpm*"))[-1]


def build(at):
    """The peers in a folder of the stack's."""
    made = folder(at.home / "bench", 0o755, services.NGINX.uid, services.GID_NGINX)
    for source in ("php/me.php", "node/me.js", "node/package.json"):
        shutil.copy(SOURCES / source, made)
    go = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(made / "go-cache"),
          "CGO_ENABLED": "0"}
    subprocess.run(["go", "build", "-o", made / "me-go", SOURCES / "go/main.go"], env=go, check=True)
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

    def __init__(self, at, sql):
        self.at, self.made = at, build(at)
        password = secrets.token_hex(16)
        sql(f"CREATE OR REPLACE USER bench@localhost IDENTIFIED BY '{password}'")
        for table in ("users", "api_keys"):
            sql(f"GRANT SELECT ON marketingcli.{table} TO bench@localhost")
        self.env = {
            "PATH": os.environ["PATH"], "NODE_ENV": "production", "BENCH_PASSWORD": password,
            "BENCH_CONNECTIONS": str(CONNECTIONS), "BENCH_DATABASE": str(at.mariadb_sock),
            "BENCH_STATEMENT": STATEMENT,
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
