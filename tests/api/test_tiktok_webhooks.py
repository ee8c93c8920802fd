"""POST /webhooks/tiktok: what is taken, what is refused, and what becomes of it (fcgi-apps/tiktok/webhook.c,
lib/model/tiktok/tiktok_event.c, worker/publish/removed.c)."""

import concurrent.futures
import contextlib
import json
import socket
import ssl
import uuid

import pytest
from helpers import Client, expect
from publishing import Sent, creator_of
from test_accounts import add_post, row_of
from test_metrics import Shown, nobody_is_busy
from tiktok_events import PATH, bytes_of, deliver, event, jobs, open_id_of, row, signed

HOUR = 3600


@pytest.fixture
def idle(stack):
    """Nobody works events off meanwhile."""
    with stack.stopped("worker-publish"):
        yield stack


@pytest.fixture
def connected(stack, user):
    """An account that was connected a while ago: TikTok tells whole seconds."""
    user.account = user.connect()
    stack.move_clock(2)
    user.open_id = open_id_of(stack, user.account)
    return user


def taken(answer):
    assert expect(answer, 200)["data"] == {"received": True}


def logged(stack, answer):
    """The program's line about that request."""
    request = answer.headers["X-Request-Id"]
    return stack.wait(lambda: [l for l in map(json.loads, stack.log("tiktok").splitlines())
                               if l.get("event") == "request" and l.get("request_id") == request], "the log line")[0]


def is_gone(stack, account):
    """What a disconnect wipes is wiped."""
    kept = row_of(stack, account)
    return kept["state"] == "disconnected" and [kept[c] for c in ("access_token", "refresh_token", "display_name", "avatar_url")] == [None] * 4


@contextlib.contextmanager
def raw(stack):
    """A connection by hand."""
    context = ssl.create_default_context(cafile=str(stack.ca))
    with socket.create_connection(("127.0.0.1", stack.https), 60) as plain, context.wrap_socket(plain, server_hostname="localhost") as s:
        yield s


def wait_until_done(stack, sent):
    stack.wait(lambda: row(stack, sent)["state"] == "done", "the event is done")


# --- access that was removed


def test_what_a_disconnect_wipes_goes(stack, connected, other):
    """Of every user who has connected that account, also of one who is disabled; their posts end as after a disconnect; each is told."""
    name = stack.wait(lambda: creator_of(stack, connected.account), "the creator is known")
    theirs = other.connect(name)
    stack.move_clock(2)
    stack.sql("UPDATE users SET state = 'disabled' WHERE id = %s", uuid.UUID(other.id).bytes)
    posts = [add_post(stack, connected, connected.account, state) for state in ("scheduled", "draft")]
    sent = event(stack, open_id=connected.open_id)
    taken(deliver(stack, sent))
    wait_until_done(stack, sent)
    assert is_gone(stack, connected.account) and is_gone(stack, theirs)
    assert stack.sql("SELECT 1 FROM creator_snapshots WHERE account_id = %s", uuid.UUID(connected.account).bytes) == []
    assert expect(connected.web.get("/api/v1/accounts"), 200)["data"] == []
    for id in posts:
        post = expect(connected.web.get(f"/api/v1/posts/{id}"), 200)["data"]
        assert (post["status"], post["failure"]["code"]) == ("canceled", "account_disconnected")
    newest = expect(connected.web.get("/api/v1/me/activity"), 200)["data"][0]
    assert (newest["what"], newest["by"], newest["about_id"]) == ("account_removed", "service", connected.account)
    assert stack.sql("SELECT what FROM activity WHERE user_id = %s ORDER BY id DESC LIMIT 1", uuid.UUID(other.id).bytes) == [
        {"what": "account_removed"}]


