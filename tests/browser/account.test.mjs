// A person's own account: registering, signing in, settings, security, mails, activity.

import { assert, test } from "./lib/test.mjs";

const PASSWORD = "seven copper walruses";

async function signIn(page, { email, password }) {
  await page.getByLabel("Email address").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
}

// Whoever has the cookie of this page has none that is good any more.
function endSessions(t, user) {
  return t.sql("DELETE FROM sessions WHERE user_id = %s", user.id);
}

test("from the first page to a session with the keyboard alone", async t => {
  const email = `new.${Date.now()}@example.com`;
  const page = await t.page("/");
  await t.tabTo(page, page.getByRole("link", { name: "Register" }));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Register" }).waitFor();
  await t.inFourForms(page, "register");
  t.expects(page, "POST /api/v1/auth/register", 422);
  await t.tabTo(page, page.getByLabel("Email address"));
  await page.keyboard.type("nobody");
  await page.keyboard.press("Enter");
  await page.getByText("This is not an email address").waitFor();
  await t.tabTo(page, page.getByLabel("Email address"));
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type(email);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Open the mail that we sent" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.localName), "h1");
  await t.look(page, "register-sent");
  await t.tabTo(page, page.getByRole("button", { name: "Send it again" }));
  await page.keyboard.press("Enter");
  await page.getByText("It was sent again").waitFor();
  await page.goto((await t.letter(email, { times: 2 })).link);
  await t.tabTo(page, page.getByLabel("Password"));
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByText("Your address is confirmed").waitFor();
  assert(!await page.locator("#over").isVisible());
  await t.tabTo(page, page.locator("#done a"));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.equal(await page.getByLabel("Email address").inputValue(), email);
  assert(await page.getByLabel("Password").evaluate(e => e === document.activeElement));
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
});

test("what a server asks of who registers is asked for", async t => {
  const page = await t.page("/dashboard/register");
  const asked = [["invitation", "required"], ["accepted_terms", "terms_not_accepted"]];
  await t.inject(page, "POST /api/v1/auth/register", "validation_failed", { details: asked.map(([param, code]) => ({ param, code, message: code })) });
  await page.getByLabel("Email address").fill(`asked.${Date.now()}@example.com`);
  await page.keyboard.press("Enter");
  await page.getByLabel("Invitation").waitFor();
  assert.equal(await page.getByRole("checkbox").getAttribute("aria-invalid"), "true");
  await t.look(page, "register-asked");
  await page.getByLabel("Invitation").fill("abc");
  await page.getByRole("checkbox").check();
  const [sent] = await Promise.all([page.waitForRequest("**/auth/register"), page.getByRole("button", { name: "Register" }).click()]);
  assert.equal(sent.postDataJSON().invitation, "abc");
  assert.equal(sent.postDataJSON().accepted_terms, true);
  await page.getByRole("heading", { name: "Open the mail that we sent" }).waitFor();
  await t.inject(page, "POST /api/v1/auth/register", "registration_closed");
  await page.getByRole("button", { name: "Use another address" }).click();
  await page.getByRole("button", { name: "Register" }).click();
  await page.getByText("This server takes no registrations").waitFor();
});

test("a sign-in that is refused says why and keeps what was typed", async t => {
  const ada = await t.user();
  const page = await t.page("/dashboard/settings?x=1");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await t.inFourForms(page, "sign-in");
  t.expects(page, "POST /api/v1/auth/login", 401);
  await signIn(page, { email: ada.email, password: "not this one" });
  await page.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
  assert.equal(await page.getByLabel("Password").inputValue(), "not this one");
  await t.inject(page, "POST /api/v1/auth/login", "too_many_wrong_passwords", { headers: { "Retry-After": "30" } });
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Too many wrong passwords or codes. Try again in 30 seconds.").waitFor();
  await t.look(page, "sign-in-refused");
  await t.press(page, page.getByRole("link", { name: "Forgotten your password?" }));
  await page.getByRole("heading", { name: "Forgotten password" }).waitFor();
  assert.equal(await page.getByLabel("Email address").inputValue(), ada.email);
  await t.inFourForms(page, "forgot-password");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Look into your mail" }).waitFor();
  await t.look(page, "forgot-password-sent");
  const { link } = await t.letter(ada.email);
  const tab = await t.tab(page, link);
  await t.tabTo(tab, tab.getByLabel("New password"));
  await tab.keyboard.type(PASSWORD);
  await tab.keyboard.press("Enter");
  await tab.locator("#done a").waitFor();
  await t.look(tab, "reset-password-done");
  await page.goBack();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await t.tabTo(page, page.getByLabel("Password"));
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Settings" }).waitFor();
  assert.equal(new URL(page.url()).search, "?x=1");
});

