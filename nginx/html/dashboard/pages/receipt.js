// What became of a deletion. Whoever has the address sees it; nobody is signed in for it.
import {html, nothing} from "../lit.js";
import {badge, copy, every, failed, loading, when} from "../ui.js";
import {say} from "../words/en/receipt.js";

const SOON_SEC = 2, LATER_SEC = 30, WAITING_SEC = 60; // a network has ten such requests a minute, its sign-ins among them

// Where there are no days of grace, or none are left, it begins in a moment.
const stateOf = r => r.state === "waiting" && r.cancel_until === null ? "running" : r.state;

export default function receipt({plain, params, redraw}) {
	const state = {receipt: null, error: null};
	let pause = SOON_SEC / 2;

	async function look() {
		try {
			state.receipt = await plain.get("/privacy/erasure/" + encodeURIComponent(params.receipt));
			state.error = null;
		} catch (error) {
			state.error = error;
		}
		redraw();
		if (state.error !== null)
			return state.error.status === 404 ? null : state.error.waitSec || LATER_SEC;
		if (["done", "canceled"].includes(state.receipt.state))
			return null;
		pause = Math.min(pause * 2, LATER_SEC);
		return stateOf(state.receipt) === "waiting" ? WAITING_SEC : pause;
	}
	const end = every(0, look);

	const view = r => html`<dl class="facts">
			<dt>${say.number}</dt><dd><code>${r.receipt}</code> ${copy(location.href)}</dd>
			<dt>${say.state}</dt><dd aria-live="polite">${badge(...say.states[stateOf(r)])}</dd>
			<dt>${say.asked}</dt><dd>${when(r.asked_at)}</dd>
			<dt>${say.ended}</dt><dd>${r.ended_at === null ? say.none : when(r.ended_at)}</dd>
		</dl>
		${say.waits[r.waits_for] === undefined ? nothing : html`<p>${say.waits[r.waits_for]}${r.waits_until === null ? nothing : html` ${say.waitsUntil} ${when(r.waits_until)}.`}</p>`}
		<p>${say.keep}</p>
		<h2>${say.steps}</h2>
		<ul>${r.steps.map(s => html`<li>${say.stepNames[s.step] ?? s.step}: ${s.done_at === null ? say.none : when(s.done_at)}</li>`)}</ul>
		${r.tiktok_accounts > 0 ? html`<p>${say.revoked(r.tiktok_revoked, r.tiktok_accounts)}</p>` : nothing}
		${r.posts_at_tiktok > 0 ? html`<p>${say.atTiktok(r.posts_at_tiktok)}</p>` : nothing}
		${r.posts_unknown > 0 ? html`<p>${say.unknown(r.posts_unknown)}</p>` : nothing}
		<h2>${say.remains}</h2>
		<ul>${r.remains.map(x => html`<li>${x.note}${x.until === null ? nothing : html` (${say.until} ${when(x.until)})`}</li>`)}</ul>`;

	return {
		title: say.title,
		close: end,
		view: () => state.receipt !== null ? view(state.receipt) : state.error === null ? loading() : state.error.status === 404 ? html`<p role="alert">${say.lost}</p>` : failed(state.error, look),
	};
}
