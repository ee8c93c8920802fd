"""Live and test data: two worlds that do not see each other, and only one of them is TikTok's."""

import contextlib
import json
import pathlib
import re
import secrets
import sys
import uuid

import pymysql
import pytest
from helpers import Client, Form, expect
from images import jpeg
from publishing import Sent, failed

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from tiktok import FakeTiktok  # noqa: E402

SMALL = jpeg(90, 60)
CLIENT = "marketingcli-test"  # TIKTOK_TEST_CLIENT of lib/tiktok/tiktok.h
MODES = ("live", "test")


def other_of(mode):
    return MODES[1 - MODES.index(mode)]


class World:
    """A user's key of one mode, with an account, an upload and a post that has ended."""

    def __init__(self, user, mode):
        self.stack, self.user, self.mode = user.stack, user, mode
        self.key = user.make_key(mode, mode=mode)
        self.api = user.stack.client(Authorization=f"Bearer {self.key['key']}")
        self.account = user.connect() if mode == "live" else self.connect()
        self.upload = self.send()

    def connect(self, **wish):
        return expect(self.api.post("/api/v1/sandbox/accounts", json=wish), 201)["data"]["id"]

    def send(self, **headers):
        return expect(self.api.post("/api/v1/uploads", data=SMALL, headers={"Content-Type": "image/jpeg", **headers}), 201)["data"]["id"]

    def post(self, text="", **more):
        return Sent(self.stack, self, self.account, text, **more)

    def ids(self, path):
        return [x["id"] for x in expect(self.api.get(path), 200)["data"]]


@pytest.fixture
def worlds(user):
    return {mode: World(user, mode) for mode in MODES}


@pytest.fixture
def test(user):
    return World(user, "test")


# Keys


def test_a_key_says_its_mode(stack, user):
    for mode, more in (("live", {}), ("live", {"mode": "live"}), ("test", {"mode": "test"})):
        key = user.make_key("a key", **more)
        assert key["mode"] == mode and re.fullmatch(rf"mk_{mode}_[0-9A-Za-z]{{49}}", key["key"]) and key["prefix"].startswith(f"mk_{mode}_")
        assert expect(user.web.get(f"/api/v1/keys/{key['id']}"), 200)["data"]["mode"] == mode
        api = stack.client(Authorization=f"Bearer {key['key']}")
        assert expect(api.get("/api/v1/me"), 200)["data"]["key"]["mode"] == mode
    assert {k["mode"] for k in expect(user.web.get("/api/v1/keys"), 200)["data"]} == set(MODES)


@pytest.mark.parametrize("mode, code", [("TEST", "invalid_value"), ("", "invalid_value"), (1, "wrong_type"), (["test"], "wrong_type")])
def test_only_these_modes(user, mode, code):
    error = expect(user.web.post("/api/v1/keys", json={"name": "x", "mode": mode}), 422, code)["error"]
    assert error["details"][0]["param"] == "mode"


def test_the_mode_stays(stack, user):
    key = user.make_key("x", mode="test")
    expect(user.web.patch(f"/api/v1/keys/{key['id']}", json={"mode": "live"}), 422, "unknown_field")
    new = expect(user.web.post(f"/api/v1/keys/{key['id']}/rotate", json={}), 200)["data"]
    assert new["mode"] == "test" and new["key"].startswith("mk_test_")
    for secret in (key["key"], new["key"]):
        api = stack.client(Authorization=f"Bearer {secret}")
        assert expect(api.get("/api/v1/me"), 200)["data"]["key"]["mode"] == "test"


def test_no_row_makes_a_test_key_a_live_one(stack, user):
    for mode in MODES:
        key = user.make_key("x", mode=mode)
        stack.sql("UPDATE api_keys SET mode = %s WHERE id = %s", other_of(mode), uuid.UUID(key["id"]).bytes)
        expect(stack.client(Authorization=f"Bearer {key['key']}").get("/api/v1/me"), 401, "invalid_key")


# Apart