def test_one_that_was_connected_since_stays(stack, connected):
    """Late, replayed, and once more under another signature."""
    name = stack.wait(lambda: creator_of(stack, connected.account), "the creator is known")
    sent = event(stack, open_id=connected.open_id)
    taken(deliver(stack, sent))
    wait_until_done(stack, sent)
    stack.move_clock(2)
    assert connected.connect(name) == connected.account
    late = event(stack, open_id=connected.open_id, age_sec=HOUR)
    for what, header in ((sent, None), (late, None), (late, signed(stack, bytes_of(late), age_sec=60))):
        taken(deliver(stack, what, header))
    wait_until_done(stack, late)
    assert expect(connected.web.get(f"/api/v1/accounts/{connected.account}"), 200)["data"]["is_active"]


def test_one_from_the_future_ends_nothing_that_is_connected_later(stack, connected):
    name = stack.wait(lambda: creator_of(stack, connected.account), "the creator is known")
    with stack.stopped("worker-publish"):
        sent = event(stack, open_id=connected.open_id, age_sec=-HOUR)
        taken(deliver(stack, sent))
        stack.move_clock(2)
        connected.connect(name)
    wait_until_done(stack, sent)
    assert expect(connected.web.get(f"/api/v1/accounts/{connected.account}"), 200)["data"]["is_active"]


@pytest.mark.parametrize("age_sec", [30, 10**9], ids=["a moment ago", "long before TikTok can have told it"])
def test_whose_order_the_clocks_cannot_tell_tiktok_is_asked(stack, connected, age_sec):
    with stack.stopped("worker-publish"):
        sent = event(stack, open_id=connected.open_id, age_sec=age_sec)
        taken(deliver(stack, sent))
        stack.sql("UPDATE accounts SET connected_at_us = connected_at_us - 2000000 WHERE id = %s", uuid.UUID(connected.account).bytes)
        before = row_of(stack, connected.account)["refresh_expires_at_us"], row_of(stack, connected.account)["access_token"]
    wait_until_done(stack, sent)
    stack.wait(lambda: row_of(stack, connected.account)["access_token"] != before[1], "a fresh pair")
    assert row_of(stack, connected.account)["state"] == "active"


def test_an_erasure_leaves_what_is_about_another_users_connection(stack, connected, other):
    """Of the same TikTok account: it is theirs, too."""
    name = stack.wait(lambda: creator_of(stack, connected.account), "the creator is known")
    other.connect(name)
    waiting, done = event(stack, "x.y", connected.open_id), event(stack, "x.z", connected.open_id)
    for sent in (waiting, done):
        taken(deliver(stack, sent))
    stack.sql("UPDATE tiktok_events SET state = 'waiting' WHERE id = %s", row(stack, waiting)["id"])
    assert stack.admin("privacy", "erase", connected.email, "--reason", "a test").returncode == 0
    stack.wait(lambda: not stack.sql("SELECT 1 FROM accounts WHERE user_id = %s", uuid.UUID(connected.id).bytes), "the account is gone")
    assert row(stack, waiting)["open_id"] == row(stack, done)["open_id"] == connected.open_id


def test_test_accounts_have_no_webhooks(stack, connected):
    stack.sql("UPDATE accounts SET mode = 'test' WHERE id = %s", uuid.UUID(connected.account).bytes)
    sent = event(stack, open_id=connected.open_id)
    taken(deliver(stack, sent))
    assert row(stack, sent)["state"] == "ignored"


# --- what is stored


def test_an_event_is_stored_with_its_job(idle, connected):
    sent = event(idle, open_id=connected.open_id, more={"a": [1]})
    taken(deliver(idle, sent))
    kept = row(idle, sent)
    assert {k: kept[k] for k in ("kind", "state", "open_id", "publish_id", "post_id", "reason", "created_at_us", "done_at_us")} == {
        "kind": "authorization.removed", "state": "waiting", "open_id": connected.open_id, "publish_id": None, "post_id": None,
        "reason": "1", "created_at_us": sent["create_time"] * 10**6, "done_at_us": None}
    assert jobs(idle, "removed", kept["id"]) == 1
    taken(deliver(idle, sent))
    assert row(idle, sent) == kept


def test_of_somebody_unknown_nothing_is_kept(idle):
    sent = event(idle, open_id="-000nobody")
    answer = deliver(idle, sent)
    taken(answer)
    kept = row(idle, sent)
    assert (kept["state"], kept["open_id"], kept["publish_id"]) == ("ignored", None, None)
    assert jobs(idle, "removed", kept["id"]) == 0
    assert logged(idle, answer)["why"] == "unknown_user"


