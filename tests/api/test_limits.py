"""nginx's outer walls with a server's numbers: the stack's own are so wide that no test meets them."""

import contextlib
import http.client
import json
import signal
import socket
import ssl
import subprocess
import time
import urllib.parse
import uuid

import pytest
import requests

from helpers import Client, expect
import images
from readable import readable
from test_logs import nginx, upload_begun, walls


HALF_SENT = 2000  # connections: Debian's nginx.conf has 768 a worker


@pytest.fixture(scope="module")
def walled(stack):
    with nginx(stack, "emerg", walls(CALLER_RATE="1r/s", SIGN_IN_RATE="6r/m")) as it:  # the real ones could outrun a slow machine
        yield it


# {wall: (what the message names, when to come again)}
WALLS = {"requests": ("a second, from this network or with this key or session", "1"), "sign-ins": ("a second from this network: signing in", "1"),
         "uploads": ("uploads at a time: at most", "5"), "connections": ("requests at a time from this network: at most", "2")}


def refused(answer, wall):
    error = expect(answer, 429, "rate_limited")["error"]
    says, wait = WALLS[wall]
    assert error["retryable"] and error["param"] is None and error["message"].startswith("Too many ") and says in error["message"]
    assert answer.headers["Retry-After"] == wait
    assert answer.headers["RateLimit-Policy"].endswith(";q=60000;w=60")
    assert ("RateLimit" in answer.headers) == (wall == "uploads"), "of these the program was asked first"
    return True


def test_sign_ins_of_a_network(stack, walled):
    """20 at once, then as many as the rate allows; the rest of the API is open meanwhile."""
    client = Client(walled.url, stack.ca)
    answers = [client.post("/api/v1/auth/login", json={"email": f"x{n}@example.com", "password": "x" * 10}) for n in range(80)]
    assert [a.status_code for a in answers[:20]] == [401] * 20
    limited = [a for a in answers if a.status_code == 429]
    assert limited and all(refused(a, "sign-ins") for a in limited)
    expect(client.get("/api/v1/me"), 401, "unauthenticated")


@contextlib.contextmanager
def all_held(stack, begins, is_refused):
    """Requests that nginx counts inside the with block. It may have refused one of them, for one before it or for what is asked here:
    then others come. One refusal alone may be for what was asked before it here, and has ended."""
    def hold():
        held = [begin() for begin in begins]
        if any(is_refused() and is_refused() for _ in range(20)):
            return held
        for connection in held:
            connection.close()
        return None

    held = stack.wait(hold, "all are there")
    yield
    for connection in held:
        connection.close()


def two_held(stack, begin, is_refused):
    return all_held(stack, [begin] * 2, is_refused)


def test_uploads_at_once_of_a_key(stack, walled, user, other):
    """Two at a time; another key's are not concerned, nor are reads; a place is free again when one ends."""
    client, stranger = (Client(walled.url, stack.ca, Authorization=f"Bearer {u.key}") for u in (user, other))

    def third():
        return client.post("/api/v1/uploads", data=images.jpeg(64, 48))

    with two_held(stack, lambda: upload_begun(walled, user.key), lambda: third().status_code == 429):
        refused(third(), "uploads")
        for method, status in (("GET", 200), ("HEAD", 200), ("DELETE", 405), ("PUT", 405), ("OPTIONS", 405)):  # these upload nothing
            assert client.request(method, "/api/v1/uploads").status_code == status, method
        expect(stranger.post("/api/v1/uploads", data=images.jpeg(64, 48)), 201)
        expect(client.get("/api/v1/uploads"), 200)
    stack.wait(lambda: third().status_code == 201, "a place is free again")


def test_large_uploads_at_once_of_a_user(stack, walled, user, other):
    """Three at a time, with however many keys and sessions, two of them with one key: so none holds all that its user has. A place is free
    again when one ends."""
    keys = [f"Authorization: Bearer {key}" for key in (user.key, user.make_key("second")["key"], user.make_key("third")["key"])]
    session = [f"Cookie: __Host-session={user.web.cookies['__Host-session']}", f"Origin: {stack.url}"]
    large = images.jpeg(1000, 800, quality=95)
    assert len(large) > 100_000, "beyond what is small"

    def upload(who, data=large):
        client = Client(walled.url, stack.ca, **dict(h.split(": ", 1) for h in who))
        return client.post("/api/v1/uploads", data=data)

    def one_too_many(who):
        answer = upload(who)
        return answer.status_code == 429 and refused(answer, "uploads")

    of_keys = [lambda key=key: begun(walled, key) for key in (keys[0], keys[0], keys[1])]
    with all_held(stack, of_keys[:2], lambda: one_too_many([keys[0]])):
        for who in ([keys[1]], session):
            expect(upload(who), 201)
    stack.wait(lambda: upload([keys[0]]).status_code == 201, "the places are free again")
    with all_held(stack, of_keys, lambda: one_too_many([keys[2]])):
        assert one_too_many(session)
        expect(upload([keys[2]], images.jpeg(64, 48)), 201)  # stays in nginx's memory
        expect(upload([f"Authorization: Bearer {other.key}"]), 201)
    stack.wait(lambda: upload(session).status_code == 201, "a place is free again")


