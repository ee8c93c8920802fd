"""What is done to a plain request: one table, at the end. Rows that change what a body stands for come before those that
change its bytes, so that several fit together."""

import dataclasses
import gzip
import random
import typing

import bodies
from request import BIG, plain
from world import NOBODY

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "G\0T", "X" * 3000, "PRI", "", "_"]
SEGMENTS = ["..", ".", "", "%2e%2e", "%2E", "%00", "%", "%zz", "%ff%fe", "%c0%ae", "\xe4\xf6", "\x01", "\\..\\", "%2f", "x" * 300, "x" * 9000, "~", "{id}",
            "null", "-1", "0", "a b", "%20", ";x", "*", "'", "%0d%0aX:%20y", "019A0000-0000-7000-8000-000000000000", NOBODY + "0", NOBODY.replace("-", "")]
QUERIES = ["?", "??", "?%", "?%zz", "?a=%ff", "?a=%c0%80", "?limit=0", "?limit=101", "?limit=1e1", "?limit=+1", "?limit=99999999999999999999", "?limit=2&limit=3",
           "?cursor=", "?cursor=x", "?cursor=" + "A" * 6000, f"?cursor={NOBODY}", "?" + "&".join(f"a{i}=b" for i in range(400)), "?a[]=1", "?limit=\xff", "?=",
           "?limit", "?platform=tiktok", "?platform=%00", "?%00=1", "#x", "?state=x&code=y", "?error=access_denied&state=x", "?" + "x" * 9000]
HEADERS = [("X-Request-Id", "0" * 32), ("X-Forwarded-For", "127.0.0.1"), ("X-HTTP-Method-Override", "DELETE"), ("X-Original-URL", "/api/v1/keys"),
           ("X-Accel-Redirect", "/internal/store/x"), ("Range", "bytes=0-0"), ("Range", "bytes=5-2,-1"), ("Range", "bytes=" + "0-," * 900), ("If-Match", '"x"'),
           ("If-None-Match", "*"), ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"), ("If-Unmodified-Since", "nonsense"), ("If-Range", '"x"'),
           ("Accept", "text/html"), ("Accept", "*/*;q=\xff"), ("Accept-Encoding", "gzip, br"), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-origin"),
           ("Origin", "null"), ("Origin", "https://elsewhere.example"), ("Origin", "\xff"), ("Idempotency-Key", '"x"'), ("Idempotency-Key", "x" * 4000),
           ("Connection", "close, x"), ("Upgrade", "h2c"), ("Via", "1.1 x"), ("Max-Forwards", "0"), ("Expect", "100-continue"), ("Expect", "nonsense"),
           ("Proxy", "http://localhost/"), ("Forwarded", "for=x"), ("Host", "elsewhere.example"), ("Cookie", "a=b; ; =; \xff"), ("TE", "trailers"),
           ("Content-Language", "\xff"), ("Redirect-Status", "200"), ("Script-Name", "/x"), ("Content-Location", "/x"), ("User-Agent", "")]
TYPES = ["", "application/json; charset=utf-16", "application/json;", "APPLICATION/JSON", "application/jsonx", "text/plain", "multipart/form-data", "image/svg+xml",
         "application/x-www-form-urlencoded", "*/*", "\xff", "a" * 3000, "application/json, text/plain", 'multipart/form-data; boundary="', "application/json\tx"]
KEYS = ["Bearer", "Bearer ", "bearer  x", "Basic eDp5", "Bearer \xff\xfe", "Bearer mk_live_" + "0" * 49, "Bearer mk_live_", "Bearer a b", ", Bearer x", "\t",
        "Bearer act.0123456789abcdef0123456789abcdef", "Bearer " + "x" * 7000]
ENCODINGS = [["gzip, chunked"], ["chunked, chunked"], ["identity"], ["xchunked"], ["chunked", "chunked"], ["\x0bchunked"], ["chunked;q=1"], [""]]


# The head


def other_method(rng, world, r):
    r.method = rng.choice(METHODS)
    r.malformed |= not r.method.isalpha()


