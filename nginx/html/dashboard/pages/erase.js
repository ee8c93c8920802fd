// To delete the account: what that costs, the confirmation, and, while there are days of grace, the way back.
import {html, nothing} from "../lit.js";
import {address} from "../router.js";
import {forgetDrafts} from "../drafts.js";
import {form} from "../form.js";
import {ask} from "../dialog.js";
import {day, load, tell, when} from "../ui.js";
import {words} from "../words/en.js";

const say = words.erase;

export default function erase({api, session, redraw, go, forget}) {
	const look = load(redraw, () => api.get("/privacy/erasure"));

	const wish = form(redraw, {
		send: async ({confirm}) => await ask({title: say.sure, body: html`<p>${say.sureText}</p>`, yes: say.sureYes, danger: true}) ? api.send("POST", "/privacy/erasure", {confirm}) : null,
		done: answer => {
			if (answer === null)
				return;
			forgetDrafts(session.user.id);
			forget();
			go("/receipts/" + answer.receipt, {replace: true});
		},
	});
	const back = form(redraw, {
		send: () => api.send("DELETE", "/privacy/erasure"),
		done: () => {
			tell(say.kept);
			go("/");
		},
	});

	function costs(c) {
		const plan = c.plan === null ? null : say.plan(c.plan, c.plan_until === null ? null : day(c.plan_until));
		const lines = [plan, c.api_keys && say.keys(c.api_keys), c.tiktok_accounts && say.accounts(c.tiktok_accounts), c.images && say.images(c.images),
			c.posts && say.posts(c.posts), c.posts_waiting && say.waiting(c.posts_waiting), c.posts_at_tiktok && say.atTiktok(c.posts_at_tiktok),
			c.grace_days > 0 ? say.grace(c.grace_days) : say.atOnce];
		return html`<ul>${lines.filter(line => line).map(line => html`<li>${line}</li>`)}</ul>`;
	}

	const asking = c => html`<h2>${say.before}</h2>${costs(c)}
		<p><a href=${address("/privacy")}>${say.exportFirst}</a></p>
		<form @submit=${wish.submit} novalidate>
			${wish.field({name: "confirm", label: say.confirmLabel(session.user.email), type: "email", autocomplete: "off"})}
			${wish.problems()}
			${wish.button(say.button, {kind: "danger"})}
		</form>`;

	const waiting = x => html`<h2>${say.waitingTitle}</h2>
		${x.cancel_until === null ? nothing : html`<p>${say.waitingText} ${when(x.cancel_until)}.</p>
			<form @submit=${back.submit}>${back.problems()}${back.button(say.keep)}</form>`}
		<p><a href=${address("/receipts/" + x.receipt)}>${say.see}</a></p>`;

	return {title: say.title, view: () => look.view(c => c.erasure === null || c.erasure.state === "canceled" ? asking(c) : waiting(c.erasure))};
}
