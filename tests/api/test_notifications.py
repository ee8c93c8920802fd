"""What a user is told by mail and can switch off: in the dashboard, and by the link in a mail."""

import concurrent.futures
import hashlib
import secrets
import uuid

import pytest
from helpers import expect
from mailing import Queued

ALL_ON = {"post_failed": True, "approval_waiting": True, "key_expiring": True}
FORM = {"List-Unsubscribe": "One-Click"}
DAY = 86400


def shown(user):
    return expect(user.web.get("/api/v1/me/notifications"), 200)["data"]


def changed(user, **to):
    return expect(user.web.patch("/api/v1/me/notifications", json=to), 200)["data"]


def noted(user):
    """How often the user's activity says so."""
    return user.stack.sql("SELECT COUNT(*) AS n FROM activity WHERE user_id = %s AND what = 'notifications_changed'",
                          uuid.UUID(user.id).bytes)[0]["n"]


def test_all_are_on_until_they_are_switched_off(user, other):
    assert shown(user) == ALL_ON
    assert changed(user, post_failed=False) == {**ALL_ON, "post_failed": False} == shown(user)
    assert changed(user, key_expiring=False, post_failed=True) == {**ALL_ON, "key_expiring": False} == shown(user)
    assert shown(other) == ALL_ON and noted(other) == 0
    assert noted(user) == 1, "two within ten minutes are one"


def test_what_changes_nothing_is_not_noted(user):
    assert changed(user) == ALL_ON and changed(user, post_failed=True) == ALL_ON
    assert noted(user) == 0


@pytest.mark.parametrize("body, code", [
    ({"post_failed": "no"}, "wrong_type"), ({"post_failed": None}, "wrong_type"), ({"post_failed": 0}, "wrong_type"),
    ({"password_changed": False}, "unknown_field"), ({"": False}, "unknown_field")])
def test_wrong_fields(user, body, code):
    expect(user.web.patch("/api/v1/me/notifications", json=body), 422, code)
    assert shown(user) == ALL_ON


