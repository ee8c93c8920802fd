// The photos of the preview: each fitted into TikTok's frame of 1080 × 1920 as it is there, with bars where its shape differs.
import {html, nothing, ref, repeat} from "../lit.js";
import {say as photosWords} from "../words/en/composePhotos.js";
import {broken, imageAddress, whole} from "./compose-slides.js";

const say = photosWords.strip;

export function strip({api, images, redraw}) {
	let at = 0, row = null;

	function show(to) {
		const n = images.slides.length;
		const next = Math.min(Math.max(to, 0), n - 1);
		row?.scrollTo({left: next * row.clientWidth, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth"});
		if (next !== at) {
			at = next;
			redraw();
		}
	}

	function scrolled() {
		const now = Math.round(row.scrollLeft / Math.max(1, row.clientWidth));
		if (now !== at) {
			at = now;
			redraw();
		}
	}

	function key(event) {
		const step = {ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity}[event.key];
		if (step === undefined)
			return;
		event.preventDefault();
		show(at + step);
	}

	// Sizes differ by less than anybody sees (as the API's aspect_ratios_differ).
	function differ() {
		const ratios = images.slides.filter(s => s.state === "kept").map(s => s.upload.width / s.upload.height);
		return ratios.some(r => Math.abs(r / ratios[0] - 1) > 0.02);
	}

	function slide(s, i) {
		const source = imageAddress(api, s);
		return html`<div class="stage" aria-hidden=${i === at ? nothing : "true"}>${source !== null && s.state !== "gone" ? html`
			<img src=${source} alt=${say.image(i + 1)} loading="lazy" decoding="async" draggable="false" @error=${broken} @load=${whole}
			width=${s.upload?.width ?? nothing} height=${s.upload?.height ?? nothing}>` : nothing}</div>`;
	}

	// There is one photo at least.
	function view() {
		const n = images.slides.length;
		at = Math.min(at, n - 1);
		return html`<div class="strip" role="region" tabindex="0" aria-roledescription=${say.carousel} aria-label=${say.at(at + 1, n)}
				@keydown=${key} @scroll=${scrolled} ${ref(element => row = element ?? row)}>
				${repeat(images.slides, s => s.key, slide)}</div>
			<div class="steps"><button type="button" class="secondary outline small" ?disabled=${at === 0} aria-label=${say.before} @click=${() => show(at - 1)}>‹</button>
				<span>${say.count(at + 1, n)}</span>
				<button type="button" class="secondary outline small" ?disabled=${at >= n - 1} aria-label=${say.after} @click=${() => show(at + 1)}>›</button></div>`;
	}

	const note = () => differ() ? html`<p class="note"><small>${say.differ}</small></p>` : nothing;

	return {view, note};
}
