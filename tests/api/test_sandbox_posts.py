"""The TikTok simulator: init and its checks, status, cancel, and the scripts in a description."""

import secrets

import pytest
from simulator import App, direct, draft, refused


# --- init


def change(body, path, value):
    *outer, last = path.split(".")
    at = body
    for name in outer:
        at = at[name]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return body


@pytest.mark.parametrize("path, value", [
    ("media_type", "VIDEO"), ("media_type", None), ("post_mode", "DIRECT POST"), ("post_mode", None),
    ("source_info", None), ("post_info", None), ("source_info.source", "FILE_UPLOAD"), ("source_info.photo_images", []),
    ("source_info.photo_images", "https://localhost/m/1"), ("source_info.photo_images", [""]),
    ("source_info.photo_cover_index", 1), ("source_info.photo_cover_index", -1),
    ("source_info.photo_cover_index", None), ("source_info.photo_cover_index", "0"), ("post_info.title", "x" * 91),
    ("post_info.title", "😀" * 46),
    ("post_info.description", "x" * 4001), ("post_info.description", "😀" * 2001),
    ("post_info.brand_content_toggle", None), ("post_info.brand_organic_toggle", None),
    ("post_info.brand_content_toggle", "false"), ("post_info.brand_organic_toggle", 0),
], ids=lambda v: str(v)[:30])
def test_init_invalid_param(creator, path, value):
    refused(creator.init(change(direct(creator), path, value)), 400, "invalid_param")


@pytest.mark.parametrize("path, value", [
    ("post_info.title", "😀" * 45), ("post_info.title", None), ("post_info.description", "😀" * 2000),
    ("post_info.description", None), ("something_new", {"a": 1}), ("is_aigc", True),
    ("post_info.auto_add_music", True)],
    ids=lambda v: str(v)[:30])
def test_init_accepts(creator, path, value):
    creator.publish(change(direct(creator), path, value))


@pytest.mark.parametrize("n, ok", [(1, True), (35, True), (36, False)])
def test_init_images(creator, n, ok):
    body = direct(creator, images=[f"{creator.stack.url}/m/none/{i}" for i in range(n)],
                  description=f"[[status:stuck]] {n}")
    body["source_info"]["photo_cover_index"] = n - 1
    if not ok:
        return refused(creator.init(body), 400, "invalid_param")
    assert [i["url"] for i in creator.images(creator.publish(body))] == body["source_info"]["photo_images"]


@pytest.mark.parametrize("level", ["FOLLOWER_OF_CREATOR", "EVERYONE", "", None, "PUBLIC_TO_EVERYONE,SELF_ONLY"])
def test_init_privacy_mismatch(creator, level):
    refused(creator.init(direct(creator, privacy_level=level)), 403, "privacy_level_option_mismatch")


def test_init_branded_content_cannot_be_private(creator):
    refused(creator.init(direct(creator, privacy_level="SELF_ONLY", brand_content_toggle=True)), 400, "invalid_param")
    creator.publish(direct(creator, privacy_level="SELF_ONLY", brand_organic_toggle=True))
    creator.publish(direct(creator, privacy_level="PUBLIC_TO_EVERYONE", brand_content_toggle=True))


@pytest.mark.parametrize("url", ["https://elsewhere.example/m/1/0", "http-URL/m/1/0", "URL/x/1/0",
                                 "URL.evil.example/m/1/0", "URL/m/../api/v1/me",
                                 "URL/m/%2e%2e/api", "URL/m", "x@URL/m/1/0"])
def test_init_url_ownership(creator, url):
    url = url.replace("http-URL", creator.stack.url.replace("https", "http")).replace("URL", creator.stack.url)
    good = creator.stack.url + "/m/none/0"
    refused(creator.init(direct(creator, images=[good, url])), 403, "url_ownership_unverified")


def test_init_scopes(app):
    publish, upload = app.connect(grant=["video.publish"]), app.connect(grant=["video.upload"])
    refused(publish.init(draft(publish)), 401, "scope_not_authorized")
    refused(upload.init(direct(upload)), 401, "scope_not_authorized")
    publish.publish(direct(publish))
    upload.publish(draft(upload))


def test_init_must_be_json(creator):
    for more in ({"data": b"{", "headers": {"Content-Type": "application/json"}},
                 {"data": b"[]", "headers": {"Content-Type": "application/json"}}, {"data": {"media_type": "PHOTO"}}):
        answer = creator.app.http.post("/v2/post/publish/content/init/", data=more["data"],
                                       headers={**creator.headers, **more.get("headers", {})})
        refused(answer, 400, "invalid_param")


