"""Images that say of themselves that AI made them: the word that is kept, and the label that a post with them needs."""

import json

import pytest
from helpers import expect
from images import COMPOSITE, TRAINED, jpeg, png, with_manifests, with_segment, with_text, with_xmp

CREATED = [("c2pa.created", TRAINED)]
PLAIN, GENERATED, EDITED = jpeg(90, 60), with_manifests(jpeg(90, 60), CREATED), with_xmp(jpeg(90, 60), COMPOSITE)
DIRECT = {"post_mode": "DIRECT_POST", "privacy_level": "SELF_ONLY"}


@pytest.fixture
def account(user):
    return user.connect()


def upload(user, data):
    return expect(user.api.post("/api/v1/uploads", data=data), 201)["data"]


def send(user, account, images, options):
    parts = [("platform_options", (None, json.dumps(options)))] + [("images", ("1.jpg", data)) for data in images]
    return user.api.post(f"/api/v1/accounts/{account}/posts", files=parts)


def send_ids(user, account, ids, **options):
    return user.api.post(f"/api/v1/accounts/{account}/posts", json={"upload_ids": ids, "platform_options": options})


def warned(answer):
    """Of its images."""
    return [(w["code"], w["param"]) for w in expect(answer, 202)["data"]["warnings"] if w["param"] is not None]


@pytest.mark.parametrize("provenance, data", [
    ("none_found", jpeg(90, 60, exif=True)),
    ("none_found", with_text(png(90, 60), "Software", "GIMP 2.10")),
    ("none_found", with_manifests(jpeg(90, 60), [("c2pa.opened", None), ("c2pa.cropped", None)])),
    ("ai_generated", GENERATED),
    ("ai_generated", with_manifests(png(90, 60), CREATED, [("c2pa.opened", None)])),
    ("ai_edited", with_manifests(png(90, 60), [("c2pa.opened", None), ("c2pa.edited", COMPOSITE)])),
    ("ai_generated", with_xmp(jpeg(90, 60), TRAINED)),
    ("ai_edited", EDITED),
    ("ai_generated", with_text(png(90, 60), "parameters", "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7")),
    ("ai_generated", with_segment(jpeg(90, 60), 0xFE, b'{"prompt": "a cat", "steps": 28}')),
], ids=range(10))
def test_what_the_original_says(user, provenance, data):
    made = upload(user, data)
    assert made["provenance"] == provenance
    assert expect(user.api.get(f"/api/v1/uploads/{made['id']}"), 200)["data"] == made


def test_an_image_that_ai_made_needs_the_label(user, account, stack):
    error = expect(send(user, account, [PLAIN, GENERATED, EDITED, GENERATED], DIRECT), 422, "aigc_label_missing")["error"]
    assert [(d["param"], d["code"]) for d in error["details"]] == [(f"images[{i}]", "aigc_label_missing") for i in (1, 3)]
    assert "is_aigc" in error["details"][0]["message"]
    ids = [upload(user, data)["id"] for data in (PLAIN, GENERATED)]
    error = expect(send_ids(user, account, ids, **DIRECT), 422, "aigc_label_missing")["error"]
    assert error["param"] == "upload_ids[1]"
    assert expect(user.api.get("/api/v1/posts"), 200)["data"] == []
    answer = send(user, account, [PLAIN, GENERATED, EDITED], {**DIRECT, "is_aigc": True})
    assert warned(answer) == []
    words = ["none_found", "ai_generated", "ai_edited"]
    assert [i["provenance"] for i in answer.json()["data"]["images"]] == words
    post = expect(user.api.get(f"/api/v1/posts/{answer.json()['data']['id']}"), 200)["data"]
    assert [i["provenance"] for i in post["images"]] == words


def test_what_is_only_warned_of(user, account, stack):
    """An image that was edited; one that AI made, in a draft, whose label is set in the app; one that came before anybody looked."""
    assert warned(send(user, account, [PLAIN, EDITED], DIRECT)) == [("ai_edited", "images[1]")]
    ids = [upload(user, data)["id"] for data in (GENERATED, PLAIN, EDITED)]
    answer = send_ids(user, account, ids)
    assert warned(answer) == [("aigc_label_missing", "upload_ids[0]"), ("ai_edited", "upload_ids[2]")]
    assert "app" in answer.json()["data"]["warnings"][0]["message"]
    stack.sql(f"UPDATE uploads SET provenance = NULL WHERE id = x'{ids[0].replace('-', '')}'")
    assert expect(user.api.get(f"/api/v1/uploads/{ids[0]}"), 200)["data"]["provenance"] is None
    assert warned(send_ids(user, account, ids[:2], **DIRECT)) == []


def test_a_server_that_only_warns(user, account, stack):
    with stack.configured("posts", tiktok_require_aigc_label="no"):
        assert warned(send(user, account, [PLAIN, GENERATED], DIRECT)) == [("aigc_label_missing", "images[1]")]
