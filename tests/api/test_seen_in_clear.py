"""A key that comes over plain HTTP is revoked; nothing of the answer says whether it was one."""

import base64
import concurrent.futures
import secrets
import uuid

import pytest
import requests
from helpers import expect
from test_key_changes import got, patch
from test_key_expiry import expiring
from test_keys import BASE62, LIMIT, checksum, listed, made, with_key
from test_nginx import json_error, raw, request_line
from test_recent_auth import COOKIE, OVERLAP
from test_rotation import rotate, rotated
from test_strangers import spool  # noqa: F401  (a fixture)

# covers: POST /internal/seen_in_clear


def no_key():
    """One that nobody has, of the right shape."""
    text = "mk_live_" + "".join(secrets.choice(BASE62) for _ in range(43))
    return text + checksum(text)


def in_clear(stack, authorization, method="GET", path="/api/v1/me", **more):
    headers = {} if authorization is None else {"Authorization": authorization}
    return requests.request(method, stack.http_url + path, headers=headers, allow_redirects=False, **more)


def is_revoked(stack, key):
    stack.wait(lambda: with_key(stack, key["key"]).status_code == 401, "the key is revoked")
    expect(with_key(stack, key["key"]), 401, "key_seen_in_clear")


def test_a_live_key_is_revoked_and_its_owner_sees_why(user, stack):
    key, untouched = made(user), made(user)
    expect(with_key(stack, key["key"]), 200)
    expect(in_clear(stack, f"Bearer {key['key']}"), 403, "https_required")
    is_revoked(stack, key)
    shown = {k["id"]: k for k in listed(user)["data"]}
    assert shown[key["id"]]["revoked_reason"] == "seen_in_clear" and shown[key["id"]]["revoked_at"]
    assert shown[untouched["id"]]["revoked_reason"] is shown[untouched["id"]]["revoked_at"] is None
    assert got(user, key) == shown[key["id"]]
    expect(with_key(stack, untouched["key"]), 200)
    assert '"event":"key_seen_in_clear"' in stack.log("keys") and key["key"] not in stack.log("keys")


def test_it_can_only_be_deleted_then(user, stack):
    key = made(user)
    in_clear(stack, f"Bearer {key['key']}")
    is_revoked(stack, key)
    expect(patch(user, key, name="x"), 409, "key_ended")
    expect(rotate(user, key), 409, "key_ended")
    assert user.web.delete(f"/api/v1/keys/{key['id']}").status_code == 204
    assert listed(user)["data"] == []
    expect(user.web.delete(f"/api/v1/keys/{key['id']}"), 404, "not_found")
    expect(with_key(stack, key["key"]), 401, "invalid_key")


@pytest.mark.parametrize("written", ["Bearer {}", "bearer   {}", "Basic {}", "{}", "Bearer {},", "Token token={}; x", "x{}x", "on {}",
                                     "on:{}"])
def test_however_it_is_written(user, stack, written):
    key = made(user)
    expect(in_clear(stack, written.format(key["key"])), 403, "https_required")
    is_revoked(stack, key)


@pytest.mark.parametrize("written", ["{}:", "{}", "name:{}", "mk:{}:x"])
def test_as_a_name_or_a_password(user, stack, written):
    """As curl -u sends it."""
    key = made(user)
    pair = base64.b64encode(written.format(key["key"]).encode()).decode()
    for code in (pair, pair.rstrip("=")):
        expect(in_clear(stack, f"Basic {code}"), 403, "https_required")
    is_revoked(stack, key)


@pytest.mark.parametrize("method, path", [
    ("GET", "/api/v1/me"), ("GET", "/api"), ("GET", "/api/"), ("HEAD", "/api/v1/posts"), ("POST", "/api/v1/uploads"),
    ("PUT", "/api/v1/x"), ("DELETE", "/api/v1/uploads/x"), ("PATCH", "/m/x/0"), ("OPTIONS", "/api/v1/me"), ("BREW", "/API/v1/")])
