// The frame itself: what it must notice, it notices.

import { assert, test } from "./lib/test.mjs";
import { misfits } from "./lib/look.mjs";
import { views } from "./lib/views.mjs";

const FIRST_VIEW_BYTES = 60_000;

// The faults of a page, once one of this kind is among them; then they are forgotten.
async function faults(t, page, kind) {
  const watch = t.watch(page);
  for (let n = 0; n < 200 && !watch.found.some(f => f.kind === kind); n++)
    await new Promise(resolve => setTimeout(resolve, 50));
  const found = watch.faults();
  watch.found.length = 0;
  return found;
}

test("what a page must not do is noticed", async t => {
  const notes = {
    console: () => console.log("hello"),
    error: () => setTimeout(() => { throw new Error("of the page"); }),
    "another host": () => new Image().src = "https://192.0.2.1/x.png",
    CSP: () => document.head.append(Object.assign(document.createElement("style"), { textContent: "b { color: red }" })),
    refusal: () => fetch("/api/v1/me"),
  };
  for (const [kind, act] of Object.entries(notes)) {
    const page = await t.page("/");
    await page.evaluate(`(${act})(); 0`);
    const found = await faults(t, page, kind);
    assert(found.some(f => f.startsWith(`${kind}: `)), `${kind}: ${JSON.stringify(found)}`);
    await t.close(page);
  }
});

test("what was announced is no fault and must come", async t => {
  const page = await t.page("/");
  t.expects(page, "GET /api/v1/m*", 401);
  assert.deepEqual(t.watch(page).faults(), ["announced, and did not come: GET /api/v1/m* 401"]);
  await page.evaluate(() => fetch("/api/v1/me").then(r => r.text()));
});

test("what does not fit is noticed", async t => {
  const page = await t.page("/");
  assert.deepEqual(await misfits(page), []);
  const spoil = css => page.evaluate(css => document.querySelector("h2").style.cssText = css, css);
  for (const [css, what] of [["width: 20px; overflow: hidden", /^cut off at its side: <h2>/], ["width: 2000px", /^the page is .* wide in a window of 1440/],
    ["height: 10px; overflow: hidden", /^cut off below: <h2>/]]) {
    await spoil(css);
    assert.match((await misfits(page))[0], what);
  }
  await spoil("color: #888; background: #999");
  await assert.rejects(t.axe(page), /color-contrast/);
});

test("a focus that cannot be seen is noticed", async t => {
  const page = await t.page("/change-password");
  await t.tabTo(page, "#email");
  assert.deepEqual((await t.walk(page)).map(e => e.split(" ")[0]), ["<a>", "<input#email>", "<button>"]);
  await assert.rejects(t.tabTo(page, "h1", 5), /not reached by 5 presses/);
  await page.evaluate(() => document.querySelector("button").style.outline = "none");
  await assert.rejects(t.walk(page), /one cannot see that this has the focus: <button>/);
});

test("an error is answered in the API's place", async t => {
  const page = await t.page("/change-password");
  await t.inject(page, "POST /api/v1/auth/forgot-password", "busy", { headers: { "Retry-After": "90" } });
  await page.getByLabel("Email address").fill("ada@example.com");
  await page.keyboard.press("Enter");
  await page.getByText("Too much is going on. Try again in 90 seconds.").waitFor();
  await page.getByRole("button").click();
  await page.getByText("If this is the address of an account").waitFor();
});

test("the first view of every page is small and does not move", async t => {
  const ada = await t.user({ connected: true });
  const all = await views(t, ada), faults = [];
  for (const isGuest of [false, true]) {
    const page = await t.page(null, { user: isGuest ? null : ada });
    const cdp = await page.context().newCDPSession(page);
    await cdp.send("Network.enable");
    await cdp.send("Network.setCacheDisabled", { cacheDisabled: true }); // so each is the first that is opened
    for (const { path, at } of all.filter(v => (v.who === "guest") === isGuest)) {
      const { bytes, shift, requests, ofWhat } = await t.opened(page, at);
      assert(requests > 20 && ofWhat.filter(([, size]) => size > 300).length > 15, `${path} came from a cache: ${JSON.stringify(ofWhat)}`);
      if (bytes > FIRST_VIEW_BYTES || shift >= 0.001)
        faults.push(`${path}: ${bytes} bytes, moved by ${shift}: ${ofWhat.filter(([, , when]) => when === "first").map(([what, size]) => `${what} ${size}`).join(", ")}`);
    }
  }
  assert.deepEqual(faults, []);
});
