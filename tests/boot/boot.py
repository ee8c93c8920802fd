#!/usr/bin/python3
"""A bare Debian 12 becomes a server by the commands of docs/operations.md, literally, on a machine that really boots (machine.py); then
what an operator meets: each fault with its alarm, a backup, the loss of the database and the restore, the way back, an update under load, and
the end.

    tests/boot/boot.py [--from COMMIT] [--keep] [STEP...]

The steps are those of STEPS, in their order; those of MADE are always taken, and those of AFTER before theirs. A step's block of commands is the one that the document
marks with its name. --from: the release before, to which the way back leads; without it, the newest commit with the schema of SCHEMA_OLDEST.
--keep: leaves the machine's disk to be looked at. Prints "ok STEP SECONDS" or "FAIL STEP SECONDS" for each.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "api"))

import acme  # noqa: E402
import images  # noqa: E402
import recovery  # noqa: E402
from machine import CHECKOUT, Failed, block, booted, check, filled, wait  # noqa: E402
from world import DIRECT, HOST, METRICS, SOURCE, World  # noqa: E402


def git(*words):
    return subprocess.run(["git", "-C", CHECKOUT, *words], check=True, capture_output=True, text=True).stdout.strip()


def number(text, name):
    return int(re.search(rf"^#define {name} (\d+)$", text, re.M)[1])


def release_before():
    """The newest commit with the schema that is the oldest whose programs run on this one."""
    wanted = number((CHECKOUT / "lib/db/schema.h").read_text(), "SCHEMA_OLDEST")
    for commit in git("log", "--format=%H", "--first-parent", "--", "lib/db/schema.h").split():
        before = git("rev-parse", f"{commit}^")
        if number(git("show", f"{before}:lib/db/schema.h"), "SCHEMA_VERSION") == wanted:
            return before
    raise Failed(f"no commit has the schema {wanted}")


# The steps


def install(w):
    """And what it says of a certbot that fails: port 80 stays, and the lines can be run again."""
    lists = "dpkg-query -W >/root/packages; find / -xdev -not -path '/proc/*' -not -path '/sys/*' -not -path '/run/*' -not -path '/tmp/*' | sort >/root/before; "
    w.authority.refuse = True
    out = w.types("install", lambda text: text.replace("meson setup", f"{lists} meson setup", 1), seconds=3600)
    w.machine.keep()
    check("Some challenges have failed" in out, f"certbot was not refused:\n{out[-3000:]}")
    check("Welcome to nginx" in w.says("curl -sS http://localhost/"), "Debian's page is gone from port 80")
    w.authority.refuse = False
    lines = block("install")
    again = lines[lines.index("certbot certonly"):lines.index("marketingcli-admin user")]
    w.says(f"set -ex\n{filled(again, **w.values)}")
    check((HOST, True) in w.authority.looked_at, "the authority has seen no answer at port 80")
    w.values["PASSWORD"] = re.findall(r"^password: (\S+)$", out, re.M)[-1]  # packages speak of passwords, too
    wait(w.is_ready, "/readyz says 200")
    failed = w.says("systemctl --failed --plain --no-legend")
    check(failed == "", f"units have failed: {failed}")


def first_post(w):
    (w.machine.root / "root/photo.jpg").write_bytes(images.jpeg(640, 480))
    sign_in, make_key, *_ = block("first-post").splitlines()
    w.asks(sign_in)
    w.values["KEY"] = w.asks(make_key)["key"]
    w.values["ACCOUNT"], _ = w.posts_one()
    print(f"    {(time.monotonic() - w.began) / 60:.1f} minutes from the bare machine to the first post", flush=True)


def logs(w):
    """The night's rotation, by Debian's own timer's service: nginx writes on in the new file, and the old one is whole."""
    log = "/var/log/marketingcli/access.log"
    for night in range(2):
        w.says(f"curl -sS --cacert ca.crt https://{HOST}/healthz?night={night}")
        wait(lambda: w.says(f"cat {log}") != "", "the request is in the log")
        w.says(f"sed -i -E '/marketingcli/s/[0-9]+-[0-9]+-[0-9]+-[0-9:]+$/2026-1-1-0:0:0/' /var/lib/logrotate/status 2>/dev/null; "
               f"grep -q marketingcli /var/lib/logrotate/status 2>/dev/null || printf 'logrotate state -- version 2\\n\"{log}\" 2026-1-1-0:0:0\\n' >/var/lib/logrotate/status; "
               "systemctl start logrotate.service")
        check(w.says(f"wc -c <{log}.1") != "0", "nothing was rotated")
        w.says(f"curl -sS --cacert ca.crt https://{HOST}/healthz")
        wait(lambda: w.says(f"cat {log}") != "", "nginx writes into the new file")
    check(w.says("systemctl is-failed logrotate.service", may_fail=True) != "failed", "logrotate has failed")


