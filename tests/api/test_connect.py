"""Connecting a TikTok account: consent, state, code exchange, and what goes wrong with them."""

import hashlib
import pathlib
import sys
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import User
from helpers import Client, expect, query_of
from test_metrics import Shown
from waiting import patiently

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from transport import BAD_GATEWAY_PAGE, INTERNAL_ERROR, Transport  # noqa: E402

HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
TOKEN, USER_INFO = "/v2/oauth/token/", "/v2/user/info/"


def state_of(url):
    return query_of(url)["state"]


def callback(user, **query):
    return user.web.get("/api/v1/tiktok/callback?" + urllib.parse.urlencode(query), allow_redirects=False)


def accounts(user):
    return expect(user.web.get("/api/v1/accounts"), 200)["data"]


def states(stack, user):
    return stack.sql(f"SELECT * FROM oauth_states WHERE user_id = x'{user.id.replace('-', '')}'")


def consented(user, name, **more):
    """The callback's URL after a consent at the simulator."""
    return user.consent(user.authorize_url(), name, **more)


@pytest.fixture
def name(user):
    return f"conn.{user.number}.{user.id[-6:]}"


# --- there


def test_connect_leads_to_the_consent_page(user, stack):
    answer = user.web.get("/api/v1/tiktok/connect", allow_redirects=False)
    assert answer.status_code == 303
    url = answer.headers["Location"]
    assert url.partition("?")[0] == stack.sandbox_url + "/v2/auth/authorize/"
    query = query_of(url)
    state = query.pop("state")
    assert query == {"client_key": "sandbox-client-key", "response_type": "code",
                     "scope": "user.info.basic,video.publish,video.upload",
                     "redirect_uri": stack.url + "/api/v1/tiktok/callback"}
    assert len(state) == 43
    (row,) = states(stack, user)
    assert bytes(row["state_hash"]) == hashlib.sha256(state.encode()).digest()
    assert state not in stack.log("tiktok") and state not in stack.log("access")


def test_only_a_session_connects(user, stack):
    expect(stack.client().get("/api/v1/tiktok/connect", allow_redirects=False), 401, "unauthenticated")
    expect(stack.client().get("/api/v1/tiktok/callback?state=x&code=y", allow_redirects=False), 401, "unauthenticated")
    expect(user.api.get("/api/v1/tiktok/connect", allow_redirects=False), 403, "session_required")
    expect(user.api.get("/api/v1/tiktok/callback?state=x", allow_redirects=False), 403, "session_required")


def test_without_a_client_key(user, stack):
    with Transport(stack) as tiktok, tiktok.used_by("tiktok", tiktok_client_key=""):
        expect(user.web.get("/api/v1/tiktok/connect", allow_redirects=False), 503, "tiktok_not_configured")
        page = user.web.get("/api/v1/tiktok/connect", headers=HTML, allow_redirects=False)
        assert (page.status_code, page.headers["Location"]) == (303, "/connected.html?error=tiktok_not_configured")


# --- and back


def test_a_browser_lands_on_a_page(user, name):
    answer = user.web.get(consented(user, name), headers=HTML, allow_redirects=False)
    assert answer.status_code == 303
    (account,) = accounts(user)
    assert answer.headers["Location"] == f"/connected.html?account={account['id']}"


def test_a_program_gets_the_account(user, name):
    data = expect(user.web.get(consented(user, name)), 200)["data"]
    (listed,) = accounts(user)
    assert data["id"] == listed["id"] and data["is_active"] is True and data["state"] == "active"
    assert data["platform"] == "tiktok" and data["display_name"] and data["platform_data"]["post_block"] is None
    assert data["scopes"] == ["user.info.basic", "video.publish", "video.upload"]


def test_tokens_are_sealed_and_never_logged(user, stack, name):
    with Transport(stack) as tiktok, tiktok.used_by("tiktok"):
        id = expect(user.web.get(consented(user, name)), 200)["data"]["id"]
        (path, _), = [s for s in tiktok.seen if s[0].startswith(USER_INFO)]
        assert path == USER_INFO + "?fields=open_id,display_name,avatar_url"
        (_, form), = [s for s in tiktok.seen if s[0] == TOKEN]
        code = urllib.parse.parse_qs(form.decode())["code"][0]
    (row,) = stack.sql(f"SELECT * FROM accounts WHERE id = x'{id.replace('-', '')}'")
    (token,) = stack.sql(f"SELECT COUNT(*) n FROM accounts WHERE access_token LIKE '%%act%%' OR refresh_token LIKE '%%rft%%'")
    assert token["n"] == 0 and row["access_token"][0] == 1 and row["refresh_token"][0] == 1
    assert row["access_expires_at_us"] > row["connected_at_us"] < row["refresh_expires_at_us"]
    for log in ("tiktok", "access", "nginx", "worker-publish"):
        text = stack.log(log)
        assert "act." not in text and "rft." not in text and code not in text


