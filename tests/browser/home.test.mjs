// The overview: what a new user does first, and what asks for somebody.

import { assert, test } from "./lib/test.mjs";

test("a new user is led to an account and to a first post", async t => {
  const ada = await t.user({ key: false });
  const page = await t.page("/dashboard/", { user: ada });
  const steps = page.getByRole("listitem").filter({ hasText: "You allow it at TikTok" });
  await steps.waitFor();
  await t.steady(page);
  await t.inFourForms(page, "home-new");
  await t.tabTo(page, page.getByRole("button", { name: "Connect a TikTok account" }).or(page.locator("main a[role=button]")));
  await page.keyboard.press("Enter");
  await page.getByText("No account is connected yet.").waitFor();
  await t.inFourForms(page, "accounts-none");
  await t.connect(ada, { username: `home.${ada.id.slice(-8)}` });
  await page.goBack();
  await page.getByText("Done").waitFor();
  await page.locator("main a[role=button]", { hasText: "Make your first post" }).waitFor();
});

test("what needs attention is told first, with what to do", async t => {
  const ada = await t.user({ connected: true });
  const post = await t.post(ada, { text: "[[fail:spam_risk]]" });
  await t.sql("UPDATE accounts SET state = 'needs_reconnect', state_reason = 'auth_removed' WHERE id = %s", ada.account);
  const page = await t.page(null, { user: ada });
  await t.inject(page, "GET /api/v1/keys", "internal_error", {});
  await page.goto("/dashboard/");
  await page.getByRole("alert").getByText("Something went wrong on our side.").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText(`TikTok no longer accepts the connection of @${ada.username}.`).waitFor();
  await t.inFourForms(page, "home-attention");
  await page.getByRole("link", { name: "See why" }).click();
  await page.waitForURL(`**/dashboard/posts/${post.id}`);
  await page.goBack();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.locator(".posts li").first().waitFor();
  assert.equal(await page.locator(".posts li").count(), 1);
});

test("a page whose file did not come is loaded anew", async t => {
  const ada = await t.user({ key: false });
  const page = await t.page("/dashboard/", { user: ada });
  await page.route("**/dashboard/pages/keys.js", call => call.abort("connectionreset"), { times: 1 });
  t.expects(page, "GET /dashboard/pages/keys.js", "failed");
  await page.getByRole("link", { name: "API keys" }).first().click();
  await page.getByRole("alert").getByText("There is no contact with the server.").waitFor();
  await page.context().setOffline(true); // then this page stays, and says so
  t.expects(page, "HEAD /dashboard/keys", "failed");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator("#told").getByText("There is no contact with the server.").waitFor();
  await page.context().setOffline(false);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("You have no keys yet.").waitFor();
});

// As after an update of the service: what is in memory lacks what a page wants that came later.
test("a page that is newer than the others is loaded anew, once, and nothing that was typed goes", async t => {
  const ada = await t.user({ key: false });
  const page = await t.page("/dashboard/", { user: ada });
  let loads = 0;
  page.on("request", r => loads += r.isNavigationRequest() ? 1 : 0);
  const served = (name, body, more) => page.route(`**/dashboard/pages/${name}.js`, call => call.fulfill({ contentType: "text/javascript", body }), more);

  await served("keys", 'import {nothingLikeIt} from "../ui.js"; export default nothingLikeIt;', { times: 1 });
  t.expectsMessage(page, "nothingLikeIt");
  await page.getByRole("link", { name: "API keys" }).first().click();
  await page.getByText("You have no keys yet.").waitFor();
  assert.equal(loads, 1);

  // One that lacks a sentence only when its data is there; and it stays so.
  await served("usage", `import {words} from "../words/en/common.js"; import {load} from "../ui.js";
    export default function({api, redraw}) {
      const data = load(redraw, () => api.get("/me"));
      return {title: "Newer", view: () => data.view(() => words.newer.sentence)};
    }`);
  t.expectsMessage(page, "sentence");
  await page.getByRole("link", { name: "Usage" }).click();
  const told = page.getByRole("alert").getByText("This cannot be shown.");
  await told.waitFor();
  assert.equal(loads, 1);
  await t.look(page, "updated");
  await page.getByRole("button", { name: "Load it again" }).click();
  await page.waitForEvent("domcontentloaded");
  await told.waitFor();
  assert.equal(loads, 2);

  await served("billing", `import {html} from "../lit.js"; import {words} from "../words/en/common.js";
    export default function({redraw}) {
      let isNext = false;
      const next = () => { isNext = true; redraw(); };
      return {title: "Newer", view: () => html\`<label>Note <input></label><button @click=\${next}>Next</button>\${isNext ? words.newer.sentence : ""}\`};
    }`);
  await page.evaluate(() => sessionStorage.removeItem("loaded-anew"));
  await page.getByRole("link", { name: "Plan" }).click();
  await page.getByLabel("Note").fill("half typed");
  await page.getByRole("button", { name: "Next" }).click();
  await page.locator("#told").getByText("This cannot be shown.").waitFor();
  assert.equal(await page.getByLabel("Note").inputValue(), "half typed");
  assert.equal(loads, 2);
});
