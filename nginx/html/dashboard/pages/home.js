// The first page: what there is, and what to do next.
import {html} from "../lit.js";
import {words} from "../words/en.js";

const say = words.home;

export default function home({session}) {
	return {title: say.title, view: () => html`<p>${session.user.email}</p>`};
}
