// How a post appears at TikTok, as TikTok's rules for such pages want it (docs/tiktok.md#choices): nothing is chosen for anybody.
import {html, nothing, live} from "../lit.js";
import {words} from "../words/en/common.js";
import {say as composeWords} from "../words/en/compose.js";
import {isBranded, isUndisclosed} from "./compose-check.js";

const say = composeWords.options;

// One switch or box: {name, label, hint, checked, disabled, why (it is disabled), role}.
function choice({name, label, hint, checked, disabled = false, why, role, change, problems = [], also = nothing}) {
	const id = "compose-" + name;
	return html`<div class="choice ${disabled ? "off" : ""}" title=${disabled && why ? why : nothing}>
		<label for=${id}><input type="checkbox" id=${id} role=${role ?? nothing} .checked=${live(checked)} ?disabled=${disabled}
			aria-invalid=${problems.length > 0 ? "true" : nothing} aria-describedby=${id + "-said"} @change=${event => change(event.target.checked)}>
			${label}</label>
		<small id=${id + "-said"} class=${problems.length > 0 ? "wrong" : ""}>${problems.length > 0 ? problems.join(" ") : disabled && why ? why : hint}${also}</small>
	</div>`;
}

function modes({draft, mode, account, change, wrong}) {
	const problems = wrong("platform_options.post_mode");
	const rows = [["DIRECT_POST", "video.publish"], ["MEDIA_UPLOAD", "video.upload"]];
	return html`<fieldset aria-describedby=${problems.length > 0 ? "compose-mode-said" : nothing}>
		<legend><h2>${say.mode}</h2></legend>
		${rows.map(([value, scope]) => {
			const isGranted = account === null || account.scopes.includes(scope);
			return html`<div class="choice ${isGranted ? "" : "off"}"><label><input type="radio" name="mode" value=${value} .checked=${live(mode === value)} ?disabled=${!isGranted}
				aria-describedby=${`compose-${value}-said`} @change=${() => change(() => draft.options.mode = value)}> ${say.modes[value].label}</label>
				<small id=${`compose-${value}-said`}>${isGranted ? say.modes[value].hint : say.notGranted}</small></div>`;
		})}
		${problems.length > 0 ? html`<small id="compose-mode-said" class="wrong" data-wrong tabindex="-1">${problems.join(" ")}</small>` : nothing}
	</fieldset>`;
}

function privacy({draft, account, isAsking, change, wrong}) {
	const offered = account?.platform_data.privacy_level_options ?? [];
	const problems = wrong("platform_options.privacy_level");
	const branded = isBranded(draft), onlyMe = account?.platform_data.must_be_private === true;
	const why = level => branded && level === "SELF_ONLY" ? say.brandedPrivate : onlyMe && level !== "SELF_ONLY" ? say.onlyMe : null;
	return html`<div class="field"><label for="compose-privacy">${say.privacy}</label>
		<select id="compose-privacy" required ?disabled=${offered.length === 0} aria-invalid=${problems.length > 0 ? "true" : nothing} aria-describedby="compose-privacy-said"
			@change=${event => change(() => draft.options.privacy = event.target.value)}>
			<option value="" disabled .selected=${draft.options.privacy === ""}>${offered.length === 0 ? say.privacyUnknown : say.privacyChoose}</option>
			${offered.map(level => html`<option value=${level} .selected=${draft.options.privacy === level}
				?disabled=${why(level) !== null} title=${why(level) ?? nothing}>${say.levels[level] ?? level}</option>`)}
		</select>
		<small id="compose-privacy-said">${problems.length > 0 ? problems.join(" ")
			: branded && offered.includes("SELF_ONLY") ? say.brandedPrivate : onlyMe ? say.onlyMe : offered.length > 0 ? say.privacyHint : isAsking ? words.loading : nothing}</small></div>`;
}

function disclosure({draft, mode, account, change, wrong}) {
	const o = draft.options, onlyMe = account?.platform_data.must_be_private === true, isPrivate = onlyMe || o.privacy === "SELF_ONLY";
	return html`<fieldset><legend><h3>${say.disclosure}</h3></legend>
		${choice({name: "disclose", label: say.disclose, hint: say.discloseHint, checked: o.disclose, role: "switch", change: on => change(() => o.disclose = on)})}
		${o.disclose ? html`<fieldset class="within"><legend class="unseen">${say.kinds}</legend>
			${choice({name: "own", label: say.ownBrand, hint: say.ownBrandHint, checked: o.ownBrand, change: on => change(() => o.ownBrand = on)})}
			${choice({name: "branded", label: say.branded, hint: say.brandedHint, checked: o.branded, disabled: isPrivate && !o.branded, why: onlyMe ? say.brandedLater : say.brandedPrivate,
				change: on => change(() => o.branded = on), problems: wrong("platform_options.brand_content_toggle")})}
		</fieldset>` : nothing}
		<p role="status" class="label-told">${isUndisclosed(draft, mode) ? say.undisclosed : isBranded(draft) ? say.labelPaid : o.disclose && o.ownBrand ? say.labelPromotional : nothing}</p>
	</fieldset>`;
}

// The options of a post. change(fn): does fn and draws anew. wrong(param): the problems there. made: how many images say that AI made them.
export function options({draft, mode, account, isAsking, made, change, wrong}) {
	const o = draft.options, commentsOff = account?.platform_data.comment_disabled === true;
	return html`${modes({draft, mode, account, change, wrong})}
		${mode !== "DIRECT_POST" ? nothing : html`
			${privacy({draft, account, isAsking, change, wrong})}
			${choice({name: "comments", label: say.comments, hint: say.commentsHint, checked: o.comments && !commentsOff, disabled: commentsOff, why: say.commentsOff,
				change: on => change(() => o.comments = on)})}
			${choice({name: "music", label: say.music, hint: say.musicHint, checked: o.music, change: on => change(() => o.music = on)})}
			${choice({name: "ai", label: say.ai, hint: made > 0 && !o.ai ? say.aiNeeded(made) : say.aiHint, checked: o.ai, change: on => change(() => o.ai = on),
				problems: wrong("platform_options.is_aigc")})}
			${disclosure({draft, mode, account, change, wrong})}`}`;
}
