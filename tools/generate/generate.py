#!/usr/bin/python3
"""Makes what need not be written by hand: systemd's units and users, MariaDB's settings and nginx's site, from
lib/service/service.def, from the routes and errors that `marketingcli-admin tables` prints, and from the templates in systemd/ and nginx/.

    generate.py systemd|mariadb|local|main|sites|snippets|locations TABLES.json OUT [NAME=VALUE...]

A template's @NAME@ is filled in; a line whose value is not there (NAME= alone) is left out. tests/stack uses this as a module.
"""

import json
import pathlib
import re
import sys

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
ANSWER_SEC = 120  # how long nginx waits for an answer, where the route's timeout_sec does not say
ASKED_SEC = 10  # and for a yes or no to a large body, once a thread has it (ask_sec): it needs its head alone
STOP_SEC = 15  # at a stop, beyond what is under way: answers that stream are ended, usage written, a statement may hang
INTAKE_SEC = 60  # and for the intake, which waits that long for the program to read the body, and then again for its answer
RECORD_SEC = 15  # RUNNER_STOP_SEC of lib/jobs/runner.h: a worker's results are recorded after its calls
PLACE = re.compile(r"@([A-Z][A-Z0-9_]*)@")
BODY = re.compile(r"@BODY\((\w+)(?: (\d+))?(?: (\$\w+))?\)@")


def fill(text, values):
    """The text with @NAME@ replaced. A value of None takes its whole line away; an unknown name is a mistake."""
    lines = []
    for line in text.splitlines(keepends=True):
        names = PLACE.findall(line)
        if any(values[n] is None for n in names):
            continue
        lines.append(PLACE.sub(lambda m: str(values[m[1]]), line))
    return "".join(lines)


def lines(items):
    """Items as lines, or None, which takes the template's line away."""
    return "\n".join(items) or None


# The table of services

ROW = re.compile(r'^(APP|WORKER|IMAGE|INTAKE)\((\w+), "([^"]*)"((?:[^()"]|"[^"]*")*)\)$', re.MULTILINE)
COLUMN = re.compile(r"\.(\w+) = (\{[^}]*\}|\w+)")


def services():
    """[{name, kind, what, and the columns}]; the columns have service.h's defaults."""
    made = []
    text = (CHECKOUT / "lib/service/service.def").read_text()
    for kind, name, what, columns in ROW.findall(text):
        row = {"name": name, "kind": kind.lower(), "what": what, "internet": "false", "asks_image": "false", "asks_apps": "false",
               "asks_simulator": "false",
               "ends_credentials": "false", "counts_rates": "false", "keeps_mail": "false", "keeps_journal": "false", "store": "STORE_NONE", "watches": "WATCH_NOTHING", "host": "HOST_MAIN", "credentials": "{}",
               **dict(COLUMN.findall(columns))}
        row |= {c: row[c] == "true" for c in ("internet", "asks_image", "asks_apps", "asks_simulator", "ends_credentials", "counts_rates",
                                               "keeps_mail", "keeps_journal")}
        row["database"] = {"APP": name, "WORKER": f"worker_{name}"}.get(kind)
        row["credentials"] = ["db-password"] * (row["database"] is not None) + re.findall(r'"([^"]*)"', row["credentials"])
        made.append(row)
    assert len(made) == len(re.findall(r"^(?:APP|WORKER|IMAGE|INTAKE)\(", text, re.MULTILINE)), "service.def: a row cannot be read"
    for what in (user, unit, lambda s: s["database"] or s["name"]):  # an app and a class of jobs may share their name
        assert len({what(s) for s in made}) == len(made), "service.def: two rows would have one user, unit or database user"
    return made


# systemd


def label(service):
    return f"worker-{service['name']}" if service["kind"] == "worker" else service["name"]


def user(service):
    return f"marketingcli-{label(service)}"


def unit(service):
    """The unit's name without its kind. The intake's is none of marketingcli-*, which are restarted together: it is told to read its
    configuration anew, and so an update ends no upload."""
    if service["kind"] == "intake":
        return f"nginx-marketingcli-{service['name']}"
    return f"marketingcli-worker@{service['name']}" if service["kind"] == "worker" else f"marketingcli-{service['name']}"


