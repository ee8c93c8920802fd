"""Whether the service says that it is well, part by part, and how little asking costs."""

import contextlib
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import services
from conftest import User
from helpers import expect
from services import generate
from test_metrics import Shown
from test_turns import images, upload  # noqa: F401

PARTS = ["database", "schema", *map(generate.label, generate.services())]
PROGRAMS = [p for p in PARTS[2:] if not p.startswith("worker-")]
LOOKED_SEC = 1  # how old an answer may be
RESTART_SEC = 30  # longer than a restart may take (ready_state_of in fcgi-apps/keys/ready.c)


def asked(stack, **more):
    """({part: its state}, of a good answer the data). What a bad answer does not name is "?"."""
    answer = stack.client().get("/readyz", **more)
    assert answer.headers["Cache-Control"] == "no-store"
    if answer.status_code == 200:
        data = expect(answer, 200)["data"]
        states = {p["name"]: p["status"] for p in data["parts"]}
        assert list(states) == PARTS and data["status"] == ("ready" if set(states.values()) == {"up"} else "degraded")
        return states, data
    error = expect(answer, 503, "unavailable")["error"]
    assert answer.headers["Retry-After"] and error["retryable"]
    down = [d["param"] for d in error["details"]]
    return {p: "down" if p in down else "?" for p in PARTS}, None


def down(stack, **more):
    return sorted(p for p, state in asked(stack, **more)[0].items() if state == "down")


@pytest.fixture(autouse=True)
def ready(stack):
    stack.wait(lambda: set(asked(stack)[0].values()) == {"up"}, "all is there")


def test_all_is_there(stack):
    """The list follows lib/service/service.def; strangers learn names and states, no more."""
    states, data = asked(stack)
    assert list(states) == PARTS and set(data) == {"status", "checked_at", "parts"}
    assert all(set(p) == {"name", "status"} for p in data["parts"])


@pytest.mark.parametrize("name", [p for p in PROGRAMS if p not in ("keys", "sandbox")])
def test_a_program_that_is_away(stack, name):
    """systemd holds its socket, where a connection succeeds all the same: it must answer."""
    with stack.stopped(name):
        stack.wait(lambda: not_missed(stack, name) == "unknown", "it does not answer")
        stack.lose_patience(RESTART_SEC)
        stack.wait(lambda: down(stack) == [name], f"{name} is missed")
    stack.wait(lambda: down(stack) == [], "it is back")


def test_programs_that_hang(stack):
    names = sorted(p for p in PROGRAMS if p not in ("keys", "image", "intake", "sandbox"))  # the other processes of two would go on
    with contextlib.ExitStack() as all_of_them:
        for name in names:
            all_of_them.enter_context(stack.frozen(name))
        stack.wait(lambda: {not_missed(stack, name) for name in names} == {"unknown"}, "none answers")
        stack.lose_patience(RESTART_SEC)
        stack.wait(lambda: down(stack) == names, "all are missed")
    stack.wait(lambda: down(stack) == [], "they are back")


def not_missed(stack, name):
    """Its state; nobody is told 503 because of it. A look that is not over in time, on a machine that stands still, says that about the
    database, which it comes to last."""
    states, data = asked(stack)
    assert data or [p for p in states if states[p] == "down"] == ["database"], f"{name} is missed"
    return states[name]


def checked_at(stack):
    """Of a good answer."""
    return stack.wait(lambda: asked(stack)[1], "it is ready")["checked_at"]


@pytest.mark.parametrize("name", ["auth", "image", "intake"])
def test_a_restart_is_no_outage(stack, name):
    """A load balancer would take the server out at each update. image and intake end with their metrics' sockets, which systemd does not hold."""
    with stack.stopped(name):
        stack.wait(lambda: not_missed(stack, name) == "unknown", "it does not answer")
    stack.wait(lambda: not_missed(stack, name) == "up", "it is back")


