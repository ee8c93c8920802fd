// What the pages before a sign-in share: the address that was typed on one is there on the next, also after a reload, and after a mailed
// link was followed here (/link.js). It ends with the tab, or with a sign-out.
const AT = "email"; // in sessionStorage

export const typed = {
	get email() {
		return sessionStorage.getItem(AT) ?? "";
	},
	set email(to) {
		sessionStorage.setItem(AT, to);
	},
};

// For a form's @input.
export function keep(event) {
	if (event.target.name === "email")
		typed.email = event.target.value;
}
