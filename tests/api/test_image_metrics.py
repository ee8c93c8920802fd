"""What the image service shows of its images and its processes."""

import os
import signal
import socket
import tempfile
import time

import images
from helpers import expect
from imaging import ask, asked, asking, error_name, files_of, frozen, processes_of, slow_png, user_tag
from test_image_turns import share
from test_metrics import Shown


def moved(stack, before, *names):
    after = Shown(stack, "image")
    return {name: after.moved(before, name) for name in names if after.moved(before, name)}


def ended(stack, before):
    """What an image did that ended its process. One that had its fiftieth image before may end only now, and is left out."""
    all_moved = moved(stack, before, "images_total", "image_seconds_count", "image_processes_ended_total", "image_processes")
    all_moved.get("image_processes_ended_total", {}).pop(("recycled",), None)
    return all_moved


def test_images_are_counted_by_outcome(stack, user):
    before, began = Shown(stack, "image"), time.monotonic()
    for _ in range(3):
        expect(user.api.post("/api/v1/uploads", data=images.jpeg(200, 100)), 201)
    expect(user.api.post("/api/v1/uploads", data=images.jpeg(1200, 900)[:9000]), 422, "image_corrupt")
    with tempfile.TemporaryFile() as original, open("/dev/null", "rb") as not_for_writing:
        original.write(images.jpeg(200, 100))
        original.flush()
        assert error_name(ask(stack, asking(), original, not_for_writing)) == "STORE"
    after, took = Shown(stack, "image"), time.monotonic() - began

    assert after.moved(before, "images_total") == {("done",): 3, ("refused",): 1, ("failed",): 1}
    assert after.moved(before, "image_seconds_count") == {(): 5}
    assert 0 < after.moved(before, "image_seconds_sum")[()] < took


def test_what_is_no_request_is_no_image(stack):
    before = Shown(stack, "image")
    with tempfile.TemporaryFile() as empty:
        assert ask(stack, asking(version=1), empty, empty) == b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as silent:
        silent.connect(str(stack.at.run / "image.sock"))
        assert Shown(stack, "image")("image_processes_busy") == 0
    assert moved(stack, before, "images_total", "image_seconds_count", "image_processes") == {}


def test_a_decoder_that_hangs_is_counted(stack):
    share(stack)  # all run, whatever ended some of them before
    before = Shown(stack, "image")
    with tempfile.TemporaryFile() as original, tempfile.TemporaryFile() as repaired:
        original.write(slow_png())
        original.flush()
        assert error_name(ask(stack, asking(1), original, repaired)) == "IMAGE_TIMEOUT"
    wanted = {"images_total": {("timed_out",): 1}, "image_seconds_count": {(): 1},
              "image_processes_ended_total": {("timed_out",): 1}}
    stack.wait(lambda: ended(stack, before) == wanted, "it has ended and another is in its place")
    assert Shown(stack, "image").moved(before, "image_seconds_sum")[()] >= 1


def test_processes_that_crash_are_counted(stack):
    """And the image that one had; the figures outlive the process that shows them, too."""
    before, children = Shown(stack, "image"), processes_of(stack.pid("image"))
    with frozen(stack, user_tag(), 1):
        assert Shown(stack, "image")("image_processes_busy") == 1
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        stack.wait(lambda: processes_of(stack.pid("image")).isdisjoint(children), "all are others")
    n = before("image_processes")
    assert len(children) == n + 1
    wanted = {"images_total": {("crashed",): 1}, "image_seconds_count": {(): 1},
              "image_processes_ended_total": {("crashed",): n}}
    stack.wait(lambda: ended(stack, before) == wanted, "they are counted")
    assert '"event":"image_process_died","cause":"crashed"' in stack.log("image")


def test_those_that_wait_are_counted(stack):
    user = user_tag()
    before = Shown(stack, "image")
    with frozen(stack, user, share(stack)), files_of(slow_png()) as files:
        with asked(stack, asking(user=user), *files):
            stack.wait(lambda: Shown(stack, "image")("images_waiting") == 1, "it waits")
        stack.wait(lambda: Shown(stack, "image")("images_waiting") == 0, "it has left")
        assert error_name(ask(stack, asking(user=user, queue_sec=0), *files)) == "BUSY"
    assert Shown(stack, "image").moved(before, "images_told_busy_total") == {(): 1}


def test_recycled_processes_are_counted(stack):
    """After 50 connections each, whatever came of them."""
    before = Shown(stack, "image")
    with tempfile.TemporaryFile() as empty:
        for _ in range(50 * int(before("image_processes"))):
            assert error_name(ask(stack, asking(), empty, empty)) == "IMAGE_EMPTY"
    stack.wait(lambda: moved(stack, before, "image_processes_ended_total").get("image_processes_ended_total", {}).get(("recycled",)),
               "one has had its 50")
    stack.wait(lambda: moved(stack, before, "image_processes") == {}, "and another is in its place")
    assert set(moved(stack, before, "image_processes_ended_total")["image_processes_ended_total"]) == {("recycled",)}


def test_the_figures_begin_anew_with_the_service(stack):
    stack.restart("image")
    shown = Shown(stack, "image")
    stack.wait(lambda: Shown(stack, "image")("image_processes") >= 2, "the processes have started")
    assert shown("images_total", outcome="done") == 0 and abs(shown("process_start_time_seconds") - time.time()) < 60
