"""The installed units: systemd has nothing to say about them, and they are confined."""

import os
import re
import subprocess

import pytest

from conftest import CHECKOUT, ROWS, generate

APPS = [r["name"] for r in ROWS if generate.has_socket(r)]
SERVICES = [f"{generate.unit(r)}.service" for r in ROWS]
WITH_NETWORK = {f"{generate.unit(r)}.service" for r in ROWS if r["internet"]}
WATCHES = {f"{generate.unit(r)}.service" for r in ROWS if r["watches"] == "WATCH_MACHINE"}


def analyze(root, *args):
    done = subprocess.run(["systemd-analyze", args[0], f"--root={root}", "--no-pager", *args[1:]], capture_output=True,
                          text=True, env={**os.environ, "SYSTEMD_COLORS": "0"})
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("unit", [*SERVICES, *(f"marketingcli-{n}.socket" for n in APPS), "marketingcli.target"])
def test_verify_says_nothing(root, unit):
    """A mistyped key is a line of output and no exit code."""
    code, output = analyze(root, "verify", unit)
    if "intake" in unit:  # the root has none of Debian's programs
        output = re.sub(r"^\S+: Command \S+ is not executable: No such file or directory\n", "", output, flags=re.M)
        code = 0 if output == "" else code
    assert (code, output) == (0, "")


@pytest.mark.parametrize("unit", SERVICES)
def test_exposure(root, unit):
    code, output = analyze(root, "security", "--offline=yes", unit)
    level = float(re.search(r"Overall exposure level for \S+: (\d+\.\d+)", output).group(1))
    # Who looks at the clock may call adjtimex(2), which for the analysis is to set it.
    assert level <= (1.2 if unit in WITH_NETWORK else 0.8 if unit in WATCHES else 0.6), output


@pytest.mark.parametrize("unit", SERVICES)
def test_has_a_user_of_its_own(root, unit):
    units = root / "usr/lib/systemd/system"
    user = f"marketingcli-{unit.removesuffix('.service').removeprefix('nginx-')[len('marketingcli-'):].replace('@', '-')}"
    path = units / unit if (units / unit).exists() else units / "marketingcli-worker@.service"
    text = path.read_text().replace("%i", unit.partition("@")[2].partition(".")[0])
    assert re.search(rf"^User={user}$", text, re.M)
    assert re.search(rf"^u {user} ", (root / "usr/lib/sysusers.d/marketingcli.conf").read_text(), re.M)


def drop_in(root, row):
    path = root / f"usr/lib/systemd/system/{generate.unit(row)}.service.d/50-{generate.label(row)}.conf"
    return path.read_text()


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["name"])
def test_may_do_what_its_row_says(root, row):
    text = drop_in(root, row)
    assert "\nSupplementaryGroups=marketingcli-metrics\nReadWritePaths=-/run/marketingcli/metrics\n" in text
    assert ("\nSupplementaryGroups=marketingcli-apps\n" in text) == row["asks_apps"]
    assert ("\nSupplementaryGroups=marketingcli-simulator\n" in text) == row["asks_simulator"]
    assert ("\nPrivateNetwork=no\n" in text) == row["internet"]
    assert ("\nSupplementaryGroups=marketingcli-image\n" in text) == row["asks_image"]
    assert re.findall(r"^SupplementaryGroups=(marketingcli-store.*)$", text, re.M) == {
        "STORE_NONE": [], "STORE_READ": ["marketingcli-store"], "STORE_WRITE": ["marketingcli-store marketingcli-store-write"],
    }[row["store"]]
    assert ("\nReadWritePaths=/var/lib/marketingcli/images /var/lib/marketingcli/spool\n" in text) == (
        row["store"] == "STORE_WRITE")
    assert ("\nReadWritePaths=-/run/marketingcli/keys.epoch\n" in text) == row["ends_credentials"]
    assert ("\nSupplementaryGroups=marketingcli-rates\nReadWritePaths=-/run/marketingcli/rates.1\n" in text) == row["counts_rates"]
    assert ("\nStateDirectory=marketingcli-mail\nStateDirectoryMode=0700\n" in text) == row["keeps_mail"]
    assert ("\nStateDirectory=marketingcli-journal\nStateDirectoryMode=0700\n" in text) == row["keeps_journal"]
    unit = root / f"usr/lib/systemd/system/{generate.unit(row)}.service"
    text += unit.read_text() if unit.exists() else ""
    assert sorted(re.findall(r"^LoadCredential=(\S+):", text, re.M)) == sorted(row["credentials"])


