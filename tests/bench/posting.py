"""The rows about posts: making them and following them to their end, and reading one beside Go and Node."""

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import machine  # finds tests/api
import conftest
import images
from helpers import expect
from table import show

POSTERS, POSTS_EACH = 10, 6  # TikTok takes six posts of an account in a minute
CLIENTS = 8
ENDED = ("published", "in_inbox", "failed", "canceled")
WINDOWS = {"accounts": ("init_calls", "creator_calls", "poll_calls"), "sandbox_creators": ("init_calls", "info_calls", "status_calls")}
OPTIONS = json.dumps({"post_mode": "DIRECT_POST", "privacy_level": "PUBLIC_TO_EVERYONE"})
READ = {"ours": "/api/v1/posts/", "Go": "/api/bench/go/posts/", "Node": "/api/bench/node/posts/"}


class Poster(conftest.User):
    """With a key and a connected account."""

    def __init__(self, stack):
        super().__init__(stack)
        self.account = self.connect()
        self.bearer = {"Authorization": f"Bearer {self.key}"}

    def send(self, client, pictures, text="bench"):
        """The answer to a new post, over the client's own connection."""
        parts = [("description", (None, text)), ("platform_options", (None, OPTIONS)),
                 *(("images", (f"{i}.jpg", p, "image/jpeg")) for i, p in enumerate(pictures))]
        return client.post(f"/api/v1/accounts/{self.account}/posts", files=parts, headers=self.bearer)


def posters(bench, n):
    stack = conftest.Stack(bench.stack.folder)
    return [Poster(stack) for _ in range(n)]


def another_minute(bench):
    """TikTok's limits by the minute are not what is measured."""
    for table, columns in WINDOWS.items():
        bench.stack.sql(f"UPDATE {table} SET " + ", ".join(f"{c} = ''" for c in columns))


class Flow:
    """Posts with two small images: all are made, then all are followed to their end, by a few clients."""

    def __init__(self, bench, people, each):
        self.bench, self.people, self.each = bench, people, each
        self.pictures = [images.jpeg(90, 60), images.jpeg(60, 90)]
        self.local = threading.local()

    def client(self):
        if not hasattr(self.local, "client"):
            self.local.client = self.people[0].stack.client()
        return self.local.client

    def create(self, poster):
        began = time.monotonic()
        made = expect(poster.send(self.client(), self.pictures), 202)["data"]["id"]
        return poster, made, began, time.monotonic()

    def follow(self, made):
        """(seconds from the request to the end, times asked)"""
        poster, post, began, _ = made
        asked = 0
        while True:
            asked += 1
            answer = expect(self.client().get(f"/api/v1/posts/{post}", headers=poster.bearer), 200)["data"]
            if answer["status"] in (*ENDED, "deferred"):
                if answer["status"] != "published":
                    raise RuntimeError(f"a post has ended as {answer['status']}: {answer['failure']}")
                return time.monotonic() - began, asked
            time.sleep(0.1)

    def made(self):
        """[(poster, id, begin, end)], and how long all of it took."""
        another_minute(self.bench)
        with ThreadPoolExecutor(CLIENTS) as pool:
            began = time.monotonic()
            return list(pool.map(self.create, self.people * self.each)), time.monotonic() - began

    def run(self):
        """One of everything, for in_turns."""
        before = statements(self.bench)
        (made, seconds), cpu, _ = self.bench.measured(self.made)
        since = time.monotonic() - seconds
        with ThreadPoolExecutor(len(made)) as pool:
            ends = list(pool.map(self.follow, made))
        after = statements(self.bench)
        return {"creates a second": len(made) / seconds, "p99": quantile([end - begin for _, _, begin, end in made], 0.99) * 1e3,
                "posts a second": len(made) / (time.monotonic() - since), "seconds": quantile([sec for sec, _ in ends], 0.5),
                "requests a second": (len(made) + sum(n for _, n in ends)) / (time.monotonic() - since),
                "cpu": {name: sec * 1e3 / len(made) for name, sec in cpu.items()},
                "statements": {who: (after[who] - before.get(who, 0)) / len(made) for who in after}}


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def statements(bench):
    """{database user: statements so far} (MariaDB counts them with userstat=1)."""
    rows = bench.stack.sql("SELECT user, select_commands + update_commands + other_commands FROM information_schema.user_statistics")
    return {user.removeprefix("marketingcli_"): int(n) for user, n in rows if user.startswith("marketingcli_")}


