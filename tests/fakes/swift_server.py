#!/usr/bin/python3
"""OpenStack Swift with its S3 interface, for the tests: it really verifies signatures, which small stand-ins for S3 do not. All of it
in one process, with one disk that is a folder (which needs extended attributes of users), no replicas and nothing durable.

    swift_server.py FOLDER BUCKET...

prints {"port": N} when it takes requests, by plain HTTP on 127.0.0.1. The key is in s3.py.
"""

import json
import pathlib
import pickle
import sys
from array import array
from gzip import GzipFile

import eventlet

eventlet.monkey_patch()

FOLDER = pathlib.Path(sys.argv[1])
SWIFT_CONF = """[swift-hash]
swift_hash_path_suffix = suffix
swift_hash_path_prefix = prefix
[storage-policy:0]
name = one
default = yes
"""
PROXY_CONF = """[DEFAULT]
swift_dir = {folder}
[pipeline:main]
pipeline = catch_errors gatekeeper s3api tempauth proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:s3api]
use = egg:swift#s3api
location = auto
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = secret-of-the-swift-of-tests .admin
"""


def set_up():
    """Swift reads one file at a fixed place; before anything else of it is imported, that is changed."""
    import swift.common.utils

    (FOLDER / "swift.conf").write_text(SWIFT_CONF)
    (FOLDER / "proxy-server.conf").write_text(PROXY_CONF.format(folder=FOLDER))
    (FOLDER / "disk/sda1").mkdir(parents=True)
    swift.common.utils.SWIFT_CONF_FILE = str(FOLDER / "swift.conf")
    swift.common.utils.validate_hash_conf()


class NoCache:
    """In place of memcached, which tempauth insists on: nothing is kept."""

    def get(self, *_, **__):
        return None

    def set(self, *_, **__):
        pass

    delete = incr = set


def ring(name, port):
    """Four partitions, all on the one disk."""
    from swift.common.ring import RingData

    disk = {"id": 0, "region": 1, "zone": 1, "weight": 1, "ip": "127.0.0.1", "port": port, "device": "sda1",
            "replication_ip": "127.0.0.1", "replication_port": port}
    with GzipFile(FOLDER / f"{name}.ring.gz", "wb") as file:
        pickle.dump(RingData([array("H", [0] * 4)], [disk], 30), file)


def main():
    set_up()
    from eventlet import listen, wsgi
    from swift.account.server import AccountController
    from swift.common import wsgi as swift_wsgi
    from swift.common.http_protocol import SwiftHttpProtocol
    from swift.common.swob import Request
    from swift.container.server import ContainerController
    from swift.obj.server import ObjectController

    conf = {"devices": str(FOLDER / "disk"), "swift_dir": str(FOLDER), "mount_check": "false"}
    backends = {"account": AccountController, "container": ContainerController, "object": ObjectController}
    sockets = {name: listen(("127.0.0.1", 0)) for name in backends}
    for name, socket in sockets.items():
        ring(name, socket.getsockname()[1])
    quiet = open("/dev/null", "w")
    for name, controller in backends.items():
        eventlet.spawn(wsgi.server, sockets[name], controller(conf), quiet, protocol=SwiftHttpProtocol)
    inner, cache = swift_wsgi.loadapp(str(FOLDER / "proxy-server.conf")), NoCache()
    app = lambda environ, start: inner({**environ, "swift.cache": cache}, start)  # noqa: E731
    front = listen(("127.0.0.1", 0))
    server = eventlet.spawn(wsgi.server, front, app, quiet, protocol=SwiftHttpProtocol)
    for bucket in sys.argv[2:]:
        made = Request.blank(f"/v1/AUTH_test/{bucket}", {"REQUEST_METHOD": "PUT", "swift.authorize_override": True}).get_response(app)
        assert made.status_int in (201, 202), made.status
    print(json.dumps({"port": front.getsockname()[1]}), flush=True)
    server.wait()


main()
