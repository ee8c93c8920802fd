// The draft, kept in this browser until it is sent: texts, options and the ids of uploads, per user and mode. One tab at a time writes it: the
// one that has the lock. Another one waits for it, or takes it.
import {draftName} from "../drafts.js";
import {emptyDraft} from "./compose-check.js";

// changed(): the draft was read anew, or is another tab's. draft.holds: true, false (another tab does), null (not known yet).
export function keptDraft(userId, mode, changed) {
	const name = draftName(userId, mode);
	const draft = {value: emptyDraft(), holds: null, isKept: true};
	let isOpen = false, release = null, waiting = null;
	let last = Promise.resolve(); // settled once this tab has let go of the lock

	function read() {
		const empty = emptyDraft();
		try {
			const kept = JSON.parse(localStorage.getItem(name)) ?? {};
			draft.value = {...empty, ...kept, options: {...empty.options, ...kept.options}};
		} catch {
			draft.value = empty;
		}
	}

	function hold() {
		if (!isOpen)
			return null;
		read();
		draft.holds = true;
		const until = new Promise(done => {
			release = done;
		});
		changed();
		return until;
	}

	function request(options) {
		last = navigator.locks.request(name, options, lock => lock === null ? elsewhere() : hold()).catch(error => {
			if (error.name !== "AbortError")
				throw error;
			if (release !== null) { // another tab took it
				release = null;
				elsewhere();
			}
		});
	}

	function elsewhere() {
		if (!isOpen)
			return;
		draft.holds = false;
		changed();
		waiting = new AbortController();
		last.then(() => {
			if (isOpen && draft.holds === false)
				request({signal: waiting.signal});
		});
	}

	return Object.assign(draft, {
		async open() {
			isOpen = true;
			await last;
			if (isOpen && release === null)
				request({ifAvailable: true});
		},
		async take() {
			waiting?.abort();
			await last;
			request({steal: true});
		},
		close() {
			isOpen = false;
			waiting?.abort();
			release?.();
			release = null;
			draft.holds = null;
		},
		save() {
			if (draft.holds !== true)
				return;
			try {
				localStorage.setItem(name, JSON.stringify(draft.value));
				draft.isKept = true;
			} catch { // full, or switched off
				draft.isKept = false;
			}
		},
		restart() {
			draft.value = emptyDraft();
			localStorage.removeItem(name);
		},
	});
}
