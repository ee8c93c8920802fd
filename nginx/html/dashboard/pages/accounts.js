// TikTok accounts: connect, how each is and what to do next, disconnect. TikTok's page of consent leads back here, by way of /connected.
import {html, nothing, repeat} from "../lit.js";
import {Failure} from "../api.js";
import {badge, every, pager, tell, when} from "../ui.js";
import {disconnect} from "./accounts-disconnect.js";
import {isPublic} from "./creator.js";
import {testAccount} from "./accounts-test.js";
import {nameOf, picture} from "./posts-parts.js";
import {say} from "../words/en/accounts.js";

const UNAUDITED = "unaudited_client_can_only_post_to_private_accounts";
const ASK_AT_ONCE = 5; // accounts of which TikTok is asked anew: each is a call
const ASK_ROUNDS = 8;

// How an account is: the name of its state, and what there is to say. last: its newest post that has ended.
function stateOf(account, last, isAsking) {
	const data = account.platform_data;
	if (account.state === "needs_reconnect")
		return ["reconnect", say.reasons[account.state_reason] ?? say.reasons.other];
	if (data.post_block !== null)
		return ["blocked", say.blocks[data.post_block] ?? say.blocks.other(data.post_block)];
	if (!account.scopes.includes("video.publish"))
		return ["draftsOnly", say.text.draftsOnly];
	if (data.must_be_private && data.snapshot_at !== null)
		return isPublic(account) ? ["makePrivate", say.text.makePrivate] : ["ready", say.text.isPrivate];
	const name = last?.failure?.code === UNAUDITED ? "makePrivate"
		: data.snapshot_at === null ? isAsking ? "asking" : "unasked" : !account.scopes.includes("video.upload") ? "directOnly" : "ready";
	return [name, say.text[name]];
}

export default function accounts({api, plain, mode, query, redraw, stay}) {
	const back = {connected: query.get("connected"), error: query.get("error")}; // what TikTok's page of consent led to
	if (back.connected !== null || back.error !== null)
		stay("/accounts", {replace: true}); // a reload does not say it again
	const lasts = new Map(); // by account: the newest post that has ended
	let rounds = 0, stop = null, isOpen = true, arrived = null; // arrived: the account that was connected just now

	const list = pager(redraw, async cursor => {
		const page = await api.page("/accounts", {cursor, limit: 50});
		rounds = 0;
		stop?.();
		stop = isOpen ? every(2, () => askAnew()) : null;
		return page;
	});

	const open = () => list.state.items.filter(a => a.state === "active" && a.scopes.includes("video.publish") &&
		(a.platform_data.snapshot_at === null || a.platform_data.post_block !== null)).slice(0, ASK_AT_ONCE);

	const isAsking = account => rounds < ASK_ROUNDS && open().includes(account);

	function put(account) {
		const at = list.state.items.findIndex(a => a.id === account.id);
		if (at >= 0)
			list.state.items[at] = account;
		return at >= 0;
	}

	// Of accounts about which TikTok has not said lately what they may post: to show one has TikTok asked.
	async function askAnew() {
		const some = open();
		if (some.length === 0 || rounds >= ASK_ROUNDS)
			return null;
		rounds++;
		try {
			for (const account of await Promise.all(some.map(a => plain.get("/accounts/" + a.id))))
				put(account);
		} catch (error) {
			if (!(error instanceof Failure))
				throw error;
			rounds = ASK_ROUNDS;
		}
		redraw();
		return 2 * rounds;
	}

	// What TikTok said to posts tells whether it wants the account to be private. Without it, nothing is missing but that hint.
	api.page("/posts", {limit: 50}).then(({items}) => {
		for (const post of items)
			if (post.ended_at !== null && post.status !== "canceled" && !lasts.has(post.account_id))
				lasts.set(post.account_id, post);
		redraw();
	}).catch(error => {
		if (!(error instanceof Failure))
			throw error;
	});

	const test = testAccount({api, redraw, connect, made: account => {
		tell(say.test.done(nameOf(account)));
		list.restart();
	}});

	// One that was connected before keeps its place, which may be far down the list. Of an address that somebody made up there is none.
	if (back.connected !== null)
		plain.get("/accounts/" + encodeURIComponent(back.connected)).then(account => {
			arrived = account;
			redraw();
		}).catch(error => {
			if (!(error instanceof Failure))
				throw error;
		});

	// A browser that goes to TikTok without a session would see the API's answer: so the session is looked at before.
	async function connect(event) {
		event.preventDefault();
		const to = event.currentTarget.href;
		await api.get("/accounts", {limit: 1});
		location.assign(to);
	}

	const consent = (text, kind) => html`<a role="button" class=${kind} href=${api.address("/tiktok/connect", {mode: mode() === "test" ? "test" : ""})} @click=${connect}>${text}</a>`;

	function result() {
		if (back.error !== null)
			return html`<div class="problem" role="alert"><p>${say.errors[back.error] ?? say.notConnected}</p></div>`;
		return arrived === null ? nothing : html`<div class="done" role="status"><p>${say.connected(nameOf(arrived))}</p></div>`;
	}

	async function leave(account) {
		const came = await disconnect(api, account);
		if (came === "done") {
			list.state.items = list.state.items.filter(a => a.id !== account.id);
			redraw();
			document.querySelector("#main h1")?.focus();
		} else if (came === "failed") { // which may be unknown: what is there now tells
			await list.restart();
		}
	}

	function item(account) {
		const [name, text] = stateOf(account, lasts.get(account.id), isAsking(account));
		const {word, kind} = say.state[name];
		const again = ["reconnect", "draftsOnly", "directOnly"].includes(name);
		return html`<li>${picture(api, account)}
			<div><h2>${nameOf(account)}</h2>
				${account.display_name && account.username ? html`<p>${account.display_name}</p>` : nothing}
				<p aria-live="polite">${text}</p>
				${again ? html`<p><small>${say.reconnectHint(nameOf(account))}</small></p>` : nothing}
				<p><small>${say.since} ${when(account.connected_at)}</small></p>
				<div class="row">${again ? consent(say.reconnect, "small") : nothing}
					<button type="button" class="secondary small" aria-label=${say.disconnectOf(nameOf(account))} @click=${() => leave(account)}>${say.disconnect}</button></div></div>
			${badge(word, kind)}</li>`;
	}

	function more() {
		const isEmpty = list.state.items.length === 0;
		return mode() === "test" || (isEmpty && (list.state.isLoading || list.state.error !== null)) ? nothing
			: html`<p>${consent(isEmpty ? say.connect : say.connectMore, isEmpty ? "" : "secondary")}</p>`;
	}

	return {
		title: say.title,
		view: () => html`${result()}${list.view(html`<ul class="accounts">${repeat(list.state.items, a => a.id, item)}</ul>`,
			html`<div class="nothing"><p>${mode() === "test" ? say.test.empty : say.empty}</p></div>`)}${more()}${mode() === "test" ? test.view() : nothing}`,
		close() {
			isOpen = false; // what is still to come begins nothing any more
			stop?.();
			list.close();
		},
	};
}
