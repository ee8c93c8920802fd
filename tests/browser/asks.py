"""What a test in the browser asks for that is made, moved or read from outside (t.ask(NAME, {...}), lib/test.mjs): a function of ASKS
for each."""

import contextlib
import os
import pathlib
import tempfile
import uuid

import authenticator
import conftest
import images
import mailing
import publishing
import render
from helpers import expect


class World:
    def __init__(self, stack):
        self.stack, self.users = stack, {}

    @contextlib.contextmanager
    def during_a_test(self):
        """What a test has stopped or set is put back at its end."""
        with contextlib.ExitStack() as during:
            self.stopped = during.enter_context(contextlib.ExitStack())
            self.folder = pathlib.Path(during.enter_context(tempfile.TemporaryDirectory(prefix="mcli-photos-")))
            yield

    def answer(self, name, given):
        return ASKS[name](self, **given)


def user(world, connected=False, key=True, **account):
    """Somebody whose address is confirmed; with a TikTok account, and an API key."""
    made = conftest.User(world.stack)
    world.users[made.id] = made
    of = made.connect(**account) if connected or account else None
    return {"id": made.id, "email": made.email, "password": made.password, "account": of, "key": made.key if key else None,
            "username": world.stack.wait(lambda: publishing.creator_of(world.stack, of), "TikTok has told the creator's name") if of else None}


def connect(world, user, **account):
    """One more TikTok account, of which TikTok has told what it may post; its id."""
    made = world.users[user].connect(**account)
    world.stack.wait(lambda: publishing.creator_of(world.stack, made), "TikTok has told the creator's name")
    return made


def post(world, user, account, wait=True, **more):
    """A post that was sent through the API, and has ended unless wait is false."""
    sent = publishing.Sent(world.stack, world.users[user], account, **more)
    return sent.wait() if wait else sent.get()


def ended(world, user, id, states=publishing.ENDED):
    """The post once it is in one of these states."""
    api = world.users[user].api

    def now():
        found = expect(api.get(f"/api/v1/posts/{id}"), 200)["data"]
        return found if found["status"] in states else None
    return world.stack.wait(now, f"post {id} is {states}")


def letter(world, to, subject="", times=1):
    """The newest mail to this address, once there are so many of them."""
    found = mailing.wait_letter(world.stack, to, subject, times)
    return {"subject": found.subject, "text": found.text, "html": found.html,
            "link": f"{world.stack.url}/{found.page}#{found.token}" if found.token else None}


SAYS = {"generated": lambda data: images.with_manifests(data, [("c2pa.created", images.TRAINED)]),
        "edited": lambda data: images.with_xmp(data, images.COMPOSITE)}


def photos(world, count=1, width=540, height=960, mb=0, says=()):
    """Files of JPEGs, each of so many megabytes at least, for an input of files; says: of SAYS for each that says something of AI, else
    null. They go with the test."""
    made = []
    for n in range(count):
        data = images.jpeg(width, height) if n == 0 or width * height < 1 << 20 else data
        filling = b"\xff\xfe\xff\xff" + f"{uuid.uuid4()}".encode() + bytes(65533 - 36)  # a comment of JPEG's greatest length
        more = filling * (mb * 10**6 // len(filling) + 1)
        made.append(world.folder / f"photo-{n + 1}.jpg")
        whole = data[:2] + more + data[2:]
        made[-1].write_bytes(SAYS[says[n]](whole) if n < len(says) and says[n] else whole)
    return [str(p) for p in made]


def sql(world, text, values=()):
    """The rows, as the database's root. An id (a text like one) among the values becomes its 16 bytes, and bytes come as hex."""
    rows = world.stack.sql(text, *(as_id(v) for v in values))
    return [{k: v.hex() if isinstance(v, bytes) else v if isinstance(v, (int, float, type(None))) else str(v) for k, v in row.items()}
            for row in rows]


def as_id(value):
    try:
        return uuid.UUID(value).bytes if isinstance(value, str) and len(value) == 36 else value
    except ValueError:
        return value


def move_clock(world, seconds):
    world.stack.move_clock(seconds)


def stop(world, program):
    """It is away until the test's end, or until restore."""
    world.stopped.enter_context(world.stack.stopped(program))


def freeze(world, program):
    world.stopped.enter_context(world.stack.frozen(program))


def configure(world, programs, settings):
    """These programs have these settings until the test's end."""
    world.stopped.enter_context(world.stack.configured(*programs, **settings))


def restore(world):
    """What was stopped, frozen and configured is as before."""
    world.stopped.pop_all().close()


def code(world, secret):
    """What an authenticator app with this secret shows now."""
    return authenticator.App(world.stack, secret).shows()


def admin(world, args, stdin=None):
    """What marketingcli-admin printed."""
    done = world.stack.admin(*args, stdin=stdin)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tables(world):
    """The routes and errors of the programs."""
    return render.tables(render.find_program(os.environ["MARKETINGCLI_BUILD"], "marketingcli-admin"))


ASKS = {f.__name__: f for f in (user, connect, post, ended, letter, photos, sql, move_clock, stop, freeze, configure, restore, code, admin, tables)}