def has_socket(service):
    """Whether systemd holds its socket. The intake makes its own: while it is away nginx must know that at once."""
    return service["kind"] in ("app", "image")


def parts(service):
    """The pieces of systemd/parts that the service's row asks for."""
    return [name for name, wanted in (("stop", True), ("metrics", True), ("check", service["kind"] != "intake"), ("internet", service["internet"]),
                                      ("image", service["asks_image"]), ("apps", service["asks_apps"]),
                                      ("simulator", service["asks_simulator"]),
                                      ("store-read", service["store"] == "STORE_READ"),
                                      ("store-write", service["store"] == "STORE_WRITE"),
                                      ("mail", service["keeps_mail"]),
                                      ("journal", service["keeps_journal"]),
                                      ("epoch", service["ends_credentials"]),
                                      ("rates", service["counts_rates"]),
                                      ("watch", service["watches"] == "WATCH_MACHINE"),
                                      ("decoder", service["kind"] == "image")) if wanted]


def setting_max(section, key):
    """The most that the configuration takes for a number."""
    found = re.search(rf"^CONF_INT\({section}, {key}, \d+, RANGE\(\d+, (\d+)\)", (CHECKOUT / "lib/base/conf.def").read_text(), re.MULTILINE)
    return int(found[1])


def ask_sec():
    """How long nginx waits for a yes or no: as long as the program may let a request wait for a thread, which then says that it is
    busy. No longer, because those who ask are counted by the second only (location)."""
    return setting_max("service", "queue_sec") + ASKED_SEC


def small_body():
    """client_max_body_size of snippets/server.conf: beyond it nginx asks before it takes a body."""
    found = re.search(r"^#define ROUTE_SMALL_BODY_BYTES \(UINT64_C\((\d+)\) << 10\)$", (CHECKOUT / "lib/http/route.h").read_text(), re.MULTILINE)
    return int(found[1]) << 10


def is_large(route):
    """Whether nginx asks before it takes the body."""
    return route["body_max_bytes"] > SMALL_BODY and not route["body_in_memory"]


def taken_in(routes):
    """Those whose body goes to the intake. The simulator's stays in memory (nginx/snippets/simulator.conf)."""
    apps = {s["name"] for s in services() if s["host"] == "HOST_MAIN"}
    return [r for r in routes if is_large(r) and r["app"] in apps]


def stop_sec(service, routes):
    """How long a stop may take: as long as somebody waits for what the service is doing."""
    if service["kind"] == "worker":
        call_sec = max(setting_max(s, "timeout_sec") for s in ("tiktok", "smtp", "stripe", "s3"))
        return call_sec + RECORD_SEC + setting_max("database", "timeout_sec") + STOP_SEC
    if service["kind"] == "image":
        return setting_max("store", "image_timeout_sec") + STOP_SEC
    rows = taken_in(routes) if service["kind"] == "intake" else [r for r in routes if r["app"] == service["name"]]
    return max(r["timeout_sec"] or ANSWER_SEC for r in rows) + STOP_SEC


def unit_values(service, values, routes):
    folder = f"/etc/marketingcli/credentials/{service['database']}"
    return {
        **values, "NAME": service["name"], "WHAT": service["what"], "STOP_SEC": stop_sec(service, routes),
        "LISTEN": "ListenSequentialPacket" if service["kind"] == "image" else "ListenStream",
        "CLIENT_GROUP": "marketingcli-image" if service["kind"] == "image" else "marketingcli-apps",
        "CHECK": "config check" + ("" if knows_plans(service) else " --without-plans"),
        "CREDENTIALS": lines(f"LoadCredential={c}:{folder}/{c}" for c in service["credentials"]),
    }


def knows_plans(service):
    """Whether the program reads the file of the plans, and does not start with a wrong one (fcgi-apps/main.c, worker/main.c)."""
    return service["counts_rates"] or "stripe-api-key" in service["credentials"]


def install_section(text):
    """Without an [Install] that installs nothing."""
    return text.removesuffix("\n[Install]\n")


