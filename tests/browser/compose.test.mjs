// The composer: from an empty page to a post, as TikTok's rules want it, whatever the network does.

import { assert, test } from "./lib/test.mjs";

const NEW = "/dashboard/posts/new";
const POST = /\/dashboard\/posts\/[0-9a-f-]{36}$/;
const MANY = Number(process.env.MARKETINGCLI_PHOTO_MB ?? 0); // megabytes of each of the 35 photos; 12 is what people have

const kept = page => page.locator("li.slide[data-state=kept]");
const publish = page => page.getByRole("button", { name: "Publish", exact: true });

// A page of somebody with an account, with photos that have arrived.
async function composer(t, { user: given, photos = 1, size, ...more } = {}) {
  const user = given ?? await t.user({ connected: true });
  const page = await t.page(NEW, { user, ...more });
  await page.locator("#compose-privacy:enabled").waitFor();
  if (photos > 0) {
    await page.locator("#compose-files").setInputFiles(await t.photos(photos, size));
    await kept(page).nth(photos - 1).waitFor();
  }
  return { user, page };
}

// An account of the simulator's for test data, as the page's session makes it, and the page showing test data.
async function testAccount(t, page, wish) {
  await page.addInitScript(() => sessionStorage.setItem("mode", "test"));
  const { status, body } = await t.asSession(page, "POST", "/sandbox/accounts?mode=test", wish);
  assert.equal(status, 201, JSON.stringify(body));
  return body.data.id;
}

const postsOf = async (t, user) => (await t.api(user, "GET", "/posts")).body.data;
const idAt = page => page.url().split("/").at(-1);
const draftOf = page => page.evaluate(() => JSON.parse(Object.entries(localStorage).find(([name]) => name.startsWith("draft."))?.[1] ?? "null"));

test("a first post with the keyboard alone", async t => {
  const ada = await t.user();
  const page = await t.page(NEW, { user: ada });
  const chooser = new Promise(done => page.once("filechooser", done)); // so early that Chromium knows of it when the key comes
  await t.tabTo(page, page.getByRole("button", { name: "Connect an account" }));
  await t.inFourForms(page, "compose-no-account");
  ada.account = await t.connect(ada);
  await page.reload();
  await page.locator("#compose-privacy:enabled").waitFor();
  await t.tabTo(page, "#compose-files");
  await page.keyboard.press("Enter");
  await (await chooser).setFiles(await t.photos(2));
  await kept(page).nth(1).waitFor();
  await t.tabTo(page, page.getByRole("button", { name: "Move photo 1 later" }));
  const first = await kept(page).first().getAttribute("id");
  await page.keyboard.press("Enter");
  assert.equal(await kept(page).nth(1).getAttribute("id"), first);
  await page.getByText("Now 2 of 2.").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.closest("li").id), first);
  await t.tabTo(page, "#compose-title");
  await page.keyboard.type("Harbour");
  await page.keyboard.press("Enter"); // publishes nothing
  await t.tabTo(page, "#compose-privacy");
  await page.keyboard.type("Ev");
  await t.tabTo(page, publish(page));
  await page.keyboard.press("Enter");
  await page.waitForURL(POST);
  const post = await t.ended(ada, idAt(page));
  assert.equal(post.status, "published");
  assert.deepEqual(post.platform_options, { post_mode: "DIRECT_POST", privacy_level: "PUBLIC_TO_EVERYONE", disable_comment: true, auto_add_music: false,
    brand_content_toggle: false, brand_organic_toggle: false, photo_cover_index: 0, is_aigc: false });
  assert.equal((await postsOf(t, ada)).length, 1);
  assert.equal(await draftOf(page), null);
});

