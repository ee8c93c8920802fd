// Usage: numbers as charts and as tables, and as CSV.

import { readFileSync } from "node:fs";
import { assert, test } from "./lib/test.mjs";

const DAY_US = 86_400_000_000;

// Requests of a key on days before now.
async function used(t, ada, days) {
  const [{ id, today }] = await t.sql(`SELECT LOWER(HEX(id)) AS id, (SELECT FLOOR(UNIX_TIMESTAMP() / 86400) * 86400) AS today FROM api_keys WHERE user_id = %s`, ada.id);
  for (const [ago, status, requests] of days)
    await t.sql("INSERT INTO usage_daily (user_id, starts_at_us, span, key_id, status, node, requests, last_at_us) SELECT user_id, %s, 'day', id, %s, 1, %s, %s"
      + " FROM api_keys WHERE user_id = %s", Number(today) * 1_000_000 - ago * DAY_US, status, requests, Number(today) * 1_000_000, ada.id);
  return id;
}

async function saved(page, press) {
  const [download] = await Promise.all([page.waitForEvent("download"), press()]);
  return readFileSync(await download.path(), "utf8");
}

test("nobody has used anything yet", async t => {
  const page = await t.page("/dashboard/usage", { user: await t.user({ key: false }) });
  await page.getByText("No key was used in this time.").waitFor();
  await page.getByText("No post has ended in this time.").waitFor();
  await page.getByText("Room that they take").waitFor();
  await t.steady(page);
  await t.inFourForms(page, "usage-empty");
});

test("usage is shown as chart, table and CSV, of the time and the key that were chosen", async t => {
  const ada = await t.user({ connected: true });
  await used(t, ada, [[0, 200, 40], [0, 429, 2], [3, 200, 7], [40, 200, 1000]]);
  const posted = await t.post(ada);
  const page = await t.page("/dashboard/usage", { user: ada });
  await page.locator(".uplot canvas").first().waitFor();
  const requests = page.getByRole("region", { name: "Requests: table" });
  const sums = async () => (await requests.getByRole("row").allTextContents()).slice(1).map(r => r.replace(/\s+/g, " ").trim());
  assert.match((await sums()).at(-1), /7\s?0$/);
  await page.getByRole("img", { name: /^Chart of requests and errors for each of 30 days/ }).waitFor();
  await page.getByRole("img", { name: /^Chart of the posts that ended on each of 30 days, by state: 1 in all/ }).waitFor();
  await page.getByRole("img", { name: /^Chart of how long posts took/ }).waitFor();
  await t.inFourForms(page, "usage", () => page.locator(".uplot canvas").nth(2).waitFor());

  const byDay = await saved(page, () => page.getByRole("link", { name: "CSV file" }).first().click());
  assert.match(byDay, /^starts_at,span,requests,errors,last_used_at\r\n/);
  const posts = await saved(page, () => t.press(page, page.getByRole("button", { name: "CSV file" })));
  assert.match(posts, /^starts_at,account_id,account,published,in_inbox,failed,canceled,deferred,p50_ms,p95_ms\r\n/);
  assert.ok(posts.includes(ada.account) && posted.status !== undefined);

  // Another time, with the keyboard alone.
  await t.tabTo(page, page.getByRole("link", { name: "90 days" }));
  await page.keyboard.press("Enter");
  await page.getByRole("img", { name: /^Chart of requests and errors for each of 90 days/ }).waitFor();
  assert.match((await sums()).at(-1), /1,000\s?0$/);
  await page.reload();
  await page.getByRole("img", { name: /each of 90 days/ }).first().waitFor();
  await page.goBack();
  await page.getByRole("img", { name: /each of 30 days/ }).first().waitFor();

  const [key] = (await t.asSession(page, "GET", "/keys")).body.data;
  await page.goto("/dashboard/keys/" + key.id);
  await page.getByText(/In the last 30 days: \d+ requests?/).waitFor();
  await page.getByRole("link", { name: "Day by day" }).click();
  await page.getByRole("img", { name: /^Chart of requests/ }).waitFor();
  assert.equal(await page.getByLabel("API key", { exact: true }).inputValue(), key.id);
  await page.getByLabel("From", { exact: true }).fill("2026-02-02");
  await page.getByLabel("To", { exact: true }).fill("2026-01-01");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByText("Choose a first day and a last one that is not before it.").waitFor();
});

test("what fails is told where it fails, and can be asked again", async t => {
  const ada = await t.user();
  await used(t, ada, [[1, 200, 5]]);
  const page = await t.page(null, { user: ada });
  await t.inject(page, "GET /api/v1/usage/posts", "out_of_range", { message: "There are more than 1000 days and accounts. Ask for a shorter time." });
  await t.inject(page, "GET /api/v1/billing", "internal_error");
  await page.goto("/dashboard/usage");
  await page.getByText("Ask for a shorter time.").waitFor();
  await page.locator(".uplot canvas").first().waitFor();
  await page.getByRole("alert").getByText("name the request").first().waitFor();
  await t.look(page, "usage-failed");
  for (const again of [0, 0])
    await page.getByRole("button", { name: "Try again" }).nth(again).click();
  await page.getByText("No post has ended in this time.").waitFor();
  await page.getByText("Room that they take").waitFor();
});
