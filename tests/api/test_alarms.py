"""What should wake somebody: each alarm is one event of the log and one more in the metrics.

Here are those that are far from what usually goes wrong; test_engine.py and test_metrics.py provoke the others, tests/lint/alarms compares."""

import contextlib
import json
import shutil
import signal
import subprocess
import uuid

import images
import pytest
import standing
from helpers import expect
from layout import AS_ROOT
from publishing import LEASE_SEC, Sent
from test_metrics import Shown
from test_uploads import stored, upload


def events(text, name):
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]


def test_a_post_without_a_job(stack, user, account):
    """Which cannot be, says the audit when it finds one, and gives it the job of its state."""
    hold, armed = stack.at.hold / "worker-publish", stack.arm("publish.publish_id_committed")
    hold.touch()
    try:
        polled = Sent(stack, user, account)
        stack.wait(lambda: not armed.exists() and stack.pid("worker-publish") is None, "the worker has died after its init")
        untouched, new = Sent(stack, user, account), Sent(stack, user, user.connect())
        assert [post.get()["status"] for post in (polled, untouched, new)] == ["processing", "queued", "queued"]
        for post, since_sec in ((polled, 700), (untouched, 700), (new, 10)):
            post.lose_jobs()
            stack.sql("UPDATE posts SET updated_at_us = updated_at_us - %s * 1000000 WHERE id = %s", since_sec, post.key)
        stack.sql("UPDATE jobs_publish SET run_at_us = 1000000 WHERE kind = 'housekeeping'")
        logged = len(stack.log("worker-publish"))
    finally:
        hold.unlink()

    def audited():
        """Those of ours that the audit has found (other tests leave posts without jobs behind, too)."""
        told = events(stack.log("worker-publish")[logged:], "post_without_job")
        assert Shown(stack, "worker-publish")("alarms_total", alarm="post_without_job") == len(told)
        assert {e["level"] for e in told} == {"error"}
        return sorted({e["post"] for e in told} & {post.id for post in (polled, untouched, new)})

    assert polled.wait()["status"] == untouched.wait()["status"] == "published"
    assert polled.at_simulator() == untouched.at_simulator() == 1
    assert audited() == [polled.id, untouched.id]
    assert new.jobs() == [] and new.get()["status"] == "queued", "its transaction could still be under way"

    stack.sql("UPDATE posts SET updated_at_us = updated_at_us - 700 * 1000000 WHERE id = %s", new.key)
    standing.hurry(stack, "jobs_publish", "housekeeping")
    assert new.wait()["status"] == "published"
    assert audited() == [polled.id, untouched.id, new.id]


def test_late_purges_are_an_alarm_each(stack, user, account):
    """Not an image that is less than a day late, nor one that a post still needs; and each once a day, whoever looks."""
    made = {}
    for name in ("late", "later", "fresh", "new"):
        files = {"image": (f"{name}.png", images.png(300, 300), "image/png")}
        made[name] = expect(user.api.post("/api/v1/uploads", files=files), 201)["data"]["id"]

    def is_due(name, hours_ago):
        stack.sql("UPDATE uploads SET delete_due_at_us = (UNIX_TIMESTAMP() - %s * 3600) * 1000000 WHERE id = %s", hours_ago,
                  uuid.UUID(made[name]).bytes)

    def sweep_is_held(held):
        """As by a worker that is at it: it would delete them at once."""
        stack.sql("UPDATE jobs_media SET lease_token = %s, run_at_us = (UNIX_TIMESTAMP() + %s) * 1000000, wanted_at_us = NULL"
                  " WHERE kind = 'sweep'", uuid.uuid4().bytes if held else None, 300 if held else 0)  # a lease of more than ten minutes is not believed

    def told_after(change):
        """How many are late, and of which the alarm tells, says the process that comes after the change: it looks before it
        claims anything."""
        with stack.stopped("worker-media"):
            change()
            logged = len(stack.log("worker-media"))
        stack.wait(lambda: Shown(stack, "worker-media")("jobs", state="later", **{"class": "media"}) >= 1, "it has looked")
        shown = Shown(stack, "worker-media")
        lines = events(stack.log("worker-media")[logged:], "purge_late")
        assert shown("alarms_total", alarm="purge_late") == len(lines)
        return shown("late_purges", store="directory"), sorted(line["upload"] for line in lines)

    def they_are_late():
        sweep_is_held(True)
        for name, hours_ago in (("late", 25), ("fresh", 23), ("needed", 25)):
            is_due(name, hours_ago)

    with stack.stopped("worker-publish"):
        post = Sent(stack, user, account)
        made["needed"] = post.get()["images"][0]["upload_id"]
        assert told_after(they_are_late) == (1, [made["late"]])
        assert told_after(lambda: None) == (1, []), "it has said so"
        assert told_after(lambda: is_due("later", 25)) == (2, [made["later"]]), "another one is another alarm"
        assert told_after(lambda: stack.sql("UPDATE uploads SET late_told_at_us = late_told_at_us - 86400000000 WHERE id = %s",
                                            uuid.UUID(made["late"]).bytes)) == (2, [made["late"]]), "a day later it says so again"
        sweep_is_held(False)
        stack.wait(lambda: not stack.sql("SELECT 1 FROM uploads WHERE id IN (%s, %s) AND deleted_at_us IS NULL",
                                         *(uuid.UUID(made[k]).bytes for k in ("late", "later"))), "the purge makes up for it")
        assert told_after(lambda: None) == (0, [])
    post.wait()


