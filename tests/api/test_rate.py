"""How often somebody may ask (lib/fcgi/rate.h): exact over threads and programs, by key, user and network; what each answer says of it;
and what becomes of the limits when something happens to the file that holds them."""

import concurrent.futures
import http.client
import json
import math
import mmap
import os
import re
import signal
import ssl
import threading
import time
import uuid

import pytest
from conftest import wait_for
from helpers import expect
from test_metrics import Shown
from test_nginx import reload
from test_posts import SMALL, send, send_json, upload

READ, WINDOW_SEC = 100, 86400  # so slow that none comes back while a test runs
SHIPPED = {"read": 120, "images": 600, "write": 60, "post": 20, "auth": 10}
COUNTED = ("auth", "keys", "posts", "uploads", "tiktok", "billing", "privacy")
HEAD_BYTES, USER_BYTES, SECRET_BYTES = 64, 8 * 8 << 14, 64  # lib/base/mapping.h, lib/fcgi/rate.c: head, users, networks, secret


def tell_nginx(stack, conf):
    """As its unit does on a server."""
    done = stack.admin("nginx", conf=conf)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    reload(stack)


@pytest.fixture(scope="module")
def limited(stack):
    with stack.configured(*COUNTED, rates_read=READ, rates_write=40, rates_post=3, rates_images=30, rates_window_sec=WINDOW_SEC,
                          service_queue_sec=60):  # on a slow machine, too, nobody is told that a program is busy
        tell_nginx(stack, stack.at.conf_of("auth"))
        yield stack
    tell_nginx(stack, stack.at.conf)


@pytest.fixture
def user(limited, user):
    user.key
    return user


def new_key(user):
    made = expect(user.web.post("/api/v1/keys", json={"name": "another"}), 201)["data"]
    return user.stack.client(Authorization=f"Bearer {made['key']}")


def at_once(asks, threads=50):
    """The answers to all of them, so many sent at the same time."""
    begin = threading.Barrier(min(threads, len(asks)))
    with concurrent.futures.ThreadPoolExecutor(begin.parties, initializer=begin.wait) as pool:
        return list(pool.map(lambda ask: ask(), asks))


def said(answer):
    """(class, limit, window, remaining, seconds until all are back), as the headers say it, alike in both forms."""
    policy = re.fullmatch(r'"(\w+)";q=(\d+);w=(\d+)', answer.headers["RateLimit-Policy"])
    now = re.fullmatch(r'"(\w+)";r=(\d+);t=(\d+)', answer.headers["RateLimit"])
    assert policy[1] == now[1]
    assert answer.headers["X-RateLimit-Limit"] == policy[2] and answer.headers["X-RateLimit-Remaining"] == now[2]
    assert abs(int(answer.headers["X-RateLimit-Reset"]) - time.time() - int(now[3])) < 30
    return policy[1], int(policy[2]), int(policy[3]), int(now[2]), int(now[3])


def refused(answer, name, whose):
    error = expect(answer, 429, "rate_limited")["error"]
    assert error["type"] == "rate_limit" and error["retryable"] and error["param"] == name, error
    assert f" class {name}: " in error["message"] and whose in error["message"], error
    assert error["details"] == [{"code": "rate_limited", "message": error["message"], "param": name}]
    wait = int(answer.headers["Retry-After"])
    assert said(answer)[3] == 0 and 1 <= wait <= WINDOW_SEC
    return wait


def limits(client):
    return {row.pop("name"): row for row in expect(client.get("/api/v1/me"), 200)["data"]["limits"]}


def test_the_shipped_numbers(stack):
    config = stack.admin("config").stdout
    section = config.partition("[rates]")[2].partition("\n[")[0]
    shipped = dict(re.findall(r"^[#; ]*(\w+) *= *(\d+)$", section, re.MULTILINE))
    assert shipped == {**{name: str(n) for name, n in SHIPPED.items()}, "window_sec": "60"}


def test_me_and_the_headers_say_the_same(user):
    first = user.api.get("/api/v1/me")
    shown = {row["name"]: row for row in expect(first, 200)["data"]["limits"]}
    assert list(shown) == ["read", "images", "write", "post", "auth"]
    name, limit, window, left, reset = said(first)
    assert shown[name] == {"name": name, "limit": limit, "window_sec": window, "remaining": left, "reset_sec": reset}
    assert (name, limit, window, left) == ("read", READ, WINDOW_SEC, READ - 1)
    assert reset == math.ceil(WINDOW_SEC / READ)
    assert {n: (row["limit"], row["remaining"]) for n, row in shown.items() if n != "read"} == {
        "images": (30, 30), "write": (40, 40), "post": (3, 3), "auth": (60000, 60000)}


