"""lib/stripe beside Stripe's own client from npm: our requests are compared with its own, field by field, and it judges
our reading of signatures."""

import base64
import http.server
import json
import os
import pathlib
import re
import socketserver
import subprocess
import threading
import urllib.parse

import pytest

import clients

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
NOW = 1789000000
SECRET = "whsec_test_secret"


def ours():
    build = pathlib.Path(os.environ["MARKETINGCLI_BUILD"]).resolve()
    return str(build / "tests/fixtures/marketingcli-stripe")


class Recorder:
    """An HTTP server, on a port for their client and on a Unix socket for ours, that answers everything with an object and
    keeps what it was asked."""

    def __init__(self, folder):
        requests = self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def address_string(self):
                return ""

            def log_message(self, *_):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                requests.append((self.command, self.path, dict(self.headers.items()), body.decode()))
                answer = b'{"id":"x","object":"list","data":[],"has_more":false}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_DELETE = answer

        self.socket = str(folder / "stripe.sock")
        self.servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler),
                        socketserver.ThreadingUnixStreamServer(self.socket, Handler)]
        self.port = self.servers[0].server_address[1]

    def __enter__(self):
        for server in self.servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def taken(self):
        requests = [*self.requests]
        self.requests.clear()
        return requests


def decoded(form):
    """name=value pairs in no order; a[0]=, a[1]= and a[]= are one and the same list."""
    return sorted(urllib.parse.parse_qsl(form, keep_blank_values=True, strict_parsing=bool(form), errors="strict"))


SAME_HEADERS = ("authorization", "stripe-version", "idempotency-key", "accept")


def comparable(request):
    method, target, headers, body = request
    path, _, query = target.partition("?")
    headers = {name.lower(): value for name, value in headers.items()}
    kept = {name: headers.get(name) for name in SAME_HEADERS}
    if method == "POST":
        kept["content-type"] = headers["content-type"]
    return method, urllib.parse.unquote(path), decoded(query), kept, decoded(body)


def types():
    text = (CHECKOUT / "lib/stripe/event.c").read_text()
    return re.findall(r'^    \{"([\w.]+)", "', text, re.MULTILINE)[:20]


def test_requests_are_those_of_stripes_own_client(tmp_path):
    with Recorder(tmp_path) as recorder:
        subprocess.run([ours(), "calls", recorder.socket], check=True)
        mine = recorder.taken()
        clients.run("stripe", "calls", PORT=str(recorder.port), TYPES=json.dumps(types()))
        theirs = recorder.taken()
    assert len(mine) == len(theirs) == 14
    for mine_one, theirs_one in zip(mine, theirs):
        assert comparable(mine_one) == comparable(theirs_one)
    # Nothing of ours that Stripe has no use for: who we are, and no cookie.
    names = {name.lower() for _, _, headers, _ in mine for name in headers}
    assert names <= {*SAME_HEADERS, "content-type", "content-length", "host", "user-agent"}
    assert all(headers["User-Agent"] == "marketingcli" for _, _, headers, _ in mine)


def verdicts(rows):
    """Of (now, secrets, header, body)."""
    def hexed(text):
        return text.hex() or "-"
    lines = "".join(f"{now} {secrets} {hexed(header.encode())} {hexed(body)}\n" for now, secrets, header, body in rows)
    return subprocess.run([ours(), "verify"], input=lines, check=True, capture_output=True, text=True).stdout.split()


BODIES = [b"{}", b'{"id":"evt_1"}', '{"name":"Zoë \U0001f600"}'.encode(), b'{\r\n "a" : 1 }\n',
          b'{"a":"' + b"x" * 1_000_000 + b'"}', b" "]


