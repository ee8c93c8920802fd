"""Somebody who does all that there is to do, once, with words that can be found again: what the promises' tests look at."""

import io
import json
import secrets
import urllib.parse
import uuid

import requests
from helpers import Client, expect, query_of
from images import MAKE, picture
from mailing import wait_letter
from newcomers import Newcomer
from PIL import Image
from stripe_sim import Stripe

DAY = 86400


class Jar:
    """Every cookie that anybody set, and every host that a page of ours was sent to, from now on."""

    def __init__(self):
        self.cookies, self.pages = set(), {}
        plain = requests.Session.send

        def send(session, request, **more):
            answer = plain(session, request, **more)
            for name, value in answer.raw.headers.items():
                if name.lower() == "set-cookie":
                    self.cookies.add(value)
            if answer.headers.get("Content-Type", "").startswith("text/html") and not more.get("stream"):
                self.pages[request.url] = (answer.text, answer.headers.get("Content-Security-Policy", ""))
            return answer
        requests.Session.send = send


JAR = Jar()


def photo(camera):
    tags, out = Image.Exif(), io.BytesIO()
    tags[MAKE] = camera
    picture(160, 120).save(out, "JPEG", exif=tags)
    return out.getvalue()


class Life:
    def __init__(self, stack):
        self.stack = stack
        self.name = f"Ada {secrets.token_hex(6)}"
        self.password = f"correct horse {secrets.token_hex(6)}"
        self.title, self.description = f"title {secrets.token_hex(6)}", f"description {secrets.token_hex(6)}"
        self.creator = f"ada.{secrets.token_hex(6)}"
        self.register()
        self.connect()
        self.post()
        self.buy()

    def register(self):
        newcomer = Newcomer(self.stack)
        self.email = newcomer.email
        expect(newcomer.register(name=self.name), 202)
        letter = wait_letter(self.stack, self.email)
        self.user_id = expect(newcomer.verify(letter.token, self.password), 200)["data"]["id"]
        self.web = self.sign_in()
        made = expect(self.web.post("/api/v1/keys", json={"name": "life"}), 201)["data"]
        self.key, self.key_id = made["key"], made["id"]
        self.api = self.stack.client(Authorization=f"Bearer {self.key}")

    def sign_in(self):
        web = self.stack.client(Origin=self.stack.url)
        expect(web.post("/api/v1/auth/login", json={"email": self.email, "password": self.password}), 200)
        return web

    @property
    def id(self):
        return uuid.UUID(self.user_id).bytes

    def connect(self):
        """As the browser goes: the page of TikTok that is asked for consent is TikTok's."""
        answer = self.web.get("/api/v1/tiktok/connect", allow_redirects=False)
        self.authorize_url = answer.headers["Location"]
        self.account = self.consent(self.creator)

    def consent(self, username):
        browser = Client(self.stack.sandbox_url, self.stack.ca)
        assert browser.get(self.authorize_url).status_code == 200
        asked = query_of(self.authorize_url)
        fields = [*asked.items(), ("username", username), ("decision", "allow"), *(("grant", s) for s in asked["scope"].split(","))]
        answer = browser.post(self.authorize_url.partition("?")[0], data=fields, allow_redirects=False)
        self.callback = answer.headers["Location"]
        answer = self.web.get(self.callback, headers={"Accept": "text/html"}, allow_redirects=False)
        return query_of(answer.headers["Location"])["account"]

    def post(self):
        """The image has a word in its EXIF data."""
        self.camera = f"camera {secrets.token_hex(6)}"
        self.image = photo(self.camera)
        sent = [("title", (None, self.title)), ("description", (None, self.description)), ("images", ("a.jpg", self.image, "image/jpeg")),
                ("platform_options", (None, json.dumps({"post_mode": "DIRECT_POST", "privacy_level": "PUBLIC_TO_EVERYONE"})))]
        self.post_id = expect(self.api.post(f"/api/v1/accounts/{self.account}/posts", files=sent), 202)["data"]["id"]
        self.published = self.stack.wait(lambda: (p := self.get_post())["status"] == "published" and p, "it is published")
        self.uploads = [r["id"] for r in self.stack.sql("SELECT upload_id AS id FROM post_images WHERE post_id = %s",
                                                        uuid.UUID(self.post_id).bytes)]

    def get_post(self):
        return expect(self.api.get(f"/api/v1/posts/{self.post_id}"), 200)["data"]

    def buy(self):
        """At Stripe's page, with a card."""
        self.stripe = Stripe(self.stack)
        url = expect(self.web.post("/api/v1/billing/checkout", json={"plan": "small", "accepted_terms": True}), 200)["data"]["url"]
        assert Client(self.stack.sandbox_url, self.stack.ca).get(url).status_code == 200
        paid = self.stripe.pay({"url": url})
        session = urllib.parse.parse_qs(urllib.parse.urlsplit(paid).query)["session_id"][0]
        self.plan = expect(self.web.post("/api/v1/billing/sync", json={"session_id": session}), 200)["data"]

    def rows(self, table, column="user_id"):
        return self.stack.sql(f"SELECT * FROM {table} WHERE {column} = %s", self.id)

    def row(self, table, column="user_id"):
        (row,) = self.rows(table, column)
        return row


def texts(stack, but=("sandbox_",)):
    """{table: all that is in it, as bytes}, but for the tables that begin so: another's."""
    found = {}
    for (table,) in ((r["t"],) for r in stack.sql("SELECT table_name AS t FROM information_schema.tables"
                                                  " WHERE table_schema = 'marketingcli' AND table_type = 'BASE TABLE'")):
        if not table.startswith(tuple(but)):
            found[table] = b"\n".join(v if isinstance(v, bytes) else str(v).encode() for row in stack.sql(f"SELECT * FROM {table}")
                                      for v in row.values())
    return found


def tables_with(stack, word, **more):
    word = word if isinstance(word, bytes) else word.encode()
    return sorted(t for t, text in texts(stack, **more).items() if word in text)


def stored(stack, upload_ids):
    """The files of these images, whatever their kind."""
    return [p for id in upload_ids for p in (stack.dir / "store").rglob(f"{uuid.UUID(bytes=id)}*")]
