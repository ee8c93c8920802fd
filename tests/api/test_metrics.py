"""What the programs count and show, the alarms, and whether the service says that it is well."""

import http.client
import json
import re
import socket
import stat
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pymysql
import pytest

import images
import publishing
from helpers import expect
from links import now_us

APPS = ["auth", "keys", "tiktok", "uploads", "media", "posts", "billing", "privacy", "sandbox"]
WORKERS = ["worker-publish", "worker-media", "worker-mail", "worker-billing", "worker-privacy"]

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
HELP = re.compile(rf"# HELP ({NAME}) \S.*")
TYPE = re.compile(rf"# TYPE ({NAME}) (counter|gauge|histogram)")
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (-?\d+(?:\.\d+)?)")
LABEL = re.compile(rf'({NAME})="([^"\\\n]*)"(?:,|$)')


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def connects(connection):
    try:
        connection.connect()
        return True
    except (FileNotFoundError, ConnectionRefusedError):
        return False


def parse(text):
    """{(name, labels): value}, after the rules of the format: one HELP and TYPE before a family's samples, which stand
    together, none twice; a histogram's buckets grow and end in its count."""
    assert text.endswith("\n")
    samples, families, family, kind = {}, set(), None, None
    for line in text.splitlines():
        if match := HELP.fullmatch(line):
            family, kind = match[1], None
            assert family not in families, line
            families.add(family)
        elif match := TYPE.fullmatch(line):
            assert match[1] == family and kind is None, line
            kind = match[2]
        else:
            match = SAMPLE.fullmatch(line)
            assert match and kind, line
            suffix = match[1].removeprefix(family)
            assert suffix in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",)), line
            labels = LABEL.findall(match[2] or "")
            assert LABEL.sub("", match[2] or "") == "" and len(dict(labels)) == len(labels), line
            key = match[1], frozenset(labels)
            assert key not in samples, line
            assert kind == "gauge" or float(match[3]) >= 0, line
            samples[key] = float(match[3])
    for (name, labels), n in samples.items():
        if not name.endswith("_bucket"):
            continue
        others = labels - {x for x in labels if x[0] == "le"}
        ends = {float(dict(k[1])["le"].replace("+Inf", "inf")): v for k, v in samples.items()
                if k[0] == name and others <= k[1]}
        assert [ends[e] for e in sorted(ends)] == sorted(ends.values()), name
        assert ends[float("inf")] == samples[name.replace("_bucket", "_count"), others]
    return samples


class Shown:
    """The metrics of one program at one moment."""

    def __init__(self, stack, program):
        connection = UnixConnection(stack.at.run / "metrics" / f"{program}.sock")
        stack.wait(lambda: connects(connection), f"{program} shows its metrics")  # it may be starting
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        assert (answer.status, answer.version) == (200, 10)
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        self.values = parse(answer.read().decode())
        connection.close()

    def __call__(self, name, **labels):
        prefix = "" if name.startswith("process_") else "marketingcli_"
        return self.values[prefix + name, frozenset(labels.items())]

    def moved(self, before, name):
        """{labels: by how much} of the series of a name that are not as they were."""
        name = "marketingcli_" + name
        return {tuple(v for _, v in sorted(labels)): n - before.values[key]
                for key, n in self.values.items() for _, labels in [key] if key[0] == name and n != before.values[key]}


def nobody_is_busy(stack, program):
    """A thread that has sent its answer still has its log line to write, and somebody else may ask."""
    stack.wait(lambda: Shown(stack, program)("threads_busy") == 0, f"no thread of {program} is busy")


# The text


