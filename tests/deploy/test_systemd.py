"""The installed units: systemd has nothing to say about them, and they are confined."""

import os
import re
import shutil
import subprocess

import pytest

from conftest import ROWS, generate

APPS = [r["name"] for r in ROWS if r["kind"] != "worker"]
SERVICES = [f"{generate.unit(r)}.service" for r in ROWS]
WITH_NETWORK = {f"{generate.unit(r)}.service" for r in ROWS if r["internet"]}


@pytest.fixture(scope="module")
def root(installed):
    """The installed tree with the host's units beside ours, as systemd-analyze --root= wants it."""
    if not (installed / "usr/lib/systemd/system").exists():
        shutil.copytree("/lib/systemd/system", installed / "usr/lib/systemd/system", symlinks=True)
        shutil.copytree(installed / "lib/systemd/system", installed / "usr/lib/systemd/system", dirs_exist_ok=True)
        shutil.rmtree(installed / "lib")
        (installed / "lib").symlink_to("usr/lib")
    return installed


def analyze(root, *args):
    done = subprocess.run(["systemd-analyze", args[0], f"--root={root}", "--no-pager", *args[1:]], capture_output=True,
                          text=True, env={**os.environ, "SYSTEMD_COLORS": "0"})
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("unit", [*SERVICES, *(f"marketingcli-{n}.socket" for n in APPS), "marketingcli.target"])
def test_verify_says_nothing(root, unit):
    """A mistyped key is a line of output and no exit code."""
    code, output = analyze(root, "verify", unit)
    assert (code, output) == (0, "")


@pytest.mark.parametrize("unit", SERVICES)
def test_exposure(root, unit):
    code, output = analyze(root, "security", "--offline=yes", unit)
    level = float(re.search(r"Overall exposure level for \S+: (\d+\.\d+)", output).group(1))
    assert level <= (1.2 if unit in WITH_NETWORK else 0.6), output


@pytest.mark.parametrize("unit", SERVICES)
def test_has_a_user_of_its_own(root, unit):
    units = root / "usr/lib/systemd/system"
    user = f"marketingcli-{unit[len('marketingcli-'):-len('.service')].replace('@', '-')}"
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
    assert ("\nPrivateNetwork=no\n" in text) == row["internet"]
    assert ("\nSupplementaryGroups=marketingcli-image\n" in text) == row["asks_image"]
    assert ("\nReadWritePaths=/var/lib/marketingcli/images /var/lib/marketingcli/spool\n" in text) == (
        row["store"] == "STORE_WRITE")
    assert ("\nReadWritePaths=-/run/marketingcli/keys.epoch\n" in text) == row["ends_credentials"]
    unit = root / f"usr/lib/systemd/system/{generate.unit(row)}.service"
    text += unit.read_text() if unit.exists() else ""
    assert sorted(re.findall(r"^LoadCredential=(\S+):", text, re.M)) == sorted(row["credentials"])


def test_drop_ins_win_over_the_hardening(root):
    """systemd reads drop-ins by their names, whatever folder they are in."""
    names = [p.name for p in (root / "usr/lib/systemd/system").glob("marketingcli-*.d/*")]
    assert len(names) == len(ROWS) + 1 and min(names) == "10-hardening.conf"


def test_the_image_service_reaches_nothing_else(root):
    """No network, no database, no store, no credential: what a picture takes over has nothing."""
    units = root / "usr/lib/systemd/system"
    text = (units / "marketingcli-image.service").read_text()
    assert "\nInaccessiblePaths=-/run/mysqld -/var/lib/marketingcli -/etc/marketingcli/credentials\n" in text
    text += drop_in(root, next(r for r in ROWS if r["kind"] == "image"))
    allowed = re.findall(r"^(?:LoadCredential|PrivateNetwork|ReadWritePaths|IPAddress\w*|RestrictAddressFamilies)=.*", text, re.M)
    assert allowed == ["ReadWritePaths=-/run/marketingcli/metrics"]


def test_simulator_is_not_in_the_target(root):
    assert "sandbox" not in (root / "usr/lib/systemd/system/marketingcli.target").read_text().partition("[Unit]\n")[2].partition(
        "\n")[2]


@pytest.mark.parametrize("name", APPS)
def test_socket_survives_bursts(root, name):
    units = root / "usr/lib/systemd/system"
    socket = (units / f"marketingcli-{name}.socket").read_text()
    assert "\nBacklog=4096\n" in socket and "\nTriggerLimitIntervalSec=0\n" in socket
    kind = "ListenSequentialPacket" if name == "image" else "ListenStream"
    assert f"\n{kind}=/run/marketingcli/{name}.sock\n" in socket
    assert "\nStandardInput=socket\n" in (units / f"marketingcli-{name}.service").read_text()
    hardening = (units / "marketingcli-.service.d/10-hardening.conf").read_text()
    for line in ("StartLimitIntervalSec=0", "Restart=always", "RestartSec=1", "CPUSchedulingPolicy=batch"):
        assert f"\n{line}\n" in hardening


def test_users_and_folders_are_accepted(root, tmp_path):
    """systemd-sysusers and systemd-tmpfiles read their files without a word, into an empty root."""
    for part in ("usr/lib/sysusers.d", "usr/lib/tmpfiles.d"):
        shutil.copytree(root / part, tmp_path / part)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/:/usr/sbin/nologin\n")
    (tmp_path / "etc/group").write_text("root:x:0:\nadm:x:4:\nwww-data:x:33:\n")
    if os.geteuid() != 0:
        pytest.skip("needs root")
    for command in (["systemd-sysusers", f"--root={tmp_path}"], ["systemd-tmpfiles", "--create", f"--root={tmp_path}"]):
        done = subprocess.run(command, capture_output=True, text=True)
        words = "\n".join(x for x in done.stderr.splitlines() if not x.startswith("Creating "))
        assert (done.returncode, words) == (0, "")
    group = (tmp_path / "etc/group").read_text()
    assert re.search(r"^marketingcli-store:.*:.*www-data", group, re.M)
    store = (tmp_path / "var/lib/marketingcli/images").stat()
    assert store.st_mode & 0o7777 == 0o2770


def test_nginx_is_started_as_debian_does_but_with_our_configuration(root):
    units = root / "usr/lib/systemd/system"
    debian = re.findall(r"^Exec(?:StartPre|Start|Reload)=.*", (units / "nginx.service").read_text(), re.M)
    ours = re.findall(r"^Exec\w+=.+", (units / "nginx.service.d/nginx-marketingcli.conf").read_text(), re.M)
    assert len(debian) == 3
    assert [x.replace(" -c /etc/nginx/marketingcli/nginx.conf", "", 1) for x in ours] == debian and ours != debian
    assert "\nPIDFile=/run/nginx.pid\n" in (units / "nginx.service").read_text()
    _, output = analyze(root, "verify", "nginx.service")
    assert all("is not executable: No such file" in line for line in output.splitlines()), output  # the root has no programs
