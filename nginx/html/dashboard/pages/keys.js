import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.keys;

export default function keys() {
	return {title: say.title ?? "keys", view: () => html``};
}
