// Leads to the accounts in the dashboard, which say how the TikTok consent ended; without a dashboard it is said here. The codes are those of
// the API (lib/base/err.def). The sentences are for a person in a browser, who sees no param, platform_error or Retry-After; a code that
// is not here gets the last one.
"use strict";

const sentences = {
	consent_refused: "The connection was refused at TikTok, so nothing was connected. Connect again to allow it.",
	state_invalid: "This TikTok sign-in was not started in this session, has expired or was already used. Connect again.",
	tiktok_unreachable: "TikTok is not answering properly right now. Nothing was connected. Try again shortly.",
	tiktok_scope_missing: "A permission that we need was not granted. Connect again and leave it ticked.",
	accounts_too_many: "You have connected as many TikTok accounts as one user can. Disconnect one first.",
	plan_limit_reached: "Your plan allows no more TikTok accounts. Disconnect one first, or change your plan.",
	accounts_a_day_too_many: "You have connected as many new TikTok accounts in 24 hours as one user can. Connect one that you had before, or try again tomorrow.",
	tiktok_refused: "TikTok refused the connection. Check at TikTok whether this account may connect apps, then connect again.",
	outcome_unknown: "Whether the account was connected is not known. Look at your accounts, and connect again if it is not there.",
	busy: "The server is busy. Connect again in a minute.",
};

const query = new URLSearchParams(location.search);
const error = query.get("error");
const account = /^[0-9a-f-]{36}$/.test(query.get("account") ?? "") ? query.get("account") : null;
const code = error !== null && /^[a-z_]{1,64}$/.test(error) ? error : error !== null ? "unknown" : null;

function sayHere() {
	const result = document.getElementById("result");
	if (code !== null) {
		result.className = "failed";
		result.textContent = sentences[code] || "The account was not connected. Connect again.";
	} else if (account !== null) {
		result.textContent = "The account is connected. Its id is " + account + ".";
	}
	history.replaceState(null, "", location.pathname);
}

// The dashboard says it beside the accounts, where this server has one; its files are then here.
const to = code !== null ? "?error=" + code : account !== null ? "?connected=" + account : "";
fetch("/dashboard/vendor/pico.css", {method: "HEAD"}).then(
	answer => answer.ok ? location.replace("/dashboard/accounts" + to) : sayHere(),
	sayHere,
);
