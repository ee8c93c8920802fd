"""What else becomes of an image, by its kind: AVIF and HEIC, a WebP that needs nothing, what is put behind a transparent one, and
files that are made to do harm."""

import io
import itertools
import json
import pathlib
import struct
import uuid
import zlib

import pytest
from PIL import Image, ImageCms

import heif
import images
from helpers import build_option, expect
from images import GPS, ORIENTATION, encoded
from imaging import chunk, zipped_texts

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)


@pytest.fixture(params=["AVIF", "HEIC"])
def kind(request):
    if request.param == "HEIC" and not build_option("heic"):
        pytest.skip("built without HEIC")
    return request.param


@pytest.fixture
def send(stack, user):
    """Uploads the bytes; (the upload, the file as it is kept)."""

    def sent(data, **fields):
        if fields:
            parts = [(name, (None, value)) for name, value in fields.items()] + [("image", ("x", data))]
            made = expect(user.api.post("/api/v1/uploads", files=parts), 201)["data"]
        else:
            made = expect(user.api.post("/api/v1/uploads", data=data), 201)["data"]
        kept = next((stack.dir / "store").rglob(f"{made['id']}.jpg")).read_bytes()
        assert (made["media_type"], made["width"], made["height"]) == (f"image/{opened(kept).format.lower()}", *opened(kept).size)
        return made, kept

    return sent


@pytest.fixture
def refused(user):
    return lambda data, status, code: expect(user.api.post("/api/v1/uploads", data=data), status, code)["error"]


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def quarters(width, height):
    image = Image.new("RGB", (width, height))
    for x, y, colour in ((0, 0, RED), (1, 0, GREEN), (0, 1, BLUE), (1, 1, YELLOW)):
        image.paste(colour, (x * width // 2, y * height // 2, (x + 1) * width // 2, (y + 1) * height // 2))
    return image


def corners(image):
    right, bottom = image.width - 5, image.height - 5
    return [image.getpixel(at) for at in ((4, 4), (right, 4), (4, bottom), (right, bottom))]


def are_near(pixels, colours, most=24):
    return all(abs(a - b) <= most for pixel, colour in zip(pixels, colours) for a, b in zip(pixel, colour))


# AVIF and HEIC


@pytest.mark.parametrize("mirrored", [None, 0, 1])
@pytest.mark.parametrize("turned", [None, 1, 2, 3])
def test_boxes_say_how_it_is_turned(send, kind, turned, mirrored):
    """By quarters to the left, then top and bottom (0) or left and right (1) exchanged (ISO 23008-12:2022 6.5.10, 6.5.12); EXIF says the same,
    and is not asked."""
    tags = Image.Exif()
    tags[ORIENTATION] = 6
    made, kept = send(heif.container(heif.tile(kind, quarters(128, 96)), turned=turned, mirrored=mirrored,
                                     items=[(b"Exif", b"", bytes(4) + tags.tobytes()[6:])]))
    wanted = quarters(128, 96).rotate(90 * (turned or 0), expand=True)
    if mirrored is not None:
        wanted = wanted.transpose([Image.FLIP_TOP_BOTTOM, Image.FLIP_LEFT_RIGHT][mirrored])
    assert opened(kept).size == wanted.size and are_near(corners(opened(kept)), corners(wanted))
    assert made["original"]["media_type"] == f"image/{kind.lower()}"
    assert (made["original"]["width"], made["original"]["height"]) == (128, 96)
    assert ("orientation" in made["changes"]) == (turned is not None or mirrored is not None)
    assert {"reencoded", "metadata_removed"} <= set(made["changes"])


def test_a_picture_of_tiles_is_cut_and_fitted(send, kind):
    made, kept = send(heif.container(heif.tile(kind, images.picture(256, 256)), grid=(8, 6), size=(2000, 1500)))
    assert opened(kept).size == (1080, 810) and made["changes"] == ["resized", "reencoded"]
    made, kept = send(heif.container(heif.tile(kind, quarters(128, 96)), more=(heif.clap(60, 40),)))
    assert opened(kept).size == (60, 40) and are_near(corners(opened(kept)), [RED, GREEN, BLUE, YELLOW])


def test_nothing_of_the_boxes_remains(send, kind):
    tags = Image.Exif()
    tags[images.MAKE] = "Example Camera"
    tags.get_ifd(GPS).update({1: "N", 2: (48.0, 51.0, 24.0)})
    made, kept = send(heif.container(heif.tile(kind, images.picture(300, 200)), items=[(b"Exif", b"", bytes(4) + tags.tobytes()[6:])],
                                     after=heif.box(b"uuid", bytes(16), b"a secret") + b"\0\0\0\0mdat a video"))
    assert "metadata_removed" in made["changes"] and not opened(kept).getexif()
    for secret in (b"Example Camera", b"a secret", b"a video"):
        assert secret not in kept


C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + bytes(4) + b"manifest\0" + bytes(8)
XMP = f'<rdf:Description Iptc4xmpExt:DigitalSourceType="{images.TRAINED}"/>'.encode()


@pytest.mark.parametrize("more", [
    {"items": [(b"mime", b"application/rdf+xml", XMP)]},
    {"before": heif.box(b"uuid", C2PA, images.manifests([("c2pa.created", images.TRAINED)]))},
], ids=["xmp", "c2pa"])
def test_what_the_boxes_say_of_ai(send, kind, more):
    tile = heif.tile(kind, images.picture(300, 200))
    assert send(heif.container(tile, **more))[0]["provenance"] == "ai_generated"
    assert send(heif.container(tile))[0]["provenance"] == "none_found"


def test_colours_by_profile_or_by_number(send):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"tmp!").replace(b"bXYZ", b"rXYZ").replace(b"tmp!", b"bXYZ")
    tile = heif.tile("AVIF", Image.new("RGB", (128, 128), (200, 100, 50)))
    assert "colour_converted" not in send(heif.container(tile, more=(heif.profile(srgb),)))[0]["changes"]
    for colr in (heif.profile(swapped), heif.nclx(12)):
        made, kept = send(heif.container(tile, more=(colr,)))
        assert "colour_converted" in made["changes"] and not are_near([opened(kept).getpixel((9, 9))], [(200, 100, 50)], 8)


# Of red, green and blue, as XYZ under D50 (the profiles of Apple and Adobe)
PRIMARIES = {
    "Display P3": [(0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)],
    "Adobe RGB": [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)],
}


