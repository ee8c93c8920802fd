// GET /me, and GET /posts/{id} (post.js), in Node: fastify with a response schema, mysql2 with prepared statements. One process: two were slower here.
import { createHash } from "node:crypto";
import Fastify from "fastify";
import mysql from "mysql2/promise";
import { addPost } from "./post.js";
import { addWebhook } from "./webhook.js";

const env = process.env;
const pool = mysql.createPool({
	socketPath: env.BENCH_DATABASE,
	user: "bench",
	password: env.BENCH_PASSWORD,
	database: "marketingcli",
	connectionLimit: Number(env.BENCH_CONNECTIONS),
});

const text = { type: "string" };
const textOrNull = { type: "string", nullable: true };
const object = (properties) => ({ type: "object", properties });
const schema = {
	response: {
		200: object({
			data: object({
				id: text,
				email: text,
				name: textOrNull,
				created_at: text,
				key: object({ id: text, name: text, prefix: text }),
			}),
			meta: object({ request_id: text }),
		}),
	},
};

function uuid(bytes) {
	const h = bytes.toString("hex");
	return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
}

function rfc3339(us) {
	const micros = String(us % 1000).padStart(3, "0");
	return new Date(Math.floor(us / 1000)).toISOString().slice(0, -1) + micros + "Z";
}

const app = Fastify({ logger: false });

app.get("/*", { schema }, async (request, reply) => {
	const hash = createHash("sha256").update((request.headers.authorization ?? "").replace(/^Bearer /, "")).digest();
	const [[me]] = await pool.execute(env.BENCH_STATEMENT, [hash]);
	if (me === undefined || me.revoked_at_us !== null || me.user_state !== "active") {
		return reply.code(401).send({});
	}
	return {
		data: {
			id: uuid(me.id),
			email: me.email,
			name: me.name,
			created_at: rfc3339(me.created_at_us),
			key: { id: uuid(me.key_id), name: me.key_name, prefix: me.prefix },
		},
		meta: { request_id: request.headers["x-request-id"] },
	};
});

addPost(app, pool, { uuid, rfc3339 });
addWebhook(app, pool);
await app.listen({ path: env.BENCH_SOCKET });
