"""The steps of boot.py in which an operator makes a backup, loses the database, and has it back; and rotates the credentials."""

import re
import shutil
import subprocess
import time

from machine import block, check, filled, wait
from world import HOST, PUBLISHES

AWAY = "/srv/away"  # stands in for another machine: backup.copy brings copies there
CREDENTIALS = "/etc/marketingcli/credentials"
FOLDER = "/root/restore"
BEN, CLEO = "ben@example.com", "cleo@example.com"


def seconds(began):
    return f"{time.monotonic() - began:.1f} s"


def person(w, email):
    """A user of their own, with a test key: w.values has it under the name before the @, in capitals."""
    name = email.partition("@")[0]
    password = re.search(r"^password: (\S+)$", w.says(f"marketingcli-admin user create {email} --name {name}"), re.M)[1]
    sign_in, make_key, *_ = block("first-post").splitlines()
    own = {"YOU": email, "PASSWORD": password}
    w.asks(filled(sign_in.replace("-c jar", f"-c jar-{name}"), **own))
    made = w.asks(filled(make_key.replace("-b jar", f"-b jar-{name}"), **own))
    w.values[name.upper()] = made["key"]


def journal_has_all(w):
    counts = dict(re.findall(r"^(\w+) +(\d+)$", w.says("marketingcli-admin privacy journal", may_fail=True), re.M))
    return all(int(counts.get(what, 0)) > 0 for what in ("erasure", "disconnect", "revocation"))


def backup(w):
    """The key is made on another machine, and stays there. Once by hand, with people at work; then as the night's timer does it."""
    keys = w.machine.folder / "another-machine"
    keys.mkdir()
    subprocess.run(["sh", "-euc", block("backup-key")], cwd=keys, check=True, capture_output=True)
    shutil.copy(keys / "backup.pem", w.machine.root / "etc/marketingcli")
    w.says(f"mkdir -p {AWAY}; printf '#!/bin/sh\\nexec cp \"$1\" {AWAY}/\\n' >/usr/local/sbin/backup-away; chmod 755 /usr/local/sbin/backup-away")
    with (w.machine.root / "etc/marketingcli/marketingcli.conf").open("a") as f:
        f.write(block("backup-settings") + "[smtp]\nhost =\n")  # mails are files: an erasure waits for its last one
    w.says("systemctl restart marketingcli-worker@mail")

    def by_hand():
        began = time.monotonic()
        w.types("backup")
        print(f"    a backup by hand, with what it has systemd do: {seconds(began)}", flush=True)
    w.under_load(by_hand)
    for email in (BEN, CLEO):
        person(w, email)
    w.values["GONE"], _ = w.posts_one()
    w.values["REVOKED"] = w.asks(block("first-post").splitlines()[1])["key"]
    w.says("systemctl stop marketingcli-worker@publish")  # so that posts wait while the night comes
    waiting, sent = w.posts_one(about="waiting", wanted=None), w.posts_one("CLEO", about="sent", wanted=None)
    w.values.update(WAITING=waiting[1], SENT=sent[1])
    began = time.monotonic()
    w.says("systemctl start backup-marketingcli.service")
    print(f"    the night's backup: {seconds(began)}, {w.says(f'du -csh {AWAY}/*.cms | tail -1 | cut -f 1')} in all", flush=True)
    w.types("backup-credentials", at=AWAY)
    bad_backup(w)
    failed = w.says("systemctl --failed --plain --no-legend")
    check(failed == "", f"units have failed: {failed}")


def bad_backup(w):
    """One that was cut short before it had its digest. What a timer starts says why it fails where the programs do."""
    check_unit, since, before = "systemctl start backup-marketingcli-check.service", w.now(), w.alarms("backup_bad")
    w.says(check_unit)
    w.says(": >/var/lib/marketingcli-backup/marketingcli-$(date -u +%Y%m%dT%H%M%SZ).cms")
    check(w.run(check_unit, may_fail=True)[0] != 0, "the check finds a backup without a digest good")
    check("has no digest beside it" in w.says(f"journalctl --namespace=marketingcli -p err -o cat --since=@{since}"), "journalctl -p err does not say why")
    w.is_told("backup_bad", since, before)
    w.says("find /var/lib/marketingcli-backup -name '*.cms' -empty -delete")
    w.says(check_unit)
    w.ends("backup_good", since)


