"""A cookie is not enough: an unsafe request with one must come from our own pages."""

import pytest
import requests
from helpers import expect

FOREIGN = [
    {},  # says nothing: with a cookie that is refused
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "OURS.evil.example"},
    {"Origin": "OURS", "port": "+1"},
    {"Origin": "http-OURS"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},  # of no page at all: typed, a bookmark, an extension
    {"Sec-Fetch-Site": "nonsense"},
]

OWN = [{"Origin": "OURS"}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "OURS", "Sec-Fetch-Site": "same-origin"}]


def headers_of(stack, row):
    headers = dict(row)
    port = headers.pop("port", None)
    origin = headers.get("Origin", "").replace("http-OURS", stack.url.replace("https", "http"))
    if "Origin" in headers:
        headers["Origin"] = origin.replace("OURS", stack.url) + ("1" if port else "")
    return headers


def send(stack, user, method, path, headers, **kw):
    """As a browser would: the cookie comes along by itself."""
    cookies = {c.name: c.value for c in user.web.cookies}
    return requests.request(method, stack.url + path, headers=headers, cookies=cookies, verify=str(stack.ca), **kw)


def keys(user):
    return expect(user.web.get("/api/v1/keys?limit=100"), 200)["data"]


@pytest.mark.parametrize("row", FOREIGN, ids=str)
def test_foreign_pages_change_nothing(stack, user, row):
    user.key  # there is one that could be deleted
    before, headers = keys(user), headers_of(stack, row)
    expect(send(stack, user, "POST", "/api/v1/keys", headers, json={"name": "planted"}), 403, "cross_origin")
    expect(send(stack, user, "DELETE", f"/api/v1/keys/{before[0]['id']}", headers), 403, "cross_origin")
    expect(send(stack, user, "POST", "/api/v1/auth/logout", headers), 403, "cross_origin")
    assert keys(user) == before


@pytest.mark.parametrize("row", OWN, ids=str)
def test_own_pages_may(stack, user, row):
    expect(send(stack, user, "POST", "/api/v1/keys", headers_of(stack, row), json={"name": "mine"}), 201)


def test_reading_is_free(stack, user):
    for row in FOREIGN:
        expect(send(stack, user, "GET", "/api/v1/keys", headers_of(stack, row)), 200)


def test_no_cross_origin_permission_is_given(stack, user):
    answer = send(stack, user, "GET", "/api/v1/keys", {"Origin": "https://evil.example"})
    assert not any(name.lower().startswith("access-control-") for name in answer.headers)


def test_a_key_needs_no_origin(stack, user):
    headers = {"Authorization": f"Bearer {user.key}", "Origin": "https://agent.example"}
    expect(requests.get(stack.url + "/api/v1/me", headers=headers, verify=str(stack.ca)), 200)
    answer = requests.post(stack.url + "/api/v1/keys", json={"name": "x"}, headers=headers, verify=str(stack.ca))
    expect(answer, 403, "session_required")


def test_a_foreign_page_signs_nobody_in(stack, user):
    body = {"email": user.email, "password": user.password}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "none"}):
        for path in ("/api/v1/auth/login", "/api/v1/auth/register", "/api/v1/auth/verify-email",
                     "/api/v1/auth/resend-verification", "/api/v1/auth/resend-reset"):
            answer = requests.post(stack.url + path, json=body, headers=headers, verify=str(stack.ca))
            expect(answer, 403, "cross_origin")
            assert "Set-Cookie" not in answer.headers


def test_a_program_may_sign_in_without_origin(stack, user):
    body = {"email": user.email, "password": user.password}
    expect(requests.post(stack.url + "/api/v1/auth/login", json=body, verify=str(stack.ca)), 200)


def test_a_form_cannot_be_sent(stack, user):
    """A form of another page can send no application/json without asking first."""
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = requests.post(stack.url + "/api/v1/auth/login", data='{"email":"a@b.c","password":"x"}',
                               headers={"Content-Type": content_type}, verify=str(stack.ca))
        expect(answer, 415, "unsupported_media_type")
