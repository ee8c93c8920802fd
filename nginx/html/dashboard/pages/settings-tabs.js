// The pages of the settings, one beside the other.
import {html, nothing} from "../lit.js";
import {address} from "../router.js";
import {say as settingsTabsWords} from "../words/en/settingsTabs.js";

const TABS = [["profile", "/settings"], ["security", "/settings/security"], ["notifications", "/settings/notifications"], ["activity", "/settings/activity"]];

export function tabs(at) {
	return html`<nav class="tabs" aria-label=${settingsTabsWords.title}><ul>${TABS.map(([name, path]) =>
		html`<li><a href=${address(path)} aria-current=${name === at ? "page" : nothing}>${settingsTabsWords[name]}</a></li>`)}</ul></nav>`;
}