def after_the_backup(w):
    """A post was sent; somebody was erased, an account disconnected, a key revoked, as the journal knows, which was taken away, too."""
    w.says(f"marketingcli-admin privacy erase {BEN} --reason 'mail of today'")
    origin = f"-H 'Origin: https://{HOST}'"
    key = next(k for k in w.asks(f"curl -sS -b jar https://{HOST}/api/v1/keys") if w.values["REVOKED"].startswith(k["prefix"]))
    w.says(f"curl -sS --fail --cacert ca.crt -b jar {origin} -X DELETE https://{HOST}/api/v1/keys/{key['id']}")
    w.says(f"curl -sS --fail --cacert ca.crt -b jar {origin} -X DELETE 'https://{HOST}/api/v1/accounts/{w.values['GONE']}?mode=test'")
    w.says("marketingcli-admin user disable ada@example.com")  # her post goes on waiting
    w.says("systemctl start marketingcli-worker@publish")
    wait(lambda: w.post_of(w.values["SENT"], "CLEO")["status"] == "published", "the other post is sent")
    wait(lambda: w.run(f"marketingcli-admin user show {BEN}", may_fail=True)[0] != 0, "ben is erased")
    wait(lambda: journal_has_all(w), "the journal knows")
    w.says("systemctl start backup-marketingcli-journal.service")


def loss(w):
    """MariaDB's files are gone, and with them the credentials."""
    after_the_backup(w)
    since, before = w.now(), w.alarms("database_away")
    w.lost_at = time.monotonic()
    w.says(f"kill -9 $(systemctl show -P MainPID mariadb); systemctl stop mariadb; rm -rf /var/lib/mysql {CREDENTIALS}")
    check(w.status(f"-H 'Authorization: Bearer CLEO' https://{HOST}/api/v1/me") == "503", "without the database the answer is another")
    w.is_told("database_away", since, before)
    wait(lambda: w.ready()[0] == 503, "/readyz says so")


def restore(w):
    """With the copies from elsewhere. Posts are held, what the journal knows is so again, and everybody is signed out."""
    shutil.copytree(w.machine.root / AWAY[1:], w.machine.root / FOLDER[1:])
    shutil.copy(w.machine.folder / "another-machine/backup.key", w.machine.root / FOLDER[1:])
    newest = max(path.name for path in (w.machine.root / FOLDER[1:]).glob("marketingcli-*.cms"))
    w.values.update(TIME=newest[len("marketingcli-"):-len(".cms")], FOLDER=FOLDER)
    began = time.monotonic()
    w.types("restore-stop")
    w.types("restore-credentials", at=FOLDER)
    w.types("new-database")
    out = w.types("restore", at=FOLDER)
    print(f"    the restore, from the stop to the migration: {seconds(began)}", flush=True)
    check(re.search(r"1 erasures begun, 1 accounts disconnected, [1-9]\d* keys revoked", out), f"the journal was not done again:\n{out}")
    since = w.now()
    w.types("restore-start", at=FOLDER)
    wait(w.is_ready, "it is ready")
    print(f"    it is ready {seconds(w.lost_at)} after the loss", flush=True)
    w.is_told("posts_held", since, program="worker-publish")
    check(w.status(f"-b jar https://{HOST}/api/v1/me") == "401", "the session of before goes on")
    check(w.status(f"-H 'Authorization: Bearer REVOKED' https://{HOST}/api/v1/me") == "401", "the revoked key works")
    wait(lambda: w.run(f"marketingcli-admin user show {BEN}", may_fail=True)[0] != 0, "ben is erased again")
    account = f"https://{HOST}/api/v1/accounts/{w.values['GONE']}"
    wait(lambda: w.status(f"-H 'Authorization: Bearer KEY' {account}") == "404", "the account is disconnected again")
    w.asks(block("first-post").splitlines()[0])
    held = w.says("marketingcli-admin posts held")
    check(w.values["WAITING"] in held and w.values["SENT"] in held, f"on hold are:\n{held}")
    w.posts_one()  # new ones go
    before = int(w.says(PUBLISHES))
    check(w.post_of(w.values["WAITING"])["failure"]["code"] == "service_restored", "the post is not held")
    w.types("release")
    wait(lambda: w.post_of(w.values["WAITING"])["status"] == "published", "the released post is published")
    check(w.post_of(w.values["SENT"], "CLEO")["failure"]["code"] == "outcome_unknown", "what was sent has another end")
    check(int(w.says(PUBLISHES)) == before + 1, "TikTok has other posts than the one that was released")
    check(w.says("marketingcli-admin posts held") == "", "posts are still on hold")
    failed = w.says("systemctl --failed --plain --no-legend")
    check(failed == "", f"units have failed: {failed}")


