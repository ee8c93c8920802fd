// TikTok accounts: connect and disconnect, what each state says to do, test accounts.

import { assert, test } from "./lib/test.mjs";

test("an account is connected by keyboard, and the page says so once", async t => {
  const ada = await t.user({ key: false });
  const page = await t.page("/dashboard/accounts", { user: ada });
  const connect = page.locator("main a[role=button]", { hasText: "Connect an account" });
  await t.tabTo(page, connect);
  await page.keyboard.press("Enter");
  const username = `acc.${ada.id.slice(-8)}`;
  await t.consent(page, { username });
  await page.getByRole("heading", { name: `@${username}` }).waitFor();
  await page.getByText(`@${username} is connected.`).waitFor();
  await page.getByText("You can post to it.").waitFor();
  assert.equal(new URL(page.url()).search, "");
  await t.inFourForms(page, "accounts");
  await page.reload();
  await page.getByText("You can post to it.").waitFor();
  assert.equal(await page.getByText("is connected.").count(), 0);
  // And a no at TikTok.
  await page.locator("main a[role=button]", { hasText: "Connect another account" }).click();
  await t.consent(page, { decision: "deny" });
  await page.getByRole("alert").getByText("You said no at TikTok").waitFor();
});

test("each state of an account says what to do next", async t => {
  const ada = await t.user({ connected: true });
  const byOne = page => page.route("**/api/v1/accounts?*", call => call.continue({ url: call.request().url().replace("limit=100", "limit=1").replace("limit=50", "limit=1") }));
  const more = [];
  for (let n = 0; n < 3; n++)
    more.push(await t.connect(ada, {}));
  const [lost, blocked, drafts] = more;
  await t.ask("stop", { program: "worker-publish" });
  await t.sql("UPDATE accounts SET state = 'needs_reconnect', state_reason = 'auth_removed' WHERE id = %s", lost);
  await t.sql("INSERT IGNORE INTO creator_snapshots (account_id, username, nickname, privacy_level_options, comment_disabled, fetched_at_us)"
    + " SELECT %s, 'blocked.one', 'B', 'SELF_ONLY', 0, MAX(fetched_at_us) FROM creator_snapshots", blocked);
  await t.sql("UPDATE creator_snapshots SET post_block = 'spam_risk_too_many_posts' WHERE account_id = %s", blocked);
  await t.sql("UPDATE accounts SET scopes = 'user.info.basic,video.upload' WHERE id = %s", drafts);
  await t.sql("UPDATE creator_snapshots SET fetched_at_us = 1 WHERE account_id = %s", ada.account);
  const page = await t.page(null, { user: ada });
  await byOne(page); // as if there were hundreds
  await page.goto("/dashboard/accounts");
  for (const text of ["Its owner ended our access at TikTok.", "It has made as many posts in 24 hours as TikTok accepts", "It did not grant posting directly",
    "We ask TikTok what this account may post."])
    await page.getByText(text).waitFor();
  await t.inFourForms(page, "accounts-states");
  await page.goto("/dashboard/posts");
  await page.locator("select[name=account] option").nth(4).waitFor({ state: "attached" });
});

test("a disconnect says what it cancels, and what TikTok said to it", async t => {
  const ada = await t.user({ connected: true });
  await t.ask("stop", { program: "worker-publish" });
  const post = await t.post(ada, { wait: false });
  const page = await t.page("/dashboard/", { user: ada });
  await page.getByRole("navigation").getByRole("link", { name: "TikTok accounts" }).click();
  const open = page.getByRole("button", { name: `Disconnect @${ada.username}` });
  await open.click();
  const dialog = page.getByRole("dialog", { name: `Disconnect @${ada.username}?` });
  await dialog.waitFor();
  await page.goBack(); // a dialog ends with its page
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.localName), "h1");
  await page.goForward();
  await open.click();
  await dialog.getByText("One post that has not been sent is canceled.").waitFor();
  await t.inFourForms(page, "accounts-disconnect");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert(await open.evaluate(e => e === document.activeElement));
  await page.keyboard.press("Enter");
  await t.inject(page, "DELETE /api/v1/accounts/*", "database_unavailable");
  await t.tabTo(page, dialog.getByRole("button", { name: "Disconnect" }));
  await page.keyboard.press("Enter");
  await dialog.getByRole("alert").getByText("The database is not answering right now").waitFor();
  await dialog.getByRole("button", { name: "Disconnect" }).click();
  await page.getByText("Our access is deleted here and has ended at TikTok.").waitFor();
  await page.keyboard.press("Enter");
  await page.getByText("No account is connected yet.").waitFor();
  await page.goto(`/dashboard/posts/${post.id}`);
  await page.getByText("The TikTok account was disconnected before the post was sent.").waitFor();
});

test("an account that must be private says so before anybody posts", async t => {
  const ada = await t.user({ connected: true });
  await t.connect(ada, { private: true });
  await t.ask("configure", { programs: ["tiktok"], settings: { tiktok_audited: "no" } });
  const page = await t.page("/dashboard/accounts", { user: ada });
  await page.getByText("You can post to it, for yourself only").waitFor();
  await page.getByText("In the TikTok app, make the account private").waitFor();
  await t.look(page, "accounts-unaudited");
  await page.goto("/dashboard/posts/new");
  await page.locator("#compose-account").selectOption(ada.account);
  await page.getByText("In the TikTok app, make the account private").waitFor();
  const offered = page.locator("#compose-privacy option:not([disabled])");
  await offered.waitFor({ state: "attached" });
  assert.deepEqual(await offered.evaluateAll(all => all.map(o => o.value)), ["SELF_ONLY"]);
  await page.getByRole("button", { name: "Publish", exact: true }).click();
  await page.locator("#compose-account-said", { hasText: "Make this account private first, or send a draft." }).waitFor();
  await t.look(page, "compose-unaudited");
});

test("test data has accounts of its own", async t => {
  const ada = await t.user({ connected: true });
  const page = await t.page("/dashboard/accounts", { user: ada });
  await t.press(page, page.getByLabel("Test data"), "Space");
  await page.getByText("No test account yet.").waitFor();
  await t.inject(page, "POST /api/v1/sandbox/accounts", "accounts_a_day_too_many");
  await t.press(page, page.getByLabel("The account is private"), "Space");
  const make = page.getByRole("button", { name: "Make a test account" });
  await make.click();
  await page.getByRole("alert").getByText("You have connected as many new accounts").waitFor();
  await make.click();
  await page.locator(".accounts h2", { hasText: "@test." }).waitFor();
  await t.inFourForms(page, "accounts-test");
  await page.getByLabel("Test data").uncheck();
  await page.getByRole("heading", { name: `@${ada.username}` }).waitFor();
});
