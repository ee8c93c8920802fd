// What a post is by TikTok's rules: its lengths, what is sent of a draft, and what is wrong with it before anybody is asked. No page here.
import {isPublic} from "./creator.js";

export const TITLE_MAX = 90, DESCRIPTION_MAX = 4000, IMAGES_MAX = 35; // TikTok's; texts in UTF-16 units, which are JavaScript's
export const OURS = "not_ready"; // the code of a failure that no API was asked for
export const IMAGE_MAX_BYTES = 20 * 1024 * 1024;

const graphemes = new Intl.Segmenter();

// The beginning of a text of at most so many units: whole characters, as the API cuts a title.
export function cut(text, max) {
	let end = 0;
	for (const {index, segment} of graphemes.segment(text)) {
		if (index + segment.length > max)
			break;
		end = index + segment.length;
	}
	return text.slice(0, end);
}

export function emptyDraft() {
	return {
		key: crypto.randomUUID(), accountId: null, title: "", description: "", cutTitle: false, uploads: [], cover: null, sent: null,
		// Nothing is chosen for anybody (TikTok's rules): no privacy, and everything off.
		options: {mode: null, privacy: "", comments: false, music: false, disclose: false, ownBrand: false, branded: false, ai: false},
	};
}

export function isEmpty(draft) {
	return draft.title === "" && draft.description === "" && draft.uploads.length === 0;
}

export function isBranded({options}) {
	return options.disclose && options.branded;
}

// Which of the two modes: as chosen, or the one that the account granted. null: none.
export function modeOf(draft, account) {
	const granted = {DIRECT_POST: account?.scopes.includes("video.publish") ?? true, MEDIA_UPLOAD: account?.scopes.includes("video.upload") ?? true};
	return [draft.options.mode, "DIRECT_POST", "MEDIA_UPLOAD"].find(mode => mode !== null && granted[mode]) ?? null;
}

// The body of POST /accounts/{id}/posts. ids: of the uploads, in their order.
export function bodyOf(draft, ids, mode) {
	const o = draft.options, isTooLong = draft.title.length > TITLE_MAX;
	const options = {post_mode: mode, photo_cover_index: Math.max(0, ids.indexOf(draft.cover))};
	if (mode === "DIRECT_POST")
		Object.assign(options, {
			privacy_level: o.privacy, disable_comment: !o.comments, auto_add_music: o.music, is_aigc: o.ai,
			brand_organic_toggle: o.disclose && o.ownBrand, brand_content_toggle: isBranded(draft),
		});
	return {
		title: draft.title.toWellFormed(), description: draft.description.toWellFormed(), // half of a pair is no UTF-8
		...(isTooLong && draft.cutTitle ? {title_overflow: "truncate"} : {}),
		upload_ids: ids, platform_options: options,
	};
}

// What would be refused, or must not be sent: {code, param}, as the API has them. Sentences: words.compose.problems.
export function problemsOf(draft, slides, account, mode) {
	const found = [], o = draft.options;
	const problem = (code, param) => found.push({code, param});
	if (account === null)
		problem("account_missing", "account");
	if (slides.length === 0)
		problem("images_missing", "upload_ids");
	slides.forEach((slide, i) => {
		if (slide.state !== "kept")
			problem(slide.state === "refused" || slide.state === "gone" ? "image_refused" : "image_unfinished", `upload_ids[${i}]`);
	});
	if (draft.title.length > TITLE_MAX && !draft.cutTitle)
		problem("title_too_long", "title");
	if (draft.description.length > DESCRIPTION_MAX)
		problem("description_too_long", "description");
	if (account !== null && mode === null)
		problem("tiktok_scope_missing", "platform_options.post_mode");
	if (mode !== "DIRECT_POST")
		return found;
	if (account?.platform_data.must_be_private && isPublic(account))
		problem("account_not_private", "account");
	if (o.privacy === "")
		problem("privacy_level_required", "platform_options.privacy_level");
	else if (isBranded(draft) && o.privacy === "SELF_ONLY")
		problem("branded_content_private", "platform_options.brand_content_toggle");
	return found;
}

// The switch is on, and neither kind is chosen: TikTok wants the button off then.
export function isUndisclosed({options}, mode) {
	return mode === "DIRECT_POST" && options.disclose && !options.ownBrand && !options.branded;
}
