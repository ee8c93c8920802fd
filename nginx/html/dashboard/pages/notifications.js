import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.notifications;

export default function notifications() {
	return {title: say.title ?? "notifications", view: () => html``};
}
