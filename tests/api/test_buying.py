"""A plan is bought as a person does it: at the simulator's page, by the address that our API leads to."""

from helpers import expect, query_of
from plans import billing
from shop import checkout, row, session_of, sync
from stripe_sim import Stripe


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
