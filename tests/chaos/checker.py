#!/usr/bin/python3
"""Judges a chaos run by its history alone: what clients were told, what the API says at the end, and what TikTok got.

    tests/chaos/checker.py FILE    once more, for a history that chaos.py has kept

A check gives a sentence for each fault. A new one is a row of CHECKS; what a run must have met, a row of REACHED.
"""

import collections
import datetime
import sys

import history

ENDED = ("published", "in_inbox", "failed", "canceled")
NOT_LAST = (("in_inbox", None), ("failed", "confirmation_timeout"))  # TikTok may publish it all the same
AT_TIKTOK = {"published": "PUBLISH_COMPLETE", "in_inbox": "SEND_TO_USER_INBOX"}
NOT_KNOWN = ("outcome_unknown", "unconfirmed", "confirmation_timeout")  # the user is told that it may be there
GIVEN_UP = ("confirmation_timeout", "worker_crashed", "unconfirmed")
DEATHS = 3  # JOB_RUNS_MAX in lib/model/job/job.h; the time until a timeout, tiktok.confirm_hours, never passes here
CLOCK_US = 2000  # two programs look at the clock one after another
ANSWERED_US = 8_000_000  # from the attempt: below the worker's patience (TIKTOK_TIMEOUT_SEC in chaos.py), which is for the call alone


def micros(text):
    return int(datetime.datetime.fromisoformat(text).timestamp() * 1_000_000)


class Run:
    """A history, sorted by what it is about."""

    def __init__(self, entries):
        by = collections.defaultdict(list)
        for entry in entries:
            by[entry["what"]].append(entry)
        self.creates, self.reads, self.killed, self.conflicts = by["create"], by["read"], by["killed"], by["conflict"]
        self.troubles, self.at_tiktok = by["trouble"], by["at_tiktok"]
        self.posts = [entry["post"] for entry in by["post"]]
        self.by_id = {post["id"]: post for post in self.posts}
        self.inits = collections.defaultdict(list)
        for init in by["init"]:
            self.inits[init["description"]].append(init)
        self.there = collections.defaultdict(list)
        for post in self.at_tiktok:
            self.there[post["description"]].append(post)

    def inits_of(self, post):
        return sorted(self.inits[post["description"]], key=lambda i: i["arrived_us"])

    def deaths(self, begun_us, ended_us):
        return sum(begun_us - CLOCK_US <= k["at_us"] <= ended_us + CLOCK_US for k in self.killed)


def code(post):
    return (post["failure"] or {}).get("code")


def name(post):
    return f"post {post['id']} ({post['description']})"


def times(post, event):
    return [micros(e["at"]) for e in post["events"] if e["event"] == event]


def refused(init):
    """TikTok said no: nothing can have come of it."""
    return init["given"] is not None and 400 <= init["given"]["status"] < 500


def lost(init):
    """The worker cannot know what became of it."""
    return not refused(init) and (init["given"] is None or init["given"]["publish_id"] is None)


def late(init, attempt_us):
    """Its answer went out whole, but perhaps to nobody."""
    return init["at_us"] - attempt_us > ANSWERED_US


def acknowledged(run):
    """What was acknowledged is there, what was refused is not, and nothing is there that nobody asked for."""
    found = collections.defaultdict(list)
    for post in run.posts:
        found[post["description"]].append(post["id"])
    for c in run.creates:
        ids = found.pop(c["description"], [])
        may_be = {"done": [[c["id"]]], "nothing": [[]], "refused": [[]],
                  "unknown": [[], [c["id"]] if c["id"] else ids[:1]]}[c["how"]]
        if ids not in may_be:
            yield f"{c['description']}: the client was told {c['how']} ({c['id']}), and there is {ids or 'no post'}"
    for description, ids in found.items():
        yield f"{description}: nobody asked for {ids}"


def ended(run):
    for post in run.posts:
        if post["status"] not in ENDED or post["ended_at"] is None:
            yield f"{name(post)} is stuck: {post['status']}, {[e['event'] for e in post['events']]}"


def once(run):
    """After an init that was not refused, no other ever comes."""
    for description, posts in run.there.items():
        if len(posts) > 1:
            yield f"{description} is at TikTok {len(posts)} times"
    for description, inits in run.inits.items():
        inits = sorted(inits, key=lambda i: i["arrived_us"])
        if not all(refused(i) for i in inits[:-1]):
            yield f"{description}: an init was sent again after one that TikTok may have taken: {inits}"


def true(run):
    """What the user is told of the end is so at TikTok."""
    for post in run.posts:
        there = [p["status"] for p in run.there[post["description"]]]
        if post["status"] in AT_TIKTOK:
            wanted = {"publish_id": post["publish_id"], "status": AT_TIKTOK[post["status"]]}
            if not any(wanted.items() <= p.items() for p in run.there[post["description"]]):
                yield f"{name(post)} says {post['status']} as {post['publish_id']}, and TikTok has {there}"
        elif post["status"] in ENDED and code(post) not in NOT_KNOWN and set(there) - {"FAILED"}:
            yield f"{name(post)} says {post['status']} ({code(post)}), and TikTok has {there}"


def unknown(run):
    """An outcome is unknown where an answer was lost or a worker died, and there only; then the user is told so."""
    for post in run.posts:
        inits = run.inits_of(post)
        if code(post) != "outcome_unknown":
            if any(lost(i) for i in inits):
                yield f"{name(post)} says {post['status']} ({code(post)}), though an answer was lost: {inits}"
            continue
        attempts, told = times(post, "attempt"), times(post, "outcome_unknown")
        may_be = attempts and told and (any(lost(i) or late(i, attempts[-1]) for i in inits) or run.deaths(attempts[-1], told[-1]))
        if not may_be:
            yield f"{name(post)} is outcome_unknown, and nothing was lost: {inits}"