PLACES = {  # every route with an id of something that has a mode, and what the id is of
    ("GET", "/api/v1/accounts/{id}"): "account",
    ("DELETE", "/api/v1/accounts/{id}"): "account",
    ("GET", "/api/v1/accounts/{id}/avatar"): "account",
    ("POST", "/api/v1/accounts/{id}/posts"): "account",
    ("GET", "/api/v1/uploads/{id}"): "upload",
    ("DELETE", "/api/v1/uploads/{id}"): "upload",
    ("GET", "/api/v1/uploads/{id}/image"): "upload",
    ("GET", "/api/v1/posts/{id}"): "post",
    ("POST", "/api/v1/posts/{id}/approve"): "post",
    ("POST", "/api/v1/posts/{id}/refuse"): "post",
    ("POST", "/api/v1/posts/{id}/cancel"): "post",
    ("POST", "/api/v1/posts/{id}/retry"): "post",
}
NO_KEY = {place for place in PLACES if place[0] == "DELETE" and "account" in place[1] or place[1].endswith(("approve", "refuse"))}
LISTS = ("/api/v1/accounts", "/api/v1/uploads", "/api/v1/posts")
WITHOUT_ID = {("GET", path) for path in LISTS} | {("POST", "/api/v1/uploads"), ("POST", "/api/v1/sandbox/accounts"), ("GET", "/api/v1/tiktok/connect"),
                                            ("GET", "/api/v1/usage/posts")}
NO_DATA = {"/api/v1/auth/sessions/{id}", "/api/v1/keys/{id}", "/api/v1/keys/{id}/rotate"}  # with an id, and the same in both modes


def routes(stack):
    return json.loads(stack.admin("tables").stdout)["routes"]


def test_each_route_with_an_id_is_tried_here(stack):
    rows = [r for r in routes(stack) if r["auth"] in ("any", "session")]
    assert {(r["method"], r["pattern"]) for r in rows if r["by_mode"]} == set(PLACES) | WITHOUT_ID
    assert {r["pattern"] for r in rows if "{" in r["pattern"] and not r["by_mode"]} == NO_DATA


def body_of(method, pattern):
    bodies = {"/api/v1/accounts/{id}/posts": {"upload_ids": [str(uuid.uuid4())], "platform_options": {"post_mode": "MEDIA_UPLOAD"}},
              "/api/v1/posts/{id}/approve": {"content_digest": "0" * 64}}
    return {"json": bodies[pattern]} if method == "POST" and pattern in bodies else {}


def test_nothing_of_one_is_there_in_the_other(stack, user, worlds):
    things = {mode: {"account": w.account, "upload": w.upload, "post": w.post().id} for mode, w in worlds.items()}
    by_key = {"key": lambda mode: (worlds[mode].api, ""), "session": lambda mode: (user.web, f"?mode={mode}")}
    by_key["bare session"] = lambda mode: (user.web, "" if mode == "live" else "?mode=test")
    for mode in MODES:
        for (method, pattern), what in PLACES.items():
            foreign = pattern.replace("{id}", things[other_of(mode)][what])
            for name, asking in by_key.items():
                if name == "key" and (method, pattern) in NO_KEY:
                    continue
                client, query = asking(mode)
                expect(client.request(method, foreign + query, **body_of(method, pattern)), 404, "not_found")
    for mode, w in worlds.items():  # and all of it is still there
        for what in ("account", "upload", "post"):
            expect(w.api.get(f"/api/v1/{what}s/{things[mode][what]}"), 200)


def test_lists_are_of_one(user, worlds):
    posts = {mode: [w.post().id, w.post().id][::-1] for mode, w in worlds.items()}
    for mode, w in worlds.items():
        assert w.ids("/api/v1/accounts") == [w.account] and w.ids("/api/v1/posts") == posts[mode]
        assert w.upload in w.ids("/api/v1/uploads") and worlds[other_of(mode)].upload not in w.ids("/api/v1/uploads")
        for path in LISTS:
            by_session = [x["id"] for x in expect(user.web.get(f"{path}?mode={mode}"), 200)["data"]]
            assert by_session == w.ids(path) == w.ids(f"{path}?mode={mode}")
            if mode == "live":
                assert by_session == [x["id"] for x in expect(user.web.get(path), 200)["data"]]
            page = expect(user.web.get(f"{path}?mode={mode}&limit=1"), 200)  # a cursor is only a place
            if page["meta"]["has_more"]:
                rest = expect(user.web.get(f"{path}?mode={mode}&limit=1&cursor={page['meta']['next_cursor']}"), 200)
                assert [x["id"] for x in page["data"] + rest["data"]] == by_session[:2]


