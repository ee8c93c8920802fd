import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.forgotPassword;

export default function forgotPassword() {
	return {title: say.title ?? "forgotPassword", view: () => html``};
}
