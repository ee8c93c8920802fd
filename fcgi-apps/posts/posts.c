#include "posts.h"

#include "fcgi/page.h"

/* Which state the list is of; POST_STATE__MAX: of all. Those that have ended are too many to be looked through for one. */
static enum err posts_list_state(struct ctx *c, enum post_state *ret_state)
{
    struct str status = form_get(&c->req.query, "status");

    *ret_state = POST_STATE__MAX;
    if (status.p == NULL)
        return OK;
    for (enum post_state s = 0; s < POST_STATE__MAX; s++)
        if (str_eqc(status, post_state_names[s]) && !post_state_has_ended(s))
            *ret_state = s;
    if (*ret_state != POST_STATE__MAX)
        return OK;
    problem_add_text(&c->problems, ERR_FIELD_VALUE, STR("status"),
                     STR("This must be a status of posts that have not ended, such as awaiting_approval."));
    return ERR_VALIDATION;
}

static enum err posts_list(struct ctx *c)
{
    static const char *const allowed[] = {"status", NULL};
    enum post_state state;
    struct page page;
    struct post *posts;
    size_t n;

    enum err e = posts_list_state(c, &state), paged = input_page(c, allowed, &page);
    if (e == OK)
        e = paged;
    if (e == OK && state == POST_STATE__MAX)
        e = post_list(c->db, c->arena, &c->caller.user_id, c->caller.mode, &page.below, page.ask, &posts, &n);
    else if (e == OK)
        e = post_list_in(c->db, c->arena, &c->caller.user_id, c->caller.mode, state, &page.below, page.ask, &posts, &n);
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
