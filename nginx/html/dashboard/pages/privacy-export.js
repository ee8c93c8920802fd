// The download of everything: its progress, and that nothing but a whole one is kept. The browser holds what has come on its disk (a Blob).
import {bytes, save} from "../ui.js";
import {Failure} from "../api.js";
import {say} from "../words/en/privacy.js";

const SILENT_SEC = 60; // nothing more came for so long: the connection is dead, whatever the browser thinks

export function exporting(api, redraw) {
	const state = {isAsking: false, isRunning: false, records: 0, images: 0, imageBytes: 0, got: 0, said: "", error: null};
	let stopping = null, silence = null, drawn = 0;

	function cutIfSilent() {
		clearTimeout(silence);
		silence = setTimeout(() => stopping.abort("silent"), SILENT_SEC * 1000);
	}

	function counted(chunk, out) {
		cutIfSilent();
		state.got += chunk.byteLength;
		out.enqueue(chunk);
		if (performance.now() - drawn > 200) {
			drawn = performance.now();
			redraw();
		}
	}

	async function start() {
		stopping = new AbortController();
		Object.assign(state, {isAsking: true, got: 0, said: "", error: null});
		redraw();
		try {
			const answer = await api.stream("POST", "/privacy/export", {signal: stopping.signal, type: "application/zip"});
			cutIfSilent();
			const number = name => Number(answer.headers.get(name) ?? 0);
			Object.assign(state, {isAsking: false, isRunning: true, records: number("X-Export-Records"), images: number("X-Export-Images"), imageBytes: number("X-Export-Image-Bytes")});
			redraw();
			const name = /filename="?([^";]+)/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "export.zip";
			const blob = await new Response(answer.body.pipeThrough(new TransformStream({transform: counted}))).blob();
			save(blob, name);
			state.said = say.exportDone(bytes(blob.size));
		} catch (error) {
			if (error instanceof Failure)
				state.error = error;
			else
				state.said = stopping.signal.aborted && stopping.signal.reason !== "silent" ? say.exportStopped : say.exportBroken;
		}
		clearTimeout(silence);
		Object.assign(state, {isAsking: false, isRunning: false});
		redraw();
	}

	return {state, start, stop: () => stopping?.abort()};
}
