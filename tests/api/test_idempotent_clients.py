"""Clients that repeat by themselves, as their makers wrote them: urllib3's Retry in requests, and undici's RetryAgent. Whatever goes
wrong at whichever step, the post is there once, and the client gets its answer."""

import contextlib
import json
import pathlib
import subprocess
import sys
import threading
import uuid

import pytest
import requests.adapters
import urllib3
from clients import installed
from helpers import expect
from test_idempotency import LEASE_SEC, rows
from test_posts import SMALL, count_posts, upload

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "sweep"))

from plan import COUNT, KINDS, Plan  # noqa: E402

TRIES = 10
FAILURES = (409, 500, 502, 503, 504)


class Retry(urllib3.Retry):
    """With shorter pauses: their length is a constant."""
    DEFAULT_BACKOFF_MAX = 0.5


class World:
    def __init__(self, stack, user):
        self.stack, self.user, self.account = stack, user, user.connect()
        self.upload, self.plan = upload(user), Plan(stack.at.test / "faults")
        self.path = f"/api/v1/accounts/{self.account}/posts"
        self.forms = False

    def headers(self, key):
        return {"Authorization": f"Bearer {self.user.key}", "Idempotency-Key": f'"{key}"'}

    def fields(self):
        return [("platform_options", '{"post_mode": "MEDIA_UPLOAD"}'), ("images", None), ("images", None)]

    @contextlib.contextmanager
    def time_passes(self):
        """Whoever waits for the lease of a program that has died need not wait for long."""
        ended = threading.Event()

        def pass_time():
            while not ended.wait(0.5):
                if self.plan.met:
                    self.stack.move_clock(LEASE_SEC + 1)

        thread = threading.Thread(target=pass_time)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def by_requests(self, key):
        retry = Retry(total=40, backoff_factor=0.05, status_forcelist=FAILURES, allowed_methods=None,
                      respect_retry_after_header=False)
        client = self.stack.client(**self.headers(key))
        client.mount("https://", requests.adapters.HTTPAdapter(max_retries=retry))
        files = [(name, (None, text) if text else ("1.jpg", SMALL, "image/jpeg")) for name, text in self.fields()]
        answer = client.post(self.path, **({"files": files} if self.forms else {"json": {"upload_ids": [self.upload]}}))
        return answer.status_code, answer.json(), len(answer.raw.retries.history) + 1

    def by_undici(self, key):
        image = installed() / "image.jpg"
        image.write_bytes(SMALL)
        what = {"FIELDS": json.dumps(self.fields())} if self.forms else {"BODY": json.dumps({"upload_ids": [self.upload]})}
        done = subprocess.run(["node", "retry.mjs"], cwd=installed(), text=True, capture_output=True, env={
            "PATH": "/usr/bin:/bin", "NODE_EXTRA_CA_CERTS": str(self.stack.ca), "ADDRESS": self.stack.url + self.path,
            "HEADERS": json.dumps(self.headers(key)), "IMAGE": str(image), **what})
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        return answer["status"], json.loads(answer["text"]), answer["sent"]

    def steps(self, send):
        """The names of what the program does for one post, once it has seen one; with both COMMITs where they are looked for:
        a note of keys that were used may come in between."""
        assert send(str(uuid.uuid4()))[0] == 202
        for _ in range(TRIES):
            self.plan.begin(("posts",), COUNT)
            try:
                assert send(str(uuid.uuid4()))[0] == 202
                steps = [step.name for step in self.plan.steps()]
            finally:
                self.plan.end()
            if len(commits(steps)) == 2:
                return steps
        raise AssertionError(steps)

    def send_with_fault(self, send, kind, at):
        """Returns how often it was sent; 0 when the fault was not met: who asks is looked up or not, and notes of keys that were used
        are written at any time."""
        before, key = count_posts(self.stack, self.user), str(uuid.uuid4())
        self.plan.begin(("posts",), KINDS[kind], at)
        try:
            with self.time_passes():
                status, body, sent = send(key)
            met = self.plan.met
        finally:
            self.plan.end()
        assert status == 202, (kind, at, body)
        assert count_posts(self.stack, self.user) == before + 1, (kind, at, self.plan.step(at))
        expect(self.user.api.get(f"/api/v1/posts/{body['data']['id']}"), 200)
        return sent if met else 0

    def send_until_met(self, send, kind, which):
        """A fault at the first or the second of the COMMITs; the steps are counted anew until one is met."""
        for _ in range(TRIES):
            sent = self.send_with_fault(send, kind, commits(self.steps(send))[which])
            if sent:
                return sent
        raise AssertionError(f"{kind} was never met")


def commits(steps):
    """Where those of the claim and of the post are."""
    return [at for at, (before, step) in enumerate(zip(steps, steps[1:]), 2) if "idempotency_keys" in before and step.endswith(" COMMIT")]


def repeated(sent):
    """Nearly all met their fault, and some were sent again."""
    return len([n for n in sent if n]) * 4 >= len(sent) * 3 and max(sent) > 1


@pytest.fixture
def world(stack, user):
    with stack.stopped("worker-publish"):
        yield World(stack, user)


def test_requests_repeats_against_every_fault(world):
    steps = world.steps(world.by_requests)
    sent = [world.send_with_fault(world.by_requests, kind, at) for kind in ("error", "lost") for at in range(1, len(steps) + 1)]
    sent += [world.send_with_fault(world.by_requests, kind, at) for kind in ("kill before", "kill after")
             for at, step in enumerate(steps, 1) if step.endswith(" COMMIT") or "idempotency_keys" in step]
    assert repeated(sent) and len(rows(world.user)) == len(sent) + 2


@pytest.mark.parametrize("forms", [False, True])
def test_undici_repeats_against_faults(world, forms):
    world.forms = forms
    sent = [world.send_until_met(world.by_undici, kind, which)
            for kind in ("lost", "kill before", "kill after") for which in (0, 1)]
    assert max(sent) > 1


def test_requests_repeats_forms(world):
    world.forms = True
    assert max([world.send_until_met(world.by_requests, kind, -1) for kind in ("kill before", "kill after")]) > 1
