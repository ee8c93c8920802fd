// The images of a draft on their way to the server: each by itself, at once, two at a time. What the network cut goes on when it is back, with
// the Idempotency-Key it had, so that no image comes twice.
import {Failure, makeKey} from "../api.js";
import {IMAGES_MAX, IMAGE_MAX_BYTES} from "./compose-check.js";

const AT_A_TIME = 2; // more are refused per session
const SILENT_SEC = 30; // nothing more went out for so long: the connection is dead, whatever the browser thinks
const CHECK_SEC = 190; // so long after all of it went out: nginx waits 180 s for the answer
const OF_THE_IMAGE = [413, 415, 422];
const WAITS_SEC = [5, 10, 20, 40, 60]; // between tries, while nobody says that the network is back

const isPassing = failure => failure.retryable || failure.status < 300 || failure.status === 429 || failure.status >= 500;

// slide: {key, name, size, file, url, state, loaded, upload, problem}. state: waiting, sending, checking (the server looks at it), stalled (it will be tried
// again), kept, refused, gone (it was here, and is not any more). Who listens: changed(), draw; settled(), the ids of what is kept have changed.
export function uploads({api}) {
	const all = {slides: [], halted: null, isOpen: false};
	const running = new Set();
	let tries = 0, timer = null, changed = () => {}, settled = () => {};

	function pump() {
		for (const slide of all.slides)
			if (all.isOpen && all.halted === null && running.size < AT_A_TIME && slide.state === "waiting")
				run(slide);
	}

	// A file that was moved or changed since it was chosen, or is a folder, fails as if the network were down.
	async function isReadable(file) {
		try {
			await file.slice(0, 1).arrayBuffer();
			return true;
		} catch {
			return false;
		}
	}

	async function run(slide) {
		let silence;
		const stop = slide.stop = new AbortController();
		const cutIfSilent = (sec = SILENT_SEC) => {
			clearTimeout(silence);
			silence = setTimeout(() => stop.abort(), sec * 1000);
		};
		running.add(slide);
		Object.assign(slide, {state: "sending", loaded: 0});
		changed();
		try {
			if (!await isReadable(slide.file))
				throw new Failure({status: 422, error: {code: "file_unreadable", message: "", details: []}, waitSec: null, requestId: null});
			cutIfSilent();
			slide.upload = await api.upload("/uploads", slide.file, {key: slide.idempotencyKey, type: "application/octet-stream", signal: stop.signal, progress(sent, total) {
				slide.loaded = Math.min(sent, slide.size);
				slide.state = sent < total ? "sending" : "checking";
				cutIfSilent(sent < total ? SILENT_SEC : CHECK_SEC);
				changed();
			}});
			keep(slide);
		} catch (error) {
			sort(slide, error);
		} finally {
			clearTimeout(silence);
			running.delete(slide);
			changed();
			pump();
		}
	}

	function keep(slide) {
		slide.state = "kept";
		forget(slide);
		tries = 0;
		if (slide.isRemoved)
			drop(slide.upload.id);
		else
			settled();
	}

	function forget(slide) {
		URL.revokeObjectURL(slide.url);
		Object.assign(slide, {file: null, url: null});
	}

	function sort(slide, error) {
		if (slide.isRemoved)
			return;
		if (error.name === "AbortError" || (error instanceof Failure && isPassing(error))) {
			slide.state = all.isOpen ? "stalled" : "waiting";
			if (all.isOpen)
				timer ??= setTimeout(resume, 1000 * Math.max(error.waitSec ?? 0, WAITS_SEC[Math.min(tries++, WAITS_SEC.length - 1)]));
		} else if (error instanceof Failure && OF_THE_IMAGE.includes(error.status)) {
			Object.assign(slide, {state: "refused", problem: error.problems[0]});
		} else if (error instanceof Failure) { // about no image: the plan, the room, the session
			slide.state = "waiting";
			all.halted = error;
		} else {
			throw error;
		}
	}

	function resume() {
		clearTimeout(timer);
		timer = null;
		all.halted = null;
		for (const slide of all.slides)
			if (slide.state === "stalled")
				slide.state = "waiting";
		changed();
		pump();
	}

	const back = () => {
		tries = 0;
		resume();
	};
	const cut = () => running.forEach(slide => slide.stop.abort());

	// It goes by itself if this fails, as all uploads that no post needs.
	function drop(id) {
		api.send("DELETE", "/uploads/" + id).catch(error => {
			if (!(error instanceof Failure))
				throw error;
		});
	}

	function refusal(file) {
		if (file.size > IMAGE_MAX_BYTES)
			return "image_too_large";
		return file.type !== "" && !file.type.startsWith("image/") ? "image_type_unsupported" : null;
	}

	return Object.assign(all, {
		listen(who) {
			({changed, settled} = who);
		},
		// Returns how many were left out, because a post cannot have more.
		add(files) {
			const room = Math.max(0, IMAGES_MAX - all.slides.length);
			for (const file of [...files].slice(0, room)) {
				const code = refusal(file);
				all.slides.push({
					key: makeKey(), idempotencyKey: makeKey(), name: file.name, size: file.size, file, url: URL.createObjectURL(file), loaded: 0, upload: null, isRemoved: false,
					state: code === null ? "waiting" : "refused", problem: code === null ? null : {code, message: ""},
				});
			}
			changed();
			pump();
			return Math.max(0, files.length - room);
		},
		remove(slide) {
			slide.isRemoved = true;
			all.slides.splice(all.slides.indexOf(slide), 1);
			if (slide.state === "kept")
				drop(slide.upload.id);
			else if (slide.state === "sending")
				slide.stop.abort(); // one that has arrived is awaited, to know what to delete
			if (slide.file !== null && slide.state !== "checking")
				forget(slide);
			settled();
			pump();
		},
		move(slide, to) {
			const from = all.slides.indexOf(slide);
			if (to < 0 || to >= all.slides.length || to === from)
				return false;
			all.slides.splice(to, 0, ...all.slides.splice(from, 1));
			settled();
			return true;
		},
		ids: () => all.slides.filter(s => s.state === "kept").map(s => s.upload.id),
		unfinished: () => all.slides.filter(s => s.file !== null && s.state !== "refused"),
		// Those of a draft that was read, in its order, before what is still to be sent from here. known: uploads by id, or null while that is not known.
		restore(ids, known) {
			const here = new Map(all.slides.filter(s => s.state === "kept").map(s => [s.upload.id, s]));
			const rest = all.slides.filter(s => s.file !== null);
			const restored = id => here.get(id) ?? {
				key: id, name: "", size: 0, file: null, url: null, loaded: 0, problem: null, isRemoved: false, upload: known.get(id) ?? {id}, state: known.has(id) ? "kept" : "gone",
			};
			all.slides = [...ids.map(restored), ...rest];
			changed();
		},
		drop,
		clear() {
			all.slides.filter(s => s.file !== null).forEach(forget);
			all.slides = [];
		},
		resume: back,
		open() {
			all.isOpen = true;
			addEventListener("online", back);
			addEventListener("offline", cut);
			resume();
		},
		// Stops what is under way; the files stay, to be sent when it is opened again.
		close() {
			all.isOpen = false;
			clearTimeout(timer);
			timer = null;
			removeEventListener("online", back);
			removeEventListener("offline", cut);
			cut();
		},
	});
}

// The uploads of these ids, by id: those that are still there. The list is newest first, and so are its ids.
export async function lookUp(api, ids) {
	const found = new Map(), oldest = [...ids].sort()[0];
	let cursor;
	do {
		const {items, next} = await api.page("/uploads", {limit: 100, cursor});
		items.filter(u => ids.includes(u.id)).forEach(u => found.set(u.id, u));
		cursor = items.length > 0 && items.at(-1).id > oldest && found.size < ids.length ? next : null;
	} while (cursor);
	return found;
}
