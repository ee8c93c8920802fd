"""Sign-in, sign-out, /me, and the life of a session. Registering is in test_registration.py."""

import hashlib
import secrets

import pytest
import requests
import users
from helpers import expect

HOUR = 3600 * 10**6
MINUTE = 60 * 10**6
COOKIE = "__Host-session"


class Person:
    """A client without any history: an address nobody has, and no cookie."""

    def __init__(self, stack):
        self.stack = stack
        self.email = f"p{secrets.token_hex(8)}@example.org"
        self.password = "correct horse battery"

    def post(self, path, json=None, **kw):
        headers = {"Origin": self.stack.url, **kw.pop("headers", {})}
        return requests.post(self.stack.url + path, json=json, headers=headers, verify=str(self.stack.ca), **kw)

    def get(self, path, **kw):
        return requests.get(self.stack.url + path, verify=str(self.stack.ca), **kw)

    def join(self):
        """Has an account from now on."""
        users.add_user(self.stack.sql, self.email, self.password)
        return self

    def login(self, **changes):
        kw = {k: changes.pop(k) for k in ("cookies", "headers") if k in changes}
        return self.post("/api/v1/auth/login", {"email": self.email, "password": self.password, **changes}, **kw)

    def me(self, token):
        return self.get("/api/v1/me", cookies={COOKIE: token})

    def row(self):
        rows = self.stack.sql(f"SELECT * FROM users WHERE email_key = '{self.email.lower()}'")
        assert len(rows) == 1
        return rows[0]

    def session(self):
        rows = self.stack.sql("SELECT s.* FROM sessions s JOIN users u ON u.id = s.user_id "
                              f"WHERE u.email_key = '{self.email.lower()}'")
        assert len(rows) == 1
        return rows[0]

    def age_session(self, column, by_us):
        self.session()
        self.stack.sql(f"UPDATE sessions s JOIN users u ON u.id = s.user_id SET s.{column} = s.{column} - {by_us} "
                       f"WHERE u.email_key = '{self.email.lower()}'")

    def disable(self):
        """What the one statement of an admin does: the state and its copies."""
        for text in ("UPDATE users SET state = 'disabled'",
                     "UPDATE sessions s JOIN users u ON u.id = s.user_id SET s.user_state = 'disabled'",
                     "UPDATE api_keys k JOIN users u ON u.id = k.user_id SET k.user_state = 'disabled'"):
            self.stack.sql(f"{text} WHERE email_key = '{self.email.lower()}'")


@pytest.fixture
def person(stack):
    return Person(stack)


@pytest.fixture
def member(person):
    return person.join()


def token_of(response):
    return response.cookies[COOKIE]


# --- sign-in


@pytest.mark.parametrize("path, allow", [("/api/v1/auth/register", {"POST"}), ("/api/v1/auth/verify-email", {"POST"}),
                                         ("/api/v1/auth/resend-verification", {"POST"}), ("/api/v1/auth/login", {"POST"}),
                                         ("/api/v1/auth/resend-reset", {"POST"}), ("/api/v1/auth/forgot-password", {"POST"}),
                                         ("/api/v1/auth/logout", {"POST"})])
def test_wrong_method(person, path, allow):
    answer = person.get(path)
    expect(answer, 405, "method_not_allowed")
    assert {m.strip() for m in answer.headers["Allow"].split(",")} == allow


def test_cookie_has_every_protection(member):
    answer = member.login()
    name, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert name.startswith(COOKIE + "=") and len(name) == len(COOKIE) + 1 + 43
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} < set(attributes)
    assert not any(a.lower().startswith("domain") for a in attributes)
    (age,) = (int(a.removeprefix("Max-Age=")) for a in attributes if a.startswith("Max-Age="))
    session = member.session()
    assert session["expires_at_us"] - session["created_at_us"] == age * 10**6


def test_session_token_is_kept_as_hash_only(member):
    token = token_of(member.login())
    session = member.session()
    assert bytes(session["token_hash"]) == hashlib.sha256(token.encode()).digest()
    assert token not in str(session)


def test_login_unknown_and_wrong_answer_alike(member, stack):
    wrong = member.login(password="not the password")
    unknown = Person(stack).login()
    nonsense = member.login(email="not an address")
    errors = [expect(a, 401, "bad_credentials")["error"] for a in (wrong, unknown, nonsense)]
    assert errors[0] == errors[1] == errors[2]
    assert not any("Set-Cookie" in a.headers for a in (wrong, unknown, nonsense))


def test_login_address_in_any_case(member):
    expect(member.login(email=member.email.upper()), 200)


@pytest.mark.parametrize("tail", ["\0", "\0tail", "x"])
def test_login_with_what_bcrypt_would_cut(person, tail):
    person.password = "x" * 72
    person.join()
    expect(person.login(password=person.password + tail), 401, "bad_credentials")


def test_login_disabled_account_looks_like_a_wrong_password(member):
    token = token_of(member.login())
    member.disable()
    expect(member.login(), 401, "bad_credentials")
    expect(member.me(token), 403, "account_disabled")