def test_200_at_once_over_two_programs(user):
    """100 pass: of all that the sessions of a user ask two programs."""
    asks = [lambda: user.web.get("/api/v1/me"), lambda: user.web.get("/api/v1/keys")] * 100
    before = limits(user.web)["read"]["remaining"]
    answers = at_once(asks, 200)
    passed = [a for a in answers if a.status_code == 200]
    assert len(passed) == before
    assert sorted(said(a)[3] for a in passed) == list(range(before))  # no two of them took the same one
    for answer in answers:
        if answer.status_code != 200:
            refused(answer, "read", f"100 in {WINDOW_SEC} seconds for all sessions of a user")


def test_200_at_once_of_a_key(user):
    answers = at_once([lambda: user.api.get("/api/v1/me")] * 200, 200)
    assert sorted(a.status_code for a in answers) == [200] * 100 + [429] * 100
    for answer in answers:
        if answer.status_code == 429:
            refused(answer, "read", f"100 in {WINDOW_SEC} seconds for one API key")


def test_a_user_has_twice_as_much_as_a_key(user):
    """A key that runs wild leaves its owner as much again, and no more than that with any number of keys."""
    first, second, third = user.api, new_key(user), new_key(user)
    spent = READ - limits(user.web)["read"]["remaining"]
    assert {a.status_code for a in at_once([lambda: first.get("/api/v1/me")] * READ)} == {200}
    refused(first.get("/api/v1/me"), "read", "one API key")
    assert said(second.get("/api/v1/me"))[3] == READ - spent - 1
    answers = at_once([lambda: second.get("/api/v1/me")] * READ)
    assert sum(a.status_code == 200 for a in answers) == READ - spent - 1
    for client in (second, third, user.web):
        wait = refused(client.get("/api/v1/me"), "read", f"200 in {WINDOW_SEC} seconds for all keys and sessions of a user")
        assert wait <= WINDOW_SEC / (2 * READ)


def test_another_user_is_not_concerned(user, other):
    at_once([lambda: user.api.get("/api/v1/me")] * (READ + 1))
    refused(user.api.get("/api/v1/me"), "read", "one API key")
    assert said(other.api.get("/api/v1/me"))[3] == READ - 1


def test_a_key_has_one_spelling(user):
    got = [said(user.web.get("/api/v1/me", headers={"Authorization": f"{scheme}{user.key}"}))[3]
           for scheme in ("Bearer ", "Bearer   ", "bearer ", "BEARER ")]
    assert got == [READ - 1, READ - 2, READ - 3, READ - 4]


def test_what_is_left_comes_back(stack, user):
    """One by one: who waits for as long as it is told gets through."""
    with stack.configured("auth", rates_read=2, rates_window_sec=2):
        def spend_all():
            while user.api.get("/api/v1/me").status_code == 200:
                pass

        spend_all()

        def let_in():
            """The answer, if no more than one has come back: a machine that stood still for longer shows nothing."""
            answer = user.api.get("/api/v1/me")
            assert answer.status_code == 200 or answer.headers["Retry-After"] == "1"
            if answer.status_code == 200 and said(answer)[3] == 1:
                spend_all()
            return answer if answer.status_code == 200 and said(answer)[3] == 0 else None
        answer = stack.wait(let_in, "one comes back")
        assert said(answer)[:4] == ("read", 2, 2, 0)


# What each answer says


def test_errors_say_it_too(user):
    there = user.api.get(f"/api/v1/posts/{'0' * 8}-{'0' * 4}-7000-8000-{'1' * 12}")
    answers = {"not found": (there, 404, "read"), "no id": (user.api.get("/api/v1/posts/x"), 404, "read"),
               "query": (user.api.get("/api/v1/me?x=1"), 422, "read"), "bad query": (user.api.get("/api/v1/me?%ff"), 400, "read"),
               "method": (user.api.put("/api/v1/me"), 405, "read"), "no key": (user.stack.client().get("/api/v1/me"), 401, "read"),
               "bad key": (user.stack.client(Authorization="Bearer mk_live_x").get("/api/v1/me"), 401, "read"),
               "session needed": (user.api.get("/api/v1/keys"), 403, "read"),
               "cross origin": (user.web.post("/api/v1/keys", json={}, headers={"Origin": "https://x.example"}), 403, "write"),
               "not valid": (user.web.post("/api/v1/keys", json={}), 422, "write"),
               "type": (user.web.post("/api/v1/keys", data="x"), 415, "write"),
               "coding": (user.web.post("/api/v1/keys", data="x", headers={"Content-Encoding": "gzip"}), 415, "write"),
               "password": (user.stack.client().post("/api/v1/auth/login", json={"email": "x@example.com", "password": "x" * 10}), 401, "auth"),
               "head": (user.api.head("/api/v1/me"), 200, "read"), "no content": (user.api.delete("/api/v1/uploads/x"), 404, "images")}
    for what, (answer, status, name) in answers.items():
        assert (answer.status_code, said(answer)[0]) == (status, name), what