@pytest.mark.parametrize("program", [*APPS, *WORKERS, "image"])
def test_every_program_shows_its_metrics(stack, program):
    stack.restart(program)  # it may have started while the clock of a test was moved
    if program in WORKERS:  # an app connects for its first request
        stack.wait(lambda: Shown(stack, program)("database_connections") > 0, f"{program} is connected")
    if program == "image":
        stack.wait(lambda: Shown(stack, program)("image_processes") >= 2, "its processes are there")
    shown = Shown(stack, program)
    assert abs(shown("process_start_time_seconds") - time.time()) < 86400
    assert shown("alarms_total", alarm="job_dead") >= 0
    if program == "image":
        assert shown("image_processes") >= 2 and shown("image_processes_busy") == 0
    elif program in APPS:
        assert shown("threads") == {"media": 4, "billing": 24, "privacy": 4}.get(program, 8) and shown("threads_outside") == 0
        nobody_is_busy(stack, program)
        assert shown("requests_total", route="none", status="4xx") >= 0
    else:
        stack.wait(lambda: Shown(stack, program)("database_connections") > 0, "it is connected")
        assert shown("jobs", **{"class": program.removeprefix("worker-"), "state": "due"}) >= 0
    mode = (stack.at.run / "metrics" / f"{program}.sock").stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660


def test_only_one_family_per_program(stack):
    """An app shows no jobs, a worker no requests, the image service neither nor a database, and only the class that deletes
    images their lateness."""
    assert not [k for k in Shown(stack, "keys").values if k[0].startswith("marketingcli_jobs")]
    assert not [k for k in Shown(stack, "worker-publish").values if "request" in k[0] or "late" in k[0]]
    assert not [k for k in Shown(stack, "image").values if re.search("request|jobs|database|threads", k[0])]
    assert not [k for program in ("uploads", "worker-media") for k in Shown(stack, program).values if "_image" in k[0]]
    assert Shown(stack, "worker-media")("late_purges", store="directory") == 0


# Requests


def test_requests_are_counted_exactly(stack, user):
    user.key, user.api  # made before the counting begins
    before, began = Shown(stack, "keys"), time.monotonic()
    for _ in range(3):
        expect(user.web.get("/api/v1/keys"), 200)
    expect(stack.client().get("/api/v1/keys"), 401)
    expect(user.web.put("/api/v1/keys", json={}), 405)
    expect(user.web.get("/api/v1/keys/none/of/these"), 404)  # nginx has no location for it
    expect(user.web.delete(f"/api/v1/keys/{uuid.uuid4()}"), 404)
    after, took = Shown(stack, "keys"), time.monotonic() - began

    assert after.moved(before, "requests_total") == {
        ("GET /api/v1/keys", "2xx"): 3, ("GET /api/v1/keys", "4xx"): 1, ("none", "4xx"): 1,
        ("DELETE /api/v1/keys/{id}", "4xx"): 1}
    assert after.moved(before, "request_seconds_count") == {
        ("GET /api/v1/keys",): 4, ("none",): 1, ("DELETE /api/v1/keys/{id}",): 1}
    sums = after.moved(before, "request_seconds_sum")
    assert set(sums) == {("GET /api/v1/keys",), ("none",), ("DELETE /api/v1/keys/{id}",)}
    assert 0 < sum(sums.values()) < took
    nobody_is_busy(stack, "keys")


def test_redirects_are_counted(stack, user):
    before = Shown(stack, "tiktok")
    user.authorize_url()
    assert Shown(stack, "tiktok").moved(before, "requests_total") == {("GET /api/v1/tiktok/connect", "3xx"): 1}


def test_slow_requests_and_their_threads(stack, user):
    """While three wait for a row that we have locked, three threads are busy, each with a connection to the database; and
    the histogram keeps apart what is slow."""
    before, route = Shown(stack, "keys"), "POST /api/v1/keys"
    root = pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="root", database="marketingcli", autocommit=False)
    with root, root.cursor() as cursor, ThreadPoolExecutor() as pool:
        cursor.execute("SELECT id FROM users WHERE id = %s FOR UPDATE", uuid.UUID(user.id).bytes)
        answers = [pool.submit(user.web.post, "/api/v1/keys", json={"name": f"slow {i}"}) for i in range(3)]
        stack.wait(lambda: Shown(stack, "keys")("threads_busy") == 3, "three are busy")
        since = time.monotonic()
        assert Shown(stack, "keys")("database_connections") >= 3
        stack.wait(lambda: time.monotonic() > since + 0.3, "they are slow")
        root.rollback()
        for answer in answers:
            expect(answer.result(), 201)
    after = Shown(stack, "keys")
    buckets = {float(le.replace("+Inf", "inf")): n for (le, r), n in after.moved(before, "request_seconds_bucket").items() if r == route}
    assert min(buckets) > 0.25 and buckets[float("inf")] == 3
    assert after.moved(before, "request_seconds_count") == {(route,): 3}
    assert after.moved(before, "request_seconds_sum")[route,] > 0.9
    nobody_is_busy(stack, "keys")