def test_a_reload_ends_what_trickles(stack, user):
    """A body that comes a byte at a time keeps its place for as long as its sender likes, also when its key was revoked; but not for longer
    than nginx leaves to what a reload finds."""
    with nginx(stack, "emerg", [*walls(UPLOADS_AT_ONCE="1"), ("worker_shutdown_timeout 1h;", "worker_shutdown_timeout 10ms;")]) as it:
        client = Client(it.url, stack.ca, Authorization=f"Bearer {user.key}")

        def uploaded():
            with contextlib.suppress(requests.ConnectionError):  # the reload ends this connection, too
                return client.post("/api/v1/uploads", data=images.jpeg(64, 48)).status_code
            return None
        held = []

        def begin():
            held.append(begun(it, f"Authorization: Bearer {user.key}"))
            return held[-1]
        with all_held(stack, [begin], lambda: uploaded() == 429):
            it.process.send_signal(signal.SIGHUP)
            with contextlib.suppress(ConnectionError):
                assert held[-1].recv(1) == b"", "without an answer"
            stack.wait(lambda: uploaded() == 201, "its place is free")


def test_refused_bodies_take_no_place_of_their_user(stack, walled, user):
    """nginx looks for a while at what else comes of a body that was refused: so who has a key that may only read could keep its owner from
    uploading."""
    reads = user.make_key("reads", scopes=["usage:read"])["key"]
    owner, large = Client(walled.url, stack.ca, Authorization=f"Bearer {user.key}"), images.jpeg(1000, 800, quality=95)
    with contextlib.ExitStack() as stay:
        for _ in range(2):
            connection = stay.enter_context(begun(walled, f"Authorization: Bearer {reads}"))
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert answer.status == 403
        expect(owner.post("/api/v1/uploads", data=large), 201)


def spellings(user):
    """{name: headers}: ways to send the same credential, all of which the programs take."""
    token = user.web.cookies["__Host-session"]
    origin = f"Origin: {user.stack.url}"
    cookies = {"a": f"__Host-session={token}", "b": f"a=b;__Host-session={token}", "c": f"; ;\t__Host-session={token}\t; c=d",
               "d": f"x__Host-session=junk; __Host-session={token}", "e": f"a=__Host-session=junk; __Host-session={token}; __Host-session",
               "f": f"__Host-session ={'x' * 43}; __Host-session={token}"}
    return {"key": [[f"Authorization: {scheme}{user.key}"] for scheme in ("Bearer ", "Bearer  ", "bearer ", "BEARER    ")],
            "key before a session": [[f"Authorization: bearer {user.key}", f"Cookie: __Host-session={t}"] for t in ("junk", token)],
            "session": [[f"Cookie: {c}", origin] for c in cookies.values()]}


def begun(it, *headers, path="/api/v1/uploads", length="Content-Length: 1000000"):
    """A request whose body never comes: nginx holds it."""
    context = ssl.create_default_context(cafile=str(it.stack.ca))
    connection = context.wrap_socket(socket.create_connection(("127.0.0.1", it.https), timeout=60), server_hostname="localhost")
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: image/jpeg", length, *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode())
    return connection


def status_of(connection):
    with connection:
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status


@pytest.mark.parametrize("what", ["key", "key before a session", "session"])
def test_a_credential_has_one_spelling(stack, walled, user, what):
    """However it is written, two uploads at a time are two."""
    for first in (ways := spellings(user)[what]):
        with two_held(stack, lambda: begun(walled, *first), lambda: status_of(begun(walled, *first, length="Content-Length: 0")) == 429):
            for way in ways:
                assert status_of(begun(walled, *way, length="Content-Length: 0")) == 429, (first, way)
        stack.wait(lambda: status_of(begun(walled, *first, length="Content-Length: 0")) == 422, "the places are free")


