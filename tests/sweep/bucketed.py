"""Flows of images in a bucket (tests/fakes/bucket.py, which each run finds as the flow wants it): wherever a move or a purge fails, an
image that is there can be had whole, one that is deleted is nowhere, and the next run ends it; what was acknowledged of an upload is in the
bucket, and nothing stays there of any other; and the daily look finds what came after its deletion, and misses nothing."""

import sys

from world import HERE, Told  # first: it knows where the next ones are

sys.path.append(str(HERE.parent / "fakes"))

import conftest  # isort: skip
from bucket import Bucket  # isort: skip
from desk import no_admin  # isort: skip
from flows import DAY, HOUR, SMALL, Flow, is_as_told, upload_act, upload_ready, uploads_of  # isort: skip
from helpers import expect  # isort: skip

BUCKETS = {}  # of a stack
SECRET = "secret-of-a-bucket-in-memory"
CREDENTIALS = ("worker_media", "uploads")


def bucket_of(world):
    """worker@media knows it, and so does the admin."""
    at = world.stack.at
    if world not in BUCKETS:
        BUCKETS[world] = Bucket(at.tls / "leaf.crt", at.tls / "leaf.key").__enter__()
        for folder in CREDENTIALS:
            secret = at.credentials / folder / "s3-secret-key"
            secret.chmod(0o600)
            secret.write_text(SECRET)
        text = at.conf.read_text()
        for name, value in settings_of(world).items():
            text = conftest.with_setting(text, name, value)
        at.conf_of("worker-media").write_text(text)
        world.hold("worker-media")  # from its next start on
    return BUCKETS[world]


def settings_of(world):
    return {"s3_endpoint": BUCKETS[world].endpoint, "s3_bucket": "images", "s3_key_id": "anybody", "s3_ca_file": world.stack.at.ca,
            "s3_allow_private_addresses": "yes", "s3_timeout_sec": 2}


def admin(world, *verb, **env):
    at = world.stack.at
    return world.stack.admin("store", *verb, "--dir", str(at.credentials), conf=at.conf_of("worker-media"), **env)


def moved(world, to, **env):
    """As the admin understands it."""
    done = admin(world, "move", to, **env)
    assert done.returncode in (0, 1) or done.returncode < 0, (done.returncode, done.stderr)
    return Told("done" if done.returncode == 0 else "unknown")


def places(world, s):
    """(in the folder, in the bucket)"""
    return f"{s.id}.jpg" in world.files(), any(name.endswith(f"/{s.id}.jpg") for name in s.bucket.objects)


def kept_ready(world):
    """An image in the folder."""
    no_admin(world)
    s = upload_ready(world)
    s.bucket = bucket_of(world)
    s.bucket.objects = {}
    s.id = expect(s.user.api.post("/api/v1/uploads", data=SMALL), 201)["data"]["id"]
    world.hold("worker-media")
    return s


# --- a move


def move_act(world, s):
    s.bucket.objects = {}
    s.told = moved(world, "s3", MARKETINGCLI_TEST_PROGRAM="admin")


def move_right(world, s):
    """Whatever became of it, the image is where its row says; and another run ends it."""
    row = world.stack.sql("SELECT store FROM uploads")[0]["store"]
    assert places(world, s)[row == "s3"] and (s.told.how != "done" or places(world, s) == (False, True)), (row, places(world, s), s.told)
    assert moved(world, "s3").how == "done" and places(world, s) == (False, True)
    assert world.stack.sql("SELECT store, store_other FROM uploads") == [{"store": "s3", "store_other": None}]
    other = s.id[:-6] + ("b" if s.id[-6] == "a" else "a") + s.id[-5:]
    s.bucket.objects[f"/images/{s.id[-4:-2]}/{s.id[-2:]}/{other}.jpg"] = b"nobody's"
    done = admin(world, "check", "--digests")
    assert done.returncode == 1 and " 0 missing, 0 damaged; 1 files without an image" in done.stdout, done.stdout
    assert admin(world, "check", "--delete").returncode == 0 and len(s.bucket.objects) == 1


# --- a purge of an image that was being moved: it is in both


def both_ready(world):
    s = kept_ready(world)
    assert moved(world, "s3").how == "done"
    s.objects = dict(s.bucket.objects)
    assert moved(world, "directory").how == "done"
    world.stack.sql("UPDATE uploads SET store_other = 's3'")
    world.stack.move_clock(6 * DAY + HOUR)
    return s


def both_act(world, s):
    s.bucket.objects = dict(s.objects)
    world.let_go("worker-media")
    world.until(lambda: places(world, s) == (False, False), "the image is deleted")


def both_right(world, s):
    world.until(lambda: world.count("SELECT COUNT(*) AS n FROM uploads WHERE deleted_at_us IS NULL") == 0, "its row says so")


# --- an upload into the bucket


def into_bucket(world):
    bucket_of(world)
    return {"uploads": {"store_kind": "s3", **settings_of(world)}}


def put_ready(world):
    s = upload_ready(world)
    s.bucket = bucket_of(world)
    world.let_go("worker-media")
    return s


def put_act(world, s):
    s.bucket.objects = {}
    upload_act(world, s)


def put_right(world, s):
    """What was begun and not acknowledged goes within hours, whether the bucket had it or not."""
    there = uploads_of(s.user)
    is_as_told(s.told, there)
    world.stack.move_clock(2 * HOUR)
    world.until(lambda: sorted(name.rpartition("/")[2] for name in s.bucket.objects) == sorted(f"{i}.jpg" for i in there),
                f"the objects of {there} alone are there", step_sec=HOUR)
    assert world.files() == []


# --- the daily look: an object has come after it was deleted


def look_ready(world):
    s = kept_ready(world)
    late = expect(s.user.api.post("/api/v1/uploads", data=SMALL), 201)["data"]["id"]
    expect(s.user.api.delete(f"/api/v1/uploads/{late}"), 204)
    world.let_go("worker-media")
    world.until(lambda: world.files() == [f"{s.id}.jpg"], "the image is deleted")
    world.until(lambda: world.count("SELECT COUNT(*) AS n FROM uploads WHERE state = 'deleted' AND deleted_at_us IS NULL") == 0, "its row says so")
    world.hold("worker-media")
    s.late = f"/images/{late[-4:-2]}/{late[-2:]}/{late}.jpg"
    return s


def look_act(world, s):
    s.bucket.objects = {s.late: b"late"}
    world.stack.move_clock(2 * DAY)
    world.let_go("worker-media")
    world.until(lambda: not s.bucket.objects, "it is gone")


def look_right(world, s):
    """Both were looked at to the end; an alarm would be a false one (reached.py)."""
    looked = "SELECT COUNT(*) AS n FROM stores WHERE part IS NULL AND looked_at_us > %s"
    world.until(lambda: world.count(looked, world.now_us() - DAY * 1_000_000) == 2, "both were looked at")
    assert places(world, s) == (True, False)


BUCKETED = [
    Flow("put", ("uploads",), put_ready, put_act, put_right, settings=into_bucket),
    Flow("look", ("worker-media",), look_ready, look_act, look_right, workers=True),
    Flow("store move", ("admin",), kept_ready, move_act, move_right),
    Flow("purge of both", ("worker-media",), both_ready, both_act, both_right, workers=True),
]
