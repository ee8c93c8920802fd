#!/usr/bin/python3
"""The programs of an earlier commit are updated to those of this checkout under load: no request may fail, no post and no mail.

    tests/upgrade/upgrade.py --build DIR                   from the commit before (HEAD^), which is built into build-before
    tests/upgrade/upgrade.py --build DIR --from COMMIT     from another one
    tests/upgrade/upgrade.py --build DIR --from COMMIT --before DIR    which has been built there

As docs/operations.md#update has it: first the schema and the grants, then one program after the other. Old and new
workers run beside each other on the same tables for a while. Both builds need test hooks.
"""

import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(CHECKOUT / "tests/load"))

import load  # noqa: E402
from restart import Log, check, report, told  # noqa: E402

import mailing  # noqa: E402  (of tests/api, which load has found)
import publishing  # noqa: E402
import test_engine  # noqa: E402
import test_metrics  # noqa: E402

REQUESTS = 2000  # before, while and after
ACCOUNTS = 12
ALARMS = ("result_lost", "job_dead", "post_without_job", "kind_paused")
MAILS = 10  # before each restart
LIMITS = {"rates": dict.fromkeys(("read", "images", "write", "post", "auth"), 60000),  # as in every stack of tests
          "caps": {"keys_a_day": 10000}}  # the load makes keys without an end


@contextlib.contextmanager
def checked_out(commit):
    """The tree of a commit, for its stack, its schema and its build."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mcli-before-"))
    try:
        subprocess.run(f"git -C {CHECKOUT} archive {commit} | tar -x -C {folder}", shell=True, check=True)
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder)


def build(tree):
    at = CHECKOUT / "build-before"
    shutil.rmtree(at, ignore_errors=True)
    subprocess.run(["meson", "setup", at, tree, "-Dtest_hooks=true", "--buildtype=release"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["nice", "ninja", "-C", at], check=True, stdout=subprocess.DEVNULL)
    return at


def install(built, programs):
    """Puts the programs where the stack finds them. One that runs keeps its own file."""
    for service in test_engine.services.PROGRAMS:
        for name in {service.program, "marketingcli-admin"}:
            found = test_engine.render.find_program(built, name)
            if found is not None:
                shutil.copy2(found, programs / f"{name}.new")
                (programs / f"{name}.new").replace(programs / name)


class Posts:
    """Somebody posts to each of some accounts, all the time: in rounds, because TikTok takes six a minute of an account."""

    def __init__(self, stack, users):
        self.stack, self.rounds, self.error, self.ended = stack, 0, None, threading.Event()
        self.accounts = [(user, user.connect()) for user in users]
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            while not self.ended.is_set():
                for sent in [publishing.Sent(self.stack, user, account) for user, account in self.accounts]:
                    self.is_published(sent)
                self.rounds += 1
        except Exception as e:  # whatever it is, the run has failed
            self.error = e

    def is_published(self, sent):
        post = sent.wait(seconds=120)
        check(post["status"] == "published" and sent.at_simulator() == 1, f"a post ended as {post['status']}: {post['failure']}")

    def more(self):
        """A round that begins from now on."""
        wanted = self.rounds + 2
        self.stack.wait(lambda: self.error or self.rounds >= wanted, "they are published", seconds=240)
        self.check()

    def check(self):
        check(self.error is None, f"a post failed: {self.error}")

    def end(self):
        self.ended.set()
        self.thread.join()
        self.check()
        return self.rounds * len(self.accounts)


def known(tree):
    """Those of caps that programs of that tree know: they do not start with a setting that they do not know."""
    text = (tree / "lib/base/conf.def").read_text()
    return [f"caps.{name}={n}" for name, n in LIMITS["caps"].items() if f"(caps, {name}," in text]


def lift_limits(stack):
    """Where the stack of the earlier commit knows nothing of them."""
    conf, text = stack.at.conf, stack.at.conf.read_text()
    with conf.open("a") as f:
        for section, limits in LIMITS.items():
            if f"[{section}]" not in text:
                f.write(f"\n[{section}]\n" + "".join(f"{name} = {n}\n" for name, n in limits.items()))


def make_credentials(stack):
    """Those that are new. Each service reads its own folder; on a server systemd hands them on."""
    done = stack.admin("credentials", "--dir", str(stack.at.credentials))
    check(done.returncode == 0, f"the credentials cannot be made: {done.stderr}")
    for path in stack.at.credentials.glob("*/*"):
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def services_of(stack):
    """Those of the stack, which is that of before: one that is new has nothing to be restarted there."""
    return [s.name for s in test_engine.services.PROGRAMS if (stack.at.log / f"{s.name}.log").exists()]


def in_turn(names):
    """systemd restarts them in no order. Of the apps that ask the image service, one comes before it and one after it."""
    rest = [name for name in names if name != "image"]
    at = rest.index("uploads") + 1
    check("posts" in rest[at:], "posts is restarted after the image service")
    return [*rest[:at], "image", *rest[at:]]


class Images:
    """Somebody has images repaired by whichever image service there is, through both apps. The post's title is too long, so none is made."""

    def __init__(self, stack):
        self.user, image = load.conftest.User(stack), load.images.jpeg(64, 48)
        form = [("images", ("1.jpg", image, "image/jpeg")), ("title", (None, "x" * 91))]
        self.asked = [("/api/v1/uploads", {"data": image}, 201), (f"/api/v1/accounts/{self.user.connect()}/posts", {"files": form}, 422)]

    def more(self):
        for path, sent, status in self.asked:
            answer = self.user.api.post(path, **sent)
            check(answer.status_code == status, f"{path} was answered {answer.status_code}, {answer.text}")


