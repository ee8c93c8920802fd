// Each call of each page, failing in each way that there is (lib/faulty.mjs): it is said at its place, what was typed stays, and the page goes on.
// The ways are drawn by the date, one for each call; with MARKETINGCLI_ERRORS=5 it is five of them, with MARKETINGCLI_ERRORS=99 all.

import { Faulty, TYPES } from "./lib/faulty.mjs";
import { assert, test } from "./lib/test.mjs";

const OF_EACH = Number(process.env.MARKETINGCLI_ERRORS ?? 1);
const DAY = Math.floor(Date.now() / 86400_000);
const LATER = "2030-01-01T10:00:00Z", BEFORE = "2026-11-02T10:00:00Z", ID = "01a21e6f-1a3f-7266-b295-63ee723b6772";

// Of these types, those that are taken for the nth call.
function drawn(n, types) {
  return types.slice(0, OF_EACH).map((_, i) => types[(n * 7 + DAY + i * 3) % types.length]);
}

// Another page of the dashboard, without loading it anew.
async function go(page, path) {
  await page.evaluate(path => {
    history.pushState(null, "", path);
    dispatchEvent(new PopStateEvent("popstate"));
  }, path);
}

const main = page => page.locator("#main");
const dialog = (page, name) => page.getByRole("dialog", { name });

// A page with time of its own, and its calls in our hands.
async function opened(t, user) {
  const page = await t.page(null, { user });
  await page.clock.install();
  await page.goto("/dashboard/nowhere");
  await main(page).getByRole("heading").waitFor();
  return { page, faulty: await Faulty.over(t, page) };
}

// What of a page's first view may be missing: the page stands without it, and says nothing.
const WITHOUT = { "/accounts": /\/posts\?limit=50|\/accounts\/[0-9a-f-]+$/, "/posts/:id": /\/accounts\?|\/keys\?/, "/register": /\/privacy\/policy$/ };
const OF_READS = ["malformed", "signed out", "forbidden", "not there", "conflict", "too often", "fault", "busy", "no database", "a proxy's 403", "a proxy's 502",
  "a proxy's 503 until a date", "a proxy's 504", "a proxy's 200", "another's JSON", "half of a success", "half of an error", "another's error", "cut", "silence"];

const headings = page => main(page).locator("h1, h2, h3").allInnerTexts();

// What the page asks for until it is there.
async function calls(page, faulty, path) {
  const asked = new Set();
  await go(page, "/dashboard/nowhere");
  await faulty.until(() => faulty.open.size === 0, () => "the page before goes on asking");
  const note = r => r.resourceType() === "fetch" && asked.add(`${r.method()} ${r.url().slice(new URL(r.url()).origin.length)}`);
  page.on("request", note);
  await go(page, path);
  await faulty.quiet(path);
  await faulty.until(() => faulty.open.size === 0, () => `${path} asks for ${[...asked]}`);
  await faulty.quiet(path);
  page.off("request", note);
  return [...asked];
}

async function oneRead(page, faulty, { route, path, call, type, stands, user }) {
  await go(page, "/dashboard/nowhere");
  faulty.fail(call, type);
  await go(page, path);
  if (WITHOUT[route]?.test(call)) {
    await faulty.until(() => faulty.met > 0, () => "it was not asked for");
  } else {
    if (user !== null && TYPES[type].asks !== undefined) {
      await dialog(page, TYPES[type].asks).waitFor();
      await page.keyboard.press("Escape");
    }
    await faulty.told(main(page).getByRole("alert"), type);
  }
  faulty.pass();
  const again = main(page).getByRole("button", { name: "Try again" });
  await faulty.until(async () => {
    await faulty.quiet(type);
    if (await again.count() > 0)
      await again.first().click({ timeout: 1000 }).catch(() => {}); // it has gone by itself
    return await again.count() === 0;
  }, () => "there is always something to be tried again");
  await faulty.quiet(type);
  await faulty.until(async () => JSON.stringify(await headings(page)) === JSON.stringify(stands), () => `it does not become what it was, ${stands}`);
  assert.equal(await main(page).getByRole("alert").filter({ hasText: /\w/ }).count(), 0);
}

