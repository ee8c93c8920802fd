#include "base/text.h"
#include "http/multipart.h"
#include "fcgi/image_intake.h"
#include "model/user/caps.h"
#include "posts.h"

#define TEXT_MAX_BYTES (64u << 10) /* of a field: far above what can be valid, so that truncating a title works */
#define NAME_SHOWN_MAX 100         /* how much of an unknown field's name a problem repeats */

/* The JSON body. */
struct body_in {
    struct str title, description, title_overflow;
    struct uuids upload_ids;
    struct post_options options;
};

/* The multipart body being read. */
struct form_in {
    struct ctx *c;
    struct multipart mp;
    struct post_draft *draft;
    size_t images_n;
    struct image_time images_time;
    uint32_t background;
    bool images_late; /* no time is left: further images are only counted */
    bool seen[8];     /* text fields, in the order of posts_form_text_rows */
};

struct text_row {
    const char *name;
    enum err too_long;
    size_t offset;                                           /* of a str in struct post_draft */
    enum { TEXT_PLAIN, TEXT_OPTIONS, TEXT_BACKGROUND } kind; /* the others are not of the draft */
};

static const struct json_field posts_form_options_in_fields[], posts_form_body_in_fields[];
static const struct text_row posts_form_text_rows[];

static enum err posts_form_read_part(void *stream, void *p, size_t n, size_t *ret_n)
{
    return multipart_read(stream, p, n, ret_n);
}

/* After the 35th, images are only counted: the answer is a refusal anyway. */
static enum err posts_form_image_part(struct form_in *f)
{
    const struct image_source source = {.read = posts_form_read_part, .stream = &f->mp, .background = f->background};
    struct ctx *c = f->c;
    size_t i = f->images_n++;

    if (i >= POST_IMAGES_MAX || f->images_late)
        return OK;
    enum err e = image_intake(c, &f->images_time, &source, &f->draft->reports[f->draft->reports_n]);
    f->images_late = e == ERR_IMAGES_SLOW;
    if (image_intake_blames_image(e)) {
        problem_add(&c->problems, e, c->arena, "images[%zu]", i);
        return OK;
    }
    if (e == OK)
        f->draft->reports_n++;
    return e;
}

static enum err posts_form_options_part(struct ctx *c, struct str text, struct post_options *options)
{
    enum err e = json_bind(c->arena, text, posts_form_options_in_fields, options, "platform_options", &c->problems);

    if (e != OK && e != ERR_VALIDATION)
        problem_add(&c->problems, e, c->arena, "platform_options");
    return OK;
}

static enum err posts_form_text_part(struct form_in *f, size_t row)
{
    const struct text_row *r = &posts_form_text_rows[row];
    struct ctx *c = f->c;
    struct str text;

    if (f->seen[row]) {
        problem_add(&c->problems, ERR_FIELD_REPEATED, c->arena, "%s", r->name);
        return OK;
    }
    f->seen[row] = true;
    enum err e = multipart_read_text(&f->mp, TEXT_MAX_BYTES, &text);
    if (e == ERR_FIELD_TOO_LONG || e == ERR_BAD_UTF8) {
        problem_add(&c->problems, e == ERR_BAD_UTF8 ? e : r->too_long, c->arena, "%s", r->name);
        return OK;
    }
    if (e != OK)
        return e;
    if (r->kind == TEXT_OPTIONS)
        return posts_form_options_part(c, text, &f->draft->options);
    if (r->kind == TEXT_BACKGROUND)
        image_intake_background(&c->problems, text, f->images_n, &f->background);
    else
        *(struct str *)((char *)f->draft + r->offset) = text;
    return OK;
}

/* "images", and the names that PHP makes of it for a list: "images[]", "images[0]". Their order is that of the parts. */
static bool posts_form_is_images(struct str name)
{
    struct str inner;
    int64_t n;

    if (!str_starts(name, STR("images")))
        return false;
    inner = str_skip(name, strlen("images"));
    if (inner.n < 2 || inner.p[0] != '[' || inner.p[inner.n - 1] != ']')
        return inner.n == 0;
    inner = str_of(inner.p + 1, inner.n - 2);
    return inner.n == 0 || (str_to_i64(inner, &n) && n >= 0);
}

static enum err posts_form_part(struct form_in *f, const struct multipart_part *p)
{
    if (posts_form_is_images(p->name) && multipart_part_is_nested(p)) {
        f->images_n++;
        problem_add_text(&f->c->problems, ERR_IMAGE_TYPE, STR("images"),
                         STR("This part holds several files. Send each image as a part of its own: curl -F "
                             "images=@1.jpg -F images=@2.jpg."));
        return OK;
    }
    if (posts_form_is_images(p->name))
        return posts_form_image_part(f);
    for (size_t i = 0; posts_form_text_rows[i].name != NULL; i++)
        if (str_eqc(p->name, posts_form_text_rows[i].name))
            return posts_form_text_part(f, i);
    problem_add_text(&f->c->problems, ERR_FIELD_UNKNOWN,
                     arena_str(f->c->arena, text_utf16_head(p->name, NAME_SHOWN_MAX)),
                     STR("There is no such field. Allowed fields: images, background, title, description, "
                         "title_overflow, platform_options."));
    return OK;
}

enum err form_look(struct ctx *c)
{
    struct str type = request_media_type(&c->req, c->arena);
    bool is_form = str_eqc(type, "multipart/form-data");