def test_an_image_of_one_is_for_posts_of_it(stack, worlds):
    for mode, w in worlds.items():
        def send(ids):
            return w.api.post(f"/api/v1/accounts/{w.account}/posts",
                              json={"upload_ids": ids, "platform_options": {"post_mode": "MEDIA_UPLOAD"}})
        error = expect(send([w.upload, worlds[other_of(mode)].upload]), 422, "upload_not_found")["error"]
        assert [d["param"] for d in error["details"]] == ["upload_ids[1]"]
        post = expect(send([w.upload]), 202)["data"]["id"]
        assert stack.sql("SELECT mode FROM posts WHERE id = %s", uuid.UUID(post).bytes) == [{"mode": mode}]


def test_idempotency_keys_are_of_one(worlds):
    key = {"Idempotency-Key": secrets.token_hex(8)}
    made = {mode: w.send(**key) for mode, w in worlds.items()}
    assert made["live"] != made["test"]
    for mode, w in worlds.items():
        assert w.send(**key) == made[mode]


def test_a_session_says_which(stack, user):
    upload = {"data": SMALL, "headers": {"Content-Type": "image/jpeg"}}
    made = expect(user.web.post("/api/v1/uploads?mode=test", **upload), 201)["data"]["id"]
    assert stack.sql("SELECT mode FROM uploads WHERE id = %s", uuid.UUID(made).bytes) == [{"mode": "test"}]
    expect(user.web.get(f"/api/v1/uploads/{made}"), 404)
    expect(user.web.delete(f"/api/v1/uploads/{made}"), 404)
    expect(user.web.delete(f"/api/v1/uploads/{made}?mode=test"), 204)


@pytest.mark.parametrize("query, code", [("mode=Test", "invalid_value"), ("mode=", "invalid_value"), ("mode=test%20", "invalid_value"),
                                         ("mode=test&mode=test", "repeated_field"), ("mode=test&mode=live", "repeated_field"),
                                         ("mode=test&x=1", "unknown_field")])
def test_bad_modes(user, query, code):
    expect(user.web.get(f"/api/v1/posts?{query}"), 422, code)


def test_where_there_is_no_mode(user):
    for path in ("/api/v1/keys", "/api/v1/me", "/api/v1/usage"):
        expect(user.web.get(f"{path}?mode=test"), 422, "unknown_field")


def test_a_key_is_not_for_the_other(worlds):
    for mode, w in worlds.items():
        for path in LISTS:
            error = expect(w.api.get(f"{path}?mode={other_of(mode)}"), 422, "invalid_value")["error"]
            assert error["details"][0]["param"] == "mode" and mode in error["message"] + error["details"][0]["message"]


def test_a_budget_names_accounts_of_its_mode(user, worlds):
    """Those of the other one are unknown to it, as somebody else's are."""
    for mode in MODES:
        ours, theirs = (worlds[m].account for m in (mode, other_of(mode)))
        body = {"name": "agent", "mode": mode, "budget": {"accounts": [ours, theirs]}}
        answer = user.web.post("/api/v1/keys", json=body)
        assert expect(answer, 404, "not_found")["error"]["param"] == "budget.accounts[1]"
        body["budget"]["accounts"].pop()
        key = expect(user.web.post("/api/v1/keys", json=body), 201)["data"]
        answer = user.web.patch(f"/api/v1/keys/{key['id']}", json={"budget": {"accounts": [theirs]}})
        assert expect(answer, 404, "not_found")["error"]["param"] == "budget.accounts[0]"
        changed = user.web.patch(f"/api/v1/keys/{key['id']}", json={"budget": {"accounts": [ours], "posts_per_day": 1}})
        assert expect(changed, 200)["data"]["budget"]["accounts"] == [ours]


# Only one of them is TikTok's


def reached(tiktok, post):
    """What came that has to do with the post, or with our client key at the simulator."""
    return [body for bodies in tiktok.received.values() for body in bodies if post.description.encode() in body or CLIENT.encode() in body]


@contextlib.contextmanager
def only_a_fake(stack):
    """What the worker and the app take for TikTok is somebody who writes down whatever comes. Others' live accounts come, too."""
    with FakeTiktok(stack.at.tls / "leaf.crt", stack.at.tls / "leaf.key") as fake:
        with stack.configured("tiktok", "worker-publish", tiktok_api_url=fake.url):
            yield fake


