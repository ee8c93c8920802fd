// Test accounts, where test data is shown: one of the simulator's, as one wants it.
import {html, nothing} from "../lit.js";
import {makeKey} from "../api.js";
import {form} from "../form.js";
import {address} from "../router.js";
import {copy} from "../ui.js";
import {say as accountsWords} from "../words/en/accounts.js";

const say = accountsWords.test;

// made(account): called with the one that was made. connect(event): what a click on a way to the page of consent does.
export function testAccount({api, redraw, connect, made}) {
	let key = makeKey(); // a repeat of one wish makes one account
	const wish = form(redraw, {
		send: ({private_account: isPrivate, comment_disabled: noComments, post_block: block}) =>
			api.create("/sandbox/accounts", {private_account: isPrivate === "yes", comment_disabled: noComments === "yes", post_block: block}, {key}),
		done: (account, element) => {
			key = makeKey();
			element.reset();
			made(account);
		},
	});
	const check = (name, label) => html`<label><input type="checkbox" name=${name} value="yes"> ${label}</label>`;
	const curl = `curl -X POST ${location.origin}/api/v1/sandbox/accounts \\\n  -H "Authorization: Bearer mk_test_..." --json '{}'`;

	return {
		view: () => html`<section class="try"><h2>${say.title}</h2><p>${say.text}</p>
			<form @submit=${wish.submit} @change=${() => {
				key = makeKey();
			}} novalidate>
				${check("private_account", say.isPrivate)}${check("comment_disabled", say.noComments)}
				<label>${say.block}<select name="post_block">${Object.entries(say.blocks).map(([value, text]) => html`<option value=${value}>${text}</option>`)}</select></label>
				${wish.wrong("post_block").map(text => html`<p class="wrong">${text}</p>`)}
				${wish.problems()}
				${wish.button(say.button)}
			</form>
			<p><a href=${api.address("/tiktok/connect", {mode: "test"})} @click=${connect}>${say.page}</a>, ${say.pageText}</p>
			<details><summary>${say.program}</summary><p>${say.programText} <a href=${address("/keys")}>${say.keys}</a></p>
				<pre data-scrolls tabindex="0"><code>${curl}</code></pre>${copy(curl) ?? nothing}</details></section>`,
	};
}
