#include "fcgi/budget_shape.h"

#include "model/key/budget.h"
#include "model/post/post.h"

const struct json_field budget_fields[] = {
    {.name = "accounts",
     JSON_UUIDS(struct budget, accounts),
     JSON_GIVEN(struct budget, by_account),
     .help = "The TikTok accounts that it may post to; null: all"},
    {.name = "posts_per_day",
     JSON_I64(struct budget, posts_per_day),
     JSON_GIVEN(struct budget, by_day),
     .help = "How many posts it may make in a day, in UTC; null: any number"},
    {.name = "max_privacy_level",
     JSON_ENUM(struct budget, max_privacy_level, privacy_level_names),
     .help = "How many people may see its posts at most",
     .policy = "post.options"},
    {.name = "needs_approval",
     JSON_BOOL(struct budget, needs_approval),
     .help = "Its posts wait until its owner approves them"},
    {.name = "posts_left",
     JSON_I64(struct budget, posts_left),
     JSON_GIVEN(struct budget, by_day),
     .help = "How many posts it may still make today; null: any number"},
    {.name = "resets_at",
     JSON_TIME(struct budget, resets_at_us),
     JSON_GIVEN(struct budget, by_day),
     .help = "When the next day begins; null without posts_per_day"},
    JSON_END,
};