def test_login_needs_both_fields(person):
    error = expect(person.post("/api/v1/auth/login", {}), 422, "required")["error"]
    assert [d["param"] for d in error["details"]] == ["email", "password"]


def test_login_ends_the_session_sent_along(member):
    first = token_of(member.login())
    second = token_of(member.login(cookies={COOKIE: first}))
    assert first != second
    expect(member.me(first), 401, "session_expired")
    expect(member.me(second), 200)


def test_failed_login_leaves_the_session_sent_along(member):
    token = token_of(member.login())
    expect(member.login(password="not the password", cookies={COOKIE: token}), 401, "bad_credentials")
    expect(member.me(token), 200)


def test_login_elsewhere_leaves_other_sessions(member):
    first, second = token_of(member.login()), token_of(member.login())
    expect(member.me(first), 200)
    expect(member.me(second), 200)


def test_login_with_a_garbled_cookie(member):
    expect(member.login(cookies={COOKIE: "garbage"}), 200)


# --- sign-out


def test_logout_ends_the_session(member):
    token = token_of(member.login())
    answer = member.post("/api/v1/auth/logout", cookies={COOKIE: token})
    assert answer.status_code == 204 and answer.content == b""
    name, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert name == COOKIE + "=" and {"Max-Age=0", "Path=/", "Secure"} <= set(attributes)
    expect(member.me(token), 401, "session_expired")
    expect(member.post("/api/v1/auth/logout", cookies={COOKIE: token}), 401, "session_expired")


def test_logout_needs_a_session(person, user):
    expect(person.post("/api/v1/auth/logout"), 401, "unauthenticated")
    expect(user.api.post("/api/v1/auth/logout"), 403, "session_required")


# --- sessions


def test_session_ends_when_idle(member):
    token = token_of(member.login())
    member.age_session("last_seen_at_us", 168 * HOUR - MINUTE)
    expect(member.me(token), 200)
    member.age_session("last_seen_at_us", 168 * HOUR + MINUTE)
    expect(member.me(token), 401, "session_expired")


def test_session_ends_in_any_case(member):
    token = token_of(member.login())
    member.age_session("expires_at_us", 720 * HOUR - MINUTE)
    expect(member.me(token), 200)
    member.age_session("expires_at_us", MINUTE)
    expect(member.me(token), 401, "session_expired")


def test_last_seen_is_written_by_the_minute(member):
    token = token_of(member.login())
    seen = member.session()["last_seen_at_us"]
    expect(member.me(token), 200)
    assert member.session()["last_seen_at_us"] == seen
    member.age_session("last_seen_at_us", 61 * 10**6)
    expect(member.me(token), 200)
    assert member.session()["last_seen_at_us"] >= seen


def test_login_removes_sessions_that_are_over(member):
    expect(member.login(), 200)
    member.age_session("expires_at_us", 721 * HOUR)
    over = bytes(member.session()["id"]).hex()

    def removed():
        expect(member.login(), 200)
        return not member.stack.sql(f"SELECT 1 FROM sessions WHERE id = x'{over}'")

    member.stack.wait(removed, "the old session's row to go")


@pytest.mark.parametrize("token", ["", "garbage", "A" * 43, "A" * 4000])
def test_unknown_session(person, token):
    expect(person.me(token), 401, "session_expired")


def test_two_session_cookies(member):
    token = token_of(member.login())
    header = {"Cookie": f"{COOKIE}={token}; {COOKIE}=planted"}
    expect(member.get("/api/v1/me", headers=header), 400, "bad_cookie")


# --- /me


def test_me_by_session(user):
    data = expect(user.web.get("/api/v1/me"), 200)["data"]
    assert data["id"] == user.id and data["email"] == user.email and data["key"] is None
    assert set(data) == {"id", "email", "email_undeliverable_since", "name", "created_at", "key", "limits", "caps"}


def test_me_by_key(user):
    data = expect(user.api.get("/api/v1/me"), 200)["data"]
    assert data["id"] == user.id and data["email"] is None
    assert set(data["key"]) == {"id", "name", "prefix", "mode", "scopes", "expires_at", "budget"}
    assert user.key.startswith(data["key"]["prefix"]) and len(data["key"]["prefix"]) == 12


def test_me_by_head(user):
    answer = user.web.head("/api/v1/me")
    assert answer.status_code == 200 and answer.content == b""


def test_me_needs_somebody(person):
    answer = person.get("/api/v1/me")
    expect(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_me_takes_no_query(user):
    assert expect(user.web.get("/api/v1/me?verbose=1"), 422, "unknown_field")["error"]["param"] == "verbose"


def test_no_secret_in_the_log(member, stack):
    token = token_of(member.login())
    expect(member.me(token), 200)
    log = stack.log("auth")
    assert "/api/v1/me" in log
    for secret in (member.password, token, member.email):
        assert secret not in log
