// What a page costs that is opened for the first time: bytes as they came over the wire, requests, the time to the first content, and how
// much moved (https://web.dev/articles/cls). For a page that was opened in a context of its own, whose cache was empty.

import { isolated } from "./isolated.mjs";

const asked = new WeakMap(); // page: what it has asked for since it was opened

// Notes when its content stands, of a page that is still to be opened.
async function noteFirst(page) {
  if (asked.has(page))
    return;
  asked.set(page, []);
  page.on("request", request => request.isNavigationRequest() ? asked.set(page, [request]) : asked.get(page).push(request));
  await page.addInitScript(() => {
    const look = () => {
      const main = document.getElementById("main");
      if (main === null || main.querySelector("h1") === null || main.querySelector("[aria-busy=true]:not(button, .asking)") !== null)
        return; // .asking: TikTok's answer, for which a page has all but its word
      performance.mark("stands");
      seen.disconnect();
    };
    const seen = new MutationObserver(look);
    seen.observe(document, { subtree: true, childList: true, attributeFilter: ["aria-busy"] });
  });
}

// Opens it, until its content stands and what it had asked for until then has come; isWhole: until nothing more comes. Its first view is
// that, and the pictures of that content; what comes later, such as charts, is counted in all.
export async function opened(page, path, { isWhole = false } = {}) {
  await noteFirst(page);
  await page.goto(path);
  await page.waitForFunction(() => performance.getEntriesByName("stands").length > 0);
  const first = [...asked.get(page)];
  await Promise.all(first.map(async request => (await request.response())?.finished()));
  await page.waitForFunction(n => performance.getEntriesByType("resource").length + 1 >= n, first.length); // noted a moment later
  if (isWhole)
    await page.waitForLoadState("networkidle");
  return firstView(page);
}

export function firstView(page) {
  return isolated(page, async () => {
    performance.mark("looked"); // so that something comes at once, also where there is nothing of the type
    const entries = type => new Promise(resolve => {
      const observer = new PerformanceObserver(list => resolve(list.getEntriesByType(type)));
      for (const one of [type, "mark"])
        observer.observe({ type: one, buffered: true });
    });
    const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    const shifts = (await entries("layout-shift")).filter(e => !e.hadRecentInput);
    const [stands] = performance.getEntriesByName("stands");
    const isFirst = e => e.startTime < stands?.startTime || ["img", "css"].includes(e.initiatorType);
    const sum = entries => entries.reduce((bytes, e) => bytes + e.transferSize, 0);
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    return {
      bytes: sum(loaded.filter(isFirst)), all_bytes: sum(loaded), requests: loaded.length,
      ofWhat: loaded.map(e => [new URL(e.name).pathname, e.transferSize, isFirst(e) ? "first" : "later"]), content_ms: Math.round(paint?.startTime ?? -1),
      shift: shifts.reduce((sum, e) => sum + e.value, 0),
      shifted: shifts.flatMap(e => e.sources.map(s => s.node?.outerHTML?.slice(0, 120) ?? "")),
    };
  });
}
