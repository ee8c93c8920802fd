/*
 * Erasing an account: what it would cost, the wish, its end by a cancel, and the receipt, which is there without an account
 * (model/privacy/erasure.h).
 */
#include "privacy_app.h"

#include "fcgi/credentials.h"
#include "fcgi/input.h"
#include "model/privacy/erasure.h"
#include "model/user/session.h"

#define BODY_MAX_BYTES (16u << 10)
#define LOG_DAYS 14    /* docs/operations.md#logs */
#define BACKUP_DAYS 30 /* the last backup that has what was erased */

/* What is left when all is gone, and for how long; 0: no number of days says it. */
static const struct erasure_rest {
    const char *what, *words;
    int days;
} erasure_rests[] = {
    {"logs", "Lines of logs with ids, and with neither names nor addresses of people", LOG_DAYS},
    {"backups", "Backups of the database; a restore erases the account again", BACKUP_DAYS},
    {"mail_allowances", "How many mails strangers had sent to the address that day, under a hash of it",
     RETENTION_ALLOWANCE_N},
    {"stripe_events", "What Stripe tells of the end of its customer, under the customer's id",
     RETENTION_PROVIDER_EVENT_N},
    {"tiktok_events", "What TikTok tells of the end of our access, under the TikTok account's open id",
     RETENTION_TIKTOK_EVENT_N},
    {"simulated", "What was made with the simulator, if anything", RETENTION_SIMULATED_N},
    {"invoices", "At Stripe: invoices and payments, for as long as the law makes Stripe keep them", 0},
    {"posts", "At TikTok: posts that were published or lie in the inbox; delete them there", 0},
    {"journal",
     "That an account was erased, under a keyed hash of its id: without it a restore would bring the account back", 0},
    {"receipt", "This receipt, for 36 months; it names nobody", 0},
};

enum erasure_step_id { STEP_TOKENS, STEP_IMAGES, STEP_STRIPE, STEP_ROWS, STEP_ACCOUNT, STEP__MAX };
static const char *const erasure_step_names[] = {"tiktok_tokens", "images", "stripe_customer", "rows", "account", NULL};

struct step_shape {
    int step;
    int64_t done_at_us;
};

struct rest_shape {
    struct str what, words;
    int64_t until_us;
};

struct receipt_shape {
    struct erasure x;
    struct str waits_for; /* absent: it is over */
    int64_t waits_until_us;
    int64_t cancel_until_us;
    struct json_array steps, remains;
};

struct cost_shape {
    struct erasure_cost cost;
    struct receipt_shape erasure;
    int64_t grace_days;
    bool is_asked;
};

static const struct json_field erasure_fields[], erasure_look_fields[];

static bool erasure_is_over(const struct erasure *x)
{
    return x->state == ERASURE_DONE || x->state == ERASURE_CANCELED;
}

/* Why it is not over: one whose last mail no mail server takes looks as if nobody did anything. */
static enum err erasure_tell_waits(struct ctx *c, struct receipt_shape *out)
{
    struct erasure_waiting w;

    if (erasure_is_over(&out->x))
        return OK;
    enum err e = erasure_waits_for(c->db, c->arena, &out->x, &w);
    if (e != OK)
        return e;
    out->waits_for = str_from(erasure_waits_names[w.what]);
    out->waits_until_us = w.until_us;
    return OK;
}

static struct receipt_shape erasure_shape(struct arena *arena, const struct erasure *x)
{
    const int64_t at_us[STEP__MAX] = {[STEP_TOKENS] = x->tokens_at_us,
                                      [STEP_IMAGES] = x->images_at_us,
                                      [STEP_STRIPE] = x->stripe_at_us,
                                      [STEP_ROWS] = x->rows_at_us,
                                      [STEP_ACCOUNT] = x->state == ERASURE_DONE ? x->ended_at_us : 0};
    struct step_shape *steps = arena_array(arena, STEP__MAX, sizeof *steps);
    struct rest_shape *rests = arena_array(arena, ARRAY_LEN(erasure_rests), sizeof *rests);

    for (int i = 0; i < STEP__MAX; i++)
        steps[i] = (struct step_shape){i, at_us[i]};
    for (size_t i = 0; i < ARRAY_LEN(erasure_rests); i++) {
        const struct erasure_rest *r = &erasure_rests[i];
        bool has_end = r->days > 0 && x->state == ERASURE_DONE;
        rests[i] = (struct rest_shape){str_from(r->what), str_from(r->words),
                                       has_end ? x->ended_at_us + r->days * US_PER_DAY : 0};
    }
    return (struct receipt_shape){.x = *x,
                                  .cancel_until_us =
                                      x->state == ERASURE_WAITING && x->due_at_us > clock_now_us() ? x->due_at_us : 0,
                                  .steps = {.v = steps, .n = STEP__MAX},
                                  .remains = {.v = rests, .n = ARRAY_LEN(erasure_rests)}};
}

