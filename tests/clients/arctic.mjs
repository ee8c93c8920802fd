// Signs in with arctic, refreshes, and withdraws: all that its TikTok provider can do.
import { consent, tell } from "./tiktok.mjs";
import { OAuth2RequestError, TikTok, generateCodeVerifier, generateState } from "arctic";

const { CLIENT_KEY, CLIENT_SECRET, ORIGIN } = process.env;
const callback = `${ORIGIN}/arctic/callback`;
const tiktok = new TikTok(CLIENT_KEY, CLIENT_SECRET, callback);
const state = generateState();
const verifier = generateCodeVerifier();
const back = await consent(tiktok.createAuthorizationURL(state, verifier, ["user.info.basic", "video.list"]));
if (back.searchParams.get("state") !== state) throw new Error("the state is another one");

const code = back.searchParams.get("code");
const tokens = await tiktok.validateAuthorizationCode(code, verifier);
const fresh = await tiktok.refreshAccessToken(tokens.refreshToken());
await tiktok.revokeToken(fresh.accessToken());
const late = await tiktok.refreshAccessToken(fresh.refreshToken());

let wrong;
try {
  await new TikTok(CLIENT_KEY, "another secret", callback).validateAuthorizationCode(code, verifier);
} catch (e) {
  wrong = e instanceof OAuth2RequestError ? e.code : String(e);
}

tell({
  scopes: back.searchParams.get("scopes"),
  first: tokens.data,
  expires_at: tokens.accessTokenExpiresAt(),
  fresh: fresh.data,
  after_revocation: late.data.error,
  wrong_secret: wrong,
});
process.exit(0); // stdin stays open
