"""Keys with a budget, and posts that they make."""

import json
import secrets
import uuid

from helpers import expect
from publishing import SMALL, Sent

DAY = 86400
UNLIMITED = {"accounts": None, "posts_per_day": None, "max_privacy_level": "PUBLIC_TO_EVERYONE", "needs_approval": False,
             "posts_left": None, "resets_at": None}


def create(user, budget, **body):
    return user.web.post("/api/v1/keys", json={"name": "an agent", "budget": budget, **body})


class Agent:
    """A key with a budget, and who uses it. It can take a user's place in publishing.Sent."""

    def __init__(self, user, **budget):
        self.user, self.stack = user, user.stack
        self.made = expect(create(user, budget or None), 201)["data"]
        self.id = self.made["id"]
        self.api = self.stack.client(Authorization=f"Bearer {self.made['key']}")

    def change(self, **budget):
        return self.user.web.patch(f"/api/v1/keys/{self.id}", json={"budget": budget})

    def shown(self):
        return expect(self.user.web.get(f"/api/v1/keys/{self.id}"), 200)["data"]["budget"]

    def me(self):
        return expect(self.api.get("/api/v1/me"), 200)["data"]["key"]["budget"]

    def image(self):
        """One that all posts of the test can have: no images to decode."""
        if not hasattr(self, "upload"):
            self.upload = expect(self.api.post("/api/v1/uploads", data=SMALL), 201)["data"]["id"]
        return self.upload

    def post(self, account, privacy=None, api=None, headers=None, **more):
        options = {"post_mode": "DIRECT_POST", "privacy_level": privacy} if privacy else {"post_mode": "MEDIA_UPLOAD"}
        body = {"upload_ids": [self.image()], "description": secrets.token_hex(8), "platform_options": options, **more}
        return (api or self.api).post(f"/api/v1/accounts/{account}/posts", json=body, headers=headers)

    def posted(self, account, privacy=None, **more):
        return expect(self.post(account, privacy, **more), 202)["data"]

    def send(self, account, privacy="SELF_ONLY", **more):
        """By a form, with an image of its own."""
        return Sent(self.stack, self, account, privacy=privacy, **more)

    def posts(self):
        return self.stack.sql("SELECT COUNT(*) AS n FROM posts WHERE key_id = %s", uuid.UUID(self.id).bytes)[0]["n"]

    def counted(self):
        return self.stack.sql("SELECT posts FROM key_budgets WHERE key_id = %s", uuid.UUID(self.id).bytes)[0]["posts"]


def post_of(user, id):
    return expect(user.web.get(f"/api/v1/posts/{id}"), 200)["data"]


def answered(post):
    """A post that was read, as the answer to a change shows it: when its images go is read later."""
    return {**post, "images": [{**image, "delete_due_at": None} for image in post["images"]]}


def approve(user, post, digest=None):
    return user.web.post(f"/api/v1/posts/{post['id']}/approve", json={"content_digest": digest or post["content_digest"]})


def refuse(user, post):
    return user.web.post(f"/api/v1/posts/{post['id']}/refuse")


def forms(account, **options):
    return {"files": [("images", ("1.jpg", SMALL, "image/jpeg")), ("platform_options", (None, json.dumps(options)))]}
