#include "base/clock.h"
#include "base/text.h"
#include "json/json.h"

static void json_write_put_escaped(struct buf *b, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *at = memchr(from, c, sizeof from - 1);

    if (at != NULL)
        buf_printf(b, "\\%c", to[at - from]);
    else
        buf_printf(b, "\\u%04x", c);
}

void json_write_str(struct buf *b, struct str s)
{
    size_t from = 0;

    if (!text_is_utf8(s))
        s = STR("");
    buf_putc(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_put(b, s.p + from, i - from);
        json_write_put_escaped(b, c);
        from = i + 1;
    }
    buf_put(b, s.p + from, s.n - from);
    buf_putc(b, '"');
}

static const char *json_write_enum_name(const struct json_field *f, int value)
{
    ASSERT(value >= 0);
    for (int i = 0; i < value; i++)
        ASSERT(f->names[i] != NULL);
    ASSERT(f->names[value] != NULL);
    return f->names[value];
}

/* Written as null, or not at all with omit_empty. */
static bool json_write_is_empty(const struct json_field *f, const void *object, const void *v)
{
    if (f->given_offset != 0 && !*(const bool *)((const char *)object + f->given_offset))
        return true;
    switch (f->type) {
    case JSON_TYPE_STR:
    case JSON_TYPE_RAW:
        return ((const struct str *)v)->p == NULL;
    case JSON_TYPE_UUID:
        return uuid_is_none(v);
    case JSON_TYPE_TIME:
        return *(const int64_t *)v == 0;
    default:
        return false;
    }
}

static void json_write_uuid(struct buf *b, const struct uuid *id)
{
    buf_printf(b, "\"%s\"", uuid_text(id).s);
}

static void json_write_strs(struct buf *b, const struct strs *l)
{
    for (size_t i = 0; i < l->n; i++) {
        buf_puts(b, i == 0 ? "" : ",");
        json_write_str(b, l->v[i]);
    }
}

static void json_write_uuids(struct buf *b, const struct uuids *l)
{
    for (size_t i = 0; i < l->n; i++) {
        buf_puts(b, i == 0 ? "" : ",");
        json_write_uuid(b, &l->v[i]);
    }
}

static void json_write_set(struct buf *b, const struct json_field *f, int64_t set)
{
    const char *comma = "";

    for (int i = 0; f->names[i] != NULL; i++) {
        if ((set >> i & 1) == 0)
            continue;
        buf_printf(b, "%s\"%s\"", comma, f->names[i]);
        comma = ",";
    }
}

static void json_write_array(struct buf *b, const struct json_field *f, const struct json_array *l)
{
    for (size_t i = 0; i < l->n; i++) {
        buf_puts(b, i == 0 ? "" : ",");
        json_write(b, f->fields, (const char *)l->v + i * f->size);
    }
}

static void json_write_value(struct buf *b, const struct json_field *f, const void *v)
{
    char time[TIME_TEXT_SIZE];

    switch (f->type) {
    case JSON_TYPE_STR:
        json_write_str(b, *(const struct str *)v);
        return;
    case JSON_TYPE_I64:
        buf_printf(b, "%lld", (long long)*(const int64_t *)v);
        return;
    case JSON_TYPE_BOOL:
        buf_puts(b, *(const bool *)v ? "true" : "false");
        return;
    case JSON_TYPE_UUID:
        json_write_uuid(b, v);
        return;
    case JSON_TYPE_TIME:
        time_format(*(const int64_t *)v, time);
        buf_printf(b, "\"%s\"", time);
        return;
    case JSON_TYPE_ENUM:
        buf_printf(b, "\"%s\"", json_write_enum_name(f, *(const int *)v));
        return;
    case JSON_TYPE_OBJECT:
        json_write(b, f->fields, v);
        return;
    case JSON_TYPE_RAW:
        buf_putstr(b, *(const struct str *)v);
        return;
    case JSON_TYPE_ARRAY:
    case JSON_TYPE_STRS:
    case JSON_TYPE_SET:
    case JSON_TYPE_UUIDS:
        buf_putc(b, '[');
        if (f->type == JSON_TYPE_ARRAY)
            json_write_array(b, f, v);
        else if (f->type == JSON_TYPE_STRS)
            json_write_strs(b, v);
        else if (f->type == JSON_TYPE_SET)
            json_write_set(b, f, *(const int64_t *)v);
        else
            json_write_uuids(b, v);
        buf_putc(b, ']');
        return;
    }
}

void json_write(struct buf *b, const struct json_field *fields, const void *value)
{
    bool first = true;

    buf_putc(b, '{');
    for (const struct json_field *f = fields; f->name != NULL; f++) {
        const void *v = (const char *)value + f->offset;
        bool empty = json_write_is_empty(f, value, v);
        if (empty && f->omit_empty)
            continue;
        buf_puts(b, first ? "\"" : ",\"");
        buf_puts(b, f->name);
        buf_puts(b, "\":");
        first = false;
        if (empty)
            buf_puts(b, "null");
        else
            json_write_value(b, f, v);
    }
    buf_putc(b, '}');
}
