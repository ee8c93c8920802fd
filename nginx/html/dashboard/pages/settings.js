// Name, address and password.
import {html, nothing} from "../lit.js";
import {form} from "../form.js";
import {address} from "../router.js";
import {load, tell, when} from "../ui.js";
import {words} from "../words/en/common.js";
import {say} from "../words/en/settings.js";
import {tabs} from "./settings-tabs.js";

export default function settings({api, session, redraw, drawFrame}) {
	// The change of address that waits for its link to be followed.
	const waiting = load(redraw, () => api.get("/auth/change-email"));

	const name = form(redraw, {
		send: ({name}) => api.send("PATCH", "/me", {name: name.trim() || null}),
		done: answer => {
			Object.assign(session.user, answer);
			drawFrame();
			tell(say.nameSaved);
		},
	});
	const email = form(redraw, {
		send: ({email}) => api.send("POST", "/auth/change-email", {email: email.trim()}),
		done: (_, element) => {
			element.reset();
			waiting.again();
		},
	});
	const stop = form(redraw, {
		send: async () => {
			await api.send("DELETE", "/auth/change-email"); // which is right also where nothing waits any more
			return api.get("/me");
		},
		done: user => {
			const isSame = user.email === session.user.email;
			Object.assign(session.user, user);
			drawFrame();
			waiting.again();
			tell(isSame ? say.stopped : say.tooLate(user.email));
		},
	});
	const password = form(redraw, {
		at: {wrong_password: "old_password"},
		send: ({old_password, new_password}) => api.send("POST", "/auth/change-password", {old_password, new_password}),
		done: (_, element) => {
			element.reset();
			waiting.again(); // one that waited is over
			tell(say.passwordSaved);
		},
	});

	const wait = ({waiting: change}) => change === null ? nothing : html`<form class="note" @submit=${stop.submit} novalidate>
		<p><strong>${say.waits(change.email)}</strong></p>
		<p>${say.waitsText} ${say.asked} ${when(change.created_at)}.</p>
		${stop.problems()}
		${stop.button(say.stop, {kind: "secondary small"})}
	</form>`;

	const view = () => html`${tabs("profile")}
		<section aria-labelledby="name">
			<h2 id="name">${say.name}</h2>
			<form @submit=${name.submit} novalidate>
				${name.field({name: "name", label: say.nameLabel, hint: say.nameHint, value: session.user.name, required: false, autocomplete: "name"})}
				${name.problems()}
				${name.button(words.save)}
			</form>
		</section>
		<section aria-labelledby="email">
			<h2 id="email">${say.email}</h2>
			<p>${say.emailNow} <strong>${session.user.email}</strong></p>
			<div aria-live="polite">${waiting.view(wait)}</div>
			<form @submit=${email.submit} novalidate>
				${email.field({name: "email", label: say.newEmail, hint: say.newEmailHint, type: "email", autocomplete: "email"})}
				${email.problems()}
				${email.button(say.changeEmail)}
			</form>
		</section>
		<section aria-labelledby="password">
			<h2 id="password">${words.fields.password}</h2>
			<form @submit=${password.submit} novalidate>
				${password.username(session.user.email)}
				${password.field({name: "old_password", label: say.oldPassword, type: "password", autocomplete: "current-password"})}
				${password.field({name: "new_password", label: words.fields.newPassword, hint: words.fields.passwordHint, type: "password", autocomplete: "new-password"})}
				${password.problems()}
				<p class="hint">${say.passwordText} <a href=${address("/keys")}>${say.keys}</a></p>
				${password.button(say.changePassword)}
			</form>
		</section>
		<section aria-labelledby="delete">
			<h2 id="delete">${say.delete}</h2>
			<p>${say.deleteText} <a href=${address("/privacy")}>${say.deleteLink}</a></p>
		</section>`;

	return {title: say.title, view};
}