def test_whatever_was_asked(user, stack, method, path):
    key = made(user)
    answer = in_clear(stack, f"Bearer {key['key']}", method, path)
    assert answer.status_code == 403 and (method == "HEAD" or expect(answer, 403, "https_required"))
    is_revoked(stack, key)


def test_two_in_one_header(user, stack):
    keys = [made(user), made(user)]
    in_clear(stack, f"Bearer {keys[0]['key']}{keys[1]['key']}")
    for key in keys:
        is_revoked(stack, key)


def test_more_in_one_header_are_not_looked_at(user, stack):
    """A sender has a key, and perhaps the next one: made-up ones must not take the places of others."""
    keys = [made(user), made(user), made(user)]
    marker = made(user)
    in_clear(stack, "Bearer " + "".join(k["key"] for k in keys))
    in_clear(stack, f"Bearer {marker['key']}")
    for key in (*keys[:2], marker):
        is_revoked(stack, key)
    expect(with_key(stack, keys[2]["key"]), 200)


def test_more_than_there_are_places_for(user, stack):
    """All are made up, and nothing looks at them meanwhile; the log says that some were dropped, and the next one is noted."""
    key = made(user)
    logged = len(stack.log("keys"))
    with stack.stopped("mariadb"):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for _ in pool.map(lambda s: in_clear(stack, f"Bearer {s}"), [no_key() + no_key() for _ in range(160)]):
                pass
        stack.wait(lambda: '"event":"keys_in_clear_dropped"' in stack.log("keys")[logged:], "the log says so")
    in_clear(stack, f"Bearer {key['key']}")
    is_revoked(stack, key)


@pytest.mark.parametrize("body", [b"x", b"x" * (100 << 10), b"x" * (3 << 20)], ids=lambda b: str(len(b)))
@pytest.mark.parametrize("chunked", [False, True])
def test_with_a_body_that_nobody_keeps(user, stack, spool, body, chunked):  # noqa: F811
    spool.written()
    key = made(user)
    answer = in_clear(stack, f"Bearer {key['key']}", "POST", "/api/v1/uploads", data=iter([body]) if chunked else body)
    expect(answer, 403, "https_required")
    is_revoked(stack, key)
    assert spool.written() == {}


def test_an_old_secret_counts_too(user, stack):
    """Whoever has it may act with it; and the owner may not know which of the two was in use where."""
    key = made(user)
    new = rotated(user, key)
    in_clear(stack, f"Bearer {key['key']}")
    is_revoked(stack, key)
    expect(with_key(stack, new["key"]), 401, "key_seen_in_clear")


def test_a_secret_that_has_ended_revokes_nothing(user, stack):
    key, expired, gone = made(user), expiring(user, stack), made(user)
    new = rotated(user, key, overlap_sec=0)
    stack.move_clock(3601)
    assert user.web.delete(f"/api/v1/keys/{gone['id']}").status_code == 204
    marker = made_late(user)
    for secret in (key, expired, gone, marker):
        expect(in_clear(stack, f"Bearer {secret['key']}"), 403, "https_required")
    is_revoked(stack, marker)  # the last; so the others have been looked at
    expect(with_key(stack, new["key"]), 200)
    shown = {k["id"]: k["revoked_reason"] for k in listed(user)["data"]}
    assert shown == {key["id"]: None, expired["id"]: None, marker["id"]: "seen_in_clear"}


def made_late(user):
    user.confirm()
    return made(user)


def test_all_answers_are_alike(user, stack):
    """Byte for byte but for the request id, whatever the credential is."""
    def shape(answer):
        headers = {k: v for k, v in answer.headers.items() if k not in ("Date", "X-Request-Id")}
        return answer.status_code, headers, answer.text.replace(answer.headers["X-Request-Id"], "ID")

    key = made(user)
    credentials = [f"Bearer {key['key']}", f"Bearer {no_key()}", f"Bearer {key['key'][:-1]}", "Bearer x", None,
                   "Basic " + base64.b64encode(b"a:b").decode(), "x" * 4000]
    shapes = [shape(in_clear(stack, c)) for c in credentials]
    assert all(s == shapes[0] for s in shapes), shapes


