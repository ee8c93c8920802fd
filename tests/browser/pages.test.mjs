// The pages without a dashboard around them: what mails lead to, and what strangers see.

import { assert, test } from "./lib/test.mjs";

test("pages that everybody may see", async t => {
  const page = await t.page();
  for (const path of ["/", "/change-password", "/verify-email", "/reset-password", "/change-email", "/undo-email", "/unsubscribe"]) {
    await page.goto(path);
    await t.inFourForms(page, path === "/" ? "start" : path.slice(1));
  }
  t.expects(page, "GET /nowhere", 404);
  await page.goto("/nowhere");
  await t.inFourForms(page, "not-found");
});

test("an address is confirmed with the keyboard alone", async t => {
  const email = `browser.${Date.now()}@example.com`;
  const page = await t.page("/");
  assert.equal((await t.asSession(page, "POST", "/auth/register", { email })).status, 202);
  const { link } = await t.letter(email);
  await page.goto(link);
  assert.equal(new URL(page.url()).hash, "");
  await t.tabTo(page, page.getByLabel("Password"));
  t.expects(page, "POST /api/v1/auth/verify-email", 422);
  await page.keyboard.type("short");
  await page.keyboard.press("Enter");
  await page.locator("#result.failed").waitFor();
  await t.inFourForms(page, "verify-email-refused");
  await t.inject(page, "POST /api/v1/auth/verify-email", "database_unavailable", { headers: { "Retry-After": "5" } });
  await page.keyboard.press("Enter");
  await page.getByText("The service cannot do this right now, and nothing was changed. Try again in 5 seconds.").waitFor();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("correct horse battery staple");
  await page.keyboard.press("Enter");
  await page.getByText("Your address is confirmed").waitFor();
  await t.inFourForms(page, "verify-email-done");
});
