import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.activity;

export default function activity() {
	return {title: say.title ?? "activity", view: () => html``};
}