def test_many_at_once(idle, connected):
    sent = [event(idle, open_id=connected.open_id, age_sec=i) for i in range(4)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for answer in pool.map(lambda e: deliver(idle, e), sent * 4):
            taken(answer)
    assert idle.sql("SELECT COUNT(*) n FROM tiktok_events WHERE open_id = %s", connected.open_id)[0]["n"] == len(sent)


def test_what_became_of_a_post_makes_its_poll_due(idle, connected, other):
    """And is not believed; nor can the event of one account be about another's post."""
    id = add_post(idle, connected, connected.account, "processing")
    publish_id = f"p_pub_url~v2.{id[-12:]}"
    idle.sql("UPDATE posts SET publish_id = %s, accepted_at_us = created_at_us WHERE id = %s", publish_id, uuid.UUID(id).bytes)
    content = {"publish_id": publish_id, "publish_type": "DIRECT_POST", "post_id": 7435678901234567890}
    theirs = open_id_of(idle, other.connect())
    for open_id, polls in ((theirs, 0), (connected.open_id, 1)):
        sent = event(idle, "post.publish.publicaly_available", open_id, content)
        taken(deliver(idle, sent))
        assert jobs(idle, "poll", uuid.UUID(id).bytes) == polls
    kept = row(idle, sent)
    assert (kept["state"], kept["publish_id"], kept["post_id"]) == ("done", publish_id, "7435678901234567890")
    assert idle.sql("SELECT state FROM posts WHERE id = %s", uuid.UUID(id).bytes) == [{"state": "processing"}]
    idle.sql("UPDATE posts SET state = 'failed', ended_at_us = created_at_us WHERE id = %s", uuid.UUID(id).bytes)


def test_an_attempt_of_before_a_retry_keeps_the_retry_back(idle, connected, other):
    """Until TikTok is asked. Of one that failed, of another's, and of a post that has left, nothing happens; but its receipt tells."""
    id = add_post(idle, connected, connected.account, "queued")
    key, publish_id = uuid.UUID(id).bytes, f"p_pub_url~v2.{id[-12:]}"
    post = lambda: [(r["state"], r["publish_id"]) for r in idle.sql("SELECT state, publish_id FROM posts WHERE id = %s", key)][0]  # noqa: E731
    events = lambda: [r["event"] for r in idle.sql("SELECT event FROM post_events WHERE post_id = %s ORDER BY at_us, id", key)]  # noqa: E731
    idle.sql("UPDATE posts SET retried_after = 1 WHERE id = %s", key)
    idle.sql("INSERT INTO post_events (id, post_id, at_us, event, state) VALUES (%s, %s, 1, 'retried', 'queued')", key, key)
    idle.sql("INSERT INTO post_attempts (id, post_id, number, fence, state, payload, publish_id, created_at_us)"
             " VALUES (%s, %s, 1, %s, 'accepted', '{}', %s, 1)", key, key, key, publish_id)
    theirs = open_id_of(idle, other.connect())
    for open_id, what in ((theirs, "publicly_available"), (connected.open_id, "failed")):
        taken(deliver(idle, event(idle, f"post.publish.{what}", open_id, {"publish_id": publish_id})))
        assert (post(), events(), jobs(idle, "poll", key)) == (("queued", None), ["retried"], 0)
    idle.sql("UPDATE posts SET state = 'publishing' WHERE id = %s", key)
    taken(deliver(idle, event(idle, "post.publish.complete", connected.open_id, {"publish_id": publish_id})))
    assert (post(), events(), jobs(idle, "poll", key)) == (("publishing", None), ["retried", "earlier_accepted"], 0)
    idle.sql("UPDATE posts SET state = 'queued' WHERE id = %s", key)
    sent = event(idle, "post.publish.publicly_available", connected.open_id, {"publish_id": publish_id})
    for _ in range(2):
        taken(deliver(idle, sent))
        assert (post(), events(), jobs(idle, "poll", key)) == (("processing", publish_id), ["retried"] + ["earlier_accepted"] * 2, 1)
    idle.sql("UPDATE posts SET state = 'failed', ended_at_us = created_at_us WHERE id = %s", key)


def test_other_events_are_kept(idle, connected):
    for name in ("video.publish.completed", "portability.download.ready", "x.y"):
        sent = event(idle, name, connected.open_id, {"share_id": "s", "request_id": 1})
        taken(deliver(idle, sent))
        assert row(idle, sent)["state"] == "done"


def test_they_go_after_30_days(stack, connected):
    sent = event(stack, "x.y", connected.open_id)
    taken(deliver(stack, sent))
    stack.sql("INSERT INTO tiktok_events (digest, id, kind, state, created_at_us, received_at_us) SELECT UNHEX(SHA2(seq, 256)),"
              " UNHEX(MD5(seq)), 'x.y', 'ignored', 1, %s FROM seq_1_to_2500", row(stack, sent)["received_at_us"])
    stack.sql("UPDATE tiktok_events SET received_at_us = received_at_us - %s", 30 * 24 * HOUR * 10**6 + 10**6)
    stack.sql("UPDATE jobs_publish SET run_at_us = 1 WHERE kind = 'housekeeping'")
    stack.wait(lambda: stack.sql("SELECT COUNT(*) n FROM tiktok_events")[0]["n"] == 0, "they are gone, however many they are")


def test_what_became_of_webhooks_is_counted(idle, connected):
    sent, unreadable = event(idle, open_id=connected.open_id), {**event(idle), "create_time": "soon"}
    before = Shown(idle, "tiktok")
    for what in (sent, sent, event(idle, open_id="-000nobody"), unreadable):
        deliver(idle, what)
    deliver(idle, sent, "t=1,s=0")
    nobody_is_busy(idle, "tiktok")
    assert Shown(idle, "tiktok").moved(before, "webhooks_total") == {
        ("new",): 1, ("known",): 1, ("ignored",): 1, ("unreadable",): 1, ("bad_signature",): 1}


# --- what is refused

BAD = {
    "missing": lambda t, s, stack, body: "",
    "malformed": lambda t, s, stack, body: f"{t},{s},scheme",
    "time_repeated": lambda t, s, stack, body: f"{t},{t},{s}",
    "time_missing": lambda t, s, stack, body: s,
    "time_invalid": lambda t, s, stack, body: f"{t}x,{s}",
    "no_signature": lambda t, s, stack, body: f"{t},{s.replace('s=', 'v1=')}",
    "too_long": lambda t, s, stack, body: f"{t},{s},x={'0' * 3000}",
    "wrong": lambda t, s, stack, body: f"{t},s={'0' * 64}",
    "too_old": lambda t, s, stack, body: signed(stack, body, age_sec=73 * HOUR + 2),
    "too_new": lambda t, s, stack, body: signed(stack, body, age_sec=-302),
}


@pytest.mark.parametrize("how", BAD)
def test_a_bad_signature_is_refused(idle, how):
    sent = event(idle, open_id="-000x")
    t, s = signed(idle, bytes_of(sent)).split(",")
    answer = deliver(idle, sent, BAD[how](t, s, idle, bytes_of(sent)))
    expect(answer, 400, "signature_invalid")
    assert row(idle, sent) is None and logged(idle, answer)["why"] == how


def test_72_hours_of_tries_are_taken(idle):
    sent = event(idle, open_id="-000x", age_sec=72 * HOUR)
    taken(deliver(idle, sent, signed(idle, bytes_of(sent), age_sec=72 * HOUR)))


def test_another_body_or_secret_has_another_signature(idle):
    sent = event(idle, open_id="-000x")
    payload = bytes_of(sent)
    for other in (payload + b"\n", b"\xef\xbb\xbf" + payload, json.dumps(sent, indent=1).encode(), payload[:-20], b""):
        expect(deliver(idle, other, signed(idle, payload)), 400, "signature_invalid")
    expect(deliver(idle, payload, signed(idle, payload, secret="another app's")), 400, "signature_invalid")


def test_of_another_app(idle, connected):
    sent = {**event(idle, open_id=connected.open_id), "client_key": "aw0other"}
    answer = deliver(idle, sent)
    expect(answer, 400, "event_unreadable")
    assert row(idle, sent) is None and logged(idle, answer)["why"] == "other_app"
    assert row_of(idle, connected.account)["state"] == "active"


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"\xff\xfe", b'{"event":"authorization.removed"}', b"[" * 20_000])
def test_what_is_signed_and_cannot_be_read_is_refused(idle, payload):
    answer = deliver(idle, payload)
    expect(answer, 400, "event_unreadable")
    assert logged(idle, answer)["why"]


