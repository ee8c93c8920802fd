"""Runs inside of the machine while it is updated: reads and posts all the time, until it gets a line on its standard input. Prints what
became of it as JSON. Nothing is asked twice.

    load.py HOST KEY ACCOUNT...
"""

import json
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request

HOST, KEY, *ACCOUNTS = sys.argv[1:]
READ_PAUSE_SEC, POST_PAUSE_SEC = 0.7, 8  # within the limits of one key: 120 reads a minute, 20 posts
POSTS_MAX = 14 * len(ACCOUNTS)  # TikTok takes 15 a day of an account
ENDED = ("published", "failed", "canceled")

context = ssl.create_default_context(cafile="/root/ca.crt")
opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
end = threading.Event()
answered, failed, posts = 0, [], []


def ask(method, path, data=None, kind=None):
    global answered
    headers = {"Authorization": f"Bearer {KEY}", **({"Content-Type": kind} if kind else {})}
    try:
        with opener.open(urllib.request.Request(f"https://{HOST}{path}", data, headers, method=method), timeout=120) as answer:
            answered += 1
            return json.loads(answer.read())["data"]
    except urllib.error.HTTPError as e:
        failed.append(f"{method} {path}: {e.code} {e.read()[:300]}")
    except OSError as e:
        failed.append(f"{method} {path}: {e}")
    return None


def form(number):
    image = open("/root/photo.jpg", "rb").read()
    options = b'{"post_mode":"DIRECT_POST","privacy_level":"SELF_ONLY"}'
    parts = [(b'name="description"', f"load {number}".encode()), (b'name="platform_options"', options),
             (b'name="images"; filename="1.jpg"\r\nContent-Type: image/jpeg', image)]
    return b"".join(b"--x\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + body + b"\r\n" for head, body in parts) + b"--x--\r\n"


def read():
    while not end.is_set():
        ask("GET", "/api/v1/me")
        end.wait(READ_PAUSE_SEC)


def post():
    for number in range(POSTS_MAX):
        if end.is_set():
            return
        made = ask("POST", f"/api/v1/accounts/{ACCOUNTS[number % len(ACCOUNTS)]}/posts", form(number), "multipart/form-data; boundary=x")
        if made:
            posts.append(made["id"])
        end.wait(POST_PAUSE_SEC)


threads = [threading.Thread(target=work) for work in (read, post)]
for thread in threads:
    thread.start()
sys.stdin.readline()
end.set()
for thread in threads:
    thread.join()
until, ends = time.monotonic() + 300, {}
while len(ends) < len(posts) and time.monotonic() < until:
    for id in posts:
        if id not in ends:
            seen = ask("GET", f"/api/v1/posts/{id}")
            time.sleep(READ_PAUSE_SEC)
            if seen and seen["status"] in ENDED:
                ends[id] = seen["status"]
print(json.dumps({"answered": answered, "failed": failed, "posts": len(posts), "ends": sorted(ends.values())}))
