"""Posts: from one multipart call, or from uploads made before; every way in which a request is refused; and reading."""

import hashlib
import http.client
import json
import ssl
import struct
import zlib

import pytest
import requests
from helpers import expect
from images import jpeg, png

SMALL = jpeg(90, 60)
NOWHERE = "01900000-0000-7000-8000-000000000000"
DIRECT = {"post_mode": "DIRECT_POST", "privacy_level": "SELF_ONLY"}
OPTIONS_OF_A_DRAFT = {"post_mode": "MEDIA_UPLOAD", "privacy_level": None, "disable_comment": False,
                      "auto_add_music": False, "brand_content_toggle": False, "brand_organic_toggle": False,
                      "photo_cover_index": 0, "is_aigc": False}


@pytest.fixture
def account(user, stack):
    """Connected, and TikTok has been asked what it may post."""
    connected = user.connect()
    stack.wait(lambda: stack.sql(f"SELECT 1 FROM creator_snapshots WHERE account_id = x'{connected.replace('-', '')}'"),
               "the worker has asked TikTok for the creator's options")
    return connected


def send(client, account, images=(SMALL,), options=None, **fields):
    """The published call: multipart with repeated images."""
    parts = [(name, (None, value)) for name, value in fields.items()]
    if options is not None:
        parts.append(("platform_options", (None, options if isinstance(options, (str, bytes)) else json.dumps(options))))
    parts += [("images", (f"{i}.jpg", data, "image/jpeg")) for i, data in enumerate(images)]
    return client.post(f"/api/v1/accounts/{account}/posts", files=parts)


def send_json(client, account, **body):
    return client.post(f"/api/v1/accounts/{account}/posts", json=body)


def send_raw(client, account, body, content_type):
    return client.post(f"/api/v1/accounts/{account}/posts", data=body, headers={"Content-Type": content_type})


def made(client, account, *args, **more):
    return expect(send(client, account, *args, **more), 202)["data"]


def upload(user, data=SMALL):
    answer = user.api.post("/api/v1/uploads", data=data, headers={"Content-Type": "image/jpeg"})
    return expect(answer, 201)["data"]["id"]


def refused(answer, status, code, param):
    error = expect(answer, status, code)["error"]
    assert error["param"] == param, error
    return error


def problems(answer):
    """{param: code} of an answer that names several."""
    error = expect(answer, 422, "validation_failed")["error"]
    assert len({d["param"] for d in error["details"]}) == len(error["details"]), error
    return {d["param"]: d["code"] for d in error["details"]}


def count_posts(stack, user):
    return stack.sql(f"SELECT COUNT(*) n FROM posts WHERE user_id = x'{user.id.replace('-', '')}'")[0]["n"]


# --- making


def test_images_alone_become_a_draft(user, account, stack):
    data = [jpeg(90, 60), jpeg(60, 90)]
    post = made(user.api, account, data)
    assert post["account_id"] == account and post["status"] == "queued"
    assert post["title"] is None and post["description"] is None
    assert post["post_mode"] == "MEDIA_UPLOAD" and post["platform_options"] == OPTIONS_OF_A_DRAFT
    assert not any(post[absent] for absent in ("publish_id", "post_url", "failure", "next_attempt_at", "ended_at"))
    assert post["tiktok_post_ids"] == [] and [w["code"] for w in post["warnings"]] == ["aspect_ratios_differ"]
    for image, sent in zip(post["images"], data):
        assert image["original"] == {"media_type": "image/jpeg", "width": image["width"], "height": image["height"],
                                     "size_bytes": len(sent), "sha256": hashlib.sha256(sent).hexdigest()}
        assert [r["change"] for r in image["reasons"]] == image["changes"] and len(image["sha256"]) == 64
    assert [(i["position"], i["width"], i["height"]) for i in post["images"]] == [(0, 90, 60), (1, 60, 90)]
    assert all(i["size_bytes"] > 0 and i["fetched_at"] is None and i["deleted_at"] is None for i in post["images"])
    (event,) = post["events"]
    assert (event["event"], event["status"], event["code"]) == ("created", "queued", None)
    (row,) = stack.sql(f"SELECT HEX(key_id) k, HEX(user_id) u FROM posts WHERE id = x'{post['id'].replace('-', '')}'")
    assert row["k"] is not None and row["u"].lower() == user.id.replace("-", "")