def came_late(post):
    """A worker that had lost its lease knew what others had called unknown, and TikTok was asked."""
    return any(e["event"] == "late_accepted" for e in post["events"])


def given_up(run):
    """Nothing is given up that did not have its worker die again and again."""
    for post in run.posts:
        if code(post) in GIVEN_UP and not came_late(post) and run.deaths(micros(post["created_at"]), micros(post["ended_at"])) < DEATHS:
            yield f"{name(post)} was given up ({code(post)}), and hardly any worker had died"


def in_order(run):
    """Of an account, what was acknowledged before another was asked for goes to TikTok before it."""
    by_account = collections.defaultdict(list)
    for c in run.creates:
        post = run.by_id.get(c["id"])
        if c["how"] == "done" and post and run.inits_of(post) and not times(post, "deferred"):
            by_account[c["account"]].append((c["begun_us"], c["at_us"], run.inits_of(post)[0]["arrived_us"], c["description"]))
    for of_account in by_account.values():
        of_account.sort()
        for i, (_, told, sent, first) in enumerate(of_account):
            for begun, _, other_sent, other in of_account[i + 1:]:
                if told < begun and other_sent < sent:
                    yield f"{other} went to TikTok before {first}, which was there first"


def receipts(run):
    """The receipt tells the same story."""
    for post in run.posts:
        events, at = [e["event"] for e in post["events"]], [micros(e["at"]) for e in post["events"]]
        accepted = events.count("accepted") + events.count("late_accepted")
        faults = {
            "does not begin with created": events[:1] != ["created"],
            "is not in the order of time": at != sorted(at),
            "ends otherwise than the post": post["events"][-1]["status"] != post["status"],
            "was accepted more than once": accepted > 1,
            "says published without accepted": post["status"] in AT_TIKTOK and accepted != 1,
            "has fewer attempts than TikTok got inits": events.count("attempt") < len(run.inits_of(post)),
            "does not say what went wrong": post["status"] == "failed" and not (post["failure"] or {}).get("message"),
        }
        for fault in (f for f, is_so in faults.items() if is_so):
            yield f"{name(post)}: its receipt {fault}: {events}"


def told(run):
    """Nobody who read a post was told that it is not there, or an end that is another now."""
    for r in run.reads:
        post = run.by_id.get(r["id"])
        if post is None or r["status"] == "not_found":
            yield f"post {r['id']} had been acknowledged and was read as {r['status']}; now it is {post and post['status']}"
        elif r["status"] in ENDED and (r["status"], r["code"]) != (post["status"], code(post)) and not (
                (r["status"], r["code"]) in NOT_LAST and post["status"] == "published") and not (came_late(post) and r["code"] in NOT_KNOWN):
            yield f"{name(post)} was {r['status']} ({r['code']}), and is {post['status']} ({code(post)})"


CHECKS = [acknowledged, ended, once, true, unknown, given_up, in_order, receipts, told]


def faults(entries):
    run = Run(entries)
    return [f"{check.__name__}: {fault}" for check in CHECKS for fault in check(run)]


def taken_over(run):
    """Its worker died between the attempt and the result; another found that."""
    return sum(1 for post in run.posts if code(post) == "outcome_unknown" and not any(map(lost, run.inits_of(post)))
               and run.deaths(times(post, "attempt")[-1], times(post, "outcome_unknown")[-1]))


def answers_lost(run):
    return sum(1 for post in run.posts if code(post) == "outcome_unknown" and any(map(lost, run.inits_of(post))))


def most_published(run):
    n = sum(1 for post in run.posts if post["status"] in AT_TIKTOK)
    return n if n * 2 > len(run.posts) else 0


# How often the run has met what it is there for.
REACHED = [
    ("the job of a dead worker that another took over", taken_over),
    ("an unknown outcome because an answer was lost", answers_lost),
    ("a transaction of the programs that lost a deadlock (1213)", lambda run: sum(c["lost_by"] == "programs" for c in run.conflicts)),
    ("the first worker killed", lambda run: sum(k["worker"] == "first" for k in run.killed)),
    ("the second worker killed", lambda run: sum(k["worker"] == "second" for k in run.killed)),
    ("posts at TikTok, more than half of all", most_published),
    ("answers to readers meanwhile", lambda run: len(run.reads)),
]


def reached(entries, troubles=()):
    """[(what, how often)]; troubles: the names of those that must have come."""
    run = Run(entries)
    counts = collections.Counter(t["name"] for t in run.troubles)
    return [(what, count(run)) for what, count in REACHED] + [(f"trouble: {n}", counts[n]) for n in sorted({*troubles, *counts})]


def report(entries, troubles=()):
    """Prints it; (how many faults, the names of what was not reached)."""
    run, wrong = Run(entries), faults(entries)
    met = reached(entries, troubles)
    for fault in wrong:
        print(f"WRONG {fault}")
    for what, times_met in met:
        print(f"{'reached' if times_met else 'NOT REACHED'} {what}: {times_met}")
    ends = collections.Counter(f"{post['status']} {code(post) or ''}".strip() for post in run.posts)
    print(f"{len(run.creates)} requests, {len(run.posts)} posts ({', '.join(f'{n} {end}' for end, n in ends.most_common())}), "
          f"{sum(map(len, run.inits.values()))} inits, {len(run.killed)} workers killed, {len(wrong)} faults", flush=True)
    return len(wrong), {what for what, n in met if not n}


if __name__ == "__main__":
    sys.exit(0 if report(history.read(sys.argv[1])) == (0, set()) else 1)
