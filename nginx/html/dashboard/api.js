// The one client of the API. What fails throws a Failure. An answer that the session has ended, or that the password must be typed again,
// first asks for that, in a dialog over the page, and then sends the request once more: neither has changed anything.
import {words} from "./words/en/common.js";

const BASE = "/api/v1";
const TRIES = 4; // of what may be repeated
const OF_MODE = /^\/(accounts|uploads|posts|usage\/posts|sandbox\/accounts)(\/|$)/; // what takes ?mode=
const READ_SEC = 45, CHANGE_SEC = 190; // without an answer for so long there is no contact. nginx waits for a post for 180 s, and then says so
const EXPORT_SEC = 610; // for the first byte of an export it waits for 600 s
const OWN_401 = ["bad_credentials", "sign_in_ended"]; // answers to what was typed, not about the session

// The API's sentence, or a person's in place of one that tells a program what to send.
function said({code, message}) {
	return words.said[code] ?? message;
}

export class Failure extends Error {
	constructor({status, error, waitSec, requestId}) {
		super(said(error));
		Object.assign(this, {status, waitSec, requestId: status >= 500 ? requestId : null, code: error.code, type: error.type, param: error.param ?? null, retryable: error.retryable === true,
			details: (error.details ?? []).map(problem => ({...problem, message: said(problem)})), platformError: error.platform_error ?? null, mayExistId: error.may_exist_id ?? null});
	}

	// All problems, each {code, message, param}; an error without details is one by itself.
	get problems() {
		return this.details.length > 0 ? this.details : [{code: this.code, message: this.sentence, param: this.param}];
	}

	// Nobody knows whether what was to be changed was: no answer came, or one that does not tell.
	get isUnknown() {
		return ["no_contact", "unexpected", "outcome_unknown", "internal_error"].includes(this.code);
	}

	get sentence() {
		if (this.waitSec !== null && [429, 503].includes(this.status))
			return this.message + " " + words.api.wait(this.waitSec);
		return this.message;
	}

	// at: the field that a code without a param is about, such as {wrong_password: "old_password"}.
	place(at) {
		if (this.details.length === 0)
			this.param ??= at[this.code] ?? null;
	}

	// The messages about one field: "images" also has those of images[2].
	of(name) {
		return this.problems.filter(p => p.param !== null && (p.param === name || p.param.startsWith(name + "[") || p.param.startsWith(name + "."))).map(p => p.message);
	}

	// The messages about none of these fields.
	besides(names) {
		return this.problems.filter(p => !names.some(name => this.of(name).includes(p.message))).map(p => p.message);
	}
}

export function makeKey() {
	return crypto.randomUUID();
}

// null: it is no JSON, as of a proxy that answers with a page of its own, or where the end is missing.
function parsed(text) {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

// {data, meta} of a success; null: it is none of the API's.
function content({status, text}) {
	if (status === 204)
		return {data: null, meta: {}};
	const whole = status >= 200 && status < 300 ? parsed(text) : null;
	return whole?.data === undefined || whole.meta === undefined ? null : whole;
}

// Of a Retry-After: seconds, or from a proxy perhaps a date (RFC 9110, 10.2.3).
function waitOf(text) {
	if (text === null)
		return null;
	const sec = /^\d+$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - Date.now()) / 1000);
	return Number.isNaN(sec) ? null : Math.max(0, sec);
}

function failure(status, text, header, {noContact, unexpected}) {
	const error = parsed(text)?.error, isOurs = typeof error?.code === "string" && typeof error.message === "string";
	return new Failure({
		status,
		error: isOurs ? error : {code: status === 0 ? "no_contact" : "unexpected", type: "network", message: status === 0 ? noContact : unexpected(status), retryable: status === 0},
		waitSec: waitOf(header("Retry-After")),
		requestId: header("X-Request-Id"),
	});
}

const pause = sec => new Promise(done => setTimeout(done, sec * 1000));

