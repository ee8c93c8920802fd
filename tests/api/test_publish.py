"""From a post to TikTok, by worker@publish and the simulator: every way in which that ends."""

import datetime
import json
import uuid

import pytest
from helpers import expect
from publishing import Sent, creator_of, failed


def known_creator(stack, account):
    """Waits for the first snapshot, which the connection asks for."""
    return stack.wait(lambda: creator_of(stack, account), "the creator snapshot is there")


def test_direct_post_is_published(stack, user, account):
    sent = Sent(stack, user, account, images=3)
    post = sent.wait()
    assert post["status"] == "published" and post["failure"] is None, post
    assert len(post["tiktok_post_ids"]) == 1 and post["publish_id"]
    assert post["post_url"].startswith(stack.sandbox_url + "/@")
    page = stack.client().get(post["post_url"])
    assert page.status_code == 200 and sent.description.strip() in page.text
    assert sent.at_simulator() == 1 and sent.states_of_attempts() == ["accepted"]
    assert [e for e in sent.events() if e != "poll"] == ["created", "attempt", "accepted", "published"]
    assert all(image["fetched_at"] for image in post["images"])
    assert {e["request_id"] for e in post["events"]} == {sent.request_id}
    assert sent.jobs() == [], "nothing is left to be done"


def test_an_attempts_id_is_told_to_tiktok_alone(stack, user, account):
    """It opens the way to the images, and a fetch is the evidence that TikTok got the post: so nobody else may learn it."""
    sent = Sent(stack, user, account, images=2)
    assert sent.wait()["status"] == "published"
    ids = [uuid.UUID(bytes=row["id"]) for row in stack.sql("SELECT id FROM post_attempts WHERE post_id = %s", sent.key)]
    shown = {path: user.api.get(path).text for path in (f"/api/v1/posts/{sent.id}", "/api/v1/posts?limit=100", "/api/v1/uploads?limit=100")}
    shown |= {path.name: path.read_text(errors="replace") for path in stack.at.log.glob("*.log")}
    assert ids and f'"{sent.id}"' in shown[f"/api/v1/posts/{sent.id}"] and '"path":"/m/"' in shown["access.log"]
    assert [where for where, text in shown.items() for i in ids if str(i) in text or i.hex in text] == []


def test_draft_comes_to_the_inbox(stack, user, account):
    sent = Sent(stack, user, account, direct=False)
    post = sent.wait()
    assert post["status"] == "in_inbox" and post["ended_at"] and post["post_url"] is None
    payload = json.loads(stack.sql("SELECT payload FROM post_attempts WHERE post_id = %s", sent.key)[0]["payload"])
    assert payload["post_mode"] == "MEDIA_UPLOAD" and "privacy_level" not in payload["post_info"]


def test_draft_without_video_publish(stack, user):
    account = user.connect(grant=["user.info.basic", "video.upload"])
    assert Sent(stack, user, account, direct=False).wait()["status"] == "in_inbox"


def test_self_only_has_no_address(stack, user, account):
    post = Sent(stack, user, account, privacy="SELF_ONLY").wait()
    assert post["status"] == "published" and post["post_url"] is None


def test_platform_failure(stack, user, account):
    sent = Sent(stack, user, account, "[[fail:picture_size_check_failed]]")
    failure = failed(sent.wait(), "picture_size_check_failed")
    assert failure["platform_error"]["code"] == "picture_size_check_failed"
    assert sent.states_of_attempts() == ["accepted"] and sent.at_simulator() == 1


@pytest.mark.parametrize("code, failure", [
    ("invalid_param", "tiktok_invalid_param"),
    ("url_ownership_unverified", "url_ownership_unverified"),
    ("spam_risk_user_banned_from_posting", "spam_risk_user_banned_from_posting"),
    ("unaudited_client_can_only_post_to_private_accounts", "unaudited_client_can_only_post_to_private_accounts"),
    ("privacy_level_option_mismatch", "privacy_level_not_offered"),
])
def test_final_refusals(stack, user, account, code, failure):
    sent = Sent(stack, user, account, f"[[code:{code}]]")
    platform = failed(sent.wait(), failure)["platform_error"]
    assert platform["code"] == code and platform["log_id"]
    assert sent.states_of_attempts() == ["refused"] and sent.at_simulator() == 0


def held(sent, event, times=1):
    """The post waits for its account to be connected again, and says so and until when."""
    sent.wait_event(event, times)
    post = sent.stack.wait(lambda: (p := sent.get())["held_until"] and p, "it is held")
    assert (post["status"], post["failure"]["code"], post["next_attempt_at"]) == ("queued", "account_needs_reconnect", None)
    assert post["failure"]["message"] and post["ended_at"] is None
    return post


def test_scope_that_is_gone(stack, user, account):
    sent = Sent(stack, user, account, "[[code:scope_not_authorized]]")
    held(sent, "refused_retry")
    assert expect(user.api.get(f"/api/v1/accounts/{account}"), 200)["data"]["is_active"] is False