def test_asking_before_a_body_is_counted_apart(stack, user):
    user.api
    before = Shown(stack, "uploads")
    files = {"image": ("a.jpg", images.jpeg(400, 400), "image/jpeg")}
    expect(user.api.post("/api/v1/uploads", files=files), 201)
    assert Shown(stack, "uploads").moved(before, "requests_total") == {
        ("authorize", "2xx"): 1, ("POST /api/v1/uploads", "2xx"): 1}


def test_connections_are_counted(stack):
    stack.restart("keys")  # else one of before may still be about to be closed
    client = stack.client()
    expect(client.get("/api/v1/keys"), 401)
    kept = Shown(stack, "keys")("connections")
    assert kept > 0  # nginx keeps at least the one
    for _ in range(5):
        expect(client.post("/api/v1/keys", json={}), 401)  # a connection of its own each, closed after it
    stack.wait(lambda: Shown(stack, "keys")("connections") == kept, "the connections are closed")


# The database


def test_the_database_goes_and_comes_back(stack, user):
    client = user.web
    expect(client.get("/api/v1/keys"), 200)
    before, logged = Shown(stack, "keys"), len(stack.log("keys"))
    with stack.stopped("mariadb"):
        assert client.get("/healthz").json() == {"status": "ok"}
        stack.wait(lambda: client.get("/readyz").status_code == 503, "it says so")
        expect(client.get("/api/v1/keys"), 503)
        during = Shown(stack, "keys")
        assert during.moved(before, "alarms_total") == {("database_away",): 1}
        assert during.moved(before, "database_errors_total")[("unavailable",)] >= 1
        assert during.moved(before, "requests_total")[("GET /readyz", "5xx")] >= 1
        events = [json.loads(line) for line in stack.log("keys")[logged:].splitlines()]
        assert [e["level"] for e in events if e["event"] == "database_away"] == ["error"]
    stack.wait(lambda: client.get("/readyz").status_code == 200, "it is ready again")
    expect(client.get("/api/v1/keys"), 200)
    after = Shown(stack, "keys")
    assert after("database_connects_total") > before("database_connects_total")
    assert after("alarms_total", alarm="database_away") == before("alarms_total", alarm="database_away") + 1
    assert '"event":"database_back"' in stack.log("keys")[logged:]
    assert after("database_connections") <= after("threads") + 2


def test_a_mistake_of_ours_is_an_error_of_the_database(stack, user):
    expect(user.web.get("/api/v1/keys"), 200)
    before = Shown(stack, "keys")
    stack.sql("RENAME TABLE api_keys TO api_keys_away")
    try:
        expect(user.web.get("/api/v1/keys"), 500, "internal_error")
    finally:
        stack.sql("RENAME TABLE api_keys_away TO api_keys")
    after = Shown(stack, "keys")
    assert after.moved(before, "database_errors_total") == {("failed",): 1}
    assert after.moved(before, "requests_total") == {("GET /api/v1/keys", "5xx"): 1}
    expect(user.web.get("/api/v1/keys"), 200)


def test_the_worker_counts_the_database_too(stack):
    stack.wait(lambda: re.findall(r'"event":"(database_\w+)"', stack.log("worker-media"))[-1:] != ["database_away"],
               "it is connected")
    before = Shown(stack, "worker-media")
    with stack.stopped("mariadb"):
        stack.wait(lambda: Shown(stack, "worker-media").moved(before, "alarms_total") == {("database_away",): 1},
                   "the worker raises the alarm")
    stack.wait(lambda: Shown(stack, "worker-media")("database_connections") > 0, "it is connected again")
    stack.wait(lambda: stack.client().get("/readyz").status_code == 200, "it is ready again")


# Jobs


