"""What `meson install` places, and that it is a release: hardened, and without anything that is for tests."""

import json
import os
import pathlib
import re
import subprocess

import pytest

from conftest import CHECKOUT, ROWS, generate

APPS = [r["name"] for r in ROWS if r["kind"] == "app"]
ENDBR64 = b"\xf3\x0f\x1e\xfa"
PROGRAMS = [*(f"usr/libexec/marketingcli/marketingcli-{n}" for n in [*APPS, "image", "worker"]),
            "usr/sbin/marketingcli-admin"]


@pytest.mark.parametrize("path", [
    *PROGRAMS,
    *(f"lib/systemd/system/marketingcli-{n}.{kind}" for n in [*APPS, "image"] for kind in ("socket", "service")),
    "lib/systemd/system/marketingcli-worker@.service", "lib/systemd/system/marketingcli.target",
    "lib/systemd/system/marketingcli-.service.d/10-hardening.conf",
    "usr/lib/sysusers.d/marketingcli.conf", "usr/lib/tmpfiles.d/marketingcli.conf",
    "usr/lib/systemd/journald@marketingcli.conf.d/retention.conf", "etc/logrotate.d/marketingcli",
    "etc/nginx/sites-available/marketingcli.conf", "etc/nginx/sites-available/marketingcli-sandbox.conf",
    *(f"lib/systemd/system/{generate.unit(r)}.service.d/50-{generate.label(r)}.conf" for r in ROWS),
    *(f"etc/nginx/marketingcli/locations/{r['name']}.conf" for r in ROWS if r["host"] == "HOST_MAIN" and r["kind"] == "app"),
    "etc/mysql/mariadb.conf.d/40-marketingcli.cnf", "etc/mysql/mariadb.conf.d/41-marketingcli-encryption.cnf", "usr/share/marketingcli/database-remote.conf",
    "etc/nginx/marketingcli/snippets/upstreams.conf", "etc/nginx/marketingcli/snippets/fastcgi.conf",
    *(f"etc/nginx/marketingcli/local/{name}.conf" for name in ("http", "rates", "tls")),
    "etc/nginx/marketingcli/nginx.conf", "etc/nginx/marketingcli/intake.conf", "etc/nginx/marketingcli/snippets/intake-locations.conf",
    *(f"lib/systemd/system/credentials-marketingcli-check.{kind}" for kind in ("service", "timer")),
    "lib/systemd/system/nginx-marketingcli-intake.service", "lib/systemd/system/nginx-marketingcli-intake.service.d/10-hardening.conf", "lib/systemd/system/nginx.service.d/nginx-marketingcli.conf",
    "usr/share/marketingcli/html/index.html", "usr/share/marketingcli/sql/0004_users.sql",
    "usr/share/marketingcli/sql/grants.sql", "etc/marketingcli/marketingcli.conf.sample", "etc/marketingcli/plans.conf.sample",
])
def test_is_installed(installed, path):
    assert (installed / path).is_file()


def test_pages_are_small_and_all_there(installed):
    source, placed = CHECKOUT / "nginx/html", installed / "usr/share/marketingcli/html"
    for path in (p for p in source.rglob("*") if p.is_file()):
        there = (placed / path.relative_to(source)).read_bytes()
        if path.suffix in (".js", ".css") and source / "dashboard" in path.parents:
            assert 0 < len(there) < path.stat().st_size, path
        else:
            assert there == path.read_bytes(), path
    assert (placed / "dashboard/vendor/lit-html/lit-html.js").is_file() and (placed / "dashboard/words/en/common.js").is_file()
    for path in (p for p in (placed / "dashboard").rglob("*") if p.suffix in (".js", ".css")):
        assert 0 < (placed / "br" / path.relative_to(placed)).stat().st_size < path.stat().st_size, path


def test_nothing_is_left_to_fill_in(installed):
    for part in ("etc", "lib", "usr/lib"):
        for path in (installed / part).rglob("*"):
            if path.is_file():
                assert not re.search(r"@[A-Z0-9_]+@", path.read_text()), path


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_test_hooks(installed, program):
    """The clock that tests move and the points at which they kill are both found by this name."""
    assert b"MARKETINGCLI_TEST_DIR" not in (installed / program).read_bytes()


@pytest.mark.parametrize("program", PROGRAMS)
def test_hardening(installed, program):
    out = subprocess.run(["readelf", "--wide", "--file-header", "--program-headers", "--dynamic", "--notes", "--symbols",
                          str(installed / program)], capture_output=True, text=True, check=True).stdout
    assert re.search(r"Type:\s+DYN", out), "PIE"
    assert "GNU_RELRO" in out and "BIND_NOW" in out, "full RELRO"
    assert not re.search(r"GNU_STACK.*RWE", out), "stack not executable"
    # CET: Debian's crt1.o has no property note, so the linker drops it from every program; the landing pads are there.
    assert (installed / program).read_bytes().count(ENDBR64) > 20, "CET"
    assert "__stack_chk_fail" in out, "stack protector"
    assert re.search(r"__\w+_chk\b", out.replace("__stack_chk", "")), "_FORTIFY_SOURCE"


