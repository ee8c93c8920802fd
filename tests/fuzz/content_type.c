/*
 * The parameters of a Content-Type, and the boundary in them. Invariants: names, values and what is left are pieces of the header, in its
 * order, and what they must be; the boundary is the one that a scan of the header, byte by byte, finds.
 */
#include "fuzz.h"

#include "http/multipart.h"
#include "http/param.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_token(char c)
{
    return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static void check_params(struct str header)
{
    _cleanup_(arena_done) struct arena arena;
    struct param param;
    struct str rest = header;
    enum err e;

    arena_init(&arena, FUZZ_ARENA_BYTES);
    for (const char *at = header.p; (e = param_next(&rest, &param)) == OK && param.name.p != NULL; at = rest.p) {
        ASSERT(param.name.p > at && param.name.n > 0 && param.raw.p > param.name.p + param.name.n - 1);
        ASSERT(rest.p >= param.raw.p + param.raw.n && rest.p + rest.n <= header.p + header.n);
        for (size_t i = 0; i < param.name.n; i++)
            ASSERT(is_token(param.name.p[i]));
        for (size_t i = 0; i < param.raw.n && !param.quoted; i++)
            ASSERT(!is_blank(param.raw.p[i]) && param.raw.p[i] != ';' && param.raw.p[i] != '"');
        struct str value = param_value(&arena, &param);
        ASSERT(value.n <= param.raw.n && (param.quoted || str_eq(value, param.raw)));
    }
    ASSERT(e == OK || e == ERR_BAD_REQUEST);
}

/* The one boundary, by a scan: at is where the scan is. False: there is none, or two, or something is malformed. */
static bool scan(const char *p, size_t n, size_t at, struct str *ret_boundary)
{
    size_t found = 0;

    for (;;) {
        while (at < n && is_blank(p[at]))
            at++;
        if (at == n)
            return found == 1;
        if (p[at++] != ';')
            return false;
        while (at < n && is_blank(p[at]))
            at++;
        if (at == n)
            return found == 1;
        size_t name = at;
        while (at < n && is_token(p[at]))
            at++;
        struct str text = str_of(p + name, at - name);
        if (text.n == 0 || at == n || p[at++] != '=')
            return false;
        bool quoted = at < n && p[at] == '"';
        size_t value = at += quoted;
        while (at < n && (quoted ? p[at] != '"' : !is_blank(p[at]) && p[at] != ';' && p[at] != '"'))
            at += 1 + (quoted && p[at] == '\\' && at + 1 < n && (p[at + 1] == '"' || p[at + 1] == '\\'));
        if (quoted && at >= n)
            return false;
        if (str_ieq(text, STR("boundary"))) {
            *ret_boundary = str_of(p + value, at - value);
            found++;
        }
        at += quoted;
    }
}

/* RFC 2046 5.1.1 */
static bool is_boundary(struct str s)
{
    static const char chars[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'()+_,-./:=? ";

    for (size_t i = 0; i < s.n; i++)
        if (memchr(chars, s.p[i], sizeof chars - 1) == NULL)
            return false;
    return s.n > 0 && s.n <= 70 && s.p[s.n - 1] != ' ';
}

static size_t no_body(void *arg, void *p, size_t n)
{
    (void)arg;
    (void)p;
    (void)n;
    return 0;
}

static void check_boundary(struct str header)
{
    _cleanup_(arena_done) struct arena arena;
    struct body body = {.source = no_body, .content_length = -1, .max_bytes = UINT64_MAX};
    struct multipart mp;
    struct str boundary = {0};
    size_t n = 0;

    arena_init(&arena, FUZZ_ARENA_BYTES);
    while (n < header.n && header.p[n] != ';')
        n++;
    enum err e = multipart_init(&mp, &arena, header, &body);
    bool is_form = str_ieq(str_trim(str_head(header, n)), STR("multipart/form-data"));
    ASSERT((e == ERR_UNSUPPORTED_TYPE) == !is_form);
    if (!is_form)
        return;
    bool is_there = scan(header.p, header.n, n, &boundary) && is_boundary(boundary);
    ASSERT(e == (is_there ? OK : ERR_MULTIPART_NO_BOUNDARY));
    if (e == OK)
        ASSERT(str_eq(str_skip(str_of(mp.delimiter, mp.delimiter_n), 4), boundary));
}

/* As it is, and as what follows the right type. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char type[] = "multipart/form-data";
    char header[4200];
    size_t before = sizeof type - 1;

    check_params(str_of(data, size));
    check_boundary(str_of(data, size));
    if (before + size > sizeof header)
        return 0;
    memcpy(header, type, before);
    memcpy(header + before, data, size);
    check_boundary(str_of(header, before + size));
    return 0;
}
