"""AVIF and HEIC files made by a script: a picture encoded by libvips, in a container of our own, so that it can say anything.

    data = heif.encoded(images.picture(300, 200), "AVIF")
    data = heif.container(heif.tile("HEIC", image), turned=1, mirrored=0)
"""

import ctypes
import functools
import struct

AV1, HEVC = 4, 1  # VipsForeignHeifCompression
ITEM = {"AVIF": b"av01", "HEIC": b"hvc1"}
BRAND = {"AVIF": b"avif", "HEIC": b"heic"}


@functools.cache
def vips():
    library = ctypes.CDLL("libvips.so.42")
    library.vips_init(b"tests")
    library.vips_image_new_from_memory_copy.restype = ctypes.c_void_p
    library.vips_error_buffer.restype = ctypes.c_char_p
    return library


@functools.cache
def saved(kind, pixels, width, height, bands, lossless, quality):
    """The file as libvips writes it."""
    library, to, n = vips(), ctypes.c_void_p(), ctypes.c_size_t()
    image = ctypes.c_void_p(library.vips_image_new_from_memory_copy(pixels, ctypes.c_size_t(len(pixels)), width, height, bands, 0))
    failed = library.vips_heifsave_buffer(image, ctypes.byref(to), ctypes.byref(n), b"compression", AV1 if kind == "AVIF" else HEVC,
                                          b"lossless", int(lossless), b"Q", quality, b"effort", 0, b"bitdepth", 8, None)
    assert not failed, library.vips_error_buffer()
    return ctypes.string_at(to, n.value)


def encoded(image, kind, lossless=False, quality=85):
    """From a quality of 90 on, its colours are in full."""
    return saved(kind, image.tobytes(), image.width, image.height, len(image.getbands()), lossless, quality)


def box(kind, *contents):
    content = b"".join(contents)
    return struct.pack(">I", len(content) + 8) + kind + content


def full(kind, *contents, version=0, flags=0):
    return box(kind, struct.pack(">I", version << 24 | flags), *contents)


def boxes(data):
    """{type: content} of those that follow each other; the last of a type."""
    found = {}
    while data:
        n, kind = struct.unpack_from(">I4s", data)
        found[kind], data = data[8:n], data[n:]
    return found


def tile(kind, image, **more):
    """(kind, its size, its configuration, its data): what a container is made of."""
    data = encoded(image, kind, **more)
    meta = boxes(boxes(data)[b"meta"][4:])
    properties = boxes(boxes(meta[b"iprp"])[b"ipco"])
    name = b"av1C" if kind == "AVIF" else b"hvcC"
    base, _, offset, n = struct.unpack_from(">IHII", meta[b"iloc"], 12)
    return kind, image.size, box(name, properties[name]), data[base + offset:base + offset + n]


def clap(width, height):
    return box(b"clap", struct.pack(">IIIIIIII", width, 1, height, 1, 0, 1, 0, 1))


def nclx(primaries):
    return box(b"colr", b"nclx", struct.pack(">HHHB", primaries, 13, 6, 0x80))


def profile(icc):
    return box(b"colr", b"prof", icc)


def ispe(width, height):
    return full(b"ispe", struct.pack(">II", width, height))


def container(made, *, grid=None, size=None, turned=None, mirrored=None, more=(), items=(), brands=None, before=b"", after=b""):
    """The file. grid: (columns, rows) of that same tile, and size is what is cut from them. more: properties beside these, before the turn.
    items: (type, its content type, data) of texts about the picture. before, after: boxes around meta and mdat."""
    kind, tile_size, config, data = made
    columns, rows = grid or (1, 1)
    size = size or (tile_size[0] * columns, tile_size[1] * rows)
    properties = [config, ispe(*tile_size), ispe(*size), *more]
    if turned is not None:
        properties.append(box(b"irot", bytes([turned])))
    if mirrored is not None:
        properties.append(box(b"imir", bytes([mirrored])))
    tiles = list(range(2, 2 + columns * rows)) if grid else [1]
    of_picture = ([] if grid else [1]) + list(range(3, len(properties) + 1))
    texts = [(len(tiles) + 2 + i, *item) for i, item in enumerate(items)]
    infe = [(1, b"grid" if grid else ITEM[kind], b"")] + [(i, ITEM[kind], b"") for i in tiles if grid]
    infe += [(i, name, content_type) for i, name, content_type, _ in texts]
    iinf = full(b"iinf", struct.pack(">H", len(infe)), *(full(b"infe", struct.pack(">HH4s", i, 0, name), b"\0",
                content_type + b"\0" if content_type else b"", version=2) for i, name, content_type in infe))
    ipma = [(1, of_picture)] + [(i, [1, 2]) for i in tiles if grid]
    ipma = full(b"ipma", struct.pack(">I", len(ipma)), *(struct.pack(">HB", i, len(of)) + bytes(of) for i, of in ipma))
    iprp = box(b"iprp", box(b"ipco", *properties), ipma)
    iref = [box(b"dimg", struct.pack(">HH", 1, len(tiles)), *(struct.pack(">H", i) for i in tiles))] if grid else []
    iref += [box(b"cdsc", struct.pack(">HHH", i, 1, 1)) for i, *_ in texts]
    iref = full(b"iref", *iref) if iref else b""
    grid_data = struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, *size) if grid else b""
    ftyp = box(b"ftyp", brands or BRAND[kind] + bytes(4) + b"mif1miaf" + BRAND[kind])

    def extents(at):
        """Of each item where it is; all tiles are in one place."""
        yield from ([(1, at, len(grid_data))] if grid else [])
        yield from ((i, at + len(grid_data), len(data)) for i in tiles)
        at += len(grid_data) + len(data)
        for i, _, _, text in texts:
            yield i, at, len(text)
            at += len(text)

    def meta(at):
        found = list(extents(at))
        iloc = full(b"iloc", b"\x44\0", struct.pack(">H", len(found)), *(struct.pack(">HHHII", i, 0, 1, where, n) for i, where, n in found))
        hdlr = full(b"hdlr", bytes(4) + b"pict" + bytes(13))
        return full(b"meta", hdlr, full(b"pitm", struct.pack(">H", 1)), iloc, iinf, iref, iprp)

    start = ftyp + before
    mdat = box(b"mdat", grid_data, data, *(text for *_, text in texts))
    return start + meta(len(start) + len(meta(0)) + 8) + mdat + after
