// The numbers of the page of usage: days, sums, times in words, CSV. Days are those of UTC, as milliseconds at their beginning.
import {say} from "../words/en/usage.js";

const DAY_MS = 86400_000;
const DAYS_MAX = 395; // that GET /usage takes at once: 13 months
const POSTS_DAYS = 31; // that GET /usage/posts takes at once

export const STATES = ["published", "in_inbox", "failed", "canceled"];

export function dayOf(ms) {
	return ms - ms % DAY_MS;
}

export function isoDay(ms) {
	return new Date(ms).toISOString().slice(0, 10);
}

// Of the address: {from, to}, to being the beginning of the day after the last one.
export function rangeOf(query, now = Date.now()) {
	const from = Date.parse(query.get("from") ?? ""), to = Date.parse(query.get("to") ?? "");
	const range = {from: dayOf(from), to: dayOf(to) + DAY_MS};
	return wrongWith(range) === "" ? range : lastDays(30, now);
}

// Why it cannot be asked for; "": it can.
export function wrongWith({from, to}) {
	if (!(from < to))
		return say.rangeWrong;
	return to - from > DAYS_MAX * DAY_MS ? say.rangeLong : "";
}

export function lastDays(n, now = Date.now()) {
	const to = dayOf(now) + DAY_MS;
	return {from: to - n * DAY_MS, to};
}

export function asked({from, to}) {
	return {from: new Date(from).toISOString(), to: new Date(to).toISOString()};
}

// Pieces of a range that may each be asked for, the newest first.
export function pieces({from, to}) {
	const found = [];
	for (let end = to; end > from; end -= POSTS_DAYS * DAY_MS)
		found.push({from: Math.max(from, end - POSTS_DAYS * DAY_MS), to: end});
	return found;
}

export function daysOf({from, to}) {
	return Array.from({length: Math.round((to - from) / DAY_MS)}, (_, i) => from + i * DAY_MS);
}

// Posts of each day, summed over accounts. Of times, the slowest account's: percentiles cannot be put together.
export function byDay(rows) {
	const found = new Map();
	for (const row of rows) {
		const at = Date.parse(row.starts_at);
		const day = found.get(at) ?? {at, published: 0, in_inbox: 0, failed: 0, canceled: 0, deferred: 0, p50_ms: null, p95_ms: null, accounts: 0};
		for (const name of [...STATES, "deferred"])
			day[name] += row[name];
		for (const name of ["p50_ms", "p95_ms"])
			if (row[name] !== null)
				day[name] = Math.max(day[name] ?? 0, row[name]);
		day.accounts++;
		found.set(at, day);
	}
	return found;
}

// 4 min 10 s. STEPS_MS: between the lines of a chart.
const SEC = 1000, MIN = 60 * SEC, HOUR = 60 * MIN;
export const STEPS_MS = [100, 200, 500, SEC, 2 * SEC, 5 * SEC, 10 * SEC, 30 * SEC, MIN, 2 * MIN, 5 * MIN, 10 * MIN, 30 * MIN, HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR,
	48 * HOUR, 168 * HOUR];
export const STEPS = Array.from({length: 10}, (_, power) => [1, 2, 5].map(n => n * 10 ** power)).flat(); // of what is counted
export function duration(ms) {
	if (ms === 0)
		return say.sec(0);
	if (ms < 1000)
		return say.ms(Math.round(ms));
	const sec = Math.round(ms / 1000);
	if (sec < 60)
		return say.sec(ms < 9950 ? (ms / 1000).toFixed(1) : sec);
	if (sec < 3600)
		return say.min(Math.floor(sec / 60), sec % 60);
	const min = Math.round(sec / 60);
	return say.hours(Math.floor(min / 60), min % 60);
}

// A text in a cell of CSV (RFC 4180), which no spreadsheet takes for a formula.
function cell(value) {
	const text = value === null || value === undefined ? "" : String(value);
	const safe = /^\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]/.test(text) && typeof value !== "number" ? "'" + text : text;
	return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csv(head, rows) {
	return [head, ...rows.map(row => head.map(name => row[name]))].map(line => line.map(cell).join(",") + "\r\n").join("");
}
