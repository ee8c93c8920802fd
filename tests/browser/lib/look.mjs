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
const WIDEST = { form: "widest", width: 3840, height: 2160 }; // which nobody looks at four hundred times: no picture is made of it
const LINE_EM = 45; // some 90 characters: beyond that, eyes do not find the next line (WCAG 2.2, 1.4.8 says 80)
const SMALLEST_PX = 17; // of a text on such a screen, where 16 are an ant

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

// On a very wide screen: lines that are too long to be read, and letters that are too small. Runs in the page.
export function stretched({ most, smallest }) {
  const found = [];
  for (const e of document.body.querySelectorAll("main *, dialog *")) {
    const texts = [...e.childNodes].filter(n => n.nodeType === Node.TEXT_NODE && n.data.trim() !== "");
    if (texts.length === 0 || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest("pre, table, svg, select, .unseen"))
      continue;
    const px = parseFloat(getComputedStyle(e).fontSize), range = document.createRange();
    const widest = Math.max(...texts.flatMap(n => (range.selectNodeContents(n), [...range.getClientRects()].map(r => r.width))), 0);
    const name = `<${e.localName}> "${e.textContent.trim().slice(0, 60)}"`;
    if (widest > most * px)
      found.push(`a line of ${Math.round(widest / px)} em: ${name}`);
    if (px < smallest)
      found.push(`letters of ${px} pixels: ${name}`);
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

async function atWidest(page, name, fn = async () => {}) {
  const { form, width, height } = WIDEST;
  await page.setViewportSize({ width, height });
  await fn(form);
  const found = [...await misfits(page), ...await isolated(page, stretched, { most: LINE_EM, smallest: SMALLEST_PX })];
  if (found.length > 0)
    throw new Error(`${name} at ${width} pixels, ${page.url()}:\n${found.join("\n")}`);
}

// For a state of a page that has been seen in four forms: a picture as it stands, and without one, what may be wrong in the other forms.
export async function lookAround(page, name) {
  await look(page, name);
  const before = page.viewportSize(), [, { width, height }] = FORMS;
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme: "dark" });
  const found = await misfits(page);
  if (found.length > 0)
    throw new Error(`${name} at ${width} pixels, ${page.url()}:\n${found.join("\n")}`);
  await axe(page, { rules: OF_COLOURS });
  await atWidest(page, name);
  await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: null });
}

// The same at 360 and 1440 pixels, light and dark; and at 3840, where only sizes are looked at. At each width axe-core looks by all rules once, and then, with the other colours, by those
// for which they count. fn(form): what to do first in each form, such as opening a dialog anew.
export async function inFourForms(page, name, fn = async () => {}) {
  const before = page.viewportSize();
  for (const { form, width, height, dark } of FORMS) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
    await fn(form);
    await look(page, `${name}-${form}`, { rules: dark === width < 1000 ? null : OF_COLOURS });
  }
  await atWidest(page, name, fn);
  await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: null });
}
