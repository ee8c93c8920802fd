// The address decides which page is shown. route.path is below BASE; ":name" stands for one part, which the page gets in params.
export const BASE = "/dashboard";

export function address(path) {
	return BASE + path;
}

// A path that came from an address, as one within the dashboard: "/" for one that leads anywhere else.
export function within(path) {
	const base = location.origin + BASE;
	const to = URL.canParse(base + path) ? new URL(base + path) : null;
	const isHere = path?.startsWith("/") && to?.origin === location.origin && to.pathname.startsWith(BASE + "/");
	return isHere ? to.pathname.slice(BASE.length) + to.search : "/";
}

// The route of a path, with its params; null if there is none.
export function match(routes, path) {
	for (const route of routes) {
		const pattern = new RegExp("^" + route.path.replace(/:(\w+)/g, "(?<$1>[^/]+)") + "$");
		const found = pattern.exec(path);
		if (found !== null)
			return {route, params: {...found.groups}};
	}
	return null;
}

// Calls show({path, query, isBack}) whenever the address changes; isBack: by the browser's back or forward. Links within the dashboard are followed without loading it anew.
// isUnkept(): the page may only be left if mayLeave() resolves to true, and shown() is the path that it gets back otherwise.
// Returns go(path), and here(): what show() would be given now.
export function start(show, {isUnkept, mayLeave, shown}) {
	const here = () => ({path: location.pathname.slice(BASE.length).replace(/\/+$/, "") || "/", query: new URLSearchParams(location.search)});

	async function ask(then) {
		if (await mayLeave())
			then();
	}

	function go(path, {replace = false} = {}) {
		if (isUnkept()) {
			ask(() => go(path, {replace}));
			return;
		}
		history[replace ? "replaceState" : "pushState"](null, "", address(path));
		show(here());
	}

	let isAsking = false; // one question is enough, however often one goes back meanwhile
	addEventListener("popstate", async () => {
		if (isAsking)
			return;
		if (isUnkept()) {
			isAsking = true;
			const may = await mayLeave();
			isAsking = false;
			if (!may) {
				history.pushState(null, "", address(shown())); // the browser has left its address already
				return;
			}
		}
		show({...here(), isBack: true});
	});
	document.addEventListener("click", event => {
		const link = event.target.closest("a[href]");
		const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
		if (link === null || !plain || event.defaultPrevented || link.target !== "" || link.hasAttribute("download"))
			return;
		const to = new URL(link.href);
		if (to.origin !== location.origin || !(to.pathname === BASE || to.pathname.startsWith(BASE + "/")))
			return;
		event.preventDefault();
		if (to.pathname === location.pathname && to.search === location.search && to.hash !== "") {
			document.querySelector(to.hash + " h1")?.focus(); // the browser's own way is a popstate, for which the page would be made anew
			return;
		}
		go(to.pathname.slice(BASE.length) + to.search);
	});
	return {go, here};
}
