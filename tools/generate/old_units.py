#!/usr/bin/python3
"""old_units.py DIR FILE...: deletes what is named as ours in systemd's folder of units, and is not of this build. `meson install` calls it at its
end. FILE: what meson does not tell of, because it installs one source twice.

What an admin has made there is not ours: local units and drop-ins are below /etc/systemd."""

import json
import os
import pathlib
import shlex
import subprocess
import sys

command = [*shlex.split(os.environ["MESONINTROSPECT"]), "--installed", os.environ["MESON_BUILD_ROOT"]]
there, *twice = map(pathlib.Path, sys.argv[1:])
installed = {*json.loads(subprocess.run(command, check=True, capture_output=True).stdout).values(), *map(str, twice)}
folder = pathlib.Path(f"{os.environ.get('DESTDIR', '')}{there}")

for ours in [*folder.glob("marketingcli*"), *folder.glob("nginx-marketingcli*")]:
    files = [*ours.glob("[0-9][0-9]-*.conf")] if ours.is_dir() else [ours]
    for path in files:
        if str(there / path.relative_to(folder)) not in installed:
            path.unlink()
            print(f"deleted {path}, which this release does not have")
    if ours.is_dir() and not any(ours.iterdir()):
        ours.rmdir()
