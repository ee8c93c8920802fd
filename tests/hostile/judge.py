"""What an answer must be, whatever was asked, and what the programs must be afterwards."""

import json
import re
import urllib.parse

import conftest

SLOW_SEC = 2
WAIT_SEC = {f"/api/v1/billing/{what}": 10 for what in ("checkout", "sync")}  # for another of the same user: ASK_CLAIM_SEC
OURS = re.compile(r"/(?P<first>api|m|webhooks|internal|healthz|readyz)(/|$)", re.IGNORECASE)
REQUEST_ID = re.compile(r"[0-9a-f]{32}")
ERROR_FIELDS = {"code", "type", "message", "param", "retryable", "details", "platform_error"}
# A browser is on its way to TikTok, and back, or has opened a mail's link.
REDIRECTS = ("/api/v1/tiktok/connect", "/api/v1/tiktok/callback", "/api/v1/mail/unsubscribe")


IMAGE = re.compile(r"/api/v1/(uploads/[^/]+/image|accounts/[^/]+/avatar)")  # which is no JSON


def read_path(request):
    """As nginx reads it: decoded, slashes merged, dots resolved."""
    path = request.path.partition("#")[0].partition("?")[0]
    path = re.sub(r"^https?://[^/]*", "", path)
    path = urllib.parse.unquote(path, encoding="latin-1")
    segments = []
    for segment in re.sub("/+", "/", path).split("/")[1:]:
        if segment == "..":
            segments = segments[:-1]
        elif segment != ".":
            segments.append(segment)
    return "/" + "/".join(segments)


def first_of(path):
    """"api", "m" and so on when the path is one of programs, else ""."""
    found = OURS.match(path)
    return found["first"].lower() if found else ""


def faults(world, request, answers):
    """[what is wrong with the answers to it]"""
    found = []
    for i, answer in enumerate(answers):
        # What follows the first may be the answer to a rest that was taken for a request.
        found += [f"answer {i + 1}, {answer.status}: {f}" for f in of_answer(world, request, answer, i < request.copies and request.due)]
    return found


def of_answer(world, request, answer, is_its_own):
    ids = answer.all("x-request-id")
    if answer.status >= 500:
        yield "a fault of the server's"
    if len(ids) != 1 or not REQUEST_ID.fullmatch(ids[0]):
        yield f"X-Request-Id is {ids}"
    try:
        text = answer.text()
    except ValueError as e:
        yield f"cannot be read: {e}"
        return
    lists_all = (request.route["method"], request.route["pattern"]) == ("GET", "/v1/customers")  # to the simulated Stripe's own customer, us
    for person in world.people:
        if not lists_all and person.name not in request.owners and person.word.encode() in text:
            yield f"shows what belongs to {person.name}"
    if request.is_sandbox():
        return
    path = read_path(request)
    first = first_of(path)
    if answer.status < 300 and first and any(v in request.path for v in world.victim.things.values()):
        yield "the id is somebody else's"
    if is_its_own and request.method != "HEAD" and (first == "api" or first and answer.status >= 400):
        yield from of_body(world, path, answer)
    if answer.status == 401 and answer.get("www-authenticate") != "Bearer":
        yield "401 without WWW-Authenticate: Bearer"
    if answer.status == 405 and not answer.get("allow"):
        yield "405 without Allow"
    if answer.status == 429 and not answer.get("retry-after"):
        yield "429 without Retry-After"


