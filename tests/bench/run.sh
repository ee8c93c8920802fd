#!/bin/sh
# How fast it is, in ratios to what people would use instead; see bench.py. Not in CI: takes about half an hour
# of a quiet machine with 5 GB of free disk, and installs other languages' runtimes (Debian's packages; fastify, mysql2 and sharp from npm).
#
#	tests/bench/run.sh              all rows; the table is printed and kept in tests/bench/results.txt
#	tests/bench/run.sh --quick      short runs, to see that it works: the numbers mean nothing and are not kept
#	tests/bench/run.sh me signin    these rows only, not kept: small me syscalls upload signin memory post read uploads bombs handover checks mail alike webhooks photos export pages
#
# --build DIR takes a meson build folder that is built already (default: build-release, a release build).
set -eu
cd "$(dirname "$0")/../.."
. tests/packages.sh

packages_install $packages_demo python3-pytest python3-requests python3-pymysql wrk strace golang-go \
	golang-github-go-sql-driver-mysql-dev php-fpm php-mysql python3-scipy chromium-headless-shell libnss3-tools fonts-dejavu-core $packages_node

exec /usr/bin/python3 tests/bench/bench.py "$@"
