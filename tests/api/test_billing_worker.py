"""worker@billing: what Stripe's events come to. Stripe is tests/fakes/stripe.py; the events come by the webhook, signed."""

import datetime
import json
import time
import uuid

import pytest
from conftest import User
from helpers import expect
from mailing import wait_letter
from payers import (ADMIN, Payer, alarms, alarms_of, at_once, deliver, done, event, jobs, letters, payer, put_off,  # noqa: F401 (fixtures)
                    settled, shown_to_admin, stored, stripe, tell, well_behaved)
from plans import billing, now
from test_change_email import UNDO, changed, follow, fresh
from test_metrics import Shown

# The state


def test_a_plan_comes_and_goes(payer):
    payer.subscribe(status="active")
    id = tell(payer, "customer.subscription.created", payer.subscription())
    row = payer.row()
    assert (row["subscription_id"], row["plan"], row["status"], row["past_due_since_us"]) == (payer.sub, "small", "active", None)
    assert row["sync_token"] is None and row["sync_until_us"] is None
    assert payer.plan() == "small"
    assert payer.user.api.get("/api/v1/me").status_code in (200, 403)  # a key of the user's has the plan, too
    kept = stored(payer.stack, id)
    assert kept["done_at_us"] and kept["link"] is None
    payer.subscription()["items"]["data"][0]["price"]["id"] = "price_1LargeTest"
    tell(payer, "customer.subscription.updated", payer.subscription())
    assert payer.plan() == "large"
    payer.subscription()["status"] = "canceled"
    tell(payer, "customer.subscription.deleted", payer.subscription())
    assert (payer.plan(), payer.row()["status"]) == ("free", "canceled")


def test_an_event_says_nothing_of_the_state(payer):
    """What it says is old news: only what Stripe answers now counts."""
    payer.subscribe(status="canceled")
    tell(payer, "customer.subscription.updated", {**payer.subscription(), "status": "active"})
    assert payer.plan() == "free"


def test_past_due_has_a_grace_from_the_beginning_of_the_period(payer):
    begun = int(time.time()) - 86400
    payer.subscribe(status="past_due", start=begun, end=begun + 30 * 86400)
    tell(payer, "invoice.payment_failed", payer.invoice())
    assert payer.row()["past_due_since_us"] == begun * 1_000_000
    shown = billing(payer.user)
    until = datetime.datetime.fromisoformat(shown["until"].replace("Z", "+00:00")).timestamp()
    assert (shown["plan"], shown["status"], int(until)) == ("small", "past_due", begun + 7 * 86400)


def test_foreign_things_have_no_effect(payer, other, stripe):
    stripe.subscribe(payer.customer, f"{payer.sub}f", price="price_of_another_product", status="past_due")
    bill = payer.invoice(parent={"subscription_details": {"subscription": f"{payer.sub}f"}})
    id = deliver(payer.stack, event("invoice.payment_failed", bill))
    assert done(payer.stack, id) == ("ignored", "foreign_price")
    assert payer.plan() == "free" and not letters(payer, "payment")
    # A customer of somebody else's account that names the user, who has one already.
    id = deliver(payer.stack, event("customer.subscription.created",
                                    {**stripe.subscriptions[f"{payer.sub}f"], "customer": "cus_stranger",
                                     "metadata": {"user_id": payer.user.id}}))
    assert done(payer.stack, id) == ("ignored", "unknown_customer")
    assert alarms_of(payer) == ["a subscription for a price that no plan has"], "but the admin hears of it, once: was it taken out of the file?"
    assert "look          a subscription for a price that no plan has" in shown_to_admin(payer)


# A customer that we have not made


@pytest.mark.parametrize("whose,bound", [("own", True), ("other", False), ("nobody", False)])
def test_a_customer_that_is_not_known(stack, user, other, stripe, whose, bound):
    """The user's, if it was made for them: what the session says, anybody can write who pays by a payment link."""
    payer = Payer(user, stripe)
    named = {"own": {"user_id": user.id}, "other": {"user_id": other.id}, "nobody": {}}[whose]
    stripe.customers[payer.customer] |= {"metadata": named, "email": "before@example.com"}
    payer.subscribe()
    session = {"id": f"cs_{payer.sub}", "object": "checkout.session", "customer": payer.customer, "client_reference_id": user.id,
               "status": "complete"}
    id = deliver(stack, event("checkout.session.completed", session))
    assert done(stack, id) == (("done", None) if bound else ("ignored", "unknown_customer"))
    assert payer.plan() == ("small" if bound else "free")
    assert (payer.row() is not None) == bound
    if bound:
        stack.wait(lambda: stripe.customers[payer.customer]["email"] == user.email, "Stripe hears of the user's address")
    else:
        assert stripe.customers[payer.customer]["email"] == "before@example.com"


