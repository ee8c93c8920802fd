// The page of a mailed link. Its token comes after the # of the address, which browsers send to nobody, and is taken out of the
// address at once, so that it stays in no history and on no screen. Nothing happens before somebody sends the form: its fields
// go to the API with the token, and what the API answers is shown. The form holds all that is true until then, and is hidden where
// this script does not run: a browser would send it by itself, which the API refuses with JSON. What a page has for who comes too
// late with the link is #over, and in it perhaps a second form that takes the same link. Where a person goes on after it is done is #done.
"use strict";

const ANSWER_MS = 130_000; // nginx waits for 120 s, and then says so
const UNKNOWN = "Contact was lost while this was being done. Send it once more: if the link does not work any more, it was done.";

// In place of the API's sentences, which speak to programs of a header.
const SAID = {
	address_mails_too_many: "This address gets no more such mails today. Use the newest that came.",
	busy: "Too much is going on.",
	database_unavailable: "The service cannot do this right now, and nothing was changed.",
	rate_limited: "Too much is going on.",
	too_many_wrong_passwords: "Too many wrong passwords or codes.",
	unavailable: "The service cannot do this right now.",
};

const form = document.getElementById("form");
const again = document.getElementById("again");
const over = document.getElementById("over");
const done = document.getElementById("done");
const result = document.getElementById("result");
const token = location.hash.slice(1);
const isOfLink = !("withoutLink" in form.dataset); // the page that asks for a link has none yet

function say(text, failed) {
	result.className = failed ? "failed" : "";
	result.textContent = text;
}

function time(seconds) {
	if (seconds < 120)
		return seconds + " seconds";
	return seconds < 7200 ? Math.ceil(seconds / 60) + " minutes" : Math.ceil(seconds / 3600) + " hours";
}

function sentence(form, answer, error) {
	if (error.code === "outcome_unknown")
		return UNKNOWN;
	if (error.code === "link_invalid")
		return form.dataset.over || error.message;
	const text = SAID[error.code] || (error.details.length > 0 ? error.details.map(problem => problem.message).join(" ") : error.message);
	const wait = answer.headers.get("Retry-After");
	return wait === null ? text : text + " Try again in " + time(Number(wait)) + ".";
}

function fields(form) {
	const given = Object.fromEntries(new FormData(form));
	return isOfLink ? {token: token, ...given} : given;
}

function show(form) {
	form.hidden = false;
	form.addEventListener("submit", event => send(form, event));
}

function offer(isOver) {
	if (over !== null)
		over.hidden = !isOver;
}

async function send(form, event) {
	event.preventDefault();
	const button = form.querySelector("button");
	const next = form.querySelector("input") || button; // a disabled button loses the focus
	button.disabled = true;
	say("One moment.", false);
	const late = new AbortController(), timer = setTimeout(() => late.abort(), ANSWER_MS);
	try {
		const answer = await fetch(form.getAttribute("action"), {
			method: "POST",
			headers: {"Content-Type": "application/json"},
			body: JSON.stringify(fields(form)),
			signal: late.signal,
		});
		const {data, error} = answer.status === 204 ? {data: null} : await answer.json();
		if (answer.ok && data !== undefined) { // else a proxy's JSON would be taken for a success
			form.hidden = true;
			offer(false);
			if (done !== null && form !== again)
				done.hidden = false;
			say(form.dataset.done, false);
			const email = data?.email;
			if (email !== undefined)
				sessionStorage.setItem("email", email); // so that it need not be typed to sign in (dashboard/pages/guest.js)
		} else {
			form.hidden = error.code === "link_invalid";
			say(sentence(form, answer, error), true);
			if (form.hidden)
				offer(true);
			if (form.hidden && again !== null && form !== again)
				show(again);
		}
	} catch {
		say(UNKNOWN, true);
	}
	clearTimeout(timer);
	button.disabled = false;
	if (!form.hidden)
		next.focus();
}

if (isOfLink) {
	history.replaceState(null, "", location.pathname);
	addEventListener("hashchange", () => location.reload()); // another link was put into the address bar
}
if (isOfLink && token === "") {
	offer(true);
	say("This address is not complete. Open the link of the mail once more.", true);
} else {
	show(form);
}
