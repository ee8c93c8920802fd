// What pages use of lit-html; no other module knows where it lies.
export {html, svg, render, nothing} from "./vendor/lit-html/lit-html.js";
export {repeat} from "./vendor/lit-html/directives/repeat.js";
export {live} from "./vendor/lit-html/directives/live.js";
export {ref} from "./vendor/lit-html/directives/ref.js";
