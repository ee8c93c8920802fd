"""Connected accounts: what they show, and how they end."""

import pathlib
import secrets
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import standing
from helpers import expect
from publishing import Sent
from waiting import quickest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from transport import INTERNAL_ERROR, Transport  # noqa: E402

REVOKE = "/v2/oauth/revoke/"
FIELDS = {"id", "platform", "username", "display_name", "avatar_url", "is_active", "state", "state_reason", "scopes",
          "connected_at", "platform_data"}


def row_of(stack, id):
    (row,) = stack.sql(f"SELECT * FROM accounts WHERE id = {hexed(id)}")
    return row


def hexed(id):
    return f"x'{id.replace('-', '')}'"


def get(user, id):
    return expect(user.web.get(f"/api/v1/accounts/{id}"), 200)["data"]


def with_snapshot(stack, user, id):
    """The account once the worker has asked TikTok."""
    return stack.wait(lambda: (a := get(user, id))["platform_data"]["snapshot_at"] and a, "a snapshot")


# --- showing


def test_list(user):
    name = f"list.{user.id[-8:]}"
    id = user.connect(name)
    body = expect(user.api.get("/api/v1/accounts?platform=tiktok"), 200)
    (account,) = body["data"]
    assert set(account) == FIELDS
    assert account["id"] == id and account["platform"] == "tiktok" and account["is_active"] is True
    assert account["state"] == "active" and account["state_reason"] is None and account["display_name"]
    assert body["meta"]["has_more"] is False and body["meta"]["next_cursor"] is None
    assert expect(user.web.get("/api/v1/accounts"), 200)["data"][0]["id"] == id


@pytest.mark.parametrize("platform", ["instagram", "", "TikTok"])
def test_other_platforms_have_no_accounts(user, account, platform):
    assert expect(user.web.get(f"/api/v1/accounts?platform={platform}"), 200)["data"] == []


def test_list_in_pages(user):
    ids = [user.connect() for _ in range(3)]
    first = expect(user.web.get("/api/v1/accounts?limit=2"), 200)
    assert [a["id"] for a in first["data"]] == [ids[2], ids[1]] and first["meta"]["has_more"] is True
    rest = expect(user.web.get(f"/api/v1/accounts?limit=2&cursor={first['meta']['next_cursor']}"), 200)
    assert [a["id"] for a in rest["data"]] == [ids[0]] and rest["meta"]["has_more"] is False


@pytest.mark.parametrize("query, status, code", [("limit=0", 422, "out_of_range"), ("limit=101", 422, "out_of_range"),
                                                 ("colour=red", 422, "unknown_field"), ("cursor=x", 400, "bad_cursor")])
def test_list_with_bad_queries(user, query, status, code):
    expect(user.web.get(f"/api/v1/accounts?{query}"), status, code)


def test_snapshot(user, stack):
    name = f"snap.{user.id[-8:]}"
    account = with_snapshot(stack, user, user.connect(name, comment_disabled=True))
    assert set(account) == FIELDS
    assert account["username"] == name
    data = account["platform_data"]
    assert set(data) == {"privacy_level_options", "comment_disabled", "creator_nickname", "can_post", "post_block",
                         "must_be_private", "snapshot_at"}
    assert data["privacy_level_options"] == ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
    assert data["comment_disabled"] is True and data["can_post"] is True and data["post_block"] is None
    assert data["creator_nickname"]