def test_compiled_as_a_release():
    """What a program cannot show: the level of fortification, for every file; and that assertions stay."""
    build = pathlib.Path(os.environ.get("MARKETINGCLI_RELEASE", str(CHECKOUT / "build-release")))
    commands = json.loads((build / "compile_commands.json").read_text())
    assert len(commands) > 50
    for entry in commands:
        words = entry["command"].split()
        for flag in ("-D_FORTIFY_SOURCE=3", "-fstack-protector-strong", "-fcf-protection", "-Werror"):
            assert flag in words, (entry["file"], flag)
        assert {"-fPIE", "-fPIC"} & set(words) and "-DNDEBUG" not in words and "-DTEST_HOOKS" not in words, entry["file"]


def test_sample_configuration_documents_every_key(installed):
    sample = (installed / "etc/marketingcli/marketingcli.conf.sample").read_text()
    keys = re.findall(r"^CONF_\w+\((\w+), (\w+),", (CHECKOUT / "lib/base/conf.def").read_text(), re.M)
    assert len(keys) > 30
    for section, key in keys:
        assert re.search(rf"^\[{section}\]", sample, re.M) and re.search(rf"^[#; ]*{key}\s*=", sample, re.M), (section, key)


def test_nginx_takes_the_site(installed, tmp_path):
    """nginx -t of the installed files, with the paths of a server moved into the folder and a certificate."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                    "-subj", "/CN=test", "-keyout", tmp_path / "key", "-out", tmp_path / "crt"], check=True,
                   capture_output=True)
    for name in ("client_body", "fastcgi", "proxy", "scgi", "uwsgi", "intake", "metrics", "log"):
        (tmp_path / name).mkdir()
    (tmp_path / "no-bodies").touch()
    (tmp_path / "conf").write_text(f"[service]\nurl = https://example.com\nsocket_dir = {tmp_path}\n"
                                   "[s3]\nendpoint = https://bucket.example.com:8443\n")
    subprocess.run([installed / "usr/sbin/marketingcli-admin", "nginx"], check=True, env={"MARKETINGCLI_CONF": str(tmp_path / "conf")})
    sites = []
    for path in [p for p in (installed / "etc/nginx").rglob("*.conf")]:
        text = path.read_text().replace("/etc/nginx/", f"{tmp_path}/nginx/").replace("/var/log/marketingcli", f"{tmp_path}/log")
        text = re.sub("/(var/lib|run)/marketingcli-intake", f"{tmp_path}/intake", text).replace("/run/marketingcli/metrics", f"{tmp_path}/metrics")
        text = text.replace("/run/marketingcli/no-bodies", f"{tmp_path}/no-bodies")
        text = text.replace("/run/marketingcli/simulator/", f"{tmp_path}/").replace("/run/marketingcli/nginx", f"{tmp_path}/nginx")
        text = re.sub(r"/etc/letsencrypt/\S+fullchain.pem", str(tmp_path / "crt"), text)
        text = re.sub(r"/etc/letsencrypt/\S+privkey.pem", str(tmp_path / "key"), text)
        text = re.sub(r"listen (\[::\]:)?(443|80)", lambda m: f"listen {m[1] or '127.0.0.1:'}{int(m[2]) + 40000}", text)
        made = tmp_path / "nginx" / path.relative_to(installed / "etc/nginx")
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text("\n".join(line for line in text.splitlines() if "[::]" not in line))
        sites += [made] if made.parent.name == "sites-available" else []
    assert len(sites) == 2
    (tmp_path / "nginx/sites-enabled").mkdir()
    for site in sites:
        # In the place of Debian's page, as docs/operations.md says: so it comes first.
        enabled = "default" if site.name == "marketingcli.conf" else site.name
        (tmp_path / "nginx/sites-enabled" / enabled).symlink_to(site)
    (tmp_path / "nginx/mime.types").symlink_to("/etc/nginx/mime.types")
    main = tmp_path / "nginx/marketingcli/nginx.conf"
    temporary = "".join(f"{n}_temp_path {tmp_path}/{n};\n"
                        for n in ("client_body", "fastcgi", "proxy", "scgi", "uwsgi"))
    main.write_text(main.read_text().replace("/run/nginx.pid", f"{tmp_path}/pid").replace("/var/log/nginx", f"{tmp_path}/log")
                    .replace("http {", f"http {{\n{temporary}", 1))
    for conf in (main, main.with_name("intake.conf")):
        done = subprocess.run(["/usr/sbin/nginx", "-t", "-q", "-e", "stderr", "-c", str(conf)], capture_output=True, text=True)
        output = "\n".join(line for line in done.stderr.splitlines() if '"user" directive' not in line)
        assert (done.returncode, output) == (0, "")


def test_an_older_release_leaves_nothing_that_comes_in(installed):
    """Files that a release no longer installs stay where they are: nothing may include a whole folder."""
    for path in (p for p in (installed / "etc/nginx").rglob("*.conf") if p.name != "nginx.conf"):  # it includes what others enable
        assert not re.search(r"^\s*include [^;]*\*", path.read_text(), re.M), path


def test_what_an_older_release_installed_goes(tmp_path):
    build = os.environ.get("MARKETINGCLI_RELEASE", str(CHECKOUT / "build-release"))
    stale = [tmp_path / f for f in ("etc/nginx/marketingcli/locations/health.conf",
                                    "etc/nginx/modules-enabled/90-marketingcli.conf",
                                    "lib/systemd/system/marketingcli-gone.service", "lib/systemd/system/marketingcli-gone.socket",
                                    "lib/systemd/system/marketingcli-gone.service.d/50-gone.conf",
                                    "lib/systemd/system/marketingcli-uploads.service.d/20-store.conf",
                                    "lib/systemd/system/marketingcli-worker@publish.service.d/50-network.conf")]
    kept = tmp_path / "lib/systemd/system/marketingcli-uploads.service.d/override.conf"
    for path in [*stale, kept]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    subprocess.run(["/usr/bin/meson", "install", "-C", build, "--no-rebuild", "--destdir", str(tmp_path)], check=True,
                   stdout=subprocess.DEVNULL)
    assert [p for p in stale if p.exists()] == [] and kept.exists() and not stale[4].parent.exists()


def test_what_an_admin_has_set_stays(tmp_path):
    """An update over a machine whose admin has used the places that docs/operations.md names, and over one that lacks such a file."""
    build = os.environ.get("MARKETINGCLI_RELEASE", str(CHECKOUT / "build-release"))
    own = ["etc/nginx/marketingcli/local/rates.conf", "etc/nginx/marketingcli/local/tls.conf", "etc/nginx/conf.d/mine.conf",
           "etc/systemd/system/marketingcli-posts.service.d/90-mine.conf", "etc/mysql/mariadb.conf.d/90-mine.cnf",
           "etc/systemd/journald@marketingcli.conf.d/mine.conf", "etc/marketingcli/marketingcli.conf", "etc/marketingcli/plans.conf"]
    for name in own:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}, as its admin has it\n")
    subprocess.run(["/usr/bin/meson", "install", "-C", build, "--no-rebuild", "--destdir", str(tmp_path)], check=True, stdout=subprocess.DEVNULL)
    assert [name for name in own if (tmp_path / name).read_text() != f"# {name}, as its admin has it\n"] == []
    assert "set_real_ip_from" in (tmp_path / "etc/nginx/marketingcli/local/http.conf").read_text()
    documents = (CHECKOUT / "docs/operations.md").read_text()
    for place in {str(pathlib.Path(name).parent) for name in own}:
        assert "/" + place.replace("marketingcli-posts", "UNIT") in documents, place


def test_nginx_has_room(installed):
    """For many more connections than a sender of half headers opens in the 10 s that one may take, and a file for each, twice. Workers
    fill unevenly, and one that is full closes what others had room for: that begins when about half of all places are taken."""
    text = (installed / "etc/nginx/marketingcli/nginx.conf").read_text()
    workers, connections, files = (int(re.search(rf"^\s*{name} (\d+);", text, re.M)[1])
                                   for name in ("worker_processes", "worker_connections", "worker_rlimit_nofile"))
    assert workers * connections // 2 >= 32000 and files >= 2 * connections
    site = (installed / "etc/nginx/sites-available/marketingcli.conf").read_text()
    snippet = (installed / "etc/nginx/marketingcli/snippets/server.conf").read_text()
    assert len(re.findall(r"^server \{", site, re.M)) == site.count("snippets/server.conf;")
    assert "\nlimit_conn mcli_connections 500;\nclient_header_timeout 10s;\n" in snippet
    for path in (installed / "etc/nginx/marketingcli/locations").glob("*.conf"):  # one with a limit of its own inherits none
        for block in re.findall(r"^location .*?^\}", path.read_text(), re.M | re.S):
            asks = re.search(r"try_files /none @\$\{mcli_body\}(_\w+);|\tfastcgi_param AUTHORIZE_ONLY 1;", block)  # the body is counted, once it may come
            assert "limit_conn" not in block or asks or "\tlimit_conn mcli_connections 500;" in block, path
            for size in ("small", "large") if asks and asks[1] else ():
                assert re.search(rf"^location @{size}{asks[1]} {{[^}}]*\tlimit_conn mcli_connections 500;", path.read_text(), re.M), path
