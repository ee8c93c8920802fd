#!/bin/sh
# All tests. tests/run.sh [--list] [WORD...]: only those whose name contains a word. The last line is "N passed, N failed".
# Installs missing Debian packages first (as root or with sudo; tests/packages.sh).
set -eu
cd "$(dirname "$0")/.."
. tests/packages.sh
case " $* " in
*" --list "*) packages_install python3 python3-pytest python3-requests python3-pymysql python3-pil >&2 ;;
*) packages_install $packages_test ;;
esac
case " $* " in *" boot"*) packages_install $packages_boot ;; esac
exec /usr/bin/python3 tests/runner/run.py "$@"
