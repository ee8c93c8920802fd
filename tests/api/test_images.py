"""What the image service makes of images: through POST /uploads, looked at in the store."""

import concurrent.futures
import contextlib
import io
import os
import pathlib
import re
import signal
import struct
import tempfile

import pytest
from PIL import Image, ImageCms

from helpers import expect
import images
from imaging import (NEED_MAX, REPORT_BYTES, ask, asking, asking_as_before, error_name, files_of, interlaced_png, processes_of, raw_png, slow_png,
                     zipped_texts)

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
        assert (f"image/{image.format.lower()}", image.mode) == (upload["media_type"], "RGB")
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


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
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
    assert send(images.jpeg(300, 200))[0]["changes"] == []
    assert send(images.png(300, 200))[0]["changes"] == ["reencoded"]
    assert send(images.jpeg(3000, 200))[0]["changes"] == ["resized", "reencoded"]
    assert send(encode(plain("RGBA", (1, 2, 3, 255)), "PNG"))[0]["changes"] == ["reencoded"]


@pytest.mark.parametrize("data", [
    images.jpeg(300, 200, exif=True, orientation=1), encode(images.picture(300, 200), "JPEG", progressive=True),
    encode(images.picture(300, 200), "JPEG", subsampling=0, optimize=True), encode(images.picture(300, 200), "JPEG", subsampling=1),
    images.with_xmp(images.jpeg(300, 200), images.TRAINED) + b"\0\0\0\x18ftypmp42 a video, with its place",
    images.jpeg(300, 200) + b"PK\3\4 a ZIP, for whoever reads it from its end",
], ids=["exif", "progressive", "not_halved", "half_halved", "motion_photo", "zip"])
def test_a_jpeg_that_needs_nothing_keeps_its_pixels(send, stack, data):
    """To the bit; and it ends where the image does."""
    upload, image = send(data)
    assert image.tobytes() == Image.open(io.BytesIO(data)).tobytes()
    kept = stored_file(stack, upload["id"]).read_bytes()
    assert kept.endswith(b"\xff\xd9") and len(kept) <= len(data)
    assert upload["changes"] == (["metadata_removed"] if len(kept) < len(data) else [])
    for secret in (b"Exif", b"xap", b"ftyp", b"PK\3\4", b"Example Camera"):
        assert secret not in kept


@pytest.mark.parametrize("data", [
    encode(plain("L", 99), "JPEG"), encode(plain("CMYK", (9, 99, 9, 9)), "JPEG"),
    encode(plain("RGB", (9, 99, 9)), "JPEG").replace(b"\x03\x01\x22", b"\x03\x05\x22", 1).replace(b"\x03\x01\x00", b"\x03\x05\x00", 1),
], ids=["grey", "cmyk", "odd_numbers"])
def test_a_jpeg_that_is_not_as_others_is_written_anew(send, data):
    assert "reencoded" in send(data)[0]["changes"]


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
    assert upload["changes"] == ["metadata_removed"], "sRGB changes no colour"
    upload, image = send(encode(plain("RGB", (200, 100, 50)), "PNG", icc_profile=swapped(srgb)))
    assert not is_near(image.getpixel((3, 3)), (200, 100, 50), 30)
    assert "colour_converted" in upload["changes"]
    upload, image = send(encode(plain("RGB", (200, 100, 50)), "JPEG", quality=95, icc_profile=b"no profile" * 30))
    assert is_near(image.getpixel((3, 3)), (200, 100, 50), 4), "a broken profile is ignored"


