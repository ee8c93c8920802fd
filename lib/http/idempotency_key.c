#include "http/idempotency_key.h"

static bool idempotency_key_is_ascii(char c)
{
    return c >= ' ' && c <= '~';
}

static enum err idempotency_key_bare(struct str s, struct str *ret_key)
{
    for (size_t i = 0; i < s.n; i++)
        if (!idempotency_key_is_ascii(s.p[i]) || s.p[i] == ' ' || s.p[i] == '"' || s.p[i] == ',')
            return ERR_IDEMPOTENCY_KEY;
    *ret_key = s;
    return OK;
}

/* s begins after the opening quote, and must end with the closing one. */
static enum err idempotency_key_quoted(struct arena *arena, struct str s, struct str *ret_key)
{
    char *p = arena_alloc(arena, s.n + 1);
    size_t n = 0, i = 0;

    for (; i < s.n && s.p[i] != '"'; i++) {
        if (s.p[i] == '\\' && (++i == s.n || (s.p[i] != '"' && s.p[i] != '\\')))
            return ERR_IDEMPOTENCY_KEY;
        if (!idempotency_key_is_ascii(s.p[i]))
            return ERR_IDEMPOTENCY_KEY;
        p[n++] = s.p[i];
    }
    if (i + 1 != s.n)
        return ERR_IDEMPOTENCY_KEY;
    *ret_key = str_of(p, n);
    return OK;
}

enum err idempotency_key_parse(struct arena *arena, struct str header, struct str *ret_key)
{
    struct str s = str_trim(header), key;
    bool quoted = str_starts(s, STR("\""));

    enum err e = quoted ? idempotency_key_quoted(arena, str_skip(s, 1), &key) : idempotency_key_bare(s, &key);
    if (e != OK)
        return e;
    if (key.n == 0 || key.n > IDEMPOTENCY_KEY_MAX)
        return ERR_IDEMPOTENCY_KEY;
    *ret_key = key;
    return OK;
}
