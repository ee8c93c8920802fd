// What no page of ours does, whatever a test is about: write to the console, throw, break its own Content-Security-Policy, ask another
// host, get a refusal that nobody announced, or crash. The simulator's pages stand for TikTok's and Stripe's: people are led there, and
// nothing of them is loaded into a page of ours.

const ORIGIN = process.env.ORIGIN, SIMULATOR = process.env.SIMULATOR;
const LOCAL = ["data:", "blob:", "about:"];
const ENDED = "net::ERR_ABORTED"; // by the page itself, which has gone elsewhere or does not want it any more

// "POST /api/v1/keys/*" as a pattern of a method and a path.
export function pattern(route) {
  const [method, path] = route.split(" ");
  const escaped = path.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, "[^/]*");
  return { method, path: new RegExp(`^${escaped}$`) };
}

export class Watch {
  static async over(context) {
    const watch = new Watch(context);
    await context.exposeBinding("__violated", (_, what) => watch.found.push({ kind: "CSP", text: what }));
    await context.addInitScript(() => document.addEventListener("securitypolicyviolation", e =>
      window.__violated(`${e.effectiveDirective} refuses ${e.blockedURI} (${e.sourceFile}:${e.lineNumber}) ${e.sample}`)));
    return watch;
  }

  constructor(context) {
    Object.assign(this, { context, found: [], announced: [], tolerated: () => false });
    context.on("console", m => this.console(m));
    context.on("weberror", e => this.found.push({ kind: "error", text: e.error().stack || String(e.error()) }));
    context.on("request", r => this.request(r));
    context.on("response", r => this.response(r));
    context.on("requestfailed", r => this.failed(r));
    context.on("page", page => page.on("crash", () => this.found.push({ kind: "crash", text: page.url() })));
  }

  console(message) {
    const { url, lineNumber } = message.location();
    if (url.startsWith(SIMULATOR))
      return;
    // Chromium writes this line by itself for what response() and failed() see.
    const isOfNetwork = message.text().startsWith("Failed to load resource: ");
    if (!isOfNetwork)
      this.found.push({ kind: "console", text: `${message.type()}: ${message.text()} (${url}:${lineNumber})` });
  }

  request(request) {
    const url = new URL(request.url());
    if (url.origin === ORIGIN || LOCAL.includes(url.protocol))
      return;
    const isThere = url.origin === SIMULATOR && (request.isNavigationRequest() || request.frame().url().startsWith(SIMULATOR));
    if (!isThere)
      this.found.push({ kind: "another host", text: `${request.method()} ${request.url()}` });
  }

  response(response) {
    const url = new URL(response.url());
    if (response.status() >= 400 && url.origin === ORIGIN)
      this.found.push({ kind: "refusal", method: response.request().method(), path: url.pathname, status: response.status() });
  }

  failed(request) {
    const why = request.failure()?.errorText ?? "";
    const url = new URL(request.url());
    if (why !== ENDED && url.origin === ORIGIN)
      this.found.push({ kind: "refusal", method: request.method(), path: url.pathname, status: "failed", why });
  }

  expects(route, status) {
    this.announced.push({ what: `${route} ${status}`, is: fault => {
      const { method, path } = pattern(route);
      return fault.kind === "refusal" && fault.method === method && path.test(fault.path) && fault.status === status;
    } });
  }

  expectsMessage(part) {
    this.announced.push({ what: `the message ${part}`, is: fault => ["console", "error"].includes(fault.kind) && fault.text.includes(part) });
  }

  // For who does not know what comes: faults of which this is true are none.
  tolerate(is) { this.tolerated = is; }

  // What was seen until now and nobody has announced.
  now() {
    return this.found.filter(fault => !this.tolerated(fault) && !this.announced.some(a => a.is(fault)))
      .map(f => `${f.kind}: ${f.text ?? `${f.method} ${f.path} ${f.status} ${f.why ?? ""}`}`);
  }

  // That, and what was announced and did not come.
  faults() {
    const missing = this.announced.filter(a => !this.found.some(a.is));
    return [...this.now(), ...missing.map(a => `announced, and did not come: ${a.what}`)];
  }
}
