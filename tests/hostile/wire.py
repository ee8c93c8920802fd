"""Sends a request and reads what comes back: over HTTP/1 byte by byte as it is, over HTTP/2 with h2, whose own checks of what
is sent are off."""

import contextlib
import dataclasses
import gzip
import socket
import ssl
import struct
import zlib

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import hpack.huffman
import hpack.huffman_constants

PATIENCE_SEC = 60  # for the answer to come; the judge looks at how long the program took, not the machine
FIELD_MAX, HEAD_MAX = 16 << 10, 32 << 10  # of HTTP/2, as docs/api.md has it: a field as it is sent, and all of them as they are read
HUFFMAN = hpack.huffman.HuffmanEncoder(hpack.huffman_constants.REQUEST_CODES, hpack.huffman_constants.REQUEST_CODES_LENGTH)
RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST


@dataclasses.dataclass
class Answer:
    status: int
    headers: list  # (name in small letters, value)
    body: bytes

    def all(self, name):
        return [v for n, v in self.headers if n == name]

    def get(self, name):
        return next(iter(self.all(name)), None)

    def plain(self):
        """The body, not compressed any more. ValueError: it cannot be read."""
        if self.get("content-encoding") != "gzip":
            return self.body
        try:
            return gzip.decompress(self.body)
        except (OSError, EOFError, zlib.error) as e:
            raise ValueError(e) from None

    def text(self):
        return b"".join(f"{n}: {v}\n".encode("latin-1") for n, v in self.headers) + self.plain()


class Broken(Exception):
    """What came is no HTTP, or ended where it must not."""


class Sender:
    """For one thread: keeps the TLS session, so that a connection costs less."""

    def __init__(self, stack):
        self.stack = stack
        self.contexts = {version: self.context(protocols) for version, protocols in (("1", ["http/1.1"]), ("2", ["h2"]))}

    def context(self, protocols):
        context = ssl.create_default_context(cafile=str(self.stack.ca))
        context.set_alpn_protocols(protocols)
        return context

    def exchange(self, request):
        """[Answer]: as many as came. Broken when one that is due did not."""
        http2 = request.version == "2"
        plain = socket.create_connection(("127.0.0.1", self.stack.https if request.tls else self.stack.http), timeout=PATIENCE_SEC)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = self.contexts["2" if http2 else "1"].wrap_socket(plain, server_hostname="localhost") if request.tls else plain
        with connection:
            if request.leave == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            try:
                return over_http2(connection, request) if http2 else over_http1(connection, request)
            except (TimeoutError, socket.timeout):
                raise Broken(f"no answer within {PATIENCE_SEC} s") from None


# HTTP/1


def over_http1(connection, request):
    data = request.bytes()
    if request.cut is not None:
        data = data[:int(len(data) * request.cut)]
    sent = send(connection, data, request.pieces)
    if request.cut is not None and request.leave == "reset":
        return []
    if not request.due:  # nginx may wait for more, which does not come
        with contextlib.suppress(OSError):  # it has closed already
            socket.socket.shutdown(connection, socket.SHUT_WR)
    reader, answers = Reader(connection), []
    while request.due and len(answers) < request.copies or not request.due:
        try:
            answer = reader.answer(request.method)
        except Broken:
            if request.due:
                raise
            answer = None
        if answer is None and request.due and not (answers and is_last(answers[-1])):
            raise Broken(f"closed after {len(answers)} of {request.copies} answers{'' if sent else ', in the middle of the request'}")
        if answer is None:
            break
        answers.append(answer)
    return answers


def is_last(answer):
    """Whether what comes after it on the connection has no answer: nginx closes after a 412, too, although it does not say so."""
    return answer.get("connection") == "close" or answer.status == 412


