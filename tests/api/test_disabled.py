"""A disabled user: credentials are refused at once, posts are held, and enabling puts all of it back."""

import threading
import uuid

import pymysql
import pytest
from authenticator import begin, begun, enrol, finish
from helpers import expect
from publishing import Sent, failed
from test_engine import INIT, STATUS, known, tiktok  # noqa: F401 (a fixture)
from test_keys import with_key

PATHS = ("/api/v1/me", "/api/v1/posts")  # of two programs


def run(stack, *args):
    done = stack.admin("user", *args)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def off(stack, user):
    """off() disables the user; afterwards they are active again, as others expect who are looked after by the same worker."""
    yield lambda: run(stack, "disable", user.id)
    run(stack, "enable", user.id)


def last_held(stack, sent):
    """The code of the newest event, if that says that the post is held."""
    row = stack.sql("SELECT event, code FROM post_events WHERE post_id = %s ORDER BY at_us DESC, id DESC LIMIT 1", sent.key)[0]
    return row["code"] if row["event"] == "held" else None


def state_of(stack, sent):
    return stack.sql("SELECT state FROM posts WHERE id = %s", sent.key)[0]["state"]


# Credentials


@pytest.mark.parametrize("path", PATHS)
def test_keys_in_use_stop_with_the_next_request(stack, user, path):
    """Others ask with it all the time, so that it is kept, and is being read, at the moment when the user is disabled. So does
    an old secret of a key that was rotated."""
    rotated = user.make_key("rotated")
    new = expect(user.web.post(f"/api/v1/keys/{rotated['id']}/rotate", json={"overlap_sec": 3600}), 200)["data"]
    keys = [user.key, rotated["key"], new["key"]]
    over, seen = threading.Event(), []

    def use():
        while not over.is_set():
            seen.extend(with_key(stack, key, path).status_code for key in keys)

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        stack.wait(lambda: seen.count(200) > 10, "the keys are in use")
        run(stack, "disable", user.email)
        answers = [with_key(stack, key, path) for key in keys for _ in range(3)]
        run(stack, "enable", user.email)
        back = [with_key(stack, key, path) for key in keys]
    finally:
        over.set()
        for thread in threads:
            thread.join()
    for answer in answers:
        expect(answer, 403, "account_disabled")
    for answer in back:
        expect(answer, 200)
    assert set(seen) <= {200, 403}


def test_sessions_are_refused_and_a_sign_in_is_as_of_nobody(stack, user, off):
    expect(user.web.get("/api/v1/me"), 200)
    off()
    expect(user.web.get("/api/v1/me"), 403, "account_disabled")

    def answer(email, password):
        got = stack.client(Origin=stack.url).post("/api/v1/auth/login", json={"email": email, "password": password})
        body = got.json()
        body["meta"].pop("request_id")
        return got.status_code, body, {h for h in got.headers}

    known_one = answer(user.email, user.password)
    assert known_one == answer(f"{uuid.uuid4().hex}@example.com", user.password)
    assert known_one[0] == 401 and known_one[1]["error"]["code"] == "bad_credentials"


def test_a_sign_in_that_waits_for_its_code_is_over(stack, user, off):
    app, _ = enrol(user)
    token = begun(user)
    off()
    expect(finish(stack, token, app.next()), 401)
    expect(begin(user), 401, "bad_credentials")


def test_enabling_puts_sessions_back(stack, user):
    run(stack, "disable", user.id)
    run(stack, "enable", user.id)
    expect(user.web.get("/api/v1/me"), 200)


def test_said_when_the_epoch_cannot_be_ended(stack, user, tmp_path):
    """Then programs find it out within a second."""
    conf = tmp_path / "conf"
    conf.write_text("".join("epoch = /nowhere/at/all\n" if line.startswith("epoch = ") else line
                            for line in stack.at.conf.read_text().splitlines(keepends=True)))
    expect(with_key(stack, user.key), 200)
    done = stack.admin("user", "disable", user.id, conf=conf)
    assert done.returncode == 0 and "/nowhere/at/all" in done.stderr and "within a second" in done.stderr, done.stderr
    stack.wait(lambda: with_key(stack, user.key).status_code == 403, "what was kept is old")
    run(stack, "enable", user.id)


# Posts