test("TikTok's rules for what is chosen", async t => {
  const { user, page } = await composer(t);
  const { body } = await t.api(user, "GET", "/accounts/" + user.account);
  const privacy = page.locator("#compose-privacy"), disclose = page.locator("#compose-disclose"), branded = page.locator("#compose-branded");
  await page.getByText(body.data.platform_data.creator_nickname).first().waitFor();
  assert.equal(await privacy.inputValue(), "");
  assert.deepEqual(await privacy.locator("option:not([disabled])").evaluateAll(all => all.map(o => o.value)), body.data.platform_data.privacy_level_options);
  for (const off of ["comments", "music", "ai", "disclose"])
    assert.equal(await page.locator(`#compose-${off}`).isChecked(), false);
  const consent = async () => (await page.locator(".consent").innerText()).trim();
  const links = () => page.locator(".consent a").evaluateAll(all => all.map(a => a.href));
  const MUSIC = "https://www.tiktok.com/legal/page/global/music-usage-confirmation/en", POLICY = "https://www.tiktok.com/legal/page/global/bc-policy/en";
  assert.equal(await consent(), "By posting, you agree to TikTok's Music Usage Confirmation");
  assert.deepEqual(await links(), [MUSIC]);

  await t.press(page, disclose, "Space");
  const why = "You need to indicate if your content promotes yourself, a third party, or both.";
  assert.equal(await publish(page).isDisabled(), true);
  assert.equal(await page.locator(".compose-send [title]").getAttribute("title"), why);
  await page.locator(".label-told", { hasText: why }).waitFor();
  await t.look(page, "compose-undisclosed");
  await t.press(page, page.locator("#compose-own"), "Space");
  await page.getByText("Your photo/video will be labeled as 'Promotional content'", { exact: true }).waitFor();
  assert.equal(await consent(), "By posting, you agree to TikTok's Music Usage Confirmation");
  await t.press(page, branded, "Space");
  await page.getByText("Your photo/video will be labeled as 'Paid partnership'", { exact: true }).waitFor();
  assert.equal(await consent(), "By posting, you agree to TikTok's Branded Content Policy and Music Usage Confirmation.");
  assert.deepEqual(await links(), [POLICY, MUSIC]);
  assert.equal(await publish(page).isDisabled(), false);

  const onlyMe = privacy.locator("option[value=SELF_ONLY]"), never = "Branded content visibility cannot be set to private.";
  assert.deepEqual([await onlyMe.isDisabled(), await onlyMe.getAttribute("title")], [true, never]);
  await page.locator("#compose-privacy-said", { hasText: never }).waitFor();
  await branded.uncheck();
  await privacy.selectOption("SELF_ONLY");
  assert.equal(await branded.isDisabled(), true);
  await page.locator("#compose-branded-said", { hasText: never }).waitFor();

  await page.getByLabel("Send it as a draft to the TikTok inbox").check();
  assert.equal(await privacy.count(), 0);
  await page.getByRole("button", { name: "Send the draft to TikTok" }).click();
  await page.waitForURL(POST);
  assert.equal((await t.ended(user, idAt(page))).status, "in_inbox");
});

test("a creator who cannot post or takes no comments", async t => {
  const ada = await t.user();
  const page = await t.page(null, { user: ada });
  await testAccount(t, page, { post_block: "spam_risk_too_many_posts", comment_disabled: true });
  await page.goto(NEW);
  await page.getByText("TikTok's code for this: spam_risk_too_many_posts").waitFor();
  assert.equal(await publish(page).isDisabled(), true);
  await t.inFourForms(page, "compose-blocked");
  const open = await testAccount(t, page, { comment_disabled: true });
  await page.reload();
  await page.locator("#compose-account").selectOption(open);
  await page.locator("#compose-privacy:enabled").waitFor();
  assert.equal(await page.locator("#compose-comments").isDisabled(), true);
  await t.look(page, "compose-choice-of-account");
});