// mode(): "live" or "test". signInAgain() and confirmAgain() resolve to whether the user has done so. isErasing() is called when the account
// is being erased and may do nothing else any more. unknown: what is said where nobody knows whether a change was made (words.api).
export function connect({mode, signInAgain, confirmAgain, isErasing = () => {}, unknown = words.api}) {
	function address(path, query = {}) {
		const asked = new URLSearchParams();
		for (const [name, value] of Object.entries(query))
			if (value !== undefined && value !== null && value !== "")
				asked.append(name, value);
		if (OF_MODE.test(path) && mode() === "test" && !asked.has("mode"))
			asked.set("mode", "test");
		const text = asked.toString();
		return BASE + path + (text === "" ? "" : "?" + text);
	}

	// read(answer): what is made of it. signal: of who may not want it any more.
	async function once(method, url, {headers = {}, body, signal, sec = method === "GET" ? READ_SEC : CHANGE_SEC}, read = async answer => ({text: await answer.text()})) {
		const late = new AbortController(), stop = () => late.abort();
		const timer = setTimeout(stop, 1000 * sec);
		signal?.addEventListener("abort", stop);
		try {
			const answer = await fetch(url, {method, headers, body, signal: late.signal, cache: "no-store"});
			return {status: answer.status, header: name => answer.headers.get(name), ...await read(answer)};
		} catch (error) {
			if (signal?.aborted)
				throw error;
			return {status: 0, text: "", isLate: late.signal.aborted, header: () => null};
		} finally {
			clearTimeout(timer);
		}
	}

	// Sends until there is an answer that counts. ask(): one try, {status, text, header}. repeats: whether it may be sent again. said: without
	// an answer of the API.
	async function exchange(ask, repeats, said = words.api) {
		const mended = new Set();
		for (let n = 1; ; n++) {
			const answer = await ask();
			if (answer.response !== undefined)
				return answer;
			const whole = content(answer);
			if (whole !== null)
				return {...whole, status: answer.status};
			const failed = failure(answer.status, answer.text, answer.header, said);
			const mend = failed.status === 401 && !OWN_401.includes(failed.code) ? signInAgain
				: failed.code === "recent_auth_required" ? confirmAgain : null;
			if (mend !== null && !mended.has(mend)) {
				mended.add(mend);
				if (await mend())
					continue;
			}
			if (failed.code === "account_erasing")
				isErasing();
			const passing = (failed.status < 300 && !answer.isLate) || [502, 503, 504].includes(failed.status) || failed.code === "idempotency_in_progress" ||
				(failed.code === "outcome_unknown" && failed.retryable);
			if (!repeats || !passing || n >= TRIES || (failed.waitSec ?? 0) > 15)
				throw failed;
			await pause(failed.waitSec ?? 2 ** (n - 1) / 2);
		}
	}

	function json(method, path, body, {query, signal, key, repeats = false} = {}) {
		const headers = {};
		if (body !== undefined)
			headers["Content-Type"] = "application/json";
		if (key !== undefined)
			headers["Idempotency-Key"] = `"${key}"`;
		return exchange(() => once(method, address(path, query), {headers, signal, body: body === undefined ? undefined : JSON.stringify(body)}), repeats, repeats ? words.api : unknown);
	}

	// One page of a list: {items, next}; next is the cursor of the page after it, or null.
	async function page(path, query) {
		const {data, meta} = await json("GET", path, undefined, {query, repeats: true});
		return {items: Array.isArray(data) ? data : Object.values(data).find(Array.isArray) ?? [], data, next: meta.has_more ? meta.next_cursor : null};
	}

	return {
		address,
		page,
		get: async (path, query, {signal} = {}) => (await json("GET", path, undefined, {query, signal, repeats: true})).data,
		// All of a list, for what has to be chosen from: page after page.
		all: async (path, query = {}) => {
			const all = [];
			for (let cursor; cursor !== null;) {
				const {items, next} = await page(path, {limit: 100, ...query, cursor});
				all.push(...items);
				cursor = next;
			}
			return all;
		},
		// Changes something; is never repeated by itself.
		send: async (method, path, body, {query} = {}) => (await json(method, path, body, {query})).data,
		// The same, with its status: 202 and 200 may mean different things.
		sendWhole: (method, path, body) => json(method, path, body),
		// Makes something, once however often it is sent: the same key gets the same answer.
		create: async (path, body, {key = makeKey()} = {}) => (await json("POST", path, body, {key, repeats: true})).data,
		// The answer itself, its body unread: for what is too large to be held at once. type: what it must be; else it is none of the API's.
		stream: async (method, path, {signal, type} = {}) => (await exchange(() => once(method, address(path), {signal, sec: EXPORT_SEC}, async answer =>
			answer.ok && answer.headers.get("Content-Type")?.startsWith(type) ? {response: answer} : {text: await answer.text()}), false)).response,
		// Sends a file or a form and tells progress(sent, total), which fetch cannot.
		upload: async (path, body, {key = makeKey(), type, progress = () => {}, signal} = {}) => (await exchange(() => new Promise((done, broken) => {
			if (signal?.aborted) // while it waited for another try
				return broken(new DOMException("stopped", "AbortError"));
			const call = new XMLHttpRequest();
			call.open("POST", address(path));
			if (type !== undefined)
				call.setRequestHeader("Content-Type", type);
			call.setRequestHeader("Idempotency-Key", `"${key}"`);
			call.upload.onprogress = event => progress(event.loaded, event.total);
			call.onload = () => done({status: call.status, text: call.responseText, header: name => call.getResponseHeader(name)});
			call.onerror = () => done({status: 0, text: "", header: () => null});
			call.onabort = () => broken(new DOMException("stopped", "AbortError"));
			signal?.addEventListener("abort", () => call.abort());
			call.send(body);
		}), true)).data,
	};
}
