// The plan: what it allows and how much of it is used, and the way to Stripe and back.
import {html, nothing} from "../lit.js";
import {dialog} from "../dialog.js";
import {form} from "../form.js";
import {badge, bytes, count, failed, load, when} from "../ui.js";
import {address} from "../router.js";
import {meter} from "./meter.js";
import {words} from "../words/en/common.js";
import {say} from "../words/en/billing.js";
import {say as meterWords} from "../words/en/meter.js";

const {limits, resets} = meterWords;
const OVER = ["canceled", "incomplete_expired", "unknown"]; // subscriptions that nothing can be done about any more
const ASKS = ["incomplete", "unpaid", "paused", "unknown"]; // those with which one has nothing until one has done something at Stripe
const OWES = ["past_due", "unpaid"];
const LOOKS = 5, LOOK_MS = 2000; // while something else asks Stripe about the same user

const pause = ms => new Promise(done => setTimeout(done, ms));

// What a subscription's status means for who has it. [kind, template]
function noticeOf(b) {
	if (b.status === "past_due")
		return ["bad", html`${say.pastDue} ${b.source === "subscription" && b.until ? html`${say.pastDueUntil} ${when(b.until)}.` : say.pastDueNow}`];
	if (ASKS.includes(b.status))
		return ["bad", say[b.status]];
	if (b.will_cancel && !OVER.includes(b.status))
		return ["waiting", html`${say.canceled} ${when(b.cancel_at)}. ${say.canceledThen}`];
	if (b.status === "trialing")
		return ["waiting", html`${say.trial} ${when(b.trial_end)}. ${say.trialThen}`];
	return null;
}

