"""An authenticator app (RFC 6238), of an implementation that is not ours, and users whose sign-in needs its codes."""

import base64
import hashlib
import hmac
import itertools
import json
import ssl
import struct
import time
import http.client

from helpers import expect

STEP = 30
SIGN_IN, CODE = "/api/v1/auth/login", "/api/v1/auth/login/code"
networks = itertools.count(1)


def totp(secret, step):
    """The six digits of a step. secret: base32 without padding."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">q", step), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7fffffff) % 10**6:06d}"


class App:
    def __init__(self, stack, secret):
        self.stack, self.secret = stack, secret

    def now_us(self):
        """By the programs' clock."""
        clock = self.stack.at.test / "clock"
        return time.time_ns() // 1000 + (int(clock.read_text()) if clock.exists() else 0)

    def shows(self, steps=0):
        """What it shows now, or so many steps later."""
        return totp(self.secret, self.now_us() // 1_000_000 // STEP + steps)

    def next(self, seconds=0):
        """What it shows when the next 30 seconds have begun, so many seconds ago: a code that was not used yet. The clock stands
        far enough from the end of them."""
        now = self.now_us()
        begins = (now // 1_000_000 // STEP + 1) * STEP * 1_000_000
        self.stack.move_clock((begins - now) / 1_000_000 + 2 + seconds)
        return self.shows()

    def wrong(self):
        """Six digits that are none of the codes that would be taken."""
        good = {self.shows(steps) for steps in range(-2, 4)}
        return next(code for n in range(10) if (code := f"{n:06d}") not in good)


def enrol(user):
    """(the app, the ten recovery codes)"""
    app = App(user.stack, expect(user.web.post("/api/v1/auth/totp"), 200)["data"]["secret"])
    app.used = app.shows()
    codes = expect(user.web.post("/api/v1/auth/totp/confirm", json={"code": app.used}), 200)["data"]["recovery_codes"]
    return app, codes


def begin(user, client=None, **more):
    """The first step of a sign-in from another browser; the answer."""
    client = client or user.stack.client(Origin=user.stack.url)
    return client.post(SIGN_IN, json={"email": user.email, "password": user.password, **more})


def begun(user):
    """The token of a sign-in that waits for its code."""
    answer = begin(user)
    data = expect(answer, 202)["data"]
    assert data["status"] == "code_required" and "Set-Cookie" not in answer.headers
    return data["sign_in_token"]


def finish(stack, token, code, client=None):
    return (client or stack.client(Origin=stack.url)).post(CODE, json={"sign_in_token": token, "code": code})


def a_network():
    """An address of this machine that no test has used."""
    n = next(networks)
    return f"127.1.{n >> 8}.{n & 255}"


class Answer:
    def __init__(self, answer):
        self.status, self.headers, self.text = answer.status, answer.headers, answer.read().decode()
        self.json = json.loads(self.text) if self.text else {}
        self.code = self.json.get("error", {}).get("code")


def ask_from(stack, source, path, body, **headers):
    """The answer to a POST of JSON from that address of this machine."""
    connection = http.client.HTTPSConnection("127.0.0.1", stack.https, timeout=30, source_address=(source, 0),
                                             context=ssl._create_unverified_context())
    try:
        connection.request("POST", path, json.dumps(body), {"Host": "localhost", "Content-Type": "application/json", **headers})
        return Answer(connection.getresponse())
    finally:
        connection.close()
