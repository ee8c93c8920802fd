"""More flows: the second factor of the sign-in, and sessions that are ended from another one, or because there are too many."""

import os
import uuid

from world import told  # first: it knows where the next ones are

from authenticator import App, begin, enrol, finish  # isort: skip
from flows import Flow, state, until_done  # isort: skip
from helpers import expect  # isort: skip

TOTP, SESSIONS = "/api/v1/auth/totp", "/api/v1/auth/sessions"


def counts(world, s):
    """(recovery codes, mails by template, activity by what, sessions) of the user."""
    id = uuid.UUID(s.user.id).bytes

    def by(column, table):
        return {r["k"]: r["n"] for r in world.stack.sql(f"SELECT {column} AS k, COUNT(*) AS n FROM {table} WHERE user_id = %s GROUP BY 1", id)}
    return (world.count("SELECT COUNT(*) AS n FROM recovery_codes WHERE user_id = %s", id), by("template", "mail_outbox"),
            by("what", "activity"), world.count("SELECT COUNT(*) AS n FROM sessions WHERE user_id = %s", id))


def is_on(world, s):
    return world.count("SELECT COUNT(*) AS n FROM user_totp WHERE user_id = %s AND enabled_at_us IS NOT NULL", uuid.UUID(s.user.id).bytes) == 1


def as_told(s, happened):
    assert {"done": happened, "nothing": not happened, "unknown": True}[s.told.how], (happened, s.told)


def signs_in(world, s, app):
    """A sign-in always helps, with the next code that the app shows."""
    def call():
        return begin(s.user, s.user.web, code=app.next())
    assert until_done(call).how == "done"


# --- switching it on


def enable_ready(world):
    user = world.user()
    expect(begin(user, world.stack.client(Origin=world.stack.url)), 200)  # from another browser
    return state(user=user, app=App(world.stack, expect(user.web.post(TOTP), 200)["data"]["secret"]))


def enable_act(world, s):
    s.told = told(lambda: s.user.web.post(f"{TOTP}/confirm", json={"code": s.app.shows()}))


def enable_right(world, s):
    """With ten codes, a mail, a line in the activity and the end of the other session, or not at all."""
    codes, mails, done, sessions = counts(world, s)
    on = is_on(world, s)
    as_told(s, on)
    assert (codes, mails.get("totp_enabled", 0), done.get("totp_enabled", 0), sessions) == ((10, 1, 1, 1) if on else (0, 0, 0, 2))
    if not on:
        assert until_done(lambda: s.user.web.post(f"{TOTP}/confirm", json={"code": s.app.shows()})).how == "done"
    signs_in(world, s, s.app)


# --- switching it off


def on_ready(world):
    user = world.user()
    app, codes = enrol(user)
    return state(user=user, app=app, codes=codes)


def disable_act(world, s):
    s.told = told(lambda: s.user.web.delete(TOTP))


def disable_right(world, s):
    codes, mails, done, _ = counts(world, s)
    on = is_on(world, s)
    as_told(s, not on)
    assert (codes, mails.get("totp_disabled", 0), done.get("totp_disabled", 0)) == ((10, 0, 0) if on else (0, 1, 1))
    if on:
        signs_in(world, s, s.app)
        assert until_done(lambda: s.user.web.delete(TOTP)).how == "done"
    expect(begin(s.user), 200)


# --- signing in with a code


def code_ready(world):
    s = on_ready(world)
    s.token = expect(begin(s.user), 202)["data"]["sign_in_token"]
    s.code = s.app.next()
    s.before = counts(world, s)
    return s


def code_act(world, s):
    s.client = world.stack.client(Origin=world.stack.url)
    s.told = told(lambda: finish(world.stack, s.token, s.code, s.client))


def code_right(world, s):
    """A session, a line in the activity and a code that is used up, or none of them."""
    _, _, done, sessions = counts(world, s)
    in_ = sessions - s.before[3]
    as_told(s, in_ == 1)
    assert in_ in (0, 1) and done["signed_in"] - s.before[2]["signed_in"] == in_
    if s.told.how == "done":
        expect(s.client.get("/api/v1/me"), 200)
    if in_ == 0:
        assert until_done(lambda: finish(world.stack, s.token, s.code)).how == "done", "the code was not used up"
    expect(finish(world.stack, s.token, s.code), 401, "sign_in_ended")
    signs_in(world, s, s.app)


