"""The row about mails: many that wait, and a relay that takes 20 ms for each of its answers."""

import asyncio
import threading
import time

import posting  # finds tests/api
from table import show

MAILS, LATENCY_SEC = 10_000, 0.02
SLOWEST = 20  # mails a second: below this something is wrong


class Relay:
    """As little of a relay as possible: it takes all, and says each thing late."""

    def __enter__(self):
        self.loop, self.taken = asyncio.new_event_loop(), 0
        self.server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0))
        self.port = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        return self

    async def serve(self, reader, writer):
        async def say(text):
            await asyncio.sleep(LATENCY_SEC)
            writer.write(text.encode() + b"\r\n")
        await say("220 relay")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                await say("354 Go on")
                await reader.readuntil(b"\r\n.\r\n")
                self.taken += 1
            await say("221 Bye" if verb == b"QUIT" else "250 OK")
            if verb == b"QUIT":
                break
        writer.close()

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()


def queue(bench, n):
    """n mails of all users, every other one with a link, as the programs would put them there."""
    bench.stack.sql(
        "SET @now = CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS UNSIGNED);"
        "INSERT INTO mail_outbox (id, user_id, template, state, created_at_us) SELECT UNHEX(REPLACE(UUID(), '-', '')), u.id,"
        f" IF(s.seq % 2, 'reset_password', 'totp_enabled'), 'queued', @now FROM seq_1_to_{n} s JOIN"
        " (SELECT id, ROW_NUMBER() OVER (ORDER BY id) - 1 AS nr, COUNT(*) OVER () AS n FROM users) u ON u.nr = s.seq % u.n;"
        "INSERT INTO jobs_mail (id, kind, subject_id, user_id, state, run_at_us, created_at_us)"
        " SELECT id, 'mail', id, user_id, 'ready', @now, @now FROM mail_outbox WHERE state = 'queued'")


def mail(bench):
    """How fast they go, with smtp.connections as shipped, and what the worker asks of MariaDB for each."""
    n = MAILS // 20 if bench.rounds == 1 else MAILS
    programs = posting.conftest.Stack(bench.stack.folder)
    bench.stack.sql("SET GLOBAL userstat = 1")
    with Relay() as relay, programs.configured("worker-mail", smtp_host="localhost", smtp_port=relay.port):
        with programs.stopped("worker-mail"):
            queue(bench, n)
            before, began = posting.statements(bench), time.monotonic()
        (_, cpu, _) = bench.measured(lambda: programs.wait(
            lambda: bench.stack.sql("SELECT COUNT(*) FROM jobs_mail WHERE kind = 'mail'") == [["0"]], "all are sent", n / SLOWEST))
        seconds = time.monotonic() - began
        after = posting.statements(bench)
    if relay.taken != n:
        raise RuntimeError(f"the relay has {relay.taken} of {n} mails")
    what = f"{n} mails, a relay that takes {LATENCY_SEC * 1000:.0f} ms for each answer"
    bench.table.ratio(f"{what}: mails a second", [n / seconds], digits=0)
    bench.table.detail(what, "statements a mail", show((after["worker_mail"] - before.get("worker_mail", 0)) / n))
    for name in ("worker-mail", "mariadb"):
        bench.table.detail(what, f"CPU of {name}, ms a mail", show(cpu[name] * 1e3 / n))
