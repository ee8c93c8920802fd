// Where the photos of a post come in: chosen, dropped anywhere on the page, or pasted.
import {html, nothing} from "../lit.js";
import {say as composeWords} from "../words/en/compose.js";
import {IMAGES_MAX} from "./compose-check.js";

const say = composeWords.images;
const TYPES = "image/jpeg,image/png,image/webp,image/avif,image/heic,image/heif";

// images: of compose-uploads.js. announce(text): to a screen reader.
export function drop({images, redraw, announce}) {
	let over = 0, told = "";

	function add(files) {
		if (files.length === 0)
			return;
		const left = images.add(files);
		announce(left > 0 ? say.leftOut(left, IMAGES_MAX) : say.added(files.length));
		told = left > 0 ? say.leftOut(left, IMAGES_MAX) : "";
		redraw();
	}
	// A file that is let go beside the page's own place must not open in the tab.
	const isOfFiles = event => event.dataTransfer?.types.includes("Files");
	const listeners = {
		dragenter(event) {
			if (isOfFiles(event) && ++over === 1)
				redraw();
		},
		dragleave(event) {
			if (isOfFiles(event) && --over === 0)
				redraw();
		},
		dragover(event) {
			if (isOfFiles(event))
				event.preventDefault();
		},
		drop(event) {
			if (!isOfFiles(event))
				return;
			event.preventDefault();
			over = 0;
			add(event.dataTransfer.files);
		},
		online() { // pictures that the cut network did not bring
			for (const image of document.querySelectorAll("img.broken"))
				image.setAttribute("src", image.getAttribute("src"));
		},
		paste(event) {
			const files = [...event.clipboardData.files].filter(f => f.type.startsWith("image/"));
			if (files.length === 0 || document.querySelector("dialog[open]") !== null)
				return;
			event.preventDefault();
			add(files);
		},
	};

	function view(wrong) {
		const n = images.slides.length, problems = wrong("upload_ids");
		return html`<div class="drop ${over > 0 ? "over" : ""}">
				<input type="file" class="unseen" id="compose-files" multiple accept=${TYPES} ?disabled=${n >= IMAGES_MAX} aria-invalid=${problems.length > 0 ? "true" : nothing} aria-describedby="compose-files-said"
					@change=${event => {
						add(event.target.files);
						event.target.value = "";
					}}>
				<label for="compose-files" class="pick">${n === 0 ? say.choose : say.chooseMore}</label>
				<small id="compose-files-said" class=${problems.length > 0 ? "wrong" : ""}>${problems.length > 0 ? problems.join(" ") : n >= IMAGES_MAX ? say.full(IMAGES_MAX) : say.hint(IMAGES_MAX)}</small>
				${told !== "" ? html`<p class="wrong">${told}</p>` : nothing}
			</div>`;
	}

	for (const [name, fn] of Object.entries(listeners))
		addEventListener(name, fn);
	return {
		view,
		close() {
			for (const [name, fn] of Object.entries(listeners))
				removeEventListener(name, fn);
		},
	};
}