def test_a_stop_that_lasts_is_no_outage(stack, images):
    """While one long request runs, a program that stops takes no other for as long as STOP_PATIENCE_US."""
    path, held = images
    with stack.configured("uploads", store_image_socket=path), ThreadPoolExecutor(1) as pool:
        answer = pool.submit(upload, User(stack))
        stack.wait(lambda: held.count() == 1, "it is at work")
        starts = stack.starts("uploads")
        stack.kill("uploads", signal.SIGTERM)
        stack.wait(lambda: not_missed(stack, "uploads") == "unknown", "it takes nothing new")
        stack.wait(lambda: not_missed(stack, "uploads") == "up", "it takes what is light")
        assert stack.starts("uploads") == starts and not answer.done()
        held.release()
        stack.wait(lambda: not_missed(stack, "uploads") == "up" and stack.starts("uploads") > starts, "the next one runs")


def test_who_listens_no_more_is_down_at_once(stack):
    path = stack.at.run / "auth.sock"
    path.rename(path.with_suffix(".away"))
    try:
        before = checked_at(stack)
        (states,) = stack.wait(lambda: (a := asked(stack))[1] is None and a[0]["database"] != "down" and a[:1]
                               or a[1] and a[1]["checked_at"] != before and a[:1], "it was looked again")
        assert [p for p in states if states[p] == "down"] == ["auth"]
    finally:
        path.with_suffix(".away").rename(path)


def test_a_look_leaves_no_trace(stack):
    """Neither a line in the log of whom it asks, nor a count: a monitor's questions would hide what happens."""
    before, logged = Shown(stack, "auth"), len(stack.log("auth"))
    first = checked_at(stack)
    stack.wait(lambda: checked_at(stack) != first, "it was looked again")
    assert Shown(stack, "auth").moved(before, "requests_total") == {} and '"request"' not in stack.log("auth")[logged:]


def test_the_simulator_is_not_missed(stack):
    """Only test data waits for it."""
    with stack.stopped("sandbox"):
        stack.wait(lambda: not_missed(stack, "sandbox") == "unknown", "it does not answer")
        stack.lose_patience(RESTART_SEC)
        stack.wait(lambda: not_missed(stack, "sandbox") == "down", "it is away, and said to be")
        assert stack.wait(lambda: asked(stack)[1], "and all others are there")["status"] == "degraded"
    stack.wait(lambda: not_missed(stack, "sandbox") == "up", "it is back")


@pytest.mark.parametrize("name", ["worker-publish", "worker-media", "worker-mail", "worker-billing", "worker-privacy"])
def test_a_worker_that_is_away(stack, name):
    """For a restart nobody is called; after a minute it is said, until the worker is back. Users do not miss those that delete
    images and send mail: they may be late."""
    stack.wait(lambda: not stack.sql("SELECT 1 FROM worker_heartbeats WHERE seen_at_us > (UNIX_TIMESTAMP() + 1) * 1000000"),
               "the workers have seen that a test before this one has set the clock back")
    with stack.stopped(name):
        before = checked_at(stack)
        stack.move_clock(40)
        stack.wait(lambda: checked_at(stack) != before, "it was looked again, and nobody is missed")
        stack.move_clock(21)
        def is_missed():
            answer = asked(stack)
            return [p for p, state in answer[0].items() if state == "down"] == [name] and answer
        states, data = stack.wait(is_missed, "only the one that is away is missed")  # the other says so by itself
        assert (data is None) == (name == "worker-publish")
        if data:
            assert data["status"] == "degraded" and set(states.values()) == {"up", "down"}
    stack.wait(lambda: down(stack) == [], "it is ready again")


def test_the_database_is_away(stack):
    """Then nobody knows about the workers, but the programs are there."""
    with stack.stopped("mariadb"):
        stack.wait(lambda: down(stack) == ["database"], "it is missed")


