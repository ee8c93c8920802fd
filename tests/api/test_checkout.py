"""Buying a plan: checkout, portal and the way back (fcgi-apps/billing), at a Stripe that does what a test wants."""

import contextlib
import json
import os
import secrets
import subprocess
import uuid

import pytest
import render
from helpers import expect
from plans import billing, grant, now
from shop import (PRICES, at_once, change_row, checkout, customer_of, is_free, one_open, portal, row, shop, stripe, sync,  # noqa: F401 (fixtures)
                  to_pay, to_portal, with_credential)

MINUTE = 60


# --- the way through


def test_a_plan_is_bought(user, stripe):
    session = to_pay(user)
    (customer,) = stripe.asked("customer")
    assert {k: v for k, v in customer.items() if k not in ("ids", "key")} == {"email": user.email, "metadata[user_id]": user.id}
    (asked,) = stripe.asked("checkout")
    assert asked["line_items[0][price]"] == PRICES["small"] and asked["client_reference_id"] == user.id
    assert asked["metadata[user_id]"] == asked["subscription_data[metadata][user_id]"] == user.id
    assert asked["success_url"] == f"{user.stack.url}/billing/done?session_id={{CHECKOUT_SESSION_ID}}"
    assert "consent_collection[terms_of_service]" not in asked, "only where a setting says that Stripe can"
    assert (row(user)["customer_id"], row(user)["checkout_session_id"], row(user)["status"]) == (asked["customer"], session, None)
    assert not user.stack.sql("SELECT 1 FROM users WHERE customer_asked_at_us > 0 AND id = %s", uuid.UUID(user.id).bytes), "it is the only one"
    assert is_free(user) and billing(user)["plan"] == "free"
    stripe.pay(session)
    data = expect(sync(user, session), 200)["data"]
    assert (data["plan"], data["source"], data["status"]) == ("small", "subscription", "active") and data == {**billing(user)}
    assert is_free(user)
    expect(user.api.get("/api/v1/accounts"), 200)
    expect(checkout(user), 409, "plan_is_current")
    to_portal(stripe, user, "large")


def test_coming_back_without_having_paid(user, stripe):
    session = to_pay(user)
    assert expect(sync(user, session), 200)["data"]["plan"] == "free"
    assert to_pay(user) == session


def test_the_terms_are_asked_for_at_stripe_where_it_can(user, stripe, stack):
    with stack.configured("billing", stripe_ask_consent="yes"):
        to_pay(user)
    assert stripe.asked("checkout")[0]["consent_collection[terms_of_service]"] == "required"


def test_the_log_has_stripes_request_id(user, stripe, stack):
    def last():
        lines = [json.loads(line) for line in stack.log("billing").splitlines() if '"/api/v1/billing/portal"' in line]
        return lines[-1]
    to_pay(user)
    answer = portal(user)
    stack.wait(lambda: last()["request_id"] == answer.headers["X-Request-Id"], "the line is there")
    assert last()["provider_request_id"].startswith("req_") and "provider_error" not in last()
    stripe.behave("portal", "no:400:url_invalid")
    expect(answer := portal(user), 502, "stripe_rejected")
    stack.wait(lambda: last()["request_id"] == answer.headers["X-Request-Id"], "the line is there")
    assert last()["provider_request_id"].startswith("req_") and last()["provider_error"] == "400 url_invalid"


# --- nobody buys twice


def test_a_repeat_leads_to_the_same_session(user, stripe):
    first = to_pay(user)
    assert to_pay(user) == to_pay(user) == first
    one_open(stripe, first)


def test_another_plan_ends_the_checkout_before(user, stripe):
    first = to_pay(user)
    second = to_pay(user, "large")
    assert second != first
    one_open(stripe, second)
    third = to_pay(user)
    assert third not in (first, second)
    one_open(stripe, third)


