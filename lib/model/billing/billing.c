#include "model/billing/billing.h"

#include "base/clock.h"
#include "model/billing/counter.h"
#include "model/user/activity.h"
#include "model/user/user.h"

enum {
    BILLING_LOCK,
    BILLING_READ,
    BILLING_IDS,
    BILLING_ROWS,
    BILLING_GRANT,
    BILLING_REVOKE,
    BILLING_SUBSCRIBE,
    BILLING_SUBSCRIBE_AGAIN,
    BILLING_UNSUBSCRIBE,
    BILLING_VOID,
    BILLING_OF_USER,
    BILLING_OF_SESSIONS,
    BILLING_OF_KEYS
};
static const struct sql billing_sqls[];

struct billing_rows {
    struct subscription subscription;
    struct plan_grant grant;
    int64_t granted_at_us;
    int64_t used[PLAN_LIMIT__MAX];
};

struct billing_user {
    int state;
    struct plan_terms terms;
};

enum err billing_lock_user(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                           const struct plan **ret_plan)
{
    struct billing_user user = {0};

    enum err e = db_row(db, &billing_sqls[BILLING_LOCK], DB_ARGS(db_uuid(user_id)), arena, &user);
    if (e == OK && user.state != USER_ACTIVE)
        e = ERR_ACCOUNT_DISABLED;
    if (e == OK)
        *ret_plan = plan_now(plans_of(conf), &user.terms, clock_now_us()).plan;
    return e;
}

bool billing_limit_of(enum err e, enum plan_limit *ret_limit)
{
    static const enum err of[] = {[PLAN_POSTS_PER_MONTH] = ERR_PLAN_POSTS,
                                  [PLAN_ACCOUNTS] = ERR_PLAN_ACCOUNTS,
                                  [PLAN_STORAGE_BYTES] = ERR_PLAN_STORAGE};

    for (enum plan_limit limit = 0; limit < PLAN_LIMIT__MAX; limit++)
        if (of[limit] == e) {
            *ret_limit = limit;
            return true;
        }
    return false;
}

enum err billing_read(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                      struct billing *ret_billing)
{
    int64_t month = plan_month_now();
    struct billing b = {0};

    enum err e =
        db_row(db, &billing_sqls[BILLING_READ], DB_ARGS(db_i64(month), db_i64(month + 1), db_uuid(user_id)), arena, &b);
    if (e != OK)
        return e;
    struct plan_terms terms = plan_terms_of(&b.subscription, &b.grant, plan_grace_us(conf));
    b.now = plan_now(plans_of(conf), &terms, clock_now_us());
    *ret_billing = b;
    return OK;
}

struct billing_change {
    struct arena *arena;
    const struct conf *conf;
    const struct uuid *user_id;
    const struct plan *plan;
    int64_t until_us;
    bool had;
    struct billing shown;
};

/* Under the user's lock: what the rows come to now, wherever there is a copy of it. */
static enum err billing_spread(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id)
{
    struct billing_rows rows = {0};

    enum err e = db_row(db, &billing_sqls[BILLING_ROWS], DB_ARGS(db_uuid(user_id)), arena, &rows);
    if (e != OK)
        return e;
    struct plan_terms t = plan_terms_of(&rows.subscription, &rows.grant, plan_grace_us(conf));
    const struct db_arg args[] = {db_i64(clock_now_us()),
                                  db_str(t.subscribed),
                                  db_i64_or_null(t.subscribed_until_us),
                                  db_str(t.granted),
                                  db_i64_or_null(t.granted_until_us),
                                  db_uuid(user_id)};
    e = db_exec(db, &billing_sqls[BILLING_OF_USER], args, ARRAY_LEN(args), NULL);
    for (int q = BILLING_OF_SESSIONS; e == OK && q <= BILLING_OF_KEYS; q++)
        e = db_exec(db, &billing_sqls[q], args + 1, ARRAY_LEN(args) - 1, NULL);
    return e;
}