def test_a_customer_who_was_deleted_is_not_bound(stack, user, stripe):
    payer = Payer(user, stripe)
    stripe.customers[payer.customer]["deleted"] = True
    session = {"id": f"cs_{payer.sub}", "object": "checkout.session", "customer": payer.customer, "client_reference_id": user.id}
    id = deliver(stack, event("checkout.session.completed", session))
    assert done(stack, id) == ("ignored", "gone")
    assert payer.row() is None


def test_a_customer_who_is_deleted_at_stripe_is_forgotten(payer):
    payer.subscribe()
    tell(payer, "customer.subscription.created", payer.subscription())
    payer.stripe.customers[payer.customer] = {"deleted": True}
    tell(payer, "customer.deleted", {"id": payer.customer, "object": "customer"}
         | {"customer": payer.customer})
    assert payer.row() is None and payer.plan() == "free"


def test_a_customer_who_is_not_there_ends_no_plan(payer):
    """A key of another account sees none of ours."""
    payer.subscribe()
    tell(payer, "customer.subscription.created", payer.subscription())
    kept = payer.stripe.customers.pop(payer.customer)
    id = deliver(payer.stack, event("customer.subscription.updated", payer.subscription()))
    job = put_off(payer, "customer")
    assert stored(payer.stack, id)["state"] == "waiting" and payer.plan() == "small" and job["state"] == "ready"
    at_once(payer, "customer")
    payer.stack.wait(lambda: put_off(payer, "customer")["tries"] > job["tries"], "it was tried again")
    assert alarms_of(payer) == ["Stripe does not know the customer: another account's?"], "once, however often it is tried"
    assert "look          Stripe does not know the customer" in shown_to_admin(payer)
    payer.stripe.customers[payer.customer] = kept
    payer.stack.admin("billing", "sync", payer.user.email)
    assert done(payer.stack, id) == ("done", None)
    assert "look" not in shown_to_admin(payer) and "of the test mode" in shown_to_admin(payer)


def test_two_subscriptions_are_told_once(payer):
    payer.subscribe()
    payer.stripe.subscribe(payer.customer, payer.sub + "x")
    for _ in range(2):
        tell(payer, "customer.subscription.created", payer.subscription())
    assert alarms_of(payer) == ["more than one subscription"]
    payer.stripe.subscriptions[payer.sub + "x"]["status"] = "canceled"
    tell(payer, "customer.subscription.deleted", payer.subscription())
    payer.stripe.subscribe(payer.customer, payer.sub + "y")
    tell(payer, "customer.subscription.created", payer.subscription())
    assert alarms_of(payer) == ["more than one subscription"] * 2, "it was over, and is so again"


def test_a_customer_of_the_other_mode(payer):
    """Of the live one, which the key of the test mode cannot see: nobody loses a plan, and nothing is thought to be deleted."""
    payer.subscribe()
    tell(payer, "customer.subscription.created", payer.subscription())
    payer.stack.sql("UPDATE subscriptions SET livemode = 1 WHERE user_id = %s", payer.id)
    asked = len(payer.stripe.requests)
    for _ in range(2):
        payer.stack.admin("billing", "sync", payer.user.email)
        settled(payer.stack, "customer", payer.id)
    assert alarms_of(payer) == ["the customer is of Stripe's other mode"] and payer.plan() == "small"
    payer.stack.admin("billing", "forget", payer.user.email)
    put_off(payer, "customer_delete")
    assert alarms_of(payer)[1:] == ["a customer that is to be deleted is of Stripe's other mode"]
    assert len(payer.stripe.requests) == asked and payer.row()["customer_id"] == payer.customer
    said = payer.stack.admin("billing", "disown", payer.user.email)
    assert (said.returncode, said.stdout) == (0, f"{payer.user.email} has no customer any more; Stripe was not asked\n"), said
    settled(payer.stack, "customer_delete", payer.id)
    assert payer.row() is None and payer.plan() == "free" and len(payer.stripe.requests) == asked
    said = payer.stack.admin("billing", "disown", payer.user.email)
    assert (said.returncode, said.stderr) == (1, f"marketingcli-admin: {payer.user.email} has no customer\n"), said


