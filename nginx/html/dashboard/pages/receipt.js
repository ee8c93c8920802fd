import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.receipt;

export default function receipt() {
	return {title: say.title ?? "receipt", view: () => html``};
}