# A program that dies cannot count it: the one after it does


def died(stack, program):
    return Shown(stack, program)("alarms_total", alarm="program_died")


def test_a_failed_assertion(stack, user):
    """It is one event of the log, the program is started again, and says what became of the one before it."""
    upload = expect(user.api.post("/api/v1/uploads", data=images.jpeg(64, 48)), 201)["data"]["id"]
    key = uuid.UUID(upload).bytes
    before, pid, logged = Shown(stack, "worker-media"), stack.pid("worker-media"), len(stack.log("worker-media"))
    armed = stack.arm("purge.file_deleted", assertion=True)
    stack.sql("UPDATE uploads SET delete_due_at_us = 1000000 WHERE id = %s", key)
    stack.sql("UPDATE jobs_media SET run_at_us = 1000000 WHERE subject_id = %s", key)
    stack.wait(lambda: not armed.exists() and stack.pid("worker-media") not in (None, pid), "the next one runs")
    stack.wait(lambda: Shown(stack, "worker-media")("alarms_total", alarm="program_died") == 1, "it says what became of that")
    assert Shown(stack, "worker-media")("process_start_time_seconds") != before("process_start_time_seconds")
    failed = events(stack.log("worker-media")[logged:], "assert")
    assert [(e["level"], e["condition"], e["file"].endswith("lib/base/point.c")) for e in failed] == [
        ("error", "st.st_size == 0", True)]
    assert [e["level"] for e in events(stack.log("worker-media")[logged:], "program_died")] == ["error"]
    stack.move_clock(LEASE_SEC + 10)
    stack.wait(lambda: not stack.sql("SELECT 1 FROM jobs_media WHERE subject_id = %s", key), "the job is done after all")
    stack.restart("worker-media")
    assert died(stack, "worker-media") == 0


@pytest.mark.parametrize("program, signo", [("keys", signal.SIGABRT), ("worker-publish", signal.SIGKILL),
                                            ("image", signal.SIGKILL)])
def test_a_program_that_is_killed(stack, program, signo):
    """Whatever it died of; one that was told to end has not died."""
    logged = len(stack.log(program))
    stack.restart(program)
    assert died(stack, program) == 0
    pid = stack.kill(program, signo)
    stack.wait(lambda: stack.pid(program) not in (None, pid), "the next one runs")
    stack.wait(lambda: died(stack, program) == 1, "it says so")
    assert len(events(stack.log(program)[logged:], "program_died")) == 1
    stack.restart(program)
    assert died(stack, program) == 0


def test_the_daily_look_at_the_folder(stack, user):
    """As at a bucket (test_s3.py). More objects of no row than can come about by themselves are an alarm, and stay."""
    stack.sql("UPDATE uploads SET deleted_at_us = 1 WHERE deleted_at_us IS NULL")  # of tests before this one, which may have lost some
    lost, kept = upload(user)["id"], upload(user)["id"]
    stored(stack, lost)[0].unlink()
    logged, before = len(stack.log("worker-media")), Shown(stack, "worker-media")
    nobodys = [file_of_nobody(stack) for _ in range(101)]
    half = file_of_nobody(stack, ".part")
    assert standing.look(stack, "directory")["strays_before"] == 102 and all(path.exists() for path in nobodys)
    log = stack.log("worker-media")[logged:]
    assert [(e["store"], e["images"]) for e in events(log, "images_missing")] == [("directory", 1)]
    assert [(e["store"], e["objects"]) for e in events(log, "images_stray")] == [("directory", 102)]
    assert Shown(stack, "worker-media").moved(before, "alarms_total") == {("images_missing",): 1, ("images_stray",): 1}
    standing.look(stack, "directory", strays_before=102)
    assert all(path.exists() for path in nobodys)
    standing.look(stack, "directory", strays_before=100)
    assert not [path for path in (*nobodys, half) if path.exists()] and stored(stack, kept)
    expect(user.api.delete(f"/api/v1/uploads/{lost}"), 204)


def file_of_nobody(stack, more=""):
    made = standing.old_id()
    path = stack.at.store / made[-4:-2] / made[-2:] / f"{made}.jpg{more}"
    for folder in (path.parent.parent, path.parent):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o2775)
        if AS_ROOT:
            shutil.chown(folder, group=stack.at.store.stat().st_gid)
    path.write_bytes(b"nobody's")
    return path


# What worker@media sees of the machine, and worker@publish of worker@media (worker/watch.h)

WATCHED = {"watch_silent_sec": 1, "watch_free_percent": 1, "watch_certificate_days": 1000, "watch_clock": "yes"}


@contextlib.contextmanager
def small_disk(path):
    """One of 1 MB that is full; None where nobody may mount one."""
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "none", path], capture_output=True).returncode == 0
    try:
        if mounted:
            subprocess.run(["dd", "if=/dev/zero", f"of={path}/fill", "bs=1M", "count=2"], capture_output=True)
        yield path if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", path], check=True)
        path.rmdir()


