"""Mails: putting them into the outbox, waiting for their end, and reading those that are files because the stack has no relay."""

import contextlib
import email.policy
import json
import re
import time
import uuid

import seen

LINK = re.compile(r"https://\S+?/([a-z-]+)#([0-9A-Za-z]{20,})")


class Letter:
    """A mail as its reader has it."""

    def __init__(self, raw):
        self.raw = raw
        self.message = email.message_from_bytes(raw, policy=email.policy.default)
        self.subject, self.to = self.message["Subject"], self.message["To"].strip("<>")
        self.text, self.html = self.part("plain"), self.part("html")
        found = LINK.search(self.text)
        self.page, self.token = found.groups() if found else (None, None)
        seen.remember(self.token)

    def part(self, kind):
        return self.message.get_body((kind,)).get_content().replace("\r\n", "\n")


def files(stack):
    """The mails that are files, the oldest first."""
    found = []
    for path in sorted(stack.at.mail.glob("*.eml")):
        with contextlib.suppress(FileNotFoundError):  # it was a day old, and is gone
            found.append(Letter(path.read_bytes()))
    return found


def wait_letter(stack, to, subject="", times=1):
    """The newest mail to this address, once there are so many of them."""
    def found():
        letters = [m for m in files(stack) if m.to == to and subject in m.subject]
        return letters[-1] if len(letters) >= times else None
    return stack.wait(found, f"a mail to {to} is there")


class Outgoing:
    """A mail in the outbox."""

    def __init__(self, stack, id):
        self.stack, self.id = stack, id

    def row(self):
        (row,) = self.stack.sql("SELECT * FROM mail_outbox WHERE id = %s", self.id.bytes)
        return row

    def jobs(self):
        return self.stack.sql("SELECT * FROM jobs_mail WHERE subject_id = %s", self.id.bytes)

    def wait(self, state="sent"):
        self.stack.wait(lambda: self.row()["state"] == state, f"the mail is {state}")
        return self.row()

    def wait_for_try(self, times=1):
        """It was tried so often, and waits for the next try."""
        self.stack.wait(lambda: self.jobs()[0]["tries"] >= times and self.jobs()[0]["lease_token"] is None, "it was tried")
        return self.row()

    def letter(self):
        return Letter((self.stack.at.mail / f"{self.id}.eml").read_bytes())


class Queued(Outgoing):
    """One that a test has put there, with its job, as the programs do."""

    def __init__(self, stack, user, template, subject=None, age_sec=0, **params):
        (newest,) = stack.sql("SELECT MAX(id) AS id FROM mail_outbox")
        super().__init__(stack, uuid7(newest["id"]))
        self.now_us = int((time.time() - age_sec) * 1_000_000) + clock_of(stack)
        self.owner = uuid.UUID(user.id).bytes if user else None
        stack.sql("INSERT INTO mail_outbox (id, user_id, template, subject_id, params, state, created_at_us)"
                  " VALUES (%s, %s, %s, %s, %s, 'queued', %s)", self.id.bytes, self.owner, template,
                  uuid.UUID(subject).bytes if subject else None, json.dumps(params) if params else None, self.now_us)
        stack.sql("INSERT INTO jobs_mail (id, kind, subject_id, state, run_at_us, created_at_us, user_id)"
                  " VALUES (%s, 'mail', %s, 'ready', %s, %s, %s)", uuid.uuid4().bytes, self.id.bytes, self.now_us, self.now_us,
                  self.owner)


def clock_of(stack):
    clock = stack.at.test / "clock"
    return int(clock.read_text()) if clock.exists() else 0


def uuid7(newest=None):
    """newest: an id after which it comes, also when that was made while a test had set the clock on."""
    ms = max(int(time.time() * 1000), int.from_bytes(newest[:6], "big") + 1 if newest else 0)
    return uuid.UUID(int=ms << 80 | 7 << 76 | 2 << 62 | uuid.uuid4().int & (1 << 62) - 1)