def admin(root, tmp_path, *words, text="", journal=False):
    """(exit code, what it says), with that configuration; as its unit has it, or a person."""
    (tmp_path / "conf").write_text("[service]\nurl = https://example.com\n" + text)
    with (tmp_path / "stderr").open("w+") as said:
        own = os.fstat(said.fileno())
        done = subprocess.run([root / "usr/sbin/marketingcli-admin", *words], stdin=subprocess.DEVNULL, stdout=said, stderr=said, env={
            "MARKETINGCLI_CONF": str(tmp_path / "conf"), **({"JOURNAL_STREAM": f"{own.st_dev}:{own.st_ino}"} if journal else {})})
        said.seek(0)
        return done.returncode, said.read()


@pytest.mark.parametrize("row", [r for r in ROWS if r["kind"] != "intake"], ids=lambda r: generate.label(r))
def test_a_mistyped_key_stops_the_start(root, row, tmp_path):
    """So systemctl restart says so: the unit's own command, with a good configuration, a bad one, and bad plans where it needs them."""
    (command,) = re.findall(r"^ExecStartPre=/usr/sbin/(.*)$", drop_in(root, row), re.M)
    plans = row["counts_rates"] or row["name"] == "billing"
    assert command == "marketingcli-admin config check" + ("" if plans else " --without-plans")

    def check(text, journal=False):
        return admin(root, tmp_path, *command.split()[1:], text=text, journal=journal)

    assert check("") == (0, "")
    assert check("quue_sec = 5\n") == (1, f"marketingcli-admin: there is no service.quue_sec [{tmp_path}/conf]\n")
    (tmp_path / "plans").write_text("[free]\nfree = perhaps\n")
    code, said = check(f"[billing]\nplans = {tmp_path}/plans\n")
    assert (code, said.count("\n")) == ((1, 1) if plans else (0, 0)), said
    code, said = check("quue_sec = 5\n", journal=True)
    assert code == 1 and re.match(r'<3>\{.*"event":"cannot_start","why":"there is no service.quue_sec', said), "journalctl -p err shows it"


def test_what_a_timer_starts_complains_at_level_error(root, tmp_path):
    """So journalctl -p err shows why a backup was not made."""
    why = "marketingcli-admin: backup.certificate says whom backups are for, and is empty\n"
    assert admin(root, tmp_path, "backup") == (1, why)
    assert admin(root, tmp_path, "backup", journal=True) == (1, f"<3>{why}")


def test_who_looks_at_the_clock_may(root):
    for row in ROWS:
        assert ("\nProtectClock=no\nSystemCallFilter=adjtimex clock_adjtime\n" in drop_in(root, row)) == (row["watches"] == "WATCH_MACHINE")
    assert len(WATCHES) == 1 and [r["name"] for r in ROWS if r["watches"] == "WATCH_WATCHER"] == ["publish"]


def test_a_worker_has_a_folder_for_what_it_leaves(root):
    unit = (root / "usr/lib/systemd/system/marketingcli-worker@.service").read_text()
    assert "\nStateDirectory=marketingcli-worker/%i\nStateDirectoryMode=0700\n" in unit


def test_drop_ins_win_over_the_hardening(root):
    """systemd reads drop-ins by their names, whatever folder they are in."""
    names = [p.name for p in (root / "usr/lib/systemd/system").glob("*marketingcli-*.d/*")]
    assert len(names) == len(ROWS) + 2 and min(names) == "10-hardening.conf"


def test_decoders_stand_back(root):
    """And get their part all the same. No other service does."""
    idle = [r["name"] for r in ROWS if "\nCPUSchedulingPolicy=idle\n" in drop_in(root, r)]
    assert idle == ["image"]
    for unit in ("marketingcli-image", "nginx-marketingcli-intake"):
        assert "\nCPUWeight=10\n" in (root / f"usr/lib/systemd/system/{unit}.service").read_text()


def seconds(pattern, file):
    (found,) = re.findall(pattern, file.read_text(), re.M)
    return int(found)


