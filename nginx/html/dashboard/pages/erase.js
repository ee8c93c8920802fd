// To delete the account: what that costs, the confirmation, and, while there are days of grace, the way back.
import {html, nothing} from "../lit.js";
import {Failure} from "../api.js";
import {address} from "../router.js";
import {forgetDrafts} from "../drafts.js";
import {form} from "../form.js";
import {ask} from "../dialog.js";
import {day, focusHeading, load, tell, when} from "../ui.js";
import {say} from "../words/en/erase.js";

export default function erase({api, plain, session, redraw, go, forget, drawFrame}) {
	const state = {isOver: false}; // this session has ended, as it does when a deletion begins
	const look = load(redraw, () => api.get("/privacy/erasure"));

	const grace = () => look.state.data?.grace_days ?? 0;

	const wish = form(redraw, {
		send: async ({confirm}) => await ask({title: say.sure, body: html`<p>${grace() > 0 ? say.sureGrace(grace()) : say.sureText}</p>`, yes: say.sureYes, danger: true}) ? begin({confirm}) : null,
		done: answer => {
			if (answer === null)
				return;
			forgetDrafts(session.user.id);
			forget();
			if (answer.receipt !== undefined)
				return go("/receipts/" + answer.receipt, {replace: true});
			state.isOver = true;
			drawFrame();
			redraw();
			focusHeading();
		},
	});

	// Of a wish whose answer was lost, the session tells what became of it: it has ended if the deletion has begun.
	async function begin(wish) {
		try {
			return await api.send("POST", "/privacy/erasure", wish);
		} catch (error) {
			if (!error.isUnknown)
				throw error;
			const now = await plain.get("/privacy/erasure").catch(failure => failure);
			if (now.status === 401)
				return {};
			if (now instanceof Failure)
				throw error;
			if (now.erasure !== null && now.erasure.state !== "canceled")
				return now.erasure;
			throw new Failure({status: error.status, error: {code: "not_begun", type: error.type, message: say.notBegun}, waitSec: null, requestId: error.requestId});
		}
	}

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

	const begun = () => html`<p>${say.begunText}</p><p>${say.begunElse}</p><p><a href=${address("/sign-in")}>${say.signIn}</a></p>`;

	return {title: () => state.isOver ? say.begun : say.title, view: () => state.isOver ? begun() : look.view(c => c.erasure === null || c.erasure.state === "canceled" ? asking(c) : waiting(c.erasure))};
}
