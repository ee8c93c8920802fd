/*
 * Answering a list a page at a time. The model gives rows by falling id, at most as many as it is asked for.
 *
 *    struct page page;
 *    enum err e = input_page(c, NULL, &page);
 *    if (e == OK)
 *        e = key_list(c->db, c->arena, &c->caller.user_id, &page.below, page.ask, &keys, &n);
 *    if (e != OK)
 *        return e;
 *    n = page_cut(&page, keys, n, sizeof *keys);
 *    return page_reply(c, &page, keys_shown_fields, keys, n, sizeof *keys);
 */
#pragma once

#include "fcgi/input.h"

/*
 * How many of the n rows belong to the page: without the one too many, which only tells that there is a next page.
 * A row has size bytes and begins with its id.
 */
size_t page_cut(struct page *page, const void *rows, size_t n, size_t size);

/* The answer: n elements of size bytes, one for each row of the page, and the way to the next page. */
MUST_CHECK enum err page_reply(struct ctx *c, const struct page *page, const struct json_field *fields, const void *v,
                               size_t n, size_t size);
