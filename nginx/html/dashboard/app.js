// Begins: who is signed in, the frame around the pages, and the page that the address asks for.
import {html, live, render, nothing} from "./lit.js";
import {address, match, start, within} from "./router.js";
import {routes} from "./routes.js";
import {Failure, connect} from "./api.js";
import {ask, leaveDialogs} from "./dialog.js";
import {forgetDrafts, hasUnsent, holdsFiles} from "./drafts.js";
import {isUnkept, mayLeave} from "./once.js";
import {failed, later, loading, tell, tellFailure, tellWith, zone} from "./ui.js";
import {words} from "./words/en/common.js";

const SIGNED_IN = "signed-in"; // in localStorage, whose id: without it nobody is asked who is signed in, so that a guest meets no 401
const session = {user: null}; // GET /me's answer while somebody is signed in
const tabs = new BroadcastChannel("session"); // other tabs of this browser: {userId}
const main = document.getElementById("main");
const isWide = matchMedia("(min-width: 60rem)"); // the menu stands beside the page, and is always open
const LOADED_ANEW = "loaded-anew", ANEW_MS = 600_000; // in sessionStorage: when the document was last loaded anew by itself, and how long it is not again
let page = null, shown = 0;
let isTouched = false; // something was typed or chosen since the page was shown
let misfits = 0; // the turn whose page could not be drawn

function mode() {
	return sessionStorage.getItem("mode") === "test" ? "test" : "live";
}

const app = {
	session,
	mode,
	async setMode(to) {
		if (!await mayLeave())
			return drawFrame();
		sessionStorage.setItem("mode", to);
		const list = match(routes, here.path)?.route.list, query = new URLSearchParams(here.query);
		query.delete("account"); // of the other data
		app.go(list ?? here.path + (query.size > 0 ? "?" + query : ""), {replace: true});
	},
	// After a sign-in: asks who it is. null: nobody.
	async whoIsIt() {
		try {
			session.user = await plain.get("/me");
		} catch (error) {
			if (!(error instanceof Failure) || error.status !== 401)
				throw error;
			session.user = null;
		}
		if (session.user === null) {
			localStorage.removeItem(SIGNED_IN);
		} else {
			localStorage.setItem(SIGNED_IN, session.user.id);
			tabs.postMessage({userId: session.user.id});
		}
		return session.user;
	},
	// The page stays, and its address says what it shows now, such as a filter: back and reload find that.
	stay(path, {replace = false} = {}) {
		history[replace ? "replaceState" : "pushState"](null, "", address(path));
		here = asked();
	},
	drawFrame,
	// Whoever uses this browser next finds nothing of the user who signs out: neither drafts, nor what this document remembers.
	async signOut() {
		const {id} = session.user;
		if (!await mayLeave())
			return;
		if (hasUnsent(id) && !await ask({title: words.unsent.title, body: html`<p>${words.unsent.text}</p>`, yes: words.unsent.yes, danger: true}))
			return;
		try {
			await plain.send("POST", "/auth/logout");
		} catch (error) {
			if (!(error instanceof Failure) || error.status !== 401)
				throw error;
		}
		leavePage();
		forgetDrafts(id);
		app.forget();
		history.pushState(null, "", address("/sign-in"));
		location.reload();
	},
	// The session has ended, here and for other tabs.
	forget() {
		session.user = null;
		localStorage.removeItem(SIGNED_IN);
		sessionStorage.clear();
		tabs.postMessage({userId: null});
	},
};

// plain asks nobody to sign in: for what finds out whether somebody is.
const no = async () => false;
const again = later(() => import("./again.js"));
// Without the module nobody can be asked: what was refused is told.
const askAgain = name => again().then(module => module[name](app, plain), no);
const plain = connect({mode, signInAgain: no, confirmAgain: no});
app.api = connect({mode, signInAgain: () => session.user === null ? false : askAgain("signInAgain"), confirmAgain: () => askAgain("confirmAgain"),
	isErasing: () => app.go("/privacy/delete", {replace: true}), unknown: words.api.unknown});