test("an account that must be connected again", async t => {
  const { user, page } = await composer(t, { photos: 0 });
  await t.sql("UPDATE accounts SET state = 'needs_reconnect' WHERE id = %s", user.account);
  await page.reload();
  await page.getByText("TikTok no longer accepts this connection").waitFor();
  assert.equal(await publish(page).isDisabled(), true);
});

test("all problems at once and at their place", async t => {
  const { user, page } = await composer(t, { photos: 0 });
  await t.steady(page);
  await page.locator("#compose-title").fill("x".repeat(89) + "😀");
  await page.locator("#compose-title-said", { hasText: "1 too many for TikTok. 91 of 90" }).waitFor();
  await page.locator("#compose-description").fill("x".repeat(4001));
  await publish(page).click();
  const said = name => page.locator(`#compose-${name}-said`);
  await said("files").getByText("Add at least one photo.").waitFor();
  await said("title").getByText("TikTok allows 90 here.").waitFor();
  await said("description").getByText("TikTok allows 4000 here.").waitFor();
  await said("privacy").getByText("Choose who can see it.").waitFor();
  await page.getByText("4 things need your attention.").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "compose-files");
  await t.inFourForms(page, "compose-problems");
  await page.locator("#compose-description").fill("fine");
  await page.getByLabel("Send only what fits into 90").check();
  await page.getByText("2 things need your attention.").waitFor();
  assert.equal(await page.locator(".caption .title").innerText(), "x".repeat(89));

  t.expects(page, "POST /api/v1/uploads", 415);
  const [photo] = await t.photos(1);
  await page.locator("#compose-files").setInputFiles(photo);
  await page.locator("#compose-files").setInputFiles([{ name: "no.jpg", mimeType: "image/jpeg", buffer: Buffer.from("no image") },
    { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("notes") }]);
  await page.locator("li[data-state=refused]").nth(1).waitFor();
  await kept(page).waitFor();
  await page.locator("#compose-privacy").selectOption("SELF_ONLY");
  await publish(page).click();
  await page.getByText("2 things need your attention.").waitFor();
  for (let n = 0; n < 2; n++)
    await page.locator("li[data-state=refused]").first().getByRole("button", { name: /Remove/ }).click();

  const details = ["title", "description", "platform_options.privacy_level", "upload_ids[0]"].map(param => ({ code: "invalid_value", message: `Wrong ${param}.`, param }));
  await t.inject(page, "POST /api/v1/accounts/*/posts", "validation_failed", { details: [...details, { code: "of_another_kind", message: "And this.", param: "elsewhere" }] });
  await publish(page).click();
  for (const text of ["Wrong title.", "Wrong description.", "Wrong platform_options.privacy_level.", "Wrong upload_ids[0].", "And this."])
    await page.getByText(text).waitFor();
  await t.look(page, "compose-refused");
  await t.inject(page, "POST /api/v1/accounts/*/posts", "plan_limit_reached");
  await publish(page).click();
  await page.getByRole("link", { name: "See your plan" }).waitFor();
  for (const code of ["account_needs_reconnect", "rate_limited", "queued_posts_too_many", "budget_account", "internal_error"]) {
    await t.inject(page, "POST /api/v1/accounts/*/posts", code);
    await publish(page).click();
    await page.locator(".compose-send .problem:not(.empty)").waitFor();
  }
  await publish(page).click();
  await page.waitForURL(POST);
  assert.deepEqual((await postsOf(t, user)).map(p => p.title), ["x".repeat(89)]);
});

