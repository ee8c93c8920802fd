// Errors of the API that a real one is hard to bring to: the page's own call is answered in its place.
//
//   await t.inject(page, "POST /api/v1/keys", "plan_limit_reached", { details: [{ param: "name", … }] });
//
// code: of lib/base/err.def, which gives status, type and sentence; or a status alone, as an answer that is none of ours (a proxy's 502);
// or "failed": the network is cut. The next one call is answered so, or `times`.

import { randomBytes } from "node:crypto";
import { ask } from "./ask.mjs";
import { pattern } from "./watch.mjs";

let errors = null;

async function row(code) {
  errors ??= (await ask("tables")).errors;
  const found = errors.find(e => e.code === code);
  if (found === undefined)
    throw new Error(`the API has no error ${code}`);
  return found;
}

export async function answerOf(code, { details = [], param = null, headers = {}, platform_error = null, may_exist_id = null, message } = {}) {
  if (typeof code === "number")
    return { status: code, headers: { "Content-Type": "text/html", ...headers }, body: "<html><h1>Something between us</h1></html>" };
  const { status, type, message: sentence, retryable } = await row(code);
  const id = randomBytes(16).toString("hex");
  const error = { code, type, message: message ?? sentence, param, retryable, details, platform_error, may_exist_id };
  return { status, headers: { "Content-Type": "application/json", "X-Request-Id": id, ...headers },
    body: JSON.stringify({ error, meta: { request_id: id } }) };
}

export async function inject(page, route, code, { times = 1, ...more } = {}, watch) {
  const { method, path } = pattern(route);
  const answer = code === "failed" ? null : await answerOf(code, more);
  watch.expects(route, answer?.status ?? "failed");
  let left = times;
  await page.route(url => path.test(url.pathname), call => {
    if (call.request().method() !== method || left === 0)
      return call.fallback();
    left--;
    return answer === null ? call.abort("connectionreset") : call.fulfill(answer);
  });
}
