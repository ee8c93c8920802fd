#include "base/clock.h"
#include "base/csv.h"
#include "json/json.h"
#include "json/parse.h"
#include "model/privacy/export_private.h"

#define TEXT_MAX (4u << 20)        /* of a value */
#define TEXT_PARSE_MAX (16u << 20) /* a value of 64 kB costs json-c a part of it */

static void text_put_hex(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        buf_printf(b, "%02x", (unsigned char)s.p[i]);
}

/* What is 16 bytes long here is an id, and all else that is no text a digest. */
static void text_put_bytes(struct buf *b, struct str s)
{
    struct uuid id;

    if (s.n != sizeof id.b) {
        text_put_hex(b, s);
        return;
    }
    memcpy(id.b, s.p, sizeof id.b);
    buf_puts(b, uuid_text(&id).s);
}

/* 32 hexadecimal digits, as MariaDB writes an id within a text. */
static void text_put_uuid(struct buf *b, struct str hex)
{
    struct uuid id = {.b = {0}};

    for (size_t i = 0; i + 1 < hex.n && i / 2 < sizeof id.b; i += 2)
        id.b[i / 2] = (uint8_t)(str_hex_value(hex.p[i]) << 4 | str_hex_value(hex.p[i + 1]));
    buf_puts(b, uuid_text(&id).s);
}

static void text_put_time(struct buf *b, int64_t at_us)
{
    char text[TIME_TEXT_SIZE];

    time_format(at_us, text);
    buf_puts(b, text);
}

/* Of days or months since 1970. */
static void text_put_date(struct buf *b, int64_t n, enum export_form form)
{
    char text[TIME_TEXT_SIZE];

    if (form == EXPORT_MONTH) {
        buf_printf(b, "%04lld-%02lld", (long long)(1970 + n / 12), (long long)(n % 12 + 1));
        return;
    }
    time_format(n * US_PER_DAY, text);
    buf_putstr(b, str_head(str_from(text), 10));
}

/* Without quotes; of a list, with commas. */
static void text_put_plain(struct buf *b, const struct db_value *v, enum export_form form)
{
    struct str rest = v->s, piece;

    if (v->type == DB_VALUE_NUMBER && form == EXPORT_TIME) {
        text_put_time(b, v->i);
    } else if (v->type == DB_VALUE_NUMBER && (form == EXPORT_DAY || form == EXPORT_MONTH)) {
        text_put_date(b, v->i, form);
    } else if (v->type == DB_VALUE_NUMBER && form == EXPORT_FLAG) {
        buf_puts(b, v->i != 0 ? "true" : "false");
    } else if (v->type == DB_VALUE_NUMBER) {
        buf_printf(b, "%lld", (long long)v->i);
    } else if (form == EXPORT_UUIDS) {
        for (size_t i = 0; str_next(&rest, ',', &piece); i++) {
            buf_puts(b, i == 0 ? "" : ",");
            text_put_uuid(b, piece);
        }
    } else if (v->type == DB_VALUE_BYTES && form != EXPORT_JSON) {
        text_put_bytes(b, v->s);
    } else {
        buf_putstr(b, v->s);
    }
}

static bool text_is_bare(const struct db_value *v, enum export_form form)
{
    return v->type == DB_VALUE_NUMBER && form != EXPORT_TIME && form != EXPORT_DAY && form != EXPORT_MONTH;
}

/* What is no whole object is shown as the text that it is: the file must stay JSON. */
static bool text_is_object(struct str s)
{
    struct json_object *tree = NULL;
    struct arena arena;

    arena_init(&arena, TEXT_PARSE_MAX);
    bool is = parse_object(&arena, s, true, &tree) == OK;
    parse_freep(&tree);
    arena_done(&arena);
    return is;
}

static void text_put_list(struct buf *b, struct str list)
{
    struct str piece;

    buf_putc(b, '[');
    for (size_t i = 0; list.n > 0 && str_next(&list, ',', &piece); i++) {
        buf_puts(b, i == 0 ? "" : ",");
        json_write_str(b, piece);
    }
    buf_putc(b, ']');
}

void export_put_json(struct buf *b, const struct db_value *v, enum export_form form)
{
    _cleanup_(buf_done) struct buf text = BUF_MAX(TEXT_MAX);

    if (v->type == DB_VALUE_NULL) {
        buf_puts(b, form == EXPORT_UUIDS ? "[]" : "null");
        return;
    }
    text_put_plain(&text, v, form);
    b->overflow = b->overflow || text.overflow;
    if (text_is_bare(v, form) || (form == EXPORT_JSON && text_is_object(v->s)))
        buf_putstr(b, buf_str(&text));
    else if (form == EXPORT_LIST || form == EXPORT_UUIDS)
        text_put_list(b, buf_str(&text));
    else
        json_write_str(b, buf_str(&text));
}

void export_put_csv(struct buf *b, const struct db_value *v, enum export_form form)
{
    _cleanup_(buf_done) struct buf text = BUF_MAX(TEXT_MAX);

    if (v->type == DB_VALUE_NULL)
        return;
    text_put_plain(&text, v, form);
    b->overflow = b->overflow || text.overflow;
    if (v->type == DB_VALUE_NUMBER || (v->type == DB_VALUE_BYTES && form != EXPORT_JSON))
        buf_putstr(b, buf_str(&text));
    else
        csv_put_text(b, buf_str(&text));
}

bool export_is_of(const struct db_value *child, const struct db_value *parent, size_t keys)
{
    for (size_t i = 0; i < keys; i++)
        if (child[i].type != parent[i].type || child[i].i != parent[i].i || !str_eq(child[i].s, parent[i].s))
            return false;
    return true;
}