test("an image that says that AI made it", async t => {
  const { page, user } = await composer(t, { photos: 3, size: { says: [null, "generated", "edited"] } });
  for (const [i, word] of ["Says nothing of AI", "Says AI made it", "Says AI edited it"].entries())
    await kept(page).nth(i).locator(".badge", { hasText: word }).waitFor();
  const hint = page.locator("#compose-ai-said");
  await hint.getByText("One photo says that AI made it, so this must be on.").waitFor();
  assert.equal(await page.locator("#compose-ai").isChecked(), false); // it is said, and not done for them
  await page.locator("#compose-privacy").selectOption("SELF_ONLY");
  t.expects(page, "POST /api/v1/accounts/*/posts", 422);
  await publish(page).click();
  await kept(page).nth(1).getByText("Switch “Made with AI” on, or remove it.").waitFor();
  await page.getByRole("button", { name: "Move photo 2 earlier" }).click();
  await kept(page).first().getByText("Switch “Made with AI” on, or remove it.").waitFor();
  await t.look(page, "compose-ai");
  await page.locator("#compose-ai").check();
  await hint.getByText("TikTok labels the post as AI-generated.").waitFor();
  await publish(page).click();
  await page.waitForURL(POST);
  const { body } = await t.api(user, "GET", "/posts/" + idAt(page));
  assert.equal(body.data.platform_options.is_aigc, true);
  assert.deepEqual(body.data.images.map(i => i.provenance), ["ai_generated", "none_found", "ai_edited"]);
});

test("an answer that was lost posts once", async t => {
  const { user, page } = await composer(t);
  await page.locator("#compose-privacy").selectOption("SELF_ONLY");
  await page.locator("#compose-title").fill("Once");
  t.expects(page, "POST /api/v1/accounts/*/posts", "failed");
  let lost = 0;
  await page.route(url => url.pathname.endsWith("/posts"), async call => {
    if (call.request().method() !== "POST")
      return call.fallback();
    if (lost++ === 0)
      await call.fetch();
    await call.abort("connectionreset");
  });
  await publish(page).click();
  await page.getByText("It is not known whether your last try arrived.").waitFor();
  await page.unrouteAll();
  // A key of the day before is as good as new, so it is asked first.
  const age = hours => page.evaluate(hours => {
    const name = Object.keys(localStorage).find(n => n.startsWith("draft.")), draft = JSON.parse(localStorage.getItem(name));
    draft.sent.at -= hours * 3600_000;
    localStorage.setItem(name, JSON.stringify(draft));
  }, hours);
  await age(24);
  await page.reload();
  await kept(page).waitFor();
  await publish(page).click();
  await page.getByRole("dialog").getByText("Is this post there already?").waitFor();
  await t.look(page, "compose-overdue");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  assert.equal((await postsOf(t, user)).length, 1);
  await age(-24);
  await page.reload();
  await page.getByText("It is not known whether your last try arrived.").waitFor();
  await t.look(page, "compose-unknown");
  await kept(page).waitFor();
  // A refusal that comes before anybody looks for an earlier try says nothing of one.
  await t.inject(page, "POST /api/v1/accounts/*/posts", "rate_limited");
  await publish(page).click();
  await page.getByText("Those were too many requests in a short time.").waitFor();
  await page.getByText("It is not known whether your last try arrived.").waitFor();
  await page.locator("#compose-title").fill("Twice");
  t.expects(page, "POST /api/v1/accounts/*/posts", 422);
  await publish(page).click();
  await page.waitForURL(POST);
  await page.getByText("An earlier try had arrived").waitFor();
  assert.deepEqual((await postsOf(t, user)).map(p => p.title), ["Once"]);
});