def systemd(tables, values):
    """{file name: text}. 50-<label>.conf is a drop-in of the service's unit: it must come after 10-hardening.conf, which takes
    away what it gives. marketingcli.conf is for sysusers.d."""
    read = lambda name: (CHECKOUT / "systemd" / name).read_text()
    made, rows = {}, services()
    for s in rows:
        own = unit_values(s, values, tables["routes"])
        if s["kind"] != "worker":
            made[unit(s) + ".service"] = install_section(fill(read(f"{s['kind']}.service.in"), own))
        if has_socket(s):
            made[unit(s) + ".socket"] = fill(read("app.socket.in"), own)
        pieces = [fill(read("worker-class.conf.in"), own)] if s["kind"] == "worker" else []
        made[f"50-{label(s)}.conf"] = "\n".join(pieces + [fill(read(f"parts/{name}.conf"), own) for name in parts(s)])
    made["marketingcli-worker@.service"] = fill(read("worker@.service.in"), values)
    made["marketingcli.target"] = fill(read("marketingcli.target.in"), {"WANTS": lines(
        "Wants=" + (f"{unit(s)}.socket " if has_socket(s) else "") + f"{unit(s)}.service" for s in rows)})
    groups = [("store", lambda s: s["store"] != "STORE_NONE"), ("store-write", lambda s: s["store"] == "STORE_WRITE"), ("image", lambda s: s["asks_image"]),
              ("apps", lambda s: s["asks_apps"]), ("simulator", lambda s: s["asks_simulator"]), ("epoch", lambda s: s["ends_credentials"]), ("rates", lambda s: s["counts_rates"])]
    made["marketingcli.conf"] = fill(read("sysusers.conf.in"), {"USERS": lines(
        [f'u {user(s)} - "MarketingCLI {s["kind"]} {s["name"]}"' for s in rows] +
        [f"m {user(s)} marketingcli-{group}" for group, is_in in groups for s in rows if is_in(s)])})
    return made


# MariaDB


def mariadb():
    """Its settings. An app holds three connections at most besides those of its threads (lib/service/service.c)."""
    held = sum(int(s["threads"]) + 3 * (s["kind"] == "app") for s in services() if s["database"])
    return {"40-marketingcli.cnf": fill((CHECKOUT / "sql/mariadb.cnf.in").read_text(),
                                        {"CONNECTIONS": held, "MAX_CONNECTIONS": 2 * held + 50})}


# nginx


def body(error, status=None, message=None):
    """The API's error, as nginx answers it; with another status than its own, or a variable of nginx for its message, if one is given. $ names
    such a variable, so no message has one (tests/lint/tables)."""
    content = {"error": {"code": error["code"], "type": error["type"], "message": message or error["message"], "param": None,
                         "retryable": error["retryable"], "details": [], "platform_error": None, "may_exist_id": None},
               "meta": {"request_id": "$mcli_request_id"}}
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    if error["code"] == "outcome_unknown":
        text = text.replace('"retryable":false', '"retryable":$mcli_repeat_tells')
    return f"{status or error['status']} '" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def expression_of(pattern, segment="[^/]+"):
    """A regular expression, in which {name} is one segment."""
    return re.sub(r"\\\{\w+\\\}", segment, re.escape(pattern).replace(r"\-", "-"))


def location_of(pattern):
    """nginx's kind and address of a pattern: the exact one, or an expression."""
    return f"~ ^{expression_of(pattern)}$" if "{" in pattern else f"= {pattern}"


def size(n):
    return f"{n >> 20}m" if n % (1 << 20) == 0 else f"{-(-n // 1024)}k"


SMALL_BODY = small_body()
# nginx's wall before each class of route_rate; of a location that several share, the last.
API_WALL = ["include @NGINX_DIR@/snippets/limits.conf;"]
RATES = {"none": [], **{name: API_WALL for name in ("read", "images", "write", "post")},
         "auth": ["limit_req zone=mcli_sign_in burst=20 nodelay;", *API_WALL],
         "health": ["limit_req zone=mcli_health burst=20 nodelay;"],
         # Signed: no wall of requests a second, because bursts are usual. What is kept in memory for strangers is bounded, for a network to an
         # eighth of it, which no address of Stripe's needs; and whoever begins a body must go on with it. What is refused to Stripe comes again.
         "signed": ["limit_conn mcli_webhooks 64;", "limit_conn mcli_webhooks_of_all 512;", "client_body_timeout 5s;",
                    "limit_conn mcli_connections @CONNECTIONS_AT_ONCE@;"],
         "delivery": ["limit_req zone=mcli_delivery burst=2000 delay=1000;"]}


