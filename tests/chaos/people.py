"""Who uses the API meanwhile: clients that post, honestly, and readers who ask what became of posts."""

import json
import queue
import threading
import time

import requests

from world import Told, conftest, told  # of tests/sweep; first: it knows where the next ones are

from helpers import expect  # isort: skip
from images import jpeg

PICTURE = jpeg(90, 60)
CLIENTS, READERS = 8, 2
PATIENCE_SEC = 240  # for one post to be taken, over all troubles
SCRIPTS = {"[[fail:spam_risk]]": 0.02, "[[code:url_ownership_unverified]]": 0.02, "[[fail:internal]]": 0.01}
DRAFTS = 0.05


class User(conftest.User):
    """With accounts, and a client of its own for each thread: requests' sessions are not for several."""

    def __init__(self, stack, accounts):
        super().__init__(stack)
        self.accounts = [self.connect() for _ in range(accounts)]
        assert self.key
        self.local = threading.local()

    def client(self):
        if not hasattr(self.local, "client"):
            self.local.client = self.stack.client(Authorization=f"Bearer {self.key}")
        return self.local.client


def asked(call):
    """told, also when the connection breaks in the middle of an answer, or none comes in time."""
    try:
        return told(call)
    except requests.RequestException:
        return Told("unknown")


class Work:
    """A queue of tasks that threads do, in no order, until it is empty or the run is given up."""

    def __init__(self, tasks, do, threads):
        self.tasks, self.do, self.failed = queue.SimpleQueue(), do, []
        for task in tasks:
            self.tasks.put(task)
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self):
        try:
            while True:
                self.do(self.tasks.get_nowait())
        except queue.Empty:
            pass
        except BaseException as e:  # the main thread raises it
            self.failed.append(e)

    def is_done(self):
        if self.failed:
            raise self.failed[0]
        return not any(thread.is_alive() for thread in self.threads)


class People:
    def __init__(self, stack, history, rng, users, accounts_each):
        self.stack, self.history, self.rng, self.lock = stack, history, rng, threading.Lock()
        self.users = [User(stack, accounts_each) for _ in range(users)]
        self.made, self.numbers, self.stop = [], 0, threading.Event()  # made: [(user, id)]

    # Posts

    def post(self, posts_each, pause_sec):
        """Begins to post; the Work."""
        tasks = [(user, account) for user in self.users for account in user.accounts] * posts_each
        self.rng.shuffle(tasks)
        self.pause_sec = pause_sec
        return Work(tasks, self.post_one, CLIENTS)

    def drawn(self):
        """(description, options) of a new post, which has its own number."""
        with self.lock:
            self.numbers += 1
            number, script, draft = self.numbers, self.rng.random(), self.rng.random() < DRAFTS
        text = f"chaos {number}"
        for verb, share in SCRIPTS.items():
            if 0 <= script < share:
                text += f" {verb}"
            script -= share
        return text, {"post_mode": "MEDIA_UPLOAD"} if draft else {"post_mode": "DIRECT_POST", "privacy_level": "PUBLIC_TO_EVERYONE"}

    def post_one(self, task):
        """Tries until one is acknowledged. What may have been done is not sent again: another try is another post."""
        user, account = task
        end = time.monotonic() + PATIENCE_SEC
        while True:
            answer = self.request(user, account)
            if answer.how == "done":
                with self.lock:
                    self.made.append((user, answer.data["id"]))
                self.stop.wait(self.pause_sec)
                return
            assert answer.how != "refused", answer
            assert time.monotonic() < end, f"no post was taken within {PATIENCE_SEC} s: {answer}"
            self.stop.wait(0.5)

    def request(self, user, account):
        description, options = self.drawn()
        parts = [("description", (None, description)), ("platform_options", (None, json.dumps(options))),
                 ("images", ("0.jpg", PICTURE, "image/jpeg"))]
        begun_us = self.history.now_us()
        answer = asked(lambda: user.client().post(f"/api/v1/accounts/{account}/posts", files=parts))
        id = answer.data["id"] if answer.how == "done" else answer.may_exist
        self.history.note("create", user=user.number, account=account, description=description, begun_us=begun_us,
                          how=answer.how, code=answer.code, id=id)
        return answer

    # Reading

    def watch(self):
        for _ in range(READERS):
            threading.Thread(target=self.read_on, daemon=True).start()

    def read_on(self):
        while not self.stop.wait(0.1):
            with self.lock:
                user, id = self.rng.choice(self.made) if self.made else (None, None)
            if user is not None:
                self.read(user, id)

    def read(self, user, id):
        begun_us = self.history.now_us()
        answer = asked(lambda: user.client().get(f"/api/v1/posts/{id}"))
        if answer.how in ("done", "refused"):  # else nothing was said about the post
            post = answer.data or {"status": answer.code, "failure": None}
            self.history.note("read", id=id, begun_us=begun_us, status=post["status"], code=(post["failure"] or {}).get("code"))
        return answer

    # The end

    def all_posts(self):
        """[(user, post)], as the API tells when all is quiet again."""
        for user in self.users:
            cursor = ""
            while cursor is not None:
                page = expect(user.client().get(f"/api/v1/posts?limit=100{cursor}"), 200)
                yield from ((user, item) for item in page["data"])
                cursor = f"&cursor={page['meta']['next_cursor']}" if page["meta"]["has_more"] else None

    def note_posts(self):
        for user, item in self.all_posts():
            self.history.note("post", user=user.number, post=expect(user.client().get(f"/api/v1/posts/{item['id']}"), 200)["data"])
