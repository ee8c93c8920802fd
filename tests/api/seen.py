"""What a run of the API tests leaves in the logs: no secret that passed over the wire or lies in a credentials folder (nor in the
tables, or in a mail that is another's), a successful request of every route, and every alarm. conftest.py asks when the stack goes down.

When several processes share the tests, none of them alone sees every route and alarm. Each writes a file of what it has
seen, and the runner asks: seen.py BUILD FILE...
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse

import requests

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
SECRET_MIN = 12  # what is shorter is a test's nonsense, and would be found everywhere
IN_FORMS = {"password", "code", "state", "client_secret", "access_token", "refresh_token", "token", "key"}
IN_JSON = {"password", "token", "invitation", "key", "client_secret", "access_token", "refresh_token", "secret", "sign_in_token",
           "recovery_codes"}
# Whoever made it: an API key, TikTok's tokens as the simulator writes them, a password's hash.
SHAPES = re.compile(rb"mk_(?:live|test)_[0-9A-Za-z]{49}|\b(?:act|rft)\.[0-9A-Za-z]{16,}|\$2[aby]\$\d\d\$[./0-9A-Za-z]{22,}")

secrets, public = set(), set()


def is_public(*texts):
    """What a test tries as a password although everybody may read it: the user's own name."""
    public.update(texts)


def remember(value):
    if isinstance(value, str) and len(value) >= SECRET_MIN and "\n" not in value and value not in public:
        secrets.update({value, urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value)})


def from_pairs(text):
    for name, value in urllib.parse.parse_qsl(text):
        if name in IN_FORMS:
            remember(value)


def from_json(value):
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in IN_JSON:
                for one in inner if isinstance(inner, list) else [inner]:
                    remember(one)
            from_json(inner)
    elif isinstance(value, list):
        for inner in value:
            from_json(inner)


def from_body(body):
    if not isinstance(body, (str, bytes)) or len(body) > 1 << 16:
        return
    text = body if isinstance(body, str) else body.decode(errors="replace")
    try:
        from_json(json.loads(text))
    except ValueError:
        from_pairs(text)
    except RecursionError:
        pass


def from_cookies(header):
    for cookie in header.split(";"):
        remember(cookie.partition("=")[2].strip())


def watch():
    """From now on every request of this process and its answer is looked at."""
    plain_send = requests.Session.send

    def send(self, request, **more):
        remember(request.headers.get("Authorization", "").partition(" ")[2])
        from_cookies(str(request.headers.get("Cookie", "")))
        from_pairs(urllib.parse.urlsplit(request.url).query)
        from_body(request.body)
        answer = plain_send(self, request, **more)
        if not more.get("stream"):
            from_body(answer.content)
        from_cookies(answer.headers.get("Set-Cookie", "").partition(";")[0])
        from_pairs(urllib.parse.urlsplit(answer.headers.get("Location", "")).query)
        return answer

    requests.Session.send = send


def from_credentials(folder):
    """Passwords, keys and TikTok's client secret; of a key ring the keys, not their numbers."""
    for path in folder.glob("*/*"):
        for word in path.read_text().split():
            remember(word)


def found_in(paths):
    """{"file: what"}: secrets in the files."""
    with tempfile.NamedTemporaryFile("w") as patterns:
        patterns.write("".join(f"{s}\n" for s in secrets))
        patterns.flush()
        done = subprocess.run(["grep", "-F", "-o", "-a", "-H", "-f", patterns.name, "--", *map(str, paths)],
                              capture_output=True, text=True, errors="replace")
    assert done.returncode in (0, 1), done.stderr
    return set(done.stdout.splitlines())


def leaks(paths):
    """The same of logs, in a list, with what looks like a secret, whoever made it."""
    found = found_in(paths)
    for path in paths:
        found |= {f"{path}:{hit.decode()}" for hit in SHAPES.findall(path.read_bytes())}
    return sorted(found)


def leaks_beside_logs(stack):
    """["file: what"]: secrets in the tables, and in mails that are files, but for the link of that mail. The simulator's tables are
    another service's, and have its secrets."""
    from mailing import Letter  # which remembers what it finds
    with tempfile.TemporaryDirectory() as folder:
        for row in stack.sql("SELECT table_name AS t FROM information_schema.tables WHERE table_schema = 'marketingcli'"
                             " AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'sandbox%'"):
            with pathlib.Path(folder, row["t"]).open("wb") as out:
                for line in stack.sql(f"SELECT * FROM {row['t']}"):
                    out.write(b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in line.values()) + b"\n")
        for path in stack.at.mail.glob("*.eml"):
            try:
                letter = Letter(path.read_bytes())
            except FileNotFoundError:  # its day is over
                continue
            words = "\n".join([*map(str, letter.message.items()), letter.text, letter.html])
            pathlib.Path(folder, path.name).write_text(words.replace(letter.token or "\0", "its own"))
        found = (line.rpartition("/")[2] for line in found_in(pathlib.Path(folder).iterdir()))
        return sorted(line for line in found if len(set(line.partition(":")[2])) > 4)  # else a test's nonsense, of one letter


ERROR = re.compile(r'"level":"error","program":"[^"]+","event":"([^"]+)"')


def seen_in(logs):
    """What the programs did: "GET /path" for a route that one of them answered well, the event's name for an error."""
    seen = set()
    for line in "".join(logs).splitlines():
        if '"event":"request"' in line:
            entry = json.loads(line)
            if entry["status"] < 400:
                seen.add(f"{entry['method']} {entry.get('route')}")
        elif found := ERROR.search(line):
            seen.add(found[1])
    return seen


def unanswered(routes, seen):
    """The routes ("GET /path ...", as `marketingcli-admin routes` prints them) that no program answered well."""
    return [line for line in routes if " ".join(line.split(" ")[:2]) not in seen]


def unraised(alarms, seen):
    """The names of alarms (of lib/metrics/alarm.def) that no program has raised."""
    return [name for name in alarms if name not in seen]


def missed(build, seen):
    """Lines on what a whole run must have seen and has not."""
    routes = subprocess.run([f"{build}/tools/admin/marketingcli-admin", "routes"], capture_output=True, text=True, check=True)
    alarms = re.findall(r'^ALARM\(\w+, "(\w+)"', (CHECKOUT / "lib/metrics/alarm.def").read_text(), re.M)
    assert routes.stdout and alarms
    return [*(f"no test got a good answer from: {line}" for line in unanswered(routes.stdout.splitlines(), seen)),
            *(f"no test provoked: {name}" for name in unraised(alarms, seen))]


if __name__ == "__main__":
    everything = set().union(*(pathlib.Path(p).read_text().splitlines() for p in sys.argv[2:]))
    sys.exit("\n".join(missed(sys.argv[1], everything)) or 0)
