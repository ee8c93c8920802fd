// br.mjs HTML: compresses the dashboard's modules and styles (RFC 7932) as well as can be, each into a file of the same name below HTML/br.
// That takes seconds, so it is done when the project is built (small.sh), and by Node, which is there for npm.

import {mkdirSync, readFileSync, readdirSync, writeFileSync} from "node:fs";
import path from "node:path";
import {brotliCompressSync, constants} from "node:zlib";

const [html] = process.argv.slice(2);
const best = {[constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY, [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT};

for (const name of readdirSync(path.join(html, "dashboard"), {recursive: true}).filter(name => /\.(?:css|js)$/.test(name))) {
	const to = path.join(html, "br/dashboard", name);
	mkdirSync(path.dirname(to), {recursive: true});
	writeFileSync(to, brotliCompressSync(readFileSync(path.join(html, "dashboard", name)), {params: best}));
}