def test_what_stripes_client_signs_is_good():
    signed = [{"payload": base64.b64encode(body).decode(), "secret": secret, "timestamp": at}
              for body in BODIES for secret in (SECRET, "whsec_older")
              for at in (NOW - 300, NOW, NOW + 300, NOW - 301, NOW + 301)]
    headers = clients.ask("stripe", "sign", signed)
    rows = [(NOW, f"whsec_newer,whsec_older,{SECRET}", header, base64.b64decode(s["payload"]))
            for header, s in zip(headers, signed)]
    expected = [{-301: "too_old", 301: "too_new"}.get(s["timestamp"] - NOW, "good") for s in signed]
    assert verdicts(rows) == expected
    # With another secret, and over another body, none is.
    assert set(verdicts([(now, "whsec_newer", header, body) for now, _, header, body in rows])) == {"wrong"}
    assert set(verdicts([(now, secrets, header, body + b" ") for now, secrets, header, body in rows])) == {"wrong"}


HEX = "0" * 64
# Header with {v1} for a right signature; our verdict; does Stripe's client take it?
HEADERS = [
    ("t={now},v1={v1}", "good", True),
    ("v1={v1},t={now}", "good", True),
    ("t={now},v1={v1},v0=" + HEX, "good", True),
    ("t={now},v1=" + HEX + ",v1={v1}", "good", True),
    ("t={now},v1={v1},v1=" + HEX, "good", True),
    ("t={now},v9=a,v1={v1}", "good", True),
    ("", "missing", False),
    ("v1={v1}", "time_missing", False),
    ("t={now}", "no_signature", False),
    ("t={now},v0={v1}", "no_signature", False),
    ("t={now}, v1={v1}", "no_signature", False),
    ("t={now},V1={v1}", "no_signature", False),
    ("t={now},v1={V1}", "wrong", False),
    ("t={now},v1={v1}0", "wrong", False),
    ("t={now},v1=" + HEX, "wrong", False),
    ("t={now},v1=", "wrong", False),
    ("t=,v1={v1}", "time_invalid", False),
    ("t=abc,v1={v1}", "time_invalid", False),
    ("hello", "malformed", False),
    # We are stricter where Stripe's libraries disagree with each other: docs/stripe.md#signature.
    ("t={now},v1={v1},", "malformed", True),
    ("t={now}abc,v1={v1}", "time_invalid", True),
    ("t=1,t={now},v1={v1}", "time_repeated", True),
    ("t=0{now},v1={v1}", "time_invalid", True),
]


@pytest.mark.parametrize("age,stale", [(0, None), (300, None), (301, "too_old"), (-300, None)])
def test_what_is_good_is_good_for_stripes_client_too(age, stale):
    body = b'{"id":"evt_1"}'
    payload = base64.b64encode(body).decode()
    [signed] = clients.ask("stripe", "sign", [{"payload": payload, "secret": SECRET, "timestamp": NOW}])
    v1 = signed.partition("v1=")[2]
    headers = [header.format(now=NOW, v1=v1, V1=v1.upper()) for header, *_ in HEADERS]
    mine = verdicts([(NOW + age, SECRET, header, body) for header in headers])
    theirs = clients.ask("stripe", "judge", [{"payload": payload, "header": header, "secret": SECRET, "now": NOW + age}
                                             for header in headers])
    assert mine == [stale if stale and verdict == "good" else verdict for _, verdict, _ in HEADERS]
    assert [t["good"] for t in theirs] == [takes and not stale for *_, takes in HEADERS]


def test_stripes_client_takes_what_the_simulator_signs():
    printed = subprocess.run([ours(), "simulated", SECRET, str(NOW)], check=True, capture_output=True, text=True).stdout.splitlines()
    sent = [{"header": header, "payload": body, "secret": SECRET, "now": NOW} for header, body in zip(printed[::2], printed[1::2])]
    events = clients.ask("stripe", "construct", sent)
    assert [e["type"] for e in events][:3] == ["customer.subscription.created", "customer.subscription.trial_will_end",
                                              "invoice.payment_failed"]
    assert all(e["object"]["status"] == "canceled" and e["object"]["items"]["data"][0]["price"]["id"] == 'price_"\u00e9"'
               for e in events)
    assert len({e["id"] for e in events}) == len(events) > 5
