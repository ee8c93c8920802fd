"""/.well-known/security.txt (RFC 9116) and change-password (W3C, A Well-Known URL for Changing Passwords)."""

import datetime
import re

from helpers import expect
from test_verification import page


def fields(text):
    return [tuple(line.split(": ", 1)) for line in text.splitlines()]


def test_security_txt_says_whom_to_tell_and_until_when(stack):
    with stack.configured("keys", security_contact="security@example.com, https://example.com/report",
                          security_policy="https://example.com/policy"):
        answer = stack.client().get("/.well-known/security.txt")
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        said = fields(answer.text)
        assert [f for f in said if f[0] != "Expires"] == [
            ("Contact", "mailto:security@example.com"), ("Contact", "https://example.com/report"),
            ("Policy", "https://example.com/policy"), ("Preferred-Languages", "en"),
            ("Canonical", f"{stack.url}/.well-known/security.txt")]
        ends = datetime.datetime.fromisoformat(dict(said)["Expires"].replace("Z", "+00:00"))
        left = ends - datetime.datetime.now(datetime.timezone.utc)
        assert datetime.timedelta(28) < left <= datetime.timedelta(30)
        stack.move_clock(90 * 86400)
        later = dict(fields(stack.client().get("/.well-known/security.txt").text))["Expires"]
        assert later > dict(said)["Expires"], "it does not go stale"


def test_without_a_contact_there_is_none(stack):
    with stack.configured("keys", security_contact=""):
        expect(stack.client().get("/.well-known/security.txt"), 404, "not_found")


def test_the_page_sends_the_address_and_needs_no_link():
    answer = {"status": 202, "body": {"data": {"status": "accepted"}}, "headers": {}}
    sent, said, *_ = page("", answer, withoutLink="")
    assert sent[3] == {"password": "typed"} and said == "DONE", "the fields of its form, and no token"
    sent, said, *_ = page("", answer)
    assert sent is None and "not complete" in said


def test_a_password_manager_is_sent_to_the_page(stack):
    answer = stack.client().get("/.well-known/change-password", allow_redirects=False)
    assert answer.status_code == 302 and answer.headers["Location"] == f"{stack.url}/change-password"
    page = stack.client().get(answer.headers["Location"])
    assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")
    action = re.search(r'action="([^"]+)"', page.text)[1]
    expect(stack.client(Origin=stack.url).post(action, json={"email": "nobody@example.com"}), 202)
    missing = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200"
    assert stack.client().get(missing).status_code == 404, "so that a password manager believes the other one"
