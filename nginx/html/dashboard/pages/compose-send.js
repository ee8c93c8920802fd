// Sends a draft, once: whatever becomes of an answer, the same Idempotency-Key makes no second post.
import {Failure, makeKey} from "../api.js";
import {ask} from "../dialog.js";
import {html} from "../lit.js";
import {address} from "../router.js";
import {tell} from "../ui.js";
import {say} from "../words/en/composeSend.js";
import {OURS} from "./compose-check.js";

const KEY_LIVES_MS = 23 * 3600 * 1000; // the API keeps keys for 24 hours

// After these nobody knows whether there is a post.
const isUnknown = error => !(error instanceof Failure) || error.status < 300 || error.status >= 500 || error.code === "idempotency_in_progress";

// These come once the API has looked for an earlier try with the key. Others, as of a session that has ended, say nothing of one.
const isDecided = error => [402, 404, 409, 422].includes(error.status);

// Returns what sends the draft. problems(): what is wrong with it, before anybody is asked; body(): what is sent.
export function sending({api, draft, images, go, problems, body}) {
	function refuse(found) {
		const details = found.map(p => ({...p, message: say.problems[p.code] ?? p.code}));
		throw new Failure({status: 422, error: {code: OURS, type: "validation", message: "", details}, waitSec: null, requestId: null});
	}

	const create = (key, {accountId, body}) => api.create(`/accounts/${accountId}/posts`, body, {key});

	// An earlier try had arrived, of another state of the draft: its answer comes again.
	async function earlier(key, tries) {
		for (const one of tries) {
			try {
				return await create(key, one);
			} catch (error) {
				if (error.code !== "idempotency_key_reused")
					throw error;
			}
		}
		return null;
	}

	async function isOverdue() {
		if (draft.value.sent === null || Date.now() - draft.value.sent.at < KEY_LIVES_MS)
			return false;
		const isNot = await ask({title: say.overdueTitle, body: html`<p>${say.overdue}</p><p><a href=${address("/posts")} target="_blank">${say.overduePosts}</a></p>`, yes: say.overdueYes});
		if (isNot) {
			Object.assign(draft.value, {key: makeKey(), sent: null});
			draft.save();
		}
		return !isNot;
	}

	// In words for people, where there are such.
	function inWords(error) {
		error.details.forEach(p => p.message = say.problems[p.code] ?? p.message);
		error.message = say.problems[error.code] ?? error.message;
	}

	// The problems of images stand at the images, wherever these are moved.
	function tellImages(error) {
		for (const problem of error.problems) {
			const at = /^(?:upload_ids|images)\[(\d+)\]$/.exec(problem.param ?? "")?.[1];
			const slide = at === undefined ? undefined : images.slides[at];
			if (slide !== undefined && slide.state === "kept")
				Object.assign(slide, {problem, state: problem.code === "upload_not_found" ? "gone" : "kept"});
		}
	}

	function done(post, sentence) {
		images.clear();
		draft.restart();
		tell([sentence, ...(post.warnings ?? []).filter(w => w.code === "creator_options_unchecked").map(w => w.message)].join(" "));
		go("/posts/" + post.id);
	}

	return async function send() {
		images.slides.filter(s => s.state === "kept").forEach(s => s.problem = null);
		const found = problems();
		if (found.length > 0)
			refuse(found);
		if (await isOverdue())
			return;
		const key = draft.value.key; // of this draft, whatever another tab makes of it meanwhile
		const now = {accountId: draft.value.accountId, body: body()}, isDirect = now.body.platform_options.post_mode === "DIRECT_POST";
		const before = draft.value.sent?.tries ?? [];
		const isSame = one => JSON.stringify(one) === JSON.stringify(now);
		draft.value.sent = {at: draft.value.sent?.at ?? Date.now(), tries: before.some(isSame) ? before : [...before, now]};
		draft.save(); // before a byte leaves: a reload goes on with the same key
		try {
			done(await create(key, now), isDirect ? say.sent : say.sentDraft);
		} catch (error) {
			if (error.code === "idempotency_key_reused") {
				const post = await earlier(key, before);
				if (post !== null)
					return done(post, say.sentEarlier);
			}
			if (!isUnknown(error)) { // refused: of this try there is no post
				const rest = isDecided(error) ? before.filter(one => !isSame(one)) : before;
				draft.value.sent = rest.length > 0 ? {...draft.value.sent, tries: rest} : null;
				draft.save();
			}
			if (error instanceof Failure) {
				inWords(error);
				tellImages(error);
			}
			throw error;
		}
	};
}