async function reads(t, user, pages, first) {
  const { page, faulty } = await opened(t, user);
  const wrong = [];
  let n = first;
  if (user !== null) // a draft, of which a photo is asked for
    await page.evaluate(([user, id]) => localStorage.setItem(`draft.${user}.live`, JSON.stringify({ title: "Kept", uploads: [id] })), [user.id, ID]);
  for (const { route, path, worlds = {} } of pages) {
    faulty.has(worlds);
    const asked = await calls(page, faulty, path), stands = await headings(page);
    const isSame = how => faulty.until(async () => JSON.stringify(await headings(page)) === JSON.stringify(stands), () => `${path} is another ${how}, not ${stands}`);
    await page.reload();
    await isSame("after a reload").catch(error => wrong.push(error.message));
    await go(page, "/dashboard/nowhere");
    await page.goBack();
    await isSame("on the way back").catch(error => wrong.push(error.message));
    for (const call of asked)
      for (const type of drawn(n++, OF_READS))
        await oneRead(page, faulty, { route, path, call, type, stands, user }).catch(error => wrong.push(`${route}, ${call}, ${type}: ${error.message}`));
  }
  assert.deepEqual(wrong, []);
  return n;
}

test("what does not come to a page is told there, and can be asked for again", async t => {
  const ada = await t.user({ connected: true });
  const post = await t.post(ada);
  const look = await t.page("/dashboard/nowhere", { user: ada });
  const table = await look.evaluate(async () => (await import("/dashboard/routes.js")).routes.map(({ path, who }) => ({ path, who })));
  const [key] = (await t.asSession(look, "GET", "/keys")).body.data, ids = { "/posts/:id": post.id, "/keys/:id": key.id };
  const of = who => table.filter(r => r.who === who).map(r => ({ route: r.path, path: "/dashboard" + r.path.replace(":id", ids[r.path]) }));
  await t.close(look);
  let n = await reads(t, ada, of("session"), 0);
  const receipt = { receipt: ID, state: "done", cancel_until: null, asked_at: BEFORE, ended_at: BEFORE, steps: [], remains: [], tiktok_accounts: 0, tiktok_revoked: 0,
    posts_at_tiktok: 0, posts_unknown: 0 };
  n = await reads(t, null, [...of("guest"), { route: "/receipts/:receipt", path: "/dashboard/receipts/" + ID,
    worlds: { [`GET /api/v1/privacy/erasure/${ID}`]: receipt } }], n);
  assert(n > 30, `only ${n} calls`);
});

const button = (name, at = "#main") => page => page.locator(at).getByRole("button", { name, exact: true }).first().click();
// A button of the page, and then one of the dialog that asks.
const asked = (name, yes) => async page => {
  await main(page).getByRole("button", { name, exact: true }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: yes, exact: true }).click();
};
const inDialog = name => button(name, "dialog");
const section = name => `section[aria-labelledby=${name}]`;

const TOTP = "GET /api/v1/auth/totp", ON = { [TOTP]: { enabled: true, enabled_at: BEFORE, recovery_codes_left: 9 } };
const SESSIONS = { "GET /api/v1/auth/sessions": [true, false].map((current, i) => ({ id: ID.slice(0, -1) + i, created_at: BEFORE, last_seen_at: BEFORE, expires_at: LATER, current })) };
const NO_PLACE_FOR = ["signed out", "password again"]; // who is not signed in is not asked to do so again

