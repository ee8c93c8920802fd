"""Test data: failures that are asked for, and its end after 30 days."""

import contextlib
import pathlib
import re
import uuid

import pymysql
import pytest
from conftest import User
from publishing import Sent, failed
from test_mode import CLIENT, MODES, World

DAY = 86400

# Failures that are asked for

FAILURES = {
    "file_format_check_failed": "file_format_check_failed", "picture_size_check_failed": "picture_size_check_failed",
    "photo_pull_failed": "photo_pull_failed", "internal": "tiktok_internal", "publish_cancelled": "publish_cancelled",
    "spam_risk_text": "spam_risk_text", "spam_risk": "spam_risk",
    "spam_risk_user_banned_from_posting": "spam_risk_user_banned_from_posting",
    "invalid_param": "tiktok_invalid_param", "url_ownership_unverified": "url_ownership_unverified",
    "privacy_level_option_mismatch": "privacy_level_not_offered",
    "unaudited_client_can_only_post_to_private_accounts": "unaudited_client_can_only_post_to_private_accounts",
    "internal_error": "outcome_unknown", "timeout": "outcome_unknown", "outcome_unknown": "outcome_unknown",
}


@pytest.fixture(scope="module")
def tester(stack):
    return World(User(stack), "test")


@pytest.mark.parametrize("code", FAILURES)
def test_a_failure_that_is_asked_for(stack, tester, code):
    stack.sql("UPDATE accounts SET init_calls = '', poll_calls = '' WHERE id = %s", uuid.UUID(tester.account).bytes)
    stack.sql("UPDATE sandbox_creators SET init_calls = '', status_calls = '' WHERE username LIKE 'test.%%'")
    post = tester.post(f"a [[fail:{code}]]")
    failed(post.wait(), FAILURES[code])
    assert post.at_simulator() == (1 if code == "outcome_unknown" or code in
                                   ("file_format_check_failed", "picture_size_check_failed", "photo_pull_failed", "internal", "publish_cancelled",
                                    "spam_risk_text", "spam_risk", "spam_risk_user_banned_from_posting") else 0)
    if FAILURES[code] == "outcome_unknown":
        assert post.states_of_attempts() == ["outcome_unknown"]


# The others of the document, each with what the post shows: its status and failure.code
OTHERS = {
    "spam_risk_too_many_posts": ("failed", "spam_risk_too_many_posts"), "duration_check_failed": ("failed", "duration_check_failed"),
    "frame_rate_check_failed": ("failed", "frame_rate_check_failed"), "video_pull_failed": ("failed", "photo_pull_failed"),
    "auth_removed": ("failed", "auth_removed"), "app_version_check_failed": ("failed", "app_version_too_old"),
    "spam_risk_too_many_pending_share": ("deferred", "spam_risk_too_many_pending_share"),
    "reached_active_user_cap": ("deferred", "reached_active_user_cap"), "rate_limit_exceeded": ("queued", None),
    "access_token_invalid": ("queued", "account_needs_reconnect"), "scope_not_authorized": ("queued", "account_needs_reconnect"),
    "confirmation_timeout": ("failed", "confirmation_timeout"),
}
DOCUMENT = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/test-keys.md"


def test_the_other_failures(stack, tester):
    """All at once, each of an account of its own."""
    table = DOCUMENT.read_text().partition("\n| CODE |")[2].partition("\n\n")[0]
    assert {code for line in table.splitlines()[2:] for code in re.findall(r"`(\w+)`", line.split("|")[1])} == set(FAILURES) | set(OTHERS)
    posts = {code: Sent(stack, tester, tester.connect(), f"a [[fail:{code}]]") for code in OTHERS}

    def shown(code):
        post = posts[code].get()
        return post["status"], post["failure"] and post["failure"]["code"]
    posts["confirmation_timeout"].wait_event("poll")
    posts["rate_limit_exceeded"].wait_event("refused_retry")
    for code in set(OTHERS) - {"confirmation_timeout"}:
        stack.wait(lambda code=code: shown(code) == OTHERS[code], f"{code}: {shown(code)}", 60)
    stack.move_clock(DAY + 60)
    stack.wait(lambda: shown("confirmation_timeout") == OTHERS["confirmation_timeout"], "nobody waits any longer", 60)


# Gone after 30 days


def counted(stack, text, *args):
    return stack.sql(f"SELECT COUNT(*) AS n FROM {text}", *args)[0]["n"]


