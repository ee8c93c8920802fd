// Looks at a page from a world of its own: the page's Content-Security-Policy and Trusted Types do not count there, the page's own code
// does not see it, and it sees the same document.

const sessions = new WeakMap();

async function session(page) {
  if (!sessions.has(page))
    sessions.set(page, page.context().newCDPSession(page));
  return sessions.get(page);
}

async function evaluate(cdp, contextId, expression) {
  const { result, exceptionDetails } = await cdp.send("Runtime.evaluate", { expression, contextId, awaitPromise: true, returnByValue: true });
  if (exceptionDetails)
    throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}

// fn(given) in the page. The world lasts as long as the document does. library: {name, source} of a global that fn wants.
export async function isolated(page, fn, given = null, library = null) {
  const cdp = await session(page);
  const { frameTree } = await cdp.send("Page.getFrameTree");
  const { executionContextId } = await cdp.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "tests" });
  if (library !== null && await evaluate(cdp, executionContextId, `typeof ${library.name} === "undefined"`))
    await evaluate(cdp, executionContextId, `${library.source}\n;0`);
  return evaluate(cdp, executionContextId, `(${fn})(${JSON.stringify(given)})`);
}
