"""lib/store/s3.h, and images in a bucket, beside a server that is not ours and verifies what is signed (OpenStack Swift), and in front of it
one that fails."""

import hashlib
import http.client
import pathlib
import ssl
import sys
import urllib.error
import urllib.request
import uuid

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(CHECKOUT / "tests/fakes"))

import images  # noqa: E402
import standing  # noqa: E402
from buckets import BODY, Client  # noqa: E402
from helpers import expect  # noqa: E402
from s3 import BUCKET, KEY_ID, S3, SECRET  # noqa: E402
from test_alarms import events  # noqa: E402
from test_export import Export  # noqa: E402
from test_uploads import end_post, fetches, image_of, is_shown_by, purged, stored, upload, used  # noqa: E402, F401

KEPT = "kept"  # the bucket of the programs
ODD_KEYS = ["plain.jpg", "with space.jpg", "a+b.jpg", "ab/cd/e~f.jpg", "grüße/日本.jpg", "100%/%20.jpg", "a&b=c?d#e.jpg", "'(!)*;:@,$.jpg", "//x//"]


@pytest.fixture(scope="module")
def swift(stack, tmp_path_factory):
    with S3(tmp_path_factory.mktemp("swift"), stack.at.tls / "leaf.crt", stack.at.tls / "leaf.key", (BUCKET, KEPT)) as s3:
        yield s3


@pytest.fixture
def client(swift, stack, tmp_path):
    swift.taken()
    swift.faults.clear()
    return Client(swift.endpoint, stack.ca, tmp_path)


@pytest.mark.parametrize("key", ODD_KEYS)
def test_an_object_comes_and_goes(client, key):
    assert client.put(key) == ("ok", 1, "") and client("head", key)[3] == [str(len(BODY))]
    assert client.get(key) == ("ok", 1, "") and client.got() == BODY
    assert [line.split(" ", 1)[1] for line in client("list", key[:2])[3]].count(key) == 1
    assert client("delete", key)[:3] == ("ok", 1, "")
    assert client.get(key)[0] == "not_found" and client.got() == b""
    assert client("head", key)[0] == "not_found" and client("delete", key)[0] == "ok"  # again


def test_an_empty_object_and_what_replaces_it(client):
    assert client.put("empty", b"")[0] == "ok" and client.get("empty")[0] == "ok" and client.got() == b""
    assert client.put("empty", b"full")[0] == "ok" and client.get("empty")[0] == "ok" and client.got() == b"full"
    for keys in (f"test:nobody {SECRET}\n{KEY_ID} {SECRET}", f"wrong\n{SECRET}"):  # while one is replaced: the other is tried at once
        assert (client.put("empty", secret=keys), client.get("empty", secret=keys), client.got()) == (("ok", 2, ""), ("ok", 2, ""), BODY)


def test_a_listing_has_pages(client, swift):
    for n in range(5):
        assert client.put(f"pages/{n}", b"x" * n)[0] == "ok"
    assert client("list", "pages/")[3] == [f"{n} pages/{n}" for n in range(5)]
    assert sum("continuation-token=" in what for what in swift.taken()) == 2


@pytest.mark.parametrize("change, said", [
    ({"secret": "wrong"}, "403 SignatureDoesNotMatch"),
    ({"id": "test:nobody"}, "403 SignatureDoesNotMatch"),
    ({"region": "elsewhere"}, "400 AuthorizationHeaderMalformed"),
    ({"bucket": "nothere"}, "404 NoSuchBucket"),
])
def test_what_is_set_wrongly_is_told(client, change, said):
    """Each says what to look for, is asked once, and is no missing object."""
    for operation in (client.put, client.get):
        assert operation("k", **change) == ("store_unavailable", 1, said)
    assert client("head", "k", **change)[0] == "store_unavailable"
    assert client("delete", "k", **change)[0] == "store_unavailable"


@pytest.mark.parametrize("off_sec", [-20 * 60, 20 * 60])
def test_a_wrong_clock(client, tmp_path, off_sec):
    (tmp_path / "clock").write_text(str(off_sec * 1000000))
    assert client.put("k", env={"MARKETINGCLI_TEST_DIR": str(tmp_path)}) == ("store_unavailable", 1, "403 RequestTimeTooSkewed")


def fetch(url, stack, **headers):
    try:
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=stack.ca)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def presigned(client, key, seconds="60", **more):
    return client("presign", key, seconds, **more)[3][0]


