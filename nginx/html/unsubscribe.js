// Switches off the kind of mail whose link led here. The token is behind the #, so it is in no log; nothing happens before the
// button is pressed, because programs that look at mails open their links.
"use strict";

const sentences = {
	post_failed: "You get no more mails about posts that have failed.",
	approval_waiting: "You get no more mails about posts that wait for your approval.",
	key_expiring: "You get no more mails about API keys that are about to expire.",
	link_invalid: "This link does not work any more. Use the one in a newer mail.",
};

const token = location.hash.slice(1);
const result = document.getElementById("result");
const button = document.getElementById("unsubscribe");

function say(text, failed) {
	result.className = failed ? "failed" : "";
	result.textContent = text;
}

async function unsubscribe() {
	button.disabled = true;
	const late = new AbortController(), timer = setTimeout(() => late.abort(), 130_000); // nginx waits for 120 s, and then says so
	try {
		const answer = await fetch("/api/v1/mail/unsubscribe?token=" + encodeURIComponent(token), {
			method: "POST",
			body: new URLSearchParams({ "List-Unsubscribe": "One-Click" }),
			credentials: "omit",
			signal: late.signal,
		});
		const body = await answer.json();
		const code = answer.ok ? body.data.notification : body.error.code;
		say(sentences[code] || (answer.ok ? "These mails are switched off." : body.error.message), !answer.ok);
		button.hidden = answer.ok || code === "link_invalid";
	} catch {
		say("The server is not answering right now. Try again in a minute.", true);
	}
	clearTimeout(timer);
	button.disabled = false;
	if (!button.hidden)
		button.focus(); // which it lost while it was disabled
}

history.replaceState(null, "", location.pathname);
addEventListener("hashchange", () => location.reload()); // another link was put into the address bar
if (token === "") {
	say("This page needs the link of a mail.", true);
} else {
	button.hidden = false;
}
button.addEventListener("click", unsubscribe);
