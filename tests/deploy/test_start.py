"""A mistyped key, as systemd meets it: a manager of its own, in a namespace of its own, runs an installed unit and its socket, but for what
only a machine's first manager can give (users, confinement, a journal)."""

import os
import re
import shutil
import subprocess

import pytest

KEPT = "Description|Requires|StartLimitIntervalSec|Type|Restart|RestartSec|KillMode|StandardInput|ListenStream|Backlog|TriggerLimitIntervalSec"
SCRIPT = """
mount -t tmpfs none /run && mkdir -p /run/systemd/system /run/user
export HOME={folder} XDG_RUNTIME_DIR=/run/user SYSTEMD_LOG_TARGET=console
/lib/systemd/systemd --user >{folder}/log 2>&1 &
manager=$!
until systemctl --user show-environment >/dev/null 2>&1; do kill -0 $manager || exit 99; sleep 0.05; done
systemctl --user start any.service >/dev/null 2>&1 || exit 99
tell() {{ systemctl --user "$@" marketingcli-keys.service >/dev/null 2>&1; echo "$* $?"; }}
state() {{ echo $(systemctl --user is-active marketingcli-keys.socket marketingcli-keys.service); }}
restarts() {{ systemctl --user show -P NRestarts marketingcli-keys.service; }}
tell start; state
cp {folder}/bad {folder}/conf; tell restart
until [ $(restarts) -ge 2 ]; do sleep 0.05; done
state
cp {folder}/good {folder}/conf
until [ "$(state)" = "active active" ]; do sleep 0.05; done
state
kill $manager
"""


def test_systemctl_says_so_and_it_runs_once_the_file_is_right(root, tmp_path):
    units = root / "usr/lib/systemd/system"
    if os.geteuid() != 0 or subprocess.run(["unshare", "-mpf", "--mount-proc", "mount", "-t", "tmpfs", "none", "/run"], capture_output=True).returncode != 0:
        pytest.skip("needs namespaces")
    own = tmp_path / ".config/systemd/user"
    own.mkdir(parents=True)
    (own / "any.service").write_text(f"[Service]\nType=oneshot\nExecStart={shutil.which('true')}\n")
    for name, parts in (("marketingcli-keys.socket", []), ("marketingcli-keys.service", ["marketingcli-.service.d/10-hardening.conf", "marketingcli-keys.service.d/50-keys.conf"])):
        text = "\n".join((units / part).read_text() for part in (name, *parts))
        made = re.findall(rf"^(?:\[(?:Unit|Service|Socket)\]|(?:{KEPT})=.*)$", text, re.M)
        text = re.sub(r"ListenStream=.*", f"ListenStream={tmp_path}/socket", "\n".join(made))
        if name.endswith(".service"):
            (check,) = re.findall(r"^ExecStartPre=(.*)$", (units / parts[1]).read_text(), re.M)
            assert "\nRestart=always\nRestartSec=1\n" in text and "\nStandardInput=socket" in text
            text += f"\n[Service]\nEnvironment=MARKETINGCLI_CONF={tmp_path}/conf\nExecStartPre={root}{check}\nExecStart={shutil.which('sleep')} 1000\n"
        (own / name).write_text(text + "\n")
    (tmp_path / "good").write_text("[service]\nurl = https://example.com\n")
    (tmp_path / "bad").write_text("[service]\nurl = https://example.com\nquue_sec = 5\n")
    shutil.copy(tmp_path / "good", tmp_path / "conf")
    done = subprocess.run(["unshare", "-mpf", "--mount-proc", "timeout", "60", "sh", "-c", SCRIPT.format(folder=tmp_path)], capture_output=True, text=True)
    if done.returncode == 99:
        pytest.skip("systemd does not run here: " + (tmp_path / "log").read_text()[-500:])
    assert done.stdout.splitlines() == ["start 0", "active active", "restart 1", "active activating", "active active"], done.stderr + (tmp_path / "log").read_text()[-2000:]
