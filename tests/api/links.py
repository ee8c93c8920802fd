"""The links of mails, as worker@mail makes them (lib/model/user/token.h), and the mails that a user's doings have caused."""

import hashlib
import secrets
import time
import uuid

MINUTE, HOUR, DAY = 60, 3600, 86400
LIFETIME = {"reset_password": 30 * MINUTE, "change_email": DAY, "undo_email": 72 * HOUR, "verify_email": 7 * DAY,
            "undo_password": 72 * HOUR, "unsubscribe": 90 * DAY}


def now_us(stack):
    """By the programs' clock."""
    clock = stack.at.test / "clock"
    return time.time_ns() // 1000 + (int(clock.read_text()) if clock.exists() else 0)


def link(stack, purpose, subject):
    """A token of that purpose. subject: an id, or its bytes."""
    token, now = secrets.token_urlsafe(32), now_us(stack)
    stack.sql("INSERT INTO one_time_tokens (token_hash, purpose, subject_id, created_at_us, expires_at_us) VALUES (%s, %s, %s, %s, %s)",
              hashlib.sha256(token.encode()).digest(), purpose, subject if isinstance(subject, bytes) else uuid.UUID(subject).bytes,
              now, now + LIFETIME[purpose] * 10**6)
    return token


def mails(stack, user, *templates):
    """[(template, what it is about)] to a user, the oldest first; of these templates, or all."""
    rows = stack.sql("SELECT template, subject_id FROM mail_outbox WHERE user_id = %s ORDER BY id", uuid.UUID(user.id).bytes)
    return [(r["template"], r["subject_id"]) for r in rows if not templates or r["template"] in templates]


def activity(user, what=None):
    """What GET /me/activity shows, the newest first; of that kind, or all."""
    rows = user.web.get("/api/v1/me/activity", params={"limit": 100}).json()["data"]
    return [r for r in rows if what in (None, r["what"])]


def told(answer):
    """All that an answer says but when, which request it was, and how many more may come."""
    body = answer.json() if answer.content else {}
    body.pop("meta", None)
    headers = {n: v for n, v in answer.headers.items() if n not in ("Date", "X-Request-Id") and "RateLimit" not in n}
    return answer.status_code, headers, body, len(answer.content)


def sign_in(stack, email, password):
    """The answer, and the client whose cookie it may have set."""
    web = stack.client(Origin=stack.url)
    return web.post("/api/v1/auth/login", json={"email": email, "password": password}), web


def holders_of(stack, text):
    """The columns of all tables in which that text is."""
    found, word = [], text.encode()
    for row in stack.sql("SELECT table_name AS t FROM information_schema.tables WHERE table_schema = 'marketingcli' AND table_type = 'BASE TABLE'"):
        for line in stack.sql(f"SELECT * FROM {row['t']}"):
            found += [f"{row['t']}.{c}" for c, v in line.items() if word in (v if isinstance(v, bytes) else str(v).encode())]
    return found