def receipt(stack, post):
    """How many rows there are of it, by table."""
    return {table: counted(stack, f"{table} WHERE {column} = %s", post.key) for table, column in (
        ("posts", "id"), ("post_events", "post_id"), ("post_images", "post_id"), ("post_attempts", "post_id"))} | {
        "attempt_fetches": counted(stack, "attempt_fetches f WHERE NOT EXISTS (SELECT 1 FROM post_attempts a WHERE a.id = f.attempt_id)")}


def later(stack, days):
    """The clock is moved, and the hourly jobs have run since then."""
    stack.move_clock(days * DAY)
    for kind, table in (("housekeeping", "jobs_publish"), ("housekeeping", "jobs_publish")):
        before = stack.sql(f"SELECT MAX(run_at_us) AS at FROM {table} WHERE kind = %s AND lease_token IS NULL", kind)[0]["at"] or 0
        stack.move_clock(3700)
        stack.wait(lambda: (stack.sql(f"SELECT MAX(run_at_us) AS at FROM {table} WHERE kind = %s AND lease_token IS NULL", kind)[0]["at"]
                            or 0) > before, f"{kind} has run")


def test_test_data_is_gone_after_30_days(stack, user):
    with stack.configured("worker-publish", worker_idle_ms=20):
        worlds = {mode: World(user, mode) for mode in MODES}
        first = {mode: w.post() for mode, w in worlds.items()}
        for post in first.values():
            assert post.wait()["status"] == "published"
        test, account = worlds["test"], uuid.UUID(worlds["test"].account).bytes
        creator = stack.sql("SELECT username FROM creator_snapshots WHERE account_id = %s", account)[0]["username"]
        whole = {mode: receipt(stack, post) for mode, post in first.items()}
        later(stack, 20)
        second = test.post()
        assert second.wait()["status"] == "published"
        later(stack, 9)
        assert {mode: receipt(stack, post) for mode, post in first.items()} == whole
        later(stack, 2)
        stack.wait(lambda: set(receipt(stack, first["test"]).values()) == {0}, "the test post is gone, with all of it")
        assert receipt(stack, first["live"]) == whole["live"] and receipt(stack, second)["posts"] == 1
        assert test.ids("/api/v1/posts") == [second.id] and test.ids("/api/v1/accounts") == [test.account]  # it was used
        stack.wait(lambda: counted(stack, "uploads WHERE id = %s", uuid.UUID(test.upload).bytes) == 0, "the upload that nobody used")
        later(stack, 20)
        later(stack, 1)
        stack.wait(lambda: counted(stack, "accounts WHERE id = %s", account) == 0, "the account is gone, too")
        for table in ("posts", "uploads", "accounts"):
            assert counted(stack, f"{table} WHERE user_id = %s AND mode = 'test'", uuid.UUID(user.id).bytes) == 0
            assert counted(stack, f"{table} WHERE user_id = %s AND mode = 'live'", uuid.UUID(user.id).bytes) > 0
        assert set(receipt(stack, second).values()) == {0} and receipt(stack, first["live"]) == whole["live"]
        stack.move_clock(2 * DAY)
        stack.wait(lambda: counted(stack, "sandbox_creators WHERE username = %s", creator) == 0, "the simulator has forgotten it")
        assert counted(stack, "sandbox_grants g LEFT JOIN sandbox_creators c ON c.id = g.creator_id WHERE g.client_key = %s AND c.id IS NULL",
                       CLIENT) == 0


def test_who_deletes_test_data_cannot_delete_other(stack, user):
    live = World(user, "live")
    post = live.post()
    post.wait()
    password = (stack.at.credentials / "worker_publish/db-password").read_text()
    worker = pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="marketingcli_worker_publish", password=password,
                             database="marketingcli", autocommit=True)
    with contextlib.closing(worker), worker.cursor() as cursor:
        for view, id in (("test_posts", post.key), ("test_accounts", uuid.UUID(live.account).bytes), ("test_uploads", uuid.UUID(live.upload).bytes)):
            assert cursor.execute(f"DELETE FROM {view} WHERE id = %s", id) == 0
            with pytest.raises(pymysql.MySQLError):
                cursor.execute(f"UPDATE {view} SET mode = 'test' WHERE id = %s", id)
    assert receipt(stack, post)["posts"] == 1
