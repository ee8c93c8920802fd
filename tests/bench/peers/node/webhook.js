import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const DUPLICATE = 1062;

function signatureIsGood(secret, header, body) {
	let at = "";
	const signatures = [];
	for (const item of header.split(",")) {
		const [name, value] = item.split("=", 2);
		if (name === "t") at = value;
		else if (name === "v1") signatures.push(value);
	}
	if (!/^\d+$/.test(at) || Math.abs(Date.now() / 1000 - Number(at)) > 300) return false;
	const want = Buffer.from(createHmac("sha256", secret).update(`${at}.`).update(body).digest("hex"));
	return signatures.some((s) => s.length === want.length && timingSafeEqual(Buffer.from(s), want));
}

export function addWebhook(app, pool) {
	const statements = JSON.parse(process.env.BENCH_WEBHOOK_STATEMENTS);
	const secret = process.env.BENCH_WEBHOOK_SECRET;

	async function store(event, requestId) {
		const object = event.data.object;
		const connection = await pool.getConnection();
		try {
			const [[found]] = await connection.execute(statements.look, [event.id, object.customer]);
			if (found.known !== null) return;
			const now = Date.now() * 1000;
			await connection.beginTransaction();
			await connection.execute(statements.add, [event.id, randomBytes(16), event.type, event.created * 1e6, now, found.owner,
				object.id, object.customer, object.id, object.status, found.owner === null ? "ignored" : "waiting"]);
			if (found.owner !== null) await connection.execute(statements.job, [found.owner, found.owner, now, requestId, now]);
			await connection.commit();
		} catch (e) {
			await connection.rollback();
			if (e.errno !== DUPLICATE) throw e;
		} finally {
			connection.release();
		}
	}

	app.addContentTypeParser("application/json", { parseAs: "buffer", bodyLimit: 1 << 20 }, (_, body, done) => done(null, body));
	app.post("/api/bench/node/webhook", async (request, reply) => {
		if (!signatureIsGood(secret, request.headers["stripe-signature"] ?? "", request.body)) return reply.code(400).send({});
		const requestId = request.headers["x-request-id"];
		await store(JSON.parse(request.body), requestId);
		return { data: { received: true }, meta: { request_id: requestId } };
	});
}
