"""The installed units: systemd has nothing to say about them, and they are confined."""

import os
import re
import shutil
import subprocess

import pytest

APPS = ["auth", "keys", "tiktok", "uploads", "posts", "sandbox", "image"]
WORKERS = ["worker@publish", "worker@media"]
SERVICES = [f"marketingcli-{n}.service" for n in APPS + WORKERS]
WITH_NETWORK = {"marketingcli-tiktok.service", "marketingcli-sandbox.service", "marketingcli-worker@publish.service"}


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


@pytest.mark.parametrize("unit", SERVICES)
def test_may_show_its_metrics(root, unit):
    folder = re.sub("@.*", "@", unit.removesuffix(".service")) + ".service.d"
    text = (root / "usr/lib/systemd/system" / folder / "30-metrics.conf").read_text()
    assert "\nSupplementaryGroups=marketingcli-metrics\nReadWritePaths=-/run/marketingcli/metrics\n" in text


def test_the_image_service_reaches_nothing_else(root):
    """No network, no database, no store, no credential: what a picture takes over has nothing."""
    units = root / "usr/lib/systemd/system"
    drop_ins = {p.name: p.read_text() for p in units.glob("marketingcli-image.service.d/*")}
    assert set(drop_ins) == {"30-metrics.conf"}
    text = (units / "marketingcli-image.service").read_text()
    assert "\nInaccessiblePaths=-/run/mysqld -/var/lib/marketingcli -/etc/marketingcli/credentials\n" in text
    assert not re.search(r"^(LoadCredential|PrivateNetwork|ReadWritePaths|IPAddress|RestrictAddressFamilies)", text, re.M)


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
