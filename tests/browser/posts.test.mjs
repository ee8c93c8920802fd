// The list of posts: filters that the address keeps, and pages that come as one scrolls.

import { assert, test } from "./lib/test.mjs";
import { isolated } from "./lib/isolated.mjs";

// Copies of a post, newer than it and each newer than the one before, with these statuses in turn.
async function copies(t, post, n, { first = 1, states = ["published", "canceled", "in_inbox", "failed"] } = {}) {
  const [{ columns }] = await t.sql("SELECT GROUP_CONCAT(column_name) AS columns FROM information_schema.columns WHERE table_schema = DATABASE()"
    + " AND table_name = 'posts' AND column_name NOT IN ('id', 'state', 'ended_at_us', 'title', 'publish_id')");
  await t.sql(`INSERT INTO posts (id, state, ended_at_us, title, ${columns}) SELECT UNHEX(CONCAT('0fff', LPAD(HEX(seq), 12, '0'), HEX(RANDOM_BYTES(8)))),`
    + ` ELT(1 + MOD(seq, ${states.length}), ${states.map(s => `'${s}'`).join(", ")}), ended_at_us, CONCAT('copy ', seq), ${columns} FROM posts`
    + ` JOIN seq_${first}_to_${n} WHERE id = %s`, post.id);
}

test("a filter stays through reload, back and a look at a post", async t => {
  const ada = await t.user({ connected: true });
  const post = await t.post(ada, { direct: false, images: 2 });
  await copies(t, post, 12);
  const page = await t.page("/dashboard/posts", { user: ada });
  const rows = page.locator(".posts > li");
  await rows.nth(12).waitFor();
  await rows.last().scrollIntoViewIfNeeded();
  await page.waitForFunction(() => document.querySelector(".posts img").naturalWidth > 0);
  await t.inFourForms(page, "posts");
  const show = page.getByLabel("Show");
  await t.tabTo(page, show);
  await page.keyboard.type("Canceled");
  await page.waitForURL("**/posts?status=canceled");
  await rows.nth(2).waitFor();
  assert.equal(await rows.count(), 3);
  assert(await show.evaluate(e => e === document.activeElement), "a choice keeps the focus");
  await page.reload();
  await rows.nth(2).waitFor();
  await t.press(page, page.getByRole("link", { name: "copy 9" }));
  await page.getByRole("heading", { name: "copy 9", level: 1 }).waitFor();
  await page.goBack();
  await rows.nth(2).waitFor();
  assert.equal(await show.inputValue(), "canceled");
  await page.goBack();
  await rows.nth(12).waitFor();
  await page.goto("/dashboard/posts?status=deferred");
  await page.getByText("No post is like that.").waitFor();
  await t.look(page, "posts-none");
  await page.getByRole("link", { name: "Show all posts" }).click();
  await rows.nth(12).waitFor();
});

test("more posts come as one scrolls, also after an error", async t => {
  const ada = await t.user({ connected: true });
  await copies(t, await t.post(ada, { direct: false }), 140);
  const page = await t.page("/dashboard/posts", { user: ada });
  const rows = page.locator(".posts > li");
  await rows.nth(24).waitFor();
  await t.inject(page, "GET /api/v1/posts", "rate_limited", { headers: { "Retry-After": "30" } });
  await page.keyboard.press("End");
  await page.getByRole("alert").getByText("Those were too many requests in a short time. Try again in 30 seconds.").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await rows.nth(124).waitFor();
  await page.keyboard.press("End");
  await rows.nth(140).waitFor();
  assert.equal(new Set(await rows.locator("a").evaluateAll(all => all.map(a => a.href))).size, 141);

  // What is far from view is found by the browser's search, and is there for a keyboard and for a screen reader.
  await page.evaluate(() => scrollTo(0, 0));
  assert.equal(await isolated(page, () => window.find("copy 30")), true);
  await page.waitForFunction(() => scrollY > 5000);
  await rows.nth(24).getByRole("link").focus();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.href), await rows.nth(25).getByRole("link").evaluate(a => a.href));
  assert.equal(await page.getByRole("main").getByRole("listitem").count(), 141);
  await t.axe(page);

  // Who opens one and goes back is where they were, and sees what has become of it; by the menu it begins anew.
  const link = rows.getByRole("link", { name: /^copy 30/ });
  await link.click();
  await page.getByRole("heading", { name: "copy 30", level: 1 }).waitFor();
  await t.sql("UPDATE posts SET title = 'copy 30, changed' WHERE user_id = %s AND title = 'copy 30'", ada.id);
  await page.goBack();
  await page.waitForFunction(() => document.activeElement.textContent === "copy 30, changed");
  assert.equal(await rows.count(), 141);
  assert.equal(await link.evaluate(a => a.getBoundingClientRect().top > 0 && a.getBoundingClientRect().bottom < innerHeight), true);
  await page.getByRole("link", { name: "Posts", exact: true }).click();
  await page.waitForFunction(() => scrollY === 0 && document.querySelectorAll(".posts > li").length < 141);
});

