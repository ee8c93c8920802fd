// Sign in: the password, then a code where the account has a second factor.
import {html} from "../lit.js";
import {form} from "../form.js";
import {address} from "../router.js";
import {words} from "../words/en.js";

const say = words.signIn;

export default function signIn({plain, query, redraw, go, whoIsIt}) {
	const state = {token: null};

	async function enter() {
		await whoIsIt();
		const to = query.get("to") ?? "/";
		go(to.startsWith("/") ? to : "/", {replace: true});
	}

	const first = form(redraw, {
		send: ({email, password}) => plain.send("POST", "/auth/login", {email, password}),
		done: async answer => {
			if (answer.status !== "code_required")
				return enter();
			state.token = answer.sign_in_token;
		},
	});
	const second = form(redraw, {
		send: async ({code}) => {
			try {
				return await plain.send("POST", "/auth/login/code", {sign_in_token: state.token, code});
			} catch (error) {
				if (error.code === "sign_in_ended") {
					state.token = null;
					first.state.failure = error;
				}
				throw error;
			}
		},
		done: enter,
	});

	const passwordStep = () => html`<form @submit=${first.submit} novalidate>
		${first.field({name: "email", label: words.fields.email, type: "email", autocomplete: "username", autofocus: true})}
		${first.field({name: "password", label: words.fields.password, type: "password", autocomplete: "current-password"})}
		${first.problems()}
		${first.button(say.button)}
	</form>
	<p><a href=${address("/forgot-password")}>${say.forgotten}</a></p>
	<p><a href=${address("/register")}>${say.register}</a></p>`;

	const codeStep = () => html`<form @submit=${second.submit} novalidate>
		<p>${say.codeText}</p>
		${second.field({name: "code", label: words.fields.code, hint: words.fields.codeHint, autocomplete: "one-time-code", autofocus: true})}
		${second.problems()}
		${second.button(words.goOn)}
		<button type="button" class="secondary" @click=${() => {
			state.token = null;
			redraw();
		}}>${say.other}</button>
	</form>`;

	return {title: say.title, view: () => state.token === null ? passwordStep() : codeStep()};
}
