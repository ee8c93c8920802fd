import { createHash } from "node:crypto";

const text = { type: "string" };
const textOrNull = { type: "string", nullable: true };
const number = { type: "integer" };
const flag = { type: "boolean" };
const object = (properties) => ({ type: "object", properties });
const list = (items) => ({ type: "array", items });
const of = (type, names) => Object.fromEntries(names.map((name) => [name, type]));

const schema = {
	response: {
		200: object({
			data: object({
				...of(text, ["id", "account_id", "status"]),
				...of(textOrNull, ["title", "description"]),
				post_mode: text,
				platform_options: object({
					post_mode: text,
					privacy_level: textOrNull,
					...of(flag, ["disable_comment", "auto_add_music", "brand_content_toggle", "brand_organic_toggle"]),
					photo_cover_index: number,
					is_aigc: flag,
				}),
				...of(textOrNull, ["publish_id", "post_url"]),
				tiktok_post_ids: list(text),
				...of(textOrNull, ["failure", "next_attempt_at", "held_until", "awaiting_until", "key_id"]),
				created_at: text,
				ended_at: textOrNull,
				content_digest: text,
				images: list(
					object({
						position: number,
						upload_id: text,
						...of(number, ["width", "height", "size_bytes"]),
						changes: list(text),
						reasons: list(object(of(text, ["change", "reason"]))),
						sha256: text,
						original: object({ media_type: text, ...of(number, ["width", "height", "size_bytes"]), sha256: text }),
						...of(textOrNull, ["provenance", "fetched_at", "deleted_at"]),
					}),
				),
				events: list(
					object({
						...of(text, ["at", "event", "status"]),
						...of(textOrNull, ["code", "platform_code", "log_id", "request_id"]),
					}),
				),
			}),
			meta: object({ request_id: text }),
		}),
	},
};

const split = (words) => (words ? words.split(",") : []);

const DAY_US = 86400e6;
const SNAPSHOT_KEPT_US = DAY_US; // a creator's name is not shown for longer
const IMAGES_KEPT_US = 6 * DAY_US;
const AWAITING_US = 23 * DAY_US; // a post waits for its owner's approval

const whys = {
	orientation: "The file only says how to turn it, and whoever shows it may not look at that.",
	resized: "TikTok refuses a whole post for one image beyond 1080 x 1920 pixels.",
	reencoded: "Its pixels were changed, or are stored in a way that not everybody reads, so the file was written anew.",
	metadata_removed: "Metadata may tell where and by whom an image was made, and TikTok was seen to refuse images for it.",
	flattened: "A JPEG has no transparency, so what shone through is white, or the background that was asked for.",
	colour_converted: "Its colours need a profile that is removed, so they were converted to sRGB.",
};
const asJpeg = "TikTok takes no images of this kind, so it is kept as JPEG.";
const kept = new Set(["image/jpeg", "image/webp"]);
const why = (change, type) => (change === "reencoded" && !kept.has(type) ? asJpeg : whys[change]);

// As lib/model/post/post_digest.h has it: each with its length, an absent text with -1.
function digest(post, images) {
	const content = (c) => [Buffer.from(`${c.length};`), c];
	const text = (t) => Buffer.from(t === null ? "-1;" : `${Buffer.byteLength(t)};${t}`);
	const flags = [post.post_mode === "DIRECT_POST", post.disable_comment, post.auto_add_music];
	flags.push(post.brand_content_toggle, post.brand_organic_toggle, post.is_aigc);
	const parts = [
		Buffer.from("1;"),
		...content(post.account_id),
		...[post.title, post.description, post.privacy_level].map(text),
		Buffer.from(`${flags.map(Number).join(";")};${post.photo_cover_index};${images.length};`),
		...images.flatMap((i) => content(i.sha256)),
	];
	return createHash("sha256").update(Buffer.concat(parts)).digest("hex");
}

export function addPost(app, pool, { uuid, rfc3339 }) {
	const statements = JSON.parse(process.env.BENCH_POST_STATEMENTS);
	const time = (us) => (us === null ? null : rfc3339(us));

	const address = (post, ids) =>
		ids.length > 0 && post.username ? `${process.env.BENCH_TIKTOK}/@${post.username}/photo/${ids[0]}` : null;

	app.get("/api/bench/node/posts/:id", { schema }, async (request, reply) => {
		const hash = createHash("sha256").update((request.headers.authorization ?? "").replace(/^Bearer /, "")).digest();
		const [[key]] = await pool.execute(statements.key, [hash]);
		if (key === undefined || key.revoked_at_us !== null || key.user_state !== "active") {
			return reply.code(401).send({});
		}
		const id = Buffer.from(request.params.id.replaceAll("-", ""), "hex");
		const [[post]] = await pool.execute(statements.post, [Date.now() * 1000 - SNAPSHOT_KEPT_US, id, key.user_id]);
		if (post === undefined) {
			return reply.code(404).send({});
		}
		const ids = split(post.tiktok_post_ids);
		const [images] = await pool.execute(statements.images, [id]);
		const [events] = await pool.execute(statements.events, [id]);
		return {
			data: {
				...post,
				id: uuid(post.id),
				account_id: uuid(post.account_id),
				status: post.state,
				platform_options: post,
				post_url: address(post, ids),
				tiktok_post_ids: ids,
				failure: null,
				next_attempt_at: post.held ? null : time(post.next_attempt_at_us),
				held_until: post.held ? rfc3339(post.created_at_us + IMAGES_KEPT_US) : null,
				awaiting_until: post.state === "awaiting_approval" ? rfc3339(post.created_at_us + AWAITING_US) : null,
				key_id: post.key_id === null ? null : uuid(post.key_id),
				created_at: rfc3339(post.created_at_us),
				ended_at: time(post.ended_at_us),
				content_digest: digest(post, images),
				images: images.map((i) => ({
					...i,
					upload_id: uuid(i.upload_id),
					changes: split(i.changes),
					reasons: split(i.changes).map((change) => ({ change, reason: why(change, i.media_type) })),
					sha256: i.sha256.toString("hex"),
					original: {
						media_type: i.media_type,
						width: i.original_width,
						height: i.original_height,
						size_bytes: i.original_bytes,
						sha256: i.original_sha256.toString("hex"),
					},
					fetched_at: time(i.fetched_at_us),
					deleted_at: time(i.deleted_at_us),
				})),
				events: events.map((e) => ({
					...e,
					at: rfc3339(e.at_us),
					status: e.state,
					log_id: e.platform_log_id,
				})),
			},
			meta: { request_id: request.headers["x-request-id"] },
		};
	});
}
