// Disconnecting an account: what that cancels, then what TikTok said to it.
import {html, nothing} from "../lit.js";
import {Failure} from "../api.js";
import {dialog} from "../dialog.js";
import {form} from "../form.js";
import {count, failed, loading} from "../ui.js";
import {nameOf} from "./posts-parts.js";
import {words} from "../words/en/common.js";
import {say} from "../words/en/accounts.js";

const WAITING = ["queued", "deferred", "awaiting_approval"]; // what a disconnect cancels
const MOST = 100; // posts of a status that are counted

// How many posts of the account are in these statuses: {n, isMore}, isMore where there are more than were counted.
async function howMany(api, account, statuses) {
	const pages = await Promise.all(statuses.map(status => api.page("/posts", {status, account_id: account.id, limit: MOST})));
	return {n: pages.reduce((sum, page) => sum + page.items.length, 0), isMore: pages.some(page => page.next !== null)};
}

// Resolves to "done", "failed" (it was tried) or "kept".
export async function disconnect(api, account) {
	const name = nameOf(account);
	const state = {waiting: null, underWay: null, error: null, answer: null};
	let made = null;

	async function look(redraw) {
		state.error = null;
		redraw();
		try {
			[state.waiting, state.underWay] = await Promise.all([howMany(api, account, WAITING), howMany(api, account, ["publishing", "processing"])]);
		} catch (error) {
			if (!(error instanceof Failure))
				throw error;
			state.error = error;
		}
		redraw();
	}

	const sentence = (of, {n, isMore}) => of(n, isMore ? say.moreThan(count(n)) : count(n));
	const costs = redraw => state.error !== null ? failed(state.error, () => look(redraw)) : state.waiting === null ? loading()
		: html`<p>${state.waiting.n === 0 ? say.cancelsNone : sentence(say.cancels, state.waiting)}</p>
			${state.underWay.n === 0 ? nothing : html`<p>${sentence(say.underWay, state.underWay)}</p>`}`;

	const result = ({revoked_at_tiktok: revoked, not_revoked_because: why}) => revoked ? say.revoked : say.notRevoked[why] ?? say.notRevoked.other;

	await dialog((close, redraw) => {
		if (made === null) {
			made = form(redraw, {
				send: () => api.send("DELETE", "/accounts/" + account.id),
				done: answer => {
					state.answer = answer;
					queueMicrotask(() => document.querySelector("dialog [data-autofocus]")?.focus());
				},
			});
			queueMicrotask(() => look(redraw));
		}
		return state.answer !== null
			? html`<article><h2>${say.doneTitle(name)}</h2><p role="status">${result(state.answer)}</p>
				<footer><button type="button" data-autofocus @click=${() => close()}>${say.close}</button></footer></article>`
			: html`<article><h2>${say.askTitle(name)}</h2>
				<form @submit=${made.submit} novalidate>
					<p>${say.askText}</p><div aria-live="polite">${costs(redraw)}</div><p>${say.stays}</p>
					${made.problems()}
					<footer><button type="button" class="secondary" data-autofocus @click=${() => close()}>${words.cancel}</button>
						${made.button(say.disconnect, {kind: "danger"})}</footer>
				</form></article>`;
	});
	return state.answer !== null ? "done" : made.state.failure !== null ? "failed" : "kept";
}
