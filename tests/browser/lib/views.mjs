// The pages of the dashboard, as somebody has them who has posted.

// Of the dashboard's own table: {path: as it has it, at: an address, who}. The receipt of an erasure is left out: it wants one.
export async function views(t, ada) {
  const post = await t.post(ada);
  const [{ id }] = await t.sql("SELECT LOWER(HEX(id)) AS id FROM api_keys WHERE user_id = %s", ada.id);
  const key = id.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  const page = await t.page("/dashboard/sign-in");
  const table = await page.evaluate(async () => (await import("/dashboard/routes.js")).routes.map(({ path, who }) => ({ path, who })));
  await t.close(page);
  return table.filter(({ path }) => !path.includes(":receipt"))
    .map(({ path, who }) => ({ path, who, at: "/dashboard" + path.replace("/posts/:id", `/posts/${post.id}`).replace("/keys/:id", `/keys/${key}`) }));
}
