"""The Stripe simulator: its API, its pages, its clock, and what it sends; at the end by Stripe's own client from npm."""

import concurrent.futures
import http.server
import json
import ssl
import threading
import time
import uuid

import clients
import pytest
from stripe_sim import DAY, PRICE, Stripe, bare
from test_alarms import events
from test_metrics import Shown

HEX = "0" * 32


@pytest.fixture
def stripe(stack):
    made = Stripe(stack)
    yield made
    made.forget_scripts()


@pytest.fixture
def customer(stripe):
    """Nothing of it is sent."""
    made = stripe.customer()["id"]
    stripe.hold(made)
    return made


def refused(answer, status, code=None, param=None):
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert (error.get("code"), error.get("param")) == (code, param), error
    assert answer.headers["Request-Id"].startswith("req_")


# The API


def test_a_customer_is_made_changed_and_deleted(stripe):
    user_id = str(uuid.uuid4())
    made = stripe.customer(user_id, "a+b@example.org")
    assert made["email"] == "a+b@example.org" and made["metadata"] == {"user_id": user_id} and not made["livemode"]
    stripe.hold(made["id"])
    changed = stripe.post(f"/v1/customers/{made['id']}", {"email": "new@example.org"})
    assert changed.json()["email"] == "new@example.org"
    assert stripe.got(f"/v1/customers/{made['id']}")["email"] == "new@example.org"
    gone = stripe.http.delete(f"/v1/customers/{made['id']}", headers=stripe.headers())
    assert gone.json() == {"object": "customer", "id": made["id"], "deleted": True}
    assert stripe.got(f"/v1/customers/{made['id']}") == gone.json()
    refused(stripe.http.delete(f"/v1/customers/{made['id']}", headers=stripe.headers()), 404, "resource_missing", "id")
    refused(stripe.post("/v1/checkout/sessions", stripe.checkout_fields(made["id"])), 400, "resource_missing", "customer")
    assert stripe.types(made["id"]) == ["customer.deleted"]


def test_customers_are_listed_newest_first(stripe):
    """Those that were made since a time, and are not deleted, page by page."""
    since = int(time.time()) - 600
    older, gone, newer = (stripe.customer()["id"] for _ in range(3))
    stripe.http.delete(f"/v1/customers/{gone}", headers=stripe.headers())
    first = stripe.got("/v1/customers", limit=1, **{"created[gte]": since})
    assert [c["id"] for c in first["data"]] == [newer] and first["has_more"] and first["object"] == "list"
    assert stripe.got("/v1/customers", limit=1, starting_after=newer, **{"created[gte]": since})["data"][0]["id"] == older
    assert stripe.got("/v1/customers", **{"created[gte]": since + 10 * DAY})["data"] == []
    refused(stripe.get("/v1/customers", **{"created[gte]": "soon"}), 400, "parameter_invalid_integer", "created[gte]")


def test_deleting_a_customer_ends_its_subscriptions(stripe, customer):
    subscription = stripe.subscribe(customer)
    session = stripe.checkout(customer)
    stripe.http.delete(f"/v1/customers/{customer}", headers=stripe.headers())
    assert stripe.got(f"/v1/subscriptions/{subscription}")["status"] == "canceled"
    assert stripe.got(f"/v1/checkout/sessions/{session['id']}")["status"] == "expired"
    assert stripe.types(customer)[-2:] == ["customer.subscription.deleted", "customer.deleted"]


def test_no_key_no_answer(stripe, stack):
    for headers in ({}, {"Authorization": "Bearer rk_test_other"}, {"Authorization": stripe.key}):
        refused(stripe.http.get("/v1/customers/cus_1", headers=headers), 401)
    # A path that is not Stripe's, and a thing that is not there.
    refused(stripe.get("/v1/nothing"), 404, "resource_missing")
    refused(stripe.get(f"/v1/charges/ch_{HEX}"), 404, "resource_missing", "id")
    refused(stripe.get(f"/v1/subscriptions/sub_{HEX}"), 404, "resource_missing", "id")
    refused(stripe.get(f"/v1/events/evt_{HEX}"), 404, "resource_missing", "id")
    refused(stripe.get("/v1/checkout/sessions/cs_test_x"), 404, "resource_missing", "id")