def rate_classes(routes):
    """The class of a request, by its first line, for answers that no program made; without a row it is read."""
    def methods(r):
        return "(GET|HEAD)" if r["method"] == "GET" and not r["effect"] else r["method"]
    return lines(f'\t"~^{methods(r)} {expression_of(r["pattern"], "[^/? ]+")}[? ]" {r["rate"]};' for r in routes
                 if r["rate"] != "read" and not r["internal"])


def route_methods(routes):
    """The methods that the routes of an address have, as programs say them (lib/http/route.c)."""
    rows = [r for r in routes if not r["internal"]]
    made = []
    for pattern in dict.fromkeys(r["pattern"] for r in rows):
        methods = [m for r in rows if r["pattern"] == pattern
                   for m in ([r["method"], "HEAD"] if r["method"] == "GET" and not r["effect"] else [r["method"]])]
        made.append(f'\t{location_of(pattern).removeprefix("= ").replace("~ ", "~")} "{", ".join(methods)}";')
    return lines(made)


def block(address, rows, out):
    titles = "".join(f"# {r['method']}: {r['summary']}\n" for r in rows)
    return f"{titles}location {address} {{\n" + "".join(f"\t{o}\n" for o in out) + "}\n"


def body_max(rows):
    return f"client_max_body_size {size(max(r['body_max_bytes'] for r in rows))};"


def creating(rows):
    return ["include @NGINX_DIR@/snippets/creates.conf;"] if any(r["creates"] for r in rows) else []


def answer_sec(rows):
    """How long the routes' answer is waited for."""
    return max((r["timeout_sec"] for r in rows), default=0) or ANSWER_SEC


def asking(app, rows):
    """How the routes' program is asked: the widest of their columns."""
    effect = any(r["effect"] for r in rows)
    timeout = max((r["timeout_sec"] for r in rows), default=0)
    out = [f"include @NGINX_DIR@/snippets/fastcgi{'-effect' if effect else ''}.conf;"]
    if any(r["creates"] or r["body_max_bytes"] > 0 for r in rows):
        out.append("include @NGINX_DIR@/snippets/as-sent.conf;")
    out += creating(rows)
    if any(r["streams"] for r in rows):
        out.append("fastcgi_max_temp_file_size 0; # nginx waits for the client instead of keeping the answer on its disk")
    if any(r["compressed"] for r in rows):
        out.append("include @NGINX_DIR@/snippets/compressed.conf;")
    if timeout:
        out += [f"fastcgi_read_timeout {timeout}s;", f"fastcgi_send_timeout {timeout}s; # who stands in line reads no body yet"]
    return [*out, f"fastcgi_pass mcli_{app}{'' if effect else '$mcli_pool'};"]


def location(app, pattern, rows):
    """The location of the routes that share a pattern. If one of them takes a large body, the other methods have a location of
    their own: they are no uploads, and none of them lets such a body in. And so has the body, after a yes: only then it is known
    whose it is, and nginx counts what a request has at a time in the first location alone that counts it at all. So the location
    that asks counts nobody. What is small nginx keeps in its memory, as it does everywhere; all else goes to the intake."""
    large = [r for r in rows if is_large(r)]
    others = [r for r in rows if r not in large]
    out = list(RATES[max((r["rate"] for r in rows), key=list(RATES).index)])
    in_memory = max((r["body_max_bytes"] for r in rows if r["body_in_memory"]), default=0)
    if in_memory:  # and some room for the sizes of chunks; what does not fit finds no folder (snippets/server.conf)
        out += [f"client_max_body_size {size(in_memory)};", f"client_body_buffer_size {size(in_memory + SMALL_BODY)};"]
    if not large:
        return block(location_of(pattern), rows, out + asking(app, rows))
    name = app + re.sub("[^a-z0-9]+", "_", pattern)
    place = f"/internal/others/{app}{re.sub('[^a-z0-9/]', '', pattern)}"
    takes = [f'if ($request_method !~ "^({"|".join(r["method"] for r in large)})$") {{',
             f"\trewrite ^ {place} last;", "}",
             body_max(large), UNCOUNTED,
             f"auth_request /internal/authorize/{app};", *TOLD, f"error_page 403 = @refused_{app};",
             "include @NGINX_DIR@/snippets/authorize.conf;", "root @NO_BODY_TEMP@; # there is no file below it",
             f"try_files /none @${{mcli_body}}_{name};"]
    taken = [*COUNTED, "include @NGINX_DIR@/snippets/authorize.conf;"]
    passes = [body_max(large), *creating(large), "include @NGINX_DIR@/snippets/to-intake.conf;",
              f"proxy_read_timeout {2 * answer_sec(large) + INTAKE_SEC}s;"]
    told = ["internal;", "recursive_error_pages on;", "error_page 403 404 @not_found;", f"error_page 413 = @told_{app};",
            "include @NGINX_DIR@/snippets/error-codes.conf;"]
    return (block(location_of(pattern), large, out + takes) + block(f"@small_{name}", large, taken + asking(app, large)) +
            block(f"@large_{name}", large, taken + passes) + block(f"= {place}", others, told + out + asking(app, others)))