def odd_path(rng, world, r):
    segments = r.path.split("/")
    i = rng.randrange(1, len(segments))
    how = rng.choice(["replace", "insert", "append", "case", "encode", "double", "whole"])
    if how == "replace":
        segments[i] = rng.choice(SEGMENTS)
    elif how == "insert":
        segments.insert(i, rng.choice(SEGMENTS))
    elif how == "append":
        segments[-1] += rng.choice(SEGMENTS)
    elif how == "case":
        segments[i] = segments[i].upper()
    elif how == "encode":
        segments[i] = "".join(f"%{ord(c):02x}" for c in segments[i])
    r.path = "/".join(segments)
    if how == "double":
        r.path = r.path.replace("/", "//", rng.choice([1, 2, 99]))
    elif how == "whole":
        r.path = rng.choice(["/", "*", "", "/api", "/api/v1/", "/m", "/internal/store/x", f"/internal/authorize/{r.route['app']}", "/style.css/", "?", "/" + "a/" * 2000,
                             f"http://localhost{r.path}", f"http://elsewhere.example{r.path}", f"http://a:b@localhost{r.path}", "localhost:443", "//" + r.path])
    r.malformed |= not r.path.startswith("/")


def odd_query(rng, world, r):
    r.query = rng.choice(QUERIES) if rng.random() < 0.7 or not r.query else spoilt_query(rng, r.query)


def spoilt_query(rng, query):
    at = rng.randrange(1, len(query))
    return query[:at] + rng.choice(["%", "&", "=", "\xff", "%00", "%ff", ""]) + query[at + 1:]


def somebody_elses_id(rng, world, r):
    for resource, own in [*world.me.things.items(), *world.me.spare.items()]:
        r.path = r.path.replace(own, world.victim.things[resource])
        r.body = r.body.replace(own.encode(), world.victim.things[resource].encode())


def no_such_id(rng, world, r):
    for own in [*world.me.things.values(), *world.me.spare.values(), world.attempt]:
        r.path = r.path.replace(own, rng.choice([NOBODY, NOBODY.upper(), own[::-1], "0" * 36, own + "0", own[:-1], "%" + own]))


def one_more_header(rng, world, r):
    for name, value in rng.sample(HEADERS, rng.choice([1, 1, 2, 5])):
        r.headers.insert(rng.randrange(len(r.headers) + 1), (name, value))
        r.malformed |= name in ("Connection", "Upgrade", "TE", "Host")


def doubled_header(rng, world, r):
    name, value = rng.choice(r.headers)
    r.headers.append((name, rng.choice([value, "", "x"])))
    r.malformed |= name == "Host"


def spoilt_header(rng, world, r):
    i = rng.randrange(len(r.headers))
    name, value = r.headers[i]
    at = rng.randrange(len(value) + 1)
    r.headers[i] = rng.choice([(name, ""), (name, value[:at] + rng.choice(["\0", "\xff", "\x7f", "\t", ",", ";", '"', " "]) + value[at:]), (name, "x" * 7000),
                               (name, "x" * 40_000), (name + " ", value), ("", value), (name + "\0", value), (name.replace("-", "_"), value), (name.upper(), value),
                               (name, f" \t{value}\t "), (name, value + "\r" + value), ("\xff" + name, value)])
    r.malformed = True


def many_headers(rng, world, r):
    r.headers += [(f"X-{i}", "y" * 20) for i in range(rng.choice([50, 150, 3000]))]
    r.malformed = True


def other_type(rng, world, r):
    r.set("Content-Type", rng.choice(TYPES)) if rng.random() < 0.8 else r.remove("Content-Type")
    r.malformed |= "\t" in dict(r.headers).get("Content-Type", "")


# Who asks


def nobody(rng, world, r):
    for name in rng.choice([["Authorization", "Cookie"], ["Authorization", "Cookie", "Origin"], ["Origin"]]):
        r.remove(name)


def bad_key(rng, world, r):
    own = world.me.key
    r.set("Authorization", rng.choice([*KEYS, f"Bearer {own[:-1]}", f"Bearer {own[:-1]}{'a' if own[-1] != 'a' else 'b'}", f"Bearer {own}x", f"Bearer\t{own}", f"Bearer {own},"]))


