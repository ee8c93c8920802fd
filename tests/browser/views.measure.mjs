// What each page of the dashboard costs when it is opened for the first time, and how the list of posts scrolls: for tests/bench/pages.py,
// which asks for these by their names and is told by t.ask("told", ...).

import { readFileSync } from "node:fs";
import { test } from "./lib/test.mjs";
import { isolated } from "./lib/isolated.mjs";
import { views } from "./lib/views.mjs";

test("first views", async t => {
  const ada = await t.user({ connected: true });
  const times = await t.ask("times");
  for (const { path, at, who } of await views(t, ada))
    for (let n = 0; n < times; n++) {
      const page = await t.page(null, { user: who === "guest" ? null : ada }); // with a cache of its own
      const { bytes, all_bytes, requests, content_ms, shift, ofWhat } = await t.opened(page, at, { isWhole: true });
      await t.close(page);
      await t.ask("told", { what: "view", path, bytes, all_bytes, requests, content_ms, shift, ofWhat });
    }
});

// What the process that draws the page takes of the machine, in MB: the objects of JavaScript are a part of it. Chromium gives each browser
// of a test a process; the largest is the one that has scrolled.
async function processMb(t) {
  const cdp = await t.browser.newBrowserCDPSession();
  const { processInfo } = await cdp.send("SystemInfo.getProcessInfo");
  await cdp.detach();
  return Math.max(...processInfo.filter(p => p.type === "renderer").map(p => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${p.id}/smaps_rollup`, "utf8"))[1]) / 1000));
}

// Down the list by the wheel until its end, or until so many posts have come: how long the page did not answer at most, and what it holds.
test("a long list", async t => {
  const { most, ...ada } = await t.ask("owner_of_many");
  const page = await t.page(null, { user: ada });
  const cdp = await page.context().newCDPSession(page);
  await page.addInitScript(() => { // before the page's own: the first posts count, too
    Object.assign(window, { came: 0, gaps: [] });
    new MutationObserver(all => {
      for (const { addedNodes } of all)
        for (const node of addedNodes)
          window.came += node.matches?.(".posts") ? node.children.length : node.matches?.(".posts > li") ? 1 : node.querySelectorAll?.(".posts > li").length ?? 0;
    }).observe(document, { subtree: true, childList: true });
    let last = performance.now();
    requestAnimationFrame(function frame(now) {
      window.gaps.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    });
  });
  await page.goto("/dashboard/posts");
  await page.locator(".posts > li").first().waitFor();
  await page.mouse.move(600, 500);
  // Once more have come, or more must be scrolled, or nothing follows: then there is no button for more.
  const state = was => page.evaluate(was => new Promise(done => {
    (function look() {
      const isEnd = document.querySelector("#main [aria-busy], #main .page > p button") === null, at = document.scrollingElement;
      if (window.came > was || isEnd || at.scrollTop + innerHeight < at.scrollHeight - 500)
        done({ came: window.came, isEnd });
      else
        requestAnimationFrame(look);
    })();
  }), was);
  let { came, isEnd } = await state(0);
  const began = Date.now();
  while (!isEnd && came < most) {
    await page.mouse.wheel(0, 12_000);
    ({ came, isEnd } = await state(came));
  }
  if (isEnd) { // the last rows are drawn in the frames that follow
    await page.waitForFunction(most => window.came >= most, most);
    came = await page.evaluate(() => window.came);
  }
  const seconds = (Date.now() - began) / 1000;
  const gaps = await page.evaluate(() => window.gaps.sort((a, b) => a - b));
  const of = share => gaps[Math.floor(gaps.length * share)];
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  const rows = await isolated(page, () => document.querySelectorAll(".posts > li").length);
  await t.ask("told", { what: "list", came, is_end: isEnd, seconds, rows, frames: gaps.length, p50_ms: of(0.5), p99_ms: of(0.99), longest_ms: gaps.at(-1), heap_mb: usedSize / 1e6,
    process_mb: await processMb(t) });
  // And back to its beginning: what was emptied on the way is there again.
  await page.keyboard.press("Home");
  await page.waitForFunction(() => document.querySelector(".posts > li").getBoundingClientRect().top < innerHeight);
});
