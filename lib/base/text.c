#include "base/text.h"

#include <string.h>

#include <utf8proc.h>

/* The next code point of s; negative where s is not UTF-8. Cuts it off. */
static utf8proc_int32_t text_next(struct str *s)
{
    utf8proc_int32_t cp = (unsigned char)s->p[0];

    if (cp < 0x80) {
        *s = str_skip(*s, 1);
        return cp;
    }
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)s->p, (utf8proc_ssize_t)s->n, &cp);

    if (n <= 0)
        return -1;
    *s = str_skip(*s, (size_t)n);
    return cp;
}

static size_t text_units(utf8proc_int32_t cp)
{
    return cp > 0xffff ? 2 : 1;
}

/* Most texts are ASCII, and some are long: eight bytes at a time. */
static size_t text_ascii_bytes(struct str s)
{
    uint64_t bytes;
    size_t n = 0;

    for (; s.n - n >= sizeof bytes; n += sizeof bytes) {
        memcpy(&bytes, s.p + n, sizeof bytes);
        if ((bytes & 0x8080808080808080) != 0)
            break;
    }
    while (n < s.n && (unsigned char)s.p[n] < 0x80)
        n++;
    return n;
}

bool text_is_utf8(struct str s)
{
    for (;;) {
        s = str_skip(s, text_ascii_bytes(s));
        if (s.n == 0)
            return true;
        if (text_next(&s) < 0)
            return false;
    }
}

size_t text_encode(uint32_t code_point, char *ret)
{
    return (size_t)utf8proc_encode_char((utf8proc_int32_t)code_point, (utf8proc_uint8_t *)ret);
}

size_t text_utf16_units(struct str s)
{
    size_t n = 0;

    while (s.n > 0) {
        utf8proc_int32_t cp = text_next(&s);
        ASSERT(cp >= 0);
        n += text_units(cp);
    }
    return n;
}

struct str text_utf16_head(struct str s, size_t max_units)
{
    size_t units = 0, graphemes_end = 0, points_end = 0;
    utf8proc_int32_t state = 0, before = 0;
    struct str rest = s;

    while (rest.n > 0) {
        size_t at = s.n - rest.n;
        utf8proc_int32_t cp = text_next(&rest);
        ASSERT(cp >= 0);
        if (at > 0 && utf8proc_grapheme_break_stateful(before, cp, &state))
            graphemes_end = at;
        units += text_units(cp);
        if (units > max_units)
            return str_head(s, graphemes_end > 0 ? graphemes_end : points_end);
        points_end = s.n - rest.n;
        before = cp;
    }
    return s;
}

size_t text_nfc(struct str s, int32_t *work)
{
    const utf8proc_option_t form_c = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    utf8proc_ssize_t room = (utf8proc_ssize_t)TEXT_NFC_WORK(s.n) - 1; /* reencode adds a NUL */

    if (s.n == 0) {
        work[0] = 0;
        return 0;
    }
    utf8proc_ssize_t n = utf8proc_decompose((const utf8proc_uint8_t *)s.p, (utf8proc_ssize_t)s.n, work, room, form_c);
    ASSERT(n >= 0 && n <= room);
    n = utf8proc_reencode(work, n, form_c);
    ASSERT(n >= 0);
    return (size_t)n;
}

bool text_is_printable(struct str s, bool multiline)
{
    while (s.n > 0) {
        utf8proc_int32_t cp = text_next(&s);
        bool control = cp < 0x20 || (cp >= 0x7f && cp < 0xa0);
        if (control && !(multiline && (cp == '\n' || cp == '\t' || cp == '\r')))
            return false;
    }
    return true;
}
