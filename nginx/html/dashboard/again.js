// Asks over the page for what a request needs: to sign in again, or to type the password again. What was typed on the page stays.
import {html, nothing} from "./lit.js";
import {Failure} from "./api.js";
import {dialog} from "./dialog.js";
import {form} from "./form.js";
import {words} from "./words/en/common.js";

let asking = null; // requests that fail at the same time share one dialog

function shared(ask) {
	asking ??= ask().finally(() => {
		asking = null;
	});
	return asking;
}

// Password and, where it is needed, the code. send({password, code}) throws while they are not right.
function askPassword({title, text, email, needsCode = false, send}) {
	let made = null;
	return dialog((close, redraw) => {
		made ??= form(redraw, {
			at: {wrong_password: "password", wrong_code: "code", code_required: "code"},
			send: async values => {
				try {
					return await send(values);
				} catch (error) {
					if (error instanceof Failure && ["code_required", "wrong_code"].includes(error.code))
						needsCode = true;
					throw error;
				}
			},
			done: (answer, element) => {
				if (answer !== "code_required")
					return close(true);
				needsCode = true;
				redraw();
				element.querySelector("[name=code]").focus();
			},
		});
		return html`<article><h2>${title}</h2><p>${text}</p>
			<form @submit=${made.submit} novalidate>
				${made.username(email)}
				${made.field({name: "password", label: words.fields.password, type: "password", autocomplete: "current-password", autofocus: true})}
				${needsCode ? made.field({name: "code", label: words.fields.code, hint: words.fields.codeHint, autocomplete: "one-time-code"}) : nothing}
				${made.problems()}
				<footer><button type="button" class="secondary" @click=${() => close(false)}>${words.cancel}</button>${made.button(words.goOn)}</footer>
			</form></article>`;
	}).then(answer => answer === true);
}

async function signIn(app, plain, {password, code}) {
	const answer = await plain.send("POST", "/auth/login", {email: app.session.user.email, password, ...(code ? {code} : {})});
	if (answer.status === "code_required")
		return "code_required";
	await app.whoIsIt();
	return answer;
}

export function signInAgain(app, plain) {
	return shared(() => askPassword({
		title: words.again.ended,
		text: words.again.endedText(app.session.user.email),
		email: app.session.user.email,
		send: values => signIn(app, plain, values),
	}));
}

// Whoever is being erased can only sign in anew, which is as good (POST /auth/confirm is not for them).
export function confirmAgain(app, plain) {
	return shared(async () => {
		const {enabled, isErasing} = await plain.get("/auth/totp").catch(({code}) => ({enabled: false, isErasing: code === "account_erasing"}));
		return askPassword({
			title: words.again.confirm,
			text: enabled ? words.again.confirmWithCode : words.again.confirmText,
			email: app.session.user.email,
			needsCode: enabled,
			send: values => isErasing ? signIn(app, plain, values) : plain.send("POST", "/auth/confirm", {password: values.password, ...(values.code ? {code: values.code} : {})}),
		});
	});
}
