// The images of a post, in their order: what came, what was done to it, what it says of AI; moved by dragging or by keys.
import {html, nothing, repeat} from "../lit.js";
import {badge, bytes, failed} from "../ui.js";
import {words} from "../words/en/common.js";
import {say} from "../words/en/composePhotos.js";
import {say as sendWords} from "../words/en/composeSend.js";

const EDGE_PX = 60; // so near the window's edge a drag scrolls

const typeName = type => (type ?? "").replace(/^image\//, "").toUpperCase().replace("WEBP", "WebP");

// What the browser cannot draw (HEIC, until the server has made a JPEG of it) is no broken picture. The element is used again for the next address.
export const broken = event => event.target.classList.add("broken");
export const whole = event => event.target.classList.remove("broken");

export function imageAddress(api, slide) {
	return slide.state === "kept" ? api.address(`/uploads/${slide.upload.id}/image`) : slide.url;
}

// images: of compose-uploads.js, with one at least. change(fn): does fn, keeps the draft and draws anew. announce(text): to a screen reader.
export function slides({api, images, redraw, change, announce, draft}) {
	let dragged = null;

	function move(slide, to, focus) {
		const isMoved = change(() => images.move(slide, to));
		if (!isMoved)
			return;
		announce(say.moved(to + 1, images.slides.length));
		if (focus !== undefined) {
			const item = document.getElementById("slide-" + slide.key);
			(item.querySelector(`[data-do=${focus}]:not(:disabled)`) ?? item.querySelector("[data-do]:not(:disabled)")).focus();
		}
	}

	function grab(event, slide) {
		if (event.button !== 0 || images.slides.length < 2)
			return;
		event.preventDefault();
		dragged = slide;
		addEventListener("pointermove", drag);
		addEventListener("pointerup", letGo);
		addEventListener("pointercancel", letGo);
		redraw();
	}

	// Beyond the middle of its neighbour it takes the neighbour's place; a quick finger is beyond several at once.
	function drag(event) {
		const y = event.clientY, at = images.slides.indexOf(dragged);
		const middle = i => {
			const box = document.getElementById("slide-" + images.slides[i]?.key)?.getBoundingClientRect();
			return box === undefined ? null : box.top + box.height / 2;
		};
		if (y < EDGE_PX || y > innerHeight - EDGE_PX)
			scrollBy(0, y < EDGE_PX ? -EDGE_PX / 4 : EDGE_PX / 4);
		let to = at;
		while (to > 0 && y < middle(to - 1))
			to--;
		if (to === at)
			while (to < images.slides.length - 1 && y > middle(to + 1))
				to++;
		move(dragged, to);
	}

	function letGo() {
		for (const [name, fn] of [["pointermove", drag], ["pointerup", letGo], ["pointercancel", letGo]])
			removeEventListener(name, fn);
		dragged = null;
		redraw();
	}

	function remove(slide, i) {
		change(() => images.remove(slide));
		announce(say.removed(i + 1));
		const next = images.slides[Math.min(i, images.slides.length - 1)];
		(next === undefined ? document.getElementById("compose-files") : document.querySelector(`#slide-${CSS.escape(next.key)} [data-do=remove]`))?.focus();
	}

	function provenance(slide) {
		const word = slide.upload.provenance ?? "unknown";
		return badge(say.provenance[word] ?? word, word === "ai_generated" ? "waiting" : word === "ai_edited" ? "waiting" : "quiet");
	}

	// What was done, in one line, and why, for who wants to know.
	function report({upload}) {
		const o = upload.original, changes = upload.reasons ?? [];
		return html`<p>${say.size(upload.width, upload.height, typeName(upload.media_type), bytes(upload.size_bytes))}
				${changes.length === 0 ? html`<br>${say.unchanged}` : nothing}</p>
			${changes.length > 0 ? html`<details><summary>${say.changed(changes.map(c => say.changes[c.change] ?? c.change))}</summary>
				<p>${say.original(o.width, o.height, typeName(o.media_type), bytes(o.size_bytes))}</p>
				<ul>${changes.map(c => html`<li>${say.because(say.changes[c.change] ?? c.change)} ${c.reason}</li>`)}</ul></details>` : nothing}`;
	}

	function progress(slide) {
		const percent = Math.floor(100 * slide.loaded / Math.max(1, slide.size));
		switch (slide.state) {
		case "sending":
			return html`<progress max="100" value=${percent} aria-label=${say.progressOf(slide.name)}></progress><p><small>${say.sending(percent, bytes(slide.size))}</small></p>`;
		case "checking":
			return html`<progress aria-label=${say.progressOf(slide.name)}></progress><p><small>${say.checking}</small></p>`;
		case "stalled":
			return html`<p><small>${say.stalled}</small></p>`;
		case "waiting":
			return html`<p><small>${slide.file === null ? words.loading : say.waiting}</small></p>`;
		default:
			return nothing;
		}
	}

	// The chosen one, while it is there.
	function cover() {
		const kept = images.slides.filter(s => s.state === "kept");
		return kept.find(s => s.upload.id === draft().cover) ?? kept[0];
	}

	// wrong(param): what was found wrong with it when it was to be sent.
	function item(slide, i, wrong) {
		const n = images.slides.length, isCover = slide === cover();
		const problem = slide.state === "gone" ? sendWords.problems.upload_not_found
			: slide.problem ? sendWords.problems[slide.problem.code] ?? slide.problem.message
			: slide.state !== "kept" && slide.state !== "refused" ? wrong(`upload_ids[${i}]`)[0] ?? null : null;
		const source = imageAddress(api, slide);
		return html`<li id=${"slide-" + slide.key} class="slide ${slide === dragged ? "dragged" : ""} ${problem !== null ? "bad" : ""}" data-state=${slide.state}>
			<div class="thumb" title=${n > 1 ? say.drag : nothing} @pointerdown=${event => grab(event, slide)} @dragstart=${event => event.preventDefault()}>
				${source !== null && slide.state !== "gone" ? html`<img src=${source} alt="" loading="lazy" decoding="async" draggable="false" @error=${broken} @load=${whole}>` : nothing}
			</div>
			<div class="slide-text">
				<p class="slide-head"><strong>${say.slide(i + 1, n)}</strong>${slide.state === "kept" ? provenance(slide) : nothing}</p>
				${slide.state === "kept" ? report(slide) : slide.name !== "" ? html`<p class="file">${slide.name}</p>` : nothing}
				${progress(slide)}
				${problem !== null ? html`<p class="wrong" data-wrong tabindex="-1">${problem}</p>` : nothing}
				<div class="slide-do">
					${slide.state === "kept" ? html`<label><input type="radio" name="cover" .checked=${isCover} @change=${() => change(() => draft().cover = slide.upload.id)}> ${say.cover}</label>` : nothing}
					${n > 1 ? html`<button type="button" class="secondary outline small" data-do="earlier" ?disabled=${i === 0} aria-label=${say.earlierOf(i + 1)}
						@click=${() => move(slide, i - 1, "earlier")}>${say.earlier}</button>
					<button type="button" class="secondary outline small" data-do="later" ?disabled=${i === n - 1} aria-label=${say.laterOf(i + 1)}
						@click=${() => move(slide, i + 1, "later")}>${say.later}</button>` : nothing}
					<button type="button" class="secondary outline small" data-do="remove" aria-label=${say.removeOf(i + 1)} @click=${() => remove(slide, i)}>${say.remove}</button>
				</div>
			</div></li>`;
	}

	// In all: only while something is on its way.
	function inAll() {
		const all = images.slides.filter(s => s.size > 0 && s.state !== "refused");
		const rest = images.unfinished(), stalled = images.slides.some(s => s.state === "stalled");
		if (images.halted !== null)
			return failed(images.halted, images.resume);
		if (rest.length === 0)
			return nothing;
		const sum = (list, of) => list.reduce((total, s) => total + of(s), 0);
		return html`<div class="whole">
			<progress max=${sum(all, s => s.size)} value=${sum(all, s => s.state === "kept" ? s.size : s.loaded)} aria-label=${say.progress}></progress>
			<p><small>${say.whole(images.slides.filter(s => s.state === "kept").length, images.slides.length)}</small></p>
			${stalled ? html`<div class="note" role="status"><p>${say.offline}</p>
				<button type="button" class="secondary outline small" @click=${images.resume}>${words.tryAgain}</button></div>` : nothing}</div>`;
	}

	const view = wrong => html`${inAll()}
		<ol class="slides">${repeat(images.slides, s => s.key, (slide, i) => item(slide, i, wrong))}</ol>
		<p><small>${say.coverHint}</small></p>`;

	return {
		view,
		close() {
			if (dragged !== null)
				letGo();
		},
	};
}