def test_pending_shares(creator):
    made = [creator.publish(draft(creator, description="[[status:stuck]]")) for _ in range(5)]
    refused(creator.init(draft(creator)), 403, "spam_risk_too_many_pending_share")
    creator.publish(direct(creator, description="[[status:stuck]]"))  # not a share
    assert creator.post("cancel/", {"publish_id": made[0]}).json()["error"]["code"] == "ok"
    creator.publish(draft(creator, description="[[status:stuck]]"))
    refused(creator.init(draft(creator)), 403, "spam_risk_too_many_pending_share")
    creator.stack.move_clock(86401)
    fresh = creator.app.connect(creator.username)
    fresh.publish(draft(fresh, description="[[status:stuck]]"))


def test_settings_of_a_draft_are_ignored(creator):
    publish_id = creator.publish(draft(creator, privacy_level="NONSENSE", brand_content_toggle=True))
    row = creator.stack.sql("SELECT * FROM sandbox_publishes WHERE publish_id = %s", publish_id)[0]
    assert row["privacy_level"] is None and row["brand_content_toggle"] == 0


# --- status, cancel


def test_status_of_others(app, creator):
    publish_id = creator.publish(direct(creator, description="[[status:stuck]]"))
    refused(creator.status("none"), 400, "invalid_publish_id")
    refused(creator.status("p_pub_url~v2.\u0660"), 400, "invalid_publish_id")
    refused(creator.post("status/fetch/", {}), 400, "invalid_publish_id")
    for strange in ("é", "p_pub_url~v2.\u0661", "😀", "\ufeff", "a b", "x" * 65, "x" * 5000):
        refused(creator.status(strange), 400, "invalid_publish_id")
        refused(creator.post("cancel/", {"publish_id": strange}), 400, "invalid_publish_id")
    other = app.connect()
    refused(other.status(publish_id), 400, "token_not_authorized_for_specified_publish_id")
    refused(other.post("cancel/", {"publish_id": publish_id}), 400, "token_not_authorized_for_specified_publish_id")
    stranger = App(app.stack).connect(creator.username)
    refused(stranger.status(publish_id), 400, "token_not_authorized_for_specified_publish_id")
    refused(app.connect(grant=["user.info.basic"]).status(publish_id), 401, "scope_not_authorized")


def test_cancel(creator):
    publish_id = creator.publish(direct(creator, description="[[status:stuck]]"))
    assert creator.post("cancel/", {"publish_id": publish_id}).json()["error"]["code"] == "ok"
    data = creator.status(publish_id).json()["data"]
    assert (data["status"], data["fail_reason"]) == ("FAILED", "publish_cancelled")
    refused(creator.post("cancel/", {"publish_id": publish_id}), 400, "publish_not_cancellable")
    refused(creator.post("cancel/", {"publish_id": "none"}), 400, "invalid_publish_id")


# --- scripts


def test_script_in_the_title(creator):
    assert creator.init(direct(creator, title="[[http:503]]")).status_code == 503


@pytest.mark.parametrize("script, status, made", [("[[http:500]]", 500, 0), ("[[http:502]]", 502, 0),
                                                  ("[[http:500,made]]", 500, 1), ("[[http:418,made]]", 418, 1),
                                                  ("[[http:200]]", 200, 0)])
def test_script_http(creator, script, status, made):
    description = f"{secrets.token_hex(4)} {script}"
    answer = creator.init(direct(creator, description=description))
    assert answer.status_code == status and creator.posts(description) == made
    if status >= 500:
        assert answer.json()["error"]["code"] == "internal_error" and "publish_id" not in answer.text
    else:
        assert not answer.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("code, status", [("spam_risk_too_many_posts", 403), ("rate_limit_exceeded", 429),
                                          ("access_token_invalid", 401), ("app_version_check_failed", 400),
                                          ("unaudited_client_can_only_post_to_private_accounts", 403)])
def test_script_code(creator, code, status):
    description = f"{secrets.token_hex(4)} [[code:{code}]]"
    refused(creator.init(direct(creator, description=description)), status, code)
    assert creator.posts(description) == 0


@pytest.mark.parametrize("script", ["[[fail:nonsense]]", "[[code:nonsense]]", "[[http:99]]", "[[http:600]]",
                                    "[[http:x]]", "[[http:500,perhaps]]", "[[status:slow]]", "[[fail:]]"])
def test_misspelt_scripts_are_refused(creator, script):
    refused(creator.init(direct(creator, description=script)), 400, "invalid_param")


@pytest.mark.parametrize("text", ["[[wiki]]", "[[link: there]]", "[[", "]]", "[[fail", "a [b] c", "[[]]", "[[[["])
def test_other_brackets_are_text(creator, text):
    publish_id = creator.publish(direct(creator, description=text))
    row = creator.stack.sql("SELECT description FROM sandbox_publishes WHERE publish_id = %s", publish_id)[0]
    assert row["description"] == text


def test_same_init_twice_makes_two_posts(creator):
    description = secrets.token_hex(4) + " [[status:stuck]]"
    first, second = (creator.publish(direct(creator, description=description)) for _ in range(2))
    assert first != second
    assert creator.posts(description) == 2
