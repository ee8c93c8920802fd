"""Somebody knew the password: once the owner or an admin has done something about it, nothing of theirs works any more."""

import concurrent.futures
import uuid

import pytest
from authenticator import begin, enrol
from budgets import Agent, approve, post_of, refuse
from helpers import expect
from links import DAY, HOUR, MINUTE, activity, link, mails, sign_in
from mailing import Queued, wait_letter
from test_change_email import CONFIRM, NEW, UNDO, ask, change_to, changed, changes, follow, fresh, row_of
from test_keys import with_key
from test_password import change, forgot, reset, reset_link
from test_rotation import rotated
from test_usage import usage
from waiting import in_line, locked


def long_ago(user):
    """What the user has set up is older than what an undo takes away."""
    me = uuid.UUID(user.id).bytes
    user.stack.sql("UPDATE api_keys SET created_at_us = created_at_us - %s WHERE user_id = %s", 7 * DAY * 10**6, me)
    user.stack.sql("UPDATE user_totp SET enabled_at_us = enabled_at_us - %s WHERE user_id = %s", 7 * DAY * 10**6, me)


class Thief:
    """Is signed in as the user, and has asked for an address of their own."""

    def __init__(self, user):
        self.user, self.id, self.email = user, user.id, fresh("thief")
        self.stack = user.stack
        answer, self.web = sign_in(user.stack, user.email, user.password)
        expect(answer, 200)

    def asks(self):
        expect(ask(self, self.email), 202)
        return link(self.stack, "change_email", change_to(self, self.email))


def stolen(stack, user):
    return stack.client(Origin=stack.url, Cookie=f"__Host-session={user.web.cookies['__Host-session']}")


def admin(stack, user, *args):
    done = stack.admin("user", args[0], user.id, *args[1:])
    assert done.returncode == 0, done.stderr


def disable_and_enable(stack, user, thief):
    admin(stack, user, "disable")
    admin(stack, user, "enable")


def end_that_session(stack, user, thief):
    (there,) = [s["id"] for s in user.web.get("/api/v1/auth/sessions").json()["data"] if not s["current"]]
    expect(user.web.delete(f"/api/v1/auth/sessions/{there}"), 204)


AGAINST = {
    "change the password": lambda stack, user, thief: expect(change(user), 204),
    "reset the password": lambda stack, user, thief: expect(reset(stack, reset_link(stack, user)), 204),
    "end all other sessions": lambda stack, user, thief: expect(user.web.delete("/api/v1/auth/sessions"), 204),
    "end that session": end_that_session,
    "admin: reset-password": lambda stack, user, thief: admin(stack, user, "reset-password"),
    "admin: sessions --end": lambda stack, user, thief: admin(stack, user, "sessions", "--end"),
    "admin: disable, enable": disable_and_enable,
}


@pytest.mark.parametrize("what", AGAINST)
def test_a_change_of_address_that_waits_is_over(stack, user, what):
    thief = Thief(user)
    token = thief.asks()
    stack.wait(lambda: not stack.sql("SELECT 1 FROM mail_outbox WHERE user_id = %s AND template = 'change_email' AND state = 'queued'",
                                     uuid.UUID(user.id).bytes), "its mail has its link")
    AGAINST[what](stack, user, thief)
    for late in (token, link(stack, "change_email", change_to(user, thief.email))):  # the second: its mail was on the way
        expect(follow(stack, CONFIRM, late), 400, "link_invalid")
    assert row_of(user)["email"] == user.email
    assert len(stack.sql("SELECT 1 FROM one_time_tokens WHERE subject_id = %s", change_to(user, thief.email))) == 1, "of the late one alone"


def test_its_mail_is_not_sent_any_more(stack, user):
    thief = Thief(user)
    with stack.stopped("worker-mail"):
        thief.asks()
        expect(change(user), 204)
    mail = stack.sql("SELECT id FROM mail_outbox WHERE user_id = %s AND template = 'change_email'", uuid.UUID(user.id).bytes)[0]["id"]
    stack.wait(lambda: stack.sql("SELECT state FROM mail_outbox WHERE id = %s", mail)[0]["state"] == "dropped", "it is dropped")


def test_ones_own_sign_out_leaves_it(stack, user):
    expect(ask(user, new := fresh()), 202)
    expect(user.web.post("/api/v1/auth/logout"), 204)
    expect(follow(stack, CONFIRM, link(stack, "change_email", change_to(user, new))), 200)


