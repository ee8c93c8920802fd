"""The TikTok simulator fetches the images: what it takes, what it refuses, and what comes of it."""

import http.server
import io
import secrets
import ssl
import threading
import time

import pytest
from images import jpeg, png
from PIL import Image
from simulator import direct, draft, refused


def webp(width, height, **more):
    out = io.BytesIO()
    Image.new("RGBA" if more.pop("alpha", False) else "RGB", (width, height), (200, 30, 30)).save(out, "WEBP", **more)
    return out.getvalue()


class Together:
    """Holds requests until it is let go, and knows how many there were at a time."""

    def __init__(self):
        self.here, self.most, self.lock, self.go = 0, 0, threading.Lock(), threading.Event()

    def come(self):
        with self.lock:
            self.here += 1
            self.most = max(self.most, self.here)
        self.go.wait(60)
        with self.lock:
            self.here -= 1


@pytest.fixture(scope="module")
def images(stack):
    """An https server for images; .files: path to (status, headers, bytes)."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.startswith("/together/"):
                self.server.together.come()
            status, headers, body = self.server.files.get(self.path, (404, {}, b"none"))
            self.server.seen.append(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Transfer-Encoding" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(stack.at.tls / "leaf.crt", stack.at.tls / "leaf.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.files, server.seen, server.url = {}, [], f"https://localhost:{server.server_port}"
    server.together = Together()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


# --- pulling


GOOD = {
    "/a.jpg": jpeg(1080, 1920), "/b.jpg": jpeg(64, 48, exif=True), "/lossy.webp": webp(1080, 1350),
    "/lossless.webp": webp(1080, 1920, lossless=True),
    "/alpha.webp": webp(300, 200, alpha=True, lossless=False, quality=50),
}


def test_published(creator, images):
    images.files.update({path: (200, {"Content-Type": "image/jpeg"}, data) for path, data in GOOD.items()})
    publish_id = creator.pull([images.url + path for path in GOOD], title="<i>T</i> & \"t\"",
                              description="[[status:stuck]]\n<script>alert(1)</script> 😀")
    data = creator.ended(publish_id)
    assert data["status"] == "PUBLISH_COMPLETE" and "fail_reason" not in data
    assert data["downloaded_bytes"] == sum(map(len, GOOD.values()))
    (post_id,) = data["publicaly_available_post_id"]
    assert post_id > 2**53 and len(str(post_id)) == 19
    rows = creator.images(publish_id)
    assert [(r["width"], r["height"]) for r in rows] == [(1080, 1920), (64, 48), (1080, 1350), (1080, 1920), (300, 200)]
    assert {r["result"] for r in rows} == {"ok"} and [r["size_bytes"] for r in rows] == list(map(len, GOOD.values()))
    for kind in ("photo", "video"):
        page = creator.app.http.get(f"/@{creator.username}/{kind}/{post_id}")
        assert page.status_code == 200 and '<dd class="text" id="images">5</dd>' in page.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt; 😀" in page.text
        assert "&lt;i&gt;T&lt;/i&gt; &amp; &quot;t&quot;" in page.text
        assert "<script" not in page.text and "<i>" not in page.text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert creator.app.http.get(f"/@someone.else/photo/{post_id}").status_code == 404
    refused(creator.post("cancel/", {"publish_id": publish_id}), 400, "publish_not_cancellable")


@pytest.mark.parametrize("path", ["/@a/photo/1", "/a/photo/1", "/@a/photo/x", "/@a/photo/0", "/avatar/A",
                                  "/@a/photo/" + "9" * 30])
def test_no_such_page(app, path):
    assert app.http.get(path).status_code == 404


def test_a_private_post_has_no_public_id(creator, images):
    images.files["/a.jpg"] = (200, {}, GOOD["/a.jpg"])
    publish_id = creator.pull([images.url + "/a.jpg"], privacy_level="SELF_ONLY")
    data = creator.ended(publish_id)
    assert data["status"] == "PUBLISH_COMPLETE" and "publicaly_available_post_id" not in data
    hidden = creator.stack.sql("SELECT post_id FROM sandbox_publishes WHERE publish_id = %s", publish_id)[0]["post_id"]
    assert creator.app.http.get(f"/@{creator.username}/photo/{hidden}").status_code == 404


def test_a_draft_goes_to_the_inbox(creator, images):
    images.files["/a.jpg"] = (200, {}, GOOD["/a.jpg"])
    publish_id = creator.publish(draft(creator, description="[[status:stuck]]"))
    creator.stack.sql("UPDATE sandbox_images i JOIN sandbox_publishes p ON p.id = i.publish SET i.url = %s, "
                      "p.next_at_us = 1 WHERE p.publish_id = %s", images.url + "/a.jpg", publish_id)
    data = creator.ended(publish_id)
    assert data["status"] == "SEND_TO_USER_INBOX" and "publicaly_available_post_id" not in data


BAD = {
    "/none": ((404, {}, b""), "photo_pull_failed"),
    "/moved": ((302, {"Location": "/a.jpg"}, b""), "photo_pull_failed"),
    "/broken": ((500, {}, GOOD["/a.jpg"]), "photo_pull_failed"),
    "/cut": ((200, {"Transfer-Encoding": "chunked"}, b"ffff\r\nabc"), "photo_pull_failed"),
    "/empty": ((200, {}, b""), "file_format_check_failed"),
    "/png.jpg": ((200, {"Content-Type": "image/jpeg"}, png(100, 100)), "file_format_check_failed"),
    "/text": ((200, {}, b"hello" * 100), "file_format_check_failed"),
    "/pdf.jpg": ((200, {}, b"%PDF-1.4\n" + b"x" * 200), "file_format_check_failed"),
    "/riff": ((200, {}, b"RIFF\0\0\0\0WAVE" + b"\0" * 40), "file_format_check_failed"),
    "/wide": ((200, {}, jpeg(1081, 100)), "picture_size_check_failed"),
    "/high": ((200, {}, jpeg(100, 1921)), "picture_size_check_failed"),
    "/wide.webp": ((200, {}, webp(1081, 100)), "picture_size_check_failed"),
    "/high.webp": ((200, {}, webp(100, 1921, lossless=True)), "picture_size_check_failed"),
    "/heavy": ((200, {}, GOOD["/a.jpg"] + b"\0" * (20 * 2**20)), "picture_size_check_failed"),
}


@pytest.mark.parametrize("path", BAD)
def test_refused_pictures(creator, images, path):
    images.files.update({path: BAD[path][0], "/a.jpg": (200, {}, GOOD["/a.jpg"])})
    data = creator.ended(creator.pull([images.url + "/a.jpg", images.url + path]))
    assert (data["status"], data.get("fail_reason")) == ("FAILED", BAD[path][1])
    assert "publicaly_available_post_id" not in data


def test_twenty_megabytes_are_allowed(creator, images):
    data = GOOD["/a.jpg"]
    images.files["/limit"] = (200, {}, data + b"\0" * (20 * 2**20 - len(data)))
    assert creator.ended(creator.pull([images.url + "/limit"]))["status"] == "PUBLISH_COMPLETE"


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/x.jpg", "https://none.invalid/x.jpg"])
def test_unreachable_pictures(creator, url):
    assert creator.ended(creator.pull([url]))["fail_reason"] == "photo_pull_failed"


def test_through_init_to_the_service(creator):
    """The whole way without changed addresses: our own /m/ has no such image."""
    publish_id = creator.publish(direct(creator))
    assert creator.status(publish_id).json()["data"]["status"] == "PROCESSING_DOWNLOAD"
    assert creator.ended(publish_id)["fail_reason"] == "photo_pull_failed"
    assert creator.images(publish_id)[0]["http_status"] == 404


def test_several_posts_are_pulled_at_a_time(stack, app, images):
    """As many as sandbox.pullers says: a slow server holds up no other post, until there are too many of it."""
    images.together = Together()
    with stack.configured("sandbox", sandbox_pullers="3"):
        creators = [app.connect() for _ in range(5)]
        images.files.update({f"/together/{i}": (200, {}, GOOD["/a.jpg"]) for i in range(5)})
        made = [c.pull([f"{images.url}/together/{i}"]) for i, c in enumerate(creators)]
        stack.wait(lambda: images.together.here == 3, "three are being pulled")
        images.together.go.set()
        assert {c.ended(p)["status"] for c, p in zip(creators, made)} == {"PUBLISH_COMPLETE"}
    assert images.together.most == 3
    assert sorted(p for p in images.seen if p.startswith("/together/")) == [f"/together/{i}" for i in range(5)]


def test_each_picture_is_fetched_once(creator, images):
    token = secrets.token_hex(4)
    images.files.update({f"/{token}{i}": (200, {}, GOOD["/a.jpg"]) for i in range(3)})
    creator.ended(creator.pull([f"{images.url}/{token}{i}" for i in range(3)]))
    assert [p for p in images.seen if token in p] == [f"/{token}{i}" for i in range(3)]


def test_a_killed_simulator_goes_on(creator, images):
    """A post that another process had taken up and left: its lease ends, and it is pulled."""
    images.files["/a.jpg"] = (200, {}, GOOD["/a.jpg"])
    publish_id = creator.publish(direct(creator, description="[[status:stuck]]"))
    creator.stack.sql("UPDATE sandbox_images i JOIN sandbox_publishes p ON p.id = i.publish SET i.url = %s, "
                      "p.next_at_us = %s, p.lease_token = 'somebody-else-16', p.pulls = 1 WHERE p.publish_id = %s",
                      images.url + "/a.jpg", (time.time_ns() // 1000) + 1_500_000, publish_id)
    creator.stack.kill("sandbox")
    assert creator.ended(publish_id)["status"] == "PUBLISH_COMPLETE"


def test_a_post_that_always_kills_its_puller_ends(creator):
    publish_id = creator.publish(direct(creator, description="[[status:stuck]]"))
    creator.stack.sql("UPDATE sandbox_publishes SET pulls = 5, next_at_us = 1 WHERE publish_id = %s", publish_id)
    assert creator.ended(publish_id)["fail_reason"] == "internal"


def test_script_fail(creator, images):
    images.files["/a.jpg"] = (200, {}, GOOD["/a.jpg"])
    for reason in ("picture_size_check_failed", "internal", "spam_risk_text"):
        publish_id = creator.pull([images.url + "/a.jpg"], description=f"[[status:stuck]] then [[fail:{reason}]]")
        data = creator.ended(publish_id)
        assert (data["status"], data["fail_reason"]) == ("FAILED", reason)
