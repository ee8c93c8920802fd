// With fingers, on a phone.

import { assert, test } from "./lib/test.mjs";

const PHONE = { width: 360, height: 740, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

// A finger that goes down, along these points, and up: [x, y].
async function finger(page, points) {
  const cdp = await page.context().newCDPSession(page);
  const touch = (type, touchPoints) => cdp.send("Input.dispatchTouchEvent", { type, touchPoints });
  for (const [i, [x, y]] of points.entries())
    await touch(i === 0 ? "touchStart" : "touchMove", [{ x, y }]);
  await touch("touchEnd", []);
  await cdp.detach();
}

// Controls too small for a finger (WCAG 2.2, 2.5.8): less than 24 pixels wide or high, and not part of a sentence. A label is part of its
// control. axe-core looks as well, and lets pass what has room around it.
const small = page => page.evaluate(() => [...document.querySelectorAll("a[href], button, select, textarea, summary, input:not([type=file])")]
  .filter(e => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !e.matches("p a, li p a, .skip"))
  .map(e => {
    const boxes = [e, ...(e.labels ?? [])].map(b => b.getBoundingClientRect());
    return { what: e.outerHTML.slice(0, 120), width: Math.round(Math.max(...boxes.map(b => b.width))), height: Math.round(Math.max(...boxes.map(b => b.height))) };
  }).filter(b => b.width > 1 && (b.width < 24 || b.height < 24)));

test("photos are ordered and looked through by fingers", async t => {
  const ada = await t.user({ connected: true });
  const page = await t.page("/dashboard", { user: ada, ...PHONE });
  const menu = page.locator("#top details");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  assert.equal(await menu.getAttribute("open"), null);
  assert.deepEqual(await small(page), []);
  await page.locator("#top summary").tap();
  await page.locator("#top nav").waitFor();
  assert.deepEqual(await small(page), []);
  await page.locator("#top nav").getByRole("link", { name: "New post" }).tap();
  await page.locator("#compose-privacy:enabled").waitFor();
  assert.equal(await menu.getAttribute("open"), null); // it covers the page no longer

  const kept = page.locator("li.slide[data-state=kept]");
  await page.locator("#compose-files").setInputFiles(await t.photos(4));
  await kept.nth(3).waitFor();
  assert.deepEqual(await small(page), []);
  const order = () => kept.evaluateAll(all => all.map(li => li.id));
  const [a, b, c, d] = await order();
  await page.getByRole("button", { name: "Move photo 1 later" }).tap();
  assert.deepEqual(await order(), [b, a, c, d]);

  // By its picture a photo is taken along; the page stays where it is, and follows at its edge.
  await kept.first().scrollIntoViewIfNeeded();
  await page.evaluate(() => document.querySelector(".slides").scrollIntoView({ block: "start" }));
  const middle = async locator => {
    const box = await locator.boundingBox();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const at = await page.evaluate(() => scrollY);
  const [x, from] = await middle(kept.first().locator(".thumb")), [, to] = await middle(kept.nth(1));
  await finger(page, [[x, from], [x, from + 20], [x, to - 10], [x, to + 10]]);
  assert.deepEqual(await order(), [a, b, c, d]);
  assert.equal(await page.evaluate(() => scrollY), at);
  // Over two places at once, as fast as fingers are.
  const [, third] = await middle(kept.nth(2));
  await finger(page, [[x, from], [x, third + 10]]);
  await page.waitForFunction(id => document.querySelectorAll("li.slide")[2].id === id, a);
  assert.deepEqual(await order(), [b, c, a, d]);
  assert.equal(await page.locator(".slide.dragged").count(), 0);
  // Beside its picture a finger scrolls the page.
  const [textX, textY] = await middle(kept.first().locator(".slide-head"));
  await finger(page, [[textX, textY], [textX, textY - 60], [textX, textY - 160]]);
  await page.waitForFunction(at => scrollY > at, at);
  assert.deepEqual(await order(), [b, c, a, d]);

  // The preview is swiped through.
  const strip = page.locator(".strip");
  await strip.scrollIntoViewIfNeeded();
  await strip.evaluate(e => e.scrollTo({ left: 0, behavior: "instant" })); // it has stayed with the photo that was moved
  await page.getByText("1 / 4").waitFor();
  const [sx, sy] = await middle(strip);
  await finger(page, [80, 40, 0, -40, -80, -100].map(dx => [sx + dx, sy]));
  await page.getByText("2 / 4").waitFor();
  await page.getByRole("button", { name: "Next photo" }).tap();
  await page.getByText("3 / 4").waitFor();
  await t.screenshot(page, "compose-phone");
});
