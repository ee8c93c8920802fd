// What is shown once, such as the secret of a key. Until its user says that it is kept, whoever is about to leave it is asked before: in a
// dialog, and by the browser where a tab is closed.
import {html} from "./lit.js";
import {ask} from "./dialog.js";

let unkept = null; // {session, userId, texts}
let asked = null; // the question that is open: a second wish to leave shares its answer

// Of whoever is signed in now: of others nothing is shown any more.
export function isUnkept() {
	return unkept !== null && unkept.session.user?.id === unkept.userId;
}

function leaving(event) {
	if (isUnkept())
		event.preventDefault();
}

export function kept() {
	unkept = null;
	removeEventListener("beforeunload", leaving);
}

// make() asks the API for it. The question is asked from then on, as an answer that comes when its page was left is lost, too.
// texts: {title, text, yes, no} of the question.
export async function once(session, texts, make) {
	const before = unkept;
	unkept = {session, userId: session.user.id, texts};
	addEventListener("beforeunload", leaving);
	try {
		return await make();
	} catch (error) {
		if (before === null)
			kept();
		else
			unkept = before; // which is still shown
		throw error;
	}
}

// Resolves to whether its page may be left; then it is forgotten.
export async function mayLeave() {
	if (!isUnkept())
		return true;
	const {title, text, yes, no} = unkept.texts;
	asked ??= ask({title, body: html`<p>${text}</p>`, yes, no, danger: true}).finally(() => {
		asked = null;
	});
	const may = await asked || !isUnkept(); // it may have been kept meanwhile, or never have come
	if (may)
		kept();
	return may;
}
