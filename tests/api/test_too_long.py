"""Addresses and headers that are too long get an answer, by HTTP/1 and by HTTP/2."""

import json
import subprocess

import pytest

FILLER = "~"  # not a letter: other tests send passwords and tokens of one letter, which no log may hold


def asked_with_curl(stack, version, path, *headers):
    """(status, body); status 0: the connection was ended."""
    out = subprocess.run(["curl", "-sS", version, "--cacert", stack.ca, "-m", "10", *(x for h in headers for x in ("-H", h)),
                          "-w", "\n%{http_code}", stack.url + path], capture_output=True, text=True)
    body, _, status = out.stdout.rpartition("\n")
    return int(status), body


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize("size", [8000, 9000, 15000])
@pytest.mark.parametrize("where", ["path", "query", "Cookie: a=", "Authorization: Bearer "])
def test_too_long_is_answered(stack, version, size, where):
    """As nginx would end a connection of HTTP/2 for it, and other requests with it."""
    path = {"path": "/api/v1/me/" + FILLER * size, "query": "/api/v1/me?" + FILLER * size}.get(where, "/api/v1/me")
    status, body = asked_with_curl(stack, version, path, *([] if where in ("path", "query") else [where + FILLER * size]))
    code = json.loads(body)["error"]["code"]
    if size == 8000:
        assert status in (400, 401, 404, 422), body
    else:
        assert (status, code) == ((414, "address_too_long") if where in ("path", "query") else (431, "headers_too_large"))


def test_what_nginx_has_no_room_for(stack):
    """HTTP/2 has no other way to say so than to end the connection (docs/api.md); test_own_errors has HTTP/1."""
    assert asked_with_curl(stack, "--http2", "/api/v1/me?" + FILLER * 40000)[0] == 0
    assert asked_with_curl(stack, "--http2", "/api/v1/me")[0] == 401