@pytest.mark.parametrize("row", ROWS, ids=generate.label)
def test_a_stop_waits_for_what_is_under_way(root, row):
    """What is killed before is a request that fails, or an outcome that nobody knows."""
    (stop,) = re.findall(r"^TimeoutStopSec=(\d+)$", drop_in(root, row), re.M)
    statement = seconds(r"^CONF_INT\(database, timeout_sec, (\d+),", CHECKOUT / "lib/base/conf.def")
    if row["kind"] == "worker":
        statement = seconds(r"^CONF_INT\(database, timeout_sec, \d+, RANGE\(\d+, (\d+)\)", CHECKOUT / "lib/base/conf.def")
        call = max(seconds(rf"^CONF_INT\({s}, timeout_sec, \d+, RANGE\(\d+, (\d+)\)", CHECKOUT / "lib/base/conf.def") for s in ("tiktok", "smtp", "stripe"))
        longest = call + seconds(r"^#define RUNNER_STOP_SEC (\d+)$", CHECKOUT / "lib/jobs/runner.h") + statement
    elif row["kind"] == "image":
        longest = seconds(r"^CONF_INT\(store, image_timeout_sec, \d+, RANGE\(\d+, (\d+)\)", CHECKOUT / "lib/base/conf.def")
    else:
        streams = seconds(r"^#define STOP_PATIENCE_US \((\d+) \* US_PER_SEC\)", CHECKOUT / "lib/fcgi/serve.c")
        nginx = root / "etc/nginx/marketingcli"
        texts = [(nginx / f"snippets/{name}.conf").read_text() for name in ("programs", *(["intake-locations"] if row["kind"] == "intake" else []))]
        if row["kind"] == "app" and row["host"] == "HOST_MAIN":
            texts += [(nginx / f"locations/{row['name']}.conf").read_text()]
        longest = max(int(s) for text in texts for s in re.findall(r"fastcgi_read_timeout (\d+)s;", text)) + max(streams, statement)
    assert longest < int(stop) <= longest + 60, (longest, stop)
    assert "TimeoutStopSec" not in (root / "usr/lib/systemd/system/marketingcli-.service.d/10-hardening.conf").read_text()


@pytest.mark.parametrize("app", ["uploads", "posts"])
def test_nginx_waits_for_who_is_busy(root, app):
    """Whoever asks about a large body, and must wait for a thread, is told so by the program, and not by nginx."""
    queue = seconds(r"^CONF_INT\(service, queue_sec, \d+, RANGE\(\d+, (\d+)\)", CHECKOUT / "lib/base/conf.def")
    text = (root / f"etc/nginx/marketingcli/locations/{app}.conf").read_text()
    asked = text[text.index(f"location = /internal/authorize/{app} {{"):]
    assert int(re.search(r"fastcgi_read_timeout (\d+)s;", asked)[1]) > queue


@pytest.mark.parametrize("conf", ["locations/uploads", "locations/posts", "snippets/intake-locations"])
def test_nginx_waits_for_who_does_not_read_yet(root, conf):
    """A body that does not fit into the socket stands still while its request is in line, and while an image before is decoded."""
    text = (CHECKOUT / "lib/base/conf.def").read_text()
    longest = max(int(re.search(rf"^CONF_INT\(store, {name}, \d+, RANGE\(\d+, (\d+)\)", text, re.M)[1]) for name in ("queue_sec", "request_images_sec"))
    places = re.findall(r"^location [^\n]*\{\n(.*?)^\}", (root / f"etc/nginx/marketingcli/{conf}.conf").read_text(), re.M | re.S)
    takers = [place for place in places if "creates.conf" in place and "fastcgi_pass " in place and "pass_request_body off" not in place]
    assert takers
    for place in takers:
        assert [s for s in re.findall(r"fastcgi_send_timeout (\d+)s;", place) if int(s) > longest], place


def test_the_image_service_reaches_nothing_else(root):
    """No network, no database, no store, no credential: what a picture takes over has nothing."""
    units = root / "usr/lib/systemd/system"
    text = (units / "marketingcli-image.service").read_text()
    assert "\nInaccessiblePaths=-/run/mysqld -/var/lib/marketingcli -/etc/marketingcli/credentials\n" in text
    text += drop_in(root, next(r for r in ROWS if r["kind"] == "image"))
    allowed = re.findall(r"^(?:LoadCredential|PrivateNetwork|ReadWritePaths|IPAddress\w*|RestrictAddressFamilies)=.*", text, re.M)
    assert allowed == ["ReadWritePaths=-/run/marketingcli/metrics"]


