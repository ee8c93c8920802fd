"""The flows: one row each at the end; others are in the files beside this one. A flow is made ready without faults, acts while steps are counted and one of them
fails, and must then be right: nothing lost, nothing twice, nothing stuck, and the client was told the truth."""

import dataclasses
import datetime
import uuid
from typing import Callable

from lost import INIT, TOKENS, at_risk, committed, made, not_begun
from world import told  # first: it knows where the next ones are

from helpers import expect  # isort: skip
from images import jpeg
from publishing import ENDED, Sent, creator_of

SMALL = jpeg(90, 60)
HOUR, DAY = 3600, 86400


@dataclasses.dataclass
class Flow:
    name: str
    programs: tuple  # whose steps count
    ready: Callable  # (world) -> the state
    act: Callable  # (world, state)
    right: Callable  # (world, state): asserts
    workers: bool = False  # also with two of the worker among them
    left: bool = False  # also with a stop while the database is away (plan.LEFT): a result of its works only once
    settings: Callable = None  # (world) -> {program: {name of the setting: value}}: how these are configured for it, and for no other flow
    about: tuple = ()  # alarms that it raises, whatever it meets


class State:
    """What a run knows; its fields are the flow's own, and once it has acted: its steps; and the fault that it met, at which of them,
    or None."""

    kind = at = None
    steps = ()

    @property
    def step(self):
        """The name of that which met the fault; "": none did."""
        return "" if self.kind is None else self.steps[self.at - 1].name

    def at_risk(self, result):
        """How many of the calls' results are lost: (at least, at most)."""
        return at_risk(result, self.steps, self.kind, self.at)


def state(**fields):
    made = State()
    made.__dict__.update(fields)
    return made


def until_done(call, most=8):
    """A client that repeats what it may, until it knows."""
    for _ in range(most):
        answer = told(call)
        if answer.how in ("done", "refused"):
            return answer
    raise AssertionError(f"never an end: {answer}")


# --- images and posts


def upload_ready(world):
    user = world.user()
    assert user.key
    return state(user=user)


def upload_act(world, s):
    s.told = told(lambda: s.user.api.post("/api/v1/uploads", data=SMALL))


def uploads_of(user):
    return [u["id"] for u in expect(user.api.get("/api/v1/uploads"), 200)["data"]]


def no_file_is_left_over(world, ids):
    """What failed half-way is purged within hours."""
    world.stack.move_clock(2 * HOUR)
    world.until(lambda: world.files() == sorted(f"{i}.jpg" for i in ids), f"the files of {ids} alone are there", step_sec=HOUR)


def is_as_told(told, there):
    assert told.how in ("done", "nothing", "unknown"), told
    if told.how == "done":
        assert there == [told.data["id"]], (there, told)
    elif told.how == "nothing":
        assert there == [], (there, told)
    else:
        assert there in ([], [told.may_exist or (there and there[0])]), (there, told)


def upload_right(world, s):
    there = uploads_of(s.user)
    is_as_told(s.told, there)
    no_file_is_left_over(world, there)


def repair_right(world, s):
    """And whoever comes next is served. The process that shows the figures of a new service comes last, and says that the one before died."""
    upload_right(world, s)
    assert told(lambda: s.user.api.post("/api/v1/uploads", data=SMALL)).how == "done"
    died = s.kind in ("kill before", "kill after") and s.steps[s.at - 1].name == "image hand over an image"
    world.stack.wait(lambda: died <= ('"event":"program_died"' in world.logged()["image"]), "the service is there again")


def create_ready(world):
    s = upload_ready(world)
    s.account = s.user.connect()
    world.hold("worker-publish")
    return s


def test_account_ready(world):
    user = world.user()
    key = user.make_key("sweep", mode="test")["key"]
    return state(user=user, api=world.stack.client(Authorization=f"Bearer {key}"))


def accounts_of(world, client):
    """The program may still be at what met the fault, or look whether the database is there again."""
    def answered():
        answer = told(lambda: client.get("/api/v1/accounts"))
        return answer if answer.how == "done" else None
    return world.stack.wait(answered, "accounts are told").data


def make_test_account(s, headers=None):
    return s.api.post("/api/v1/sandbox/accounts", json={}, headers=headers)


