#include "http/part.h"

#include "base/text.h"
#include "http/param.h"

#define NAME_MAX_BYTES 255
#define NAME_RAW_MAX_BYTES (3 * NAME_MAX_BYTES) /* every character escaped */

struct headers {
    struct str disposition, content_type, encoding;
};

/* Browsers write a quote in a name as %22 (HTML, multipart/form-data encoding); a '%' of its own is not escaped, so
 * nothing else can be decoded. */
static struct str part_unquote(struct arena *arena, struct str s)
{
    char *p = arena_alloc(arena, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        bool quote = str_starts(str_skip(s, i), STR("%22"));
        p[n++] = quote ? '"' : s.p[i];
        i += quote ? 2 : 0;
    }
    return str_of(p, n);
}

static enum err part_check_text(struct str s)
{
    if (!text_is_utf8(s))
        return ERR_BAD_UTF8;
    return s.n <= NAME_MAX_BYTES ? OK : ERR_BAD_MULTIPART;
}

static enum err part_disposition(struct arena *arena, struct str value, struct multipart_part *ret_part)
{
    size_t n = 0;
    struct param param;
    enum err e;

    while (n < value.n && value.p[n] != ';')
        n++;
    if (!str_ieq(str_trim(str_head(value, n)), STR("form-data")))
        return ERR_BAD_MULTIPART;
    value = str_skip(value, n);
    while ((e = param_next(&value, &param)) == OK && param.name.p != NULL) {
        struct str *to = str_ieq(param.name, STR("name"))       ? &ret_part->name
                         : str_ieq(param.name, STR("filename")) ? &ret_part->filename
                                                                : NULL;
        if (to == NULL) /* such as filename*, which RFC 7578 4.2 forbids here */
            continue;
        if (to->p != NULL)
            return ERR_BAD_MULTIPART;
        if (param.raw.n > NAME_RAW_MAX_BYTES)
            return ERR_BAD_MULTIPART;
        *to = part_unquote(arena, param_value(arena, &param));
        e = part_check_text(*to);
        if (e != OK)
            return e;
    }
    return e == OK && ret_part->name.n > 0 ? OK : ERR_BAD_MULTIPART;
}

static bool part_is_field_name(struct str s)
{
    return s.n > 0 && str_is_visible(s);
}

/* One line without its CR LF. A line that begins with a blank (folding, which RFC 7230 3.2.4 ended) has no name. */
static enum err part_line(struct str text, struct headers *h)
{
    struct str name;

    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < 0x20 && text.p[i] != '\t')
            return ERR_BAD_MULTIPART;
    if (!str_cut(&text, ':', &name) || !part_is_field_name(name))
        return ERR_BAD_MULTIPART;
    struct str *to = str_ieq(name, STR("Content-Disposition"))         ? &h->disposition
                     : str_ieq(name, STR("Content-Type"))              ? &h->content_type
                     : str_ieq(name, STR("Content-Transfer-Encoding")) ? &h->encoding
                                                                       : NULL;
    if (to == NULL)
        return OK;
    if (to->p != NULL)
        return ERR_BAD_MULTIPART;
    *to = str_trim(text);
    return OK;
}

/* RFC 7578 4.7: deprecated; the ones that mean "as it is" are harmless, the others would need decoding. */
static bool part_is_plain_encoding(struct str s)
{
    return s.p == NULL || str_ieq(s, STR("binary")) || str_ieq(s, STR("8bit")) || str_ieq(s, STR("7bit"));
}

enum err part_headers(struct arena *arena, struct str block, struct multipart_part *ret_part)
{
    struct headers h = {0};
    struct multipart_part part = {0};
    struct str text;

    while (str_cut(&block, '\n', &text)) {
        if (!str_ends(text, STR("\r")))
            return ERR_BAD_MULTIPART;
        enum err e = part_line(str_head(text, text.n - 1), &h);
        if (e != OK)
            return e;
    }
    if (block.n > 0 || h.disposition.p == NULL || !part_is_plain_encoding(h.encoding))
        return ERR_BAD_MULTIPART;
    enum err e = part_disposition(arena, h.disposition, &part);
    if (e != OK)
        return e;
    if (h.content_type.p != NULL)
        e = part_check_text(h.content_type);
    if (e != OK)
        return e;
    part.content_type = arena_str(arena, h.content_type);
    *ret_part = part;
    return OK;
}