@pytest.mark.parametrize("key", ODD_KEYS[2:5])
def test_a_presigned_address(client, stack, key):
    assert client.put(key)[0] == "ok"
    url = presigned(client, key)
    assert fetch(url, stack) == (200, BODY)
    assert fetch(url, stack, Range="bytes=0-9") == (206, BODY[:10])
    assert fetch(url[:-1] + ("0" if url[-1] != "0" else "1"), stack)[0] == 403
    assert fetch(url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), stack)[0] == 403
    assert fetch(presigned(client, key, secret="wrong"), stack)[0] == 403


def test_a_presigned_address_is_over(client, stack, tmp_path):
    assert client.put("k")[0] == "ok"
    (tmp_path / "clock").write_text(str(-61 * 1000000))
    assert fetch(presigned(client, "k", env={"MARKETINGCLI_TEST_DIR": str(tmp_path)}), stack)[0] == 403


PASSES = [("503 Slow Down", "SlowDown"), ("500 Error", "InternalError"), ("429 Too Many", "TooManyRequests"), ("400 Bad", "IncompleteBody"),
          "drop", "drop_after"]


def test_what_passes_is_tried_again(client, swift):
    """Whatever it is, the body is sent from its beginning, and what is there in the end is whole."""
    for faults in (PASSES[:3], PASSES[3:]):
        swift.fault(*faults)
        assert client.put("again") == ("ok", 4, "")
        assert len(swift.taken()) == 4
    swift.fault("cut", "drop")
    assert client.get("again") == ("ok", 3, "") and client.got() == BODY
    swift.fault("drop_after")
    assert client("delete", "again")[:3] == ("ok", 2, "")


@pytest.mark.parametrize("fault, word", [(("507 Insufficient Storage", "InternalError"), "store_full"),
                                         (("403 Forbidden", "QuotaExceeded"), "store_full"),
                                         (("409 Conflict", "Conflict"), "store_unavailable")])
def test_what_does_not_pass_is_not(client, swift, fault, word):
    swift.fault(fault)
    assert client.put("once") == (word, 1, f"{fault[0][:3]} {fault[1]}")
    assert client.get("once")[0] == "not_found"  # and nothing half written is there


def test_a_store_that_is_away_or_hangs(client, swift):
    assert client.put("k", endpoint="https://localhost:1", timeout="1")[0] == "store_unavailable"
    swift.fault("hang")
    assert client.put("k", timeout="1")[0] == "store_unavailable"
    swift.released.set()


def test_nobody_else_is_the_store(client, swift):
    """A certificate that is not its own, or of nobody whom we trust: not a byte is sent."""
    assert client.put("k", endpoint=swift.endpoint.replace("localhost", "127.0.0.2"), timeout="1")[0] == "store_unavailable"
    assert client.put("k", ca="", timeout="1")[0] == "store_unavailable"
    assert swift.taken() == []


# Images in it

PROGRAMS = {"uploads": "uploads", "posts": "posts", "media": "media", "privacy": "privacy", "worker-media": "worker_media"}  # with their credentials' folders
TIMEOUT_SEC = 3


@pytest.fixture(scope="module")
def bucket(stack, swift):
    """New images go there."""
    secrets = [stack.at.credentials / folder / "s3-secret-key" for folder in PROGRAMS.values()]
    before = [secret.read_text() for secret in secrets]
    for secret in secrets:
        secret.chmod(0o600)
        secret.write_text(SECRET)
    with stack.configured(*PROGRAMS, store_kind="s3", s3_endpoint=swift.endpoint, s3_bucket=KEPT, s3_key_id=KEY_ID, s3_ca_file=stack.ca,
                          s3_allow_private_addresses="yes", s3_timeout_sec=TIMEOUT_SEC):
        assert stack.admin("nginx", conf=stack.at.conf_of("uploads")).returncode == 0
        stack.restart("nginx")
        stack.wait(lambda: stack.sql("SELECT 1 FROM stores WHERE store = 's3' AND looked_at_us > 0"), "the worker has looked into the bucket")
        yield swift
        stack.admin("nginx")
        stack.restart("nginx")
    for secret, text in zip(secrets, before):
        secret.write_text(text)
        secret.chmod(0o400)


@pytest.fixture
def empty(bucket):
    bucket.taken()
    bucket.faults.clear()
    bucket.released.clear()
    yield bucket
    bucket.released.set()


@pytest.fixture
def beside(client):
    """Our client, in the bucket of the programs."""
    client.given["bucket"] = KEPT
    return client


def name_of(upload_id):
    return f"{KEPT}/{upload_id[-4:-2]}/{upload_id[-2:]}/{upload_id}.jpg"


