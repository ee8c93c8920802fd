"""The row about answers that must not tell who has an account: whether their times do."""

import itertools
import json
import random
import time

from scipy import stats

from client import Stack, User
from table import show

EACH = 1000
WRONG = "wrong horse battery staple"
fresh = itertools.count()


def somebody_new():
    return f"new{next(fresh)}-{time.time_ns()}@example.com"


# What is asked: {who: address}, and the body. What the first one gets is compared with what each of the others gets.
ROWS = [
    ("POST /auth/login", "/api/v1/auth/login", 401, lambda email: {"email": email, "password": WRONG}, ("known", "unknown", "disabled")),
    ("POST /auth/register", "/api/v1/auth/register", 202, lambda email: {"email": email, "password": WRONG}, ("known", "unknown")),
]


def alike(bench):
    """At the least cost of a hash: at the real one its own spread would hide much more."""
    stack = Stack(bench.stack.build, "--set=password.bcrypt_cost=4", "--set=rates.auth=600000", "--set=signin.tries=100000",
                  "--set=signin.tries_of_account=100000", "--set=signin.tries_of_network=100000")
    try:
        for what, path, status, body, people in ROWS:
            compare(bench, stack, what, path, status, body, people)
    finally:
        stack.down()


def compare(bench, stack, what, path, status, body, people):
    n = 20 if bench.rounds == 1 else EACH
    users = {who: [User(stack, i, 0) for i in range(20)] for who in ("known", "disabled")}
    for user in users["disabled"]:
        stack.sql(f"UPDATE users SET state = 'disabled' WHERE email = '{user.email}'")
    addresses = {"known": lambda: random.choice(users["known"]).email, "disabled": lambda: random.choice(users["disabled"]).email,
                 "unknown": somebody_new}
    times, connection = {who: [] for who in people}, stack.connect()
    for number in range(-20, n):
        for who in random.sample(people, len(people)):
            text = json.dumps(body(addresses[who]()))
            since = time.perf_counter()
            stack.call("POST", path, {"Content-Type": "application/json", "Origin": stack.url}, text, connection, (status,))
            if number >= 0:
                times[who].append((time.perf_counter() - since) * 1e6)
    connection.close()
    for who in people[1:]:
        p = stats.mannwhitneyu(times[people[0]], times[who]).pvalue
        bench.table.ratio(f"{what}: p of the times of {n} for {people[0]} and for {who} addresses being alike", [p], ">= 0.001", digits=4)
    for who in people:
        low, middle, high = (show(q, 0) for q in stats.scoreatpercentile(times[who], [25, 50, 75]))
        bench.table.detail("Times of answers, us: a quarter, half, three quarters were quicker", f"{what}, {who}", low, middle, high)
