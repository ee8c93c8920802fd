#include "fcgi/page.h"

size_t page_cut(struct page *page, const void *rows, size_t n, size_t size)
{
    if (n <= page->limit)
        return n;
    memcpy(&page->last, (const char *)rows + (page->limit - 1) * size, sizeof page->last);
    return page->limit;
}

enum err page_reply(struct ctx *c, const struct page *page, const struct json_field *fields, const void *v, size_t n,
                    size_t size)
{
    struct str next = {0};

    if (!uuid_is_none(&page->last))
        next = arena_str(c->arena, str_from(uuid_text(&page->last).s));
    return reply_list(&c->rep, fields, v, n, size, (int64_t)page->limit, next);
}
