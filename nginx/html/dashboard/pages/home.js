// The first page: what needs attention, what to do first, what there is.
import {html, nothing} from "../lit.js";
import {address} from "../router.js";
import {load} from "../ui.js";
import {accountsById, nameOf, row} from "./posts-parts.js";
import {say} from "../words/en/home.js";

const RECENT = 5, COUNTED = 50;
const WEEK_MS = 7 * 24 * 3600_000;

export default function home({api, redraw}) {
	const loaded = load(redraw, async () => {
		const [accounts, recent, waiting, failed, keys] = await Promise.all([accountsById(api), api.page("/posts", {limit: RECENT}),
			api.page("/posts", {status: "awaiting_approval", limit: COUNTED}), api.page("/posts", {status: "failed", limit: COUNTED}), api.all("/keys")]);
		const lately = failed.items.filter(p => Date.parse(p.ended_at) > Date.now() - WEEK_MS);
		return {accounts, recent: recent.items, waiting, failed: {items: lately, next: lately.length === failed.items.length ? failed.next : null}, keys};
	});

	const note = (text, path, what) => html`<li><p>${text}</p><p><a href=${address(path)}>${what}</a></p></li>`;
	const many = ({items, next}) => next === null ? items.length : say.orMore(items.length);
	const posts = (page, text, what, status) => page.items.length === 0 ? nothing
		: note(text(many(page)), page.items.length === 1 ? "/posts/" + page.items[0].id : "/posts?status=" + status, what);

	function attention({accounts, waiting, failed}) {
		const lost = [...accounts.values()].filter(a => a.state === "needs_reconnect");
		if (lost.length === 0 && waiting.items.length === 0 && failed.items.length === 0)
			return nothing;
		return html`<section class="attention"><h2>${say.attention}</h2><ul>
			${lost.map(a => note(say.reconnect(nameOf(a)), "/accounts", say.reconnectDo))}
			${posts(waiting, say.waiting, say.waitingDo, "awaiting_approval")}
			${posts(failed, say.failed, say.failedDo, "failed")}
		</ul></section>`;
	}

	// For who has not posted yet. The step that comes next is the button.
	function steps({accounts, keys}) {
		const isConnected = accounts.size > 0;
		const step = (path, title, text, isDone, isNext) => html`<li><p>${isDone ? html`<strong>${title}</strong> <small>(${say.steps.done})</small>`
			: html`<a role=${isNext ? "button" : nothing} href=${address(path)}>${title}</a>`}</p><p><small>${text}</small></p></li>`;
		return html`<section><h2>${say.begin}</h2><ol class="first-steps">
			${step("/accounts", say.steps.connect, say.steps.connectText, isConnected, !isConnected)}
			${step("/posts/new", say.steps.post, say.steps.postText, false, isConnected)}
			${step("/keys", say.steps.key, say.steps.keyText, keys.length > 0, false)}
		</ol></section>`;
	}

	function view(data) {
		const {accounts, recent, keys} = data;
		const there = html`<section><h2>${say.there}</h2><ul class="there"><li><a href=${address("/accounts")}>${say.accounts(accounts.size)}</a></li>
			<li><a href=${address("/keys")}>${keys.length === 0 ? say.noKeys : say.keys(keys.length)}</a></li></ul></section>`;
		return html`${attention(data)}
			${recent.length === 0 ? steps(data) : html`<section><h2>${say.recent}</h2><ul class="posts">${recent.map(p => row(api, p, accounts))}</ul>
				<p class="row"><a role="button" href=${address("/posts/new")}>${say.newPost}</a> <a href=${address("/posts")}>${say.all}</a></p></section>${there}`}`;
	}

	return {title: say.title, view: () => loaded.view(view)};
}