def test_without_it_being_stripe_there_is_nothing(stripe, stack, customer):
    session = stripe.checkout(customer)
    with stack.configured("sandbox", stripe_api_url="https://api.stripe.com"):
        assert stripe.get(f"/v1/customers/{customer}").status_code == 404
        assert stripe.http.get(session["url"]).status_code == 404
    assert stripe.http.get(session["url"]).status_code == 200


@pytest.mark.parametrize("changes,code,param", [
    ({"mode": "payment"}, "parameter_invalid", "mode"),
    ({"line_items[0][price]": "x"}, "resource_missing", "line_items[0][price]"),
    ({"success_url": "https://example.org/"}, "url_invalid", "success_url"),
    ({"cancel_url": ""}, "url_invalid", "cancel_url"),
    ({"subscription_data[trial_period_days]": "x"}, "parameter_invalid_integer", "subscription_data[trial_period_days]"),
    ({"expires_at": 1}, "parameter_invalid", "expires_at"),
    ({"expires_at": 9223372036854775807}, "parameter_invalid_integer", "subscription_data[trial_period_days]"),
    ({"customer": f"cus_{HEX}"}, "resource_missing", "customer"),
])
def test_what_a_checkout_must_say(stripe, customer, changes, code, param):
    refused(stripe.post("/v1/checkout/sessions", {**stripe.checkout_fields(customer), **changes}), 400, code, param)


def test_a_session_expires(stripe, stack, customer):
    first, second = stripe.checkout(customer), stripe.checkout(customer)
    assert [s["id"] for s in stripe.got("/v1/checkout/sessions", customer=customer, status="open")["data"]] == [second["id"], first["id"]]
    page = stripe.got("/v1/checkout/sessions", customer=customer, limit=1)
    assert page["has_more"] and [s["id"] for s in page["data"]] == [second["id"]]
    page = stripe.got("/v1/checkout/sessions", customer=customer, limit=1, starting_after=second["id"])
    assert not page["has_more"] and [s["id"] for s in page["data"]] == [first["id"]]
    gone = stripe.made(f"/v1/checkout/sessions/{first['id']}/expire")  # covers: POST /v1/checkout/sessions/{id}/expire
    assert gone["status"] == "expired" and gone["url"] is None
    refused(stripe.post(f"/v1/checkout/sessions/{first['id']}/expire"), 400, "resource_already_exists")
    assert stripe.http.get(first["url"]).status_code == 404
    stack.move_clock(25 * 3600)
    stack.wait(lambda: stripe.types(customer) == ["checkout.session.expired"] * 2, "the other one has expired by itself")
    assert stripe.got("/v1/checkout/sessions", customer=customer, status="open")["data"] == []


def test_a_key_is_carried_out_once(stripe, stack):
    fields = {"email": "a@example.org"}
    first = stripe.post("/v1/customers", fields, key="k1")
    again = stripe.post("/v1/customers", fields, key="k1")
    assert again.json() == first.json() and again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    other = stripe.post("/v1/customers", {"email": "b@example.org"}, key="k1")
    assert other.status_code == 400 and other.json()["error"]["type"] == "idempotency_error"
    # A refusal is not kept.
    wrong = stripe.checkout_fields(first.json()["id"], mode="payment")
    refused(stripe.post("/v1/checkout/sessions", wrong, key="k2"), 400, "parameter_invalid", "mode")
    stripe.checkout(first.json()["id"], key="k2")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: stripe.customer(key="k3", user_id=str(uuid.UUID(int=1)))["id"], range(16)))
    assert len(set(ids)) == 1
    stack.move_clock(25 * 3600)
    assert stripe.post("/v1/customers", fields, key="k1").json()["id"] != first.json()["id"]


