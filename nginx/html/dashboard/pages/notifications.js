// What comes by mail, and what did not.
import {html, nothing} from "../lit.js";
import {address} from "../router.js";
import {failed, load, tell, when} from "../ui.js";
import {words} from "../words/en/common.js";
import {say} from "../words/en/notifications.js";
import {tabs} from "./settings-tabs.js";

export default function notifications({api, session, redraw}) {
	const kinds = load(redraw, () => api.get("/me/notifications"));
	const mails = load(redraw, () => api.get("/me/mails"));
	const state = {busy: null, error: null};

	// The switch shows at once what was wished, and what is when that did not work.
	async function choose(kind, on) {
		Object.assign(state, {busy: kind, error: null});
		kinds.state.data = {...kinds.state.data, [kind]: on};
		redraw();
		try {
			kinds.state.data = await api.send("PATCH", "/me/notifications", {[kind]: on});
			tell(words.saved);
		} catch (error) {
			kinds.state.data = {...kinds.state.data, [kind]: !on};
			Object.assign(state, {error, failed: kind});
			if (error.isUnknown)
				await kinds.again(); // it may have been done
		}
		state.busy = null;
		redraw();
	}

	const one = (kind, on) => html`<li>
		<label><input type="checkbox" role="switch" .checked=${on} aria-describedby=${"about-" + kind} aria-busy=${state.busy === kind ? "true" : "false"}
			@change=${event => choose(kind, event.target.checked)}> ${say.kinds[kind]?.label ?? kind}</label>
		<p id=${"about-" + kind}><small>${say.kinds[kind]?.text ?? nothing}</small></p>
		${state.error !== null && state.failed === kind ? failed(state.error) : nothing}
	</li>`;

	const missed = ({undelivered}) => undelivered.length === 0 ? html`<p>${say.noneMissed}</p>` : html`<ul class="list lines">${undelivered.map(m => html`<li>
		<p>${say.mails[m.mail] ?? m.mail}</p>
		<p><small>${say.due} ${when(m.created_at)}. ${m.came_back ? say.cameBack : say.refused} ${when(m.failed_at)}.</small></p>
	</li>`)}</ul>`;

	const view = () => html`${tabs("notifications")}
		<section aria-labelledby="kinds">
			<h2 id="kinds">${say.kindsTitle}</h2>
			<p>${say.to} <strong>${session.user.email}</strong>. <a href=${address("/settings")}>${say.change}</a></p>
			${session.user.email_undeliverable_since ? html`<p class="note">${say.stopped} ${when(session.user.email_undeliverable_since)}. ${say.stoppedText}</p>` : nothing}
			${kinds.view(data => html`<ul class="list lines">${Object.entries(data).map(([kind, on]) => one(kind, on))}</ul>`)}
			<p><small>${say.always}</small></p>
		</section>
		<section aria-labelledby="missed">
			<h2 id="missed">${say.missed}</h2>
			${mails.view(missed)}
		</section>`;

	return {title: say.title, view};
}
