"""The TikTok simulator: consent, tokens, user info, rates, and that its data ends."""

import secrets
import threading
import time

import pytest
from helpers import Form, query_of
from simulator import App, Creator, Tokens, direct, oauth_refused, refused


# --- the consent page


def test_consent_page_is_self_contained(app):
    page = app.http.get("/v2/auth/authorize/", params=app.request_fields(state="<script>\"'&"))
    assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")
    assert Form(page.text).fields["state"] == "<script>\"'&" and "<script>" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "src=" not in page.text and "http-equiv" not in page.text


@pytest.mark.parametrize("changes", [
    {"client_key": ""}, {"client_key": "a b"}, {"response_type": "token"}, {"scope": ""}, {"scope": "video.delete"},
    {"state": "s" * 2001}, {"redirect_uri": "https://elsewhere.example/"}, {"redirect_uri": "https://localhost"},
    {"redirect_uri": "URL.evil.example/"}, {"redirect_uri": "URL/a?b"}, {"redirect_uri": "URL/a#b"},
    {"redirect_uri": "URL@evil.example/"}, {"redirect_uri": "URL/" + "a" * 500},
], ids=lambda c: str(c)[:40])
def test_consent_refuses_bad_requests_without_redirecting(app, changes):
    changes = {k: v.replace("URL", app.stack.url) for k, v in changes.items()}
    for answer in (app.http.get("/v2/auth/authorize/", params=app.request_fields(**changes), allow_redirects=False),
                   app.http.post("/v2/auth/authorize/", allow_redirects=False,
                                 data={**app.request_fields(**changes), "username": "u", "decision": "allow",
                                       "grant": "user.info.basic"})):
        assert answer.status_code == 400 and "Location" not in answer.headers


def test_consent_without_the_last_slash(app):
    page = app.http.get("/v2/auth/authorize", params=app.request_fields(), allow_redirects=False)
    assert page.status_code == 200 and Form(page.text).fields["client_key"] == app.key
    assert Form(page.text).action == "/v2/auth/authorize/"


def test_consent_without_a_state_gives_none_back(app):
    q = query_of(app.consent("someone.1", state="").headers["Location"])
    assert q["code"] and "state" not in q
    assert "state" not in query_of(app.consent("someone.1", state="", decision="deny").headers["Location"])


@pytest.mark.parametrize("scope", [
    "video.list", "share.sound.create", "artist.certification.read", "artist.certification.update",
    "local.product.manage", "local.shop.manage", "local.voucher.manage", "minis.public.upsert",
    *(f"portability.{what}.{how}" for what in ("activity", "all", "directmessages", "postsandprofile")
      for how in ("ongoing", "single")), "research.adlib.basic", "research.data.basic", "research.data.u18eu"])
def test_every_scope_of_tiktok_can_be_granted(app, scope):
    tokens = app.exchange(app.code("someone.1", grant=["user.info.basic", scope], scope=f"user.info.basic,{scope}")).json()
    assert tokens["scope"] == f"user.info.basic,{scope}"


# --- what is not there


@pytest.mark.parametrize("method, path", [
    ("GET", "/"), ("GET", "/v2/"), ("POST", "/v2/video/list/"), ("GET", "/v2/user/info"), ("POST", "/v2/oauth/token"),
    ("POST", "/v2/post/publish/video/init/"), ("GET", "/v2/post/publish/content/init/"), ("PUT", "/v2/user/info/"),
    ("DELETE", "/v2/oauth/token/"), ("GET", "/a/b/c/d/e/f/g"), ("OPTIONS", "/v2/user/info/")])
def test_unknown_paths_and_methods_are_answered_by_tiktok(creator, method, path):
    answer = creator.app.http.request(method, path, headers=creator.headers)
    refused(answer, 404, "unsupported_path")
    assert set(answer.json()) == {"data", "error"} and answer.json()["error"]["message"] == "Unsupported path(Janus)"