static enum err erasure_look(struct ctx *c)
{
    struct cost_shape out = {.grace_days = c->conf->erasure_grace_days};
    struct erasure x = {0};

    enum err e = erasure_cost(c->db, c->arena, &c->caller.user_id, &out.cost);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_SESSION_EXPIRED : e;
    e = erasure_of(c->db, c->arena, &c->caller.user_id, &x);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    out.is_asked = e == OK;
    out.erasure = erasure_shape(c->arena, &x);
    e = out.is_asked ? erasure_tell_waits(c, &out.erasure) : OK;
    if (e != OK)
        return e;
    return reply_data(&c->rep, 200, erasure_look_fields, &out);
}

struct erasure_wish {
    struct str confirm;
};

static const struct json_field erasure_wish_fields[] = {
    {.name = "confirm",
     JSON_STR(struct erasure_wish, confirm),
     .required = true,
     .max = 1024,
     .help = "The address of the account, as GET /api/v1/me shows it",
     .policy = "account.email"},
    JSON_END,
};

static enum err erasure_check_wish(struct ctx *c, const struct erasure_wish *in)
{
    struct erasure_cost cost = {0};

    enum err e = erasure_cost(c->db, c->arena, &c->caller.user_id, &cost);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_SESSION_EXPIRED : e;
    if (str_ieq(in->confirm, cost.email))
        return OK;
    problem_add(&c->problems, ERR_CONFIRM, c->arena, "confirm");
    return ERR_VALIDATION;
}

/* Every session has ended, this one, too. */
static enum err erasure_ask(struct ctx *c)
{
    struct erasure_wish in = {0};
    struct erasure x = {0};

    enum err e = input_json(c, erasure_wish_fields, &in);
    if (e == OK)
        e = erasure_check_wish(c, &in);
    if (e != OK)
        return e;
    const struct erasure_ask ask = {.user_id = c->caller.user_id,
                                    .by = ACTIVITY_BY_USER,
                                    .grace_us = c->conf->erasure_grace_days * US_PER_DAY,
                                    .request_id = c->req.id};
    e = erasure_begin(c->db, c->arena, c->conf, &ask, &x);
    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
        credentials_end(c);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_SESSION_EXPIRED : e;
    if (!c->caller.is_erasing)
        reply_header(&c->rep, "Set-Cookie", STR(SESSION_COOKIE "=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"));
    const struct receipt_shape out = erasure_shape(c->arena, &x);
    return reply_data(&c->rep, 202, erasure_fields, &out);
}

static enum err erasure_stop(struct ctx *c)
{
    struct erasure x = {0};

    enum err e = erasure_cancel(c->db, c->arena, &c->caller.user_id, ACTIVITY_BY_USER, (struct str){0}, &x);
    if (e != OK)
        return e;
    const struct receipt_shape out = erasure_shape(c->arena, &x);
    return reply_data(&c->rep, 200, erasure_fields, &out);
}

/* Whoever has it may see it: it says what went, and whose it was it does not know. */
static enum err erasure_receipt(struct ctx *c)
{
    struct erasure x = {0};
    struct uuid id;

    enum err e = input_query_only(c, NULL);
    if (e == OK)
        e = request_param_uuid(&c->req, 0, &id);
    if (e == OK)
        e = erasure_get(c->db, c->arena, &id, &x);
    if (e != OK)
        return e;
    struct receipt_shape out = erasure_shape(c->arena, &x);
    e = erasure_tell_waits(c, &out);
    return e == OK ? reply_data(&c->rep, 200, erasure_fields, &out) : e;
}

static const struct json_field erasure_step_fields[] = {
    {.name = "step", JSON_ENUM(struct step_shape, step, erasure_step_names), .help = "What goes"},
    {.name = "done_at", JSON_TIME(struct step_shape, done_at_us), .help = "When it was gone; null: not yet"},
    JSON_END,
};

static const struct json_field erasure_rest_fields[] = {
    {.name = "what", JSON_STR(struct rest_shape, what), .help = "What remains"},
    {.name = "note", JSON_STR(struct rest_shape, words), .help = "In words"},
    {.name = "until",
     JSON_TIME(struct rest_shape, until_us),
     .help = "Until when; null while the erasure is under way, and where no date says it"},
    JSON_END,
};

