// The second factor, and the sessions.
import {html, nothing, repeat} from "../lit.js";
import {ask} from "../dialog.js";
import {badge, failed, pager, tell, when} from "../ui.js";
import {say} from "../words/en/security.js";
import {secondFactor} from "./security-codes.js";
import {tabs} from "./settings-tabs.js";

export default function security({api, session, redraw}) {
	const factor = secondFactor({api, session, redraw});
	const list = pager(redraw, cursor => api.page("/auth/sessions", {cursor, limit: 50}));
	const state = {error: null, busy: false};

	// Ends some, and draws what is there afterwards: also when the answer did not come.
	async function end(path, text) {
		if (state.busy)
			return;
		Object.assign(state, {busy: true, error: null});
		redraw();
		try {
			await api.send("DELETE", path);
			tell(text);
		} catch (error) {
			state.error = error;
		}
		state.busy = false;
		await list.restart();
		document.getElementById("sessions")?.focus();
	}

	async function endOthers() {
		if (await ask({title: say.endOthersTitle, body: html`<p>${say.endOthersText}</p>`, yes: say.endOthers}))
			end("/auth/sessions", say.othersEnded);
	}

	const row = one => html`<li class="session">
		<div><p>${say.began} ${when(one.created_at)} ${one.current ? badge(say.current, "good") : nothing}</p>
			<p><small>${one.current ? nothing : html`${say.used} ${when(one.last_seen_at)}. `}${say.ends} ${when(one.expires_at)}.</small></p></div>
		${one.current ? nothing : html`<button type="button" class="secondary small" aria-disabled=${state.busy ? "true" : nothing}
			aria-label=${say.endLabel(new Date(one.created_at).toLocaleString())} @click=${() => end(`/auth/sessions/${one.id}`, say.ended)}>${say.end}</button>`}
	</li>`;

	const rows = () => html`<ul class="list lines">${repeat(list.state.items, one => one.id, row)}</ul>`;

	const view = () => html`${tabs("security")}
		${factor.view()}
		<section aria-labelledby="sessions">
			<h2 id="sessions" tabindex="-1">${say.sessions}</h2>
			<p>${say.sessionsText}</p>
			${state.error === null ? nothing : failed(state.error)}
			${list.view(rows(), nothing)}
			${list.state.items.length > 1 ? html`<p><button type="button" class="secondary" @click=${endOthers}>${say.endOthers}</button></p>` : nothing}
		</section>`;

	return {title: say.title, view, close: list.close};
}
