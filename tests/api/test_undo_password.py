"""A password that somebody else has changed: the mail of each change brings its owner a link, which nobody who is signed in can end."""

import concurrent.futures
import hashlib
import uuid

import pytest
from authenticator import begin, enrol
from helpers import expect
from links import DAY, HOUR, link, mails, now_us, sign_in
from mailing import wait_letter
from test_change_email import CONFIRM, UNDO, asked, changed, follow, fresh, undo_link
from test_password import NEW, change, disable, forgot, reset, reset_link, second_session
from test_thief import admin

TOLD = "Your password was changed"
THEIRS = ["a thief's copper walrus", "a thief's granite llama", "a thief's marble otter", "a thief's pewter heron"]


def letter_of(stack, user, times=1):
    return wait_letter(stack, user.email, TOLD, times)


def taken_over(user):
    """Somebody knows the password, and has changed it. Their session."""
    web = second_session(user)
    expect(change(user, new=THEIRS[0], web=web), 204)
    return web


def row_of(stack, token):
    return stack.sql("SELECT * FROM one_time_tokens WHERE token_hash = %s", hashlib.sha256(token.encode()).digest())


def test_the_mail_of_a_change_gives_the_account_back(stack, user):
    thief = taken_over(user)
    letter = letter_of(stack, user)
    assert letter.page == "reset-password" and "72 hours after the change" in letter.text and letter.html.count("<a ") == 2
    expect(reset(stack, letter.token), 204)
    expect(thief.get("/api/v1/me"), 401, "session_expired")
    expect(sign_in(stack, user.email, THEIRS[0])[0], 401, "bad_credentials")
    expect(sign_in(stack, user.email, NEW)[0], 200)
    expect(reset(stack, letter.token, "another copper walrus"), 400, "link_invalid")