def mistyped_key(w):
    """systemctl says so, the journal names the key, /readyz and an alarm tell; once it is right, it runs by itself."""
    since, before = w.now(), w.alarms("part_down")
    w.says("printf '[service]\\nquue_sec = 5\\n' >>/etc/marketingcli/marketingcli.conf")
    check(w.run("systemctl restart marketingcli-posts", may_fail=True)[0] == 1, "systemctl restart does not fail")
    check("quue_sec" in w.says(f"journalctl --namespace=marketingcli -p err -o cat --since=@{since}"), "the journal does not name the key")
    check(w.run("marketingcli-admin config check", may_fail=True)[0] == 1, "config check does not fail")
    wait(lambda: w.ready()[0] == 503 and "posts" in w.ready()[1], "/readyz says that posts is down")
    w.is_told("part_down", since, before)
    w.says("sed -i /quue_sec/d /etc/marketingcli/marketingcli.conf")
    wait(w.is_ready, "it runs again by itself")


def dead_program(w):
    """The next process tells: its count begins anew."""
    since = w.now()
    check(w.alarms("program_died", "keys") == 0, "it has died before")
    w.says("kill -9 $(systemctl show -P MainPID marketingcli-keys)")
    w.is_told("program_died", since, program="keys")
    wait(w.is_ready, "it runs again by itself")
    w.posts_one()


def outage(w):
    """Of the database. What failed is in journalctl -p err."""
    since, before = w.now(), w.alarms("database_away", "keys")
    w.says("systemctl stop mariadb")
    status = w.status(f"-H 'Authorization: Bearer KEY' https://{HOST}/api/v1/me")
    check(status == "503", f"without the database the answer is {status}")
    wait(lambda: w.ready()[0] == 503, "/readyz says so")
    w.is_told("database_away", since, before, "keys")
    w.says("systemctl start mariadb")
    w.ends("database_back", since)
    wait(w.is_ready, "it is ready again")
    w.posts_one()


def full_disk(w):
    """Of everything: images, database, logs. Nothing that was acknowledged is lost, and it goes on when there is room."""
    since, before = w.now(), w.alarms("disk_low")
    w.says("fallocate -l $(($(df --output=avail -B1 / | tail -1) - (500 << 20))) /fill")
    w.is_told("disk_low", since, before)
    w.run("fallocate -l $(df --output=avail -B1 / | tail -1) /fill2; cat /dev/zero >>/fill2", may_fail=True)
    check(int(w.says("df --output=avail -B1 / | tail -1")) < 1 << 20, "the disk is not full")
    status = w.status(f"--max-time 100 -H 'Authorization: Bearer KEY' -F images=@photo.jpg -F {DIRECT} https://{HOST}/api/v1/accounts/ACCOUNT/posts")
    check(status in ("503", "507"), f"with a full disk a post is answered {status}")
    w.says("rm /fill /fill2")
    wait(w.is_ready, "it is ready again", 300)
    w.ends("disk_has_room", since)
    w.posts_one()


# In place of the kernel's word. The kernel's clock is the host's, and is left alone.
UNSET = "/usr/local/lib/clock-is-unset"
KERNEL = f"""#include <sys/timex.h>
#include <unistd.h>
int adjtimex(struct timex *t) {{ t->status = access("{UNSET}", F_OK) == 0 ? STA_UNSYNC : 0; return 0; }}
"""


