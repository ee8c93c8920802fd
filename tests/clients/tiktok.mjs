// Brings a published client, which knows TikTok's addresses by heart, to the simulator: the connections go there, and the
// client's own code stays as it is. And its user: what a person does in a browser is done by whoever runs this.
//
//    import { consent, tell } from "./tiktok.mjs";
//    const callback = await consent(url);    // the person has been to the consent page and comes back with this address
//    tell({ open_id });

import { webcrypto } from "node:crypto";
import { createInterface } from "node:readline";
import { Agent, Dispatcher, FormData, Headers, Request, Response, fetch, setGlobalDispatcher } from "undici";

const HOSTS = ["https://www.tiktok.com", "https://open.tiktokapis.com"];

class Simulator extends Dispatcher {
  // Names below localhost are not in every resolver.
  agent = new Agent({
    connect: {
      lookup: (name, options, done) =>
        options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4),
    },
  });

  dispatch(options, handler) {
    if (!HOSTS.includes(String(options.origin))) throw new Error(`${options.origin} is not TikTok's`);
    return this.agent.dispatch({ ...options, origin: process.env.SIMULATOR }, handler);
  }

  close(...args) {
    return this.agent.close(...args);
  }

  destroy(...args) {
    return this.agent.destroy(...args);
  }
}

setGlobalDispatcher(new Simulator());

// Debian 12 has Node 18: its fetch is older than the clients want (Headers.getSetCookie), and its crypto has another name
// than on the web.
Object.assign(globalThis, { FormData, Headers, Request, Response, fetch });
globalThis.crypto ??= webcrypto;
globalThis.CryptoKey ??= webcrypto.CryptoKey;

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export function tell(value) {
  process.stdout.write(JSON.stringify(value) + "\n");
}

export async function consent(url) {
  tell({ consent: String(url) });
  return new URL((await lines.next()).value);
}
