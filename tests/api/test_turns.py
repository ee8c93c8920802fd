"""What takes long takes turns: it keeps nothing light waiting, nobody has all of a program's share, who stands in line holds no
thread, and who waited too long is told so whatever the others do (lib/fcgi/turns.h)."""

import contextlib
import http.client
import os
import socket
import ssl
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from conftest import User
from helpers import expect
from images import jpeg
from test_metrics import Shown
from test_nginx import waiting_connections
from test_overload import refused
from test_posts import send, send_json
from waiting import patiently

SHARE = 4  # service.heavy_max
PART = 2  # of one user
LINE_USER = 4  # TURNS_LINE_USER


class HeldImages:
    """An image service that takes images and answers none until they are released; then it hangs up on all."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        os.chmod(path, 0o666)  # the programs run as users of their own
        self.listener.listen(100)
        self.released = threading.Event()
        self.held = []
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):  # until the end closes the listener
            while True:
                self.held.append(self.listener.accept()[0])
                if self.released.is_set():
                    self.held.pop().close()

    def count(self):
        return len(self.held)

    def release(self):
        self.released.set()
        while self.held:
            self.held.pop().close()

    def end(self):
        self.release()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


@pytest.fixture
def images():
    path = f"/tmp/held-{uuid.uuid4().hex[:8]}.sock"  # short enough for a socket
    held = HeldImages(path)
    yield path, held
    held.end()
    os.unlink(path)


@pytest.fixture
def held(stack, images):
    """uploads asks the service that holds all it gets; a request waits for 60 s, longer than any test."""
    path, held = images
    with stack.configured("uploads", store_image_socket=path):
        yield held
        held.release()


def upload(user):
    return user.api.post("/api/v1/uploads", data=jpeg(30, 20), timeout=60)


def users_of(stack, n):
    users = [User(stack) for _ in range(n)]
    assert all(user.key for user in users)
    return users


def in_line(stack):
    return Shown(stack, "uploads")("line")


def threads_in_use(stack):
    shown = Shown(stack, "uploads")
    return shown("threads_heavy"), shown("threads_busy")


def test_images_keep_nothing_light_waiting(stack, held):
    users = users_of(stack, SHARE + 2)
    with ThreadPoolExecutor(30) as pool:
        answers = [pool.submit(upload, user) for user in users]
        stack.wait(lambda: held.count() == SHARE and in_line(stack) == 2, "the share is in use, two wait")
        stack.wait(lambda: threads_in_use(stack) == (SHARE, SHARE), "who waits holds no thread")
        for answer in pool.map(lambda user: user.api.get("/api/v1/uploads"), users * 5):
            expect(answer, 200)
        assert held.count() == SHARE and not any(a.done() for a in answers)
        held.release()
        for answer in answers:
            expect(answer.result(), 503)  # the service hung up on them; each had its turn
    stack.wait(lambda: in_line(stack) == 0 and threads_in_use(stack) == (0, 0), "all is free again")


def test_one_user_has_half_of_the_share(stack, held):
    greedy, other, third = users_of(stack, 3)
    with ThreadPoolExecutor(30) as pool:
        answers = [pool.submit(upload, greedy) for _ in range(PART + LINE_USER)]
        stack.wait(lambda: held.count() == PART and in_line(stack) == LINE_USER, "two run, four wait")
        refused(upload(greedy), "busy")
        answers += [pool.submit(upload, other), pool.submit(upload, third)]
        stack.wait(lambda: held.count() == SHARE, "others pass those who wait")
        assert in_line(stack) == LINE_USER
        held.release()
        for answer in answers:
            expect(answer.result(), 503)


def test_two_users_leave_a_place_to_a_third(stack, held):
    users = users_of(stack, 3)
    with ThreadPoolExecutor(30) as pool:
        answers = [pool.submit(upload, user) for user in users[:2] for _ in range(3)]
        stack.wait(lambda: held.count() == SHARE - 1 and in_line(stack) == 3, "three run, three wait")
        answers.append(pool.submit(upload, users[2]))
        stack.wait(lambda: held.count() == SHARE, "the third passes those who have a place")
        assert in_line(stack) == 3
        held.release()
        for answer in answers:
            expect(answer.result(), 503)


def test_a_post_of_uploads_does_not_wait_for_images(stack, images):
    """It decodes nothing: also when all that may take in images are at it."""
    path, held = images
    users = users_of(stack, SHARE + 1)
    accounts = [user.connect() for user in users]
    upload_id = expect(upload(users[-1]), 201)["data"]["id"]
    with stack.configured("posts", store_image_socket=path), ThreadPoolExecutor(30) as pool:
        answers = [pool.submit(send, user.api, account) for user, account in zip(users[:-1], accounts)]
        stack.wait(lambda: held.count() == SHARE, "the share is in use")
        expect(send_json(users[-1].api, accounts[-1], upload_ids=[upload_id], title="now"), 202)
        held.release()
        for answer in answers:
            expect(answer.result(), 503)


def test_sign_ins_of_one_network_do_not_keep_out_others(stack):
    """Those of 127.0.0.2 fill the line; one of 127.0.0.3 comes after few of them. All are there when the first one's turn comes."""
    def sign_in(address):
        client = stack.client(Origin=stack.url)
        adapter = requests.adapters.HTTPAdapter()
        adapter.init_poolmanager(1, 1, source_address=(address, 0))
        client.mount("https://", adapter)
        return client.post("/api/v1/auth/login", json=account, timeout=120)

    with stack.configured("auth", password_bcrypt_cost=10, service_queue_sec=60), ThreadPoolExecutor(30) as pool:
        member = User(stack, cost=10)  # a hash that takes a while
        account = {"email": member.email, "password": member.password}
        with stack.frozen("auth"):
            flood = [pool.submit(sign_in, "127.0.0.2") for _ in range(20)]
            stack.wait(lambda: waiting_connections(stack, "auth") == len(flood), "many wait")
            other = pool.submit(sign_in, "127.0.0.3")
            stack.wait(lambda: waiting_connections(stack, "auth") == len(flood) + 1, "the other one comes after them")
        ids = [expect(answer.result(), 200)["meta"]["request_id"] for answer in (other, *flood)]
        mine, *theirs = map(stack.log("auth").index, ids)
        assert sum(place < mine for place in theirs) < 10


