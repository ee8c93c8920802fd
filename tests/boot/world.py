"""What the steps of boot.py share: an admin at the machine who types what the document says, asks the API, and sees the alarms."""

import json
import pathlib
import re
import shutil
import subprocess
import time

from machine import block, check, filled, wait

HOST, YOU = "marketing.example", "ada@example.com"  # RFC 2606
SOURCE = "/srv/marketingcli.git"
METRICS = "curl -sS --unix-socket /run/marketingcli/metrics/{}.sock http://localhost/metrics"
ACCOUNTS = 12  # of the load: TikTok takes 15 posts a day of each, and a build takes its time
ALARM_SEC = 60  # within a minute: what is promised of each alarm
DIRECT = "platform_options='{\"post_mode\":\"DIRECT_POST\",\"privacy_level\":\"SELF_ONLY\"}'"
PUBLISHES = "mariadb marketingcli -Ne 'SELECT COUNT(*) FROM sandbox_publishes'"


class World:
    def __init__(self, machine, authority, before):
        self.machine, self.authority, self.before = machine, authority, before
        self.run, self.says = machine.run, machine.says
        self.values = {"HOST": HOST, "YOU": YOU, "ADDRESS": SOURCE, "OLD": before}
        self.began = time.monotonic()

    def types(self, name, edit=lambda text: text, at="marketingcli", **more):
        """Types the commands of the document; returns what the machine said. A command that fails ends it."""
        text = edit(filled(block(name), **self.values))
        return self.says(f"cd {at} 2>/dev/null; export CURL_CA_BUNDLE=/root/ca.crt; set -ex\n{text}", **more)

    def calls(self, line):
        """A call of the API: the whole answer."""
        out = self.says(f"export CURL_CA_BUNDLE=/root/ca.crt; {filled(line, **self.values)}")
        return json.loads(out) if out else {}

    def asks(self, line):
        """One line of the document that is a call of the API; its answer's data."""
        answer = self.calls(line)
        check("data" in answer, f"{line}\n{answer}")
        return answer["data"]

    def status(self, what):
        """That of an answer to a curl with these arguments."""
        return self.says(f"curl -sS --cacert ca.crt -o /dev/null -w '%{{http_code}}' {filled(what, **self.values)}", may_fail=True)

    def ready(self):
        """(status, states of the parts) of /readyz"""
        out = self.says(f"curl -sS --cacert ca.crt -w '\\n%{{http_code}}' https://{HOST}/readyz")
        body, _, status = out.rpartition("\n")
        return int(status), body

    def is_ready(self):
        """Degraded is what the machine's clock may make it."""
        return self.ready()[0] == 200

    def alarms(self, name, program="worker-media"):
        """How often the program has raised it, as Prometheus would see it."""
        found = re.search(rf'^marketingcli_alarms_total\{{alarm="{name}"\}} (\d+)$', self.run(METRICS.format(program), may_fail=True)[1], re.M)
        return int(found[1]) if found else 0

    def errors(self, since):
        """What journalctl -p err has of the programs since then, the events' names."""
        out = self.says(f"journalctl --namespace=marketingcli -p err -o cat --since=@{since}", may_fail=True)
        return re.findall(r'"event":"(\w+)"', out)

    def events(self, since):
        return re.findall(r'"event":"(\w+)"', self.says(f"journalctl --namespace=marketingcli -o cat --since=@{since}", may_fail=True))

    def now(self):
        return int(self.says("date +%s"))

    def is_told(self, alarm, since, before=0, program="worker-media"):
        """In the metrics and in journalctl -p err. The time is not a test's patience: it is what the alarm is for."""
        began = time.monotonic()
        wait(lambda: self.alarms(alarm, program) > before and alarm in self.errors(since), f"{alarm} is in the metrics and in journalctl -p err", ALARM_SEC)
        print(f"    {alarm} after {time.monotonic() - began:.0f} s", flush=True)

    def ends(self, event, since):
        wait(lambda: event in self.events(since), f"{event} ends it")

    def posts_one(self, key="KEY", about=None, wanted="published"):
        """Another post, to an account of its own; through to the end, if wanted says one. Returns (account, post)."""
        *_, account, post, _ = block("first-post").splitlines()
        own = {"KEY": self.values[key]}
        made = self.asks(filled(account, **own))["id"]
        described = post.replace(" -F platform_options", f" -F description='{about}' -F platform_options") if about else post
        id = self.asks(filled(described, **own, ACCOUNT=made))["id"]
        if wanted:
            wait(lambda: self.post_of(id, key)["status"] == wanted, f"the post is {wanted}")
        return made, id

    def post_of(self, id, key="KEY"):
        return self.asks(filled(block("first-post").splitlines()[-1], KEY=self.values[key], POST=id))

    def under_load(self, change):
        """Somebody reads and posts while it is changed: 0 failed, and each post once."""
        shutil.copy(pathlib.Path(__file__).with_name("load.py"), self.machine.root / "root/load.py")
        *_, account, _, _ = block("first-post").splitlines()
        accounts = [self.asks(account)["id"] for _ in range(ACCOUNTS)]
        before = int(self.says(PUBLISHES))
        load = subprocess.Popen(self.machine.command("python3", "/root/load.py", HOST, self.values["KEY"], *accounts), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
        try:
            wait(lambda: int(self.says(PUBLISHES)) > before, "the load is at work")
            change()
            wait(self.is_ready, "it is ready")
            more = int(self.says(PUBLISHES)) + 2
            wait(lambda: int(self.says(PUBLISHES)) >= more or load.poll() is not None, "posts go on")
        finally:
            out = load.communicate("\n", timeout=600)[0]
        said = json.loads(out)
        print(f"    {said['answered']} requests, {len(said['failed'])} failed; {said['posts']} posts", flush=True)
        check(not said["failed"], "\n".join(said["failed"][:20]))
        check(said["ends"] == ["published"] * said["posts"], f"posts ended as {said['ends']}")
        made = int(self.says(PUBLISHES)) - before
        check(made == said["posts"], f"{said['posts']} posts are {made} at TikTok")