class Mails:
    """Some wait for worker@mail before each restart, that of its own among them. An old stack may have none."""

    def __init__(self, stack, user):
        self.stack, self.user, self.queued = stack, user, []

    def more(self):
        if "worker-mail" in services_of(self.stack):
            self.queued += [mailing.Queued(self.stack, self.user, "totp_enabled") for _ in range(MAILS)]

    def end(self):
        """Each was tried once."""
        tries = [mail.wait()["tries"] for mail in self.queued]
        check(set(tries) <= {1}, f"mails were tried again: {tries}")
        check(tries or "worker-mail" not in services_of(self.stack), "no mail waited for a worker that was restarted")
        return len(tries)


def migrate(stack, *more):
    done = stack.admin("migrate", "--sql", str(CHECKOUT / "sql"), "--credentials", str(stack.at.credentials), *more)
    check(done.returncode == 0, f"the schema cannot be brought up to date: {done.stderr}")


def update(stack, new, programs, log, posts, mails, images):
    """While the old second worker goes on."""
    install(new, programs)
    lift_limits(stack)
    make_credentials(stack)
    (stack.at.run / "keys.epoch").chmod(0o666)  # new units say which groups a program has; this stack is that of before
    migrate(stack)
    posts.more()
    names = in_turn(services_of(stack))
    for name in names:
        before = log.count()
        mails.more()
        stack.restart(name)
        images.more()
        stack.wait(lambda: log.count() > before + REQUESTS / len(names), f"work goes on after {name}")
    posts.more()


def run(stack, new, programs):
    kinds, log = load.kinds(stack, 80), Log(stack)
    theirs = load.conftest.Stack(stack.at.dir)  # of the thread that posts: no two of them may share a connection to the database
    users = [load.conftest.User(theirs) for _ in range(ACCOUNTS)]
    posts, mails, images = Posts(theirs, users), Mails(stack, users[0]), Images(stack)
    started, at_work = time.monotonic(), load.Load(stack, kinds)
    try:
        with test_engine.second_worker(stack):
            stack.wait(lambda: log.count() >= REQUESTS, "it is at work")
            posts.more()
            update(stack, new, programs, log, posts, mails, images)
        migrate(stack, "--revoke")  # now that the last of the old programs is gone
        after = log.count()
        stack.wait(lambda: log.count() >= after + REQUESTS, "all of it is new")
        posts.more()
    finally:
        posts.ended.set()
        results = at_work.stop()
    report(results, 1, time.monotonic() - started, signal.SIGTERM, log.lines(), services_of(stack))
    print(f"    {posts.end()} posts published, {mails.end()} mails sent")
    check(sum(r.failed for r in results) == 0, "requests failed during the update")
    raised = [(name, a) for name in ("worker-publish", "worker-media", "worker-mail") for a in ALARMS
              if test_metrics.Shown(stack, name)("alarms_total", alarm=a)]
    check(not raised, f"alarms: {raised}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, help="meson build folder of this checkout")
    parser.add_argument("--from", dest="commit", default="HEAD^")
    parser.add_argument("--before", type=pathlib.Path)
    options = parser.parse_args()
    with checked_out(options.commit) as tree, tempfile.TemporaryDirectory(prefix="mcli-programs-") as programs:
        programs = pathlib.Path(programs)
        programs.chmod(0o755)
        install(options.before or build(tree), programs)
        load.conftest.CHECKOUT = tree  # its stack and its schema
        with load.stack(programs, "worker.idle_ms=50", "keys.max_per_user=1000", *known(tree)) as stack:
            run(stack, os.path.abspath(options.build), programs)


if __name__ == "__main__":
    told(main)
