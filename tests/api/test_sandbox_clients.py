"""Clients that other people wrote for TikTok run their whole sign-in against the simulator, unchanged: they judge whether it is
TikTok."""

import pytest
from clients import Published
from helpers import query_of
from simulator import App


@pytest.fixture
def app(stack):
    return App(stack)


def test_arctic_signs_in_refreshes_and_withdraws(app):
    with Published(app, "arctic") as arctic:
        url = arctic.consent("someone.arctic")
        done = arctic.result()
    assert url.path == "/v2/auth/authorize"
    assert done["scopes"] == "user.info.basic,video.list" == done["first"]["scope"] == done["fresh"]["scope"]
    assert done["first"]["access_token"] != done["fresh"]["access_token"]
    assert done["first"]["refresh_token"] != done["fresh"]["refresh_token"]
    assert done["first"]["open_id"] == done["fresh"]["open_id"] and done["expires_at"]
    assert done["after_revocation"] == "invalid_grant" and done["wrong_secret"] == "invalid_client"
    assert app.stack.sql("SELECT COUNT(*) AS n FROM sandbox_grants WHERE client_key = %s AND revoked_at_us > 0",
                         app.key)[0]["n"] == 1


def test_authjs_signs_in(app):
    with Published(app, "authjs") as authjs:
        url = authjs.consent("someone.authjs")
        done = authjs.result()
    asked = query_of("?" + url.query)
    assert url.path == "/v2/auth/authorize" and "state" not in asked and asked["client_key"] == app.key
    assert done["errors"] == [] and done["location"] == app.stack.url + "/home"
    assert done["session"]["user"]["name"] == "Simulated someone.authjs"
    assert done["session"]["user"]["image"] == app.stack.sandbox_url + "/avatar/someone.authjs"


def test_authjs_is_told_of_a_refusal(app):
    with Published(app, "authjs") as authjs:
        authjs.consent("someone.authjs", decision="deny")
        done = authjs.result()
    assert done["session"] is None and done["location"] == app.stack.url + "/auth/signin?error=OAuthCallbackError", done
    assert len(done["errors"]) == 1 and "OAuth Provider returned an error" in done["errors"][0]
