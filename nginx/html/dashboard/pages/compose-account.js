// The TikTok account that a post goes to, and what TikTok says of it: asked anew when the page is opened, and every ten minutes.
import {html, nothing} from "../lit.js";
import {Failure} from "../api.js";
import {address} from "../router.js";
import {every, failed, loading, when} from "../ui.js";
import {isPublic} from "./creator.js";
import {say} from "../words/en/compose.js";

const FRESH_MS = 10 * 60 * 1000; // when the API asks TikTok anew
const ASKED = [2, 2, 2, 2, 2, 4, 8, 8]; // seconds until the next look, while TikTok's answer is awaited

// state.list: all accounts; state.one: the chosen one, with what TikTok says; isAsking: an answer is awaited. chosen(): the id, or null. arrived(): one is there.
export function creator({api, plain, redraw, chosen, choose, arrived}) {
	const state = {list: null, one: null, isAsking: false, error: null};
	let end = null, isOpen = true;

	const isFresh = account => account.state !== "active" || !account.scopes.includes("video.publish") ||
		(account.platform_data.snapshot_at !== null && Date.now() - Date.parse(account.platform_data.snapshot_at) < FRESH_MS);

	async function begin() {
		state.error = null;
		try {
			state.list = await api.all("/accounts");
		} catch (error) {
			state.error = error;
			return redraw();
		}
		first();
	}

	// The account of the draft; of one alone there is nothing to choose.
	function first() {
		if (state.list === null) // it comes here when they are known
			return;
		if (!state.list.some(a => a.id === chosen()))
			choose(state.list.length === 1 ? state.list[0].id : null);
		look();
	}

	function look() {
		let turn = 0;
		end?.();
		end = null;
		state.one = state.one?.id === chosen() ? state.one : null;
		if (chosen() === null || !isOpen)
			return redraw();
		const ask = async (by = plain) => { // nobody is asked to sign in for a look that nobody has asked for
			const id = chosen();
			try {
				const one = await by.get("/accounts/" + id);
				if (id !== chosen() || !isOpen)
					return null;
				const isNew = one.platform_data.snapshot_at !== state.one?.platform_data.snapshot_at;
				Object.assign(state, {one, error: null, isAsking: !isFresh(one) && turn < ASKED.length});
				if (isNew)
					arrived(one);
			} catch (error) {
				if (!(error instanceof Failure))
					throw error;
				Object.assign(state, {error, isAsking: false});
			}
			redraw();
			return state.isAsking ? ASKED[turn++] : FRESH_MS / 1000 + 1;
		};
		state.isAsking = true;
		redraw();
		ask(api).then(next => {
			if (next !== null && isOpen)
				end = every(next, () => ask());
		});
	}

	// Why nothing can be sent to it now, as a template; null: it can.
	function stop() {
		const one = state.one;
		if (one === null)
			return null;
		if (one.state === "needs_reconnect")
			return html`<p>${say.account.reconnect}</p><p><a href=${address("/accounts")}>${say.account.reconnectLink}</a></p>`;
		const block = one.platform_data.post_block;
		if (block === null)
			return null;
		return html`<p><strong>${say.account.stopped}</strong> ${say.account.blocks[block] ?? ""}</p>
			<p><small>${say.account.code(block)}</small></p>
			<button type="button" class="secondary small" @click=${look}>${say.account.askAgain}</button>`;
	}

	// What speaks against publishing to it, but not against a draft.
	const mustBePrivate = () => state.one !== null && state.one.platform_data.must_be_private && isPublic(state.one);

	const isOld = () => state.one !== null && !state.isAsking && !isFresh(state.one);

	function view(problems) {
		if (state.list === null)
			return state.error === null ? loading() : failed(state.error, begin);
		const one = state.one, blocked = stop(), isAwaited = state.isAsking && state.error === null;
		return html`
			${state.list.length > 1 ? html`<div class="field"><label for="compose-account">${say.account.label}</label>
				<select id="compose-account" aria-invalid=${problems.length > 0 ? "true" : nothing} aria-describedby=${problems.length > 0 ? "compose-account-said" : nothing}
					@change=${event => {
						choose(event.target.value);
						look();
					}}>
					<option value="" disabled .selected=${chosen() === null}>${say.account.choose}</option>
					${state.list.map(a => html`<option value=${a.id} .selected=${a.id === chosen()}>${say.account.name(a)}</option>`)}
				</select>
				${problems.length > 0 ? html`<small id="compose-account-said">${problems.join(" ")}</small>` : nothing}</div>`
			: problems.length > 0 ? html`<p class="wrong" data-wrong tabindex="-1">${problems.join(" ")}</p>` : nothing}
			${chosen() === null ? nothing : html`<div class="creator">${one === null ? nothing : html`
				${one.avatar_url !== null ? html`<img src=${api.address(`/accounts/${one.id}/avatar`)} alt="" width="48" height="48" @error=${event => event.target.hidden = true}>` : nothing}
				<p><strong>${one.platform_data.creator_nickname ?? one.display_name ?? say.account.unnamed}</strong>
					${one.username !== null ? html`<br><small>@${one.username}</small>` : nothing}</p>`}</div>
				<p class="asking" aria-busy=${isAwaited ? "true" : nothing}>${isAwaited ? say.account.asking : nothing}</p>`}
			${state.error !== null ? failed(state.error, look) : nothing}
			${blocked !== null ? html`<div class="problem" role="alert">${blocked}</div>` : nothing}
			${blocked === null && mustBePrivate() ? html`<div class="note"><p>${say.account.makePrivate}</p>
				<button type="button" class="secondary small" @click=${look}>${say.account.askAgain}</button></div>` : nothing}
			${isOld() && blocked === null ? html`<div class="note"><p>${one.platform_data.snapshot_at === null ? say.account.silent : html`${say.account.old} ${when(one.platform_data.snapshot_at)}.`}</p>
				<button type="button" class="secondary small" @click=${look}>${say.account.askAgain}</button></div>` : nothing}`;
	}

	begin();
	return {
		state, view, stop, look, first,
		close() {
			isOpen = false;
			end?.();
		},
	};
}

// Without an account nothing can be posted: the next step.
export function noAccount(mode) {
	return html`<p>${mode === "test" ? say.account.noneTest : say.account.none}</p>
		<p><a role="button" href=${address("/accounts")}>${say.account.connect}</a></p>`;
}
