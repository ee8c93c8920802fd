import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.posts;

export default function posts() {
	return {title: say.title ?? "posts", view: () => html``};
}