def test_scripts(stripe):
    fields = {"email": "a@example.org"}
    for status, code in ((500, None), (429, "rate_limit"), (409, "lock_timeout"), (503, None)):
        stripe.script("customers_create", status)
        refused(stripe.post("/v1/customers", fields, key=f"s{status}"), status, code)
        assert stripe.post("/v1/customers", fields, key=f"s{status}").status_code == 200
    stripe.script("customers_create", 500, kept=True)
    for _ in range(2):
        answer = stripe.post("/v1/customers", fields, key="kept")
        assert answer.status_code == 500
    assert answer.headers["Idempotent-Replayed"] == "true"
    # It was made, and nobody was told.
    stripe.script("customers_create", 504, made=True)
    lost = stripe.post("/v1/customers", fields, key="lost")
    assert lost.status_code == 504 and lost.text == "Scripted.\n"
    assert stripe.post("/v1/customers", fields, key="lost").headers["Idempotent-Replayed"] == "true"
    stripe.script("customers_get", 500, times=2)
    customer = stripe.customer()["id"]
    assert [stripe.get(f"/v1/customers/{customer}").status_code for _ in range(3)] == [500, 500, 200]
    stripe.script("customers_get", wait_ms=50)
    assert stripe.got(f"/v1/customers/{customer}")["id"] == customer


# Pages


def test_somebody_buys(stripe, stack, customer):
    user_id = str(uuid.uuid4())
    session = stripe.checkout(customer, client_reference_id=user_id, **{"consent_collection[terms_of_service]": "required"})
    assert session["url"] == f"{stack.sandbox_url}/stripe/pay/{session['id']}" and session["payment_status"] == "unpaid"
    page = stripe.http.get(f"/stripe/pay/{session['id']}")
    assert page.status_code == 200 and "I agree to the terms" in page.text and PRICE in page.text
    no = stripe.http.post(f"/stripe/pay/{session['id']}", data={"action": "pay", "card": "pays"})
    assert no.status_code == 400 and "You must agree" in no.text
    back = stripe.http.post(session["url"], data={"action": "back"}, allow_redirects=False)
    assert back.headers["Location"] == f"{stack.url}/billing/canceled"
    declined = stripe.http.post(session["url"], data={"action": "pay", "card": "declines", "consent": "yes"})
    assert declined.status_code == 402 and "declined" in declined.text
    assert stripe.http.post(session["url"], data={"action": "pay", "card": "x"}).status_code == 400
    assert stripe.pay(session, consent="yes") == f"{stack.url}/billing/done?session_id={session['id']}"
    assert stripe.http.get(session["url"]).status_code == 404
    assert stripe.http.post(session["url"], data={"action": "pay", "card": "pays"}).status_code == 404
    done = stripe.got(f"/v1/checkout/sessions/{session['id']}")
    assert done["status"] == "complete" and done["payment_status"] == "paid" and done["url"] is None
    [subscription] = stripe.subscriptions(customer)
    assert subscription["id"] == done["subscription"] and subscription["status"] == "active"
    assert subscription["metadata"] == {"user_id": user_id}
    assert subscription["items"]["data"][0]["price"]["id"] == PRICE
    assert stripe.types(customer) == ["customer.subscription.created", "invoice.paid", "customer.subscription.updated",
                                      "checkout.session.completed"]
    assert stripe.got(f"/v1/charges/ch_{subscription['id'][4:]}")["customer"] == customer


def test_two_who_pay_at_once_buy_once(stripe, customer):
    session = stripe.checkout(customer)
    def pay(_):
        return stripe.http.post(session["url"], data={"action": "pay", "card": "pays"}, allow_redirects=False).status_code
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(pay, range(4)))[0] == 303
    assert len(stripe.subscriptions(customer)) == 1
    assert stripe.types(customer).count("checkout.session.completed") == 1


