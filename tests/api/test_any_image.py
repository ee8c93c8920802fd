"""Images at random: each that is accepted passes what TikTok checks, holds no metadata, and says truly what was done to it.

An image is made from its number. A run draws some by the date; MARKETINGCLI_IMAGES names others (3,17), or all 2000."""

import datetime
import hashlib
import io
import json
import os
import random
import struct
import subprocess

import heif
import pytest
from helpers import expect
from images import GPS, MAKE, ORIENTATION, TRAINED, with_chunk, with_manifests, with_segment, with_text, with_xmp
from PIL import Image, ImageCms

ALL, DRAWN, IN_A_POST = 2000, 16, 32
FITS = (1080, 1920)
# What a file without metadata still says of itself, by exiftool's groups.
GROUPS_KEPT = {"SourceFile", "ExifTool", "System", "File", "JFIF", "RIFF", "Composite"}


def numbers():
    asked = os.environ.get("MARKETINGCLI_IMAGES")
    if asked == "all":
        return list(range(ALL))
    if asked:
        return [int(n) for n in asked.split(",")]
    return random.Random(datetime.date.today().toordinal()).sample(range(ALL), DRAWN)


def side(rng, most):
    """Small, as large as fits and a pixel more, or anything."""
    return rng.choice([1, rng.randint(2, 40), *FITS, FITS[0] + 1, FITS[1] + 1, rng.randint(40, most), rng.randint(40, most)])


