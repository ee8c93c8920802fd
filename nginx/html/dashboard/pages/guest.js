// What the pages before a sign-in share: the address that was typed on one is there on the next.
export const typed = {email: ""};

// For a form's @input.
export function keep(event) {
	if (event.target.name === "email")
		typed.email = event.target.value;
}
