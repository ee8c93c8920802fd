import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.post;

export default function post() {
	return {title: say.title ?? "post", view: () => html``};
}
