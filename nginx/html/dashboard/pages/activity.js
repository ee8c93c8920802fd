// What was done with the account.
import {html, nothing, repeat} from "../lit.js";
import {address} from "../router.js";
import {pager, when} from "../ui.js";
import {say} from "../words/en/activity.js";
import {tabs} from "./settings-tabs.js";

export default function activity({api, redraw}) {
	const list = pager(redraw, cursor => api.page("/me/activity", {cursor, limit: 50}));

	const row = one => html`<li>
		<p>${one.description}${one.about ? html`: <strong>${one.about}</strong>` : nothing}</p>
		<p><small>${when(one.created_at)}${one.by === "user" ? nothing : html`, ${say.by[one.by] ?? one.by}`}</small></p>
	</li>`;

	const view = () => html`${tabs("activity")}
		<p>${say.text} <a href=${address("/settings/security")}>${say.link}</a></p>
		${list.view(html`<ul class="list lines long">${repeat(list.state.items, one => one.id, row)}</ul>`, html`<p>${say.none}</p>`)}`;

	return {title: say.title, view, close: list.close};
}