def test_snapshot_of_a_private_account(user, stack):
    data = with_snapshot(stack, user, user.connect(private=True))["platform_data"]
    assert data["privacy_level_options"] == ["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]


def test_an_old_snapshot_is_renewed_by_looking(user, stack, account):
    first = with_snapshot(stack, user, account)["platform_data"]["snapshot_at"]
    asked = f"SELECT * FROM jobs_publish WHERE kind = 'creator' AND subject_id = {hexed(account)}"
    stack.wait(lambda: not stack.sql(asked), "what was asked before it came is done")
    stack.move_clock(590)
    get(user, account)
    assert not stack.sql(asked)
    stack.move_clock(20)
    assert get(user, account)["platform_data"]["snapshot_at"] == first
    stack.wait(lambda: get(user, account)["platform_data"]["snapshot_at"] > first, "a newer snapshot")


def test_a_snapshot_is_not_shown_after_a_day(user, stack, account):
    with_snapshot(stack, user, account)
    with stack.stopped("worker-publish"):
        stack.move_clock(86390)
        assert get(user, account)["username"]
        stack.move_clock(20)
        shown = get(user, account)
        assert shown["username"] is None
        assert shown["platform_data"] == {"privacy_level_options": [], "comment_disabled": False, "creator_nickname": None,
                                          "can_post": True, "post_block": None, "must_be_private": False, "snapshot_at": None}


def test_an_app_that_is_not_audited_says_so_of_accounts(user, stack, account):
    test = user.web.post("/api/v1/sandbox/accounts?mode=test", json={}).json()["data"]["id"]
    with stack.configured("tiktok", tiktok_audited="no"):
        assert get(user, account)["platform_data"]["must_be_private"] is True
        assert expect(user.web.get(f"/api/v1/accounts/{test}?mode=test"), 200)["data"]["platform_data"]["must_be_private"] is False
    assert get(user, account)["platform_data"]["must_be_private"] is False


def test_without_video_publish_creator_info_is_not_asked(user, stack):
    id = user.connect(grant=["user.info.basic", "video.upload"])
    assert get(user, id)["platform_data"]["snapshot_at"] is None
    assert not stack.sql(f"SELECT * FROM jobs_publish WHERE kind = 'creator' AND subject_id = {hexed(id)}")


def test_accounts_of_others_do_not_exist(user, other, account):
    for id in (account, str(uuid.uuid4()), "x", account[:-1]):
        expect(other.web.get(f"/api/v1/accounts/{id}"), 404, "not_found")
        expect(other.web.delete(f"/api/v1/accounts/{id}"), 404, "not_found")
    assert expect(other.web.get("/api/v1/accounts"), 200)["data"] == []
    assert get(user, account)["is_active"] is True


def test_methods(user, account):
    answer = user.web.put(f"/api/v1/accounts/{account}")
    expect(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].replace(" ", "").split(",")) >= {"GET", "DELETE"}
    expect(user.web.post("/api/v1/accounts"), 405, "method_not_allowed")


def test_needs_credentials(stack, account):
    expect(stack.client().get("/api/v1/accounts"), 401, "unauthenticated")
    expect(stack.client().get(f"/api/v1/accounts/{account}"), 401, "unauthenticated")


# --- ending


def disconnect(user, id):
    return expect(user.web.delete(f"/api/v1/accounts/{id}"), 200)["data"]


def assert_wiped(stack, user, id):
    row = row_of(stack, id)
    assert row["state"] == "disconnected" and row["disconnected_at_us"]
    for column in ("access_token", "refresh_token", "display_name", "avatar_url", "access_expires_at_us",
                   "refresh_expires_at_us", "lease_token"):
        assert row[column] is None, column
    assert not stack.sql(f"SELECT * FROM creator_snapshots WHERE account_id = {hexed(id)}")
    expect(user.web.get(f"/api/v1/accounts/{id}"), 404, "not_found")
    assert id not in [a["id"] for a in expect(user.web.get("/api/v1/accounts"), 200)["data"]]


def test_disconnect(user, stack, account):
    with_snapshot(stack, user, account)
    assert disconnect(user, account) == {"id": account, "disconnected": True, "revoked_at_tiktok": True,
                                         "not_revoked_because": None}
    assert_wiped(stack, user, account)
    expect(user.web.delete(f"/api/v1/accounts/{account}"), 404, "not_found")


def test_only_a_session_disconnects(user, stack, account):
    expect(user.api.delete(f"/api/v1/accounts/{account}"), 403, "session_required")
    expect(user.web.delete(f"/api/v1/accounts/{account}", headers={"Origin": "https://elsewhere.example"}), 403,
           "cross_origin")
    assert row_of(stack, account)["access_token"] is not None


@pytest.mark.parametrize("fault, why", [("drop", "unreachable"), ("drop_after", "unreachable"),
                                        (INTERNAL_ERROR, "unreachable"), ((200, '{"error":"invalid_request"}'), "refused")])