def test_a_bank_wants_a_confirmation(stripe, customer):
    subscription = stripe.subscribe(customer, "wants_action")
    assert stripe.subscriptions(customer)[0]["status"] == "incomplete"
    [event] = [e for e in stripe.events(customer) if e["type"] == "invoice.payment_action_required"]
    link = event["data"]["object"]["hosted_invoice_url"]
    bill = stripe.http.get(link)  # covers: GET /stripe/invoice/{id}
    assert "Pay with a good card" in bill.text
    assert stripe.http.post(link).status_code == 200  # covers: POST /stripe/invoice/{id}
    assert stripe.http.post(link).status_code == 409
    assert stripe.got(f"/v1/subscriptions/{subscription}")["status"] == "active"
    assert stripe.types(customer)[-2:] == ["invoice.paid", "customer.subscription.updated"]
    assert stripe.http.get(f"/stripe/invoice/in_{HEX}").status_code == 404


def test_time_passes(stripe, customer):
    subscription = stripe.subscribe(customer, "declines_later")
    before = stripe.subscriptions(customer)[0]["items"]["data"][0]["current_period_end"]
    stripe.pass_days(customer, 31)
    now = stripe.subscriptions(customer)[0]
    assert now["status"] == "past_due" and now["items"]["data"][0]["current_period_start"] == before
    stripe.choose(customer, "pay", subscription)
    assert stripe.subscriptions(customer)[0]["status"] == "active"
    stripe.choose(customer, "pay", subscription, status=409)
    stripe.choose(customer, "ends_unpaid", subscription)
    stripe.pass_days(customer, 60)
    assert stripe.subscriptions(customer)[0]["status"] == "unpaid"
    assert stripe.types(customer).count("invoice.payment_failed") == 5
    stripe.choose(customer, "advance", days=401, status=409)


def test_it_happens_by_itself(stripe, stack, customer):
    """What is due by the real clock needs nobody to come and look."""
    stripe.subscribe(customer, **{"subscription_data[trial_period_days]": 14})
    assert stripe.subscriptions(customer)[0]["status"] == "trialing"
    stack.move_clock(12 * DAY)
    stack.wait(lambda: "customer.subscription.trial_will_end" in stripe.types(customer), "the end of the trial is told")
    stack.move_clock(3 * DAY)
    stack.wait(lambda: stripe.subscriptions(customer)[0]["status"] == "active", "the trial has ended")


def test_the_portal(stripe, stack, customer):
    subscription = stripe.subscribe(customer)
    portal = stripe.made("/v1/billing_portal/sessions", {"customer": customer, "return_url": f"{stack.url}/billing"})
    page = stripe.http.get(f"/stripe/portal/{portal['id']}")
    assert page.url == portal["url"] and subscription in page.text and f"{stack.url}/billing" in page.text
    stripe.choose(customer, "cancel", subscription)
    now = stripe.subscriptions(customer)[0]
    assert now["cancel_at"] and not now["cancel_at_period_end"]
    stripe.choose(customer, "cancel", subscription, status=409)
    stripe.choose(customer, "keep", subscription)
    stripe.choose(customer, "cancel_by_flag", subscription)
    assert stripe.subscriptions(customer)[0]["cancel_at_period_end"]
    stripe.choose(customer, "keep", subscription)
    stripe.choose(customer, "change", subscription, price="price_other")
    assert stripe.subscriptions(customer)[0]["items"]["data"][0]["price"]["id"] == "price_other"
    stripe.choose(customer, "change", subscription, price="x", status=409)
    stripe.choose(customer, "pause", subscription)
    assert stripe.subscriptions(customer)[0]["status"] == "paused"
    stripe.choose(customer, "resume", subscription)
    stripe.choose(customer, "pause_collection", subscription)
    assert stripe.subscriptions(customer)[0]["pause_collection"]
    stripe.choose(customer, "resume_collection", subscription)
    stripe.choose(customer, "nothing", subscription, status=400)
    for action, event in (("dispute", "charge.dispute.created"), ("dispute_lost", "charge.dispute.closed"),
                          ("refund", "charge.refunded"), ("fraud_warning", "radar.early_fraud_warning.created")):
        stripe.choose(customer, action, subscription)
        last = stripe.events(customer)[-1]
        assert last["type"] == event and f"ch_{subscription[4:]}" in json.dumps(last)
    stripe.choose(customer, "cancel_now", subscription)
    assert stripe.subscriptions(customer)[0]["status"] == "canceled"
    assert stripe.got("/v1/subscriptions", customer=customer)["data"] == []
    stripe.choose(customer, "delete", status=200)
    assert stripe.http.post(f"/stripe/portal/{portal['id']}", data={"action": "keep"}).status_code == 404


