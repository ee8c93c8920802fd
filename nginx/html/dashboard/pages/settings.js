import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.settings;

export default function settings() {
	return {title: say.title ?? "settings", view: () => html``};
}