def test_streams_and_redirects_say_it_too(user):
    callback = user.web.get("/api/v1/tiktok/callback?code=x&state=y", headers={"Accept": "text/html"}, allow_redirects=False)
    assert "/connected.html?error=" in callback.headers["Location"]
    answers = {"a stream": (user.web.get("/api/v1/usage?format=csv"), 200, "read"),
               "to TikTok": (user.web.get("/api/v1/tiktok/connect", allow_redirects=False), 303, "write"),
               "back, to a page": (callback, 303, "write")}
    assert answers["a stream"][0].headers["Content-Type"].startswith("text/csv")
    for what, (answer, status, name) in answers.items():
        assert (answer.status_code, said(answer)[:2]) == (status, (name, {"read": READ, "write": 40}[name])), what


def test_what_is_not_counted(limited, user):
    """Not who cannot be checked: the answer says the limit, and not what is left of it. Nor monitors and TikTok."""
    counted = []

    def ask():
        answer = user.api.get("/api/v1/me")
        counted.extend(["RateLimit"] if "RateLimit" in answer.headers else [])
        return answer

    with limited.stopped("mariadb"):
        (answer,) = limited.wait(lambda: "RateLimit" not in (a := ask()).headers and [a], "the key is not kept any more")
        expect(answer, 503, "database_unavailable")
        assert answer.headers["RateLimit-Policy"] == f'"read";q={READ};w={WINDOW_SEC}' and answer.headers["X-RateLimit-Limit"] == str(READ)
    answer = limited.wait(lambda: (a := ask()).status_code == 200 and a, "the database is back")
    assert said(answer)[3] == READ - len(counted)
    nobody = limited.client()
    for path in ("/healthz", "/readyz", "/m/01a203f4-f8bd-7e8a-a70b-bd6f0e352b1b/0"):
        assert not [h for h in nobody.get(path).headers if "ratelimit" in h.lower()], path


# What takes what


def test_reads_and_refusals_never_take_of_the_posts(user, account):
    """Nor does anything that made no post; one that is made takes one of the writes, too."""
    before = limits(user.api)
    for _ in range(5):
        expect(user.api.get("/api/v1/posts"), 200)
        expect(send_json(user.api, account, upload_ids=[]), 422)
        assert said(send_json(user.api, account, upload_ids=[]))[:4:3] == ("post", 3)
        expect(send(user.api, account, (b"no image",)), 415)
    nobody = user.stack.client()
    for _ in range(4):
        expect(nobody.post(f"/api/v1/accounts/{account}/posts", json={}), 401)
    after = limits(user.api)
    assert after["post"] == before["post"]
    assert before["write"]["remaining"] - after["write"]["remaining"] == 15
    assert [said(send(user.api, account))[:4:3] for _ in range(3)] == [("post", 2), ("post", 1), ("post", 0)]
    refused(send(user.api, account), "post", f"3 in {WINDOW_SEC} seconds for one API key")
    expect(user.api.get("/api/v1/posts"), 200)
    image = upload(user)
    refused(send_json(user.api, account, upload_ids=[image]), "post", "one API key")
    assert limits(user.api)["write"]["remaining"] == after["write"]["remaining"] - 3


def test_a_repeat_of_an_idempotency_key_takes_no_post(user, account):
    image, key = upload(user), {"Idempotency-Key": str(uuid.uuid4())}
    path, body = f"/api/v1/accounts/{account}/posts", {"upload_ids": [image]}
    assert said(user.api.post(path, json=body, headers=key))[:4:3] == ("post", 2)
    for _ in range(4):
        again = user.api.post(path, json=body, headers=key)
        assert again.headers["Idempotent-Replayed"] == "true" and said(again)[:4:3] == ("post", 2)
    expect(user.api.post(path, json={"upload_ids": [image], "description": "x"}, headers=key), 422, "idempotency_key_reused")
    assert limits(user.api)["post"]["remaining"] == 2


def test_posts_at_once(user, account):
    image = upload(user)
    answers = at_once([lambda: send_json(user.api, account, upload_ids=[image])] * 20)
    assert sorted(a.status_code for a in answers) == [202] * 3 + [429] * 17