test("a draft is there again after a reload", async t => {
  const { user, page } = await composer(t, { photos: 3 });
  await page.locator("#compose-title").fill("Kept");
  await page.locator("#compose-description").fill("two\nlines");
  await page.locator("#compose-privacy").selectOption("SELF_ONLY");
  await page.locator("#compose-music").check();
  const { uploads } = await draftOf(page);
  await t.api(user, "DELETE", "/uploads/" + uploads[1]);
  await page.reload();
  await kept(page).nth(1).waitFor();
  await page.locator("li[data-state=gone]").getByText("This photo is no longer here").waitFor();
  await page.locator("#compose-privacy option[value=SELF_ONLY]").waitFor({ state: "attached" }); // the creator's choices come later than the photos
  assert.deepEqual([await page.locator("#compose-title").inputValue(), await page.locator("#compose-description").inputValue(), await page.locator("#compose-privacy").inputValue()],
    ["Kept", "two\nlines", "SELF_ONLY"]);
  assert.equal(await page.locator("#compose-music").isChecked(), true);
  await page.locator("li[data-state=gone]").getByRole("button", { name: "Remove photo 2" }).click();
  await page.goto("/dashboard/keys");
  await page.goBack();
  await kept(page).nth(1).waitFor();
  // What draws the photos does not come: the rest is there, and nothing is lost.
  t.expects(page, "GET /dashboard/pages/compose-slides.js", "failed");
  await page.route("**/compose-slides.js", call => call.abort());
  await page.reload();
  await page.getByText("There is no contact with the server. Check your connection, then try again.").waitFor();
  assert.equal(await page.locator("#compose-title").inputValue(), "Kept");
  assert.equal((await draftOf(page)).uploads.length, 2);
  await page.unrouteAll();
  await page.getByRole("button", { name: "Try again" }).click();
  await kept(page).nth(1).waitFor();
  await t.press(page, page.getByRole("button", { name: "Discard" }));
  await t.look(page, "compose-discard");
  await t.press(page, page.getByRole("dialog").getByRole("button", { name: "Discard" }));
  await page.getByText("Your photos appear here.").waitFor();
  assert.equal(await page.locator("#compose-title").inputValue(), "");
  for (const id of [uploads[0], uploads[2]])
    await assert.doesNotReject(page.waitForFunction(async id => (await fetch("/api/v1/uploads")).json().then(({ data }) => !data.some(u => u.id === id)), id));
});