def test_a_test_post_never_reaches_tiktok(stack, user):
    with only_a_fake(stack) as tiktok:
        test = World(user, "test")
        post = test.post()
        assert post.wait()["status"] == "published"
        assert post.at_simulator() == 1 and reached(tiktok, post) == []
        rows = stack.sql("SELECT client_key FROM sandbox_publishes WHERE description = %s", post.description)
        assert rows == [{"client_key": CLIENT}]
        data = expect(user.web.delete(f"/api/v1/accounts/{test.account}?mode=test"), 200)["data"]
        assert data["revoked_at_tiktok"] and reached(tiktok, post) == []  # the simulator has taken its own token back


def test_a_live_post_never_reaches_our_own_simulator(stack, user):
    live = World(user, "live")
    post = live.post()
    assert post.wait()["status"] == "published"
    rows = stack.sql("SELECT client_key FROM sandbox_publishes WHERE description = %s", post.description)
    assert rows == [{"client_key": "sandbox-client-key"}]  # the stack's TikTok: the same program, by its public name


def test_the_schema_binds_a_post_to_the_mode_of_its_account(stack, worlds):
    posts = {mode: w.post() for mode, w in worlds.items()}
    for mode, post in posts.items():
        post.wait()
        account = uuid.UUID(worlds[mode].account).bytes
        for text, args in (("UPDATE posts SET mode = %s WHERE id = %s", (other_of(mode), post.key)),
                           ("UPDATE posts SET account_id = %s WHERE id = %s", (uuid.UUID(worlds[other_of(mode)].account).bytes, post.key)),
                           ("UPDATE accounts SET mode = %s WHERE id = %s", (other_of(mode), account))):
            with pytest.raises(pymysql.IntegrityError):
                stack.sql(text, *args)
    with pytest.raises(pymysql.IntegrityError):  # a program that knows of no modes
        stack.sql("INSERT INTO posts (id, user_id, account_id, post_mode, disable_comment, auto_add_music, brand_content_toggle,"
                  " brand_organic_toggle, is_aigc, photo_cover_index, state, created_at_us, updated_at_us) SELECT UNHEX(REPLACE(UUID(), '-', '')),"
                  " user_id, id, 'MEDIA_UPLOAD', 0, 0, 0, 0, 0, 0, 'queued', 1, 1 FROM accounts WHERE id = %s",
                  uuid.UUID(worlds["test"].account).bytes)


def corrupt(stack, *statements):
    """As somebody writes who has got around the schema's foreign keys."""
    stack.sql("SET foreign_key_checks = 0")
    try:
        for text, *args in statements:
            stack.sql(text, *args)
    finally:
        stack.sql("SET foreign_key_checks = 1")


@pytest.mark.parametrize("mode", MODES)
def test_an_account_whose_mode_was_changed_reaches_nobody(stack, user, mode):
    """Its tokens are sealed for the other one."""
    with only_a_fake(stack) as tiktok:
        w = World(user, mode) if mode == "test" else live_world(stack, user)
        with stack.stopped("worker-publish"):
            post = w.post()
            corrupt(stack, ("UPDATE accounts SET mode = %s WHERE id = %s", other_of(mode), uuid.UUID(w.account).bytes),
                    ("UPDATE posts SET mode = %s WHERE id = %s", other_of(mode), post.key))
        tried = re.compile(rf'"kind":"turn","subject":"{w.account}".*"error":"sealed"')
        stack.wait(lambda: tried.search(stack.log("worker-publish")), "the worker has tried")
        assert post.at_simulator() == 0 and reached(tiktok, post) == [] and post.attempts() == []
        corrupt(stack, ("DELETE FROM jobs_publish WHERE subject_id = %s", uuid.UUID(w.account).bytes))


def live_world(stack, user):
    """A live account whose tokens TikTok has given, before the fake came in its place."""
    with stack.configured("tiktok", "worker-publish", tiktok_api_url=stack.sandbox_url):
        w = World(user, "live")
        stack.wait(lambda: stack.sql("SELECT 1 FROM creator_snapshots WHERE account_id = %s", uuid.UUID(w.account).bytes), "a snapshot")
    return w


@pytest.mark.parametrize("mode", MODES)
def test_a_post_whose_mode_was_changed_reaches_nobody(stack, user, mode):
    w = World(user, mode)
    with stack.stopped("worker-publish"):
        post = w.post()
        corrupt(stack, ("UPDATE posts SET mode = %s WHERE id = %s", other_of(mode), post.key))
    row = stack.wait(lambda: stack.sql("SELECT failure_code FROM posts WHERE id = %s AND state = 'failed'", post.key), "it has failed")
    assert row == [{"failure_code": "mode_mismatch"}] and post.at_simulator() == 0 and post.attempts() == []


