"""The largest images that are taken are decoded within what the image service said that they need (lib/image/sniff.c).

On the release build: with a sanitizer, memory is another matter. There the kernel lets no process have more
(worker/image/process.c), so an answer proves it.
"""

import io
import pathlib
import socket
import subprocess
import sys
import zlib

import pytest
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))

import heif  # noqa: E402
import imaging  # noqa: E402


class Service:
    """Stands in for the API tests' stack."""

    def __init__(self, folder):
        self.run = folder
        self.at = self


@pytest.fixture(scope="module")
def service(installed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    conf = folder / "marketingcli.conf"
    conf.write_text("[service]\nurl = https://localhost\nlog_level = error\n[metrics]\ndir =\n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(folder / "image.sock"))
        listener.listen()
        program = installed / "usr/libexec/marketingcli/marketingcli-image"
        service = subprocess.Popen([program], stdin=listener, env={"MARKETINGCLI_CONF": str(conf), "VIPS_NOVECTOR": "1"})
    yield Service(folder)
    service.terminate()
    assert service.wait(60) == 0


def lines(width, pixel_bytes):
    """What lib/image/sniff.c says of an image that is decoded line by line."""
    return (32 << 20) + 1024 * width * pixel_bytes


def png(width, height, depth, colour, pixel, pixel_bytes):
    """The image, and what it needs."""
    return imaging.raw_png(width, height, depth, colour, pixel * width), lines(width, pixel_bytes)


def interlaced(width, height):
    return imaging.interlaced_png(width, height, whole=True), lines(width, 8) + width * height * 8


def jpeg(width, height, whole, **more):
    """whole: the bytes of the coefficients of a pixel, if they are all kept."""
    out = io.BytesIO()
    noise = Image.effect_noise((512, 512), 40).convert("RGB")
    noise.resize((width, height), Image.NEAREST).save(out, "JPEG", quality=30, **more)
    return out.getvalue(), lines(min(width, 7680), 3) + width * height * whole


def odd(data, need):
    """With more bytes than its pixels need: then it is decoded again, to see whether it is damaged."""
    return data[:-2] + bytes(7) + data[-2:], need


def with_texts(text, times):
    """64 x 64, and so many texts of its maker, each of them so long."""
    data = imaging.raw_png(64, 64, 8, 2, b"\x10\x20\x30" * 64)
    return data[:33] + times * imaging.chunk(b"zTXt", b"maker\0\0" + zlib.compress(text)) + data[33:], lines(64, 4)


def small_jpeg(segment, times, before=b"\xff\xdb", **more):
    """64 x 64, with so many such segments of 64 KB before the last of those markers."""
    data, need = jpeg(64, 64, 3 if more else 0, **more)
    at = data.rindex(before)
    return data[:at] + times * (segment[:2] + b"\xff\xff" + segment[2:].ljust(65533, b"x")) + data[at:], need


def webp(width, height, mode="RGB", **more):
    out = io.BytesIO()
    noise = Image.effect_noise((512, 512), 40).convert(mode)
    noise.resize((width, height), Image.NEAREST).save(out, "WEBP", method=0, quality=30, **more)
    return out.getvalue(), lines(width, 4) + width * height * 16


def avif(size, grid, pixel_bytes, mode="RGB", **more):
    """Of tiles of 512 x 512, or of one picture."""
    noise = Image.effect_noise((512, 512), 40).convert(mode)
    if grid:
        data = heif.container(heif.tile("AVIF", noise, **more), grid=grid, size=size)
    else:
        data = heif.encoded(noise.resize(size, Image.NEAREST), "AVIF", **more)
    return data, lines(size[0], len(mode)) + size[0] * size[1] * pixel_bytes


XMP = b"\xff\xe1http://ns.adobe.com/xap/1.0/\0"
RGBA16 = b"\x10\x20\x30\x40\x50\x60\x70\x80"
IMAGES = {
    "wide": lambda: png(16384, 2000, 16, 6, RGBA16, 8),
    "wide and opaque": lambda: png(16384, 2000, 8, 2, RGBA16[:3], 4),
    "tall": lambda: png(2000, 16384, 16, 6, RGBA16, 8),
    "square": lambda: png(10000, 3000, 16, 6, RGBA16, 8),
    "small": lambda: png(1080, 1920, 16, 6, RGBA16, 8),
    "interlaced": lambda: interlaced(4600, 4800),
    "wide and interlaced": lambda: interlaced(10000, 1700),
    "progressive": lambda: jpeg(8000, 7168, 3, progressive=True),
    "progressive, colours in full": lambda: jpeg(6000, 5600, 6, progressive=True, subsampling=0),
    "progressive and odd": lambda: odd(*jpeg(8000, 7168, 3, progressive=True)),
    "100 megapixels": lambda: jpeg(10000, 10000, 0),
    "texts that are short on the way": lambda: with_texts(b"a" * 5_000_000, 12),
    "one such text": lambda: with_texts(b"a" * 7_900_000, 1),
    "much XMP": lambda: small_jpeg(XMP, 300),
    "much XMP before the scan": lambda: small_jpeg(XMP, 300, b"\xff\xda"),
    "much XMP between scans": lambda: small_jpeg(XMP, 300, b"\xff\xda", progressive=True),
    "much C2PA": lambda: small_jpeg(b"\xff\xebJP\0\1\0\0\0\2", 300),
    "WebP": lambda: webp(3550, 3600),
    "WebP without loss": lambda: webp(3550, 3600, lossless=True),
    "WebP with alpha": lambda: webp(3550, 3600, "RGBA"),
    "wide WebP without loss": lambda: webp(16383, 600, "RGBA", lossless=True),
    "AVIF of 48 megapixels in tiles": lambda: avif((8064, 6048), (16, 12), 6),
    "AVIF in tiles, colours in full": lambda: avif((4096, 3072), (8, 6), 6, quality=90),
    "AVIF": lambda: avif((2400, 1800), None, 6),
    "AVIF, colours in full": lambda: avif((1600, 1200), None, 9, quality=90),
    "AVIF with alpha": lambda: avif((1600, 1200), None, 10, "RGBA"),
    "much of an editor": lambda: small_jpeg(b"\xff\xedPhotoshop 3.0\0", 300),
}


@pytest.mark.parametrize("name", IMAGES)
def test_what_is_said_to_be_needed_is_enough(service, name):
    data, need = IMAGES[name]()
    with imaging.files_of(data) as files:
        assert imaging.error_name(imaging.ask(service, imaging.asking(120, need=need - 1), *files)) == "IMAGE_CORRUPT"
        assert imaging.error_name(imaging.ask(service, imaging.asking(120, need=need), *files)) == "OK"