export default function billing({api, query, redraw}) {
	const came = {session: query.get("session_id"), left: query.has("left"), said: "", failure: null, isLooking: false};
	const portal = {busy: false, failure: null};

	// Reload and back show the plan, and not the way back from Stripe once more.
	if (came.session !== null || came.left)
		history.replaceState(null, "", address("/billing"));

	const plan = load(redraw, () => came.session === null ? api.get("/billing") : look());

	// What became of the payment from which Stripe has led back; and the plan, whatever that was.
	async function look() {
		Object.assign(came, {failure: null, said: "", isLooking: true});
		try {
			for (let n = 1; ; n++) {
				try {
					const found = await api.send("POST", "/billing/sync", {session_id: came.session});
					came.said = found.source === "subscription" ? say.bought(found.plan) : say.notYet;
					if (found.source === "subscription")
						came.session = null;
					return found;
				} catch (error) {
					if (!error.retryable || n >= LOOKS)
						throw error;
					await pause(LOOK_MS);
				}
			}
		} catch (error) {
			came.failure = error;
			return api.get("/billing");
		} finally {
			came.isLooking = false;
		}
	}

	function leave({url}) {
		came.said = say.leaving;
		location.assign(url);
	}

	async function toPortal() {
		Object.assign(portal, {busy: true, failure: null});
		redraw();
		try {
			leave(await api.send("POST", "/billing/portal"));
		} catch (error) {
			portal.failure = error;
		}
		portal.busy = false;
		redraw();
	}

	// Back from Stripe by the browser's own button, the page may stand as it was left.
	const shownAgain = event => {
		if (!event.persisted)
			return;
		came.said = "";
		plan.again();
	};
	addEventListener("pageshow", shownAgain);

	function buy(wanted) {
		let buying = null;
		dialog((close, draw) => {
			buying ??= form(draw, {
				send: (_, element) => api.send("POST", "/billing/checkout", {plan: wanted.name, accepted_terms: element.elements.terms.checked}),
				done: answer => {
					leave(answer);
					redraw();
					close();
				},
			});
			const wrong = buying.wrong("accepted_terms");
			return html`<article><h2>${say.dialogTitle(wanted.name)}</h2>
				<ul>${allowances(wanted).map(text => html`<li>${text}</li>`)}</ul>
				<p>${say.price}</p>
				<form @submit=${buying.submit} novalidate>
					<label class="tick"><input type="checkbox" name="terms" data-autofocus aria-invalid=${wrong.length > 0 ? "true" : nothing} aria-describedby="terms-said">
						<span>${say.acceptBefore}<a href="/terms" target="_blank" rel="noopener">${say.terms}</a>${say.acceptAfter}</span></label>
					<small id="terms-said" class="wrong">${wrong.length > 0 ? say.accept : ""}</small>
					${buying.problems()}
					<footer><button type="button" class="secondary" @click=${() => close()}>${words.cancel}</button>${buying.button(say.toStripe)}</footer>
				</form></article>`;
		});
	}

	function allowances(p) {
		return [
			...["posts_per_month", "accounts", "storage_bytes"].map(name => p[name] === null ? say.allowsAll[name] : say.allows[name](name === "storage_bytes" ? bytes(p[name]) : count(p[name]))),
			say.allows.rate_factor(p.rate_factor),
		];
	}

	const limit = l => meter(limits[l.name] ?? l.name, l, html`
		${l.limit !== null && l.used > l.limit ? html`<small>${say.over}</small>` : nothing}${l.resets_at ? html`<small>${resets} ${when(l.resets_at)}</small>` : nothing}`);

	const card = (p, b, mayBuy) => html`<li class="plan ${p.is_current ? "current" : ""}">
		<div class="row"><h3>${p.name}</h3> ${p.is_current ? badge(say.current, "good") : nothing} ${p.is_free ? badge(say.free, "quiet") : nothing}</div>
		<ul>${allowances(p).map(text => html`<li>${text}</li>`)}</ul>
		${mayBuy && p.is_sold && !(p.is_current && b.source === "subscription") ? html`<button type="button" @click=${() => buy(p)}>${say.buy(p.name)}</button>` : nothing}</li>`;

	function view(b) {
		const notice = noticeOf(b);
		const isLive = b.status !== null && !OVER.includes(b.status), sells = b.plans.some(p => p.is_sold);
		return html`
			${notice !== null ? html`<div class="notice ${notice[0]}" role="status"><p>${notice[1]}</p>
				${notice[0] === "bad" ? html`<button type="button" @click=${toPortal} ?disabled=${portal.busy}>
					${OWES.includes(b.status) ? say.payButton : say.portal}</button>` : nothing}</div>` : nothing}
			<p class="lead">${say.yours(html`<strong>${b.plan}</strong>`)}</p>
			<p>${b.source === "grant" && b.until ? html`${say.grantUntil} ${when(b.until)}. ${say.grantThen}` : say.sources[b.source]}
				${isLive && b.status === "active" && !b.will_cancel && b.period_end ? html`${say.renews} ${when(b.period_end)}.` : nothing}
				${say.endings[b.status] ?? nothing}</p>
			<section><h2>${say.use}</h2><div class="meters">${b.limits.map(limit)}</div>
				<p><a href=${address("/usage")}>${say.usageLink}</a></p></section>
			${b.status !== null ? html`<section><h2>${say.manage}</h2><p>${say.manageText}</p>
				${portal.failure !== null ? failed(portal.failure) : nothing}
				<p><button type="button" class="secondary" @click=${toPortal} ?disabled=${portal.busy} aria-busy=${portal.busy ? "true" : "false"}>${say.portal}</button></p></section>` : nothing}
			<section><h2>${say.plans}</h2>
				<p>${!sells ? say.nothing : isLive ? say.changeThere : say.price}</p>
				<ul class="plans">${b.plans.map(p => card(p, b, !isLive))}</ul></section>
			${b.plans.length > 1 ? html`<section><h2>${say.smaller}</h2><ul>${say.smallerText.map(text => html`<li>${text}</li>`)}</ul></section>` : nothing}
			${b.terms_accepted_at !== null ? html`<p><small>${say.terms_accepted(b.terms_version, when(b.terms_accepted_at))}</small></p>` : nothing}`;
	}

	const back = () => html`
		${came.isLooking ? html`<p>${say.looking}</p>` : nothing}
		<p role="status" class=${came.said !== "" || came.left ? "notice good" : "empty"}>${came.said !== "" ? came.said : came.left ? say.left : ""}</p>
		${came.failure === null ? nothing : came.failure.code === "not_found" ? html`<div role="alert" class="problem"><p>${say.noSession}</p></div>` : failed(came.failure)}
		${came.session !== null && !came.isLooking ? html`<p><button type="button" class="secondary" @click=${plan.again}>${say.look}</button></p>` : nothing}`;

	return {
		title: say.title,
		close: () => removeEventListener("pageshow", shownAgain),
		view: () => html`${back()}${plan.view(view)}`,
	};
}
