"""The change of address that waits for its link: shown, and given up."""

from helpers import expect
from links import sign_in
from test_change_email import CONFIRM, UNDO, WAITS, ask, asked, changes, follow, fresh, row_of, undo_link


def waiting(user):
    return expect(user.web.get("/api/v1/auth/change-email"), 200)["data"]["waiting"]


def test_the_change_that_waits_is_shown(stack, user, other):
    assert waiting(user) is None
    first, second = fresh(), fresh("Second")
    expect(ask(user, first), 202)
    assert waiting(user)["email"] == first
    token = asked(user, second)
    assert waiting(user)["email"] == second and waiting(other) is None
    expect(follow(stack, CONFIRM, token, user.web), 200)
    assert waiting(user) is None, "it was made"
    expect(ask(user, fresh()), 202)
    stack.move_clock(WAITS + 1)
    user.web = sign_in(stack, second, user.password)[1]
    assert waiting(user) is None, "it is over"


def test_a_change_is_given_up(stack, user, other):
    token, others = asked(user, fresh()), asked(other, fresh())
    for _ in range(2):
        expect(user.web.delete("/api/v1/auth/change-email"), 204)
        assert waiting(user) is None
    expect(follow(stack, CONFIRM, token), 400, "link_invalid")
    assert waiting(other) is not None
    new = expect(follow(stack, CONFIRM, others), 200)["data"]["email"]
    expect(sign_in(stack, new, other.password)[0], 200)
    again = asked(user, fresh())
    expect(follow(stack, CONFIRM, again, user.web), 200)
    expect(user.web.delete("/api/v1/auth/change-email"), 204)
    assert row_of(user)["email"] == changes(user)[-1]["new_email"], "what was made stays"
    expect(follow(stack, UNDO, undo_link(user)), 200)


def test_what_waits_is_not_for_keys(user):
    for ask_for in (user.api.get, user.api.delete):
        expect(ask_for("/api/v1/auth/change-email"), 403, "session_required")