def with_primaries(profile, primaries):
    made = bytearray(profile)
    for tag, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries):
        at = struct.unpack_from(">I", profile, profile.index(tag) + 4)[0]
        struct.pack_into(">iii", made, at + 8, *(round(v * 65536) for v in xyz))
    return bytes(made)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("name", PRIMARIES)
def test_photographs_in_wider_colours(send, kind, name):
    """As LittleCMS converts them."""
    srgb, colour = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")), Image.new("RGB", (128, 128), (180, 110, 60))
    wide = with_primaries(srgb.tobytes(), PRIMARIES[name])
    wanted = ImageCms.profileToProfile(colour, ImageCms.ImageCmsProfile(io.BytesIO(wide)), srgb, renderingIntent=1).getpixel((9, 9))
    assert not are_near([wanted], [(180, 110, 60)], 8)
    data = heif.container(heif.tile(kind, colour, quality=95), more=(heif.profile(wide),)) if kind == "AVIF" else \
        encoded(colour, kind, icc_profile=wide, quality=95)
    made, kept = send(data)
    assert "colour_converted" in made["changes"] and made["media_type"] == "image/jpeg"
    assert are_near([opened(kept).getpixel((9, 9))], [wanted], 5)


def inks():
    """A profile of four inks that no printer has, in the smallest table that there is: cyan looks red, magenta green, yellow blue."""
    corners = bytes(v for c, m, y, k in itertools.product((0, 1), repeat=4)
                    for v in (round(255 * (1 - (c + m + y) / 4) * (1 - k)), 128 + 60 * (c - m) * (1 - k), 128 + 60 * (m - y) * (1 - k)))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536) + 4 * bytes(range(256)) + corners \
        + 3 * bytes(range(256))
    tags = {b"desc": b"desc\0\0\0\0\0\0\0\5inks\0" + bytes(79), b"cprt": b"text\0\0\0\0nobody's\0",
            b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061), b"A2B0": table}
    at, index, data = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        index += name + struct.pack(">II", at + len(data), len(content))
        data += content
    head = struct.pack(">I4sI4s4s4s12x4s28x3i4x", at + len(data), b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ", b"acsp", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + index + data


def test_a_photograph_in_the_colours_of_a_press(send):
    """By its own profile, not by what such inks usually are."""
    srgb, colour = ImageCms.createProfile("sRGB"), Image.new("CMYK", (128, 128), (200, 40, 20, 30))
    wanted = ImageCms.profileToProfile(colour, ImageCms.ImageCmsProfile(io.BytesIO(inks())), srgb, renderingIntent=1, outputMode="RGB").getpixel((9, 9))
    assert not are_near([wanted], [colour.convert("RGB").getpixel((9, 9))], 60)
    made, kept = send(encoded(colour, "JPEG", icc_profile=inks(), quality=95))
    assert "colour_converted" in made["changes"] and are_near([opened(kept).getpixel((9, 9))], [wanted], 8)


def test_transparent_avif(send):
    made, kept = send(heif.encoded(Image.new("RGBA", (128, 128), (255, 0, 0, 128)), "AVIF"))
    assert "flattened" in made["changes"] and are_near([opened(kept).getpixel((9, 9))], [(255, 127, 127)])


def test_avif_that_is_refused(stack, refused):
    tile = heif.tile("AVIF", images.picture(256, 256))
    before = len(stack.log("image").splitlines())
    refused(heif.container(tile, brands=b"avis" + bytes(4) + b"avifmif1"), 422, "image_animated")
    refused(heif.container(tile, after=heif.box(b"moov", b"")), 422, "image_animated")
    refused(heif.container(tile, grid=(64, 64), size=(16384, 16384)), 422, "image_too_many_pixels")
    refused(heif.container(tile, more=(heif.ispe(65535, 65535),)), 422, "image_too_many_pixels")
    refused(heif.container(tile, grid=(40, 39), size=(10000, 9900)), 422, "image_needs_memory")
    refused(heif.container(tile, brands=b"isom" + bytes(4) + b"mp42"), 415, "image_type_unsupported")
    assert len(stack.log("image").splitlines()) == before, "no decoder saw them"
    whole = heif.container(tile)
    for kept in (100, len(whole) - len(tile[3]), len(whole) - len(tile[3]) // 2):
        refused(whole[:kept], 422, "image_corrupt")
    refused(heif.container(tile, more=(heif.ispe(64, 64),)), 422, "image_corrupt")


# A WebP that needs nothing


@pytest.mark.parametrize("mode, more", [("RGB", {}), ("RGB", {"lossless": True}), ("RGBA", {}), ("RGB", {"exif": b"Exif\0\0II*\0\0\0\0\0"})],
                         ids=["lossy", "lossless", "opaque", "exif"])
def test_a_webp_that_needs_nothing_keeps_its_pixels(send, mode, more):
    data = encoded(images.picture(300, 200).convert(mode), "WEBP", **more)
    for sent, removed in ((data, bool(more.get("exif")) or mode == "RGBA"), (data + b"a video, with its place", True)):
        made, kept = send(sent)
        assert made["media_type"] == made["original"]["media_type"] == "image/webp"
        assert opened(kept).tobytes() == opened(data).convert("RGB").tobytes()
        assert kept[12:15] == b"VP8" and struct.unpack_from("<I", kept, 4)[0] == len(kept) - 8
        assert made["changes"] == (["metadata_removed"] if len(kept) < len(sent) else []) and removed >= (kept != sent)


def test_a_webp_that_needs_something_becomes_a_jpeg(send):
    for image, changes in ((images.picture(2000, 100), ["resized", "reencoded"]),
                           (Image.new("RGBA", (60, 40), (255, 0, 0, 128)), ["reencoded", "flattened"])):
        made, kept = send(encoded(image, "WEBP"))
        assert made["media_type"] == "image/jpeg" and made["changes"] == changes


def test_a_webp_is_handed_to_tiktok_as_such(stack, user):
    account, data = user.connect(), encoded(images.picture(300, 200), "WEBP")
    parts = [("platform_options", (None, json.dumps({"post_mode": "DIRECT_POST", "privacy_level": "SELF_ONLY"}))), ("images", ("1.jpg", data))]
    post = expect(user.api.post(f"/api/v1/accounts/{account}/posts", files=parts), 202)["data"]
    ended = stack.wait(lambda: (p := expect(user.api.get(f"/api/v1/posts/{post['id']}"), 200)["data"])["ended_at"] and p, "it is over")
    assert ended["status"] == "published", ended["failure"]
    attempt = stack.sql("SELECT id FROM post_attempts WHERE post_id = %s", uuid.UUID(post["id"]).bytes)[0]["id"]
    answer = user.api.get(f"/m/{uuid.UUID(bytes=attempt)}/0")
    assert answer.headers["Content-Type"] == "image/webp" and answer.content == data


# What is put behind it


def test_a_background(send, user):
    clear = encoded(Image.new("RGBA", (60, 40), (255, 0, 0, 128)), "PNG")
    for colour, seen in (("#0000ff", (127, 0, 128)), ("#00FF00", (127, 127, 0)), ("#000000", (127, 0, 0))):
        made, kept = send(clear, background=colour)
        assert are_near([opened(kept).getpixel((9, 9))], [seen], 6) and "flattened" in made["changes"]
    account = user.connect()
    post = expect(user.api.post(f"/api/v1/accounts/{account}/posts", files=[("background", (None, "#0000ff")), ("images", ("x", clear))]), 202)
    assert "flattened" in post["data"]["images"][0]["changes"]


@pytest.mark.parametrize("parts, code", [
    ([("background", "white"), ("image", None)], "invalid_value"), ([("background", "#fff"), ("image", None)], "invalid_value"),
    ([("background", "#gggggg"), ("image", None)], "invalid_value"), ([("background", ""), ("image", None)], "invalid_value"),
    ([("background", "#" * 9999), ("image", None)], "invalid_value"), ([("image", None), ("background", "#ffffff")], "invalid_value"),
    ([("background", "#ffffff"), ("background", "#ffffff"), ("image", None)], "repeated_field"),
], ids=["name", "short", "digits", "empty", "long", "late", "twice"])
def test_no_background(user, parts, code):
    data = images.jpeg(60, 40)
    for at, name in (("/api/v1/uploads", "image"), (f"/api/v1/accounts/{user.connect()}/posts", "images")):
        files = [(name if value is None else field, ("x", data) if value is None else (None, value)) for field, value in parts]
        error = expect(user.api.post(at, files=files), 422)["error"]
        found = {(d["code"], d["param"]) for d in error["details"]} or {(error["code"], error["param"])}
        assert found in ({(code, "background")}, {("too_long", "background")})


# Files that are made to do harm


def exif_of(entries, count=1 << 30):
    """TIFF of so many entries, each with far more values than there are bytes, whose next folder is the first again."""
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", entries) + entries * struct.pack("<HHII", 0x010E, 2, count, 8) + struct.pack("<I", 8)


def png_chunk(kind, content):
    data = encoded(Image.new("RGB", (60, 40), RED), "PNG")
    return data[:33] + chunk(kind, content) + data[33:]


BOMB = zlib.compress(bytes(200_000_000), 9)
JPEG = images.jpeg(60, 40)


@pytest.mark.parametrize("data", [
    zipped_texts(encoded(Image.new("RGB", (60, 40), RED), "PNG"), 1, 200_000_000), png_chunk(b"iTXt", b"maker\0\1\0\0\0" + BOMB),
    png_chunk(b"iCCP", b"profile\0\0" + BOMB), png_chunk(b"eXIf", exif_of(5000)[6:]),
    images.with_segment(JPEG, 0xE1, exif_of(5000)), images.with_segment(JPEG, 0xE2, b"ICC_PROFILE\0\1\xff" + b"x" * 60000),
    JPEG + b"PK\3\4" + bytes(1000), heif.container(heif.tile("AVIF", images.picture(128, 128)), more=(heif.profile(b"x" * 3_000_000),)),
    encoded(Image.new("RGB", (1, 1), RED), "PNG"), encoded(Image.new("RGB", (1, 1), RED), "WEBP"),
], ids=["zTXt", "iTXt", "iCCP", "eXIf", "EXIF", "ICC", "zip", "colr", "1x1 PNG", "1x1 WebP"])
def test_bombs_are_nobodys_burden(send, data):
    """An image is in them, and comes out; what is around it costs nothing."""
    made, kept = send(data)
    assert len(kept) <= max(len(data), 2000) and b"PK\3\4" not in kept


def test_a_name_is_only_a_name(stack, user):
    before = {p for p in pathlib.Path(stack.dir).rglob("*") if "evil" in p.name}
    for name in ("../../../../tmp/evil.jpg", "/etc/evil.jpg", "evil.jpg\0.png", "evil;rm -rf .jpg", "..\\evil.png", "evil.pdf"):
        made = expect(user.api.post("/api/v1/uploads", files={"image": (name, JPEG, "image/png")}), 201)["data"]
        assert made["original"]["media_type"] == "image/jpeg"
    assert {p for p in pathlib.Path(stack.dir).rglob("*") if "evil" in p.name} == before
