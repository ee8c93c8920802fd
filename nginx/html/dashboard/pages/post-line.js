// The receipt of a post as a line of time: what happened, what TikTok said, when it fetched the images.
import {html, nothing} from "../lit.js";
import {say} from "../words/en/post.js";

const moment = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "medium"}); // with seconds, in which much happens

// When TikTok had fetched all that it has fetched for the newest attempt. null: nothing yet.
function fetches(post) {
	const times = post.images.map(i => i.fetched_at).filter(at => at !== null).sort();
	return times.length === 0 ? null : {at: times.at(-1), event: "fetched", text: say.fetched(times.length, post.images.length)};
}

function sentence(event) {
	if (event.event === "poll")
		return say.poll[event.platform_code] ?? say.poll.other;
	return say.events[event.event] ?? say.events.other;
}

function entries(post) {
	let attempt = 0;
	const told = post.events.map(event => ({...event, text: sentence(event), attempt: event.event === "attempt" ? ++attempt : null}));
	const fetched = fetches(post);
	return (fetched === null ? told : [...told, fetched]).sort((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : 0);
}

export function line(post) {
	const all = entries(post);
	const attempts = all.filter(e => e.attempt).length;
	return html`<ol class="line">${all.map(e => html`<li class=${e.status === "failed" ? "bad" : ["published", "in_inbox"].includes(e.status) ? "good" : ""}>
		<p>${e.text} ${say.by[e.code] ?? nothing} ${e.attempt && attempts > 1 ? html`<small>${say.attempt(e.attempt)}</small>` : nothing}</p>
		<p><small><time datetime=${e.at}>${moment.format(new Date(e.at))}</time></small></p>
		${e.platform_code || e.log_id ? html`<p><small>${e.platform_code ? html`${say.tiktokSaid} <code>${e.platform_code}</code> ` : nothing}
			${e.log_id ? html`${say.logId} <code>${e.log_id}</code>` : nothing}</small></p>` : nothing}
	</li>`)}</ol>`;
}
