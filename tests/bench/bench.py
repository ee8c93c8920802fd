"""Measures the running programs in ratios; tests/bench/run.sh says how it is called.

How it is measured
- The shipped configuration (8 threads, 24 of billing, bcrypt cost 12, one log line per request), a release build, everything on this
  machine: nginx with TLS, MariaDB on its unix socket with the test stack's settings (nothing is flushed to disk), wrk.
  nginx's limits on rates are taken out, for all alike. 200 keys of 50 users take turns.
- What is compared runs in turns, round after round, and each ratio is taken within its round; the median counts. What
  other work took of the machine meanwhile is told: above a few per cent, measure again.
- The peers (peers/) do what GET /api/v1/me once was: SHA-256 of the key, one indexed read (key and user, joined), the
  JSON of both. They have eight database connections like our program, and write no log. Ours reads the user with each
  request, the key once a second (it keeps verified keys that long), counts the request for limits and usage, and counts
  what the user has, because it shows limits and caps, too. "PHP-FPM" sends its statement as PDO does by default, as
  text; "prepared" is PDO told to prepare it.
- GET /posts/{id} is of a published post with two images. Go and Node do the same four reads (key, post with
  its creator's name, images, events) and answer the same JSON, with the digest of the post; ours reads the key once a second.
- Posts with two small images are made by eight clients and then all asked for until they are published: the workers'
  waits (TikTok is first asked after two seconds) are in it, and so is the simulator's work. Statements are counted by
  MariaDB for each of its users, and for a create alone with no worker running.
- In a crowd: 8 users send posts of 35 photos of 10 MB; or one user sends, with four keys, two at a time with each, posts of
  nine PNGs that are 777 KB and 800 MB of pixels. Both again and again, while others send light requests at a rate that leaves
  the machine room, and, in the attack, posts with small images. The senders would be other machines: they take processor time
  that nobody else wants. The image service and the intake (a second nginx, for large bodies) have about a tenth of what each other program
  has, as CPUWeight= of their units says: the stack starts them with nice 10, as processes and, where Linux's autogroups are on,
  as sessions (tests/stack/supervisor.py).
- Hand-over: 20 000 posts of 200 accounts are due when the worker starts; each account's first is made by the API, and copied. Commits are durable (a stack of its own, with the binary
  log, two flushes a commit, and MariaDB's own sizes of pool and log). TikTok is a stand-in (tiktok.c) that answers after 100 ms, fetches nothing and says "published"
  when it is first asked: the simulator's own pulling and commits would take most of the machine. Our limits by the minute are
  lifted by a trigger that forgets all calls but the newest of a window; the statements that keep them are all made. Statements
  and commits are counted until the last post is published, its poll included. A statement that MariaDB runs for several rows
  at once counts for each of them.
- Mails: 10 000 wait when the worker starts, half of them with a link, for a relay that takes 20 ms for each of its seven answers;
  20 connections, as shipped.
- Limits, usage and scopes: a release build with test hooks, in which a switch leaves them out, on a stack of its own. The CPU is
  that of nginx, the program and MariaDB together; what GET /me shows of limits and caps is in both. A note of a key's use is
  measured apart (note.c): all of 10 000 keys each second and more, in the program's own code, which writes them to MariaDB.
- Alike: what must not tell who has an account is asked by one client, in random order, 1000 times of each kind of address, with bcrypt
  at its least cost. p is of the rank test of Mann and Whitney: below 0.001, somebody could tell them apart by the time alone. Of a
  thousand runs where nothing differs, one says so.
- Webhooks: 10 000 signed events of 5 KB about 1 000 customers, each sent once over 64 kept connections (burst.c), on a stack whose commits are
  durable as above; its worker does not run. Go and Node check the signature, look, and store event and job in the same tables, one
  at a time, with eight connections each; ours has 24 threads, one of which stores what they all have. Afterwards every event is there,
  and a job for each customer, or the row fails.
- Images: libvips alone does what vipsthumbnail does with our size and quality (vips.c). The AVIF is of 192 tiles. sharp repairs as many photos
  at a time as there are processors, from memory, and stores nothing; ours are sent over TLS, repaired, stored, and answered for.
- Export: 100 000 posts, each with an attempt, a fetch and three events, and 1 GB of images, by one user and to a reader that takes all; light
  requests of others meanwhile, paced as in a crowd. Rows are copies of one, images noise. The ZIP is checked: its digests, and how many there are.
- Pages: each of the dashboard five times in Debian's Chromium, signed in, in a browser whose cache is empty, on this machine (so the network takes
  no time); bytes are those that came over the wire, with their headers. The list of posts is turned by the wheel to its end, as fast as pages
  come, and back; the limit of reads a minute is lifted. A frame is what lies between two chances of the page to draw.
- Our programs run with the batch policy, which their units set; the peers as they come. "batch" beside a peer: it is given
  that policy as well.

What holds the figures back (perf record of the program under this load)
- Most of a program's CPU for GET /me is the kernel's, and half of all is one call of libmariadb: it wakes MariaDB, sleeps, and
  is woken. What is left to the program itself (parameters, two SHA-256, JSON, the log line) is about a third. So the ratio to
  MariaDB's CPU does not fall when statements are saved: it was 0.85 with two of them and is 0.83 with one. Only fewer
  switches would lower it.
- Node answers from one thread, in the order in which requests came: it switches less, and its slowest answers wait less than
  where two processors run eight threads. With four threads we had 20 071 requests a second and a p99 of 6.0 ms; eight stay,
  because three may wait for the outside and a slow statement must not hold up the rest.
- Webhooks, by CPU of an event, on a machine that others used, too: 260 us of nginx, 246 of the program, 432 of MariaDB when each event was
  looked at by itself and four shared a transaction; 184, 133 and 131 now that fifteen share one, and the look. An event costs 0.33
  statements and 0.065 commits. What is left: of the program nearly half is the kernel's, a tenth the signature; of MariaDB 30 % the two inserts, 20 % the commit, 12 % the look.
- Hand-over: of the worker's CPU most is TLS, as each init has a connection of its own (perf); of MariaDB's, a quarter changes
  rows, a quarter reads, a tenth commits. Of what was due at the same moment some four posts went together.
- Light requests beside eight uploads of 35 x 10 MB, p99 in ms, two runs of each in turns (alone: 4.5 before, 5.7 after): 13 and 28 with
  one nginx; 18 and 39 with nine times the share of the processors for nginx (autogroup -10); 20 and 30 with that and reuseport, which
  spreads uploads over the workers. With a second nginx that alone keeps large bodies, and gets them from the first over a unix
  socket as they come: 10 and 24; 11 and 12 with the larger share for the first; 11 and 10 with a ninth for the second (autogroup 10).
  So only a second nginx with shares came near twice the time alone. It was a prototype, and two runs are few: another two of the row
  itself, without it, gave 2.9 and 12 times the time alone. The intake was built after it.
- What they wait for: a processor, in the programs and in MariaDB (with the second nginx, p99 was 8 to 15 in nginx's log, and as much
  upstream), and a worker of nginx before it reads them, which no log shows (with one, p99 was 28 for the client and 12 in the
  log). New connections fill few of the sixteen workers: in one run three did nearly all, and two had all eight uploads. To close a
  deleted file of 350 MB took 40 to 160 ms, beside other work. In 25 s of a trace that ended before bodies were freed, no write to
  a body's file took more than 15 ms (24 GB of memory: with less, the kernel makes writers wait for the disk sooner).
- PHP as it comes sends text and needs one round trip like ours; what it loses, it loses in its own 109 us. nginx costs us 30 us
  (return 200: 14), which no change of ours but the policy has moved.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import time

import machine  # finds tests/stack and tests/api
import alike
import checks
import crowd
import exporting
import handover
import outbox
import pages
import peers
import pictures
import posting
import services
import webhooks
import wrk
from client import SignIns, Stack, User
from table import Table, show

HERE = pathlib.Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent

CONNECTIONS = 32
USERS, KEYS_EACH = 50, 4
SIGN_INS = 50
APPS = ("auth", "keys", "tiktok", "uploads", "media", "posts", "sandbox")
PROGRAMS = tuple(s.name for s in services.PROGRAMS)
ME = {"ours": "/api/v1/me", "Go": "/api/bench/go", "PHP-FPM": "/api/bench/php/emulated",
      "PHP-FPM, prepared": "/api/bench/php/prepared", "Node": "/api/bench/node"}
PEERS = {"Go": "go", "PHP-FPM": "php", "PHP-FPM, prepared": "php", "Node": "node"}  # and their processes
WANTED = {"Go": ">= 1.5", "PHP-FPM": ">= 3", "PHP-FPM, prepared": ">= 3", "Node": ">= 2.2"}
BATCH = ", batch"


@dataclasses.dataclass
class Run:
    load: wrk.Result
    cpu: dict  # {name: seconds}
    others: float  # share of the machine that nothing of ours took

    def us_per_request(self, name):
        return self.cpu[name] * 1e6 / max(self.load.requests, 1)


class Bench:
    def __init__(self, stack, quick):
        self.stack, self.table, self.others = stack, Table(), []
        self.rounds, self.seconds = (1, 1) if quick else (7, 5)
        self.peers = peers.Peers(stack.at, stack.sql)
        peers.nginx(stack.at, self.peers.made, stack.groups()["nginx"])
        self.until_answered("nginx", "/api/bench/return200", {})
        self.users = [User(stack, i, KEYS_EACH) for i in range(4 if quick else USERS)]
        self.bearers = [{"Authorization": f"Bearer {key}"} for user in self.users for key in user.keys]
        self.check()
        self.sizes_at_start = self.sizes()

    def check(self):
        """All give the same answer, but for what only ours says, limits, caps, what a key may do, and the address, which it keeps to itself."""
        want, _ = self.stack.call("GET", ME["ours"], self.bearers[0])
        for name in PEERS:
            answer, headers = self.until_answered(name, ME[name], self.bearers[0])
            if not posting.is_within({**answer["data"], "email": None}, want["data"]) or answer["meta"]["request_id"] != headers["X-Request-Id"]:
                raise RuntimeError(f"{name} answers {answer}, not {want}")
        self.stack.call("GET", "/api/bench/small", expected=(404,))

    def until_answered(self, name, path, headers):
        end = time.monotonic() + 20
        while True:
            try:
                return self.stack.call("GET", path, headers)
            except (RuntimeError, OSError) as e:
                if time.monotonic() > end:
                    raise RuntimeError(f"{name} does not answer: {e}\n{self.peers.said()}") from None
            time.sleep(0.2)

    def groups(self):
        return {**self.stack.groups(), **self.peers.groups}

    def cpu(self):
        used = machine.cpu_of_groups()
        return {name: used.get(group, 0) for name, group in self.groups().items()}

    def measured(self, work):
        """(what work() gave, CPU seconds by name, share of others)"""
        cpu, busy, own, since = self.cpu(), machine.cpu_busy(), machine.cpu_of_clients(), time.monotonic()
        given = work()
        after, busy = self.cpu(), machine.cpu_busy() - busy
        cpu = {name: after[name] - cpu.get(name, 0) for name in after}
        ours = sum(cpu.values()) + machine.cpu_of_clients() - own
        others = max(0.0, (busy - ours) / ((time.monotonic() - since) * machine.CORES))
        self.others.append(others)
        return given, cpu, others

    def load(self, requests, **more):
        seconds, connections = more.pop("seconds", self.seconds), more.pop("connections", CONNECTIONS)
        return wrk.Load(self.stack.url, requests, seconds, connections, **more)

    def run(self, path, expected=200, **more):
        return self.run_all(path, [self.stack.wire("GET", path, headers) for headers in self.bearers], expected, **more)

    def run_all(self, what, requests, expected=200, **more):
        result, cpu, others = self.measured(lambda: self.load(requests, **more).result())
        bad = result.broken + (result.not_2xx if expected == 200 else result.requests - result.not_2xx)
        if bad or result.requests == 0:
            raise RuntimeError(f"{what}: {bad} of {result.requests} answers were not {expected}")
        return Run(result, cpu, others)

    def in_turns(self, works, rounds=None):
        """{name: [what it gave, per round]}, after one round that warms up."""
        given, rounds = {name: [] for name in works}, min(rounds or self.rounds, self.rounds)
        for number in range(-1, rounds):
            for name, work in works.items():
                progress(f"{name} {number + 1}/{rounds}")
                value = work()
                if number >= 0:
                    given[name].append(value)
        progress("")
        return given

    # -- The rows

    def small(self):
        runs = self.in_turns({
            "nginx return 200": lambda: self.run("/api/bench/return200"),
            "smallest answer": lambda: self.run("/api/bench/small", 404)})
        self.table.ratio("smallest FastCGI answer / nginx return 200, requests per second",
                         ratios(runs["smallest answer"], runs["nginx return 200"]), ">= 0.55")
        self.rates(runs)

    def me(self):
        works = {name: lambda path=path: self.run(path) for name, path in ME.items()}
        works |= {name + BATCH: lambda name=name: self.run_as_batch(name) for name in PEERS}
        runs = self.in_turns(works)
        for name in (*PEERS, *(name + BATCH for name in PEERS)):
            self.table.ratio(f"GET /me, requests per second: ours / {name}", ratios(runs["ours"], runs[name]),
                             WANTED.get(name, ""))
        for name in PEERS:
            self.table.ratio(f"GET /me, p99: ours / {name}",
                             [a.load.p99_ms / b.load.p99_ms for a, b in zip(runs["ours"], runs[name])], "<= 1")
        self.table.ratio("GET /me, CPU: our program / MariaDB",
                         [r.cpu["auth"] / r.cpu["mariadb"] for r in runs["ours"]], "<= 0.5")
        self.rates(runs)
        for name, path in ME.items():
            before = self.statements()
            n = self.run(path, seconds=1).load.requests
            self.table.detail("Statements to MariaDB per GET /me", name, show((self.statements() - before) / n))

    def run_as_batch(self, name):
        group = self.peers.groups[PEERS[name]]
        machine.schedule(group, os.SCHED_BATCH)
        try:
            return self.run(ME[name])
        finally:
            machine.schedule(group, os.SCHED_OTHER)

    def statements(self):
        return int(self.stack.sql("SHOW GLOBAL STATUS LIKE 'Questions'")[0][1])

    def traced(self, name, work):
        """({system call: times}, what work() gave) of a program; strace slows it down but does not change what it calls."""
        out = self.stack.at.home / "strace"
        tracer = subprocess.Popen(["strace", "-c", "-f", "-qq", "-o", out, "-p", str(self.stack.groups()[name])])
        try:
            time.sleep(0.5)
            given = work()
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(10)
        lines = [line.split() for line in out.read_text().splitlines()]
        return {cells[-1]: int(cells[3]) for cells in lines
                if len(cells) >= 5 and cells[3].isdigit() and cells[-1] != "total"}, given

    def syscalls(self):
        calls, run = self.traced("auth", lambda: self.run(ME["ours"], seconds=2))
        calls = {name: n / run.load.requests for name, n in calls.items()}
        self.table.ratio("GET /me, system calls of our program per request", [sum(calls.values())], digits=1)
        for name, n in sorted(calls.items(), key=lambda c: -c[1]):
            if n >= 0.01:
                self.table.detail("System calls per GET /me", name, show(n))

    def signin(self):
        """At a rate that leaves the machine room, as a service runs, and with as many reads as go."""
        counts = []

        def during(**more):
            with SignIns(self.stack, self.users, SIGN_INS) as people:
                time.sleep(1)
                run = self.run(ME["ours"], **more)
            counts.append(people)
            self.settle("auth")
            return run

        for what, more in (("paced reads", {"connections": 16, "pause_ms": 20}), ("reads at full load", {})):
            runs = self.in_turns({f"{what} alone": lambda: self.run(ME["ours"], **more),
                                  f"{what} during sign-ins": lambda: during(**more)})
            alone, meanwhile = runs.values()
            self.table.ratio(f"p99 of {what}: during {SIGN_INS} parallel sign-ins / without",
                             [a.load.p99_ms / b.load.p99_ms for a, b in zip(meanwhile, alone)], "<= 2")
            self.rates(runs)
        for name, field in (("signed in", "done"), ("told to come again (503)", "refused"), ("failed", "failed")):
            self.table.detail("Sign-ins meanwhile, per second", name,
                              show(sum(getattr(c, field) for c in counts) / sum(c.seconds for c in counts), 1))

    def settle(self, name):
        """Until the program has done what was still in its queue."""
        for _ in range(50):
            before = self.cpu()[name]
            time.sleep(0.2)
            if self.cpu()[name] - before < 0.02:
                return

    def memory(self):
        """After all load above; the programs hold what they once needed."""
        time.sleep(2)
        sizes = self.sizes()
        largest = max(APPS, key=sizes.get)
        self.table.ratio(f"memory (PSS) of the largest app ({largest}), MB", [sizes[largest]], "<= 8", digits=1)
        self.table.ratio("memory of all apps, workers and the image service, idle, MB",
                         [sum(sizes[n] for n in PROGRAMS)], "<= 80", digits=1)
        self.table.detail("Memory (PSS), MB", "", "at the start", "afterwards")
        for name, mb in sizes.items():
            self.table.detail("Memory (PSS), MB", name, show(self.sizes_at_start[name], 1), show(mb, 1))

    def sizes(self):
        return {name: machine.pss_mb(group) for name, group in self.groups().items()}

    def rates(self, runs, program="auth", prefix=""):
        if not any(cells[0] == RATES for cells in self.table.details):
            self.table.detail(RATES, "", "req/s", "p50 ms", "p99 ms", "nginx us", "program us", "MariaDB us",
                              "others %")
        for name, all_runs in runs.items():
            middle = lambda value: statistics.median(map(value, all_runs))  # noqa: E731
            its = PEERS.get(name.removeprefix(prefix).removesuffix(BATCH), program)
            self.table.detail(RATES, name, show(middle(lambda r: r.load.rps), 0), show(middle(lambda r: r.load.p50_ms)),
                              show(middle(lambda r: r.load.p99_ms)),
                              *(show(middle(lambda r: r.us_per_request(n)), 0) for n in ("nginx", its, "mariadb")),
                              show(middle(lambda r: r.others * 100), 0))


RATES = "Medians of the runs; CPU per request"
ROWS = {"small": Bench.small, "me": Bench.me, "syscalls": Bench.syscalls, "upload": pictures.upload,
        "signin": Bench.signin, "memory": Bench.memory, "post": posting.post, "read": posting.read, "uploads": crowd.uploads,
        "bombs": crowd.bombs, "handover": handover.handover, "checks": checks.checks, "mail": outbox.mail,
        "alike": alike.alike, "webhooks": webhooks.webhooks, "photos": pictures.photos, "export": exporting.export,
        "pages": pages.pages}


def progress(text):
    if sys.stderr.isatty():
        print(f"\r{text.ljust(60)}\r", end="", file=sys.stderr, flush=True)


def ratios(of, to):
    return [a.load.rps / b.load.rps for a, b in zip(of, to)]


def release_build():
    build = CHECKOUT / "build-release"
    if not (build / "build.ninja").exists():
        subprocess.run(["meson", "setup", build, CHECKOUT, "-Dbuildtype=release"], check=True)
    subprocess.run(["ninja", "-C", build], check=True)
    return build


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run.sh")
    parser.add_argument("--quick", action="store_true", help="short runs, to see that it works")
    parser.add_argument("--build", help="meson build folder")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=" ".join(ROWS))
    options = parser.parse_args()
    unknown = [row for row in options.rows if row not in ROWS]
    if unknown:
        parser.error(f"no such row: {' '.join(unknown)}; there are: {' '.join(ROWS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    stack = Stack(os.path.abspath(options.build or release_build()))
    try:
        bench = Bench(stack, options.quick)
        for name in ROWS:
            if not options.rows or name in options.rows:
                ROWS[name](bench)
        bench.peers.stop()
    finally:
        stack.down()
    others = (f"other work took {statistics.median(bench.others) * 100:.0f} % of the machine (median), "
              f"at most {max(bench.others) * 100:.0f} %") if bench.others else ""
    day = time.strftime("%Y-%m-%d", time.gmtime())
    facts = "\n".join([f"{day}, {bench.rounds} rounds of {bench.seconds} s; {others}",
                       *machine.facts(peers.php_fpm())])
    text = f"{bench.table.text()}\n{facts}\n"
    print(text, end="")
    if options.quick:
        print("--quick: these numbers mean nothing")
    elif not options.rows:
        method = re.search(r"How it is measured\n.*", __doc__, re.DOTALL)[0]
        (HERE / "results.txt").write_text(f"{text}\n{method}")


if __name__ == "__main__":
    main()