def place(stack, upload_id):
    return stack.sql("SELECT state, store, store_other FROM uploads WHERE id = %s", uuid.UUID(upload_id).bytes)[0]


def put(beside, upload_id):
    assert beside.put(name_of(upload_id).partition("/")[2])[0] == "ok"


def keys(client):
    return [line.split(" ", 1)[1] for line in client("list", "")[3]]


def test_an_image_comes_and_goes(stack, empty, user):
    made = upload(user)
    assert empty.taken() == [f"PUT /{name_of(made['id'])}"]
    assert place(stack, made["id"]) == {"state": "ready", "store": "s3", "store_other": None} and not stored(stack, made["id"])
    expect(user.api.delete(f"/api/v1/uploads/{made['id']}"), 204)
    purged(stack, made["id"])
    assert empty.taken() == [f"DELETE /{name_of(made['id'])}"]


def test_delivery_from_the_bucket(stack, empty, used):
    """From our own address, with nothing of the store's about it."""
    nobody, path, made = stack.client(), used["path"] + "/0", used["upload"]
    head = nobody.head(path)
    assert head.status_code == 200 and head.headers["Content-Length"] == str(made["size_bytes"]) and not fetches(stack, used)
    answer = nobody.get(path)
    assert answer.status_code == 200 and hashlib.sha256(answer.content).hexdigest() == made["sha256"]
    assert answer.headers["Content-Type"] == "image/jpeg" and answer.headers["Cache-Control"] == "no-store"
    assert not [h for h in answer.headers if "amz" in h.lower() or "x-trans" in h.lower() or "openstack" in h.lower() or h == "Set-Cookie"]
    part = nobody.get(path, headers={"Range": "bytes=2-5"})
    assert part.status_code == 206 and part.content == answer.content[2:6]
    assert nobody.get(path, headers={"Range": "bytes=99999999-"}).status_code == 416
    assert len(fetches(stack, used)) == 1
    assert nobody.get(f"/internal/s3/{name_of(made['id'])}").status_code == 404
    assert "X-Amz" not in stack.log("access") and "X-Amz" not in stack.log("nginx") and "X-Amz" not in stack.log("media")


def test_an_owner_sees_the_image_in_the_bucket(stack, empty, user):
    made = upload(user)
    empty.taken()
    answer = user.web.get(image_of(made["id"]))
    assert answer.status_code == 200 and hashlib.sha256(answer.content).hexdigest() == made["sha256"]
    is_shown_by(answer.headers, made)
    is_shown_by(user.api.head(image_of(made["id"])).headers, made)
    assert [what.split("?")[0] for what in empty.taken()] == [f"GET /{name_of(made['id'])}"] * 2, "nginx asks, and nobody else"
    for fault, status, code in ((("404 Not Found", "NoSuchKey"), 404, "not_found"), (("403 Forbidden", "AccessDenied"), 503, "unavailable"),
                                ("drop", 503, "unavailable")):
        empty.fault(fault)
        refused = user.api.get(image_of(made["id"]))
        expect(refused, status, code)
        assert refused.headers["RateLimit"].startswith('"images";r=')
    expect(user.api.delete(f"/api/v1/uploads/{made['id']}"), 204)
    expect(user.api.get(image_of(made["id"])), 404, "not_found")


def test_an_export_from_the_bucket(stack, empty, user, tmp_path):
    there, gone = upload(user), upload(user)
    empty.fault(None, ("404 Not Found", "NoSuchKey"))
    export = Export(user.web.post("/api/v1/privacy/export"), tmp_path)
    assert hashlib.sha256(export.zip.read(f"images/{there['id']}.jpg")).hexdigest() == there["sha256"]
    assert f"\n# deleted while this was made: images/{gone['id']}.jpg\n" in export.text("SHA256SUMS")


@pytest.mark.parametrize("kind", ["s3", "directory"])  # where the rows say that they are; from the second, images were moved
def test_an_export_while_the_bucket_is_away(stack, empty, user, tmp_path, kind):
    """It is asked some times, and not for each image; all are named, and the rest is there."""
    mark = stack.at.store / ".marketingcli-folder"
    mark.exists() or mark.write_text(f"{uuid.uuid4()}\n")  # as a folder that is there has
    images = sorted(upload(user)["id"] for _ in range(5))
    stack.sql("UPDATE uploads SET store = %s WHERE user_id = %s", kind, uuid.UUID(user.id).bytes)
    empty.taken()
    empty.fault(*[("403 Forbidden", "AccessDenied")] * 5)
    export = Export(user.web.post("/api/v1/privacy/export"), tmp_path)
    stack.sql("UPDATE uploads SET store = 's3' WHERE user_id = %s", uuid.UUID(user.id).bytes)
    told = [line for line in export.text("SHA256SUMS").splitlines() if line.startswith("#")]
    assert told == [f"# could not be read: images/{i}.jpg" for i in images] + ["# images that could not be read: 5"]
    assert len(empty.taken()) == 3 and len(export.json("uploads")["images"]) == 5
    empty.faults.clear()


