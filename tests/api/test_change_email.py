"""Another address: asked for in a session, confirmed from the new address, undone from the old one."""

import concurrent.futures
import json
import uuid

import pytest
from conftest import User
from helpers import expect
from links import DAY, HOUR, LIFETIME, MINUTE, activity, holders_of, link, mails, sign_in, told
from newcomers import Newcomer
from waiting import in_line, locked

ASK = "/api/v1/auth/change-email"
CONFIRM = "/api/v1/auth/confirm-email"
UNDO = "/api/v1/auth/undo-email"
WAITS, UNDO_SEC = 72 * HOUR, 72 * HOUR
NEW = "seven copper walruses"


def fresh(name="new"):
    return f"{name}.{uuid.uuid4().hex[:12]}@example.com"


def ask(user, email):
    return user.web.post(ASK, json={"email": email})


def follow(stack, path, token, web=None):
    return (web or stack.client(Origin=stack.url)).post(path, json={"token": token})


def changes(user):
    return user.stack.sql("SELECT * FROM email_changes WHERE user_id = %s ORDER BY created_at_us, id", uuid.UUID(user.id).bytes)


def row_of(user):
    return user.stack.sql("SELECT * FROM users WHERE id = %s", uuid.UUID(user.id).bytes)[0]


def change_to(user, email):
    """Its id; of the newest, if there are several."""
    return [c["id"] for c in changes(user) if c["new_email"] == email][-1]


def asked(user, email):
    """The link that the new address gets."""
    expect(ask(user, email), 202)
    return link(user.stack, "change_email", change_to(user, email))


def undo_link(user, email=None):
    """The link that the old address got, when it was changed to that one, or to what it is now."""
    return link(user.stack, "undo_email", change_to(user, email or row_of(user)["email"]))


def changed(user, email, web=None):
    """The whole way; the link that undoes it."""
    answer = follow(user.stack, CONFIRM, asked(user, email), web or user.web)
    assert expect(answer, 200)["data"] == {"email": email}
    return undo_link(user)


# The whole way


def test_a_change_is_effective_when_the_new_address_confirms_it(stack, user):
    old, new = user.email, fresh()
    token = asked(user, new)
    assert mails(stack, user) == [("change_email", changes(user)[0]["id"])]
    assert expect(user.web.get("/api/v1/me"), 200)["data"]["email"] == old
    expect(sign_in(stack, new, user.password)[0], 401)
    assert expect(follow(stack, CONFIRM, token), 200)["data"] == {"email": new}
    row = row_of(user)
    assert (row["email"], row["email_key"]) == (new, new)
    expect(sign_in(stack, old, user.password)[0], 401, "bad_credentials")
    answer, user.web = sign_in(stack, new, user.password)
    assert expect(answer, 200)["data"]["email"] == new
    assert mails(stack, user)[1:] == [("email_changed", changes(user)[0]["id"])]
    assert len(activity(user, "email_change_asked")) == len(activity(user, "email_changed")) == 1
    assert all(a["about"] is None for a in activity(user, "email_changed")), "activity holds no address"


def test_the_session_that_confirms_goes_on_and_others_end(stack, user):
    other = sign_in(stack, user.email, user.password)[1]
    token, cookie = asked(user, fresh()), user.web.cookies["__Host-session"]
    expect(follow(stack, CONFIRM, token, user.web), 200)
    assert user.web.cookies["__Host-session"] != cookie
    expect(user.web.get("/api/v1/me"), 200)
    expect(other.get("/api/v1/me"), 401, "session_expired")
    expect(stack.client(Cookie=f"__Host-session={cookie}").get("/api/v1/me"), 401, "session_expired")


def test_without_a_session_all_end(stack, user):
    answer = follow(stack, CONFIRM, asked(user, fresh()))
    expect(answer, 200)
    assert "Set-Cookie" not in answer.headers
    expect(user.web.get("/api/v1/me"), 401, "session_expired")


def test_somebody_elses_session_is_left_alone(stack, user, other):
    cookie = other.web.cookies["__Host-session"]
    answer = follow(stack, CONFIRM, asked(user, fresh()), other.web)
    expect(answer, 200)
    assert "Set-Cookie" not in answer.headers and other.web.cookies["__Host-session"] == cookie
    assert expect(other.web.get("/api/v1/me"), 200)["data"]["email"] == other.email


