// One API key: what it may do and what it did, a new secret for it, and its end.
import {html, nothing} from "../lit.js";
import {makeKey} from "../api.js";
import {ask} from "../dialog.js";
import {form} from "../form.js";
import {kept, once} from "../once.js";
import {count, failed, load, tell, when} from "../ui.js";
import {address} from "../router.js";
import {SCOPES, accountsOf, badges, budgetFields, hasEnded, limitsOf, plainBudget, readBudget, scopeFields, secretShown, toSecret} from "./key-parts.js";
import {numbers} from "./numbers.js";
import {words} from "../words/en/common.js";
import {say} from "../words/en/key.js";
import {say as of} from "../words/en/keys.js";

const OVERLAPS = ["86400", "604800", "3600", "0"];

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

export default function key({api, session, params, query, redraw, go}) {
	const path = "/keys/" + encodeURIComponent(params.id);
	const state = {isSome: false, secret: null, said: "", failure: null, rotation: null};
	const all = load(redraw, async () => {
		const found = await api.get(path);
		state.isSome = found.budget?.accounts != null;
		return {key: found, accounts: await accountsOf(api, found.mode)};
	});
	const usage = load(redraw, () => api.get("/usage", {group_by: "status", key_id: params.id}));

	const change = form(redraw, {
		send: ({name}, element) => {
			const now = all.state.data.key;
			const scopes = new FormData(element).getAll("scopes"), budget = readBudget(element);
			const to = {
				...(name !== now.name && {name}),
				...(!same([...scopes].sort(), [...now.scopes].sort()) && {scopes}),
				...(!same(budget.accounts ? {...budget, accounts: [...budget.accounts].sort()} : budget, plainBudget(now.budget)) && {budget}),
			};
			return Object.keys(to).length === 0 ? null : api.send("PATCH", path, to);
		},
		done: changed => {
			if (changed !== null)
				all.state.data = {...all.state.data, key: changed};
			tell(changed === null ? say.unchanged : words.saved);
		},
	});

	const rotate = form(redraw, {
		send: ({overlap}) => {
			state.rotation ??= makeKey(); // sent again after an answer that was lost, it is the same rotation
			return once(session, of.leave, () => api.create(path + "/rotate", {overlap_sec: Number(overlap)}, {key: state.rotation}));
		},
		done: made => {
			state.rotation = null;
			if (made.key === null) {
				kept();
				return go(path + "?lost=yes", {replace: true});
			}
			const {key: secret, ...rest} = made;
			all.state.data = {...all.state.data, key: rest};
			state.secret = {key: secret};
			queueMicrotask(toSecret);
		},
	});

	async function end() {
		const {key: now} = all.state.data;
		if (now.revoked_at === null && !hasEnded(now) && !await ask({title: say.revokeAsk(now.name), body: html`<p>${say.revokeBody}</p>`, yes: say.revokeButton, danger: true}))
			return;
		state.failure = null;
		redraw();
		try {
			await api.send("DELETE", path);
		} catch (error) {
			if (error.status !== 404) { // else it is gone already, which is what was wanted
				state.failure = error;
				redraw();
				return;
			}
		}
		tell(say.revoked);
		go("/keys", {replace: true});
	}

	function facts({key: now, accounts}) {
		const limits = limitsOf(now.budget, accounts);
		return html`<section><h2>${say.facts}</h2><dl class="facts">
			<dt>${of.begins}</dt><dd><code>${now.prefix}</code></dd>
			<dt>${of.mode}</dt><dd>${of[now.mode]}</dd>
			<dt>${of.created}</dt><dd>${when(now.created_at)}</dd>
			<dt>${of.lastUsed}</dt><dd>${when(now.last_used_at)}</dd>
			<dt>${of.ends}</dt><dd>${now.expires_at === null ? of.noEnd : when(now.expires_at)}</dd>
			${now.old_secret_expires_at !== null ? html`<dt>${say.oldUntil}</dt><dd>${when(now.old_secret_expires_at)}</dd>` : nothing}
			<dt>${of.scopes}</dt><dd>${now.scopes.length === SCOPES.length ? of.everything : now.scopes.map(s => of.scopesOf[s]?.[0] ?? s).join(", ")}</dd>
			<dt>${of.may}</dt><dd>${limits.length === 0 ? of.noLimits : html`<ul>${limits.map(l => html`<li>${l}</li>`)}</ul>`}
				${now.budget?.posts_left != null ? say.left(count(now.budget.posts_left), when(now.budget.resets_at)) : nothing}</dd>
		</dl></section>`;
	}

	const used = ({key: now}) => html`<section><h2>${say.usage}</h2>
		${usage.view(sum => sum.requests === 0 ? html`<p>${say.unused}</p>` : html`<p>${say.usageDays(sum.requests, count(sum.requests), count(sum.errors))}</p>
			${numbers([say.status, say.requests], sum.rows.map(r => [html`${r.status} <small>${say.statusKinds[Math.floor(r.status / 100)] ?? ""}</small>`, count(r.requests)]))}`)}
		<p><a href=${address("/usage?key=" + now.id)}>${say.byDay}</a></p></section>`;

	const changing = ({key: now, accounts}) => html`<section><h2>${say.change}</h2><p><small>${say.widening}</small></p>
		<form @submit=${change.submit} novalidate>
			${change.field({name: "name", label: of.name, hint: of.nameHint, maxlength: 100, value: now.name, autocomplete: "off"})}
			${scopeFields(change, now.scopes)}
			${budgetFields(change, {budget: now.budget, accounts, state, redraw})}
			${change.problems()}
			<footer>${change.button(words.save)}</footer>
		</form></section>`;

	const rotating = () => html`<section><h2>${say.rotate}</h2><p>${say.rotateText}</p>
		<form @submit=${rotate.submit} novalidate>
			<label for="overlap">${say.overlap}</label>
			<select id="overlap" name="overlap" @change=${() => {
				state.rotation = null;
			}}>${OVERLAPS.map(sec => html`<option value=${sec}>${say.overlaps[sec]}</option>`)}</select>
			${rotate.problems()}
			<footer>${rotate.button(say.rotateButton, {kind: "secondary"})}</footer>
		</form></section>`;

	const ending = ({key: now}) => {
		const ended = hasEnded(now);
		return html`<section><h2>${ended ? say.remove : say.revoke}</h2>
			${ended ? nothing : html`<p>${say.revokeText}</p>`}
			${state.failure !== null ? failed(state.failure) : nothing}
			<p><button type="button" class="danger" @click=${end}>${ended ? say.removeButton : say.revokeButton}</button></p></section>`;
	};

	const view = data => state.secret !== null ? secretShown(state.secret, () => {
		kept();
		state.secret = null;
		redraw();
		document.querySelector("#main h1").focus();
	}) : html`
		${query.get("lost") !== null ? html`<div role="alert" class="problem"><p>${of.lost}</p></div>` : nothing}
		<div class="row">${badges(data.key)}</div>
		${data.key.revoked_reason === "seen_in_clear" ? html`<p>${of.seen}</p>` : nothing}
		${facts(data)} ${used(data)}
		${hasEnded(data.key) ? nothing : html`${changing(data)} ${rotating()}`}
		${ending(data)}`;

	return {
		title: () => all.state.data?.key.name ?? say.title,
		view: () => html`<p><a href=${address("/keys")}>${say.back}</a></p>${all.view(view)}`,
	};
}
