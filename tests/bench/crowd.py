"""The rows about many who send images: what light requests of others wait meanwhile, and whether others' posts go through."""

import json
import struct
import subprocess
import threading
import time
import zlib

import posting  # finds tests/api
import images
from helpers import expect
from table import show

LIGHT = ("/api/v1/me", "/api/v1/posts?limit=1", "/api/v1/accounts", "/api/v1/uploads?limit=1", "/api/v1/posts/{post}")
PACED = {"connections": 16, "pause_ms": 20}  # leaves the machine room, as a service runs
UPLOADERS, IMAGES_EACH, IMAGE_MB = 8, 35, 10
BOMB_KEYS, POSTS_A_KEY, BOMBS_A_POST = 4, 2, 9
OTHERS = 4  # who post small images during the attack
CROWD_SEC = 20  # of the light requests: an upload or an attack takes its time
CALM_SEC = 300


# They stand for other people's machines, so they take what processor time nobody else wants. Linux weighs sessions before it weighs
# processes (sched(7), autogroup): nice alone would change nothing.
ELSEWHERE = ["setsid", "nice", "-n", "19", "sh", "-c", 'echo 19 2> /dev/null > /proc/self/autogroup; exec "$@"', "sh"]


# And they wait while nobody takes what they send: over HTTP/2, curl 7.88 asks all the time whether it may go on, and keeps a processor
# busy with that, which no other machine would take from ours.
SENDER = [*ELSEWHERE, "curl", "-sS", "--http1.1"]


class Senders:
    """So many curls inside the with block, each of which sends its post again and again. At the end they are stopped, or get the
    answer to what they are sending."""

    def __init__(self, bench, senders, files, to_the_end=False):
        self.bench, self.answers, self.to_the_end = bench, [], to_the_end
        self.stop, self.running = threading.Event(), set()
        self.threads = [threading.Thread(target=self.send, args=[poster, key, files]) for poster, key in senders]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for process in [] if self.to_the_end else list(self.running):
            process.kill()
        for thread in self.threads:
            thread.join()

    def send(self, poster, key, files):
        stack = self.bench.stack
        command = [*SENDER, "--cacert", stack.at.ca, "-H", f"Authorization: Bearer {key}", "-w", "\n%{http_code}",
                   f"{stack.url}/api/v1/accounts/{poster.account}/posts", "-F", f"platform_options={posting.OPTIONS}"]
        command += [word for file in files for word in ("-F", f"images=@{file}")]
        while not self.stop.is_set():
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.running.add(process)
            out, _ = process.communicate()
            self.running.discard(process)
            if process.returncode >= 0:  # else it was stopped
                body, _, status = out.rpartition("\n")
                self.answers.append(status if status < "400" else f"{status} {said(body)}")
                self.stop.wait(0 if status == "202" else 1)


def said(body):
    """The code of an error."""
    try:
        return json.loads(body)["error"]["code"]
    except ValueError:
        return body[-200:]


def light_requests(bench, people):
    """Of people who send no images meanwhile; each of them has a post."""
    posts = {poster: made for poster, made, _, _ in posting.Flow(bench, people, 1).made()[0]}
    return [bench.stack.wire("GET", path.format(post=posts[p]), p.bearer) for p in people for path in LIGHT]


def paced(bench, light):
    return bench.run_all("light requests", light, seconds=3 if bench.rounds == 1 else CROWD_SEC, **PACED)


def calm(bench):
    """Until the images of before have been dealt with."""
    end = time.monotonic() + CALM_SEC
    while time.monotonic() < end:
        before = bench.cpu()
        time.sleep(0.5)
        after = bench.cpu()
        if all(after[name] - before[name] < 0.05 for name in ("image", "posts", "intake", "nginx")):
            return
    raise RuntimeError(f"the image service is not done after {CALM_SEC} s")


def in_turns(bench, what, light, during, wanted):
    """p99 of the light requests during and without, round after round."""
    runs = bench.in_turns({f"light requests without {what}": lambda: paced(bench, light),
                           f"light requests during {what}": during}, rounds=3)
    alone, meanwhile = runs.values()
    bench.table.ratio(f"p99 of light requests of others: during {what} / without",
                      [a.load.p99_ms / b.load.p99_ms for a, b in zip(meanwhile, alone)], wanted)
    bench.rates(runs, "posts")


def tell(bench, what, answers):
    for status in sorted(set(answers)):
        bench.table.detail(f"Answers to {what}", status, show(answers.count(status), 0))