def test_sizes_encodings_and_ways(idle):
    sent = event(idle, open_id="-000x")
    payload = bytes_of(sent)
    most = payload + b" " * ((64 << 10) - len(payload))
    taken(deliver(idle, most))
    expect(deliver(idle, most + b" "), 413, "body_too_large")
    expect(deliver(idle, payload, **{"Content-Encoding": "gzip"}), 415)
    expect(idle.client().get(PATH), 405, "method_not_allowed")
    answer = Client(idle.http_url, idle.ca).post(PATH, data=payload, headers={"TikTok-Signature": signed(idle, payload)})
    expect(answer, 403, "https_required")
    with raw(idle) as s:
        s.sendall(f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(payload)}\r\n"
                  f"TikTok-Signature: {signed(idle, payload)}\r\n\r\n".encode() + payload[:50])
    assert row(idle, sent) is None


def test_while_the_database_is_away_tiktok_is_told_to_come_again(stack, connected):
    sent = event(stack, open_id=connected.open_id)
    with stack.stopped("mariadb"):
        expect(deliver(stack, sent), 500, "outcome_unknown")
        expect(deliver(stack, sent, "t=1,s=0"), 400, "signature_invalid")
    stack.wait(lambda: deliver(stack, sent).status_code == 200, "the event is taken")
    stack.wait(lambda: is_gone(stack, connected.account), "its tokens are gone")