test("posts that came while nobody looked are all put before the others", async t => {
  const ada = await t.user({ connected: true });
  const post = await t.post(ada, { direct: false });
  await copies(t, post, 30);
  const page = await t.page(null, { user: ada });
  await page.clock.install();
  await page.goto("/dashboard/posts");
  const rows = page.locator(".posts > li");
  await rows.nth(24).waitFor(); // from copy 30 to copy 6
  await copies(t, post, 130, { first: 31 });
  await page.clock.runFor(11_000);
  await rows.nth(124).waitFor();
  const listed = () => rows.locator("a").evaluateAll(all => all.map(a => Number(/copy (\d+)/.exec(a.textContent)?.[1])));
  const all = Array.from({ length: 125 }, (_, i) => 130 - i);
  assert.deepEqual(await listed(), all);
  // Each is there once, too, after one was opened, and after the next look.
  await rows.first().getByRole("link").click();
  await page.getByRole("heading", { name: "copy 130", level: 1 }).waitFor();
  await page.goBack();
  await rows.nth(124).waitFor();
  const looked = page.waitForResponse(answer => answer.url().endsWith("/api/v1/posts?limit=25"));
  await page.clock.runFor(11_000);
  await (await looked).finished();
  await page.clock.runFor(100);
  assert.deepEqual(await listed(), all);
});

test("a list that comes back is what was chosen since, and nobody else's", async t => {
  const ada = await t.user({ connected: true }), bob = await t.user({ key: false });
  await copies(t, await t.post(ada, { direct: false }), 12);
  const page = await t.page(null, { user: ada });
  await page.clock.install();
  await page.goto("/dashboard/posts?status=canceled");
  const rows = page.locator(".posts > li"), titles = () => rows.locator("a").allInnerTexts();
  const open = async () => {
    await page.getByRole("link", { name: "copy 9" }).click();
    await page.getByRole("heading", { name: "copy 9", level: 1 }).waitFor();
  };
  await open();
  let letGo;
  const held = new Promise(done => {
    letGo = done;
  });
  await page.route("**/api/v1/posts/*", async call => {
    await held;
    await call.fallback();
  });
  await page.goBack();
  await page.getByLabel("Show").selectOption("failed");
  await rows.nth(2).waitFor();
  const chosen = await titles();
  const came = page.waitForResponse("**/api/v1/posts/*");
  letGo();
  await (await came).finished();
  await page.clock.runFor(100);
  assert.deepEqual(await titles(), chosen);

  // One that has left the list is opened by the browser's forward, and left by its back.
  await page.goto("/dashboard/posts?status=canceled");
  await open();
  await page.goBack();
  await rows.nth(2).waitFor();
  await t.sql("UPDATE posts SET state = 'published' WHERE user_id = %s AND title = 'copy 9'", ada.id);
  await page.clock.runFor(11_000);
  await rows.nth(2).waitFor({ state: "detached" });
  await page.goForward();
  await page.getByRole("heading", { name: "copy 9", level: 1 }).waitFor();
  await page.goBack();
  await rows.nth(1).waitFor();
  assert.equal(await rows.count(), 2);

  // Whoever signs in next in this tab has none of it.
  await rows.first().getByRole("link").click();
  await page.getByRole("heading", { name: /^copy /, level: 1 }).waitFor();
  const go = path => page.evaluate(to => {
    history.pushState(null, "", to);
    dispatchEvent(new PopStateEvent("popstate"));
  }, "/dashboard" + path);
  await go("/privacy/delete");
  await page.getByLabel("to confirm").fill(ada.email);
  await page.getByRole("button", { name: "Delete my account" }).click();
  await page.getByRole("button", { name: "Yes, delete it" }).click();
  await page.waitForURL("**/dashboard/receipts/*");
  await go("/sign-in");
  await page.getByLabel("Email address").fill(bob.email);
  await page.getByLabel("Password").fill(bob.password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await go("/posts?status=canceled");
  await page.getByText("No post is like that.").waitFor();
  assert.equal(await rows.count(), 0);
});