def test_what_came_back_from_the_old_address_says_nothing_of_the_new_one(stack, user):
    stack.sql("UPDATE users SET undeliverable_at_us = 1 WHERE id = %s", uuid.UUID(user.id).bytes)
    changed(user, fresh())
    assert row_of(user)["undeliverable_at_us"] is None


def test_the_address_is_kept_as_it_was_given(stack, user):
    new = fresh("New.Name")
    changed(user, new)
    assert (row_of(user)["email"], row_of(user)["email_key"]) == (new, new.lower())
    expect(sign_in(stack, new.upper(), user.password)[0], 200)


def test_ones_own_address_in_other_letters(stack, user):
    new = user.email.replace("user", "USER")
    changed(user, new)
    assert row_of(user)["email"] == new and row_of(user)["email_key"] == user.email.lower()
    expect(follow(stack, UNDO, undo_link(user)), 200)
    assert row_of(user)["email"] == user.email


def test_it_takes_the_password(stack, user):
    stack.move_clock(11 * MINUTE)
    expect(ask(user, fresh()), 403, "recent_auth_required")
    assert mails(stack, user) == [] and changes(user) == []
    user.confirm()
    expect(ask(user, fresh()), 202)


def test_who_may_not_ask(stack, user):
    expect(user.api.post(ASK, json={"email": fresh()}), 403, "session_required")
    expect(stack.client(Origin=stack.url).post(ASK, json={"email": fresh()}), 401, "unauthenticated")


@pytest.mark.parametrize("path", [ASK, CONFIRM, UNDO])
def test_a_foreign_page_can_do_nothing(user, path):
    expect(user.web.post(path, json={}, headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}), 403, "cross_origin")


@pytest.mark.parametrize("body, code", [
    ({}, "required"), ({"email": None}, "required"), ({"email": "a@b"}, "bad_email"), ({"email": "a@example.com\n"}, "bad_email"),
    ({"email": "a\0@example.com"}, "bad_email"), ({"email": "a@example.com "}, "bad_email"), ({"email": "a@example.com."}, "bad_email"),
    ({"email": "a@bücher.example"}, "bad_email"), ({"email": "ä@example.com"}, "bad_email"), ({"email": ["a@example.com"]}, "wrong_type"),
    ({"email": "a" * 65 + "@example.com"}, "bad_email"), ({"email": "a@" + ".".join(["b" * 63] * 4) + ".example"}, "bad_email"),
    ({"email": "a@example.com", "x": 1}, "unknown_field")])
def test_what_is_no_address(user, body, code):
    expect(user.web.post(ASK, json=body), 422, code)
    assert changes(user) == []


def test_the_longest_address(stack, user):
    local = uuid.uuid4().hex * 2
    new = f"{local}@{'b' * 63}.{'c' * 63}.{'d' * (254 - 64 - 1 - 128 - 8)}.example"
    assert (len(new), len(local)) == (254, 64)
    changed(user, new)
    expect(sign_in(stack, new, user.password)[0], 200)


def test_addresses_that_look_alike_are_different(stack, user, other):
    local, _, domain = other.email.partition("@")
    new = f"{local}+more@{domain}"
    changed(user, new)
    assert row_of(user)["email_key"] == new and row_of(other)["email_key"] == other.email
    assert mails(stack, other) == []


# Whose the address is


def test_a_taken_address_is_answered_alike(stack, user, other):
    answers = [ask(user, fresh()), ask(user, other.email), ask(user, other.email.upper())]
    assert len({json.dumps(told(a)) for a in answers}) == 1
    assert mails(stack, other) == [("already_registered", None)] * 2
    assert len(mails(stack, user)) == 1, "the new address of the first alone"
    assert len(changes(user)) == 3, "the same is written"


def test_a_link_to_a_taken_address_changes_nothing(stack, user, other):
    """There is no such mail; or the address was free when it was sent."""
    new = fresh()
    first, second = asked(user, new), asked(other, new)
    expect(follow(stack, CONFIRM, second), 200)
    expect(follow(stack, CONFIRM, first), 409, "email_taken")
    assert row_of(user)["email"] == user.email and row_of(other)["email"] == new
    expect(user.web.get("/api/v1/me"), 200)
    expect(follow(stack, CONFIRM, first), 409, "email_taken")  # it was not used up


def test_strangers_cause_three_mails_a_day_to_an_address(stack, user, other):
    victim = User(stack)
    for one in (user, user, other):
        expect(ask(one, victim.email), 202)
    expect(ask(other, victim.email), 429, "address_mails_too_many")
    assert len(mails(stack, victim)) == 3


