/*
 * A look at JSON text before json-c parses it, for what json-c lets through or loses: control characters, NaN, numbers
 * such as 01 or 1., lone surrogates, a NUL in a key, the depth of nesting and how much is nested, because an empty
 * array of two bytes costs json-c some 400; and the count of members, by which duplicate keys are found. It does not
 * check the grammar between tokens: json-c does.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

#define JSON_DEPTH_MAX 8
#define JSON_CONTAINERS_MAX 4096 /* objects and arrays in a text */

struct scan {
    bool lenient;     /* lone surrogates are let through */
    size_t members_n; /* out: keys with their values, in all objects */
    size_t depth, containers_n;
};

/* ERR_BAD_UTF8, ERR_JSON_TOO_DEEP, ERR_BAD_JSON. */
MUST_CHECK enum err scan_text(struct str text, struct scan *s);

/* The next number at or behind *at in text that has passed scan_text; *at is put behind it. Absent when none is left.
 */
struct str scan_next_number(struct str text, size_t *at);
