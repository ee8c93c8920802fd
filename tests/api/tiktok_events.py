"""What TikTok sends: events, signed as it signs them, and how they are delivered."""

import hashlib
import hmac
import json
import uuid

from plans import now

PATH = "/webhooks/tiktok"


def secret_of(stack):
    return (stack.at.credentials / "tiktok" / "tiktok-client-secret").read_text().strip()


def client_key_of(stack):
    text = stack.at.conf.read_text().partition("[tiktok]\n")[2].partition("\n[")[0]
    return next(line.partition(" = ")[2] for line in text.splitlines() if line.startswith("client_key = "))


def signature(secret, payload, at):
    return hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()


def signed(stack, payload, secret=None, age_sec=0):
    at = int(now(stack).timestamp()) - age_sec
    return f"t={at},s={signature(secret or secret_of(stack), payload, at)}"


def event(stack, name="authorization.removed", open_id=None, content=None, age_sec=0, **more):
    """content: what TikTok puts into a string."""
    made = {"client_key": client_key_of(stack), "event": name, "create_time": int(now(stack).timestamp()) - age_sec}
    if open_id:
        made["user_openid"] = open_id
    return {**made, "content": json.dumps({"reason": 1} if content is None else content), **more}


def bytes_of(what):
    return what if isinstance(what, bytes) else json.dumps(what).encode()


def deliver(stack, what, header=None, client=None, **headers):
    """The answer. header "": none is sent."""
    payload = bytes_of(what)
    if header is None:
        header = signed(stack, payload)
    sent = {"Content-Type": "application/json", **({"TikTok-Signature": header} if header else {}), **headers}
    return (client or stack.client()).post(PATH, data=payload, headers=sent)


def open_id_of(stack, account):
    return stack.sql("SELECT open_id FROM accounts WHERE id = %s", uuid.UUID(account).bytes)[0]["open_id"]


def row(stack, what):
    rows = stack.sql("SELECT * FROM tiktok_events WHERE digest = %s", hashlib.sha256(bytes_of(what)).digest())
    return rows[0] if rows else None


def jobs(stack, kind, subject):
    return stack.sql("SELECT COUNT(*) n FROM jobs_publish WHERE kind = %s AND subject_id = %s", kind, subject)[0]["n"]
