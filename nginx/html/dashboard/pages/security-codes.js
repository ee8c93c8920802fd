// The code at sign-in: switching it on with a QR code, its recovery codes, and switching it off.
import {html, nothing, svg} from "../lit.js";
import {ask} from "../dialog.js";
import {form} from "../form.js";
import {kept, once} from "../once.js";
import {badge, copy, load, save, tell, when} from "../ui.js";
import {words} from "../words/en/common.js";
import {say} from "../words/en/security.js";

const FEW = 3; // recovery codes left

// Dark on light in the dark, too: not every camera reads it the other way round.
function qr({size, data}) {
	const path = data.map((row, y) => row.map((dark, x) => dark ? `M${x} ${y}h1v1h-1z` : "").join("")).join("");
	return html`<svg class="qr" viewBox="0 0 ${size} ${size}" role="img" aria-label=${say.qr} shape-rendering="crispEdges">${svg`<path d=${path}/>`}</svg>`;
}

const asText = codes => say.file(location.host) + "\n\n" + codes.join("\n") + "\n";

const download = codes => save(new Blob([asText(codes)], {type: "text/plain"}), say.fileName(location.hostname));

export function secondFactor({api, session, redraw}) {
	const state = {begun: null, codes: null}; // what POST /auth/totp showed, and codes that their user has not said to have kept
	const factor = load(redraw, () => api.get("/auth/totp"));

	function show(made) {
		Object.assign(state, {begun: null, codes: made});
		redraw();
		document.getElementById("codes")?.focus(); // its user may have left
		factor.again();
	}

	function haveThem() {
		kept();
		state.codes = null;
		redraw();
		document.getElementById("factor").focus();
	}

	// Of a change whose answer was lost, the state tells what became of it.
	async function changed(send) {
		try {
			return await send();
		} catch (error) {
			if (error.isUnknown || ["totp_already_on", "totp_not_on"].includes(error.code))
				factor.again();
			throw error;
		}
	}

	const begin = form(redraw, {
		send: async () => {
			const [shown, {encode}] = await Promise.all([changed(() => api.send("POST", "/auth/totp")), import("../vendor/uqr.js").catch(() => ({encode: null}))]);
			return {...shown, code: encode?.(shown.otpauth_uri, {ecc: "M", border: 4}) ?? null}; // without a drawing it can be typed
		},
		done: shown => {
			state.begun = shown;
			confirm.state.failure = null;
			redraw();
			document.getElementById("scan").focus();
		},
	});
	const confirm = form(redraw, {
		at: {wrong_code: "code", totp_not_begun: "code"},
		send: ({code}) => changed(() => once(session, say.leave, () => api.send("POST", "/auth/totp/confirm", {code}))),
		done: answer => show(answer.recovery_codes),
	});
	const renew = form(redraw, {
		send: async () => await ask({title: say.renewTitle, body: html`<p>${say.renewText}</p>`, yes: say.renew})
			? changed(() => once(session, say.leave, () => api.send("POST", "/auth/totp/recovery-codes"))) : null,
		done: answer => answer !== null && show(answer.recovery_codes),
	});
	const off = form(redraw, {
		send: async () => await ask({title: say.offTitle, body: html`<p>${say.offText}</p>`, yes: say.off, danger: true})
			? changed(async () => {
				await api.send("DELETE", "/auth/totp");
				return true;
			}) : null,
		done: answer => {
			if (answer === null)
				return;
			kept();
			state.codes = null;
			tell(say.isOff);
			factor.again();
			document.getElementById("factor").focus();
		},
	});

	const offView = () => html`<p>${say.offNow} ${say.why}</p>
		<form @submit=${begin.submit} novalidate>${begin.problems()}${begin.button(say.begin)}</form>`;

	const beginView = ({secret, code}) => html`<h3 id="scan" tabindex="-1">${say.scan}</h3>
		<p>${say.scanText}</p>
		<div class="scan">${code === null ? nothing : qr(code)}
			<div><p>${say.typed}</p><p><code class="secret">${secret.match(/.{1,4}/g).join(" ")}</code></p><p>${copy(secret, say.copySecret)}</p></div></div>
		<form @submit=${confirm.submit} novalidate>
			${confirm.field({name: "code", label: say.first, hint: say.firstHint, autocomplete: "one-time-code", inputmode: "numeric"})}
			${confirm.problems()}
			<div class="row">${confirm.button(say.on)}
				<button type="button" class="secondary" @click=${() => {
					state.begun = null;
					redraw();
					document.getElementById("factor").focus();
				}}>${words.cancel}</button></div>
		</form>`;

	const onView = ({enabled_at: since, recovery_codes_left: left}) => html`<p>${badge(say.isOn, "good")} ${say.since} ${when(since)}.</p>
		<p>${say.left(left)} ${left <= FEW ? html`<strong>${say.few}</strong>` : nothing}</p>
		<div class="row">
			<form @submit=${renew.submit} novalidate>${renew.problems()}${renew.button(say.renew, {kind: "secondary"})}</form>
			<form @submit=${off.submit} novalidate>${off.problems()}${off.button(say.off, {kind: "secondary"})}</form>
		</div>`;

	const codesView = list => html`<div class="note">
		<h3 id="codes" tabindex="-1">${say.codes}</h3>
		<p>${say.codesText}</p>
		<ol class="codes">${list.map(code => html`<li><code>${code}</code></li>`)}</ol>
		<div class="row">${copy(asText(list))}
			<button type="button" class="secondary small" @click=${() => download(list)}>${say.download}</button>
			<button type="button" class="small" @click=${haveThem}>${say.kept}</button></div>
	</div>`;

	function view() {
		return html`<section aria-labelledby="factor">
			<h2 id="factor" tabindex="-1">${say.factor}</h2>
			${state.codes !== null ? codesView(state.codes) : nothing}
			${state.begun !== null ? beginView(state.begun) : factor.view(now => now.enabled ? onView(now) : offView())}
		</section>`;
	}

	return {view};
}
