#!/usr/bin/python3
"""Seeded random requests against the real programs behind nginx, most of them wrong in some way: each must be answered as the
API promises (judge.py).

    tests/hostile/hostile.py --build DIR SEED...           2 000 requests of each seed; the last line of each is "ok SEED" or "FAIL SEED"
    tests/hostile/hostile.py --build DIR SEED --only N     one of them, told in full

A request is made from its seed and its number alone (mutations.py).
"""

import argparse
import collections
import pathlib
import queue
import random
import signal
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "load")]

import load  # noqa: E402  (finds tests/api and tests/stack)
import render  # noqa: E402
import waiting  # noqa: E402

import judge  # noqa: E402
import mutations  # noqa: E402
import wire  # noqa: E402
import world  # noqa: E402

REQUESTS = 2000  # of a seed
CLIENTS = 5  # of one user as many heavy requests run or wait (lib/fcgi/turns.h)
SHOWN = 5  # faults that are told in full
PLAIN = 10  # requests of a route that chance has left without a good answer
HARDLY = 0.02  # of the answers: more of them refused for being too many, and the run shows little


def name_of(route):
    return f"{route['method']} {route['pattern']}"


class Run:
    """The requests of one seed. faults: [(number, what)], a number of None for what no single request is to blame for."""

    def __init__(self, stack, seed, numbers, tables, build):
        self.stack, self.seed, self.build = stack, seed, build
        self.world = world.World(stack, tables)
        self.aftermath = judge.Aftermath(self.world)
        self.faults, self.requests, self.paths, self.ids = [], {}, {}, {}
        self.statuses, self.of_route, self.mutated = collections.Counter(), collections.defaultdict(collections.Counter), collections.Counter()
        self.lock, self.waiting = threading.Lock(), queue.SimpleQueue()
        for number in numbers:
            self.waiting.put(number)

    def go(self):
        threads = [threading.Thread(target=self.client) for _ in range(CLIENTS)]
        with waiting.Awake() as clock:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.stood_sec = clock.stood_sec

    def client(self):
        sender = wire.Sender(self.stack)
        while True:
            try:
                number = self.waiting.get_nowait()
            except queue.Empty:
                return
            try:
                self.one(sender, number)
            except Exception as e:  # of ours: it must not end a client silently
                self.blame(number, f"the test itself: {type(e).__name__}: {e}")

    def one(self, sender, number):
        request, path = mutations.generate(self.world, self.seed, number)
        with self.lock:
            self.requests[number], self.paths[number] = request, path
            self.mutated.update(request.said)
        try:
            answers = sender.exchange(request)
        except wire.Broken as e:
            self.blame(number, str(e))
            return
        for fault in judge.faults(self.world, request, answers):
            self.blame(number, fault)
        for answer in answers:
            self.note(number, request, answer)

    def note(self, number, request, answer):
        with self.lock:
            self.statuses[answer.status] += 1
            self.ids[answer.get("x-request-id")] = number
            if request.path == self.paths[number] and request.method == request.route["method"]:
                self.of_route[name_of(request.route)][answer.status] += 1
        if answer.status < 300 or answer.status == 404:  # gone, maybe by a request that did not wait for its answer
            self.world.renew(request)

    def blame(self, number, what):
        with self.lock:
            self.faults.append((number, what))

    def has_good(self, route):
        return any(status < 400 for status in self.of_route[name_of(route)])

    def asked_plainly(self, route):
        """Few requests of a route may all have been spoilt. Whether one that is not is answered well."""
        sender = wire.Sender(self.stack)
        for n in range(PLAIN):
            request = mutations.plain(random.Random(f"{self.seed}/{name_of(route)}/{n}"), self.world, route)
            self.paths[None] = request.path
            try:
                for answer in sender.exchange(request):
                    self.note(None, request, answer)
            except wire.Broken as e:
                self.blame(None, f"{name_of(route)}, as it should be: {e}")
            if self.has_good(route):
                return True
        return False

    def end(self, is_whole):
        """Looks at the rest; whether all was right."""
        # A good answer of these would take away who asks (tests/api/test_erasure.py).
        ours = [r for r in self.world.routes if is_whole and self.world.host_of(r) == "localhost"
                and not r["pattern"].startswith("/api/v1/privacy/erasure")]
        bad = [r for r in ours if not self.has_good(r) and not self.asked_plainly(r)]
        for request_id, what in self.aftermath.slow_and_broken(self.stood_sec).items():
            self.blame(self.ids.get(request_id), what)
        for what in self.aftermath.others():
            self.blame(None, what)
        if is_whole:
            self.faults += [(None, f"no request got a good answer from {name_of(r)}, but {dict(self.of_route[name_of(r)])}: world.py makes what it needs")
                            for r in bad]
            self.faults += [(None, f"never done: {m.name}") for m in mutations.MUTATIONS if m.name not in self.mutated]
            if self.statuses[429] > HARDLY * sum(self.statuses.values()):
                self.faults.append((None, f"{self.statuses[429]} requests were too many: a limit is in the way"))
        self.tell()
        return not self.faults

    def tell(self):
        print(f"seed {self.seed}: {len(self.requests)} requests, answers " +
              ", ".join(f"{n} x {status}" for status, n in sorted(self.statuses.items())))
        for number, what in self.faults[:SHOWN]:
            print(f"  {what[:1000]}")
            if number is not None:
                request, _ = mutations.generate(self.world, self.seed, number)
                print(f"    tests/hostile/hostile.py --build {self.build} {self.seed} --only {number}    # {', '.join(request.said) or 'plain'}")
                print(f"    HTTP/{request.version}{'' if request.tls else ' in the clear'}: {request.bytes()[:700]!r}")
        if len(self.faults) > SHOWN:
            print(f"  and {len(self.faults) - SHOWN} more: " + str(collections.Counter(what[:60] for _, what in self.faults).most_common(12)))


def told(run, number):
    """One request and its answers in full."""
    request, _ = mutations.generate(run.world, run.seed, number)
    print(f"{request.said}, HTTP/{request.version}\n{request.bytes()!r}")
    try:
        for answer in wire.Sender(run.stack).exchange(request):
            print(answer.status, answer.headers, answer.body, sep="\n")
    except wire.Broken as e:
        print(e)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, help="meson build folder, with sanitizers")
    parser.add_argument("--only", type=int, help="the number of one request")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of each seed")
    parser.add_argument("seeds", nargs="+", type=int, metavar="SEED")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    tables = render.tables(render.find_program(options.build, "marketingcli-admin"))
    failed = 0
    with load.stack(options.build, "worker.idle_ms=50", "keys.max_per_user=1000", "tiktok.accounts_max=1000", "signin.tries=100000",
                    "signin.tries_of_account=100000") as stack:
        for seed in options.seeds:
            started = time.monotonic()
            run = Run(stack, seed, [] if options.only is not None else range(options.requests), tables, options.build)
            if options.only is not None:
                told(run, options.only)
            run.go()
            ok = run.end(options.only is None and options.requests >= REQUESTS)
            failed += not ok
            print(f"{'ok' if ok else 'FAIL'} {seed} {time.monotonic() - started:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