def test_somebody_elses_subscription_is_not_mine(stripe, customer):
    other = stripe.customer()["id"]
    stripe.hold(other)
    subscription = stripe.subscribe(other)
    stripe.choose(customer, "cancel_now", subscription, status=409)
    stripe.choose(customer, "cancel_now", "sub_x", status=409)
    assert stripe.subscriptions(other)[0]["status"] == "active"


def test_a_portal_is_for_an_hour(stripe, stack, customer):
    portal = stripe.made("/v1/billing_portal/sessions", {"customer": customer, "return_url": f"{stack.url}/billing"})
    stack.move_clock(3601)
    assert stripe.http.get(portal["url"]).status_code == 404
    refused(stripe.post("/v1/billing_portal/sessions", {"customer": customer, "return_url": "https://example.org/"}),
            400, "url_invalid", "return_url")


def test_a_customer_lives_as_long_as_what_it_has(stripe, stack, customer):
    """A subscription renews itself, and nobody changes its customer for years."""
    lone = stripe.customer()["id"]
    stripe.subscribe(customer)
    stack.sql("UPDATE sandbox_stripe_customers SET renewed_at_us = 1 WHERE id IN (%s, %s)", bare(lone), bare(customer))
    stack.restart("sandbox")
    stack.wait(lambda: stripe.get(f"/v1/customers/{lone}").status_code == 404, "the one that has nothing is gone")
    assert stripe.got(f"/v1/customers/{customer}")["id"] == customer


# Events


def test_trouble_with_the_database_is_told_once(stack):
    """And that it is over: not the same each second."""
    errors = lambda: Shown(stack, "sandbox")("database_errors_total", error="failed")  # noqa: E731
    logged, before = len(stack.log("sandbox")), errors()
    told = lambda name: events(stack.log("sandbox")[logged:], name)  # noqa: E731
    stack.sql("RENAME TABLE sandbox_stripe_events TO sandbox_stripe_events_away")
    try:
        stack.wait(lambda: errors() >= before + 2, "it has met it twice")
        assert len(told("sandbox_stripe")) == 1 and not told("sandbox_stripe_back")
    finally:
        stack.sql("RENAME TABLE sandbox_stripe_events_away TO sandbox_stripe_events")
    stack.wait(lambda: told("sandbox_stripe_back"), "it is over")
    assert len(told("sandbox_stripe")) == len(told("sandbox_stripe_back")) == 1