    if (!is_form && !str_eqc(type, "application/json"))
        return ERR_UNSUPPORTED_TYPE;
    enum err e = caps_look(c->db, c->arena, c->conf, &c->caller.user_id, is_form ? CAPS_OF_FORM : CAPS_OF_POST,
                           c->caller.mode == MODE_LIVE);
    return e == OK && is_form ? upload_key_has_room(c->db, c->conf, &c->caller.user_id, &c->caller.key_id) : e;
}

static enum err posts_form_read_multipart(struct ctx *c, struct post_draft *draft, size_t *ret_images_n)
{
    struct form_in f = {.c = c, .draft = draft, .background = IMAGE_BACKGROUND_WHITE};
    struct multipart_part p;

    draft->reports = arena_array(c->arena, POST_IMAGES_MAX, sizeof *draft->reports);
    enum err e = multipart_init(&f.mp, c->arena, c->req.content_type, &c->req.body);
    while (e == OK && (e = multipart_next(&f.mp, &p)) == OK && p.name.p != NULL)
        e = posts_form_part(&f, &p);
    *ret_images_n = f.images_n;
    return e;
}

static enum err posts_form_read_json(struct ctx *c, struct post_draft *draft, size_t *ret_images_n)
{
    struct body_in in = {0};
    struct str text;

    enum err e = body_read_all(&c->req.body, c->arena, POST_JSON_MAX_BYTES, &text);
    if (e == OK)
        e = json_bind(c->arena, text, posts_form_body_in_fields, &in, NULL, &c->problems);
    if (e != OK && e != ERR_VALIDATION)
        return e;
    draft->title = in.title;
    draft->description = in.description;
    draft->title_overflow = in.title_overflow;
    draft->options = in.options;
    draft->upload_ids = in.upload_ids.v;
    draft->upload_ids_n = *ret_images_n = in.upload_ids.n;
    draft->by_upload_ids = true;
    return OK;
}

enum err form_read(struct ctx *c, struct post_draft *ret_draft, size_t *ret_images_n)
{
    struct str type = request_media_type(&c->req, c->arena);

    if (str_eqc(type, "multipart/form-data"))
        return posts_form_read_multipart(c, ret_draft, ret_images_n);
    if (str_eqc(type, "application/json"))
        return posts_form_read_json(c, ret_draft, ret_images_n);
    return ERR_UNSUPPORTED_TYPE;
}

static const struct text_row posts_form_text_rows[] = {
    {"title", ERR_TITLE_TOO_LONG, offsetof(struct post_draft, title), TEXT_PLAIN},
    {"description", ERR_DESCRIPTION_TOO_LONG, offsetof(struct post_draft, description), TEXT_PLAIN},
    {"title_overflow", ERR_FIELD_TOO_LONG, offsetof(struct post_draft, title_overflow), TEXT_PLAIN},
    {"platform_options", ERR_FIELD_TOO_LONG, 0, TEXT_OPTIONS},
    {IMAGE_BACKGROUND_FIELD, ERR_FIELD_TOO_LONG, 0, TEXT_BACKGROUND},
    {NULL, 0, 0, TEXT_PLAIN},
};

/* post_check decides what is allowed together. */
static const struct json_field posts_form_options_in_fields[] = {
    {.name = "post_mode",
     JSON_STR(struct post_options, post_mode),
     .nullable = true,
     .help = "MEDIA_UPLOAD (default): a draft in the TikTok inbox; DIRECT_POST",
     .policy = "post.options"},
    {.name = "privacy_level",
     JSON_STR(struct post_options, privacy_level),
     .nullable = true,
     .help = "Required with DIRECT_POST: one of the account's privacy_level_options",
     .policy = "post.options"},
    {.name = "disable_comment",
     JSON_BOOL(struct post_options, disable_comment),
     JSON_GIVEN(struct post_options, disable_comment_given),
     .help = "DIRECT_POST: true when not given",
     .policy = "post.options"},
    {.name = "auto_add_music",
     JSON_BOOL(struct post_options, auto_add_music),
     .help = "DIRECT_POST: TikTok adds music",
     .policy = "post.options"},
    {.name = "brand_content_toggle",
     JSON_BOOL(struct post_options, brand_content_toggle),
     .help = "DIRECT_POST: paid partnership for a third party",
     .policy = "post.options"},
    {.name = "brand_organic_toggle",
     JSON_BOOL(struct post_options, brand_organic_toggle),
     .help = "DIRECT_POST: promotes the creator's own business",
     .policy = "post.options"},
    {.name = "photo_cover_index",
     JSON_I64(struct post_options, photo_cover_index),
     .help = "The image that is the cover, from 0",
     .policy = "post.options"},
    {.name = "is_aigc",
     JSON_BOOL(struct post_options, is_aigc),
     .help = "DIRECT_POST: made by AI",
     .policy = "post.options"},
    JSON_END};

static const struct json_field posts_form_body_in_fields[] = {
    {.name = "title",
     JSON_STR(struct body_in, title),
     .nullable = true,
     .help = "At most 90 UTF-16 units",
     .policy = "post.text"},
    {.name = "description",
     JSON_STR(struct body_in, description),
     .nullable = true,
     .help = "At most 4000 UTF-16 units",
     .policy = "post.text"},
    {.name = "title_overflow",
     JSON_STR(struct body_in, title_overflow),
     .nullable = true,
     .help = "What to do with a longer title: reject (default) or truncate"},
    {.name = "upload_ids", JSON_UUIDS(struct body_in, upload_ids), .help = "1 to 35 uploads, in their order"},
    {.name = "platform_options",
     JSON_OBJECT(struct body_in, options, posts_form_options_in_fields),
     .nullable = true,
     .help = "What is asked of TikTok",
     .policy = "post.options"},
    JSON_END};