app.plain = plain;

let here = {path: "/", query: new URLSearchParams()};

function menu() {
	const entries = routes.filter(r => r.menu !== undefined);
	const at = match(routes, here.path)?.route;
	return entries.map(r => {
		const isHere = r === at || (r.path !== "/" && here.path.startsWith(r.path + "/") && !entries.some(e => e !== r && e.path === here.path));
		return html`<li><a href=${address(r.path)} aria-current=${isHere ? "page" : nothing}>${words.menu[r.menu]}</a></li>`;
	});
}

// Open where there is room for it, and closed where it would cover the page: after each step to another page, and when a phone is turned.
function fitMenu() {
	document.querySelector("#top details")?.toggleAttribute("open", isWide.matches);
}
isWide.addEventListener("change", fitMenu);

function drawFrame() {
	const user = session.user;
	document.body.classList.toggle("guest", user === null);
	render(html`<a class="brand" href=${user === null ? "/" : address("/")}>${words.brand}</a>
		${user === null ? nothing : html`<details class="menu" ?open=${isWide.matches}>
			<summary>${words.menu.title}</summary>
			<nav aria-label=${words.menu.title}><ul>${menu()}</ul>
				<label class="switch"><input type="checkbox" role="switch" .checked=${live(mode() === "test")} @change=${event => app.setMode(event.target.checked ? "test" : "live")}>
					${words.test.switch}</label>
				<p class="who"><small>${user.email}</small></p>
				<button type="button" class="secondary small" @click=${app.signOut}>${words.signOut}</button>
			</nav>
		</details>`}`, document.getElementById("top"));
	document.getElementById("band").hidden = user === null || (mode() !== "test" && !user.email_undeliverable_since);
	render(html`${mode() === "test" && user !== null ? html`<p role="note">${words.test.band}
			<button type="button" class="small" @click=${() => app.setMode("live")}>${words.test.leave}</button></p>` : nothing}
		${user?.email_undeliverable_since ? html`<p role="note">${words.undeliverable.band(user.email)}
			<a href=${address("/settings")}>${words.undeliverable.change}</a></p>` : nothing}`, document.getElementById("band"));
	render(html`<small>${words.foot.zone(zone)} <a href="/privacy">${words.foot.policy}</a> <a href="/terms">${words.foot.terms}</a></small>`,
		document.getElementById("foot"));
}

// What is still under way there, such as an upload, draws and keeps nothing more.
function leavePage() {
	page?.close?.();
	page = null;
}

async function show(to) {
	const turn = ++shown;
	const before = here.path;
	here = to;
	const found = match(routes, to.path);
	if (found !== null && found.route.who === "session" && session.user === null)
		return app.go("/sign-in" + (to.path === "/" ? "" : "?to=" + encodeURIComponent(to.path + (to.query.size > 0 ? "?" + to.query : ""))), {replace: true});
	if (found !== null && found.route.who === "guest" && session.user !== null)
		return app.go(within(to.query.get("to")), {replace: true});
	leavePage();
	leaveDialogs();
	isTouched = false;
	drawFrame();
	fitMenu();
	if (found === null) {
		draw({title: words.notFound.title, view: () => html`<p>${words.notFound.text}</p>`});
		return;
	}
	drawMain(loading());
	let module;
	try {
		module = await found.route.page();
	} catch (error) {
		if (turn === shown && error instanceof SyntaxError)
			misfit(error);
		else if (turn === shown) // the file did not come: another try loads everything anew
			draw({title: words.brand, view: () => html`<p role="alert">${words.api.noContact}</p><p><button type="button" @click=${loadAnew}>${words.tryAgain}</button></p>`});
		return;
	}
	if (turn !== shown)
		return;
	const redraw = () => {
		if (turn !== shown || page === null)
			return;
		try {
			draw(page);
		} catch (error) {
			misfit(error);
		}
	};
	const context = {...app, params: found.params, query: to.query, isBack: to.isBack === true, redraw};
	page = {title: words.brand, view: loading};
	try {
		const made = module.default(context);
		if (turn !== shown)
			return;
		page = made;
		draw(page);
	} catch (error) {
		misfit(error);
		return;
	}
	if (before !== to.path || turn > 1) {
		const heading = main.querySelector("[data-autofocus]") ?? main.querySelector("h1");
		heading?.focus({preventScroll: true});
		if (turn > 1)
			scrollTo(0, 0);
	}
}