def profile(rng):
    """None, sRGB, or one whose primaries are exchanged; broken now and then."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"tmp!").replace(b"bXYZ", b"rXYZ").replace(b"tmp!", b"bXYZ")
    return rng.choice([None, None, srgb, swapped, b"no profile" * 30])


def pixels(rng, mode, size):
    """A few colours, in the mode."""
    small = Image.frombytes("RGBA", (4, 4), rng.randbytes(64))
    if mode == "I;16":
        return Image.frombytes(mode, size, bytes(rng.choices(range(256), k=2)) * (size[0] * size[1]))
    image = small.resize(size, Image.BILINEAR)
    return image.convert("RGB").quantize(16) if mode == "P" else image.convert("RGB").convert(mode) if mode == "CMYK" else image.convert(mode)


def exif(rng):
    tags = Image.Exif()
    tags[ORIENTATION] = rng.randint(1, 8)
    if rng.random() < 0.5:
        tags[MAKE] = "Example Camera"
        tags.get_ifd(GPS).update({1: "N", 2: (48.0, 51.0, 24.0), 3: "E", 4: (2.0, 21.0, 8.0)})
    return tags


def marked(rng, kind, data):
    """With what programs and phones put beside the pixels."""
    if kind == "JPEG":
        more = [lambda d: with_segment(d, 0xFE, b"a comment"), lambda d: with_xmp(d, TRAINED),
                lambda d: with_manifests(d, [("c2pa.created", TRAINED)]), lambda d: with_segment(d, 0xED, b"Photoshop 3.0\0place"),
                lambda d: d + b"\0\0\0\x18ftypmp42 a video with a place"]
    elif kind == "PNG":
        more = [lambda d: with_text(d, "Author", "somebody"), lambda d: with_text(d, "prompt", "{}"),
                lambda d: with_manifests(d, [("c2pa.opened", None)]), lambda d: with_chunk(d, b"tIME", bytes(7)),
                lambda d: d + b"a trailer"]
    else:
        more = [lambda d: d + b"a trailer"]
    for add in more:
        if rng.random() < 0.3:
            data = add(data)
    return data


def avif(rng):
    """Tiles of one picture, cut, turned and mirrored."""
    size, turned = (side(rng, 2600), side(rng, 2600)), rng.choice([None, 0, 1, 2, 3])
    tile = heif.tile("AVIF", Image.frombytes("RGB", (4, 4), random.Random(9).randbytes(48)).resize((256, 256), Image.BILINEAR))
    texts = [(b"Exif", b"", bytes(4) + exif(rng).tobytes()[6:]), (b"mime", b"application/rdf+xml", b"<x:xmpmeta/>")]
    colr = [heif.profile(icc)] if (icc := profile(rng)) else rng.choice([[], [heif.nclx(1)], [heif.nclx(12)]])
    data = heif.container(tile, grid=(-(-size[0] // 256), -(-size[1] // 256)), size=size, turned=turned, more=colr,
                          mirrored=rng.choice([None, 0, 1]), items=rng.sample(texts, rng.randint(0, 2)),
                          after=rng.choice([b"", heif.box(b"free", b"somebody")]))
    return "AVIF", size[::-1] if turned in (1, 3) else size, data


def image(number):
    """(kind, its size when it is upright, the bytes)."""
    rng = random.Random(number)
    if rng.random() < 0.15:
        return avif(rng)
    kind = rng.choice(["JPEG", "JPEG", "JPEG", "PNG", "PNG", "WEBP"])
    mode = rng.choice({"JPEG": ["RGB", "RGB", "RGB", "L", "CMYK"], "PNG": ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"],
                       "WEBP": ["RGB", "RGBA"]}[kind])
    size = side(rng, 2600), side(rng, 2600)
    how = {"exif": exif(rng)} if rng.random() < 0.5 else {}
    if mode in ("RGB", "RGBA") and (icc := profile(rng)):
        how["icc_profile"] = icc
    if kind == "JPEG":
        how |= {"quality": rng.randint(20, 97), "progressive": rng.random() < 0.3, "optimize": rng.random() < 0.3}
        how |= {"subsampling": rng.randint(0, 2)} if mode == "RGB" else {}
    elif kind == "PNG":
        how["compress_level"] = 1
    else:
        how |= {"lossless": rng.random() < 0.3, "quality": rng.randint(20, 97), "method": 0}
    out = io.BytesIO()
    pixels(rng, mode, size).save(out, kind, **how)
    turned = "exif" in how and how["exif"][ORIENTATION] >= 5
    return kind, size[::-1] if turned else size, marked(rng, kind, out.getvalue())


def metadata(paths):
    """{file: what exiftool finds in it beyond GROUPS_KEPT}."""
    read = subprocess.run(["exiftool", "-j", "-G0", "-a", "-u", *map(str, paths)], capture_output=True, text=True, check=True)
    return {i["SourceFile"]: [k for k in i if k.split(":")[0] not in GROUPS_KEPT] for i in json.loads(read.stdout)}


def check(number, kind, upright, data, shown, kept):
    """What the answer says is so, and what is kept is what TikTok takes."""
    scale = min(FITS[0] / upright[0], FITS[1] / upright[1], 1)
    assert (shown["width"], shown["height"]) == tuple(max(1, round(side * scale)) for side in upright), number
    with Image.open(io.BytesIO(kept)) as stored:
        stored.load()
        assert (stored.mode, stored.size) == ("RGB", (shown["width"], shown["height"])), number
        assert stored.format == (kind if "reencoded" not in shown["changes"] else "JPEG"), number
    ends = kept.endswith(b"\xff\xd9") if kept.startswith(b"\xff\xd8") else struct.unpack_from("<I", kept, 4)[0] == len(kept) - 8
    assert ends and len(kept) == shown["size_bytes"], number
    assert shown["sha256"] == hashlib.sha256(kept).hexdigest(), number
    assert shown["original"]["sha256"] == hashlib.sha256(data).hexdigest(), number
    assert shown["original"]["media_type"] == f"image/{kind.lower()}", number
    assert ("resized" in shown["changes"]) == (scale < 1), number
    if "reencoded" not in shown["changes"]:
        assert set(shown["changes"]) <= {"metadata_removed"} and kind in ("JPEG", "WEBP"), number
        with Image.open(io.BytesIO(kept)) as stored, Image.open(io.BytesIO(data)) as sent:
            assert stored.tobytes() == sent.convert("RGB").tobytes(), number


DRAW = numbers()


@pytest.mark.parametrize("some", [DRAW[i:i + IN_A_POST] for i in range(0, len(DRAW), IN_A_POST)], ids=lambda some: some[0])
def test_any_image(user, stack, some):
    account, made = user.connect(), [image(number) for number in some]
    options = {"post_mode": "DIRECT_POST", "privacy_level": "PUBLIC_TO_EVERYONE", "is_aigc": True}
    parts = [("platform_options", (None, json.dumps(options)))] + [("images", ("x", data)) for _, _, data in made]
    post = expect(user.api.post(f"/api/v1/accounts/{account}/posts", files=parts), 202)["data"]
    paths = [next((stack.dir / "store").rglob(f"{i['upload_id']}.*")) for i in post["images"]]
    for number, (kind, upright, data), shown, path in zip(some, made, post["images"], paths):
        check(number, kind, upright, data, shown, path.read_bytes())
    assert not {path: left for path, left in metadata(paths).items() if left}
    ended = stack.wait(lambda: (p := expect(user.api.get(f"/api/v1/posts/{post['id']}"), 200)["data"])["ended_at"] and p,
                       "TikTok has looked at the images")
    assert ended["status"] == "published", ended["failure"]
