// API keys: made, tried, changed, given a new secret, revoked.

import { execFileSync } from "node:child_process";
import { assert, test } from "./lib/test.mjs";

const CREATE = "POST /api/v1/keys";

// The line that the page shows, as somebody would paste it into a terminal.
function run(line) {
  return JSON.parse(execFileSync("sh", ["-c", line], { env: { ...process.env, CURL_CA_BUNDLE: process.env.NODE_EXTRA_CA_CERTS }, encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"] }));
}

const secret = page => page.locator("#secret").textContent();

test("a key is made with the keyboard alone, and its line works", async t => {
  const ada = await t.user({ key: false });
  const page = await t.page("/dashboard/keys", { user: ada });
  await page.getByText("You have no keys yet").waitFor();
  await t.look(page, "keys-empty");
  await t.tabTo(page, page.getByRole("button", { name: "New key" }));
  await page.keyboard.press("Enter");
  await page.getByLabel("Name").waitFor();
  await t.tabTo(page, page.getByLabel("Name"));
  await page.keyboard.type("My agent");
  await t.tabTo(page, page.getByLabel("See the usage"));
  await page.keyboard.press("Space");
  await t.tabTo(page, page.getByLabel("Posts a day"));
  await page.keyboard.type("10");
  await t.tabTo(page, page.getByRole("button", { name: "Make the key" }));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Copy the key now" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "secret-title");
  await t.inFourForms(page, "keys-secret");
  const told = run(await page.locator("#line").textContent());
  assert.equal(told.data.key.name, "My agent");
  assert.deepEqual(told.data.key.scopes, ["accounts:read", "posts:read", "posts:write", "uploads:write"]);
  assert.equal(told.data.key.budget.posts_per_day, 10);

  // Whoever leaves it by accident is asked before, whichever way it is.
  const address = page.url(), question = page.getByRole("dialog", { name: "Leave without the key?" });
  const ways = [["link", () => page.getByRole("link", { name: "Usage" }).click()], ["back", () => page.evaluate(() => history.back())],
    ["test data", () => page.getByLabel("Test data", { exact: true }).click()], ["sign out", () => page.getByRole("button", { name: "Sign out" }).click()]];
  for (const [way, leave] of ways) {
    await leave();
    await question.waitFor();
    if (way === "link")
      await t.look(page, "keys-leave");
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" }); // not only hidden: until then another wish to leave shares its answer
    await page.waitForURL(address);
  }
  assert.equal(await page.getByLabel("Test data", { exact: true }).isChecked(), false);
  const [closing] = await Promise.all([page.waitForEvent("dialog"), page.close({ runBeforeUnload: true })]);
  assert.equal(closing.type(), "beforeunload");
  await closing.dismiss();
  assert.equal(await page.locator("#line").count(), 1);
  await page.getByRole("button", { name: "I have copied it" }).click();
  await page.getByRole("heading", { name: "About it" }).waitFor();
  assert.equal(await page.locator("#secret").count(), 0);
  await page.reload();
  await page.getByRole("heading", { name: "My agent" }).waitFor();
  assert.ok(!(await page.content()).includes(told.data.key.prefix + "x") && !/mk_live_\w{20}/.test(await page.content()));
  await t.inFourForms(page, "key");
  await page.goBack();
  await page.getByRole("link", { name: "My agent" }).waitFor();
  await t.inFourForms(page, "keys");
});

test("all problems of a new key are shown at their fields, and nothing typed is lost", async t => {
  const ada = await t.user({ connected: true, key: false });
  const page = await t.page("/dashboard/keys/new", { user: ada });
  await page.getByLabel("Only these").check();
  await page.getByLabel("Posts a day").fill("many");
  await page.getByLabel("Works until").selectOption("date");
  await page.getByRole("button", { name: "Make the key" }).click();
  await page.getByText("Fill this in.").waitFor();
  await page.getByLabel("Last day").fill("2020-01-01");
  for (const box of await page.locator("[name=scopes]").all())
    await box.uncheck();
  t.expects(page, CREATE, 422);
  await page.getByRole("button", { name: "Make the key" }).click();
  await page.getByText("This time has passed").waitFor();
  assert.deepEqual(await page.evaluate(() => [...new Set([...document.querySelectorAll("#main [aria-invalid=true]")].map(e => e.name))]),
    ["name", "scopes", "date", "account", "budget.posts_per_day"]);
  assert.equal(await page.evaluate(() => document.activeElement.name), "name");
  assert.equal(await page.getByLabel("Posts a day").inputValue(), "many");
  await t.inFourForms(page, "keys-new-refused");
  await page.getByLabel("Name").fill("Narrow");
  await page.locator("[name=scopes]").first().check();
  await page.getByLabel("Works until").selectOption("30");
  await page.getByLabel("Posts a day").fill("3");
  await page.locator("[name=account]").first().check();
  await page.getByLabel("Who may see").selectOption("SELF_ONLY");
  await page.getByLabel("You approve each").check();
  await page.getByRole("button", { name: "Make the key" }).click();
  const key = await secret(page);
  const { body } = await t.api({ key }, "GET", "/me");
  const { posts_left, resets_at, ...budget } = body.data.key.budget;
  assert.deepEqual(budget, { accounts: [ada.account], posts_per_day: 3, max_privacy_level: "SELF_ONLY", needs_approval: true });
});

test("errors of a new key are told, and an answer that was lost makes no second key", async t => {
  const ada = await t.user({ key: false });
  const page = await t.page("/dashboard/keys/new", { user: ada });
  const send = page.getByRole("button", { name: "Make the key" });
  await page.getByLabel("Name").fill("Once");
  for (const [code, more, text] of [["too_many", {}, null], ["rate_limited", { headers: { "Retry-After": "90" } }, "Try again in 90 seconds."],
    ["keys_a_day_too_many", {}, null], [413, {}, "The server gave an answer that makes no sense here (413)"]]) {
    await t.inject(page, CREATE, code, more);
    await send.click();
    const alert = page.locator("#main form [role=alert]");
    await (text === null ? alert.locator("p").first() : alert.getByText(text)).waitFor();
    assert.equal(await page.getByLabel("Name").inputValue(), "Once");
  }
  let lost = 1; // the first is made, and its answer never comes
  await page.route("**/api/v1/keys", async route => {
    if (route.request().method() !== "POST" || lost-- !== 1)
      return route.fallback();
    await route.fetch();
    await page.getByRole("link", { name: "Usage" }).click(); // it may come yet
    await page.getByRole("dialog").getByRole("button", { name: "Stay here" }).click();
    await route.abort("connectionreset");
  });
  t.expects(page, CREATE, "failed");
  await send.click();
  await page.getByText("contact was lost before it could be shown").waitFor();
  const keys = (await t.asSession(page, "GET", "/keys")).body.data;
  assert.deepEqual(keys.map(k => k.name), ["Once"]);
  await page.getByRole("button", { name: "Make a new secret" }).click();
  assert.equal((await t.api({ key: await secret(page) }, "GET", "/me")).status, 200);
});

test("a key is changed, given a new secret, and revoked", async t => {
  const ada = await t.user({ connected: true });
  const page = await t.page("/dashboard/keys", { user: ada });
  await page.locator(".list a").first().click();
  const name = page.getByLabel("Name");
  await name.fill("Another name");
  await page.getByLabel("Only these").check();
  await page.locator("[name=account]").first().check();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { level: 1, name: "Another name" }).waitFor();
  const [before] = (await t.asSession(page, "GET", "/keys")).body.data;
  assert.deepEqual([before.name, before.budget.accounts], ["Another name", [ada.account]]);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Nothing was changed.").waitFor();

  // More than before: after ten minutes, that needs the password.
  await t.sql("UPDATE sessions SET created_at_us = created_at_us - 3600000000 WHERE user_id = %s", ada.id);
  t.expects(page, "PATCH /api/v1/keys/*", 403);
  await t.tabTo(page, page.locator("[name=whose]:checked"));
  await page.keyboard.press("ArrowUp"); // to "All, also those that you connect later"
  await t.press(page, page.getByRole("button", { name: "Save" }));
  await page.getByRole("dialog").getByLabel("Password").fill(ada.password);
  await page.keyboard.press("Enter");
  await page.getByText("Saved.").waitFor();
  assert.equal((await t.asSession(page, "GET", "/keys")).body.data[0].budget, null);

  await t.tabTo(page, page.getByLabel("The present secret"));
  await page.keyboard.type("stops");
  await t.press(page, page.getByRole("button", { name: "Make a new secret" }));
  const key = await secret(page);
  assert.equal((await t.api(ada, "GET", "/me")).body.error.code, "key_rotated");
  assert.equal((await t.api({ key }, "GET", "/me")).status, 200);
  await page.getByRole("button", { name: "I have copied it" }).click();

  await page.getByRole("button", { name: "Revoke the key" }).click();
  await page.getByRole("dialog").waitFor();
  await t.inFourForms(page, "key-revoke");
  await page.keyboard.press("Escape");
  assert.equal((await t.api({ key }, "GET", "/me")).status, 200);
  await t.inject(page, "DELETE /api/v1/keys/*", "busy");
  const revoke = async () => {
    await t.press(page, page.getByRole("button", { name: "Revoke the key" }).first());
    await t.press(page, page.getByRole("dialog").getByRole("button", { name: "Revoke the key" }));
  };
  await revoke();
  await page.locator("#main .problem").waitFor();
  await revoke();
  await page.getByText("You have no keys yet").waitFor();
  assert.equal((await t.api({ key }, "GET", "/me")).status, 401);
});

test("keys that have ended say so, and a key of test data is one", async t => {
  const ada = await t.user({ key: false });
  const page = await t.page("/dashboard/keys", { user: ada });
  await t.press(page, page.getByLabel("Test data"), "Space");
  await page.getByText("You see test data.").waitFor();
  await page.goto("/dashboard/keys/new");
  await page.getByLabel("Name").fill("Trying");
  await page.getByRole("button", { name: "Make the key" }).click();
  assert.match(await secret(page), /^mk_test_/);
  const id = (await t.asSession(page, "GET", "/keys")).body.data[0].id;
  await t.sql("UPDATE api_keys SET revoked_at_us = created_at_us, revoked_reason = 'seen_in_clear' WHERE id = %s", id);
  await page.goto("/dashboard/keys/" + id);
  await page.getByText("It was sent without encryption").waitFor();
  assert.equal(await page.getByRole("button", { name: "Save" }).count(), 0);
  await t.look(page, "key-ended");
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByText("You have no keys yet").waitFor();
  t.expects(page, "GET /api/v1/keys/*", 404);
  await page.goto("/dashboard/keys/" + id);
  await page.getByRole("alert").getByText("not").first().waitFor();
});
