"""Secrets that somebody else has issued are replaced while they are used: credentials hold one a line, and it does not matter who changes
over first, the other side or we (lib/base/secret_ring.h). The other side is the simulator, whose files say what it takes."""

import concurrent.futures
import contextlib
import json
import secrets
import threading
import uuid

import seen
import services
from helpers import expect
from mailing import Queued
from plans import billing
from shop import checkout, row
from stripe_sim import Stripe
from test_alarms import events
from test_confined import start
from test_mail import Relay, context_of, secrets_of, sending
from tiktok_events import deliver, event, signed

FOLDERS = {"tiktok": "tiktok", "worker-publish": "worker_publish", "billing": "billing", "worker-billing": "worker_billing", "sandbox": "sandbox"}


class Side:
    """Programs that share secrets: ours, or the simulator."""

    def __init__(self, stack, holders):
        """holders: {credential: programs}"""
        self.stack = stack
        self.files = {name: [stack.at.credentials / FOLDERS[p] / name for p in programs] for name, programs in holders.items()}
        self.programs = sorted({p for programs in holders.values() for p in programs})
        self.before = self.now()

    def now(self):
        return {name: files[0].read_text() for name, files in self.files.items()}

    def write(self, texts):
        for name, files in self.files.items():
            for line in texts[name].split():
                seen.remember(line)
            for file in files:
                file.chmod(0o600)
                file.write_text(texts[name])
                file.chmod(0o400)

    def has(self, *lines):
        """lines: of each credential, in their order."""
        self.write({name: "".join(line[n] + "\n" for line in lines) for n, name in enumerate(self.files)})

    def restart(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(self.stack.restart, self.programs))


@contextlib.contextmanager
def sides(*both):
    """What goes well leaves both with the same new secrets, which other tests read."""
    try:
        yield
    except BaseException:
        for side in both:
            side.write(side.before)
            side.restart()
        raise


class Load:
    """Somebody who does the same again and again, and notes what went wrong."""

    def __init__(self, *works):
        self.counts, self.wrong, self.over = [0] * len(works), [], threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(n, work)) for n, work in enumerate(works)]

    def run(self, number, work):
        while not self.over.is_set() and not self.wrong:
            try:
                work()
                self.counts[number] += 1
            except BaseException as e:  # noqa: BLE001
                self.wrong.append(f"{work.__name__}: {type(e).__name__}: {e}")

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def goes_on(self, stack):
        """Each has gone well once more, from its beginning to its end."""
        before = list(self.counts)
        stack.wait(lambda: self.wrong or all(n >= b + 2 for n, b in zip(self.counts, before)), "all of it goes on")
        assert not self.wrong, self.wrong


def told(stack, program, credential, since):
    """The lines of which it says that they are taken now."""
    return [e["line"] for e in events(stack.log(program)[since:], "other_secret_taken") if e["credential"] == credential]


def test_tiktoks_secret_is_replaced_under_load(stack, user, other):
    """Connections, revocations, refreshes and webhooks; none of them fails. What TikTok signs with a secret that we do not have yet, it
    sends again."""
    ours = Side(stack, {"tiktok-client-secret": ["tiktok", "worker-publish"]})
    theirs = Side(stack, {"tiktok-simulator-secret": ["sandbox"]})
    old, new, third = [ours.before["tiktok-client-secret"].strip()], *([secrets.token_hex(20)] for _ in range(2))
    account = other.connect()
    key = uuid.UUID(account).bytes
    name, unheard, known, signs, numbers = f"two.{user.id[-8:]}", [], {old[0]}, [old[0]], iter(range(1 << 30))
    logs = {program: len(stack.log(program)) for program in ours.programs}

    def connects():
        ended = expect(user.web.delete(f"/api/v1/accounts/{user.connect(name)}"), 200)["data"]
        assert ended["revoked_at_tiktok"], ended

    def refreshes():
        before = stack.sql("SELECT access_expires_at_us at FROM accounts WHERE id = %s", key)[0]["at"]
        stack.sql("INSERT INTO jobs_publish (id, kind, subject_id, state, run_at_us, created_at_us)"
                  " VALUES (%s, 'refresh', %s, 'ready', 1000000, 1000000)", uuid.uuid4().bytes, key)
        stack.wait(lambda: not stack.sql("SELECT 1 FROM jobs_publish WHERE kind = 'refresh' AND subject_id = %s", key), "it is refreshed")
        [now] = stack.sql("SELECT state, access_expires_at_us at FROM accounts WHERE id = %s", key)
        assert now["state"] == "active" and now["at"] > before, now

    def sends():
        payload = json.dumps(event(stack, "post.publish.failed", open_id=f"nobody{next(numbers)}")).encode()
        secret = signs[0]
        is_known = secret in known
        answer = deliver(stack, payload, signed(stack, payload, secret))
        if answer.status_code != 200:
            assert not is_known, answer.text
            expect(answer, 400, "signature_invalid")
            unheard.append((secret, payload))

    def step(we=None, they=None):
        """What we, or they, have from now on; and all goes on."""
        if they:
            signs[0] = they[0][0]
        for side, lines in ((ours, we), (theirs, they)):
            if lines:
                side.has(*lines)
                side.restart()
        known.update(line[0] for line in we or ())
        load.goes_on(stack)

    with sides(ours, theirs):
        with Load(connects, refreshes, sends) as load:
            step(we=[new, old])  # we are first: TikTok does not know the new one yet,
            step(they=[new])  # and then not the old one any more
            step(we=[new], they=[third, new])  # TikTok is first, and takes both for a while
            step(we=[third, new])
            step(they=[third])
        assert not load.wrong, load.wrong
        assert unheard, "TikTok was not first"
        for secret, payload in unheard:
            expect(deliver(stack, payload, signed(stack, payload, secret)), 200)
        ours.has(third)
    for program, since in logs.items():
        assert told(stack, program, "tiktok-client-secret", since) == [2, 1], program
        assert '"event":"kind_paused"' not in stack.log(program)[since:]
    assert '"note":"invalid_client"' not in stack.log("worker-publish")[logs["worker-publish"]:]


