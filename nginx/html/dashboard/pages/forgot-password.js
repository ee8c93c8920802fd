// A forgotten password: a link to choose another one is mailed.
import {html} from "../lit.js";
import {form} from "../form.js";
import {address} from "../router.js";
import {focusHeading} from "../ui.js";
import {words} from "../words/en/common.js";
import {say} from "../words/en/forgotPassword.js";
import {keep, typed} from "./guest.js";

export default function forgotPassword({plain, redraw}) {
	const state = {email: null};
	const asks = form(redraw, {
		send: async ({email}) => {
			await plain.send("POST", "/auth/forgot-password", {email: email.trim()});
			return email.trim();
		},
		done: email => {
			state.email = email;
			redraw();
			focusHeading();
		},
	});

	const askStep = () => html`<p>${say.text}</p>
		<form @submit=${asks.submit} @input=${keep} novalidate>
			${asks.field({name: "email", label: words.fields.email, type: "email", value: typed.email, autocomplete: "username", autofocus: true})}
			${asks.problems()}
			${asks.button(say.button)}
		</form>
		<p class="ways"><a href=${address("/sign-in")}>${say.back}</a></p>`;

	const mailStep = () => html`<p>${say.sent(state.email)}</p>
		<ul><li>${say.spam}</li><li>${say.limit}</li></ul>
		<p class="ways"><a href=${address("/sign-in")}>${say.back}</a></p>`;

	return {title: () => state.email === null ? say.title : say.sentTitle, view: () => state.email === null ? askStep() : mailStep()};
}