def test_our_client_key_is_refused_from_outside(stack):
    outside = Client(stack.sandbox_url, stack.ca)
    for path, fields in (("/v2/oauth/token/", {"grant_type": "refresh_token", "refresh_token": "x"}), ("/v2/oauth/revoke/", {"token": "x"})):
        for more in ({}, {"PRIVATE": "1"}):
            answer = outside.post(path, data={"client_key": CLIENT, "client_secret": "none", **fields, **more}, headers={"Private": "1"})
            assert answer.json()["error"] == "invalid_client"
    rows = stack.sql("SELECT 1 FROM sandbox_clients WHERE client_key = %s AND secret_hash <> UNHEX(SHA2('none', 256))", CLIENT)
    assert rows == []


def test_our_client_key_is_ours_whoever_came_first_with_it(stack, user):
    """Where the simulator was public before it knew the key."""
    stack.sql("REPLACE INTO sandbox_clients (client_key, secret_hash, created_at_us, renewed_at_us)"
              " VALUES (%s, UNHEX(SHA2('somebody', 256)), 1, UNIX_TIMESTAMP() * 1000000)", CLIENT)
    try:
        test = World(user, "test")
        assert test.post().wait()["status"] == "published"
        expect(test.api.delete(f"/api/v1/accounts/{test.account}"), 403)
        assert expect(user.web.delete(f"/api/v1/accounts/{test.account}?mode=test"), 200)["data"]["revoked_at_tiktok"]
    finally:
        stack.sql("DELETE FROM sandbox_clients WHERE client_key = %s", CLIENT)


# Without a public name


def test_it_works_where_tiktok_is_not_configured(stack, user):
    """As after an installation: no client key, no name of the simulator, and nobody at our own name or TikTok's."""
    settings = {"tiktok_client_key": "", "tiktok_api_url": "https://localhost:1", "tiktok_authorize_url": "https://localhost:1",
                "sandbox_url": "", "sandbox_allow_private_addresses": "no"}
    with stack.configured("tiktok", "worker-publish", "sandbox", "posts", **settings):
        test = World(user, "test")
        account = expect(test.api.get(f"/api/v1/accounts/{test.account}"), 200)["data"]
        assert account["display_name"].startswith("Simulated test.") and account["is_active"] and account["avatar_url"] is None
        post = test.post(images=3)
        seen = post.wait()
        assert seen["status"] == "published" and all(i["fetched_at"] for i in seen["images"])
        assert seen["tiktok_post_ids"] and seen["post_url"] is None
        expect(user.web.get("/api/v1/tiktok/connect?mode=test", allow_redirects=False), 503, "simulator_has_no_page")
        expect(user.web.get("/api/v1/tiktok/connect"), 503, "tiktok_not_configured")


def test_a_simulator_that_is_away_holds_up_no_live_post(stack, user):
    """A kind of jobs pauses when nobody can be reached; whether the simulator can says nothing of TikTok."""
    tests = [World(user, "test") for _ in range(4)]
    live = World(user, "live")
    logged = len(stack.log("worker-publish"))
    with stack.configured("worker-publish", sandbox_socket="/nonexistent/http.sock"):
        for w in tests:
            w.sent = w.post()
        for w in tests:
            stack.wait(lambda w=w: {"not_reached", "not_sent"} & set(w.sent.events()), "it was tried")
        assert live.post().wait()["status"] == "published"
        assert "kind_paused" not in stack.log("worker-publish")[logged:]
    for w in tests:
        stack.sql("UPDATE jobs_publish SET run_at_us = 1 WHERE subject_id = %s AND lease_token IS NULL", uuid.UUID(w.account).bytes)
        stack.sql("UPDATE posts SET next_attempt_at_us = 1 WHERE id = %s AND state = 'queued'", w.sent.key)
        assert w.sent.wait(seconds=60)["status"] == "published"


def test_by_the_consent_page(stack, user):
    """With a browser, where the simulator has a name."""
    sent = user.web.get("/api/v1/tiktok/connect?mode=test", allow_redirects=False)
    page = sent.headers["Location"]
    assert page.startswith(stack.sandbox_url) and f"client_key={CLIENT}" in page
    account = expect(user.web.get(user.consent(page, "tess." + secrets.token_hex(4))), 200)["data"]["id"]
    expect(user.web.get(f"/api/v1/accounts/{account}"), 404)
    assert expect(user.web.get(f"/api/v1/accounts/{account}?mode=test"), 200)["data"]["id"] == account