test("a sign-in leads into the dashboard and nowhere else", async t => {
  const ada = await t.user();
  const page = await t.page(null, { user: ada });
  for (const to of ["//evil.example/", "https://evil.example/", "/\\evil.example", "/../../evil", "javascript:alert(1)", "@evil.example"]) {
    await page.goto("/dashboard/sign-in?to=" + encodeURIComponent(to));
    await page.getByRole("navigation").first().waitFor();
    assert.match(page.url(), new RegExp(`^${t.url}/dashboard/`), to);
  }
  await page.goto("/dashboard/sign-in?to=/settings");
  await page.getByRole("heading", { name: "Settings" }).waitFor();
});

test("name and address and password are changed", async t => {
  const ada = await t.user();
  const page = await t.page("/dashboard/settings", { user: ada });
  await t.tabTo(page, page.getByLabel("Your name"));
  await page.keyboard.type("Ada");
  await page.keyboard.press("Enter");
  await page.getByText("Your name is saved").waitFor();
  await page.reload();
  assert.equal(await page.getByLabel("Your name").inputValue(), "Ada");
  const email = `new.${ada.email}`;
  t.expects(page, "POST /api/v1/auth/change-email", 422);
  await page.getByLabel("New address").fill("nothing");
  await page.keyboard.press("Enter");
  await page.getByText("This is not an email address").waitFor();
  await page.getByLabel("New address").fill(email);
  await page.keyboard.press("Enter");
  await page.getByText(`A link is on its way to ${email}`).waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Stop this change" }).waitFor();
  await t.inFourForms(page, "settings-waiting");
  await t.press(page, page.getByRole("button", { name: "Stop this change" }));
  await page.getByText("Your address stays as it is").waitFor();
  assert.deepEqual((await t.asSession(page, "GET", "/auth/change-email")).body.data, { waiting: null });

  const old = page.getByLabel("Password until now"), chosen = page.getByLabel("New password");
  t.expects(page, "POST /api/v1/auth/change-password", 422);
  await old.fill("not this one");
  await chosen.fill("short");
  await page.keyboard.press("Enter");
  await page.getByText("A password must have at least 10 characters").waitFor();
  assert.equal(await chosen.getAttribute("aria-invalid"), "true");
  t.expects(page, "POST /api/v1/auth/change-password", 403);
  await chosen.fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByText("This is not the password").waitFor();
  assert.equal(await old.getAttribute("aria-invalid"), "true");
  await t.look(page, "settings-refused");
  await old.fill(ada.password);
  await page.keyboard.press("Enter");
  await page.getByText("Your password is changed").waitFor();
  assert.equal(await old.inputValue(), "");
});

