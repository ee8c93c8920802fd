#!/bin/sh
# small.sh ESBUILD HTML OUT DEPFILE: the pages as they are served, those of the dashboard without the comments and the indentation of their
# modules and styles, a tenth of what a first view loads. Each stays a file of its own, and names stay. Called when the project is built.
set -eu
esbuild=$1 html=$2 out=$3
rm -rf "$out.new"
cp -R "$html" "$out.new"
find "$html/dashboard" \( -name '*.js' -o -name '*.css' \) -exec "$esbuild" --minify-whitespace --charset=utf8 --log-level=warning \
	--outbase="$html" --outdir="$out.new" {} +
rm -rf "$out"
mv "$out.new" "$out"
# Folders, too: a file that is added changes them.
{ printf '%s:' "$out" && find "$html" -printf ' %p'; } >"$4"
