"""POST, GET, DELETE /uploads, their purge, and the delivery of images under /m/."""

import datetime
import hashlib
import http.client
import json
import re
import ssl
import stat
import uuid

import pytest

from helpers import expect
import images
import standing

DAY = 86400
MIB = 1 << 20


def upload(user, data=None, **more):
    return expect(user.api.post("/api/v1/uploads", data=images.jpeg(120, 90) if data is None else data, **more), 201)["data"]


def stored(stack, upload_id):
    return list((stack.dir / "store").rglob(f"{upload_id}.*"))


def row(stack, upload_id):
    rows = stack.sql("SELECT state, created_at_us, delete_due_at_us, deleted_at_us FROM uploads WHERE id = %s",
                     uuid.UUID(upload_id).bytes)
    return rows[0] if rows else None


def purged(stack, upload_id):
    return stack.wait(lambda: row(stack, upload_id)["deleted_at_us"], f"{upload_id} is purged")


# Creating


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/anything", "application/octet-stream", None])
def test_raw_whatever_the_type_says(stack, user, content_type):
    data = images.jpeg(320, 240, exif=True)
    made = upload(user, data, headers={"Content-Type": content_type})
    kept = stored(stack, made["id"])
    assert len(kept) == 1
    assert set(made) == {"id", "media_type", "width", "height", "size_bytes", "sha256", "original", "changes", "reasons",
                         "provenance", "created_at", "delete_due_at"}
    assert (made["media_type"], made["width"], made["height"]) == ("image/jpeg", 320, 240)
    assert made["original"] == {"media_type": "image/jpeg", "width": 320, "height": 240, "size_bytes": len(data),
                                "sha256": hashlib.sha256(data).hexdigest()}
    assert made["sha256"] == hashlib.sha256(kept[0].read_bytes()).hexdigest()
    assert made["size_bytes"] == kept[0].stat().st_size
    assert made["changes"] == ["metadata_removed"]
    assert [r["change"] for r in made["reasons"]] == made["changes"] and all(r["reason"] for r in made["reasons"])


@pytest.mark.parametrize("name", ["image", "images"])
def test_as_a_form(user, name):
    data = images.png(100, 80)
    made = expect(user.api.post("/api/v1/uploads", files={name: ("x.jpg", data, "image/jpeg")}), 201)["data"]
    assert made["original"]["media_type"] == "image/png", "by its bytes"
    assert [r["reason"] for r in made["reasons"]] == ["TikTok takes no images of this kind, so it is kept as JPEG."]
    assert made["media_type"] == "image/jpeg"


def test_a_session_may_upload_too(user):
    expect(user.web.post("/api/v1/uploads", data=images.jpeg(50, 50)), 201)


def test_file_and_folders(stack, user):
    """Open to whoever may enter the folder above the store; test_confined.py tries who that is."""
    path = stored(stack, upload(user)["id"])[0]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [stat.S_IMODE(p.stat().st_mode) for p in path.parents[:4]] == [0o2775, 0o2775, 0o2775, 0o750]


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_what_moves_is_refused(user, kind):
    moving = images.encoded(images.picture(60, 40), kind, save_all=True, append_images=[images.picture(60, 40, seed=2)], duration=9)
    expect(user.api.post("/api/v1/uploads", data=moving), 422, "image_animated")


def test_form_problems_come_all_at_once(user):
    image = ("a.jpg", images.jpeg(50, 50), "image/jpeg")
    error = expect(user.api.post("/api/v1/uploads", files=[("image", image), ("image", image)]), 422, "repeated_field")
    assert error["error"]["param"] == "image"
    error = expect(user.api.post("/api/v1/uploads", files=[("image", image), ("photo", image)]), 422, "unknown_field")
    assert error["error"]["param"] == "photo"
    error = expect(user.api.post("/api/v1/uploads", files={"photo": image}), 422)
    assert {(d["code"], d["param"]) for d in error["error"]["details"]} == {("unknown_field", "photo"), ("required", "image")}
    pdf = ("a.jpg", b"%PDF-1.7 no image", "image/jpeg")
    error = expect(user.api.post("/api/v1/uploads", files={"images": pdf}), 415, "image_type_unsupported")
    assert error["error"]["param"] == "images"


