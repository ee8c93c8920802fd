#include "posts.h"

#include "fcgi/page.h"

static enum err posts_list(struct ctx *c)
{
    struct page page;
    struct post *posts;
    size_t n;

    enum err e = input_page(c, NULL, &page);
    if (e == OK)
        e = post_list(c->db, c->arena, &c->caller.user_id, c->caller.mode, &page.below, page.ask, &posts, &n);
    if (e != OK)
        return e;
    n = page_cut(&page, posts, n, sizeof *posts);
    struct post_shape *shapes = arena_array(c->arena, n, sizeof *shapes);
    for (size_t i = 0; i < n; i++)
        shape_post(c, &posts[i], &shapes[i]);
    return page_reply(c, &page, post_item_fields, shapes, n, sizeof *shapes);
}

static enum err posts_get(struct ctx *c)
{
    struct post_shape shape;
    struct uuid id;

    enum err e = request_param_uuid(&c->req, 0, &id);
    if (e == OK)
        e = input_query_only(c, NULL);
    if (e == OK)
        e = shape_read(c, &id, &shape);
    return e == OK ? reply_data(&c->rep, 200, post_fields, &shape) : e;
}

const struct route post_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/posts",
     .handler = posts_list,
     .auth = AUTH_ANY,
     .scope = SCOPE_POSTS_READ,
     .by_mode = true,
     .rate = RATE_READ,
     .summary = "List posts, newest first"},
    {.method = "GET",
     .pattern = "/api/v1/posts/{id}",
     .handler = posts_get,
     .auth = AUTH_ANY,
     .scope = SCOPE_POSTS_READ,
     .by_mode = true,
     .rate = RATE_READ,
     .summary = "Get a post with its images and its receipt"},
    ROUTE_END,
};
