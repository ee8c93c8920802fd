import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.usage;

export default function usage() {
	return {title: say.title ?? "usage", view: () => html``};
}
