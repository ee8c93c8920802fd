"""More flows: what changes an API key, and the password that is typed again for it."""

from world import told  # first: it knows where the next ones are

from flows import Flow, state, until_done  # isort: skip
from helpers import expect  # isort: skip

OVERLAP_SEC = 20  # of the cookie before a confirmation (lib/model/user/session.h)


def keys_of(user):
    return [k["id"] for k in expect(user.web.get("/api/v1/keys"), 200)["data"]]


def key_create_ready(world):
    return state(user=world.user())


def key_create_act(world, s):
    s.told = told(lambda: s.user.web.post("/api/v1/keys", json={"name": "sweep"}))


def key_create_right(world, s):
    keys = keys_of(s.user)
    if s.told.how == "done":
        assert keys == [s.told.data["id"]]
        expect(world.stack.client(Authorization=f"Bearer {s.told.data['key']}").get("/api/v1/accounts"), 200)
    elif s.told.how == "nothing":
        assert keys == [], s.told
    else:
        assert s.told.how == "unknown" and len(keys) <= 1 and s.told.may_exist in (None, *keys, s.told.may_exist)
        assert s.told.may_exist is None or keys in ([], [s.told.may_exist])


def key_revoke_ready(world):
    user = world.user()
    assert user.key
    return state(user=user, id=keys_of(user)[0])


def key_revoke_act(world, s):
    s.told = told(lambda: s.user.web.delete(f"/api/v1/keys/{s.id}"))


def key_works(s):
    return s.user.api.get("/api/v1/accounts").status_code == 200


def key_revoke_right(world, s):
    revoked = keys_of(s.user) == []
    assert {"done": revoked, "nothing": not revoked, "unknown": True}[s.told.how], s.told
    if not revoked:
        assert key_works(s), "what was not revoked works"
        assert until_done(lambda: s.user.web.delete(f"/api/v1/keys/{s.id}")).how == "done"
    world.stack.wait(lambda: not key_works(s), "the key stops working", 5)


def key_rotate_ready(world):
    s = key_revoke_ready(world)
    s.prefix = s.user.key[:12]
    return s


def key_rotate_act(world, s):
    s.told = told(lambda: s.user.web.post(f"/api/v1/keys/{s.id}/rotate", json={}))


def key_rotate_right(world, s):
    """What is in use works on in any case, and the prefix says what became of it."""
    (key,) = expect(s.user.web.get("/api/v1/keys"), 200)["data"]
    rotated = key["prefix"] != s.prefix
    assert key["id"] == s.id and {"done": rotated, "nothing": not rotated, "unknown": True}[s.told.how], s.told
    assert key_works(s), "the secret that was in use works"
    last = until_done(lambda: s.user.web.post(f"/api/v1/keys/{s.id}/rotate", json={"overlap_sec": 0}))
    world.stack.wait(lambda: not key_works(s), "the old secret stops working", 5)
    expect(world.stack.client(Authorization=f"Bearer {last.data['key']}").get("/api/v1/accounts"), 200)


NARROW = {"scopes": ["posts:read"]}


def key_change_act(world, s):
    s.told = told(lambda: s.user.web.patch(f"/api/v1/keys/{s.id}", json=NARROW))


def key_change_right(world, s):
    key = expect(s.user.web.get(f"/api/v1/keys/{s.id}"), 200)["data"]
    narrowed = key["scopes"] == NARROW["scopes"]
    assert {"done": narrowed, "nothing": not narrowed, "unknown": True}[s.told.how], s.told
    if not narrowed:  # waits: the run before took it away, and was undone behind the programs' caches
        world.stack.wait(lambda: key_works(s), "what was not taken away is there", 5)
    assert until_done(lambda: s.user.web.patch(f"/api/v1/keys/{s.id}", json=NARROW)).how == "done"
    world.stack.wait(lambda: not key_works(s), "the key may no longer see the accounts", 5)
    expect(s.user.api.get("/api/v1/posts"), 200)


# --- the password again


def confirm_ready(world):
    user = world.user()
    return state(user=user, old=user.web.cookies["__Host-session"])


def confirm_act(world, s):
    s.told = told(lambda: s.user.web.post("/api/v1/auth/confirm", json={"password": s.user.password}))


def confirm_right(world, s):
    """The cookie before goes on for a moment, and then one is good, never two; who has lost theirs signs in."""
    def old():
        return world.stack.client(Cookie=f"__Host-session={s.old}").get("/api/v1/me").status_code
    assert old() == 200 and s.user.web.get("/api/v1/me").status_code == 200
    world.stack.move_clock(OVERLAP_SEC + 1)
    assert old() in {"done": (401,), "nothing": (200,), "unknown": (200, 401)}[s.told.how], (old(), s.told)
    assert s.user.web.get("/api/v1/me").status_code == (200 if s.told.how == "done" else old())
    body = {"email": s.user.email, "password": s.user.password}
    assert until_done(lambda: s.user.web.post("/api/v1/auth/login", json=body)).how == "done"


OF_KEYS = [
    Flow("key create", ("keys",), key_create_ready, key_create_act, key_create_right),
    Flow("key revoke", ("keys",), key_revoke_ready, key_revoke_act, key_revoke_right),
    Flow("key rotate", ("keys",), key_rotate_ready, key_rotate_act, key_rotate_right),
    Flow("key change", ("keys",), key_revoke_ready, key_change_act, key_change_right),
    Flow("confirm", ("auth",), confirm_ready, confirm_act, confirm_right),
]