def test_a_database_that_hangs(stack):
    """The answer does not wait as long as a statement may take, whoever else asks."""
    with stack.configured("keys", database_timeout_sec=60):
        stack.wait(lambda: down(stack) == [], "it is there")
        with stack.frozen("mariadb"), ThreadPoolExecutor(8) as pool:
            stack.wait(lambda: down(stack) == ["database"], "it is missed")
            answers = list(pool.map(lambda _: stack.client().get("/readyz"), range(8)))
            assert {a.status_code for a in answers} == {503}
            assert {a.json()["error"]["code"] for a in answers} <= {"unavailable", "busy"}
            assert stack.client().get("/healthz").status_code == 200


def test_who_may_not_wait_holds_no_thread(stack):
    """Two wait for the database that hangs. Many others are told before the first of the two is."""
    client = stack.client()

    def told_meanwhile():
        """Whether it can be said: 30 answers may take longer than the two wait."""
        held = [pool.submit(stack.client().get, "/readyz") for _ in range(2)]
        stack.wait(lambda: Shown(stack, "keys")("threads_busy") == 2 or any(answer.done() for answer in held), "two wait")
        busy = sum(client.get("/readyz").json()["error"]["code"] == "busy" for _ in range(30))
        in_time = busy == 30 and not any(answer.done() for answer in held)
        for answer in held:
            answer.result()
        return in_time

    with stack.configured("keys", database_timeout_sec=60), stack.frozen("mariadb"), ThreadPoolExecutor(2) as pool:
        stack.wait(lambda: client.get("/readyz").json()["error"]["details"], "the database is missed")
        stack.wait(told_meanwhile, "all others are told before the two are", seconds=60)


def test_a_crowd_that_nobody_came_before(stack):
    """No look is young enough for those who ask at once, and it takes a moment. Nobody is told that the service is busy for that."""
    clients = [stack.client() for _ in range(8)]

    def codes():
        stack.restart("keys")  # its last look is forgotten
        assert {client.get("/healthz").status_code for client in clients} == {200}
        together = threading.Barrier(len(clients))
        with ThreadPoolExecutor(len(clients)) as pool:
            return {a.status_code for a in pool.map(lambda c: together.wait() is None or c.get("/readyz"), clients)}
    assert any(codes() == {200} for _ in range(3))  # once is enough, if the machine does not stand still


def test_an_older_schema(stack):
    (newest,) = stack.sql("SELECT * FROM schema_migrations ORDER BY version DESC LIMIT 1")
    stack.sql("DELETE FROM schema_migrations WHERE version = %s", newest["version"])
    try:
        stack.wait(lambda: down(stack) == ["schema"], "it is said")
    finally:
        stack.sql(f"INSERT INTO schema_migrations VALUES ({', '.join(['%s'] * len(newest))})", *newest.values())
    stack.wait(lambda: down(stack) == [], "it is ready again")


def test_a_schema_that_is_newer_by_more_than_a_release(stack):
    (newest,) = stack.sql("SELECT version, oldest FROM schema_migrations ORDER BY version DESC LIMIT 1")
    stack.sql("UPDATE schema_migrations SET oldest = version + 1 WHERE version = %s", newest["version"])
    try:
        stack.wait(lambda: down(stack) == ["schema"], "it is said")
    finally:
        stack.sql("UPDATE schema_migrations SET oldest = %s WHERE version = %s", newest["oldest"], newest["version"])
    stack.wait(lambda: down(stack) == [], "it is ready again")


def test_looks_are_few(stack):
    """At most one a second, however many ask."""
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        looks = {data["checked_at"] for _, data in pool.map(lambda _: asked(stack), range(300))}
    assert 1 <= len(looks) <= (time.monotonic() - began) / LOOKED_SEC + 2  # the last one before it, too


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_socket_of_an_older_release(stack):
    """Whom keys may not ask is neither up nor down."""
    path = stack.at.run / "auth.sock"
    os.chown(path, 0, services.GID_NGINX)
    try:
        stack.wait(lambda: asked(stack)[0]["auth"] == "unknown", "it is not known")
        assert asked(stack)[1]["status"] == "degraded"
    finally:
        os.chown(path, 0, services.GID_APPS)
