"""Photographs made by a script: textured like a photograph, so that they do not compress to nothing."""

import io
import random
import struct
import zlib

from PIL import Image, ImageDraw, ImageFilter

ORIENTATION, MAKE, DATE_TIME, GPS = 0x0112, 0x010F, 0x0132, 0x8825


def fixed_noise(size):
    """The same each time; Image.effect_noise cannot be seeded."""
    rng = random.Random(3)
    return Image.frombytes("L", size, bytes(min(max(int(rng.gauss(128, 24)), 0), 255) for _ in range(size[0] * size[1])))


def picture(width, height, seed=1, noise=lambda size: Image.effect_noise(size, 24)):
    """A sky, hills and grain; the top left corner is red and the others are not, so that a turn is seen. No two are the same bytes,
    unless the noise is."""
    rng = random.Random(seed)
    small = Image.new("RGB", (64, 64))
    draw = ImageDraw.Draw(small)
    for y in range(64):
        draw.line([(0, y), (64, y)], fill=(90 + y, 140 + y, 230 - y))
    for _ in range(6):
        x, top = rng.randrange(64), rng.randrange(24, 56)
        draw.polygon([(x - 30, 64), (x, top), (x + 30, 64)], fill=(rng.randrange(40, 90), rng.randrange(90, 150), 60))
    whole = small.resize((width, height), Image.BICUBIC)
    tile = noise((min(width, 256), min(height, 256))).convert("RGB")
    grain = Image.new("RGB", (width, height))
    for x in range(0, width, tile.width):
        for y in range(0, height, tile.height):
            grain.paste(tile, (x, y))
    whole = Image.blend(whole, grain.filter(ImageFilter.SMOOTH), 0.15)
    ImageDraw.Draw(whole).rectangle([0, 0, width // 4, height // 4], fill=(220, 20, 20))
    return whole


def jpeg(width, height, orientation=None, exif=False, quality=85):
    """A JPEG. orientation: EXIF 1 to 8; exif: with a maker, a date and a place in it."""
    tags = Image.Exif()
    if orientation is not None:
        tags[ORIENTATION] = orientation
    if exif:
        tags[MAKE] = "Example Camera"
        tags[DATE_TIME] = "2026:11:22 12:00:00"
        tags.get_ifd(GPS).update({1: "N", 2: (48.0, 51.0, 24.0), 3: "E", 4: (2.0, 21.0, 8.0)})
    out = io.BytesIO()
    more = {"exif": tags} if len(tags) or exif else {}
    picture(width, height).save(out, "JPEG", quality=quality, **more)
    return out.getvalue()


def encoded(image, kind, **more):
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def png(width, height, alpha=False):
    """A PNG; alpha: half transparent from the top left to the bottom right."""
    made = picture(width, height, seed=2)
    if alpha:
        made.putalpha(Image.linear_gradient("L").resize((width, height)))
    out = io.BytesIO()
    made.save(out, "PNG", compress_level=1)
    return out.getvalue()


# --- what says of an image that AI made it


TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


def with_chunk(data, kind, content):
    """The PNG with that chunk before its pixels."""
    made = struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return data[:33] + made + data[33:]


def with_text(data, name, text):
    return with_chunk(data, b"tEXt", name.encode() + b"\0" + text.encode())


def with_segment(data, marker, content):
    """The JPEG with that segment at its beginning."""
    return data[:2] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + data[2:]


def with_xmp(data, source_type):
    packet = f'<x:xmpmeta><rdf:Description Iptc4xmpExt:DigitalSourceType="{source_type}"/></x:xmpmeta>'
    return with_segment(data, 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet.encode())


def jumbf(kind, content):
    return struct.pack(">I", len(content) + 8) + kind + content


def superbox(label, content):
    return jumbf(b"jumb", jumbf(b"jumd", bytes(16) + b"\3" + label.encode() + b"\0") + content)


def cbor(value):
    """What manifests have: texts, lists and maps."""
    size = len(value)
    head = {str: 0x60, list: 0x80, dict: 0xA0}[type(value)]
    if isinstance(value, str):
        value, size = value.encode(), len(value.encode())
    made = bytes([head | size]) if size < 24 else struct.pack(">BB", head | 24, size)
    if isinstance(value, bytes):
        return made + value
    return made + b"".join(cbor(v) if isinstance(value, list) else cbor(v) + cbor(value[v]) for v in value)


def manifests(*each):
    """A C2PA store of a manifest for each list of actions, without signatures: (name, source type or None)."""
    made = b""
    for actions in each:
        listed = [{"action": name, **({"digitalSourceType": source} if source else {})} for name, source in actions]
        assertion = superbox("c2pa.actions.v2", jumbf(b"cbor", cbor({"actions": listed})))
        made += superbox("urn:c2pa:0b6f6c2e-0b1c-4d52-9d56-2d6d9f6a1f7a", superbox("c2pa.assertions", assertion))
    return superbox("c2pa", made)


def with_manifests(data, *each):
    """The PNG or JPEG with that store."""
    store = manifests(*each)
    if data.startswith(b"\x89PNG"):
        return with_chunk(data, b"caBX", store)
    return with_segment(data, 0xEB, b"JP" + struct.pack(">HI", 1, 1) + store)
