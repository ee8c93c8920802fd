"""The services of a stack: MariaDB, nginx and the rows of lib/service/service.def.

The uids are fixed numbers that Debian gives to nobody, so that file and database permissions are those of a server
(systemd/ gives the same separation by name). Without root everything runs under the own uid.
"""

import dataclasses
import sys

from layout import CHECKOUT

sys.path.insert(0, str(CHECKOUT / "tools/generate"))

import generate  # noqa: E402

UID_BASE = 58100
GID_NGINX = UID_BASE + 1
GID_STORE = 58150  # may enter the folder of the image store, and read there
GID_IMAGE = 58151  # may talk to the image service
GID_METRICS = 58152  # shows metrics, and may read them
GID_EPOCH = 58153  # may end cached credentials
GID_APPS = 58155  # may ask the apps
GID_RATES = 58156  # count requests
GID_SIMULATOR = 58157  # may come to nginx's socket for test data
GID_INTAKE = 58158  # may come to the second nginx
GID_STORE_WRITE = 58154  # of those who may enter: makes and deletes images


@dataclasses.dataclass
class Service:
    name: str
    program: str  # a binary of the build, or an absolute path
    uid: int
    args: tuple = ()
    groups: tuple = ()
    socket: str = ""  # "stream" or "seqpacket": RUN/<name>.sock, on fd 0
    socket_gid: int = 0
    database: str = ""  # marketingcli_<database>
    credentials: tuple = ()  # besides db-password
    host: str = ""  # of an app: where nginx has it


HOSTS = {"HOST_MAIN": "localhost", "HOST_SANDBOX": "sandbox.localhost"}

MARIADB = Service("mariadb", "/usr/sbin/mariadbd", UID_BASE)
NGINX = Service("nginx", "/usr/sbin/nginx", UID_BASE + 1, groups=(GID_STORE, GID_APPS, GID_INTAKE))
INTAKE = Service("intake", "/usr/sbin/nginx", UID_BASE + 2, groups=(GID_APPS, GID_METRICS, GID_INTAKE))


def from_row(row, uid):
    groups = [(GID_METRICS, True), (GID_STORE, row["store"] != "STORE_NONE"),
              (GID_STORE_WRITE, row["store"] == "STORE_WRITE"), (GID_IMAGE, row["asks_image"]), (GID_APPS, row["asks_apps"]),
              (GID_SIMULATOR, row["asks_simulator"]),
              (GID_EPOCH, row["ends_credentials"]), (GID_RATES, row["counts_rates"])]
    made = Service(generate.label(row), f"marketingcli-{row['kind'] if row['kind'] == 'worker' else row['name']}", uid,
                   groups=tuple(gid for gid, is_in in groups if is_in), database=row["database"] or "",
                   credentials=tuple(c for c in row["credentials"] if c != "db-password"))
    if row["kind"] == "worker":
        made.args = (row["name"],)
    elif row["kind"] == "image":
        made.socket, made.socket_gid = "seqpacket", GID_IMAGE
    else:
        made.socket, made.socket_gid, made.host = "stream", GID_APPS, HOSTS[row["host"]]
    return made


# What this project builds: the intake is Debian's nginx. The image service first: who asks it is started later.
PROGRAMS = sorted((from_row(row, UID_BASE + 10 + i) for i, row in enumerate(r for r in generate.services() if r["kind"] != "intake")),
                  key=lambda s: s.socket != "seqpacket")
KEYS = next(s for s in PROGRAMS if s.name == "keys")
MAIL = next(s for s in PROGRAMS if s.name == "worker-mail")
PRIVACY = next(s for s in PROGRAMS if s.name == "privacy")
ERASER = next(s for s in PROGRAMS if s.name == "worker-privacy")
WORKERS = [s for s in PROGRAMS if s.program == "marketingcli-worker"]


def probe(service, tables):
    """(host, path) that the program answers through nginx when it is up; None when nginx does not know it."""
    paths = [r["pattern"] for r in tables["routes"] if r["app"] == service.name and "{" not in r["pattern"] and not r["internal"]]
    return (service.host, paths[0]) if service.host and paths else None
