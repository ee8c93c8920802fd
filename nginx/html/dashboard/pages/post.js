// One post: what became of it, what can be done now, what is posted, and its receipt.
import {html, nothing} from "../lit.js";
import {Failure} from "../api.js";
import {dialog} from "../dialog.js";
import {copy, every, load, when} from "../ui.js";
import {actions} from "./post-actions.js";
import {line} from "./post-line.js";
import {accountsById, isUnderWay, nameOf, picture, statusOf, titleOf, whyOf} from "./posts-parts.js";
import {words} from "../words/en/common.js";
import {say} from "../words/en/post.js";

const SOON_SEC = 2, LATER_SEC = 30, WAITING_SEC = 60;
const URL_COMES_MS = 3600_000; // so long after its end one looks whether TikTok has told the address

// How soon to look again, having waited for so long before. null: nothing more comes.
function pauseAfter(post, waited) {
	if (isUnderWay(post))
		return Math.min(waited * 1.5, LATER_SEC);
	if (["queued", "deferred", "awaiting_approval", "in_inbox"].includes(post.status))
		return WAITING_SEC;
	return post.status === "published" && post.post_url === null && Date.now() - Date.parse(post.ended_at) < URL_COMES_MS ? LATER_SEC : null;
}

export default function post({api, plain, mode, params, redraw}) {
	const path = "/posts/" + params.id;
	let stop = null, stale = null, isOpen = true;

	const quietly = promise => promise.catch(error => {
		if (!(error instanceof Failure))
			throw error;
		return null;
	});

	const loaded = load(redraw, async () => {
		const [post, accounts] = await Promise.all([api.get(path), quietly(accountsById(api))]);
		const keys = post.key_id === null ? null : await quietly(api.all("/keys"));
		follow(post);
		return {post, accounts, key: keys?.find(k => k.id === post.key_id)?.name ?? null};
	});

	function take(post) {
		loaded.state.data.post = post;
		stale = null;
		redraw();
	}

	// by: plain where nobody has asked to look, so that nobody is asked to sign in for it.
	async function look(by = api) {
		try {
			take(await by.get(path));
		} catch (error) {
			if (!(error instanceof Failure))
				throw error;
			stale = error;
			redraw();
		}
	}

	function follow(post) {
		let pause = pauseAfter(post, SOON_SEC / 1.5);
		stop?.();
		stop = pause === null || !isOpen ? null : every(pause, async () => {
			await look(plain);
			pause = pauseAfter(loaded.state.data.post, pause);
			return pause;
		});
	}

	// What was done by a button: the button is gone, so the focus goes to what it has led to.
	function done(post) {
		take(post);
		follow(post);
		document.getElementById("state")?.focus();
	}

	function now({post, key}) {
		const why = whyOf(post);
		if (post.status === "awaiting_approval")
			return html`${why === null ? nothing : html`<p>${why}</p>`}<p>${say.awaiting(key)}</p><p>${say.awaitingUntil} ${when(post.awaiting_until)}.</p>`;
		if (post.held_until !== null)
			return html`<p>${why}</p><p>${say.heldUntil} ${when(post.held_until)}.</p>`;
		const text = post.status === "published" && post.post_url === null ? say.now.publishedNoUrl : say.now[post.status];
		return html`${why !== null ? html`<p>${why}</p>` : html`<p>${text}</p>`}
			${post.failure?.platform_error ? html`<p><small>${said(post.failure.platform_error)}</small></p>` : nothing}
			${["queued", "deferred"].includes(post.status) && post.next_attempt_at !== null ? html`<p>${say.next} ${when(post.next_attempt_at)}.</p>` : nothing}
			${post.post_url === null ? nothing : html`<p><a role="button" href=${post.post_url} target="_blank" rel="noopener">${say.see}</a></p>`}`;
	}

	const said = ({code, log_id: id}) => html`${code === null ? nothing : html`${say.tiktokSaid} <code>${code}</code> `}${id === null ? nothing : html`${say.logId} <code>${id}</code>`}`;

	// In a dialog: an address of the API may do nothing in a browser, not even what it needs to show an image in a tab.
	const large = ({upload_id: id, position, width, height}, of) => dialog(close => html`<article class="large">
		<h2>${say.image(position + 1, of)}</h2>
		<img src=${api.address(`/uploads/${id}/image`)} alt=${say.image(position + 1, of)} width=${width} height=${height}>
		<footer><button type="button" class="secondary" data-autofocus @click=${() => close()}>${words.close}</button></footer>
	</article>`);

	function images({images, platform_options: options}) {
		const here = images.filter(i => i.deleted_at === null);
		const until = here.map(i => i.delete_due_at).filter(at => at !== null).sort()[0] ?? null;
		return html`<ol class="images">${images.map(i => html`<li>${i.deleted_at !== null ? html`<span class="thumb">${say.imageGone}</span>`
			: html`<button type="button" aria-label=${say.imageOpen(i.position + 1, images.length)} @click=${() => large(i, images.length)}>
				<img src=${api.address(`/uploads/${i.upload_id}/image`)} alt="" width=${i.width} height=${i.height} loading="lazy" decoding="async"></button>`}
			${images.length > 1 && i.position === options.photo_cover_index ? html`<small>${say.cover}</small>` : nothing}</li>`)}</ol>
			<p><small>${here.length === 0 ? say.imagesAllGone : ended() && until !== null ? html`${say.imagesUntil} ${when(until)}.` : say.imagesKept}</small></p>`;
	}

	const ended = () => loaded.state.data.post.ended_at !== null;
	const fact = (name, value) => html`<dt>${name}</dt><dd>${value}</dd>`;

	function settings({post, account, key}) {
		const o = post.platform_options, direct = post.post_mode === "DIRECT_POST";
		const promotes = o.brand_content_toggle ? o.brand_organic_toggle ? say.both : say.branded : o.brand_organic_toggle ? say.own : null;
		return html`<dl class="facts">
			${fact(say.account, html`<span class="named">${picture(api, account)} ${nameOf(account)}</span>`)}
			${fact(say.mode, say.modes[post.post_mode])}
			${fact(say.audience, direct ? say.levels[o.privacy_level] ?? o.privacy_level : say.audienceDraft)}
			${direct ? html`${fact(say.comments, o.disable_comment ? say.off : say.on)}${fact(say.music, o.auto_add_music ? say.musicOn : say.musicOff)}
				${promotes === null ? nothing : fact(say.promotes, promotes)}${fact(say.ai, o.is_aigc ? say.aiOn : say.aiOff)}` : nothing}
			${fact(say.madeBy, post.key_id === null ? say.bySession : key === null ? say.byKeyGone : say.byKey(key))}
			${fact(say.made, when(post.created_at))}
			${post.ended_at === null ? nothing : fact(say.ended, when(post.ended_at))}
		</dl>`;
	}

	const code = value => html`<code>${value}</code> ${copy(value)}`;

	function support({post}) {
		const request = post.events.findLast(e => e.request_id)?.request_id;
		return html`<details><summary>${say.more}</summary><dl class="facts">
			${fact(say.postId, code(post.id))}
			${post.publish_id === null ? nothing : fact(say.publishId, code(post.publish_id))}
			${post.tiktok_post_ids.length === 0 ? nothing : fact(say.tiktokIds, post.tiktok_post_ids.map(code))}
			${request ? fact(say.request, code(request)) : nothing}
			${fact(say.digest, html`<code>${post.content_digest}</code>`)}
		</dl></details>`;
	}

	function view(data) {
		const {post, accounts, key} = data;
		const account = accounts === null ? undefined : accounts.get(post.account_id) ?? null; // undefined: nobody knows
		return html`<section id="state" class="state" tabindex="-1" aria-label=${say.status}>
				<div role="status">${statusOf(post)} ${now(data)}</div>
				${stale === null ? nothing : html`<p><small>${say.stale}${stale.sentence}</small></p>
					<p><button type="button" class="secondary small" @click=${() => look()}>${words.tryAgain}</button></p>`}
				${actions({api, isLive: mode() === "live", post, account, done, again: look})}
			</section>
			<h2>${say.content}</h2>
			${images(post)}
			<dl class="facts texts">${fact(say.titleOf, post.title ?? say.noText)}${fact(say.description, post.description ?? say.noText)}</dl>
			<h2>${say.options}</h2>
			${settings({post, account, key})}
			<h2>${say.line}</h2>
			${line(post)}
			${support(data)}`;
	}

	return {
		title: () => loaded.state.data === null ? say.title : titleOf(loaded.state.data.post),
		view: () => loaded.view(view),
		close() {
			isOpen = false; // what is still to come begins nothing any more
			stop?.();
		},
	};
}