def clock(w):
    """First the kernel is asked: the alarm is there if and only if nobody sets its clock. Then nobody sets it any more, and then somebody does."""
    code = "import ctypes; b = ctypes.create_string_buffer(512); ctypes.CDLL(None).adjtimex(b); print(int.from_bytes(b[40:44], 'little') & 64)"
    if w.says(f'python3 -c "{code}"') == "0":
        check(w.alarms("clock_unset") == 0, "the clock is set, and an alarm says that it is not")
    else:
        w.is_told("clock_unset", 0)
    unit, drop_in = "marketingcli-worker@media", "/run/systemd/system/marketingcli-worker@media.service.d"
    (w.machine.root / "usr/local/lib/kernel.c").write_text(KERNEL)
    w.says(f"cd /usr/local/lib; gcc -shared -fPIC -o kernel.so kernel.c; mkdir -p {drop_in}; "
           f"printf '[Service]\\nEnvironment=LD_PRELOAD=/usr/local/lib/kernel.so\\n' >{drop_in}/kernel.conf; systemctl daemon-reload; systemctl restart {unit}")
    wait(lambda: "worker-media" in w.ready()[1] and w.run(METRICS.format("worker-media"), may_fail=True)[0] == 0, "it runs")
    check(w.alarms("clock_unset") == 0, "it does not ask")
    since = w.now()
    w.says(f"touch {UNSET}")
    w.is_told("clock_unset", since)
    w.says(f"rm {UNSET}")
    w.ends("clock_set", since)
    w.says(f"rm -r {drop_in} /usr/local/lib/kernel.*; systemctl daemon-reload; systemctl restart {unit}")


def certificate(w):
    """One that ends in five days, and a renewal by certbot, after which nginx shows the new one."""
    since, before = w.now(), w.alarms("certificate_ends")
    w.authority.days = 5
    w.says("certbot renew --force-renewal --no-random-sleep-on-renew -q")
    w.is_told("certificate_ends", since, before)
    w.authority.days = 90
    w.says("certbot renew --force-renewal --no-random-sleep-on-renew -q")
    w.ends("certificate_renewed", since)


def simulator(w):
    w.types("simulator")
    wait(w.is_ready, "it is ready again")
    check(w.status(f"https://sandbox.{HOST}/settings/apps") == "200", "the simulator has no page")
    w.posts_one()


def came_up(w):
    gone = w.says("systemctl list-units --all --plain --no-legend 'marketingcli-*' | awk '$2 == \"not-found\" && $3 == \"active\"'")
    check(gone == "", f"units that are gone still run: {gone}")
    wanted = set(w.says("systemctl show -P Wants marketingcli.target").split())
    running = set(w.says("systemctl list-units --state=active --plain --no-legend | awk '{print $1}'").split())
    check(wanted <= running, f"not started: {wanted - running}")
    failed = w.says("systemctl --failed --plain --no-legend")
    check(failed == "", f"units have failed: {failed}\n{why(w, failed)}")


def why(w, failed):
    return w.says("".join(f"journalctl --no-pager -n 20 -u {unit}; journalctl --no-pager --namespace=marketingcli -n 20 -u {unit}\n"
                          for unit in re.findall(r"^(\S+)", failed, re.M)) or "true")


JOURNAL_KEY = "/etc/marketingcli/credentials/worker_privacy/journal-key"


SETTINGS = "/etc/marketingcli/marketingcli.conf"


def way_back(w):
    """To the release before, on this schema. It reads no file with two secrets, and may not know the section of backups."""
    w.says(f"cp {JOURNAL_KEY} /root/journal-key; head -n 1 /root/journal-key >{JOURNAL_KEY}; cp {SETTINGS} /root/settings")
    if "CONF_STR(backup, certificate" not in git("show", f"{w.before}:lib/base/conf.def"):
        w.says(rf"sed -i '/^\[backup\]/,/^\[/{{/^\[backup\]/d;/^\[/!d}}' {SETTINGS}")
    w.says("printf '# mine\\n' >>/etc/nginx/marketingcli/local/rates.conf")
    w.under_load(lambda: w.types("return", seconds=3600))
    came_up(w)
    check("# mine" in w.says("cat /etc/nginx/marketingcli/local/rates.conf"), "the local settings of nginx are gone")


def update(w):
    w.says(f"cd marketingcli; git switch -q -; cat /root/journal-key >{JOURNAL_KEY}")
    w.under_load(lambda: w.types("update", seconds=3600))
    w.says(f"cat /root/settings >{SETTINGS}; systemctl restart marketingcli-worker@media")
    came_up(w)
    w.posts_one()
    check("# mine" in w.says("cat /etc/nginx/marketingcli/local/rates.conf"), "the local settings of nginx are gone")


