import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.privacy;

export default function privacy() {
	return {title: say.title ?? "privacy", view: () => html``};
}
