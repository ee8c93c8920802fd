#include "json/scan.h"

#include "base/text.h"

static bool json_scan_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t json_scan_digits(struct str s, size_t at)
{
    size_t n = 0;

    while (at + n < s.n && json_scan_is_digit(s.p[at + n]))
        n++;
    return n;
}

/* The whole of s is a number (RFC 8259 6). */
static bool json_scan_is_number(struct str s)
{
    size_t at = s.n > 0 && s.p[0] == '-', n = json_scan_digits(s, at);

    if (n == 0 || (n > 1 && s.p[at] == '0'))
        return false;
    at += n;
    if (at < s.n && s.p[at] == '.') {
        n = json_scan_digits(s, ++at);
        if (n == 0)
            return false;
        at += n;
    }
    if (at < s.n && (s.p[at] == 'e' || s.p[at] == 'E')) {
        at++;
        if (at < s.n && (s.p[at] == '+' || s.p[at] == '-'))
            at++;
        n = json_scan_digits(s, at);
        if (n == 0)
            return false;
        at += n;
    }
    return at == s.n;
}

static bool json_scan_is_word_char(char c)
{
    return json_scan_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' ||
           c == '.';
}

/* The run of letters, digits and signs at at: a number or one of three words. */
static struct str json_scan_word(struct str text, size_t at)
{
    size_t n = 0;

    while (at + n < text.n && json_scan_is_word_char(text.p[at + n]))
        n++;
    return str_head(str_skip(text, at), n);
}

/* The four hex digits at at, or -1. */
static int json_scan_hex4(struct str text, size_t at)
{
    int v = 0;

    if (text.n - at < 4)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        char c = text.p[i], low = (char)(c | 0x20);
        if (json_scan_is_digit(c))
            v = v * 16 + (c - '0');
        else if (low >= 'a' && low <= 'f')
            v = v * 16 + (low - 'a' + 10);
        else
            return -1;
    }
    return v;
}

/* What follows "\u" at *at, with its second half when it is a surrogate. */
static enum err json_scan_unicode_escape(struct str text, size_t *at, bool lenient, bool *ret_nul)
{
    int unit = json_scan_hex4(text, *at), second = -1;

    if (unit < 0)
        return ERR_BAD_JSON;
    *at += 4;
    if (unit == 0)
        *ret_nul = true;
    if (unit < 0xd800 || unit > 0xdfff)
        return OK;
    if (unit < 0xdc00 && str_starts(str_skip(text, *at), STR("\\u")))
        second = json_scan_hex4(text, *at + 2);
    if (second >= 0xdc00 && second <= 0xdfff)
        *at += 6;
    else if (!lenient)
        return ERR_BAD_UTF8;
    return OK;
}

/* *at is behind the opening quote; it is put behind the closing one. */
static enum err json_scan_string(struct str text, size_t *at, bool lenient, bool *ret_nul)
{
    *ret_nul = false;
    while (*at < text.n) {
        char c = text.p[(*at)++];
        if (c == '"')
            return OK;
        if ((unsigned char)c < 0x20)
            return ERR_BAD_JSON;
        if (c != '\\')
            continue;
        if (*at == text.n)
            return ERR_BAD_JSON;
        c = text.p[(*at)++];
        if (c == '\0' || strchr("\"\\/bfnrtu", c) == NULL)
            return ERR_BAD_JSON;
        enum err e = c == 'u' ? json_scan_unicode_escape(text, at, lenient, ret_nul) : OK;
        if (e != OK)
            return e;
    }
    return ERR_BAD_JSON;
}

static bool json_scan_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool json_scan_colon_follows(struct str text, size_t at)
{
    while (at < text.n && json_scan_is_blank(text.p[at]))
        at++;
    return at < text.n && text.p[at] == ':';
}

static enum err json_scan_token(struct str text, size_t *at, struct scan *s)
{
    char c = text.p[*at];
    struct str w;
    bool nul;

    if (json_scan_is_word_char(c)) {
        w = json_scan_word(text, *at);
        *at += w.n;
        return json_scan_is_number(w) || str_eqc(w, "true") || str_eqc(w, "false") || str_eqc(w, "null") ? OK
                                                                                                         : ERR_BAD_JSON;
    }
    ++*at;
    switch (c) {
    case '"':;
        enum err e = json_scan_string(text, at, s->lenient, &nul);
        /* json-c ends a key at its first NUL: {"a\u0000b":1} would pass as {"a":1} */
        return e == OK && nul && json_scan_colon_follows(text, *at) ? ERR_BAD_JSON : e;
    case '{':
    case '[':
        if (++s->depth > JSON_DEPTH_MAX)
            return ERR_JSON_TOO_DEEP;
        return ++s->containers_n > JSON_CONTAINERS_MAX ? ERR_BAD_JSON : OK;
    case '}':
    case ']':
        return s->depth-- == 0 ? ERR_BAD_JSON : OK;
    case ':':
        s->members_n++;
        return OK;
    default:
        return c == ',' || json_scan_is_blank(c) ? OK : ERR_BAD_JSON;
    }
}

enum err scan_text(struct str text, struct scan *s)
{
    size_t at = 0;

    *s = (struct scan){.lenient = s->lenient};
    if (!text_is_utf8(text))
        return ERR_BAD_UTF8;
    while (at < text.n) {
        enum err e = json_scan_token(text, &at, s);
        if (e != OK)
            return e;
    }
    return OK;
}

struct str scan_next_number(struct str text, size_t *at)
{
    while (*at < text.n) {
        char c = text.p[*at];
        bool nul;
        if (c == '-' || json_scan_is_digit(c)) {
            struct str w = json_scan_word(text, *at);
            *at += w.n;
            return w;
        }
        ++*at;
        if (c == '"' && json_scan_string(text, at, true, &nul) != OK)
            break;
    }
    return (struct str){0};
}
