// Somebody who clicks and types at random, and never leaves: whatever they do, no page breaks. A run is told by its seed; when it fails, it
// says so, with what was done last.

import { isolated } from "./isolated.mjs";
import { unfit } from "./look.mjs";

const ORIGIN = process.env.ORIGIN;
const LAST = 15, SETTLE_MS = 60_000;
const TEXTS = ["", " ", "a", "0", "-1", "2", "ada@example.com", "Harbour lights", "x".repeat(300), "W".repeat(90), "<b>&amp;\"'", "😀".repeat(40),
  "שלום עולם", "ভাষা ไทย 日本語", "2030-01-01T10:00", "#tag @name https://example.com/" + "path/".repeat(40), "null", "{{x}}", "a\u0301\u202e\u200b"];
const KEYS = ["Tab", "Tab", "Shift+Tab", "Enter", "Space", "Escape", "ArrowDown", "ArrowUp", "ArrowRight", "Home", "End", "Backspace"];
const SIZES = [[360, 740], [1440, 900], [768, 1024], [2560, 1440]];

// Numbers from 0 to below 1 (mulberry32).
export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = a + 0x6d2b79f5 | 0;
    let n = Math.imul(a ^ a >>> 15, 1 | a);
    n = n + Math.imul(n ^ n >>> 7, 61 | n) ^ n;
    return ((n ^ n >>> 14) >>> 0) / 4294967296;
  };
}

// An element that one can act on, brought into view: {x, y, kind, label}, or null. Runs in the page.
function aim({ at, kinds, never }) {
  const all = [...document.querySelectorAll(kinds)].filter(e =>
    e.checkVisibility({ visibilityProperty: true }) && !e.matches(":disabled") && !e.closest("[inert]") &&
    (document.querySelector("dialog:modal") === null || e.closest("dialog:modal")));
  if (all.length === 0)
    return null;
  const e = all[Math.floor(at * all.length)];
  e.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
  const box = e.getBoundingClientRect();
  const x = box.x + box.width / 2, y = box.y + box.height / 2;
  const hit = document.elementFromPoint(x, y);
  const label = target => (target?.ariaLabel || target?.labels?.[0]?.textContent || target?.textContent || target?.name || "").trim().replace(/\s+/g, " ").slice(0, 50);
  const control = hit?.closest("a, button, label, summary, input, select, textarea") ?? hit;
  const isAway = control?.localName === "a" && (control.origin !== location.origin || control.hasAttribute("download"));
  return { x, y, kind: e.localName + (e.type ? `[${e.type}]` : ""), label: label(e), skip: isAway || new RegExp(never, "i").test(label(control)) };
}

// What is wrong with the page as it stands. Runs in the page.
function wrong() {
  const shown = e => e.checkVisibility({ visibilityProperty: true });
  const found = [];
  if (![...document.querySelectorAll("h1")].some(e => shown(e) && e.textContent.trim() !== ""))
    found.push("it has no heading");
  if (![...document.querySelectorAll("a[href], button:enabled, input:enabled, select:enabled, textarea:enabled, summary")].some(shown))
    found.push("a dead end: nothing can have the focus");
  return found;
}

const BOTH = `() => [...(${wrong})(), ...(${unfit})()]`; // in one call: it is made for each action

export class Roamer {
  // paths: where they may go; never: a pattern of labels that they do not click; stay(): called when they were led to where stays(url) is
  // not true, to bring them back
  constructor(page, { seed, paths, never = "$^", isHere = url => url.origin === ORIGIN, comeBack, watch }) {
    page.context().on("page", other => other.close().catch(() => {})); // a link that opens a tab of its own
    Object.assign(this, { page, seed, paths, never, isHere, comeBack, watch, next: random(seed), did: [], visited: new Set() });
  }

  pick(from) {
    return from[Math.floor(this.next() * from.length)];
  }

  note(what) {
    this.did.push(what);
  }