def recovery_act(world, s):
    s.code = s.codes[0]
    code_act(world, s)


def recovery_right(world, s):
    codes, mails, done, _ = counts(world, s)
    used = 10 - codes
    assert used in (0, 1) and mails.get("recovery_code_used", 0) == used == done.get("recovery_code_used", 0)
    as_told(s, used == 1)
    code_right(world, s)


# --- ending the other sessions


def others_ready(world):
    user = world.user()
    second = world.stack.client(Origin=world.stack.url)
    expect(begin(user, second), 200)
    return state(user=user, second=second)


def others_act(world, s):
    s.told = told(lambda: s.user.web.delete(SESSIONS))


def others_right(world, s):
    ended = s.second.get("/api/v1/me").status_code == 401
    as_told(s, ended)
    assert counts(world, s)[2].get("sessions_ended", 0) == ended
    expect(s.user.web.get("/api/v1/me"), 200)
    assert until_done(lambda: s.user.web.delete(SESSIONS)).how == "done"
    expect(s.second.get("/api/v1/me"), 401)


# --- a sign-in by a user who has as many sessions as one may have


def cap_of(user):
    return next(c["limit"] for c in expect(user.web.get("/api/v1/me"), 200)["data"]["caps"] if c["name"] == "sessions")


OF_COOKIE = "token_hash = UNHEX(SHA2(%s, 256))"


def cookie_of(client):
    return client.cookies["__Host-session"]


def capped_ready(world):
    """The session that was not used for longest has a browser."""
    user = world.user()
    second = world.stack.client(Origin=world.stack.url)
    expect(begin(user, second), 200)
    s, id = state(user=user, second=second, cap=cap_of(user)), uuid.UUID(user.id).bytes
    for _ in range(s.cap - 2):
        world.stack.sql("INSERT INTO sessions (id, token_hash, user_id, user_state, created_at_us, last_seen_at_us, expires_at_us)"
                        " SELECT %s, %s, user_id, user_state, created_at_us, last_seen_at_us, expires_at_us FROM sessions"
                        " WHERE user_id = %s LIMIT 1", uuid.uuid4().bytes, os.urandom(32), id)
    world.stack.sql(f"UPDATE sessions SET last_seen_at_us = last_seen_at_us - 30000000 WHERE {OF_COOKIE}", cookie_of(second))
    s.before = counts(world, s)
    return s


def capped_act(world, s):
    s.client = world.stack.client(Origin=world.stack.url)
    s.told = told(lambda: begin(s.user, s.client))


def capped_right(world, s):
    """One ends and another begins, and the activity has both; or neither."""
    _, _, done, sessions = counts(world, s)
    in_ = done["signed_in"] - s.before[2]["signed_in"]
    as_told(s, in_ == 1)
    assert in_ in (0, 1) and done.get("session_ended", 0) == in_ and sessions == s.before[3] == s.cap
    assert world.count(f"SELECT COUNT(*) AS n FROM sessions WHERE {OF_COOKIE}", cookie_of(s.second)) == (not in_)
    if s.told.how == "done":
        expect(s.client.get("/api/v1/me"), 200)
    assert until_done(lambda: begin(s.user)).how == "done"
    assert counts(world, s)[3] == s.cap
    expect(s.second.get("/api/v1/me"), 401)


OF_SECOND = [
    Flow("totp enable", ("auth",), enable_ready, enable_act, enable_right),
    Flow("totp disable", ("auth",), on_ready, disable_act, disable_right),
    Flow("sign in with a code", ("auth",), code_ready, code_act, code_right),
    Flow("recovery code", ("auth",), code_ready, recovery_act, recovery_right),
    Flow("end sessions", ("auth",), others_ready, others_act, others_right),
    Flow("too many sessions", ("auth",), capped_ready, capped_act, capped_right),
]
