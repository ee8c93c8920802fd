#include "fcgi/input.h"

#include "base/text.h"

#define PAGE_LIMIT_DEFAULT 20
#define PAGE_LIMIT_MAX 100

enum err input_json(struct ctx *c, const struct json_field *fields, void *ret)
{
    struct str text;

    if (!str_eqc(request_media_type(&c->req, c->arena), "application/json"))
        return ERR_UNSUPPORTED_TYPE;
    enum err e = body_read_all(&c->req.body, c->arena, c->req.body.max_bytes, &text);
    if (e != OK)
        return e;
    return json_bind(c->arena, text, fields, ret, NULL, &c->problems);
}

static bool input_is_first(const struct form *q, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(q->v[i].name, q->v[n].name))
            return false;
    return true;
}

static enum err input_check_query(struct ctx *c, const char *const *allowed, const char *const *also)
{
    const struct form *q = &c->req.query;

    for (size_t i = 0; i < q->n; i++) {
        const char *name = arena_strdup(c->arena, q->v[i].name);
        bool is_mode = c->takes_mode && str_eqc(q->v[i].name, "mode");
        if (!is_mode && !str_is_one_of(q->v[i].name, allowed) && !str_is_one_of(q->v[i].name, also))
            problem_add(&c->problems, ERR_FIELD_UNKNOWN, c->arena, "%s", name);
        else if (!input_is_first(q, i))
            problem_add(&c->problems, ERR_FIELD_REPEATED, c->arena, "%s", name);
    }
    return c->problems.n > 0 ? ERR_VALIDATION : OK;
}

enum err input_query_only(struct ctx *c, const char *const *allowed)
{
    return input_check_query(c, allowed, NULL);
}

enum err input_page(struct ctx *c, const char *const *allowed, struct page *ret_page)
{
    static const char *const own[] = {"limit", "cursor", NULL};
    struct str limit = form_get(&c->req.query, "limit"), cursor = form_get(&c->req.query, "cursor");
    struct page page = {.below = UUID_LAST};
    int64_t n = PAGE_LIMIT_DEFAULT;
    const struct str limit_is = STR("This must be a whole number from 1 to 100.");

    enum err e = input_check_query(c, allowed, own);
    if (limit.p != NULL && !str_to_i64(limit, &n))
        problem_add_text(&c->problems, ERR_FIELD_TYPE, STR("limit"), limit_is);
    else if (n < 1 || n > PAGE_LIMIT_MAX)
        problem_add_text(&c->problems, ERR_FIELD_RANGE, STR("limit"), limit_is);
    if (e != OK || c->problems.n > 0)
        return ERR_VALIDATION;
    if (cursor.p != NULL && !uuid_parse(cursor, &page.below))
        return ERR_BAD_CURSOR;
    page.limit = (size_t)n;
    page.ask = page.limit + 1;
    *ret_page = page;
    return OK;
}

enum err input_check_line(const void *str)
{
    return text_is_printable(*(const struct str *)str, false) ? OK : ERR_FIELD_CHARACTERS;
}

bool input_wants_html(const struct ctx *c)
{
    struct str rest = c->req.accept, piece, type;

    while (str_next(&rest, ',', &piece)) {
        if (!str_cut(&piece, ';', &type))
            type = piece;
        if (str_ieq(str_trim(type), STR("text/html")))
            return true;
    }
    return false;
}
