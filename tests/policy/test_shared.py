"""Who else gets what (S1 to S4), and what is done with what comes from TikTok (T1 to T3)."""

import pathlib
import re
import uuid

from helpers import expect, query_of
from publishing import SMALL, Sent

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
POLICY = (CHECKOUT / "lib/base/policy.def").read_text()
ITEMS = re.findall(r'^POLICY\((\w+), "([^"]+)", "\w+", \w+, ([^"]+?), "', POLICY, re.M)


def recipients(item):
    return set(re.findall(r"TO\((\w+)\)", {name: to for _, name, to in ITEMS}[item]))


def test_S1(life, stack):
    """The simulator's record of what came: the words of the post, and the images that it has fetched by itself."""
    (publish,) = stack.sql("SELECT * FROM sandbox_publishes WHERE title = %s", life.title)
    assert publish["description"] == life.description and publish["images_n"] == 1
    (attempt,) = stack.sql("SELECT * FROM post_attempts WHERE post_id = %s", uuid.UUID(life.post_id).bytes)
    sent = str(attempt["payload"])
    assert life.title in sent and life.description in sent
    assert not [w for w in (life.email, life.name, life.key, life.user_id) if w in sent]
    assert {name for _, name, to in ITEMS if "TIKTOK" in to} == {"tiktok.tokens", "image.content", "post.text", "post.options"}


def test_S2(life, stack):
    """At Stripe's: the address, and whose customer it is. Neither name nor anything that was posted."""
    (customer,) = stack.sql("SELECT * FROM sandbox_stripe_customers WHERE user_id = %s", life.id)
    assert customer["email"] == life.email
    text = b"\n".join(str(v).encode() for t in ("customers", "checkouts", "events") for row in stack.sql(f"SELECT * FROM sandbox_stripe_{t}")
                      for v in row.values())
    for word in (life.name, life.title, life.description, life.creator, life.key):
        assert word.encode() not in text
    assert {name for _, name, to in ITEMS if "STRIPE" in to} == {"account.email", "billing.subscription"}


def test_S3():
    """Only images go to a bucket."""
    assert {name for _, name, to in ITEMS if "STORE" in to} == {"image.content"}


def test_S4(stack):
    """Only these services can speak with anybody outside of the machine; of the others none has a network."""
    text = (CHECKOUT / "lib/service/service.def").read_text()
    rows = re.findall(r"^(?:APP|WORKER|IMAGE|INTAKE)\((\w+), (.*?)\)$", text, re.M | re.S)
    speaks = {name for name, rest in rows if ".internet = true" in rest}
    assert len(rows) > 10 and speaks == {"tiktok", "billing", "sandbox", "publish", "mail"}


def test_T1(life, stack, user):
    """What TikTok's terms ask of a client: nobody's choice is made for them, and what was withdrawn is not used."""
    refused = user.api.post(f"/api/v1/accounts/{user.connect()}/posts", files=[("images", ("a.jpg", life.image, "image/jpeg")),
                            ("platform_options", (None, '{"post_mode": "DIRECT_POST"}'))])
    assert "privacy_level" in refused.text and refused.status_code == 422


def test_T2(stack, user):
    """What is asked for is what is configured; without the scope to post, nothing is posted."""
    asked = query_of(user.authorize_url())["scope"].split(",")
    assert sorted(asked) == ["user.info.basic", "video.publish", "video.upload"]
    account = user.connect(grant=["user.info.basic", "video.upload"])
    answer = user.api.post(f"/api/v1/accounts/{account}/posts", files=[("images", ("a.jpg", SMALL, "image/jpeg")),
                           ("platform_options", (None, '{"post_mode": "DIRECT_POST", "privacy_level": "SELF_ONLY"}'))])
    assert 400 <= answer.status_code < 500 and "scope" in answer.text, answer.text
    text = (CHECKOUT / "lib/tiktok/calls.c").read_text()
    assert re.findall(r"fields=([\w,]+)", text) == ["open_id,display_name,avatar_url"]


def test_T3():
    """What is known from TikTok goes to TikTok, if anywhere."""
    ours = {name: recipients(name) for group, name, _ in ITEMS if group == "TIKTOK"}
    assert ours and all(to <= {"TIKTOK"} for to in ours.values())


def test_T3_of_a_post_that_was_made(stack, user):
    sent = Sent(stack, user, user.connect())
    assert sent.wait("published")["status"] == "published"
    expect(user.web.get("/api/v1/privacy/data"), 200)