// What changes something. call: that is asked; path: of its page; worlds: what the page finds there; open: what comes before the first try; typed: into which fields,
// and must still be there; send: what is pressed; at: where the error must stand; field: of the API, which is shown there. isLook: nobody need fear that it was
// done, because it is asked again with its key or changes nothing. not: types that mean something else here. then: what is said once it has worked; after: how to leave that.
const changes = ({ post, key, ada, billing, erasure }) => [
  { path: "/settings", call: "PATCH /api/v1/me", typed: { "Your name": "Ada Lovelace" }, send: button("Save"), at: section("name"), field: "name", then: "Your name is saved" },
  { path: "/settings", call: "POST /api/v1/auth/change-email", typed: { "New address": `new.${ada.email}` }, send: button("Change the address"), at: section("email"), field: "email",
    then: "A link is on its way to" },
  { path: "/settings", call: "DELETE /api/v1/auth/change-email", worlds: { "GET /api/v1/auth/change-email": { waiting: { email: "new@example.com", created_at: BEFORE } } },
    send: button("Stop this change"), at: section("email"), then: "Your address stays as it is" },
  { path: "/settings", call: "POST /api/v1/auth/change-password", typed: { "Password until now": ada.password, "New password": "seven copper walruses" }, send: button("Change the password"),
    at: section("password"), field: "new_password" },
  { path: "/settings/security", call: "POST /api/v1/auth/totp", send: button("Set up an app"), at: section("factor") },
  { path: "/settings/security", call: "POST /api/v1/auth/totp/confirm", worlds: { "POST /api/v1/auth/totp": { secret: "ABCDEFGH", otpauth_uri: "otpauth://totp/x?secret=ABCDEFGH" } },
    open: button("Set up an app"), typed: { "Code that the app shows now": "123456" }, send: button("Switch on"), at: section("factor"), field: "code" },
  { path: "/settings/security", call: "POST /api/v1/auth/totp/recovery-codes", worlds: ON, send: asked("New recovery codes", "New recovery codes"), at: section("factor") },
  { path: "/settings/security", call: "DELETE /api/v1/auth/totp", worlds: ON, send: asked("Switch off", "Switch off"), at: section("factor") },
  { path: "/settings/security", call: "DELETE /api/v1/auth/sessions/*", worlds: SESSIONS, send: page => page.getByRole("button", { name: /^End the session/ }).click(), at: section("sessions") },
  { path: "/settings/security", call: "DELETE /api/v1/auth/sessions", worlds: SESSIONS, send: asked("End all others", "End all others"), at: section("sessions") },
  { path: "/settings/notifications", call: "PATCH /api/v1/me/notifications", send: page => page.getByRole("switch", { name: "A post has failed" }).click(), at: section("kinds"), then: "Saved." },
  { path: "/accounts", call: "GET /api/v1/accounts?limit=1", isLook: true, send: page => page.locator("#main a[role=button]", { hasText: "Connect another account" }).click(), at: "#told" },
  { path: "/accounts", call: "DELETE /api/v1/accounts/*", open: button(`Disconnect @${ada.username}`), send: inDialog("Disconnect"), at: "dialog" },
  { path: "/accounts", isTest: true, call: "POST /api/v1/sandbox/accounts", isLook: true, send: button("Make a test account"), at: ".try", field: "post_block" },
  { path: "/keys/new", call: "POST /api/v1/keys", isLook: true, typed: { Name: "Once", "Posts a day": "7" }, send: button("Make the key"), at: "#main form", field: "name", then: "Copy the key now", after: button("I have copied it") },
  { path: `/keys/${key}`, call: "PATCH /api/v1/keys/*", typed: { Name: "Another name" }, send: button("Save"), at: "#main section:has([name=name])", field: "name", then: "Saved." },
  { path: `/keys/${key}`, call: "POST /api/v1/keys/*/rotate", isLook: true, send: button("Make a new secret"), at: "#main section:has([name=overlap])", field: "overlap_sec" },
  { path: `/keys/${key}`, call: "DELETE /api/v1/keys/*", send: asked("Revoke the key", "Revoke the key"), at: "#main", not: ["not there"] },
  { path: "/billing", call: "POST /api/v1/billing/checkout", open: button("Buy small"), send: inDialog("Go to Stripe"), at: "dialog", field: "accepted_terms", of: "Read the terms, then tick this." },
  { path: "/billing", call: "POST /api/v1/billing/portal", worlds: { "GET /api/v1/billing": billing }, send: button("Open Stripe"), at: "#main section:has(button)" },
  { path: "/privacy", call: "POST /api/v1/privacy/export", isLook: true, send: button("Download everything"), at: "#main" },
  { path: "/privacy/delete", call: "POST /api/v1/privacy/erasure", typed: { "to confirm": ada.email }, send: asked("Delete my account", "Yes, delete it"), at: "#main form", field: "confirm",
    unknown: "Contact was lost, and nothing has been deleted. Try again." },
  { path: "/privacy/delete", call: "DELETE /api/v1/privacy/erasure", worlds: { "GET /api/v1/privacy/erasure": { ...erasure, erasure: { state: "waiting", cancel_until: LATER, receipt: ID } } },
    send: button("Keep my account"), at: "#main form" },
  ...[["cancel", { status: "queued" }, "Cancel the post", "Cancel the post"], ["approve", { status: "awaiting_approval", awaiting_until: LATER }, "Approve and send", "Approve and send"],
    ["refuse", { status: "awaiting_approval", awaiting_until: LATER }, "Refuse", "Refuse it"],
    ["retry", { status: "failed", ended_at: BEFORE, failure: { code: "internal", message: "It failed.", platform_error: null } }, "Send it again", "Send it again"]]
    .map(([verb, more, open, yes]) => ({ path: `/posts/${post.id}`, call: `POST /api/v1/posts/*/${verb}`, open: button(open), send: inDialog(yes), at: "dialog",
      worlds: { [`GET /api/v1/posts/${post.id}`]: { ...post, failure: null, ended_at: null, held_until: null, next_attempt_at: null,
        images: post.images.map(i => ({ ...i, deleted_at: null, delete_due_at: null })), ...more } } })),
  { path: "/", call: "POST /api/v1/auth/logout", isLook: true, send: page => page.getByRole("button", { name: "Sign out" }).first().click(), at: "#told", not: NO_PLACE_FOR },
  { path: "/posts/new", call: "POST /api/v1/accounts/*/posts", isLook: true, typed: { Title: "Harbour", Description: "two\nlines" }, send: button("Publish"), at: ".compose-send", field: "title", fieldAt: "#compose-title-said",
    async open(page, t) {
      await page.locator("#compose-privacy:enabled").selectOption("SELF_ONLY");
      await page.locator("#compose-files").setInputFiles(await t.photos(1));
      await page.locator("li.slide[data-state=kept]").waitFor();
    } },
];