@pytest.mark.parametrize("same", [False, True])
@in_line
def test_asked_for_while_the_password_is_changed(stack, user, same):
    """The request is in when its session ends, or, where the cookie was stolen, when that gets another token."""
    thief = Thief(user)
    if same:
        thief.web = stolen(stack, user)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with locked(stack, user) as waits:
            done = pool.submit(change, user)
            waits(1)
            asked = pool.submit(ask, thief, thief.email)
            waits(2)
        expect(done.result(), 204)
        expect(asked.result(), 401, "session_expired")
    assert changes(user) == [] and mails(stack, user, "change_email") == []


def test_undoing_gives_the_account_back_and_not_only_the_address(stack, user):
    mine = expect(user.web.post("/api/v1/keys", json={"name": "mine"}), 201)["data"]
    old = user.key
    long_ago(user)
    undo = changed(user, fresh("thief"))
    enrol(user)
    theirs = expect(user.web.post("/api/v1/keys", json={"name": "theirs"}), 201)["data"]
    new = rotated(user, mine, overlap_sec=3600)
    for key in (old, theirs["key"], new["key"], mine["key"]):
        expect(with_key(stack, key), 200)
    expect(follow(stack, UNDO, undo), 200)
    for key in (theirs["key"], new["key"], mine["key"]):
        expect(with_key(stack, key), 401)
    expect(with_key(stack, old), 200)
    assert not stack.sql("SELECT 1 FROM user_totp WHERE user_id = %s", uuid.UUID(user.id).bytes)
    letter = wait_letter(stack, user.email, "is the address of your account again")
    assert letter.page == "reset-password" and "stays as it is" not in letter.text
    expect(reset(stack, letter.token), 204)
    answer, user.web = sign_in(stack, user.email, NEW)
    expect(answer, 200)
    assert len(activity(user, "totp_disabled")) == 1
    assert {a["about"] for a in activity(user, "key_revoked")} == {"mine", "theirs"}


KEPT = {
    "made": lambda web, key: web.post("/api/v1/keys", json={"name": "theirs"}),
    "rotated": lambda web, key: web.post(f"/api/v1/keys/{key['id']}/rotate", json={}),
    "more scopes": lambda web, key: web.patch(f"/api/v1/keys/{key['id']}", json={"scopes": ["posts:read", "posts:write"]}),
    "a wider budget": lambda web, key: web.patch(f"/api/v1/keys/{key['id']}", json={"budget": {"posts_per_day": 100}}),
}


def narrow(user):
    body = {"name": "mine", "scopes": ["posts:read"], "budget": {"posts_per_day": 1}}
    return expect(user.web.post("/api/v1/keys", json=body), 201)["data"]


def keys_of(stack, user):
    return stack.sql("SELECT * FROM api_keys LEFT JOIN key_budgets ON key_id = id WHERE user_id = %s ORDER BY id", uuid.UUID(user.id).bytes)


@pytest.mark.parametrize("what", KEPT)
@in_line
def test_a_key_that_is_asked_for_while_the_change_is_undone(stack, user, what):
    key = narrow(user)
    long_ago(user)
    undo, before = changed(user, fresh("thief")), keys_of(stack, user)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with locked(stack, user) as waits:
            done = pool.submit(follow, stack, UNDO, undo)
            waits(1)
            asked = pool.submit(KEPT[what], user.web, key)
            waits(2)
        expect(done.result(), 200)
        expect(asked.result(), 401, "session_expired")
    assert keys_of(stack, user) == before


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("what", KEPT)
@in_line
def test_a_key_that_is_asked_for_while_the_password_is_changed(stack, user, what, same):
    key, thief = narrow(user), Thief(user)
    if same:
        thief.web = stolen(stack, user)
    before = keys_of(stack, user)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with locked(stack, user) as waits:
            done = pool.submit(change, user)
            waits(1)
            asked = pool.submit(KEPT[what], thief.web, key)
            waits(2)
        expect(done.result(), 204)
        expect(asked.result(), 401, "session_expired")
    assert keys_of(stack, user) == before


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("decide", [approve, refuse])
@in_line
def test_a_post_that_is_decided_about_while_the_password_is_changed(stack, user, decide, same):
    post, thief = Agent(user, needs_approval=True).posted(user.connect()), Thief(user)
    if same:
        thief.web = stolen(stack, user)
    stack.wait(lambda: usage(user.web)["requests"] == 2, "the agent's use is written, which takes the user's lock, too")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with locked(stack, user, of=("auth", "posts")) as waits:
            done = pool.submit(change, user)
            waits(1)
            asked = pool.submit(decide, thief, post)
            waits(2)
        expect(done.result(), 204)
        expect(asked.result(), 401, "session_expired")
    assert [e["event"] for e in post_of(user, post["id"])["events"]] == ["submitted"]


