"""A link that is only opened does nothing, whoever opens it: mail programs and their scanners do so by themselves."""

import pytest
from helpers import expect
from links import link
from newcomers import PASSWORD, Newcomer
from test_change_email import asked, changed, fresh
from test_password import NEW

# The route of a link, its page, the token of somebody for whom all is ready, and what the page's form sends with it
LINKS = {
    "verify-email": ("verify-email", lambda user: registered(user.stack), {"password": PASSWORD}),
    "reset-password": ("reset-password", lambda user: link(user.stack, "reset_password", user.id), {"password": NEW}),
    "confirm-email": ("change-email", lambda user: asked(user, fresh()), {}),
    "undo-email": ("undo-email", lambda user: changed(user, fresh()), {}),
}


def registered(stack):
    newcomer = Newcomer(stack)
    expect(newcomer.register(), 202)
    return newcomer.link()


@pytest.mark.parametrize("route", LINKS)
def test_opening_one_does_nothing(stack, user, route):
    page, ready, fields = LINKS[route]
    token, client = ready(user), stack.client(Origin=stack.url)
    for method in ("GET", "HEAD"):
        for query in (None, {"token": token, **fields}):
            shown = client.request(method, f"/{page}", params=query)
            assert shown.status_code == 200 and token not in shown.text and "Set-Cookie" not in shown.headers
            refused = client.request(method, f"/api/v1/auth/{route}", params=query)
            assert refused.status_code == 405 and refused.headers["Allow"] == "POST"
    expect(client.post(f"/api/v1/auth/{route}", json={"token": token, **fields}), 200 if route != "reset-password" else 204)
