// Says how the TikTok consent ended. The codes are those of the API (lib/base/err.def).
"use strict";

const sentences = {
	consent_refused: "The connection was refused at TikTok. Nothing was connected. Connect again to allow it.",
	state_invalid: "This sign-in at TikTok was not started here, is too old or has been used. Connect again.",
	tiktok_unreachable: "TikTok does not answer right now. Nothing was connected. Try again shortly.",
	tiktok_scope_missing: "A permission that is needed was not granted. Connect again and leave it ticked.",
	accounts_too_many: "You have reached the number of TikTok accounts that one user can connect. Disconnect one first.",
	tiktok_refused: "TikTok refused the connection. Connect again, and look at TikTok whether this account may connect apps.",
	busy: "The server is busy. Connect again in a minute.",
};

const query = new URLSearchParams(location.search);
const result = document.getElementById("result");
const error = query.get("error");
const account = query.get("account");

if (error !== null) {
	result.className = "failed";
	result.textContent = sentences[error] || "The account was not connected. Connect again.";
} else if (account !== null && /^[0-9a-f-]{36}$/.test(account)) {
	result.textContent = "The account is connected. Its id is " + account + ".";
}
history.replaceState(null, "", location.pathname);