/* "pro until 2026-12-31T00:00:00Z" */
static struct str billing_words(struct arena *arena, const struct plan *plan, int64_t until_us)
{
    char text[TIME_TEXT_SIZE];

    if (until_us == 0)
        return str_from(plan->name);
    time_format(until_us, text);
    return arena_printf(arena, "%s until %.19sZ", plan->name, text);
}

static enum err billing_note(struct db *db, const struct billing_change *c, enum activity_what what, struct str about)
{
    return activity_add(
        db, &(struct activity_new){.user_id = *c->user_id, .what = what, .by = ACTIVITY_BY_ADMIN, .about = about});
}

static enum err billing_grant_tx(struct db *db, void *arg)
{
    const struct billing_change *c = arg;

    enum err e = user_lock_any(db, c->user_id);
    if (e == OK)
        e = db_exec(
            db, &billing_sqls[BILLING_GRANT],
            DB_ARGS(db_uuid(c->user_id), db_cstr(c->plan->name), db_i64_or_null(c->until_us), db_i64(clock_now_us())),
            NULL);
    if (e == OK)
        e = billing_spread(db, c->arena, c->conf, c->user_id);
    return e == OK ? billing_note(db, c, ACTIVITY_ADMIN_GRANTED_PLAN, billing_words(c->arena, c->plan, c->until_us))
                   : e;
}

enum err billing_grant(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                       const struct plan *plan, int64_t until_us)
{
    struct billing_change c = {.arena = arena, .conf = conf, .user_id = user_id, .plan = plan, .until_us = until_us};

    return db_tx(db, billing_grant_tx, &c);
}

static enum err billing_revoke_tx(struct db *db, void *arg)
{
    struct billing_change *c = arg;
    uint64_t deleted = 0;

    enum err e = user_lock_any(db, c->user_id);
    if (e == OK)
        e = db_exec(db, &billing_sqls[BILLING_REVOKE], DB_ARGS(db_uuid(c->user_id)), &deleted);
    c->had = deleted > 0;
    if (e != OK || !c->had)
        return e;
    e = billing_spread(db, c->arena, c->conf, c->user_id);
    return e == OK ? billing_note(db, c, ACTIVITY_ADMIN_REVOKED_PLAN, (struct str){0}) : e;
}

enum err billing_revoke_grant(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                              bool *ret_had)
{
    struct billing_change c = {.arena = arena, .conf = conf, .user_id = user_id};
    enum err e = db_tx(db, billing_revoke_tx, &c);

    if (e == OK)
        *ret_had = c.had;
    return e;
}

enum err billing_set_subscription(struct db *db, struct arena *arena, const struct conf *conf,
                                  const struct uuid *user_id, const struct subscription *s)
{
    const char *status = s->status == SUBSCRIPTION_NONE ? NULL : subscription_status_names[s->status];
    struct db_arg now = db_i64(clock_now_us());
    const struct db_arg args[] = {db_str(s->customer_id),
                                  db_str(s->subscription_id),
                                  db_str(s->plan),
                                  db_cstr(status),
                                  db_i64_or_null(s->period_end_us),
                                  db_i64_or_null(s->cancel_at_us),
                                  db_i64_or_null(s->trial_end_us),
                                  db_i64_or_null(s->past_due_since_us),
                                  db_i64(conf->stripe_livemode),
                                  now,
                                  db_uuid(user_id),
                                  now};
    uint64_t was = 0;

    /* By the user alone: with ON DUPLICATE KEY, a customer who is another user's would change that user's row. */
    enum err e = user_lock_any(db, user_id);
    if (e == OK)
        e = db_exec(db, &billing_sqls[BILLING_SUBSCRIBE_AGAIN], args, ARRAY_LEN(args) - 1, &was);
    if (e == OK && was == 0)
        e = db_exec(db, &billing_sqls[BILLING_SUBSCRIBE], args, ARRAY_LEN(args), NULL);
    return e == OK ? billing_spread(db, arena, conf, user_id) : e;
}

