// What a page's first view costs: bytes as they came over the wire, requests, the time to the first content, and how much moved
// (https://web.dev/articles/cls). For a page that was opened in a context of its own, whose cache was empty.

import { isolated } from "./isolated.mjs";

export function firstView(page) {
  return isolated(page, async () => {
    const entries = type => new Promise(resolve => {
      const observer = new PerformanceObserver(list => resolve(list.getEntries()));
      observer.observe({ type, buffered: true });
      setTimeout(() => resolve(observer.takeRecords()), 100); // there are none
    });
    const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    const shifts = (await entries("layout-shift")).filter(e => !e.hadRecentInput);
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    return {
      bytes: loaded.reduce((sum, e) => sum + e.transferSize, 0), requests: loaded.length,
      ofWhat: loaded.map(e => [new URL(e.name).pathname, e.transferSize]), content_ms: Math.round(paint?.startTime ?? -1),
      shift: shifts.reduce((sum, e) => sum + e.value, 0),
      shifted: shifts.flatMap(e => e.sources.map(s => s.node?.outerHTML?.slice(0, 120) ?? "")),
    };
  });
}