def test_an_upload_where_there_is_no_room(stack, user):
    """Nothing of it is left, and the next one comes in."""
    with small_disk(stack.at.test / "spool") as disk:
        if disk is None:
            pytest.skip("no file system can be mounted here")
        disk.chmod(0o777)
        with stack.configured("uploads", store_spool_dir=disk):
            expect(user.api.post("/api/v1/uploads", data=images.jpeg(64, 48)), 507, "store_full")
            assert [p.name for p in disk.iterdir()] == ["fill"] and expect(user.api.get("/api/v1/uploads"), 200)["data"] == []
            (disk / "fill").unlink()
            assert stored(stack, upload(user)["id"])


def test_what_is_wrong_with_the_machine_is_told(stack, tmp_path):
    """A program that is away, and then nginx, and who looks at these; a disk at 0 bytes, a certificate of 800 days, a clock that nobody
    sets; a rotation that nobody ends. Each once, and an event when it is over."""
    since = {name: len(stack.log(name)) for name in ("worker-media", "worker-publish")}
    unset = stack.at.test / "clock_unset"

    def seen(name, program="worker-media"):
        return events(stack.log(program)[since[program]:], name)

    def parts(name, program="worker-media"):
        return [e["part"] for e in seen(name, program)]

    def secrets(*words):
        """As the timer's unit looks at them, which is root's."""
        looked = stack.admin("credentials", "check", "--tell", "--dir", str(folder))
        assert looked.returncode == (1 if words else 0) and all(w in looked.stderr for w in words), looked

    folder = tmp_path / "credentials"
    assert stack.admin("credentials", "--dir", str(folder)).returncode == 0
    (folder / "rotation").mkdir()
    forgotten = folder / "rotation/smtp-password"
    forgotten.write_text("begun_us 1\ncourse 0\nstep 2\nline x\n")
    unset.write_text("1")
    try:
        with small_disk(stack.at.test / "disk") as disk, contextlib.ExitStack() as stopped:
            stopped.enter_context(stack.stopped("worker-mail"))
            # Where nothing can be mounted, less than all of the stack's disk is free.
            settings = WATCHED | ({"watch_dirs": disk} if disk else {"watch_free_percent": 100})
            with stack.configured("worker-publish", watch_silent_sec=1), stack.configured("worker-media", **settings):
                secrets("the rotation of smtp-password was begun more than a day ago")  # not before: the process of before would tell it, too
                stack.wait(lambda: all(map(seen, ("part_down", "disk_low", "certificate_ends", "clock_unset", "credentials_bad"))), "all are told")
                shown = Shown(stack, "worker-media")
                assert [(e["part"], e["why"], e["level"]) for e in seen("part_down")] == [("worker-mail", "nothing listens", "error")]
                assert shown("alarms_total", alarm="part_down") == 1
                (low,) = seen("disk_low")
                assert not disk or (low["dir"], low["free_percent"], low["free_mb"]) == (str(disk), 0, 0)
                assert shown("alarms_total", alarm="disk_low") == 1
                (certificate,) = seen("certificate_ends")
                end = subprocess.run(["openssl", "x509", "-noout", "-enddate", "-dateopt", "iso_8601", "-in", stack.at.tls / "leaf.crt"],
                                     capture_output=True, text=True, check=True).stdout.strip()
                assert certificate["ends_at"].replace("T", " ")[:19] == end.removeprefix("notAfter=")[:19]
                assert certificate["host"] == "localhost" and 0 < certificate["left_hours"] <= 800 * 24
                assert shown("alarms_total", alarm="certificate_ends") == 1
                assert '"status":444' not in stack.log("access"), "to look at the certificate is no request"
                assert len(seen("clock_unset")) == 1 and shown("alarms_total", alarm="clock_unset") == 1

                assert len(seen("credentials_bad")) == 1 and shown("alarms_total", alarm="credentials_bad") == 1
                assert [e["level"] for e in seen("credentials_bad")] == ["error"]

                unset.write_text("0")
                forgotten.unlink()
                secrets()
                if disk:
                    (disk / "fill").unlink()
                stopped.close()
                with stack.stopped("nginx"):
                    stack.wait(lambda: parts("part_down") == ["worker-mail", "nginx"], "nginx is missed")
                stack.wait(lambda: parts("part_up") == ["worker-mail", "nginx"] and seen("clock_set") and seen("credentials_good") and (seen("disk_has_room") or not disk), "all is over")
                assert [len(seen(name)) for name in ("disk_low", "certificate_ends", "clock_unset", "credentials_bad")] == [1, 1, 1, 1], "none is told twice"

                with stack.stopped("worker-media"):
                    stack.wait(lambda: parts("part_down", "worker-publish") == ["worker-media"], "who looks is missed, and nobody else is looked at")
                stack.wait(lambda: parts("part_up", "worker-publish") == ["worker-media"], "and is back")
    finally:
        unset.unlink()
        forgotten.unlink(missing_ok=True)
        secrets()
