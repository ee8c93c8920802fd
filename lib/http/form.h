/*
 * name=value&... as in query strings and application/x-www-form-urlencoded bodies (WHATWG URL 5.1): reading, which
 * decodes once, and writing. Decoded names and values must be UTF-8 without NUL. Limit: FORM_PAIRS_MAX pairs.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define FORM_PAIRS_MAX 64

struct form_pair {
    struct str name, value;
};

struct form {
    struct form_pair v[FORM_PAIRS_MAX];
    size_t n;
};

MUST_CHECK enum err form_parse(struct arena *arena, struct str text, struct form *ret_form); /* ERR_BAD_QUERY */

/* The value of name: the first one if it is there several times (see form_count), absent if it is not there. */
struct str form_get(const struct form *f, const char *name);
size_t form_count(const struct form *f, const char *name);

/* Appends name=value, encoded, with '&' before it unless b is empty or ends with '?'. */
void form_put(struct buf *b, const char *name, struct str value);
