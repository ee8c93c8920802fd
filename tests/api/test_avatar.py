"""An account's picture, as TikTok has it now: for its owner, by its bytes, within limits, and kept nowhere."""

import uuid

import pytest
from helpers import expect
from test_last_word import Transport

AVATAR = "/avatar/"


def at(stack, account, url):
    stack.sql("UPDATE accounts SET avatar_url = %s WHERE id = %s", url, uuid.UUID(account).bytes)


def ask(api, account):
    return api.get(f"/api/v1/accounts/{account}/avatar")


@pytest.mark.parametrize("who", ["api", "web"])
def test_its_owner_sees_it(user, account, who):
    answer = ask(getattr(user, who), account)
    assert answer.status_code == 200 and answer.content.startswith(b"\x89PNG") and answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Cache-Control"] == "private, no-store" and answer.headers["X-Content-Type-Options"] == "nosniff"


def test_nobody_else_does(user, other, account):
    expect(ask(other.web, account), 404, "not_found")
    expect(ask(other.api, account), 404, "not_found")


def test_of_a_test_account(stack, user):
    api = stack.client(Authorization=f"Bearer {user.make_key('x', mode='test')['key']}")
    account = expect(api.post("/api/v1/sandbox/accounts", json={}), 201)["data"]["id"]
    assert ask(api, account).content.startswith(b"\x89PNG")
    at(stack, account, f"{stack.sandbox_url}.example/avatar/x")
    expect(ask(api, account), 404, "not_found")


@pytest.mark.parametrize("url", [None, "", "http://localhost/x", "file:///etc/passwd", "//localhost/x"])
def test_no_address_to_fetch_from(stack, user, account, url):
    at(stack, account, url)
    expect(ask(user.api, account), 404, "not_found")


@pytest.fixture(scope="module")
def tiktok(stack):
    with Transport(stack) as tiktok, tiktok.used_by("tiktok", tiktok_interactive_timeout_sec=1):
        yield tiktok


@pytest.mark.parametrize("kind, status, code", [
    ((200, "<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"), 503, "tiktok_unreachable"),
    ((200, "GIF89a"), 503, "tiktok_unreachable"), ((200, ""), 503, "tiktok_unreachable"), ((200, "x" * (1 << 21)), 503, "tiktok_unreachable"),
    ((302, ""), 503, "tiktok_unreachable"), ((500, ""), 503, "tiktok_unreachable"), ((403, ""), 404, "not_found"), ((404, ""), 404, "not_found"),
    ("hang", 503, "tiktok_unreachable"), ("drop", 503, "tiktok_unreachable"), ("cut", 503, "tiktok_unreachable")])
def test_what_is_none(stack, user, account, tiktok, kind, status, code):
    at(stack, account, f"{tiktok.url}{AVATAR}{uuid.uuid4().hex}")
    tiktok.fault(AVATAR, kind)
    answer = ask(user.api, account)
    assert expect(answer, status, code)["error"]["retryable"] == (status == 503)
    assert "svg" not in answer.text


def test_private_addresses(stack, user, account):
    """What TikTok names must be on the internet, unless the server is told otherwise."""
    with stack.configured("tiktok", tiktok_allow_private_addresses="no"):
        at(stack, account, "https://127.0.0.1:1/x")
        expect(ask(user.api, account), 503, "tiktok_unreachable")