# Mails


def test_one_mail_for_a_bill(payer):
    begun = int(time.time())
    payer.subscribe(status="past_due", start=begun)
    for _ in range(3):  # each try to get the money is an event of its own
        tell(payer, "invoice.payment_failed", payer.invoice())
    letter = wait_letter(payer.stack, payer.user.email, "payment has failed")
    assert f"https://invoice.example/{payer.sub}" in letter.text and f"https://invoice.example/{payer.sub}" in letter.html
    assert "goes on until" in letter.text
    tell(payer, "invoice.payment_action_required", payer.invoice())
    wait_letter(payer.stack, payer.user.email, "bank wants you to confirm")
    tell(payer, "invoice.payment_failed", payer.invoice(id=f"in_{payer.sub}b"))
    wait_letter(payer.stack, payer.user.email, "payment has failed", times=2)
    rows = payer.stack.sql("SELECT template, params FROM mail_outbox WHERE user_id = %s", payer.id)
    assert sorted(r["template"] for r in rows) == ["payment_action_required", "payment_failed", "payment_failed"]
    payer.stack.wait(lambda: not any(r["params"] for r in payer.stack.sql("SELECT params FROM mail_outbox WHERE user_id = %s",
                                                                           payer.id)), "the links are forgotten")


def test_a_replay_has_stripes_page(payer):
    """Of an event of which no mail was written, for what was so then: the link goes when a mail has it."""
    payer.subscribe(status="active")
    id = tell(payer, "invoice.payment_failed", payer.invoice())
    payer.subscription()["status"] = "past_due"
    assert payer.stack.admin("billing", "replay", id).returncode == 0
    letter = wait_letter(payer.stack, payer.user.email, "payment has failed")
    assert f"https://invoice.example/{payer.sub}" in letter.text and stored(payer.stack, id)["link"] is None
    foreign = deliver(payer.stack, event("invoice.payment_failed", payer.invoice(customer="cus_of_nobody")))
    assert done(payer.stack, foreign)[0] == "ignored" and stored(payer.stack, foreign)["link"] is None


def test_no_mail_about_what_is_settled(payer):
    payer.subscribe(status="active", trial_end=int(time.time()) - 5)
    tell(payer, "invoice.payment_failed", payer.invoice())
    tell(payer, "invoice.payment_action_required", payer.invoice())
    tell(payer, "customer.subscription.trial_will_end", payer.subscription())
    assert not payer.stack.sql("SELECT 1 FROM mail_outbox WHERE user_id = %s", payer.id)


@pytest.mark.parametrize("until", [{}, {"cancel_at": int(time.time()) + 90 * 86400}], ids=["goes on", "ends later"])
def test_a_trial_ends(payer, until):
    payer.subscribe(status="trialing", trial_end=int(time.time()) + 3 * 86400, **until)
    tell(payer, "customer.subscription.trial_will_end", payer.subscription())
    letter = wait_letter(payer.stack, payer.user.email, "trial ends")
    assert f"{payer.stack.url}/billing" in letter.text


@pytest.mark.parametrize("canceled", ["by the flag", "at a time"])
def test_a_trial_ends_that_is_canceled(payer, canceled):
    """Nothing is to be paid then, so no mail says that it is."""
    end = int(time.time()) + 3 * 86400
    payer.subscribe(status="trialing", trial_end=end, end=end,
                    **({"cancel_at_period_end": True} if canceled == "by the flag" else {"cancel_at": end}))
    tell(payer, "customer.subscription.trial_will_end", payer.subscription())
    assert not payer.stack.sql("SELECT 1 FROM mail_outbox WHERE user_id = %s", payer.id)


