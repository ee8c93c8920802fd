// What is held, the export, the deletion and its receipt.

import { readFile } from "node:fs/promises";
import { assert, test } from "./lib/test.mjs";

async function retyped(page, user) {
  await page.getByRole("dialog").getByLabel("Password").fill(user.password);
  await page.keyboard.press("Enter");
}

test("what is held is shown with its purpose", async t => {
  const ada = await t.user({ connected: true });
  await t.post(ada);
  const page = await t.page("/dashboard/privacy", { user: ada });
  await page.locator("details.held").first().waitFor();
  for (const group of await page.locator("details.held summary").all())
    await group.click();
  const item = name => page.locator("details.held .list > li").filter({ has: page.getByRole("heading", { name }) });
  await item("Email address").getByText("Account: 1 record, kept as long as the account exists.").waitFor();
  await item("Email address").getByText(/Registrations: .*kept for 7 days after/).waitFor();
  await item("Email address").getByText("Stripe").waitFor();
  await item("irreversible hash").getByText("nobody can read it").waitFor();
  await t.inFourForms(page, "privacy");
  await t.walk(page);
});

test("an export is downloaded whole", async t => {
  const ada = await t.user({ connected: true });
  await t.post(ada);
  const page = await t.page("/dashboard/privacy", { user: ada });
  await t.sql("UPDATE sessions SET created_at_us = created_at_us - 1200000000 WHERE user_id = %s", ada.id);
  t.expects(page, "POST /api/v1/privacy/export", 403);
  await t.tabTo(page, page.getByRole("button", { name: "Download everything" }));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Your password, please" }).waitFor();
  await t.inFourForms(page, "password-again");
  const [download] = await Promise.all([page.waitForEvent("download"), retyped(page, ada)]);
  assert.match(download.suggestedFilename(), /^export-\d{4}-\d\d-\d\d\.zip$/);
  const bytes = await readFile(await download.path());
  assert.equal(bytes.subarray(0, 4).toString("latin1"), "PK\x03\x04");
  assert(bytes.includes("SHA256SUMS") && bytes.includes("posts.json"));
  await page.getByText("It is complete").waitFor();
});

test("an export that takes minutes to begin is waited for", async t => {
  const ada = await t.user({ key: false });
  const page = await t.page(null, { user: ada });
  await page.clock.install();
  await page.goto("/dashboard/privacy");
  const asked = new Promise(done => {
    page.route("**/api/v1/privacy/export", done);
  });
  await page.getByRole("button", { name: "Download everything" }).click();
  const call = await asked;
  await page.clock.fastForward(500_000); // nginx waits for 600 s
  await Promise.all([page.waitForEvent("download"), call.fallback()]);
  await page.getByText("It is complete").waitFor();
});

test("why there is no export is said", async t => {
  const ada = await t.user();
  const page = await t.page("/dashboard/privacy", { user: ada });
  const button = page.getByRole("button", { name: "Download everything" });
  for (const [code, more, said] of [["exports_a_day_too_many", { headers: { "Retry-After": "7300" } }, /Try again in 3 hours\./],
    ["busy", { headers: { "Retry-After": "9" } }, /busy/i], [502, {}, /makes no sense here/], ["failed", {}, /no contact/]]) {
    await t.inject(page, "POST /api/v1/privacy/export", code, more);
    await button.click();
    await page.getByRole("alert").getByText(said).waitFor();
  }
  await t.inFourForms(page, "privacy-refused");
});

test("an account is deleted and leaves a receipt", async t => {
  const ada = await t.user({ connected: true });
  await t.post(ada);
  const page = await t.page("/dashboard/privacy", { user: ada });
  await t.tabTo(page, page.getByRole("link", { name: "What deleting means" }));
  await page.keyboard.press("Enter");
  await page.getByText("1 API key stops working.").waitFor();
  await page.getByText("1 post remains at TikTok.").waitFor();
  await t.inFourForms(page, "delete");
  const other = await t.tab(page, "/dashboard/keys");
  await page.evaluate(id => localStorage.setItem(`draft.${id}.live`, "{}"), ada.id);

  await t.tabTo(page, page.getByLabel(`Type your address, ${ada.email}, to confirm`));
  t.expects(page, "POST /api/v1/privacy/erasure", 422);
  await page.keyboard.type("somebody@example.com");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Yes, delete it" }).click();
  await page.locator("[aria-invalid=true]").waitFor();
  await page.locator("[aria-invalid=true]").fill(ada.email);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Delete the account?" }).waitFor();
  await t.inFourForms(page, "delete-sure");
  await t.tabTo(page, page.getByRole("button", { name: "Yes, delete it" }));
  await page.keyboard.press("Enter");

  await page.waitForURL("**/dashboard/receipts/*");
  await page.getByText("done", { exact: true }).waitFor();
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage)), []);
  await t.inFourForms(page, "receipt");
  await other.getByRole("heading", { name: "Sign in" }).waitFor();
  const stranger = await t.page(page.url());
  await stranger.getByText("done", { exact: true }).waitFor();
});

