// All posts, newest first, of one status or account if one likes. Each page that comes is a list of its own that is drawn once, so that
// what there is already costs nothing when more comes.
import {html, nothing, render, repeat} from "../lit.js";
import {Failure} from "../api.js";
import {address} from "../router.js";
import {every, failed, pager, tellFailure} from "../ui.js";
import {accountsById, inRow, isUnderWay, nameOf, row} from "./posts-parts.js";
import {say} from "../words/en/posts.js";

const FIRST = 25, MORE = 100; // posts a page
const ROW_REM = 5.5; // about as high as a row is, for what was not in view yet
const KEPT = 20; // pages: where there are more, those far from view are empty until one comes near them, as 100 000 rows take gigabytes
const NEAR = "40000px 0px"; // some 400 rows
const SOON_SEC = 10, LATER_SEC = 60;
const BEHIND = 5; // pages of new posts that are put before what is there; of more the list begins anew

export default function posts({api, plain, query, redraw, stay}) {
	const filter = {status: query.get("status") ?? "", account: query.get("account") ?? ""};
	let accounts = null, failure = null; // of the accounts
	let known = ask();
	let isStale = false; // the session has ended since the list was drawn
	let chunks = [], drawn = 0; // chunks: {items, element, isEmpty}; drawn: how many items of the pager are in them

	const near = new IntersectionObserver(entries => {
		for (const {target, isIntersecting, boundingClientRect: box} of entries) {
			const chunk = chunks.find(c => c.element === target);
			if (chunk === undefined)
				continue;
			if (isIntersecting && chunk.isEmpty)
				fill(chunk, chunk.items);
			else if (!isIntersecting && chunks.length > KEPT)
				clear(chunk, box.height);
		}
	}, {rootMargin: NEAR});

	async function ask() {
		failure = null;
		try {
			accounts = await accountsById(api);
		} catch (error) {
			if (!(error instanceof Failure))
				throw error;
			failure = error;
		}
		redraw();
	}

	async function get(cursor, by = api) {
		const asked = by.page("/posts", {limit: cursor === undefined ? FIRST : MORE, cursor, status: filter.status, account_id: filter.account});
		const [{items, next}] = await Promise.all([asked, known]);
		return {items: items.map(inRow), next};
	}

	const list = pager(redraw, cursor => get(cursor));

	function clear(chunk, height) {
		chunk.isEmpty = true;
		chunk.element.style.setProperty("height", height + "px");
		render(nothing, chunk.element);
	}

	function fill(chunk, items) {
		Object.assign(chunk, {items, isEmpty: false});
		chunk.element.style.removeProperty("height");
		chunk.element.style.setProperty("contain-intrinsic-size", `auto ${items.length * ROW_REM}rem`);
		render(repeat(items, post => post.id, post => row(api, post, accounts)), chunk.element);
	}

	function drawNew() {
		const items = list.state.items.slice(drawn);
		if (items.length > 0) {
			const element = document.createElement("ul");
			element.className = "posts page-of-many";
			fill(chunks[chunks.push({element}) - 1], items);
			near.observe(element);
		}
		drawn = list.state.items.length;
		return chunks.map(c => c.element);
	}

	function choose(name, value) {
		filter[name] = value;
		const asked = new URLSearchParams(Object.entries(filter).filter(([, v]) => v !== ""));
		stay("/posts" + (asked.size > 0 ? "?" + asked : ""));
		anew();
	}

	function anew() {
		near.disconnect();
		chunks = [];
		drawn = 0;
		list.restart();
	}

	// What the first page shows anew: statuses that have changed, and posts that have come.
	async function refresh() {
		const mine = chunks;
		if (list.state.isLoading || list.state.error !== null)
			return SOON_SEC;
		let page, isApart = false; // whether posts are missing between the page and what is there
		try {
			page = await get(undefined, plain); // nobody has asked for it, so nobody is asked to sign in
			const newest = chunks[0]?.items[0]?.id ?? "~"; // after every id
			const reaches = () => page.next === null || page.items.at(-1).id <= newest;
			for (let n = 0; n < BEHIND && !reaches(); n++) {
				const {items, next} = await get(page.next, plain);
				page = {items: [...page.items, ...items], next};
			}
			isApart = !reaches();
			isStale = false;
		} catch (error) {
			if (!(error instanceof Failure))
				throw error;
			if (error.status === 401 && !isStale)
				tellFailure(error); // once
			isStale = error.status === 401;
			return LATER_SEC;
		}
		if (mine !== chunks)
			return SOON_SEC;
		if (isApart) {
			anew();
		} else if (chunks.length === 0) {
			if (page.items.length > 0)
				list.restart();
		} else {
			const oldest = page.items.at(-1)?.id ?? "";
			const items = [...page.items, ...(page.next === null ? [] : chunks[0].items.filter(p => p.id < oldest))];
			if (chunks[0].isEmpty)
				chunks[0].items = items;
			else
				fill(chunks[0], items);
		}
		return page.items.some(isUnderWay) ? SOON_SEC : LATER_SEC;
	}
	const stop = every(SOON_SEC, refresh);

	const choice = (name, label, all, entries) => html`<label>${label}
		<select name=${name} @change=${event => choose(name, event.target.value)}>
			<option value="" ?selected=${filter[name] === ""}>${all}</option>
			${entries.map(([value, text]) => html`<option value=${value} ?selected=${filter[name] === value}>${text}</option>`)}
		</select></label>`;

	function accountEntries() {
		const entries = [...accounts ?? []].map(([id, account]) => [id, nameOf(account)]);
		return filter.account === "" || accounts?.has(filter.account) ? entries : [...entries, [filter.account, say.otherAccount]];
	}

	function empty() {
		if (filter.status !== "" || filter.account !== "")
			return html`<div class="nothing"><p>${say.none}</p><p><a href=${address("/posts")}>${say.noneDo}</a></p></div>`;
		const connected = accounts === null || accounts.size > 0;
		return html`<div class="nothing"><p>${say.empty}</p>
			<p><a role="button" href=${address(connected ? "/posts/new" : "/accounts")}>${connected ? say.emptyDo : say.emptyConnect}</a></p></div>`;
	}

	return {
		title: say.title,
		view: () => html`<div class="row filters">
				${choice("status", say.filter, say.all, Object.entries(say.status).filter(([name]) => !["draft", "scheduled"].includes(name)).map(([name, {word}]) => [name, word]))}
				${choice("account", say.account, say.allAccounts, accountEntries())}
				<a role="button" href=${address("/posts/new")}>${say.newPost}</a>
			</div>
			${failure === null ? nothing : failed(failure, () => {
				known = ask();
			})}
			${list.view(drawNew(), empty())}`,
		close() {
			stop();
			near.disconnect();
			list.close();
		},
	};
}