def dead_credential(rng, world, r):
    if rng.random() < 0.5:
        r.set("Authorization", f"Bearer {world.dead_key}")
    else:
        r.remove("Authorization")
        r.set("Cookie", world.dead_cookie)


def anothers_credential(rng, world, r):
    rng.choice([world.with_key, world.with_session])(r, world.other)


def two_credentials(rng, world, r):
    own, others = world.me, world.other
    mine, theirs = world.cookie(r, own), world.cookie(r, others)
    r.owners |= {"me", "other"}
    r.headers += rng.choice([[("Authorization", f"Bearer {own.key}"), ("Authorization", f"Bearer {others.key}")], [("Authorization", f"Bearer {own.key} {others.key}")],
                             [("Cookie", f"{mine}; {theirs}")], [("Cookie", mine), ("Cookie", theirs)],
                             [("Authorization", f"Bearer {others.key}"), ("Cookie", mine)], [("Authorization", "x"), ("Cookie", mine)],
                             [("Cookie", f"__Host-session=x; {mine}")], [("Cookie", f"x{mine}")]])


def session_from_elsewhere(rng, world, r):
    world.with_session(r, world.me)
    r.remove("Authorization")
    r.remove("Origin")
    r.headers += rng.choice([[], [("Origin", "https://elsewhere.example")], [("Origin", "null")], [("Sec-Fetch-Site", "cross-site")], [("Origin", world.stack.url.upper())],
                             [("Sec-Fetch-Site", "none")], [("Origin", world.stack.url + ".example")], [("Origin", world.stack.url), ("Origin", "null")]])


# How the body is sent


def packed(rng, world, r):
    r.set("Content-Encoding", rng.choice(["gzip", "br", "deflate, gzip", "identity", "", "\xff"]))
    if rng.random() < 0.7:
        r.body = gzip.compress(r.body, mtime=0)


def chunked(rng, world, r):
    r.framing, r.malformed = "chunked", True


def other_coding(rng, world, r):
    """Another Transfer-Encoding, with and without a length: what it means for the body's end is for nginx to say."""
    r.headers += [("Transfer-Encoding", value) for value in rng.choice(ENCODINGS)]
    r.due, r.malformed = False, True


def untrue_length(rng, world, r):
    n = len(r.body)
    r.framing, r.length = "length", rng.choice([str(n + 1), str(n + 100_000), str(max(0, n - 1)), "0", "-1", f"+{n}", f"{n:#x}", "", str(1 << 64), f"{n}, {n}", "x", f"0{n}"])
    r.due, r.malformed = False, True


def no_length(rng, world, r):
    r.framing = "none"
    r.due = False


def beyond_the_limit(rng, world, r):
    """nginx refuses by the length alone."""
    r.framing, r.length = "length", str(r.route["body_max_bytes"] + (1 << 20))
    r.body, r.malformed = b"", True