def test_connecting_again_keeps_the_id(user, stack, name):
    first = expect(user.web.get(consented(user, name)), 200)["data"]["id"]
    again = expect(user.web.get(consented(user, name, grant=["user.info.basic", "video.upload"])), 200)["data"]
    assert again["id"] == first and again["scopes"] == ["user.info.basic", "video.upload"]
    assert len(accounts(user)) == 1
    expect(user.web.delete(f"/api/v1/accounts/{first}"), 200)
    assert expect(user.web.get(consented(user, name)), 200)["data"]["id"] == first


def test_two_users_may_connect_the_same_creator(user, other, name):
    mine = expect(user.web.get(consented(user, name)), 200)["data"]["id"]
    theirs = expect(other.web.get(consented(other, name)), 200)["data"]["id"]
    assert mine != theirs and len(accounts(user)) == len(accounts(other)) == 1


def test_accounts_are_limited(user, stack, name):
    with Transport(stack) as tiktok, tiktok.used_by("tiktok", tiktok_accounts_max=1):
        expect(user.web.get(consented(user, name)), 200)
        expect(user.web.get(consented(user, name + "b")), 409, "accounts_too_many")
        assert tiktok.requests("/v2/oauth/revoke/") == 1  # nothing is left standing at TikTok
        expect(user.web.get(consented(user, name)), 200)
    assert len(accounts(user)) == 1


# --- the state


def test_a_state_works_once(user, name):
    url = consented(user, name)
    expect(user.web.get(url), 200)
    expect(user.web.get(url), 400, "state_invalid")


@pytest.mark.parametrize("query", [{}, {"state": ""}, {"state": "x" * 43}, {"state": "é\u0001"}, {"code": "c"}])
def test_a_wrong_state(user, query):
    expect(callback(user, **query), 400, "state_invalid")


def test_a_repeated_state(user, stack):
    state = state_of(user.authorize_url())
    answer = user.web.get(f"/api/v1/tiktok/callback?state={state}&state={state}&code=x", allow_redirects=False)
    expect(answer, 400, "state_invalid")
    assert len(states(stack, user)) == 1


def test_a_state_belongs_to_its_session(user, other, stack, name):
    url = consented(user, name)
    expect(other.web.get(url), 400, "state_invalid")
    # Not even another session of the same user.
    second = stack.client(Origin=stack.url)
    expect(second.post("/api/v1/auth/login", json={"email": user.email, "password": user.password}), 200)
    expect(second.get(url), 400, "state_invalid")
    expect(user.web.get(url), 200)


@pytest.mark.parametrize("seconds, status", [(590, 200), (601, 400)])
def test_a_state_is_good_for_ten_minutes(user, stack, name, seconds, status):
    url = user.authorize_url()
    stack.move_clock(seconds)
    answer = user.web.get(user.consent(url, name))
    expect(answer, status, "state_invalid" if status == 400 else None)


def test_old_states_are_swept(user, stack):
    user.authorize_url()
    stack.move_clock(601)
    user.authorize_url()
    assert len(states(stack, user)) == 1


def test_a_purge_by_a_clock_that_was_ahead_takes_nothing_that_was_just_begun(user, stack):
    user.authorize_url()
    before, = states(stack, user)
    stack.sql("UPDATE oauth_states SET expires_at_us = expires_at_us - 1800000000 WHERE state_hash = %s", before["state_hash"])
    stack.sql("INSERT INTO oauth_states (state_hash, session_id, user_id, expires_at_us) VALUES (REVERSE(%s), %s, %s, 1)",
              before["state_hash"], before["session_id"], before["user_id"])
    stack.sql("UPDATE jobs_publish SET run_at_us = 1 WHERE kind = 'housekeeping'")
    stack.wait(lambda: len(states(stack, user)) == 1, "what was over long ago goes")
    assert states(stack, user)[0]["state_hash"] == before["state_hash"]


