"""The services of a stack: one row each, with the uid it runs under.

The uids are fixed numbers that Debian gives to nobody, so that file and database permissions are those of a server
(systemd/ gives the same separation by name). Without root everything runs under the own uid.
"""

import dataclasses

UID_BASE = 58100
GID_STORE = 58150  # reads and writes the image store
GID_IMAGE = 58151  # may talk to the image service
GID_METRICS = 58152  # shows metrics, and may read them
GID_NGINX = UID_BASE + 1


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
    credentials: tuple = ()
    probe: tuple = ()  # (host, path) that answers through nginx when it is up


TIKTOK_SECRETS = ("token-keys", "tiktok-client-secret")

MARIADB = Service("mariadb", "/usr/sbin/mariadbd", UID_BASE)
NGINX = Service("nginx", "/usr/sbin/nginx", UID_BASE + 1, groups=(GID_STORE,))


def app(name, uid, path, host="localhost", groups=(), credentials=()):
    return Service(name, f"marketingcli-{name}", uid, groups=(GID_METRICS, *groups), socket="stream", socket_gid=GID_NGINX,
                   database=name, credentials=credentials, probe=(host, path))


def worker(kind, uid, groups=(), credentials=()):
    return Service(f"worker-{kind}", "marketingcli-worker", uid, args=(kind,), groups=(GID_METRICS, *groups),
                   database=f"worker_{kind}", credentials=credentials)


KEYS = app("keys", UID_BASE + 12, "/api/v1/keys")

PROGRAMS = [
    Service("image", "marketingcli-image", UID_BASE + 10, groups=(GID_METRICS,), socket="seqpacket", socket_gid=GID_IMAGE),
    app("auth", UID_BASE + 11, "/api/v1/me"),
    KEYS,
    app("tiktok", UID_BASE + 13, "/api/v1/accounts", credentials=TIKTOK_SECRETS),
    app("uploads", UID_BASE + 14, "/api/v1/uploads", groups=(GID_STORE, GID_IMAGE)),
    app("posts", UID_BASE + 15, "/api/v1/posts", groups=(GID_STORE, GID_IMAGE)),
    app("sandbox", UID_BASE + 16, "/", host="sandbox.localhost"),
    worker("publish", UID_BASE + 21, credentials=TIKTOK_SECRETS),
    worker("media", UID_BASE + 22, groups=(GID_STORE,)),
]
