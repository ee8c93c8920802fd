// Every sentence that the dashboard says, by page. Another language is another file like this. What the API says (its errors) comes from it.
export const words = {
	brand: "MarketingCLI",
	loading: "One moment.",
	tryAgain: "Try again",
	more: "Show more",
	never: "never",
	cancel: "Cancel",
	goOn: "Continue",
	save: "Save",
	saved: "Saved.",
	copy: "Copy",
	copied: "Copied.",
	signOut: "Sign out",
	notFound: {title: "There is nothing here", text: "Check the address, or choose a page from the menu."},
	menu: {
		title: "Menu", home: "Overview", compose: "New post", posts: "Posts", accounts: "TikTok accounts", keys: "API keys", usage: "Usage",
		billing: "Plan", privacy: "Privacy", settings: "Settings",
	},
	test: {switch: "Test data", band: "You see test data. Nothing here reaches TikTok.", leave: "Show live data"},
	foot: {zone: zone => `Times are those of ${zone}.`, policy: "Privacy policy", terms: "Terms"},
	api: {
		noContact: "There is no contact with the server. Check your connection, then try again.",
		unexpected: status => `The server gave an answer that makes no sense here (${status}). Try again in a moment.`,
		wait: sec => sec < 120 ? `Try again in ${sec} seconds.` : sec < 7200 ? `Try again in ${Math.ceil(sec / 60)} minutes.` : `Try again in ${Math.ceil(sec / 3600)} hours.`,
		requestId: id => `If you ask us about this, name the request ${id}.`,
	},
	fields: {
		email: "Email address", password: "Password", newPassword: "New password", name: "Name", code: "Code",
		codeHint: "The six digits that your authenticator app shows, or a recovery code.",
		passwordHint: "At least 10 characters. Several words that do not belong together are good.",
	},
	again: {
		ended: "Sign in again", endedText: email => `Your session has ended. Sign in as ${email}; nothing that you typed is lost.`,
		confirm: "Your password, please", confirmText: "This needs the password, typed within the last 10 minutes.",
		confirmWithCode: "This needs the password and a code, typed within the last 10 minutes.",
	},
	// pages/sign-in.js, register.js, forgot-password.js
	signIn: {
		title: "Sign in", button: "Sign in", forgotten: "Forgotten your password?", register: "No account yet? Register",
		codeText: "Now the code of your authenticator app.", other: "Use another address",
	},
	register: {},
	forgotPassword: {},
	// pages/home.js
	home: {title: "Overview"},
	// pages/settings.js, security.js, notifications.js, activity.js
	settings: {},
	security: {},
	notifications: {},
	activity: {},
	// pages/accounts.js
	accounts: {},
	// pages/compose.js
	compose: {},
	// pages/posts.js, post.js
	posts: {},
	post: {},
	// pages/keys.js, key.js
	keys: {},
	key: {},
	// pages/usage.js
	usage: {},
	// pages/billing.js
	billing: {},
	// pages/privacy.js, erase.js, receipt.js
	privacy: {},
	erase: {},
	receipt: {},
};