def test_the_answer_does_not_wait_for_anybody(user, stack):
    """It comes while the program stands still, and what the program is told then is not lost."""
    key = made(user)
    stack.kill("keys", 19)
    try:
        for credential in (key["key"], no_key()):
            expect(in_clear(stack, f"Bearer {credential}", timeout=60), 403, "https_required")
    finally:
        stack.kill("keys", 18)
    is_revoked(stack, key)


def test_a_program_that_is_away_changes_no_answer(user, stack):
    """Its socket keeps the question for the next process."""
    key = made(user)
    with stack.stopped("keys"):
        for credential in (key["key"], no_key()):
            expect(in_clear(stack, f"Bearer {credential}"), 403, "https_required")
    is_revoked(stack, key)


def test_the_database_is_away_meanwhile(user, stack):
    key = made(user)
    with stack.stopped("mariadb"):
        expect(in_clear(stack, f"Bearer {key['key']}"), 403, "https_required")
    is_revoked(stack, key)


def test_many_at_once(user, stack):
    keys = [made(user) for _ in range(10)]
    sent = [k["key"] for k in keys] + [no_key() for _ in range(30)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for answer in pool.map(lambda s: in_clear(stack, f"Bearer {s}"), sent):
            expect(answer, 403, "https_required")
    for key in keys:
        is_revoked(stack, key)
    while len([k for k in listed(user, "?limit=100")["data"] if k["revoked_at"] is None]) < LIMIT:
        made(user)  # those that were revoked take no place


def test_nobody_asks_that_from_outside(user, stack):
    key, marker = made(user), made(user)
    for url in (stack.url, stack.http_url):
        answer = requests.post(url + "/internal/seen_in_clear", headers={"Authorization": f"Bearer {key['key']}"},
                               verify=str(stack.ca), allow_redirects=False)
        expect(answer, 404, "not_found")
    in_clear(stack, f"Bearer {marker['key']}")
    is_revoked(stack, marker)
    expect(with_key(stack, key["key"]), 200)


# Other ways in


def ways(stack):
    """{what: (port, path, host)} of plain HTTP that ends at the same refusal."""
    return {"tls port": (stack.https, "/api/v1/me", "localhost"), "tls port, a page": (stack.https, "/x", "localhost"),
            "tls port, another name": (stack.https, "/api/v1/me", "elsewhere.example"), "a page": (stack.http, "/nothing", "localhost"),
            "another name": (stack.http, "/", "elsewhere.example"), "sandbox": (stack.https, "/v2/user/info/", "sandbox.localhost"),
            "certificate": (stack.http, "/.well-known/acme-challenge/x", "localhost"),
            "certificate of another name": (stack.http, "/.well-known/acme-challenge/x", "elsewhere.example")}


WAYS = ["tls port", "tls port, a page", "tls port, another name", "a page", "another name", "sandbox", "certificate", "certificate of another name"]


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize("way", WAYS)
def test_a_key_that_comes_another_way(user, stack, way, method):
    key = made(user)
    port, path, host = ways(stack)[way]
    status, headers, body = raw(stack, request_line(f"{method} {path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {key['key']}",
                                                    "Content-Length: 5") + b"x=1&y", port, tls=False)
    assert status == 403
    if method != "HEAD":
        json_error(headers, body, "https_required")
    is_revoked(stack, key)


def ended_by_service(user):
    return user.stack.sql("SELECT COUNT(*) AS n FROM activity WHERE user_id = %s AND what = 'session_ended' AND by_whom = 'service'",
                          uuid.UUID(user.id).bytes)[0]["n"]


@pytest.mark.parametrize("way", ["api", *WAYS])
def test_a_session_ends(user, stack, way):
    """The other one does not."""
    second = stack.client(Origin=stack.url)
    expect(second.post("/api/v1/auth/login", json={"email": user.email, "password": user.password}), 200)
    port, path, host = {"api": (stack.http, "/api/v1/me", "localhost"), **ways(stack)}[way]
    cookie = f"Cookie: a=b; __Host-session={second.cookies['__Host-session']}"
    status, headers, body = raw(stack, request_line(f"GET {path} HTTP/1.1", f"Host: {host}", cookie), port, tls=False)
    assert status == 403
    json_error(headers, body, "https_required")
    stack.wait(lambda: second.get("/api/v1/me").status_code == 401, "it has ended")
    expect(user.web.get("/api/v1/me"), 200)
    assert '"event":"session_seen_in_clear"' in stack.log("keys")
    assert ended_by_service(user) == 1


@pytest.mark.parametrize("way", ["a page", "another name", "certificate"])
def test_a_scheme_that_reads_like_tls(user, stack, way):
    key = made(user)
    port, path, host = ways(stack)[way]
    lines = (f"POST {path} HTTP/1.1", f"Host: {host}", f"Authorization: on:{key['key']}", "Content-Length: 5")
    assert raw(stack, request_line(*lines) + b"x=1&y", port, tls=False)[0] == 403
    is_revoked(stack, key)


def signed_in(user):
    web = user.stack.client(Origin=user.stack.url)
    expect(web.post("/api/v1/auth/login", json={"email": user.email, "password": user.password}), 200)
    return web


def cookie_in_clear(stack, cookie):
    answer = requests.get(stack.http_url + "/api/v1/me", headers={"Cookie": f"{COOKIE}={cookie}"}, allow_redirects=False)
    expect(answer, 403, "https_required")


def test_the_cookie_before_counts_too(user, stack):
    """While it is good."""
    other, old = signed_in(user), user.web.cookies[COOKIE]
    user.confirm()
    cookie_in_clear(stack, old)
    stack.wait(lambda: user.web.get("/api/v1/me").status_code == 401, "the session has ended")
    expect(other.get("/api/v1/me"), 200)
    assert ended_by_service(user) == 1


def test_a_cookie_that_is_over_ends_nothing(user, stack):
    marker, old = signed_in(user), user.web.cookies[COOKIE]
    user.confirm()
    stack.move_clock(OVERLAP + 1)
    cookie_in_clear(stack, old)
    cookie_in_clear(stack, marker.cookies[COOKIE])
    stack.wait(lambda: marker.get("/api/v1/me").status_code == 401, "the last has ended; so the other one has been looked at")
    expect(user.web.get("/api/v1/me"), 200)


def test_files_for_certificates_need_no_tls(stack):
    file = stack.at.nginx / "acme" / ".well-known" / "acme-challenge" / "token"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("an answer")
    try:
        for host in ("localhost", "sandbox.localhost", "elsewhere.example"):  # also of a name that has no site yet
            answer = requests.get(stack.http_url + "/.well-known/acme-challenge/token", headers={"Host": host}, allow_redirects=False)
            assert (answer.status_code, answer.text) == (200, "an answer"), host
    finally:
        file.unlink()


def test_without_a_credential_pages_are_sent_on(stack):
    for headers in ({}, {"Cookie": "a=b"}, {"Cookie": "x__Host-session=1"}):
        assert requests.get(stack.http_url + "/connected.html", headers=headers, allow_redirects=False).status_code == 301
    expect(requests.get(stack.http_url + "/", headers={"Cookie": "__Host-session=x"}, allow_redirects=False), 403, "https_required")


def test_over_tls_nothing_is_revoked(user, stack):
    key, marker = made(user), made(user)
    for _ in range(3):
        expect(with_key(stack, key["key"]), 200)
    in_clear(stack, f"Bearer {marker['key']}")
    is_revoked(stack, marker)
    expect(with_key(stack, key["key"]), 200)
