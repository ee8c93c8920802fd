// What pages that show posts and accounts have in common.
import {html, nothing} from "../lit.js";
import {address} from "../router.js";
import {badge, when} from "../ui.js";
import {say} from "../words/en/posts.js";

const TITLE_CHARS = 90;

// The status of a post, as a badge.
export function statusOf(post) {
	const {word, kind} = say.status[post.status] ?? {word: post.status, kind: "quiet"};
	return badge(word, kind);
}

// What a post is called: its title, or how its description begins.
export function titleOf(post) {
	const text = (post.title || post.description || "").trim().split("\n")[0];
	if (text === "")
		return say.untitled;
	const chars = [...text];
	return chars.length > TITLE_CHARS ? chars.slice(0, TITLE_CHARS).join("") + "…" : text;
}

// Why it failed, waits or was canceled, in plain words; null if there is nothing to say.
export function whyOf(post) {
	if (post.failure === null)
		return null;
	return post.held_until !== null ? say.held : say.failures[post.failure.code] ?? post.failure.message;
}

// What an account is called. null: it is not connected any more.
export function nameOf(account) {
	if (account === null || account === undefined)
		return say.gone;
	return account.username ? "@" + account.username : account.display_name ?? account.platform_data?.creator_nickname ?? say.unnamed;
}

// All accounts by their ids.
export async function accountsById(api) {
	return new Map((await api.all("/accounts")).map(a => [a.id, a]));
}

function hide(event) {
	event.target.hidden = true;
}

// An account's picture; where there is none, the first letter of its name.
export function picture(api, account) {
	const name = nameOf(account).replace("@", "");
	return html`<span class="face" aria-hidden="true">${[...name][0]?.toUpperCase()}
		${account?.avatar_url ? html`<img src=${api.address(`/accounts/${account.id}/avatar`)} alt="" loading="lazy" decoding="async" @error=${hide}>` : nothing}</span>`;
}

// A post's cover, as long as it is here; then a quiet place of the same size.
export function thumbnail(api, post) {
	return html`<span class="thumb" aria-hidden="true">${post.cover_upload_id === null || post.cover_upload_id === undefined ? nothing
		: html`<img src=${api.address(`/uploads/${post.cover_upload_id}/image`)} alt="" loading="lazy" decoding="async" @error=${hide}>`}</span>`;
}

// What a row needs of a post. Of a long list no more is kept.
export function inRow(post) {
	const {id, status, account_id, created_at, cover_upload_id, failure, held_until} = post;
	return {id, status, account_id, created_at, cover_upload_id, failure, held_until, title: titleOf(post)};
}

// A post in a list.
export function row(api, post, accounts) {
	const why = post.status === "canceled" ? null : whyOf(post);
	return html`<li>${thumbnail(api, post)}
		<div><a href=${address("/posts/" + post.id)}>${titleOf(post)}</a>
			<p><small>${accounts === null ? nothing : html`${nameOf(accounts.get(post.account_id))}, `}${when(post.created_at)}</small></p>
			${why === null ? nothing : html`<p><small>${why.split(/(?<=\.) /)[0]}</small></p>`}</div>
		${statusOf(post)}</li>`;
}

// Posts of which something is still to come soon. One that is held says why.
export function isUnderWay(post) {
	return ["queued", "publishing", "processing"].includes(post.status) && post.failure === null;
}