  async go() {
    const path = this.pick(this.paths);
    this.note(`open ${path}`);
    await this.page.goto(path);
  }

  async aim(kinds) {
    const found = await isolated(this.page, aim, { at: this.next(), kinds, never: this.never });
    return found === null || found.skip ? null : found;
  }

  async click() {
    const target = await this.aim("a[href], button, summary, label, input, select, textarea, [tabindex]:not([tabindex='-1'])");
    if (target === null || target.kind === "input[file]")
      return;
    this.note(`click ${target.kind} "${target.label}"`);
    await this.page.mouse.click(target.x, target.y);
  }

  async type() {
    const target = await this.aim("input:not([type=checkbox], [type=radio], [type=file], [type=range]), textarea");
    if (target === null)
      return this.click();
    const text = this.pick(TEXTS);
    this.note(`type ${JSON.stringify(text.slice(0, 30))} into ${target.kind} "${target.label}"`);
    await this.page.mouse.click(target.x, target.y);
    await this.page.keyboard.insertText(text);
  }

  async choose() {
    const target = await this.aim("select");
    if (target === null)
      return this.click();
    this.note(`choose in "${target.label}"`);
    await this.page.mouse.click(target.x, target.y);
    await this.page.keyboard.press(this.pick(["ArrowDown", "ArrowUp", "Home", "End"]));
    await this.page.keyboard.press("Enter");
  }

  async press() {
    const key = this.pick(KEYS);
    const focus = await isolated(this.page, () => {
      const e = document.activeElement;
      return { label: (e?.ariaLabel || e?.textContent || "").trim().slice(0, 50), away: e?.localName === "a" && (e.origin !== location.origin || e.hasAttribute("download")) };
    });
    if (["Enter", "Space"].includes(key) && (focus.away || new RegExp(this.never, "i").test(focus.label)))
      return;
    this.note(`press ${key} on "${focus.label}"`);
    await this.page.keyboard.press(key);
  }

  async resize() {
    const [width, height] = this.pick(SIZES);
    this.note(`resize to ${width}`);
    await this.page.setViewportSize({ width, height });
  }

  async back() {
    this.note("back");
    await this.page.goBack({ waitUntil: "commit" });
  }

  async reload() {
    this.note("reload");
    await this.page.reload({ waitUntil: "commit" });
  }

  // One action, by its share of a hundred.
  async act() {
    let at = this.next() * 100;
    for (const [share, name] of [[45, "click"], [22, "type"], [5, "choose"], [16, "press"], [5, "go"], [3, "back"], [2, "reload"], [2, "resize"]])
      if ((at -= share) < 0)
        return this[name]();
  }

  // Until the page is as a page must be, or too long.
  async settle() {
    const end = Date.now() + SETTLE_MS;
    for (;;) {
      let found;
      try {
        if (!this.isHere(new URL(this.page.url()))) {
          this.note(`(led to ${this.page.url().slice(0, 80)}, and back)`);
          await this.comeBack();
        }
        found = await isolated(this.page, BOTH);
      } catch (error) {
        found = [String(error.message)]; // it is just being left
      }
      if (found.length === 0)
        return;
      if (Date.now() > end)
        throw new Error(found.join("\n"));
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  }

  async run(actions) {
    try {
      await this.go();
      for (let n = 0; n < actions; n++) {
        await this.act().catch(error => {
          if (!/context|navigat|interrupted|Target|ERR_ABORTED/i.test(error.message))
            throw error; // else the page was being left meanwhile
        });
        await this.settle();
        this.visited.add(new URL(this.page.url()).pathname);
        const faults = this.watch.now();
        if (faults.length > 0)
          throw new Error(faults.join("\n"));
      }
    } catch (error) {
      error.message = `seed ${this.seed}, after ${this.did.length} actions, at ${this.page.url()}: ${error.message}\nThe last of them:\n  ${
        this.did.slice(-LAST).join("\n  ")}`;
      error.stack = `${error.name}: ${error.message}`;
      throw error;
    }
  }
}