def test_nobody_types_the_name_of_a_test_account(stack, user):
    """Who did could change what its owner relies on."""
    page = user.web.get("/api/v1/tiktok/connect?mode=test", allow_redirects=False).headers["Location"]
    browser = Client(stack.sandbox_url, stack.ca)
    form = Form(browser.get(page).text)
    answer = browser.post(page.partition("?")[0], data=[*form.fields.items(), ("username", "test.abc"), ("grant", "video.publish"),
                                                        ("decision", "allow")], allow_redirects=False)
    assert answer.status_code == 400 and "test accounts" in answer.text


# Test accounts


def test_who_makes_them(user, worlds):
    path = "/api/v1/sandbox/accounts"
    for client, query in ((worlds["live"].api, ""), (user.web, ""), (user.web, "?mode=live")):
        expect(client.post(path + query, json={}), 403, "test_mode_required")
    expect(worlds["live"].api.post(path + "?mode=test", json={}), 422, "invalid_value")
    data = expect(user.web.post(path + "?mode=test", json={}), 201)["data"]
    assert data["id"] in worlds["test"].ids("/api/v1/accounts") and data["state"] == "active"
    reader = user.make_key("reads", mode="test", scopes=["accounts:read"])
    expect(user.stack.client(Authorization=f"Bearer {reader['key']}").post(path, json={}), 403, "scope_missing")
    expect(user.stack.client().post(path, json={}), 401, "unauthenticated")


@pytest.mark.parametrize("body, code", [({"username": "x"}, "unknown_field"), ({"private_account": "yes"}, "wrong_type"),
                                        ({"post_block": "x"}, "invalid_value"), ({"comment_disabled": 1}, "wrong_type")])
def test_bad_wishes(test, body, code):
    expect(test.api.post("/api/v1/sandbox/accounts", json=body), 422, code)


def test_wishes(stack, test):
    def details(account):
        def read():
            data = expect(test.api.get(f"/api/v1/accounts/{account}"), 200)["data"]["platform_data"]
            return data if data["snapshot_at"] else None
        return stack.wait(read, "TikTok was asked")
    plain = details(test.account)
    assert "PUBLIC_TO_EVERYONE" in plain["privacy_level_options"] and not plain["comment_disabled"] and plain["can_post"]
    private = details(test.connect(private_account=True, comment_disabled=True))
    assert "FOLLOWER_OF_CREATOR" in private["privacy_level_options"] and private["comment_disabled"]
    blocked = test.connect(post_block="spam_risk_user_banned_from_posting")
    told = details(blocked)
    assert told["post_block"] == "spam_risk_user_banned_from_posting" and not told["can_post"]
    failed(Sent(stack, test, blocked).wait(), "spam_risk_user_banned_from_posting")


def test_one_call_makes_one(stack, test):
    key = {"Idempotency-Key": secrets.token_hex(8)}
    first = test.api.post("/api/v1/sandbox/accounts", json={}, headers=key)
    again = test.api.post("/api/v1/sandbox/accounts", json={}, headers=key)
    assert expect(first, 201)["data"] == expect(again, 201)["data"] and again.headers["Idempotent-Replayed"] == "true"
    assert len(test.ids("/api/v1/accounts")) == 2
    expect(test.api.post("/api/v1/sandbox/accounts", json={"private_account": True}, headers=key), 422, "idempotency_key_reused")


def grants(stack):
    """Those of ours that stand at the simulator."""
    return stack.sql("SELECT COUNT(*) AS n FROM sandbox_grants g JOIN sandbox_creators c ON c.id = g.creator_id"
                     " WHERE g.client_key = %s AND g.revoked_at_us IS NULL AND c.username LIKE 'test.%%'", CLIENT)[0]["n"]


def test_they_count_like_others(stack, user):
    with stack.configured("tiktok", tiktok_accounts_max=1):
        test = World(user, "test")
        before = grants(stack)
        expect(test.api.post("/api/v1/sandbox/accounts", json={}), 409, "accounts_too_many")
        assert grants(stack) == before, "what was refused is not left standing there"


def test_without_the_simulator(stack, test):
    with stack.stopped("sandbox"):
        expect(test.api.post("/api/v1/sandbox/accounts", json={}), 503, "tiktok_unreachable")
    assert test.ids("/api/v1/accounts") == [test.account]
    test.connect()
