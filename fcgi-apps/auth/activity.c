/* What was done with the account. A session sees it, and no key: whoever finds a key learns nothing of its owner. */
#include "auth/auth.h"
#include "fcgi/page.h"
#include "model/user/activity.h"

struct activity_shown {
    struct activity row;
    struct str description;
};

static const struct json_field activity_shown_fields[] = {
    {.name = "id", JSON_UUID(struct activity_shown, row.id), .help = "The entry's id"},
    {.name = "what",
     JSON_ENUM(struct activity_shown, row.what, activity_names),
     .help = "What was done",
     .policy = "account.activity"},
    {.name = "description",
     JSON_STR(struct activity_shown, description),
     .help = "The same in words",
     .policy = "account.activity"},
    {.name = "by",
     JSON_ENUM(struct activity_shown, row.by, activity_by_names),
     .help = "Who did it: user, key, admin or service",
     .policy = "account.activity"},
    {.name = "about_id",
     JSON_UUID(struct activity_shown, row.about_id),
     .help = "The key or TikTok account that it was done to, or null",
     .policy = "account.activity"},
    {.name = "about",
     JSON_STR(struct activity_shown, row.about),
     .help = "Its name at that time, or null",
     .policy = "account.activity"},
    {.name = "created_at",
     JSON_TIME(struct activity_shown, row.created_at_us),
     .help = "When it was done",
     .policy = "account.activity"},
    JSON_END,
};

static enum err activity_show(struct ctx *c)
{
    struct activity *rows;
    struct page page;
    size_t n;

    enum err e = input_page(c, NULL, &page);
    if (e == OK)
        e = activity_list(c->db, c->arena, &c->caller.user_id, &page.below, page.ask, &rows, &n);
    if (e != OK)
        return e;
    n = page_cut(&page, rows, n, sizeof *rows);
    struct activity_shown *shown = arena_array(c->arena, n, sizeof *shown);
    for (size_t i = 0; i < n; i++)
        shown[i] = (struct activity_shown){.row = rows[i], .description = str_from(activity_words[rows[i].what])};
    return page_reply(c, &page, activity_shown_fields, shown, n, sizeof *shown);
}

const struct route auth_activity_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/me/activity",
     .handler = activity_show,
     .auth = AUTH_SESSION,
     .rate = RATE_READ,
     .summary = "What was done with the account"},
    ROUTE_END,
};
