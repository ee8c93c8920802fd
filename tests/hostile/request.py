"""A request of the generator: made whole and right by plain(), then spoilt by the mutations (mutations.py), then sent (wire.py)."""

import dataclasses
import json
import urllib.parse

import stripe_events
import tiktok_events

CRLF = "\r\n"
BOUNDARY = "----hostile7MA4YWxkTrZu0gW"
BIG = 1 << 20  # of a body: beyond it a route takes files


@dataclasses.dataclass
class Part:
    """Of a form. head: its lines, None for those that name and filename make."""
    name: str
    data: bytes
    filename: str = None
    head: str = None

    def bytes(self):
        named = f'; name="{self.name}"' + ("" if self.filename is None else f'; filename="{self.filename}"')
        head = f"Content-Disposition: form-data{named}{CRLF}" if self.head is None else self.head
        return f"{head}{CRLF}".encode("latin-1", "replace") + self.data


@dataclasses.dataclass
class Request:
    """Text is latin-1, so that it can hold any byte."""
    route: dict
    host: str
    method: str
    path: str
    query: str = ""  # with its "?"
    headers: list = dataclasses.field(default_factory=list)  # (name, value), as they are sent
    value: object = None  # of a body that is JSON, or of pairs
    parts: list = None  # of a form
    body: bytes = b""
    version: str = "1.1"  # "1.0", "1.1", "2"
    framing: str = "length"  # or "chunked", "none"
    length: str = None  # another Content-Length than the body has
    tls: bool = True
    owners: set = dataclasses.field(default_factory=set)  # the people whose data the answer may show
    copies: int = 1  # requests in one piece; of HTTP/2 streams at once
    cut: float = None  # this share of the bytes is sent, and then leave
    leave: str = "close"  # or "reset"
    pieces: int = 1
    due: bool = True  # an answer is due
    malformed: bool = False  # RFC 9113 8.1.1: over HTTP/2 it may be answered with a reset
    said: list = dataclasses.field(default_factory=list)  # the mutations' names

    def set(self, name, value):
        """In place of what the header was."""
        self.remove(name)
        self.headers.append((name, value))

    def remove(self, name):
        self.headers = [(n, v) for n, v in self.headers if n.lower() != name.lower()]

    def encode(self):
        """The body of what it stands for."""
        if self.parts is not None:
            lines = [b"--%b\r\n%b\r\n" % (BOUNDARY.encode(), part.bytes()) for part in self.parts]
            self.body = b"".join(lines) + f"--{BOUNDARY}--{CRLF}".encode()
        elif self.kind() == "application/x-www-form-urlencoded":
            self.body = urllib.parse.urlencode(self.value).encode()
        elif self.value is not None:
            self.body = json.dumps(self.value).encode()

    def kind(self):
        return next((v for n, v in self.headers if n == "Content-Type"), "").partition(";")[0]

    def framed(self):
        """(the headers that frame the body, the body as HTTP/1 sends it)"""
        if self.framing == "chunked":
            pieces = [self.body[i:i + 3000] for i in range(0, len(self.body), 3000)]
            chunks = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces)
            return [("Transfer-Encoding", "chunked")], chunks + b"0\r\n\r\n"
        if self.length is not None:
            return [("Content-Length", self.length)], self.body
        if self.framing == "none" or not self.body and self.method in ("GET", "HEAD", "DELETE"):
            return [], self.body
        return [("Content-Length", str(len(self.body)))], self.body

    def bytes(self):
        """As HTTP/1 sends it, copies and all."""
        framing, body = self.framed()
        lines = [f"{self.method} {self.path}{self.query} HTTP/{self.version}"]
        lines += [f"{name}: {value}" for name, value in [*self.headers, *framing]]
        return (CRLF.join([*lines, "", ""]).encode("latin-1", "replace") + body) * self.copies

    def is_sandbox(self):
        return self.host.startswith("sandbox.")


def plain(rng, world, route):
    """What an honest client sends to the route."""
    host = world.host_of(route)
    r = Request(route, host, route["method"], world.path(route), world.query(rng, route), [("Host", host)])
    world.sign(rng, r)
    if route["body_max_bytes"] > 0:
        kinds = ["json", "json", "form", "image"] if route["body_max_bytes"] > BIG else ["json"] * 9 + ["form"]
        kinds = ["form", "pairs"] if route["pattern"].endswith("/unsubscribe") else kinds
        kinds = ["webhook"] if route["pattern"] in (stripe_events.PATH, tiktok_events.PATH) else kinds
        BODIES[rng.choice(kinds) if not r.is_sandbox() else "sandbox"](rng, world, r)
        r.encode()
    return r


def plain_json(rng, world, r):
    r.value = world.fields(rng, r)
    r.set("Content-Type", "application/json")


def plain_form(rng, world, r):
    fields = world.fields(rng, r)
    r.parts = [Part(n, v if isinstance(v, bytes) else (v if isinstance(v, str) else json.dumps(v)).encode("utf-8", "replace"))
               for n, v in fields.items() if n != "upload_ids"]
    if r.route["body_max_bytes"] > BIG:
        r.parts += [Part("images", world.image(rng), f"{i}.jpg") for i in range(rng.choice([1, 1, 1, 2, 3]))]
    r.set("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")


def plain_pairs(rng, world, r):
    r.value = world.fields(rng, r)
    r.set("Content-Type", "application/x-www-form-urlencoded")


def plain_image(rng, world, r):
    r.body = world.image(rng)
    r.set("Content-Type", rng.choice(["image/jpeg", "image/png", "application/octet-stream"]))


def plain_sandbox(rng, world, r):
    kind, r.value = world.sandbox_body(r.route)
    r.set("Content-Type", kind)


def plain_webhook(rng, world, r):
    r.set("Content-Type", "application/json; charset=utf-8")
    if r.route["pattern"] == tiktok_events.PATH:
        r.body = tiktok_events.bytes_of(tiktok_events.event(world.stack, open_id="-000nobody"))
        r.set("TikTok-Signature", tiktok_events.signed(world.stack, r.body))
    else:
        r.body = stripe_events.bytes_of(stripe_events.event())
        r.set("Stripe-Signature", stripe_events.signed(world.stack, r.body))


BODIES = {"json": plain_json, "form": plain_form, "pairs": plain_pairs, "image": plain_image, "sandbox": plain_sandbox,
          "webhook": plain_webhook}
