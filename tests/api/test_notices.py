"""What causes a notice, and how many mails become of many of them."""

import itertools
import json
import time
import uuid

import pytest
import standing
from budgets import Agent
from helpers import expect
from mailing import clock_of, files
from publishing import Sent, failed
from test_key_expiry import expiring
from test_keys import made
from test_mode import World
from test_seen_in_clear import in_clear, is_revoked

HOUR, DAY = 3600, 86400
GATHER = 2 * 60 + 1
NOBODY, NUMBERS = bytes(15) + b"\1", itertools.count(1)


def bytes_of(user):
    return uuid.UUID(user.id).bytes


def due(user, kind=None):
    """What the user is to be told of: ids."""
    rows = user.stack.sql("SELECT kind, subject_id FROM notices_due WHERE user_id = %s ORDER BY subject_id", bytes_of(user))
    return [str(uuid.UUID(bytes=r["subject_id"])) for r in rows if kind in (None, r["kind"])]


def mails(user, template=None):
    rows = user.stack.sql("SELECT template, state, params, subject_id, request_id FROM mail_outbox WHERE user_id = %s ORDER BY id", bytes_of(user))
    return [r for r in rows if template in (None, r["template"])]


def letters(user):
    return [m for m in files(user.stack) if m.to == user.email]


def gathered(user):
    """Once nothing waits for the user's mails any more, the time for gathering being over."""
    user.stack.move_clock(GATHER)
    user.stack.wait(lambda: due(user) == [] and all(m["state"] != "queued" for m in mails(user)), "what is due is mailed")


# --- posts that fail


def posts_that_failed(user, n=1, title="post", age_sec=0):
    """As post_move leaves them, without an account; ids in their order."""
    now_us = int(time.time() * 1_000_000) + clock_of(user.stack)
    for i in range(n):
        user.stack.sql("SET STATEMENT foreign_key_checks = 0 FOR INSERT INTO posts (id, user_id, account_id, post_mode, disable_comment,"
                       " auto_add_music, brand_content_toggle, brand_organic_toggle, is_aigc, photo_cover_index, state, failure_code, title,"
                       " created_at_us, ended_at_us, updated_at_us) VALUES (%s, %s, %s, 'MEDIA_UPLOAD', 0, 0, 0, 0, 0, 0, 'failed', 'spam_risk',"
                       " %s, 1, 1, 1)", id := uuid.UUID(int=(1 << 124) + next(NUMBERS)).bytes, bytes_of(user), NOBODY, f"{title} {i}")
        user.stack.sql("INSERT INTO notices_due (user_id, kind, subject_id, at_us) VALUES (%s, 'post_failed', %s, %s)", bytes_of(user), id,
                       now_us - age_sec * 1_000_000)
    user.stack.sql("INSERT INTO jobs_mail (id, kind, subject_id, state, run_at_us, created_at_us, user_id) VALUES"
                   " (%s, 'notices', %s, 'ready', %s, %s, %s) ON DUPLICATE KEY UPDATE run_at_us = VALUES(run_at_us)", uuid.uuid4().bytes,
                   bytes_of(user), now_us + (GATHER - 1) * 1_000_000, now_us, bytes_of(user))


@pytest.fixture
def no_real_posts(stack):
    """Nobody else finds posts that are of no account."""
    yield
    stack.sql("DELETE FROM notices_due WHERE subject_id IN (SELECT id FROM posts WHERE account_id = %s)", NOBODY)
    stack.sql("DELETE FROM posts WHERE account_id = %s", NOBODY)


def test_posts_that_fail_become_one_mail(user, stack, account):
    """Whatever they fail with; also those that fail together, in one transaction of the worker's."""
    with stack.stopped("worker-publish"):
        all = [Sent(stack, user, a, "[[fail:spam_risk]]") for a in (account, user.connect()) for _ in range(3)]
    for sent in all:
        failed(sent.wait(), "spam_risk")
    assert due(user) == sorted(s.id for s in all) and mails(user) == []
    gathered(user)
    (letter,) = letters(user)
    assert "could not be published" in letter.subject and "6." in letter.text.splitlines() and letter.text.count("spam_risk") == 5
    assert "and 1 more" in letter.text
    assert letter.page == "unsubscribe" and "List-Unsubscribe" in letter.message
    (row,) = mails(user, "post_failed")
    assert row["state"] == "sent" and row["params"] is None


def test_one_says_why(user, no_real_posts):
    posts_that_failed(user, title="Two pictures")
    gathered(user)
    (letter,) = letters(user)
    assert "1." in letter.text.splitlines() and '"Two pictures 0"' in letter.text and "TikTok" in letter.text


def test_a_thousand_are_no_more(user, no_real_posts):
    posts_that_failed(user, 1000)
    gathered(user)
    (letter,) = letters(user)
    assert "1000." in letter.text.splitlines() and "and 995 more" in letter.text