def test_the_admin_is_told_of_a_dispute(payer):
    charge = f"ch_{payer.sub}"
    payer.stripe.charges[charge] = payer.customer
    logged = len(payer.stack.log("worker-billing"))
    dispute = {"id": f"du_{payer.sub}", "object": "dispute", "charge": charge, "status": "needs_response"}
    id = tell(payer, "charge.dispute.created", dispute)
    letter = wait_letter(payer.stack, ADMIN)
    told = [line for line in payer.stack.log("worker-billing")[logged:].splitlines() if '"event":"billing_attention"' in line]
    assert len(told) == 1 and id in told[0]
    assert Shown(payer.stack, "worker-billing")("alarms_total", alarm="billing_attention") == len(alarms(payer.stack))
    assert charge in letter.text and payer.user.id in letter.text and f"/test/events/{id}" in letter.text
    assert stored(payer.stack, id)["user_id"] == payer.id
    # Of a charge that is nobody's of ours, nobody hears.
    payer.stripe.charges["ch_foreign"] = "cus_foreign"
    id = deliver(payer.stack, event("charge.dispute.created", {**dispute, "charge": "ch_foreign"}))
    assert done(payer.stack, id) == ("ignored", "unknown_customer")
    id = deliver(payer.stack, event("charge.dispute.created", {**dispute, "charge": "ch_never"}))
    assert done(payer.stack, id) == ("ignored", "gone")


# Order, repetition, faults


def test_orders_do_not_matter(stack, stripe, user, other):
    """Whatever the order, and however often: one state in the end."""
    kinds = ["customer.subscription.created", "customer.subscription.updated", "invoice.paid", "checkout.session.completed"]
    ends = []
    for who, order in ((user, kinds), (other, kinds[::-1] * 2)):
        payer = Payer(who, stripe).bind()
        payer.subscribe(status="active", start=1_700_000_000, end=2_000_000_000)
        objects = {"customer.subscription.created": payer.subscription(), "customer.subscription.updated": payer.subscription(),
                   "invoice.paid": payer.invoice(),
                   "checkout.session.completed": {"id": "cs_1", "object": "checkout.session", "customer": payer.customer}}
        made = {type: event(type, objects[type]) for type in kinds}
        for type in order:
            deliver(stack, made[type])
        for sent in made.values():
            assert done(stack, sent["id"]) == ("done", None)
        settled(stack, "customer", payer.id)
        row = payer.row()
        ends.append({k: row[k] for k in ("plan", "status", "period_end_us", "cancel_at_us", "trial_end_us", "past_due_since_us")})
    assert ends[0] == ends[1] and ends[0]["plan"] == "small"


@pytest.mark.parametrize("fault", ["500", "429", "409", "drop"])
def test_stripe_fails_for_a_while(payer, fault):
    payer.subscribe()
    payer.stripe.behave("/v1/subscriptions", fault, fault, "ok")
    tell(payer, "customer.subscription.created", payer.subscription())
    assert payer.plan() == "small"


def test_an_event_that_comes_while_stripe_is_asked(payer):
    """It may not be in that answer, so Stripe is asked once more."""
    payer.subscribe()
    payer.stripe.behave("/v1/subscriptions", "held")
    first = deliver(payer.stack, event("customer.subscription.created", payer.subscription()))
    payer.stack.wait(lambda: payer.stripe.requests[-1:] and payer.stripe.requests[-1][1] == "/v1/subscriptions"
                     and payer.stripe.requests[-1][2]["customer"] == payer.customer, "Stripe is asked")
    second = deliver(payer.stack, event("customer.subscription.updated", payer.subscription()))
    payer.stripe.release()
    assert done(payer.stack, first) == done(payer.stack, second) == ("done", None)
    asked = [g for g in payer.stripe.asked("GET", "/v1/subscriptions") if g["customer"] == payer.customer]
    assert len(asked) == 2


def test_whoever_asks_keeps_others_out(payer):
    token, begun = uuid.uuid4().bytes, int(time.time() * 1_000_000) + 1_000_000
    payer.subscribe()
    payer.stack.sql("UPDATE subscriptions SET sync_token = %s, sync_until_us = %s WHERE user_id = %s", token,
                    int((time.time() + 60) * 1_000_000), payer.id)
    id = deliver(payer.stack, event("customer.subscription.created", payer.subscription()))
    payer.stack.wait(lambda: [j for j in jobs(payer.stack, "customer", payer.id) if not j["lease_token"] and j["run_at_us"] > begun],
                     "it waits for the lease")
    assert not [g for g in payer.stripe.asked("GET", "/v1/subscriptions") if g["customer"] == payer.customer]
    payer.stack.sql("UPDATE subscriptions SET sync_token = NULL, sync_until_us = NULL WHERE user_id = %s", payer.id)
    assert done(payer.stack, id) == ("done", None)


