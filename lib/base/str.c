#include "base/str.h"

#include <strings.h>

#include "base/arena.h"

bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_eqc(struct str a, const char *b)
{
    return str_eq(a, str_from(b));
}

bool str_ieq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq(str_head(s, prefix.n), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && str_eq(str_skip(s, s.n - suffix.n), suffix);
}

static bool str_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.n > 0 && str_blank(s.p[0]))
        s = str_skip(s, 1);
    while (s.n > 0 && str_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct str str_skip(struct str s, size_t n)
{
    ASSERT(n <= s.n);
    return n == 0 ? s : (struct str){s.p + n, s.n - n};
}

struct str str_head(struct str s, size_t n)
{
    return (struct str){s.p, MIN(s.n, n)};
}

bool str_cut(struct str *s, char sep, struct str *ret_head)
{
    const char *at = s->n == 0 ? NULL : memchr(s->p, sep, s->n);

    if (at == NULL)
        return false;
    size_t n = (size_t)(at - s->p);
    *ret_head = str_head(*s, n);
    *s = str_skip(*s, n + 1);
    return true;
}

bool str_next(struct str *s, char sep, struct str *ret_piece)
{
    if (s->p == NULL)
        return false;
    if (!str_cut(s, sep, ret_piece)) {
        *ret_piece = *s;
        *s = (struct str){NULL, 0};
    }
    return true;
}

bool str_is_one_of(struct str s, const char *const *names)
{
    for (; names != NULL && *names != NULL; names++)
        if (str_eqc(s, *names))
            return true;
    return false;
}

bool str_is_visible(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return true;
}

/* The next piece that is one. */
static bool str_list_next(struct str *list, char sep, struct str *ret_piece)
{
    while (str_next(list, sep, ret_piece)) {
        *ret_piece = str_trim(*ret_piece);
        if (ret_piece->n > 0)
            return true;
    }
    return false;
}

struct strs str_split(struct arena *arena, struct str list, char sep)
{
    struct strs s = {.v = arena_array(arena, list.n / 2 + 1, sizeof *s.v)}; /* "a,b,c": no more than that */
    struct str piece;

    while (str_list_next(&list, sep, &piece))
        s.v[s.n++] = piece;
    return s;
}

bool str_list_has(struct str list, char sep, struct str piece)
{
    struct str next;

    while (str_list_next(&list, sep, &next))
        if (str_eq(next, piece))
            return true;
    return false;
}

bool str_to_i64(struct str s, int64_t *ret_value)
{
    int64_t v = 0;

    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, s.p[i] - '0', &v))
            return false;
    }
    *ret_value = v;
    return true;
}

int str_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20; /* to lower case, and no other character to a letter */
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool str_eq_secret(struct str a, struct str b)
{
    unsigned char diff = a.n != b.n;

    for (size_t i = 0; i < MIN(a.n, b.n); i++)
        diff |= (unsigned char)(a.p[i] ^ b.p[i]);
    return diff == 0;
}
