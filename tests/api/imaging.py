"""The image service asked directly, as the apps ask it, and the images that make it work."""

import contextlib
import functools
import os
import pathlib
import re
import signal
import socket
import struct
import tempfile
import uuid
import zlib

from helpers import all_stopped
from readable import readable


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(width, height, depth, colour, row, rows=None):
    pixels = zlib.compress((b"\0" + row) * (height if rows is None else rows))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def zipped_texts(png, n=12, size=5_000_000):
    """The PNG with n texts of that size, which are short on the way."""
    return png[:33] + n * chunk(b"zTXt", b"maker\0\0" + zlib.compress(b"a" * size)) + png[33:]


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def interlaced_png(width, height, whole=False):
    """16-bit RGBA. Without its pixels, unless whole."""
    deflate, pixels = zlib.compressobj(1), []
    for x, y, step_x, step_y in ADAM7 if whole else ():
        row = b"\0" + b"\x10\x20\x30\x40\x50\x60\x70\x80" * len(range(x, width, step_x))
        pixels += [deflate.compress(row) for _ in range(y, height, step_y)]
    pixels = b"".join(pixels) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, 16, 6, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@functools.cache
def slow_png(side=10000):
    """16-bit RGBA: over a second of work for its 100 megapixels, under a megabyte to send."""
    deflate, row = zlib.compressobj(1), b"\0" + b"\x10\x20\x30\x40\x50\x60\x70\x80" * side
    pixels = b"".join(deflate.compress(row) for _ in range(side)) + deflate.flush()
    header = struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def processes_of(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(child) for child in children.split()}


NEED_MAX = 384 << 20
NOBODY = bytes(16)
REPORT_BYTES, ERRORS = 56, 15  # what apps know of a report


def asking(timeout_sec=30, queue_sec=10, user=NOBODY, need=NEED_MAX, version=0x4D495632, report_bytes=REPORT_BYTES, errors=ERRORS,
           background=0xFFFFFF):
    """A struct image_request."""
    return struct.pack("=IiQ16sqIiII", version, timeout_sec, need, user, int(queue_sec * 1_000_000), report_bytes, errors, background, 0)


def asking_as_before():
    """As an app of the release before asks."""
    return asking()[:40]


@contextlib.contextmanager
def asked(stack, request, *files):
    """A socket on which that was asked."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(120)
        s.connect(str(stack.at.run / "image.sock"))
        socket.send_fds(s, [request], [f.fileno() for f in files])
        yield s


def ask(stack, request, *files):
    """What the service says to the bytes and the files: a struct image_report, or nothing."""
    with asked(stack, request, *files) as s:
        return s.recv(4096)


def error_name(report):
    table = (pathlib.Path(__file__).resolve().parents[2] / "lib/image/wire.c").read_text()
    return re.findall(r"^    (?:ERR_)?(\w+),$", table, re.MULTILINE)[struct.unpack_from("=i", report)[0]]


@contextlib.contextmanager
def files_of(data):
    with tempfile.TemporaryFile() as original, tempfile.TemporaryFile() as repaired:
        original.write(data)
        original.flush()
        yield original, repaired


def user_tag():
    """A user whom the service has not seen yet."""
    return uuid.uuid4().bytes


def holds(pid, file):
    """Whether the process has that file open."""
    wanted = os.fstat(file.fileno()).st_ino
    try:
        return any(os.stat(fd).st_ino == wanted for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:  # it, or a descriptor, has gone meanwhile
        return False


def is_answered(client):
    return bool(readable([client]))


@contextlib.contextmanager
def frozen(stack, user, n, side=4000):
    """Inside the with block n images of that user are at work and get nowhere; yields the processes that have them.
    Afterwards they are finished, or lost if their processes have died."""
    with contextlib.ExitStack() as stay:
        pids, clients = [], []

        def stop_at_work():
            """One that is finished before its process stands still does not count, and another comes."""
            files = stay.enter_context(files_of(slow_png(side)))
            client = stay.enter_context(asked(stack, asking(120, user=user), *files))
            pid = stack.wait(lambda: next((p for p in processes_of(stack.pid("image")) if holds(p, files[0])), None) or is_answered(client),
                             "a process has it")
            if not is_answered(client):
                os.kill(pid, signal.SIGSTOP)
                stack.wait(lambda: all_stopped(pid), "it stands still")
            if is_answered(client):
                if pid is not True:
                    os.kill(pid, signal.SIGCONT)
                return False
            clients.append(client)
            pids.append(pid)
            return True

        for _ in range(n):
            stack.wait(stop_at_work, "an image is at work")
        try:
            yield pids
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            for client in clients:
                answer = client.recv(4096)
                assert answer == b"" or error_name(answer) == "OK"
