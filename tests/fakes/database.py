"""A connection to MariaDB that breaks where a test wants it: a unix socket between a program and MariaDB, which passes bytes on.

    with Database(stack) as database, database.used_by("posts"):
        database.fault("COMMIT", "unanswered", after="INSERT INTO posts")
        ...

Faults, each for the next statement whose text begins so (a prepared statement: when it is executed):
    lost        the connection breaks; MariaDB never sees the statement
    unanswered  MariaDB does it, and the connection breaks before its answer comes back
    late        the connection breaks, and MariaDB does it when .back() is called
    hung        MariaDB never sees the statement, and the connection stays silent until .back() or its end
    away        the answer comes back, and from then on there is no database until .back()
    gone        the answer does not come back either

.asked has the text of every statement so far; .turned_away counts the connections that came while it was away.
"""

import contextlib
import os
import socket
import threading

from readable import readable  # of tests/api, as the stack is

QUERY, PREPARE, EXECUTE, BULK = 0x03, 0x16, 0x17, 0xfa  # https://mariadb.com/kb/en/2-text-protocol/, 3-binary-protocol-prepared-statements


class Database:
    def __init__(self, stack):
        self.stack, self.path = stack, stack.at.run / "database.sock"
        self.lock, self.faults, self.met, self.asked = threading.Lock(), [], [], []
        self.is_away, self.turned_away, self.is_back = False, 0, threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)

    def __enter__(self):
        self.path.unlink(missing_ok=True)
        self.listener.bind(str(self.path))
        os.chmod(self.path, 0o777)
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.is_back.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.path.unlink()

    @contextlib.contextmanager
    def used_by(self, *programs, **settings):
        """The programs reach MariaDB by this socket inside the with block."""
        with self.stack.configured(*programs, database_socket=self.path, **settings):
            yield self

    def fault(self, text, kind, after=""):
        """after: only in a transaction that has had a statement which begins so. Every program has connections whose COMMITs come
        at any time: for the notes of keys that were used, for one."""
        with self.lock:
            self.faults.append((text, kind, after))

    def back(self):
        self.is_away = False
        self.is_back.set()

    def fault_of(self, text, before):
        """before: the statements of the transaction."""
        with self.lock:
            self.asked.append(text)
            for fault in self.faults:
                if text.startswith(fault[0]) and (not fault[2] or any(b.startswith(fault[2]) for b in before)):
                    self.faults.remove(fault)
                    self.met.append((fault[0], fault[1]))
                    return fault[1]
        return None

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
            if self.is_away:
                self.turned_away += 1
                return
            server.connect(str(self.stack.at.mariadb_sock))
            Connection(self, client, server).run()


class Connection:
    def __init__(self, database, client, server):
        self.database, self.client, self.server = database, client, server
        self.sent, self.prepared, self.preparing, self.transaction = b"", {}, None, []

    def run(self):
        """Ends when either side does, or by a fault; leaving closes both."""
        while not self.database.is_away:
            for one in readable([self.client, self.server], 0.05):
                data = one.recv(1 << 16)
                if not data:
                    return
                if one is self.server:
                    self.take_answer(data)
                    self.client.sendall(data)
                elif not self.take_request(data):
                    return

    def take_answer(self, data):
        """A prepared statement's id: after the packet's header and the byte that says OK."""
        if self.preparing is not None and data[4] == 0:
            self.prepared[data[5:9]] = self.preparing
        self.preparing = None

    def take_request(self, data):
        """Passes whole packets on: three bytes of length, a number, the content; a command's number is 0."""
        self.sent += data
        while len(self.sent) >= 4 and len(self.sent) >= (n := 4 + int.from_bytes(self.sent[:3], "little")):
            packet, self.sent = self.sent[:n], self.sent[n:]
            if not (self.pass_on(packet) if packet[3] == 0 else self.server.sendall(packet) is None):
                return False
        return True

    def pass_on(self, packet):
        command, text = packet[4], packet[5:].decode(errors="replace")
        if command in (EXECUTE, BULK):
            text = self.prepared.get(packet[5:9], "")
        kind = None
        if command in (QUERY, EXECUTE, BULK):
            self.transaction = [] if text.startswith("START") else [*self.transaction, text]
            kind = self.database.fault_of(text, self.transaction)
        if kind == "late":
            self.client.shutdown(socket.SHUT_RDWR)
        if kind in ("hung", "late"):
            self.database.is_back.wait()
        if kind in ("lost", "hung"):
            return False
        self.server.sendall(packet)
        self.preparing = text if command == PREPARE else None
        if kind is None:
            return True
        answer = self.server.recv(1 << 16)
        assert answer[4] == 0, f"MariaDB refused {text}: {answer}"
        if kind in ("away", "gone"):
            self.database.is_away = True
        if kind == "away":
            self.client.sendall(answer)
        return False