const ofGuests = ({ email }) => [
  { path: "/sign-in", call: "POST /api/v1/auth/login", typed: { "Email address": email, Password: "seven copper walruses" }, send: button("Sign in"), field: "email" },
  { path: "/sign-in", call: "POST /api/v1/auth/login/code", worlds: { "POST /api/v1/auth/login": { status: "code_required", sign_in_token: "a" } },
    async open(page) {
      await page.getByLabel("Email address").fill(email);
      await page.getByLabel("Password").fill("seven copper walruses");
      await button("Sign in")(page);
    }, typed: { Code: "123456" }, send: button("Continue"), field: "code" },
  { path: "/register", call: "POST /api/v1/auth/register", typed: { "Email address": email, "Your name": "Ada" }, send: button("Register"), field: "email", then: "A link is on its way to" },
  { path: "/register", call: "POST /api/v1/auth/resend-verification", worlds: { "POST /api/v1/auth/register": {} },
    async open(page) {
      await page.getByLabel("Email address").fill(email);
      await button("Register")(page);
    }, send: button("Send it again"), then: "It was sent again" },
  { path: "/forgot-password", call: "POST /api/v1/auth/forgot-password", typed: { "Email address": email }, send: button("Mail me the link"), field: "email", then: "A link is on its way" },
].map(row => ({ at: "#main form", isLook: true, not: NO_PLACE_FOR, ...row }));

// What comes after the answer that asks for a sign-in or a password: the same request, which fails in another way.
const AFTER = "too often";

// The row's page, ready for a try.
async function ready(t, page, faulty, row) {
  faulty.pass();
  if (await page.getByRole("dialog").count() > 0)
    await page.keyboard.press("Escape");
  await page.evaluate(mode => sessionStorage.setItem("mode", mode), row.isTest ? "test" : "live");
  await go(page, "/dashboard/nowhere");
  await go(page, "/dashboard" + row.path);
  await faulty.quiet(row.path);
  await row.open?.(page, t);
  for (const [label, text] of Object.entries(row.typed ?? {}))
    await main(page).getByLabel(label).fill(text);
}

