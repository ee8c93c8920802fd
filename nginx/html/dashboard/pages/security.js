import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.security;

export default function security() {
	return {title: say.title ?? "security", view: () => html``};
}