def test_a_broken_request_is_answered_by_tiktok(creator):
    refused(creator.app.http.get("/v2/user/info/?fields=%zz", headers=creator.headers), 400, "invalid_params")


def test_without_a_database_tiktok_has_an_internal_error(stack, creator):
    with stack.stopped("mariadb"):
        refused(creator.info(), 500, "internal_error")
    stack.wait(lambda: creator.info().status_code == 200, "it has its database again")


def test_consent_goes_back_with_code_scopes_and_state(app):
    answer = app.consent("someone.1", grant=["video.upload", "user.info.basic", "not.asked"])
    q = query_of(answer.headers["Location"])
    assert answer.status_code == 303 and q["state"] == "s t&te" and q["scopes"] == "user.info.basic,video.upload"
    assert "*" in q["code"] and "!" in q["code"], "a code must need decoding"
    assert "%2A" in answer.headers["Location"]


@pytest.mark.parametrize("more", [{"decision": "deny"}, {"grant": []}])
def test_consent_denied(app, more):
    q = query_of(app.consent("someone.1", **more).headers["Location"])
    assert q["error"] == "access_denied" and q["error_description"] and q["state"] == "s t&te" and "code" not in q


@pytest.mark.parametrize("username, status", [("a", 303), ("a" * 24, 303), ("a.b_9", 303), ("", 400), ("a" * 25, 400),
                                              ("A", 400), ("a b", 400), ("<b>", 400), ("é", 400)])
def test_consent_usernames(app, username, status):
    answer = app.consent(username)
    assert answer.status_code == status
    assert "<b>" not in answer.text


# --- tokens


def test_exchange(app):
    answer = app.exchange(app.code("someone.1", grant=["user.info.basic"]))
    body = answer.json()
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    assert set(body) == {"open_id", "scope", "access_token", "expires_in", "refresh_token", "refresh_expires_in",
                         "token_type"}
    assert body["access_token"].startswith("act.") and body["refresh_token"].startswith("rft.")
    assert (body["expires_in"], body["refresh_expires_in"]) == (7200, 31536000)
    assert body["scope"] == "user.info.basic" and body["token_type"] == "Bearer"


def test_open_id_is_each_clients_own_and_stays(stack, app):
    a, b = app.connect("someone.1").tokens, app.connect("someone.1").tokens
    assert a.open_id == b.open_id != App(stack).connect("someone.1").tokens.open_id
    assert a.open_id != app.connect("someone.2").tokens.open_id


def test_code_works_once(app):
    code = app.code("someone.1")
    first = app.exchange(code)
    assert "access_token" in first.json()
    oauth_refused(app.exchange(code), "invalid_grant")


def test_code_expires_after_five_minutes(app):
    early, late = app.code("someone.1"), app.code("someone.1")
    app.stack.move_clock(295)
    assert "access_token" in app.exchange(early).json()
    app.stack.move_clock(6)
    oauth_refused(app.exchange(late), "invalid_grant")


def test_code_is_bound_to_client_and_redirect_uri(stack, app):
    code = app.code("someone.1")
    oauth_refused(App(stack).exchange(code), "invalid_grant")
    oauth_refused(app.exchange(code, redirect_uri=app.callback + "/"), "invalid_grant")
    oauth_refused(app.exchange(code[:-1]), "invalid_grant")
    assert "access_token" in app.exchange(code).json()


@pytest.mark.parametrize("changes, error", [
    ({"code": ""}, "invalid_request"), ({"redirect_uri": ""}, "invalid_request"),
    ({"client_key": ""}, "invalid_request"), ({"client_secret": ""}, "invalid_request"),
    ({"grant_type": ""}, "invalid_request"),
    ({"grant_type": "password"}, "unsupported_grant_type")])
def test_exchange_malformed(app, changes, error):
    fields = {"grant_type": "authorization_code", "code": "x", "redirect_uri": app.callback, **changes}
    oauth_refused(app.token(**fields), error)