@pytest.mark.parametrize("plans", [["small"], ["small", "large"]])
def test_tabs_at_once(user, stripe, plans):
    answers = at_once([lambda plan=plan: checkout(user, plan) for plan in plans * (6 // len(plans))])
    urls = {expect(a, 200)["data"]["url"] for a in answers if a.status_code == 200}
    assert urls and all(a.status_code == 200 or a.json()["error"]["code"] in ("billing_in_progress", "busy") for a in answers)
    (open,) = stripe.open_sessions()
    assert any(open in url for url in urls) and (len(plans) > 1 or len(urls) == 1)
    assert len(stripe.customers) == 1 and is_free(user)


@pytest.mark.parametrize("status", ["trialing", "active", "past_due", "incomplete", "unpaid", "paused", "new_word"])
def test_who_has_a_subscription_gets_the_portal(user, stripe, status):
    """Also when no event has told of it yet; and now it is known."""
    to_pay(user)
    stripe.subscribe(customer_of(stripe, user), PRICES["small"], status)
    to_portal(stripe, user, "large")
    assert row(user)["status"] == ("unknown" if status == "new_word" else status) and is_free(user)
    assert billing(user)["plan"] == ("small" if status in ("trialing", "active", "past_due") else "free")


@pytest.mark.parametrize("status", ["canceled", "incomplete_expired"])
def test_who_had_one_can_buy_again(user, stripe, status):
    first = to_pay(user)
    subscription = stripe.pay(first)
    expect(sync(user, first), 200)
    subscription["status"] = status
    expect(sync(user, first), 200)
    second = to_pay(user)
    assert second != first
    one_open(stripe, second)


def test_a_price_that_no_plan_has_any_more_is_not_paid_twice(user, stripe):
    """Its subscription gives no plan, and goes on being paid: it is changed in the portal."""
    to_pay(user)
    stripe.subscribe(customer_of(stripe, user), "price_of_before")
    to_portal(stripe, user)
    assert billing(user)["plan"] == "free"


def test_who_pays_while_it_is_looked_for_gets_the_portal(user, stripe):
    first = to_pay(user)
    stripe.before["checkout_get"] = lambda: stripe.pay(first)
    to_portal(stripe, user)
    assert stripe.open_sessions() == []


def test_who_pays_while_another_plan_is_begun_gets_the_portal(user, stripe):
    first = to_pay(user)
    stripe.before["expire"] = lambda: stripe.pay(first)
    to_portal(stripe, user, "large")
    assert stripe.open_sessions() == [] and len(stripe.asked("checkout")) == 1


def test_sessions_of_which_no_row_tells_are_ended(user, stripe):
    first = to_pay(user)
    change_row(user, "checkout_id = NULL, checkout_session_id = NULL")
    second = to_pay(user)
    assert second != first
    one_open(stripe, second)


@pytest.mark.parametrize("minutes,same", [(49, True), (51, False), (89, False), (91, False), (24 * 60, False)])
def test_a_session_that_is_left_alone(user, stripe, stack, minutes, same):
    first = to_pay(user)
    stack.move_clock(minutes * MINUTE)
    user.web = user.sign_in()
    second = to_pay(user)
    assert (second == first) == same
    one_open(stripe, second)


# --- who dies, and what is lost


@pytest.mark.parametrize("point", ["billing.customer_made", "billing.checkout_begun", "billing.checkout_made"])
def test_killed_in_the_middle(user, stripe, stack, point):
    """The next try, when the lease of who died is over, goes on with what is there."""
    stack.arm(point)
    expect(checkout(user), 502, "outcome_unknown")
    stack.move_clock(3 * MINUTE)
    session = to_pay(user)
    one_open(stripe, session)
    assert len(stripe.customers) == 1 and len(stripe.sessions) == 1


def test_killed_before_the_commit_and_the_address_changes(user, stripe, stack):
    """Stripe refuses the key for other words, so there is another customer: the one that we know."""
    stack.arm("billing.customer_made")
    expect(checkout(user), 502, "outcome_unknown")
    assert stack.sql(*(asked := ("SELECT 1 FROM users WHERE customer_asked_at_us IS NOT NULL AND id = %s", uuid.UUID(user.id).bytes)))
    new = f"new.{user.email}"
    stack.sql("UPDATE users SET email = %s, email_key = %s WHERE id = %s", new, new, uuid.UUID(user.id).bytes)
    to_pay(user)
    assert [c["email"] for c in stripe.customers.values()] == [user.email, new]
    assert stripe.customers[row(user)["customer_id"]]["email"] == new
    assert stack.sql(*asked), "there is another one, for which an erasure looks"


def test_an_address_that_changes_while_the_customer_is_made(user, stripe, stack):
    """Nobody else would tell Stripe: whoever changed it saw no customer."""
    new = f"new.{user.email}"
    with stack.stopped("worker-billing"):
        stripe.before["customer"] = lambda: stack.sql("UPDATE users SET email = %s, email_key = %s WHERE id = %s", new, new,
                                                      uuid.UUID(user.id).bytes)
        to_pay(user)
        jobs = stack.sql("SELECT kind FROM jobs_billing WHERE subject_id = %s", uuid.UUID(user.id).bytes)
        assert [job["kind"] for job in jobs] == ["customer_email"]
        stack.sql("DELETE FROM jobs_billing WHERE subject_id = %s", uuid.UUID(user.id).bytes)  # the worker knows another Stripe


@pytest.mark.parametrize("operation", ["customer", "checkout"])
@pytest.mark.parametrize("how", ["lost", "drop", "http:500", "http:429", "http:409", "garbage"])
def test_an_answer_that_is_lost_is_asked_for_again(user, stripe, operation, how):
    stripe.behave(operation, how, "ok")
    if how == "garbage":  # a success that nobody can read
        expect(checkout(user), 503, "stripe_unreachable")
    session = to_pay(user)
    one_open(stripe, session)
    assert len(stripe.customers) == len(stripe.sessions) == 1 and is_free(user)


@pytest.mark.parametrize("operation", ["customer", "checkout"])
def test_a_failure_that_stripe_keeps(user, stripe, operation):
    """The same key has no other answer any more."""
    stripe.behave(operation, "kept:500", "ok")
    answer = checkout(user)
    if operation == "checkout":
        expect(answer, 503, "stripe_unreachable")
        answer = checkout(user)
    expect(answer, 200)
    assert len(stripe.customers) == len(stripe.sessions) == 1


def test_another_plan_after_an_answer_that_was_lost(user, stripe):
    """The session that nobody knows of is found, and ended: by its key, while the list does not have it yet."""
    stripe.behave("checkout", "lost")
    expect(checkout(user), 503, "stripe_unreachable")
    (lost,) = stripe.open_sessions()
    stripe.behave("checkout", "ok")
    listed = stripe.checkouts
    stripe.checkouts = lambda fields: {**listed(fields), "data": []}
    try:
        second = to_pay(user, "large")
    finally:
        del stripe.checkouts
    assert second != lost
    one_open(stripe, second)


CALLS = ["customer", "customer_get", "subscriptions", "checkouts", "checkout"]


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("how,status,code", [
    ("hang", 503, "stripe_unreachable"), ("http:500", 503, "stripe_unreachable"), ("http:429", 503, "stripe_unreachable"),
    ("no:401:", 502, "stripe_rejected"), ("no:400:parameter_unknown", 502, "stripe_rejected")])
def test_when_stripe_fails(user, stripe, operation, how, status, code):
    """It is told, nothing is bought, and the next one who asks finds no lease in the way."""
    stripe.behave(operation, how)
    error = expect(checkout(user), status, code)["error"]
    assert error["retryable"] == (status == 503) and error["platform_error"] is None
    assert operation == "customer" or is_free(user)
    stripe.behave(operation, "ok")
    session = to_pay(user)
    one_open(stripe, session)
    assert len(stripe.customers) == 1


def test_when_stripe_is_away(user, stripe):
    stripe.behave("connection", "dead")
    expect(checkout(user), 503, "stripe_unreachable")
    assert row(user) is None and stripe.calls == []
    stripe.behave("connection", "ok")
    session = to_pay(user)
    for call in (lambda: checkout(user), lambda: portal(user), lambda: sync(user, session)):
        stripe.behave("connection", "dead")
        expect(call(), 503, "stripe_unreachable")
        stripe.behave("connection", "ok")
        expect(call(), 200)


def test_a_customer_that_was_deleted_at_stripe(user, stripe):
    """Before the event of that came: the plan that it had is over, and another customer buys."""
    first = to_pay(user)
    stripe.pay(first)
    assert expect(sync(user, first), 200)["data"]["plan"] == "small"
    gone = customer_of(stripe, user)
    stripe.customer_delete(gone)
    expect(portal(user), 409, "no_subscription")
    to_pay(user, "large")
    assert customer_of(stripe, user) == row(user)["customer_id"] != gone
    assert (row(user)["status"], row(user)["subscription_id"]) == (None, None) and billing(user)["plan"] == "free"
    expect(sync(user, first), 404, "not_found")


def test_a_customer_that_is_another_accounts(user, stripe):
    """The key was changed: nobody loses a plan for that."""
    first = to_pay(user)
    stripe.pay(first)
    expect(sync(user, first), 200)
    before = row(user)
    stripe.customers.clear()
    expect(checkout(user, "large"), 502, "stripe_rejected")
    assert row(user) == before and billing(user)["plan"] == "small"
    assert user.stack.sql("SELECT 1 FROM jobs_billing WHERE kind = 'customer' AND subject_id = %s", uuid.UUID(user.id).bytes), \
        "the worker finds the same, and tells the admin"


def test_a_customer_of_test_mode_when_it_is_sold_in_earnest(user, stripe, stack):
    """Another one is made in the live mode; that the old one stays at Stripe is told. Never the other way round."""
    first = to_pay(user)
    stripe.pay(first)
    expect(sync(user, first), 200)
    tried = row(user)["customer_id"]
    stripe.reset()
    stripe.livemode = True
    with contextlib.ExitStack() as before:
        before.enter_context(with_credential(stack, "stripe-api-key", "rk_live_123"))
        with stack.configured("billing", stripe_livemode="yes"), before.pop_all():
            to_pay(user, "large")
    stripe.livemode = False
    bought = row(user)
    assert bought["customer_id"] == customer_of(stripe, user) != tried and bought["livemode"] == 1 and billing(user)["plan"] == "free"
    assert stripe.asked("checkout")[0]["line_items[0][price]"] == "price_1LargeLive"
    alarms = [json.loads(line) for line in stack.log("billing").splitlines() if '"billing_attention"' in line and user.id in line]
    assert [(a["what"], a["object"]) for a in alarms] == [("a customer of Stripe's test mode was left there", tried)]
    calls = len(stripe.calls)
    expect(checkout(user, "small"), 502, "stripe_rejected")
    assert row(user)["customer_id"] == bought["customer_id"] and len(stripe.calls) == calls


# --- somebody else asks


def test_while_somebody_else_asks(user, stripe):
    """A worker, for example; its lease ends, at the latest by itself."""
    session = to_pay(user)
    stripe.pay(session)
    change_row(user, "sync_token = %s, sync_until_us = %s", secrets.token_bytes(16),
               int(now(user.stack).timestamp() + 100) * 1_000_000)
    expect(sync(user, session), 409, "billing_in_progress")
    expect(checkout(user), 409, "billing_in_progress")
    assert billing(user)["plan"] == "free"
    expect(portal(user), 200)
    change_row(user, "sync_until_us = 1")
    assert expect(sync(user, session), 200)["data"]["plan"] == "small"


def test_who_waited_for_somebody_else_has_time_to_ask(user, stripe):
    """Else they would hear that Stripe does not answer, which was never asked."""
    to_pay(user)
    stripe.behave("customer_get", "hang", "hang", "ok")  # until the patience of the first one is over
    answers = at_once([lambda: checkout(user)] * 2)
    told = [a.json().get("error", {}).get("code") for a in answers]
    assert told.count("stripe_unreachable") == 1, told


def steal(user):
    change_row(user, "sync_token = %s", secrets.token_bytes(16))


def test_who_stood_still_stores_nothing(user, stripe):
    session = to_pay(user)
    stripe.pay(session)
    stripe.before["subscriptions"] = lambda: steal(user)
    expect(sync(user, session), 409, "billing_in_progress")
    assert row(user)["status"] is None and row(user)["sync_token"] is not None


@pytest.mark.parametrize("operation", ["checkouts", "checkout"])
def test_who_stood_still_begins_nothing(user, stripe, operation):
    stripe.before[operation] = lambda: steal(user)
    expect(checkout(user), 409, "billing_in_progress")
    assert row(user)["checkout_session_id"] is None and row(user)["sync_token"] is not None
    change_row(user, "sync_token = NULL, sync_until_us = NULL")
    one_open(stripe, to_pay(user))


# --- the way back


def test_somebody_elses_session(user, other, stripe):
    mine, theirs = to_pay(user), to_pay(other)
    stripe.pay(theirs)
    for wrong in (theirs, "cs_test_unknown", "sub_1", "cs_test_../customers", "x", f"cs_{'a' * 252}"):
        expect(sync(user, wrong), 404, "not_found")
    assert billing(user)["plan"] == "free"
    stripe.sessions[mine]["customer"] = stripe.sessions[theirs]["customer"]  # no session of Stripe's is so
    expect(sync(user, mine), 404, "not_found")
    stripe.sessions[mine].update(customer=customer_of(stripe, user), livemode=True)
    expect(sync(user, mine), 404, "not_found")
    expect(user.web.post("/api/v1/billing/sync", json={"session_id": "x" * 256}), 422, "too_long")


def test_nobodys_session(user, other, stripe):
    """Who has never begun to buy has none, and Stripe is not asked."""
    theirs = to_pay(other)
    n = len(stripe.calls)
    expect(sync(user, theirs), 404, "not_found")
    assert len(stripe.calls) == n


def test_the_portal(user, stripe):
    expect(portal(user), 409, "no_subscription")
    assert stripe.calls == []
    to_pay(user)
    assert expect(portal(user), 200)["data"] == {"url": f"https://billing.stripe.example/p/session/{customer_of(stripe, user)}"}


# --- what cannot be bought


def test_what_cannot_be_bought(user, stripe):
    for plan in ("gold", "free", "tiny"):  # tiny has no price
        error = expect(checkout(user, plan), 422, "plan_unknown")["error"]
        assert error["param"] == "plan"
    error = expect(user.web.post("/api/v1/billing/checkout", json={"plan": "small", "accepted_terms": False}), 422, "terms_not_accepted")["error"]
    assert "Buying" in error["message"]
    assert stripe.calls == [] and row(user) is None


def test_a_plan_that_was_given_can_be_bought(user, stripe):
    """The grant ends, and what is bought goes on."""
    grant(user, "small")
    session = to_pay(user)
    stripe.pay(session)
    assert expect(sync(user, session), 200)["data"]["plan"] == "small"
    expect(checkout(user), 409, "plan_is_current")
    grant(user, "large")
    expect(checkout(user), 409, "plan_is_current")  # that is what is paid, whatever is given
    to_portal(stripe, user, "large")


# --- the consent to the terms


def test_the_consent_is_kept_with_what_is_bought(user, stripe, stack):
    def consent():
        data = billing(user)
        return data["terms_version"], data["terms_accepted_how"], data["terms_accepted_at"]

    def noted():
        rows = expect(user.web.get("/api/v1/me/activity"), 200)["data"]
        return [r["about"] for r in rows if r["what"] == "checkout_begun"]
    assert consent() == (None, None, None)
    to_pay(user)  # here the terms have no version
    assert consent()[:2] == (None, "request") and consent()[2] and noted() == ["small"]
    with stack.configured("billing", terms_version="2026-11", stripe_ask_consent="yes"):
        first = to_pay(user)
        before = consent()
        assert before[:2] == ("2026-11", "request_and_stripe")
        assert to_pay(user) == first and consent() == before, "it is the same purchase"
        assert "terms         2026-11  by request_and_stripe  at " in stack.admin("billing", "show", user.id).stdout
    with stack.configured("billing", terms_version="2026-12"):
        second = to_pay(user)
        assert second != first and consent()[:2] == ("2026-12", "request"), "nobody pays under terms that they have not seen"
        one_open(stripe, second)
        expect(user.web.post("/api/v1/billing/checkout", json={"plan": "small", "accepted_terms": False}), 422, "terms_not_accepted")
        stripe.pay(second)
        expect(sync(user, second), 200)
    assert consent()[0] == "2026-12"
    assert noted() == ["small, under the terms 2026-12", "small, under the terms 2026-11", "small"]


def test_a_user_who_is_disabled(user, stripe, stack):
    """Also between the look at the session and the commit: then Stripe forgets the customer again."""
    def disable():
        assert stack.admin("user", "disable", user.id).returncode == 0
    stripe.before["customer"] = disable
    expect(checkout(user), 403, "account_disabled")
    assert row(user) is None and [c.get("deleted") for c in stripe.customers.values()] == [True]
    n = len(stripe.calls)
    for call in (lambda: checkout(user), lambda: portal(user), lambda: sync(user, "cs_test_1")):
        assert call().status_code in (401, 403)
    assert len(stripe.calls) == n
    assert stack.admin("user", "enable", user.id).returncode == 0
    user.web = user.sign_in()
    to_pay(user)
    assert customer_of(stripe, user) == row(user)["customer_id"]


# --- how the server is set up


@pytest.mark.parametrize("name", ["stripe-api-key", "stripe-webhook-secrets"])
def test_without_a_credential_nothing_is_sold(user, stripe, stack, name):
    session = to_pay(user)
    with with_credential(stack, name, ""):
        stack.restart("billing")
        expect(checkout(user), 503, "billing_not_configured")
        for call in (lambda: portal(user), lambda: sync(user, session)):  # rights of who has paid need the key alone
            expect(call(), *((503, "billing_not_configured") if name == "stripe-api-key" else (200,)))
        assert billing(user)["plan"] == "free"
    stack.restart("billing")
    assert to_pay(user) == session


@pytest.mark.parametrize("name,text,says", [
    ("stripe-api-key", "sk_test_123", "the credential stripe-api-key cannot be used: the key must be a restricted one"),
    ("stripe-api-key", "rk_live_123", "stripe.livemode is no, but this is a key of Stripe's live mode"),
    ("stripe-webhook-secrets", "hunter2", "the credential stripe-webhook-secrets cannot be used")])
def test_with_a_wrong_credential_it_does_not_start(stack, tmp_path, name, text, says):
    for one in ("db-password", "stripe-api-key", "stripe-webhook-secrets"):
        (tmp_path / one).write_bytes((stack.at.credentials / "billing" / one).read_bytes())
    (tmp_path / name).write_text(text)
    done = subprocess.run([render.find_program(os.environ["MARKETINGCLI_BUILD"], "marketingcli-billing")], stdin=subprocess.DEVNULL,
                          env={**os.environ, "MARKETINGCLI_CONF": str(stack.at.conf), "CREDENTIALS_DIRECTORY": str(tmp_path)},
                          capture_output=True, text=True, timeout=60)
    line = json.loads(done.stderr.splitlines()[-1])
    assert (done.returncode, line["event"]) == (78, "cannot_start") and says in line["why"], done
    assert text not in done.stderr
