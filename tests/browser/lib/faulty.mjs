// Every way in which a call of a page can fail, given in the API's place (a proxy that stands between would do the same), and what the page
// must say of it then.
//
//   const faulty = await Faulty.over(t, page);
//   faulty.fail("PATCH /api/v1/me", "too often");   // from now on; faulty.pass() ends it
//   … press the button …
//   await faulty.told(page.locator("form"), "too often", { isChange: true });
//
// Time is the page's own meanwhile, so that nobody waits for what the page waits for.

import { answerOf } from "./inject.mjs";

const PAGE = "<html><h1>Something between us</h1></html>";
const page = (status, more = {}) => ({ status, headers: { "Content-Type": "text/html", ...more }, body: PAGE });
const json = (status, body) => ({ status, headers: { "Content-Type": "application/json" }, body });
const PATIENCE_MS = 15_000, STEP_MS = 500;
const REPEATS_MS = 5000; // that the page's pauses between its own tries take in all

// code: an answer of the API. answer: another one; or null, and the network is cut. asks: the dialog that comes first. passes: it may be repeated by
// the page itself, where it repeats. wait: seconds of a Retry-After.
export const TYPES = {
  malformed: { code: "bad_request" },
  "signed out": { code: "unauthenticated", asks: "Sign in again" },
  "password again": { code: "recent_auth_required", asks: "Your password, please" },
  forbidden: { code: "account_disabled" },
  "not there": { code: "not_found" },
  conflict: { code: "conflict" },
  "too large": { code: "body_too_large" },
  "wrong type": { code: "unsupported_media_type" },
  "at fields": { code: "validation_failed" },
  "too often": { code: "rate_limited", wait: 90 },
  fault: { code: "internal_error" },
  "not known": { code: "outcome_unknown" },
  busy: { code: "busy", wait: 40 },
  "no database": { code: "database_unavailable", wait: 3600 },
  "no room": { code: "store_full" },
  "a proxy's 403": { answer: page(403) },
  "a proxy's 413": { answer: page(413) },
  "a proxy's 502": { answer: page(502), passes: true },
  "a proxy's 503 until a date": { answer: page(503), until: 300 },
  "a proxy's 504": { answer: page(504), passes: true },
  "a proxy's 200": { answer: page(200), passes: true },
  "another's JSON": { answer: json(200, '{"status": "ok"}'), passes: true },
  "half of a success": { answer: json(200, '{"data": {"id": "01a2'), passes: true },
  "half of an error": { answer: json(500, '{"error": {"code": "internal_err') },
  "another's error": { answer: json(500, '{"error": "no"}') },
  cut: { answer: null, passes: true },
  silence: { answer: "never" },
};
const LATE_MS = 620_000; // more than any page waits

export class Faulty {
  static async over(t, page) {
    const made = new Faulty(t, page);
    const { errors } = await t.ask("tables");
    made.said = await page.evaluate(sentences, Object.entries(TYPES).map(([name, { code = null, answer, wait = null, until = null }]) => {
      const row = errors.find(e => e.code === code);
      return { name, code, message: row?.message, status: row?.status ?? answer?.status ?? 0, wait: wait ?? until };
    }));
    t.watch(page).tolerate(f => f.kind === "refusal" && made.given.has(`${f.method} ${f.path} ${f.status}`));
    await page.route(url => url.pathname.startsWith("/api/v1/"), call => made.answer(call));
    return made;
  }

  constructor(t, page) {
    Object.assign(this, { t, page, failing: null, met: 0, given: new Set(), worlds: new Map(), open: new Set() });
    page.on("request", r => r.resourceType() === "fetch" && this.open.add(r));
    for (const end of ["requestfinished", "requestfailed"])
      page.on(end, r => this.open.delete(r));
  }

  // What "GET /api/v1/auth/totp" gets while it does not fail, in place of the API's answer: { path: data }.
  has(worlds) {
    this.worlds = new Map(Object.entries(worlds));
  }