def test_disconnect_whatever_tiktok_says(user, stack, account, faulty_tiktok, fault, why):
    faulty_tiktok.fault(REVOKE, fault, times=2 if why == "refused" else 1)  # a refused token is refreshed and tried again
    told = disconnect(user, account)
    assert (told["revoked_at_tiktok"], told["not_revoked_because"]) == (False, why)
    assert_wiped(stack, user, account)


def grants(stack, name):
    """How many grants of ours this creator has at TikTok that are not revoked."""
    return stack.sql("SELECT COUNT(*) n FROM sandbox_grants g JOIN sandbox_creators c ON c.id = g.creator_id"
                     " WHERE c.username = %s AND g.revoked_at_us IS NULL", name)[0]["n"]


def test_a_grant_ends_with_its_last_connection(user, other, stack):
    """Two users have connected the same TikTok account. One leaves; the other still posts."""
    name = f"shared.{user.id[-8:]}"
    mine, theirs = user.connect(name), other.connect(name)
    assert disconnect(user, mine) == {"id": mine, "disconnected": True, "revoked_at_tiktok": False,
                                      "not_revoked_because": "in_use"}
    assert_wiped(stack, user, mine)
    assert Sent(stack, other, theirs).wait()["status"] == "published"
    assert disconnect(other, theirs)["revoked_at_tiktok"] is True and grants(stack, name) == 0


def test_of_two_who_leave_at_once_the_last_revokes(user, other, stack):
    for i in range(5):
        name = f"both{i}.{user.id[-8:]}"
        both = [(user, user.connect(name)), (other, other.connect(name))]
        with ThreadPoolExecutor() as pool:
            told = list(pool.map(lambda who: disconnect(*who), both))
        assert sorted(str(t["not_revoked_because"]) for t in told) == ["None", "in_use"] and grants(stack, name) == 0


def test_a_connection_that_needs_a_new_consent_does_not_hold_the_grant(user, other, stack):
    name = f"dead.{user.id[-8:]}"
    mine, theirs = user.connect(name), other.connect(name)
    stack.sql(f"UPDATE accounts SET state = 'needs_reconnect' WHERE id = {hexed(theirs)}")
    assert disconnect(user, mine)["revoked_at_tiktok"] is True


def test_a_reconnect_that_fails_leaves_the_connection_as_it_was(user, stack):
    name = f"again.{user.id[-8:]}"
    id = user.connect(name)
    before = row_of(stack, id)
    again = user.consent(user.authorize_url(), name, grant=["user.info.basic"])
    expect(user.web.get(again), 403, "tiktok_scope_missing")
    assert row_of(stack, id)["access_token"] == before["access_token"]
    assert Sent(stack, user, id).wait()["status"] == "published"


def test_a_failed_connection_of_somebody_else_takes_nothing_away(user, other, stack):
    name = f"else.{user.id[-8:]}"
    id = user.connect(name)
    callback = other.consent(other.authorize_url(), name, grant=["user.info.basic"])
    expect(other.web.get(callback), 403, "tiktok_scope_missing")
    assert Sent(stack, user, id).wait()["status"] == "published"


def test_a_connection_that_failed_halfway_leaves_nothing_at_tiktok(user, stack, faulty_tiktok):
    name = f"half.{user.id[-8:]}"
    callback = user.consent(user.authorize_url(), name)
    faulty_tiktok.fault("/v2/user/info/", "drop")
    expect(user.web.get(callback), 503, "tiktok_unreachable")
    assert grants(stack, name) == 0


def test_an_access_token_that_is_over_is_refreshed_before_the_revoke(user, stack):
    name = f"old.{user.id[-8:]}"
    id = user.connect(name)
    stack.sql(f"UPDATE accounts SET access_expires_at_us = 1 WHERE id = {hexed(id)}")
    stack.sql("UPDATE sandbox_tokens t JOIN sandbox_grants g ON g.id = t.grant_id JOIN sandbox_creators c"
              " ON c.id = g.creator_id SET t.expires_at_us = 1 WHERE c.username = %s AND t.kind = 'access'", name)
    with stack.stopped("worker-publish"):
        assert disconnect(user, id)["revoked_at_tiktok"] is True
    assert grants(stack, name) == 0


