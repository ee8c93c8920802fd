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
  let came = 0; // not what is drawn: far from view not all is
  const answers = []; // of the list, and not of its looks for what is new
  page.on("response", answer => {
    const { pathname, searchParams } = new URL(answer.url());
    if (pathname === "/api/v1/posts" && (answers.length === 0 || searchParams.has("cursor")))
      answers.push(answer.json().then(({ data }) => came += data.length));
  });
  await page.addInitScript(() => {
    window.gaps = [];
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
  // Once more can be scrolled, or nothing follows: then there is no button for more.
  const isEnd = () => page.evaluate(() => new Promise(done => {
    (function look() {
      const isEnd = document.querySelector("#main [aria-busy], #main .page > p button") === null, at = document.scrollingElement;
      if (isEnd || at.scrollTop + innerHeight < at.scrollHeight - 500)
        done(isEnd);
      else
        requestAnimationFrame(look);
    })();
  }));
  const began = Date.now();
  while (!await isEnd() && came < most)
    await page.mouse.wheel(0, 12_000);
  const seconds = (Date.now() - began) / 1000;
  await Promise.all(answers);
  const gaps = await page.evaluate(() => window.gaps.sort((a, b) => a - b));
  const of = share => gaps[Math.floor(gaps.length * share)];
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  const rows = await isolated(page, () => document.querySelectorAll(".posts > li").length);
  await t.ask("told", { what: "list", came, is_end: await isEnd(), seconds, rows, frames: gaps.length, p50_ms: of(0.5), p99_ms: of(0.99), longest_ms: gaps.at(-1), heap_mb: usedSize / 1e6,
    process_mb: await processMb(t) });
  // And back to its beginning: what was emptied on the way is there again.
  await page.keyboard.press("Home");
  await page.waitForFunction(() => document.querySelector(".posts > li").getBoundingClientRect().top < innerHeight);
});
