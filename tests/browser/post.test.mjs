// One post: its receipt, and what can be done with it.

import { assert, test } from "./lib/test.mjs";

test("a published post shows what happened to it", async t => {
  const ada = await t.user({ connected: true });
  const post = await t.post(ada, { text: "The harbour at six", images: 2 });
  const page = await t.page(`/dashboard/posts/${post.id}`, { user: ada });
  await page.getByRole("heading", { name: "The harbour at six" }).waitFor();
  for (const text of ["The post was made.", "It was handed to TikTok.", "TikTok accepted it.", "TikTok fetched the images (2 of 2).", "It was published."])
    await page.getByText(text).waitFor();
  await page.getByText("The images are deleted here on").waitFor();
  const images = page.getByRole("button", { name: /^Image \d of 2/ });
  assert.equal(await images.count(), 2);
  await t.tabTo(page, images.nth(1));
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByRole("img", { name: "Image 2 of 2" }).waitFor();
  await t.inFourForms(page, "post-image");
  await page.keyboard.press("Escape");
  assert.equal(await images.nth(1).evaluate(e => e === document.activeElement), true);
  await page.getByText("For support").click();
  await t.inFourForms(page, "post-published");
  await t.sql("UPDATE uploads u JOIN post_images i ON i.upload_id = u.id SET u.deleted_at_us = 1 WHERE i.post_id = %s", post.id);
  await page.reload();
  await page.getByText("The images are deleted here.").waitFor();
  await page.getByLabel("Test data").check(); // where this post is not
  await page.waitForURL("**/dashboard/posts");
  await page.getByText("No posts yet.").waitFor();
});

