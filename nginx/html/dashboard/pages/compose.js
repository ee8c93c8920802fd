// A new post: account, images, texts, options, and a preview; kept as a draft in this browser until it is sent.
import {html, nothing, live} from "../lit.js";
import {Failure} from "../api.js";
import {ask} from "../dialog.js";
import {alsoHolds} from "../drafts.js";
import {form} from "../form.js";
import {address} from "../router.js";
import {failed, later, loading} from "../ui.js";
import {words} from "../words/en/common.js";
import {say} from "../words/en/compose.js";
import {creator, noAccount} from "./compose-account.js";
import {DESCRIPTION_MAX, OURS, TITLE_MAX, bodyOf, isBranded, isEmpty, isUndisclosed, modeOf, problemsOf} from "./compose-check.js";
import {consent} from "./compose-consent.js";
import {keptDraft} from "./compose-draft.js";
import {drop} from "./compose-drop.js";
import {options} from "./compose-options.js";
import {preview} from "./compose-preview.js";
import {lookUp, uploads} from "./compose-uploads.js";

const OF_ACCOUNT = ["account_needs_reconnect", "privacy_level_not_offered"];
// What an empty page can stand without.
const photoParts = later(() => Promise.all([import("./compose-slides.js"), import("./compose-strip.js")]));
const sendPartOf = later(() => import("./compose-send.js"));
const writing = new Map(); // by user and mode: the images stay here while other pages are looked at, since files cannot be kept elsewhere

const isOnItsWay = userId => [...writing.values()].some(of => of.userId === userId && of.images.unfinished().length > 0);
alsoHolds(isOnItsWay);
addEventListener("beforeunload", event => {
	if ([...writing.values()].some(({session}) => session.user !== null && isOnItsWay(session.user.id)))
		event.preventDefault();
});

