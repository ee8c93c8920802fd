// The post as a phone shows it: its photos (compose-strip.js), and its texts.
import {html, nothing} from "../lit.js";
import {say as composeWords} from "../words/en/compose.js";
import {cut, TITLE_MAX} from "./compose-check.js";

const say = composeWords.preview;

// draft: texts; account: whose name is shown; isDraft: for the inbox; photos, note: as compose-strip.js draws them.
export function preview({draft, account, isDraft, photos = null, note = nothing}) {
	const title = draft.cutTitle ? cut(draft.title, TITLE_MAX) : draft.title;
	return html`<section class="preview" aria-labelledby="compose-preview"><h2 id="compose-preview">${say.title}</h2>
		<div class="phone">
			${photos ?? html`<div class="stage none"><p>${say.empty}</p></div>`}
			<div class="caption">
				<p class="who">${account?.platform_data.creator_nickname ?? account?.display_name ?? nothing}</p>
				${title !== "" ? html`<p class="title">${title}</p>` : nothing}
				${draft.description !== "" ? html`<p class="description" data-may-be-cut>${draft.description}</p>` : nothing}
			</div>
		</div>
		<p><small>${isDraft ? say.draft : say.hint}</small></p>
		${note}</section>`;
}