def test_everything_that_can_be_said(user, account):
    options = {"post_mode": "DIRECT_POST", "privacy_level": "PUBLIC_TO_EVERYONE", "disable_comment": False,
               "auto_add_music": True, "brand_content_toggle": True, "brand_organic_toggle": True,
               "photo_cover_index": 1, "is_aigc": True}
    post = made(user.api, account, [SMALL, SMALL], options, title="Title 👍", description="Text\n#tag @you")
    assert post["title"] == "Title 👍" and post["description"] == "Text\n#tag @you"
    assert post["post_mode"] == "DIRECT_POST" and post["platform_options"] == options
    assert post["warnings"] == []


def test_text_after_the_images(user, account):
    parts = [("images", ("1.jpg", SMALL)), ("title", (None, "after")), ("platform_options", (None, json.dumps(DIRECT)))]
    post = expect(user.api.post(f"/api/v1/accounts/{account}/posts", files=parts), 202)["data"]
    assert post["title"] == "after" and post["platform_options"]["privacy_level"] == "SELF_ONLY"


def test_comments_are_off_unless_asked_for(user, account):
    assert made(user.api, account, options=DIRECT)["platform_options"]["disable_comment"] is True
    asked = made(user.api, account, options={**DIRECT, "disable_comment": False})
    assert asked["platform_options"]["disable_comment"] is False


def test_request_id_is_carried_into_event_and_job(user, account, stack):
    answer = send(user.api, account)
    post = expect(answer, 202)["data"]
    request_id = answer.headers["X-Request-Id"]
    assert post["events"][0]["request_id"] == request_id
    jobs = stack.sql("SELECT kind FROM jobs_publish WHERE request_id = %s", request_id)
    assert {job["kind"] for job in jobs} <= {"turn", "poll"}  # the worker may have done it, and be asking already


def test_a_session_may_post_too(user, account, stack):
    post = made(user.web, account)
    (row,) = stack.sql(f"SELECT key_id FROM posts WHERE id = x'{post['id'].replace('-', '')}'")
    assert row["key_id"] is None


def test_35_images(user, account):
    assert len(made(user.api, account, [SMALL] * 35)["images"]) == 35


def test_json_with_uploads(user, account):
    first, second = upload(user, jpeg(90, 60)), upload(user, jpeg(60, 90))
    answer = send_json(user.api, account, upload_ids=[second, first], title="T", platform_options=DIRECT)
    post = expect(answer, 202)["data"]
    assert [i["upload_id"] for i in post["images"]] == [second, first]
    assert [i["width"] for i in post["images"]] == [60, 90]
    assert post["platform_options"]["privacy_level"] == "SELF_ONLY" and post["title"] == "T"


def test_one_upload_in_two_posts(user, account):
    image = upload(user)
    posts = [expect(send_json(user.api, account, upload_ids=[image, image]), 202)["data"] for _ in range(2)]
    assert posts[0]["id"] != posts[1]["id"]
    assert all([i["upload_id"] for i in p["images"]] == [image, image] for p in posts)


def test_nulls_in_json_are_nothing(user, account):
    answer = send_json(user.api, account, upload_ids=[upload(user)], title=None, description=None,
                       title_overflow=None, platform_options=None)
    assert expect(answer, 202)["data"]["platform_options"] == OPTIONS_OF_A_DRAFT


# --- text


@pytest.mark.parametrize("title", ["x" * 90, "ü" * 90, "👍" * 45])
def test_longest_title(user, account, title):
    assert made(user.api, account, title=title)["title"] == title


@pytest.mark.parametrize("title", ["x" * 91, "👍" * 45 + "x"])
def test_title_too_long(user, account, title, stack):
    refused(send(user.api, account, title=title), 422, "title_too_long", "title")
    assert count_posts(stack, user) == 0


def test_title_is_cut_when_asked(user, account):
    post = made(user.api, account, title="x" * 89 + "👍", title_overflow="truncate")
    assert post["title"] == "x" * 89  # an emoji is not cut in two
    assert [w["code"] for w in post["warnings"]] == ["title_truncated"]
    flag = made(user.api, account, title="x" * 88 + "\U0001f1e9\U0001f1ea", title_overflow="truncate")
    assert flag["title"] == "x" * 88, "half a flag would be a letter in a box"
    refused(send(user.api, account, title="x" * 91, title_overflow="reject"), 422, "title_too_long", "title")
    refused(send(user.api, account, title_overflow="cut"), 422, "invalid_value", "title_overflow")


