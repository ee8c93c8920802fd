// A dialog over the page. view(close, redraw) draws it; the promise gives what close() was called with, undefined for Escape and where the
// page went away below it.
import {html, render} from "./lit.js";
import {words} from "./words/en/common.js";

const leave = new Set(); // of each that is open: what closes it

// Another page is shown: what was asked belongs to the one before.
export function leaveDialogs() {
	leave.forEach(close => close());
}

export function dialog(view) {
	const element = document.createElement("dialog");
	let before = document.activeElement;
	document.body.append(element);
	return new Promise(done => {
		let answer;
		const close = value => {
			answer = value;
			element.close();
		};
		const left = () => {
			before = null; // the focus is the new page's
			close();
		};
		leave.add(left);
		const redraw = () => render(view(close, redraw), element);
		redraw();
		const heading = element.querySelector("h2");
		if (heading !== null) {
			heading.id ||= "dialog-" + crypto.randomUUID().slice(0, 8);
			element.setAttribute("aria-labelledby", heading.id);
		}
		element.addEventListener("close", () => {
			leave.delete(left);
			element.remove();
			before?.focus?.();
			done(answer);
		});
		element.showModal();
		(element.querySelector("[data-autofocus]") ?? element.querySelector("input, button"))?.focus();
	});
}

// Asks yes or no; resolves to true for yes. body: a template.
export function ask({title, body, yes, no = words.cancel, danger = false}) {
	return dialog(close => html`<article>
		<h2>${title}</h2>
		${body}
		<footer>
			<button type="button" class="secondary" data-autofocus @click=${() => close(false)}>${no}</button>
			<button type="button" class=${danger ? "danger" : ""} @click=${() => close(true)}>${yes}</button>
		</footer>
	</article>`).then(answer => answer === true);
}
