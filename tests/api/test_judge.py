"""What judges the answers to hostile requests (tests/hostile/judge.py) finds what it is there to find."""

import gzip
import json
import pathlib
import sys
import types

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "hostile"))

import judge  # noqa: E402
from request import Request  # noqa: E402
from wire import Answer  # noqa: E402

ID, VICTIMS = "0" * 32, "019a0000-0000-7000-8000-00000000000a"
ROUTE = {"method": "GET", "pattern": "/api/v1/posts/{id}", "auth": "any"}
WORLD = types.SimpleNamespace(
    people=[types.SimpleNamespace(name=n, word=f"{n}word") for n in ("me", "victim")],
    victim=types.SimpleNamespace(things={"posts": VICTIMS}),
    errors={c: {"status": s, "type": t} for c, s, t in (("not_found", 404, "not_found"), ("invalid_key", 401, "authentication"),
                                                       ("method_not_allowed", 405, "invalid_request"))})


def error(code, **changes):
    return {"error": {"code": code, "type": WORLD.errors.get(code, {"type": "x"})["type"], "message": "m", "param": None, "retryable": False,
                      "details": [], "platform_error": None, **changes}, "meta": {"request_id": ID}}


def faults(status, body, path="/api/v1/posts/x", ids=(ID,), kind="application/json", headers=(), method="GET", owners=("me",)):
    request = Request(ROUTE, "localhost", method, path, owners=set(owners))
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = [*(("x-request-id", i) for i in ids), ("content-type", kind), *headers]
    return judge.faults(WORLD, request, [Answer(status, headers, text)])


DATA = {"data": {"name": "meword"}, "meta": {"request_id": ID}}
ZIPPED = [("content-encoding", "gzip")]


@pytest.mark.parametrize("good", [
    lambda: faults(200, DATA), lambda: faults(404, error("not_found")), lambda: faults(204, b""),
    lambda: faults(401, error("invalid_key"), headers=[("www-authenticate", "Bearer")]),
    lambda: faults(404, b"<html>", "/page", kind="text/html"), lambda: faults(404, error("not_found"), f"/api/v1/posts/{VICTIMS}"),
    lambda: faults(200, b"", method="HEAD"), lambda: faults(200, gzip.compress(json.dumps(DATA).encode()), headers=ZIPPED),
    lambda: faults(200, b"", method="HEAD", headers=ZIPPED)])
def test_what_is_right_is_no_fault(good):
    assert good() == []


@pytest.mark.parametrize("fault, bad", [
    ("a fault of the server's", lambda: faults(500, error("internal_error"))),
    ("X-Request-Id", lambda: faults(200, DATA, ids=())),
    ("X-Request-Id", lambda: faults(200, DATA, ids=(ID, ID))),
    ("meta.request_id", lambda: faults(200, DATA, ids=("1" * 32,))),
    ("Content-Type", lambda: faults(404, b"<html>", kind="text/html")),
    ("Content-Type", lambda: faults(404, b"<html>", "//API/v1/../x", kind="text/html")),
    ("Content-Type", lambda: faults(404, b"<html>", "/%61pi/x", kind="text/html")),
    ("no JSON", lambda: faults(200, b"{")),
    ("no JSON", lambda: faults(200, b'{"data":NaN,"meta":{}}')),
    ("no JSON", lambda: faults(200, b'{"data":"\xff","meta":{}}')),
    ("has ['error', 'meta']", lambda: faults(200, error("not_found"))),
    ("has ['data', 'meta']", lambda: faults(404, DATA)),
    ("error has", lambda: faults(404, {"error": {"code": "not_found"}, "meta": {"request_id": ID}})),
    ("is not one of 404", lambda: faults(404, error("invalid_key"))),
    ("is not one of 404", lambda: faults(404, error("nonsense"))),
    ("error is", lambda: faults(404, error("not_found", retryable=None))),
    ("has a body", lambda: faults(204, b"x")),
    ("WWW-Authenticate", lambda: faults(401, error("invalid_key"))),
    ("Allow", lambda: faults(405, error("method_not_allowed"))),
    ("shows what belongs to victim", lambda: faults(404, error("not_found", message="victimword"))),
    ("shows what belongs to victim", lambda: faults(404, gzip.compress(json.dumps(error("not_found", message="victimword")).encode()), headers=ZIPPED)),
    ("cannot be read", lambda: faults(200, DATA, headers=ZIPPED)),
    ("cannot be read", lambda: faults(200, gzip.compress(json.dumps(DATA).encode())[:-4], headers=ZIPPED)),
    ("shows what belongs to me", lambda: faults(200, DATA, owners=())),
    ("shows what belongs to victim", lambda: faults(303, b"", headers=[("location", "/victimword")])),
    ("somebody else's", lambda: faults(200, DATA, f"/api/v1/posts/{VICTIMS}"))])
def test_what_is_wrong_is_named(fault, bad):
    assert any(fault in found for found in bad()), bad()