# --- TikTok says no


def test_consent_refused(user, stack, name):
    url = consented(user, name, decision="deny")
    answer = expect(user.web.get(url), 403, "consent_refused")
    assert answer["error"]["platform_error"]["code"] == "access_denied"
    expect(user.web.get(url), 400, "state_invalid")
    page = user.web.get(consented(user, name, decision="deny"), headers=HTML, allow_redirects=False)
    assert (page.status_code, page.headers["Location"]) == (303, "/connected.html?error=consent_refused")
    assert accounts(user) == []


def test_no_code(user):
    body = expect(callback(user, state=state_of(user.authorize_url())), 422, "required")
    assert body["error"]["param"] == "code"


def test_a_code_that_is_none(user, stack):
    """Once encoded it would not fit into the call: refused, and the program lives."""
    pid = stack.pid("tiktok")
    url = f"/api/v1/tiktok/callback?state={state_of(user.authorize_url())}&code={'!' * 6500}"
    body = expect(user.web.get(url, allow_redirects=False), 422, "too_long")
    assert body["error"]["param"] == "code" and stack.pid("tiktok") == pid


def test_a_code_that_tiktok_does_not_know(user):
    body = expect(callback(user, state=state_of(user.authorize_url()), code="wrong"), 422, "tiktok_refused")
    assert body["error"]["platform_error"]["code"] == "invalid_grant"
    assert accounts(user) == []


def test_no_permission_to_post(user, stack, name):
    with Transport(stack) as tiktok, tiktok.used_by("tiktok"):
        expect(user.web.get(consented(user, name, grant=["user.info.basic"])), 403, "tiktok_scope_missing")
        assert tiktok.requests("/v2/oauth/revoke/") == 1
    assert accounts(user) == []


def test_one_permission_to_post_is_enough(user, name):
    data = expect(user.web.get(consented(user, name, grant=["user.info.basic", "video.upload"])), 200)["data"]
    assert data["scopes"] == ["user.info.basic", "video.upload"]


# --- the network


@pytest.mark.parametrize("path", [TOKEN, USER_INFO])
@pytest.mark.parametrize("fault", ["drop", "drop_after", "cut", "hang", INTERNAL_ERROR, BAD_GATEWAY_PAGE,
                                   (200, "not json"), (200, "{}"), (302, "{}")])
def test_a_network_error_in_the_exchange(user, stack, name, path, fault, faulty_tiktok):
    url = consented(user, name)
    faulty_tiktok.fault(path, fault)
    before = faulty_tiktok.requests(path)
    answer = user.web.get(url)
    error = expect(answer, 503, "tiktok_unreachable")["error"]
    assert error["retryable"] is False and "Connect again" in error["message"] and "Retry-After" not in answer.headers
    assert faulty_tiktok.requests(path) == before + 1  # a code works once: it is never sent twice
    assert accounts(user) == []
    expect(user.web.get(url), 400, "state_invalid")
    # And it was TikTok only: the next try works.
    expect(user.web.get(consented(user, name)), 200)


def test_a_browser_that_is_not_signed_in_keeps_the_address(user, stack, name):
    """README: it is given to a client that is."""
    url = consented(user, name)
    expect(stack.client().get(url, headers=HTML, allow_redirects=False), 401, "unauthenticated")
    expect(user.web.get(url), 200)


def test_a_busy_server_tells_a_browser_by_the_page(user, stack, name):
    other = User(stack)
    state, url = state_of(other.authorize_url()), consented(user, name)
    with Transport(stack) as tiktok, tiktok.used_by("tiktok", service_outside_max=1, service_queue_sec=1):
        tiktok.fault(TOKEN, "hang")
        with ThreadPoolExecutor() as pool:
            hangs = pool.submit(patiently, stack, lambda: callback(other, state=state, code="x"))
            stack.wait(lambda: tiktok.requests(TOKEN) == 1, "the exchange hangs")
            page = user.web.get(url, headers=HTML, allow_redirects=False)
            assert page.headers["Location"] == "/connected.html?error=busy"
            tiktok.ended.set()
            hangs.result()
        expect(patiently(stack, lambda: user.web.get(url)), 200)  # the state was not used up


def test_tiktok_refuses_the_connection(user, name, faulty_tiktok):
    faulty_tiktok.refuse_connections(1)
    page = user.web.get(consented(user, name), headers=HTML, allow_redirects=False)
    assert page.headers["Location"] == "/connected.html?error=tiktok_unreachable"
    assert accounts(user) == []


