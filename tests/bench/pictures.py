"""The rows about images: what all of an upload costs beside libvips alone, by kind, and a post of 35 photos beside sharp in Node."""

import pathlib
import shutil
import statistics
import subprocess
import time

import machine  # finds tests/api
import heif
import images
import posting
from helpers import expect
from table import show

HERE = pathlib.Path(__file__).resolve().parent
WANTED = "<= 1.3"
PHOTOS = 35
FITS = ("1080", "1920", "90")  # and the quality


def phone(size=(8064, 6048)):
    """A photo of 48 megapixels as phones keep it, in tiles; AVIF, because a release is built without HEIC."""
    return heif.container(heif.tile("AVIF", images.picture(512, 512)), grid=(16, 12), size=size)


KINDS = {
    "JPEG of 12 MP": lambda: images.jpeg(4000, 3000, orientation=6, exif=True, quality=90),
    "PNG of 4000 x 3000": lambda: images.png(4000, 3000),
    "AVIF of 48 MP": phone,
}


def compile_vips(home):
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "vips"], check=True, capture_output=True, text=True)
    program = home / "bench/vips"
    subprocess.run(["gcc", "-O2", "-o", program, HERE / "vips.c", *flags.stdout.split()], check=True)
    return program


def upload(bench):
    vips = compile_vips(bench.stack.at.home)
    for kind, make in KINDS.items():
        one_kind(bench, vips, kind, make())


def one_kind(bench, vips, kind, data):
    picture, each = bench.stack.at.home / "picture", 2 if bench.rounds == 1 else 8
    picture.write_bytes(data)

    def ours():
        headers = {**bench.bearers[0], "Content-Type": "image/jpeg"}
        c = bench.stack.connect()
        for _ in range(each):
            bench.stack.call("POST", "/api/v1/uploads", headers, data, c)
        c.close()

    def cpu_of_ours():
        cpu = bench.measured(ours)[1]
        return {name: ms * 1000 / each for name, ms in cpu.items() if ms * 1000 / each >= 0.1}

    def cpu_of_vips():
        done = subprocess.run([vips, picture, *FITS, str(each)], check=True, capture_output=True, text=True, timeout=300)
        return float(done.stdout)

    runs = bench.in_turns({kind: cpu_of_ours, "libvips alone": cpu_of_vips})
    bench.table.ratio(f"{kind}, CPU of an upload: everything / libvips alone",
                      [sum(a.values()) / b for a, b in zip(runs[kind], runs["libvips alone"])], WANTED)
    parts = {name: [run.get(name, 0) for run in runs[kind]] for name in sorted({name for run in runs[kind] for name in run})}
    for name, values in [*parts.items(), ("libvips alone", runs["libvips alone"])]:
        bench.table.detail(f"CPU of an upload, {kind}, ms", name, show(statistics.median(values), 1))


def photos(bench):
    """Seconds until the answer to a post of 35 photos of 12 megapixels, with the network and the store, and until sharp has done so many."""
    made, picture = bench.stack.at.home / "bench/sharp", bench.stack.at.home / "photo.jpg"
    shutil.copytree(HERE / "peers/sharp", made, dirs_exist_ok=True)
    subprocess.run(["npm", "ci", "--prefix", made, "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"], check=True,
                   stdout=subprocess.DEVNULL)
    picture.write_bytes(KINDS["JPEG of 12 MP"]())
    person = posting.posters(bench, 1)[0]
    client, data, n = person.stack.client(), picture.read_bytes(), 4 if bench.rounds == 1 else PHOTOS

    def ours():
        posting.another_minute(bench)
        since = time.monotonic()
        expect(person.send(client, [data] * n), 202)
        return time.monotonic() - since

    def sharp():
        done = subprocess.run(["node", made / "repair.js", picture, str(n)], check=True, capture_output=True, text=True, timeout=600)
        return float(done.stdout.split()[0])

    runs = bench.in_turns({"ours": lambda: bench.measured(ours)[0], "sharp": sharp}, 3)
    bench.table.ratio(f"a post of {n} photos of 12 MP, seconds: ours / sharp in Node", [a / b for a, b in zip(runs["ours"], runs["sharp"])])
    for name, values in runs.items():
        bench.table.detail(f"{n} photos of 12 MP, seconds", name, show(statistics.median(values), 1))