def test_a_wrong_field_spoils_the_others(user):
    expect(user.web.patch("/api/v1/me/notifications", json={"post_failed": False, "x": 1}), 422, "unknown_field")
    assert shown(user) == ALL_ON


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"post_failed": false, "post_failed": false}', b"\xff"])
def test_no_object(user, body):
    answer = user.web.patch("/api/v1/me/notifications", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    assert shown(user) == ALL_ON


def test_only_for_a_session(user, stack):
    for method, more in (("GET", {}), ("PATCH", {"json": {"post_failed": False}})):
        expect(user.api.request(method, "/api/v1/me/notifications", **more), 403, "session_required")
        expect(stack.client().request(method, "/api/v1/me/notifications", **more), 401, "unauthenticated")
    answer = user.web.patch("/api/v1/me/notifications", json={"post_failed": False}, headers={"Origin": "https://evil.example"})
    expect(answer, 403, "cross_origin")
    expect(user.web.get("/api/v1/me/notifications?x=1"), 422, "unknown_field")
    assert shown(user) == ALL_ON


def test_of_many_at_once_none_is_lost(user, stack):
    def change(kind):
        web = stack.client(Origin=stack.url)
        web.cookies.update(user.web.cookies)
        return web.patch("/api/v1/me/notifications", json={kind: False}).status_code
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        assert set(pool.map(change, list(ALL_ON) * 3)) == {200}
    assert not any(shown(user).values()) and noted(user) == 1


# --- by the link in a mail


@pytest.fixture
def link(user, stack):
    """The token of a mail to the user that has gone out."""
    mail = Queued(stack, user, "post_failed", count=1, about='"x"')
    mail.wait()
    return mail.letter().token


def unsubscribe(stack, token, **more):
    """As a mail provider does: without a cookie, and from nowhere."""
    return stack.client().post("/api/v1/mail/unsubscribe", params={"token": token}, **(more or {"data": FORM}))


def test_one_click(user, other, stack, link):
    for _ in range(3):  # a provider that is not sure sends it again
        assert expect(unsubscribe(stack, link), 200)["data"] == {"notification": "post_failed"}
    assert shown(user) == {**ALL_ON, "post_failed": False} and shown(other) == ALL_ON
    assert noted(user) == 1
    changed(user, post_failed=True)
    expect(unsubscribe(stack, link), 200)  # a link is good for as long as it says
    assert shown(user)["post_failed"] is False


def test_one_click_as_a_multipart_form(user, stack, link):
    expect(unsubscribe(stack, link, files={"List-Unsubscribe": (None, "One-Click")}), 200)
    assert shown(user)["post_failed"] is False


def test_from_a_page_of_somebody_else(user, stack, link):
    """The token is all that counts."""
    expect(unsubscribe(stack, link, data=FORM, headers={"Origin": "https://mail.example"}), 200)


def test_the_mails_own_header_works(user, stack):
    mail = Queued(stack, user, "approval_waiting", count=1, about='"x"')
    mail.wait()
    message = mail.letter().message
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = message["List-Unsubscribe"].strip("<>")
    assert url.startswith(stack.url + "/api/v1/mail/unsubscribe?token=")
    assert expect(stack.client().post(url, data=message["List-Unsubscribe-Post"],
                                      headers={"Content-Type": "application/x-www-form-urlencoded"}), 200)["data"] == {
        "notification": "approval_waiting"}
    assert shown(user)["approval_waiting"] is False


def test_mail_about_the_account_has_no_such_header(user, stack):
    mail = Queued(stack, user, "password_changed", at="2026-01-01T00:00:00Z")
    mail.wait()
    assert "List-Unsubscribe" not in mail.letter().message


def test_nothing_happens_without_the_form(user, stack, link):
    for more in ({"data": b""}, {"data": {"x": "y"}}, {"data": {"List-Unsubscribe": "no"}}, {"data": {"list-unsubscribe": "One-Click"}},
                 {"files": {"x": (None, "One-Click")}}):
        answer = unsubscribe(stack, link, headers={"Content-Type": "application/x-www-form-urlencoded"} if "data" in more else None, **more)
        expect(answer, 422, "required")
    expect(unsubscribe(stack, link, json=FORM), 415, "unsupported_media_type")
    expect(unsubscribe(stack, link, data=b"--b", headers={"Content-Type": "multipart/form-data; boundary=b"}), 400)
    expect(unsubscribe(stack, link, data=b"x" * 20000, headers={"Content-Type": "application/x-www-form-urlencoded"}), 413)
    assert shown(user) == ALL_ON


def test_a_get_changes_nothing(user, stack, link):
    """A scanner opens links; a person is led to a page with a button."""
    answer = stack.client().get("/api/v1/mail/unsubscribe", params={"token": link}, allow_redirects=False)
    assert answer.status_code == 303 and answer.headers["Location"] == f"/unsubscribe#{link}"
    page = stack.client().get("/unsubscribe")
    assert page.status_code == 200 and '<script src="/unsubscribe.js"' in page.text
    assert stack.client().get("/unsubscribe.js").status_code == 200
    for token in ("", "a b", "a\r\nX-Y: z", "é", "x" * 101, "a/../b", "a#b"):
        expect(stack.client().get("/api/v1/mail/unsubscribe", params={"token": token}, allow_redirects=False), 400, "link_invalid")
    assert shown(user) == ALL_ON


def token_of(stack, purpose, subject, seconds=DAY):
    """A token that the database knows."""
    token = secrets.token_hex(20)
    stack.sql("INSERT INTO one_time_tokens SELECT %s, %s, %s, created_at_us, created_at_us + %s FROM users LIMIT 1",
              hashlib.sha256(token.encode()).digest(), purpose, subject, seconds * 1_000_000 * 10_000)
    return token


def test_tokens_that_are_none(user, stack, link):
    own = uuid.UUID(user.id).bytes
    bad = ["", "x", link[:-1], link + "0", link.swapcase(), " " + link, "ü" * 43, "x" * 5000,
           token_of(stack, "reset_password", own), token_of(stack, "unsubscribe", own), token_of(stack, "unsubscribe", uuid.uuid4().bytes)]
    for token in bad:
        expect(unsubscribe(stack, token), 400, "link_invalid")
    expect(stack.client().post("/api/v1/mail/unsubscribe", data=FORM), 400, "link_invalid")
    expect(stack.client().post(f"/api/v1/mail/unsubscribe?token={link}&token={link}", data=FORM), 422, "repeated_field")
    expect(stack.client().post(f"/api/v1/mail/unsubscribe?token={link}&x=1", data=FORM), 422, "unknown_field")
    assert shown(user) == ALL_ON


def test_a_mail_about_the_account_is_no_reason(user, stack):
    mail = Queued(stack, user, "password_changed", at="2026-01-01T00:00:00Z")
    mail.wait()
    expect(unsubscribe(stack, token_of(stack, "unsubscribe", mail.id.bytes)), 400, "link_invalid")
    assert shown(user) == ALL_ON


def test_a_link_ends_with_its_mail(user, stack, link):
    stack.move_clock(91 * DAY)
    expect(unsubscribe(stack, link), 400, "link_invalid")


def test_the_token_is_in_no_log(user, stack, link):
    expect(unsubscribe(stack, link), 200)
    stack.client().get("/api/v1/mail/unsubscribe", params={"token": link})
    stack.wait(lambda: "/api/v1/mail/unsubscribe" in stack.log("access"), "nginx has logged it")
    for log in stack.at.log.glob("*.log"):
        assert link not in log.read_text(errors="replace"), log


# --- what is switched off is not sent


@pytest.mark.parametrize("why", ["switched off", "disabled", "undeliverable"])
def test_a_mail_that_is_not_wanted_any_more_is_dropped(user, stack, why):
    """At the moment of sending: it may have waited for the mail server for days."""
    with stack.stopped("worker-mail"):
        mail = Queued(stack, user, "post_failed", count=1, about='"x"')
        about_account = Queued(stack, user, "password_changed", at="2026-01-01T00:00:00Z")
        if why == "switched off":
            changed(user, post_failed=False)
        else:
            stack.sql("UPDATE users SET " + {"disabled": "state = 'disabled'", "undeliverable": "undeliverable_at_us = 1"}[why]
                      + " WHERE id = %s", uuid.UUID(user.id).bytes)
    mail.wait("dropped")
    if why != "disabled":
        about_account.wait("sent")
    assert mail.jobs() == []
