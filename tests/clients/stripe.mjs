// Stripe's own client, as somebody else's opinion on lib/stripe (tests/api/test_stripe_client.py).
//
//    stripe.mjs calls    the calls of tests/fixtures/stripe.c, in its order, to the HTTP server at $PORT
//    stripe.mjs sign     answers each line {payload, secret, timestamp} with a Stripe-Signature header
//    stripe.mjs construct    answers each line {payload, header, secret, now}, payload a text, with what it makes of the event
//    stripe.mjs call     makes the call of each line {call, args}, such as {"call": "customers.create", "args": [{...}]}, at
//                        the simulator ($HOST, $PORT, $KEY), and answers with what it got: {result} or {error}
//    stripe.mjs judge    answers each line {payload, header, secret, now} with {good}: what its verification says

import { Agent } from "node:https";
import { createInterface } from "node:readline";
import Stripe from "stripe";

const USER = "01890a5d-ac96-774b-bcce-b302099a8057";
const at = { host: "127.0.0.1", port: Number(process.env.PORT ?? 0), protocol: "http", maxNetworkRetries: 0, telemetry: false };
const stripe = new Stripe("rk_test_key", at);

const checkout = {
  mode: "subscription",
  customer: "cus_1",
  client_reference_id: USER,
  line_items: [{ price: "price_1", quantity: 1 }],
  success_url: "https://app.example.org/billing/done?session_id={CHECKOUT_SESSION_ID}",
  cancel_url: "https://app.example.org/billing/canceled",
  metadata: { user_id: USER },
  subscription_data: { metadata: { user_id: USER } },
};

async function calls() {
  const types = JSON.parse(process.env.TYPES);
  const key = (n) => ({ idempotencyKey: `key-${n}` });
  await stripe.customers.create({ email: "a+b&c=é@example.org", metadata: { user_id: USER } }, key(1));
  await stripe.customers.update("cus_1", { email: "new@example.org" }, key(2));
  await stripe.customers.retrieve("cus_1");
  await stripe.customers.del("cus_1");
  await stripe.checkout.sessions.create(checkout, key(3));
  await stripe.checkout.sessions.create(
    {
      ...checkout,
      subscription_data: { ...checkout.subscription_data, trial_period_days: 14 },
      expires_at: 1789000000,
      consent_collection: { terms_of_service: "required" },
    },
    key(4),
  );
  await stripe.checkout.sessions.retrieve("cs_test_1");
  await stripe.checkout.sessions.expire("cs_test_1", {}, key(5));
  await stripe.checkout.sessions.list({ customer: "cus_1", status: "open", limit: 20 });
  await stripe.billingPortal.sessions.create({ customer: "cus_1", return_url: "https://app.example.org/billing" }, key(6));
  await stripe.subscriptions.list({ customer: "cus_1", status: "all", limit: 20, starting_after: "sub_9" });
  await stripe.subscriptions.retrieve("sub_1");
  await stripe.events.list({ delivery_success: false, types, ending_before: "evt_1", limit: 10 });
  await stripe.charges.retrieve("ch_1");
}

function judge({ payload, header, secret, now }) {
  try {
    stripe.webhooks.signature.verifyHeader(Buffer.from(payload, "base64"), header, secret, 300, undefined, now * 1000);
    return { good: true };
  } catch (e) {
    return { good: false, why: e.message };
  }
}

function construct({ payload, header, secret, now }) {
  const event = stripe.webhooks.constructEvent(payload, header, secret, 300, undefined, now * 1000);
  return { id: event.id, type: event.type, object: event.data.object };
}

function sign({ payload, secret, timestamp }) {
  return stripe.webhooks.generateTestHeaderString({ payload: Buffer.from(payload, "base64").toString("utf8"), secret, timestamp });
}

// Its name leads to nobody else's resolver: 127.0.0.1 it is.
const simulated = new Stripe(process.env.KEY ?? "rk_test_key", {
  ...at,
  host: process.env.HOST,
  protocol: "https",
  httpAgent: new Agent({ lookup: (_, options, then) => (options.all ? then(null, [{ address: "127.0.0.1", family: 4 }]) : then(null, "127.0.0.1", 4)) }),
});

async function call({ call, args }) {
  const names = call.split(".");
  const method = names.pop();
  const resource = names.reduce((from, name) => from[name], simulated);
  try {
    const { lastResponse, ...result } = await resource[method](...args);
    return { result, request_id: lastResponse.requestId };
  } catch (e) {
    return { error: { type: e.type, code: e.code, param: e.param, status: e.statusCode } };
  }
}

const what = { call, construct, judge, sign }[process.argv[2]];
if (what === undefined) await calls();
else
  for await (const line of createInterface({ input: process.stdin }))
    process.stdout.write(JSON.stringify(await what(JSON.parse(line))) + "\n");
