"""What nginx never sends, straight to a program's socket: it is dropped at once, costs no thread and leaks nothing."""

import contextlib
import json
import random
import re

import pytest

from fastcgi import (ABORT, BEGIN, DATA, GET_VALUES, KEEP_CONNECTION, PARAMS, STDIN, Connection, begin, length_of, pair,
                     pairs, parameters, record, request, status)
from helpers import expect

THREADS = 8  # of a program (service.threads)
PARAMS_MAX = 64 << 10


@pytest.fixture(scope="module", autouse=True)
def unharmed(stack):
    """The process is the same one afterwards, all its threads answer, and its end tells of no leak."""
    pid = stack.pid("keys")
    yield
    assert stack.pid("keys") == pid
    with contextlib.ExitStack() as held:
        for _ in range(THREADS - 1):
            held.enter_context(Connection(stack, "keys")).give(begin())
        expect(stack.client().get("/api/v1/keys"), 401)
    stack.restart("keys")
    expect(stack.client().get("/api/v1/keys"), 401)
    assert "Sanitizer" not in stack.log("keys")


def answer_to(stack, data, end=False):
    with Connection(stack, "keys") as connection:
        connection.give(data)
        if end:
            with contextlib.suppress(OSError):
                connection.shutdown(1)
        return connection.rest()


def test_a_whole_request(stack):
    data, _ = request(parameters())
    assert status(answer_to(stack, data)) == 401


def test_without_a_request_id(stack):
    """It gets one, with which the log can be searched."""
    given = parameters()
    del given["REQUEST_ID"]
    answer = answer_to(stack, request(given)[0])
    assert status(answer) == 401
    made = re.search(rb'"request_id":"([0-9a-f]{32})"', answer)[1].decode()
    assert f'"request_id":"{made}"' in stack.log("keys") and "runtime error" not in stack.log("keys")


def test_get_cut_everywhere(stack):
    """No answer, and no look at the request, before the parameters are complete."""
    data, complete = request(parameters(HTTP_AUTHORIZATION="Bearer mk_live_nothing"))
    for at in range(len(data)):
        answer = answer_to(stack, data[:at], end=True)
        assert answer == b"" or (at >= complete and status(answer) in (400, 401)), at
        with Connection(stack, "keys") as connection:
            connection.give(data[:at])


def test_post_cut_everywhere(stack, user):
    """A key is made only once the whole body has come."""
    body = json.dumps({"name": "cut"}).encode()
    cookie = "; ".join(f"{c.name}={c.value}" for c in user.web.cookies)
    data, complete = request(parameters("POST", HTTP_COOKIE=cookie, HTTP_ORIGIN=stack.url, CONTENT_TYPE="application/json",
                                        CONTENT_LENGTH=str(len(body))), body)
    for at in range(complete):
        answer = answer_to(stack, data[:at], end=True)
        assert answer == b"" or status(answer) == 400, (at, answer)
    assert keys(user) == []
    assert status(answer_to(stack, data)) == 201
    assert keys(user) == ["cut"]


def test_post_without_a_length_cut_everywhere(stack, user):
    """Without Content-Length only the empty record says that the body is complete."""
    body = json.dumps({"name": "cut"}).encode()
    cookie = "; ".join(f"{c.name}={c.value}" for c in user.web.cookies)
    data, _ = request(parameters("POST", HTTP_COOKIE=cookie, HTTP_ORIGIN=stack.url, CONTENT_TYPE="application/json"), body)
    for at in range(len(data) - 40, len(data)):
        answer_to(stack, data[:at], end=True)
    assert keys(user) == []
    assert status(answer_to(stack, data)) == 201


def keys(user):
    return [k["name"] for k in expect(user.web.get("/api/v1/keys"), 200)["data"]]


HEAD = pairs(parameters())
GOOD = begin() + record(PARAMS, HEAD) + record(PARAMS)

