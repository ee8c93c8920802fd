// All posts, newest first, of one status or account if one likes. Each page that comes is drawn once, some rows in each frame, so that what
// there is already costs nothing when more comes, and scrolling waits for neither.
import {html, nothing, render, repeat} from "../lit.js";
import {Failure} from "../api.js";
import {address} from "../router.js";
import {every, failed, pager, tellFailure} from "../ui.js";
import {accountsById, inRow, isUnderWay, nameOf, row} from "./posts-parts.js";
import {say} from "../words/en/posts.js";

const FIRST = 25, MORE = 100; // posts a page
const ROW_REM = 5.5; // a row is at least as high (style.css): for what was not in view yet
const AT_ONCE = FIRST; // rows that are drawn in a frame: a hundred take longer than a person's patience with a wheel
const KEPT = 20; // pages: where there are more, those far from view are empty until one comes near them, as 100 000 rows take gigabytes
const NEAR = "40000px 0px"; // some 400 rows
const SOON_SEC = 10, LATER_SEC = 60;
const AGAIN = 10_000; // posts of which a list comes back as it was left: of more it begins anew
const BEHIND = 5; // pages of new posts that are put before what is there; of more the list begins anew

let left = null; // the list from which a post was opened: {of, id, chunks, items, next}. The browser's back finds it, and the place in it

export default function posts({api, plain, session, mode, query, isBack, redraw, stay}) {
	const userId = session.user.id, data = mode();
	const filter = {status: query.get("status") ?? "", account: query.get("account") ?? ""};
	const of = () => [userId, data, filter.status, filter.account].join();
	let back = isBack && left?.of === of() ? left : null;
	left = null;
	let accounts = null, failure = null; // of the accounts
	let known = ask();
	let isOpen = true;
	let isStale = false; // the session has ended since the list was drawn
	let chunks = [], taken = 0; // chunks: {items, element, drawn, isNear}, drawn: how many of its items; taken: how many items of the pager are in them
	let toDraw = [], frame = 0; // toDraw: chunks of which not all is drawn; frame: the one that is asked for

	const near = new IntersectionObserver(entries => {
		for (const {target, isIntersecting, boundingClientRect: box} of entries) {
			const chunk = chunks.find(c => c.element === target);
			if (chunk === undefined)
				continue;
			chunk.isNear = isIntersecting;
			chunk.height = box.height;
			if (isIntersecting)
				draw(chunk, Math.abs(box.top));
		}
		// One at a time, as it takes long. Others are left for the next that comes or goes.
		const far = chunks.length > KEPT ? chunks.find(c => !c.isNear && c.drawn > 0) : undefined;
		if (far !== undefined)
			clear(far);
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

	// What was there, and of the post that was opened what has become of it there.
	async function getAgain({id, chunks: before, items, next}) {
		const mine = chunks;
		const looked = plain.get("/posts/" + id).catch(error => {
			if (!(error instanceof Failure))
				throw error;
			return null;
		});
		const [post] = await Promise.all([looked, known]);
		if (mine !== chunks || !isOpen)
			return {items: [], next: null}; // something else is listed by now, or nothing
		const at = before.find(c => c.items.some(p => p.id === id));
		if (post !== null)
			at.items = at.items.map(p => p.id === id ? inRow(post) : p);
		clear(at);
		while (at.drawn < at.items.length)
			drawRows(at);
		[chunks, taken] = [before, items.length];
		chunks.forEach(c => near.observe(c.element));
		requestAnimationFrame(() => {
			const link = at.element.querySelector(`a[href="${address("/posts/" + id)}"]`);
			link?.scrollIntoView({block: "center"});
			link?.focus({preventScroll: true});
		});
		return {items, next};
	}

	async function get(cursor, by = api) {
		if (back !== null) {
			const it = back;
			back = null;
			return getAgain(it);
		}
		const asked = by.page("/posts", {limit: cursor === undefined ? FIRST : MORE, cursor, status: filter.status, account_id: filter.account});
		const [{items, next}] = await Promise.all([asked, known]);
		return {items: items.map(inRow), next};
	}

	const list = pager(redraw, cursor => get(cursor));

	function clear(chunk) {
		chunk.drawn = 0;
		chunk.element.style.setProperty("min-height", chunk.height + "px");
		chunk.element.replaceChildren();
	}

	// The next rows of a chunk, as a list of their own: so the browser lays out no more than these when they come into view.
	function drawRows(chunk) {
		const list = document.createElement("ul");
		list.className = "posts";
		fill(list, chunk.items.slice(chunk.drawn, chunk.drawn + AT_ONCE));
		chunk.element.append(list);
		chunk.drawn = Math.min(chunk.drawn + AT_ONCE, chunk.items.length);
		if (chunk.drawn === chunk.items.length)
			chunk.element.style.removeProperty("min-height");
	}

	function fill(list, items) {
		list.style.setProperty("contain-intrinsic-size", `auto ${items.length * ROW_REM}rem`);
		render(repeat(items, post => post.id, post => row(api, post, accounts)), list);
	}

	// Frame by frame, and what is nearest to the view before others.
	function draw(chunk, distance) {
		if (chunk.drawn === chunk.items.length)
			return;
		chunk.distance = distance;
		toDraw = [...toDraw.filter(c => c !== chunk), chunk].sort((a, b) => a.distance - b.distance);
		if (frame === 0)
			frame = requestAnimationFrame(drawSome);
	}

	function drawSome() {
		drawRows(toDraw[0]);
		toDraw = toDraw.filter(c => c.drawn < c.items.length && c.isNear);
		frame = toDraw.length > 0 ? requestAnimationFrame(drawSome) : 0;
	}

	function takeNew() {
		const items = list.state.items.slice(taken);
		if (items.length > 0) {
			const chunk = {items, element: document.createElement("div"), drawn: 0, isNear: true, height: 0};
			chunk.element.style.setProperty("min-height", items.length * ROW_REM + "rem"); // nothing below it moves while it is drawn
			if (chunks.push(chunk) === 1)
				drawRows(chunk); // what is seen first is there at once
			near.observe(chunk.element); // which has the rest drawn
		}
		taken = list.state.items.length;
		return chunks.map(c => c.element);
	}

	function choose(name, value) {
		filter[name] = value;
		const asked = new URLSearchParams(Object.entries(filter).filter(([, v]) => v !== ""));
		stay("/posts" + (asked.size > 0 ? "?" + asked : ""));
		anew();
	}

	function anew() {
		stopDrawing();
		chunks = [];
		taken = 0;
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
			chunks[0].items = items;
			if (chunks[0].drawn > 0) {
				const [first, ...rest] = chunks[0].element.children; // rest: of one that was drawn anew
				rest.forEach(list => list.remove());
				fill(first, items);
				chunks[0].drawn = items.length;
			}
		}
		return page.items.some(isUnderWay) ? SOON_SEC : LATER_SEC;
	}
	const stop = every(SOON_SEC, refresh);

	function stopDrawing() {
		near.disconnect();
		cancelAnimationFrame(frame);
		frame = 0;
		toDraw = [];
	}

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
			${list.view(takeNew(), empty())}`,
		close() {
			const id = location.pathname.slice(address("/posts/").length), {items, next} = list.state; // of the page that comes
			isOpen = false;
			if (items.length <= AGAIN && chunks.some(c => c.items.some(post => post.id === id)))
				left = {of: of(), id, chunks, items, next};
			stop();
			stopDrawing();
			list.close();
		},
	};
}
