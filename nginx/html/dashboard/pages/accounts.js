import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.accounts;

export default function accounts() {
	return {title: say.title ?? "accounts", view: () => html``};
}