def test_the_target_has_all(root):
    """The simulator, too: a test key works as soon as there is one."""
    units = root / "usr/lib/systemd/system"
    wanted = set(" ".join(re.findall(r"^Wants=(.*)$", (units / "marketingcli.target").read_text(), re.M)).split())
    wanted.remove("credentials-marketingcli-check.timer")
    assert wanted == {f"{generate.unit(r)}.{kind}" for r in ROWS for kind in ("service", "socket") if kind == "service" or generate.has_socket(r)}
    for unit in ("marketingcli-sandbox.service", "marketingcli-sandbox.socket"):
        assert "\nPartOf=marketingcli.target\n" in (units / unit).read_text()


def test_who_comes_to_the_simulators_socket(machine):
    """nginx makes it in a folder of root's; whoever may walk into that may connect, as nginx leaves such a socket open to all."""
    machine.run("systemd-tmpfiles", "--create")
    folder = machine.root / "run/marketingcli/simulator"
    made = folder.stat()
    assert (made.st_mode & 0o7777, made.st_uid, made.st_gid) == (0o750, 0, machine.ids("group")["marketingcli-simulator"])
    (folder / "http.sock").touch(0o666)
    (folder / "http.sock").chmod(0o666)
    for row in ROWS:
        groups = ["marketingcli-simulator"] if generate.user(row) in machine.members("marketingcli-simulator") else []
        assert machine.may(generate.user(row), groups, f"test -w {folder}/http.sock || ! echo cannot create >&2") == row["asks_simulator"]
    assert not machine.may("www-data", [], f"test -w {folder}/http.sock || ! echo cannot create >&2")


@pytest.mark.parametrize("name", APPS)
def test_socket_survives_bursts(root, name):
    units = root / "usr/lib/systemd/system"
    socket = (units / f"marketingcli-{name}.socket").read_text()
    assert "\nBacklog=4096\n" in socket and "\nTriggerLimitIntervalSec=0\n" in socket
    kind = "ListenSequentialPacket" if name == "image" else "ListenStream"
    assert f"\nSocketGroup=marketingcli-{'image' if name == 'image' else 'apps'}\n" in socket
    assert f"\n{kind}=/run/marketingcli/{name}.sock\n" in socket
    assert "\nStandardInput=socket\n" in (units / f"marketingcli-{name}.service").read_text()
    hardening = (units / "marketingcli-.service.d/10-hardening.conf").read_text()
    for line in ("StartLimitIntervalSec=0", "Restart=always", "RestartSec=1", "CPUSchedulingPolicy=batch"):
        assert f"\n{line}\n" in hardening


STORE = ["marketingcli-store"]
WRITE = [*STORE, "marketingcli-store-write"]


def test_users_and_folders_are_accepted(machine):
    """Without a word, into an empty root; and again, and at a start of the machine."""
    for options in (["--create"], ["--create"], ["--create", "--boot"]):
        machine.run("systemd-tmpfiles", *options)
        for path, mode, group in (("", 0o750, STORE[0]), ("images", 0o2775, WRITE[1]), ("spool", 0o2770, WRITE[1])):
            made = (machine.root / "var/lib/marketingcli" / path).stat()
            assert (made.st_mode & 0o7777, made.st_gid) == (mode, machine.ids("group")[group])
    stores = {generate.user(r): r["store"] for r in ROWS}
    assert machine.members(WRITE[1]) == {u for u, s in stores.items() if s == "STORE_WRITE"}
    assert machine.members(STORE[0]) == {"www-data"} | {u for u, s in stores.items() if s != "STORE_NONE"}