def test_a_user_asks_five_times_a_day(stack, user):
    for _ in range(5):
        expect(ask(user, fresh()), 202)
        stack.move_clock(MINUTE)
    answer = ask(user, fresh())
    expect(answer, 429, "email_changes_too_many")
    wait = int(answer.headers["Retry-After"])
    assert DAY - 10 * MINUTE < wait <= DAY - 5 * MINUTE
    assert len(changes(user)) == len(mails(stack, user)) == 5
    stack.move_clock(wait)
    user.confirm()
    expect(ask(user, fresh()), 202)
    expect(ask(user, fresh()), 429, "email_changes_too_many")


# Links


@pytest.mark.parametrize("path, purpose", [(CONFIRM, "change_email"), (UNDO, "undo_email")])
def test_what_is_no_link(stack, user, path, purpose):
    token = asked(user, fresh())
    if path == UNDO:
        expect(follow(stack, CONFIRM, token), 200)
        token = undo_link(user)
    for bad in ("", "x", token[:-1], token + "x", token.swapcase(), f" {token}", token + "\0", "x" * 1024, "\u00fc" * 40):
        expect(follow(stack, path, bad), 400, "link_invalid")
    for other in LIFETIME.keys() - {purpose}:
        expect(follow(stack, path, link(stack, other, changes(user)[0]["id"])), 400, "link_invalid")
    expect(follow(stack, path, link(stack, purpose, user.id)), 400, "link_invalid")  # about something else
    expect(follow(stack, path, token), 200)
    expect(follow(stack, path, token), 400, "link_invalid")


@pytest.mark.parametrize("path", [CONFIRM, UNDO])
@pytest.mark.parametrize("body, code", [({}, "required"), ({"token": None}, "required"), ({"token": 1}, "wrong_type"),
                                        ({"token": "x" * 1025}, "too_long"), ({"token": "x", "email": "a@b.cd"}, "unknown_field")])
def test_what_following_a_link_is_made_of(stack, path, body, code):
    expect(stack.client(Origin=stack.url).post(path, json=body), 422, code)


def is_good_until(stack, path, links, seconds):
    """Of two links the one that is followed in time is good, and the other is not."""
    early, late = links
    stack.move_clock(seconds - 5)
    expect(follow(stack, path, early), 200)
    stack.move_clock(6)
    expect(follow(stack, path, late), 400, "link_invalid")


def lengthen(stack, purpose):
    """The links themselves are good for longer than what they are about."""
    stack.sql("UPDATE one_time_tokens SET expires_at_us = expires_at_us + %s WHERE purpose = %s", 10 * DAY * 10**6, purpose)


def test_how_long_a_change_waits(stack, user, other):
    links = asked(user, fresh()), asked(other, fresh())
    lengthen(stack, "change_email")
    is_good_until(stack, CONFIRM, links, WAITS)


def test_a_link_to_the_new_address_is_good_for_a_day(stack, user, other):
    is_good_until(stack, CONFIRM, (asked(user, fresh()), asked(other, fresh())), DAY)


def test_a_second_wish_replaces_the_first(stack, user):
    first, second = asked(user, fresh()), asked(user, fresh("second"))
    expect(follow(stack, CONFIRM, first), 400, "link_invalid")
    expect(follow(stack, CONFIRM, second), 200)
    assert row_of(user)["email"].startswith("second")


def test_what_was_replaced_stays_so_when_the_clock_is_set_back(stack, user):
    stack.move_clock(10)
    first = asked(user, fresh())
    stack.move_clock(MINUTE)
    asked(user, fresh("second"))
    stack.move_clock(-MINUTE)
    expect(follow(stack, CONFIRM, first), 400, "link_invalid")


def test_of_two_confirmations_at_once_one_wins(stack, user):
    token = asked(user, fresh())
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: follow(stack, CONFIRM, token), range(2)))
    assert sorted(a.status_code for a in answers) == [200, 400], [a.text for a in answers]
    assert len(mails(stack, user, "email_changed")) == 1


def test_of_two_who_want_an_address_at_once_one_gets_it(stack, user, other):
    new = fresh()
    tokens = [asked(one, new) for one in (user, other)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda token: follow(stack, CONFIRM, token), tokens))
    assert sorted(a.status_code for a in answers) == [200, 409], [a.text for a in answers]
    assert stack.sql("SELECT COUNT(*) AS n FROM users WHERE email_key = %s", new)[0]["n"] == 1


