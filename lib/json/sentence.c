#include "json/sentence.h"

#define SENTENCE_MAX 600 /* the fields of a large table by name */

static bool json_sentence_is_list(const struct json_field *f)
{
    return f->type == JSON_TYPE_ARRAY || f->type == JSON_TYPE_STRS || f->type == JSON_TYPE_SET ||
           f->type == JSON_TYPE_UUIDS;
}

static struct str json_sentence_wrong_type(const struct json_field *f)
{
    static const char *const sentences[] = {
        [JSON_TYPE_STR] = "This must be a string.",
        [JSON_TYPE_I64] = "This must be a whole number.",
        [JSON_TYPE_BOOL] = "This must be true or false, without quotes.",
        [JSON_TYPE_UUID] = "This must be an id, as a string.",
        [JSON_TYPE_TIME] = "This must be a time, as a string like \"2026-01-31T12:00:00Z\".",
        [JSON_TYPE_ENUM] = "This must be a string.",
        [JSON_TYPE_OBJECT] = "This must be an object.",
        [JSON_TYPE_ARRAY] = "This must be a list of objects.",
        [JSON_TYPE_STRS] = "This must be a list of strings.",
        [JSON_TYPE_SET] = "This must be a list of strings.",
        [JSON_TYPE_UUIDS] = "This must be a list of ids, as strings.",
    };

    return f->type < ARRAY_LEN(sentences) ? str_from(sentences[f->type]) : (struct str){0};
}

static struct str json_sentence_wrong_length(struct arena *arena, const char *how, int64_t n,
                                             const struct json_field *f)
{
    const char *what = json_sentence_is_list(f) ? "element" : "byte of UTF-8";

    if (n == 0)
        return (struct str){0};
    if (!json_sentence_is_list(f) && n != 1)
        what = "bytes of UTF-8";
    return arena_printf(arena, "This must have %s %lld %s%s.", how, (long long)n, what,
                        json_sentence_is_list(f) && n != 1 ? "s" : "");
}

static void json_sentence_put_name(struct buf *b, const char *name, bool first)
{
    buf_puts(b, first ? "" : ", ");
    buf_puts(b, name);
}

static struct str json_sentence_finished(struct arena *arena, struct buf *b)
{
    buf_putc(b, '.');
    return b->overflow ? (struct str){0} : arena_str(arena, buf_str(b));
}

static struct str json_sentence_wrong_value(struct arena *arena, const struct json_field *f)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(SENTENCE_MAX);

    switch (f->type) {
    case JSON_TYPE_UUID:
        return STR("This is not an id. An id looks like 01900000-0000-7000-8000-000000000000.");
    case JSON_TYPE_TIME:
        return STR("This must be a time with an offset, like 2026-01-31T12:00:00Z or 2026-01-31T13:00:00+01:00.");
    case JSON_TYPE_ENUM:
        buf_puts(&b, "This must be one of ");
        for (size_t i = 0; f->names[i] != NULL; i++)
            json_sentence_put_name(&b, f->names[i], i == 0);
        return json_sentence_finished(arena, &b);
    default:
        return (struct str){0};
    }
}

static struct str json_sentence_unknown(struct arena *arena, const struct json_field *fields)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(SENTENCE_MAX);

    buf_puts(&b, "There is no such field. Allowed fields: ");
    for (const struct json_field *f = fields; f->name != NULL; f++)
        json_sentence_put_name(&b, f->name, f == fields);
    return json_sentence_finished(arena, &b);
}

struct str sentence_of(struct arena *arena, enum err code, const struct json_field *f)
{
    if (code == ERR_FIELD_TYPE)
        return json_sentence_wrong_type(f);
    if (code == ERR_FIELD_TOO_SHORT && f->min == 1)
        return STR("This must not be empty.");
    if (code == ERR_FIELD_TOO_SHORT)
        return json_sentence_wrong_length(arena, "at least", f->min, f);
    if (code == ERR_FIELD_TOO_LONG)
        return json_sentence_wrong_length(arena, "at most", f->max, f);
    if (code == ERR_FIELD_RANGE && (f->min != 0 || f->max != 0))
        return arena_printf(arena, "This must be from %lld to %lld.", (long long)f->min, (long long)f->max);
    if (code == ERR_FIELD_REPEATED)
        return STR("This is in the list already.");
    if (code == ERR_FIELD_UNKNOWN)
        return json_sentence_unknown(arena, f);
    return code == ERR_FIELD_VALUE ? json_sentence_wrong_value(arena, f) : (struct str){0};
}
