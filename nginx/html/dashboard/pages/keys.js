// The list of API keys.
import {html, nothing, repeat} from "../lit.js";
import {pager, when} from "../ui.js";
import {address} from "../router.js";
import {badges} from "./key-parts.js";
import {say} from "../words/en/keys.js";

export default function keys({api, redraw}) {
	const list = pager(redraw, cursor => api.page("/keys", {cursor}));

	const row = key => html`<li>
		<div class="row"><h2 class="small"><a href=${address("/keys/" + key.id)}>${key.name}</a></h2> ${badges(key)}</div>
		${key.revoked_reason === "seen_in_clear" ? html`<p>${say.seen}</p>` : nothing}
		<dl class="inline">
			<div><dt>${say.begins}</dt><dd><code>${key.prefix}</code></dd></div>
			<div><dt>${say.lastUsed}</dt><dd>${when(key.last_used_at)}</dd></div>
			${key.expires_at !== null ? html`<div><dt>${say.ends}</dt><dd>${when(key.expires_at)}</dd></div>` : nothing}
		</dl></li>`;

	const make = html`<a role="button" href=${address("/keys/new")}>${say.make}</a>`;
	return {
		title: say.title,
		close: list.close,
		view: () => html`<p>${say.intro}</p>
			${list.state.items.length > 0 ? html`<p>${make}</p>` : nothing}
			${list.view(html`<ul class="list">${repeat(list.state.items, key => key.id, row)}</ul>`, html`<p>${say.none}</p><p>${make}</p>`)}`,
	};
}
