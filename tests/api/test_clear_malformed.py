"""A key that comes over plain HTTP is revoked: whatever else is wrong with the request, whoever else sends what, and whatever the
program that notes it is doing."""

import concurrent.futures
import contextlib

import pytest
import requests
from helpers import expect
from test_keys import made
from test_limits import begun, status_at
from test_logs import nginx, walls
from test_nginx import json_error, raw, request_line, waiting_connections, workers
from test_seen_in_clear import in_clear, is_revoked, no_key

LONG = "a" * 9000  # more than the programs take
TOO_LONG = "a" * 20000  # more than nginx takes

# What is wrong: (first line, headers after the key). nginx has read the key by then.
MALFORMED = {
    "long address": (f"GET /api/v1/me?{LONG} HTTP/1.1", "Host: localhost"),
    "long address of a page": (f"GET /{LONG} HTTP/1.1", "Host: localhost"),
    "long cookie": ("GET /api/v1/me HTTP/1.1", "Host: localhost", f"Cookie: a={LONG}"),
    "header that is too long": ("GET /api/v1/me HTTP/1.1", "Host: localhost", f"X-Long: {TOO_LONG}"),
    "TRACE": ("TRACE /api/v1/me HTTP/1.1", "Host: localhost"),
    "CONNECT": ("CONNECT /api/v1/me HTTP/1.1", "Host: localhost"),
    "no host": ("GET /api/v1/me HTTP/1.1",),
    "two hosts": ("GET /api/v1/me HTTP/1.1", "Host: localhost", "Host: localhost"),
    "transfer coding": ("POST /api/v1/keys HTTP/1.1", "Host: localhost", "Transfer-Encoding: nonsense"),
    "length": ("POST /api/v1/keys HTTP/1.1", "Host: localhost", "Content-Length: x"),
}


@pytest.mark.parametrize("port", ["http", "https"])
@pytest.mark.parametrize("what", MALFORMED)
def test_whatever_is_wrong_with_the_request(user, stack, what, port):
    key = made(user)
    line, *headers = MALFORMED[what]
    status, got, body = raw(stack, request_line(line, f"Authorization: Bearer {key['key']}", *headers), getattr(stack, port), tls=False)
    assert status == 403, body
    json_error(got, body, "https_required")
    assert "Allow" not in dict(got) and "Retry-After" not in dict(got)
    is_revoked(stack, key)


@pytest.mark.parametrize("what, status", [("long address", 414), ("long cookie", 431), ("header that is too long", 431), ("TRACE", 405),
                                          ("no host", 400)])
def test_without_a_credential_the_error_is_told(stack, what, status):
    line, *headers = MALFORMED[what]
    assert raw(stack, request_line(line, *headers), stack.http, tls=False)[0] == status


def test_what_comes_after_the_answer(user, stack):
    """The header has been refused when more of it comes: nginx has one answer, and goes on."""
    key, before = made(user), workers(stack)
    line, *headers = MALFORMED["header that is too long"]
    request = request_line(line, f"Authorization: Bearer {key['key']}", *headers)
    for _ in range(20):
        with contextlib.suppress(ConnectionError):  # it closes while more comes
            assert raw(stack, request * 4, stack.http, tls=False, to_end=True)[0] == 403
    is_revoked(stack, key)
    assert workers(stack) == before


# Whoever else sends what


def in_clear_to(it, key):
    return requests.get(f"http://localhost:{it.http}/api/v1/me", headers={"Authorization": f"Bearer {key}"})


def test_what_others_of_the_network_send(user, stack):
    """With a server's walls, made smaller: none of them counts what is asked about keys."""
    key = made(user)
    with nginx(stack, "emerg", [*walls(NETWORK_RATE="1r/m", CALLER_RATE="1r/m"), ("burst=200 nodelay", "burst=5 nodelay"),
                                ("burst=100 nodelay", "burst=5 nodelay")]) as it:
        for _ in range(20):
            expect(in_clear_to(it, no_key()), 403, "https_required")
        for _ in range(20):  # somebody who has read the key uses it as much as they may
            requests.get(f"{it.url}/api/v1/me", headers={"Authorization": f"Bearer {key['key']}"}, verify=str(stack.ca))
        expect(in_clear_to(it, key["key"]), 403, "https_required")
    is_revoked(stack, key)


def test_others_have_all_connections_of_the_network(user, stack):
    key = made(user)
    with nginx(stack, "emerg", walls(CONNECTIONS_AT_ONCE="2")) as it:
        held = [begun(it, path="/api/v1/auth/login", length="Content-Length: 1000") for _ in range(2)]
        stack.wait(lambda: status_at(it.https, "/") == 429, "they are counted")
        expect(in_clear_to(it, key["key"]), 403, "https_required")
        for connection in held:
            connection.close()
    is_revoked(stack, key)


# What the program is doing


def test_while_it_looks_whether_others_are_there(user, stack):
    """That takes seconds where somebody is silent."""
    def noted_meanwhile():
        """Whether that can be said: the look may have ended before."""
        key = made(user)
        with stack.frozen("media"), concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer = pool.submit(lambda: stack.client().get("/readyz"))
            stack.wait(lambda: answer.done() or waiting_connections(stack, "media") > 0, "it looks")
            in_clear(stack, f"Bearer {key['key']}")
            is_revoked(stack, key)
            return not answer.done()
    stack.wait(noted_meanwhile, "a key is revoked while it looks")


def test_it_dies_with_the_question(user, stack):
    """The next process is asked."""
    key, armed = made(user), stack.arm("clear.asked")
    expect(in_clear(stack, f"Bearer {key['key']}"), 403, "https_required")
    stack.wait(lambda: not armed.exists(), "it has died")
    is_revoked(stack, key)
