// What the pages of API keys share: the fields of scopes and budget, and the secret, which is shown once.
import {html, nothing, live} from "../lit.js";
import {copy, badge} from "../ui.js";
import {say} from "../words/en/keys.js";

const SOON_MS = 7 * 86400_000; // when its owner is mailed

export const SCOPES = Object.keys(say.scopesOf);

export function hasEnded(key, now = Date.now()) {
	return key.revoked_at !== null || (key.expires_at !== null && Date.parse(key.expires_at) <= now);
}

// What a key is, in words: test data, and an end that has come or is near.
export function badges(key, now = Date.now()) {
	const state = key.revoked_at !== null ? badge(say.revoked, "bad")
		: hasEnded(key, now) ? badge(say.expired, "quiet")
		: key.expires_at !== null && Date.parse(key.expires_at) - now < SOON_MS ? badge(say.soon, "waiting") : nothing;
	return html`${key.mode === "test" ? badge(say.test, "quiet") : nothing} ${state}`;
}

// A control with its problems below it. id: of what says them, for aria-describedby.
export function told(id, wrong, hint = "") {
	return wrong.length > 0 ? html`<small id=${id} class="wrong">${wrong.join(" ")}</small>` : hint !== "" ? html`<small id=${id}>${hint}</small>` : nothing;
}

function tick({name, value, label, hint, checked, wrong = false}) {
	return html`<label class="tick"><input type="checkbox" name=${name} value=${value} ?checked=${checked} aria-invalid=${wrong ? "true" : nothing}>
		<span>${label}${hint ? html` <small>${hint}</small>` : nothing}</span></label>`;
}

// of: the form (form.js). chosen: names.
export function scopeFields(of, chosen) {
	const wrong = of.wrong("scopes");
	return html`<fieldset class="asks" aria-describedby=${wrong.length > 0 ? "scopes-said" : nothing}><legend>${say.scopesLegend}</legend>
		${SCOPES.map(scope => tick({name: "scopes", value: scope, label: say.scopesOf[scope][0], hint: say.scopesOf[scope][1], checked: chosen.includes(scope), wrong: wrong.length > 0}))}
		${told("scopes-said", wrong)}</fieldset>`;
}

// The limits of what a key posts. state.isSome: whether only some accounts are allowed. accounts: of the key's mode; or null, and then
// pending is drawn in their place.
export function budgetFields(of, {budget, accounts, pending = nothing, state, redraw}) {
	const allowed = budget?.accounts ?? [];
	const listed = accounts === null ? [] : [...accounts, ...allowed.filter(id => !accounts.some(a => a.id === id)).map(id => ({id, gone: true}))];
	const wrong = of.wrong("budget.accounts"), wrongLevel = of.wrong("budget.max_privacy_level");
	const choose = isSome => () => {
		state.isSome = isSome;
		redraw();
	};
	return html`<fieldset class="group"><legend>${say.budgetLegend}</legend>
		<p><small>${say.budgetHint}</small></p>
		<fieldset class="asks" aria-describedby=${wrong.length > 0 ? "accounts-said" : nothing}><legend>${say.accounts}</legend>
			<div class="whose">${accounts === null ? pending : listed.length === 0 ? html`<p><small>${say.noAccounts}</small></p>` : html`
			<label class="tick"><input type="radio" name="whose" value="all" .checked=${live(!state.isSome)} @change=${choose(false)}><span>${say.accountsAll}</span></label>
			<label class="tick"><input type="radio" name="whose" value="some" .checked=${live(state.isSome)} @change=${choose(true)}><span>${say.accountsSome}</span></label>
			<div class="below" ?hidden=${!state.isSome}>${listed.map(a => tick({name: "account", value: a.id, checked: allowed.includes(a.id), wrong: wrong.length > 0,
				label: a.gone ? say.accountGone(a.id) : a.display_name ?? a.username, hint: a.username ? "@" + a.username : ""}))}</div>`}</div>
			${told("accounts-said", wrong)}</fieldset>
		${of.field({name: "budget.posts_per_day", label: say.perDay, hint: say.perDayHint, required: false, inputmode: "numeric", value: budget?.posts_per_day ?? "", autocomplete: "off"})}
		<label for="level">${say.level}</label>
		<select id="level" name="level" aria-invalid=${wrongLevel.length > 0 ? "true" : nothing} aria-describedby=${wrongLevel.length > 0 ? "level-said" : nothing}>
			${Object.entries(say.levels).map(([value, text]) => html`<option value=${value} ?selected=${value === levelOf(budget)}>${text}</option>`)}</select>
		${told("level-said", wrongLevel)}
		${tick({name: "needs_approval", value: "yes", label: say.approval, checked: budget?.needs_approval === true})}
	</fieldset>`;
}

function levelOf(budget) {
	return budget?.max_privacy_level in say.levels ? budget.max_privacy_level : "";
}

// As the API takes it, of what stands in the form.
export function readBudget(element) {
	const data = new FormData(element);
	const perDay = data.get("budget.posts_per_day").trim();
	return {
		...(data.get("whose") === "some" && {accounts: data.getAll("account")}),
		...(perDay !== "" && {posts_per_day: /^\d+$/.test(perDay) ? Number(perDay) : perDay}),
		...(data.get("level") !== "" && {max_privacy_level: data.get("level")}),
		...(data.has("needs_approval") && {needs_approval: true}),
	};
}

// The same of what the API has said, so that two can be compared.
export function plainBudget(budget) {
	const level = levelOf(budget);
	return {
		...(budget?.accounts && {accounts: [...budget.accounts].sort()}),
		...(budget?.posts_per_day && {posts_per_day: budget.posts_per_day}),
		...(level !== "" && {max_privacy_level: level}),
		...(budget?.needs_approval === true && {needs_approval: true}),
	};
}

// A budget in words: a template for each limit.
export function limitsOf(budget, accounts) {
	const names = budget?.accounts?.map(id => {
		const found = accounts.find(a => a.id === id);
		return found === undefined ? say.accountGone(id) : found.display_name ?? found.username;
	});
	return [
		...(names ? [html`${say.accounts}: ${names.join(", ")}`] : []),
		...(budget?.posts_per_day ? [html`${say.perDay}: ${budget.posts_per_day}`] : []),
		...(levelOf(budget) !== "" ? [html`${say.level}: ${say.levels[levelOf(budget)]}`] : []),
		...(budget?.needs_approval ? [html`${say.approval}`] : []),
	];
}

export function accountsOf(api, mode) {
	return api.all("/accounts", {mode});
}

// A key that was just made: {key, …}. done(): its owner has copied it.
export function secretShown(made, done) {
	const line = `curl -H "Authorization: Bearer ${made.key}" ${location.origin}/api/v1/me`;
	return html`<section class="once" aria-labelledby="secret-title">
		<h2 id="secret-title" tabindex="-1">${say.secretTitle}</h2>
		<p>${say.secretText}</p>
		<h3>${say.secretLabel}</h3>
		<pre><code class="secret" id="secret">${made.key}</code></pre>
		<p>${copy(made.key, say.copyKey)}</p>
		<h3>${say.tryLabel}</h3>
		<pre><code class="secret" id="line">${line}</code></pre>
		<p>${copy(line, say.copyLine)}</p>
		<button type="button" @click=${done}>${say.kept}</button>
	</section>`;
}

export function toSecret() {
	document.getElementById("secret-title")?.focus();
	scrollTo(0, 0);
}
