"""The names under which clients send a list of images."""

import subprocess

import pytest

import images
from helpers import expect


@pytest.fixture
def account(user):
    return user.connect()


def form(account, names):
    return {"url": f"/api/v1/accounts/{account}/posts",
            "files": [(name, (f"{i}.jpg", images.jpeg(64 + i, 48), "image/jpeg")) for i, name in enumerate(names)]}


@pytest.mark.parametrize("names", [["images[]", "images[]"], ["images[0]", "images[1]"], ["images", "images[]"]])
def test_a_list_as_php_sends_it(user, account, names):
    it = form(account, names)
    post = expect(user.api.post(it["url"], files=it["files"]), 202)["data"]
    assert [i["width"] for i in post["images"]] == [64, 65]


@pytest.mark.parametrize("names", [["images[]", "images[]"], ["images[0]", "images[1]"], ["images", "images[]"]])
def test_another_order_of_a_list_is_another_request(user, account, names):
    """With an Idempotency-Key, too: a carousel is not answered with one in another order."""
    it, key = form(account, names), {"Idempotency-Key": "a-list"}
    made = expect(user.api.post(it["url"], files=it["files"], headers=key), 202)["data"]
    expect(user.api.post(it["url"], files=it["files"][::-1], headers=key), 422, "idempotency_key_reused")
    again = user.api.post(it["url"], files=it["files"], headers=key)
    assert expect(again, 202)["data"] == made and again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("name", ["images[", "images[x]", "images[-1]", "images[0][1]", "imagesx", "images]"])
def test_what_is_no_list(user, account, name):
    it = form(account, ["images", name])
    error = expect(user.api.post(it["url"], files=it["files"]), 422, "unknown_field")["error"]
    assert error["param"] == name


def test_several_files_in_one_part_are_told_apart(stack, user, account, tmp_path):
    for n in (1, 2):
        (tmp_path / f"{n}.jpg").write_bytes(images.jpeg(64, 48))
    done = subprocess.run(["curl", "-sS", "--cacert", stack.ca, "-H", f"Authorization: Bearer {user.key}",
                           "-F", "images=@1.jpg,2.jpg", f"{stack.url}/api/v1/accounts/{account}/posts"],
                          cwd=tmp_path, capture_output=True, text=True)
    assert '"code":"image_type_unsupported"' in done.stdout and "a part of its own" in done.stdout, done.stdout + done.stderr
    done = subprocess.run(["curl", "-sS", "--cacert", stack.ca, "-H", f"Authorization: Bearer {user.key}",
                           "-F", "image=@1.jpg,2.jpg", f"{stack.url}/api/v1/uploads"], cwd=tmp_path, capture_output=True, text=True)
    assert '"code":"image_type_unsupported"' in done.stdout and "a request of its own" in done.stdout, done.stdout + done.stderr