test("a draft is discarded while the accounts are not known", async t => {
  const { page } = await composer(t);
  await page.locator("#compose-title").fill("Not to be");
  await t.inject(page, "GET /api/v1/accounts", "internal_error");
  await page.reload();
  await kept(page).waitFor();
  await page.getByRole("button", { name: "Discard" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Discard" }).click();
  await page.getByText("Your photos appear here.").waitFor();
  assert.equal(await page.locator("#compose-title").inputValue(), "");
});

test("one tab at a time writes the draft", async t => {
  const { page } = await composer(t);
  await page.locator("#compose-title").fill("From the first tab");
  const other = await t.tab(page, NEW);
  await other.getByText("This post is being written in another tab.").waitFor();
  await t.look(other, "compose-elsewhere");
  await t.press(other, other.getByRole("button", { name: "Go on here" }));
  await kept(other).waitFor();
  assert.equal(await other.locator("#compose-title").inputValue(), "From the first tab");
  await other.locator("#compose-title").fill("From the second tab");
  await page.getByText("This post is being written in another tab.").waitFor();
  await other.close();
  await kept(page).waitFor();
  assert.equal(await page.locator("#compose-title").inputValue(), "From the second tab");
});

test("35 photos with the network cut in between", async t => {
  const { page, user } = await composer(t, { photos: 0 });
  t.expects(page, "POST /api/v1/uploads", "failed");
  t.watch(page).tolerate(f => f.status === "failed" && f.path?.endsWith("/image")); // pictures that were on their way, too
  const photos = await t.photos(36, MANY > 0 ? { width: 3000, height: 4000, mb: MANY } : {});
  await page.locator("#compose-files").setInputFiles(photos);
  await page.getByText("A post has at most 35 photos, so 1 was left out.").first().waitFor();
  await kept(page).nth(4).waitFor();
  await page.context().setOffline(true);
  await page.getByText("The connection is interrupted.").waitFor();
  await t.screenshot(page, "compose-offline");
  await page.context().setOffline(false);
  await kept(page).nth(34).waitFor({ timeout: 240_000 });
  await page.waitForFunction(() => document.querySelector("img.broken") === null);
  const ids = (await draftOf(page)).uploads;
  assert.equal(new Set(ids).size, 35);
  const sent = await t.sql("SELECT COUNT(*) AS n FROM uploads WHERE user_id = %s", user.id);
  assert.equal(Number(sent[0].n), 35); // none twice
  await page.locator("#compose-privacy").selectOption("SELF_ONLY");
  await publish(page).click();
  await page.waitForURL(POST);
  const { body } = await t.api(user, "GET", "/posts/" + idAt(page));
  assert.deepEqual(body.data.images.map(i => i.upload_id), ids);
});

test("photos come by dropping and pasting and are ordered by dragging", async t => {
  const { page } = await composer(t, { photos: 2 });
  const add = kind => page.evaluate(async kind => {
    const canvas = new OffscreenCanvas(300, 400);
    canvas.getContext("2d").fillRect(0, 0, 300, 400);
    const data = new DataTransfer();
    data.items.add(new File([await canvas.convertToBlob({ type: "image/png" })], `${kind}.png`, { type: "image/png" }));
    const options = { bubbles: true, cancelable: true };
    document.body.dispatchEvent(kind === "paste" ? new ClipboardEvent("paste", { ...options, clipboardData: data }) : new DragEvent("drop", { ...options, dataTransfer: data }));
  }, kind);
  await add("drop");
  await kept(page).nth(2).waitFor();
  await add("paste");
  await kept(page).nth(3).waitFor();
  await kept(page).nth(2).getByText("Changed: saved anew").waitFor();
  const order = () => kept(page).evaluateAll(all => all.map(li => li.id));
  const before = await order();
  await kept(page).nth(0).scrollIntoViewIfNeeded();
  const from = await kept(page).nth(0).locator(".thumb").boundingBox(), to = await kept(page).nth(2).boundingBox();
  await page.mouse.move(from.x + 20, from.y + 20);
  await page.mouse.down();
  await page.mouse.move(from.x + 20, to.y + to.height / 2 - 5, { steps: 4 });
  await page.mouse.move(from.x + 20, to.y + to.height / 2 + 5, { steps: 2 });
  await page.mouse.up();
  assert.deepEqual(await order(), [before[1], before[2], before[0], before[3]]);
  assert.deepEqual((await draftOf(page)).uploads.length, 4);
  const { uploads } = await draftOf(page);
  const covers = () => kept(page).evaluateAll(all => all.map(li => li.querySelector("[name=cover]").checked));
  await kept(page).nth(1).getByLabel("Cover").check();
  await page.getByRole("button", { name: "Move photo 2 later" }).click();
  assert.deepEqual(await covers(), [false, false, true, false]);
  await page.getByRole("button", { name: "Remove photo 3" }).click();
  assert.deepEqual(await covers(), [true, false, false]);
  await page.waitForFunction(async id => (await fetch("/api/v1/uploads")).json().then(({ data }) => !data.some(u => u.id === id)), uploads[1]);
});

test("the preview has each photo as TikTok gets it", async t => {
  const { page, user } = await composer(t, { photos: 1, size: { width: 2000, height: 1000 } });
  await page.locator("#compose-files").setInputFiles(await t.photos(1, { width: 1080, height: 1920 }));
  await kept(page).nth(1).waitFor();
  await page.locator("#compose-title").fill("Harbour");
  const boxes = await page.locator(".stage").evaluateAll(async all => Promise.all(all.map(async stage => {
    const image = stage.querySelector("img");
    image.scrollIntoView();
    await image.decode();
    const box = image.getBoundingClientRect(), frame = stage.getBoundingClientRect();
    const scale = Math.min(box.width / image.naturalWidth, box.height / image.naturalHeight); // object-fit: contain
    return { fit: getComputedStyle(image).objectFit, ratio: frame.height / frame.width, isWhole: Math.abs(box.width - frame.width) < 1 && Math.abs(box.height - frame.height) < 1,
      kept: [image.naturalWidth, image.naturalHeight], share: image.naturalHeight * scale / frame.height };
  })));
  const { uploads } = await draftOf(page);
  const sizes = await Promise.all(uploads.map(async id => (await t.api(user, "GET", "/uploads/" + id)).body.data));
  boxes.forEach((box, i) => {
    assert.equal(box.fit, "contain");
    assert.ok(box.isWhole && Math.abs(box.ratio - 1920 / 1080) < 0.01, JSON.stringify(box));
    assert.deepEqual(box.kept, [sizes[i].width, sizes[i].height]);
  });
  assert.ok(Math.abs(boxes[0].share - (1080 / 2) / 1920) < 0.01 && Math.abs(boxes[1].share - 1) < 0.01, JSON.stringify(boxes));
  await page.getByText("The photos are not all of one shape.").waitFor();
  await page.locator(".strip").focus();
  await page.locator(".strip").press("Home");
  await page.getByText("1 / 2").waitFor();
  await page.locator(".strip").press("ArrowRight");
  await page.getByText("2 / 2").waitFor();
  await page.getByRole("button", { name: "Photo before" }).click();
  await page.getByText("1 / 2").waitFor();
  await t.inFourForms(page, "compose-filled");
});

test("a session that ends in the middle of writing loses no word", async t => {
  const { page, user } = await composer(t);
  await page.locator("#compose-title").fill("Not lost");
  await page.locator("#compose-privacy").selectOption("SELF_ONLY");
  await page.context().clearCookies();
  t.expects(page, "POST /api/v1/accounts/*/posts", 401);
  await publish(page).click();
  await page.getByRole("dialog").getByLabel("Password").fill(user.password);
  await page.keyboard.press("Enter");
  await page.waitForURL(POST);
  assert.deepEqual((await postsOf(t, user)).map(p => p.title), ["Not lost"]);
});

// What is typed in the page once the session has ended, while the next page is still on its way.
async function typeOn(page, next) {
  await page.route(next, async call => {
    await new Promise(done => setTimeout(done, 500));
    await call.continue();
  }, { times: 1 });
  await page.evaluate(() => {
    const timer = setInterval(() => {
      if (localStorage.getItem("signed-in") !== null)
        return;
      clearInterval(timer);
      const title = document.querySelector("#compose-title");
      title.value = "Typed since";
      title.dispatchEvent(new Event("input", { bubbles: true }));
    }, 10);
  });
}

test("a sign-out leaves no draft behind, and asks before", async t => {
  const ada = await t.user({ connected: true });
  const page = await t.page("/dashboard/posts/new", { user: ada });
  await page.locator("#compose-title").fill("Not sent");
  const drafts = () => page.evaluate(() => Object.keys(localStorage).filter(name => name.startsWith("draft.")));
  const out = page.getByRole("button", { name: "Sign out" }).first(), dialog = page.getByRole("dialog");
  await out.click();
  await dialog.getByText("There is a post here that you have not sent.").waitFor();
  await t.look(page, "sign-out-unsent");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  assert.equal((await drafts()).length, 1);
  await out.click();
  await typeOn(page, "**/dashboard/sign-in");
  await dialog.getByRole("button", { name: "Sign out and delete it" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.deepEqual(await drafts(), []);
  await page.goBack();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.equal(await page.getByText("Not sent").count(), 0);
});

test("a sign-out in another tab leaves no draft behind", async t => {
  const ada = await t.user({ connected: true });
  const page = await t.page("/dashboard/posts/new", { user: ada });
  await page.locator("#compose-title").fill("Not sent");
  const other = await t.tab(page, "/dashboard/settings");
  await other.getByRole("button", { name: "Sign out" }).click();
  await typeOn(page, "**/dashboard/posts/new");
  await other.getByRole("button", { name: "Sign out and delete it" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage)), []);
});