def post(bench):
    """Creates posts with two small images and polls them to the end."""
    bench.stack.sql("SET GLOBAL userstat = 1")
    quick = bench.rounds == 1
    flow = Flow(bench, posters(bench, 2 if quick else POSTERS), 2 if quick else POSTS_EACH)
    runs = bench.in_turns({"posts": flow.run}, rounds=3)["posts"]
    n = len(flow.people) * flow.each
    bench.table.ratio("POST /accounts/{id}/posts with 2 small images, requests per second", [r["creates a second"] for r in runs], digits=1)
    bench.table.ratio("POST /accounts/{id}/posts with 2 small images, p99, ms", [r["p99"] for r in runs], digits=0)
    bench.table.ratio(f"{n} posts made and polled to the end, posts per second", [r["posts a second"] for r in runs], digits=1)
    bench.table.ratio(f"{n} posts made and polled to the end, requests per second", [r["requests a second"] for r in runs], digits=1)
    bench.table.ratio(f"{n} posts made and polled to the end, seconds for one", [r["seconds"] for r in runs], digits=1)
    for name in sorted(runs[0]["statements"]):
        value = quantile([r["statements"].get(name, 0) for r in runs], 0.5)
        bench.table.detail("Statements to MariaDB per post, from the request to its end", name, show(value, 1)) if value >= 0.1 else None
    for name in sorted(runs[0]["cpu"]):
        value = quantile([r["cpu"][name] for r in runs], 0.5)
        bench.table.detail("CPU while posts are made, ms per post", name, show(value, 1)) if value >= 0.1 else None
    alone(bench, flow)


def alone(bench, flow):
    """What one create and one poll take of the app itself, while no worker runs."""
    with flow.people[0].stack.stopped("worker-publish"):
        another_minute(bench)
        before = statements(bench)["posts"]
        calls, made = bench.traced("posts", lambda: [flow.create(p) for p in flow.people])
        tell(bench, "POST /accounts/{id}/posts", len(made), calls, statements(bench)["posts"] - before)
    before, post = statements(bench)["posts"], made[0]
    calls, polls = bench.traced("posts", lambda: [flow.client().get(f"/api/v1/posts/{post[1]}", headers=post[0].bearer) for _ in range(100)])
    tell(bench, "GET /posts/{id}", len(polls), calls, statements(bench)["posts"] - before)
    for made in made:
        flow.follow(made)


def tell(bench, what, n, calls, statements_n):
    bench.table.ratio(f"{what}, system calls of our program per request", [sum(calls.values()) / n], digits=1)
    bench.table.ratio(f"{what}, statements of our program per request", [statements_n / n], digits=1)


def read(bench):
    """GET /posts/{id} of a published post with two images, beside programs that do the same reads."""
    people = posters(bench, 2 if bench.rounds == 1 else POSTERS)
    flow = Flow(bench, people, 1)
    made, _ = flow.made()
    for one in made:
        flow.follow(one)
    check(bench, made)
    wires = {name: [bench.stack.wire("GET", path + post, poster.bearer) for poster, post, _, _ in made] for name, path in READ.items()}
    works = {name: lambda name=name: bench.run_all(name, wires[name]) for name in READ}
    works |= {name + BATCH: lambda name=name: as_batch(bench, name, works[name]) for name in READ if name != "ours"}
    runs = bench.in_turns(works)
    for name in [n for n in runs if n != "ours"]:
        bench.table.ratio(f"GET /posts/{{id}}, requests per second: ours / {name}",
                          [a.load.rps / b.load.rps for a, b in zip(runs["ours"], runs[name])])
        bench.table.ratio(f"GET /posts/{{id}}, p99: ours / {name}",
                          [a.load.p99_ms / b.load.p99_ms for a, b in zip(runs["ours"], runs[name])])
    bench.rates({f"post, {name}": r for name, r in runs.items()}, "posts", "post, ")


BATCH = ", batch"


def as_batch(bench, name, work):
    group = bench.peers.groups[name.lower()]
    machine.schedule(group, os.SCHED_BATCH)
    try:
        return work()
    finally:
        machine.schedule(group, os.SCHED_OTHER)


def check(bench, made):
    """All give the same post, up to fields that only ours has by now: at most a tenth of its bytes."""
    poster, post = made[0][:2]
    want, _ = bench.stack.call("GET", READ["ours"] + post, poster.bearer)
    for name, path in READ.items():
        answer, _ = bench.until_answered(name, path + post, poster.bearer)
        if not is_within(answer["data"], want["data"]) or len(json.dumps(answer)) < 0.9 * len(json.dumps(want)):
            raise RuntimeError(f"{name} answers {json.dumps(answer)}, not {json.dumps(want)}")


def is_within(given, whole):
    if isinstance(given, dict) and isinstance(whole, dict):
        return all(name in whole and is_within(value, whole[name]) for name, value in given.items())
    if isinstance(given, list) and isinstance(whole, list):
        return len(given) == len(whole) and all(map(is_within, given, whole))
    return given == whole