@pytest.mark.parametrize("faults, status, code", [
    ([("404 Not Found", "NoSuchKey")], 404, "not_found"),  # of HEAD; then the bucket is asked for, and is there
    ([("403 Forbidden", "AccessDenied")], 503, "store_unavailable"),
    ([None, ("403 Forbidden", "AccessDenied")], 503, "unavailable"),
    ([None, ("302 Found", "Elsewhere")], 503, "unavailable"),
    ([None, ("404 Not Found", "NoSuchKey")], 404, "not_found"),
    ([None, ("409 Conflict", "OperationAborted")], 503, "unavailable"),
    ([None, ("500 Error", "InternalError")], 503, "unavailable"),
    ([None, ("503 Slow Down", "SlowDown")], 503, "unavailable"),
    ([None, ("507 Insufficient Storage", "InternalError")], 503, "unavailable"),
    ([None, "drop"], 503, "unavailable"),
    (["hang"], 503, "store_unavailable"),  # as long as s3.timeout_sec
])
def test_what_the_bucket_does_not_give(stack, empty, used, faults, status, code):
    empty.taken()
    empty.fault(*faults)
    expect(stack.client().get(used["path"] + "/0"), status, code)
    assert len(fetches(stack, used)) == (len(faults) > 1), "what nobody can have got is no evidence"
    assert stack.client().get(used["path"] + "/0").status_code == 200


def test_an_image_that_is_cut(stack, empty, used):
    """Whoever fetches it sees that it is not whole."""
    empty.fault(None, "cut")
    connection = http.client.HTTPSConnection("localhost", stack.https, context=ssl.create_default_context(cafile=stack.ca))
    connection.request("GET", used["path"] + "/0")
    answer = connection.getresponse()
    assert answer.status == 200 and int(answer.headers["Content-Length"]) == used["upload"]["size_bytes"]
    with pytest.raises(http.client.IncompleteRead):
        answer.read()
    connection.close()


@pytest.mark.parametrize("fault, status, code", [(("507 Insufficient Storage", "InternalError"), 507, "store_full"),
                                                 (("403 Forbidden", "SignatureDoesNotMatch"), 503, "store_unavailable"),
                                                 (("404 Not Found", "NoSuchBucket"), 503, "store_unavailable"),
                                                 (("409 Conflict", "Conflict"), 503, "store_unavailable")])
def test_an_upload_that_is_not_taken(stack, empty, user, fault, status, code):
    """It is told, logged with what the store said, and nothing of it stays."""
    logged = len(stack.log("uploads"))
    empty.fault(fault)
    expect(user.api.post("/api/v1/uploads", data=images.jpeg(60, 50)), status, code)
    assert f"{fault[0][:3]} {fault[1]}" in stack.log("uploads")[logged:]
    stack.wait(lambda: any(what.startswith("DELETE") for what in empty.seen), "what may have come is deleted")
    assert expect(user.api.get("/api/v1/uploads"), 200)["data"] == []


@pytest.mark.parametrize("faults", [[("500 Error", "InternalError"), ("503 Slow Down", "SlowDown")] * 3, ["drop_after"] * 6, ["hang"]],
                         ids=["errors that do not pass", "answers that are lost", "no answer"])
def test_an_upload_of_which_nobody_hears(stack, empty, beside, user, faults):
    """The user is told that it is not there, and then it is not, even if the bucket had taken it."""
    empty.fault(*faults)
    expect(user.api.post("/api/v1/uploads", data=images.jpeg(60, 50)), 503, "store_unavailable")
    empty.faults.clear()
    assert expect(user.api.get("/api/v1/uploads"), 200)["data"] == []
    made = str(uuid.UUID(bytes=stack.sql("SELECT id FROM uploads WHERE user_id = %s", uuid.UUID(user.id).bytes)[0]["id"]))
    purged(stack, made)
    assert beside("head", name_of(made).partition("/")[2])[0] == "not_found"