def waits(user):
    """The user's job has looked, and comes again in an hour at most."""
    rows = user.stack.sql("SELECT run_at_us FROM jobs_mail WHERE kind = 'notices' AND subject_id = %s AND lease_token IS NULL", bytes_of(user))
    left_sec = rows and rows[0]["run_at_us"] / 1_000_000 - time.time() - clock_of(user.stack) / 1_000_000
    return rows and GATHER < left_sec <= HOUR


def test_once_an_hour(user, stack, no_real_posts):
    posts_that_failed(user)
    gathered(user)
    posts_that_failed(user, 2)
    stack.move_clock(GATHER)
    stack.wait(lambda: waits(user), "the job waits")
    assert len(due(user)) == 2 and len(mails(user)) == 1
    stack.move_clock(HOUR)
    gathered(user)
    assert "2." in letters(user)[1].text.splitlines()


@pytest.mark.parametrize("days", [1, 4, 60])
def test_none_while_one_waits_for_the_relay(user, stack, no_real_posts, days):
    now_us = int(time.time() * 1_000_000) + clock_of(stack)
    at_us = now_us - days * DAY * 1_000_000
    stack.sql("INSERT INTO mail_outbox (id, user_id, template, state, created_at_us) VALUES (%s, %s, 'post_failed', 'queued', %s)",
              uuid.UUID(int=at_us // 1000 << 80 | 7 << 76 | 2 << 62 | uuid.uuid4().int & (1 << 62) - 1).bytes, bytes_of(user), at_us)
    posts_that_failed(user)
    stack.move_clock(GATHER)
    stack.wait(lambda: waits(user), "the job waits")
    assert len(due(user)) == 1 and len(mails(user)) == 1
    stack.sql("UPDATE mail_outbox SET state = 'sent' WHERE user_id = %s", bytes_of(user))
    stack.move_clock(HOUR)
    gathered(user)
    assert len(letters(user)) == 1


def test_a_clock_that_was_set_back_holds_nothing_up(user, stack, no_real_posts):
    stack.move_clock(10 * DAY)
    posts_that_failed(user)
    gathered(user)
    stack.set_clock(0)
    posts_that_failed(user)
    stack.move_clock(HOUR + GATHER)
    stack.wait(lambda: len(mails(user)) == 2, "the second is there")


@pytest.mark.parametrize("why", ["published", "switched off"])
def test_what_is_not_told(user, stack, no_real_posts, why):
    """What was published after all, and what nobody wants to be told."""
    posts_that_failed(user)
    if why == "switched off":
        expect(user.web.patch("/api/v1/me/notifications", json={"post_failed": False}), 200)
    else:
        stack.sql("SET STATEMENT foreign_key_checks = 0 FOR UPDATE posts SET state = 'published' WHERE user_id = %s", bytes_of(user))
    gathered(user)
    assert mails(user) == []


AWAY = {"disabled": ("state = 'disabled'", "state = 'active'"), "undeliverable": ("undeliverable_at_us = 1", "undeliverable_at_us = NULL")}


def set_user(user, what):
    user.stack.sql(f"UPDATE users SET {what} WHERE id = %s", bytes_of(user))


def looked_at(user):
    """The user's job has run since the clock was moved, and comes again."""
    return user.stack.sql("SELECT 1 FROM jobs_mail WHERE kind = 'notices' AND subject_id = %s AND lease_token IS NULL AND run_at_us > %s",
                          bytes_of(user), int(time.time() * 1_000_000) + clock_of(user.stack))


@pytest.mark.parametrize("why", AWAY)
def test_who_is_not_reached_is_told_later(user, stack, no_real_posts, why):
    posts_that_failed(user)
    set_user(user, AWAY[why][0])
    stack.move_clock(GATHER)
    stack.wait(lambda: looked_at(user) or not due(user), "the job has looked")
    assert len(due(user)) == 1 and mails(user) == []
    set_user(user, AWAY[why][1])
    stack.move_clock(6 * HOUR)
    gathered(user)
    assert len(letters(user)) == 1


def test_nothing_is_kept_for_who_is_not_reached_for_a_week(user, stack, no_real_posts):
    """Both ends; and what is switched off is gone at once."""
    set_user(user, AWAY["disabled"][0])
    posts_that_failed(user, 2, age_sec=7 * DAY + HOUR)
    posts_that_failed(user, 3, age_sec=7 * DAY - HOUR)
    stack.move_clock(GATHER)
    stack.wait(lambda: len(due(user)) < 5, "the job has looked")
    assert len(due(user)) == 3 and mails(user) == []
    set_user(user, "notices_off = 'post_failed'")
    stack.move_clock(6 * HOUR)
    stack.wait(lambda: due(user) == [], "it is gone")
    assert mails(user) == []


def test_a_test_post_is_worth_no_mail(user, stack):
    test = World(user, "test")
    failed(Sent(stack, test, test.account, "[[fail:spam_risk]]").wait(), "spam_risk")
    assert due(user) == []


def test_a_title_cannot_look_like_our_words(user, no_real_posts):
    posts_that_failed(user, 1, "a\nYour account is closed: <b>b</b>")
    gathered(user)
    (letter,) = letters(user)
    assert not any(line.startswith("Your account") for line in letter.text.splitlines())
    assert "<b>" not in letter.html and "&#60;b&#62;" in letter.html


def test_canceled_is_not_failed(user, stack, account):
    with stack.stopped("worker-publish"):
        sent = Sent(stack, user, account)
        expect(user.web.delete(f"/api/v1/accounts/{account}"), 200)
    sent.wait("canceled")
    assert due(user) == []


# --- posts that wait


def test_approval_is_asked_for(user, stack, account):
    agent = Agent(user, needs_approval=True)
    post, approved, refused = (agent.posted(account) for _ in range(3))
    expect(user.web.post(f"/api/v1/posts/{approved['id']}/approve", json={"content_digest": approved["content_digest"]}), 200)
    expect(user.web.post(f"/api/v1/posts/{refused['id']}/refuse"), 200)
    assert len(due(user, "approval_waiting")) == 3
    gathered(user)
    (letter,) = letters(user)
    assert "approval" in letter.subject and "approve them: 1." in letter.text
    assert [m["template"] for m in mails(user)] == ["approval_waiting"]


def test_whoever_needs_none_is_not_asked(user, account):
    assert Agent(user).send(account).wait()["status"] == "published"
    assert due(user) == []


# --- keys


def look(stack):
    """Keys that expire soon are looked for, now."""
    standing.run(stack, "jobs_mail", "expiring")


def test_a_key_that_is_about_to_expire(user, stack):
    soon, later = expiring(user, stack, 8 * DAY, name="the printer"), expiring(user, stack, 30 * DAY)
    look(stack)
    assert due(user) == []
    stack.move_clock(DAY + 60)
    look(stack)
    assert due(user) == [soon["id"]]
    gathered(user)
    (letter,) = letters(user)
    assert "the printer" in letter.text and later["name"] not in letter.text
    look(stack)
    stack.move_clock(6 * DAY)
    look(stack)
    assert due(user) == [] and len(mails(user)) == 1, "once"


@pytest.mark.parametrize("why", AWAY)
def test_a_key_of_who_is_not_reached(user, stack, why):
    """Its owner is told when there is somebody to be told again."""
    key = expiring(user, stack, 8 * DAY)
    set_user(user, AWAY[why][0])
    stack.move_clock(DAY + 60)
    look(stack)
    assert due(user) == []
    set_user(user, AWAY[why][1])
    look(stack)
    assert due(user) == [key["id"]]


def test_keys_of_which_nobody_is_told(user, stack):
    """Made to last no longer; revoked; of test data; an old secret; one that does not expire."""
    expiring(user, stack, 6 * DAY)
    revoked = expiring(user, stack, 8 * DAY)
    expect(user.web.delete(f"/api/v1/keys/{revoked['id']}"), 204)
    expiring(user, stack, 8 * DAY, mode="test")
    rotated = expiring(user, stack, 60 * DAY)
    expect(user.web.post(f"/api/v1/keys/{rotated['id']}/rotate", json={"overlap_sec": 7 * DAY}), 200)
    made(user)
    stack.move_clock(DAY + 60)
    look(stack)
    assert due(user) == []


def test_a_key_that_was_revoked_meanwhile(user, stack):
    key = expiring(user, stack, 8 * DAY)
    stack.move_clock(DAY + 60)
    look(stack)
    assert due(user) == [key["id"]]
    expect(user.web.delete(f"/api/v1/keys/{key['id']}"), 204)
    gathered(user)
    assert mails(user) == []


@pytest.mark.parametrize("more", [{}, {"mode": "test"}])
def test_a_key_in_the_clear_is_told_of_at_once(user, stack, more):
    """Also to whoever has switched everything off."""
    expect(user.web.patch("/api/v1/me/notifications", json=dict.fromkeys(("post_failed", "approval_waiting", "key_expiring"), False)), 200)
    key = user.make_key("the printer", **more)
    in_clear(stack, f"Bearer {key['key']}")
    is_revoked(stack, key)
    in_clear(stack, f"Bearer {key['key']}")
    stack.wait(lambda: letters(user), "the mail is there")
    (row,) = mails(user)
    assert row["template"] == "key_seen_in_clear" and str(uuid.UUID(bytes=row["subject_id"])) == key["id"]
    (letter,) = letters(user)
    assert "the printer" in letter.text and key["key"] not in letter.raw.decode()
    assert "List-Unsubscribe" not in letter.message


def test_one_mail_of_two_who_see_it(user, stack):
    key = made(user)
    for _ in range(5):
        in_clear(stack, f"Bearer {key['key']}")
    is_revoked(stack, key)
    marker = made(user)
    in_clear(stack, f"Bearer {marker['key']}")
    is_revoked(stack, marker)
    assert len(mails(user, "key_seen_in_clear")) == 2


def test_params_hold_no_secret(user, stack, account):
    with stack.stopped("worker-mail"):
        key = made(user)
        in_clear(stack, f"Bearer {key['key']}")
        is_revoked(stack, key)
        (row,) = mails(user)
        assert set(json.loads(row["params"])) <= {"key_name", "at", "count"} and key["key"] not in row["params"]
