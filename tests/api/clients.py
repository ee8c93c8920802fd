"""Published clients of TikTok, from npm, at the simulator, and Stripe's own: tests/clients/."""

import contextlib
import json
import os
import pathlib
import subprocess
import urllib.parse

import npm
from helpers import Client, Form

SOURCE = pathlib.Path(__file__).resolve().parent.parent / "clients"


def installed():
    """The folder with the clients and our scripts for them."""
    return npm.installed(SOURCE, os.environ["MARKETINGCLI_BUILD"])


def node():
    """Stripe's client wants Node 20."""
    return npm.node(installed())


def run(script, what, stdin="", **env):
    """A script of tests/clients/ with one argument: what it printed."""
    done = subprocess.run([node(), f"{script}.mjs", what], cwd=installed(), env={**os.environ, **env}, input=stdin,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ask(script, what, questions):
    """The answers to questions, JSON lines both."""
    return [json.loads(line) for line in run(script, what, "".join(json.dumps(q) + "\n" for q in questions)).splitlines()]


class Published:
    """A script of tests/clients/ that signs in: with Published(app, "arctic") as client: client.consent(); client.result()"""

    def __init__(self, app, name):
        stack = app.stack
        environment = {**os.environ, "CLIENT_KEY": app.key, "CLIENT_SECRET": app.secret, "ORIGIN": stack.url,
                       "SIMULATOR": stack.sandbox_url, "NODE_EXTRA_CA_CERTS": str(stack.ca)}
        self.stack = stack
        self.process = subprocess.Popen(["node", f"{name}.mjs"], cwd=installed(), env=environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.communicate()

    def said(self):
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)

    def consent(self, username, decision="allow"):
        """Opens the page that the client sends people to, fills in the form, and tells the client where that leads. Returns the
        page's address as the client wrote it."""
        address = self.said()["consent"]
        url = urllib.parse.urlsplit(address)
        assert f"{url.scheme}://{url.netloc}" == "https://www.tiktok.com"
        browser = Client(self.stack.sandbox_url, self.stack.ca)
        page = browser.get(f"{url.path}?{url.query}", allow_redirects=False)
        assert page.status_code == 200, page.text
        form = Form(page.text)
        data = [*form.fields.items(), ("username", username), ("decision", decision)]
        data += [("grant", scope) for scope in form.fields["scope"].split(",")]
        answer = browser.post(form.action, data=data, allow_redirects=False)
        assert answer.status_code == 303, answer.text
        self.process.stdin.write(answer.headers["Location"] + "\n")
        self.process.stdin.flush()
        return url

    def result(self):
        return self.said()