def test_a_post_whose_second_image_is_not_taken(stack, empty, user, account):
    """There is no post, and nothing of its images."""
    empty.fault(None, ("507 Insufficient Storage", "InternalError"))
    files = [("images", (f"{n}.jpg", images.jpeg(60, 50), "image/jpeg")) for n in range(2)]
    expect(user.api.post(f"/api/v1/accounts/{account}/posts", files=files, data={"title": "x"}), 507, "store_full")
    assert expect(user.api.get("/api/v1/posts"), 200)["data"] == expect(user.api.get("/api/v1/uploads"), 200)["data"] == []
    rows = stack.wait(lambda: stack.sql("SELECT deleted_at_us FROM uploads WHERE user_id = %s AND deleted_at_us > 0", uuid.UUID(user.id).bytes)[1:],
                      "both are deleted")
    assert len(rows) == 1 and len([what for what in empty.taken() if what.startswith("DELETE")]) == 2


def test_deletions_that_fail(stack, empty, beside, user):
    """Each is repeated until it is done, and none is thought done before: a missing bucket is no missing object."""
    made = [upload(user)["id"] for _ in range(2)]
    empty.taken()
    empty.fault(("404 Not Found", "NoSuchBucket"), "drop_after")
    for upload_id in made:
        expect(user.api.delete(f"/api/v1/uploads/{upload_id}"), 204)
    for upload_id in made:
        purged(stack, upload_id)
    assert not empty.faults and not {name_of(i).partition("/")[2] for i in made} & set(keys(beside))
    assert len([what for what in empty.taken() if what.startswith("DELETE")]) == 4


def test_a_bucket_that_comes_back(stack, empty, user):
    """What passes is tried again while the user waits; a deletion that fails, later, until it is done."""
    empty.fault("drop_after", ("503 Slow Down", "SlowDown"))
    made = upload(user)
    empty.fault(*[("403 Forbidden", "AccessDenied")] * 2)
    expect(user.api.delete(f"/api/v1/uploads/{made['id']}"), 204)
    stack.wait(lambda: not empty.faults, "it was refused twice")
    purged(stack, made["id"])
    assert [what for what in empty.taken() if what.startswith("DELETE")] == [f"DELETE /{name_of(made['id'])}"] * 3


def admin(stack, *args):
    return stack.admin("store", *args, "--dir", str(stack.at.credentials), conf=stack.at.conf_of("uploads"))


@pytest.fixture
def alone(stack):
    """Of the images of tests before this one the admin knows nothing; their files are nobody's to him."""
    stack.sql("UPDATE uploads SET deleted_at_us = 1 WHERE deleted_at_us IS NULL")
    yield
    stack.sql("UPDATE uploads SET deleted_at_us = NULL WHERE deleted_at_us = 1")


def test_images_move_while_they_are_delivered(stack, empty, beside, alone, used):
    made = used["upload"]["id"]
    for to, other in (("directory", "s3"), ("s3", "directory")):
        done = admin(stack, "move", to)
        assert done.returncode == 0 and f"1 images moved to {to}, 0 not" in done.stdout, (done.stdout, done.stderr)
        assert place(stack, made) == {"state": "ready", "store": to, "store_other": None}
        assert (len(stored(stack, made)) == 1) == (to == "directory") and (name_of(made).partition("/")[2] in keys(beside)) == (to == "s3")
        assert hashlib.sha256(stack.client().get(used["path"] + "/0").content).hexdigest() == used["upload"]["sha256"]
    done = admin(stack, "check", "--digests")
    assert "1 images: 0 missing, 0 damaged;" in done.stdout and made not in done.stdout, (done.stdout, done.stderr)


def test_a_move_goes_on_where_it_stopped(stack, empty, alone, user, used):
    """Before the copy, after it, and before the old file is deleted; a purge finds both."""
    made = used["upload"]["id"]
    empty.fault(*[("403 Forbidden", "AccessDenied")] * 3)  # the copy cannot be read
    assert admin(stack, "move", "directory").returncode == 1
    empty.faults.clear()
    assert place(stack, made)["store"] == "s3" and not stored(stack, made)
    assert stack.client().get(used["path"] + "/0").status_code == 200
    stack.sql("UPDATE uploads SET store = 'directory', store_other = 's3' WHERE id = %s", uuid.UUID(made).bytes)
    done = admin(stack, "check")
    assert done.returncode == 1 and f"missing {made} in directory" in done.stdout
    stack.sql("UPDATE uploads SET store = 's3', store_other = 'directory' WHERE id = %s", uuid.UUID(made).bytes)
    assert admin(stack, "move", "directory").returncode == 0
    assert place(stack, made) == {"state": "ready", "store": "directory", "store_other": None}
    stack.sql("UPDATE uploads SET store_other = 's3' WHERE id = %s", uuid.UUID(made).bytes)  # as if it had died before the deletion
    end_post(stack, used)
    empty.taken()
    expect(user.api.delete(f"/api/v1/uploads/{made}"), 204)
    purged(stack, made)
    assert not stored(stack, made) and empty.taken() == [f"DELETE /{name_of(made)}"]


