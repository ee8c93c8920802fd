/*
 * POST /api/v1/sandbox/accounts: an account of the simulator, connected in one call. What a person does on the consent page is
 * done here; from the code on it is connected as any other account is.
 */
#include "base/rand.h"
#include "fcgi/input.h"
#include "model/user/caps.h"
#include "tiktok/tiktok_app.h"

#define BODY_MAX_BYTES (4u << 10)
#define NAME_CHARS 16 /* after the prefix: nobody meets another's by chance, and 24 are the most */

/* TikTok's codes for a creator that cannot post, and none. */
static const char *const test_account_blocks[] = {
    "none", "spam_risk_too_many_posts", "spam_risk_user_banned_from_posting", "reached_active_user_cap", NULL};

struct test_account_wish {
    bool private_account, comment_disabled;
    int post_block;
};

static const struct json_field test_account_fields[] = {
    {.name = "private_account",
     JSON_BOOL(struct test_account_wish, private_account),
     .help = "Whether the account is private, which decides the privacy levels; false if not given"},
    {.name = "comment_disabled",
     JSON_BOOL(struct test_account_wish, comment_disabled),
     .help = "Whether the creator takes no comments; false if not given"},
    {.name = "post_block",
     JSON_ENUM(struct test_account_wish, post_block, test_account_blocks),
     .help = "Why the creator cannot post, in TikTok's words; none if not given"},
    JSON_END,
};

static struct str test_account_name(struct arena *arena)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char name[NAME_CHARS];

    for (size_t i = 0; i < NAME_CHARS; i++)
        name[i] = digits[rand_below(sizeof digits - 1)];
    return arena_printf(arena, "test.%.*s", NAME_CHARS, name);
}

static enum err test_account_consent(struct ctx *c, const struct test_account_wish *wish, struct str *ret_code)
{
    struct tiktok t = app_tiktok_of(c, MODE_TEST);
    const struct tiktok_test_creator creator = {
        .username = test_account_name(c->arena),
        .post_block = wish->post_block == 0 ? (struct str){0} : str_from(test_account_blocks[wish->post_block]),
        .private_account = wish->private_account,
        .comment_disabled = wish->comment_disabled,
    };
    struct net_result result;
    struct net_call call;

    tiktok_test_consent(&t, c->arena, &creator, &call);
    net_call_run(c->arena, &call, &result);
    return tiktok_read_test_consent(&result, c->arena, ret_code) == OK ? OK : ERR_TIKTOK_UNREACHABLE;
}

static enum err test_account_create(struct ctx *c)
{
    struct test_account_wish wish = {0};
    struct account account = {0};
    struct str code;

    enum err e = c->caller.mode == MODE_TEST ? input_query_only(c, NULL) : ERR_TEST_MODE;
    if (e == OK)
        e = input_json(c, test_account_fields, &wish);
    if (e == OK) /* the simulator keeps what it makes */
        e = caps_look(c->db, c->arena, c->conf, &c->caller.user_id, CAPS_OF_ACCOUNT, false);
    if (e == OK)
        e = test_account_consent(c, &wish, &code);
    if (e == OK)
        e = connect_by_code(c, code, &(struct last_step){account_created_answer, c}, &account);
    if (e == ERR_OUTCOME_UNKNOWN)
        c->problems.may_exist = account.id;
    return e;
}

const struct route test_account_routes[] = {
    {.method = "POST",
     .pattern = "/api/v1/sandbox/accounts",
     .handler = test_account_create,
     .auth = AUTH_ANY,
     .scope = SCOPE_POSTS_WRITE,
     .by_mode = true,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_WRITE,
     .cost = COST_OUTSIDE,
     .creates = true,
     .makes = "/api/v1/accounts/",
     .summary = "Make a test account at the simulator"},
    ROUTE_END,
};
