"""A refusal says what would have been right, not only that something is wrong."""

import json

import pytest
from images import jpeg


def said(answer):
    error = answer.json()["error"]
    assert error["message"] == error["details"][0]["message"], error
    return error["message"]


@pytest.mark.parametrize("name, value, sentence", [
    ("platform_options", {"post_mode": "x"}, "MEDIA_UPLOAD or DIRECT_POST"),
    ("platform_options", {"post_mode": "DIRECT_POST", "privacy_level": "FOLLOWER_OF_CREATOR"}, "SELF_ONLY"),
    ("platform_options", {"x": 1}, "Allowed fields: post_mode, privacy_level, "),
    ("platform_options", {"disable_comment": "yes"}, "true or false"),
    ("title_overflow", "x", "reject or truncate"),
    ("titel", "x", "Allowed fields: images, background, title, "),
])
def test_of_a_post(user, account, stack, name, value, sentence):
    stack.wait(lambda: user.api.get(f"/api/v1/accounts/{account}").json()["data"]["platform_data"]["snapshot_at"],
               "the worker has asked TikTok for the creator's options")
    parts = {"images": ("1.jpg", jpeg(8, 8)), name: (None, value if isinstance(value, str) else json.dumps(value))}
    assert sentence in said(user.api.post(f"/api/v1/accounts/{account}/posts", files=parts))


@pytest.mark.parametrize("body, sentence", [
    ({"name": 5}, "a string"), ({"name": ""}, "not be empty"), ({"name": "x" * 101}, "at most 100 bytes"),
    ({"name": "a", "x": 1}, "Allowed fields: name, scopes, expires_at, budget, mode."),
])
def test_of_a_key(user, body, sentence):
    assert sentence in said(user.web.post("/api/v1/keys", json=body))


def test_of_a_list(user):
    assert "1 to 100" in said(user.api.get("/api/v1/posts?limit=101"))


def test_of_an_upload(user):
    assert "Send one part named image" in said(user.api.post("/api/v1/uploads", files={"x": (None, "1"), "image": jpeg(8, 8)}))