def uploads(bench):
    """Light requests while 8 users send posts of 35 images of 10 MB."""
    quick = bench.rounds == 1
    light = light_requests(bench, posting.posters(bench, 2 if quick else 10))
    senders = [(p, p.key) for p in posting.posters(bench, 2 if quick else UPLOADERS)]
    picture, answers = bench.stack.at.home / "10mb.jpg", []
    picture.write_bytes(images.jpeg(5700, 4275, quality=100))  # 10 MB

    def during():
        with Senders(bench, senders, [picture] * (3 if quick else IMAGES_EACH), to_the_end=True) as sending:
            busy(bench, "nginx")
            run = paced(bench, light)
        answers.append(sending.answers)
        calm(bench)
        posting.another_minute(bench)
        return run

    in_turns(bench, f"{len(senders)} uploads of {3 if quick else IMAGES_EACH} x {IMAGE_MB} MB", light, during, "<= 2")
    bench.table.ratio(f"posts of {IMAGE_MB} MB images that were taken, of all that were sent", [a.count("202") / len(a) for a in answers[1:]], ">= 1")
    tell(bench, "uploads of 10 MB images", sum(answers, []))


def busy(bench, name):
    """Until the program has begun to work on what comes."""
    before, end = bench.cpu()[name], time.monotonic() + 30
    while bench.cpu()[name] - before < 0.2:
        if time.monotonic() > end:
            raise RuntimeError(f"{name} has nothing to do")
        time.sleep(0.05)


def bomb(width=10_000, height=9_990):
    """A legal PNG of 800 MB of pixels in 777 KB: 16 bits, four channels, one colour."""
    packer, chunks = zlib.compressobj(9), []
    for _ in range(height):
        chunks.append(packer.compress(b"\0" + b"\0" * (width * 8)))
    data = b"".join(chunks) + packer.flush()
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 6, 0, 0, 0)), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in parts)


class Others:
    """People who post two small images, each one post after the other, until told to stop; then how their posts have ended."""

    def __init__(self, bench, people):
        self.flow, self.stop = posting.Flow(bench, people, 1), threading.Event()
        self.made, self.refused, self.slowest = [], [], 0
        self.threads = [threading.Thread(target=self.send, args=[poster]) for poster in people]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def send(self, poster):
        while not self.stop.is_set():
            began = time.monotonic()
            answer = poster.send(self.flow.client(), self.flow.pictures)
            ended = time.monotonic()
            self.slowest = max(self.slowest, ended - began)
            if answer.status_code == 202:
                self.made.append((poster, answer.json()["data"]["id"], began, ended))
            else:
                self.refused.append(f"{answer.status_code} {answer.json()['error']['code']}")
            self.stop.wait(1)

    def failed(self, bench):
        """What became of them: the codes of those that were not published."""
        found = list(self.refused)
        for poster, post, _, _ in self.made:
            end = time.monotonic() + CALM_SEC
            while (data := expect(poster.web.get(f"/api/v1/posts/{post}"), 200)["data"])["status"] not in posting.ENDED and time.monotonic() < end:
                posting.another_minute(bench)
                time.sleep(0.2)
            if data["status"] != "published":
                found.append(f"{data['status']} {(data['failure'] or {}).get('code')}")
        return found


def bombs(bench):
    """One user sends images that take six seconds each to decode, with four keys, two posts a key, again and again."""
    quick = bench.rounds == 1
    light = light_requests(bench, posting.posters(bench, 2 if quick else 10))
    attacker, people = posting.posters(bench, 1)[0], posting.posters(bench, OTHERS)
    keys = [expect(attacker.web.post("/api/v1/keys", json={"name": f"bomb {i}"}), 201)["data"]["key"] for i in range(BOMB_KEYS)]
    file = bench.stack.at.home / "bomb.png"
    file.write_bytes(bomb())
    answers, failed, posted, slowest = [], [], [], []

    def during():
        with Senders(bench, [(attacker, key) for key in keys for _ in range(POSTS_A_KEY)], [file] * BOMBS_A_POST) as attack:
            busy(bench, "image")
            with Others(bench, people) as others:
                run = paced(bench, light)
        answers.extend(attack.answers)
        calm(bench)
        failed.append(others.failed(bench))
        posted.append(len(others.made) + len(others.refused))
        slowest.append(others.slowest)
        posting.another_minute(bench)
        return run

    in_turns(bench, f"{BOMB_KEYS} keys x {POSTS_A_KEY} posts of {BOMBS_A_POST} bombs", light, during, "<= 3")
    bench.table.ratio("posts of others during the attack that failed", [len(f) for f in failed[1:]], "<= 0", digits=0)
    bench.table.ratio("posts of others during the attack, sent", posted[1:], digits=0)
    bench.table.ratio("posts of others during the attack, slowest answer, s", slowest[1:], digits=1)
    tell(bench, "the attack", answers)
    for why in sorted({w for f in failed for w in f}):
        bench.table.detail("Posts of others during the attack that failed", why, show(sum(f.count(why) for f in failed), 0))
