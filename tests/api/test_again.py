"""A post is canceled before it leaves, and one that has ended is tried again: by whom, when, how often; and never twice by a mistake of ours."""

import concurrent.futures
import json
import uuid

import pytest
import requests
from budgets import Agent, approve, post_of, refuse
from helpers import expect
from publishing import LEASE_SEC, Sent, failed
from test_engine import INIT, known, tiktok  # noqa: F401 (a fixture)
from test_never_twice import die_at
from test_nginx import raw, request_line

REFUSED = (400, json.dumps({"error": {"code": "invalid_params", "message": "no", "log_id": "1"}}))
NOBODY = "019a0000-0000-7000-8000-000000000000"


def cancel(api, id):
    return api.post(f"/api/v1/posts/{id}/cancel")


def retry(api, id, **wish):
    return api.post(f"/api/v1/posts/{id}/retry", json=wish) if wish else api.post(f"/api/v1/posts/{id}/retry")


def of(answer):
    return expect(answer, 200)["data"]


def said(post):
    return [(e["event"], e["code"]) for e in post["events"]]


def refused(answer, code, status=409):
    return expect(answer, status, code)["error"]


def images_of(stack, sent):
    return stack.sql("SELECT u.id, u.state, u.post_due_at_us AS due FROM uploads u JOIN post_images i ON i.upload_id = u.id WHERE i.post_id = %s", sent.key)


@pytest.fixture
def queued(stack, user, account):
    return Sent(stack, user, account)


@pytest.fixture
def unknown(stack, user, account):
    """TikTok did not get it, and nobody can know that."""
    known(stack, account)
    sent = die_at(stack, "publish.attempt_committed", lambda: Sent(stack, user, account))
    stack.move_clock(LEASE_SEC + 10)
    failed(sent.wait(), "outcome_unknown")
    return sent


class TestWhileNothingLeaves:
    @pytest.fixture(autouse=True, scope="class")
    def still(self, stack):
        with stack.stopped("worker-publish"):
            yield

    @pytest.mark.parametrize("by", ["key", "session"])
    def test_cancel(self, stack, user, queued, by):
        api = user.api if by == "key" else user.web
        post = of(cancel(api, queued.id))
        assert (post["status"], post["failure"]["code"], said(post)[-1]) == ("canceled", "canceled", ("canceled", f"by_{by}"))
        assert post["failure"]["message"] and post["ended_at"] and all(i["due"] for i in images_of(stack, queued))
        again = of(cancel(user.api, queued.id))
        assert again == post, "canceled once"
        assert queued.attempts() == []

    @pytest.mark.parametrize("columns", ["state = 'deferred', failure_code = 'spam_risk_too_many_posts', next_attempt_at_us = 4102444800000000",
                                         "state = 'awaiting_approval'"])
    def test_cancel_what_waits(self, stack, queued, user, columns):
        stack.sql(f"UPDATE posts SET {columns} WHERE id = %s", queued.key)
        assert of(cancel(user.web, queued.id))["status"] == "canceled"

    def test_cancel_what_is_held(self, stack, user, queued, account):
        stack.sql("UPDATE accounts SET state = 'needs_reconnect' WHERE id = %s", uuid.UUID(account).bytes)
        assert queued.get()["held_until"]
        assert of(cancel(user.api, queued.id))["held_until"] is None
        refused(retry(user.api, queued.id), "account_needs_reconnect")

    @pytest.mark.parametrize("columns, code", [("state = 'publishing'", "post_under_way"), ("state = 'processing'", "post_under_way"),
                                               ("state = 'published', ended_at_us = 1", "post_ended"), ("state = 'in_inbox', ended_at_us = 1", "post_ended"),
                                               ("state = 'failed', failure_code = 'images_gone', ended_at_us = 1", "post_ended")])
    def test_not_canceled(self, stack, user, queued, columns, code):
        stack.sql(f"UPDATE posts SET {columns} WHERE id = %s", queued.key)
        before = queued.get()
        assert refused(cancel(user.api, queued.id), code)["retryable"] == (code == "post_under_way")
        assert queued.get() == before
        stack.sql("UPDATE posts SET state = 'canceled', ended_at_us = 1 WHERE id = %s", queued.key)

    def test_whose(self, stack, user, queued, other):
        for api in (other.api, other.web):
            refused(cancel(api, queued.id), "not_found", 404)
            refused(retry(api, queued.id), "not_found", 404)
        refused(cancel(user.api, NOBODY), "not_found", 404)
        elsewhere = Agent(user, accounts=[user.connect()])
        refused(cancel(elsewhere.api, queued.id), "budget_account", 403)
        assert of(cancel(user.api, queued.id))["status"] == "canceled"
        refused(retry(elsewhere.api, queued.id), "budget_account", 403)

    def test_retry_what_was_canceled(self, stack, user, queued):
        of(cancel(user.api, queued.id))
        due = images_of(stack, queued)
        post = of(retry(user.web, queued.id))
        assert (post["status"], post["failure"], post["ended_at"], said(post)[-1]) == ("queued", None, None, ("retried", "by_session"))
        assert of(retry(user.api, queued.id)) == post, "it is tried again once"
        as_curl_does = raw(stack, request_line(f"POST /api/v1/posts/{queued.id}/retry HTTP/1.1", "Host: localhost", f"Authorization: Bearer {user.key}"))
        assert as_curl_does[0] == 200, "nor a length of what is not there"
        assert images_of(stack, queued) == due, "their promise counts from the first end"

    @pytest.mark.parametrize("columns", ["post_due_at_us = 1, delete_due_at_us = 1", "state = 'deleted'", "deleted_at_us = 1, state = 'deleted'"])
    def test_without_images(self, stack, user, queued, columns):
        of(cancel(user.api, queued.id))
        stack.sql(f"UPDATE uploads SET {columns} WHERE id = %s", images_of(stack, queued)[0]["id"])
        before = queued.get()
        refused(retry(user.api, queued.id), "images_gone")
        assert queued.get() == before

    def test_how_often(self, stack, user, queued):
        for _ in range(20):
            of(cancel(user.web, queued.id))
            of(retry(user.web, queued.id))
        of(cancel(user.web, queued.id))
        refused(retry(user.web, queued.id), "retries_too_many")

    def test_what_a_retry_takes(self, stack, user, queued, account):
        agent = Agent(user, posts_per_day=1)
        of(cancel(agent.api, queued.id))
        of(retry(agent.api, queued.id))
        assert of(retry(agent.api, queued.id))["status"] == "queued" and agent.counted() == 1, "a repeat takes nothing"
        of(cancel(user.api, queued.id))
        error = expect(answer := retry(agent.api, queued.id), 429, "budget_posts_per_day")["error"]
        assert error["retryable"] and int(answer.headers["Retry-After"]) > 0

    @pytest.mark.parametrize("body, code", [({"confirm_not_published": "yes"}, "wrong_type"), ({"confirm": True}, "unknown_field"),
                                            ({"ended_at": "yesterday"}, "invalid_value")])
    def test_bad_wishes(self, user, queued, body, code):
        refused(user.api.post(f"/api/v1/posts/{queued.id}/retry", json=body), code, 422)