def test_token_call_must_be_a_form(app):
    answer = app.http.post("/v2/oauth/token/", json={"client_key": app.key, "client_secret": app.secret})
    oauth_refused(answer, "invalid_request")


def test_the_first_secret_of_a_client_is_its_secret(app):
    app.connect("someone.1")
    oauth_refused(app.exchange(app.code("someone.1"), client_secret="other"), "invalid_client")
    assert "access_token" in app.exchange(app.code("someone.1")).json()
    rows = app.stack.sql("SELECT secret_hash FROM sandbox_clients WHERE client_key = %s", app.key)
    assert len(rows) == 1 and app.secret.encode() not in rows[0]["secret_hash"]


def test_refresh_rotates(creator):
    old = creator.tokens
    new = Tokens(creator.app.refresh(old.refresh_token).json())
    assert new.open_id == old.open_id and new.scope == old.scope
    assert new.access_token != old.access_token and new.refresh_token != old.refresh_token
    oauth_refused(creator.app.refresh(old.refresh_token), "invalid_grant")
    newer = creator.app.refresh(new.refresh_token).json()
    assert Creator(creator.app, creator.username, Tokens(newer)).info().status_code == 200


def test_two_refreshes_at_once_make_one_pair(creator):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(creator.app.refresh(creator.tokens.refresh_token).json()))
               for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted("access_token" in a for a in answers) == [False, False, False, True]


def test_access_token_lives_two_hours(creator):
    creator.stack.move_clock(7190)
    assert creator.info().status_code == 200
    creator.stack.move_clock(11)
    refused(creator.info(), 401, "access_token_invalid")
    assert "access_token" in creator.app.refresh(creator.tokens.refresh_token).json()


def test_refresh_token_of_another_client(stack, creator):
    oauth_refused(App(stack).refresh(creator.tokens.refresh_token), "invalid_grant")
    oauth_refused(creator.app.refresh(creator.tokens.access_token), "invalid_grant")


def test_no_token_is_stored(creator):
    for table in ("tokens", "codes", "grants"):
        for row in creator.stack.sql(f"SELECT * FROM sandbox_{table}"):
            assert not any(creator.tokens.access_token[4:] in str(v) for v in row.values())


def revoke(app, token):
    return app.http.post("/v2/oauth/revoke/", data={"client_key": app.key, "client_secret": app.secret, "token": token})


def test_revoke_ends_every_token_of_the_creator(app):
    first, second, other = app.connect("someone.3"), app.connect("someone.3"), app.connect("someone.4")
    publish_id = first.publish(direct(first, description="[[status:stuck]] " + secrets.token_hex(4)))
    answer = revoke(app, first.tokens.access_token)
    assert answer.status_code == 200 and answer.json() == {}
    for creator in (first, second):
        refused(creator.info(), 401, "access_token_invalid")
        oauth_refused(app.refresh(creator.tokens.refresh_token), "invalid_grant")
    assert other.info().status_code == 200
    oauth_refused(revoke(app, first.tokens.access_token), "invalid_grant")
    assert app.connect("someone.3").status(publish_id).json()["data"]["fail_reason"] == "auth_removed"


def test_revoke_needs_the_clients_own_access_token(stack, creator):
    oauth_refused(revoke(App(stack), creator.tokens.access_token), "invalid_grant")
    oauth_refused(revoke(creator.app, creator.tokens.refresh_token), "invalid_grant")
    assert creator.info().status_code == 200


# --- user info, creator info


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer act.none"}, {"Authorization": "Basic eA=="},
                                     {"Authorization": "Bearer"}])
def test_without_a_token(app, headers):
    refused(app.http.get("/v2/user/info/?fields=open_id", headers=headers), 401, "access_token_invalid")
    for path in ("creator_info/query/", "content/init/", "status/fetch/", "cancel/"):  # covers: POST /v2/post/publish/cancel/
        refused(app.http.post("/v2/post/publish/" + path, json={}, headers=headers), 401, "access_token_invalid")


