// What each page of the dashboard costs when it is opened for the first time, and how the list of posts scrolls: for tests/bench/pages.py,
// which asks for these by their names and is told by t.ask("told", ...).

import { test } from "./lib/test.mjs";
import { isolated } from "./lib/isolated.mjs";

async function routes(page) {
  await page.goto("/dashboard/sign-in");
  return page.evaluate(async () => (await import("/dashboard/routes.js")).routes.map(({ path, who }) => ({ path, who })));
}

// The page in a browser of its own, whose cache is empty, when nothing more comes.
async function opened(t, path, user) {
  const page = await t.page(null, { user });
  await page.goto(path);
  await page.locator("main h1").waitFor();
  await page.waitForLoadState("networkidle");
  const view = await t.firstView(page);
  await t.close(page);
  return view;
}

test("first views", async t => {
  const ada = await t.user({ connected: true });
  const post = await t.post(ada);
  const [{ id: key }] = await t.sql("SELECT LOWER(CONCAT_WS('-', LEFT(HEX(id), 8), MID(HEX(id), 9, 4), MID(HEX(id), 13, 4), MID(HEX(id), 17, 4), RIGHT(HEX(id), 12))) AS id"
    + " FROM api_keys WHERE user_id = %s", ada.id);
  const first = await t.page();
  const all = await routes(first);
  await t.close(first);
  for (const { path, who } of all.filter(r => !r.path.includes(":receipt"))) {
    const at = "/dashboard" + path.replace("/posts/:id", `/posts/${post.id}`).replace("/keys/:id", `/keys/${key}`);
    for (let n = 0; n < 5; n++) {
      const { bytes, requests, content_ms, shift } = await opened(t, at, who === "guest" ? null : ada);
      await t.ask("told", { what: "view", path, bytes, requests, content_ms, shift });
    }
  }
});

// Down the list by the wheel: how long the page did not answer at most, and what it holds.
test("a long list", async t => {
  const ada = await t.ask("owner_of_many");
  const page = await t.page("/dashboard/posts", { user: ada });
  await page.locator("main li, main tbody tr").first().waitFor();
  await page.evaluate(() => {
    window.gaps = [];
    let last = performance.now();
    requestAnimationFrame(function frame(now) {
      window.gaps.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    });
  });
  const rows = () => isolated(page, () => document.querySelectorAll("main li, main tbody tr").length);
  await page.mouse.move(600, 500);
  for (let n = 0; n < 400 && await rows() < 2000; n++) {
    const before = await rows();
    await page.mouse.wheel(0, 6000);
    await page.waitForFunction(n => document.querySelectorAll("main li, main tbody tr").length > n
      || document.scrollingElement.scrollTop + innerHeight < document.scrollingElement.scrollHeight - 2000, before);
  }
  const { gaps, heap_mb } = await page.evaluate(() => ({ gaps: window.gaps.sort((a, b) => a - b), heap_mb: performance.memory.usedJSHeapSize / 1e6 }));
  const of = share => gaps[Math.floor(gaps.length * share)];
  await t.ask("told", { what: "list", rows: await rows(), frames: gaps.length, p50_ms: of(0.5), p99_ms: of(0.99), longest_ms: gaps.at(-1), heap_mb });
});
