"""Posts on their way to TikTok: sending them, waiting for their end, and what the database and the simulator know."""

import json
import secrets
import uuid

from helpers import expect
from images import jpeg

SMALL = jpeg(90, 60)
ENDED = ("published", "in_inbox", "failed", "canceled")
LEASE_SEC = 120  # of a job: after a crash it is due again when it is over
PAUSE_SEC = 10  # PAUSE_MAX_US of lib/jobs/pause.c


class Sent:
    """A post that was sent, with a description that no other has."""

    def __init__(self, stack, user, account, text="", direct=True, privacy="PUBLIC_TO_EVERYONE", images=1):
        self.stack, self.user, self.account = stack, user, account
        self.description = f"{text} {secrets.token_hex(8)}"
        options = {"post_mode": "DIRECT_POST", "privacy_level": privacy} if direct else {"post_mode": "MEDIA_UPLOAD"}
        parts = [("description", (None, self.description)), ("platform_options", (None, json.dumps(options)))]
        parts += [("images", (f"{i}.jpg", SMALL, "image/jpeg")) for i in range(images)]
        answer = expect(user.api.post(f"/api/v1/accounts/{account}/posts", files=parts), 202)
        self.id, self.request_id = answer["data"]["id"], answer["meta"]["request_id"]
        self.key = uuid.UUID(self.id).bytes

    def get(self):
        return expect(self.user.api.get(f"/api/v1/posts/{self.id}"), 200)["data"]

    def wait(self, *states, seconds=60):
        """The post once it is in one of these states (the ended ones by default)."""
        def now():
            post = self.get()
            return post if post["status"] in (states or ENDED) else None
        return self.stack.wait(now, f"post {self.id} is {states or 'ended'}: {self.get()['events']}", seconds)

    def events(self):
        return [e["event"] for e in self.get()["events"]]

    def wait_event(self, event, times=1):
        self.stack.wait(lambda: self.events().count(event) >= times, f"{event} {times} times: {self.events()}")

    def attempts(self):
        return self.stack.sql("SELECT state, http_status, platform_code FROM post_attempts WHERE post_id = %s"
                              " ORDER BY number", self.key)

    def states_of_attempts(self):
        return [a["state"] for a in self.attempts()]

    def wait_at_simulator(self):
        """Until TikTok is done with it, whatever it is going to say."""
        self.stack.wait(lambda: self.stack.sql("SELECT 1 FROM sandbox_publishes WHERE description = %s AND ended_at_us > 0",
                                               self.description), "TikTok has an end for the post")

    def at_simulator(self):
        """How many posts TikTok would hold."""
        return self.stack.sql("SELECT COUNT(*) AS n FROM sandbox_publishes WHERE description = %s",
                              self.description)[0]["n"]

    def jobs(self):
        """What moves it: its own job, and its account's turn."""
        return self.stack.sql("SELECT kind, state, runs, tries, lease_token FROM jobs_publish WHERE subject_id = %s"
                              " OR (kind = 'turn' AND subject_id = %s)", self.key, uuid.UUID(self.account).bytes)

    def lose_jobs(self):
        self.stack.sql("DELETE FROM jobs_publish WHERE subject_id IN (%s, %s)", self.key, uuid.UUID(self.account).bytes)


def nobody_else_posts(stack):
    """What tests before have left is not tried any more."""
    stack.sql("UPDATE posts SET state = 'canceled', ended_at_us = created_at_us WHERE ended_at_us IS NULL")
    stack.sql("DELETE FROM jobs_publish WHERE kind = 'turn'")


def failed(post, code):
    assert (post["status"], post["failure"]["code"]) == ("failed", code), post
    assert post["failure"]["message"], "the user is told what to do"
    assert post["ended_at"] is not None
    return post["failure"]


def creator_of(stack, account):
    """The simulator's name of a connected account."""
    row = stack.sql("SELECT username FROM creator_snapshots WHERE account_id = %s", uuid.UUID(account).bytes)
    return row[0]["username"] if row else None
