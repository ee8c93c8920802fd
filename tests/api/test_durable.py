"""What is acknowledged survives a power cut.

The programs do not start on a database that may lose commits. Of an upload strace says in which order the disk is told:
the programs are our own, one app and one image service under one strace, with a store of their own: so all folders are
new, and what the two do stands in one list in the order in which it happened.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import images
import pytest
import render
import services
from conftest import with_setting
from fastcgi import parameters, request, status
from helpers import expect
from layout import AS_ROOT
from mailing import Queued
from publishing import Sent
from test_alarms import events

CALLS = "openat,?open,?mkdir,mkdirat,?rename,?renameat,renameat2,fsync,fdatasync,write,pwrite64"
UPLOADS = next(s for s in services.PROGRAMS if s.name == "uploads")


class Traced:
    """The image service and uploads, on sockets of their own, until `end`."""

    def __init__(self, stack, folder):
        self.stack, self.folder, self.trace = stack, folder, folder / "trace"
        self.store = folder / "store"
        self.store.mkdir()
        shutil.copy(stack.at.store / ".marketingcli-folder", self.store)  # it is taken for the stack's own
        conf = stack.at.conf.read_text()
        for name, value in (("store_dir", self.store), ("store_image_socket", folder / "image.sock"), ("metrics_dir", "")):
            conf = with_setting(conf, name, value)
        (folder / "conf").write_text(conf)
        who = {}
        if AS_ROOT:
            subprocess.run(["chown", "-R", f"{UPLOADS.uid}:{UPLOADS.uid}", folder], check=True)
            who = {"user": UPLOADS.uid, "group": UPLOADS.uid, "extra_groups": list(UPLOADS.groups)}
        programs = [os.readlink(f"/proc/{stack.pid(name)}/exe") for name in ("image", "uploads")]
        with self.listener("image", socket.SOCK_SEQPACKET) as image, self.listener("uploads", socket.SOCK_STREAM) as uploads:
            script = f'"$0" <&{image.fileno()} & exec "$1" <&{uploads.fileno()}'
            self.process = subprocess.Popen(
                ["strace", "-f", "-y", "-s", "200", "-e", f"trace={CALLS}", "-o", self.trace, "bash", "-c", script, *programs],
                pass_fds=[image.fileno(), uploads.fileno()], start_new_session=True, cwd="/", stderr=subprocess.DEVNULL, env={
                    **os.environ, "MARKETINGCLI_CONF": str(folder / "conf"), "ASAN_OPTIONS": "detect_leaks=0",  # not when traced
                    "CREDENTIALS_DIRECTORY": str(stack.at.credentials / "uploads")}, **who)

    def listener(self, name, kind):
        made = socket.socket(socket.AF_UNIX, kind)
        made.bind(str(self.folder / f"{name}.sock"))
        (self.folder / f"{name}.sock").chmod(0o666)
        made.listen()
        return made

    def ask(self, values, body):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(60)
            s.connect(str(self.folder / "uploads.sock"))
            s.sendall(request(values, body)[0])
            answer = b""
            while piece := s.recv(65536):
                answer += piece
            return answer

    def end(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        assert self.process.wait(60) == 0
        return self.trace.read_text(errors="replace")


@dataclasses.dataclass
class Call:
    text: str  # as strace writes it, with its result
    begun: int
    ended: int


def calls(trace):
    """What another process does meanwhile cuts a call into two lines."""
    made, open_calls = [], {}
    for number, line in enumerate(trace.splitlines()):
        pid, _, text = line.partition(" ")
        text = text.strip()
        if resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", text):
            call = open_calls.pop(pid)
            call.text, call.ended = call.text + resumed[1], number
        else:
            call = Call(text, number, number)
            made.append(call)
            if text.endswith("<unfinished ...>"):
                call.text = text.removesuffix(" <unfinished ...>")
                open_calls[pid] = call
    return made


def find(made, pattern):
    return [call for call in made if re.match(pattern, call.text)]


def the_one(made, pattern):
    found = find(made, pattern)
    assert len(found) == 1, (pattern, [call.text for call in found])
    return found[0]


def assert_in_order(*one_after_another):
    for first, second in zip(one_after_another, one_after_another[1:]):
        assert first.ended < second.begun, (first, second)


def test_the_answer_to_an_upload_waits_for_the_disk(stack, user):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mcli-traced-"))
    try:
        folder.chmod(0o711)
        traced = Traced(stack, folder)
        try:
            body = images.jpeg(400, 300)
            answer = traced.ask(parameters("POST", "/api/v1/uploads", HTTP_AUTHORIZATION=f"Bearer {user.key}",
                                           CONTENT_TYPE="image/jpeg", CONTENT_LENGTH=str(len(body))), body)
        finally:
            made = calls(traced.end())
    finally:
        shutil.rmtree(folder)
    assert status(answer) == 201
    upload = re.search(rb'"id":"([0-9a-f-]{36})"', answer)[1].decode()
    outer = f"{traced.store}/{upload[-4:-2]}"
    inner = f"{outer}/{upload[-2:]}"
    final = f"{inner}/{upload}.jpg"
    part = f"{final}.part"
    rename, mkdir = r"rename(?:at2?)?\((?:AT_FDCWD\S*, )?", r"mkdir(?:at)?\((?:AT_FDCWD\S*, )?"

    def synced(path, after):
        """The first time that it is all on the disk."""
        found = [call for call in find(made, rf"fsync\(\d+<{path}>\) += 0") if call.begun > after.ended]
        assert found, f"no fsync of {path} after {after}"
        return found[0]

    opened = the_one(made, rf'open(?:at)?\(.*"{part}", .*O_CREAT.*= \d')
    above = None
    for parent, new in ((str(traced.store), outer), (outer, inner)):
        created = the_one(made, rf'{mkdir}"{new}", .*= 0')
        assert above is None or above.ended < created.begun
        above = synced(parent, after=created)
    written = find(made, rf"p?write(?:64)?\(\d+<{part}>.*= \d")
    assert written and not find(made, rf"p?write(?:64)?\(\d+<{final}>")
    renamed = the_one(made, rf'{rename}"{part}", .*"{final}".*= 0')
    answered = the_one(made, r"write\(.*Status: 201 Created\\r\\n")
    assert_in_order(above, opened, written[0])
    assert_in_order(written[-1], synced(part, after=written[-1]), renamed, synced(inner, after=renamed), answered)


@contextlib.contextmanager
def flushing_relaxed(stack):
    stack.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
    try:
        yield "innodb_flush_log_at_trx_commit=1"
    finally:
        stack.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")


@contextlib.contextmanager
def schema_too_old(stack):
    newest, = stack.sql("SELECT * FROM schema_migrations ORDER BY version DESC LIMIT 1")
    stack.sql("DELETE FROM schema_migrations WHERE version = %s", newest["version"])
    try:
        yield "marketingcli-admin migrate"
    finally:
        stack.sql(f"INSERT INTO schema_migrations ({', '.join(newest)}) VALUES ({', '.join(['%s'] * len(newest))})",
                  *newest.values())


@contextlib.contextmanager
def schema_too_new(stack):
    """By more than a release."""
    newest, = stack.sql("SELECT version, oldest FROM schema_migrations ORDER BY version DESC LIMIT 1")
    stack.sql("UPDATE schema_migrations SET oldest = version + 1 WHERE version = %s", newest["version"])
    try:
        yield "newer than this program"
    finally:
        stack.sql("UPDATE schema_migrations SET oldest = %s WHERE version = %s", newest["oldest"], newest["version"])


@pytest.mark.parametrize("wrong", [flushing_relaxed, schema_too_old, schema_too_new])
def test_who_starts_before_the_database_looks_at_it_when_it_comes(stack, user, account, wrong):
    """Until it is right, requests are answered 503 and nothing is claimed, and the log says why."""
    names = ("posts", "worker-publish", "worker-mail")
    with contextlib.ExitStack() as away:
        with stack.stopped("worker-publish"), stack.stopped("worker-mail"):
            sent, mail = Sent(stack, user, account), Queued(stack, user, "totp_enabled")
            away.enter_context(stack.stopped("mariadb"))
        stack.restart("posts")
        logged = {name: len(stack.log(name)) for name in names}
        pids = {name: stack.kill(name, signal.SIGSTOP) for name in names}
    with wrong(stack) as said:
        for pid in pids.values():
            os.kill(pid, signal.SIGCONT)
        expect(user.api.get("/api/v1/posts"), 503, "database_unavailable")
        for name in names:
            stack.wait(lambda: any(said in e.get("database", "") for e in events(stack.log(name)[logged[name]:], "database_away")),
                       f"{name} says what is wrong")
        assert sent.attempts() == [] and not any(j["runs"] for j in [*sent.jobs(), *mail.jobs()])
        assert mail.row()["state"] == "queued" and mail.row()["tries"] == 0
    stack.wait(lambda: user.api.get("/api/v1/posts").status_code == 200, "requests are served")
    assert mail.wait()["tries"] == 1
    assert sent.wait()["status"] == "published" and {name: stack.pid(name) for name in names} == pids


@pytest.mark.parametrize("flushing", [0, 2])
@pytest.mark.parametrize("name", ["keys", "posts", "worker-publish", "worker-media", "worker-mail"])
def test_no_program_starts_on_a_database_that_may_lose_commits(stack, tmp_path, name, flushing):
    service = next(s for s in services.PROGRAMS if s.name == name)
    conf = tmp_path / "conf"
    conf.write_text(with_setting(stack.at.conf.read_text(), "metrics_dir", ""))
    stack.sql(f"SET GLOBAL innodb_flush_log_at_trx_commit = {flushing}")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(tmp_path / "sock"))
            listener.listen()
            done = subprocess.run(
                [render.find_program(os.environ["MARKETINGCLI_BUILD"], service.program), *service.args], stdin=listener,
                capture_output=True, text=True, timeout=20, env={
                    **os.environ, "MARKETINGCLI_CONF": str(conf),
                    "CREDENTIALS_DIRECTORY": str(stack.at.credentials / service.database)})
    finally:
        stack.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
    assert done.returncode == 78, done.stderr
    told = json.loads(done.stderr.splitlines()[-1])
    assert told["event"] == "cannot_start" and "innodb_flush_log_at_trx_commit=1" in told["why"]
