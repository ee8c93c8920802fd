// Looking at a page: axe-core, what is cut off, what overflows, and a screenshot for people.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { isolated } from "./isolated.mjs";

const AXE = { name: "axe", source: readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8") };
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const OF_COLOURS = ["color-contrast", "link-in-text-block"]; // the rules that may find in the dark what they do not in the light

export const FORMS = [
  { form: "narrow-light", width: 360, height: 740, dark: false },
  { form: "narrow-dark", width: 360, height: 740, dark: true },
  { form: "wide-light", width: 1440, height: 900, dark: false },
  { form: "wide-dark", width: 1440, height: 900, dark: true },
];

// No finding, or an Error that names each with its elements. rules: only these; by default those of TAGS.
export async function axe(page, { exclude = [], rules = null } = {}) {
  const found = await isolated(page, async ({ only, exclude }) => {
    const { violations } = await axe.run({ exclude: exclude.map(e => [e]) }, { runOnly: only, resultTypes: ["violations"] });
    return violations.map(v => `${v.id}: ${v.help}\n` + v.nodes.map(n => `    ${n.html.slice(0, 200)}\n      ${n.failureSummary.replaceAll("\n", " ")}`)
      .join("\n"));
  }, { only: rules === null ? { type: "tag", values: TAGS } : { type: "rule", values: rules }, exclude }, AXE);
  if (found.length > 0)
    throw new Error(`axe-core at ${page.url()}:\n${found.join("\n")}`);
}

// Elements that do not fit: [what]. Runs in the page.
export function unfit() {
  const name = e => `<${e.localName}${e.id && "#" + e.id}${e.classList.length ? "." + [...e.classList].join(".") : ""}> "${
    e.textContent.trim().replace(/\s+/g, " ").slice(0, 60)}"`;
  const found = [];
  const root = document.scrollingElement;
  if (root.scrollWidth > innerWidth)
    found.push(`the page is ${root.scrollWidth} pixels wide in a window of ${innerWidth}`);
  for (const e of document.body.querySelectorAll("*")) {
    if (!e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest("[data-may-be-cut], svg, canvas"))
      continue;
    const style = getComputedStyle(e), box = e.getBoundingClientRect();
    if (style.clip !== "auto" || style.clipPath !== "none" || box.width <= 1 || box.height <= 1)
      continue; // for screen readers
    const hides = o => o === "hidden" || o === "clip";
    if (e.textContent.trim() !== "") {
      if (hides(style.overflowX) && e.scrollWidth > e.clientWidth + 1)
        found.push(`cut off at its side: ${name(e)}`);
      if (hides(style.overflowY) && e.scrollHeight > e.clientHeight + 1)
        found.push(`cut off below: ${name(e)}`);
    }
    const scrolls = e.parentElement.closest("[data-scrolls], table, pre, textarea, select, dialog");
    const own = [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.data.trim() !== "");
    if (own && !scrolls && box.right > innerWidth + 1 && style.position !== "absolute")
      found.push(`beyond the window's edge: ${name(e)}`);
    if (e.localName === "button" || e.localName === "select")
      if (e.scrollWidth > e.clientWidth + 1)
        found.push(`does not fit its control: ${name(e)}`);
  }
  return found.slice(0, 10);
}

export function misfits(page) {
  return isolated(page, unfit);
}

// Into the folder of the run's artefacts. As JPEG: a PNG takes half as long again, and there are some three hundred.
export async function screenshot(page, name, more = {}) {
  const file = path.join(process.env.ARTEFACTS, `${name.replace(/[^\w-]+/g, "-")}.jpg`);
  mkdirSync(path.dirname(file), { recursive: true });
  const isCovered = await isolated(page, () => document.querySelector("dialog:modal") !== null); // what is below cannot be reached now
  await page.screenshot({ path: file, type: "jpeg", quality: 90, fullPage: !isCovered, animations: "disabled", ...more });
}

// The page as it stands: screenshot, nothing cut off, no finding of axe-core by these rules (null: all).
export async function look(page, name, { rules = null } = {}) {
  await screenshot(page, name);
  const found = await misfits(page);
  if (found.length > 0)
    throw new Error(`${name} at ${page.url()}:\n${found.join("\n")}`);
  await axe(page, { rules });
}

// The same at 360 and 1440 pixels, light and dark. At each width axe-core looks by all rules once, and then, with the other colours, by those
// for which they count. fn(form): what to do first in each form, such as opening a dialog anew.
export async function inFourForms(page, name, fn = async () => {}) {
  const before = page.viewportSize();
  for (const { form, width, height, dark } of FORMS) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
    await fn(form);
    await look(page, `${name}-${form}`, { rules: dark === width < 1000 ? null : OF_COLOURS });
  }
  await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: null });
}