def test_a_slow_tiktok_is_waited_for(user, name, faulty_tiktok):
    faulty_tiktok.fault(TOKEN, "slow", seconds=0.3)
    expect(user.web.get(consented(user, name)), 200)


def test_tiktok_is_asked_by_few_threads_at_a_time(user, other, stack):
    """While 3 hang, the fourth waits for its turn and is then told to come back, and the rest of the app answers."""
    waiting = [User(stack) for _ in range(3)]
    states, own = [state_of(u.authorize_url()) for u in waiting], [state_of(user.authorize_url()) for _ in range(2)]
    with Transport(stack) as tiktok, tiktok.used_by("tiktok", tiktok_interactive_timeout_sec=30, service_queue_sec=1):
        tiktok.fault(TOKEN, "hang", times=3)
        with ThreadPoolExecutor(30) as pool:
            answers = [pool.submit(patiently, stack, lambda u=u, s=s: callback(u, state=s, code="x")) for u, s in zip(waiting, states)]
            stack.wait(lambda: tiktok.requests(TOKEN) == 3, "the exchanges hang")
            shown = Shown(stack, "tiktok")
            assert shown("threads_outside") == shown("threads_busy") == 3
            for state in own:
                refused = callback(user, state=state, code="x")
                expect(refused, 503, "busy")
                assert int(refused.headers["Retry-After"]) > 0
            for answer in pool.map(lambda _: patiently(stack, lambda: other.web.get("/api/v1/accounts")), range(20)):
                assert expect(answer, 200)["data"] == []
            assert not any(a.done() for a in answers)
            tiktok.ended.set()
        for answer in answers:
            expect(answer.result(), 503, "tiktok_unreachable")
        stack.wait(lambda: Shown(stack, "tiktok")("threads_outside") == 0, "the places are free again")
        tiktok.ended.clear()
        (page,) = stack.wait(lambda: (a := user.web.get("/api/v1/tiktok/connect", allow_redirects=False)).status_code == 303 and [a], "it answers")
        url = user.consent(page.headers["Location"], "after.the.hang")
        expect(patiently(stack, lambda: user.web.get(url)), 200)


def test_many_at_once(user, stack):
    """20 callbacks at the same time: whoever is told that the server is busy comes again with the same state."""
    urls = [consented(user, f"many.{user.number}.{i}.{user.id[-6:]}") for i in range(20)]
    session = user.web.cookies["__Host-session"]

    def connect(url):
        client = Client(stack.url, stack.ca, Cookie=f"__Host-session={session}")
        answers = []

        def comes_back():
            answers.append(client.get(url))
            return answers[-1].status_code == 200

        stack.wait(comes_back, "it is connected")
        return answers

    with Transport(stack) as tiktok, tiktok.used_by("tiktok"):
        tiktok.fault(TOKEN, "slow", times=20, seconds=0.3)
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(connect, urls))
        assert tiktok.requests(TOKEN) == 20
    for *refused, _ in answers:
        for answer in refused:
            assert expect(answer, 503, "busy")["error"]["retryable"] is True and int(answer.headers["Retry-After"]) > 0
    assert any(len(a) > 1 for a in answers), "some were told to come again"
    assert len(accounts(user)) == 20


def test_who_waits_comes_in_when_there_is_room(user, stack, name):
    with Transport(stack) as tiktok, tiktok.used_by("tiktok", service_outside_max=1):
        tiktok.fault(TOKEN, "slow", seconds=1)
        urls = [consented(user, f"{name}{i}") for i in range(3)]
        session = user.web.cookies["__Host-session"]
        with ThreadPoolExecutor() as pool:
            for answer in pool.map(Client(stack.url, stack.ca, Cookie=f"__Host-session={session}").get, urls):
                expect(answer, 200)


@pytest.fixture(scope="module")
def faulty_tiktok(stack):
    with Transport(stack) as tiktok, tiktok.used_by("tiktok", tiktok_interactive_timeout_sec=2):
        yield tiktok


def test_the_consent_page_needs_no_session_of_ours(user, stack):
    """The simulator and we share a machine in the tests, never a cookie."""
    page = Client(stack.sandbox_url, stack.ca).get(user.authorize_url())
    assert page.status_code == 200 and "Set-Cookie" not in page.headers
