// How much of a limit is used, as a bar with its numbers.
import {html, nothing} from "../lit.js";
import {bytes, count} from "../ui.js";
import {say} from "../words/en/meter.js";

const shown = (name, n) => /bytes$/.test(name) ? bytes(n) : count(n);

// limit: {name, limit, used}; limit null: there is none. more: below it.
export function meter(label, {name, limit, used}, more = nothing) {
	const isFull = limit !== null && used >= limit;
	const text = limit === null ? say.inNoLimit(shown(name, used)) : say.in(shown(name, used), shown(name, limit));
	return html`<div class="meter ${isFull ? "full" : ""}"><p><span>${label}</span> <span>${text}</span></p>
		${limit === null ? nothing : html`<progress max=${Math.max(limit, 1)} value=${Math.min(used, limit)} aria-label=${label}></progress>`}${more}</div>`;
}
