"""Slow clients hold no thread of an app, and who would have to wait too long is told so."""

import contextlib
import http.client
import json
import signal
import socket
import ssl
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import User
from helpers import expect
from images import jpeg
from test_nginx import borrowed_listener, fake_program, waiting_connections

SLOW_CLIENTS = 24  # three for each of an app's 8 threads
PATIENCE_SEC = 25  # far more than an answer takes, less than nginx gives a slow client


def refused(answer, code):
    expect(answer, 503, code)
    assert int(answer.headers["Retry-After"]) > 0


# Slow clients


@pytest.fixture(scope="module")
def reader(stack):
    """A user whose list of posts is three megabytes, more than nginx and the sockets between keep in memory."""
    user = User(stack)
    account = user.account = user.connect()
    options = '{"post_mode": "MEDIA_UPLOAD"}'
    parts = [("description", (None, "Bonjour")), ("platform_options", (None, options)),
             ("images", ("1.jpg", jpeg(90, 60), "image/jpeg"))]
    made = expect(user.api.post(f"/api/v1/accounts/{account}/posts", files=parts), 202)["data"]["id"]
    post = stack.sql("SELECT * FROM posts WHERE id = %s", uuid.UUID(made).bytes)[0]
    post |= {"state": "canceled", "publish_id": None, "description": "\u20ac" * 11000}
    for i in range(99):
        post["id"] = uuid.uuid4().bytes
        stack.sql(f"INSERT INTO posts ({', '.join(post)}) VALUES ({', '.join(['%s'] * len(post))})", *post.values())
    return user


def request(method, path, user, *headers, body=b""):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {user.key}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def slow_headers(user):
    return request("GET", "/api/v1/posts", user)[:-2]


def slow_upload(user):
    return request("POST", "/api/v1/uploads", user, "Content-Type: image/jpeg", "Content-Length: 1000000", body=b"\xff\xd8")


def slow_post(user):
    return request("POST", f"/api/v1/accounts/{user.account}/posts", user, "Content-Type: application/json",
                   "Content-Length: 2000", body=b"{")


def slow_reader(user):
    return request("GET", "/api/v1/posts?limit=100", user)


@contextlib.contextmanager
def slow_clients(stack, sent):
    context = ssl.create_default_context(cafile=str(stack.ca))
    with contextlib.ExitStack() as stay:
        clients = []
        for _ in range(SLOW_CLIENTS):
            plain = stay.enter_context(socket.socket())
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plain.connect(("127.0.0.1", stack.https))
            clients.append(stay.enter_context(context.wrap_socket(plain, server_hostname="localhost")))
            clients[-1].sendall(sent)
        yield clients


@pytest.mark.parametrize("how", [slow_headers, slow_upload, slow_post, slow_reader])
def test_slow_clients_hold_no_thread(stack, reader, how):
    with slow_clients(stack, how(reader)) as clients:
        for path in ("/api/v1/posts?limit=1", "/api/v1/uploads") * 4:
            expect(reader.api.get(path, timeout=PATIENCE_SEC), 200)
        expect(reader.api.post("/api/v1/uploads", data=jpeg(30, 20), timeout=PATIENCE_SEC), 201)
        if how is slow_reader:  # and nothing of its answer is missing
            clients[0].settimeout(60)
            answer = http.client.HTTPResponse(clients[0])
            answer.begin()
            body = answer.read()
            assert len(body) > 3_000_000
            assert texts(json.loads(body)) == texts(expect(reader.api.get("/api/v1/posts?limit=100"), 200))


def texts(page):
    return [(post["id"], post["description"]) for post in page["data"]]


# Waiting for an app


def keys_of(user):
    return expect(user.web.get("/api/v1/keys"), 200)["data"]


def create_key(user):
    return user.web.post("/api/v1/keys", json={"name": "waits"})


def test_who_waited_too_long_is_refused(stack):
    """What its sender may have given up on is not done any more: it would only keep those behind it waiting."""
    users = [User(stack) for _ in range(10)]
    with stack.configured("keys", service_queue_sec=1), ThreadPoolExecutor(len(users)) as pool:
        with stack.frozen("keys"):
            answers = [pool.submit(create_key, user) for user in users]
            stack.wait(lambda: waiting_connections(stack, "keys") == len(users), "all wait")
            time.sleep(1.3)
        for answer in answers:
            refused(answer.result(), "busy")
    assert [keys_of(user) for user in users] == [[]] * len(users)


def test_who_waited_for_a_while_is_served(stack, user):
    """As long as nobody waits by default, with a patience that no machine outruns."""
    with stack.configured("keys", service_queue_sec=60), ThreadPoolExecutor() as pool:
        with stack.frozen("keys"):
            answer = pool.submit(create_key, user)
            stack.wait(lambda: waiting_connections(stack, "keys") == 1, "it waits")
        expect(answer.result(), 201)


def test_an_upload_that_waited_too_long_is_refused(stack, user):
    """Already when nginx asks whether it may be sent, and with the reason for it."""
    assert user.key
    with stack.configured("uploads", service_queue_sec=1), ThreadPoolExecutor() as pool:
        with stack.frozen("uploads"):
            answer = pool.submit(user.api.post, "/api/v1/uploads", data=jpeg(30, 20))
            stack.wait(lambda: waiting_connections(stack, "uploads") == 1, "it waits")
            time.sleep(1.3)
        refused(answer.result(), "busy")
    expect(user.api.post("/api/v1/uploads", data=jpeg(30, 20)), 201)


def test_a_full_queue_refuses_at_once(stack):
    """Nothing of what was refused has happened, so it is a 503 and not the 502 of an app that died with it."""
    users = [User(stack) for _ in range(10)]
    listener = borrowed_listener(stack.pid("supervisor"), f"{stack.at.run}/keys.sock")
    try:
        with ThreadPoolExecutor(len(users)) as pool:
            with stack.frozen("keys"):
                listener.listen(3)  # one more than it says may wait
                answers = [pool.submit(create_key, user) for user in users]
                stack.wait(lambda: sum(a.done() for a in answers) == 6, "those who do not fit are answered")
                for answer in answers:
                    if answer.done():
                        refused(answer.result(), "unavailable")
                listener.listen(4096)
            assert sorted(a.result().status_code for a in answers) == [201] * 4 + [503] * 6
        assert sum(len(keys_of(user)) for user in users) == 4
    finally:
        listener.listen(4096)
        listener.close()


@pytest.mark.parametrize("path", ["/api/v1/uploads", f"/api/v1/accounts/{uuid.UUID(int=1)}/posts"])
def test_an_app_that_dies_when_asked_about_a_body(stack, user, path):
    """Nothing of the request has happened: 503, and not the 500 that nginx makes of it by itself."""
    assert user.key
    name = path.rpartition("/")[2]
    with stack.stopped(name, signal.SIGKILL), fake_program(stack, name):
        refused(user.api.post(path, data=jpeg(30, 20)), "unavailable")
