#!/bin/sh
# Runs every fuzz target for SECONDS, starting from its corpus. Fails when one finds something.
#
#	CC=clang-14 meson setup build-fuzz -Dfuzz=true && ninja -C build-fuzz fuzz
#	tests/fuzz/run.sh build-fuzz 60 [TARGET...]
#
# What is found goes to a temporary folder, which is kept when there is a finding; the tree is never written to.
set -eu

if [ $# -lt 2 ]; then
	echo "usage: $0 BUILDDIR SECONDS [TARGET...]" >&2
	exit 2
fi
build=$1
seconds=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || for file in "$here"/*.c; do
	name=${file##*/}
	set -- "$@" "${name%.c}"
done
out=$(mktemp -d)
failed=0

for target in "$@"; do
	mkdir -p "$out/$target/new" "$out/$target/finding"
	printf '%-12s ' "$target"
	if "$build/tests/fuzz/fuzz-$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=4096 \
		-artifact_prefix="$out/$target/finding/" "$out/$target/new" "$here/corpus/$target" \
		>"$out/$target/log" 2>&1; then
		sed -n 's/^Done \([0-9]*\) runs.*/ok, \1 runs/p' "$out/$target/log"
	else
		failed=$((failed + 1))
		echo FAILED
		tail -n 40 "$out/$target/log"
		for file in "$out/$target/finding"/*; do
			[ ! -f "$file" ] || echo "input: $file"
		done
	fi
done

if [ $failed -gt 0 ]; then
	echo "$failed with findings, kept in $out"
	exit 1
fi
rm -r "$out"
echo "no findings"
