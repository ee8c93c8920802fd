// Somebody new, from the first page to a published post: how often they click, what they type, and how many words stand on their way.

import { writeFileSync } from "node:fs";
import path from "node:path";
import { assert, test } from "./lib/test.mjs";

const CLICKS = 14, FIELDS = 8, WORDS = 1200; // what it takes today, and a little more: who adds a step to everybody's way must mean it

class Way {
  constructor(page) {
    Object.assign(this, { page, steps: [], clicks: 0, fields: 0, words: 0 });
  }

  // All words that can be read now, once for each page.
  async read(name) {
    const words = await this.page.evaluate(() => document.body.innerText.split(/\s+/).filter(w => /\w/.test(w)).length);
    this.words += words;
    this.steps.push({ name, words, clicks: this.clicks, fields: this.fields });
  }

  async click(what) {
    await what.click();
    this.clicks++;
  }

  async fill(what, text) {
    await what.fill(text);
    this.fields++;
  }
}

test("a newcomer publishes a post", async t => {
  const email = `newcomer.${Date.now()}@example.com`, password = "seven copper walruses";
  const page = await t.page("/");
  const way = new Way(page);
  const button = name => page.getByRole("button", { name, exact: true });
  const link = name => page.getByRole("link", { name, exact: true });

  await way.read("start");
  await way.click(link("Register"));
  await page.getByRole("heading", { name: "Register" }).waitFor();
  await way.read("register");
  await way.fill(page.getByLabel("Email address"), email);
  await way.click(button("Register"));
  await page.getByRole("heading", { name: "Open the mail that we sent" }).waitFor();
  await way.read("mail sent");

  const letter = await t.letter(email);
  way.words += letter.text.split(/\s+/).length;
  way.clicks++; // on the link in the mail
  await page.goto(letter.link);
  await way.read("confirm");
  await way.fill(page.getByLabel("Password"), password);
  await way.click(button("Confirm"));
  await way.click(page.locator("#done a"));
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await way.read("sign in");
  await way.fill(page.getByLabel("Email address"), email);
  await way.fill(page.getByLabel("Password"), password);
  await way.click(button("Sign in"));

  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.locator(".first-steps").waitFor();
  await way.read("overview");
  await way.click(page.locator(".first-steps a").first());
  const connect = page.locator("main a[role=button]", { hasText: "Connect an account" });
  await connect.waitFor();
  await way.read("accounts");
  await way.click(connect);
  await t.consent(page, { username: `new.${Date.now() % 1e9}` });
  way.fields++;
  way.clicks++;
  await page.getByText("You can post to it.").waitFor();
  await way.read("connected");

  await way.click(page.locator("nav").getByRole("link", { name: "New post" }));
  await page.locator("#compose-privacy:enabled").waitFor();
  await way.read("composer");
  await page.locator("#compose-files").setInputFiles(await t.photos(2));
  way.clicks += 2; // to choose photos, and in the browser's own window
  await page.locator("li.slide[data-state=kept]").nth(1).waitFor();
  await way.fill(page.locator("#compose-title"), "Harbour lights");
  await page.locator("#compose-privacy").selectOption("PUBLIC_TO_EVERYONE");
  way.fields++;
  await way.click(button("Publish"));
  await page.waitForURL(/\/dashboard\/posts\/[0-9a-f-]{36}$/);
  await page.getByText("It was published.").waitFor({ timeout: 60_000 });
  await way.read("published");

  const { clicks, fields, words, steps } = way;
  writeFileSync(path.join(process.env.ARTEFACTS, "newcomer.json"), JSON.stringify({ clicks, fields, words, steps }, null, 1) + "\n");
  assert(clicks <= CLICKS && fields <= FIELDS && words <= WORDS, JSON.stringify({ clicks, fields, words, steps }));
});