  // route: method and path, with its query or without; * stands for any part of a path. then: the type of what comes after the first answer. details: of
  // "at fields".
  fail(route, type, { then = type, details = [] } = {}) {
    const [method, path] = route.split(" ");
    const pattern = new RegExp(`^${path.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, "[^/?]*")}$`);
    this.failing = { method, pattern, hasQuery: path.includes("?"), types: [type, then], details };
    this.met = 0;
  }

  pass() {
    this.failing = null;
  }

  async answer(call) {
    const request = call.request(), { pathname, search } = new URL(request.url()), of = this.failing;
    if (of === null || request.method() !== of.method || !of.pattern.test(of.hasQuery ? pathname + search : pathname)) {
      const data = this.worlds.get(`${request.method()} ${pathname}`);
      return data === undefined ? call.fallback() : call.fulfill({ json: { data, meta: { request_id: "0", has_more: false } } });
    }
    const { code, answer, wait, until } = TYPES[of.types[Math.min(this.met++, 1)]];
    if (answer === "never")
      return;
    const made = code === undefined ? answer : await answerOf(code, { details: of.details, headers: wait === undefined ? {} : { "Retry-After": String(wait) } });
    this.given.add(`${request.method()} ${pathname} ${made?.status ?? "failed"}`);
    if (made === null)
      return call.abort("connectionreset");
    const now = until === undefined ? 0 : await this.page.evaluate(() => Date.now());
    await call.fulfill(until === undefined ? made : { ...made, headers: { ...made.headers, "Retry-After": new Date(now + until * 1000).toUTCString() } });
  }

  // Until is() is true. passes: what must not last is helped on.
  async until(is, what, passes = false) {
    const end = Date.now() + PATIENCE_MS;
    for (let spent = 0; !await is();) {
      if (Date.now() > end)
        throw new Error(`${what()}. There was: ${(await this.page.locator("#main, main, dialog, #told").allInnerTexts()).join(" | ").replace(/\s+/g, " ")}`);
      if (passes && spent < REPEATS_MS) {
        await this.page.clock.runFor(STEP_MS);
        spent += STEP_MS;
      } else {
        await new Promise(done => setTimeout(done, 10));
      }
    }
  }

  sentence(type, isChange) {
    return this.said[type][isChange ? "change" : "read"];
  }

  // The sentence of this type stands there, and nothing is loading. isChange: what was asked for may have been done all the same.
  async told(place, type, { isChange = false, sentence = this.sentence(type, isChange) } = {}) {
    if (TYPES[type].answer === "never") {
      await this.until(() => this.met > 0 && this.open.size === 1, () => `${this.met} asked, ${this.open.size} on their way`); // else others would be late, too
      await this.page.clock.fastForward(LATE_MS);
      await this.page.clock.setSystemTime(new Date());
    }
    await this.until(() => place.getByText(sentence).first().isVisible(), () => `${type}: it does not say "${sentence}"`, TYPES[type].passes);
    await this.quiet(type);
    if (this.met === 0)
      throw new Error(`${type}: nothing was asked`);
  }

  async quiet(type) {
    const busy = this.page.locator("#main [aria-busy=true], dialog [aria-busy=true]");
    await this.until(async () => await busy.count() === 0, () => `${type}: it goes on loading`, true);
  }
}

// What the page says of each: of what is only looked at, and of what is changed. Runs in the page.
async function sentences(types) {
  const { words } = await import("/dashboard/words/en/common.js");
  const of = ({ code, message, status, wait }, api) => {
    const text = code !== null ? words.said[code] ?? message : status === 0 ? api.noContact : api.unexpected(status);
    return wait !== null && [429, 503].includes(status) ? `${text} ${words.api.wait(wait)}` : text;
  };
  return Object.fromEntries(types.map(type => [type.name, { read: of(type, words.api), change: of(type, words.api.unknown) }]));
}