def test_account_act(world, s):
    s.told = told(lambda: make_test_account(s))


def test_account_right(world, s):
    """What was made is a test account, and nobody but who asks for test data sees it. What was not made leaves no grant."""
    is_as_told(s.told, [a["id"] for a in accounts_of(world, s.api)])
    assert accounts_of(world, s.user.web) == []
    assert world.count("SELECT COUNT(*) AS n FROM accounts WHERE mode = 'live' AND user_id = %s", uuid.UUID(s.user.id).bytes) == 0


def send_post(s, headers=None):
    parts = [("description", (None, "sweep")), ("platform_options", (None, '{"post_mode": "MEDIA_UPLOAD"}'))]
    parts += [("images", (f"{i}.jpg", SMALL, "image/jpeg")) for i in range(2)]
    return s.user.api.post(f"/api/v1/accounts/{s.account}/posts", files=parts, headers=headers)


def create_act(world, s):
    s.told = told(lambda: send_post(s))


def create_right(world, s):
    ids = [p["id"] for p in expect(s.user.api.get("/api/v1/posts"), 200)["data"]]
    is_as_told(s.told, ids)
    posts = [expect(s.user.api.get(f"/api/v1/posts/{id}"), 200)["data"] for id in ids]
    assert [len(p["images"]) for p in posts] in ([], [2])
    no_file_is_left_over(world, [i["upload_id"] for p in posts for i in p["images"]])
    world.let_go("worker-publish")
    if posts:
        ended(world, s.user, posts[0]["id"], ("in_inbox",))


def ended(world, user, id, states=ENDED):
    def now():
        post = expect(user.api.get(f"/api/v1/posts/{id}"), 200)["data"]
        return post if post["status"] in ENDED else None
    post = world.until(now, f"post {id} has ended")
    assert post["status"] in states, post
    return post


# --- publishing


def publish_ready(world):
    s = upload_ready(world)
    s.account = s.user.connect()
    world.hold("worker-publish")
    s.sent = Sent(world.stack, s.user, s.account)
    return s


def publish_act(world, s):
    world.let_go("worker-publish")
    s.post = ended(world, s.user, s.sent.id)


def is_unknown(post):
    return post["status"] == "failed" and post["failure"]["code"] == "outcome_unknown"


def unknown_right(s, posts):
    """The outcome is unknown where nobody can know it, and only there: what is known is not thrown away, and what is not is not sent
    again."""
    (least, most), unknown = s.at_risk(INIT), sum(map(is_unknown, posts))
    assert least <= unknown <= most, f"the outcome of {unknown} is unknown, and not of {least} to {most}: {posts}"


def published_right(world, s, sent, posts):
    """Once at most; and the user is told what is known."""
    for one, post in zip(sent, posts):
        n = one.at_simulator()
        assert n <= 1, "posted twice"
        if "late_accepted" in one.events():  # of a worker that had lost its lease: what others called unknown is known after all
            assert n == 1 and one.states_of_attempts() == ["outcome_unknown"], post
            continue
        assert is_unknown(post) or (post["status"] == "published" and n == 1), post
        assert one.states_of_attempts().count("accepted") == (post["status"] == "published")
    unknown_right(s, posts)
    world.until(lambda: not any(one.jobs() for one in sent), "no job is left of a post that has ended")


def seen_right(s, sent):
    """TikTok has got the calls that were made, and no others. Those after an outage are not counted."""
    calls, there = made(INIT, s.steps, not_begun(s.steps, s.kind, s.at)), sum(one.at_simulator() for one in sent)
    assert calls.least <= there and (there <= calls.most or s.kind in ("away", "left")), (calls, there)


def publish_right(world, s):
    published_right(world, s, [s.sent], [s.post])
    seen_right(s, [s.sent])


def together_ready(world):
    s = upload_ready(world)
    accounts = [s.user.connect() for _ in range(3)]
    world.stack.wait(lambda: all(creator_of(world.stack, account) for account in accounts), "it is known what TikTok offers them")
    world.hold("worker-publish")
    s.all = [Sent(world.stack, s.user, account) for account in accounts]  # the worker finds them at once
    return s


def together_act(world, s):
    world.stack.sql("UPDATE creator_snapshots SET fetched_at_us = %s", world.now_us())  # no call for each of them goes before
    world.let_go("worker-publish")
    s.posts = [ended(world, s.user, sent.id) for sent in s.all]


