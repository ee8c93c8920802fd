// A form whose problems are shown at their fields, all at once. It sends once at a time, and what was typed stays until it is done.
import {html, nothing} from "./lit.js";
import {Failure} from "./api.js";
import {words} from "./words/en/common.js";

// redraw() draws the page anew. send(values): what the API is asked, values by the names of the fields. done(answer, form element).
// at: the fields of codes that the API tells of none (Failure.place).
export function form(redraw, {send, done, at = {}}) {
	const id = "f" + crypto.randomUUID().slice(0, 8);
	const shown = new Set(); // names of the fields on the page
	const state = {busy: false, failure: null};

	async function submit(event) {
		event.preventDefault();
		if (state.busy)
			return;
		const element = event.target;
		const values = Object.fromEntries(new FormData(element, event.submitter));
		Object.assign(state, {busy: true, failure: null});
		redraw();
		try {
			const answer = await send(values, element);
			state.busy = false;
			done?.(answer, element);
		} catch (error) {
			if (!(error instanceof Failure))
				throw error;
			error.place(at);
			state.failure = error;
		} finally {
			state.busy = false;
			redraw();
		}
		if (state.failure !== null)
			(element.querySelector("[aria-invalid=true], [data-wrong]") ?? element.querySelector("[role=alert]"))?.focus();
	}

	// hint: a sentence below. Other names are the attributes of HTML.
	function field({name, label, hint, type = "text", value, required = true, autocomplete, inputmode, maxlength, minlength, placeholder, autofocus = false}) {
		shown.add(name);
		const wrong = state.failure?.of(name) ?? [];
		return html`<div class="field">
			<label for=${id + name}>${label}</label>
			<input id=${id + name} name=${name} type=${type} .defaultValue=${value ?? ""} ?required=${required} ?data-autofocus=${autofocus}
				autocomplete=${autocomplete ?? nothing} inputmode=${inputmode ?? nothing} maxlength=${maxlength ?? nothing} minlength=${minlength ?? nothing}
				placeholder=${placeholder ?? nothing} aria-invalid=${wrong.length > 0 ? "true" : nothing}
				aria-describedby=${wrong.length > 0 || hint ? id + name + "-said" : nothing}>
			${wrong.length > 0 || hint ? html`<small id=${id + name + "-said"}>${wrong.length > 0 ? wrong.join(" ") : hint}</small>` : nothing}
		</div>`;
	}

	// For a form that asks a known user for a password: whose it is, for password managers.
	function username(email) {
		return html`<input type="text" name="username" autocomplete="username" .defaultValue=${email} hidden>`;
	}

	// For a control that a page draws by itself: its problems, and that they are shown there.
	function wrong(name) {
		shown.add(name);
		return state.failure?.of(name) ?? [];
	}

	// What is at no field. It is there from the start, so that a screen reader tells when it fills.
	function problems() {
		const rest = state.failure?.besides([...shown]) ?? [];
		return html`<div role="alert" tabindex="-1" class=${rest.length > 0 ? "problem" : "empty"}>${rest.map(text => html`<p>${text}</p>`)}
			${rest.length > 0 && state.failure.requestId ? html`<p><small>${words.api.requestId(state.failure.requestId)}</small></p>` : nothing}</div>`;
	}

	// Not disabled while it is busy: then it would lose the focus. submit() does nothing meanwhile.
	function button(text, {kind = ""} = {}) {
		return html`<button class=${kind} aria-disabled=${state.busy ? "true" : nothing} aria-busy=${state.busy ? "true" : "false"}>${text}</button>`;
	}

	return {submit, field, username, wrong, problems, button, state};
}
