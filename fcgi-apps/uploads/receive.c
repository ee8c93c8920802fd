#include "uploads/uploads.h"

#include "http/multipart.h"
#include "fcgi/image_intake.h"
#include "model/user/caps.h"

static enum err receive_read_body(void *stream, void *p, size_t n, size_t *ret_n)
{
    return body_read(stream, p, n, ret_n);
}

static enum err receive_read_part(void *stream, void *p, size_t n, size_t *ret_n)
{
    return multipart_read(stream, p, n, ret_n);
}

static enum err receive_raw(struct ctx *c, struct upload_report *ret_report)
{
    const struct image_source source = {
        .read = receive_read_body, .stream = &c->req.body, .background = IMAGE_BACKGROUND_WHITE};
    struct image_time time = {0};

    return image_intake(c, &time, &source, ret_report);
}

/* A form that is being read. */
struct receiving {
    struct ctx *c;
    struct multipart mp;
    struct upload_report *report;
    uint32_t background;
    size_t images_n;
    bool has_background;
};

static bool receive_is_image_name(struct str name)
{
    return str_eqc(name, "image") || str_eqc(name, "images");
}

static enum err receive_image(struct receiving *r, const struct multipart_part *part)
{
    const struct image_source source = {.read = receive_read_part, .stream = &r->mp, .background = r->background};
    struct image_time time = {0};

    if (r->images_n++ > 0)
        return ERR_FIELD_REPEATED;
    if (!multipart_part_is_nested(part))
        return image_intake(r->c, &time, &source, r->report);
    problem_add_text(
        &r->c->problems, ERR_IMAGE_TYPE, arena_str(r->c->arena, part->name),
        STR("This part holds several files. Send each image in a request of its own: curl -F image=@1.jpg."));
    return OK;
}

static enum err receive_background(struct receiving *r)
{
    struct str text;

    if (r->has_background)
        return ERR_FIELD_REPEATED;
    r->has_background = true;
    enum err e = multipart_read_text(&r->mp, IMAGE_BACKGROUND_TEXT_MAX, &text);
    if (e == ERR_FIELD_TOO_LONG || e == ERR_BAD_UTF8)
        text = STR("");
    else if (e != OK)
        return e;
    image_intake_background(&r->c->problems, text, r->images_n, &r->background);
    return OK;
}

/* Gathers the problems of the one image and of other fields, and lets the form be read to its end. */
static enum err receive_part(struct receiving *r, const struct multipart_part *part)
{
    struct ctx *c = r->c;
    enum err problem = receive_is_image_name(part->name)             ? receive_image(r, part)
                       : str_eqc(part->name, IMAGE_BACKGROUND_FIELD) ? receive_background(r)
                                                                     : ERR_FIELD_UNKNOWN;

    if (problem == ERR_FIELD_UNKNOWN)
        problem_add_text(
            &c->problems, problem, arena_str(c->arena, part->name),
            STR("There is no such field. Send one part named image, and before it background if you like."));
    else if (problem == ERR_FIELD_REPEATED || image_intake_blames_image(problem))
        problem_add(&c->problems, problem, c->arena, "%.*s", STR_FMT(part->name));
    else
        return problem;
    return OK;
}

static enum err receive_form(struct ctx *c, struct upload_report *ret_report)
{
    struct receiving r = {.c = c, .report = ret_report, .background = IMAGE_BACKGROUND_WHITE};
    struct multipart_part part;

    enum err e = multipart_init(&r.mp, c->arena, c->req.content_type, &c->req.body);
    while (e == OK && (e = multipart_next(&r.mp, &part)) == OK && part.name.p != NULL)
        e = receive_part(&r, &part);
    if (e != OK)
        return e;
    if (r.images_n == 0)
        problem_add(&c->problems, ERR_FIELD_REQUIRED, c->arena, "image");
    return c->problems.n > 0 ? ERR_VALIDATION : OK;
}

/* The bytes say what the image is; the type only tells a raw body from a form. */
static enum err receive_kind(struct ctx *c, bool *ret_is_form)
{
    struct str type = request_media_type(&c->req, c->arena);

    *ret_is_form = str_eqc(type, "multipart/form-data");
    bool is_raw = type.n == 0 || str_eqc(type, "application/octet-stream") || str_starts(type, STR("image/"));
    return *ret_is_form || is_raw ? OK : ERR_UNSUPPORTED_TYPE;
}

enum err receive_look(struct ctx *c)
{
    bool is_form;
    enum err e = receive_kind(c, &is_form);

    if (e == OK)
        e = caps_look(c->db, c->arena, c->conf, &c->caller.user_id, CAPS_OF_UPLOAD, false);
    return e == OK ? upload_key_has_room(c->db, c->conf, &c->caller.user_id, &c->caller.key_id) : e;
}

enum err receive_upload(struct ctx *c, const struct last_step *last)
{
    struct upload_report report = {0};
    bool is_form;

    enum err e = receive_kind(c, &is_form);
    if (e == OK)
        e = is_form ? receive_form(c, &report) : receive_raw(c, &report);
    if (e == OK)
        e = upload_keep(c->db, c->arena, c->conf, &c->caller.user_id, &report, last);
    if (e == ERR_OUTCOME_UNKNOWN)
        c->problems.may_exist = report.id;
    else if (e != OK && !db_is_away(e) && !uuid_is_none(&report.id))
        upload_drop(c->db, &report, 1, c->req.id);
    return e;
}
