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
				...of(textOrNull, ["failure", "next_attempt_at"]),
				created_at: text,
				ended_at: textOrNull,
				images: list(
					object({
						position: number,
						upload_id: text,
						...of(number, ["width", "height", "size_bytes"]),
						changes: list(text),
						...of(textOrNull, ["fetched_at", "deleted_at"]),
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

export function addPost(app, pool, { uuid, rfc3339 }) {
	const statements = JSON.parse(process.env.BENCH_POST_STATEMENTS);
	const time = (us) => (us === null ? null : rfc3339(us));

	async function address(post, user, ids) {
		if (ids.length === 0) {
			return null;
		}
		const [[creator]] = await pool.execute(statements.creator, [post.account_id, user]);
		return creator?.username ? `${process.env.BENCH_TIKTOK}/@${creator.username}/photo/${ids[0]}` : null;
	}

	app.get("/api/bench/node/posts/:id", { schema }, async (request, reply) => {
		const hash = createHash("sha256").update((request.headers.authorization ?? "").replace(/^Bearer /, "")).digest();
		const [[key]] = await pool.execute(statements.key, [hash]);
		if (key === undefined || key.revoked_at_us !== null || key.user_state !== "active") {
			return reply.code(401).send({});
		}
		const id = Buffer.from(request.params.id.replaceAll("-", ""), "hex");
		const [[post]] = await pool.execute(statements.post, [id, key.user_id]);
		if (post === undefined) {
			return reply.code(404).send({});
		}
		const ids = split(post.tiktok_post_ids);
		const url = await address(post, key.user_id, ids);
		const [images] = await pool.execute(statements.images, [id]);
		const [events] = await pool.execute(statements.events, [id]);
		return {
			data: {
				...post,
				id: uuid(post.id),
				account_id: uuid(post.account_id),
				status: post.state,
				platform_options: post,
				post_url: url,
				tiktok_post_ids: ids,
				failure: null,
				next_attempt_at: time(post.next_attempt_at_us),
				created_at: rfc3339(post.created_at_us),
				ended_at: time(post.ended_at_us),
				images: images.map((i) => ({
					...i,
					upload_id: uuid(i.upload_id),
					changes: split(i.changes),
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
