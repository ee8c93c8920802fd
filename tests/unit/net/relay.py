#!/usr/bin/python3
"""Mail relays for tests/unit/net/mail.c: real ones (aiosmtpd), and some that break in ways a real one does at its worst.

relay.py CERTIFICATE KEY FOLDER listens on a port for each name in RELAYS, prints the ports in that order, and lives until
its standard input ends. A mail that is taken stands in FOLDER, read by Python's own parser: a file for each of envelope,
headers, text and html. The recipient's name, or the sender's, says what goes wrong: d451@... is answered 451 after DATA."""

import asyncio
import email.policy
import logging
import pathlib
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

USER, SECRET = b"mailer", b"let \xc3\xbcs in;AUTH=*"
CERTIFICATE, KEY, FOLDER = sys.argv[1:]
logging.disable()  # of clients that go away, which is what is tested
warnings.simplefilter("ignore")
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE, KEY)


def sign_in(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (USER, SECRET), handled=False)  # the relay answers 235 or 535


def keep(envelope):
    lines = envelope.content.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line for line in lines), "a line ends with CR LF"
    assert not any(byte > 126 for byte in envelope.content), "quoted-printable is ASCII"
    assert max(map(len, lines[lines.index(b"") + 1:])) <= 76, "RFC 2045, 6.7"
    mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
    parts = {part.get_content_type(): part.get_content().replace("\r\n", "\n") for part in mail.walk()
             if not part.is_multipart()}
    said = {"envelope": f"{envelope.mail_from} {' '.join(envelope.rcpt_tos)}",
            "headers": f"{mail.get_content_type()}\n" + "".join(
                f"{name}: {value}\n" for name, value in mail.items() if not name.startswith("Content-")),
            "text": parts.get("text/plain", "none"), "html": parts.get("text/html", "none")}
    for name, content in said.items():
        (pathlib.Path(FOLDER) / name).write_text(content, newline="")


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        if address.startswith("m553"):
            return "553 5.7.1 Sender address rejected"
        envelope.mail_from = address
        return "452-Not now\r\n452 4.2.2 No room" if address.startswith("m452") else "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.partition("@")[0]
        if name == "rhang":
            await asyncio.Event().wait()
        if name in ("r421", "r450", "r530", "r550"):
            return f"{name[1:]} {name[1]}.1.1 You said <{address}>"
        if name == "rletters":
            return "550 5.1.1 Zo\u00eb is not here"
        if name == "rlong":  # what is kept ends in the middle of her letter
            return "550 5.1.1 " + "x" * 491 + "Zo\u00eb is not here"
        if name == "r554":
            return "554 5.7.1 Relay access denied"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        name = envelope.rcpt_tos[0].partition("@")[0]
        if name == "dhang":
            await asyncio.Event().wait()
        if name == "dwait":
            (pathlib.Path(FOLDER) / "waits").touch()
        if name == "dslow":
            await asyncio.sleep(6.5)
        while name == "dwait" and not (pathlib.Path(FOLDER) / "go").exists():
            await asyncio.sleep(0.02)
        if name == "ddrop":
            server.transport.abort()
            return "250 Nobody hears this"
        if name in ("d451", "d530", "d554"):
            return f"{name[1:]} {name[1]}.7.1 Not this one"
        keep(envelope)
        return "250 2.0.0 Taken as 4711"

    async def handle_QUIT(self, server, session, envelope):
        if session.host_name == "quiet":
            await asyncio.Event().wait()
        return "221 Bye"


class Asking(SMTP):
    """Asks elsewhere about the recipient, and says no only when the mail is about to come. It speaks UTF-8."""

    async def push(self, status):
        self._writer.write((status.encode() if isinstance(status, str) else status) + b"\r\n")
        await self._writer.drain()

    async def smtp_DATA(self, arg):
        if self.envelope.rcpt_tos and self.envelope.rcpt_tos[0].startswith("c550"):
            await self.push("550 5.1.1 None of them is here")
        else:
            await super().smtp_DATA(arg)


class Refusing(SMTP):
    async def smtp_STARTTLS(self, arg):
        await self.push("454 TLS not available")


def real(kind=SMTP, **options):
    return lambda: kind(Handler(), data_size_limit=16 << 20, authenticator=sign_in, hostname="relay", **options)


async def busy(reader, writer):
    writer.write(b"421 4.3.2 Too busy\r\n")
    await reader.read()
    writer.close()


async def silent(reader, writer):
    await reader.read()
    writer.close()


async def cut(reader, writer):
    """Goes away when it has some of the mail."""
    writer.write(b"220 relay\r\n")
    while line := await reader.readline():
        writer.write(b"354 Go on\r\n" if line.startswith(b"DATA") else b"250 OK\r\n")
        if line.startswith(b"DATA"):
            await reader.readexactly(1000)
            break
    writer.transport.abort()


RELAYS = {
    "plain": (real(Asking, auth_required=False), None),
    "starttls": (real(tls_context=context, require_starttls=True, auth_required=True), None),
    "refusing": (real(Refusing, tls_context=context), None),
    "tls": (real(auth_required=True, auth_require_tls=False), context),
    "nosignin": (real(auth_exclude_mechanism=["PLAIN", "LOGIN"], auth_require_tls=False), context),
    "busy": (busy, None),
    "silent": (silent, None),
    "cut": (cut, None),
}


async def main():
    loop = asyncio.get_running_loop()
    ports = []
    for relay, tls in RELAYS.values():
        if asyncio.iscoroutinefunction(relay):
            server = await asyncio.start_server(relay, "127.0.0.1", 0)
        else:
            server = await loop.create_server(relay, "127.0.0.1", 0, ssl=tls)
        ports.append(server.sockets[0].getsockname()[1])
    print(*ports, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
