// Small pieces that many pages draw.
import {html, nothing, ref, render} from "./lit.js";
import {Failure} from "./api.js";
import {words} from "./words/en/common.js";

const LOCALE = undefined; // the browser's
const moment = new Intl.DateTimeFormat(LOCALE, {dateStyle: "medium", timeStyle: "short"});
const exact = new Intl.DateTimeFormat(LOCALE, {dateStyle: "full", timeStyle: "long"});
const dayOnly = new Intl.DateTimeFormat(LOCALE, {dateStyle: "medium"});
const number = new Intl.NumberFormat(LOCALE);

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

// A time of the API in the browser's zone; the zone stands in the foot of each page, and in the title.
export function when(text) {
	if (text === null || text === undefined)
		return words.never;
	const date = new Date(text);
	return html`<time datetime=${text} title=${exact.format(date)}>${moment.format(date)}</time>`;
}

export function day(text) {
	return html`<time datetime=${text}>${dayOnly.format(new Date(text))}</time>`;
}

export function count(n) {
	return number.format(n);
}

export function bytes(n) {
	const units = ["B", "kB", "MB", "GB"];
	let at = 0;
	for (; n >= 1000 && at < units.length - 1; at++)
		n /= 1000;
	return new Intl.NumberFormat(LOCALE, {maximumFractionDigits: n < 10 && at > 0 ? 1 : 0}).format(n) + " " + units[at];
}

// What went wrong where nothing was typed: the whole page, or a part of it.
export function failed(error, again) {
	if (!(error instanceof Failure))
		throw error;
	return html`<div role="alert" class="problem">${error.problems.map(p => html`<p>${p.message}</p>`)}
		${error.requestId ? html`<p><small>${words.api.requestId(error.requestId)}</small></p>` : nothing}
		${again ? html`<button type="button" class="secondary" @click=${again}>${words.tryAgain}</button>` : nothing}</div>`;
}

export function loading() {
	return html`<p aria-busy="true">${words.loading}</p>`;
}

// Loads something and draws it when it is there. view(data).
export function load(redraw, get) {
	const state = {data: null, error: null, isLoading: false};
	let turn = 0; // what was asked before comes too late
	async function again() {
		const mine = ++turn;
		Object.assign(state, {error: null, isLoading: true});
		redraw();
		const came = await get().then(data => ({data}), error => ({error}));
		if (mine !== turn)
			return;
		Object.assign(state, came, {isLoading: false});
		redraw();
	}
	again();
	return {
		state,
		again,
		view: draw => state.error !== null ? failed(state.error, again) : state.data === null ? loading() : draw(state.data),
	};
}

// Resolves once the page's content stands: its heading is there, and nothing more is awaited. What may come later, such as a chart, begins then, and
// takes nothing of the network from what comes first. (.asking: TikTok's answer, which may take long.)
export function stands() {
	const main = document.getElementById("main");
	const isThere = () => main.querySelector("h1") !== null && main.querySelector("p[aria-busy=true]:not(.asking)") === null;
	return new Promise(done => {
		const look = () => {
			if (!isThere())
				return;
			seen.disconnect();
			done();
		};
		const seen = new MutationObserver(look);
		seen.observe(main, {subtree: true, childList: true, attributeFilter: ["aria-busy"]});
		look();
	});
}

// A module without which a page can stand: get() imports it. It comes once the page stands, because it may be wanted when the network is away. Returns
// what gives it, sooner if it is asked for sooner.
export function later(get) {
	let came = null;
	const ask = () => came ??= get().catch(error => {
		came = null; // the browser asks anew
		throw error;
	});
	stands().then(ask).catch(() => {}); // whoever asks for it says so
	return ask;
}

