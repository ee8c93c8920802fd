#!/bin/sh
# small.sh BR.MJS ESBUILD VENDOR WORDS HTML OUT DEPFILE: the pages as they are served. Those of the dashboard have what others publish and
# their words beside them, and no comments and no indentation in their modules and styles, a tenth of what a first view loads. Each
# stays a file of its own, and names stay. In OUT/br they lie once more, compressed. Called when the project is built.
set -eu
compress=$1 esbuild=$2 vendor=$3 words=$4 html=$5 out=$6
rm -rf "$out.new"
cp -R "$html" "$out.new"
find "$html/dashboard" \( -name '*.js' -o -name '*.css' \) -exec "$esbuild" --minify-whitespace --charset=utf8 --log-level=warning \
	--outbase="$html" --outdir="$out.new" {} +
cp -R "$vendor" "$words" "$out.new/dashboard"
node "$compress" "$out.new"
rm -rf "$out"
mv "$out.new" "$out"
# Folders, too: a file that is added changes them.
{ printf '%s:' "$out" && find "$html" -printf ' %p'; } >"$7"