def send(connection, data, pieces):
    """False when the other side has closed before all was sent: it may have answered."""
    try:
        size = max(1, -(-len(data) // pieces))
        for i in range(0, len(data), size):
            connection.sendall(data[i:i + size])
    except (ConnectionError, ssl.SSLError):
        return False
    return True


class Reader:
    def __init__(self, connection):
        self.connection, self.data, self.why = connection, b"", "closed"

    def more(self):
        try:
            piece = self.connection.recv(65536)
        except (TimeoutError, socket.timeout):
            raise
        except (ConnectionError, ssl.SSLError, OSError) as e:
            piece, self.why = b"", f"{type(e).__name__}: {e}"
        self.data += piece
        return bool(piece)

    def until(self, mark):
        while mark not in self.data:
            if not self.more():
                if self.data:
                    raise Broken(f"{self.why} in the middle of an answer: {self.data[:300]!r}")
                if self.why != "closed":
                    raise Broken(self.why)
                return None
        head, _, self.data = self.data.partition(mark)
        return head

    def exactly(self, n):
        while len(self.data) < n:
            if not self.more():
                raise Broken(f"{self.why}, {n - len(self.data)} bytes of an answer are missing")
        body, self.data = self.data[:n], self.data[n:]
        return body

    def answer(self, method):
        """The next answer; None at the end."""
        while True:
            head = self.until(b"\r\n\r\n")
            if head is None:
                return None
            first, *lines = head.decode("latin-1").split("\r\n")
            words = first.split(" ", 2)
            if words[0] != "HTTP/1.1" or len(words) != 3 or not words[1].isdigit() or not all(": " in line or line.endswith(":") for line in lines):
                raise Broken(f"no HTTP/1: {head[:300]!r}")
            if words[1] != "100":
                break
        headers = [(n.lower(), v.strip()) for n, _, v in (line.partition(":") for line in lines)]
        answer = Answer(int(words[1]), headers, b"")
        if method != "HEAD" and answer.status not in (204, 304):
            answer.body = self.body(answer)
        return answer

    def body(self, answer):
        if answer.get("transfer-encoding") == "chunked":
            body = b""
            while n := int(self.until(b"\r\n") or b"", 16):
                body += self.exactly(n)
                self.exactly(2)
            self.exactly(2)
            return body
        if answer.get("content-length") is not None:
            return self.exactly(int(answer.get("content-length")))
        while self.more():
            pass
        body, self.data = self.data, b""
        return body


# HTTP/2


def over_http2(connection, request):
    h2c = h2.connection.H2Connection(h2.config.H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False,
                                                               header_encoding=None))
    h2c.initiate_connection()
    framing, _ = request.framed()
    framing = [] if request.framing != "length" else framing
    head = [(":method", request.method), (":scheme", "https"), (":authority", request.host), (":path", request.path + request.query),
            *((n.lower(), v) for n, v in [*request.headers, *framing] if n != "Host" or v != request.host)]
    head = [(n.encode("latin-1", "replace"), v.encode("latin-1", "replace")) for n, v in head]
    streams, may_end = {}, is_beyond(head)
    for _ in range(request.copies):
        number = h2c.get_next_available_stream_id()
        streams[number] = Stream(request.body)
        h2c.send_headers(number, head, end_stream=not request.body and request.cut is None)
    if request.cut is not None:
        return leave_http2(connection, h2c, streams, request)
    try:
        while not all(s.ended for s in streams.values()):
            send_bodies(h2c, streams)
            connection.sendall(h2c.data_to_send())
            data = connection.recv(65536)
            if not data:
                break
            for event in h2c.receive_data(data):
                take(h2c, streams, event)
    except h2.exceptions.ProtocolError as e:
        raise Broken(f"no HTTP/2: {e!r}") from None
    except (ConnectionError, ssl.SSLError) as e:
        if request.due and not request.malformed and not may_end:
            raise Broken(f"{type(e).__name__}: {e}") from None
    missing = [s.why for s in streams.values() if s.answer is None or not s.ended or s.why != "closed"]
    if missing and request.due and not request.malformed and not (may_end and all(CALM in why for why in missing)):
        raise Broken(f"{len(missing)} of {request.copies} streams without an answer: {missing[0]}")
    return [s.answer for s in streams.values() if s.answer is not None]


CALM = f"GOAWAY {h2.errors.ErrorCodes.ENHANCE_YOUR_CALM!r}"


def is_beyond(head):
    """Whether nginx may end the connection for its size."""
    return max(len(HUFFMAN.encode(text)) for field in head for text in field) > FIELD_MAX or sum(len(n) + len(v) for n, v in head) > HEAD_MAX


class Stream:
    def __init__(self, body):
        self.rest, self.answer, self.ended, self.why = body, None, False, "closed"


def send_bodies(h2c, streams):
    """As much as the other side takes now."""
    for number, stream in streams.items():
        while stream.rest and not stream.ended:
            n = min(h2c.local_flow_control_window(number), h2c.max_outbound_frame_size, len(stream.rest))
            if n <= 0:
                break
            piece, stream.rest = stream.rest[:n], stream.rest[n:]
            h2c.send_data(number, piece, end_stream=not stream.rest)


def take(h2c, streams, event):
    stream = streams.get(getattr(event, "stream_id", None))
    if isinstance(event, h2.events.ConnectionTerminated):
        for s in streams.values():
            if not s.ended:
                s.ended, s.why = True, f"GOAWAY {event.error_code!r}"
    elif stream is None:
        return
    elif isinstance(event, h2.events.ResponseReceived):
        headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in event.headers]
        stream.answer = Answer(int(dict(headers)[":status"]), [h for h in headers if not h[0].startswith(":")], b"")
    elif isinstance(event, h2.events.DataReceived):
        stream.answer.body += event.data
        h2c.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
    elif isinstance(event, h2.events.StreamEnded):
        stream.ended = True
    elif isinstance(event, h2.events.StreamReset):
        if not stream.ended and event.error_code != h2.errors.ErrorCodes.NO_ERROR:
            stream.why = f"RST_STREAM {event.error_code!r}"
        stream.ended = True


def leave_http2(connection, h2c, streams, request):
    """A part of the body, and then the stream is reset or the connection closed."""
    for number, stream in streams.items():
        n = min(int(len(stream.rest) * request.cut), h2c.max_outbound_frame_size, h2c.local_flow_control_window(number))
        h2c.send_data(number, stream.rest[:n])
        if request.leave == "reset":
            h2c.reset_stream(number, h2.errors.ErrorCodes.CANCEL)
    send(connection, h2c.data_to_send(), 1)
    return []