# Reconciliation


def test_what_was_never_delivered_is_found(payer):
    payer.subscribe()
    payer.stripe.events = [event("customer.subscription.updated", payer.subscription()) for _ in range(23)]
    payer.stripe.events[0]["created"] -= 3700  # Stripe has tried that one several times
    before = Shown(payer.stack, "worker-billing")
    payer.stripe.events.append(event("invoice.paid", {"object": "not what this type has"}))
    payer.stripe.events.append(event("radar.early_fraud_warning.created",
                                     {"id": "issfr_1", "object": "radar.early_fraud_warning", "charge": "ch_none"}))
    payer.stack.sql("UPDATE jobs_billing SET run_at_us = 1, tries = 9 WHERE kind = 'reconcile' AND lease_token IS NULL")
    for sent in payer.stripe.events[:-2]:
        payer.stack.wait(lambda: payer.stack.sql("SELECT 1 FROM provider_events WHERE event_id = %s", sent["id"]), "it is found")
        assert done(payer.stack, sent["id"]) == ("done", None)
        assert stored(payer.stack, sent["id"])["via"] == "reconciliation"
    payer.stack.wait(lambda: payer.stack.sql("SELECT 1 FROM provider_events WHERE event_id = %s", payer.stripe.events[-1]["id"]),
                     "those of the second list are found, too")
    assert payer.plan() == "small"
    (job,) = payer.stack.wait(lambda: payer.stack.sql("SELECT * FROM jobs_billing WHERE kind = 'reconcile' AND lease_token IS NULL"
                                                      " AND run_at_us > 1"), "it comes again")
    assert job["run_at_us"] > (time.time() + 86000) * 1_000_000 and job["tries"] == 0, "one failure tomorrow is the first"
    assert not payer.stack.sql("SELECT 1 FROM provider_reads"), "the list was read to its end"
    assert Shown(payer.stack, "worker-billing").moved(before, "alarms_total") == {("events_missed",): 1}
    missed = [json.loads(line) for line in payer.stack.log("worker-billing").splitlines() if '"event":"events_missed"' in line]
    assert (missed[-1]["events"], missed[-1]["unreadable"]) == (1, 1)
    payer.stripe.events = []


def test_a_look_at_what_was_not_delivered_goes_on_where_it_ended(payer):
    """A run that broke off, or has read as much as fits into one."""
    def asked():
        return [given.get("starting_after") for given in payer.stripe.asked("GET", "/v1/events")[before:]]
    payer.subscribe()
    payer.stripe.events = [event("customer.subscription.updated", payer.subscription()) for _ in range(23)]
    payer.stripe.page_events = 1
    payer.stripe.events[-1]["created"] -= 3700
    shown = Shown(payer.stack, "worker-billing")
    ids = [sent["id"] for sent in payer.stripe.events[::-1]]
    before = len(payer.stripe.asked("GET", "/v1/events"))
    payer.stripe.behave("/v1/events", "ok", "ok", "500", "ok")
    payer.stack.sql("UPDATE jobs_billing SET run_at_us = 1 WHERE kind = 'reconcile' AND lease_token IS NULL")
    payer.stack.wait(lambda: len(asked()) >= 25 and not payer.stack.sql("SELECT 1 FROM provider_reads"), "all is read")
    assert asked() == [None, *ids[:2], *ids[1:-1], None], "the third page failed, and was asked for again"

    def notes():
        runs = [json.loads(line) for line in payer.stack.log("worker-billing").splitlines() if '"kind":"reconcile"' in line]
        return [run.get("note", "").partition(",")[0] for run in runs][-2:]
    payer.stack.wait(lambda: notes() == [f"{n} events that had not come" for n in (20, 1)], "a run has twenty pages")
    assert Shown(payer.stack, "worker-billing").moved(shown, "alarms_total") == {("events_missed",): 1}, "the run that broke off has told"
    # A place that Stripe does not know any more is left.
    payer.stack.sql("INSERT INTO provider_reads VALUES ('events', %s, 'evt_gone', %s)", "checkout.session.completed", int(time.time() * 1_000_000))
    before = len(payer.stripe.asked("GET", "/v1/events"))
    payer.stack.sql("UPDATE jobs_billing SET run_at_us = 1 WHERE kind = 'reconcile' AND lease_token IS NULL")
    payer.stack.wait(lambda: asked()[:2] == ["evt_gone", None], "it begins anew")
    payer.stripe.events = []
    payer.stripe.page_events = 100


