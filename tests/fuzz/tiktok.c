/*
 * TikTok's answers. The first byte chooses the status of HTTP, the rest is the body. Invariants: what is taken from an
 * answer fits its column; an init is accepted or refused only by an answer that says so, and never refused by one that
 * names a post; and no reader reads a 5xx as either.
 */
#include "fuzz.h"

#include "json/json.h"
#include "tiktok/tiktok.h"

static const int statuses[] = {200, 204, 302, 400, 401, 403, 404, 408, 409, 422, 429, 499, 500, 503};
/* of HTTP, by which a server says that it has not done what it was asked for */
static const int refusals[] = {400, 401, 403, 404, 405, 413, 415, 422, 429};

static void check_word(struct str s, size_t max_bytes)
{
    ASSERT(s.p == NULL || (s.n > 0 && s.n <= max_bytes));
    for (size_t i = 0; i < s.n; i++)
        ASSERT(s.p[i] > ' ' && s.p[i] <= '~');
}

static void check_error(const struct tiktok_error *e, int status)
{
    check_word(e->code, 64);
    check_word(e->log_id, 100);
    ASSERT(e->http_status == status);
}

struct reply_data {
    struct str publish_id;
};
struct reply {
    struct reply_data data;
};

static const struct json_field data_fields[] = {
    {.name = "publish_id", JSON_STR(struct reply_data, publish_id)},
    JSON_END,
};
static const struct json_field reply_fields[] = {
    {.name = "data", JSON_OBJECT(struct reply, data, data_fields)},
    JSON_END,
};

/* Read apart from the reader: does the answer name a post? */
static bool has_publish_id(struct str body, struct arena *arena)
{
    struct reply reply = {0};

    return json_read(arena, body, reply_fields, &reply) == OK && reply.data.publish_id.n > 0;
}

static bool is_refusal(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
        if (status == refusals[i])
            return true;
    return false;
}

static bool means_dead_token(const struct tiktok_code *code)
{
    return code->action == TIKTOK_REFRESH || code->action == TIKTOK_REFRESH_ONCE;
}

static void check_init(const struct net_result *r, struct arena *arena)
{
    struct tiktok_error error;
    struct str publish_id = {0};
    enum err e = tiktok_read_init(r, arena, &publish_id, &error);

    check_error(&error, r->status);
    ASSERT(e != OK || (r->status / 100 == 2 && publish_id.n > 0));
    ASSERT(e != ERR_TIKTOK_REFUSED || (r->status / 100 != 5 && error.code.n > 0));
    ASSERT(e != ERR_TIKTOK_REFUSED || !has_publish_id(r->body, arena));
    check_word(publish_id, 64);
    const struct tiktok_code *code = tiktok_init_refusal(&error);
    if (code == NULL)
        return;
    ASSERT(is_refusal(r->status) || (r->status == 200 && means_dead_token(code)));
    ASSERT(code->http_status != 0 && !tiktok_is_outage(error.code));
    ASSERT(tiktok_failure_message(str_from(code->failure)) != NULL);
    ASSERT(tiktok_code_find(error.code) != NULL || error.log_id.n > 0);
}

static void check_status(const struct net_result *r, struct arena *arena)
{
    struct tiktok_error error;
    struct tiktok_status s;

    if (tiktok_read_status(r, arena, &s, &error) != OK)
        return;
    check_word(s.status_text, 64);
    check_word(s.fail_reason, 64);
    ASSERT(s.post_ids.n <= 500 && r->status / 100 == 2);
}

static void check_tokens(const struct net_result *r, struct arena *arena)
{
    struct tiktok_error error;
    struct tiktok_tokens t;

    if (tiktok_read_tokens(r, arena, &t, &error) != OK)
        return;
    ASSERT(t.access_token.n > 0 && t.expires_in_sec > 0 && t.refresh_expires_in_sec >= 0 && r->status / 100 == 2);
    check_word(t.access_token, 1900);
    check_word(t.refresh_token, 1900);
    check_word(t.open_id, 128);
    check_word(t.scope, 300);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_done) struct arena arena = {0};
    struct tiktok_error error;
    struct tiktok_creator creator;
    struct tiktok_user user;

    if (size == 0)
        return 0;
    arena_init(&arena, FUZZ_ARENA_BYTES);
    struct net_result r = {
        .err = OK, .status = statuses[data[0] % ARRAY_LEN(statuses)], .body = str_of(data + 1, size - 1)};
    check_init(&r, &arena);
    check_status(&r, &arena);
    check_tokens(&r, &arena);
    if (tiktok_read_creator(&r, &arena, &creator, &error) == OK) {
        check_word(creator.username, 400);
        ASSERT(creator.privacy_level_options.n <= 300 && (r.status / 100 == 2 || creator.post_block.n > 0));
    }
    if (tiktok_read_user(&r, &arena, &user, &error) == OK)
        ASSERT(user.open_id.n > 0 && (user.avatar_url.p == NULL || str_starts(user.avatar_url, STR("https://"))));
    if (tiktok_read_revoke(&r, &arena, &error) == OK)
        ASSERT(r.status / 100 == 2);
    return 0;
}