def body_where_none_is(rng, world, r):
    r.body = rng.choice([b"{}", b"x" * 100, b"x" * 70_000, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"])
    r.set("Content-Type", "application/json")


# The connection


def older(rng, world, r):
    r.version = rng.choice(["1.0", "1.0", "1.2", "0.9", "2.0", "9.9", ""])
    r.malformed = True


def several(rng, world, r):
    r.copies = rng.choice([2, 3, 8])


def in_pieces(rng, world, r):
    r.pieces = rng.choice([2, 5, 20])


def half(rng, world, r):
    r.cut, r.leave, r.due = rng.random(), rng.choice(["close", "close", "reset"]), False


def in_the_clear(rng, world, r):
    """Without a credential: a key that came this way would be as good as public."""
    r.tls = False
    r.remove("Authorization")
    r.remove("Cookie")


def has_value(r):
    return isinstance(r.value, dict) and bool(r.value) and r.kind() == "application/json"


def has_pairs(r):
    return r.kind() == "application/x-www-form-urlencoded" and bool(r.value)


def has_form(r):
    return bool(r.parts)


def has_body(r):
    return len(r.body) > 1


def has_image(r):
    return has_body(r) and r.value is None and r.parts is None


def takes_body(r):
    return 0 < r.route["body_max_bytes"]


def takes_none(r):
    return r.route["body_max_bytes"] == 0


def has_credential(r):
    return r.route["auth"] in ("any", "session")


def is_light(r):
    """One user gets no more than a few at once of what takes long (lib/fcgi/turns.h)."""
    return r.route["cost"] == "light"


def any_request(r):
    return True


@dataclasses.dataclass
class Mutation:
    weight: int
    name: str
    fits: typing.Callable  # whether it can be done to this request
    do: typing.Callable  # do(rng, world, request)


MUTATIONS = [Mutation(*row) for row in [
    (8, "json: another value", has_value, bodies.json_value),
    (4, "json: another name", has_value, bodies.json_key),
    (2, "json: a name twice", has_value, bodies.json_twice),
    (2, "json: deep", has_value, bodies.json_deep),
    (4, "json: not quite", has_value, bodies.json_text),
    (20, "pairs", has_pairs, bodies.pairs),
    (4, "form: a name", has_form, bodies.form_name),
    (3, "form: a part's head", has_form, bodies.form_head),
    (3, "form: other parts", has_form, bodies.form_parts),
    (6, "form: an image", has_form, bodies.image_in_form),
    (4, "form: the boundary", has_form, bodies.form_boundary),
    (9, "image", has_image, bodies.image_alone),
    (2, "body: cut", has_body, bodies.cut),
    (3, "body: flipped", has_body, bodies.flipped),
    (1, "body: noise", takes_body, bodies.noise),
    (1, "body: swollen", takes_body, bodies.swollen),
    (2, "body: where none is", takes_none, body_where_none_is),
    (1, "body: packed", has_body, packed),
    (5, "method", any_request, other_method),
    (6, "path", any_request, odd_path),
    (4, "query", any_request, odd_query),
    (4, "somebody else's id", any_request, somebody_elses_id),
    (3, "no such id", any_request, no_such_id),
    (5, "header: one more", any_request, one_more_header),
    (2, "header: doubled", any_request, doubled_header),
    (3, "header: spoilt", any_request, spoilt_header),
    (1, "header: many", any_request, many_headers),
    (2, "header: type", takes_body, other_type),
    (3, "nobody", has_credential, nobody),
    (3, "bad key", has_credential, bad_key),
    (2, "dead credential", has_credential, dead_credential),
    (3, "another's credential", any_request, anothers_credential),
    (3, "two credentials", has_credential, two_credentials),
    (3, "session from elsewhere", has_credential, session_from_elsewhere),
    (3, "chunked", has_body, chunked),
    (1, "another coding", any_request, other_coding),
    (2, "untrue length", takes_body, untrue_length),
    (1, "no length", has_body, no_length),
    (1, "beyond the limit", takes_body, beyond_the_limit),
    (2, "older version", any_request, older),
    (2, "several at once", is_light, several),
    (2, "in pieces", any_request, in_pieces),
    (2, "half", any_request, half),
    (1, "in the clear", any_request, in_the_clear),
]]


def weight_of(world, route):
    """More for what takes a body, and most for what takes files; little for the simulator's."""
    weight = 6 if route["body_max_bytes"] > BIG else 2 if route["body_max_bytes"] > 0 else 1
    return weight if world.host_of(route) == "localhost" else weight / 5


def generate(world, seed, number):
    """The request of that seed and number, and the path that it had before it was changed. The same each time, but for the ids
    and keys of this world."""
    rng = random.Random(f"{seed}/{number}")
    route = rng.choices(world.routes, [weight_of(world, r) for r in world.routes])[0]
    r = plain(rng, world, route)
    path = r.path
    r.version = rng.choice(["1.1", "1.1", "2"])
    chosen = [m for m in MUTATIONS if m.fits(r)]
    wanted = rng.choices(range(len(chosen)), [m.weight for m in chosen], k=rng.choice([0, 1, 1, 1, 2, 2, 3]))
    for mutation in [chosen[i] for i in sorted(set(wanted))]:
        if mutation.fits(r):
            mutation.do(rng, world, r)
            r.said.append(mutation.name)
    if not r.tls and r.version == "2":
        r.version = "1.1"
    return r, path
