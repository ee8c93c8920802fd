// The pages without a dashboard around them: what mails lead to, and what strangers see.

import { Faulty } from "./lib/faulty.mjs";
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

test("an answer to a mailed link that is none is told, and it can be sent again", async t => {
  const page = await t.page();
  await page.clock.install();
  await page.goto("/verify-email#abc");
  const faulty = await Faulty.over(t, page), call = "POST /api/v1/auth/verify-email", result = page.locator("#result.failed");
  await page.getByLabel("Password").fill("correct horse battery staple");
  for (const type of ["a proxy's 200", "another's JSON", "half of a success", "half of an error", "a proxy's 502", "not known", "cut", "silence"]) {
    faulty.fail(call, type);
    await page.getByRole("button").click();
    await faulty.told(result, type, { sentence: "Contact was lost while this was being done." });
    await page.locator("button:enabled").waitFor();
    assert.equal(await page.getByLabel("Password").inputValue(), "correct horse battery staple", type);
  }
  for (const [type, sentence] of [["busy", "Too much is going on. Try again in 40 seconds."], ["too often", "Too much is going on. Try again in 90 seconds."],
    ["at fields", "A word is missing. Another one, too."], ["fault", "Something went wrong on our side."]]) {
    const details = [{ code: "a", param: "password", message: "A word is missing." }, { code: "b", param: null, message: "Another one, too." }];
    faulty.fail(call, type, type === "at fields" ? { details } : {});
    await page.getByRole("button").click();
    await faulty.told(result, type, { sentence });
  }
  faulty.pass();
  t.expects(page, call, 400);
  await page.getByRole("button").click();
  await page.getByText("This link does not work, or not any more").waitFor();

  await page.goto("/unsubscribe#abc");
  for (const type of ["a proxy's 200", "half of an error", "cut", "silence"]) {
    faulty.fail("POST /api/v1/mail/unsubscribe", type);
    await page.getByRole("button").click();
    await faulty.told(result, type, { sentence: "The server is not answering right now." });
    await page.locator("button:enabled").waitFor();
  }
});
