#!/bin/sh
# bring.sh SOURCE OUT: what the dashboard imports, from npm by the lock file, as it was published; and esbuild, for small.sh. Called when
# the project is built.
set -eu
source=$1 out=$2
work=$out/npm
rm -rf "$work" "$out/vendor"
mkdir -p "$work" "$out/vendor/lit-html/directives"
cp "$source/package.json" "$source/package-lock.json" "$work"
npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund --silent
modules=$work/node_modules
# lit-html imports its own files by these names.
for file in lit-html.js directive.js directive-helpers.js async-directive.js \
	directives/live.js directives/ref.js directives/repeat.js; do
	sed '/^\/\/# sourceMappingURL=/d' "$modules/lit-html/$file" >"$out/vendor/lit-html/$file"
done
# The one that is published as a module is not made small.
{ cat "$modules/uplot/dist/uPlot.iife.min.js" && echo 'export default uPlot;'; } >"$out/vendor/uplot.js"
cp "$modules/uplot/dist/uPlot.min.css" "$out/vendor/uplot.css"
cp "$modules/uqr/dist/index.mjs" "$out/vendor/uqr.js"
cp "$modules/@picocss/pico/css/pico.min.css" "$out/vendor/pico.css"
for name in lit-html uplot uqr @picocss/pico; do
	licence=$(find "$modules/$name" -maxdepth 1 -iname 'licen[cs]e*' | head -n 1)
	printf '%s\n\n' "$name"
	cat "$licence"
	printf '\n\n'
done >"$out/vendor/LICENCES.txt"
cp "$modules"/@esbuild/*/bin/esbuild "$out/esbuild"
rm -rf "$work"