def test_who_is_disabled_changes_nothing(stack, user):
    token = asked(user, fresh())
    stack.sql("UPDATE users SET state = 'disabled' WHERE id = %s", uuid.UUID(user.id).bytes)
    expect(follow(stack, CONFIRM, token), 400, "link_invalid")
    assert row_of(user)["email"] == user.email


def test_a_change_ends_links_to_reset_the_password(stack, user):
    """They went to the address before."""
    token = link(stack, "reset_password", user.id)
    changed(user, fresh())
    expect(stack.client(Origin=stack.url).post("/api/v1/auth/reset-password", json={"token": token, "password": NEW}), 400, "link_invalid")


# Undoing


def test_the_old_address_takes_the_account_back(stack, user):
    new = fresh()
    key = user.key
    stack.sql("UPDATE api_keys SET created_at_us = created_at_us - %s WHERE user_id = %s", 7 * DAY * 10**6, uuid.UUID(user.id).bytes)
    undo, waits = changed(user, new), asked(user, fresh("third"))
    reset = link(stack, "reset_password", user.id)  # went to the new address
    before = len(mails(stack, user))
    answer = follow(stack, UNDO, undo, user.web)
    assert expect(answer, 200)["data"] == {"email": user.email} and "Set-Cookie" not in answer.headers
    assert (row_of(user)["email"], row_of(user)["email_key"]) == (user.email, user.email)
    expect(user.web.get("/api/v1/me"), 401, "session_expired")
    expect(follow(stack, CONFIRM, waits), 400, "link_invalid")
    expect(stack.client(Origin=stack.url).post("/api/v1/auth/reset-password", json={"token": reset, "password": NEW}), 400, "link_invalid")
    for email in (user.email, new):  # who has changed it knew the password
        expect(sign_in(stack, email, user.password)[0], 401, "bad_credentials")
    assert mails(stack, user)[before:] == [("email_change_undone", None)]
    expect(stack.client(Authorization=f"Bearer {key}").get("/api/v1/me"), 200)
    token = link(stack, "reset_password", user.id)
    expect(stack.client(Origin=stack.url).post("/api/v1/auth/reset-password", json={"token": token, "password": NEW}), 204)
    answer, user.web = sign_in(stack, user.email, NEW)
    expect(answer, 200)
    assert len(activity(user, "email_change_undone")) == 1


def test_it_can_be_undone_for_three_days(stack, user, other):
    links = changed(user, fresh()), changed(other, fresh())
    lengthen(stack, "undo_email")
    is_good_until(stack, UNDO, links, UNDO_SEC)


def test_a_mail_that_comes_late_is_good_for_no_longer(stack, user):
    changed(user, fresh())
    stack.move_clock(UNDO_SEC - HOUR)
    late = undo_link(user)
    stack.move_clock(HOUR + 1)
    expect(follow(stack, UNDO, late), 400, "link_invalid")


def test_a_second_change_does_not_defeat_it(stack, user):
    """Nor does that one's own undoing, whose link went to whoever has made it."""
    last = fresh("thiefs.second")
    first, second = changed(user, fresh("thief")), changed(user, last)
    expect(follow(stack, UNDO, first), 200)
    assert row_of(user)["email"] == user.email
    expect(follow(stack, UNDO, second), 400, "link_invalid")
    expect(follow(stack, UNDO, undo_link(user, last)), 400, "link_invalid")
    assert row_of(user)["email"] == user.email


def test_a_later_one_is_undone_first_and_then_the_earlier_one(stack, user):
    middle = fresh("middle")
    first, second = changed(user, middle), changed(user, fresh("thief"))
    expect(follow(stack, UNDO, second), 200)
    assert row_of(user)["email"] == middle
    expect(follow(stack, UNDO, first), 200)
    assert row_of(user)["email"] == user.email


def test_a_clock_that_was_set_back_between_two_changes(stack, user):
    stack.move_clock(2 * HOUR)
    user.web = sign_in(stack, user.email, user.password)[1]
    first = changed(user, fresh("thief"))
    stack.move_clock(-HOUR)
    user.web = sign_in(stack, row_of(user)["email"], user.password)[1]
    second = changed(user, fresh("thiefs.second"))
    expect(follow(stack, UNDO, first), 200)
    expect(follow(stack, UNDO, second), 400, "link_invalid")
    assert row_of(user)["email"] == user.email


