"""Our client of S3, for tests of it and of images in a bucket."""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from s3 import BUCKET, KEY_ID, REGION, SECRET  # noqa: E402

BODY = bytes(range(256)) * 300


class Client:
    """Our client, in a process of its own."""

    def __init__(self, endpoint, ca, folder):
        self.folder = folder
        self.given = {"endpoint": endpoint, "ca": ca, "bucket": BUCKET, "region": REGION, "id": KEY_ID, "secret": SECRET, "timeout": "20"}

    def __call__(self, operation, key, file="", env=None, **changes):
        """(how it ended, tries, what the store said, lines)"""
        given = {**self.given, **changes}
        build = pathlib.Path(os.environ["MARKETINGCLI_BUILD"]).resolve()
        done = subprocess.run([build / "tests/fixtures/marketingcli-s3", *given.values(), operation, key, *[file] * bool(file)],
                              capture_output=True, text=True, env={**os.environ, **(env or {})}, timeout=60)
        assert done.returncode == 0 and not done.stderr, done.stderr
        *lines, last = done.stdout.splitlines()
        word, tries, *said = last.split(" ", 2)
        return word, int(tries), (said or [""])[0].strip(), lines

    def put(self, key, body=BODY, **more):
        (self.folder / "in").write_bytes(body)
        return self("put", key, str(self.folder / "in"), **more)[:3]

    def get(self, key, **more):
        (self.folder / "out").write_bytes(BODY + b"more")  # what is there goes
        return self("get", key, str(self.folder / "out"), **more)[:3]

    def got(self):
        return (self.folder / "out").read_bytes()