def swapped(profile):
    """The profile with the primaries of red and blue exchanged."""
    return profile.replace(b"rXYZ", b"tmp!").replace(b"bXYZ", b"rXYZ").replace(b"tmp!", b"bXYZ")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_truncated_image_is_corrupt(refused, kind):
    whole = {"JPEG": images.jpeg, "PNG": images.png}.get(kind, lambda *size: encode(images.picture(*size), kind))(1200, 900)
    for kept in (24, 200, len(whole) // 2, len(whole) - 2000, len(whole) - 13):
        refused(whole[:kept], 422, "image_corrupt")


def test_a_damaged_png_is_corrupt(refused):
    whole = bytearray(images.png(1200, 900))
    whole[len(whole) // 2] ^= 0xFF
    refused(bytes(whole), 422, "image_corrupt")


def scan_of(data):
    """Where the bytes of the (first) scan begin."""
    at = data.index(b"\xff\xda")
    return at + 2 + int.from_bytes(data[at + 2:at + 4], "big")


def with_restarts(width, rows):
    """A JPEG of so many equal rows of 16 lines, a restart marker after each (T.81 B.2.1): one row's scan, repeated."""
    one = encode(images.picture(width, 16, noise=images.fixed_noise), "JPEG", quality=85)
    sof, sos, scan = one.index(b"\xff\xc0"), one.index(b"\xff\xda"), scan_of(one)
    interval = struct.pack(">HHH", 0xFFDD, 4, (width + 15) // 16)
    data = b"".join(one[scan:-2] + (bytes([0xFF, 0xD0 + i % 8]) if i < rows - 1 else b"") for i in range(rows))
    return one[:sof + 5] + struct.pack(">H", 16 * rows) + one[sof + 7:sos] + interval + one[sos:scan] + data + one[-2:]


def harm(data, at, n=64):
    """What a bad disk or a broken transfer makes of it: a part is lost, or is nothing but zeros."""
    return {"gone": data[:at] + data[at + n:], "zeros": data[:at] + bytes(n) + data[at + n:]}


def some_jpeg(kind, width, height):
    """Always the same of these: with some noise, zeros in a late scan of a progressive one are a picture all the same."""
    if kind == "restarts":
        return with_restarts(width, height // 16)
    return encode(images.picture(width, height, noise=images.fixed_noise), "JPEG", quality=85, progressive=kind == "progressive")


@pytest.mark.parametrize("kind", ["baseline", "progressive", "restarts"])
@pytest.mark.parametrize("size", [(900, 700), (4400, 3300)])
def test_a_damaged_jpeg_is_corrupt(refused, send, size, kind):
    """Although it ends as it should: a decoder goes on with grey, and would call it an image."""
    whole = some_jpeg(kind, *size)
    send(whole)
    for part in (0.1, 0.5, 0.9):
        at = scan_of(whole) + int(part * (len(whole) - scan_of(whole) - 5000))
        for n in (64, 4096) if kind == "baseline" else (4096,):  # elsewhere a little harm may still be a picture
            for what, data in harm(whole, at, n).items():
                if kind == "progressive" and what == "gone":
                    continue  # so may that be, in a later scan
                assert data.endswith(b"\xff\xd9")
                refused(data, 422, "image_corrupt")


def test_a_progressive_jpeg_that_is_cut_between_scans_is_corrupt(refused, send):
    """To a decoder it is a blurred picture: what the other scans would bring is zero."""
    whole = encode(images.picture(900, 700), "JPEG", quality=85, progressive=True)
    send(whole)
    scans = [m.start() for m in re.finditer(b"\xff\xda", whole)]
    tables = [m.start() for m in re.finditer(b"\xff\xc4", whole) if m.start() > scans[0]]
    assert len(scans) == 10 and tables
    for at in scans[1:] + tables:
        refused(whole[:at] + b"\xff\xd9", 422, "image_corrupt")


@pytest.mark.parametrize("options", [{"subsampling": 0}, {"subsampling": 2, "quality": 20}, {"mode": "L"}, {"mode": "CMYK"}])
def test_whole_progressive_jpegs_are_none_the_worse(send, options):
    image = images.picture(300, 200).convert(options.pop("mode", "RGB"))
    send(encode(image, "JPEG", progressive=True, **options))
    send(encode(plain("RGB", RED), "JPEG", progressive=True))  # all but the first coefficients are zero


def test_damage_behind_harmless_oddities_is_seen(refused):
    whole = with_restarts(900, 40)
    odd = whole.replace(b"\xff\xd0", b"\0\0\xff\xd0", 1)
    at = odd.index(b"\xff\xd5")
    refused(odd[:at - 500] + odd[at:], 422, "image_corrupt")


def test_what_some_cameras_and_scanners_do_is_no_damage(send):
    """More bytes than pixels need: after the last one, before a restart, after the end, and metadata between."""
    whole = with_restarts(900, 40)
    wanted = list(send(whole)[1].getdata())
    for odd in (whole[:-2] + bytes(7) + whole[-2:],
                whole[:-2] + whole[3000:3600].replace(b"\xff", b"\x01") + whole[-2:],
                whole.replace(b"\xff\xd0", b"\0\0\xff\xd0").replace(b"\xff\xd3", b"\x12\xff\xd3"),
                whole[:-2] + b"\xff\xfe\x00\x05end" + whole[-2:],
                whole + bytes(1000),
                whole + whole):
        assert list(send(odd)[1].getdata()) == wanted


def segments(data, marker, n, after=b"\xff\xd8"):
    """With n segments of 64 KB after those bytes."""
    at = data.index(after) + len(after)
    if after != b"\xff\xd8":
        at += int.from_bytes(data[at:at + 2], "big")
    return data[:at] + n * (b"\xff" + marker + b"\xff\xff" + b"http://ns.adobe.com/xmp/extension/\0".ljust(65533, b"x")) + data[at:]


@pytest.mark.parametrize("marker", [b"\xe1", b"\xed"])
def test_how_much_metadata_comes_first_does_not_matter(send, marker):
    upload, image = send(segments(images.jpeg(300, 200), marker, 17))
    assert (image.size, upload["changes"]) == ((300, 200), ["metadata_removed"])
    baseline = encode(plain("RGB", RED, (9000, 9000)), "JPEG", subsampling=0)
    upload, image = send(segments(baseline, marker, 17, b"\xff\xc0"))
    assert is_near(image.getpixel((3, 3)), RED) and "metadata_removed" in upload["changes"]


def test_texts_in_a_png_are_nobodys_burden(send):
    upload, image = send(zipped_texts(encode(plain("RGB", RED), "PNG")))
    assert is_near(image.getpixel((3, 3)), RED) and "metadata_removed" in upload["changes"]


def test_bombs_stop_at_their_header(stack, refused):
    before = len(stack.log("image").splitlines())
    refused(raw_png(50000, 50000, 8, 2, b"", rows=0), 422, "image_too_many_pixels")
    refused(raw_png(16385, 1, 8, 2, b"\0" * 3 * 16385), 422, "image_too_many_pixels")
    refused(raw_png(10000, 10001, 8, 0, b"", rows=0), 422, "image_too_many_pixels")
    small = images.jpeg(90, 60)
    refused(small.replace(struct.pack(">HH", 60, 90), b"\xff\xff\xff\xff", 1), 422, "image_too_many_pixels")
    assert len(stack.log("image").splitlines()) == before, "no decoder saw them"


def one_by_one(data):
    """The same JPEG, but its scan says that it holds one of the three components: then all of them are kept to the end."""
    at = data.index(b"\xff\xda")
    return data[:at] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + data[at + 14:]


def test_what_must_be_decoded_whole_has_a_limit(stack, send, refused):
    before = len(stack.log("image").splitlines())
    refused(interlaced_png(10000, 9990), 422, "image_needs_memory")
    refused(interlaced_png(6600, 6600), 422, "image_needs_memory")
    large = encode(plain("RGB", RED, (9000, 9000)), "JPEG", progressive=True, subsampling=0)
    refused(large, 422, "image_needs_memory")
    refused(one_by_one(encode(plain("RGB", RED, (9000, 9000)), "JPEG", subsampling=0)), 422, "image_needs_memory")
    refused(encode(plain("RGB", RED, (9000, 9000)), "WEBP", method=0), 422, "image_needs_memory")
    assert len(stack.log("image").splitlines()) == before, "no decoder saw them"
    for mode, more in (("RGB", {"lossless": True}), ("RGBA", {})):
        upload, image = send(encode(plain(mode, (255, 0, 0, 254)[:len(mode)], (3500, 3500)), "WEBP", method=0, **more))
        assert is_near(image.getpixel((3, 3)), RED)
    for more in ({"progressive": True}, {}):
        upload, image = send(encode(plain("RGB", RED, (5000, 4000)), "JPEG", **more))
        assert is_near(image.getpixel((3, 3)), RED)


def test_pixels_that_do_not_come(refused):
    refused(raw_png(16000, 6000, 8, 2, b"\0" * 48000, rows=10), 422, "image_corrupt")


@pytest.mark.parametrize("name, data", [
    ("pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"),
    ("gif", encode(plain("P", 0), "GIF")),
    ("tiff", encode(plain("RGB", RED), "TIFF")),
    ("svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ("text", b"hello"),
])
def test_other_types_are_refused(refused, name, data):
    refused(data, 415, "image_type_unsupported")


# The service's processes


def cpu_ticks(pid):
    """User and system time; 0 when it has ended."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    return int(fields[11]) + int(fields[12])


@contextlib.contextmanager
def at_work(stack, user, post_to=None, **size):
    """Inside the with block an upload, or a post of that account, is being decoded; yields the future of its answer."""
    data = slow_png(**size)
    body = {"files": [("images", ("1.png", data, "image/png"))]} if post_to else {"data": data}
    before = {pid: cpu_ticks(pid) for pid in processes_of(stack.pid("image"))}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(user.api.post, f"/api/v1/accounts/{post_to}/posts" if post_to else "/api/v1/uploads", **body)
        # One that came meanwhile, in the place of one that a test before has killed, began with 0.
        stack.wait(lambda: any(cpu_ticks(pid) > before.get(pid, 0) + 10 for pid in processes_of(stack.pid("image"))),
                   "a process decodes")
        yield answer


def test_a_decoder_that_hangs_is_ended(stack, send):
    with files_of(slow_png()) as files:
        assert error_name(ask(stack, asking(1), *files)) == "IMAGE_TIMEOUT"
        assert error_name(ask(stack, asking(120), *files)) == "OK"


def test_requests_that_are_none(stack, send):
    with tempfile.TemporaryFile() as empty, open("/dev/zero", "rb") as endless:
        assert error_name(ask(stack, asking(), empty, empty)) == "IMAGE_EMPTY"
        assert error_name(ask(stack, asking(), endless, empty)) == "STORE"
        assert ask(stack, asking()) == b"", "no files"
        assert ask(stack, asking(), empty) == b"", "one file"
        assert ask(stack, asking()[:-1], empty, empty) == b"", "too short"
        assert ask(stack, asking_as_before()[:-1], empty, empty) == b"", "too short for one of before"
        assert ask(stack, asking(version=0x4D495633), empty, empty) == b"", "another version"
        for wrong in ({"timeout_sec": 0}, {"timeout_sec": -1}, {"timeout_sec": 121}, {"queue_sec": -1}, {"queue_sec": 121},
                      {"need": 0}, {"need": NEED_MAX + 1}, {"report_bytes": 47}, {"errors": 13}, {"errors": -1},
                      {"background": 0x1000000}):
            assert ask(stack, asking(**wrong), empty, empty) == b"", wrong
    send(images.jpeg(100, 80))


def test_an_app_of_before_is_understood(stack):
    """In an update it asks the service of after, and gets the report that it knows. Who knows more gets what there is."""
    with files_of(images.with_text(images.png(100, 80), "prompt", "{}")) as (original, repaired):
        report = ask(stack, asking_as_before(), original, repaired)
        assert len(report) == 48
        assert struct.unpack("=iiIIIIIxxxxQq", report)[:6] == (0, 2, 100, 80, 100, 80)
        assert repaired.seek(0, os.SEEK_END) == struct.unpack_from("=Q", report, 32)[0] > 0
    with files_of(images.with_text(images.png(100, 80), "prompt", "{}")) as files:
        more = ask(stack, asking(report_bytes=4096, errors=99) + bytes(40), *files)
        assert len(more) == REPORT_BYTES and more[:32] == report[:32]
    moving = encode(plain("RGB", RED), "PNG", save_all=True, append_images=[plain("RGB", BLUE)])  # it has no word for that
    for data, number in ((b"", 2), (images.jpeg(900, 900)[:9000], 6), (interlaced_png(10000, 9990), 12), (moving, 6)):
        with files_of(data) as files:
            report = ask(stack, asking_as_before(), *files)
            assert (len(report), struct.unpack_from("=i", report)[0]) == (48, number)


def test_a_file_that_is_not_what_was_looked_at(stack):
    """The service decides by what the sender says that the image needs; one that needs more is not decoded."""
    with files_of(images.jpeg(800, 600)) as files:
        assert error_name(ask(stack, asking(need=1 << 20), *files)) == "IMAGE_CORRUPT"
        assert error_name(ask(stack, asking(), *files)) == "OK"


def test_a_process_that_dies_costs_its_image_only(stack, user, send):
    with at_work(stack, user) as answer:
        for pid in processes_of(stack.pid("image")):
            os.kill(pid, signal.SIGKILL)
        expect(answer.result(), 503, "image_service_unavailable")
    send(images.jpeg(100, 80))


def test_a_process_that_dies_of_its_image_blames_it(stack, user, account, send):
    """It would die again: so nobody is told to send the image once more. SIGTRAP is how glib ends when it gets no memory."""
    with at_work(stack, user, account) as answer:
        for pid in processes_of(stack.pid("image")):
            os.kill(pid, signal.SIGTRAP)
        error = expect(answer.result(), 422, "image_undecodable")["error"]
        assert (error["param"], error["retryable"]) == ("images[0]", False)
    send(images.jpeg(100, 80))


def test_a_stop_waits_for_what_runs(stack, user, send):
    with at_work(stack, user, side=6000) as answer:  # so that a slow machine is done within store.image_timeout_sec
        old = stack.kill("image", signal.SIGTERM)
        expect(answer.result(), 201)
    stack.wait(lambda: stack.pid("image") not in (None, old), "the service runs again")
    send(images.jpeg(100, 80))


def test_no_service(stack, user, send):
    """It is waited for as long as an image may take: here two seconds, and 5 s for all else."""
    with stack.configured("uploads", store_image_timeout_sec=1, service_queue_sec=1), stack.stopped("image"):
        answer = user.api.post("/api/v1/uploads", data=images.jpeg(100, 80))
        assert expect(answer, 503, "image_service_unavailable")["error"]["retryable"]
        assert "Retry-After" in answer.headers
    send(images.jpeg(100, 80))


def test_processes_are_replaced(stack, send):
    before = processes_of(stack.pid("image"))
    assert len(before) == 1 + min(max(2 * os.cpu_count(), 4), 16), "those that repair, and one that counts"
    data = encode(plain("RGB", RED, (8, 8)), "PNG")
    for _ in range(50 * len(before) + 1):  # each serves 50
        send(data)
    assert processes_of(stack.pid("image")) != before and len(processes_of(stack.pid("image"))) <= len(before)