def test_events_are_listed(stripe, customer):
    stripe.stack.sql("DELETE FROM sandbox_stripe_events")  # some came up while another test had moved the clock
    stripe.subscribe(customer)
    ids = [e["id"] for e in stripe.events(customer)][::-1]
    assert stripe.got(f"/v1/events/{ids[0]}")["id"] == ids[0]
    page = stripe.got("/v1/events", limit=2)
    assert [e["id"] for e in page["data"]] == ids[:2] and page["has_more"]
    page = stripe.got("/v1/events", limit=1, starting_after=ids[1])
    assert [e["id"] for e in page["data"]] == ids[2:3] and page["has_more"]
    page = stripe.got("/v1/events", limit=1, ending_before=ids[2])
    assert [e["id"] for e in page["data"]] == ids[1:2] and page["has_more"]
    assert not stripe.got("/v1/events", ending_before=ids[0])["has_more"]
    wanted = {"types[0]": "invoice.paid", "types[1]": "checkout.session.completed"}
    assert [e["id"] for e in stripe.got("/v1/events", ending_before=ids[-1], **wanted)["data"]] == [ids[0], ids[2]]
    stripe.stack.sql("UPDATE sandbox_stripe_events SET delivered_at_us = 1 WHERE id = %s", bare(ids[0]))
    later = stripe.got("/v1/events", ending_before=ids[-1], delivery_success="false", **wanted)["data"]
    assert [e["id"] for e in later] == [ids[2]]
    assert [e["id"] for e in stripe.got("/v1/events", ending_before=ids[-1], delivery_success="true")["data"]] == [ids[0]]
    refused(stripe.get("/v1/events", limit=0), 400, "parameter_invalid_integer", "limit")
    refused(stripe.get("/v1/events", starting_after="x"), 400, "resource_missing", "starting_after")