def add_job(stack, runs, kind="purge"):
    subject = uuid.uuid4().bytes
    stack.sql("INSERT INTO jobs_media (id, kind, subject_id, state, run_at_us, runs, created_at_us)"
              " VALUES (%s, %s, %s, 'ready', 1000000, %s, 1000000)", uuid.uuid4().bytes, kind, subject, runs)
    return subject


def test_jobs_are_counted_by_kind_and_outcome(stack):
    stack.wait(lambda: not stack.sql("SELECT 1 FROM jobs_media WHERE kind = 'purge' AND state = 'ready' AND (lease_token IS NOT NULL"
                                     " OR run_at_us < %s)", now_us(stack)), "nobody else's are due")
    before = Shown(stack, "worker-media")
    subjects = [add_job(stack, 0) for _ in range(3)]  # of images that are not there: nothing to do
    for subject in subjects:
        stack.wait(lambda: not stack.sql("SELECT 1 FROM jobs_media WHERE subject_id = %s", subject), "the job is done")
    stack.wait(lambda: Shown(stack, "worker-media").moved(before, "jobs_total").get(("purge", "done")) == 3, "three are counted")
    stack.wait(lambda: Shown(stack, "worker-media")("runs_open", **{"class": "media"}) == 0, "the runs have ended")


def test_a_dead_job_is_an_alarm(stack):
    before, logged = Shown(stack, "worker-media"), len(stack.log("worker-media"))
    subject = add_job(stack, 5)
    try:
        stack.wait(lambda: stack.sql("SELECT 1 FROM jobs_media WHERE subject_id = %s AND state = 'dead'", subject),
                   "the job is dead")
        stack.wait(lambda: Shown(stack, "worker-media").moved(before, "jobs_total").get(("purge", "dead")) == 1, "it is counted")
        assert Shown(stack, "worker-media")("alarms_total", alarm="job_dead") == 1 + before("alarms_total", alarm="job_dead")
        events = [json.loads(line) for line in stack.log("worker-media")[logged:].splitlines()]
        assert [(e["level"], e["kind"], e["subject"]) for e in events if e["event"] == "job_dead"] == [
            ("error", "purge", str(uuid.UUID(bytes=subject)))]
        stack.restart("worker-media")  # looks at the table before its first claim, and then every ten seconds
        dead = stack.sql("SELECT COUNT(*) AS n FROM jobs_media WHERE state = 'dead'")[0]["n"]
        stack.wait(lambda: Shown(stack, "worker-media")("jobs", state="dead", **{"class": "media"}) == dead, "the table shows it")
    finally:
        stack.sql("DELETE FROM jobs_media WHERE subject_id = %s", subject)


def test_waiting_jobs_are_seen(stack):
    """A job of a kind that this worker does not know is left to a newer one; one that nobody takes gets old."""
    publish = {"class": "publish"}
    with stack.stopped("worker-publish"):
        stack.sql("INSERT INTO jobs_publish (id, kind, subject_id, state, run_at_us, created_at_us)"
                  " VALUES (%s, 'of_tomorrow', %s, 'ready', (UNIX_TIMESTAMP() - 60) * 1000000, 1000000)", uuid.uuid4().bytes,
                  uuid.uuid4().bytes)
    try:
        # The first look comes before the first claim.
        stack.wait(lambda: Shown(stack, "worker-publish")("jobs", state="due", **publish) >= 1, "it is due")
        assert Shown(stack, "worker-publish")("jobs_oldest_due_seconds", **publish) >= 60
        assert stack.sql("SELECT runs, tries FROM jobs_publish WHERE kind = 'of_tomorrow'") == [{"runs": 0, "tries": 0}]
    finally:
        stack.sql("DELETE FROM jobs_publish WHERE kind = 'of_tomorrow'")


# Is it well?


def test_healthz_says_nothing_but_that(stack):
    answer = stack.client().get("/healthz")
    assert (answer.status_code, answer.text) == (200, '{"status":"ok"}')
    assert answer.headers["Content-Type"] == "application/json" and answer.headers["Cache-Control"] == "no-store"
    assert stack.client().head("/readyz").status_code == 200
    expect(stack.client().post("/healthz"), 405)
    assert stack.client().get("/healthz/").status_code == 404