enum err billing_void_subscription(struct db *db, struct arena *arena, const struct conf *conf,
                                   const struct uuid *user_id)
{
    enum err e = user_lock_any(db, user_id);

    if (e == OK)
        e = db_exec(db, &billing_sqls[BILLING_VOID], DB_ARGS(db_i64(clock_now_us()), db_uuid(user_id)), NULL);
    return e == OK ? billing_spread(db, arena, conf, user_id) : e;
}

enum err billing_unset_subscription(struct db *db, struct arena *arena, const struct conf *conf,
                                    const struct uuid *user_id)
{
    enum err e = user_lock_any(db, user_id);

    if (e == OK)
        e = db_exec(db, &billing_sqls[BILLING_UNSUBSCRIBE], DB_ARGS(db_uuid(user_id)), NULL);
    return e == OK ? billing_spread(db, arena, conf, user_id) : e;
}

static enum err billing_show_tx(struct db *db, void *arg)
{
    struct billing_change *c = arg;
    struct billing ids = {0};

    enum err e = billing_read(db, c->arena, c->conf, c->user_id, &c->shown);
    if (e == OK)
        e = db_row(db, &billing_sqls[BILLING_IDS], DB_ARGS(db_uuid(c->user_id)), c->arena, &ids);
    e = e == ERR_NOT_FOUND ? OK : e;
    c->shown.subscription.customer_id = ids.subscription.customer_id;
    c->shown.subscription.subscription_id = ids.subscription.subscription_id;
    c->shown.has_mode = ids.has_mode;
    c->shown.livemode = ids.livemode;
    c->shown.attention = ids.attention;
    return e == OK ? billing_note(db, c, ACTIVITY_ADMIN_READ, STR("billing")) : e;
}

enum err billing_show(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                      struct billing *ret_billing)
{
    struct billing_change c = {.arena = arena, .conf = conf, .user_id = user_id};
    enum err e = db_tx(db, billing_show_tx, &c);

    if (e == OK)
        *ret_billing = c.shown;
    return e;
}

#define SUBSCRIPTION_DB_COLS(T) \
    DB_COL(T, subscription.plan, STR), DB_COL_ENUM(T, subscription.status, subscription_status_names), \
        DB_COL(T, subscription.period_end_us, I64), DB_COL(T, subscription.cancel_at_us, I64), \
        DB_COL(T, subscription.trial_end_us, I64), DB_COL(T, subscription.past_due_since_us, I64), \
        DB_COL(T, grant.plan, STR), DB_COL(T, grant.until_us, I64), DB_COL(T, granted_at_us, I64)
#define ROWS \
    "s.plan, s.status, s.period_end_us, s.cancel_at_us, s.trial_end_us," \
    " s.past_due_since_us, g.plan, g.until_us, g.created_at_us"
#define OF_USER \
    " FROM users u LEFT JOIN subscriptions s ON s.user_id = u.id LEFT JOIN plan_grants g ON g.user_id = u.id WHERE " \
    "u.id = ?"

static const struct db_col billing_rows_cols[] = {SUBSCRIPTION_DB_COLS(struct billing_rows), DB_END};

static const struct db_col billing_ids_cols[] = {DB_COL(struct billing, subscription.customer_id, STR),
                                                 DB_COL(struct billing, subscription.subscription_id, STR),
                                                 DB_COL(struct billing, has_mode, BOOL),
                                                 DB_COL(struct billing, livemode, BOOL),
                                                 DB_COL(struct billing, attention, I64),
                                                 DB_END};

static const struct db_col billing_cols[] = {
    SUBSCRIPTION_DB_COLS(struct billing), DB_COL(struct billing, used[PLAN_POSTS_PER_MONTH], I64),
    DB_COL(struct billing, used[PLAN_ACCOUNTS], I64), DB_COL(struct billing, used[PLAN_STORAGE_BYTES], I64), DB_END};

