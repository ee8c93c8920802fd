// What is held of the user and why; to take it along, to correct it, to delete it; the policy and its versions.
import {html, nothing} from "../lit.js";
import {address} from "../router.js";
import {bytes, count, day, failed, load} from "../ui.js";
import {exporting} from "./privacy-export.js";
import {say} from "../words/en/privacy.js";

const MANAGE = {account: "/settings", mail: "/settings/notifications", keys: "/keys", tiktok: "/accounts", images: "/posts", posts: "/posts", billing: "/billing"};

function records({name, records: n, has_more: isMore, kept_n, kept_unit, kept}) {
	return say.records(say.place(name), n, n === null ? "" : count(n), isMore, say.kept(kept_n, kept_unit, kept));
}

export default function privacy({api, redraw}) {
	const data = load(redraw, async () => {
		const [held, policy, erasure] = await Promise.all([api.get("/privacy/data"), api.get("/privacy/policy"), api.get("/privacy/erasure")]);
		return {held, policy, erasure: erasure.erasure};
	});
	const taking = exporting(api, redraw);

	// Beside each number its rule: in a table they came apart, and on a phone its columns had no room.
	const item = (i, who) => html`<li><h3>${i.what}</h3>
		${i.is_secret ? html`<p><small>${say.secret}</small></p>` : nothing}
		<dl class="inline"><div><dt>${say.purpose}</dt><dd>${i.for}</dd></div>
			<div><dt>${say.recipients}</dt><dd>${i.recipients.length === 0 ? say.nobody : i.recipients.map(r => who.get(r) ?? r).join(", ")}</dd></div></dl>
		<ul>${i.held.map(h => html`<li>${records(h)}</li>`)}</ul></li>`;

	const group = (g, who) => html`<details class="held"><summary>${g.what}</summary>
		${MANAGE[g.group] === undefined ? nothing : html`<p><a href=${address(MANAGE[g.group])}>${say.manage[g.group]}</a></p>`}
		<ul class="list">${g.items.map(i => item(i, who))}</ul></details>`;

	const version = (v, state) => html`<tr><th scope="row">${v.version}${v.is_material ? html` <small>(${say.material})</small>` : nothing}</th><td>${state}</td><td>${day(v.effective_at)}</td>
		<td><a href=${v.privacy_url}>${say.policyLink}</a> <a href=${v.terms_url}>${say.termsLink}</a></td></tr>`;

	function versions({current, coming, history}) {
		const rows = [...coming.map(v => version(v, say.coming)), ...(current === null ? [] : [version(current, say.current)]),
			...history.filter(v => v.version !== current?.version).map(v => version(v, say.past))];
		return rows.length === 0 ? html`<p>${say.noPolicy}</p>` : html`<div class="wide" tabindex="0" role="region" aria-label=${say.policy}><table>
			<thead><tr><th scope="col">${say.version}</th><th scope="col">${say.state}</th><th scope="col">${say.from}</th><td></td></tr></thead><tbody>${rows}</tbody></table></div>`;
	}

	const taken = () => {
		const {state} = taking;
		return html`${state.error !== null ? failed(state.error) : nothing}
			${state.isRunning ? html`<p id="export-progress">${say.exporting}: ${say.exportBegun(count(state.records), count(state.images), bytes(state.imageBytes))}. ${say.exportGot(bytes(state.got))}</p>
				<progress aria-labelledby="export-progress" value=${state.imageBytes > 0 ? Math.min(state.got, state.imageBytes) : nothing} max=${state.imageBytes > 0 ? state.imageBytes : nothing}></progress>
				<p><button type="button" class="secondary" @click=${taking.stop}>${say.exportStop}</button></p>`
				: html`<p><button type="button" @click=${taking.start} aria-busy=${state.isAsking ? "true" : "false"} ?disabled=${state.isAsking}>${say.exportButton}</button></p>`}
			<p role="status">${state.said}</p>`;
	};

	return {
		title: say.title,
		close: taking.stop,
		view: () => html`<p>${say.intro}</p>
			${data.view(({held, policy, erasure}) => {
				const who = new Map(held.recipients.map(r => [r.recipient, r.who]));
				return html`
				${erasure === null ? nothing : html`<p class="problem">${say.erasing} <a href=${address("/privacy/delete")}>${say.erasingLink}</a></p>`}
				<section><h2>${say.held}</h2>${held.groups.map(g => group(g, who))}</section>
				<section><h2>${say.correct}</h2><p>${say.correctText} <a href=${address("/settings")}>${say.manage.account}</a></p></section>
				<section><h2>${say.export}</h2><p>${say.exportText}</p>${taken()}</section>
				<section><h2>${say.delete}</h2><p>${say.deleteText}</p><p><a href=${address("/privacy/delete")}>${say.deleteLink}</a></p></section>
				<section><h2>${say.policy}</h2>${versions(policy)}</section>`;
			})}`,
	};
}
