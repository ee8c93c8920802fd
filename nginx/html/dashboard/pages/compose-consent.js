// What pressing the button declares: TikTok's words, with its links (docs/tiktok.md#choices).
import {html} from "../lit.js";
import {say} from "../words/en/consent.js";

const LINKS = {
	music: "https://www.tiktok.com/legal/page/global/music-usage-confirmation/en",
	branded: "https://www.tiktok.com/legal/page/global/bc-policy/en",
};

export function consent(isBranded, mode) {
	if (mode !== "DIRECT_POST")
		return html`<p class="consent">${say.draft}</p>`;
	return html`<p class="consent">${say[isBranded ? "branded" : "music"].map(part => typeof part === "string" ? part
		: html`<a href=${LINKS[part.link]} target="_blank" rel="noopener noreferrer">${part.text}</a>`)}</p>`;
}