def test_user_info(creator):
    answer = creator.app.http.get("/v2/user/info/?fields=open_id,display_name,avatar_url", headers=creator.headers)
    body = answer.json()
    assert body["error"]["code"] == "ok" and body["error"]["message"] == "" and body["error"]["log_id"]
    user = body["data"]["user"]
    assert set(user) == {"open_id", "display_name", "avatar_url"}
    assert user["open_id"] == creator.tokens.open_id and creator.username in user["display_name"]
    avatar = creator.app.http.get(user["avatar_url"])  # covers: GET /avatar/{username}
    assert avatar.status_code == 200 and avatar.headers["Content-Type"] == "image/png" and avatar.content.startswith(b"\x89PNG")


def test_user_info_fields_and_scopes(app):
    creator = app.connect(grant=["user.info.basic"])

    def ask(fields):
        return app.http.get("/v2/user/info/", params={"fields": fields} if fields else {}, headers=creator.headers)

    refused(ask(""), 400, "invalid_params")
    refused(ask("open_id,shoe_size"), 400, "invalid_params")
    refused(ask("open_id,username"), 401, "scope_not_authorized")
    refused(ask("follower_count"), 401, "scope_not_authorized")
    full = app.connect()
    fields = ("open_id,union_id,avatar_url,avatar_url_100,avatar_large_url,display_name,bio_description,"
              "profile_deep_link,is_verified,username,follower_count,following_count,likes_count,video_count")
    user = app.http.get("/v2/user/info/", params={"fields": fields}, headers=full.headers).json()["data"]["user"]
    assert set(user) == set(fields.split(",")) and user["username"] == full.username
    assert user["is_verified"] is False and user["video_count"] == 0


@pytest.mark.parametrize("private, levels", [
    (False, ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]),
    (True, ["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"])])
def test_creator_info(app, private, levels):
    creator = app.connect(private=private, comment_disabled=private)
    data = creator.info().json()["data"]
    assert data["privacy_level_options"] == levels and data["comment_disabled"] is private
    assert data["creator_username"] == creator.username and data["creator_nickname"]
    assert data["creator_avatar_url"].startswith("https://") and data["duet_disabled"] is False


def test_creator_info_needs_video_publish(app):
    refused(app.connect(grant=["user.info.basic", "video.upload"]).info(), 401, "scope_not_authorized")


def test_blocked_creator(app):
    creator = app.connect(post_block="spam_risk_too_many_posts")
    refused(creator.info(), 200, "spam_risk_too_many_posts")
    refused(creator.init(direct(creator)), 403, "spam_risk_too_many_posts")


def test_settings_follow_the_last_consent(app):
    creator = app.connect("someone.5", private=True)
    app.consent("someone.5", private=False)
    assert "PUBLIC_TO_EVERYONE" in creator.info().json()["data"]["privacy_level_options"]


# --- rates


@pytest.mark.parametrize("name, limit", [("info", 20), ("init", 6), ("status", 30)])
def test_rates(app, name, limit):
    creator = app.connect()
    calls = {"info": creator.info, "init": lambda: creator.post("content/init/", {}),
             "status": lambda: creator.status("x")}
    assert all(calls[name]().status_code != 429 for _ in range(limit))
    refused(calls[name](), 429, "rate_limit_exceeded")
    again = app.connect(creator.username)  # tokens change, the user's limit stays
    assert again.post({"info": "creator_info/query/", "init": "content/init/", "status": "status/fetch/"}[name],
                      {}).status_code == 429
    creator.stack.move_clock(61)
    assert calls[name]().status_code != 429


# --- what is kept, and for how long


def test_a_refresh_token_lives_as_long_as_it_says(stack, app):
    with stack.configured("sandbox", sandbox_refresh_days="180"):
        short = app.connect()
        assert short.tokens.refresh_expires_in == 180 * 86400
        assert app.refresh(short.tokens.refresh_token).json()["refresh_expires_in"] == 180 * 86400


