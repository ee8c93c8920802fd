// A chart by days, drawn by uPlot. The same numbers stand in a table beside it, so a screen reader gets one sentence of it.
//
//   const made = chart({label, days, format, steps, series: [{name, values, shade}], stacked: true});
//   html`${made.view()}`       also after each redraw; made.close() at the end
//
// days: beginnings of days in UTC (ms). format(n): in words. steps: between the chart's lines. values: a number or null for each. shade: 1 to 4,
// of the colours --chart-1 and so on, which can be told apart by whoever sees few colours, in the light and in the dark; lines also by
// their dashes.
import {html, nothing, ref} from "../lit.js";
import {stands} from "../ui.js";
import {say as usageWords} from "../words/en/usage.js";

const HEIGHT = 240; // as .chart-room has it, so that nothing moves when the chart comes
const DASHES = [[], [6, 4], [2, 3], [8, 3, 2, 3]];
const DAY_SEC = 86400;
const dayText = new Intl.DateTimeFormat(undefined, {day: "numeric", month: "short", timeZone: "UTC"});
let loaded = null;

// uPlot and its style, which no other page needs. The numbers come first.
function library() {
	loaded ??= stands().then(() => Promise.all([import("../vendor/uplot.js"), style()])).then(([module]) => module.default);
	loaded.catch(() => {
		loaded = null;
	});
	return loaded;
}

function style() {
	const link = document.createElement("link");
	link.rel = "stylesheet";
	link.href = "/dashboard/vendor/uplot.css";
	return new Promise((done, broken) => {
		link.onload = done;
		link.onerror = broken;
		document.head.append(link);
	});
}

// Sums from the first series on, of which the highest is drawn first.
function piled(series) {
	const sums = series[0].values.map(() => 0);
	return series.map(s => ({...s, drawn: s.values.map((v, i) => (sums[i] += v ?? 0))})).reverse();
}

function options(UPlot, {width, days, format, steps, series, stacked, said}) {
	const look = getComputedStyle(document.documentElement);
	const color = shade => look.getPropertyValue(`--chart-${shade}`).trim();
	const text = look.getPropertyValue("--pico-muted-color").trim(), line = look.getPropertyValue("--pico-muted-border-color").trim();
	const axis = {stroke: text, grid: {stroke: line, width: 1}, ticks: {stroke: line, width: 1}, font: "12px system-ui, sans-serif"};
	return {
		width, height: HEIGHT,
		tzDate: sec => UPlot.tzDate(new Date(sec * 1000), "Etc/UTC"),
		legend: {show: false},
		cursor: {y: false, drag: {x: false, y: false}, points: {show: !stacked}},
		scales: {x: {time: true, range: (_, min, max) => [min - DAY_SEC / 2, max + DAY_SEC / 2]}, y: {range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1]}},
		axes: [
			{...axis, space: 70, incrs: [1, 2, 3, 7, 14, 28, 56, 91].map(n => n * DAY_SEC), values: (_, at) => at.map(sec => dayText.format(new Date(sec * 1000)))},
			{...axis, size: 64, incrs: steps, values: (_, at) => at.map(format)},
		],
		series: [{}, ...series.map((s, i) => stacked
			? {label: s.name, stroke: color(s.shade), fill: color(s.shade), width: 0, points: {show: false}, paths: UPlot.paths.bars({size: [0.8, 40]})}
			: {label: s.name, stroke: color(s.shade), width: 2, dash: DASHES[i], spanGaps: false, points: {show: days.length < 60, size: 6, fill: color(s.shade)}})],
		hooks: {setCursor: [u => said(u.cursor.idx)]},
	};
}

export function chart({label, days, format, steps, series, stacked = false}) {
	const drawn = stacked ? piled(series) : series.map(s => ({...s, drawn: s.values}));
	const state = {plot: null, host: null};
	const dark = matchMedia("(prefers-color-scheme: dark)");
	const sized = new ResizeObserver(() => {
		if (state.plot !== null && state.host.clientWidth > 0)
			state.plot.setSize({width: state.host.clientWidth, height: HEIGHT});
	});

	function said(at) {
		const place = state.host?.nextElementSibling;
		if (place)
			place.textContent = at === null || at === undefined ? "" :
				[dayText.format(new Date(days[at])), ...series.map(s => `${s.name}: ${s.values[at] === null ? "-" : format(s.values[at])}`)].join("   ");
	}

	async function draw() {
		const host = state.host;
		let UPlot;
		try {
			UPlot = await library();
		} catch {
			host.textContent = usageWords.noChart;
			return;
		}
		if (state.host !== host || host === null)
			return;
		state.plot?.destroy();
		state.plot = new UPlot(options(UPlot, {width: host.clientWidth, days, format, steps, series: drawn, stacked, said}), [days.map(ms => ms / 1000), ...drawn.map(s => s.drawn)], host);
	}

	function at(element) {
		close();
		state.host = element ?? null;
		if (element === undefined)
			return;
		sized.observe(element);
		dark.addEventListener("change", draw);
		draw();
	}

	function close() {
		sized.disconnect();
		dark.removeEventListener("change", draw);
		state.plot?.destroy();
		Object.assign(state, {plot: null, host: null});
	}

	const legend = () => html`<ul class="chart-legend" aria-hidden="true">${series.map((s, i) => html`<li>
		<span class="swatch shade-${s.shade} ${stacked ? "" : "line-" + i}"></span>${s.name}</li>`)}</ul>`;
	return {
		close,
		view: () => html`<figure class="chart">${series.length > 1 ? legend() : nothing}
			<div class="chart-room" role="img" aria-label=${label} ${ref(at)}></div><p class="chart-said" aria-hidden="true"></p></figure>`,
	};
}
