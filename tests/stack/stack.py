"""A private stack: MariaDB, nginx, all programs. tests/stack.sh calls this; `tests/stack.sh help` says how."""

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import time

import processes
import ready
from layout import CHECKOUT, Layout


def parse(argv):
    parser = argparse.ArgumentParser(prog="tests/stack.sh", description="A private stack of MariaDB, nginx and all programs.")
    parser.add_argument("command", choices=["up", "down", "status", "logs", "shell"])
    parser.add_argument("name", nargs="?", help="logs: of one program only")
    parser.add_argument("--dir", default=str(CHECKOUT / ".stack"), help="the stack's folder (default: .stack)")
    parser.add_argument("--https", type=int, default=8443, help="port; 0 takes a free one (see DIR/ports)")
    parser.add_argument("--http", type=int, default=8080, help="port; 0 takes a free one")
    parser.add_argument("--build", help="meson build folder (default: build-dev, which is set up and built)")
    parser.add_argument("--foreground", action="store_true", help="up: stay, end the stack with Ctrl-C")
    parser.add_argument("--durable", action="store_true", help="MariaDB with the settings of a server, not of a test")
    parser.add_argument("--weighted", action="store_true", help="the image service and the intake give way, as CPUWeight= of their units says")
    parser.add_argument("--partial", action="store_true", help="start what is built, leave out the rest")
    parser.add_argument("--fresh", action="store_true", help="up: forget the database and the images of before")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="configuration value")
    parser.add_argument("--status-fd", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    options.changes = {}
    for change in options.set:
        name, equals, value = change.partition("=")
        section, dot, key = name.partition(".")
        if not equals or not dot:
            parser.error(f"--set {change}: SECTION.KEY=VALUE is wanted")
        options.changes[section, key] = value
    return options


def running(at):
    """The supervisor's pid, or None."""
    for name, pid, started in processes.read_pids(at):
        if name == "supervisor" and processes.alive(pid, started):
            return pid
    return None


def read_ports(at):
    return {name: int(port) for name, port in map(str.split, at.ports.read_text().splitlines())}


def build_default():
    build = CHECKOUT / "build-dev"
    if not (build / "build.ninja").exists():
        subprocess.run(["/usr/bin/meson", "setup", str(build), str(CHECKOUT), "-Dbuildtype=debug", "-Dtest_hooks=true"],
                       check=True)
    subprocess.run(["/usr/bin/ninja", "-C", str(build)], check=True)
    return build


def up(at, options):
    if running(at):
        print(f"already up: https://localhost:{read_ports(at)['https']}/ (in {at.dir})")
        return 0
    try:
        options.build = os.path.abspath(options.build or build_default())
    except subprocess.CalledProcessError as e:
        print(f"the build failed: {' '.join(e.cmd)}", file=sys.stderr)
        return 1
    options.https = options.https or ready.free_port()
    options.http = options.http or ready.free_port(options.https)
    processes.clean_up(at)  # before the ports are looked at: a killed supervisor's nginx may still have them
    for port in (options.https, options.http):
        problem = ready.port_problem(port)
        if problem:
            print(f"{problem}. Another stack? Choose other ports with --https and --http.", file=sys.stderr)
            return 1
    at.make()
    if options.fresh:
        subprocess.run(["rm", "-rf", *(str(p) for p in (at.data, at.home / "data.ready", at.store_home, at.log))],
                       check=True)
    return foreground(at, options) if options.foreground else background(at, options)


def foreground(at, options):
    from supervisor import supervise

    def say(text):
        text = welcome(at, options) if text == "READY" else text
        print(text, file=sys.stderr if text.startswith("FAILED") else sys.stdout, flush=True)
    return supervise(at, options, say)


def background(at, options):
    """Leaves the supervisor behind and waits until it says READY or FAILED."""
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.close(read_end)
        os.setsid()
        at.log.mkdir(exist_ok=True)
        log = open(at.log / "supervisor.log", "a", buffering=1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        os.set_inheritable(write_end, False)
        told = [False]

        def say(text):
            print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), text, flush=True)
            try:
                if not told[0]:
                    os.write(write_end, (text + "\n").encode())
            except BrokenPipeError:
                told[0] = True  # whoever started us did not wait
            if text == "READY":
                os.close(write_end)
                told[0] = True
        from supervisor import supervise
        code = 1
        try:
            code = supervise(at, options, say)
        finally:
            os._exit(code)
    os.close(write_end)
    with os.fdopen(read_end) as report:
        lines = []
        for line in report:
            if line == "READY\n":
                print(welcome(at, options))
                return 0
            if not line.startswith("FAILED"):
                print(line, end="")
            lines.append(line)
    failure = "".join(lines).partition("FAILED ")[2] or f"the supervisor died: see {at.log}/supervisor.log\n"
    print(f"the stack did not come up: {failure}", end="", file=sys.stderr)
    return 1


def welcome(at, options):
    return (f"up: https://localhost:{options.https}/ (plain http: {options.http}), simulator: "
            f"https://sandbox.localhost:{options.https}/\n    curl --cacert {at.dir}/ca.crt, logs in {at.dir}/log/")


def down(at, _):
    pid = running(at)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + 30
        while running(at) and time.monotonic() < end:
            time.sleep(0.02)
        if running(at):
            os.kill(pid, signal.SIGKILL)
    processes.clean_up(at)
    print("down")
    return 0


def status(at, _):
    if running(at) is None:
        print(f"not running: {at.dir}")
        return 3
    ports = read_ports(at)
    print(f"https://localhost:{ports['https']}/ in {at.dir}")
    for name, pid, started in processes.read_pids(at):
        print(f"{name:16} {pid:8} {'up' if processes.alive(pid, started) else 'down'}")
    return 0


def logs(at, options):
    names = [at.log / f"{options.name}.log"] if options.name else sorted(at.log.glob("*.log"))
    missing = [n for n in names if not n.exists()]
    if missing or not names:
        print(f"there is no {missing[0] if missing else at.log}", file=sys.stderr)
        return 1
    os.execvp("tail", ["tail", "-n", "50", "-F", *map(str, names)])


SHELL_START = """
PS1='(stack) \\w$ '
db() { mariadb --no-defaults -uroot -S "$STACK/mariadb.sock" marketingcli "$@"; }
api() { local path=$1; shift; curl -sS --cacert "$STACK/ca.crt" "$URL/api/v1$path" "$@"; echo; }
echo "db: the database's client. api /path [curl's options]: one call. \\$STACK, \\$URL, \\$SANDBOX are set."
"""


def shell(at, _):
    if running(at) is None:
        return status(at, _)
    port = read_ports(at)["https"]
    start = at.home / "shell.rc"
    start.write_text(SHELL_START)
    env = {**os.environ, "STACK": str(at.home), "URL": f"https://localhost:{port}",
           "SANDBOX": f"https://sandbox.localhost:{port}", "MARKETINGCLI_CONF": str(at.conf)}
    os.execvpe("bash", ["bash", "--rcfile", str(start), "-i"], env)


COMMANDS = {"up": up, "down": down, "status": status, "logs": logs, "shell": shell}


def main():
    options = parse(sys.argv[1:])
    try:
        return COMMANDS[options.command](Layout(options.dir), options)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