def make_old(stack, app, days):
    """As if nothing had been done with the app and its creators for so long. The rows are made old, not the clock new:
    other tests of this run keep theirs."""
    age = days * 86400 * 1_000_000
    stack.sql("UPDATE sandbox_creators w JOIN sandbox_grants g ON g.creator_id = w.id SET w.renewed_at_us = "
              "w.renewed_at_us - %s, w.created_at_us = w.created_at_us - %s WHERE g.client_key = %s", age, age, app.key)
    stack.sql("UPDATE sandbox_tokens t JOIN sandbox_grants g ON g.id = t.grant_id SET t.created_at_us = t.created_at_us - %s,"
              " t.expires_at_us = t.expires_at_us - %s WHERE g.client_key = %s", age, age, app.key)
    stack.sql("UPDATE sandbox_grants SET created_at_us = created_at_us - %s, renewed_at_us = renewed_at_us - %s "
              "WHERE client_key = %s", age, age, app.key)
    stack.sql("UPDATE sandbox_clients SET created_at_us = created_at_us - %s, renewed_at_us = renewed_at_us - %s "
              "WHERE client_key = %s", age, age, app.key)


def purge(stack):
    """A purge begins with the program and deletes clients last."""
    stack.sql("INSERT INTO sandbox_clients VALUES ('old', REPEAT('x', 32), 1, 1)")
    stack.restart("sandbox")
    stack.wait(lambda: not stack.sql("SELECT 1 FROM sandbox_clients WHERE client_key = 'old'"), "the purge has run")


def test_a_refresh_token_works_for_a_year(stack, app):
    """A connection that nobody uses is still one; TikTok's is, too."""
    creator = app.connect()
    make_old(stack, app, 364)
    purge(stack)
    again = app.refresh(creator.tokens.refresh_token).json()
    assert again.get("open_id") == creator.tokens.open_id, again
    make_old(stack, app, 366)
    purge(stack)
    oauth_refused(app.refresh(again["refresh_token"]), "invalid_grant")


def test_everything_is_gone_when_its_time_is_over(creator):
    key = creator.app.key
    publish_id = creator.publish(direct(creator, description="[[status:stuck]]"))
    mine = {"sandbox_publishes": ("publish_id", publish_id), "sandbox_clients": ("client_key", key),
            "sandbox_creators": ("username", creator.username), "sandbox_codes": ("client_key", key),
            "sandbox_grants": ("client_key", key)}
    grant = creator.stack.sql("SELECT id FROM sandbox_grants WHERE client_key = %s", key)[0]["id"]
    post = creator.stack.sql("SELECT id FROM sandbox_publishes WHERE publish_id = %s", publish_id)[0]["id"]
    mine.update({"sandbox_tokens": ("grant_id", grant), "sandbox_images": ("publish", post)})

    def left():
        return [t for t, (column, value) in mine.items()
                if creator.stack.sql(f"SELECT 1 FROM {t} WHERE {column} = %s", value)]

    day = 86400 * 1_000_000
    renewed = {"sandbox_clients", "sandbox_creators", "sandbox_grants"}

    # Rows are made old, not the clock new: other tests of this run keep theirs.
    def purge_when(days):
        for table, (column, value) in mine.items():
            age = ("renewed_at_us" if table in renewed else "expires_at_us" if table == "sandbox_tokens" else
                   "created_at_us")
            creator.stack.sql(f"UPDATE {table} SET {age} = %s WHERE {column} = %s",
                              time.time_ns() // 1000 - days * day, value)
        purge(creator.stack)

    assert len(left()) == len(mine)
    purge_when(0)
    assert len(left()) == len(mine)
    purge_when(29)
    assert set(left()) == set(mine) - {"sandbox_tokens"}  # here: how long they have been over
    purge_when(31)
    assert set(left()) == renewed
    purge_when(365)
    assert set(left()) == renewed
    purge_when(367)
    assert left() == []