def intake(tables):
    """The locations of the second nginx."""
    made, taken = [], taken_in(tables["routes"])
    for app, pattern in dict.fromkeys((r["app"], r["pattern"]) for r in taken):
        rows = [r for r in taken if (r["app"], r["pattern"]) == (app, pattern)]
        made.append(block(location_of(pattern), rows, [body_max(rows), *asking(app, rows)]))
    return "\n".join(made)


# What is counted at a time of uploads, and of those that are refused, once the program was asked (snippets/maps.conf).
COUNTED_OF_USER = "limit_conn mcli_user_uploads @USER_UPLOADS_AT_ONCE@;"
COUNTED = ["set $mcli_upload_of $mcli_sender;", "limit_conn mcli_uploads @UPLOADS_AT_ONCE@;", COUNTED_OF_USER,
           "limit_conn mcli_connections @CONNECTIONS_AT_ONCE@;"]
UNCOUNTED = f"{COUNTED_OF_USER} # of nobody yet; and a location with a limit of its own inherits none"

# What the program said when it was asked about the body: for answers that nginx makes afterwards, and whose it is.
TOLD = ["auth_request_set $mcli_uploader $upstream_http_x_uploader;"] + [f"auth_request_set $mcli_told_{name} $upstream_http_{header};" for name, header in (
    ("left", "ratelimit"), ("remaining", "x_ratelimit_remaining"), ("reset", "x_ratelimit_reset"))]

AUTHORIZE = """\
# Asked before a large body is read, and after a no (snippets/authorize.conf).
location = /internal/authorize/{app} {{
	internal;
	client_max_body_size 0; # the real location has the limit
	{uncounted}
	include @NGINX_DIR@/snippets/fastcgi.conf;
	include @NGINX_DIR@/snippets/as-sent.conf;
	include @NGINX_DIR@/snippets/creates.conf; # large bodies are of what makes something
	fastcgi_param AUTHORIZE_ONLY 1;
	fastcgi_pass_request_body off;
	fastcgi_read_timeout {ask_sec}s;
	fastcgi_pass mcli_{app}_pool;
}}
location @refused_{app} {{
	rewrite ^ /internal/refused/{app} last;
}}
location = /internal/refused/{app} {{
	internal;
	client_max_body_size 1; # so nginx drops the body, and goes on below without it
	{counted}
	recursive_error_pages on;
	error_page 403 404 @not_found; # to who asks for it from outside
	error_page 413 = @told_{app};
	include @NGINX_DIR@/snippets/error-codes.conf;
	include @NGINX_DIR@/snippets/refused.conf;
	fastcgi_pass mcli_{app};
}}
location @told_{app} {{
	{counted}
	include @NGINX_DIR@/snippets/refused.conf;
	fastcgi_pass mcli_{app};
}}
"""


def locations(tables, app):
    """Exact addresses first; nginx tries regular expressions in this order."""
    rows = [r for r in tables["routes"] if r["app"] == app and not r["internal"]]
    patterns = sorted(dict.fromkeys(r["pattern"] for r in rows), key=lambda p: "{" in p)
    made = [location(app, p, [r for r in rows if r["pattern"] == p]) for p in patterns]
    if any(is_large(r) for r in rows):
        made.append(AUTHORIZE.format(app=app, ask_sec=ask_sec(), uncounted=UNCOUNTED, counted="\n\t".join(COUNTED)))
    return f"# The routes of marketingcli-{app}.\n" + "\n".join(made)