def together_right(world, s):
    published_right(world, s, s.all, s.posts)
    seen_right(s, s.all)


def poll_ready(world):
    """TikTok has accepted; the worker ends before it knows more."""
    s = upload_ready(world)
    s.account = s.user.connect()
    s.sent = Sent(world.stack, s.user, s.account)
    world.stack.wait(lambda: s.sent.states_of_attempts() == ["accepted"], "TikTok has accepted it")
    world.hold("worker-publish")
    return s


def poll_right(world, s):
    assert s.post["status"] == "published" and s.sent.at_simulator() == 1, s.post
    assert s.sent.states_of_attempts() == ["accepted"]


def refresh_ready(world):
    s = publish_ready(world)
    world.stack.move_clock(25 * HOUR)  # an access token lives for a day
    return s


def refresh_act(world, s):
    """To its end; or until the post is held, because the connection has ended."""
    def now():
        s.post = expect(s.user.api.get(f"/api/v1/posts/{s.sent.id}"), 200)["data"]
        return s.post["status"] in ENDED or s.post["held_until"]
    world.let_go("worker-publish")
    world.until(now, f"post {s.sent.id} has ended or is held")


def refresh_right(world, s):
    """A token pair that was lost on its way ends the connection, and the user is told; else it goes on working."""
    account = expect(s.user.web.get(f"/api/v1/accounts/{s.account}"), 200)["data"]
    (least, most), lost = s.at_risk(TOKENS), not account["is_active"]
    assert least <= lost <= most, f"{account}, and not {least} to {most} pairs are lost"
    assert s.sent.at_simulator() <= 1
    if not lost:
        publish_right(world, s)
        again = Sent(world.stack, s.user, s.account)
        assert ended(world, s.user, again.id)["status"] == "published"
    else:
        assert account["state_reason"], account
        assert s.post["status"] in ENDED or s.post["held_until"], s.post


# --- the end


def settled_ready(world):
    """TikTok has settled the post, and we do not know it."""
    s = poll_ready(world)
    world.stack.wait(lambda: world.count("SELECT COUNT(*) AS n FROM sandbox_publishes WHERE ended_at_us > 0"), "TikTok has settled it")
    return s


def disconnect_ready(world):
    """The last question finds the post's end."""
    return settled_ready(world)


def disconnect_act(world, s):
    s.told = told(lambda: s.user.web.delete(f"/api/v1/accounts/{s.account}"))


OF_RECEIPT = "INSERT INTO post_events"


def account_row(world, s):
    return world.stack.sql("SELECT state, access_token IS NULL AS wiped FROM accounts WHERE id = %s",
                           uuid.UUID(s.account).bytes)[0]


def disconnect_right(world, s):
    gone = account_row(world, s)["state"] == "disconnected"
    assert {"done": gone, "nothing": not gone, "unknown": True}[s.told.how], s.told
    if not gone:
        assert expect(s.user.web.get(f"/api/v1/accounts/{s.account}"), 200)["data"]["is_active"]
        assert until_done(lambda: s.user.web.delete(f"/api/v1/accounts/{s.account}")).how == "done"
    assert account_row(world, s) == {"state": "disconnected", "wiped": 1}
    world.let_go("worker-publish")
    post = ended(world, s.user, s.sent.id)
    assert s.sent.at_simulator() == 1
    if post["status"] != "published":
        assert post["failure"]["code"] == "unconfirmed", post
        assert s.kind in ("error", "lost") and committed(s.steps, OF_RECEIPT).least == 0, "it was asked, and knew"


def late_ready(world):
    """The post's end was given up at the disconnect, which was not allowed to ask; its account is connected again."""
    s = settled_ready(world)
    creator = world.stack.wait(lambda: creator_of(world.stack, s.account), "the creator is known")
    world.stack.sql("UPDATE accounts SET poll_calls = %s", world.now_us().to_bytes(8, "big") * 30)
    expect(s.user.web.delete(f"/api/v1/accounts/{s.account}"), 200)
    world.let_go("worker-publish")
    assert ended(world, s.user, s.sent.id)["failure"]["code"] == "unconfirmed"
    world.hold("worker-publish")
    world.stack.sql("UPDATE accounts SET poll_calls = ''")
    assert s.user.connect(creator) == s.account
    return s