def test_who_finds_no_place_is_told_before_the_body_comes(stack, held):
    greedy, = users_of(stack, 1)
    context = ssl.create_default_context(cafile=str(stack.ca))
    with ThreadPoolExecutor(30) as pool:
        for _ in range(PART + LINE_USER):
            pool.submit(upload, greedy)
        stack.wait(lambda: held.count() == PART and in_line(stack) == LINE_USER, "two run, four wait")
        connection = http.client.HTTPSConnection("localhost", stack.https, context=context, timeout=60)
        connection.putrequest("POST", "/api/v1/uploads")
        for name, value in {"Authorization": f"Bearer {greedy.key}", "Content-Length": "15000000"}.items():
            connection.putheader(name, value)
        connection.endheaders()  # and no body
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
        connection.close()
        held.release()


def test_who_has_sent_images_waits_longer_than_others(stack, images):
    """To be told after ten seconds to send 350 MB again helps nobody."""
    path, held = images
    users = users_of(stack, SHARE + 2)
    with stack.configured("uploads", store_image_socket=path, service_queue_sec=1), ThreadPoolExecutor(30) as pool:
        told = []

        def patient_upload(user):
            return patiently(stack, lambda: upload(user), told)

        running = [pool.submit(patient_upload, user) for user in users[:SHARE]]
        stack.wait(lambda: held.count() == SHARE, "the share is in use")
        waiting = [pool.submit(patient_upload, user) for user in users[SHARE:]]
        stack.wait(lambda: in_line(stack) == len(waiting), "the others wait")
        before = len(told)
        time.sleep(1.3)  # longer than anything else may
        assert in_line(stack) == len(waiting) and len(told) == before
        held.release()
        for answer in running + waiting:
            expect(answer.result(), 503, "image_service_unavailable")  # each had its turn


def test_who_waited_too_long_is_told_while_the_others_run(stack, images):
    path, held = images
    users = users_of(stack, SHARE + 2)
    with stack.configured("uploads", store_image_socket=path, store_queue_sec=1), ThreadPoolExecutor(30) as pool:
        running = [pool.submit(patiently, stack, lambda user=user: upload(user)) for user in users[:SHARE]]
        stack.wait(lambda: held.count() == SHARE, "the share is in use")
        for user in users[SHARE:]:
            refused(upload(user), "busy")
        assert not any(a.done() for a in running)
        assert expect(users[-1].api.get("/api/v1/uploads"), 200)["data"] == []
        held.release()
        for answer in running:
            expect(answer.result(), 503)


def test_a_stop_that_takes_long_goes_on_serving(stack, images):
    """An image that takes longer than others may wait must not take the light requests with it."""
    path, held = images
    user, other = users_of(stack, 2)
    with stack.configured("uploads", store_image_socket=path, service_queue_sec=1), ThreadPoolExecutor(30) as pool:
        running = pool.submit(patiently, stack, lambda: upload(user))
        stack.wait(lambda: held.count() == 1, "an image is in work")
        old = stack.pid("uploads")
        restart = pool.submit(stack.restart, "uploads")
        stack.wait(lambda: upload(other).status_code == 503, "new images are told to come again")
        for _ in range(20):
            expect(patiently(stack, lambda: other.api.get("/api/v1/uploads")), 200)
        assert stack.pid("uploads") == old and not running.done()
        held.release()
        expect(running.result(), 503)
        restart.result()
        expect(patiently(stack, lambda: other.api.get("/api/v1/uploads")), 200)