OURS = ("db-password", "token-keys", "totp-keys", "journal-key")  # what is made here; the others are issued by somebody
ISSUED = {"stripe-api-key": "rk_test_{}", "stripe-simulator-key": "rk_test_{}", "stripe-webhook-secrets": "whsec_{}",
          "stripe-simulator-secrets": "whsec_{}"}  # what it looks like, if that matters
OF_SIMULATOR = "[stripe]\napi_url = https://sandbox.HOST\n"  # so that nobody asks Stripe with a key of the test's


def forgotten_secret(w):
    """One that stays beside the new one for two days: the timer's unit, which alone may look there, has it told."""
    look, since, before = "systemctl start credentials-marketingcli-check.service", w.now(), w.alarms("credentials_bad")
    path = f"{CREDENTIALS}/worker_mail/smtp-password"
    w.says(f"cp -p {path} /root/smtp-password; printf 'new\\nold\\n' >{path}; touch -d '2 days ago' {path}")
    check(w.run(look, may_fail=True)[0] != 0, "the look at the secrets finds two in a file good")
    check("smtp-password has 2 secrets" in w.says(f"journalctl --namespace=marketingcli -p err -o cat --since=@{since}"), "journalctl -p err does not say why")
    w.is_told("credentials_bad", since, before)
    w.says(f"cp -p /root/smtp-password {path}; {look}")
    w.ends("credentials_good", since)


def rotate(w):
    """Each credential there is, in one go, with people at work. What is issued was empty: it is filled first. The journal's keys stay both,
    as there are backups from before."""
    with (w.machine.root / "etc/marketingcli/marketingcli.conf").open("a") as f:
        f.write(filled(OF_SIMULATOR, **w.values))
    names = w.says(f"find {CREDENTIALS} -mindepth 2 -type f -printf '%f\\n' | sort -u").split()
    own, issued, finish, look = (line.partition("#")[0] for line in block("rotate").splitlines())

    def all_of_them():
        for name in sorted(names, key=lambda name: "simulator" not in name):
            began = time.monotonic()
            if name in OURS:
                w.says(own.replace("db-password", name))
            else:
                for value in ("first", "second"):
                    secret = ISSUED.get(name, "{}").format(value * 5)
                    w.says(f"echo {secret} | {issued.replace('tiktok-client-secret', name)}")
                w.says(finish.replace("tiktok-client-secret", name))
            print(f"    {name} {seconds(began)}", flush=True)
    w.under_load(all_of_them)
    check("journal-key" in w.says(look), "what is under way is not said")
    forgotten_secret(w)
    failed = w.says("systemctl --failed --plain --no-legend")
    check(failed == "", f"units have failed: {failed}")