test("a deletion whose answer was lost is looked for", async t => {
  const ada = await t.user({ key: false });
  const page = await t.page("/dashboard/privacy/delete", { user: ada });
  await page.getByLabel("to confirm").fill(ada.email);
  const wish = async () => {
    await page.getByRole("button", { name: "Delete my account" }).click();
    await page.getByRole("button", { name: "Yes, delete it" }).click();
  };
  await t.inject(page, "POST /api/v1/privacy/erasure", "failed");
  await wish();
  await page.getByRole("alert").getByText("Contact was lost, and nothing has been deleted. Try again.").waitFor();
  t.expects(page, "GET /api/v1/privacy/erasure", 401);
  await page.route("**/api/v1/privacy/erasure", async call => {
    if (call.request().method() !== "POST")
      return call.fallback();
    await call.fetch();
    await call.abort("connectionreset");
  });
  await wish();
  await page.getByRole("heading", { name: "Your account is being deleted" }).waitFor();
  await page.getByText("The receipt comes by mail").waitFor();
  await t.look(page, "delete-lost");
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage)), []);
});

test("a receipt that is none says so", async t => {
  const page = await t.page();
  t.expects(page, "GET /api/v1/privacy/erasure/*", 404);
  await page.goto("/dashboard/receipts/01a21e6f-1a3f-7266-b295-63ee723b6772");
  await page.getByText("There is no such receipt.").waitFor();
  await t.look(page, "receipt-none");
});

test("a receipt is looked at until it is done, and no more often than a network may", async t => {
  const page = await t.page();
  await page.clock.install();
  let asked = 0, state = "waiting"; // of which no day is left
  await page.route("**/api/v1/privacy/erasure/*", call => {
    asked++;
    return call.fulfill({ json: { data: { receipt: "01a21e6f-1a3f-7266-b295-63ee723b6772", state, cancel_until: null, asked_at: "2026-11-02T10:00:00Z", ended_at: null, steps: [], remains: [],
      tiktok_accounts: 0, tiktok_revoked: 0, posts_at_tiktok: 0, posts_unknown: 0, waits_for: state === "done" ? null : "mail", waits_until: state === "done" ? null : "2026-11-03T10:00:00Z" }, meta: {} } });
  });
  await page.goto("/dashboard/receipts/01a21e6f-1a3f-7266-b295-63ee723b6772");
  await page.clock.runFor(10);
  await page.getByText("under way").waitFor();
  await page.getByText("our mail server has not taken yet").waitFor(); // or it would look as if nobody did anything
  for (let n = 0; n < 30; n++)
    await page.clock.runFor(2000);
  assert(asked > 1 && asked < 8, `${asked} in a minute`);
  await t.inject(page, "GET /api/v1/privacy/erasure/*", "rate_limited", { headers: { "Retry-After": "4" } });
  state = "done";
  const done = page.getByText("done", { exact: true });
  for (let n = 0; n < 60 && await done.count() === 0; n++)
    await page.clock.runFor(2000);
  await done.waitFor();
});

test("in the days of grace the account can be kept", async t => {
  const ada = await t.user();
  await t.ask("configure", { programs: ["privacy"], settings: { erasure_grace_days: 3 } });
  const page = await t.page("/dashboard/privacy/delete", { user: ada });
  await page.getByText("For 3 days you can still sign in").waitFor();
  await page.getByLabel("to confirm").fill(ada.email);
  await page.getByRole("button", { name: "Delete my account" }).click();
  await page.getByRole("button", { name: "Yes, delete it" }).click();
  await page.waitForURL("**/dashboard/receipts/*");

  await page.goto("/dashboard/sign-in");
  await page.getByLabel("Email address").fill(ada.email);
  await page.getByLabel("Password").fill(ada.password);
  t.watch(page).tolerate(fault => fault.kind === "refusal" && fault.status === 403); // whatever else a page asks
  await page.keyboard.press("Enter");
  await page.waitForURL(url => !url.pathname.endsWith("/sign-in"));
  await page.goto("/dashboard/privacy");
  await page.getByRole("heading", { name: "Your account will be deleted" }).waitFor();
  await t.inFourForms(page, "delete-waiting");
  await t.sql("UPDATE sessions SET created_at_us = created_at_us - 1200000000 WHERE user_id = %s", ada.id); // as if it were 20 minutes later
  await t.press(page, page.getByRole("button", { name: "Keep my account" }));
  await retyped(page, ada);
  await page.getByText("Your account stays.").waitFor();
});
