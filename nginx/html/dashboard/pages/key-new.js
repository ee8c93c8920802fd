// A new API key: what it may do, and then its secret, once.
import {html, nothing} from "../lit.js";
import {Failure, makeKey} from "../api.js";
import {form} from "../form.js";
import {kept, once} from "../once.js";
import {load} from "../ui.js";
import {SCOPES, accountsOf, budgetFields, readBudget, scopeFields, secretShown, toSecret, told} from "./key-parts.js";
import {say} from "../words/en/keys.js";

// The end of a day is that of the browser's zone. Of no day the API could only say that it is no time.
function expiresAt(choice, date) {
	if (choice === "never")
		return null;
	if (choice === "date") {
		const end = new Date(date + "T23:59:59");
		if (Number.isNaN(end.getTime()))
			throw new Failure({status: 422, error: {code: "required", type: "validation", message: "", param: "expires_at"}, waitSec: null, requestId: null});
		return end.toISOString();
	}
	return new Date(Date.now() + Number(choice) * 86400_000).toISOString();
}

export default function keyNew({api, session, redraw, go, mode}) {
	const state = {mode: mode(), isSome: false, expiry: "never", made: null, sent: null};
	const accounts = {live: null, test: null};
	const toLoad = of => accounts[of] ??= load(redraw, () => accountsOf(api, of)); // not while drawing, because it draws
	toLoad(state.mode);

	// The same form sent again is the same key: after an answer that was lost, no second one is made.
	function same(text, body) {
		if (state.sent?.text !== text)
			state.sent = {text, body, key: makeKey()};
		return state.sent;
	}

	const making = form(redraw, {
		send: ({name, expiry, date}, element) => {
			const scopes = new FormData(element).getAll("scopes"), budget = readBudget(element);
			const expires = expiresAt(expiry, date ?? "");
			const {body, key} = same(JSON.stringify([name, state.mode, scopes, budget, expiry, date]), {
				name, mode: state.mode, scopes,
				...(expires !== null && {expires_at: expires}),
				...(Object.keys(budget).length > 0 && {budget}),
			});
			return once(session, say.leave, () => api.create("/keys", body, {key}));
		},
		done: made => {
			if (made.key === null) {
				kept();
				return go("/keys/" + made.id + "?lost=yes", {replace: true});
			}
			state.made = made;
			queueMicrotask(toSecret);
		},
	});

	const modeFields = () => html`<fieldset class="asks"><legend>${say.modeLegend}</legend>
		${Object.entries(say.modes).map(([value, [label, hint]]) => html`<label class="tick"><input type="radio" name="mode" value=${value} ?checked=${value === state.mode}
			@change=${() => {
				toLoad(value);
				state.mode = value;
				redraw();
			}}><span>${label} <small>${hint}</small></span></label>`)}</fieldset>`;

	function expiryFields() {
		const wrong = making.wrong("expires_at");
		const isDate = state.expiry === "date";
		return html`<label for="expiry">${say.expiry}</label>
			<select id="expiry" name="expiry" aria-describedby="expiry-said" aria-invalid=${wrong.length > 0 && !isDate ? "true" : nothing} @change=${event => {
				state.expiry = event.target.value;
				redraw();
			}}>${["never", "30", "90", "365", "date"].map(value => html`<option value=${value}>${say.expiries[value]}</option>`)}</select>
			${isDate ? html`<label for="date">${say.expiryDate}</label>
				<input type="date" id="date" name="date" aria-describedby="expiry-said" aria-invalid=${wrong.length > 0 ? "true" : nothing}>` : nothing}
			${told("expiry-said", wrong, say.expiryHint)}`;
	}

	const fields = () => html`<form @submit=${making.submit} novalidate>
		${making.field({name: "name", label: say.name, hint: say.nameHint, maxlength: 100, autofocus: true, autocomplete: "off"})}
		${modeFields()}
		${scopeFields(making, SCOPES)}
		${expiryFields()}
		${budgetFields(making, {budget: null, accounts: accounts[state.mode].state.data, pending: accounts[state.mode].view(() => nothing), state, redraw})}
		${making.problems()}
		<footer>${making.button(say.makeButton)}</footer>
	</form>`;

	return {
		title: say.newTitle,
		view: () => state.made === null ? fields() : secretShown(state.made, () => {
			kept();
			go("/keys/" + state.made.id, {replace: true});
		}),
	};
}