def test_who_connects_while_somebody_leaves_keeps_the_grant(user, other, stack, faulty_tiktok):
    """The access token of who leaves is over, and TikTok takes its time to refresh it."""
    name = f"meanwhile.{user.id[-8:]}"
    mine = user.connect(name)
    callback = other.consent(other.authorize_url(), name)
    stack.sql(f"UPDATE accounts SET access_expires_at_us = 1 WHERE id = {hexed(mine)}")
    with stack.stopped("worker-publish"), ThreadPoolExecutor() as pool:
        before = faulty_tiktok.requests("/v2/oauth/token/")
        faulty_tiktok.fault("/v2/oauth/token/", "held")
        leaving = pool.submit(disconnect, user, mine)
        stack.wait(lambda: faulty_tiktok.requests("/v2/oauth/token/") == before + 1, "it is being refreshed")
        theirs = expect(other.web.get(callback), 200)["data"]["id"]
        faulty_tiktok.release()
        assert leaving.result()["not_revoked_because"] == "in_use"
    assert faulty_tiktok.requests(REVOKE) == 0
    assert Sent(stack, other, theirs).wait()["status"] == "published"


def connected_while_a_revoke_hangs(stack, user, other, tiktok, name, in_time):
    """(what was told to who left, the account of who came): TikTok acts on the revoke once the worker has found the new grant good. In time:
    before the program that asks gives up."""
    mine = user.connect(name)
    callback = other.consent(other.authorize_url(), name)
    tiktok.released.clear()
    tiktok.fault(REVOKE, "late")
    before = tiktok.requests(REVOKE)
    with ThreadPoolExecutor() as pool:
        leaving = pool.submit(disconnect, user, mine)
        stack.wait(lambda: tiktok.requests(REVOKE) > before, "it is being revoked")
        theirs = expect(other.web.get(callback), 200)["data"]["id"]
        with_snapshot(stack, other, theirs)
        if in_time:
            tiktok.release()
        told = leaving.result()
    tiktok.release()
    stack.wait(lambda: grants(stack, name) == 0, "TikTok has acted on it")
    return told, theirs


def is_known_to_be_dead(stack, other, theirs, name):
    account = stack.wait(lambda: not (a := get(other, theirs))["is_active"] and a, "their connection is known to be dead")
    assert account["state"] == "needs_reconnect"
    assert other.connect(name) == theirs and Sent(stack, other, theirs).wait()["status"] == "published"


def test_who_connects_while_a_revoke_takes_long(user, other, stack, faulty_tiktok):
    """The new grant is dead, and that is known as soon as TikTok has answered."""
    names = (f"long{i}.{user.id[-8:]}" for i in range(10))

    def ended():
        told, theirs = connected_while_a_revoke_hangs(stack, user, other, faulty_tiktok, name := next(names), True)
        return told["revoked_at_tiktok"] and (theirs, name)  # else the machine was too slow for a call's five seconds
    theirs, name = stack.wait(ended, "TikTok has answered in time")
    is_known_to_be_dead(stack, other, theirs, name)


def test_who_connects_while_a_revoke_hangs(user, other, stack, faulty_tiktok):
    """TikTok acts on it after we have given up: that is known when it can do no more."""
    name = f"hangs.{user.id[-8:]}"
    told, theirs = connected_while_a_revoke_hangs(stack, user, other, faulty_tiktok, name, False)
    assert told["not_revoked_because"] == "unreachable" and get(other, theirs)["is_active"] is True
    stack.move_clock(70)
    is_known_to_be_dead(stack, other, theirs, name)