static const struct db_col billing_user_cols[] = {DB_COL_ENUM(struct billing_user, state, user_state_names),
                                                  PLAN_TERMS_DB_COLS(struct billing_user, terms.), DB_END};

#define SUBSCRIPTION \
    "customer_id = ?, subscription_id = ?, plan = ?, status = ?, period_end_us = ?, cancel_at_us = ?, trial_end_us = " \
    "?," \
    " past_due_since_us = ?, livemode = ?, updated_at_us = ?"
#define TERMS "subscribed_plan = ?, subscribed_until_us = ?, granted_plan = ?, granted_until_us = ? WHERE "

static const struct sql billing_sqls[] = {
    [BILLING_LOCK] = {.text = "SELECT u.state, " PLAN_TERMS_COLS("u.") " FROM users u WHERE u.id = ? FOR UPDATE",
                      .in = "u",
                      .cols = billing_user_cols},
    /* What counts is what is refused by: live accounts that are connected, and images that are not deleted (user/caps.c). */
    [BILLING_READ] =
        {.text =
             "SELECT " ROWS ", (SELECT c.posts FROM plan_counters c WHERE c.user_id = u.id AND c.month IN (?, ?)),"
             " (SELECT COUNT(*) FROM accounts t WHERE t.user_id = u.id AND t.state IN ('active', 'needs_reconnect')"
             " AND t.mode = 'live'), (SELECT CAST(SUM(t.size_bytes) AS SIGNED) FROM uploads t WHERE t.user_id = u.id"
             " AND t.deleted_at_us IS NULL)" OF_USER,
         .in = "iiu",
         .cols = billing_cols},
    [BILLING_IDS] = {.text = "SELECT customer_id, subscription_id, livemode IS NOT NULL, livemode, attention + 0"
                             " FROM subscriptions WHERE user_id = ?",
                     .in = "u",
                     .cols = billing_ids_cols},
    [BILLING_ROWS] = {.text = "SELECT " ROWS OF_USER, .in = "u", .cols = billing_rows_cols},
    [BILLING_GRANT] = {.text = "INSERT INTO plan_grants (user_id, plan, until_us, created_at_us) VALUES (?, ?, ?, ?)"
                               " ON DUPLICATE KEY UPDATE plan = VALUES(plan), until_us = VALUES(until_us),"
                               " created_at_us = VALUES(created_at_us)",
                       .in = "usii"},
    [BILLING_REVOKE] = {.text = "DELETE FROM plan_grants WHERE user_id = ?", .in = "u"},
    [BILLING_SUBSCRIBE] = {.text = "INSERT INTO subscriptions SET " SUBSCRIPTION ", user_id = ?, created_at_us = ?",
                           .in = "ssssiiiiiiui"},
    [BILLING_SUBSCRIBE_AGAIN] = {.text = "UPDATE subscriptions FORCE INDEX (PRIMARY) SET " SUBSCRIPTION
                                         " WHERE user_id = ?",
                                 .in = "ssssiiiiiiu"},
    [BILLING_VOID] = {.text = "UPDATE subscriptions FORCE INDEX (PRIMARY) SET subscription_id = NULL, plan = NULL,"
                              " status = NULL, period_end_us = NULL, cancel_at_us = NULL, trial_end_us = NULL,"
                              " past_due_since_us = NULL, updated_at_us = ? WHERE user_id = ?",
                      .in = "iu"},
    [BILLING_UNSUBSCRIBE] = {.text = "DELETE FROM subscriptions WHERE user_id = ?", .in = "u"},
    [BILLING_OF_USER] = {.text = "UPDATE users SET updated_at_us = ?, " TERMS "id = ?", .in = "isisiu"},
    [BILLING_OF_KEYS] = {.text = "UPDATE api_keys SET " TERMS "user_id = ?", .in = "sisiu"},
    [BILLING_OF_SESSIONS] = {.text = "UPDATE sessions SET " TERMS "user_id = ?", .in = "sisiu"},
};