export default function compose({api, plain, session, mode, redraw, go}) {
	const userId = session.user.id, name = userId + "." + mode();
	const state = {said: "", error: null, isOpen: true, isRestored: false, frame: null, lacks: false}; // lacks: a module did not come
	let account = null; // once the draft is known
	let list = null, row = null; // of photos, once there are any

	// Progress comes many times a second.
	const soon = () => {
		state.frame ??= requestAnimationFrame(() => {
			state.frame = null;
			redraw();
		});
	};
	const draft = keptDraft(userId, mode(), turned);
	const images = writing.get(name)?.images ?? uploads({api});
	writing.set(name, {images, userId, session});
	images.listen({
		changed() {
			if (images.slides.length > 0)
				photosCome();
			soon();
		},
		settled() {
			draft.value.uploads = images.ids();
			draft.save();
		},
	});

	async function photosCome() {
		if (list !== null || state.lacks)
			return;
		try {
			const [{slides}, {strip}] = await photoParts();
			list ??= slides({api, images, redraw, change, announce, draft: () => draft.value});
			row ??= strip({api, images, redraw});
		} catch {
			state.lacks = true;
		}
		soon();
	}

	function photosAgain() {
		state.lacks = false;
		redraw();
		photosCome();
	}

	// The draft has become this tab's, or another's.
	async function turned() {
		images.close();
		redraw();
		if (draft.holds !== true)
			return;
		state.error = null;
		if (account === null)
			account = creator({api, plain, redraw, chosen: () => draft.value.accountId, choose, arrived: fit});
		else
			account.look();
		const ids = draft.value.uploads;
		try {
			const [known] = ids.length > 0 ? await Promise.all([lookUp(api, ids), photosCome()]) : [new Map()];
			if (!state.isOpen || draft.holds !== true)
				return;
			images.restore(ids, known);
			state.isRestored = true;
			images.open();
		} catch (error) {
			if (!(error instanceof Failure))
				throw error;
			state.error = error;
		}
		redraw();
	}

	// What was chosen and is not offered any more is not replaced: it is to be chosen anew.
	function fit(one) {
		const o = draft.value.options, offered = one.platform_data.privacy_level_options;
		if (draft.holds !== true)
			return;
		if (o.privacy !== "" && offered.length > 0 && !offered.includes(o.privacy))
			change(() => o.privacy = "");
		if (o.comments && one.platform_data.comment_disabled)
			change(() => o.comments = false);
	}

	function change(fn) {
		const answer = fn();
		draft.save();
		redraw();
		return answer;
	}

	function announce(text) {
		state.said = text;
		redraw();
	}

	function choose(id) {
		change(() => {
			if (draft.value.accountId !== id && draft.value.accountId !== null)
				draft.value.options.privacy = ""; // another creator offers other things
			draft.value.accountId = id;
		});
	}

	const place = drop({images, redraw, announce});
	const modeNow = () => modeOf(draft.value, account.state.one);
	const found = () => problemsOf(draft.value, images.slides, account.state.one, modeNow());
	async function send() {
		const {sending} = await sendPartOf().catch(() => {
			throw new Failure({status: 0, error: {code: "no_contact", message: words.api.noContact}, waitSec: null, requestId: null});
		});
		await sending({api, draft, images, go, problems: found, body: () => bodyOf(draft.value, images.ids(), modeNow())})();
	}
	const made = form(redraw, {async send() {
		try {
			await send();
		} catch (error) {
			if (OF_ACCOUNT.includes(error.code) || error.problems?.some(p => OF_ACCOUNT.includes(p.code)))
				account.look(); // TikTok has said something else meanwhile
			throw error;
		}
	}});
	const busy = () => made.state.busy;

	// What we found by ourselves is gone as soon as it is mended; what the API said stays until the next try.
	function problemsNow() {
		const failure = made.state.failure, now = failure?.code === OURS ? found() : null;
		return (failure?.problems ?? []).filter(p => now === null || now.some(q => q.code === p.code && q.param === p.param));
	}

	const wrong = param => {
		made.wrong(param);
		return problemsNow().filter(p => p.param === param).map(p => p.message);
	};

	async function discard() {
		if (!await ask({title: say.discardTitle, body: html`<p>${say.discardText}</p>`, yes: say.discard, danger: true}))
			return;
		images.ids().forEach(images.drop);
		[...images.slides].filter(s => s.state !== "kept").forEach(images.remove);
		images.clear();
		draft.restart();
		made.state.failure = null;
		account.first();
		announce(say.discarded);
		document.querySelector("h1")?.focus();
	}

	function counted({name, label, hint, max, rows, extra = nothing}) {
		const value = draft.value[name], tooLong = value.length > max, problems = wrong(name);
		const said = problems.length > 0 ? problems.join(" ") : tooLong ? say.tooLong(value.length - max) : hint;
		const isWrong = problems.length > 0 || (tooLong && !(name === "title" && draft.value.cutTitle));
		const input = event => change(() => draft.value[name] = event.target.value);
		return html`<div class="field"><label for=${"compose-" + name}>${label}</label>
			${rows ? html`<textarea id=${"compose-" + name} rows=${rows} .value=${live(value)} aria-invalid=${isWrong ? "true" : nothing} aria-describedby=${`compose-${name}-said`} @input=${input}></textarea>`
				: html`<input id=${"compose-" + name} type="text" autocomplete="off" .value=${live(value)} aria-invalid=${isWrong ? "true" : nothing} aria-describedby=${`compose-${name}-said`} @input=${input}>`}
			<small id=${`compose-${name}-said`}><span>${said}</span> <span class="count">${say.count(value.length, max)}</span></small>${extra}</div>`;
	}

	const cutBox = () => draft.value.title.length > TITLE_MAX ? html`<div class="choice"><label><input type="checkbox" .checked=${live(draft.value.cutTitle)}
		@change=${event => change(() => draft.value.cutTitle = event.target.checked)}> ${say.cutTitle(TITLE_MAX)}</label></div>` : nothing;

	function sendPart() {
		const isDirect = modeNow() === "DIRECT_POST", isOff = isUndisclosed(draft.value, modeNow()), isStopped = account.stop() !== null;
		const n = problemsNow().length;
		const why = isOff ? say.options.undisclosed : isStopped ? say.account.stopped : nothing;
		return html`<div class="compose-send">
			${draft.value.sent !== null && !busy() ? html`<div class="note"><p>${say.unknown}</p></div>` : nothing}
			${n > 1 ? html`<p class="wrong">${say.mend(n)}</p>` : nothing}
			${made.problems()}
			${made.state.failure?.code === "plan_limit_reached" ? html`<p><a href=${address("/billing")}>${say.plan}</a></p>` : nothing}
			${consent(isBranded(draft.value), modeNow())}
			<div class="row"><span title=${why}><button ?disabled=${busy() || isOff || isStopped} aria-busy=${busy() ? "true" : "false"} aria-describedby=${why === nothing ? nothing : "compose-why"}>
				${isDirect ? say.publish : say.sendDraft}</button></span>
				${isEmpty(draft.value) && images.slides.length === 0 ? nothing : html`<button type="button" class="secondary outline" ?disabled=${busy()} @click=${discard}>${say.discard}</button>`}</div>
			${why === nothing ? nothing : html`<p id="compose-why" class="wrong">${why}</p>`}
			<p><small>${isDirect ? say.minutes : say.minutesDraft} ${draft.isKept ? say.kept : say.notKept}</small></p>
		</div>`;
	}

	// Without their module nothing is lost: what was chosen is on its way, and is in the draft.
	function photos() {
		if (images.slides.length === 0)
			return nothing;
		if (list !== null)
			return list.view(wrong);
		return state.lacks ? html`<div class="problem" role="alert"><p>${words.api.noContact}</p><button type="button" class="secondary" @click=${photosAgain}>${words.tryAgain}</button></div>` : loading();
	}

	function page() {
		const one = account.state.one, d = draft.value;
		const aiMade = images.slides.filter(s => s.upload?.provenance === "ai_generated").length;
		return html`<form class="compose" novalidate @submit=${made.submit} @keydown=${event => {
			if (event.key === "Enter" && event.target.matches("input:not([type=file])"))
				event.preventDefault(); // only the button publishes
		}}>
			<div class="compose-main" ?inert=${busy()}>
				<section><h2>${say.account.title}</h2>${account.view(wrong("account"))}</section>
				<section><h2>${say.images.title}</h2>${place.view(wrong)}${photos()}</section>
				<section><h2>${say.texts}</h2>
					${counted({name: "title", label: say.titleLabel, hint: say.titleHint, max: TITLE_MAX, extra: cutBox()})}
					${counted({name: "description", label: say.description, hint: say.descriptionHint, max: DESCRIPTION_MAX, rows: 6})}</section>
				<section>${options({draft: d, mode: modeNow(), account: one, isAsking: account.state.isAsking, made: aiMade, change, wrong})}</section>
			</div>
			${preview({draft: d, account: one, isDraft: modeNow() === "MEDIA_UPLOAD", ...(row !== null && images.slides.length > 0 ? {photos: row.view(), note: row.note()} : {})})}
			${sendPart()}
		</form>
		<p class="unseen" role="status">${state.said}</p>`;
	}

	function view() {
		if (draft.holds === false)
			return html`<p>${say.elsewhere}</p><button type="button" @click=${draft.take}>${say.here}</button>`;
		if (state.error !== null)
			return failed(state.error, turned);
		if (draft.holds === null || !state.isRestored || (account.state.list === null && account.state.error === null))
			return loading();
		return account.state.list?.length === 0 ? noAccount(mode()) : page();
	}

	draft.open();
	return {
		title: say.title, view,
		close() {
			state.isOpen = false;
			cancelAnimationFrame(state.frame);
			images.close();
			account?.close();
			place.close();
			list?.close();
			draft.close();
		},
	};
}
