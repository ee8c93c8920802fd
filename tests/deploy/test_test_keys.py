"""A test key publishes a post on an installation as it is after its first start: TikTok is not configured, and our own name leads to
nobody. The release runs as in the development stack, with a server's users and rights, where there is root for that."""

import os
import pathlib
import struct
import subprocess
import sys
import time
import zlib

import pytest
import requests

from conftest import CHECKOUT

sys.path.append(str(CHECKOUT / "tests/stack"))

import users  # noqa: E402

NAME = "https://marketing.example"  # RFC 2606: there is no such host
AS_INSTALLED = {"service.url": NAME, "tiktok.client_key": "", "tiktok.authorize_url": "https://www.tiktok.com",
                "tiktok.api_url": "https://open.tiktokapis.com", "tiktok.ca_file": "", "tiktok.allow_private_addresses": "no",
                "sandbox.url": "", "sandbox.ca_file": "", "sandbox.allow_private_addresses": "no"}
WAIT_SEC = 60


def png():
    """90 x 60, grey."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + b"\x80" * 90 for _ in range(60))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 90, 60, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


@pytest.fixture
def installation(tmp_path):
    build = os.environ.get("MARKETINGCLI_RELEASE", str(CHECKOUT / "build-release"))
    stack = [str(CHECKOUT / "tests/stack.sh")]
    settings = [x for name, value in AS_INSTALLED.items() for x in ("--set", f"{name}={value}")]
    folder = tmp_path / "stack"
    try:
        done = subprocess.run([*stack, "up", "--dir", folder, "--https", "0", "--http", "0", "--build", build, *settings],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        yield folder
    finally:
        subprocess.run([*stack, "down", "--dir", folder], stdout=subprocess.DEVNULL)


def test_a_test_key_publishes_without_a_name(installation):
    ports = dict(line.split() for line in (installation / "ports").read_text().splitlines())
    api = f"https://localhost:{ports['https']}/api/v1"
    web = requests.Session()
    web.verify, web.trust_env = str(installation / "ca.crt"), False

    def ask(method, path, status, **more):
        answer = web.request(method, api + path, timeout=60, **more)
        assert answer.status_code == status, answer.text
        return answer.json()["data"]

    person = {"email": "ada@example.com", "password": "correct horse battery"}
    web.headers["Origin"] = NAME
    users.add_user(lambda text: subprocess.run(["mariadb", "--no-defaults", "-uroot", "-S", installation / "mariadb.sock", "-e", text,
                                                "marketingcli"], check=True), **person)
    ask("POST", "/auth/login", 200, json=person)
    assert web.get(f"{api}/tiktok/connect").json()["error"]["code"] == "tiktok_not_configured"
    assert web.get(f"{api}/tiktok/connect?mode=test").json()["error"]["code"] == "simulator_has_no_page"
    key = ask("POST", "/keys", 201, json={"name": "first", "mode": "test"})["key"]
    web.headers["Authorization"] = f"Bearer {key}"
    account = ask("POST", "/sandbox/accounts", 201, json={})["id"]
    post = ask("POST", f"/accounts/{account}/posts", 202, files={"images": ("1.png", png(), "image/png")},
               data={"platform_options": '{"post_mode": "DIRECT_POST", "privacy_level": "SELF_ONLY"}'})["id"]
    end = time.monotonic() + WAIT_SEC
    while (seen := ask("GET", f"/posts/{post}", 200))["status"] not in ("published", "failed", "canceled"):
        assert time.monotonic() < end, seen
        time.sleep(0.2)
    assert seen["status"] == "published" and seen["images"][0]["fetched_at"] and seen["post_url"] is None, seen
    log = pathlib.Path(installation / "log/access.log").read_text()
    assert '"host":"media"' in log and '"host":"simulator"' in log and '"host":"sandbox.localhost","method":"POST"' not in log