def test_a_grant_that_somebody_ended_a_moment_ago_is_looked_at(user, other, stack):
    """And one that lives goes on living."""
    name = f"ended.{user.id[-8:]}"
    assert disconnect(user, user.connect(name))["revoked_at_tiktok"] is True
    theirs = other.connect(name)
    row = row_of(stack, theirs)
    before, ending = row["access_expires_at_us"], ("SELECT 1 FROM grants_ending WHERE open_id = %s", row["open_id"])
    assert stack.sql(*ending)
    stack.move_clock(70)
    stack.wait(lambda: row_of(stack, theirs)["access_expires_at_us"] > before, "TikTok has given new tokens")
    assert get(other, theirs)["is_active"] is True
    third = other.connect(f"apart.{user.id[-8:]}")
    assert not stack.sql(f"SELECT 1 FROM jobs_publish WHERE kind = 'refresh' AND subject_id = {hexed(third)}")
    standing.run(stack, "jobs_publish", "housekeeping")
    assert not stack.sql(*ending), "what is over is gone"


def test_disconnect_waits_five_seconds_at_most(user, stack, faulty_tiktok):
    ended = []

    def connected():
        faulty_tiktok.fault(REVOKE, "hang")
        ended.append(user.connect())
        return ended[-1]

    def end(account):
        assert disconnect(user, account)["revoked_at_tiktok"] is False

    assert 4 < quickest(end, 8, connected) < 8
    for account in ended:
        assert_wiped(stack, user, account)


@pytest.mark.parametrize("damage, why", [
    ("access_token = 'x', refresh_token = 'x'", "tokens_unreadable"),
    ("refresh_token = 'x', access_expires_at_us = 1", "tokens_unreadable"),
    ("refresh_token = 'x'", None),  # each of the two ends the grant by itself
    ("access_token = 'x'", None)])
def test_disconnect_when_the_tokens_do_not_open(user, stack, account, damage, why):
    stack.sql(f"UPDATE accounts SET {damage} WHERE id = {hexed(account)}")
    assert disconnect(user, account)["not_revoked_because"] == why
    assert_wiped(stack, user, account)


def add_post(stack, user, account, state):
    id = uuid.UUID(bytes=int(time.time() * 1000).to_bytes(6, "big") + b"\x70\x00\x80\x00" + secrets.token_bytes(6))
    now = time.time_ns() // 1000
    stack.sql(f"INSERT INTO posts SET id = {hexed(str(id))}, user_id = {hexed(user.id)}, account_id = {hexed(account)},"
              " post_mode = 'MEDIA_UPLOAD', disable_comment = 0, auto_add_music = 0, brand_content_toggle = 0,"
              " brand_organic_toggle = 0, is_aigc = 0, photo_cover_index = 0, state = %s, created_at_us = %s,"
              " updated_at_us = %s", state, now, now)
    return str(id)


def test_disconnect_cancels_what_was_not_handed_over(user, stack, account):
    unsent = {s: add_post(stack, user, account, s) for s in ("draft", "awaiting_approval", "scheduled", "queued",
                                                            "deferred")}
    sent = {s: add_post(stack, user, account, s) for s in ("publishing", "processing", "published", "in_inbox", "failed",
                                                          "canceled")}
    with stack.stopped("worker-publish"):  # which ends what was under way, by what TikTok says
        disconnect(user, account)
        rows = {uuid.UUID(bytes=r["id"]).hex: r
                for r in stack.sql(f"SELECT * FROM posts WHERE account_id = {hexed(account)}")}
    for id in unsent.values():
        row = rows[id.replace("-", "")]
        assert (row["state"], row["failure_code"]) == ("canceled", "account_disconnected")
        assert row["ended_at_us"]
        (event,) = stack.sql(f"SELECT * FROM post_events WHERE post_id = {hexed(id)}")
        assert (event["event"], event["state"]) == ("account_disconnected", "canceled") and event["request_id"]
    for state, id in sent.items():
        assert rows[id.replace("-", "")]["state"] == state


def test_disconnect_cancels_more_than_one_batch(user, stack, account):
    ids = [add_post(stack, user, account, "scheduled") for _ in range(203)]
    disconnect(user, account)
    canceled = f"SELECT COUNT(*) n FROM posts WHERE account_id = {hexed(account)} AND state = 'canceled'"
    stack.wait(lambda: stack.sql(canceled)[0]["n"] == len(ids), "the worker cancels the others")


@pytest.fixture
def faulty_tiktok(stack):
    """For one test: a program that starts meanwhile, as the worker does in others, would go on asking it."""
    with Transport(stack) as tiktok, tiktok.used_by("tiktok"):
        yield tiktok
