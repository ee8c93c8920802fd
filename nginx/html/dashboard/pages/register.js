// Register: an address is given, and a mail with a link goes there. Its page asks for the password, so that nobody types one twice.
import {html, nothing} from "../lit.js";
import {form} from "../form.js";
import {address} from "../router.js";
import {focusHeading} from "../ui.js";
import {words} from "../words/en/common.js";
import {say} from "../words/en/register.js";
import {keep, typed} from "./guest.js";

export default function register({plain, query, redraw}) {
	const state = {email: null, again: false, hasTerms: true, needsInvitation: query.has("invitation")};

	const asks = form(redraw, {
		send: async ({email, name, invitation, accepted}) => {
			typed.email = email.trim();
			const given = {email: typed.email};
			if (name.trim() !== "")
				given.name = name.trim();
			if (invitation?.trim())
				given.invitation = invitation.trim();
			if (accepted !== undefined)
				given.accepted_terms = true;
			try {
				await plain.send("POST", "/auth/register", given);
			} catch (error) {
				state.needsInvitation ||= error.of?.("invitation").length > 0;
				state.hasTerms ||= error.of?.("accepted_terms").length > 0;
				throw error;
			}
			return given.email;
		},
		done: email => {
			state.email = email;
			redraw();
			focusHeading();
		},
	});
	const resend = form(redraw, {
		send: () => plain.send("POST", "/auth/resend-verification", {email: state.email}),
		done: () => {
			state.again = true;
		},
	});

	// The consent is asked for where there is something to consent to, which is everywhere but on a server that is being set up: so it is
	// there from the start, and its room stays, so that nothing moves. Where it cannot be learned, it does no harm.
	plain.get("/privacy/policy").then(policy => {
		state.hasTerms = policy.current !== null;
		redraw();
	}, () => {});

	function terms() {
		const wrong = asks.wrong("accepted_terms");
		return html`<div class="field consent" ?inert=${!state.hasTerms}>
			<label><input type="checkbox" name="accepted" required aria-invalid=${wrong.length > 0 ? "true" : nothing}
				aria-describedby=${wrong.length > 0 ? "consent-said" : nothing}> ${say.accept}</label>
			<p class="ways"><a href="/terms" target="_blank">${words.foot.terms}</a> <a href="/privacy" target="_blank">${words.foot.policy}</a></p>
			${wrong.length > 0 ? html`<p class="wrong" id="consent-said">${wrong.join(" ")}</p>` : nothing}
		</div>`;
	}

	const askStep = () => html`<form @submit=${asks.submit} @input=${keep} novalidate>
		${asks.field({name: "email", label: words.fields.email, type: "email", value: typed.email, hint: say.emailHint, autocomplete: "username", autofocus: true})}
		${asks.field({name: "name", label: say.name, required: false, autocomplete: "name"})}
		${state.needsInvitation ? asks.field({name: "invitation", label: say.invitation, hint: say.invitationHint, value: query.get("invitation"), autocomplete: "off"})
			: nothing}
		${terms()}
		${asks.problems()}
		${asks.button(say.button)}
	</form>
	<p class="ways"><a href=${address("/sign-in")}>${say.signIn}</a></p>`;

	const mailStep = () => html`<p>${say.sent(state.email)}</p>
		<ul><li>${say.spam}</li><li>${say.known}</li></ul>
		<form @submit=${resend.submit} novalidate>
			${resend.problems()}
			<p role="status">${state.again ? say.sentAgain : nothing}</p>
			${state.again ? nothing : resend.button(say.again, {kind: "secondary"})}
			<button type="button" class="secondary" @click=${() => {
				state.email = null;
				redraw();
				document.querySelector("#main [name=email]").focus();
			}}>${say.other}</button>
		</form>
		<p class="ways"><a href=${address("/sign-in")}>${say.signIn}</a></p>`;

	return {title: () => state.email === null ? say.title : say.sentTitle, view: () => state.email === null ? askStep() : mailStep()};
}
