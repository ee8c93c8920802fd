"""Is it up? Questions that never wait for long."""

import http.client
import socket
import ssl

STILL_STARTING = (502, 503, 504)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


def free_port(*taken):
    """A port that is free for IPv4 and IPv6 loopback right now."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        if port not in taken and port_problem(port) is None:
            return port


def port_problem(port):
    """None when the loopback port can be listened on, else the reason."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        if family == socket.AF_INET6 and not has_ipv6():
            continue
        with socket.socket(family, socket.SOCK_STREAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind((address, port))
            except OSError as e:
                return f"port {port}: {e.strerror}"
    return None


def tail(path, lines=20):
    try:
        with open(path, "rb") as f:
            f.seek(0, 2)
            f.seek(max(0, f.tell() - 16384))
            return "\n".join(f.read().decode(errors="replace").splitlines()[-lines:])
    except OSError as e:
        return str(e)


def database_answers(path):
    """Whether MariaDB greets who connects."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(1)
            s.connect(str(path))
            return len(s.recv(5)) == 5
    except OSError:
        return False


class Probe:
    """Asks each (host, path) over TLS until a program, not nginx alone, has answered."""

    def __init__(self, ca, port, expected):
        self.context = ssl.create_default_context(cafile=str(ca))
        self.port, self.waiting = port, list(expected)

    def answers(self, host, path):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=2, context=self.context)
        try:
            connection.sock = self.context.wrap_socket(
                socket.create_connection(("127.0.0.1", self.port), timeout=2), server_hostname=host)
            connection.request("GET", path, headers={"Host": f"{host}:{self.port}"})
            return connection.getresponse().status not in STILL_STARTING
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def all_answer(self):
        self.waiting = [w for w in self.waiting if not self.answers(*w)]
        return not self.waiting
