"""A mail relay that is not ours (aiosmtpd), in a thread: it keeps what it takes, and fails in ways that a test chooses.

    with Relay() as relay:
        relay.port
        relay.does["ann@example.com"] = ["451", "drop"]    # at her first mail, her second; then it takes them
        relay.taken                                        # [Mail]
"""

import asyncio
import collections
import dataclasses
import email.policy
import logging
import ssl
import threading
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

logging.getLogger("mail.log").disabled = True  # of clients that go away, which is what is tested
warnings.filterwarnings("ignore", module="aiosmtpd")


@dataclasses.dataclass
class Mail:
    sender: str
    to: str
    raw: bytes
    signed_in: bool
    tls: bool

    @property
    def message(self):
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    def part(self, kind):
        return self.message.get_body((kind,)).get_content().replace("\r\n", "\n")

    @property
    def token(self):
        """Of the link, or None."""
        words = [w for w in self.part("plain").split() if w.startswith("https://") and "#" in w]
        return words[0].partition("#")[2] if words else None


class Handler:
    def __init__(self, relay):
        self.relay = relay

    async def handle_MAIL(self, server, session, envelope, address, options):
        await asyncio.sleep(self.relay.latency_sec)
        if self.relay.busy:
            return "421 4.3.2 Too busy"
        if self.relay.refuses:
            return self.relay.refuses
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        todo = self.relay.does[address]
        session.does = todo.pop(0) if todo else "take"
        if session.does == "hang":
            await asyncio.Event().wait()
        if session.does.startswith("rcpt "):
            return session.does.removeprefix("rcpt ")
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        does, taken = session.does, Mail(envelope.mail_from, envelope.rcpt_tos[0], envelope.content,
                                         bool(session.authenticated), session.ssl is not None)
        if does[:1].isdigit():
            return f"{does} 4.7.1 Not this one" if len(does) == 3 else does
        if does == "drop":  # it has the whole mail, and nobody knows
            self.relay.dropped.append(taken)
            server.transport.abort()
            return "250 Nobody hears this"
        self.relay.taken.append(taken)
        if does == "wait":  # before it says so
            self.relay.waiting.set()
            while not self.relay.go_on.is_set():
                await asyncio.sleep(0.01)
        return f"250 2.0.0 Taken as {len(self.relay.taken)}"


class Relay:
    def __init__(self, context=None, starttls=False, secret=None):
        """secret: the (user, password) that it wants, inside TLS. With a context TLS begins at once, unless starttls."""
        self.taken, self.dropped, self.does = [], [], collections.defaultdict(list)
        self.busy, self.latency_sec = False, 0  # whether it says 421; how long it takes for each answer
        self.refuses = None  # what it says to our sender, if it does not take it
        self.waiting, self.go_on = threading.Event(), threading.Event()
        self.secret, self.at_once = secret, context if not starttls else None
        self.options = {"hostname": "relay", "data_size_limit": 16 << 20, "authenticator": self.sign_in,
                        "tls_context": context if starttls else None, "auth_required": secret is not None,
                        "auth_require_tls": starttls}
        self.loop, self.port = asyncio.new_event_loop(), None

    def sign_in(self, server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login.decode(), data.password.decode()) == self.secret, handled=False)

    def __enter__(self):
        made = self.loop.run_until_complete(self.loop.create_server(
            lambda: SMTP(Handler(self), loop=self.loop, **self.options), "127.0.0.1", self.port or 0, ssl=self.at_once))
        self.port = made.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = made
        return self

    def __exit__(self, *_):
        async def end():
            self.server.close()
            for task in asyncio.all_tasks(self.loop) - {asyncio.current_task()}:
                task.cancel()
        asyncio.run_coroutine_threadsafe(end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def to(self, address):
        return [m for m in self.taken if m.to == address]


def context_of(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