BAD = {
    **{f"version {v}": record(BEGIN, b"\0\1" + bytes(6), version=v) for v in (0, 2, 255)},
    **{f"type {t} first": record(t, b"\0\1" + bytes(6)) for t in (0, ABORT, 3, PARAMS, STDIN, 6, DATA, 10, 11, 255)},
    **{f"role {r}": begin(role=r) for r in (0, 2, 3, 257, 65535)},
    **{f"begin of {n} bytes": record(BEGIN, b"\0\1" + bytes(n - 2)) for n in (2, 7, 9, 16, 65535)},
    "begin without content": record(BEGIN),
    "begin with padding": begin(padding=8),
    "request id 0": begin(request=0),
    "values asked": record(GET_VALUES, pair(b"FCGI_MAX_CONNS", b"") * 50, request=0),
    "a name with NUL": record(GET_VALUES, pair(b"\0A", b"x"), request=0),
    "values asked in between": begin() + record(PARAMS, HEAD) + record(GET_VALUES, pair(b"FCGI_MPXS_CONNS", b"") * 50,
                                                                     request=0),
    "unknown type of id 0": begin() + record(77, b"x" * 100, request=0),
    "begin twice": begin() + begin(),
    "two requests": begin() + begin(request=2) + record(PARAMS, HEAD, request=2) + record(PARAMS, HEAD),
    "multiplexed later": GOOD + begin(request=2),
    "abort": begin() + record(ABORT),
    "abort later": GOOD + record(ABORT),
    "parameters of another": begin() + record(PARAMS, HEAD, request=2),
    "end of another's parameters": begin() + record(PARAMS, HEAD) + record(PARAMS, request=2),
    "input of another": GOOD + record(STDIN, b"x", request=258),
    "input before parameters end": begin() + record(PARAMS, HEAD) + record(STDIN),
    "parameters after their end": GOOD + record(PARAMS, HEAD),
    "data": GOOD + record(DATA, b"x"),
    "padding of an empty record": begin() + record(PARAMS, HEAD) + record(PARAMS, padding=8),
    "padding of the last record": GOOD + record(STDIN, padding=255),
    "something after the end": GOOD + record(STDIN) + b"\1",
    "the next request too early": (begin(flags=KEEP_CONNECTION) + GOOD[16:] + record(STDIN)) * 2,
    "4 GiB of a name and its value": begin() + record(PARAMS, b"\xff\xff\xff\xff" * 2 + b"x" * 100),
    "2 GiB of a value": begin() + record(PARAMS, b"\1\xff\xff\xff\xff" + b"x" * 100),
    "a length too many": begin() + record(PARAMS, b"\1" + length_of(PARAMS_MAX) + b"x" * 100),
    "parameters end in a length": begin() + record(PARAMS, b"\1\xff\xff") + record(PARAMS),
    "parameters end before a value": begin() + record(PARAMS, b"\1\1A") + record(PARAMS),
    "parameters end after a name's length": begin() + record(PARAMS, b"\5") + record(PARAMS),
    "NUL in a name": begin() + record(PARAMS, pair(b"REQUEST\0METHOD", b"GET")),
    "a length that lies": begin() + record(PARAMS, HEAD, length=len(HEAD) + 100) + record(PARAMS) + GOOD * 2,
    "over 64 KiB in one": begin() + record(PARAMS, b"\1" + length_of(60000) + b"A" + b"x" * 60000)
        + record(PARAMS, b"\1" + length_of(6000) + b"A" + b"x" * 6000),
    "over 64 KiB in many": begin() + record(PARAMS, pair(b"A", b"") * 20000) * 2,
    "nothing but noise": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD)
def test_is_dropped(stack, name):
    """The connection is closed without our closing it, and without an answer. A second try meets the same."""
    for _ in range(2):
        assert answer_to(stack, BAD[name]) == b"" if not name.startswith("something") else True
    assert status(answer_to(stack, request(parameters())[0])) == 401


@pytest.mark.parametrize("name, data", [
    ("much padding", begin() + b"".join(record(PARAMS, HEAD[i:i + 1], padding=255) for i in range(len(HEAD)))
        + record(PARAMS) + record(STDIN)),
    ("many parameters", begin() + record(PARAMS, HEAD) + record(PARAMS, pair(b"A", b"") * 10000) + record(PARAMS) + record(STDIN)),
    ("64 KiB", begin() + record(PARAMS, HEAD + b"\1" + length_of(60000) + b"A" + b"x" * 60000) + record(PARAMS)
        + record(STDIN)),
    ("a large id", begin(request=65535) + record(PARAMS, HEAD, request=65535) + record(PARAMS, request=65535)
        + record(STDIN, request=65535)),
    ("an empty pair", begin() + record(PARAMS, pair(b"", b"") + HEAD) + record(PARAMS) + record(STDIN)),
])
def test_is_taken(stack, name, data):
    assert status(answer_to(stack, data)) == 401


@pytest.mark.parametrize("asked", [{}, {"method": "POST", "AUTHORIZE_ONLY": "1"}])
def test_kept_connections_are_kept(stack, asked):
    """Also when it is asked whether a body may come: nginx pools these, whatever the client's method is."""
    data, _ = request(parameters(**asked), flags=KEEP_CONNECTION)
    with Connection(stack, "keys") as connection:
        for _ in range(3):
            connection.sendall(data)
            answer = b""
            while not answer.endswith(record(3, bytes(8))):
                answer += connection.recv(65536)
            assert status(answer) == (403 if asked else 401)
        connection.give(record(GET_VALUES, pair(b"FCGI_MAX_CONNS", b"") * 50, request=0))
        assert connection.rest() == b""


def test_what_nginx_does_not_keep_is_closed_with_the_answer(stack):
    """It keeps the connections of GET and HEAD alone."""
    for method, body in (("POST", b"{}"), ("DELETE", None)):
        data, _ = request(parameters(method, "/api/v1/keys/x" if method == "DELETE" else "/api/v1/keys",
                                     **({"CONTENT_LENGTH": "2"} if body else {})), body, flags=KEEP_CONNECTION)
        with Connection(stack, "keys") as connection:
            connection.sendall(data)
            answer = connection.rest()
            assert status(answer) == 401 and answer.endswith(record(3, bytes(8)))


def test_noise(stack):
    """Valid requests with a few bytes changed: whatever comes of it, it comes to an end."""
    dice = random.Random(20)
    whole, _ = request(parameters("POST", CONTENT_LENGTH="2"), b"{}")
    for _ in range(500):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        answer_to(stack, bytes(data), end=True)
