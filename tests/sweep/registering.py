"""More flows: registering, and the mailed link that makes the user."""

import uuid

from world import told  # first: it knows where the next ones are

import users  # isort: skip
from flows import Flow, state, until_done  # isort: skip
from helpers import expect  # isort: skip


def rows_of(world, s, table):
    return world.count(f"SELECT COUNT(*) AS n FROM {table} WHERE email_key = %s", s.body["email"])


def mails_of(world, s):
    return world.count("SELECT COUNT(*) AS n FROM mail_outbox WHERE template = 'verify_email' AND subject_id IN"
                       " (SELECT id FROM registrations WHERE email_key = %s)", s.body["email"])


def register(s):
    return told(lambda: s.web.post("/api/v1/auth/register", json=s.body))


def verify(s):
    return told(lambda: s.web.post("/api/v1/auth/verify-email", json={"token": s.token, "password": s.body["password"]}))


def register_ready(world):
    """Nobody sends the mails: the link is made by the test."""
    world.hold("worker-mail")
    return state(web=world.stack.client(Origin=world.stack.url), body={
        "email": f"{uuid.uuid4().hex}@example.com", "password": "correct horse battery"})


def register_act(world, s):
    s.told = register(s)


def is_user(world, s):
    """There is one, and nothing is left that could make another."""
    expect(s.web.post("/api/v1/auth/login", json=s.body), 200)
    assert (rows_of(world, s, "users"), rows_of(world, s, "registrations")) == (1, 0)
    assert world.count("SELECT COUNT(*) AS n FROM one_time_tokens") == 0
    assert world.count("SELECT COUNT(*) AS n FROM activity WHERE what = 'registered'") == 1


def register_right(world, s):
    n = rows_of(world, s, "registrations")
    assert n in {"done": (1,), "nothing": (0,), "unknown": (0, 1)}[s.told.how], (n, s.told)
    assert mails_of(world, s) == n, "no registration is without its mail"
    assert rows_of(world, s, "users") == 0
    assert until_done(lambda: s.web.post("/api/v1/auth/register", json=s.body)).how == "done"
    s.token = users.add_link(world.stack.sql, s.body["email"])
    assert verify(s).how == "done"
    is_user(world, s)


def verify_ready(world):
    s = register_ready(world)
    for _ in range(2):  # the link of one ends the other
        assert register(s).how == "done"
    s.token = users.add_link(world.stack.sql, s.body["email"])
    return s


def verify_act(world, s):
    s.told = verify(s)


def verify_right(world, s):
    n = rows_of(world, s, "users")
    assert n in {"done": (1,), "nothing": (0,), "unknown": (0, 1)}[s.told.how], (n, s.told)
    again = until_done(lambda: s.web.post("/api/v1/auth/verify-email", json={"token": s.token, "password": s.body["password"]}))
    assert (again.how, again.code) == (("refused", "link_invalid") if n else ("done", None)), again
    is_user(world, s)


REGISTERING = [
    Flow("register", ("auth",), register_ready, register_act, register_right),
    Flow("verify email", ("auth",), verify_ready, verify_act, verify_right),
]