def test_whose_period_is_over_is_asked_for(payer, other, stripe):
    """The endpoint was switched off at Stripe, so there is no event, and none that was not delivered."""
    still = Payer(other, stripe).bind()
    for one, ended_sec in ((payer, 25 * 3600), (still, 23 * 3600)):
        one.subscribe(status="active")
        tell(one, "customer.subscription.created", one.subscription())
        one.subscription()["status"] = "canceled"
        one.stack.sql("UPDATE subscriptions SET period_end_us = %s, updated_at_us = 1 WHERE user_id = %s",
                      int((time.time() - ended_sec) * 1_000_000), one.id)
    payer.stack.sql("UPDATE jobs_billing SET run_at_us = 1 WHERE kind = 'lapsed' AND lease_token IS NULL")
    payer.stack.wait(lambda: payer.plan() == "free", "the plan has ended")
    assert still.plan() == "small" and '"lapsed":1' in payer.stack.log("worker-billing"), "Stripe takes some hours"


# Others who ask the worker


def test_the_admin_syncs(payer):
    payer.subscribe()
    said = payer.stack.admin("billing", "sync", payer.user.email)
    assert said.returncode == 0, said
    payer.stack.wait(lambda: payer.plan() == "small", "the plan is there")
    payer.subscription()["status"] = "canceled"
    said = payer.stack.admin("billing", "sync-all")
    assert said.returncode == 0, said
    payer.stack.wait(lambda: payer.plan() == "free", "the plan is gone")


def about(payer):
    """What Stripe was asked of this customer: reconciliation asks by itself."""
    return [r for r in payer.stripe.requests if payer.customer in repr(r)]


def test_forgetting(payer):
    payer.subscribe()
    id = tell(payer, "customer.subscription.created", payer.subscription())
    payer.stripe.sessions = {f"cs_{payer.sub}a": payer.customer, f"cs_{payer.sub}b": payer.customer, "cs_other": "cus_other"}
    payer.stripe.behave(f"/v1/customers/{payer.customer}", "drop", "ok")  # it is deleted, and nobody hears of it
    said = payer.stack.admin("billing", "forget", payer.user.email)
    assert said.returncode == 0, said
    settled(payer.stack, "customer_delete", payer.id)
    assert payer.stripe.customers[payer.customer] == {"deleted": True} and [*payer.stripe.sessions] == ["cs_other"]
    assert payer.row() is None and payer.plan() == "free"
    assert not payer.stack.sql("SELECT 1 FROM provider_events WHERE user_id = %s", payer.id)
    # What Stripe tells of it later makes nothing anew.
    later = deliver(payer.stack, event("customer.subscription.deleted", {**payer.subscription(), "metadata": {"user_id": payer.user.id}}))
    assert done(payer.stack, later) == ("ignored", "gone") and payer.row() is None
    assert id != later
    # Again, and of somebody who never had a customer: nothing is asked.
    asked = about(payer)
    assert payer.stack.admin("billing", "forget", payer.user.email).returncode == 0
    settled(payer.stack, "customer_delete", payer.id)
    assert about(payer) == asked


def test_a_customer_whom_the_account_does_not_know_is_not_deleted(payer):
    """404 is what a key of another account gets, too. One that was deleted is shown as such."""
    del payer.stripe.customers[payer.customer]
    payer.stack.admin("billing", "forget", payer.user.email)
    put_off(payer, "customer_delete")
    assert payer.row() is not None
    assert alarms_of(payer) == ["Stripe does not know a customer that is to be deleted: another account's?"]
    payer.stripe.customers[payer.customer] = {"deleted": True}
    at_once(payer, "customer_delete")
    settled(payer.stack, "customer_delete", payer.id)
    assert payer.row() is None


