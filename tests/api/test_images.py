"""What the image service makes of images: through POST /uploads, looked at in the store."""

import concurrent.futures
import contextlib
import functools
import io
import os
import pathlib
import re
import signal
import socket
import struct
import tempfile
import zlib

import pytest
from PIL import Image, ImageCms

from helpers import expect
import images

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)
STORED = {1: None, 2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM, 5: Image.TRANSPOSE,
          6: Image.ROTATE_90, 7: Image.TRANSVERSE, 8: Image.ROTATE_270}


def encode(image, kind, **more):
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def plain(mode, colour, size=(60, 40)):
    return Image.new(mode, size, colour)


def quarters(width, height):
    """Each corner has its colour: red and green above, blue and yellow below."""
    image = Image.new("RGB", (width, height))
    for x, y, colour in ((0, 0, RED), (1, 0, GREEN), (0, 1, BLUE), (1, 1, YELLOW)):
        image.paste(colour, (x * width // 2, y * height // 2, (x + 1) * width // 2, (y + 1) * height // 2))
    return image


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(width, height, depth, colour, row, rows=None):
    pixels = zlib.compress((b"\0" + row) * (height if rows is None else rows))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def is_near(pixel, colour, most=14):
    return len(pixel) == len(colour) and all(abs(a - b) <= most for a, b in zip(pixel, colour))


@pytest.fixture
def send(stack, user):
    """Uploads the bytes; (the upload, the image as it lies in the store)."""

    def sent(data):
        upload = expect(user.api.post("/api/v1/uploads", data=data), 201)["data"]
        path = stored_file(stack, upload["id"])
        assert path.stat().st_size == upload["size_bytes"]
        image = Image.open(io.BytesIO(path.read_bytes()))
        image.load()
        assert (image.format, image.mode) == ("JPEG", "RGB")
        assert image.size == (upload["width"], upload["height"])
        return upload, image

    return sent


@pytest.fixture
def refused(user):
    def refuse(data, status, code):
        return expect(user.api.post("/api/v1/uploads", data=data), status, code)["error"]

    return refuse


def stored_file(stack, upload_id):
    found = list((stack.dir / "store").rglob(f"{upload_id}.jpg"))
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_ends_upright(send, kind, orientation):
    for size, expected in (((300, 200), (300, 200)), ((2400, 1600), (1080, 720))):
        lies = quarters(*size)
        if STORED[orientation] is not None:
            lies = lies.transpose(STORED[orientation])
        tags = Image.Exif()
        tags[images.ORIENTATION] = orientation
        upload, image = send(encode(lies, kind, exif=tags))
        width, height = image.size
        assert image.size == expected
        assert (upload["original"]["width"], upload["original"]["height"]) == lies.size
        assert is_near(image.getpixel((4, 4)), RED), "top left"
        assert is_near(image.getpixel((width - 5, 4)), GREEN), "top right"
        assert is_near(image.getpixel((4, height - 5)), BLUE), "bottom left"
        assert is_near(image.getpixel((width - 5, height - 5)), YELLOW), "bottom right"
        assert ("orientation" in upload["changes"]) == (orientation != 1)
        assert ("resized" in upload["changes"]) == (size != expected)
        assert "metadata_removed" in upload["changes"]


@pytest.mark.parametrize("size, expected", [
    ((1080, 1920), (1080, 1920)),
    ((1081, 1920), (1080, 1918)),
    ((1080, 1921), (1079, 1920)),
    ((1086, 1448), (1080, 1440)),
    ((941, 1672), (941, 1672)),
    ((1920, 1080), (1080, 608)),
    ((4032, 3024), (1080, 810)),
    ((3024, 4032), (1080, 1440)),
    ((2160, 3840), (1080, 1920)),
    ((4320, 7680), (1080, 1920)),
    ((5000, 5001), (1080, 1080)),
    ((16384, 1), (1080, 1)),
    ((1, 16384), (1, 1920)),
    ((1, 1), (1, 1)),
])
def test_sizes_are_exact(send, size, expected):
    for kind in ("JPEG", "PNG"):
        upload, image = send(encode(plain("RGB", (90, 120, 40), size), kind))
        assert image.size == expected, kind
        assert ("resized" in upload["changes"]) == (size != expected)
        assert is_near(image.getpixel((image.width // 2, image.height // 2)), (90, 120, 40))


def test_nothing_of_the_metadata_remains(stack, send):
    data = images.jpeg(400, 300, exif=True)
    with_comment = data[:2] + b"\xff\xfe\x00\x0ba comment" + data[2:]
    upload, image = send(with_comment)
    kept = stored_file(stack, upload["id"]).read_bytes()
    assert "metadata_removed" in upload["changes"]
    assert not image.getexif() and set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    for trace in (b"Exif", b"Example Camera", b"2026:11:22", b"a comment", b"ICC_PROFILE", b"http://ns.adobe.com"):
        assert trace not in kept


def test_only_what_was_done_is_reported(send):
    assert send(images.jpeg(300, 200))[0]["changes"] == ["reencoded"]
    assert send(images.png(300, 200))[0]["changes"] == ["reencoded"]
    assert send(images.jpeg(3000, 200))[0]["changes"] == ["resized", "reencoded"]
    assert send(encode(plain("RGBA", (1, 2, 3, 255)), "PNG"))[0]["changes"] == ["reencoded"]


def test_transparency_goes_onto_white(send):
    for size in ((60, 40), (2400, 1600)):
        upload, image = send(encode(plain("RGBA", (255, 0, 0, 128), size), "PNG"))
        assert is_near(image.getpixel((3, 3)), (255, 127, 127))
        assert "flattened" in upload["changes"]
    palette = plain("P", 0)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.paste(1, (30, 0, 60, 40))
    upload, image = send(encode(palette, "PNG", transparency=bytes([0, 255])))
    assert is_near(image.getpixel((4, 20)), (255, 255, 255)) and is_near(image.getpixel((56, 20)), BLUE)
    assert "flattened" in upload["changes"]
    upload, image = send(encode(plain("LA", (0, 0)), "PNG"))
    assert is_near(image.getpixel((3, 3)), (255, 255, 255))


def test_colours_become_srgb(send):
    upload, image = send(encode(plain("CMYK", (0, 255, 255, 0)), "JPEG", quality=95))
    red, green, blue = image.getpixel((3, 3))
    assert red > 200 and green < 70 and blue < 70, "CMYK red"
    assert "colour_converted" in upload["changes"]
    upload, image = send(encode(plain("CMYK", (0, 0, 0, 0)), "JPEG", quality=95))
    assert is_near(image.getpixel((3, 3)), (255, 255, 255))
    upload, image = send(encode(plain("L", 77), "JPEG"))
    assert is_near(image.getpixel((3, 3)), (77, 77, 77))
    assert "colour_converted" in upload["changes"]
    upload, image = send(encode(plain("1", 1), "PNG"))
    assert is_near(image.getpixel((3, 3)), (255, 255, 255))


def test_16_bits_become_8(send):
    upload, image = send(raw_png(50, 40, 16, 2, b"\x80\x00\x40\x00\x20\x00" * 50))
    assert is_near(image.getpixel((3, 3)), (128, 64, 32), 3)
    assert upload["changes"] == ["reencoded"]
    _, image = send(raw_png(50, 40, 16, 0, b"\x80\x00" * 50))
    assert is_near(image.getpixel((3, 3)), (128, 128, 128), 3)


def test_profiles_are_applied(send):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    upload, image = send(encode(plain("RGB", (200, 100, 50)), "JPEG", quality=95, icc_profile=srgb))
    assert is_near(image.getpixel((3, 3)), (200, 100, 50), 4)
    assert upload["changes"] == ["reencoded", "metadata_removed"], "sRGB changes no colour"
    upload, image = send(encode(plain("RGB", (200, 100, 50)), "PNG", icc_profile=swapped(srgb)))
    assert not is_near(image.getpixel((3, 3)), (200, 100, 50), 30)
    assert "colour_converted" in upload["changes"]
    upload, image = send(encode(plain("RGB", (200, 100, 50)), "JPEG", quality=95, icc_profile=b"no profile" * 30))
    assert is_near(image.getpixel((3, 3)), (200, 100, 50), 4), "a broken profile is ignored"


def swapped(profile):
    """The profile with the primaries of red and blue exchanged."""
    return profile.replace(b"rXYZ", b"tmp!").replace(b"bXYZ", b"rXYZ").replace(b"tmp!", b"bXYZ")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_truncated_image_is_corrupt(refused, kind):
    whole = images.jpeg(1200, 900) if kind == "JPEG" else images.png(1200, 900)
    for kept in (24, 200, len(whole) // 2, len(whole) - 2000, len(whole) - 13):
        refused(whole[:kept], 422, "image_corrupt")


def test_a_damaged_png_is_corrupt(refused):
    whole = bytearray(images.png(1200, 900))
    whole[len(whole) // 2] ^= 0xFF
    refused(bytes(whole), 422, "image_corrupt")


def test_bombs_stop_at_their_header(stack, refused):
    before = len(stack.log("image").splitlines())
    refused(raw_png(50000, 50000, 8, 2, b"", rows=0), 422, "image_too_many_pixels")
    refused(raw_png(16385, 1, 8, 2, b"\0" * 3 * 16385), 422, "image_too_many_pixels")
    refused(raw_png(10000, 10001, 8, 0, b"", rows=0), 422, "image_too_many_pixels")
    assert len(stack.log("image").splitlines()) == before, "no decoder saw them"


def test_pixels_that_do_not_come(refused):
    refused(raw_png(16000, 6000, 8, 2, b"\0" * 48000, rows=10), 422, "image_corrupt")


@pytest.mark.parametrize("name, data", [
    ("pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"),
    ("gif", encode(plain("P", 0), "GIF")),
    ("webp", encode(plain("RGB", RED), "WEBP")),
    ("tiff", encode(plain("RGB", RED), "TIFF")),
    ("svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ("text", b"hello"),
])
def test_other_types_are_refused(refused, name, data):
    refused(data, 415, "image_type_unsupported")


# The service's processes


@functools.cache
def slow_png():
    """100 megapixels of 16-bit RGBA: over a second of work, under a megabyte to send."""
    deflate, row, width = zlib.compressobj(1), b"\0" + b"\x10\x20\x30\x40\x50\x60\x70\x80" * 10000, 10000
    pixels = b"".join(deflate.compress(row) for _ in range(width)) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, width, 16, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def processes_of(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(child) for child in children.split()}


def cpu_ticks(pid):
    """User and system time; 0 when it has ended."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    return int(fields[11]) + int(fields[12])


@contextlib.contextmanager
def at_work(stack, user):
    """Inside the with block an upload is being decoded; yields the future of its answer."""
    data = slow_png()
    before = {pid: cpu_ticks(pid) for pid in processes_of(stack.pid("image"))}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(user.api.post, "/api/v1/uploads", data=data)
        # One that came meanwhile, in the place of one that a test before has killed, began with 0.
        stack.wait(lambda: any(cpu_ticks(pid) > before.get(pid, 0) + 10 for pid in processes_of(stack.pid("image"))),
                   "a process decodes")
        yield answer


def ask(stack, request, *files):
    """What the service says to the bytes and the files: a struct image_report, or nothing."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(30)
        s.connect(str(stack.at.run / "image.sock"))
        socket.send_fds(s, [request], [f.fileno() for f in files])
        return s.recv(4096)


def error_name(report):
    table = (pathlib.Path(__file__).resolve().parents[2] / "lib/base/err.def").read_text()
    return re.findall(r"^ERR\((\w+)", table, re.MULTILINE)[struct.unpack_from("=i", report)[0]]


VERSION = 0x4D495631


def test_a_decoder_that_hangs_is_ended(stack, send):
    with tempfile.TemporaryFile() as original, tempfile.TemporaryFile() as repaired:
        original.write(slow_png())
        original.flush()
        report = ask(stack, struct.pack("=Ii", VERSION, 1), original, repaired)
        assert error_name(report) == "IMAGE_TIMEOUT"
        assert error_name(ask(stack, struct.pack("=Ii", VERSION, 30), original, repaired)) == "OK"


def test_requests_that_are_none(stack, send):
    with tempfile.TemporaryFile() as empty, open("/dev/zero", "rb") as endless:
        good = struct.pack("=Ii", VERSION, 5)
        assert error_name(ask(stack, good, empty, empty)) == "IMAGE_EMPTY"
        assert error_name(ask(stack, good, endless, empty)) == "STORE"
        assert ask(stack, good) == b"", "no files"
        assert ask(stack, good, empty) == b"", "one file"
        assert ask(stack, good[:-1], empty, empty) == b"", "too short"
        assert ask(stack, struct.pack("=Ii", VERSION + 1, 5), empty, empty) == b"", "another version"
        for timeout in (0, -1, 121):
            assert ask(stack, struct.pack("=Ii", VERSION, timeout), empty, empty) == b"", timeout
    send(images.jpeg(100, 80))


def test_a_process_that_dies_costs_its_image_only(stack, user, send):
    with at_work(stack, user) as answer:
        for pid in processes_of(stack.pid("image")):
            os.kill(pid, signal.SIGKILL)
        expect(answer.result(), 503, "image_service_unavailable")
    send(images.jpeg(100, 80))


def test_a_stop_waits_for_what_runs(stack, user, send):
    with at_work(stack, user) as answer:
        old = stack.kill("image", signal.SIGTERM)
        expect(answer.result(), 201)
    stack.wait(lambda: stack.pid("image") not in (None, old), "the service runs again")
    send(images.jpeg(100, 80))


def test_no_service(stack, user, send):
    with stack.stopped("image"):
        answer = user.api.post("/api/v1/uploads", data=images.jpeg(100, 80))
        assert expect(answer, 503, "image_service_unavailable")["error"]["retryable"]
        assert "Retry-After" in answer.headers
    send(images.jpeg(100, 80))


def test_processes_are_replaced(stack, send):
    before = processes_of(stack.pid("image"))
    data = encode(plain("RGB", RED, (8, 8)), "PNG")
    for _ in range(50 * len(before) + 1):  # each serves 50
        send(data)
    assert processes_of(stack.pid("image")) != before
