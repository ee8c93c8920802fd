import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.erase;

export default function erase() {
	return {title: say.title ?? "erase", view: () => html``};
}