@pytest.mark.parametrize("what", ["more scopes", "a wider budget"])
def test_undoing_revokes_keys_that_may_do_more(stack, user, what):
    keys = [narrow(user), narrow(user)]
    long_ago(user)
    undo = changed(user, fresh("thief"))
    for key, ask_for in zip(keys, (KEPT[what], lambda web, key: web.patch(f"/api/v1/keys/{key['id']}", json={"name": "renamed"}))):
        expect(ask_for(user.web, key), 200)
    expect(follow(stack, UNDO, undo), 200)
    assert [k["revoked_at_us"] is None for k in keys_of(stack, user)] == [False, True]
    expect(with_key(stack, keys[0]["key"]), 401)
    expect(with_key(stack, keys[1]["key"]), 200)


@pytest.mark.parametrize("earlier_sec", [0, 3 * DAY, 7 * DAY - MINUTE])
def test_what_was_set_up_shortly_before_the_change_goes(stack, user, earlier_sec):
    """A thief who knows of the undo sets up a code and a key first, and asks for the change afterwards."""
    app, _ = enrol(user)
    key = expect(user.web.post("/api/v1/keys", json={"name": "theirs"}), 201)["data"]["key"]
    stack.sql("UPDATE user_totp SET enabled_at_us = enabled_at_us - %s WHERE user_id = %s", earlier_sec * 10**6, uuid.UUID(user.id).bytes)
    stack.sql("UPDATE api_keys SET created_at_us = created_at_us - %s WHERE user_id = %s", earlier_sec * 10**6, uuid.UUID(user.id).bytes)
    undo = changed(user, fresh("thief"))
    expect(follow(stack, UNDO, undo), 200)
    expect(with_key(stack, key), 401)
    letter = wait_letter(stack, user.email, "is the address of your account again")
    expect(reset(stack, letter.token), 204)
    answer, user.web = sign_in(stack, user.email, NEW)
    assert expect(answer, 200)["data"]["email"] == user.email, "no code is asked for"
    assert len(activity(user, "totp_disabled")) == 1 and not mails(stack, user, "totp_disabled")


def test_a_code_of_long_before_the_change_stays(stack, user):
    """Whoever reads the old mailbox, which is why it was changed, does not get past it."""
    enrol(user)
    long_ago(user)
    expect(follow(stack, UNDO, changed(user, fresh("thief"))), 200)
    expect(reset(stack, reset_link(stack, user)), 204)
    user.password = NEW
    expect(begin(user), 202)


def test_no_mail_for_who_is_disabled(stack, user):
    undo = changed(user, fresh("thief"))
    admin(stack, user, "disable")
    before = mails(stack, user)
    expect(follow(stack, UNDO, undo), 200)
    assert mails(stack, user) == before


@pytest.mark.parametrize("what", ["change the password", "admin: reset-password"])
def test_a_mail_to_reset_the_password_that_is_still_queued(stack, user, what):
    """Whoever reads the mailbox asked for it, and it would bring a link that is made when it is sent."""
    with stack.stopped("worker-mail"):
        expect(forgot(stack, user.email), 202)
        other = Queued(stack, user, "totp_enabled")
        AGAINST[what](stack, user, None)
    other.wait()
    (row,) = stack.sql("SELECT * FROM mail_outbox WHERE user_id = %s AND template = 'reset_password'", uuid.UUID(user.id).bytes)
    assert row["state"] == "dropped" and row["ended_at_us"] is not None
    assert not stack.sql("SELECT 1 FROM one_time_tokens WHERE subject_id = %s AND purpose = 'reset_password'", uuid.UUID(user.id).bytes)


@in_line
def test_a_mail_that_is_about_to_get_its_link(stack, user):
    mail = Queued(stack, user, "reset_password", age_sec=-HOUR)  # its turn comes when it is let go
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with locked(stack, user, of=("auth", "worker_mail")) as waits:
            done = pool.submit(change, user)
            waits(1)
            stack.sql("UPDATE jobs_mail SET run_at_us = 1 WHERE subject_id = %s", mail.id.bytes)
            waits(2)
        expect(done.result(), 204)
    assert mail.wait("dropped")["tries"] == 0
    assert not stack.sql("SELECT 1 FROM one_time_tokens WHERE subject_id = %s AND purpose = 'reset_password'", uuid.UUID(user.id).bytes)
    stack.move_clock(2 * MINUTE)
    stack.wait(lambda: mail.jobs() == [], "its job is over")
