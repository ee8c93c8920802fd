import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.register;

export default function register() {
	return {title: say.title ?? "register", view: () => html``};
}
