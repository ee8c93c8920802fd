"""lib/store/s3.h beside a server that is not ours and verifies what is signed (OpenStack Swift), and in front of it one that fails."""

import os
import pathlib
import ssl
import subprocess
import sys
import types
import urllib.error
import urllib.request

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(CHECKOUT / "tests/fakes"), str(CHECKOUT / "tests/stack")]

import render  # noqa: E402
from s3 import BUCKET, KEY_ID, REGION, S3, SECRET  # noqa: E402

BODY = bytes(range(256)) * 300
ODD_KEYS = ["plain.jpg", "with space.jpg", "a+b.jpg", "ab/cd/e~f.jpg", "grüße/日本.jpg", "100%/%20.jpg", "a&b=c?d#e.jpg", "'(!)*;:@,$.jpg", "//x//"]


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """As a stack has it."""
    home = tmp_path_factory.mktemp("s3-tls")
    at = types.SimpleNamespace(home=home, tls=home / "tls", ca=home / "ca.crt")
    render.certificates(at)
    return at


@pytest.fixture(scope="module")
def swift(tls, tmp_path_factory):
    with S3(tmp_path_factory.mktemp("swift"), tls.tls / "leaf.crt", tls.tls / "leaf.key") as s3:
        yield s3


@pytest.fixture
def client(swift, tls, tmp_path):
    swift.taken()
    swift.faults.clear()
    return Client(swift.endpoint, tls.ca, tmp_path)


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


@pytest.mark.parametrize("key", ODD_KEYS)
def test_an_object_comes_and_goes(client, key):
    assert client.put(key) == ("ok", 1, "")
    assert client("head", key)[3] == [str(len(BODY))]
    assert client.get(key) == ("ok", 1, "") and client.got() == BODY
    assert [line.split(" ", 1)[1] for line in client("list", key[:2])[3]].count(key) == 1
    assert client("delete", key)[:3] == ("ok", 1, "")
    assert client.get(key)[0] == "not_found" and client.got() == b""
    assert client("head", key)[0] == "not_found"
    assert client("delete", key)[0] == "ok"  # again


def test_an_empty_object_and_what_replaces_it(client):
    assert client.put("empty", b"")[0] == "ok" and client.get("empty")[0] == "ok" and client.got() == b""
    assert client.put("empty", b"full")[0] == "ok" and client.get("empty")[0] == "ok" and client.got() == b"full"


def test_a_listing_has_pages(client, swift):
    for n in range(5):
        assert client.put(f"pages/{n}", b"x" * n)[0] == "ok"
    assert client("list", "pages/")[3] == [f"{n} pages/{n}" for n in range(5)]
    assert sum("continuation-token=" in what for what in swift.taken()) == 2


@pytest.mark.parametrize("change, said", [
    ({"secret": "wrong"}, "403 SignatureDoesNotMatch"),
    ({"id": "test:nobody"}, "403 SignatureDoesNotMatch"),
    ({"region": "elsewhere"}, "400 AuthorizationHeaderMalformed"),
    ({"bucket": "nothere"}, "404 NoSuchBucket"),
])
def test_what_is_set_wrongly_is_told(client, change, said):
    """Each says what to look for, is asked once, and is no missing object."""
    for operation in (client.put, client.get):
        assert operation("k", **change) == ("store_unavailable", 1, said)
    assert client("head", "k", **change)[0] == "store_unavailable"
    assert client("delete", "k", **change)[0] == "store_unavailable"


@pytest.mark.parametrize("off_sec", [-20 * 60, 20 * 60])
def test_a_wrong_clock(client, tmp_path, off_sec):
    (tmp_path / "clock").write_text(str(off_sec * 1000000))
    assert client.put("k", env={"MARKETINGCLI_TEST_DIR": str(tmp_path)}) == ("store_unavailable", 1, "403 RequestTimeTooSkewed")


def fetch(url, tls, **headers):
    try:
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=tls.ca)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def presigned(client, key, seconds="60", **more):
    return client("presign", key, seconds, **more)[3][0]


@pytest.mark.parametrize("key", ODD_KEYS[:6])
def test_a_presigned_address(client, tls, key):
    assert client.put(key)[0] == "ok"
    url = presigned(client, key)
    assert fetch(url, tls) == (200, BODY)
    assert fetch(url, tls, Range="bytes=0-9") == (206, BODY[:10])
    assert fetch(url[:-1] + ("0" if url[-1] != "0" else "1"), tls)[0] == 403
    assert fetch(url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), tls)[0] == 403
    assert fetch(presigned(client, key, secret="wrong"), tls)[0] == 403


def test_a_presigned_address_is_over(client, tls, tmp_path):
    assert client.put("k")[0] == "ok"
    (tmp_path / "clock").write_text(str(-61 * 1000000))
    assert fetch(presigned(client, "k", env={"MARKETINGCLI_TEST_DIR": str(tmp_path)}), tls)[0] == 403


PASSES = [("503 Slow Down", "SlowDown"), ("500 Error", "InternalError"), ("429 Too Many", "TooManyRequests"), ("400 Bad", "IncompleteBody"),
          "drop", "drop_after"]


def test_what_passes_is_tried_again(client, swift):
    """Whatever it is, the body is sent from its beginning, and what is there in the end is whole."""
    for faults in (PASSES[:3], PASSES[3:]):
        swift.fault(*faults)
        assert client.put("again") == ("ok", 4, "")
        assert len(swift.taken()) == 4
    swift.fault("cut", "drop")
    assert client.get("again") == ("ok", 3, "") and client.got() == BODY
    swift.fault("drop_after")
    assert client("delete", "again")[:3] == ("ok", 2, "")


@pytest.mark.parametrize("fault, word", [(("507 Insufficient Storage", "InternalError"), "store_full"),
                                         (("403 Forbidden", "QuotaExceeded"), "store_full"),
                                         (("409 Conflict", "Conflict"), "store_unavailable")])
def test_what_does_not_pass_is_not(client, swift, fault, word):
    swift.fault(fault)
    assert client.put("once") == (word, 1, f"{fault[0][:3]} {fault[1]}")
    assert client.get("once")[0] == "not_found"  # and nothing half written is there


def test_a_store_that_is_away_or_hangs(client, swift):
    assert client.put("k", endpoint="https://localhost:1", timeout="1")[0] == "store_unavailable"
    swift.fault("hang")
    assert client.put("k", timeout="1")[0] == "store_unavailable"
    swift.released.set()


def test_nobody_else_is_the_store(client, swift, tls):
    """A certificate that is not its own, or of nobody whom we trust: not a byte is sent."""
    assert client.put("k", endpoint=swift.endpoint.replace("localhost", "127.0.0.2"), timeout="1")[0] == "store_unavailable"
    assert client.put("k", ca="", timeout="1")[0] == "store_unavailable"
    assert swift.taken() == []