def test_the_next_one_does_not_wait_for_it(stack, user, account):
    with stack.stopped("worker-publish"):
        first = Sent(stack, user, account)
        stack.sql("UPDATE posts SET next_attempt_at_us = created_at_us + 900000000 WHERE id = %s", first.key)
        stack.sql("UPDATE jobs_publish SET run_at_us = run_at_us + 900000000 WHERE kind = 'turn' AND subject_id = %s", uuid.UUID(account).bytes)
        of(cancel(user.api, first.id))
        second = Sent(stack, user, account)
    assert second.wait()["status"] == "published" and first.attempts() == []


def test_it_is_published_once(stack, user, account):
    with stack.stopped("worker-publish"):
        sent = Sent(stack, user, account)
        of(cancel(user.api, sent.id))
        of(retry(user.api, sent.id))
    assert sent.wait()["status"] == "published" and sent.at_simulator() == 1
    for wish in ({}, {"confirm_not_published": True}):
        refused(retry(user.api, sent.id, **wish), "post_not_retryable")


def test_retry_what_tiktok_refused(stack, user, account, tiktok):  # noqa: F811
    known(stack, account)
    tiktok.fault(INIT, REFUSED, times=1)
    sent = Sent(stack, user, account)
    sent.wait("failed")
    assert of(retry(user.api, sent.id))["status"] in ("queued", "publishing")
    assert sent.wait()["status"] == "published" and sent.states_of_attempts() == ["refused", "accepted"]


def test_an_unknown_outcome(stack, user, account, unknown):
    """Only who has looked may say so; and what TikTok may still fetch of the attempt before is not there any more."""
    ended, old = unknown.get()["ended_at"], stack.sql("SELECT id FROM post_attempts WHERE post_id = %s", unknown.key)[0]["id"]
    address = f"{stack.url}/m/{uuid.UUID(bytes=old)}/0"
    assert "profile" in refused(retry(user.api, unknown.id), "confirmation_needed")["message"]
    refused(retry(user.api, unknown.id, confirm_not_published=False), "confirmation_needed")
    refused(retry(user.api, unknown.id, confirm_not_published=True, ended_at="2026-01-01T00:00:00Z"), "post_ended_otherwise")
    assert requests.get(address, verify=str(stack.ca)).status_code == 200
    with stack.stopped("worker-publish"):
        of(retry(user.api, unknown.id, confirm_not_published=True, ended_at=ended))
        assert requests.get(address, verify=str(stack.ca)).status_code == 404
    assert unknown.wait()["status"] == "published" and unknown.at_simulator() == 1
    assert unknown.states_of_attempts() == ["outcome_unknown", "accepted"]


def test_of_many_at_once_one_is_it(stack, user, unknown):
    with stack.stopped("worker-publish"):
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: retry(user.api, unknown.id, confirm_not_published=True).status_code, range(16)))
        assert set(answers) <= {200, 503} and 200 in answers
        assert unknown.events().count("retried") == 1
    assert unknown.wait()["status"] == "published" and unknown.at_simulator() == 1


def test_what_needs_an_approval(stack, user, account):
    agent = Agent(user, needs_approval=True)
    waiting, other = agent.posted(account), agent.posted(account)
    of(cancel(agent.api, waiting["id"]))
    for api in (agent.api, user.web):
        refused(retry(api, waiting["id"]), "approval_missing")
    of(refuse(user, other))
    agent.change()
    refused(retry(agent.api, other["id"]), "post_not_retryable")
    assert post_of(user, other["id"])["failure"]["code"] == "refused_by_owner"


def test_what_was_approved_stays_so(stack, user, account):
    agent = Agent(user, needs_approval=True)
    with stack.stopped("worker-publish"):
        post = agent.posted(account)
        of(approve(user, post))
        of(cancel(agent.api, post["id"]))
        assert of(retry(agent.api, post["id"]))["status"] == "queued"
    stack.wait(lambda: post_of(user, post["id"])["status"] == "in_inbox", "it goes out as it was approved")