def test_who_is_signed_in_cannot_wear_it_out(stack, user):
    """They use up what strangers may have mailed, and change the password whenever its owner may have got a link: nothing else that day
    brings the owner back, but each mail of a change does."""
    stack.move_clock(DAY - now_us(stack) // 10**6 % DAY)  # not by more than a day: mails that are files go then
    thief = taken_over(user)
    first = letter_of(stack, user)
    for n, password in enumerate(THEIRS[1:], 2):
        forgot(stack, user.email)
        mailed = reset_link(stack, user)
        expect(change(user, old=THEIRS[n - 2], new=password, web=thief), 204)
        expect(reset(stack, mailed), 400, "link_invalid")
        last = letter_of(stack, user, n)
    assert len(mails(stack, user, "reset_password")) == 2 and len(mails(stack, user, "password_changed")) == 4
    assert len({first.token, last.token}) == 2
    expect(reset(stack, first.token), 204)
    expect(change(user, old=THEIRS[-1], new=THEIRS[0], web=thief), 401, "session_expired")
    expect(reset(stack, last.token, "another copper walrus"), 400, "link_invalid")
    expect(sign_in(stack, user.email, NEW)[0], 200)


def test_a_reset_by_a_link_brings_one_too(stack, user):
    """Whoever has read the mail once has chosen a password; its owner still reads it."""
    expect(reset(stack, reset_link(stack, user), THEIRS[0]), 204)
    expect(reset(stack, letter_of(stack, user).token), 204)
    expect(sign_in(stack, user.email, NEW)[0], 200)


def test_it_is_good_for_72_hours(stack, user, other):
    letters = []
    for one in (user, other):
        taken_over(one)
        letters.append(letter_of(stack, one))
    stack.move_clock(71 * HOUR)
    expect(reset(stack, letters[0].token), 204)
    stack.move_clock(HOUR)
    expect(reset(stack, letters[1].token), 400, "link_invalid")


def test_a_mail_that_comes_late_is_good_for_no_longer(stack, user):
    """The 72 hours are those after the change."""
    with stack.stopped("worker-mail"):
        taken_over(user)
        (mail,) = stack.sql("SELECT created_at_us FROM mail_outbox WHERE user_id = %s AND template = 'password_changed'", uuid.UUID(user.id).bytes)
        stack.move_clock(20 * HOUR)
    (row,) = row_of(stack, letter_of(stack, user).token)
    assert row["expires_at_us"] == mail["created_at_us"] + 72 * HOUR * 10**6
    assert row["created_at_us"] >= mail["created_at_us"] + 20 * HOUR * 10**6


MORE_THAN_THE_PASSWORD = {
    "a reset by a link": lambda stack, user, undo: expect(reset(stack, reset_link(stack, user)), 204),
    "an admin's reset": lambda stack, user, undo: admin(stack, user, "reset-password"),
    "the undoing of a change of address": lambda stack, user, undo: expect(follow(stack, UNDO, undo), 200),
}


@pytest.mark.parametrize("what", MORE_THAN_THE_PASSWORD)
def test_what_ends_it(stack, user, what):
    """Also the mails that are still to be sent, or that an admin could send again: they would bring a link of after that."""
    undo = changed(user, fresh())
    for password in THEIRS[:2]:
        expect(change(user, old=user.password, new=password), 204)
        user.password = password
    me = uuid.UUID(user.id).bytes
    stack.wait(lambda: not stack.sql("SELECT 1 FROM mail_outbox WHERE user_id = %s AND state = 'queued'", me), "all is sent")
    links = [r["token_hash"] for r in stack.sql("SELECT * FROM one_time_tokens WHERE subject_id = %s AND purpose = 'undo_password'", me)]
    ids = [r["id"] for r in stack.sql("SELECT id FROM mail_outbox WHERE user_id = %s AND template = 'password_changed'", me)]
    assert len(links) == len(ids) == 2
    for id, state in zip(ids, ("failed", "queued")):
        stack.sql("UPDATE mail_outbox SET state = %s WHERE id = %s", state, id)
    MORE_THAN_THE_PASSWORD[what](stack, user, undo)
    assert not stack.sql("SELECT 1 FROM one_time_tokens WHERE token_hash IN (%s, %s)", *links)
    assert {r["state"] for r in stack.sql("SELECT state FROM mail_outbox WHERE id IN (%s, %s)", *ids)} == {"dropped"}
    assert stack.admin("mail", "retry", str(uuid.UUID(bytes=ids[0]))).returncode == 1


def test_it_is_never_mailed_to_a_thiefs_address(stack, user):
    """Theirs for an hour: they change the password there, and the address once more, so that the mail would be for the first one. By then
    the old address has taken the account back."""
    theirs = fresh("thief")
    undo = changed(user, theirs)
    with stack.stopped("worker-mail"):
        expect(change(user, new=THEIRS[0]), 204)
        expect(follow(stack, CONFIRM, asked(user, fresh("thief")), user.web), 200)
        expect(follow(stack, UNDO, undo), 200)
    wait_letter(stack, user.email, "is the address of your account again")
    me = uuid.UUID(user.id).bytes
    stack.wait(lambda: not stack.sql("SELECT 1 FROM mail_outbox WHERE user_id = %s AND state = 'queued'", me), "all is sent")
    assert not stack.sql("SELECT 1 FROM one_time_tokens WHERE subject_id = %s AND purpose = 'undo_password'", me)


def test_it_goes_to_the_address_of_then(stack, user):
    """Somebody changes the password, and the address before the mail has gone: the owner reads the old one, and the link works."""
    with stack.stopped("worker-mail"):
        expect(change(user, new=THEIRS[0]), 204)
        expect(follow(stack, CONFIRM, asked(user, fresh("thief")), user.web), 200)
    letter = letter_of(stack, user)
    expect(reset(stack, letter.token), 204)
    expect(user.web.get("/api/v1/me"), 401, "session_expired")
    expect(follow(stack, UNDO, undo_link(user)), 200)


def test_it_does_not_pass_the_code(stack, user):
    enrol(user)
    expect(change(user, new=THEIRS[0]), 204)
    expect(reset(stack, letter_of(stack, user).token), 204)
    user.password = NEW
    expect(begin(user), 202)


def test_it_is_one_users_and_one_kind(stack, user, other):
    token = link(stack, "undo_password", other.id)
    for path in ("confirm-email", "undo-email", "resend-reset"):
        expect(stack.client(Origin=stack.url).post(f"/api/v1/auth/{path}", json={"token": token}), 400, "link_invalid")
    expect(reset(stack, token), 204)
    expect(sign_in(stack, user.email, user.password)[0], 200)
    expect(sign_in(stack, user.email, NEW)[0], 401)


def test_who_is_disabled_chooses_none(stack, user):
    token = link(stack, "undo_password", user.id)
    disable(stack, user)
    expect(reset(stack, token), 400, "link_invalid")


def test_of_two_at_once_one_wins(stack, user):
    tokens, news = [link(stack, "undo_password", user.id), reset_link(stack, user)], ["copper walrus seven", "granite llama eleven"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda n: reset(stack, tokens[n], news[n]), range(2)))
    assert sorted(a.status_code for a in answers) == [204, 400], [a.text for a in answers]
    assert [sign_in(stack, user.email, p)[0].status_code for p in news] == [{204: 200, 400: 401}[a.status_code] for a in answers]


def test_followed_while_the_password_is_changed_again(stack, user):
    """Whoever is first: the owner's is the password."""
    thief, token = second_session(user), link(stack, "undo_password", user.id)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        owners, thiefs = pool.submit(reset, stack, token), pool.submit(change, user, new=THEIRS[1], web=thief)
    expect(owners.result(), 204)
    assert thiefs.result().status_code in (204, 401, 403, 409), thiefs.result().text
    expect(sign_in(stack, user.email, NEW)[0], 200)
    expect(sign_in(stack, user.email, THEIRS[1])[0], 401, "bad_credentials")
    expect(thief.get("/api/v1/me"), 401, "session_expired")