// A list that grows by pages as its end comes into view. get(cursor): {items, next}. row(item): a template.
export function pager(redraw, get) {
	const state = {items: [], next: undefined, error: null, isLoading: false};
	let watched = null, turn = 0; // turn: what was asked before a restart is dropped
	const seen = new IntersectionObserver(entries => {
		if (entries.some(e => e.isIntersecting) && state.error === null)
			more();
	}, {rootMargin: "400px"});

	async function more() {
		if (state.isLoading || state.next === null)
			return;
		const mine = turn;
		Object.assign(state, {isLoading: true, error: null});
		redraw();
		let page = null, failure = null;
		try {
			page = await get(state.next);
		} catch (error) {
			failure = error;
		}
		if (mine !== turn)
			return;
		if (page !== null) {
			state.items.push(...page.items);
			state.next = page.next;
		}
		Object.assign(state, {isLoading: false, error: failure});
		redraw();
		if (watched !== null && state.error === null) { // an end that is still in view is not told again
			seen.unobserve(watched);
			seen.observe(watched);
		}
	}

	function restart() {
		turn++;
		Object.assign(state, {items: [], next: undefined, error: null, isLoading: false});
		return more();
	}

	function watch(element) {
		if (watched !== null)
			seen.unobserve(watched);
		watched = element ?? null;
		if (watched !== null)
			seen.observe(watched);
	}

	more();
	return {
		state,
		restart,
		close: () => seen.disconnect(),
		// rows: the list as the page draws it; empty: what is said when there is none.
		view: (rows, empty) => html`${state.items.length > 0 ? rows : !state.isLoading && state.error === null && state.next === null ? empty : nothing}
			${state.error !== null ? failed(state.error, more) : nothing}
			${state.isLoading ? loading() : nothing}
			${state.next ? html`<p ${ref(watch)}><button type="button" class="secondary" @click=${more}>${words.more}</button></p>` : nothing}`,
	};
}

// Calls fn every so many seconds while the tab is in view, and at once when it comes back. Returns what ends it. fn may give the seconds
// until the next call, or null for never.
export function every(seconds, fn) {
	let timer = null, running = false, ended = false;
	async function run() {
		timer = null;
		if (ended || document.hidden)
			return;
		running = true;
		let next = null;
		try {
			next = await fn();
		} finally {
			running = false;
		}
		if (!ended && next !== null)
			timer = setTimeout(run, (next ?? seconds) * 1000);
	}
	const back = () => {
		if (!document.hidden && timer === null && !running && !ended) // else there would be two of it from then on
			run();
	};
	document.addEventListener("visibilitychange", back);
	timer = setTimeout(run, seconds * 1000);
	return () => {
		ended = true;
		clearTimeout(timer);
		document.removeEventListener("visibilitychange", back);
	};
}

// Says something to everybody: on the screen for a moment, and to a screen reader.
export function tell(text) {
	const at = document.getElementById("told");
	at.textContent = text;
	clearTimeout(tell.timer);
	tell.timer = setTimeout(() => {
		at.textContent = "";
	}, 8000);
}

// The same for what failed where no page shows it.
export function tellFailure(error) {
	tellWith(failed(error));
}

// A template in place of a text. It stays until something else is said.
export function tellWith(view) {
	const said = document.createElement("div"); // of its own: lit-html loses what it has drawn where tell() takes it away
	render(view, said);
	document.getElementById("told").replaceChildren(said);
	clearTimeout(tell.timer);
}

// Where a page has become another one by itself: its heading has the focus, as after a link.
export function focusHeading() {
	document.querySelector("#main h1").focus({preventScroll: true});
	scrollTo(0, 0);
}

// Gives the browser a file to keep. It reads that in its own time, after the click.
export function save(blob, name) {
	const link = document.createElement("a");
	link.href = URL.createObjectURL(blob);
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// A button that copies a text, and says so.
export function copy(text, label = words.copy) {
	return html`<button type="button" class="secondary small" @click=${async () => {
		await navigator.clipboard.writeText(text).then(() => tell(words.copied), () => tell(words.notCopied)); // a browser may refuse
	}}>${label}</button>`;
}

// A state in a word, coloured by its kind: "good", "bad", "waiting" or "quiet".
export function badge(text, kind) {
	return html`<span class="badge ${kind}">${text}</span>`;
}
