// Signs in with Auth.js, from its button to its session; it answers requests, and this is the browser that keeps cookies.
import { consent, tell } from "./tiktok.mjs";
import { Auth } from "@auth/core";
import TikTok from "@auth/core/providers/tiktok";

const { CLIENT_KEY, CLIENT_SECRET, ORIGIN } = process.env;
const errors = [];
const config = {
  basePath: "/auth",
  trustHost: true,
  secret: "for the tests alone",
  providers: [TikTok({ clientId: CLIENT_KEY, clientSecret: CLIENT_SECRET })],
  logger: { error: (e) => errors.push(`${e.type}: ${e.cause?.err ?? e.message}`), warn() {}, debug() {} },
};
const cookies = new Map();

async function request(address, fields) {
  const answer = await Auth(
    new Request(new URL(address, ORIGIN), {
      method: fields ? "POST" : "GET",
      body: fields && new URLSearchParams(fields),
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
    }),
    config,
  );
  for (const cookie of answer.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
    cookies.set(name, value);
  }
  return answer;
}

const { csrfToken } = await (await request("/auth/csrf")).json();
const start = await request("/auth/signin/tiktok", { csrfToken, callbackUrl: `${ORIGIN}/home` });
const back = await consent(start.headers.get("location"));
const end = await request(back);
tell({ location: end.headers.get("location"), session: await (await request("/auth/session")).json(), errors });
process.exit(0); // stdin stays open