const updated = () => html`<p>${words.updated.text}</p><p><button type="button" class="secondary" @click=${loadAnew}>${words.updated.button}</button></p>`;

// The page cannot be drawn. Most often the service was updated: what is in memory lacks what a module wants that came later. So the document
// is loaded anew, by itself only once, and not where what was typed would go with it.
function misfit(error) {
	if (misfits === shown)
		return;
	misfits = shown;
	reportError(error);
	if (isTouched || isUnkept() || holdsFiles(session.user?.id)) {
		tellWith(updated());
		return;
	}
	leavePage();
	draw({title: words.brand, view: () => html`<div role="alert">${updated()}</div>`});
	if (Date.now() - Number(sessionStorage.getItem(LOADED_ANEW)) > ANEW_MS) {
		sessionStorage.setItem(LOADED_ANEW, Date.now());
		loadAnew();
	}
}
document.addEventListener("input", () => {
	isTouched = true;
});

// A browser does not ask again for a module that did not come, so the document is loaded anew: where it would come, and else this one stays.
async function loadAnew() {
	try {
		await fetch(location.href, {method: "HEAD", cache: "no-store"});
	} catch {
		tell(words.api.noContact);
		return;
	}
	location.reload();
}

// page.title may be a function: of what is there only when something was loaded.
function draw(what) {
	const title = typeof what.title === "function" ? what.title() : what.title;
	document.title = title === words.brand ? title : title + " - " + words.brand;
	drawMain(html`<div class="page"><h1 tabindex="-1">${title}</h1>${what.view()}</div>`);
}

function drawMain(view) {
	render(view, main);
	document.body.classList.toggle("busy", main.querySelector("p[aria-busy=true]") !== null);
}

// Somebody has signed in or out in another tab: this page would show what is not theirs. A session that only ended is no reason: what was
// typed here stays, and again.js asks.
tabs.onmessage = ({data}) => {
	if (data.userId === (session.user?.id ?? null))
		return;
	if (data.userId === null) {
		leavePage();
		forgetDrafts(session.user.id); // what was kept here since the other tab has done so
		sessionStorage.clear();
		session.user = null; // nothing is left to be kept here, so the browser asks nobody whether to leave
	}
	location.reload();
};

// The same of a page that was left and is shown again as it stood (the browser's back): it has heard of nothing meanwhile.
addEventListener("pageshow", event => {
	if (event.persisted && localStorage.getItem(SIGNED_IN) !== (session.user?.id ?? null))
		location.reload();
});

addEventListener("unhandledrejection", event => {
	if (event.reason instanceof Failure || event.reason?.name === "AbortError") {
		event.preventDefault();
		if (event.reason instanceof Failure)
			tellFailure(event.reason);
	} else if (event.reason instanceof TypeError) { // such as a dialog that cannot be drawn
		tellWith(updated());
	}
});

const {go, here: asked} = start(show, {isUnkept, mayLeave, shown: () => here.path + (here.query.size > 0 ? "?" + here.query : "")});
app.go = go;
try {
	if (localStorage.getItem(SIGNED_IN) !== null)
		await app.whoIsIt();
	await show(asked());
} catch (error) {
	render(html`<div class="page"><h1>${words.brand}</h1>${failed(error, () => location.reload())}</div>`, main);
}
