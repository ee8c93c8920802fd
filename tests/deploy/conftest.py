"""`meson install` of the release build into a folder, once for all tests here."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent

sys.path.insert(0, str(CHECKOUT / "tools/generate"))

import generate  # noqa: E402

ROWS = generate.services()


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    root = tmp_path_factory.mktemp("installed")
    build = os.environ.get("MARKETINGCLI_RELEASE", str(CHECKOUT / "build-release"))
    subprocess.run(["/usr/bin/meson", "install", "-C", build, "--no-rebuild", "--destdir", str(root)], check=True,
                   stdout=subprocess.DEVNULL)
    yield root
    shutil.rmtree(root, ignore_errors=True)