def test_stripes_key_and_webhook_secret_are_replaced(stack, user):
    """At the app and at the worker, whoever changes over first; and what Stripe signs with both secrets is taken by either."""
    ours = Side(stack, {"stripe-api-key": ["billing", "worker-billing"], "stripe-webhook-secrets": ["billing"]})
    theirs = Side(stack, {"stripe-simulator-key": ["sandbox"], "stripe-simulator-secrets": ["sandbox"]})
    old, new, third = [text.strip() for text in ours.before.values()], *(
        [f"rk_test_{secrets.token_hex(12)}", f"whsec_{secrets.token_hex(12)}"] for _ in range(2))
    logs = {program: len(stack.log(program)) for program in ours.programs}
    cancels = [False]

    def step(side, *lines):
        """Then the app asks with its key; the simulator tells, and the worker asks with its own."""
        side.has(*lines)
        side.restart()
        portal = expect(user.web.post("/api/v1/billing/portal"), 200)["data"]["url"]
        cancels[0] = not cancels[0]
        answer = stack.client().post(portal, data={"action": "cancel" if cancels[0] else "keep", "subscription": row(user)["subscription_id"]},
                                     allow_redirects=False)
        assert answer.status_code in (200, 303), answer.text
        stack.wait(lambda: billing(user)["will_cancel"] == cancels[0], "the worker was told, and has asked")

    with sides(ours, theirs):
        paid = Stripe(stack).pay(expect(checkout(user), 200)["data"])
        expect(user.web.post("/api/v1/billing/sync", json={"session_id": paid.partition("session_id=")[2]}), 200)
        step(ours, new, old)
        step(theirs, new)
        step(theirs, third, new)
        step(ours, third, new)
        step(theirs, third)
        ours.has(third)
    for program, since in logs.items():
        assert told(stack, program, "stripe-api-key", since) == [2, 1], program
        assert '"event":"kind_paused"' not in stack.log(program)[since:]


def test_a_relays_password_is_replaced(stack, user):
    """Whoever changes over first: mails go on, and the one that the relay takes is remembered."""
    context = context_of(stack.at.tls / "leaf.crt", stack.at.tls / "leaf.key")
    old, new = ("mailer", "the old password at the relay"), ("mailer", "the new password at the relay")
    with secrets_of(stack, f"{new[1]}\n{old[1]}\n"), Relay(context, secret=old) as relay, \
            sending(stack, relay, smtp_tls="tls", smtp_ca_file=stack.ca, smtp_user="mailer"):
        since = len(stack.log("worker-mail"))
        for relay.secret in (old, old, new):
            assert Queued(stack, user, "totp_enabled").wait()["tries"] == 1
        assert [mail.signed_in for mail in relay.to(user.email)] == [True] * 3
        assert [line["line"] for line in events(stack.log("worker-mail")[since:], "other_secret_taken")] == [2, 1]


ISSUED = ["tiktok-client-secret", "tiktok-simulator-secret", "stripe-api-key", "stripe-webhook-secrets", "stripe-simulator-key",
          "stripe-simulator-secrets", "smtp-password", "s3-secret-key", "journal-key"]


def test_a_file_of_too_many_lines_stops_the_start(tmp_path):
    """Of each program that has one: what it would be tried with for ever is a mistake."""
    holders = [(service, name) for service in services.PROGRAMS for name in service.credentials if name in ISSUED]
    assert {name for _, name in holders} == set(ISSUED)
    (tmp_path / "credentials").mkdir()
    for service, name in holders:
        for other in {*service.credentials, "db-password"}:
            ring = f"1 {'0' * 64}\n" if other.endswith("-keys") else ""
            (tmp_path / "credentials" / other).write_text(ring)
        (tmp_path / "credentials" / name).write_text("1\n2\n3\n4\n5\n")
        code, why = start(service, tmp_path, credentials=[])
        assert code == 78 and f"the credential {name} has more than 4 lines" in why, (service.name, name, why)
