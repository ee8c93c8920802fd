#include "http/authorization.h"

bool authorization_cut(struct str header, struct str scheme, struct str *ret_rest)
{
    struct str found;

    if (!str_cut(&header, ' ', &found) || !str_ieq(found, scheme))
        return false;
    while (str_starts(header, STR(" ")))
        header = str_skip(header, 1);
    *ret_rest = header;
    return true;
}

/* The six bits of a character of base64; -1: it is none. */
static int authorization_bits(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool authorization_basic(struct arena *arena, struct str header, struct str *ret_text)
{
    struct str code;
    unsigned bits = 0, held = 0; /* held: how many of bits have not been written yet */
    size_t n = 0;

    if (!authorization_cut(header, STR("Basic"), &code))
        return false;
    while (str_ends(code, STR("=")))
        code.n--;
    char *p = arena_alloc(arena, code.n * 3 / 4 + 1);
    for (size_t i = 0; i < code.n; i++) {
        int six = authorization_bits(code.p[i]);
        if (six < 0)
            return false;
        bits = bits << 6 | (unsigned)six;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        p[n++] = (char)(bits >> held & 0xff);
    }
    *ret_text = str_of(p, n);
    return true;
}
