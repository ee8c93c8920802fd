// The plan: bought at the simulator's Stripe, changed there, and what a person is told of it.

import { assert, test } from "./lib/test.mjs";

const CHECKOUT = "POST /api/v1/billing/checkout", SYNC = "POST /api/v1/billing/sync";
const plan = (page, name) => page.locator(".plan").filter({ has: page.getByRole("heading", { name, exact: true }) });

// Until the user's subscription is as Stripe's news has it.
async function subscription(t, user, status) {
  for (let n = 0; n < 300; n++) {
    const [row] = await t.sql("SELECT status FROM subscriptions WHERE user_id = %s", user.id);
    if (row?.status === status)
      return;
  }
  throw new Error(`the subscription is not ${status}`);
}

async function toStripe(t, page, name) {
  await plan(page, name).getByRole("button", { name: "Buy " + name }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("I accept the terms").check();
  await dialog.getByRole("button", { name: "Go to Stripe" }).click();
  await page.waitForURL(url => url.origin === t.simulator);
}

async function pay(t, page, card = "pays") {
  await page.locator("[name=card]").selectOption(card);
  await page.locator("button[value=pay]").click();
  await page.waitForURL(url => url.origin === t.url);
}

test("a plan is bought with the keyboard alone, and changed and canceled at Stripe", async t => {
  const ada = await t.user({ key: false });
  const page = await t.page("/dashboard/billing", { user: ada });
  await page.getByText("You have the plan free.").waitFor();
  assert.equal(await plan(page, "tiny").getByRole("button").count(), 0); // it is not sold
  await t.inFourForms(page, "billing-free");
  await t.tabTo(page, plan(page, "small").getByRole("button"));
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  t.expects(page, CHECKOUT, 422);
  await t.tabTo(page, dialog.getByRole("button", { name: "Go to Stripe" }));
  await page.keyboard.press("Enter");
  await dialog.getByText("Read the terms, then tick this.").waitFor();
  await t.inFourForms(page, "billing-terms");
  assert.equal(await page.evaluate(() => document.activeElement.name), "terms");
  await page.keyboard.press("Space");
  await t.tabTo(page, dialog.getByRole("button", { name: "Go to Stripe" }));
  await page.keyboard.press("Enter");
  await page.waitForURL(url => url.origin === t.simulator);

  // Back without paying, and once more.
  await page.locator("button[value=back]").click();
  await page.getByText("Nothing was paid.").waitFor();
  assert.equal(page.url(), t.url + "/dashboard/billing");
  await toStripe(t, page, "small");
  await pay(t, page);
  await page.getByText("Thank you. You have the plan small now.").waitFor();
  assert.equal(page.url(), t.url + "/dashboard/billing");
  await t.look(page, "billing-bought");
  await page.reload();
  await page.getByText("You have the plan small.").waitFor();
  assert.equal(await page.getByText("Thank you.").count(), 0);
  assert.equal(await page.getByRole("button", { name: /^Buy/ }).count(), 0);

  await page.getByRole("button", { name: "Open Stripe" }).click();
  await page.waitForURL(url => url.origin === t.simulator);
  await page.locator("button[value=cancel]").first().click();
  await page.getByText("Is canceled at").waitFor();
  await page.getByRole("link", { name: "Back" }).click();
  await page.getByText("You have the plan small.").waitFor();
  for (let n = 0; n < 100 && await page.getByText("You have canceled it.").count() === 0; n++) { // Stripe's news of it is on its way
    await page.reload();
    await page.getByText("You have the plan small.").waitFor();
  }
  await page.getByText("You have canceled it.").waitFor();
  await t.inFourForms(page, "billing-canceled");
});

test("a payment that fails later is told, with the way to pay", async t => {
  const ada = await t.user({ key: false });
  const page = await t.page("/dashboard/billing", { user: ada });
  await toStripe(t, page, "small");
  await pay(t, page, "declines_later");
  await page.getByText("Thank you.").waitFor();
  await page.getByRole("button", { name: "Open Stripe" }).click();
  await page.waitForURL(url => url.origin === t.simulator);
  await page.locator("[name=days]").fill("31");
  await page.locator("button[value=advance]").click();
  await subscription(t, ada, "past_due");
  await page.goto("/dashboard/billing");
  await page.getByText("Your last payment failed.").waitFor();
  await t.look(page, "billing-past-due");
  await page.getByRole("button", { name: "Pay at Stripe" }).click();
  await page.waitForURL(url => url.origin === t.simulator);
});

test("a plan that was given, one that is used up, and a server that sells nothing", async t => {
  const ada = await t.user({ connected: true, key: false });
  await t.connect(ada);
  await t.ask("admin", { args: ["billing", "grant", ada.id, "tiny", "--until", "2031-01-01"] });
  const page = await t.page("/dashboard/billing", { user: ada });
  await page.getByText("It was given to you until").waitFor();
  await page.getByText("More than your plan allows").waitFor(); // two accounts where one is allowed
  await t.inFourForms(page, "billing-given");
  await t.ask("configure", { programs: ["billing"], settings: { billing_plans: "" } });
  await page.reload();
  await page.getByText("Nothing can be bought on this server.").waitFor();
  await t.look(page, "billing-nothing");
});

test("errors on the way to Stripe and back are told at their place", async t => {
  const ada = await t.user({ key: false });
  const page = await t.page("/dashboard/billing", { user: ada });
  await plan(page, "small").getByRole("button").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("I accept the terms").check();
  for (const code of ["billing_not_configured", "stripe_unreachable", "stripe_rejected", "plan_is_current", "billing_in_progress", "failed"]) {
    await t.inject(page, CHECKOUT, code);
    await dialog.getByRole("button", { name: "Go to Stripe" }).click();
    await dialog.locator(".problem p").first().waitFor();
    assert.ok(await dialog.getByLabel("I accept the terms").isChecked());
  }
  await page.keyboard.press("Escape");
  for (const [code, times] of [["not_found", 1], ["billing_in_progress", 1]]) {
    await t.inject(page, SYNC, code, { times });
    if (code === "billing_in_progress")
      t.expects(page, SYNC, 404); // it is asked again, of a session that is none
    await page.goto("/billing/done?session_id=cs_test_0");
    await page.locator("#main [role=alert] p").first().waitFor();
    await page.getByText("You have the plan free.").waitFor();
    await page.getByRole("button", { name: "Look again" }).waitFor();
  }
  await t.look(page, "billing-not-yet");
  t.expects(page, "GET /api/v1/billing", "failed");
  await t.inject(page, "GET /api/v1/billing", "failed", { times: 4 });
  await page.goto("/dashboard/billing");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("You have the plan free.").waitFor();
});
