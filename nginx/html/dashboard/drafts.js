// What is being written in this browser and was not sent: drafts in localStorage, by user and mode (pages/compose-draft.js), and what a page
// cannot keep there, such as files on their way.
const NAME = "draft.";
const held = new Set(); // of each page: whether it holds something of this user. userId => boolean

export function draftName(userId, mode) {
	return `${NAME}${userId}.${mode}`;
}

const namesOf = userId => Object.keys(localStorage).filter(name => name.startsWith(`${NAME}${userId}.`));

function hasContent(name) {
	try {
		const {title = "", description = "", uploads = []} = JSON.parse(localStorage.getItem(name));
		return title !== "" || description !== "" || uploads.length > 0;
	} catch {
		return false;
	}
}

// holds(userId): for as long as this document lives.
export function alsoHolds(holds) {
	held.add(holds);
}

// What goes when the document is loaded anew.
export function holdsFiles(userId) {
	return [...held].some(holds => holds(userId));
}

export function hasUnsent(userId) {
	return namesOf(userId).some(hasContent) || holdsFiles(userId);
}

// Of a user who has gone, nothing stays here.
export function forgetDrafts(userId) {
	namesOf(userId).forEach(name => localStorage.removeItem(name));
}
