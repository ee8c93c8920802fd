import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.key;

export default function key() {
	return {title: say.title ?? "key", view: () => html``};
}
