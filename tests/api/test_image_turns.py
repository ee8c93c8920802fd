"""Users take turns at the image service: one user's images are never in another user's way."""

import concurrent.futures
import contextlib
import os
import pathlib
import signal
import uuid

import pytest

import images
from conftest import User
from helpers import expect
from imaging import ask, asked, asking, error_name, files_of, frozen, processes_of, slow_png, user_tag
from test_metrics import Shown

SMALL = images.jpeg(120, 90)
IMAGE = pathlib.Path(os.environ["MARKETINGCLI_BUILD"]) / "worker/image/marketingcli-image"
# The condition is a text, and looked at when a test runs: tests are listed before there is a build.
ends_in_time = pytest.mark.skipif("b'__tsan_' in IMAGE.read_bytes()", reason="ThreadSanitizer holds back the signal that ends a decoder")


def share(stack):
    """How many processes one user alone can have; all have started."""
    processes = min(max(2 * os.sysconf("SC_NPROCESSORS_ONLN"), 4), 16)
    stack.wait(lambda: Shown(stack, "image")("image_processes") == processes, "all processes run")
    return processes // 2


def waiting(stack):
    return Shown(stack, "image")("images_waiting")


@contextlib.contextmanager
def waits(stack, user, files=None):
    """Inside the with block one more small image of that user waits; yields the socket for its answer. Whoever else waits must have
    been counted before: else it is never one more."""
    before = waiting(stack)
    with contextlib.nullcontext(files) if files else files_of(SMALL) as its, asked(stack, asking(user=user, queue_sec=100), *its) as client:
        stack.wait(lambda: waiting(stack) == before + 1, "it waits")
        yield client


def answered(client):
    """Whether there is an answer yet."""
    client.setblocking(False)
    try:
        return client.recv(4096) or True
    except BlockingIOError:
        return None
    finally:
        client.settimeout(60)


def one_small(stack, **more):
    with files_of(SMALL) as files:
        return error_name(ask(stack, asking(**more), *files))


def test_others_are_served_while_one_users_images_get_nowhere(stack):
    bomber = user_tag()
    with frozen(stack, bomber, share(stack)), waits(stack, bomber) as own:
        for _ in range(8):
            assert one_small(stack, user=user_tag()) == "OK"
        assert answered(own) is None, "his next one waits for his own"
        assert waiting(stack) == 1
    assert waiting(stack) == 0, "and was done afterwards"


def test_a_user_has_half_of_the_processes_at_most(stack):
    user, half = user_tag(), share(stack)
    with frozen(stack, user, half) as pids:
        assert len(set(pids)) == half
        assert one_small(stack, user=user, queue_sec=0) == "BUSY", "whether or not a process is free"
        assert one_small(stack, user=user_tag(), queue_sec=0) == "OK", "and one is"


def test_who_waits_too_long_is_told_so_while_others_work(stack):
    user = user_tag()
    with frozen(stack, user, share(stack)), files_of(SMALL) as files:
        with asked(stack, asking(user=user, queue_sec=0.3), *files) as client:
            assert error_name(client.recv(4096)) == "BUSY"
            assert client.recv(4096) == b"", "nobody is answered twice"
        assert files[1].seek(0, os.SEEK_END) == 0, "nothing was done to it"


def test_the_line_of_one_user_has_an_end(stack):
    user = user_tag()
    with frozen(stack, user, share(stack)), contextlib.ExitStack() as stay:
        for _ in range(16):
            stay.enter_context(waits(stack, user))
        assert one_small(stack, user=user, queue_sec=100) == "BUSY", "at once"
        assert one_small(stack, user=user_tag(), queue_sec=100) == "OK"


def test_who_hangs_up_leaves_the_line(stack):
    user = user_tag()
    with frozen(stack, user, share(stack)) as pids:
        with waits(stack, user):
            pass
        stack.wait(lambda: waiting(stack) == 0, "it has left")
        with waits(stack, user) as client:
            os.kill(pids[0], signal.SIGCONT)
            assert error_name(client.recv(4096)) == "OK"


def test_a_process_that_dies_makes_room_and_loses_one_image(stack):
    user = user_tag()
    with frozen(stack, user, share(stack)) as pids, waits(stack, user) as first, waits(stack, user) as second:
        os.kill(pids[0], signal.SIGKILL)
        assert error_name(first.recv(4096)) == "OK"
        assert error_name(second.recv(4096)) == "OK"


def test_those_of_a_large_need_leave_room(stack):
    """Two of a user's largest may be at work; of another user's, too; then memory is used up, but for small ones."""
    half = share(stack)
    if half < 2:
        pytest.skip("with few processes memory is never short")
    first, second = user_tag(), user_tag()
    with frozen(stack, first, 2), frozen(stack, second, 1):
        assert one_small(stack, user=first, queue_sec=0, need=256 << 20) == "BUSY"
        assert one_small(stack, user=user_tag(), queue_sec=0, need=40 << 20) == "OK"