def test_description_limits(user, account):
    assert made(user.api, account, description="👍" * 2000)["description"] == "👍" * 2000
    for text in ("x" * 4001, "👍" * 2000 + "x", "x" * 100_000):
        refused(send(user.api, account, description=text), 422, "description_too_long", "description")


def test_text_that_is_no_utf8(user, account):
    for field in ("title", "description"):
        refused(send(user.api, account, **{field: b"caf\xe9"}), 400, "bad_utf8", field)
    body = b'{"upload_ids": ["' + NOWHERE.encode() + b'"], "title": "caf\xe9"}'
    expect(send_raw(user.api, account, body, "application/json"), 400, "bad_utf8")


def test_control_characters(user, account):
    refused(send(user.api, account, title="a\0b"), 422, "invalid_characters", "title")


# --- options


@pytest.mark.parametrize("options, code, param", [
    ({"post_mode": "DIRECT_POST"}, "privacy_level_required", "privacy_level"),
    ({**DIRECT, "privacy_level": "EVERYONE"}, "privacy_level_unknown", "privacy_level"),
    ({**DIRECT, "privacy_level": ""}, "privacy_level_unknown", "privacy_level"),
    ({**DIRECT, "privacy_level": "FOLLOWER_OF_CREATOR"}, "privacy_level_not_offered", "privacy_level"),
    ({**DIRECT, "brand_content_toggle": True}, "branded_content_private", "brand_content_toggle"),
    ({**DIRECT, "photo_cover_index": 1}, "photo_cover_index_out_of_range", "photo_cover_index"),
    ({**DIRECT, "photo_cover_index": -1}, "photo_cover_index_out_of_range", "photo_cover_index"),
    ({"post_mode": "DIRECT POST"}, "invalid_value", "post_mode"),
    ({"privacy_level": "SELF_ONLY"}, "direct_post_only", "privacy_level"),
    ({"post_mode": "MEDIA_UPLOAD", "auto_add_music": True}, "direct_post_only", "auto_add_music"),
    ({"is_aigc": True}, "direct_post_only", "is_aigc"),
    ({**DIRECT, "disable_comment": "yes"}, "wrong_type", "disable_comment"),
    ({**DIRECT, "photo_cover_index": 0.5}, "wrong_type", "photo_cover_index"),
    ({**DIRECT, "privacy_level": 7}, "wrong_type", None),
    ({**DIRECT, "disable_duet": True}, "unknown_field", "disable_duet"),
])
def test_bad_options(user, account, stack, options, code, param):
    for answer in (send(user.api, account, options=options),
                   send_json(user.api, account, upload_ids=[NOWHERE], platform_options=options)):
        if param is None:  # the value is not taken, so there is none either
            assert code in [d["code"] for d in expect(answer, 422)["error"]["details"]]
        else:
            refused(answer, 422, code, f"platform_options.{param}")
    assert count_posts(stack, user) == 0


@pytest.mark.parametrize("text, status, code", [
    ("", 400, "bad_json"),
    ("{", 400, "bad_json"),
    ("[]", 400, "bad_json"),
    ('{"a": NaN}', 400, "bad_json"),
    ('{"a":' * 50 + "1" + "}" * 50, 400, "json_too_deep"),
    ('{"x": ' + "[" * 100_000, 422, "too_long"),
])
def test_options_that_are_no_json(user, account, text, status, code):
    refused(send(user.api, account, options=text), status, code, "platform_options")


def test_a_plain_no_on_a_draft_does_no_harm(user, account):
    made(user.api, account, options={"disable_comment": False, "brand_content_toggle": False})


def test_old_snapshot_warns_and_is_refreshed(user, account, stack):
    where = f"account_id = x'{account.replace('-', '')}'"
    stack.sql(f"UPDATE creator_snapshots SET fetched_at_us = fetched_at_us - 660000000 WHERE {where}")
    (old,) = stack.sql(f"SELECT fetched_at_us t FROM creator_snapshots WHERE {where}")
    # What an old snapshot does not offer may be offered by now: the worker looks again before it sends.
    post = made(user.api, account, options={**DIRECT, "privacy_level": "FOLLOWER_OF_CREATOR"})
    assert [w["code"] for w in post["warnings"]] == ["creator_options_unchecked"]
    stack.wait(lambda: stack.sql(f"SELECT 1 FROM creator_snapshots WHERE {where} AND fetched_at_us > %s", old["t"]),
               "the worker has asked TikTok for the creator's options again")
    failed = stack.wait(lambda: (p := expect(user.api.get(f"/api/v1/posts/{post['id']}"), 200)["data"])["ended_at"] and p,
                        "the post has ended")
    assert failed["status"] == "failed" and failed["failure"]["code"] == "privacy_level_not_offered"
    assert failed["failure"]["message"] and isinstance(failed["failure"]["retryable"], bool)


