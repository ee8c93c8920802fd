#include "posts.h"

#include "fcgi/page.h"

/* What the list is of. */
static enum err posts_list_filter(struct ctx *c, struct post_filter *ret_filter)
{
    struct str status = form_get(&c->req.query, "status"), account = form_get(&c->req.query, "account_id");
    struct post_filter f = {.user_id = &c->caller.user_id, .mode = c->caller.mode, .state = POST_STATE__MAX};

    for (enum post_state s = 0; s < POST_STATE__MAX; s++)
        if (str_eqc(status, post_state_names[s]))
            f.state = s;
    if (status.p != NULL && f.state == POST_STATE__MAX)
        problem_add_text(&c->problems, ERR_FIELD_VALUE, STR("status"),
                         STR("This must be a status of posts, such as awaiting_approval or published."));
    if (account.p != NULL && !uuid_parse(account, &f.account_id))
        problem_add_text(&c->problems, ERR_FIELD_TYPE, STR("account_id"), STR("This must be the id of an account."));
    *ret_filter = f;
    return c->problems.n > 0 ? ERR_VALIDATION : OK;
}

static enum err posts_list(struct ctx *c)
{
    static const char *const allowed[] = {"status", "account_id", NULL};
    struct post_filter filter;
    struct page page;
    struct post *posts;
    size_t n;

    enum err e = posts_list_filter(c, &filter), paged = input_page(c, allowed, &page);
    if (e == OK)
        e = paged;
    if (e == OK)
        e = post_list(c->db, c->arena, &filter, &page.below, page.ask, &posts, &n);
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
     .summary = "List posts, newest first; also of one status or account"},
    {.method = "GET",
     .pattern = "/api/v1/posts/{id}",
     .handler = posts_get,
     .auth = AUTH_ANY,
     .scope = SCOPE_POSTS_READ,
     .by_mode = true,
     .rate = RATE_READ,
     .compressed = true,
     .summary = "Get a post with its images and its receipt"},
    ROUTE_END,
};