def test_what_is_not_counted_is_no_credential(stack, walled, user):
    """What the map does not know for one credential gets nobody in; over HTTP/2, too, where nginx trims nothing."""
    token = user.web.cookies["__Host-session"]
    for value in (f"Bearer\t{user.key}", f"Bearer \t{user.key}", f"Bearer {user.key}\t", f"Bearer {user.key} x", f"Bearer,{user.key}",
                  f'Bearer "{user.key}"', f"Bearer={user.key}", f"Bearer {user.key},", user.key):
        assert asked(stack, f"Authorization: {value}") == "401", value
        assert asked(stack, f"Authorization: {value}", f"Cookie: __Host-session={token}") == "401", value
    for cookie in (f"__Host-session={token}; __Host-session={token}", f"__Host-session={token};\t__Host-session=", f'__Host-session="{token}"',
                   f"__Host-session= {token}", f"__host-session={token}", f"__Host-session={token},a=b", f"__Host-session ={token}"):
        assert asked(stack, f"Cookie: {cookie}") in ("400", "401"), cookie


def asked(stack, *headers):
    """The status of GET /api/v1/me, the same over HTTP/1 and 2."""
    got = {subprocess.run(["curl", "-sS", version, "--cacert", stack.ca, *(w for h in headers for w in ("-H", h)), "-o", "/dev/null",
                           "-w", "%{http_code}", stack.url + "/api/v1/me"], capture_output=True, text=True).stdout
           for version in ("--http1.1", "--http2")}
    assert len(got) == 1, (headers, got)
    return got.pop()


def test_uploads_at_once_of_strangers(stack, walled, user):
    """They are counted by network, whatever they send for a credential."""
    kinds = [[], ["Authorization: Basic eDp5"], ["Authorization: Bearer\tx"], ["Cookie: __Host-session=a; __Host-session=b"],
             ["Authorization: Bearer mk_live_nothing"]]
    for kind in kinds:
        with two_held(stack, lambda: begun(walled, *kind, length="Transfer-Encoding: chunked"),  # its first chunk is waited for
                      lambda: status_of(begun(walled, length="Content-Length: 0")) == 429):
            for other in kinds:
                assert status_of(begun(walled, *other, length="Content-Length: 0")) == 429, (kind, other)
            client = Client(walled.url, stack.ca, Authorization=f"Bearer {user.key}")
            expect(client.post("/api/v1/uploads", data=images.jpeg(64, 48)), 201)
        stack.wait(lambda: status_of(begun(walled, length="Content-Length: 0")) in (401, 411), "the places are free")


def test_connections_of_a_network(stack):
    """As many as one may hold; another address is served meanwhile, whatever it asks for."""
    with nginx(stack, "emerg", walls(CONNECTIONS_AT_ONCE="10")) as it:
        held = [begun(it, path="/api/v1/auth/login", length="Content-Length: 1000") for _ in range(10)]
        for path in ("/", "/api/v1/me", "/api/v1/uploads", "/m/x/0"):
            stack.wait(lambda: status_at(it.https, path) == 429, f"{path} is refused")
            if path.startswith("/api/"):
                refused(Client(it.url, stack.ca).get(path), "connections")
            assert status_at(it.https, path, "127.0.0.2") in (200, 401, 404), path
        for connection in held:
            connection.close()
        stack.wait(lambda: status_at(it.https, "/") == 200, "the places are free")


def test_half_sent_headers(stack):
    """2000 from one address hold as many connections, and no more than that: another address is served, and they are let go of
    when the time for a header is over, which is far less than the minute that nginx would give."""
    def served_meanwhile():
        """Whether that can be said: a machine may stand still until they are let go of."""
        opened = [socket.create_connection(("127.0.0.1", stack.http), timeout=30) for _ in range(HALF_SENT)]
        for connection in opened:
            connection.sendall(b"GET /api/v1/me HTTP/1.1\r\nHost: local")
        assert {status_at(stack.https, "/api/v1/me", "127.0.0.2") for _ in range(10)} == {401}
        still_held = not readable(opened)
        for connection in opened:
            assert connection.recv(1000)[:12] in (b"", b"HTTP/1.1 408")
            connection.close()
        return still_held
    stack.wait(served_meanwhile, "all were held while another was served", seconds=120)


def status_at(port, path, source="127.0.0.1"):
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, source_address=(source, 0),
                                             context=ssl._create_unverified_context())
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        return connection.getresponse().status
    finally:
        connection.close()


def test_monitors_of_a_network(stack):
    """20 at once and a few a second; the API, and another network's monitors, are not concerned."""
    with nginx(stack, "emerg", walls(HEALTH_RATE="1r/m")) as it:
        got = [status_at(it.https, path) for path in ("/healthz", "/readyz") * 20]
        assert set(got[:20]) == {200} and got.count(429) > 5
        assert status_at(it.https, "/readyz", "127.0.0.2") == 200 and status_at(it.https, "/api/v1/me") == 401