# --- images


def bomb():
    """A PNG of 50000 x 50000 in a few hundred bytes."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("data, status, code", [
    (b"", 422, "image_empty"),
    (b"%PDF-1.7\n" + b"x" * 1000, 415, "image_type_unsupported"),
    (b"GIF89a" + b"x" * 1000, 415, "image_type_unsupported"),
    (SMALL[:len(SMALL) // 2], 422, "image_corrupt"),
    (SMALL[:20], 422, "image_corrupt"),
    (png(90, 60)[:200], 422, "image_corrupt"),
    (bomb(), 422, "image_too_many_pixels"),
    (SMALL + bytes(20 << 20), 413, "image_too_large"),
], ids=["empty", "pdf", "gif", "truncated", "header", "truncated-png", "bomb", "large"])
def test_bad_images(user, account, stack, data, status, code):
    refused(send(user.api, account, [SMALL, data, SMALL]), status, code, "images[1]")
    assert count_posts(stack, user) == 0


def test_number_of_images(user, account, stack):
    refused(send(user.api, account, [], title="x"), 422, "images_missing", "images")
    refused(send_json(user.api, account, title="x"), 422, "images_missing", "upload_ids")
    refused(send_json(user.api, account, upload_ids=[]), 422, "images_missing", "upload_ids")
    refused(send(user.api, account, [SMALL] * 36), 422, "images_too_many", "images")
    refused(send_json(user.api, account, upload_ids=[NOWHERE] * 36), 422, "images_too_many", "upload_ids")
    assert count_posts(stack, user) == 0


def test_uploads_that_are_not_there(user, other, account, stack):
    own, foreign, gone = upload(user), upload(other), upload(user)
    expect(user.api.delete(f"/api/v1/uploads/{gone}"), 204)
    answer = send_json(user.api, account, upload_ids=[own, foreign, gone, NOWHERE])
    error = expect(answer, 422, "upload_not_found")["error"]
    assert [d["param"] for d in error["details"]] == ["upload_ids[1]", "upload_ids[2]", "upload_ids[3]"]
    refused(send_json(user.api, account, upload_ids=["x"]), 422, "invalid_value", "upload_ids[0]")
    assert count_posts(stack, user) == 0


# --- the request as a whole


def test_all_problems_at_once(user, account):
    answer = send(user.api, account, [SMALL, b"%PDF-1.7", SMALL[:50]], {"post_mode": "DIRECT_POST", "x": 1},
                  title="x" * 91, description="x" * 4001, foo="bar")
    assert problems(answer) == {
        "images[1]": "image_type_unsupported", "images[2]": "image_corrupt", "title": "title_too_long",
        "description": "description_too_long", "platform_options.x": "unknown_field", "foo": "unknown_field",
        "platform_options.privacy_level": "privacy_level_required"}


def test_unknown_and_repeated_fields(user, account):
    refused(send(user.api, account, titel="x"), 422, "unknown_field", "titel")
    refused(send_json(user.api, account, upload_ids=[NOWHERE], titel="x"), 422, "unknown_field", "titel")
    parts = [("title", (None, "a")), ("title", (None, "b")), ("images", ("1.jpg", SMALL))]
    answer = user.api.post(f"/api/v1/accounts/{account}/posts", files=parts)
    refused(answer, 422, "repeated_field", "title")
    answer = user.api.post(f"/api/v1/accounts/{account}/posts?dry_run=1", files=parts[1:])
    refused(answer, 422, "unknown_field", "dry_run")


def test_wrong_types(user, account):
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "image/jpeg", "multipart/mixed; boundary=b"):
        expect(send_raw(user.api, account, b"x", content_type), 415, "unsupported_media_type")


PART = b'--b\r\nContent-Disposition: form-data; name="images"; filename="1.jpg"\r\n\r\n' + SMALL


@pytest.mark.parametrize("content_type, body, code", [
    ("multipart/form-data", PART + b"\r\n--b--\r\n", "multipart_no_boundary"),
    ("multipart/form-data; boundary=", PART + b"\r\n--b--\r\n", "multipart_no_boundary"),
    ("multipart/form-data; boundary=" + "b" * 71, PART + b"\r\n--b--\r\n", "multipart_no_boundary"),
    ("multipart/form-data; boundary=b", PART, "multipart_truncated"),
    ("multipart/form-data; boundary=b", PART + b"\r\n--b\r\n", "multipart_truncated"),
    ("multipart/form-data; boundary=b", b"", "multipart_truncated"),
    ("multipart/form-data; boundary=b", b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n", "bad_multipart"),
    ("application/json", b"", "bad_json"),
    ("application/json", b"[" * 100_000, "json_too_deep"),
    ("application/json", b'{"title": "a", "title": "b"}', "bad_json"),
])
def test_malformed_bodies(user, account, stack, content_type, body, code):
    expect(send_raw(user.api, account, body, content_type), 400, code)
    assert count_posts(stack, user) == 0


def test_json_has_a_limit_of_its_own(user, account):
    expect(send_json(user.api, account, title="x" * 300_000), 413, "body_too_large")


def test_body_too_large(user, account, stack):
    context = ssl.create_default_context(cafile=str(stack.ca))
    connection = http.client.HTTPSConnection("localhost", stack.https, context=context, timeout=30)
    connection.putrequest("POST", f"/api/v1/accounts/{account}/posts")
    for name, value in (("Authorization", f"Bearer {user.key}"), ("Content-Length", str(750 << 20)),
                        ("Content-Type", "multipart/form-data; boundary=b")):
        connection.putheader(name, value)
    connection.endheaders()  # and no body: it is refused by its length
    answer = connection.getresponse()
    assert answer.status == 413 and json.loads(answer.read())["error"]["code"] == "body_too_large"


def test_wrong_method(user, account):
    for method, path, allow in (("PUT", f"/api/v1/accounts/{account}/posts", "POST"),
                                ("POST", "/api/v1/posts", "GET"), ("PATCH", f"/api/v1/posts/{NOWHERE}", "GET")):
        answer = user.api.request(method, path)
        expect(answer, 405, "method_not_allowed")
        assert allow in answer.headers["Allow"] and method not in answer.headers["Allow"]


# --- who may


def test_somebody_elses_account(user, other, account, stack):
    expect(send(other.api, account), 404, "not_found")
    for nothing in (NOWHERE, "x", account[:-1]):
        expect(send(user.api, nothing), 404, "not_found")
    assert count_posts(stack, other) == 0


def test_account_is_asked_before_the_body(user):
    expect(send_raw(user.api, NOWHERE, b"rubbish", "text/plain"), 404, "not_found")


def test_disconnected_account(user, account):
    assert user.web.delete(f"/api/v1/accounts/{account}").ok
    expect(send(user.api, account), 404, "not_found")


def test_account_that_needs_reconnect(user, account, stack):
    stack.sql(f"UPDATE accounts SET state = 'needs_reconnect' WHERE id = x'{account.replace('-', '')}'")
    expect(send(user.api, account), 409, "account_needs_reconnect")


def test_permission_that_was_not_granted(user):
    drafts = user.connect(grant=["user.info.basic", "video.upload"])
    refused(send(user.api, drafts, options=DIRECT), 403, "tiktok_scope_missing", "platform_options.post_mode")
    made(user.api, drafts)
    direct = user.connect(grant=["user.info.basic", "video.publish"])
    refused(send(user.api, direct), 403, "tiktok_scope_missing", "platform_options.post_mode")
    made(user.api, direct, options=DIRECT)


def test_keys(user, account, stack):
    def with_header(**headers):
        return requests.post(f"{stack.url}/api/v1/accounts/{account}/posts", files=[("images", ("1.jpg", SMALL))],
                             headers=headers, verify=str(stack.ca))

    expect(with_header(), 401, "unauthenticated")
    expect(with_header(Authorization=f"Bearer {user.key[:-1]}"), 401, "bad_key")
    (key,) = expect(user.web.get("/api/v1/keys"), 200)["data"]
    expect(user.web.delete(f"/api/v1/keys/{key['id']}"), 204)
    expect(with_header(Authorization=f"Bearer {user.key}"), 401, "invalid_key")


# --- reading


def test_get_and_list(user, other, account):
    posts = [made(user.api, account, title=f"number {i}") for i in range(3)]
    read = expect(user.api.get(f"/api/v1/posts/{posts[0]['id']}"), 200)["data"]
    assert set(read) == set(posts[0]) - {"warnings"}
    assert read["title"] == "number 0" and read["images"][0]["upload_id"] == posts[0]["images"][0]["upload_id"]
    found, query = [], "?limit=2"
    while query:
        page = expect(user.api.get("/api/v1/posts" + query), 200)
        assert all(set(p) == set(read) - {"images", "events", "content_digest"} for p in page["data"])
        found += [p["id"] for p in page["data"]]
        query = page["meta"]["has_more"] and f"?limit=2&cursor={page['meta']['next_cursor']}"
    assert found == [p["id"] for p in reversed(posts)]
    assert expect(other.api.get("/api/v1/posts"), 200)["data"] == []


def test_the_cover_is_named_while_it_is_there(user, account, stack):
    post = made(user.api, account, [SMALL, jpeg(60, 90)], options={**DIRECT, "photo_cover_index": 1})
    first, cover = (i["upload_id"] for i in post["images"])
    due = expect(user.web.get(f"/api/v1/uploads/{cover}"), 200)["data"]["delete_due_at"]
    shown = lambda: [expect(user.web.get("/api/v1/posts" + of), 200)["data"] for of in (f"/{post['id']}", "")]  # noqa: E731
    one, (listed,) = shown()
    assert post["cover_upload_id"] == one["cover_upload_id"] == listed["cover_upload_id"] == cover
    assert one["images"][1]["delete_due_at"] == due is not None
    for gone, left in ((first, cover), (cover, None)):
        stack.sql(f"UPDATE uploads SET deleted_at_us = 1 WHERE id = x'{gone.replace('-', '')}'")
        one, (listed,) = shown()
        assert one["cover_upload_id"] == listed["cover_upload_id"] == left


def test_posts_that_are_not_there(user, other, account):
    post = made(user.api, account)
    expect(other.api.get(f"/api/v1/posts/{post['id']}"), 404, "not_found")
    for nothing in (NOWHERE, "x"):
        expect(user.api.get(f"/api/v1/posts/{nothing}"), 404, "not_found")


@pytest.mark.parametrize("query, status, code", [
    ("?limit=0", 422, "out_of_range"), ("?limit=101", 422, "out_of_range"), ("?limit=x", 422, "wrong_type"),
    ("?cursor=x", 400, "bad_cursor"), ("?page=2", 422, "unknown_field"),
    ("?limit=1&limit=2", 422, "repeated_field"), ("?limit=%ff", 400, "bad_query")])
def test_bad_pages(user, query, status, code):
    expect(user.api.get("/api/v1/posts" + query), status, code)


def test_a_post_that_failed_says_why(user, account, stack):
    post = made(user.api, account, options=DIRECT, description="[[fail:picture_size_check_failed]]")
    ended = stack.wait(lambda: (p := expect(user.api.get(f"/api/v1/posts/{post['id']}"), 200)["data"])["ended_at"] and p,
                       "the post has ended")
    failure = ended["failure"]
    assert ended["status"] == "failed" and failure["code"] and failure["message"]
    assert failure["platform_error"]["code"] == "picture_size_check_failed"
    assert [e["event"] for e in ended["events"]][:3] == ["created", "attempt", "accepted"]
    assert ended["events"][-1]["status"] == "failed" and ended["events"][-1]["at"] == ended["ended_at"]
    (listed,) = expect(user.api.get("/api/v1/posts"), 200)["data"]
    assert listed["failure"] == failure


def test_a_post_that_is_published_has_its_address(user, account, stack):
    post = made(user.api, account, options={**DIRECT, "privacy_level": "PUBLIC_TO_EVERYONE"})
    done = stack.wait(lambda: (p := expect(user.api.get(f"/api/v1/posts/{post['id']}"), 200)["data"])["ended_at"] and p,
                      "the post has ended")
    assert done["status"] == "published" and done["failure"] is None and done["publish_id"]
    assert len(done["tiktok_post_ids"]) == 1 and done["post_url"].endswith(f"/photo/{done['tiktok_post_ids'][0]}")
    assert done["images"][0]["fetched_at"] is not None
    (listed,) = expect(user.api.get("/api/v1/posts"), 200)["data"]
    assert listed["post_url"] == done["post_url"]
