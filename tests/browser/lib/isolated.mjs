// Looks at a page from a world of its own: the page's Content-Security-Policy and Trusted Types do not count there, the page's own code
// does not see it, and it sees the same document.

// The number of a context that is gone may be another's, in a new process.
const IS_OURS = `if (globalThis.isTests !== true) throw new Error("another context");\n`;
const worlds = new WeakMap(); // page: {cdp, context}, context until its document is gone

async function world(page) {
  if (!worlds.has(page))
    worlds.set(page, { cdp: await page.context().newCDPSession(page), context: null });
  const of = worlds.get(page);
  if (of.context === null) {
    const { frameTree } = await of.cdp.send("Page.getFrameTree");
    of.context = (await of.cdp.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "tests" })).executionContextId;
    await of.cdp.send("Runtime.evaluate", { expression: "globalThis.isTests = true", contextId: of.context });
  }
  return of;
}

async function evaluate(page, expression) {
  for (let n = 1; ; n++) {
    const of = await world(page);
    try {
      const { result, exceptionDetails } = await of.cdp.send("Runtime.evaluate",
        { expression: IS_OURS + expression, contextId: of.context, awaitPromise: true, returnByValue: true });
      if (exceptionDetails)
        throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    } catch (error) {
      if (n > 1 || !/context/.test(error.message))
        throw error;
      of.context = null; // the page has gone elsewhere since
    }
  }
}

// fn(given) in the page. The world lasts as long as the document does. library: {name, source} of a global that fn wants.
export async function isolated(page, fn, given = null, library = null) {
  if (library !== null && await evaluate(page, `typeof ${library.name} === "undefined"`))
    await evaluate(page, `${library.source}\n;0`);
  return evaluate(page, `(${fn})(${JSON.stringify(given)})`);
}
