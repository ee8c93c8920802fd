#include "uploads/uploads.h"

#include "fcgi/image_shape.h"
#include "fcgi/page.h"
#include "model/upload/upload.h"

/* An image and what a form puts around it. A larger body is refused before it is read; a smaller body with an image
 * that is too large gets the answer that says so. */
#define BODY_MAX_BYTES (IMAGE_MAX_BYTES + (1u << 20))

struct upload_shape {
    struct upload upload;
    struct str sha256;
    struct image_original_shape original;
    struct strs changes;
    struct json_array reasons;
};

static const struct json_field uploads_upload_fields[];

static struct upload_shape uploads_shape(struct arena *arena, const struct upload *u)
{
    return (struct upload_shape){
        .upload = *u,
        .sha256 = hex_encode(arena, u->sha256.b, SHA256_BYTES),
        .original = image_shape_original(arena, &u->original),
        .changes = str_split(arena, u->changes, ','),
        .reasons = image_shape_reasons(arena, &u->original, u->changes),
    };
}

static enum err uploads_create_answer(const void *made, void *arg)
{
    struct ctx *c = arg;
    struct upload u = upload_of_report(c->arena, c->conf, made);
    struct upload_shape s = uploads_shape(c->arena, &u);

    return idempotent_answer(c, 201, uploads_upload_fields, &s);
}

static enum err uploads_create(struct ctx *c)
{
    enum err e = input_query_only(c, NULL);

    return e == OK ? receive_upload(c, &(struct last_step){uploads_create_answer, c}) : e;
}

static enum err uploads_before_body(struct ctx *c)
{
    enum err e = input_query_only(c, NULL);

    return e == OK ? receive_look(c) : e;
}

static enum err uploads_list(struct ctx *c)
{
    struct page page;
    struct upload *v;
    size_t n;

    enum err e = input_page(c, NULL, &page);
    if (e == OK)
        e = upload_list(c->db, c->arena, &c->caller.user_id, c->caller.mode, &page.below, page.ask, &v, &n);
    if (e != OK)
        return e;
    n = page_cut(&page, v, n, sizeof *v);
    struct upload_shape *shapes = arena_array(c->arena, n, sizeof *shapes);
    for (size_t i = 0; i < n; i++)
        shapes[i] = uploads_shape(c->arena, &v[i]);
    return page_reply(c, &page, uploads_upload_fields, shapes, n, sizeof *shapes);
}

static enum err uploads_read_one(struct ctx *c)
{
    struct uuid id;
    struct upload u;

    enum err e = request_param_uuid(&c->req, 0, &id);
    if (e == OK)
        e = input_query_only(c, NULL);
    if (e == OK)
        e = upload_get(c->db, c->arena, &c->caller.user_id, c->caller.mode, &id, &u);
    if (e != OK)
        return e;
    struct upload_shape s = uploads_shape(c->arena, &u);
    return reply_data(&c->rep, 200, uploads_upload_fields, &s);
}

static enum err uploads_delete_one(struct ctx *c)
{
    struct uuid id;

    enum err e = request_param_uuid(&c->req, 0, &id);
    if (e == OK)
        e = upload_delete(c->db, &c->caller.user_id, c->caller.mode, &id, c->req.id);
    return e == OK ? reply_nothing(&c->rep) : e;
}

#define IMAGE_REPORT .policy = "image.report"

static const struct json_field uploads_upload_fields[] = {
    {.name = "id",
     JSON_UUID(struct upload_shape, upload.id),
     .help = "To name it in a post's upload_ids",
     IMAGE_REPORT},
    {.name = "media_type", JSON_STR(struct upload_shape, upload.media_type), .help = "As it is kept", IMAGE_REPORT},
    {.name = "width", JSON_I64(struct upload_shape, upload.width), .help = "Pixels, as it is kept", IMAGE_REPORT},
    {.name = "height", JSON_I64(struct upload_shape, upload.height), .help = "Pixels, as it is kept", IMAGE_REPORT},
    {.name = "size_bytes", JSON_I64(struct upload_shape, upload.size_bytes), .help = "As it is kept", IMAGE_REPORT},
    {.name = "sha256", JSON_STR(struct upload_shape, sha256), .help = "Digest, as it is kept", IMAGE_REPORT},
    {.name = "original",
     JSON_OBJECT(struct upload_shape, original, image_original_fields),
     .help = "The image as it was sent",
     IMAGE_REPORT},
    {.name = "changes", JSON_STRS(struct upload_shape, changes), .help = "What was done to it", IMAGE_REPORT},
    {.name = "reasons",
     JSON_ARRAY(struct upload_shape, reasons, struct image_reason_shape, image_reason_fields),
     .help = "Why, of each change",
     IMAGE_REPORT},
    {.name = "provenance",
     JSON_STR(struct upload_shape, upload.provenance),
     .help = "What the original says of AI: none_found, ai_edited or ai_generated; null: it came before anybody looked",
     IMAGE_REPORT},
    {.name = "created_at", JSON_TIME(struct upload_shape, upload.created_at_us), .help = "Arrival", IMAGE_REPORT},
    {.name = "delete_due_at",
     JSON_TIME(struct upload_shape, upload.delete_due_at_us),
     .help = "When it is deleted, unless a post that has not ended needs it",
     IMAGE_REPORT},
    JSON_END,
};

const struct route uploads_routes[] = {
    {.method = "POST",
     .pattern = "/api/v1/uploads",
     .handler = uploads_create,
     .auth = AUTH_ANY,
     .scope = SCOPE_UPLOADS_WRITE,
     .by_mode = true,
     .body_max_bytes = BODY_MAX_BYTES,
     .before_body = uploads_before_body,
     .rate = RATE_IMAGES,
     .cost = COST_HEAVY,
     .creates = true,
     .timeout_sec = 180,
     .makes = "/api/v1/uploads/",
     .summary = "Upload an image"},
    {.method = "GET",
     .pattern = "/api/v1/uploads",
     .handler = uploads_list,
     .auth = AUTH_ANY,
     .scope = SCOPE_UPLOADS_WRITE,
     .by_mode = true,
     .rate = RATE_IMAGES,
     .summary = "List uploads"},
    {.method = "GET",
     .pattern = "/api/v1/uploads/{id}",
     .handler = uploads_read_one,
     .auth = AUTH_ANY,
     .scope = SCOPE_UPLOADS_WRITE,
     .by_mode = true,
     .rate = RATE_IMAGES,
     .summary = "Show an upload"},
    {.method = "DELETE",
     .pattern = "/api/v1/uploads/{id}",
     .handler = uploads_delete_one,
     .auth = AUTH_ANY,
     .scope = SCOPE_UPLOADS_WRITE,
     .by_mode = true,
     .rate = RATE_IMAGES,
     .summary = "Delete an upload"},
    ROUTE_END,
};