def test_what_is_nobodys_is_found(stack, empty, beside, alone, user):
    kept, nobodys = upload(user)["id"], str(uuid.uuid4())
    assert beside.put(name_of(nobodys).partition("/")[2])[0] == "ok" and beside.put("not/ours")[0] == "ok"
    done = admin(stack, "check")
    assert done.returncode == 1 and f"stray {nobodys} in s3" in done.stdout and "foreign not/ours in s3" in done.stdout
    assert kept not in done.stdout
    assert beside("delete", "not/ours")[0] == beside("delete", name_of(nobodys).partition("/")[2])[0] == "ok"
    assert beside("delete", name_of(kept).partition("/")[2])[0] == "ok"
    done = admin(stack, "check")
    assert done.returncode == 1 and f"missing {kept} in s3" in done.stdout
    expect(user.api.delete(f"/api/v1/uploads/{kept}"), 204)


def test_the_daily_look(stack, empty, beside, alone, user):
    """A row without an object is an alarm. An object that came after its deletion goes, and so does one of no row, if the look before has
    found few; what is young, and what is none of ours, stays."""
    lost, kept, late, nobodys = upload(user)["id"], upload(user)["id"], standing.old_id(), standing.old_id()
    assert beside("delete", name_of(lost).partition("/")[2])[0] == "ok"
    stack.sql("INSERT INTO uploads (id, user_id, state, store, created_at_us, delete_due_at_us, deleted_at_us, mode)"
              " SELECT %s, user_id, 'deleted', 's3', 1, 1, 1, mode FROM uploads WHERE id = %s", uuid.UUID(late).bytes, uuid.UUID(kept).bytes)
    for upload_id in (late, nobodys):
        put(beside, upload_id)
    young = upload(user)["id"]
    expect(user.api.delete(f"/api/v1/uploads/{young}"), 204)
    purged(stack, young)
    put(beside, young)
    assert beside.put("not/ours")[0] == "ok"

    def there():
        found = keys(beside)
        return {i for i in (lost, kept, late, nobodys, young) if name_of(i).partition("/")[2] in found}

    logged = len(stack.log("worker-media"))
    row = standing.look(stack, "s3")
    assert (row["part"], row["strays_before"]) == (None, 1) and there() == {kept, nobodys, young}
    told, = events(stack.log("worker-media")[logged:], "images_missing")
    assert (told["level"], told["store"], told["images"]) == ("error", "s3", 1)
    standing.look(stack, "s3", strays_before=101)
    assert there() == {kept, nobodys, young}, "a bucket of somebody else's is left alone"
    place = name_of(nobodys).partition("/")[2]
    standing.look(stack, "s3", strays_before=1, part="objects", place=place)
    assert there() == {kept, nobodys, young}, "it goes on after that place"
    standing.look(stack, "s3", strays_before=1, part="objects", place=place[:-1])
    assert there() == {kept, young} and "not/ours" in keys(beside)
    for name in ("not/ours", name_of(young).partition("/")[2]):
        assert beside("delete", name)[0] == "ok"
    expect(user.api.delete(f"/api/v1/uploads/{lost}"), 204)


@pytest.mark.parametrize("faults, says", [([("404 Not Found", "NoSuchBucket")] * 2, "404 NoSuchBucket"),  # of HEAD, which cannot say which
                                          ([("503 Slow Down", "SlowDown")], "503")])
def test_a_look_that_cannot_be_made(stack, empty, alone, user, faults, says):
    """Nothing is missing because the bucket does not answer: the job comes again."""
    kept = upload(user)["id"]
    logged = len(stack.log("worker-media"))
    empty.fault(*faults)
    assert standing.look(stack, "s3")["missing"] == 0
    log = stack.log("worker-media")[logged:]
    assert not events(log, "images_missing") and says in log
    expect(user.api.delete(f"/api/v1/uploads/{kept}"), 204)
