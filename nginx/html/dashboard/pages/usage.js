// How much the API was used, what became of posts, and what is left.
import {html, nothing} from "../lit.js";
import {count, load, save, when} from "../ui.js";
import {address} from "../router.js";
import {meter} from "./meter.js";
import {numbers} from "./numbers.js";
import {chart} from "./usage-chart.js";
import {STATES, STEPS, STEPS_MS, asked, byDay, csv, daysOf, duration, isoDay, lastDays, pieces, rangeOf, wrongWith} from "./usage-data.js";
import {say} from "../words/en/usage.js";
import {say as meterWords} from "../words/en/meter.js";

const {limits, resets} = meterWords;
const DAY_MS = 86400_000;
const QUICK = [7, 30, 90, 365];
const SHADES = {published: 1, in_inbox: 2, failed: 3, canceled: 4};
const dayText = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeZone: "UTC"});
const monthText = new Intl.DateTimeFormat(undefined, {year: "numeric", month: "long", timeZone: "UTC"});

const dayOfUtc = ms => html`<time datetime=${isoDay(ms)}>${dayText.format(new Date(ms))}</time>`;

function link(range, {key, account}) {
	const query = new URLSearchParams({from: isoDay(range.from), to: isoDay(range.to - DAY_MS)});
	if (key)
		query.set("key", key);
	if (account)
		query.set("account", account);
	return "/usage?" + query;
}

