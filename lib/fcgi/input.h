/*
 * Reading what a client sent, in the ways that several routes share. All problems are gathered in c->problems.
 */
#pragma once

#include "fcgi/app.h"

/*
 * Binds the JSON body, of at most the route's body_max_bytes, to ret. ERR_UNSUPPORTED_TYPE when it is not called JSON.
 */
MUST_CHECK enum err input_json(struct ctx *c, const struct json_field *fields, void *ret);

/*
 * The page that a client asks for: ?limit=, 1 to 100 (without it 20), and ?cursor=, the last id of the page before
 * (without it none: the first page). Query names that are neither these two nor in allowed (NULL-ended), nor ?mode= where the
 * route is by_mode, are ERR_FIELD_UNKNOWN. fcgi/page.h answers it.
 */
struct page {
    size_t limit;      /* what the client wants at most */
    size_t ask;        /* what to ask the model for: one more, which tells whether there is a next page */
    struct uuid below; /* rows with smaller ids */
    struct uuid last;  /* of this page, when there is a next one; set by page_cut */
};
MUST_CHECK enum err input_page(struct ctx *c, const char *const *allowed, struct page *ret_page);

/* ERR_VALIDATION when there are query names that are not in allowed (NULL-ended), each as a problem; ?mode= as above. */
MUST_CHECK enum err input_query_only(struct ctx *c, const char *const *allowed);

/* Whether it comes from a browser that shows the answer to a person: Accept names text/html. */
bool input_wants_html(const struct ctx *c);

/* The .check of a field that is one line of text: ERR_FIELD_CHARACTERS when it has control characters. */
MUST_CHECK enum err input_check_line(const void *str);
