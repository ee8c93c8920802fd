// The ways that many tests go.

const ORIGIN = process.env.ORIGIN, SIMULATOR = process.env.SIMULATOR;

// The context's pages are the user's from now on, without the form, which has tests of its own.
export async function signIn(context, { email, password }) {
  const answer = await context.request.post(ORIGIN + "/api/v1/auth/login", { data: { email, password }, headers: { Origin: ORIGIN } });
  if (answer.status() !== 200)
    throw new Error(`sign-in: ${answer.status()} ${await answer.text()}`);
}

// On the simulator's page of consent, to which the page has gone or is going: what a creator does there, until we have them back.
export async function consent(page, { username, decision = "allow", isPrivate = false, commentsDisabled = false } = {}) {
  await page.waitForURL(url => url.origin === SIMULATOR);
  if (username !== undefined)
    await page.getByLabel("Username").fill(username);
  if (isPrivate)
    await page.getByLabel("The account is private").check();
  if (commentsDisabled)
    await page.getByLabel("Nobody may comment").check();
  await page.locator(`button[name=decision][value=${decision}]`).click();
  await page.waitForURL(url => url.origin === ORIGIN);
}