static const struct json_field erasure_fields[] = {
    {.name = "receipt",
     JSON_UUID(struct receipt_shape, x.id),
     .help = "Its id: GET /api/v1/privacy/erasure/{receipt} works without an account"},
    {.name = "state",
     JSON_ENUM(struct receipt_shape, x.state, erasure_state_names),
     .help = "waiting, running, done or canceled"},
    {.name = "asked_at",
     JSON_TIME(struct receipt_shape, x.asked_at_us),
     .help = "When it was asked for",
     .policy = "account.erasure"},
    {.name = "cancel_until",
     JSON_TIME(struct receipt_shape, cancel_until_us),
     .help = "Until when it can be canceled; null: it cannot"},
    {.name = "waits_for",
     JSON_STR(struct receipt_shape, waits_for),
     .help = "What it waits for: tiktok_tokens, images, cancel (its time), stripe_customer, rows, mail (the last one, "
             "which no mail server has "
             "taken yet) or journal; null: it is over, or was asked for just now"},
    {.name = "waits_until",
     JSON_TIME(struct receipt_shape, waits_until_us),
     .help = "When it goes on in any case, of cancel and mail; else null"},
    {.name = "ended_at",
     JSON_TIME(struct receipt_shape, x.ended_at_us),
     .help = "When it was done or canceled, or null"},
    {.name = "tiktok_accounts",
     JSON_I64(struct receipt_shape, x.accounts_n),
     .help = "How many TikTok accounts were connected"},
    {.name = "tiktok_revoked",
     JSON_I64(struct receipt_shape, x.revoked_n),
     .help =
         "Of how many of them TikTok has confirmed that our access has ended; the others show it in TikTok's settings"},
    {.name = "posts_at_tiktok", JSON_I64(struct receipt_shape, x.posts_n), .help = "Posts that remain at TikTok"},
    {.name = "posts_unknown",
     JSON_I64(struct receipt_shape, x.posts_unknown_n),
     .help = "Posts that may be at TikTok: it never told"},
    {.name = "steps",
     JSON_ARRAY(struct receipt_shape, steps, struct step_shape, erasure_step_fields),
     .help = "What went, and when"},
    {.name = "remains",
     JSON_ARRAY(struct receipt_shape, remains, struct rest_shape, erasure_rest_fields),
     .help = "What remains, and until when"},
    JSON_END,
};

static const struct json_field erasure_look_fields[] = {
    {.name = "plan",
     JSON_STR(struct cost_shape, cost.plan),
     .help = "The plan that is paid for and would be lost, without a refund; null: none",
     .policy = "billing.plan"},
    {.name = "plan_until",
     JSON_TIME(struct cost_shape, cost.plan_until_us),
     .help = "Until when it is paid for, or null",
     .policy = "billing.plan"},
    {.name = "tiktok_accounts",
     JSON_I64(struct cost_shape, cost.accounts),
     .help = "TikTok accounts that would be disconnected"},
    {.name = "api_keys", JSON_I64(struct cost_shape, cost.keys), .help = "API keys that would be revoked"},
    {.name = "images", JSON_I64(struct cost_shape, cost.images), .help = "Images that would be deleted"},
    {.name = "posts",
     JSON_I64(struct cost_shape, cost.posts),
     .help = "Posts whose history would go; POST /api/v1/privacy/export keeps it"},
    {.name = "posts_waiting", JSON_I64(struct cost_shape, cost.posts_waiting), .help = "Posts that would be canceled"},
    {.name = "posts_at_tiktok",
     JSON_I64(struct cost_shape, cost.posts_at_tiktok),
     .help = "Posts that would remain at TikTok: delete them there"},
    {.name = "grace_days",
     JSON_I64(struct cost_shape, grace_days),
     .help = "How many days it can be canceled; 0: not at all"},
    {.name = "erasure",
     JSON_OBJECT(struct cost_shape, erasure, erasure_fields),
     JSON_GIVEN(struct cost_shape, is_asked),
     .help = "The one that is under way, or null"},
    JSON_END,
};

const struct route erasure_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/privacy/erasure",
     .handler = erasure_look,
     .auth = AUTH_SESSION,
     .while_erasing = true,
     .rate = RATE_READ,
     .summary = "What erasing the account would cost, and the erasure under way"},
    {.method = "POST",
     .pattern = "/api/v1/privacy/erasure",
     .handler = erasure_ask,
     .auth = AUTH_SESSION,
     .recent_auth = true,
     .while_erasing = true,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_WRITE,
     .summary = "Erase the account"},
    {.method = "DELETE",
     .pattern = "/api/v1/privacy/erasure",
     .handler = erasure_stop,
     .auth = AUTH_SESSION,
     .recent_auth = true,
     .while_erasing = true,
     .rate = RATE_WRITE,
     .summary = "Cancel the erasure of the account"},
    {.method = "GET",
     .pattern = "/api/v1/privacy/erasure/{receipt}",
     .handler = erasure_receipt,
     .auth = AUTH_NONE,
     .rate = RATE_AUTH,
     .summary = "Show the receipt of an erasure; it needs no account"},
    ROUTE_END,
};