# --- the simulator


def test_the_simulator_tells_what_tiktok_would(stack, user):
    """The end of a post, and of the access: the one that the user removes, and the one that we revoke."""
    with stack.configured("sandbox", sandbox_webhooks="yes", sandbox_moderation_sec="0"):
        account = user.connect(name := f"hooked.{user.id[-8:]}")
        open_id = open_id_of(stack, account)
        names = lambda: sorted(r["kind"] for r in stack.sql("SELECT kind FROM tiktok_events WHERE open_id = %s", open_id))  # noqa: E731
        assert Sent(stack, user, account).wait()["status"] == "published"
        stack.wait(lambda: names() == ["post.publish.complete", "post.publish.publicly_available"], "TikTok tells of the post")
        stack.move_clock(2)
        page = Client(stack.sandbox_url, stack.ca)
        assert "Remove access" in page.get("/settings/apps").text
        form = {"username": name, "client_key": event(stack)["client_key"]}
        assert page.post("/settings/apps", data={**form, "username": "nobody.here"}).status_code == 404
        assert page.post("/settings/apps", data={**form, "username": "A"}).status_code == 400
        assert page.post("/settings/apps", data=form).status_code == 200
        stack.wait(lambda: is_gone(stack, account), "the tokens are gone")
        stack.move_clock(2)
        assert user.connect(name) == account
        expect(user.web.delete(f"/api/v1/accounts/{account}"), 200)
        reasons = lambda: sorted(r["reason"] for r in stack.sql(  # noqa: E731
            "SELECT reason FROM tiktok_events WHERE open_id = %s AND kind = 'authorization.removed' AND state = 'done'", open_id))
        stack.wait(lambda: reasons() == ["1", "5"], "TikTok tells of both ends")
        told = [r["what"] for r in stack.sql("SELECT what FROM activity WHERE user_id = %s AND what LIKE 'account%%' ORDER BY id",
                                             uuid.UUID(user.id).bytes)]
        assert told == ["account_connected", "account_removed", "account_connected", "account_disconnected"]
