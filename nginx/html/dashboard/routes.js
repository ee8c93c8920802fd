// The pages of the dashboard: address below /dashboard, module, and who may see it: "session" (whoever is signed in), "guest" (whoever is
// not) or "anyone". menu: its place in the menu; its words are words.menu[menu]. list: where one goes from
// a thing that is live or test, when the other data is chosen.
export const routes = [
	{path: "/", page: () => import("./pages/home.js"), who: "session", menu: "home"},
	{path: "/posts", page: () => import("./pages/posts.js"), who: "session", menu: "posts"},
	{path: "/posts/new", page: () => import("./pages/compose.js"), who: "session", menu: "compose"},
	{path: "/posts/:id", page: () => import("./pages/post.js"), who: "session", list: "/posts"},
	{path: "/accounts", page: () => import("./pages/accounts.js"), who: "session", menu: "accounts"},
	{path: "/keys", page: () => import("./pages/keys.js"), who: "session", menu: "keys"},
	{path: "/keys/new", page: () => import("./pages/key-new.js"), who: "session"},
	{path: "/keys/:id", page: () => import("./pages/key.js"), who: "session"},
	{path: "/usage", page: () => import("./pages/usage.js"), who: "session", menu: "usage"},
	{path: "/billing", page: () => import("./pages/billing.js"), who: "session", menu: "billing"},
	{path: "/privacy", page: () => import("./pages/privacy.js"), who: "session", menu: "privacy"},
	{path: "/privacy/delete", page: () => import("./pages/erase.js"), who: "session"},
	{path: "/settings", page: () => import("./pages/settings.js"), who: "session", menu: "settings"},
	{path: "/settings/security", page: () => import("./pages/security.js"), who: "session"},
	{path: "/settings/notifications", page: () => import("./pages/notifications.js"), who: "session"},
	{path: "/settings/activity", page: () => import("./pages/activity.js"), who: "session"},
	{path: "/sign-in", page: () => import("./pages/sign-in.js"), who: "guest"},
	{path: "/register", page: () => import("./pages/register.js"), who: "guest"},
	{path: "/forgot-password", page: () => import("./pages/forgot-password.js"), who: "guest"},
	{path: "/receipts/:receipt", page: () => import("./pages/receipt.js"), who: "anyone"},
];