@pytest.mark.parametrize("script, made", [("[[http:500]]", 0), ("[[http:500,made]]", 1), ("[[http:404]]", 0),
                                          ("[[http:200]]", 0)])
def test_unknown_outcome(stack, user, account, script, made):
    """Not ok and not a documented refusal: it may have been posted, so it is never sent again."""
    sent = Sent(stack, user, account, script)
    failure = failed(sent.wait(), "outcome_unknown")
    assert failure["retryable"] is False
    stack.move_clock(3600)
    assert sent.states_of_attempts() == ["outcome_unknown"] and sent.at_simulator() == made
    assert sent.jobs() == []


def test_cap_that_resets(stack, user, account):
    sent = Sent(stack, user, account, "[[code:spam_risk_too_many_posts]]")
    post = sent.wait("deferred")
    assert post["next_attempt_at"] and post["failure"]["code"] == "spam_risk_too_many_posts" and not post["ended_at"]
    stack.move_clock(86400 + 61)
    sent.wait_event("deferred", 2)
    assert sent.states_of_attempts() == ["refused", "refused"] and sent.at_simulator() == 0


def test_caps_do_not_last_for_ever(stack, user, account):
    sent = Sent(stack, user, account, "[[code:spam_risk_too_many_posts]]")
    for days in range(1, 8):
        sent.wait_event("deferred", days)
        stack.move_clock(86400 + 61)
    failed(sent.wait(), "spam_risk_too_many_posts")


def test_retryable_refusal(stack, user, account):
    sent = Sent(stack, user, account, "[[code:rate_limit_exceeded]]")
    sent.wait_event("refused_retry")
    post = sent.get()
    assert post["status"] == "queued" and post["next_attempt_at"]
    for times in range(2, 9):
        stack.move_clock(60 + 900)
        sent.wait_event("refused_retry", times)
    stack.move_clock(60 + 900)
    failed(sent.wait(), "tiktok_rate_limited")
    assert sent.states_of_attempts() == ["refused"] * 9 and sent.at_simulator() == 0


def test_dead_access_token(stack, user, account):
    """Refreshed once; when TikTok refuses the fresh one too, the account must be connected again."""
    sent = Sent(stack, user, account, "[[code:access_token_invalid]]")
    held(sent, "refused_retry", times=2)
    assert sent.states_of_attempts() == ["refused", "refused"]
    assert expect(user.api.get(f"/api/v1/accounts/{account}"), 200)["data"]["is_active"] is False


def tokens(stack, account):
    return stack.sql("SELECT access_token, refresh_token, state FROM accounts WHERE id = %s",
                     uuid.UUID(account).bytes)[0]


def test_expired_token_is_refreshed(stack, user, account):
    before = tokens(stack, account)
    stack.move_clock(7200)
    assert Sent(stack, user, account).wait()["status"] == "published"
    after = tokens(stack, account)
    assert after["access_token"] != before["access_token"] and after["refresh_token"] != before["refresh_token"]


def test_refresh_token_that_is_dead(stack, user, account):
    known_creator(stack, account)
    stack.sql("UPDATE sandbox_tokens SET expires_at_us = 1 WHERE kind = 'refresh'")
    stack.move_clock(7200)
    sent = Sent(stack, user, account)
    held(sent, "held")
    assert tokens(stack, account)["state"] == "needs_reconnect" and sent.attempts() == []


def test_images_that_are_gone(stack, user, account):
    """Not by the purge, which leaves them as long as a post needs them; TikTok is not asked to fetch what is not there."""
    with stack.stopped("worker-publish"):
        sent = Sent(stack, user, account)
        stack.sql("UPDATE uploads SET state = 'deleted', deleted_at_us = created_at_us WHERE id = %s",
                  uuid.UUID(sent.get()["images"][0]["upload_id"]).bytes)
    failed(sent.wait(), "images_gone")
    assert sent.at_simulator() == 0


def test_privacy_level_that_is_no_longer_offered(stack, user, account):
    """The worker asks TikTok again before the init, and never takes another level instead."""
    stack.sql("UPDATE sandbox_creators SET private_account = 1 WHERE username = %s", known_creator(stack, account))
    stack.move_clock(90)
    sent = Sent(stack, user, account)
    failed(sent.wait(), "privacy_level_not_offered")
    assert sent.attempts() == [] and sent.at_simulator() == 0


def test_creator_who_cannot_post_now(stack, user, account):
    creator = known_creator(stack, account)
    stack.sql("UPDATE sandbox_creators SET post_block = 'spam_risk_too_many_posts' WHERE username = %s", creator)
    stack.move_clock(90)
    sent = Sent(stack, user, account)
    assert sent.wait("deferred")["next_attempt_at"]
    assert sent.attempts() == []
    stack.sql("UPDATE sandbox_creators SET post_block = NULL WHERE username = %s", creator)
    stack.move_clock(86400 + 61)
    assert sent.wait()["status"] == "published"