def test_an_older_store_is_moved_on(machine):
    """In earlier releases who could enter also wrote, nginx with them. Nothing breaks at any time of an update."""
    users, gids = machine.ids("passwd"), machine.ids("group")
    images = machine.root / "var/lib/marketingcli/images"
    for path, owner in ((images, "root"), (images / "ab", "marketingcli-uploads"), (images / "ab/cd", "marketingcli-posts"),
                        (images.parent / "spool", "root")):
        path.mkdir(parents=True)
        os.chown(path, users[owner], gids[STORE[0]])
        path.chmod(0o2770)

    def make(user, groups, name, umask):
        """An image with its folders and a file of the spool, and whether that user can."""
        path = images / name
        return machine.may(user, groups, f"umask {umask}; touch {images.parent}/spool/{path.name} && mkdir -p {path.parent} && touch {path}")

    assert make("marketingcli-uploads", STORE, "ab/ce/old.jpg", "007")
    machine.run("systemd-tmpfiles", "--create")  # meson install: the programs of before still run
    assert make("marketingcli-uploads", STORE, "ab/cf/old.jpg", "007")
    assert make("marketingcli-uploads", WRITE, "ab/d0/new.jpg", "002")  # and are restarted
    for name in ("ab/ce/old.jpg", "ab/cf/old.jpg", "ab/d0/new.jpg"):
        assert all(machine.may(user, STORE, f"cat {images / name}") for user in ("www-data", "marketingcli-media")), name
    machine.run("systemd-tmpfiles", "--create", "--boot")
    assert make("marketingcli-posts", WRITE, "ac/00/new.jpg", "002")
    for name in ("ab/ce/old.jpg", "ab/cf/old.jpg", "ab/d0/new.jpg", "ac/00/new.jpg"):
        path = images / name
        for user in ("www-data", "marketingcli-media"):
            assert machine.may(user, STORE, f"cat {path}")
            for command in (f"rm -f {path}", f"mv {path} {path}.x", f"echo >>{path}", f"touch {path}.x", f"touch {images.parent}/spool/x"):
                assert not machine.may(user, STORE, command), (user, command)
        assert not machine.may("marketingcli-keys", [], f"cat {path}")
        assert machine.may("marketingcli-worker-media", WRITE, f"mv {path} {path}.x && rm {path}.x")


GUARD = "/usr/bin/test -f /run/marketingcli/no-bodies"
LIMITS = "-/usr/sbin/marketingcli-admin nginx"  # the file of the limits that nginx includes
CLEAN = "/usr/bin/rm -f /run/marketingcli/simulator/http.sock /run/marketingcli/nginx/tls.sock"  # a killed nginx leaves them


def test_nginx_does_not_start_where_bodies_would_go_to_the_disk(root, machine):
    """Where the file is missing, nginx makes a folder as root, -t and a reload included; the guard comes before each."""
    text = (root / "usr/lib/systemd/system/nginx.service.d/nginx-marketingcli.conf").read_text()
    for kind in ("ExecStartPre", "ExecReload"):
        lines = re.findall(rf"^{kind}=(.*)$", text, re.M)
        assert lines[:2] == ["", GUARD] and lines[-2] == LIMITS and len(lines) == 4 + (kind == "ExecStartPre"), kind
    assert f"\nExecStartPre={GUARD}\nExecStartPre={CLEAN}\nExecStartPre={LIMITS}\nExecStartPre=/usr/sbin/nginx -t" in text
    path = machine.root / GUARD.rpartition(" /")[2]

    def passes():
        return subprocess.run([*GUARD.split()[:2], path]).returncode == 0

    assert not passes()
    machine.run("systemd-tmpfiles", "--create")
    assert passes() and path.stat().st_uid == machine.ids("passwd")["www-data"]
    os.chown(path, 0, 0)
    path.chmod(0)
    machine.run("systemd-tmpfiles", "--create")  # nginx of today would do this, too, and one of tomorrow complain
    assert passes() and path.stat().st_uid == machine.ids("passwd")["www-data"] and path.stat().st_mode & 0o777 == 0o700
    path.unlink()
    (path / "0").mkdir(parents=True)
    assert not passes()
    done = subprocess.run(["systemd-tmpfiles", "--create", f"--root={machine.root}"], capture_output=True, text=True)
    assert done.returncode != 0 and "no-bodies exists and is not a regular file" in done.stderr  # meson install says so


def test_nginx_is_started_as_debian_does_but_with_our_configuration(root):
    units = root / "usr/lib/systemd/system"
    debian = re.findall(r"^Exec(?:StartPre|Start|Reload)=.*", (units / "nginx.service").read_text(), re.M)
    ours = re.findall(r"^Exec\w+=.+", (units / "nginx.service.d/nginx-marketingcli.conf").read_text(), re.M)
    assert len(debian) == 3
    guards = {x: i for i, x in enumerate(ours) if x.partition("=")[2] in (GUARD, CLEAN, LIMITS)}
    ours = [x for x in ours if x not in guards]
    assert [x.replace(" -c /etc/nginx/marketingcli/nginx.conf", "", 1) for x in ours] == debian and ours != debian
    assert "\nPIDFile=/run/nginx.pid\n" in (units / "nginx.service").read_text()
    _, output = analyze(root, "verify", "nginx.service")
    assert all("is not executable: No such file" in line for line in output.splitlines()), output  # the root has no programs
