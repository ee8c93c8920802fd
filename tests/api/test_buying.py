"""A plan is bought as a person does it: at the simulator's page, by the address that our API leads to."""

import uuid

from helpers import expect, query_of
from plans import billing
from shop import checkout, row, session_of, sync
from stripe_sim import Stripe, bare


def bought(user, plan="small"):
    """Where Stripe leads back to."""
    data = expect(checkout(user, plan), 200)["data"]
    assert data["kind"] == "checkout"
    return Stripe(user.stack).pay(data)


def test_from_the_checkout_to_the_portal(user, stack):
    back = bought(user)
    assert back.startswith(f"{stack.url}/billing/done?")
    session = query_of(back)["session_id"]
    assert session == session_of(user)
    assert expect(sync(user, session), 200)["data"]["plan"] == "small"
    assert (row(user)["status"], row(user)["sync_token"]) == ("active", None)
    data = expect(checkout(user, "large"), 200)["data"]
    assert data["kind"] == "portal" and Stripe(stack).http.get(data["url"]).status_code == 200
    assert Stripe(stack).http.get(expect(user.web.post("/api/v1/billing/portal"), 200)["data"]["url"]).status_code == 200


def test_stripe_leads_back_to_the_dashboard(stack):
    pages = {"/billing": "", "/billing/done?session_id=cs_test_1": "?session_id=cs_test_1", "/billing/canceled": "?left=yes"}
    for path, query in pages.items():
        answer = stack.client().get(path, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"{stack.url}/dashboard/billing{query}")


def test_a_subscription_that_ends_lets_buy_again(user, stack):
    session = query_of(bought(user))["session_id"]
    expect(sync(user, session), 200)
    stripe, customer = Stripe(stack), row(user)["customer_id"]
    stripe.choose(customer, "cancel", row(user)["subscription_id"])
    assert expect(sync(user, session), 200)["data"]["will_cancel"]
    stripe.pass_days(customer, 40)
    assert expect(sync(user, session), 200)["data"]["plan"] == "free"
    again = query_of(bought(user, "large"))["session_id"]
    assert again != session and expect(sync(user, again), 200)["data"]["plan"] == "large" == billing(user)["plan"]


def test_somebody_buys_cancels_and_leaves(user, stack):
    """As a user does, with what the simulator sends by itself."""
    answer = user.web.post("/api/v1/billing/checkout", json={"plan": "small", "accepted_terms": True})
    url = expect(answer, 200)["data"]["url"]
    assert url.startswith(f"{stack.sandbox_url}/stripe/pay/cs_test_")

    assert billing(user)["plan"] == "free"
    paid = Stripe(stack).pay({"url": url})
    data = expect(user.web.post("/api/v1/billing/sync", json={"session_id": paid.partition("session_id=")[2]}), 200)["data"]
    assert (data["plan"], data["status"], data["will_cancel"]) == ("small", "active", False)
    portal = expect(user.web.post("/api/v1/billing/portal"), 200)["data"]["url"]
    [row] = stack.sql("SELECT customer_id, subscription_id FROM subscriptions WHERE user_id = %s", uuid.UUID(user.id).bytes)

    def choose(action, **more):
        answer = user.stack.client().post(portal, data={"action": action, "subscription": row["subscription_id"], **more}, allow_redirects=False)
        assert answer.status_code in (200, 303), answer.text
    choose("cancel")
    stack.wait(lambda: billing(user)["will_cancel"], "the cancellation has come by the webhook")
    choose("keep")
    choose("change", price="price_1LargeTest")
    stack.wait(lambda: (billing(user)["plan"], billing(user)["will_cancel"]) == ("large", False), "the other plan has come")
    choose("cancel_now")
    stack.wait(lambda: billing(user)["plan"] == "free", "it has ended")
    stack.wait(lambda: not stack.sql("SELECT 1 FROM sandbox_stripe_events WHERE customer_id = %s AND delivered_at_us IS NULL",
                                     bare(row["customer_id"])), "all is delivered")