def upstreams(apps):
    """With and without kept connections: see $mcli_pool. And the second nginx."""
    return "upstream mcli_intake { server unix:@INTAKE_DIR@/http.sock; }\n" + "".join(f"upstream mcli_{a} {{ server unix:@RUN_DIR@/{a}.sock; }}\n"
                   f"upstream mcli_{a}_pool {{ server unix:@RUN_DIR@/{a}.sock; keepalive 32; }}\n" for a in apps)


def headers():
    """The request headers that programs read: of nginx those that it hands on one by one, and those that come as they were sent
    (as-sent.conf). Each as a variable of nginx has it in its name."""
    text = (CHECKOUT / "lib/http/header.def").read_text()
    rows = re.findall(r'^HEADER(_AS_SENT)?\(\w+, "([^"]+)"\)$', text, re.MULTILINE)
    assert len(rows) == len(re.findall(r"^HEADER(?:_AS_SENT)?\(", text, re.MULTILINE)), "header.def: a row cannot be read"
    names = lambda wanted: [name.lower().replace("-", "_") for as_sent, name in rows if bool(as_sent) == wanted]
    return names(False), names(True)


def header_values():
    one_by_one, as_sent = headers()
    return {"HEADER_PARAMS": lines(f"fastcgi_param HTTP_{n.upper()} $http_{n} if_not_empty;" for n in one_by_one),
            "HEADER_VALUES": "\\n".join(f"$http_{n}" for n in [*one_by_one, *as_sent])}


def nginx(tables, values):
    """{folder: {file name: text}} of "local", "main", "sites", "snippets" and "locations"."""
    apps = [s for s in services() if s["kind"] == "app"]
    for r in tables["routes"]:  # $mcli_wall, and whose a large body is
        asks = is_large(r)
        assert not asks or r["rate"] == "none" or r["auth"] in ("any", "session"), r["pattern"]
        assert (r["method"] == "POST" and r["rate"] in ("images", "post")) == (asks and r["rate"] != "none"), r["pattern"]
        assert all(o["compressed"] == r["compressed"] for o in tables["routes"] if o["pattern"] == r["pattern"]), r["pattern"]
        assert r["body_in_memory"] == (r["rate"] == "signed"), r["pattern"]  # the walls of such a location
    errors = {e["code"]: e for e in tables["errors"]}
    values = {**values, **header_values(), "RATE_CLASSES": rate_classes(tables["routes"]), "ROUTE_METHODS": route_methods(tables["routes"]), "ANSWER_SEC": ANSWER_SEC, "SMALL_BODY": size(SMALL_BODY)}
    made = {"local": {}, "main": {}, "sites": {}, "snippets": {"upstreams.conf": upstreams(s["name"] for s in apps), "intake-locations.conf": intake(tables)},
            "locations": {f"{s['name']}.conf": locations(tables, s["name"]) for s in apps if s["host"] == "HOST_MAIN"}}
    # Each by its name: a file that an older release left behind must not come in.
    made["snippets"]["locations.conf"] = "".join(f"include @NGINX_DIR@/locations/{name};\n"
                                                 for name in [*made["locations"], "pages.conf"])
    for folder in made:
        for path in (CHECKOUT / "nginx" / folder).glob("*.conf"):
            made[folder][path.name] = path.read_text()
        for name, text in made[folder].items():
            made[folder][name] = fill(BODY.sub(lambda m: body(errors[m[1]], m[2], m[3]), text), values)
    return made


def main():
    what, tables, out, *settings = sys.argv[1:]
    values = {name: value or None for name, _, value in (s.partition("=") for s in settings)}
    tables = json.loads(pathlib.Path(tables).read_text())
    made = systemd(tables, values) if what == "systemd" else mariadb() if what == "mariadb" else nginx(tables, values)[what]
    for name, text in made.items():
        (pathlib.Path(out) / name).write_text(text)


if __name__ == "__main__":
    main()