def late_act(world, s):
    def now():
        s.post = expect(s.user.api.get(f"/api/v1/posts/{s.sent.id}"), 200)["data"]
        return s.post["status"] == "published" and not world.count(
            "SELECT COUNT(*) AS n FROM jobs_publish WHERE kind <> 'housekeeping'")
    world.let_go("worker-publish")
    world.until(now, f"post {s.sent.id} is corrected, and nothing is left to do")


def late_right(world, s):
    poll_right(world, s)
    assert [e["event"] for e in s.post["events"]].count("late_published") == 1


def purge_ready(world):
    s = upload_ready(world)
    s.id = expect(s.user.api.post("/api/v1/uploads", data=SMALL), 201)["data"]["id"]
    world.hold("worker-media")
    world.stack.move_clock(6 * DAY + HOUR)  # unused uploads live for six, a day before the policy has it
    return s


def purge_act(world, s):
    world.let_go("worker-media")
    world.until(lambda: world.files() == [], "the image is deleted")


def purge_right(world, s):
    def is_over():
        row = world.stack.sql("SELECT state FROM uploads WHERE id = %s", uuid.UUID(s.id).bytes)
        return row == [] or row[0]["state"] == "deleted"
    world.until(is_over, "its row says so")


# --- usage


def months_ready(world):
    """Three days of long ago."""
    s = upload_ready(world)
    s.id = uuid.UUID(s.user.id).bytes
    world.stack.wait(lambda: world.count("SELECT COUNT(*) AS n FROM jobs_media WHERE kind = 'usage' AND lease_token IS NULL") == 1,
                     "there is the job")
    world.hold("worker-media")
    long_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=600)
    month = datetime.datetime(long_ago.year, long_ago.month, 1, tzinfo=datetime.timezone.utc)
    for day in range(3):
        world.stack.sql("INSERT INTO usage_daily SELECT user_id, %s, 'day', id, 200, 1, %s, 5 FROM api_keys WHERE user_id = %s",
                        (int(month.timestamp()) + day * DAY) * 1_000_000, 2**day, s.id)
    world.stack.sql("UPDATE jobs_media SET run_at_us = 1000000 WHERE kind = 'usage'")
    return s


def months_of(world, s):
    return [(r["span"], r["requests"]) for r in world.stack.sql("SELECT span, requests FROM usage_daily WHERE user_id = %s", s.id)]


def months_act(world, s):
    world.let_go("worker-media")
    world.until(lambda: ("day", 1) not in months_of(world, s), "the days are put together")


def months_right(world, s):
    assert months_of(world, s) == [("month", 7)]
    world.stack.sql("UPDATE jobs_media SET run_at_us = 1000000 WHERE kind = 'usage'")
    world.until(lambda: world.count("SELECT COUNT(*) AS n FROM jobs_media WHERE kind = 'usage' AND run_at_us > 1000000"
                                    " AND lease_token IS NULL") == 1, "it has run once more")
    assert months_of(world, s) == [("month", 7)]


FLOWS = [
    Flow("upload", ("uploads",), upload_ready, upload_act, upload_right),
    Flow("repair", ("image",), upload_ready, upload_act, repair_right),
    Flow("create post", ("posts",), create_ready, create_act, create_right),
    Flow("publish", ("worker-publish",), publish_ready, publish_act, publish_right, workers=True, left=True),
    Flow("publish together", ("worker-publish",), together_ready, together_act, together_right, workers=True, left=True),
    Flow("poll", ("worker-publish",), poll_ready, publish_act, poll_right, workers=True),
    Flow("refresh", ("worker-publish",), refresh_ready, refresh_act, refresh_right, workers=True, left=True),
    Flow("disconnect", ("tiktok",), disconnect_ready, disconnect_act, disconnect_right),
    Flow("late word", ("worker-publish",), late_ready, late_act, late_right, workers=True),
    Flow("months", ("worker-media",), months_ready, months_act, months_right, workers=True),
    Flow("purge", ("worker-media",), purge_ready, purge_act, purge_right, workers=True),
    Flow("test account", ("tiktok",), test_account_ready, test_account_act, test_account_right),
]