OF_OTHERS = re.compile(r"^/(root|home|srv|etc/(letsencrypt|ssl|mailname|ld\.so\.cache|\.pwd\.lock|(passwd|group|shadow|gshadow)-?|sub[ug]id-?)|tmp|proc|sys|run|dev|usr/local"
                       r"|var/(log|cache|tmp|lib/(mysql|apt|dpkg|letsencrypt|systemd|logrotate|private)|backups)|usr/share/mime|var/www)(/|$)")


def uninstall(w):
    """Leaves the data; and then nothing."""
    w.types("uninstall")
    check("Welcome to nginx" in w.says("curl -sS http://localhost/"), "Debian's page is not there")
    check(w.says("systemctl --failed --plain --no-legend") == "", "units have failed")
    check(w.says("mariadb -Ne 'SELECT COUNT(*) > 0 FROM marketingcli.users'") == "1", "the data are gone")
    w.types("uninstall-data")
    w.says("find / -xdev -not -path '/proc/*' -not -path '/sys/*' -not -path '/run/*' -not -path '/tmp/*' | sort >/root/after")
    left = w.says("comm -13 /root/before /root/after").splitlines()
    left = [path for path in left if not OF_OTHERS.match(path) or "marketingcli" in path and not re.match(r"/root|/srv", path)]
    check(left == [], "left behind:\n" + "\n".join(left))
    check(w.says("grep -rl marketingcli /etc /var/lib/systemd /lib/systemd /usr/lib/tmpfiles.d --exclude-dir=letsencrypt --exclude='*-' 2>/dev/null || true") == "", "something in /etc still names it")
    check(w.says("systemctl list-units --all --plain --no-legend '*marketingcli*.service' '*marketingcli*.socket' '*marketingcli*.timer' | awk '$3 == \"active\"'") == "", "units still run")
    check(w.says("mariadb -Ne \"SELECT COUNT(*) FROM mysql.user WHERE User LIKE 'marketingcli%'\"") == "0", "MariaDB still has users")
    check(w.says("getent passwd; getent group").count("marketingcli") == 0, "the machine still has users")


STEPS = {"install": install, "first-post": first_post, "logs": logs, "mistyped-key": mistyped_key, "dead-program": dead_program, "outage": outage,
         "full-disk": full_disk, "clock": clock, "certificate": certificate, "simulator": simulator,
         "backup": recovery.backup, "loss": recovery.loss, "restore": recovery.restore, "rotate": recovery.rotate, "return": way_back, "update": update,
         "uninstall": uninstall}
MADE = ("install", "first-post")
AFTER = {"loss": ("backup",), "restore": ("backup", "loss"), "update": ("return",)}  # which begin what it ends


def source(machine):
    """The checkout as it is, also what is not committed, as the branch that an admin clones; and the release before."""
    at = machine.root / SOURCE[1:]
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", at], check=True)
    now = git("stash", "create") or git("rev-parse", "HEAD")
    git("push", "-q", f"file://{at}", f"{now}:refs/heads/main")


def prepare(machine, authority):
    """What is of this test alone: whom certbot asks, and whom curl believes. In root's own folder, for certbot is not there yet."""
    own = machine.root / "root/.config/letsencrypt"
    own.mkdir(parents=True)
    (own / "cli.ini").write_text(f"server = {authority.url}/directory\nno-verify-ssl = true\n")
    shutil.copy(authority.folder / "ca.crt", machine.root / "root/ca.crt")


def take(name, w):
    began = time.monotonic()
    try:
        STEPS[name](w)
    except Exception as e:  # whatever it is, the step has failed
        print("".join(traceback.format_exception(e))[-6000:], flush=True)
        print(f"FAIL {name} {time.monotonic() - began:.0f} s", flush=True)
        return False
    print(f"ok {name} {time.monotonic() - began:.0f} s", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--from", dest="commit")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("steps", nargs="*")
    options = parser.parse_args()
    if options.list:
        print("\n".join(STEPS))
        return 0
    asked = {*MADE, *options.steps}.union(*(AFTER.get(name, ()) for name in options.steps))
    wanted = [name for name in STEPS if not options.steps or name in asked]
    before = git("rev-parse", options.commit) if options.commit else release_before()
    with booted([HOST, f"sandbox.{HOST}"], options.keep) as machine:
        authority = acme.Authority(machine.folder / "acme")
        source(machine)
        prepare(machine, authority)
        w, good = World(machine, authority, before), []
        for name in wanted:
            good.append(take(name, w))
            if not good[-1] and name in MADE:
                break
        authority.close()
    return 0 if all(good) and len(good) == len(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
