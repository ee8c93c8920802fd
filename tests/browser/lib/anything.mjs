// Clicks and keys at random, over all pages: no error, no dead end, nothing cut off. The seeds are the same each time, so that a run is told
// by the commit; MARKETINGCLI_SEED is another one for all of them. They are three hundred in all; MARKETINGCLI_ACTIONS=2000
// does as many. Two files share the runs, and are the first that are taken: they take longer than any other.

import assert from "node:assert/strict";
import { signIn } from "./flows.mjs";
import { Roamer } from "./roam.mjs";

const OUTSIDE = ["/", "/change-password", "/verify-email", "/reset-password", "/change-email", "/undo-email", "/unsubscribe"];
// What would end the run: their own user, and the session. An erasure is asked for by a button, whose page may be looked at.
const NEVER = "sign out|delete (my|the|your) (account|data)|delete everything";
const SEED = Number(process.env.MARKETINGCLI_SEED ?? 0);
const SHARE = Number(process.env.MARKETINGCLI_ACTIONS ?? 300) / 2000;

// The dashboard's routes, as its own table has them.
async function routes(page) {
  await page.goto("/dashboard");
  return page.evaluate(async () => (await import("/dashboard/routes.js")).routes.map(({ path, who }) => ({ path, who })));
}

function opened(table, who, ids) {
  return table.filter(r => who.includes(r.who)).map(r => "/dashboard" + r.path.replace(/:(\w+)/g, name => ids[`${r.path}`] ?? ids[name]));
}

async function roam(t, page, given) {
  const watch = t.watch(page);
  watch.tolerate(f => f.kind === "refusal" && f.status < 500 // what is typed at random is refused
    || f.kind === "refusal" && f.status === 503 && f.method === "GET" && f.path === "/api/v1/usage" // and these clicks are too quick: a few sums at a time
    || f.kind === "console" && f.text.startsWith("verbose: [DOM] Password forms should have"));
  const roamer = new Roamer(page, { ...given, seed: SEED || given.seed, watch });
  await roamer.run(Math.round(given.actions * SHARE));
  return roamer;
}

export async function stranger(t, seed, actions) {
  const page = await t.page();
  const table = await routes(page);
  const paths = [...OUTSIDE, ...opened(table, ["guest", "anyone"], { ":receipt": "r".repeat(43) })];
  await roam(t, page, { seed, actions, paths, comeBack: () => page.goto(paths[0]) });
}

export async function owner(t, seed, actions) {
  const ada = await t.user({ connected: true });
  const posts = [await t.post(ada), await t.post(ada, { text: "[[fail:spam_risk_text]]" })];
  const [{ id: key }] = (await t.sql("SELECT LOWER(HEX(id)) AS id FROM api_keys WHERE user_id = %s", ada.id));
  const uuid = key.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  const page = await t.page(null, { user: ada });
  const paths = opened(await routes(page), ["session", "anyone"],
    { "/posts/:id": posts[seed % 2].id, "/keys/:id": uuid, ":receipt": "r".repeat(43), ":id": uuid });
  const isHere = url => url.origin === t.url && !/\/(sign-in|register|forgot-password)$/.test(url.pathname);
  const comeBack = async () => { // from TikTok, Stripe, or because they have ended their own session
    await signIn(page.context(), ada);
    await page.goto("/");
    await page.evaluate(() => localStorage.setItem("signed-in", ""));
    await page.goto(paths[0]);
  };
  const { visited } = await roam(t, page, { seed, actions, paths, never: NEVER, isHere, comeBack });
  assert(visited.size > paths.length / 3, `only ${[...visited]}`);
}