async function oneChange(page, faulty, row, type, user) {
  const place = page.locator(row.at).first(), isAsked = TYPES[type].asks !== undefined;
  const details = [{ code: "other", param: row.field ?? null, message: "Wrong in this field." }, { code: "another", param: null, message: "Wrong in no field." }];
  faulty.fail(row.call, type, { then: isAsked ? AFTER : type, ...(type === "at fields" && { details }) });
  await row.send(page);
  if (isAsked) {
    await dialog(page, TYPES[type].asks).getByLabel("Password").fill(user.password);
    await dialog(page, TYPES[type].asks).getByRole("button", { name: "Continue" }).click();
  }
  const isUnknown = ["fault", "not known", "cut", "silence"].includes(type) || TYPES[type].answer?.status !== undefined;
  if (type === "at fields")
    for (const [at, sentence] of [[row.fieldAt === undefined ? place : page.locator(row.fieldAt), row.of ?? details[0].message], [place, details[1].message]])
      await faulty.told(at, type, { sentence });
  else
    await faulty.told(place, isAsked ? AFTER : type, { isChange: !row.isLook, ...(isUnknown && row.unknown && { sentence: row.unknown }) });
  if (type === "fault" && row.unknown === undefined)
    await place.getByText("name the request").first().waitFor();
  for (const [label, text] of Object.entries(row.typed ?? {}))
    assert.equal(await main(page).getByLabel(label).inputValue(), text, label);
}

async function changed(t, page, faulty, rows, user, first) {
  const wrong = [];
  for (const [n, row] of rows.entries()) {
    faulty.has({ ...row.worlds, "POST /api/v1/auth/login": row.worlds?.["POST /api/v1/auth/login"] ?? {}, "POST /api/v1/auth/confirm": {} });
    const types = drawn(first + n, Object.keys(TYPES).filter(type => !row.not?.includes(type)));
    const isRight = (what, promise) => promise.then(() => true, error => !wrong.push(`${row.path}, ${row.call}, ${what}: ${error.message}`));
    let isReady = false;
    for (const type of types) {
      isReady ||= await isRight("opened", ready(t, page, faulty, row));
      isReady &&= await isRight(type, oneChange(page, faulty, row, type, user)); // what failed may have left something behind
    }
    faulty.pass();
    if (row.then !== undefined && isReady)
      await isRight("at last", row.send(page).then(() => page.getByText(row.then).first().waitFor()).then(() => row.after?.(page)));
  }
  assert.deepEqual(wrong, []);
}

test("what could not be done is told where it was asked for, and nothing typed is lost", async t => {
  const ada = await t.user({ connected: true });
  const sent = await t.post(ada), post = (await t.api(ada, "GET", "/posts/" + sent.id)).body.data;
  const { page, faulty } = await opened(t, ada);
  const [{ id: key }] = (await t.asSession(page, "GET", "/keys")).body.data;
  const billing = { ...(await t.asSession(page, "GET", "/billing")).body.data, status: "active", source: "subscription" };
  const erasure = (await t.asSession(page, "GET", "/privacy/erasure")).body.data;
  const rows = changes({ post, key, ada, billing, erasure });
  await changed(t, page, faulty, rows, ada, 0);
  const guest = await opened(t, null);
  await changed(t, guest.page, guest.faulty, ofGuests({ email: `errors.${Date.now()}@example.com` }), null, rows.length);
});

test("an image that does not arrive is told, and comes after all", async t => {
  const ada = await t.user({ connected: true });
  const { page, faulty } = await opened(t, ada);
  const call = "POST /api/v1/uploads", again = main(page).getByRole("button", { name: "Try again" }), slide = main(page).locator("li.slide");
  await go(page, "/dashboard/posts/new");
  await main(page).locator("#compose-privacy:enabled").waitFor();
  faulty.fail(call, "forbidden");
  await main(page).locator("#compose-files").setInputFiles(await t.photos(1));
  await faulty.told(main(page).getByRole("alert"), "forbidden");
  for (const type of ["malformed", "a proxy's 403"]) { // these are about no image: nothing goes on by itself
    faulty.fail(call, type);
    await again.click();
    await faulty.told(main(page).getByRole("alert"), type);
  }
  for (const type of ["cut", "busy", "no room", "too often", "a proxy's 502", "half of a success"]) {
    faulty.fail(call, type);
    await again.click();
    await faulty.until(async () => faulty.met > 0 && await slide.getByText("Interrupted. It goes on by itself.").isVisible(), () => `${type} is not told`, true);
  }
  faulty.pass();
  await again.click({ timeout: 2000 }).catch(() => {}); // it has gone on by itself
  await main(page).locator("li.slide[data-state=kept]").waitFor();
  assert.equal((await t.api(ada, "GET", "/uploads")).body.data.length, 1);
});