def test_an_upload_is_counted_once(user):
    """nginx asks about a large one first; when that is refused for the limit, the body is not let in, and the answer says why."""
    assert [said(post_image(user))[:4:3] for _ in range(30)] == [("images", n) for n in range(29, -1, -1)]
    refused(post_image(user), "images", f"30 in {WINDOW_SEC} seconds for one API key")
    refused(user.api.post("/api/v1/uploads", data=b"x" * (1 << 20), headers={"Content-Type": "image/jpeg"}), "images", "one API key")


def post_image(user):
    return user.api.post("/api/v1/uploads", data=SMALL, headers={"Content-Type": "image/jpeg"})


# Networks


def ask_from(stack, source, method="GET", path="/api/v1/me", body=None, **headers):
    """(status, headers, error) of one request from that address of this machine."""
    connection = http.client.HTTPSConnection("127.0.0.1", stack.https, timeout=30, source_address=(source, 0),
                                             context=ssl._create_unverified_context())
    try:
        connection.request(method, path, body, {"Host": "localhost", **headers})
        answer = connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read()).get("error")
    finally:
        connection.close()


def test_who_is_not_known_is_counted_by_network(limited, user):
    """Whatever is wrong with the credential; a right one from the same network is not concerned."""
    kinds = [{}, {"Authorization": "Bearer x"}, {"Authorization": "Bearer mk_live_" + "x" * 49}, {"Cookie": "__Host-session=" + "x" * 43}]
    got = [ask_from(limited, "127.0.0.11", **kinds[i % 4])[0] for i in range(READ + 10)]
    assert got == [401] * READ + [429] * 10
    status, headers, error = ask_from(limited, "127.0.0.11")
    assert status == 429 and error["param"] == "read" and f"100 in {WINDOW_SEC} seconds for one network without" in error["message"]
    assert headers["RateLimit"].startswith('"read";r=0;t=') and headers["RateLimit-Policy"] == f'"read";q={READ};w={WINDOW_SEC}'
    assert ask_from(limited, "127.0.0.12")[0] == 401
    assert ask_from(limited, "127.0.0.11", Authorization=f"Bearer {user.key}")[0] == 200


def test_sign_ins_of_a_network(limited):
    """Also right ones: whose they are is not known before."""
    with limited.configured("auth", rates_auth=10):
        def sign_in(source):
            email = f"{uuid.uuid4().hex}@example.com"  # wrong passwords of one account are counted by themselves
            return ask_from(limited, source, "POST", "/api/v1/auth/login", json.dumps({"email": email, "password": "x" * 10}),
                            **{"Content-Type": "application/json"})
        assert [sign_in("127.0.0.13")[0] for _ in range(12)] == [401] * 10 + [429] * 2
        assert sign_in("127.0.0.13")[2]["param"] == "auth"
        assert sign_in("127.0.0.14")[0] == 401


# The file


def file_of(stack):
    return stack.at.run / "rates.1"


def spend(user):
    """A program that counts by itself, after a file that was cut short, forgets that when it looks at the new one."""
    def is_refused():
        at_once([lambda: user.api.get("/api/v1/me")] * (READ + 20))
        return user.api.get("/api/v1/me").status_code == 429
    wait_for(is_refused, "the limit is reached")
    refused(user.api.get("/api/v1/me"), "read", "one API key")


def not_shared(stack, program="auth"):
    return Shown(stack, program)("alarms_total", alarm="rates_not_shared")


def test_a_program_that_is_killed_forgets_nothing(limited, user):
    spend(user)
    starts = limited.starts("auth")
    limited.wait_for_start("auth", limited.kill("auth", signal.SIGKILL), starts)
    refused(user.api.get("/api/v1/me"), "read", "one API key")


def test_killed_again_and_again_while_it_counts(limited, user):
    """A request that was counted may be lost with its answer; but no more than the limit get through."""
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        running = [pool.submit(lambda: user.api.get("/api/v1/me").status_code) for _ in range(400)]
        for _ in range(3):
            starts = limited.starts("auth")
            limited.wait_for_start("auth", limited.kill("auth", signal.SIGKILL), starts)
        passed = [r.result() for r in running]
    assert 0 < passed.count(200) <= READ, passed
    assert limits(user.web)["read"]["remaining"] > 0


