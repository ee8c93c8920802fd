// Sends one request with undici's own RetryAgent, which repeats it until it gets an answer that is none of its failures, and
// tells that answer. What it sends is made here once: ADDRESS, HEADERS (JSON) and FIELDS (JSON: [[name, text or null]], null
// stands for the image in IMAGE) or BODY.
import { readFileSync } from "node:fs";
import { Agent, FormData, Response, RetryAgent, request } from "undici";
import { Blob } from "node:buffer";

const { ADDRESS, HEADERS, FIELDS, BODY, IMAGE } = process.env;
let sent = 0;

class Counting extends Agent {
  dispatch(...args) {
    sent++;
    return super.dispatch(...args);
  }
}

// As bytes: RetryAgent takes a FormData for a list of chunks.
function form() {
  const made = new FormData();
  for (const [name, text] of JSON.parse(FIELDS))
    text === null ? made.append(name, new Blob([readFileSync(IMAGE)], { type: "image/jpeg" }), "1.jpg") : made.append(name, text);
  return new Response(made);
}

const dispatcher = new RetryAgent(new Counting(), {
  methods: ["POST"],
  statusCodes: [409, 500, 502, 503, 504],
  maxRetries: 40,
  minTimeout: 50,
  maxTimeout: 500,
  timeoutFactor: 1,
});
const encoded = FIELDS ? form() : new Response(BODY, { headers: { "content-type": "application/json" } });
const answer = await request(ADDRESS, {
  method: "POST",
  headers: { ...JSON.parse(HEADERS), "content-type": encoded.headers.get("content-type") },
  body: Buffer.from(await encoded.arrayBuffer()),
  dispatcher,
});
const text = await answer.body.text();
process.stdout.write(JSON.stringify({ status: answer.statusCode, replayed: answer.headers["idempotent-replayed"] ?? null, sent, text }) + "\n");
process.exit(0);