def test_malformed_forms(user):
    def post(body, content_type):
        return user.api.post("/api/v1/uploads", data=body, headers={"Content-Type": content_type})

    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    expect(post(head + b"x\r\n--b--\r\n", "multipart/form-data"), 400, "multipart_no_boundary")
    expect(post(head + images.jpeg(50, 50), "multipart/form-data; boundary=b"), 400, "multipart_truncated")


def test_types_that_are_no_image(user):
    for content_type in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        answer = user.api.post("/api/v1/uploads", data=images.jpeg(50, 50), headers={"Content-Type": content_type})
        expect(answer, 415, "unsupported_media_type")


def test_limits_of_size(user):
    data = images.jpeg(200, 200)
    exactly = data + b"\0" * (20 * MIB - len(data))  # decoders stop at the end of the image
    made = upload(user, exactly)
    assert made["original"]["size_bytes"] == 20 * MIB
    expect(user.api.post("/api/v1/uploads", data=exactly + b"\0"), 413, "image_too_large")
    expect(user.api.post("/api/v1/uploads", data=b"\0" * (21 * MIB + 1)), 413, "body_too_large")
    expect(user.api.post("/api/v1/uploads", data=b""), 422, "image_empty")


def test_a_refused_image_leaves_nothing(stack, user):
    expect(user.api.post("/api/v1/uploads", data=b"%PDF-1.7 no image"), 415)
    assert stack.sql("SELECT COUNT(*) AS n FROM uploads WHERE user_id = %s", uuid.UUID(user.id).bytes)[0]["n"] == 0
    data = images.jpeg(1200, 900)
    expect(user.api.post("/api/v1/uploads", data=data[:len(data) // 2]), 422, "image_corrupt")
    rows = stack.sql("SELECT id, state FROM uploads WHERE user_id = %s", uuid.UUID(user.id).bytes)
    assert [r["state"] for r in rows] == ["deleted"]
    left = str(uuid.UUID(bytes=rows[0]["id"]))
    assert stored(stack, left) == []
    assert expect(user.api.get("/api/v1/uploads"), 200)["data"] == []
    expect(user.api.get(f"/api/v1/uploads/{left}"), 404, "not_found")
    purged(stack, left)


def test_access(stack, user, other):
    made = upload(user)["id"]
    nobody = stack.client()
    expect(nobody.post("/api/v1/uploads", data=images.jpeg(50, 50)), 401, "unauthenticated")
    expect(nobody.get("/api/v1/uploads"), 401, "unauthenticated")
    expect(other.api.get(f"/api/v1/uploads/{made}"), 404, "not_found")
    expect(other.api.delete(f"/api/v1/uploads/{made}"), 404, "not_found")
    assert expect(other.api.get("/api/v1/uploads"), 200)["data"] == []
    answer = user.api.put("/api/v1/uploads", data=b"")
    expect(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) >= {"GET", "POST"}
    expect(user.api.get("/api/v1/uploads/none"), 404, "not_found")
    expect(user.api.get("/api/v1/uploads", params={"colour": "red"}), 422, "unknown_field")


# Reading and deleting


def test_list_and_get(user):
    made = [upload(user)["id"] for _ in range(5)]
    seen, cursor = [], None
    while True:
        page = expect(user.api.get("/api/v1/uploads", params={"limit": 2, "cursor": cursor}), 200)
        assert len(page["data"]) <= 2 and page["meta"]["limit"] == 2
        seen += [u["id"] for u in page["data"]]
        cursor = page["meta"]["next_cursor"]
        assert page["meta"]["has_more"] == (cursor is not None)
        if cursor is None:
            break
    assert seen == made[::-1], "newest first, each once"
    assert expect(user.api.get(f"/api/v1/uploads/{made[0]}"), 200)["data"]["id"] == made[0]


def test_delete_takes_the_file_away(stack, user):
    made = upload(user)["id"]
    expect(user.api.delete(f"/api/v1/uploads/{made}"), 204)
    expect(user.api.get(f"/api/v1/uploads/{made}"), 404, "not_found")
    expect(user.api.delete(f"/api/v1/uploads/{made}"), 404, "not_found")
    assert expect(user.api.get("/api/v1/uploads"), 200)["data"] == []
    purged(stack, made)
    assert stored(stack, made) == []


# The image, for its owner


def image_of(upload_id):
    return f"/api/v1/uploads/{upload_id}/image"


def is_shown_by(headers, made):
    """Once each: two of a name would be one here, with a comma between."""
    assert headers["Content-Type"] == made["media_type"] and headers["Content-Length"] == str(made["size_bytes"])
    assert headers["Cache-Control"] == "private, no-store" and headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin" and len(headers["X-Request-Id"]) == 32
    assert re.fullmatch(r'"images";r=\d+;t=\d+', headers["RateLimit"]) and headers["RateLimit-Policy"].startswith('"images";q=')
    assert headers["X-RateLimit-Limit"].isdigit() and headers["X-RateLimit-Remaining"].isdigit() and headers["X-RateLimit-Reset"].isdigit()
    assert not {"Set-Cookie", "X-Accel-Redirect", "Location"} & set(headers)


def test_an_owner_sees_the_image(stack, user):
    made = upload(user)
    for client in (user.api, user.web):
        answer = client.get(f"/api/v1/uploads/{made['id']}/image")
        assert answer.status_code == 200 and hashlib.sha256(answer.content).hexdigest() == made["sha256"]
        is_shown_by(answer.headers, made)
        head = client.head(image_of(made["id"]))
        assert head.status_code == 200 and head.content == b""
        is_shown_by(head.headers, made)
    part = user.api.get(image_of(made["id"]), headers={"Range": "bytes=2-5"})
    assert part.status_code == 206 and part.content == answer.content[2:6]
    assert [path.name for path in stored(stack, made["id"])] == [f"{made['id']}.jpg"], "nothing is stored twice"


def test_nobody_else_sees_it(stack, user, other):
    path = image_of(upload(user)["id"])
    expect(stack.client().get(path), 401, "unauthenticated")
    for client in (other.api, other.web):
        expect(client.get(path), 404, "not_found")
        assert client.head(path).status_code == 404
    expect(user.web.get(path + "?mode=test"), 404, "not_found")
    expect(user.api.get(image_of("none")), 404, "not_found")
    expect(user.api.get(path + "?size=1"), 422, "unknown_field")
    expect(user.api.post(path, data=b"x"), 405, "method_not_allowed")
    expect(user.api.get(path + "/"), 404, "not_found")


def test_an_image_that_is_gone_is_not_shown(stack, user):
    """Deleted; without its file; in a store that is configured no more."""
    deleted, lost, moved = (upload(user)["id"] for _ in range(3))
    expect(user.api.delete(f"/api/v1/uploads/{deleted}"), 204)
    stored(stack, lost)[0].unlink()
    stack.sql("UPDATE uploads SET store = 's3' WHERE id = %s", uuid.UUID(moved).bytes)
    for gone in (deleted, lost):
        expect(user.api.get(image_of(gone)), 404, "not_found")
        assert user.api.head(image_of(gone)).status_code == 404
    expect(user.api.get(image_of(moved)), 503, "store_unavailable")
    stack.sql("UPDATE uploads SET store = 'directory' WHERE id = %s", uuid.UUID(moved).bytes)
    assert user.api.get(image_of(moved)).status_code == 200


# The purge


def jobs_of(stack, upload_id):
    return stack.sql("SELECT * FROM jobs_media WHERE kind = 'purge' AND subject_id = %s", uuid.UUID(upload_id).bytes)


def test_unused_uploads_go_in_time(stack, user):
    made = upload(user)["id"]
    stack.move_clock(3600 + 60)  # the job of the arrival finds it not due
    stack.wait(lambda: jobs_of(stack, made)[0]["tries"] == 1, "the purge looks once and comes back later")
    assert len(stored(stack, made)) == 1
    stack.move_clock(5.9 * DAY)
    assert len(stored(stack, made)) == 1
    with stack.stopped("worker-media"):  # for a day, from the worst moment on
        stack.move_clock(1 * DAY)
        assert len(stored(stack, made)) == 1
    assert purged(stack, made) - row(stack, made)["created_at_us"] < 7 * DAY * 1_000_000
    assert stored(stack, made) == []
    stack.wait(lambda: not jobs_of(stack, made), "the job is finished")
    expect(user.api.get(f"/api/v1/uploads/{made}"), 404, "not_found")


def test_a_purge_that_dies_is_repeated(stack, user):
    made = upload(user)["id"]
    point = stack.arm("purge.file_deleted")
    expect(user.api.delete(f"/api/v1/uploads/{made}"), 204)
    stack.wait(lambda: not point.exists(), "worker@media dies after the deletion of the file")
    assert row(stack, made)["deleted_at_us"] is None
    assert stored(stack, made) == []
    stack.move_clock(600)  # its lease is over
    purged(stack, made)


def test_what_an_upload_left_that_died(stack, user):
    """The row comes first: a file that nobody knows cannot be there."""
    made = upload(user)["id"]
    path = stored(stack, made)[0]
    path.rename(path.with_name(path.name + ".part"))
    stack.sql("UPDATE uploads SET state = 'storing', delete_due_at_us = created_at_us + 3600000000 WHERE id = %s",
              uuid.UUID(made).bytes)
    stack.move_clock(3600 + 60)
    purged(stack, made)
    assert stored(stack, made) == []


# The sweep: what is due goes, whatever became of its job


def sweep(stack):
    standing.hurry(stack, "jobs_media", "sweep")


def make_due(stack, upload_id):
    stack.sql("UPDATE uploads SET delete_due_at_us = 1000000 WHERE id = %s", uuid.UUID(upload_id).bytes)


@pytest.mark.parametrize("job", ["DELETE FROM jobs_media WHERE subject_id = %s",
                                 "UPDATE jobs_media SET state = 'dead' WHERE subject_id = %s"])
def test_an_image_goes_without_its_job(stack, user, job):
    made = upload(user)["id"]
    stack.sql(job, uuid.UUID(made).bytes)
    make_due(stack, made)
    try:
        sweep(stack)
        purged(stack, made)
        assert stored(stack, made) == []
    finally:
        stack.sql("DELETE FROM jobs_media WHERE subject_id = %s", uuid.UUID(made).bytes)


def test_one_that_cannot_be_deleted_keeps_no_other(stack, user):
    stuck, other = upload(user)["id"], upload(user)["id"]
    path, = stored(stack, stuck)
    path.unlink()
    (path / "x").mkdir(parents=True)
    try:
        for made in (stuck, other):
            stack.sql("DELETE FROM jobs_media WHERE subject_id = %s", uuid.UUID(made).bytes)
            make_due(stack, made)
        sweep(stack)
        purged(stack, other)
        assert row(stack, stuck)["deleted_at_us"] is None
    finally:
        (path / "x").rmdir()
        path.rmdir()
    stack.move_clock(600)
    purged(stack, stuck)


def test_a_folder_that_goes_away(stack, user):
    """Its disk was unmounted under the programs. Nothing is put into the empty place, and what is not there is not called deleted."""
    made, mark = upload(user)["id"], stack.at.store / ".marketingcli-folder"
    path, = stored(stack, made)
    aside = stack.at.store / ".aside"
    mark.rename(aside)
    path.rename(path.with_suffix(".aside"))
    try:
        logged = len(stack.log("worker-media"))
        expect(user.api.post("/api/v1/uploads", data=images.jpeg(60, 50)), 503, "store_unavailable")
        expect(user.api.delete(f"/api/v1/uploads/{made}"), 204)
        stack.wait(lambda: "is its disk mounted?" in stack.log("worker-media")[logged:], "the worker says what is the matter")
        assert row(stack, made)["deleted_at_us"] is None
    finally:
        path.with_suffix(".aside").rename(path)
        aside.rename(mark)
    stack.move_clock(600)
    purged(stack, made)
    assert not stored(stack, made) and upload(user)


def clock_of(user, upload_id):
    shown = expect(user.api.get(f"/api/v1/uploads/{upload_id}"), 200)["data"]
    return tuple(datetime.datetime.fromisoformat(shown[when]) for when in ("delete_due_at", "created_at"))


def test_using_an_image_again_does_not_start_its_seven_days_again(stack, user, account):
    made = upload(user)["id"]

    def publish():
        id = expect(user.api.post(f"/api/v1/accounts/{account}/posts", json={
            "upload_ids": [made], "platform_options": {"post_mode": "DIRECT_POST", "privacy_level": "SELF_ONLY"}}), 202)["data"]["id"]
        ended = stack.wait(lambda: expect(user.api.get(f"/api/v1/posts/{id}"), 200)["data"]["ended_at"], "it is published")
        return row(stack, made)["delete_due_at_us"], ended

    due, created = clock_of(user, made)
    assert due - created == datetime.timedelta(days=6), "seven are promised"
    first, ended = publish()
    assert clock_of(user, made)[0] - datetime.datetime.fromisoformat(ended) == datetime.timedelta(days=6), "it is shown"
    assert first - row(stack, made)["created_at_us"] >= 6 * DAY * 1_000_000, "it counts from the end of the post"
    stack.move_clock(5 * DAY)
    assert publish()[0] == first
    stack.move_clock(2 * DAY)
    purged(stack, made)
    assert stored(stack, made) == []


# An upload that a post uses, and its delivery. The rows are made here: these tests are about uploads.


@pytest.fixture
def used(stack, user):
    """An upload, the post that uses it and has not ended, and the attempt that was told its address."""
    made = upload(user)
    ids = {name: uuid.uuid4().bytes for name in ("account", "post", "attempt", "fence")}
    now = stack.sql("SELECT created_at_us FROM uploads WHERE id = %s", uuid.UUID(made["id"]).bytes)[0]["created_at_us"]
    owner = uuid.UUID(user.id).bytes
    stack.sql("INSERT INTO accounts (id, user_id, open_id, scopes, state, connected_at_us, updated_at_us)"
              " VALUES (%s, %s, 'open', '', 'active', %s, %s)", ids["account"], owner, now, now)
    stack.sql("INSERT INTO posts (id, user_id, account_id, post_mode, disable_comment, auto_add_music,"
              " brand_content_toggle, brand_organic_toggle, is_aigc, photo_cover_index, state, created_at_us,"
              " updated_at_us) VALUES (%s, %s, %s, 'MEDIA_UPLOAD', 0, 0, 0, 0, 0, 0, 'processing', %s, %s)",
              ids["post"], owner, ids["account"], now, now)
    stack.sql("INSERT INTO post_images (post_id, position, upload_id) VALUES (%s, 0, %s)", ids["post"],
              uuid.UUID(made["id"]).bytes)
    stack.sql("INSERT INTO post_attempts (id, post_id, number, fence, state, payload, created_at_us)"
              " VALUES (%s, %s, 1, %s, 'accepted', '{}', %s)", ids["attempt"], ids["post"], ids["fence"], now)
    return {**ids, "upload": made, "path": f"/m/{uuid.UUID(bytes=ids['attempt'])}", "now": now}


def end_post(stack, used):
    stack.sql("UPDATE posts SET state = 'published', ended_at_us = %s WHERE id = %s", used["now"], used["post"])


def fetches(stack, used):
    return stack.sql("SELECT * FROM attempt_fetches WHERE attempt_id = %s", used["attempt"])


def test_delivery(stack, used):
    nobody = stack.client()
    head = nobody.head(used["path"] + "/0")  # covers: HEAD /m/{attempt}/{n}
    assert head.status_code == 200 and head.headers["Content-Length"] == str(used["upload"]["size_bytes"])
    assert not fetches(stack, used), "a HEAD is no fetch"
    answer = nobody.get(used["path"] + "/0")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers and "X-Accel-Redirect" not in answer.headers
    assert hashlib.sha256(answer.content).hexdigest() == used["upload"]["sha256"]
    first = fetches(stack, used)
    assert [f["position"] for f in first] == [0]
    assert nobody.get(used["path"] + "/0").status_code == 200
    assert fetches(stack, used) == first, "the first fetch is kept"


def test_what_is_not_there_was_not_fetched(stack, used):
    """The row says that the image is ready, but its file is gone: what nobody can have got is no evidence."""
    path = stored(stack, used["upload"]["id"])[0]
    kept = path.rename(path.with_suffix(".away"))
    expect(stack.client().get(used["path"] + "/0"), 404, "not_found")
    assert not fetches(stack, used)
    kept.rename(path)
    assert stack.client().get(used["path"] + "/0").status_code == 200 and fetches(stack, used)


@pytest.mark.parametrize("rest", ["/1", "/35", "/00x", "/-1", "/", "/0/0", "/0.jpg", "/99999999999999999999"])
def test_delivery_of_nothing(stack, used, rest):
    expect(stack.client().get(used["path"] + rest), 404, "not_found")


def test_what_cannot_be_an_address_costs_no_query(stack):
    """The database is not there to be asked."""
    with stack.stopped("mariadb"):
        for path in ("none/0", f"{uuid.uuid4()}/x", f"{uuid.uuid4()}/35", f"{uuid.uuid4()}x/0", f"{uuid.uuid4()}/-1"):
            for method in ("GET", "HEAD"):
                assert stack.client().request(method, f"/m/{path}").status_code == 404, (method, path)
        expect(stack.client().get(f"/m/{uuid.uuid4()}/0"), 503, "database_unavailable")


def test_delivery_to_strangers(stack, used):
    nobody = stack.client()
    expect(nobody.get(f"/m/{uuid.uuid4()}/0"), 404, "not_found")
    expect(nobody.get("/m/none/0"), 404, "not_found")
    expect(nobody.post(used["path"] + "/0"), 405, "method_not_allowed")
    assert nobody.get(f"/internal/store/{used['upload']['id'][-4:-2]}/x").status_code == 404


def test_delivery_ends(stack, used):
    nobody = stack.client()
    end_post(stack, used)
    assert nobody.get(used["path"] + "/0").status_code == 200, "an attempt is of use for an hour"
    stack.move_clock(3600 + 60)
    expect(nobody.get(used["path"] + "/0"), 404, "not_found")


def test_a_post_keeps_its_images(stack, user, used):
    made = used["upload"]["id"]
    expect(user.api.delete(f"/api/v1/uploads/{made}"), 409, "upload_in_use")
    stack.move_clock(8 * DAY)
    stack.wait(lambda: jobs_of(stack, made)[0]["tries"] >= 1, "the purge looks and leaves it")
    assert len(stored(stack, made)) == 1
    assert stack.client().get(used["path"] + "/0").status_code == 200
    end_post(stack, used)
    stack.move_clock(3600 + 60)
    purged(stack, made)
    assert stored(stack, made) == []


@pytest.mark.parametrize("path", ["/api/v1/uploads", "/api/v1/accounts/01a203f4-f8bd-7e8a-a70b-bd6f0e352b1b/posts"])
@pytest.mark.parametrize("headers, code", [({}, "unauthenticated"), ({"Authorization": "Bearer mk_live_mistyped"}, "bad_key")])
def test_a_strangers_body_is_not_read(stack, path, headers, code):
    """nginx asks the program first: the answer comes although not one byte of the body was sent."""
    connection = http.client.HTTPSConnection("localhost", stack.https, timeout=60,
                                             context=ssl.create_default_context(cafile=str(stack.ca)))
    connection.putrequest("POST", path)
    for name, value in {**headers, "Content-Type": "image/jpeg", "Content-Length": str(20 << 20)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    error = json.loads(response.read())["error"]
    assert response.status == 401 and error["code"] == code and error["message"]
    assert response.headers["WWW-Authenticate"] == "Bearer"
    connection.close()