def test_posts_are_held_and_go_on_when_the_user_is_enabled(stack, user, account):
    with stack.stopped("worker-publish"):
        sent = [Sent(stack, user, account) for _ in range(3)]
        run(stack, "disable", user.id)
    stack.wait(lambda: last_held(stack, sent[0]) == "user_disabled", "the first says why it waits")
    stack.move_clock(2 * 3600)  # beyond every backoff, and housekeeping has looked for jobs that are late
    stack.wait(lambda: stack.sql("SELECT 1 FROM jobs_publish WHERE kind = 'turn' AND subject_id = %s AND lease_token IS NULL",
                                 uuid.UUID(account).bytes), "nothing runs")
    assert [state_of(stack, s) for s in sent] == ["queued"] * 3 and not any(s.at_simulator() for s in sent)
    run(stack, "enable", user.id)
    for s in sent:
        assert s.wait()["status"] == "published" and s.at_simulator() == 1
    assert sent[0].events().count("held") == 1


def test_held_in_vain_until_the_time_of_the_images_is_over(stack, user, account):
    with stack.stopped("worker-publish"):
        sent = Sent(stack, user, account)
        run(stack, "disable", user.id)
    stack.wait(lambda: last_held(stack, sent) == "user_disabled", "it is held")
    stack.move_clock(6 * 86400 + 60)
    stack.wait(lambda: state_of(stack, sent) == "failed", "it has ended")
    run(stack, "enable", user.id)
    user.confirm()
    post = expect(user.web.get(f"/api/v1/posts/{sent.id}"), 200)["data"]
    failed(post, "user_disabled")
    assert not sent.attempts()


def test_what_tiktok_has_is_followed_to_its_end(stack, user, account, tiktok, off):  # noqa: F811
    known(stack, account)
    tiktok.fault(STATUS, (500, "{}"), times=1)
    sent = Sent(stack, user, account)
    sent.wait("processing")
    off()
    stack.wait(lambda: state_of(stack, sent) == "published", "TikTok has told its end", seconds=60)


def wait_for_waiter(stack, who, what):
    """Until that user of the database has been at such a statement for a while: it waits for a lock. Others may, too, such as a
    program that notes what keys were used for."""
    stack.wait(lambda: stack.sql("SELECT 1 FROM information_schema.PROCESSLIST WHERE USER = %s AND INFO LIKE %s AND TIME_MS > 100",
                                 who, what), f"{who} waits for a lock")


@pytest.mark.parametrize("together", [1, 3])
def test_disabled_while_posts_are_handed_over(stack, user, together):
    """The worker has read that the user is active, and is about to write the attempts down."""
    accounts = [user.connect() for _ in range(together)]
    for account in accounts:
        known(stack, account)
    root = pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="root", database="marketingcli", autocommit=False)
    with stack.configured("worker-publish", database_timeout_sec=30), root, root.cursor() as cursor:
        with stack.stopped("worker-publish"):
            sent = [Sent(stack, user, account) for account in accounts]
            cursor.execute("SELECT id FROM users WHERE id = %s FOR UPDATE", uuid.UUID(user.id).bytes)
        wait_for_waiter(stack, "marketingcli_worker_publish", "SELECT state FROM users%LOCK IN SHARE MODE")
        cursor.execute("UPDATE users SET state = 'disabled' WHERE id = %s", uuid.UUID(user.id).bytes)
        root.commit()
        stack.wait(lambda: all(last_held(stack, s) == "user_disabled" for s in sent), "they are held")
        assert not any(stack.sql("SELECT 1 FROM post_attempts WHERE post_id = %s", s.key) for s in sent)
    run(stack, "enable", user.id)
    for s in sent:
        assert s.wait()["status"] == "published" and s.at_simulator() == 1


def test_who_disables_waits_for_an_attempt_that_is_being_written(stack, user, account):
    """And so the post has been sent when the verb is done: nothing leaves afterwards."""
    known(stack, account)
    root = pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="root", database="marketingcli", autocommit=False)
    with stack.configured("worker-publish", database_timeout_sec=30), root, root.cursor() as cursor:
        with stack.stopped("worker-publish"):
            sent = Sent(stack, user, account)
            cursor.execute("SELECT id FROM posts WHERE id = %s FOR UPDATE", sent.key)
        wait_for_waiter(stack, "marketingcli_worker_publish", "UPDATE posts%")
        disabling = threading.Thread(target=run, args=(stack, "disable", user.id))
        disabling.start()
        wait_for_waiter(stack, "root", "SELECT state FROM users%FOR UPDATE")
        root.commit()
        disabling.join()
        assert sent.states_of_attempts() != [], "the attempt came first"
        stack.wait(lambda: state_of(stack, sent) == "published", "and is followed to its end")
    run(stack, "enable", user.id)