def of_body(world, path, answer):
    """The API's shape: data or error, and meta."""
    if answer.status in (204, 304):
        if answer.body:
            yield "has a body"
        return
    if answer.status == 303 and path in REDIRECTS:
        if answer.body or not answer.get("location"):
            yield f"leads to {answer.get('location')}: {answer.body[:200]!r}"
        return
    if answer.status in (200, 206) and IMAGE.fullmatch(path) and str(answer.get("content-type")).startswith("image/"):
        return
    if answer.status == 200 and path == "/api/v1/privacy/export" and answer.get("content-type") == "application/zip":
        return
    if answer.get("content-type") != "application/json":
        yield f"Content-Type is {answer.get('content-type')}: {answer.body[:200]!r}"
        return
    try:
        body = json.loads(answer.plain().decode(), parse_constant=float_of_json)
    except ValueError as e:
        yield f"no JSON ({e}): {answer.body[:200]!r}"
        return
    if not isinstance(body, dict) or set(body) != {"error" if answer.status >= 400 else "data", "meta"}:
        yield f"has {sorted(body) if isinstance(body, dict) else type(body).__name__}"
    elif body["meta"].get("request_id") != answer.get("x-request-id"):
        yield f"meta.request_id is {body['meta'].get('request_id')}"
    elif answer.status >= 400:
        yield from of_error(world, answer.status, body["error"])


def float_of_json(name):
    raise ValueError(f"{name} is not JSON")


def of_error(world, status, error):
    known = world.errors.get(error.get("code"))
    if not ERROR_FIELDS <= set(error):
        yield f"error has {sorted(error)}"
    elif known is None or known["status"] != status:
        yield f"error.code {error['code']} is not one of {status}"
    elif error["type"] != known["type"] or not isinstance(error["retryable"], bool) or not error["message"]:
        yield f"error is {error}"


# Afterwards


def grown(path, size):
    """What has been written to the file since it had that size."""
    with path.open("rb") as f:
        f.seek(size)
        return [line.decode() for line in f.read().splitlines(keepends=True) if line.endswith(b"\n")]

class Aftermath:
    """What the logs and the processes show of the requests since it was made."""

    def __init__(self, world):
        self.world, self.log = world, world.stack.at.log / "access.log"
        self.begin = self.log.stat().st_size
        self.pids = self.processes()
        self.logs = {p: p.stat().st_size for p in world.stack.at.log.glob("*.log") if p.stem not in conftest.NOT_OURS}

    def processes(self):
        return {s: self.world.stack.pid(s) for s in {r["app"] for r in self.world.routes} | {"image", "intake", "nginx", "worker-publish", "worker-media", "worker-mail"}}

    def codes(self):
        """{request id: the code that a program answered with a 5xx}"""
        found = {}
        for path, size in self.logs.items():
            for line in grown(path, size):
                if '"event":"request"' in line:
                    entry = json.loads(line)
                    if entry["status"] >= 500:
                        found[entry["request_id"]] = entry.get("code")
        return found

    def lines(self):
        return [json.loads(line) for line in grown(self.log, self.begin)]

    def slow_and_broken(self, stood_sec=0):
        """{request id: what}: also of requests whose sender did not stay for the answer. For one who leaves while it asks a program
        about a body, nginx notes a 503 that it does not send. stood_sec: how long the machine stood still meanwhile."""
        found, codes = {}, self.codes()
        for line in self.lines():
            seconds = sum(float(s) for s in re.findall(r"[\d.]+", line["upstream_seconds"]))
            if line["request_id"] in codes or line["status"] >= 500 and line["body_bytes"] > 0:
                found[line["request_id"]] = f"{line['status']} {codes.get(line['request_id'])} in the access log: {line}"
            elif seconds > SLOW_SEC + WAIT_SEC.get(line["path"], 0) + stood_sec:
                found[line["request_id"]] = f"the program took {seconds} s: {line}"
        return found

    def others(self):
        """What is wrong besides single answers."""
        after = self.processes()
        yield from (f"{name} has died" for name, pid in self.pids.items() if after[name] != pid)
        for path, size in self.logs.items():
            yield from (f"{path.name}: {line[:600]}" for line in grown(path, size)
                        if '"level":"error"' in line and '"event":"request"' not in line)
        now, before = self.world.victims_rows(), self.world.before
        for table in sorted(set(now) | set(before)):
            for row in now.get(table, set()) ^ before.get(table, set()):
                yield f"the victim's rows in {table} are others: {row[:600]}"