export default function usage({api, mode, query, redraw, go}) {
	const range = rangeOf(query), days = daysOf(range);
	const chosen = {key: query.get("key") ?? "", account: query.get("account") ?? ""};
	const charts = [];
	const state = {wrong: ""};

	function charted(of) {
		const made = chart({days, ...of});
		charts.push(made);
		return made;
	}

	const names = load(redraw, async () => {
		const [accounts, keys] = await Promise.all([api.all("/accounts"), api.get("/usage", {...asked(range), group_by: "key"})]);
		return {accounts, keys: keys.rows};
	});

	const requests = load(redraw, async () => {
		const found = await api.get("/usage", {...asked(range), group_by: "day", key_id: chosen.key});
		const rows = new Map(found.rows.map(r => [Date.parse(r.starts_at), r]));
		const values = name => days.map(d => rows.get(d)?.[name] ?? 0);
		return {...found, chart: found.requests === 0 ? null : charted({
			label: say.requests.chart(count(found.requests), count(found.errors), days.length), format: count, steps: STEPS,
			series: [{name: say.requests.requests, values: values("requests"), shade: 1}, {name: say.requests.errors, values: values("errors"), shade: 3}],
		})};
	});

	const posts = load(redraw, async () => {
		const rows = [];
		for (const piece of pieces(range))
			rows.push(...(await api.get("/usage/posts", asked(piece))).rows);
		const wanted = rows.filter(r => chosen.account === "" || r.account_id === chosen.account);
		const found = byDay(wanted);
		const total = [...found.values()].reduce((sum, d) => sum + STATES.reduce((n, s) => n + d[s], 0), 0);
		const values = name => days.map(d => found.get(d)?.[name] ?? (name.endsWith("_ms") ? null : 0));
		const hasTimes = [...found.values()].some(d => d.p50_ms !== null);
		return {
			rows: wanted, days: [...found.values()].sort((a, b) => b.at - a.at), total, deferred: wanted.reduce((n, r) => n + r.deferred, 0), all: [...new Set(rows.map(r => r.account_id))],
			chart: total === 0 ? null : charted({label: say.posts.chart(count(total), days.length), format: count, steps: STEPS, stacked: true,
				series: STATES.map(s => ({name: say.posts.states[s], values: values(s), shade: SHADES[s]}))}),
			times: !hasTimes ? null : charted({label: say.times.chart(days.length), format: duration, steps: STEPS_MS,
				series: [{name: say.times.p50, values: values("p50_ms"), shade: 1}, {name: say.times.p95, values: values("p95_ms"), shade: 3}]}),
		};
	});

	const left = load(redraw, async () => {
		const [billing, me] = await Promise.all([api.get("/billing"), api.get("/me")]);
		return {billing, me};
	});

	const accountName = id => {
		const found = names.state.data?.accounts.find(a => a.id === id);
		return found === undefined ? say.goneAccount(id) : found.display_name ?? found.username;
	};

	function choose(event) {
		event.preventDefault();
		const {from, to, key, account} = Object.fromEntries(new FormData(event.target));
		const wanted = {from: Date.parse(from), to: Date.parse(to) + DAY_MS};
		state.wrong = wrongWith(wanted);
		if (state.wrong === "")
			return go(link(wanted, {key, account}));
		redraw();
		document.getElementById("from").focus();
	}

	function controls() {
		const accounts = new Set([...(names.state.data?.accounts.map(a => a.id) ?? []), ...(posts.state.data?.all ?? []), ...(chosen.account ? [chosen.account] : [])]);
		const keys = new Map([...(chosen.key ? [[chosen.key, say.goneKey]] : []), ...(names.state.data?.keys.map(k => [k.key_id, k.key_name]) ?? [])]);
		const option = (value, text, is) => html`<option value=${value} ?selected=${value === is}>${text}</option>`;
		const choice = (name, label, options, is) => html`<div><label for=${name}>${label}</label>
			<select id=${name} name=${name}>${option("", say.all, is)}${options.map(([id, text]) => option(id, text, is))}</select></div>`;
		const date = (name, label, at) => html`<div><label for=${name}>${label}</label>
			<input type="date" id=${name} name=${name} .defaultValue=${isoDay(at)} aria-describedby="range-said" aria-invalid=${state.wrong ? "true" : nothing}></div>`;
		return html`<form class="range" @submit=${choose} novalidate>
			${date("from", say.from, range.from)} ${date("to", say.to, range.to - DAY_MS)}
			${choice("key", say.key, [...keys], chosen.key)} ${choice("account", say.account, [...accounts].map(id => [id, accountName(id)]), chosen.account)}
			<button>${say.show}</button>
			<small id="range-said" class="wrong" role="alert">${state.wrong}</small>
		</form>
		<nav class="quick" aria-label=${say.quick}><ul>${QUICK.map(n => html`<li><a href=${address(link(lastDays(n), chosen))}
			aria-current=${lastDays(n).from === range.from && lastDays(n).to === range.to ? "true" : nothing}>${n === 365 ? say.year : say.last(n)}</a></li>`)}</ul></nav>`;
	}

	// What is wider or longer than its place can be scrolled, also by keyboard.
	const scrolls = (name, kind, what) => html`<div class=${kind} role="region" tabindex="0" aria-label=${say.table(name)} data-scrolls>${what}</div>`;
	// A chart, and the table with its numbers beside it.
	const beside = (name, picture, heads, rows) => html`<div class="beside">${picture}${scrolls(name, "scrolls", numbers(heads, rows))}</div>`;

	const dayOfRow = r => r.span === "month" ? html`${monthText.format(new Date(r.starts_at))} <small>${say.month}</small>` : dayOfUtc(Date.parse(r.starts_at));

	const requestsView = found => found.chart === null ? html`<p>${say.requests.none}</p><p><a href=${address("/keys/new")}>${say.requests.make}</a></p>` : html`
		<p>${say.requests.sum(found.requests, count(found.requests), count(found.errors))}</p>
		${beside(say.requests.title, found.chart.view(), [say.day, say.requests.requests, say.requests.errors],
			found.rows.toReversed().map(r => [dayOfRow(r), count(r.requests), count(r.errors)]))}
		<p><a href=${api.address("/usage", {...asked(range), group_by: "day", key_id: chosen.key, format: "csv"})} download="usage.csv">${say.csv}</a></p>`;

	const keysView = ({keys}) => keys.length === 0 ? nothing : html`<section><h2>${say.keys.title}</h2>
		${scrolls(say.keys.title, "wide", numbers([say.keys.name, say.requests.requests, say.requests.errors, say.keys.last],
			keys.toSorted((a, b) => b.requests - a.requests)
				.map(k => [html`<a href=${address("/keys/" + k.key_id)}>${k.key_name}</a>`, count(k.requests), count(k.errors), when(k.last_used_at)])))}
		<p><a href=${api.address("/usage", {...asked(range), group_by: "key", format: "csv"})} download="usage-by-key.csv">${say.csv}</a></p></section>`;

	function saveCsv() {
		const rows = posts.state.data.rows.map(r => ({...r, account: accountName(r.account_id)}));
		save(new Blob([csv(["starts_at", "account_id", "account", ...STATES, "deferred", "p50_ms", "p95_ms"], rows)], {type: "text/csv"}), "posts.csv");
	}

	const postsView = found => found.chart === null ? html`<p>${say.posts.none}</p><p><a href=${address("/posts/new")}>${say.posts.make}</a></p>` : html`
		<p>${say.posts.sum(found.total, count(found.total))} ${found.deferred > 0 ? say.posts.putOff(count(found.deferred)) : nothing}</p>
		${beside(say.posts.title, found.chart.view(), [say.day, say.account, ...STATES.map(s => say.posts.states[s]), say.posts.deferred],
			found.rows.map(r => [dayOfRow(r), accountName(r.account_id), ...[...STATES, "deferred"].map(s => count(r[s]))]))}
		<p><button type="button" class="link" @click=${saveCsv}>${say.csv}</button></p>`;

	const timesView = found => found.times === null ? html`<p>${say.times.none}</p>` : html`
		<p>${say.times.text} ${found.days.some(d => d.accounts > 1) ? say.times.slowest : nothing}</p>
		${beside(say.times.title, found.times.view(), [say.day, say.account, say.times.p50, say.times.p95],
			found.rows.filter(r => r.p50_ms !== null).map(r => [dayOfRow(r), accountName(r.account_id), duration(r.p50_ms), duration(r.p95_ms)]))}`;

	const limitView = l => meter(limits[l.name] ?? l.name, l, l.resets_at ? html`<small>${resets} ${when(l.resets_at)}</small>` : nothing);

	const leftView = ({billing, me}) => html`<h3>${say.left.plan}</h3>
		<div class="meters">${billing.limits.map(limitView)}</div>
		<p><a href=${address("/billing")}>${say.left.planLink}</a></p>
		<h3>${say.left.limits}</h3><p>${say.left.limitsText}</p>
		${numbers([say.left.kind, say.left.most, say.left.now], me.limits.map(l => [say.left.kinds[l.name] ?? l.name, count(l.limit), count(l.remaining)]))}
		<h3>${say.left.caps}</h3><p>${say.left.capsText}</p>
		<div class="meters">${me.caps.map(c => meter(say.left.capsOf[c.name] ?? c.name, c))}</div>`;

	return {
		title: say.title,
		close: () => charts.forEach(c => c.close()),
		view: () => html`<p>${say.intro} ${mode() === "test" ? say.together : nothing}</p>${controls()}
			<section><h2>${say.requests.title}</h2>${requests.view(requestsView)}</section>
			${names.view(keysView)}
			<section><h2>${say.posts.title}</h2>${posts.view(postsView)}</section>
			${posts.state.data !== null ? html`<section><h2>${say.times.title}</h2>${timesView(posts.state.data)}</section>` : nothing}
			<section><h2>${say.left.title}</h2>${left.view(leftView)}</section>`,
	};
}
