"""nginx's outer walls with a server's numbers: the stack's own are so wide that no test meets them."""

import pytest

from helpers import Client, expect
import images
from test_logs import nginx, upload_begun, walls


@pytest.fixture(scope="module")
def walled(stack):
    with nginx(stack, "emerg", walls(CALLER_RATE="1r/s")) as it:  # 50 a second could outrun a slow machine
        yield it


def refused(answer):
    error = expect(answer, 429, "rate_limited")["error"]
    assert error["retryable"] and answer.headers["Retry-After"] == "2"
    return True


def test_sign_ins_of_a_network(stack, walled):
    """20 at once and 2 a second; the rest of the API is open meanwhile."""
    client = Client(walled.url, stack.ca)
    answers = [client.post("/api/v1/auth/login", json={"email": "x@example.com", "password": "x" * 10}) for _ in range(80)]
    assert [a.status_code for a in answers[:20]] == [401] * 20
    limited = [a for a in answers if a.status_code == 429]
    assert limited and all(refused(a) for a in limited)
    expect(client.get("/api/v1/me"), 401, "unauthenticated")


def test_uploads_at_once_of_a_key(stack, walled, user, other):
    """Two at a time; another key's are not concerned, nor are reads; a place is free again when one ends."""
    client, stranger = (Client(walled.url, stack.ca, Authorization=f"Bearer {u.key}") for u in (user, other))
    held = [upload_begun(walled, user.key) for _ in range(2)]

    def third():
        return client.post("/api/v1/uploads", data=images.jpeg(64, 48))

    stack.wait(lambda: third().status_code == 429, "the two are there")
    refused(third())
    expect(stranger.post("/api/v1/uploads", data=images.jpeg(64, 48)), 201)
    expect(client.get("/api/v1/uploads"), 200)
    for connection in held:
        connection.close()
    stack.wait(lambda: third().status_code == 201, "a place is free again")


def test_requests_of_a_key(stack, walled, other):
    """100 at once, then as many as the rate allows; images for TikTok have no such wall."""
    client = Client(walled.url, stack.ca, Authorization=f"Bearer {other.key}")
    answers = [client.get("/api/v1/me") for _ in range(300)]
    assert [a.status_code for a in answers[:100]] == [200] * 100
    limited = [a for a in answers if a.status_code == 429]
    assert limited and all(refused(a) for a in limited)
    nobody = Client(walled.url, stack.ca)
    assert {nobody.get("/m/01a203f4-f8bd-7e8a-a70b-bd6f0e352b1b/0").status_code for _ in range(300)} == {404}