def test_an_erasure_that_waits_for_the_key_is_told(payer):
    key = payer.stack.at.credentials / "worker_billing/stripe-api-key"
    before = key.read_bytes()
    key.chmod(0o600)
    key.write_text("")
    try:
        payer.stack.restart("worker-billing")
        payer.stack.admin("billing", "forget", payer.user.email)
        put_off(payer, "customer_delete")
        assert alarms_of(payer) == ["a job waits for stripe-api-key, which is empty"]
        at_once(payer, "customer_delete")
        payer.stack.wait(lambda: put_off(payer, "customer_delete")["tries"] > 1, "it was tried again")
        assert len(alarms_of(payer)) == 1, "once a day"
    finally:
        key.write_bytes(before)
        key.chmod(0o400)
        payer.stack.restart("worker-billing")
    at_once(payer, "customer_delete")
    settled(payer.stack, "customer_delete", payer.id)
    assert payer.stripe.customers[payer.customer] == {"deleted": True} and payer.row() is None


def test_an_address_that_stripe_does_not_take(payer):
    payer.stripe.behave(f"/v1/customers/{payer.customer}", "400")
    changed(payer.user, fresh())
    settled(payer.stack, "customer_email", payer.id)
    assert alarms_of(payer) == ["Stripe does not take the user's address"]
    assert "look          Stripe does not take the address" in shown_to_admin(payer)
    assert payer.stack.sql("SELECT by_whom FROM activity WHERE user_id = %s AND what = 'stripe_email_refused'", payer.id) == [{"by_whom": "service"}]
    payer.stripe.behave(f"/v1/customers/{payer.customer}", "ok")
    payer.stack.sql("INSERT INTO jobs_billing (id, kind, subject_id, state, run_at_us, created_at_us) VALUES (%s, 'customer_email', %s, 'ready', 1, 1)",
                    uuid.uuid4().bytes, payer.id)
    settled(payer.stack, "customer_email", payer.id)
    assert "look" not in shown_to_admin(payer)


def test_a_changed_address_reaches_stripe(payer, other):
    new = fresh()
    payer.stripe.behave(f"/v1/customers/{payer.customer}", "drop", "500", "ok")
    undo = changed(payer.user, new)
    payer.stack.wait(lambda: payer.stripe.customers[payer.customer]["email"] == new, "Stripe has the new address")
    settled(payer.stack, "customer_email", payer.id)
    expect(follow(payer.stack, UNDO, undo), 200)
    payer.stack.wait(lambda: payer.stripe.customers[payer.customer]["email"] == payer.user.email, "Stripe has the old one")
    changed(other, fresh())  # of whom Stripe knows nothing
    assert not jobs(payer.stack, "customer_email", uuid.UUID(other.id).bytes)


def test_a_key_that_stripe_refuses_is_nobodys_fault(stack, stripe):
    """The kind pauses with an alarm, and goes on when the key is good."""
    payers = [Payer(User(stack), stripe).bind() for _ in range(3)]
    before = stack.log("worker-billing").count('"event":"kind_paused"')
    stripe.behave("/v1/subscriptions", "401")
    ids = []
    for payer in payers:
        payer.subscribe()
        ids.append(deliver(stack, event("customer.subscription.created", payer.subscription())))
    stack.wait(lambda: stack.log("worker-billing").count('"event":"kind_paused"') > before, "the kind is paused")
    assert {stored(stack, id)["state"] for id in ids} == {"waiting"}
    stripe.behave("/v1/subscriptions", "ok")
    for id in ids:
        assert done(stack, id) == ("done", None)


def test_events_go_when_their_time_is_over(payer):
    payer.subscribe()
    old, new = (tell(payer, "customer.subscription.created", payer.subscription()) for _ in range(2))
    payer.stack.sql("UPDATE provider_events SET received_at_us = %s WHERE event_id = %s",
                    int((time.time() - 31 * 86400) * 1_000_000), old)
    payer.stack.sql("UPDATE jobs_billing SET run_at_us = 1 WHERE kind = 'events_tidy' AND lease_token IS NULL")
    payer.stack.wait(lambda: not payer.stack.sql("SELECT 1 FROM provider_events WHERE event_id = %s", old), "the old one is gone")
    assert stored(payer.stack, new)
