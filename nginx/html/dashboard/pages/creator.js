// What TikTok's answer about a creator means beyond its words.

// Whether everybody may follow an account, by what TikTok offers it (docs/tiktok.md#limits).
export function isPublic(account) {
	return account.platform_data.privacy_level_options.includes("PUBLIC_TO_EVERYONE");
}
