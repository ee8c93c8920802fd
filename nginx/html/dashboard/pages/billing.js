import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.billing;

export default function billing() {
	return {title: say.title ?? "billing", view: () => html``};
}
