"""The second factor and what is signed in already: what it ends, and what asks for a code."""

import concurrent.futures
import uuid

import pymysql
from authenticator import begin, begun, enrol, finish
from helpers import expect
from mailing import wait_letter
from test_totp import MINUTE, TOTP, enrolled, rows, told  # noqa: F401 (a fixture)


def test_sessions_that_needed_no_code_end(user, stack):
    """Whoever has found the password, and has signed in with it, must not go on and switch the code off."""
    second = stack.client(Origin=stack.url)
    expect(begin(user, second), 200)
    enrol(user)
    expect(second.delete("/api/v1/auth/totp"), 401, "session_expired")
    expect(user.web.get("/api/v1/me"), 200)


def test_a_sign_in_that_needed_no_code_a_moment_ago(user, stack):
    """It waits for the user's row while the second factor is switched on: it is asked for a code all the same."""
    expect(user.web.post("/api/v1/auth/totp"), 200)
    id = uuid.UUID(user.id).bytes
    root = pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="root", database="marketingcli", autocommit=False)
    with concurrent.futures.ThreadPoolExecutor(1) as pool, root, root.cursor() as cursor:
        cursor.execute("SELECT id FROM users WHERE id = %s FOR UPDATE", id)
        answer = pool.submit(begin, user)
        stack.wait(lambda: int(stack.sql("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'")[0]["Value"]), "the sign-in waits")
        cursor.execute("UPDATE user_totp SET enabled_at_us = created_at_us WHERE user_id = %s", id)
        root.commit()
        assert expect(answer.result(), 202)["data"]["status"] == "code_required"
    assert len(rows(stack, user, "sessions")) == 1


# The password again


def test_confirming_takes_a_code(enrolled, stack):  # noqa: F811
    user, app, codes = enrolled
    stack.move_clock(11 * MINUTE)

    def confirm(**more):
        return user.web.post("/api/v1/auth/confirm", json={"password": user.password, **more})

    expect(confirm(), 403, "code_required")
    expect(confirm(code=app.wrong()), 403, "wrong_code")
    expect(user.web.post("/api/v1/auth/confirm", json={"password": "x", "code": app.next()}), 403, "wrong_password")
    expect(user.web.delete("/api/v1/auth/totp"), 403, "recent_auth_required")
    expect(confirm(code=app.shows()), 200)
    expect(confirm(code=app.shows()), 403, "wrong_code")
    expect(confirm(code=codes[0]), 200)
    assert told(stack, user)[1][-1] == "recovery_code_used"
    expect(user.web.delete("/api/v1/auth/totp"), 204)
    expect(confirm(), 200)


def test_another_password_takes_no_code_and_opens_nothing(enrolled, stack):  # noqa: F811
    """Who has found the password must not come to what needs the code by changing it."""
    user, _, _ = enrolled
    stack.move_clock(11 * MINUTE)
    expect(user.web.post("/api/v1/auth/change-password", json={"old_password": user.password, "new_password": "a harmless walrus 7"}), 204)
    expect(user.web.delete("/api/v1/auth/totp"), 403, "recent_auth_required")
    expect(user.web.post("/api/v1/keys", json={"name": "x"}), 403, "recent_auth_required")


def test_a_right_password_alone_makes_no_guess_free(enrolled, stack):  # noqa: F811
    user, app, _ = enrolled
    change = {"old_password": user.password, "new_password": user.password}
    wrong = {"password": user.password, "code": app.wrong()}
    assert [user.web.post("/api/v1/auth/confirm", json=wrong).status_code for _ in range(4)] == [403] * 4
    user.web.post("/api/v1/auth/change-password", json=change)
    assert [user.web.post("/api/v1/auth/confirm", json=wrong).status_code for _ in range(2)] == [403, 429]


def test_a_reset_is_not_a_way_around_the_code(enrolled, stack):  # noqa: F811
    user, app, _ = enrolled
    expect(stack.client(Origin=stack.url).post("/api/v1/auth/forgot-password", json={"email": user.email}), 202)
    user.password = "a harmless walrus 7"
    link = {"token": wait_letter(stack, user.email, "password").token, "password": user.password}
    expect(stack.client(Origin=stack.url).post("/api/v1/auth/reset-password", json=link), 204)
    expect(user.web.get("/api/v1/me"), 401, "session_expired")
    expect(finish(stack, begun(user), app.next()), 200)


def test_wrong_codes_there_are_guesses(enrolled, stack):  # noqa: F811
    user, app, _ = enrolled
    body = {"password": user.password, "code": app.wrong()}
    assert [user.web.post("/api/v1/auth/confirm", json=body).status_code for _ in range(6)] == [403] * 5 + [429]
    expect(finish(stack, begun(user), app.next()), 200)  # counted apart
