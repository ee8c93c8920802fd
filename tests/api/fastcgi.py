"""FastCGI records made by hand, for a program's own socket (FastCGI specification 1.0)."""

import socket
import struct

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, DATA, GET_VALUES = 1, 2, 3, 4, 5, 6, 8, 9
RESPONDER, KEEP_CONNECTION = 1, 1


def record(kind, content=b"", request=1, padding=0, version=1, length=None):
    header = struct.pack(">BBHHBB", version, kind, request, len(content) if length is None else length, padding, 0)
    return header + content + b"\0" * padding


def begin(role=RESPONDER, flags=0, **more):
    return record(BEGIN, struct.pack(">HB5x", role, flags), **more)


def length_of(n):
    return bytes([n]) if n < 128 else struct.pack(">I", n | 1 << 31)


def pair(name, value):
    return length_of(len(name)) + length_of(len(value)) + name + value


def pairs(values):
    return b"".join(pair(name.encode(), value.encode()) for name, value in values.items())


def parameters(method="GET", path="/api/v1/keys", **more):
    return {"REQUEST_METHOD": method, "REQUEST_PATH": path, "QUERY_STRING": "", "REQUEST_ID": "0" * 32,
            "REMOTE_ADDR": "192.0.2.1", "HTTP_HOST": "localhost", **more}


def request(values, body=None, flags=0, padding=3):
    """All records, and the offset at which the last byte of the body has been sent (of the parameters without one)."""
    head = begin(flags=flags) + record(PARAMS, pairs(values), padding=padding) + record(PARAMS)
    if body is None:
        return head + record(STDIN), len(head)
    return head + record(STDIN, body, padding=padding) + record(STDIN), len(head) + 8 + len(body)


class Connection(socket.socket):
    def __init__(self, stack, program):
        super().__init__(socket.AF_UNIX, socket.SOCK_STREAM)
        self.settimeout(60)
        self.connect(str(stack.at.run / f"{program}.sock"))

    def give(self, data):
        """Sends what the program is ready to take."""
        try:
            self.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def rest(self):
        """Everything until the program closes."""
        got = b""
        try:
            while piece := self.recv(65536):
                got += piece
        except ConnectionResetError:
            pass
        return got


def status(answer):
    """The Status header in the first FCGI_STDOUT record."""
    assert answer[1] == 6, answer[:8]
    return int(answer[8:].split(b"\r\n")[0].removeprefix(b"Status: ").split(b" ")[0])


class Answer:
    """An answer, read as it comes: the head with the first byte, then the body piece by piece."""

    def __init__(self, connection):
        self.connection, self.buffer, self.ended = connection, b"", False  # ended: by the record that says so
        out = b""
        while b"\r\n\r\n" not in out and (piece := self.record()):
            out += piece
        self.head, _, self.first = out.partition(b"\r\n\r\n")

    def record(self):
        """The next piece of output; empty at the end, whatever end that is."""
        while True:
            try:
                while (len(self.buffer) < 8 or len(self.buffer) < 8 + sum(struct.unpack(">HB", self.buffer[4:7]))) and (
                        more := self.connection.recv(1 << 20)):
                    self.buffer += more
            except ConnectionResetError:
                return b""
            if len(self.buffer) < 8:
                return b""
            kind, length, padding = self.buffer[1], *struct.unpack(">HB", self.buffer[4:7])
            content, whole = self.buffer[8:8 + length], len(self.buffer) >= 8 + length + padding
            self.buffer = self.buffer[8 + length + padding:]
            self.ended |= kind == END and whole
            if kind == END or not whole:
                return content if kind == STDOUT else b""
            if kind == STDOUT and length > 0:
                return content

    def pieces(self):
        yield self.first
        while piece := self.record():
            yield piece