def test_deliveries_to_a_network(stack):
    """Whole posts come at once; then each waits for its turn, and only a flood is refused. With smaller numbers here."""
    fewer = [("burst=2000 delay=1000;", "burst=20 delay=10;")]
    path = "/m/01a203f4-f8bd-7e8a-a70b-bd6f0e352b1b/0"
    with nginx(stack, "emerg", [*walls(DELIVERY_RATE="1r/s"), *fewer]) as it:
        began = time.monotonic()
        assert {status_at(it.https, path) for _ in range(10)} == {404}
        asked = []
        for _ in range(40):
            connection = http.client.HTTPSConnection("127.0.0.1", it.https, timeout=60, context=ssl._create_unverified_context())
            connection.request("GET", path, headers={"Host": "localhost"})
            asked.append(connection)
        room = 10 + 1 + time.monotonic() - began  # one of each second has come back
        assert status_at(it.https, path, "127.0.0.2") == 404
        got = [connection.getresponse().status for connection in asked]
        assert set(got) == {404, 429} and 8 <= got.count(404) <= room, got


def test_requests_of_a_key(stack, walled, other):
    """100 at once, then as many as the rate allows; images for TikTok have no such wall."""
    client = Client(walled.url, stack.ca, Authorization=f"Bearer {other.key}")
    answers = [client.get("/api/v1/me") for _ in range(300)]
    assert [a.status_code for a in answers[:100]] == [200] * 100
    limited = [a for a in answers if a.status_code == 429]
    assert limited and all(refused(a, "requests") for a in limited)
    nobody = Client(walled.url, stack.ca)
    assert {nobody.get("/m/01a203f4-f8bd-7e8a-a70b-bd6f0e352b1b/0").status_code for _ in range(300)} == {404}


def test_the_simulator_of_a_network(stack):
    """It has no lower walls than the API: its consent makes rows, and its calls run on the threads that test keys need."""
    def post(it, path, source="127.0.0.1", **fields):
        connection = http.client.HTTPSConnection("127.0.0.1", it.https, timeout=60, source_address=(source, 0), context=ssl._create_unverified_context())
        connection.request("POST", path, urllib.parse.urlencode(fields), {"Host": "sandbox.localhost", "Content-Type": "application/x-www-form-urlencoded"})
        return connection.getresponse()

    def codes():
        return stack.sql("SELECT COUNT(*) n FROM sandbox_codes")[0]["n"]
    network = uuid.uuid4().hex
    with nginx(stack, "emerg", walls(SIGN_IN_RATE="1r/m", NETWORK_RATE="1r/m")) as it:
        before = codes()
        consent = {"client_key": f"limits.{network}", "scope": "user.info.basic", "response_type": "code", "redirect_uri": f"{stack.url}/x",
                   "grant": "user.info.basic", "decision": "allow", "username": f"l.{network[:20]}"}
        got = [post(it, "/v2/auth/authorize/", **consent).status for _ in range(30)]
        assert set(got) == {303, 429} and got[:20] == [303] * 20 and codes() - before <= 22
        got = [post(it, "/v2/oauth/token/", client_key="x", client_secret="y", grant_type="refresh_token", refresh_token="z") for _ in range(250)]
        assert {answer.status for answer in got} == {200, 429} or {answer.status for answer in got} == {400, 429}
        assert json.loads(got[-1].read())["error"]["code"] == "rate_limited"
        assert post(it, "/v2/oauth/token/", "127.0.0.2").status != 429


def test_the_simulator_keeps_no_made_up_clients(stack):
    """A row of a client is made with the code that it exchanges, and not with its name."""
    client = Client(stack.sandbox_url, stack.ca)
    before = stack.sql("SELECT COUNT(*) n FROM sandbox_clients")
    for fields in ({"grant_type": "authorization_code", "code": "x", "redirect_uri": stack.url}, {"grant_type": "refresh_token", "refresh_token": "x"}):
        answer = client.post("/v2/oauth/token/", data={"client_key": uuid.uuid4().hex, "client_secret": "x", **fields})
        assert answer.json()["error"] == "invalid_grant"
    assert client.post("/v2/oauth/revoke/", data={"client_key": uuid.uuid4().hex, "client_secret": "x", "token": "x"}).json()["error"] == "invalid_grant"
    assert stack.sql("SELECT COUNT(*) n FROM sandbox_clients") == before
