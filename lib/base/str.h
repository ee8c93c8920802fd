/*
 * struct str: text that somebody else owns. Not NUL-terminated. p is NULL for "absent", which is not the same as
 * "empty" (p set, n 0).
 *
 *    struct str line = STR("a=b"), name;
 *    if (str_cut(&line, '=', &name))   // name "a", line "b"
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/defs.h"

struct str {
    const char *p;
    size_t n;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_FMT(s) (int)(s).n, (s).p ? (s).p : "" /* for "%.*s" */

static inline struct str str_from(const char *cstr) /* of a C string; NULL gives absent */
{
    return (struct str){cstr, cstr ? strlen(cstr) : 0};
}

static inline struct str str_of(const void *p, size_t n)
{
    return (struct str){p, n};
}

static inline bool char_is_alnum(char c) /* an ASCII letter or digit, whatever the locale */
{
    char low = (char)(c | 0x20);

    return (c >= '0' && c <= '9') || (low >= 'a' && low <= 'z');
}

bool str_eq(struct str a, struct str b);
bool str_eqc(struct str a, const char *b);
bool str_ieq(struct str a, struct str b); /* ignores the case of ASCII letters */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
struct str str_trim(struct str s); /* without blanks and tabs at both ends */
struct str str_skip(struct str s, size_t n);
struct str str_head(struct str s, size_t n); /* the first n bytes at most */

/* Cuts s at the first sep: ret_head gets what comes before it, s what comes after. False if there is none; s and
 * ret_head are then untouched. */
bool str_cut(struct str *s, char sep, struct str *ret_head);

/* Takes the next piece, up to sep or the end. False when nothing is left. Empty pieces are returned, too. */
bool str_next(struct str *s, char sep, struct str *ret_piece);

/* Is s one of names, which end with NULL? names itself may be NULL. */
bool str_is_one_of(struct str s, const char *const *names);

bool str_is_visible(struct str s); /* ASCII alone, without blanks and control characters; also if it is empty */

/*
 * Lists in one text, as TikTok writes scopes and MariaDB writes a SET: pieces separated by sep. Blanks around a piece
 * do not count, and empty pieces are skipped.
 */
struct strs {
    struct str *v;
    size_t n;
};
struct arena;
struct strs str_split(struct arena *arena, struct str list, char sep); /* v lives in the arena, the pieces in list */
bool str_list_has(struct str list, char sep, struct str piece);

/* The whole of s must be decimal digits, without a sign, and must not overflow. */
MUST_CHECK bool str_to_i64(struct str s, int64_t *ret_value);

int str_hex_value(char c); /* 0 to 15 of a hexadecimal digit in either case; -1 of any other character */

bool str_eq_secret(struct str a, struct str b); /* the time it takes depends on the lengths only */
