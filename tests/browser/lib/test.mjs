// A test, and what it is given:
//
//   import { assert, test } from "./lib/test.mjs";
//
//   test("a key is made and shown once", async t => {
//     const ada = await t.user({ connected: true });
//     const page = await t.page("/dashboard/keys", { user: ada });
//     await page.getByRole("button", { name: "New key" }).click();
//     await t.inFourForms(page, "keys");
//   });
//
// A test begins a line, with its name in double quotes: the runner reads the names without running anything. Files share a stack, and
// run side by side: each test makes its own users. What every page is watched for is in watch.mjs: a test that means a refusal to happen
// says so with t.expects() or t.inject().

import nodeAssert from "node:assert/strict";
import path from "node:path";
import { ask } from "./ask.mjs";
import { consent, signIn } from "./flows.mjs";
import { inject } from "./inject.mjs";
import { tabTo, walk } from "./keyboard.mjs";
import { axe, FORMS, inFourForms, lookAround, screenshot } from "./look.mjs";
import { firstView, opened } from "./measure.mjs";
import { Watch } from "./watch.mjs";

export const assert = nodeAssert;
export const tests = new Map();
const ORIGIN = process.env.ORIGIN, SIMULATOR = process.env.SIMULATOR;
// How the dashboard knows that it need not ask who is signed in before somebody is (nginx/html/dashboard/app.js).
const SIGNED_IN = { cookies: [], origins: [{ origin: ORIGIN, localStorage: [{ name: "signed-in", value: "" }] }] };
const STEP_MS = 15_000; // Playwright's patience, for a machine that stands still now and then

export function test(name, run) {
  const file = path.basename(/\((file:.*?):\d+:\d+\)|(file:.*?):\d+:\d+$/m.exec(new Error().stack.split("\n")[2]).slice(1).find(Boolean));
  tests.set(`${file}: ${name}`, run);
}

export class T {
  constructor(browser, name) {
    Object.assign(this, { browser, name, url: ORIGIN, simulator: SIMULATOR, watches: [] });
  }

  // A page in a browser of its own (cookies, storage, cache). path: opened unless it is null; user: signed in first.
  async page(path = null, { user = null, width = 1440, height = 900, dark = false, reducedMotion = "reduce", ...more } = {}) {
    const context = await this.browser.newContext({
      baseURL: ORIGIN, viewport: { width, height }, colorScheme: dark ? "dark" : "light", reducedMotion, locale: "en-GB",
      timezoneId: "Europe/Dublin", ...(user && { storageState: SIGNED_IN }), ...more,
    });
    context.setDefaultTimeout(STEP_MS);
    this.watches.push(await Watch.over(context));
    if (user !== null)
      await signIn(context, user);
    return this.tab(context, path);
  }

  // One more tab beside a page (or in a context): the same cookies and storage.
  async tab(beside, path = null) {
    const context = beside.context?.() ?? beside;
    const page = await context.newPage();
    if (path !== null)
      await page.goto(path);
    return page;
  }

  // What is made from outside: see asks.py for what each takes and gives.
  ask(name, given) { return ask(name, given); }
  user(given) { return ask("user", given); }
  connect(user, given) { return ask("connect", { user: user.id, ...given }); }
  post(user, given) { return ask("post", { user: user.id, account: user.account, ...given }); }
  ended(user, id, states) { return ask("ended", { user: user.id, id, ...(states && { states }) }); }
  letter(to, given) { return ask("letter", { to, ...given }); }
  photos(count, given) { return ask("photos", { count, ...given }); }
  sql(text, ...values) { return ask("sql", { text, values }); }
  clock(seconds) { return ask("move_clock", { seconds }); }

  // A call of the API by itself, with the user's key: {status, body}.
  async api(user, method, path, body) {
    const answer = await fetch(ORIGIN + "/api/v1" + path, {
      method, body: body === undefined ? undefined : JSON.stringify(body),
      headers: { Authorization: `Bearer ${user.key}`, ...(body !== undefined && { "Content-Type": "application/json" }) },
    });
    return { status: answer.status, body: answer.status === 204 ? null : await answer.json() };
  }

  // A call of the API as the page's session: what a key may not do.
  async asSession(page, method, path, data) {
    const answer = await page.context().request.fetch(ORIGIN + "/api/v1" + path, { method, data, headers: { Origin: ORIGIN } });
    return { status: answer.status(), body: answer.status() === 204 ? null : await answer.json() };
  }

  // Fills in the simulator's page of consent, to which the page has gone, and comes back.
  consent(page, given) { return consent(page, given); }

  // The page's next calls of this route are answered with this error: see inject.mjs.
  inject(page, route, code, more) { return inject(page, route, code, more, this.watch(page)); }

  // Such an answer ("POST /api/v1/keys", 402), or that it fails on the way ("POST /api/v1/uploads", "failed"), is meant to come. * stands
  // for any part of a path. It fails the test that it does not come.
  expects(page, route, status) { this.watch(page).expects(route, status); }

  // A message of the console, or an error, that is meant to come, by a part of it.
  expectsMessage(page, part) { this.watch(page).expectsMessage(part); }

  watch(page) {
    return this.watches.find(w => w.context === (page.context?.() ?? page));
  }

  axe(page, more) { return axe(page, more); }
  look(page, name) { return lookAround(page, name); }
  inFourForms(page, name, fn) { return inFourForms(page, name, fn); }
  screenshot(page, name) { return screenshot(page, name); }
  tabTo(page, target, most) { return tabTo(page, target, most); }
  walk(page, most) { return walk(page, most); }

  // With the keyboard: there, and this key.
  async press(page, target, key = "Enter") {
    await tabTo(page, target);
    await page.keyboard.press(key);
  }

  firstView(page) { return firstView(page); }
  opened(page, path, more) { return opened(page, path, more); }

  // Nothing has moved while the page came, which nobody has touched yet.
  async steady(page) {
    const { shift, shifted } = await firstView(page);
    nodeAssert(shift < 0.001, `${page.url()} moved by ${shift}: ${shifted.join("\n")}`);
  }

  // Forgets a page's whole context, and what was noticed there. Only for tests of the frame: else it is the end that judges.
  async close(page) {
    await page.context().close();
    this.watches.splice(this.watches.indexOf(this.watch(page)), 1);
  }

  // The screen at the time of a failure.
  async keepView() {
    const pages = this.watches.flatMap(w => w.context.pages());
    for (const [i, page] of pages.entries())
      await screenshot(page, `failed-${this.name}-${i}`, { timeout: 5000 });
  }

  // Ends all of the test; returns what its pages did that they must not.
  async end() {
    const faults = [];
    for (const watch of this.watches) {
      await watch.context.close();
      faults.push(...watch.faults());
    }
    return faults;
  }
}

export { FORMS };
