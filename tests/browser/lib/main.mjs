// Runs tests in Chromium, one after another, as driver.py says: JSON lines {run, file} in, {done, failed} out. Chromium starts once; each
// test has contexts of its own.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import path from "node:path";
import { chromium } from "playwright-core";
import { answered, tell } from "./ask.mjs";
import { T, tests } from "./test.mjs";

const TEST_MS = 900_000; // the property run on a slow machine; what hangs does so for as long as Playwright waits, which is less

let browser = null;

async function started() {
  if (browser === null || !browser.isConnected()) {
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM,
      env: process.env,
      chromiumSandbox: process.getuid() !== 0, // which root may not have
      args: ["--force-color-profile=srgb", "--disable-dev-shm-usage"],
    });
  }
  return browser;
}

function patience(ms) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`not done after ${ms} ms`)), ms)));
  return { late, end: () => clearTimeout(timer) };
}

// What failed, as a text, or "".
async function run({ run: name, file }) {
  const t = new T(await started(), name);
  const faults = [];
  const clock = patience(TEST_MS);
  try {
    await import(pathToFileURL(path.resolve(file)));
    const wanted = tests.get(`${file}: ${name}`);
    if (wanted === undefined)
      throw new Error(`${file} has no test of this name: ${name}`);
    await Promise.race([wanted(t), clock.late]);
  } catch (error) {
    faults.push(error.stack ?? String(error));
    await t.keepView().catch(() => {});
  } finally {
    clock.end();
  }
  try {
    faults.push(...(await t.end()));
  } catch (error) {
    faults.push(error.stack ?? String(error));
  }
  return faults.join("\n");
}

for await (const line of createInterface({ input: process.stdin })) {
  const told = JSON.parse(line);
  if ("run" in told)
    run(told).then(failed => tell({ done: told.run, failed }));
  else
    answered(told);
}
await browser?.close();
process.exit(0);