test("an address that mail comes back from is told on every page", async t => {
  const ada = await t.user();
  await t.sql("UPDATE users SET undeliverable_at_us = created_at_us WHERE id = %s", ada.id);
  const page = await t.page("/dashboard/settings/activity", { user: ada });
  await page.getByText("comes back, so you miss what we tell you").waitFor();
  await t.inFourForms(page, "undeliverable");
  await page.getByRole("link", { name: "Change your address" }).click();
  await page.getByLabel("New address").fill(`new.${ada.email}`);
  await page.keyboard.press("Enter");
  const { link } = await t.letter(`new.${ada.email}`);
  await page.goto(link);
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.getByRole("link", { name: "Go on to the dashboard" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  assert.equal(await page.getByText("comes back, so you miss").count(), 0);
});

test("a code at sign-in is set up and used and switched off", async t => {
  const ada = await t.user();
  const page = await t.page("/dashboard/settings/security", { user: ada });
  await t.tabTo(page, page.getByRole("button", { name: "Set up an app" }));
  await page.keyboard.press("Enter");
  await page.getByRole("img", { name: "QR code" }).waitFor();
  await t.look(page, "security-scan");
  const secret = (await page.locator("code.secret").textContent()).replaceAll(" ", "");
  t.expects(page, "POST /api/v1/auth/totp/confirm", 403);
  const code = page.getByLabel("Code that the app shows now");
  await t.tabTo(page, code);
  await page.keyboard.type("12345");
  await page.keyboard.press("Enter");
  await page.getByText("This code is not right").waitFor();
  assert.equal(await code.getAttribute("aria-invalid"), "true");
  await code.fill(await t.ask("code", { secret }));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Keep these recovery codes" }).waitFor();
  const codes = await page.locator("ol.codes code").allTextContents();
  assert.equal(codes.length, 10);
  await t.inFourForms(page, "security-codes");
  await page.evaluate(() => navigator.clipboard.writeText = () => Promise.reject(new Error("refused")));
  await page.getByRole("button", { name: "Copy" }).click();
  await page.getByText("Select the text and copy it yourself").waitFor();
  await page.evaluate(() => URL.revokeObjectURL = () => window.isRevoked = true);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
  assert.match(download.suggestedFilename(), /^recovery-codes-.*\.txt$/);
  assert.equal(await page.evaluate(() => window.isRevoked), undefined); // while the browser may still read it

  // They are there until their user has kept them, or wants to leave all the same.
  const question = page.getByRole("dialog", { name: "Leave without the recovery codes?" });
  await page.getByRole("link", { name: "Activity" }).click();
  await question.getByRole("button", { name: "Stay here" }).click();
  await page.getByRole("heading", { name: "Keep these recovery codes" }).waitFor();
  await page.getByRole("link", { name: "Activity" }).click();
  await question.getByRole("button", { name: "Leave" }).click();
  await page.getByText("Sign-in needs a code from now on").waitFor();
  await page.goBack();
  await page.getByText("10 recovery codes are left").waitFor();
  assert.equal(await page.locator("ol.codes").count(), 0);
  await page.getByRole("button", { name: "New recovery codes" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "New recovery codes" }).click();
  await page.locator("ol.codes code").nth(9).waitFor();
  codes.splice(0, 10, ...await page.locator("ol.codes code").allTextContents());
  await t.press(page, page.getByRole("button", { name: "I have kept them" }));
  await page.getByText("10 recovery codes are left").waitFor();

  await page.getByRole("button", { name: "Sign out" }).click();
  await signIn(page, ada);
  await page.getByText("Your password is right").waitFor();
  await t.look(page, "sign-in-code");
  t.expects(page, "POST /api/v1/auth/login/code", 403);
  await page.keyboard.type("000 000");
  await page.keyboard.press("Enter");
  await page.getByText("This code is not right").waitFor();
  await page.getByLabel("Code", { exact: true }).fill(codes[0]);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.goto("/dashboard/settings/security");
  await page.getByText("9 recovery codes are left").waitFor();
  await t.look(page, "security-on");

  // The password and a code are asked for over the page, at once.
  await t.inject(page, "DELETE /api/v1/auth/totp", "recent_auth_required");
  await t.press(page, page.getByRole("button", { name: "Switch off" }));
  await t.press(page, page.getByRole("dialog").getByRole("button", { name: "Switch off" }));
  const dialog = page.getByRole("dialog", { name: "Your password, please" });
  await dialog.getByLabel("Password").fill(ada.password);
  await dialog.getByLabel("Code").fill(codes[1]);
  await t.inFourForms(page, "confirm-again");
  await page.keyboard.press("Enter");
  await page.getByText("The code at sign-in is off").waitFor();
  await page.getByRole("button", { name: "Set up an app" }).waitFor();
});

test("a session that ends is told where the question for it did not come", async t => {
  const ada = await t.user({ key: false });
  const page = await t.page(null, { user: ada });
  t.expects(page, "GET /dashboard/again.js", "failed");
  await page.route("**/again.js", call => call.abort());
  await page.goto("/dashboard/settings");
  await page.getByLabel("Your name").fill("Ada Lovelace");
  await endSessions(t, ada);
  t.expects(page, "PATCH /api/v1/me", 401);
  await page.getByLabel("Your name").press("Enter");
  await page.getByText("Your session has ended").waitFor();
  assert.equal(await page.getByLabel("Your name").inputValue(), "Ada Lovelace");
  await page.unrouteAll(); // and it is asked once it comes
  await page.getByLabel("Your name").press("Enter");
  await page.getByRole("dialog").getByLabel("Password").fill(ada.password);
  await page.keyboard.press("Enter");
  await page.getByText("Your name is saved").waitFor();
});

test("a session that ends while somebody types loses no word", async t => {
  const ada = await t.user();
  const page = await t.page("/dashboard/settings", { user: ada });
  await page.getByLabel("Your name").fill("Ada Lovelace");
  await page.getByLabel("New address").fill("half.typed@example");
  await endSessions(t, ada);
  t.expects(page, "PATCH /api/v1/me", 401);
  await page.getByLabel("Your name").press("Enter");
  const dialog = page.getByRole("dialog", { name: "Sign in again" });
  await dialog.waitFor();
  await t.inFourForms(page, "sign-in-again");
  await page.keyboard.press("Escape");
  await page.getByText("Your session has ended").waitFor();
  await page.getByLabel("Your name").press("Enter");
  t.expects(page, "POST /api/v1/auth/login", 401);
  await dialog.getByLabel("Password").fill("not this one");
  await page.keyboard.press("Enter");
  await dialog.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
  await dialog.getByLabel("Password").fill(ada.password);
  await page.keyboard.press("Enter");
  await page.getByText("Your name is saved").waitFor();
  assert.equal(await page.getByLabel("New address").inputValue(), "half.typed@example");
  assert.equal((await t.asSession(page, "GET", "/me")).body.data.name, "Ada Lovelace");
});

test("two tabs know of each other", async t => {
  const ada = await t.user(), bob = await t.user();
  const page = await t.page("/dashboard/settings", { user: ada });
  const second = await t.tab(page, "/dashboard/settings");
  await second.getByLabel("Your name").waitFor();
  await second.evaluate(() => sessionStorage.setItem("email", "typed before the sign-in"));
  await t.press(page, page.getByRole("button", { name: "Sign out" }));
  await second.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.equal(await second.getByLabel("Email address").inputValue(), "");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.goBack(); // nothing of the first user is to be seen there
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await signIn(page, bob);
  await second.getByRole("heading", { name: "Settings" }).waitFor();
  for (const tab of [page, second]) {
    await tab.getByText(bob.email).first().waitFor();
    assert.equal(await tab.getByText(ada.email).count(), 0);
  }
  await page.reload();
  await page.getByText(bob.email).first().waitFor();
  // One that has heard of nothing, because it was left, looks when it is shown again.
  await page.evaluate(() => {
    localStorage.removeItem("signed-in");
    setTimeout(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  });
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
});

test("what was typed outlasts the way past the menu", async t => {
  const ada = await t.user({ key: false });
  const page = await t.page("/dashboard/settings", { user: ada });
  const name = page.getByLabel("Your name");
  await name.fill("Half typed");
  await page.getByRole("link", { name: "Skip to the page" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.localName === "h1");
  await page.evaluate(() => fetch("/api/v1/me")); // a page that is made anew would be there by now
  assert.equal(await name.inputValue(), "Half typed");
});

test("what failed on no page is told each time", async t => {
  const ada = await t.user({ key: false });
  const page = await t.page("/dashboard/settings", { user: ada });
  const busy = page.locator("#told").getByText("The server is busy.");
  for (let n = 0; n < 2; n++) {
    await t.inject(page, "POST /api/v1/auth/logout", "busy", { headers: { "Retry-After": "30" } });
    await page.getByRole("button", { name: "Sign out" }).click();
    await busy.waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Your name is saved").waitFor();
    assert.equal(await busy.count(), 0);
  }
});

test("what is looked at again and again is asked once at a time", async t => {
  const page = await t.page("/dashboard/sign-in");
  const running = await page.evaluate(async () => {
    const { every } = await import("/dashboard/ui.js");
    const under = [];
    const show = is => {
      Object.defineProperty(document, "hidden", { value: !is, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    };
    await new Promise(begun => {
      const end = every(0, () => new Promise(done => {
        under.push(done);
        begun(end);
      }));
    });
    show(false);
    show(true);
    return under.length;
  });
  assert.equal(running, 1);
});

test("a change of address that was made meanwhile is not said to be stopped", async t => {
  const ada = await t.user({ key: false });
  const page = await t.page(null, { user: ada });
  const waiting = { email: "new." + ada.email, created_at: "2026-11-02T10:00:00Z" };
  await page.route("**/api/v1/auth/change-email", call => call.request().method() === "GET" ? call.fulfill({ json: { data: { waiting }, meta: {} } }) : call.fallback());
  await page.goto("/dashboard/settings");
  await page.getByText(`A link is on its way to ${waiting.email}`).waitFor();
  await t.sql("UPDATE users SET email = %s WHERE id = %s", waiting.email, ada.id);
  await page.getByRole("button", { name: "Stop this change" }).click();
  await page.getByText(`your address is ${waiting.email} now`).waitFor();
});

test("of two answers the later question counts", async t => {
  const ada = await t.user({ key: false });
  const page = await t.page(null, { user: ada });
  let asked = 0, release;
  const held = new Promise(resolve => release = resolve);
  await page.route("**/api/v1/auth/change-email", async call => {
    if (call.request().method() !== "GET")
      return call.fulfill({ status: 202, json: { data: {}, meta: {} } });
    const waiting = asked++ === 0 ? await held : { email: "new@example.com", created_at: "2026-11-02T10:00:00Z" };
    return call.fulfill({ json: { data: { waiting }, meta: {} } });
  });
  await page.goto("/dashboard/settings");
  await page.getByLabel("New address").fill("new@example.com");
  await page.keyboard.press("Enter");
  const told = page.getByText("A link is on its way to new@example.com");
  await told.waitFor();
  const late = page.waitForResponse("**/api/v1/auth/change-email");
  release(null);
  await (await late).finished();
  await page.evaluate(() => fetch("/api/v1/me")); // what it changes is drawn by now
  assert.equal(await told.count(), 1);
});

test("sessions are listed and ended", async t => {
  const ada = await t.user();
  await t.page("/", { user: ada });
  const other = await t.page("/dashboard/settings/security", { user: ada });
  const page = await t.page("/dashboard/settings/security", { user: ada });
  await page.getByRole("button", { name: "End all others" }).waitFor();
  assert((await page.locator("#main").boundingBox()).width > 1000, "beside the menu, also where there is no notice above");
  await t.steady(page);
  await t.inFourForms(page, "security");
  const ends = page.getByRole("button", { name: /^End the session from/ });
  const n = await ends.count();
  assert(n >= 2);
  await t.inject(page, "DELETE /api/v1/auth/sessions/*", "internal_error");
  await ends.last().click();
  await page.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
  await page.waitForFunction(n => document.querySelectorAll(".session button").length === n, n);
  await t.tabTo(page, ends.last());
  await page.keyboard.press("Enter");
  await page.waitForFunction(n => document.querySelectorAll(".session button").length === n - 1, n);
  await t.press(page, page.getByRole("button", { name: "End all others" }));
  await t.inFourForms(page, "security-end-others");
  await t.press(page, page.getByRole("dialog").getByRole("button", { name: "End all others" }));
  await page.getByText("All other sessions have ended").waitFor();
  assert.equal(await ends.count(), 0);
  t.expects(other, "GET /api/v1/me", 401);
  await other.reload();
  await other.getByRole("heading", { name: "Sign in" }).waitFor();
});

test("mails are chosen and those that did not come are listed", async t => {
  const ada = await t.user();
  const page = await t.page(null, { user: ada });
  const missed = [{ mail: "password_changed", created_at: "2026-11-01T10:00:00Z", failed_at: "2026-11-03T10:00:00Z", came_back: false },
    { mail: "post_failed", created_at: "2026-11-02T10:00:00Z", failed_at: "2026-11-02T10:00:05Z", came_back: true }];
  await page.route("**/api/v1/me/mails", call => call.fulfill({ json: { data: { undelivered: missed }, meta: {} } }));
  await page.goto("/dashboard/settings/notifications");
  const failed = page.getByRole("switch", { name: "A post has failed" });
  await page.getByText("Your password was changed").waitFor();
  await t.inject(page, "PATCH /api/v1/me/notifications", "internal_error");
  await failed.click();
  await page.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
  assert(await failed.isChecked(), "as it is, not as it was wished");
  await page.route("**/api/v1/me/notifications", async call => {
    await call.fetch();
    await call.abort("connectionreset");
  }, { times: 1 });
  t.expects(page, "PATCH /api/v1/me/notifications", "failed");
  await failed.click();
  await page.getByText("It may have been done all the same").waitFor();
  await page.waitForFunction(e => !e.checked, await failed.elementHandle());
  await t.asSession(page, "PATCH", "/me/notifications", { post_failed: true });
  await page.reload();
  await failed.waitFor();
  await t.inFourForms(page, "notifications");
  await t.tabTo(page, failed);
  await page.keyboard.press("Space");
  await page.getByText("Saved.").waitFor();
  await page.reload();
  await failed.waitFor();
  assert(!await failed.isChecked());
});

test("activity goes on as one scrolls", async t => {
  const ada = await t.user();
  await t.sql("INSERT INTO activity (id, user_id, what, by_whom, created_at_us) SELECT UNHEX(CONCAT('019000000000700080', LPAD(HEX(seq), 14, '0')))," +
    " %s, 'name_changed', 'user', 1750000000000000 + seq FROM seq_1_to_120", ada.id);
  const page = await t.page("/dashboard/settings/activity", { user: ada });
  await page.locator(".list > li").first().waitFor();
  await t.inFourForms(page, "activity");
  for (let n = 0; n < 20 && await page.locator(".list > li").count() < 121; n++) {
    await page.mouse.wheel(0, 20_000);
    await page.evaluate(() => new Promise(requestAnimationFrame));
    await page.waitForLoadState("networkidle");
  }
  assert(await page.locator(".list > li").count() >= 121);
});

test("what cannot be loaded says so at its place and can be tried again", async t => {
  const ada = await t.user();
  const page = await t.page(null, { user: ada });
  for (const [path, route, seen] of [["", "auth/change-email", "Change the address"], ["/security", "auth/totp", "Set up an app"],
    ["/security", "auth/sessions", "This one"], ["/notifications", "me/notifications", "A post has failed"], ["/notifications", "me/mails", "all mails have arrived"],
    ["/activity", "me/activity", "Somebody signed in"]]) {
    await t.inject(page, `GET /api/v1/${route}`, "internal_error");
    await page.goto("/dashboard/settings" + path);
    const again = page.getByRole("button", { name: "Try again" });
    await again.waitFor();
    await again.click();
    await page.getByText(seen).first().waitFor();
    await again.waitFor({ state: "detached" });
  }
});

test("errors of every type are shown and leave what was typed", async t => {
  const ada = await t.user();
  const page = await t.page("/dashboard/settings", { user: ada });
  const name = page.getByLabel("Your name");
  await name.fill("Ada");
  for (const [code, said, more] of [["failed", "There is no contact with the server. It may have been done all the same"],
    [502, "makes no sense here (502). It may have been done all the same"], ["busy", "The server is busy. Try again in 2 minutes.",
    { headers: { "Retry-After": "120" } }], ["rate_limited", "Try again in 2 hours.", { headers: { "Retry-After": "7200" } }],
    ["outcome_unknown", "Look whether it was done"], ["account_disabled", "This account is not active"], ["cross_origin", "This request must come from"],
    ["validation_failed", "of the field", { details: [{ code: "too_long", param: "name", message: "of the field" }, { code: "other", param: null, message: "and of none" }] }]]) {
    await t.inject(page, "PATCH /api/v1/me", code, more);
    await name.press("Enter");
    await page.getByText(said).first().waitFor();
    assert.equal(await name.inputValue(), "Ada", code);
  }
  await page.getByRole("alert").getByText("and of none").waitFor();
  assert.equal(await name.getAttribute("aria-invalid"), "true");
  await name.press("Enter");
  await page.getByText("Your name is saved").waitFor();
});
