// Sign in: the password, then a code where the account has a second factor.
import {html} from "../lit.js";
import {Failure} from "../api.js";
import {form} from "../form.js";
import {address, within} from "../router.js";
import {words} from "../words/en/common.js";
import {say} from "../words/en/signIn.js";
import {keep, typed} from "./guest.js";

export default function signIn({plain, query, redraw, go, whoIsIt}) {
	const state = {token: null};

	// A browser that keeps no cookies gives no error: it is nobody's session afterwards.
	async function enter() {
		if (await whoIsIt() === null)
			throw new Failure({status: 401, error: {code: "no_cookie", message: say.noCookie}, waitSec: null, requestId: null});
	}
	const entered = () => go(within(query.get("to")), {replace: true});

	const first = form(redraw, {
		send: async ({email, password}) => {
			const answer = await plain.send("POST", "/auth/login", {email: email.trim(), password});
			if (answer.status === "code_required")
				return answer.sign_in_token;
			return enter();
		},
		done: token => {
			if (token === undefined)
				return entered();
			state.token = token;
			second.state.failure = null;
			redraw();
			document.querySelector("#main [name=code]").focus();
		},
	});
	const second = form(redraw, {
		at: {wrong_code: "code"},
		send: async ({code}) => {
			try {
				await plain.send("POST", "/auth/login/code", {sign_in_token: state.token, code});
			} catch (error) {
				if (error.code === "sign_in_ended")
					startAnew(error);
				throw error;
			}
			return enter();
		},
		done: entered,
	});

	function startAnew(error) {
		state.token = null;
		first.state.failure = error;
		redraw();
		document.querySelector(error === null ? "#main [name=email]" : "#main [name=password]").focus();
	}

	const passwordStep = () => html`<form @submit=${first.submit} @input=${keep} novalidate>
		${first.field({name: "email", label: words.fields.email, type: "email", value: typed.email, autocomplete: "username", autofocus: typed.email === ""})}
		${first.field({name: "password", label: words.fields.password, type: "password", autocomplete: "current-password", autofocus: typed.email !== ""})}
		${first.problems()}
		${first.button(say.button)}
	</form>
	<p class="ways"><a href=${address("/forgot-password")}>${say.forgotten}</a> <a href=${address("/register")}>${say.register}</a></p>`;

	const codeStep = () => html`<form @submit=${second.submit} novalidate>
		<p>${say.codeText}</p>
		${second.field({name: "code", label: words.fields.code, hint: words.fields.codeHint, autocomplete: "one-time-code"})}
		${second.problems()}
		${second.button(words.goOn)}
		<button type="button" class="secondary" @click=${() => startAnew(null)}>${say.other}</button>
	</form>`;

	return {title: say.title, view: () => state.token === null ? passwordStep() : codeStep()};
}