test("a post that waits is canceled and sent again by keyboard", async t => {
  const ada = await t.user({ connected: true });
  await t.ask("stop", { program: "worker-publish" });
  const post = await t.post(ada, { wait: false });
  const page = await t.page(`/dashboard/posts/${post.id}`, { user: ada });
  await t.tabTo(page, page.getByRole("button", { name: "Cancel the post" }));
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await t.inFourForms(page, "post-cancel");
  await t.inject(page, "POST /api/v1/posts/*/cancel", "busy", { headers: { "Retry-After": "30" } });
  await t.tabTo(page, dialog.getByRole("button", { name: "Cancel the post" }));
  await page.keyboard.press("Enter");
  await dialog.getByRole("alert").getByText("The server is busy.").waitFor();
  await dialog.getByRole("button", { name: "Cancel the post" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("It was canceled before it was sent.").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "state");
  await t.tabTo(page, page.getByRole("button", { name: "Send it again" }));
  await page.keyboard.press("Enter");
  await t.tabTo(page, dialog.getByRole("button", { name: "Send it again" }));
  await page.keyboard.press("Enter");
  await page.getByText("It waits for its turn").waitFor();
  await t.ask("restore");
  await page.getByText("It is at TikTok.").first().waitFor({ timeout: 60_000 });
});

test("a page that was left before it was there asks for nothing more", async t => {
  const ada = await t.user({ connected: true });
  await t.ask("stop", { program: "worker-publish" });
  const post = await t.post(ada, { wait: false });
  const page = await t.page(null, { user: ada });
  await page.clock.install();
  let asked = 0, release;
  const held = new Promise(resolve => release = resolve);
  await page.route(`**/api/v1/posts/${post.id}`, async call => {
    asked++;
    await held;
    await call.continue();
  });
  await Promise.all([page.waitForRequest(`**/api/v1/posts/${post.id}`), page.goto(`/dashboard/posts/${post.id}`)]);
  await page.getByRole("link", { name: "Privacy", exact: true }).click();
  await page.getByRole("heading", { name: "Privacy" }).waitFor();
  const names = page.waitForResponse("**/api/v1/keys?limit=100"); // the last that the page asks at first
  release();
  await (await names).finished();
  for (let n = 0; n < 20; n++)
    await page.clock.runFor(2000);
  assert.equal(asked, 1);
});

test("a look that nobody has asked for asks nobody to sign in", async t => {
  const ada = await t.user({ connected: true });
  await t.ask("stop", { program: "worker-publish" });
  const post = await t.post(ada, { wait: false });
  const page = await t.page(`/dashboard/posts/${post.id}`, { user: ada });
  await page.getByText("It waits for its turn").waitFor();
  t.expects(page, "GET /api/v1/posts/*", 401);
  await page.context().clearCookies();
  await page.getByText("This may be out of date: Your session has ended. Sign in again.").waitFor();
  assert.equal(await page.getByRole("dialog").count(), 0);
  await t.look(page, "post-stale");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("dialog").getByLabel("Password").fill(ada.password);
  await page.keyboard.press("Enter");
  await page.getByText("This may be out of date").waitFor({ state: "detached" });
});

test("what may be at TikTok is sent again only by who has looked", async t => {
  const ada = await t.user({ connected: true });
  const post = await t.post(ada, { text: "[[fail:internal_error]]" });
  const page = await t.page(`/dashboard/posts/${post.id}`, { user: ada });
  await t.ask("stop", { program: "worker-publish" });
  await page.getByText("No clear answer came back").waitFor();
  await page.getByRole("button", { name: "Send it again" }).click();
  const dialog = page.getByRole("dialog", { name: "Is it really not at TikTok?" });
  await dialog.getByRole("button", { name: "Send it again" }).click();
  await dialog.getByText("Look first, then tick this.").waitFor();
  await t.inFourForms(page, "post-doubt");
  await t.inject(page, "POST /api/v1/posts/*/retry", "post_ended_otherwise");
  await t.press(page, dialog.getByLabel("I have looked, and it is not there"), "Space");
  await dialog.getByRole("button", { name: "Send it again" }).click();
  await dialog.getByRole("alert").getByText("This post was tried again meanwhile").waitFor();
  await dialog.getByRole("button", { name: "Send it again" }).click();
  await page.getByText("It waits for its turn").waitFor();
});

test("a post of a key is approved or refused", async t => {
  const ada = await t.user({ connected: true });
  const page = await t.page(null, { user: ada });
  const keys = await t.asSession(page, "GET", "/keys");
  await t.asSession(page, "PATCH", `/keys/${keys.body.data[0].id}`, { budget: { needs_approval: true } });
  await t.ask("stop", { program: "worker-publish" });
  const posts = [await t.post(ada, { wait: false }), await t.post(ada, { wait: false })];
  await page.goto("/dashboard/");
  await page.getByText("2 posts wait for your approval.").waitFor();
  await page.goto(`/dashboard/posts/${posts[0].id}`);
  await page.getByText("and waits for your yes.").waitFor();
  await t.inFourForms(page, "post-approval");
  await t.press(page, page.getByRole("button", { name: "Approve and send" }));
  const dialog = page.getByRole("dialog");
  await dialog.getByText("By posting, you agree to TikTok's Music Usage Confirmation").waitFor();
  await t.inject(page, "POST /api/v1/posts/*/approve", "content_digest_mismatch");
  await dialog.getByRole("button", { name: "Approve and send" }).click();
  await dialog.getByRole("alert").getByText("The post has changed since you opened it.").waitFor();
  await t.press(page, dialog.getByRole("button", { name: "Approve and send" }));
  await page.getByText("You approved it.").waitFor();
  await page.goto(`/dashboard/posts/${posts[1].id}`);
  await t.press(page, page.getByRole("button", { name: "Refuse" }));
  await t.press(page, dialog.getByRole("button", { name: "Refuse it" }));
  await page.getByText("You refused it.").waitFor();
  assert.equal(await page.getByRole("button", { name: "Send it again" }).count(), 0);
});

test("what is not there, or not to be had, says so", async t => {
  const ada = await t.user({ connected: true });
  const page = await t.page(null, { user: ada });
  t.expects(page, "GET /api/v1/posts/*", 404);
  await page.goto(`/dashboard/posts/${ada.account}`);
  await page.getByRole("alert").getByText("There is nothing here").waitFor();
  await t.look(page, "post-none");
  await t.inject(page, "GET /api/v1/posts", "database_unavailable", { times: 4, headers: { "Retry-After": "30" } });
  await page.goto("/dashboard/posts");
  await page.getByRole("alert").getByText("The database is not answering").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
});