def test_a_decoder_sees_no_image_but_its_own(stack):
    """A new process is made while another user's image waits here: it must not get a copy of its descriptors."""
    user = user_tag()
    with frozen(stack, user, share(stack)) as pids, files_of(SMALL) as files:
        with waits(stack, user, files), waits(stack, user):
            before = processes_of(stack.pid("image"))
            idle = next(p for p in before if p not in pids and has_socket(p))
            os.kill(idle, signal.SIGKILL)
            new = stack.wait(lambda: processes_of(stack.pid("image")) - before, "another is in its place").pop()
            stack.wait(lambda: len(os.listdir(f"/proc/{new}/fd")) <= 6, "it has closed what is not its own")
            inode = os.fstat(files[0].fileno()).st_ino
            assert inode not in {os.stat(f"/proc/{new}/fd/{fd}").st_ino for fd in os.listdir(f"/proc/{new}/fd")}


def has_socket(pid):
    return "signalfd" in "".join(os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))


def test_a_stop_serves_those_that_wait(stack):
    """Those before them have little left to do: nobody waits for longer than STOP_WAIT_US."""
    user = user_tag()
    with frozen(stack, user, share(stack), side=2000) as pids, waits(stack, user) as client:
        old = stack.kill("image", signal.SIGTERM)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        assert error_name(client.recv(4096)) == "OK"
    stack.wait(lambda: stack.pid("image") not in (None, old), "the service runs again")
    assert one_small(stack) == "OK"


@ends_in_time
def test_the_images_of_one_request_have_one_time(stack, user):
    """It says at which image it ran out; what comes after is not decoded, but the rest of the form is looked at."""
    account = user.connect()
    parts = [("images", ("0.jpg", SMALL, "image/jpeg")), *[("images", ("n.png", slow_png(), "image/png"))] * 3,
             ("title", (None, "x" * 91)), ("platform_options", (None, '{"post_mode": "MEDIA_UPLOAD"}'))]
    def runs_out():
        """At the first slow one, unless the machine stood still for all that time."""
        error = expect(user.api.post(f"/api/v1/accounts/{account}/posts", files=parts), 422)["error"]
        return error["details"][0]["param"] != "images[0]" and error

    with stack.configured("posts", store_request_images_sec=1):
        error = stack.wait(runs_out, "the first image is done in time")
    assert [(d["code"], d["param"]) for d in error["details"]] == [("images_took_too_long", "images[1]"),
                                                                  ("title_too_long", "title")]
    assert not error["retryable"]


def test_a_request_whose_images_only_waited_is_told_to_come_again(stack, user):
    with stack.configured("uploads", store_request_images_sec=1), \
            frozen(stack, uuid.UUID(user.id).bytes, share(stack)):
        answer = user.api.post("/api/v1/uploads", data=SMALL)
        assert expect(answer, 503, "busy")["error"]["retryable"] and "Retry-After" in answer.headers
    expect(user.api.post("/api/v1/uploads", data=SMALL), 201)


@ends_in_time
def test_bombs_of_one_user_through_the_api(stack):
    """Others' uploads and posts go through while they are decoded, and nobody gets an error but the documented ones."""
    bomber, other = User(stack), User(stack)
    accounts = {u: u.connect() for u in (bomber, other)}
    options = ("platform_options", (None, '{"post_mode": "MEDIA_UPLOAD"}'))

    def post(user, data, n):
        parts = [options, *[("images", (f"{i}.png", data, "image/png")) for i in range(n)]]
        return user.api.post(f"/api/v1/accounts/{accounts[user]}/posts", files=parts)

    with stack.configured("posts", "uploads", store_request_images_sec=10, service_queue_sec=4), \
            concurrent.futures.ThreadPoolExecutor(4) as pool:
        bombs = [pool.submit(post, bomber, slow_png(), 9) for _ in range(2)]
        stack.wait(lambda: Shown(stack, "image")("image_processes_busy") > 0, "they are decoded")
        expect(other.api.post("/api/v1/uploads", data=SMALL), 201)
        expect(post(other, images.png(64, 48), 2), 202)
        assert not any(bomb.done() for bomb in bombs), "all of that while they were"
        for bomb in bombs:
            answer = bomb.result()
            if answer.status_code == 503:
                expect(answer, 503, "busy")
            else:
                error = expect(answer, 422)["error"]
                assert {d["code"] for d in error["details"] or [error]} == {"images_took_too_long"}
