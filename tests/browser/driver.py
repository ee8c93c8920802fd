"""Drives the process that drives Chromium (lib/main.mjs). They talk in JSON lines: it is told a test to run, asks meanwhile for what
is made from outside (asks.py), and says in the end how the test went."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading

import npm
import asks

SOURCE = pathlib.Path(__file__).resolve().parent
PATIENCE_SEC = 1000  # of a test; main.mjs has less, and says what was going on
CHROMIUM = "/usr/bin/chromium-headless-shell"  # the same, without a window and what belongs to one: half the work


def artefacts():
    """Where the screenshots of a run go."""
    return pathlib.Path(os.environ.get("MARKETINGCLI_ARTEFACTS") or pathlib.Path(os.environ["MARKETINGCLI_BUILD"]).resolve() / "screenshots")


def trusting(ca):
    """A home in which Chromium trusts the stack's CA, and verifies all else as ever."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="mcli-browser-"))
    database = home / ".pki/nssdb"
    database.mkdir(parents=True)
    for options in (["-N", "--empty-password"], ["-A", "-n", "the stack", "-t", "C,,", "-i", str(ca)]):
        subprocess.run(["certutil", "-d", f"sql:{database}", *options], check=True, stdin=subprocess.DEVNULL)
    return home


class Browser:
    def __init__(self, stack):
        self.stack, self.process, self.asks = stack, None, asks.World(stack)

    def __enter__(self):
        self.home = trusting(self.stack.ca)
        self.said = (self.home / "said").open("w+")
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.process.stdin.close()  # the sign to end
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
            self.end()
        self.said.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def start(self):
        at = npm.installed(SOURCE, os.environ["MARKETINGCLI_BUILD"])
        folder = artefacts()
        folder.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "ORIGIN": self.stack.url, "SIMULATOR": self.stack.sandbox_url, "HOME": str(self.home),
                       "XDG_CONFIG_HOME": str(self.home), "XDG_CACHE_HOME": str(self.home), "NODE_EXTRA_CA_CERTS": str(self.stack.ca),
                       "CHROMIUM": CHROMIUM, "ARTEFACTS": str(folder)}
        self.process = subprocess.Popen([npm.node(at), "lib/main.mjs"], cwd=at, env=environment, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.said, start_new_session=True)

    def end(self):
        """Of the process, with all that Chromium has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def tell(self, what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def run(self, file, name):
        """The test of that name. AssertionError, with what the page did, when it fails."""
        if self.process is None:
            self.start()
        late = threading.Timer(PATIENCE_SEC, os.killpg, [self.process.pid, 9])
        late.start()
        try:
            with self.asks.during_a_test():
                self.tell({"run": name, "file": file})
                said = self.answer_until_done()
        except (OSError, EOFError):
            self.end()
            self.said.seek(0)
            raise AssertionError(f"the browser's driver has ended:\n{self.said.read()[-4000:]}") from None
        finally:
            late.cancel()
        if said["failed"]:
            raise AssertionError(said["failed"])

    def answer_until_done(self):
        for line in self.process.stdout:
            said = json.loads(line)
            if "done" in said:
                return said
            try:
                self.tell({"id": said["id"], "answer": self.asks.answer(said["ask"], said["with"])})
            except OSError:
                raise
            except Exception as e:  # the test's own failure, at the line where it asked
                self.tell({"id": said["id"], "refused": f"{type(e).__name__}: {e}"})
        raise EOFError