def test_of_two_at_once_one_undoes_it(stack, user):
    token = changed(user, fresh())
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: follow(stack, UNDO, token), range(2)))
    assert sorted(a.status_code for a in answers) == [200, 400], [a.text for a in answers]
    assert len(mails(stack, user, "email_change_undone")) == 1


@pytest.mark.parametrize("first", [UNDO, CONFIRM])
@in_line
def test_undoing_and_a_second_change_at_once(stack, user, first):
    """Whoever is first: the address is the old one."""
    tokens = {UNDO: changed(user, fresh("thief")), CONFIRM: asked(user, fresh("thiefs.second"))}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with locked(stack, user) as waits:
            answers = {}
            for n, path in enumerate((first, *({UNDO, CONFIRM} - {first})), 1):
                answers[path] = pool.submit(follow, stack, path, tokens[path])
                waits(n)
        expect(answers[UNDO].result(), 200)
        assert answers[CONFIRM].result().status_code == (200 if first == CONFIRM else 400)
    assert row_of(user)["email"] == user.email


def test_the_old_address_is_kept_for_its_user(stack, user, other):
    """Nobody gets it as long as it can be put back; who asks for it gets the link once more."""
    undo = changed(user, fresh("thief"))
    change_id = changes(user)[0]["id"]
    before = len(mails(stack, user))
    answers = [ask(other, user.email), ask(other, fresh())]
    assert len({json.dumps(told(a)) for a in answers}) == 1
    assert mails(stack, user)[before:] == [("email_changed", change_id)]
    taken = [c["id"] for c in changes(other) if c["new_email"] == user.email][0]
    stack.sql("UPDATE email_changes SET expires_at_us = 1 << 60 WHERE id = %s", taken)
    expect(follow(stack, CONFIRM, link(stack, "change_email", taken)), 409, "email_taken")
    expect(follow(stack, UNDO, undo), 200)
    assert row_of(user)["email"] == user.email and row_of(other)["email"] == other.email


def test_nobody_registers_the_old_address_meanwhile(stack, user):
    newcomer = Newcomer(stack, user.email)
    expect(newcomer.register(), 202)  # before it is given up
    early = newcomer.link()
    undo = changed(user, fresh("thief"))
    before = len(mails(stack, user))
    stack.sql("DELETE FROM mail_allowances")
    for again in (newcomer.register, newcomer.resend):
        expect(again(), 202)
    assert mails(stack, user)[before:] == [("email_changed", change_to(user, row_of(user)["email"]))] * 2
    for token in (early, newcomer.link()):
        expect(newcomer.verify(token), 400, "link_invalid")
    expect(follow(stack, UNDO, undo), 200)
    assert row_of(user)["email"] == user.email


def test_afterwards_somebody_else_may_have_it(stack, user, other):
    changed(user, fresh())
    stack.move_clock(UNDO_SEC + 1)
    other.confirm()
    changed(other, user.email)
    assert row_of(other)["email"] == user.email
    expect(follow(stack, UNDO, link(stack, "undo_email", changes(user)[0]["id"])), 400, "link_invalid")


def test_its_own_user_may_change_back(stack, user):
    changed(user, fresh())
    changed(user, user.email)
    assert row_of(user)["email"] == user.email


def test_who_forgets_the_password_of_the_old_address_gets_its_link_again(stack, user):
    changed(user, fresh("thief"))
    before = len(mails(stack, user))
    answer = stack.client(Origin=stack.url).post("/api/v1/auth/forgot-password", json={"email": user.email})
    assert expect(answer, 202)["data"] == {"status": "accepted"}
    assert mails(stack, user)[before:] == [("email_changed", changes(user)[0]["id"])]


def test_who_is_disabled_gets_the_address_back(stack, user):
    undo = changed(user, fresh("thief"))
    stack.sql("UPDATE users SET state = 'disabled' WHERE id = %s", uuid.UUID(user.id).bytes)
    expect(follow(stack, UNDO, undo), 200)
    assert row_of(user)["email"] == user.email and row_of(user)["state"] == "disabled"


def test_no_table_holds_a_link(stack, user):
    token = asked(user, fresh())
    expect(follow(stack, CONFIRM, token, user.web), 200)
    undo = undo_link(user)
    assert holders_of(stack, token) == holders_of(stack, undo) == []
