import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.compose;

export default function compose() {
	return {title: say.title ?? "compose", view: () => html``};
}
