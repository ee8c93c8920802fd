"""What nginx says of limits and methods on the answers that it makes by itself: the same as the programs (lib/fcgi/rate_told.h)."""

import json
import re
import signal
import time
import uuid

from helpers import expect
from test_logs import moved
from test_metrics import Shown
from test_nginx import fake_program, raw, request_line, short_patience
from test_rate import READ, WINDOW_SEC, limited, limits, tell_nginx, user  # noqa: F401  (fixtures among them)


def of_nginx(stack, user):
    """{what: (status, class, the answer's headers)} of requests that no program answers."""
    key = f"Authorization: Bearer {user.key}"

    def sent(line, *headers, body=b""):
        status, got, _ = raw(stack, request_line(line, "Host: localhost", key, *headers) + body)
        return status, dict(got)

    large, form = f"Content-Length: {1 << 20}", "Content-Type: application/json"
    return {
        "no such path": (404, "read", *sent("GET /api/v1/nothing HTTP/1.1")),
        "no such path, POST": (404, "read", *sent("POST /api/v1/nothing HTTP/1.1", "Content-Length: 0")),
        "TRACE": (405, "read", *sent("TRACE /api/v1/me HTTP/1.1")),
        "too large for a key": (413, "write", *sent("POST /api/v1/keys HTTP/1.1", large, form)),
        "too large for a change": (413, "write", *sent(f"PATCH /api/v1/keys/{uuid.uuid4()} HTTP/1.1", large, form)),
        "too large to sign in": (413, "auth", *sent("POST /api/v1/auth/login HTTP/1.1", large, form)),
        "header too long": (431, "read", *sent("GET /api/v1/me HTTP/1.1", f"X-Long: {'a' * 20000}")),
        "malformed": (400, "read", *sent("GET /api/v1/me HTTP/1.1", "Host: localhost")),
    }


def says_the_policy(headers, name, shown, what):
    """The same as GET /me."""
    row = shown[name]
    assert headers.get("RateLimit-Policy") == f'"{name}";q={row["limit"]};w={row["window_sec"]}', (what, headers)
    assert headers.get("X-RateLimit-Limit") == str(row["limit"]), (what, headers)


def test_what_nginx_answers_says_the_policy(stack, user):
    """Not what is left: no program was asked."""
    shown = limits(user.web)
    assert {(row["limit"], row["window_sec"]) for row in shown.values()} == {(n, WINDOW_SEC) for n in (READ, 40, 3, 30, 60000)}
    for what, (want, name, status, headers) in of_nginx(stack, user).items():
        assert status == want, what
        says_the_policy(headers, name, shown, what)
        assert not {"RateLimit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} & set(headers), what


def test_when_a_program_dies_or_hangs(stack, user):
    """502 and 504 are nginx's, and so is the 503 while nobody listens."""
    asks = {("GET", "/api/v1/keys"): "read", ("DELETE", "/api/v1/keys/x"): "write"}
    shown = limits(user.web)

    def look(status):
        for (method, path), name in asks.items():
            answer = user.web.request(method, path, timeout=60)
            assert answer.status_code == status, (method, answer.text)
            says_the_policy(answer.headers, name, shown, method)
            assert "RateLimit" not in answer.headers

    with stack.stopped("keys", signal.SIGKILL), fake_program(stack, "keys"):
        look(502)
    with short_patience(stack):
        with stack.frozen("keys"):
            look(504)
    with stack.stopped("keys"), moved(stack.at.run / "keys.sock"):
        look(503)


def test_what_the_program_said_before_the_body_came(stack, user):
    """It was asked about the body, which nginx then finds wanting: what was left then is known."""
    status, headers, _ = raw(stack, request_line("POST /api/v1/uploads HTTP/1.1", "Host: localhost", f"Authorization: Bearer {user.key}",
                                                 "Content-Type: image/jpeg", "Transfer-Encoding: chunked") + b"nonsense\r\n")
    headers = dict(headers)
    assert status == 400
    says_the_policy(headers, "images", limits(user.web), "chunks")
    assert re.fullmatch(r'"images";r=\d+;t=\d+', headers["RateLimit"]), headers
    assert headers["X-RateLimit-Remaining"] == re.search(r"r=(\d+)", headers["RateLimit"])[1]
    assert abs(int(headers["X-RateLimit-Reset"]) - time.time()) < WINDOW_SEC + 70


def test_a_program_notices_that_nginx_was_told_something_else(stack, limited):
    """Once, and it says when that is over; a file that is not there is not ours to judge."""
    logged, path = len(stack.log("auth")), stack.at.run / "nginx-rates.conf"
    with stack.configured("auth", rates_read=READ + 1):
        stack.wait(lambda: Shown(stack, "auth")("alarms_total", alarm="rates_told_wrong"), "the alarm is raised")
        path.rename(path.with_suffix(".away"))
        stack.wait(lambda: '"event":"rates_told_right"' in stack.log("auth")[logged:], "there is nothing to compare")
        path.with_suffix(".away").rename(path)
        stack.wait(lambda: Shown(stack, "auth")("alarms_total", alarm="rates_told_wrong") == 2, "it is raised again")
        assert stack.admin("nginx", conf=stack.at.conf_of("auth")).returncode == 0
        stack.wait(lambda: stack.log("auth")[logged:].count('"event":"rates_told_right"') == 2, "it is over")
        assert Shown(stack, "auth")("alarms_total", alarm="rates_told_wrong") == 2
    tell_nginx(stack, stack.at.conf_of("auth"))


def test_a_configuration_that_cannot_be_read_changes_nothing(stack, limited, tmp_path):
    path, bad = stack.at.run / "nginx-rates.conf", tmp_path / "bad.conf"
    before = path.read_text()
    bad.write_text("[rates]\nread = many\n")
    done = stack.admin("nginx", conf=bad)
    assert done.returncode == 1 and "bad.conf" in done.stderr and path.read_text() == before
    assert path.stat().st_mode & 0o777 == 0o644 and not path.with_suffix(".conf.part").exists()


def test_every_answer_has_each_header_once(stack, user):
    for line in ("GET /api/v1/me HTTP/1.1", "GET /api/v1/nothing HTTP/1.1", "GET /api/v1/keys HTTP/1.1", "PUT /api/v1/me HTTP/1.1"):
        _, headers, _ = raw(stack, request_line(line, "Host: localhost", f"Authorization: Bearer {user.key}"))
        names = [name.lower() for name, _ in headers if "ratelimit" in name.lower()]
        assert len(names) == len(set(names)), (line, headers)
        assert "ratelimit-policy" in names
    for path in ("/", "/nothing", "/apiary", "/healthz", "/readyz", "/m/x"):
        assert not [h for h in stack.client().get(path).headers if "ratelimit" in h.lower()], path


# Methods


def test_methods_that_nginx_refuses(stack):
    """Allow says the same as the program does about one that only it refuses."""
    routes = json.loads(stack.admin("tables").stdout)["routes"]
    paths = {re.sub(r"\{\w+\}", str(uuid.uuid4()), r["pattern"]) for r in routes if not r["internal"] and r["app"] != "sandbox"}
    assert len(paths) > 40
    for path in sorted(paths):
        (refused, by_nginx, _), (status, by_program, _) = (
            raw(stack, request_line(f"{method} {path} HTTP/1.1", "Host: localhost", "Content-Length: 0")) for method in ("TRACE", "BREW"))
        assert refused == status == 405, path
        assert dict(by_nginx)["Allow"] == dict(by_program)["Allow"], path