@pytest.mark.parametrize("length", [0, 1, 5000, USER_BYTES])
def test_a_file_that_is_cut_short(limited, user, length):
    """While it is used: the limits begin anew, no program dies, and it is as long as before."""
    path = file_of(limited)
    whole, pids = path.stat().st_size, {p: limited.pid(p) for p in COUNTED}
    spend(user)
    os.truncate(path, length)
    limited.wait(lambda: user.api.get("/api/v1/me").status_code == 200 or path.stat().st_size == whole, "it is looked at")
    limited.wait(lambda: path.stat().st_size == whole, "the file is whole again")
    assert {p: limited.pid(p) for p in COUNTED} == pids
    answers = at_once([lambda: user.api.get("/api/v1/me")] * 2 * READ)
    assert {a.status_code for a in answers} <= {200, 429}


@pytest.mark.parametrize("what", ["ones", "random", "words"])
def test_a_file_that_holds_anything(limited, user, what):
    """Nobody is locked out, and everybody is counted."""
    path = file_of(limited)
    with path.open("r+b") as f:
        size = path.stat().st_size - HEAD_BYTES
        f.seek(HEAD_BYTES)
        f.write({"ones": b"\xff" * size, "random": os.urandom(size), "words": b"lorem ip" * (size // 8)}[what])
    spend(user)
    assert ask_from(limited, "127.0.0.15")[0] == 401
    with path.open("r+b") as f:
        f.seek(HEAD_BYTES)
        f.write(b"\0" * size)


def test_strangers_push_no_user_out(limited, user):
    """Every cell of the networks is taken, for as long as can be: a user is counted as before, and a stranger is answered."""
    spend(user)
    with file_of(limited).open("r+b") as f, mmap.mmap(f.fileno(), 0) as m:
        until = (time.monotonic_ns() // 100_000 + WINDOW_SEC * 10_000) & (1 << 40) - 1
        begin, end = HEAD_BYTES + USER_BYTES, len(m) - SECRET_BYTES
        kept = m[begin:end]
        m[begin:end] = b"".join((((i * 7919 + 1) % (1 << 24)) << 40 | until).to_bytes(8, "little") for i in range((end - begin) // 8))
        try:
            assert {ask_from(limited, f"127.0.1.{i}")[0] for i in range(1, 100)} == {401}
            refused(user.api.get("/api/v1/me"), "read", "one API key")
        finally:
            m[begin:end] = kept


def test_nobody_can_choose_a_cell(limited, user):
    """Where a caller is counted depends on a secret, which is made with the file, and which all programs use."""
    def places():
        with file_of(limited).open("r+b") as f, mmap.mmap(f.fileno(), 0) as m:
            m[HEAD_BYTES:] = b"\0" * (len(m) - HEAD_BYTES)
            assert [said(user.api.get(path))[3] for path in ("/api/v1/me", "/api/v1/posts", "/api/v1/uploads")] == [READ - 1, READ - 2, 29]
            words = memoryview(m[HEAD_BYTES:HEAD_BYTES + USER_BYTES]).cast("Q").tolist()
            return {i for i, word in enumerate(words) if word}, m[-SECRET_BYTES:]
    (first, secret), (second, other) = places(), places()
    assert len(first) == len(second) == 4 and first != second
    assert secret != other and all(any(s[i:i + 8]) for s in (secret, other) for i in (0, 8))


@pytest.mark.parametrize("what", ["missing", "foreign", "a link"])
def test_a_file_that_cannot_be_used(limited, user, what):
    """An alarm says so, once; each program then counts by itself, and all do together again when it can."""
    path, kept = file_of(limited), file_of(limited).with_name("kept")
    before, logged = not_shared(limited), len(limited.log("auth"))
    path.rename(kept)
    try:
        if what == "foreign":
            path.write_text("a letter")
            os.chown(path, -1, kept.stat().st_gid)
            path.chmod(0o660)
        elif what == "a link":
            path.symlink_to("kept")
        limited.wait(lambda: not_shared(limited) == before + 1, "the alarm is raised")
        limited.restart("auth")
        assert Shown(limited, "auth")("alarms_total", alarm="rates_not_shared") == 1, "and by one that starts meanwhile"
        spend(user)
        if what == "foreign":
            assert path.read_text() == "a letter"
    finally:
        kept.replace(path)
    limited.wait(lambda: '"event":"rates_shared"' in limited.log("auth")[logged:], "it is shared again")
    assert not_shared(limited) == 1
    limited.restart("auth")
    assert not_shared(limited) == 0


def test_only_who_counts_may_write_the_file(limited):
    st = file_of(limited).stat()
    assert st.st_mode & 0o777 == 0o660
    if os.geteuid() == 0:
        import services
        assert (st.st_uid, st.st_gid) == (0, services.GID_RATES)
        assert {s.name for s in services.PROGRAMS if services.GID_RATES in s.groups} == set(COUNTED)
