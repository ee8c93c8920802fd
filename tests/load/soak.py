#!/usr/bin/python3
"""A million requests, and the memory of every app is what it was after the first fifty thousand; and a post of 35 images of 20 MB, of
which no app holds more than a piece.

    tests/load/soak.py --build DIR            1 000 000 requests; the build should be a release one
    tests/load/soak.py --build DIR --short    100 000: this is what tests/run.sh runs

Reads of every app, refusals, and small JSON bodies.
"""

import argparse
import json
import subprocess
import sys
import time

import load

APPS = ("auth", "keys", "tiktok", "uploads", "media", "posts")
GROWTH_MAX_KB = 1024  # malloc keeps a little more when threads meet in another way than before
WARM = 50_000  # until then every thread has met every route, and malloc its arenas
PHOTOS, PHOTO_MB, PHOTOS_MAX_KB = 35, 20, 20 << 10  # of one request, and what its app may ever have had with it
NOBODY = "01a203f4-f8bd-7e8a-a70b-bd6f0e352b1b"


def memory_kb(pid, field):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(f"{field}:"))


def rss_kb(pid):
    return memory_kb(pid, "VmRSS")


def photos():
    """JPEGs of 20 MB, most of it after their end: what arrives lies in files, never in memory."""
    image = load.images.jpeg(90, 60)
    for i in range(PHOTOS):
        yield f'--b\r\nContent-Disposition: form-data; name="images"; filename="{i}"\r\n\r\n'.encode()
        yield image + bytes((1 << 20) - len(image))
        for _ in range(PHOTO_MB - 1):
            yield bytes(1 << 20)
        yield b"\r\n"
    yield b"--b--\r\n"


def peak_of_photos_kb(stack):
    """The most memory that posts has ever had, once it has taken them."""
    user, pid = load.conftest.User(stack), stack.pid("posts")
    answer = user.api.post(f"/api/v1/accounts/{user.connect()}/posts", data=photos(), headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status_code == 202 and len(answer.json()["data"]["images"]) == PHOTOS, answer.text
    assert stack.pid("posts") == pid
    return memory_kb(pid, "VmHWM")


def kinds(stack):
    users = [load.conftest.User(stack) for _ in range(16)]
    keys = [{"Authorization": f"Bearer {u.key}"} for u in users]
    paths = ("/api/v1/me", "/api/v1/accounts", "/api/v1/uploads", "/api/v1/posts")
    body = json.dumps({"upload_ids": [NOBODY], "title": "soak"}).encode()
    return [
        load.Kind("GET", 200, [("GET", path, who, None) for who in keys for path in paths], 16),
        load.Kind("GET keys", 403, [("GET", "/api/v1/keys", who, None) for who in keys], 4),
        load.Kind("POST posts", 404, [("POST", f"/api/v1/accounts/{NOBODY}/posts", {**who, "Content-Type": "application/json"},
                                       body) for who in keys], 4),
    ]


def metrics(stack, app):
    return subprocess.run(["curl", "-sf", "--unix-socket", f"{stack.at.run}/metrics/{app}.sock", "http://localhost/metrics"],
                          capture_output=True, text=True, check=True, timeout=30).stdout


def answered(stack):
    """Requests that the apps have answered, by their metrics' own count."""
    return sum(int(float(line.rsplit(" ", 1)[1])) for app in APPS for line in metrics(stack, app).splitlines()
               if line.startswith("marketingcli_requests_total"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, help="meson build folder")
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    wanted = 100_000 if options.short else 1_000_000
    with load.stack(options.build) as stack:
        at_work = load.Load(stack, kinds(stack))
        before, started = None, time.monotonic()
        while (done := answered(stack)) < wanted:
            if before is None and done >= WARM:
                before = {app: rss_kb(stack.pid(app)) for app in APPS}
            time.sleep(0.5)
        after = {app: rss_kb(stack.pid(app)) for app in APPS}
        results = at_work.stop()
        peak = peak_of_photos_kb(stack)
    print(f"{done} requests in {time.monotonic() - started:.0f} s, {sum(r.failed for r in results)} failed")
    for app in APPS:
        print(f"    {app:<8} {before[app]:>6} KB -> {after[app]:>6} KB")
    print(f"    posts with {PHOTOS} x {PHOTO_MB} MB in one request: {peak} KB at most")
    grown = [app for app in APPS if after[app] - before[app] > GROWTH_MAX_KB]
    if grown or any(r.failed for r in results) or peak > PHOTOS_MAX_KB:
        sys.exit(f"failed: {', '.join(grown) or ('requests' if peak <= PHOTOS_MAX_KB else 'photos')}")
    print("ok")


if __name__ == "__main__":
    main()
