"""How a body is spoilt: JSON, forms, images, and any bytes. Each function changes the request that it is given."""

import json
import struct
import urllib.parse
import zlib

from request import BOUNDARY, CRLF, Part

# Values that a parser, a column or a limit may trip over.
ODD = [None, True, 0, -1, 0.5, 1e400, -1e400, float("nan"), 1 << 63, 1 << 64, -(1 << 70), 1e-320, "", " ", "\0", "a\0b", "\ud800", "\udfff\ud800",
       "\u202e", "e\u0301" * 50, "\ufeff", "\x7f\x1b[2J", "'; DROP TABLE users; --", "%s%n%00", "../../etc/passwd", "A" * 300, "\U0001f600" * 95,
       "x" * 70_000, [], {}, [[]], [None], {"": ""}, ["a"] * 40, {"post_mode": 1}, "null", "true", "2026-01-01", "+00:00", "0x10", "1e5"]


# JSON


def some_place(rng, value):
    """(container, key) of a random place in it."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = rng.choice(keys)
        if not isinstance(value[key], (dict, list)) or not value[key] or rng.random() < 0.3:
            return value, key
        value = value[key]


def json_value(rng, world, r):
    """Something else where a value is."""
    container, key = some_place(rng, r.value)
    container[key] = rng.choice(ODD)
    r.body = json.dumps(r.value, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")


def json_key(rng, world, r):
    """A name that is missing, unknown, or written in another way."""
    container, key = some_place(rng, r.value)
    if not isinstance(container, dict):
        container, key = r.value, rng.choice(list(r.value))
    old = container.pop(key)
    name = rng.choice([None, key.upper(), key + "[]", f" {key}", f"{key}\0", "", "__proto__", "x" * 5000, "\ud83d", "user_id", "state"])
    if name is not None:
        container[name] = old
    r.body = json.dumps(r.value).encode()


def json_twice(rng, world, r):
    """The same name twice."""
    name = rng.choice(list(r.value))
    more = f", {json.dumps(name)}: {json.dumps(rng.choice(ODD[:8]))}}}"
    r.body = (json.dumps(r.value)[:-1] + more).encode()


def json_deep(rng, world, r):
    """More levels than anybody needs."""
    n = rng.choice([8, 9, 10, 100, 5000])
    opening, closing = rng.choice([("[", "]"), ('{"a":', "}")])
    inner = opening * n + "1" + closing * n
    r.body = (inner if rng.random() < 0.3 else json.dumps({**r.value, rng.choice(list(r.value)): "@@"}).replace('"@@"', inner)).encode()


def json_text(rng, world, r):
    """What is no JSON, or not quite."""
    text = json.dumps(r.value)
    r.body = rng.choice([
        b"", b" ", b"{", b"}", b"[]", b"null", b'"x"', b"1", b"{}", b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16"), text.encode("utf-32"),
        text.encode() * 2, text.encode() + b"x", text.encode() + b"\0", text.replace('"', "'").encode(), (text[:-1] + ",}").encode(),
        b"/* c */" + text.encode(), b" " * 5000 + text.encode(), text.replace(":", "=").encode(), b"\0" * 50, b"NaN", b"-", b'{"a":\xff}',
        b'{"email":"\\ud800\\u0000\\q"}', b'{"email":"\xed\xa0\x80"}', b'{"email":"\xc0\xaf","password":"\xf4\x90\x80\x80"}', b"[" * 60_000])


# Pairs


def pairs(rng, world, r):
    """Another value, name or order; or what is no pair."""
    name = rng.choice(list(r.value))
    more = rng.choice([{name: rng.choice(ODD)}, {name: ""}, {name + "[]": "x"}, {"x": "y"}])
    text = urllib.parse.urlencode({**r.value, **more}, errors="replace")
    r.body = rng.choice([text, text + "&" + text, text.replace("=", ""), text + "&%zz=%", text + "&a=%ff%00", "&" * 500, text[::-1]]).encode()


# Forms


def form_name(rng, world, r):
    """A part whose name or file name plays tricks."""
    part = rng.choice(r.parts)
    trick = rng.choice(["../../etc/passwd", "a\0b", 'a"; name="b', "a" * 9000, "images[]", "images[0]", "image", "\xff\xfe", "", "..", "con.jpg",
                        "%00%2e%2e", "a;b=c", "\\", '\\"', "=?UTF-8?Q?a?=", "a\tb", "title"])
    if rng.random() < 0.5:
        part.name = trick
    else:
        part.filename = trick
    r.encode()


def form_head(rng, world, r):
    """A part with a head that is odd or missing."""
    name = rng.choice(r.parts).name
    rng.choice(r.parts).head = rng.choice([
        "", "Content-Type: text/plain" + CRLF, "Content-Disposition: form-data" + CRLF, f"Content-Disposition: attachment; name={name}" + CRLF,
        f'Content-Disposition: form-data; name="{name}"{CRLF}' * 2, f'content-disposition:form-data;name={name}' + CRLF,
        f'Content-Disposition: form-data; name="{name}"{CRLF}Content-Transfer-Encoding: base64{CRLF}',
        f'Content-Disposition: form-data; name="{name}"; filename*=UTF-8\'\'%00%ff{CRLF}', f"X: {'y' * 20_000}{CRLF}", "X: y" + CRLF * 1 + " folded" + CRLF,
        "".join(f"X-{i}: y{CRLF}" for i in range(500)), f'Content-Disposition: form-data; name="{name}', "\0: \0" + CRLF, ":" + CRLF])
    r.encode()


def form_parts(rng, world, r):
    """More parts, fewer, or others."""
    how = rng.choice(["many", "none", "twice", "nested", "images", "order"])
    if how == "many":
        r.parts = r.parts + [Part(f"a{i}", b"x") for i in range(rng.choice([40, 300]))]
    elif how == "none":
        r.parts = []
    elif how == "twice":
        r.parts = r.parts + [rng.choice(r.parts)]
    elif how == "nested":
        inner = f"--in{CRLF}Content-Disposition: file; filename=a{CRLF}{CRLF}x{CRLF}--in--".encode()
        r.parts = r.parts + [Part("images", inner, head=f'Content-Disposition: form-data; name="images"{CRLF}Content-Type: multipart/mixed; boundary=in{CRLF}')]
    elif how == "images":
        r.parts = r.parts + [Part("images", world.image(rng) if i < 3 else b"", "a.jpg") for i in range(rng.choice([36, 40]))]
    else:
        r.parts = r.parts[::-1]
    r.encode()


def form_boundary(rng, world, r):
    """A boundary that is missing, another, or odd; an end that does not come."""
    how = rng.choice(["missing", "empty", "other", "quoted", "long", "odd", "no end", "no blank line", "LF only", "preamble", "epilogue", "twice",
                      "inside"])
    body, line = r.body, f"--{BOUNDARY}".encode()
    types = {"missing": "", "empty": "; boundary=", "other": "; boundary=x", "quoted": f'; boundary="{BOUNDARY}', "long": f"; boundary={'x' * 200}",
             "odd": '; boundary="\0\xff "', "twice": f"; boundary=x; boundary={BOUNDARY}"}
    bodies = {"no end": body[:-len(line) - 6], "no blank line": body.replace(b"\r\n\r\n", b"\r\n"), "LF only": body.replace(b"\r\n", b"\n"),
              "preamble": b"x" * 9000 + b"\r\n" + body, "epilogue": body + b"x" * 9000, "inside": body.replace(line, line + b"x", 1)}
    if how in types:
        r.set("Content-Type", f"multipart/form-data{types[how]}")
    r.body = bodies.get(how, body)
    r.malformed |= how == "odd"


# Images


def png(width, height, depth, colour, data, interlace=0):
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)), (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks)


def spoilt_image(rng, good):
    """Bytes that are an image in part, or that say they are one."""
    at, other = rng.randrange(2, len(good)), rng.randrange(2, len(good))
    return rng.choice([
        lambda: good[:at], lambda: good[:-2], lambda: good[:3], lambda: b"", lambda: good[:at] + bytes([rng.randrange(256)]) + good[at + 1:],
        lambda: good[:at] + bytes(rng.randrange(256) for _ in range(16)) + good[at + 16:], lambda: good[:at] + good[other:], lambda: good + good,
        lambda: good + b"\0" * 5000, lambda: b"\0" + good, lambda: good[:20] + b"\xff" * 500, lambda: b"GIF89a" + good[6:],
        lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", lambda: b"%PDF-1.4", lambda: b"RIFF\x10\0\0\0WEBPVP8 ", lambda: b"\xff\xd8\xff\xd9",
        lambda: b"\xff\xd8" + b"\xff\xe1\xff\xff" * 200, lambda: png(1, 1, 8, 2, b"\0\0\0\0"), lambda: png(0, 0, 8, 2, b""),
        lambda: png(16385, 1, 8, 2, b"\0" * 100), lambda: png(1 << 31, 1 << 31, 16, 6, b""), lambda: png(2000, 2000, 8, 2, b"\0" * 100),
        lambda: png(2000, 2000, 16, 6, b"", 1), lambda: png(9, 9, 3, 9, b"\0" * 99), lambda: png(64, 48, 8, 2, b"\7" * 193 * 48),
        lambda: png(64, 48, 8, 3, b"\0" * 65 * 48)])()


def image_in_form(rng, world, r):
    """One of the form's images is spoilt."""
    files = [p for p in r.parts if p.filename is not None]
    if files:
        rng.choice(files).data = spoilt_image(rng, world.image(rng))
    r.encode()


def image_alone(rng, world, r):
    """The body that is an image is spoilt."""
    r.body = spoilt_image(rng, world.image(rng))


# Bytes


def cut(rng, world, r):
    """The body ends early, and says so."""
    r.body = r.body[:rng.randrange(len(r.body))]


def flipped(rng, world, r):
    """A few bytes of the body are others."""
    body = bytearray(r.body)
    for _ in range(rng.choice([1, 1, 2, 8])):
        body[rng.randrange(len(body))] = rng.randrange(256)
    r.body = bytes(body)


def noise(rng, world, r):
    """Bytes without sense."""
    r.body = bytes(rng.randrange(256) for _ in range(rng.choice([1, 100, 3000])))


def swollen(rng, world, r):
    """As much as a small route takes, or a little more."""
    r.body = r.body + b" " * (rng.choice([4096, 65536, 70_000, 131_072]) - len(r.body) % 4096)