def test_deferrals_end_although_a_clock_was_set_back(stack, user, account):
    """The retry is ahead of it: what comes after it has no attempt that would tell the order."""
    stack.sql("UPDATE sandbox_creators SET post_block = 'spam_risk_too_many_posts' WHERE username = %s", known_creator(stack, account))
    stack.move_clock(90)
    sent = Sent(stack, user, account)
    sent.wait("deferred")
    with stack.stopped("worker-publish"):
        for what in ("cancel", "retry"):
            expect(user.api.post(f"/api/v1/posts/{sent.id}/{what}"), 200)
        stack.sql("UPDATE post_events SET at_us = at_us + 10 * 86400000000 WHERE post_id = %s", sent.key)
        stack.sql("INSERT INTO post_events (id, post_id, at_us, event, state) SELECT UNHEX(REPLACE(UUID(), '-', '')), post_id, MAX(at_us) + seq,"
                  " 'deferred', 'deferred' FROM post_events, seq_1_to_6 WHERE post_id = %s GROUP BY seq", sent.key)
    sent.wait("deferred")
    stack.move_clock(86400 + 61)
    failed(sent.wait(), "spam_risk_too_many_posts")


def test_six_inits_a_minute(stack, user, account):
    sent = [Sent(stack, user, account) for _ in range(8)]
    stack.wait(lambda: sum(bool(s.attempts()) for s in sent) == 6, "six are sent")
    stack.wait(lambda: sum(s.get()["status"] == "published" for s in sent) == 6, "six are published")
    assert sum(s.get()["status"] == "queued" for s in sent) == 2
    for _ in range(3):
        stack.move_clock(60)
    for s in sent:
        assert s.wait()["status"] == "published" and s.states_of_attempts() == ["accepted"]


def test_post_that_tiktok_never_settles(stack, user, account):
    sent = Sent(stack, user, account, "[[status:stuck]]")
    sent.wait_event("poll")
    assert sent.get()["status"] == "processing"
    stack.move_clock(23 * 3600)
    sent.wait("processing")
    stack.move_clock(3600 + 60)
    failed(sent.wait(), "confirmation_timeout")
    assert sent.at_simulator() == 1 and sent.jobs() == []


def test_snapshot_goes_within_24_hours(stack, user, account):
    key = uuid.UUID(account).bytes
    known_creator(stack, account)
    stack.move_clock(23 * 3600 + 60)
    stack.restart("worker-publish")  # housekeeping is due at each start, whatever clock ran before
    stack.wait(lambda: not stack.sql("SELECT 1 FROM creator_snapshots WHERE account_id = %s", key), "it is purged")


def test_post_that_lost_its_job(stack, user, account):
    """It cannot happen; should it, the hourly audit says so and mends it."""
    with stack.stopped("worker-publish"):
        sent = Sent(stack, user, account)
        sent.lose_jobs()
        stack.move_clock(3600)
    assert sent.wait()["status"] == "published"
    assert any(json.loads(line).get("post") == sent.id for line in stack.log("worker-publish").splitlines()
               if '"post_without_job"' in line)


def test_log_lines(stack, user, account):
    """One line a run, with what leads back to the request; no tokens."""
    sent = Sent(stack, user, account)
    sent.wait()

    def logged():
        """Once the last run is: a line comes after what it tells of."""
        lines = [line for line in stack.log("worker-publish").splitlines() if sent.id in line]
        return lines if {json.loads(line)["kind"] for line in lines} >= {"turn", "poll"} else None
    lines = stack.wait(logged, "both kinds of runs are logged")
    runs = [json.loads(line) for line in lines]
    assert {r["kind"] for r in runs} == {"turn", "poll"}
    for run in runs:
        assert run["event"] == "job" and run["request_id"] == sent.request_id and run["outcome"] in ("done", "again")
        assert run["duration_us"] > 0 and run["job"]
    assert "act." not in "".join(lines) and "rft." not in "".join(lines)


def test_a_post_that_waits_for_tiktoks_minute_says_until_when(stack, user, account):
    """TikTok takes six inits a minute for an account."""
    sent = [Sent(stack, user, account) for _ in range(8)]

    def waiting():
        posts = [s.get() for s in sent]
        queued = [p for p in posts if p["status"] == "queued"]
        return queued if len(queued) == 2 and all(p["next_attempt_at"] for p in queued) else None

    for post in stack.wait(waiting, "two of them wait, and say until when"):
        at = datetime.datetime.fromisoformat(post["next_attempt_at"])
        created = datetime.datetime.fromisoformat(post["created_at"])
        assert 30 < (at - created).total_seconds() < 70, post
    sent.append(Sent(stack, user, account))  # and so does one that comes later
    stack.wait(lambda: sent[-1].get()["next_attempt_at"], "it waits for the same")
    stack.move_clock(75)
    for s in sent:
        assert s.wait()["next_attempt_at"] is None
