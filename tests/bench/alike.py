"""The row about answers that must not tell who has an account: whether their times do."""

import itertools
import json
import random
import time

import machine  # noqa: F401  (finds tests/stack)
import users
from client import PASSWORD, Stack
from scipy import stats
from table import show

EACH, WARMING, BATCH = 1000, 20, 200
WRONG = "wrong horse battery staple"

# What is asked: the answer's status, and the body for an address. Each address is asked for once, as a stranger would. What the first
# kind gets is compared with what each of the others gets.
ROWS = [
    ("/api/v1/auth/login", 401, lambda email: {"email": email, "password": WRONG}, ("known", "unknown", "disabled")),
    ("/api/v1/auth/register", 202, lambda email: {"email": email, "password": WRONG}, ("known", "unknown")),
    ("/api/v1/auth/forgot-password", 202, lambda email: {"email": email}, ("known", "unknown", "disabled")),
    ("/api/v1/auth/resend-verification", 202, lambda email: {"email": email}, ("known", "unknown")),
]
STATES = {"known": "active", "disabled": "disabled"}
numbers = itertools.count()


def alike(bench):
    """At the least cost of a hash: at the real one its own spread would hide much more."""
    stack = Stack(bench.stack.build, "--set=password.bcrypt_cost=4", "--set=rates.auth=600000", "--set=signin.tries=100000",
                  "--set=signin.tries_of_account=100000", "--set=signin.tries_of_network=100000")
    try:
        for path, status, body, people in ROWS:
            compare(bench, stack, path, status, body, people)
    finally:
        stack.down()


def addresses(stack, who, n):
    """So many that nobody has asked for, all of people of that kind."""
    made = [f"{who}{next(numbers)}@example.com" for _ in range(n)]
    for i in range(0, n if who in STATES else 0, BATCH):
        rows = ",".join(f"(x'{users.new_id().hex}', '{email}', '{email}', '{users.hash_of(PASSWORD)}', '{STATES[who]}', 1, 1)" for email in made[i:i + BATCH])
        stack.sql(f"INSERT INTO users (id, email_key, email, password_hash, state, created_at_us, updated_at_us) VALUES {rows}")
    return iter(made)


def compare(bench, stack, path, status, body, people):
    n = 20 if bench.rounds == 1 else EACH
    asked = {who: addresses(stack, who, n + WARMING) for who in people}
    times, connection = {who: [] for who in people}, stack.connect()
    for number in range(-WARMING, n):
        for who in random.sample(people, len(people)):
            text = json.dumps(body(next(asked[who])))
            since = time.perf_counter()
            stack.call("POST", path, {"Content-Type": "application/json", "Origin": stack.url}, text, connection, (status,))
            if number >= 0:
                times[who].append((time.perf_counter() - since) * 1e6)
    connection.close()
    for who in people[1:]:
        p = stats.mannwhitneyu(times[people[0]], times[who]).pvalue
        bench.table.ratio(f"POST {path}, times of {n} answers for {people[0]} and {who} addresses: p of being alike", [p], ">= 0.001", digits=4)
    for who in people:
        low, middle, high = (show(q, 0) for q in stats.scoreatpercentile(times[who], [25, 50, 75]))
        bench.table.detail("Times of answers, us: a quarter, half, three quarters were quicker", f"POST {path}, {who}", low, middle, high)