class Webhook:
    """Somebody who takes events: answers with the next of .answers, then with 200, and keeps (headers, body)."""

    def __init__(self, stack):
        taken, answers = self.taken, self.answers = [], []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                taken.append((self.path, self.headers["Stripe-Signature"], self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(answers.pop(0) if answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(stack.at.tls / "leaf.crt", stack.at.tls / "leaf.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def webhook(stack):
    made = Webhook(stack)
    with stack.configured("sandbox", service_url=made.url):
        yield made
    made.server.shutdown()
    made.server.server_close()


def test_events_are_sent_until_they_are_taken(stripe, stack, webhook):
    customer = stripe.customer()["id"]
    webhook.answers += [500, 302]
    portal = stripe.made("/v1/billing_portal/sessions", {"customer": customer, "return_url": f"{webhook.url}/billing"})
    stripe.http.post(portal["url"], data={"action": "delete"})
    stack.wait(lambda: len(webhook.taken) == 3, "it was sent a third time")
    assert len({body for _, _, body in webhook.taken}) == 1
    path, signature, body = webhook.taken[2]
    assert path == "/webhooks/stripe" and json.loads(body)["type"] == "customer.deleted"
    at = int(signature.partition(",")[0][2:])
    assert stripe.signed(body, at)["Stripe-Signature"] == signature
    stack.wait(lambda: stack.sql("SELECT 1 FROM sandbox_stripe_events WHERE customer_id = %s AND delivered_at_us > 0 AND tries = 3"
                                 " AND next_at_us IS NULL", bare(customer)), "the simulator knows that it was delivered")


# Stripe's own client


def called(stripe, *calls):
    """What Stripe's client makes of these calls at the simulator: ("customers.create", argument ...)."""
    lines = "".join(json.dumps({"call": call, "args": args}) + "\n" for call, *args in calls)
    answers = clients.run("stripe", "call", lines, HOST="sandbox.localhost", PORT=str(stripe.stack.https), KEY=stripe.key,
                          NODE_EXTRA_CA_CERTS=str(stripe.stack.ca))
    return [json.loads(line) for line in answers.splitlines()]


def test_stripes_client_buys(stripe, stack):
    user_id = str(uuid.uuid4())
    customer = {"email": "a+b&c=é@example.org", "metadata": {"user_id": user_id}}
    key = {"idempotencyKey": str(uuid.uuid4())}
    first, again, other = called(stripe, ("customers.create", customer, key), ("customers.create", customer, key),
                                 ("customers.create", {"email": "b@example.org"}, key))
    assert first["result"]["email"] == customer["email"] and first["result"]["metadata"] == customer["metadata"]
    assert again["result"] == first["result"] and first["request_id"].startswith("req_") != again["request_id"]
    assert other["error"] == {"type": "StripeIdempotencyError", "status": 400}
    made = first["result"]["id"]
    stripe.hold(made)
    checkout = {"mode": "subscription", "customer": made, "client_reference_id": user_id, "metadata": {"user_id": user_id},
                "line_items": [{"price": PRICE, "quantity": 1}],
                "success_url": f"{stack.url}/billing/done?session_id={{CHECKOUT_SESSION_ID}}",
                "cancel_url": f"{stack.url}/billing/canceled", "expires_at": int(time.time()) + 3000,
                "subscription_data": {"metadata": {"user_id": user_id}, "trial_period_days": 14}}
    sessions = [a["result"] for a in called(stripe, ("checkout.sessions.create", checkout), ("checkout.sessions.create", checkout))]
    assert [s["expires_at"] for s in sessions] == [checkout["expires_at"]] * 2
    stripe.pay(sessions[0])
    done, listed, expired, open_now, subscriptions, portal, missing, events = called(
        stripe, ("checkout.sessions.retrieve", sessions[0]["id"]),
        ("checkout.sessions.list", {"customer": made, "status": "open"}),
        ("checkout.sessions.expire", sessions[1]["id"]),
        ("checkout.sessions.list", {"customer": made, "status": "open"}),
        ("subscriptions.list", {"customer": made, "status": "all", "limit": 20}),
        ("billingPortal.sessions.create", {"customer": made, "return_url": f"{stack.url}/billing"}),
        ("subscriptions.retrieve", f"sub_{HEX}"),
        ("events.list", {"delivery_success": False, "types": ["checkout.session.completed", "checkout.session.expired"], "limit": 2}))
    assert done["result"]["status"] == "complete" and done["result"]["client_reference_id"] == user_id
    assert [s["id"] for s in listed["result"]["data"]] == [sessions[1]["id"]]
    assert expired["result"]["status"] == "expired" and open_now["result"]["data"] == []
    [subscription] = subscriptions["result"]["data"]
    assert subscription["id"] == done["result"]["subscription"] and subscription["status"] == "trialing"
    assert portal["result"]["url"].startswith(stack.sandbox_url)
    assert missing["error"] == {"type": "StripeInvalidRequestError", "code": "resource_missing", "param": "id", "status": 404}
    assert [e["type"] for e in events["result"]["data"]] == ["checkout.session.expired", "checkout.session.completed"]
    retrieved, gone, after, charge = called(
        stripe, ("subscriptions.retrieve", subscription["id"]), ("customers.del", made), ("customers.retrieve", made),
        ("charges.retrieve", f"ch_{subscription['id'][4:]}"))
    assert retrieved["result"] == subscription and charge["result"]["customer"] == made
    assert gone["result"] == after["result"] == {"id": made, "object": "customer", "deleted": True}


def test_stripes_client_takes_what_is_sent(stripe, stack, webhook):
    customer = stripe.customer()["id"]
    session = stripe.checkout(customer, success_url=f"{webhook.url}/done", cancel_url=f"{webhook.url}/canceled")
    stripe.pay(session)
    portal = stripe.made("/v1/billing_portal/sessions", {"customer": customer, "return_url": f"{webhook.url}/billing"})
    subscription = stripe.subscriptions(customer)[0]["id"]
    for action in ("dispute", "refund", "fraud_warning", "cancel", "delete"):
        stripe.http.post(portal["url"], data={"action": action, "subscription": subscription}, allow_redirects=False)
    wanted = stripe.events(customer)
    stack.wait(lambda: len(webhook.taken) == len(wanted), "all are sent")
    sent = [{"header": header, "payload": body.decode(), "secret": stripe.secret, "now": int(time.time())}
            for _, header, body in webhook.taken]
    events = clients.ask("stripe", "construct", sent)
    assert [(e["id"], e["type"], e["object"]) for e in events] == [(e["id"], e["type"], e["data"]["object"]) for e in wanted]
