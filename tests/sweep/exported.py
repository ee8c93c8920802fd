"""A flow of exports: wherever one fails, the client knows whether it has the whole; what it was given is counted once, what it was not given
is not; and nothing of it is left, neither on the disk nor in the database."""

import io
import os
import uuid
import zipfile

import requests
from world import Told, told  # first: it knows where the next ones are

from flows import SMALL, Flow, state  # isort: skip
from helpers import expect  # isort: skip

EXPORT = "/api/v1/privacy/export"


def export_ready(world):
    user = world.user()
    upload = expect(user.api.post("/api/v1/uploads", data=SMALL), 201)["data"]["id"]
    return state(user=user, upload=upload)


def ask(s):
    """Told, and the ZIP if it has come whole."""
    try:
        answer = s.user.web.post(EXPORT)
    except requests.RequestException:
        return Told("unknown"), None
    if answer.status_code != 200:
        return told(lambda: answer), None
    return Told("done"), zipfile.ZipFile(io.BytesIO(answer.content))


def export_act(world, s):
    s.told, s.zip = ask(s)


def is_whole(s, made):
    names = made.namelist()
    assert made.testzip() is None and names[-1] == "SHA256SUMS" and f"images/{s.upload}.jpg" in names, names


def given(world, s):
    return world.count("SELECT COUNT(*) AS n FROM activity WHERE what = 'exported' AND user_id = %s", uuid.UUID(s.user.id).bytes)


def spooled(world):
    """Files of exports that the program still has open."""
    pid, folder = world.stack.wait(lambda: world.stack.pid("privacy"), "the program runs"), str(world.stack.at.exports)
    try:
        return [fd for fd in os.listdir(f"/proc/{pid}/fd") if points_into(pid, fd, folder)]
    except FileNotFoundError:  # it was about to end, as it was told to: the next one is looked at
        return [pid]


def points_into(pid, fd, folder):
    try:
        return os.readlink(f"/proc/{pid}/fd/{fd}").startswith(folder)
    except OSError:
        return False


def export_right(world, s):
    n = given(world, s)
    assert n in {"done": (1,), "nothing": (0,), "unknown": (0, 1)}[s.told.how], (s.told, n)
    if s.zip is not None:
        is_whole(s, s.zip)
    world.stack.wait(lambda: not spooled(world) and not list(world.stack.at.exports.iterdir()), "nothing is left on the disk")
    assert world.count("SELECT COUNT(*) AS n FROM information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p"
                       " ON p.ID = t.trx_mysql_thread_id WHERE p.USER = 'marketingcli_privacy'") == 0
    again, made = world.stack.wait(lambda: done(s), "another one is given")
    is_whole(s, made)
    assert given(world, s) == n + 1


def done(s):
    answer = ask(s)
    return answer if answer[0].how == "done" else None


EXPORTED = [Flow("export", ("privacy",), export_ready, export_act, export_right)]
