// The plan: bought at the simulator's Stripe, changed there, and what a person is told of it.

import { assert, test } from "./lib/test.mjs";

const CHECKOUT = "POST /api/v1/billing/checkout", SYNC = "POST /api/v1/billing/sync";
const NOW = Date.now() * 1000, LATER = NOW + 20 * 86400e6;
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

  await t.press(page, page.getByRole("button", { name: "Open Stripe" }));
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

// status, what else the row has, the plan that one has then, what is said, and whether one can buy. Those that want something of the user
// have a button to Stripe beside it.
const STATES = [
  ["trialing", { trial_end_us: LATER }, "small", ["Your trial ends", "Then the first payment is due."], false],
  ["trialing", { trial_end_us: LATER, cancel_at_us: LATER }, "small", ["You have canceled it. It works until"], false],
  ["active", { cancel_at_us: LATER }, "small", ["You have canceled it. It works until", "You can take the cancellation back at Stripe until then."], false],
  ["past_due", { past_due_since_us: NOW }, "small", ["Your last payment failed.", "Pay at Stripe, or your plan ends"], false, "Pay at Stripe"],
  ["past_due", { past_due_since_us: 1 }, "free", ["Your last payment failed.", "Pay at Stripe to have the plan that you pay for."], false, "Pay at Stripe"],
  ["incomplete", {}, "free", ["The first payment has not come yet. Finish it at Stripe."], false, "Open Stripe"],
  ["unpaid", {}, "free", ["Bills are open, so your plan has ended. Pay them at Stripe to have it back."], false, "Pay at Stripe"],
  ["paused", {}, "free", ["Your subscription is paused. Go on with it at Stripe."], false, "Open Stripe"],
  ["unknown", {}, "free", ["Stripe says something of your subscription that we do not understand. Look at it there."], true, "Open Stripe"],
  ["incomplete_expired", {}, "free", ["The first payment never came, so nothing was bought."], true],
  ["canceled", { cancel_at_us: NOW }, "free", ["Your subscription has ended."], true],
];

test("each state of a subscription says what to do next", async t => {
  const ada = await t.user({ key: false });
  await t.sql("INSERT INTO subscriptions (user_id, customer_id, subscription_id, plan, period_end_us, created_at_us, updated_at_us)"
    + " VALUES (%s, %s, %s, 'small', %s, %s, %s)", ada.id, `cus_${ada.id}`, `sub_${ada.id}`, LATER, NOW, NOW);
  const page = await t.page("/dashboard/billing", { user: ada });
  const again = page.locator("#top nav").getByRole("link", { name: "Plan" });
  for (const [status, { cancel_at_us = null, trial_end_us = null, past_due_since_us = null }, has, said, mayBuy, button] of STATES) {
    await t.sql("UPDATE subscriptions SET status = %s, cancel_at_us = %s, trial_end_us = %s, past_due_since_us = %s WHERE user_id = %s",
      status, cancel_at_us, trial_end_us, past_due_since_us, ada.id);
    await again.click();
    for (const text of said)
      await page.getByText(text).waitFor();
    await page.getByText(`You have the plan ${has}.`).waitFor();
    assert.deepEqual(await page.locator(".notice button").allInnerTexts(), button === undefined ? [] : [button], status);
    assert.equal(await page.getByRole("button", { name: /^Buy/ }).count() > 0, mayBuy, status);
  }
  await t.look(page, "billing-ended");
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
