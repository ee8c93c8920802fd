// With the keyboard alone.

import { isolated } from "./isolated.mjs";

const PARTS = 5; // that one control may have for Tab: a date has day, month, year and calendar
const MOST = 60; // presses of Tab: more than a page of ours has elements on the way to anything

// Presses Tab until the target (a locator, or a CSS selector) has the focus; an Error when it does not get it, or when one could not see
// where the focus is. Then page.keyboard.press("Enter") and so on act on it.
export async function tabTo(page, target, most = MOST) {
  const locator = typeof target === "string" ? page.locator(target) : target;
  const way = [];
  await locator.waitFor();
  for (let n = 0; n < most; n++) {
    if (await locator.evaluate(e => e === document.activeElement))
      return way;
    way.push((await step(page))?.name ?? "(the browser's own)");
  }
  throw new Error(`not reached by ${most} presses of Tab: ${locator}\nthe way was: ${way.join(", ")}`);
}

// All that Tab reaches from the page's beginning, once round, each with a focus that can be seen: [name].
export async function walk(page, most = 200) {
  const seen = new Map();
  await isolated(page, () => { // the page's beginning, and not where the focus was last
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
  });
  for (let n = 0; n < most; n++) {
    const now = await step(page);
    if (now === null || seen.has(now.index))
      return [...seen.values()];
    seen.set(now.index, now.name);
  }
  throw new Error(`Tab does not come round: ${[...seen.values()].join(", ")}`);
}

// One press. What has the focus then, {name, index}, or null outside of the page.
async function step(page) {
  const { before, was } = await isolated(page, `given => { const before = (${looks})(); return { before, was: (${focused})(before) }; }`); // one call: it is made for each press
  let now = was;
  for (let n = 0; n < PARTS && (n === 0 || (now !== null && now.index === was?.index)); n++) {
    await page.keyboard.press("Tab");
    now = await isolated(page, focused, before);
  }
  if (now?.hidden)
    throw new Error(`one cannot see that this has the focus: ${now.name}`);
  return now;
}

// Looks of what can have the focus, as they are without it. Runs in the page.
function looks() {
  return [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")].map(e => {
    const s = getComputedStyle(e);
    return [s.outlineStyle, s.outlineWidth, s.boxShadow, s.borderColor, s.backgroundColor, s.textDecoration].join(" ");
  });
}

// Who has the focus, and whether that shows. Runs in the page.
function focused(before) {
  const e = document.activeElement;
  if (e === null || e === document.body)
    return null;
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")];
  const s = getComputedStyle(e);
  const look = [s.outlineStyle, s.outlineWidth, s.boxShadow, s.borderColor, s.backgroundColor, s.textDecoration].join(" ");
  const outlined = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0;
  const box = e.getBoundingClientRect();
  const isThere = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const name = `<${e.localName}${e.id && "#" + e.id}> "${(e.ariaLabel ?? e.labels?.[0]?.textContent ?? e.textContent).trim().slice(0, 40)}"`;
  return { name, index: all.indexOf(e), hidden: !isThere || !(outlined || look !== before[all.indexOf(e)]) };
}
