/* What became of a user's posts, by day and account. */
#include "posts.h"

#include "fcgi/input.h"
#include "model/usage/usage_posts.h"

#define ROWS_MAX 1000 /* a month of 32 accounts that post every day */

struct usage_posts_row {
    struct usage_posts row;
    int64_t p50_ms, p95_ms;
    bool has_published;
};

struct usage_posts_answer {
    int64_t from_us, to_us;
    struct json_array rows;
};

static const struct json_field usage_posts_fields[];

static enum err usage_posts_read(struct ctx *c, struct usage_posts_answer *a)
{
    static const char *const names[] = {"from", "to", NULL};

    enum err e = input_query_only(c, names);
    if (usage_read_days(c, &a->from_us, &a->to_us) && a->to_us - a->from_us > USAGE_POSTS_DAYS * US_PER_DAY)
        problem_add_text(&c->problems, ERR_FIELD_RANGE, STR("to"),
                         STR("This can be at most 31 days after from. Ask again for the rest."));
    return e != OK || c->problems.n == 0 ? e : ERR_VALIDATION;
}

static enum err usage_posts_get(struct ctx *c)
{
    struct usage_posts_answer a = {.from_us = 0};
    struct usage_posts *rows;
    size_t n;

    enum err e = usage_posts_read(c, &a);
    if (e == OK)
        e = usage_posts_by_day(c->db, c->arena, &c->caller.user_id, c->caller.mode, a.from_us, a.to_us, ROWS_MAX + 1,
                               &rows, &n);
    if (e != OK)
        return e;
    if (n > ROWS_MAX) {
        problem_add_text(&c->problems, ERR_FIELD_RANGE, STR("to"),
                         STR("There are more than 1000 days and accounts. Ask for a shorter time."));
        return ERR_VALIDATION;
    }
    struct usage_posts_row *shown = arena_array(c->arena, n, sizeof *shown);
    for (size_t i = 0; i < n; i++)
        shown[i] = (struct usage_posts_row){.row = rows[i],
                                            .p50_ms = rows[i].p50_us / 1000,
                                            .p95_ms = rows[i].p95_us / 1000,
                                            .has_published = rows[i].published > 0};
    a.rows = (struct json_array){.v = shown, .n = n};
    return reply_data(&c->rep, 200, usage_posts_fields, &a);
}

static const struct json_field usage_posts_row_fields[] = {
    {.name = "starts_at",
     JSON_TIME(struct usage_posts_row, row.starts_at_us),
     .help = "When the day began, in UTC",
     .policy = "post.metadata"},
    {.name = "account_id",
     JSON_UUID(struct usage_posts_row, row.account_id),
     .help = "The TikTok account",
     .policy = "post.metadata"},
    {.name = "published",
     JSON_I64(struct usage_posts_row, row.published),
     .help = "Posts that ended on that day, and were published",
     .policy = "post.metadata"},
    {.name = "in_inbox",
     JSON_I64(struct usage_posts_row, row.in_inbox),
     .help = "Drafts that came to the inbox",
     .policy = "post.metadata"},
    {.name = "failed", JSON_I64(struct usage_posts_row, row.failed), .help = "That failed", .policy = "post.metadata"},
    {.name = "canceled",
     JSON_I64(struct usage_posts_row, row.canceled),
     .help = "That were canceled",
     .policy = "post.metadata"},
    {.name = "deferred",
     JSON_I64(struct usage_posts_row, row.deferred),
     .help = "Of all these, those that TikTok had put off before",
     .policy = "post.receipt"},
    {.name = "p50_ms",
     JSON_I64(struct usage_posts_row, p50_ms),
     JSON_GIVEN(struct usage_posts_row, has_published),
     .help = "Half of the published ones took no longer, from when they were due; null: there are none",
     .policy = "post.metadata"},
    {.name = "p95_ms",
     JSON_I64(struct usage_posts_row, p95_ms),
     JSON_GIVEN(struct usage_posts_row, has_published),
     .help = "95 of 100 took no longer",
     .policy = "post.metadata"},
    JSON_END,
};

static const struct json_field usage_posts_fields[] = {
    {.name = "from", JSON_TIME(struct usage_posts_answer, from_us), .help = "The first day's beginning"},
    {.name = "to", JSON_TIME(struct usage_posts_answer, to_us), .help = "The last day's end"},
    {.name = "rows",
     JSON_ARRAY(struct usage_posts_answer, rows, struct usage_posts_row, usage_posts_row_fields),
     .help = "The newest day first; those that are not empty"},
    JSON_END,
};

const struct route usage_posts_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/usage/posts",
     .handler = usage_posts_get,
     .auth = AUTH_ANY,
     .scope = SCOPE_USAGE_READ,
     .by_mode = true,
     .rate = RATE_READ,
     .cost =
         COST_OUTSIDE, /* reads as many posts as have ended in that time: never in the way of whoever sends images */
     .summary = "What became of posts, by day and account"},
    ROUTE_END,
};
