/*
 * Reading what a client sent, in the ways that several routes share. Problems go to c->problems, all of them at once.
 */
#pragma once

#include "fcgi/app.h"

/* Binds the JSON body to ret: checks the content type (415) and reads at most the route's body limit. */
MUST_CHECK enum err input_json(struct ctx *c, const struct json_field *fields, void *ret);

/*
 * The page that a list route was asked for: ?limit=1..100 (20), ?cursor=. The cursor is the last id of the page before,
 * none at the start. Problems go to c->problems. Query names not in allowed (NULL-ended, besides these two) are
 * FIELD_UNKNOWN.
 */
struct page {
    int64_t limit;
    struct uuid after;
};
MUST_CHECK enum err input_page(struct ctx *c, const char *const *allowed, struct page *ret_page);

/* Query names not in allowed (NULL-ended) are problems; ERR_VALIDATION then. */
MUST_CHECK enum err input_query_only(struct ctx *c, const char *const *allowed);
