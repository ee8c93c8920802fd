// What can be done with a post now, each asked once more in a dialog: cancel, send again, approve, refuse.
import {html, nothing} from "../lit.js";
import {Failure} from "../api.js";
import {dialog} from "../dialog.js";
import {form} from "../form.js";
import {address} from "../router.js";
import {tell} from "../ui.js";
import {consent} from "./compose-consent.js";
import {nameOf} from "./posts-parts.js";
import {words} from "../words/en/common.js";
import {say} from "../words/en/post.js";

const CANCELABLE = ["queued", "deferred"];
const DECIDED = ["refused_by_owner", "approval_expired", "not_as_approved", "mode_mismatch"]; // docs/api.md#canceling-and-trying-again
const DOUBTFUL = ["outcome_unknown", "confirmation_timeout", "unconfirmed"]; // nobody knows whether TikTok has it
const HOUR_MS = 3600_000;

export function isDoubtful(post) {
	return post.status === "failed" && DOUBTFUL.includes(post.failure?.code);
}

// Must a retry be refused, because its images go before it could be sent?
function imagesAreGone(post) {
	return post.images.some(i => i.deleted_at !== null || (i.delete_due_at !== null && Date.parse(i.delete_due_at) < Date.now() + HOUR_MS));
}

// Asks, and sends as long as the dialog is open; resolves to the answer, or undefined.
function confirm({title, text, yes, no = words.cancel, danger = false, fields = () => nothing, send}) {
	let made = null;
	return dialog((close, redraw) => {
		made ??= form(redraw, {send, done: close});
		return html`<article><h2>${title}</h2><form @submit=${made.submit} novalidate>
			${text}${fields(made)}${made.problems()}
			<footer><button type="button" class="secondary" data-autofocus @click=${() => close()}>${no}</button>
				${made.button(yes, {kind: danger ? "danger" : ""})}</footer></form></article>`;
	});
}

function looked(made) {
	const wrong = made.wrong("looked");
	return html`<label><input type="checkbox" name="looked" value="yes" aria-invalid=${wrong.length > 0 ? "true" : nothing}
		aria-describedby=${wrong.length > 0 ? "looked-said" : nothing}> ${say.retry.doubtCheck}</label>
		${wrong.length > 0 ? html`<p class="wrong" id="looked-said">${wrong.join(" ")}</p>` : nothing}`;
}

function mustLook() {
	return new Failure({status: 422, waitSec: null, requestId: null, error: {code: "look_first", type: "validation", message: say.retry.doubtMissing,
		details: [{code: "look_first", param: "looked", message: say.retry.doubtMissing}]}});
}

// post, account: as they are shown. done(post): what it is now. again(): reads it anew, because it was not as it is shown.
export function actions({api, isLive, post, account, done, again}) {
	const name = nameOf(account);

	const sends = (verb, body) => async () => {
		try {
			return await api.send("POST", `/posts/${post.id}/${verb}`, body);
		} catch (error) {
			if (error.code === "confirmation_needed" && verb === "retry")
				return "doubt";
			again();
			throw error;
		}
	};

	async function run(asked, told) {
		const answer = await confirm(asked);
		if (answer === undefined || answer === "doubt")
			return answer;
		done(answer);
		tell(told);
		return answer;
	}

	// Whoever has a post sent declares what TikTok wants declared, whoever has made it.
	const declared = consent(post.platform_options.brand_content_toggle, post.post_mode);

	const plain = (verb, texts, {body, sends: isSent = false, ...more} = {}) => run({title: texts.title, yes: texts.yes, no: texts.no, ...more,
		text: html`<p>${typeof texts.text === "function" ? texts.text(name) : texts.text}</p>${isSent ? declared : nothing}`, send: sends(verb, body)}, texts.done);

	const profile = account?.username && post.post_url === null && isLive
		? html`<p><a href=${"https://www.tiktok.com/@" + account.username} target="_blank" rel="noopener">${say.seeProfile}</a></p>` : nothing;

	async function retry() {
		if (!isDoubtful(post) && await plain("retry", say.retry, {body: {ended_at: post.ended_at}, sends: true}) !== "doubt")
			return;
		const send = sends("retry", {confirm_not_published: true, ended_at: post.ended_at});
		await run({title: say.retry.doubtTitle, yes: say.retry.yes, danger: true, fields: looked,
			text: html`<p>${say.retry.doubtText}</p><p>${say.retry.doubtLook(post.post_mode === "MEDIA_UPLOAD")}</p>${profile}${declared}`,
			send: values => {
				if (values.looked === undefined)
					throw mustLook();
				return send();
			}}, say.retry.done);
	}

	const button = (text, act, kind = "") => html`<button type="button" class=${kind} @click=${act}>${text}</button>`;

	if (post.status === "awaiting_approval")
		return html`<div class="row">
			${button(say.approve.button, () => plain("approve", say.approve, {body: {content_digest: post.content_digest}, sends: true}))}
			${button(say.refuse.button, () => plain("refuse", say.refuse, {danger: true}), "secondary")}</div>`;
	if (CANCELABLE.includes(post.status))
		return html`<div class="row">
			${post.held_until === null ? nothing : html`<a role="button" href=${address("/accounts")}>${say.toAccounts}</a>`}
			${button(say.cancel.button, () => plain("cancel", say.cancel, {danger: true}), "secondary")}</div>`;
	if (!["failed", "canceled"].includes(post.status) || DECIDED.includes(post.failure?.code))
		return nothing;
	if (imagesAreGone(post))
		return html`<p>${say.cannot.imagesGone}</p><p><a role="button" href=${address("/posts/new")}>${say.newPost}</a></p>`;
	if (account === null || account?.state === "needs_reconnect")
		return html`<p>${account === null ? say.cannot.disconnected : say.cannot.reconnect}</p><p><a role="button" href=${address("/accounts")}>${say.toAccounts}</a></p>`;
	return html`<div class="row">${profile}${button(say.retry.button, retry)}</div>`;
}
