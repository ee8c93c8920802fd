"""The TikTok simulator, as an app of TikTok sees it: apps with keys of their own, and creators that they act for."""

import itertools
import os
import secrets

from helpers import Client, Form, query_of

ALL = "user.info.basic,user.info.profile,user.info.stats,video.publish,video.upload"
numbers = itertools.count(1)
TERMINAL = ("SEND_TO_USER_INBOX", "PUBLISH_COMPLETE", "FAILED")


class Tokens(dict):
    __getattr__ = dict.__getitem__


class App:
    """A client with a key of its own, so that its secret is its own too."""

    def __init__(self, stack):
        self.stack = stack
        self.http = Client(stack.sandbox_url, stack.ca)
        self.key, self.secret = f"ck{secrets.token_hex(6)}", secrets.token_hex(8)
        self.callback = stack.url + "/api/v1/tiktok/callback"

    def request_fields(self, **changes):
        return {"client_key": self.key, "scope": ALL, "response_type": "code", "redirect_uri": self.callback,
                "state": "s t&te", **changes}

    def consent(self, username, grant=None, decision="allow", private=False, comment_disabled=False, scope=ALL,
                state="s t&te", **fields):
        page = self.http.get("/v2/auth/authorize/", params=self.request_fields(scope=scope, state=state))
        assert page.status_code == 200, page.text
        data = [*Form(page.text).fields.items(), ("username", username), ("decision", decision), *fields.items()]
        data += [("grant", s) for s in (ALL.split(",") if grant is None else grant)]
        data += [("private", "on")] * private + [("comment_disabled", "on")] * comment_disabled
        return self.http.post("/v2/auth/authorize/", data=data, allow_redirects=False)

    def code(self, username, **more):
        answer = self.consent(username, **more)
        assert answer.status_code == 303, answer.text
        assert answer.headers["Location"].startswith(self.callback + "?")
        return query_of(answer.headers["Location"])["code"]

    def token(self, **fields):
        return self.http.post("/v2/oauth/token/", data={"client_key": self.key, "client_secret": self.secret, **fields})

    def exchange(self, code, **changes):
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.callback}
        return self.token(**{**fields, **changes})

    def refresh(self, refresh_token):
        return self.token(grant_type="refresh_token", refresh_token=refresh_token)

    def connect(self, username=None, **more):
        username = username or f"sim.{os.getpid()}.{next(numbers)}"
        answer = self.exchange(self.code(username, **more))
        assert answer.status_code == 200, answer.text
        return Creator(self, username, Tokens(answer.json()))


class Creator:
    def __init__(self, app, username, tokens):
        self.app, self.username, self.tokens, self.stack = app, username, tokens, app.stack
        self.headers = {"Authorization": "Bearer " + tokens.access_token}

    def post(self, path, body=None):
        return self.app.http.post("/v2/post/publish/" + path, json=body, headers=self.headers)

    def info(self):
        return self.post("creator_info/query/")  # covers: POST /v2/post/publish/creator_info/query/

    def init(self, body):
        self.forget_calls()
        return self.post("content/init/", body)

    def publish(self, body):
        answer = self.init(body)
        assert answer.status_code == 200 and answer.json()["error"]["code"] == "ok", answer.text
        publish_id = answer.json()["data"]["publish_id"]
        assert publish_id.startswith("p_pub_url~v2.") and len(publish_id) <= 64
        return publish_id

    def status(self, publish_id):
        return self.post("status/fetch/", {"publish_id": publish_id})  # covers: POST /v2/post/publish/status/fetch/

    def forget_calls(self):
        """For tests that are not about the rates."""
        self.stack.sql("UPDATE sandbox_creators SET info_calls = '', init_calls = '', status_calls = '' "
                       "WHERE username = %s", self.username)

    def ended(self, publish_id):
        row = self.stack.wait(
            lambda: self.stack.sql("SELECT status FROM sandbox_publishes WHERE publish_id = %s AND ended_at_us > 0",
                                   publish_id), "the post has ended")
        self.forget_calls()
        data = self.status(publish_id).json()["data"]
        assert data["status"] == row[0]["status"] and data["status"] in TERMINAL
        return data

    def posts(self, description):
        return self.stack.sql("SELECT COUNT(*) AS n FROM sandbox_publishes WHERE description = %s", description)[0]["n"]

    def pull(self, urls, **post_info):
        """Lets the simulator fetch from anywhere: a post that waits, its addresses changed, set going."""
        post_info.setdefault("description", "[[status:stuck]]")
        body = direct(self, **post_info)
        body["source_info"]["photo_images"] *= len(urls)
        publish_id = self.publish(body)
        key = self.stack.sql("SELECT id FROM sandbox_publishes WHERE publish_id = %s", publish_id)[0]["id"]
        for i, url in enumerate(urls):
            self.stack.sql("UPDATE sandbox_images SET url = %s WHERE publish = %s AND position = %s", url, key, i)
        assert self.status(publish_id).json()["data"]["status"] == "PROCESSING_DOWNLOAD"
        self.stack.sql("UPDATE sandbox_publishes SET next_at_us = 1 WHERE id = %s", key)
        return publish_id

    def images(self, publish_id):
        return self.stack.sql("SELECT i.* FROM sandbox_images i JOIN sandbox_publishes p ON p.id = i.publish "
                              "WHERE p.publish_id = %s ORDER BY i.position", publish_id)


def direct(creator, images=None, **post_info):
    info = {"title": "a title", "description": "a description", "privacy_level": "PUBLIC_TO_EVERYONE",
            "brand_content_toggle": False, "brand_organic_toggle": False, **post_info}
    return {"media_type": "PHOTO", "post_mode": "DIRECT_POST",
            "post_info": {k: v for k, v in info.items() if v is not None},
            "source_info": {"source": "PULL_FROM_URL", "photo_cover_index": 0,
                            "photo_images": images or [creator.stack.url + "/m/none/0"]}}


def draft(creator, **post_info):
    body = direct(creator, **{"brand_content_toggle": None, "brand_organic_toggle": None, "privacy_level": None,
                              **post_info})
    return {**body, "post_mode": "MEDIA_UPLOAD"}


def refused(answer, status, code):
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["error"]["code"] == code, body
    assert body["error"]["log_id"] and body["error"]["message"] and body["data"] == {}


def oauth_refused(answer, error):
    assert answer.status_code in (200, 400), answer.text
    body = answer.json()
    assert body["error"] == error and body["error_description"] and body["log_id"] and "access_token" not in body
