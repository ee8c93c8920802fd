#include "model/sandbox/stripe_sim.h"

#include "base/buf.h"
#include "base/clock.h"

enum {
    STRIPE_SIM_CUSTOMER_INSERT,
    STRIPE_SIM_CUSTOMER_GET,
    STRIPE_SIM_CUSTOMERS,
    STRIPE_SIM_CUSTOMER_LOCK,
    STRIPE_SIM_CUSTOMER_SAVE,
    STRIPE_SIM_CUSTOMER_PORTAL,
    STRIPE_SIM_CUSTOMER_BY_PORTAL,
    STRIPE_SIM_CHECKOUT_INSERT,
    STRIPE_SIM_CHECKOUT_GET,
    STRIPE_SIM_CHECKOUT_LIST,
    STRIPE_SIM_CHECKOUT_SAVE,
    STRIPE_SIM_CHECKOUT_DUE,
    STRIPE_SIM_SQLS
};
static const struct sql stripe_sim_sqls[STRIPE_SIM_SQLS];

#define DUE_MAX 32

static const char *const stripe_sim_session_words[] = {"open", "complete", "expired", NULL};
static const char *const stripe_sim_cards[] = {"pays", "declines", "wants_action", NULL};
static const char *const stripe_sim_statuses[] = {"unknown", "incomplete_expired", "canceled", "incomplete", "unpaid",
                                                  "paused",  "past_due",           "trialing", "active",     NULL};

struct str stripe_sim_id(struct arena *arena, const char *prefix, const struct uuid *id)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(64);

    buf_puts(&b, prefix);
    for (size_t i = 0; i < sizeof id->b; i++)
        buf_printf(&b, "%02x", id->b[i]);
    ASSERT(!b.overflow);
    return arena_str(arena, buf_str(&b));
}

bool stripe_sim_id_read(struct str text, const char *prefix, struct uuid *ret_id)
{
    struct uuid id;

    if (!str_starts(text, str_from(prefix)) || text.n != strlen(prefix) + 2 * sizeof id.b)
        return false;
    struct str digits = str_skip(text, strlen(prefix));
    for (size_t i = 0; i < sizeof id.b; i++) {
        int high = str_hex_value(digits.p[2 * i]), low = str_hex_value(digits.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        id.b[i] = (uint8_t)(high << 4 | low);
    }
    *ret_id = id;
    return true;
}

/* Customers */

enum err stripe_sim_customer_add(struct db *db, struct stripe_sim_customer *customer)
{
    int64_t now = clock_now_us();

    customer->id = uuid_new();
    customer->created_at_us = now;
    return db_exec(db, &stripe_sim_sqls[STRIPE_SIM_CUSTOMER_INSERT],
                   DB_ARGS(db_uuid(&customer->id), db_uuid_or_null(&customer->user_id), db_str(customer->email),
                           db_i64(now), db_i64(now)),
                   NULL);
}

enum err stripe_sim_customer(struct db *db, struct arena *arena, const struct uuid *id, struct stripe_sim_customer *ret)
{
    return db_row(db, &stripe_sim_sqls[STRIPE_SIM_CUSTOMER_GET], DB_ARGS(db_uuid(id)), arena, ret);
}

enum err stripe_sim_customers(struct db *db, struct arena *arena, int64_t created_from_us, const struct uuid *before,
                              size_t max, struct stripe_sim_customer **ret, size_t *ret_n)
{
    return db_rows(db, &stripe_sim_sqls[STRIPE_SIM_CUSTOMERS],
                   DB_ARGS(db_i64(created_from_us), db_uuid(before), db_i64((int64_t)max)), arena, sizeof **ret, max,
                   (void **)ret, ret_n);
}

enum err stripe_sim_customer_lock(struct db *db, struct arena *arena, const struct uuid *id,
                                  struct stripe_sim_customer *ret)
{
    return db_row(db, &stripe_sim_sqls[STRIPE_SIM_CUSTOMER_LOCK], DB_ARGS(db_uuid(id)), arena, ret);
}

enum err stripe_sim_customer_save(struct db *db, const struct stripe_sim_customer *customer)
{
    return db_change(db, &stripe_sim_sqls[STRIPE_SIM_CUSTOMER_SAVE],
                     DB_ARGS(db_str(customer->email), db_i64(customer->ahead_us),
                             db_i64_or_null(customer->deleted_at_us), db_i64(clock_now_us()), db_uuid(&customer->id)));
}

enum err stripe_sim_portal_open(struct db *db, const struct uuid *customer_id, struct str return_url,
                                struct uuid *ret_portal_id)
{
    int64_t now = clock_now_us();

    *ret_portal_id = uuid_new();
    return db_change(db, &stripe_sim_sqls[STRIPE_SIM_CUSTOMER_PORTAL],
                     DB_ARGS(db_uuid(ret_portal_id), db_str(return_url), db_i64(now + STRIPE_SIM_PORTAL_US),
                             db_i64(now), db_uuid(customer_id)));
}

enum err stripe_sim_customer_by_portal(struct db *db, struct arena *arena, const struct uuid *portal_id,
                                       struct stripe_sim_customer *ret)
{
    return db_row(db, &stripe_sim_sqls[STRIPE_SIM_CUSTOMER_BY_PORTAL],
                  DB_ARGS(db_uuid(portal_id), db_i64(clock_now_us())), arena, ret);
}

int64_t stripe_sim_now_us(const struct stripe_sim_customer *c)
{
    return clock_now_us() + c->ahead_us;
}

/* Checkouts, and the subscriptions that come of them */

struct stripe_life_plan stripe_sim_plan(const struct stripe_sim_checkout *c)
{
    return (struct stripe_life_plan){
        .trial_us = c->trial_days * US_PER_DAY, .period_us = STRIPE_SIM_PERIOD_US, .ends_unpaid = c->ends_unpaid};
}

enum err stripe_sim_checkout_add(struct db *db, struct stripe_sim_checkout *c)
{
    int64_t now = clock_now_us();

    c->id = uuid_new();
    c->created_at_us = now;
    if (c->expires_at_us == 0)
        c->expires_at_us = now + STRIPE_SIM_SESSION_US;
    return db_exec(db, &stripe_sim_sqls[STRIPE_SIM_CHECKOUT_INSERT],
                   DB_ARGS(db_uuid(&c->id), db_uuid(&c->customer_id), db_uuid_or_null(&c->user_id), db_str(c->price),
                           db_str(c->success_url), db_str(c->cancel_url), db_i64(c->ask_consent), db_i64(c->trial_days),
                           db_i64(now), db_i64(c->expires_at_us), db_i64(c->expires_at_us), db_i64(now)),
                   NULL);
}

enum err stripe_sim_checkout(struct db *db, struct arena *arena, const struct uuid *id, struct stripe_sim_checkout *ret)
{
    enum err e = db_row(db, &stripe_sim_sqls[STRIPE_SIM_CHECKOUT_GET], DB_ARGS(db_uuid(id)), arena, ret);

    if (e == OK)
        ret->life.tries = (int)ret->tries;
    return e;
}

enum err stripe_sim_checkouts(struct db *db, struct arena *arena, const struct uuid *customer_id,
                              const struct uuid *before, const char *status, int64_t limit,
                              struct stripe_sim_checkout **ret, size_t *ret_n)
{
    const char *word = status == NULL ? "" : status;

    enum err e = db_rows(db, &stripe_sim_sqls[STRIPE_SIM_CHECKOUT_LIST],
                         DB_ARGS(db_uuid(customer_id), db_uuid(before), db_cstr(word), db_cstr(word), db_i64(limit)),
                         arena, sizeof **ret, (size_t)limit, (void **)ret, ret_n);
    for (size_t i = 0; e == OK && i < *ret_n; i++)
        (*ret)[i].life.tries = (int)(*ret)[i].tries;
    return e;
}

/* When something happens by itself, by the real clock; 0: never. */
static int64_t stripe_sim_next_us(const struct stripe_sim_checkout *c, const struct stripe_sim_customer *customer)
{
    if (c->status == STRIPE_SESSION_OPEN)
        return c->expires_at_us;
    int64_t at_us = c->status == STRIPE_SESSION_COMPLETE ? stripe_life_next_us(&c->life) : 0;
    return at_us == 0 ? 0 : MAX(1, at_us - customer->ahead_us);
}

enum err stripe_sim_checkout_save(struct db *db, const struct stripe_sim_checkout *c,
                                  const struct stripe_sim_customer *customer)
{
    const struct stripe_life *l = &c->life;

    return db_change(db, &stripe_sim_sqls[STRIPE_SIM_CHECKOUT_SAVE],
                     DB_ARGS(db_str(c->price), db_cstr(stripe_sim_session_words[c->status]),
                             db_i64_or_null(stripe_sim_next_us(c, customer)), db_i64(clock_now_us()),
                             db_cstr(stripe_sim_statuses[l->status]), db_cstr(stripe_sim_cards[l->card]),
                             db_i64(l->now_us), db_i64(l->created_us), db_i64(l->period_start_us),
                             db_i64(l->period_end_us), db_i64(l->trial_end_us), db_i64(l->cancel_at_us),
                             db_i64(l->ended_at_us), db_i64(l->next_try_us), db_i64(l->tries),
                             db_i64(l->cancel_at_period_end), db_i64(l->trial_end_told), db_i64(l->collection_paused),
                             db_i64(c->ends_unpaid), db_uuid(&c->id)));
}

enum err stripe_sim_due(struct db *db, struct arena *arena, struct stripe_sim_checkout **ret, size_t *ret_n)
{
    return db_rows(db, &stripe_sim_sqls[STRIPE_SIM_CHECKOUT_DUE], DB_ARGS(db_i64(clock_now_us()), db_i64(DUE_MAX)),
                   arena, sizeof **ret, DUE_MAX, (void **)ret, ret_n);
}

#define CUSTOMER_COL(field, type) DB_COL(struct stripe_sim_customer, field, type)
#define CHECKOUT_COL(field, type) DB_COL(struct stripe_sim_checkout, field, type)

static const struct db_col stripe_sim_customer_cols[] = {
    CUSTOMER_COL(id, UUID),           CUSTOMER_COL(user_id, UUID),      CUSTOMER_COL(email, STR),
    CUSTOMER_COL(ahead_us, I64),      CUSTOMER_COL(is_held, BOOL),      CUSTOMER_COL(portal_return_url, STR),
    CUSTOMER_COL(created_at_us, I64), CUSTOMER_COL(deleted_at_us, I64), DB_END};

static const struct db_col stripe_sim_checkout_cols[] = {
    CHECKOUT_COL(id, UUID),
    CHECKOUT_COL(customer_id, UUID),
    CHECKOUT_COL(user_id, UUID),
    CHECKOUT_COL(price, STR),
    CHECKOUT_COL(success_url, STR),
    CHECKOUT_COL(cancel_url, STR),
    CHECKOUT_COL(ask_consent, BOOL),
    CHECKOUT_COL(trial_days, I64),
    DB_COL_ENUM(struct stripe_sim_checkout, status, stripe_sim_session_words),
    CHECKOUT_COL(created_at_us, I64),
    CHECKOUT_COL(expires_at_us, I64),
    DB_COL_ENUM(struct stripe_sim_checkout, life.status, stripe_sim_statuses),
    DB_COL_ENUM(struct stripe_sim_checkout, life.card, stripe_sim_cards),
    CHECKOUT_COL(life.now_us, I64),
    CHECKOUT_COL(life.created_us, I64),
    CHECKOUT_COL(life.period_start_us, I64),
    CHECKOUT_COL(life.period_end_us, I64),
    CHECKOUT_COL(life.trial_end_us, I64),
    CHECKOUT_COL(life.cancel_at_us, I64),
    CHECKOUT_COL(life.ended_at_us, I64),
    CHECKOUT_COL(life.next_try_us, I64),
    CHECKOUT_COL(tries, I64),
    CHECKOUT_COL(life.cancel_at_period_end, BOOL),
    CHECKOUT_COL(life.trial_end_told, BOOL),
    CHECKOUT_COL(life.collection_paused, BOOL),
    CHECKOUT_COL(ends_unpaid, BOOL),
    DB_END};

static const struct db_col stripe_sim_due_cols[] = {CHECKOUT_COL(id, UUID), CHECKOUT_COL(customer_id, UUID), DB_END};

#define CUSTOMER_SELECT \
    "SELECT id, user_id, email, ahead_us, is_held, portal_return_url, created_at_us, deleted_at_us " \
    "FROM sandbox_stripe_customers "
#define CHECKOUT_SELECT \
    "SELECT id, customer_id, user_id, price, success_url, cancel_url, ask_consent, trial_days, status, " \
    "created_at_us, expires_at_us, life_status, card, now_us, begun_at_us, period_start_us, period_end_us, " \
    "trial_end_us, cancel_at_us, ended_at_us, next_try_us, tries, cancel_at_period_end, trial_end_told, " \
    "collection_paused, ends_unpaid FROM sandbox_stripe_checkouts "

static const struct sql stripe_sim_sqls[STRIPE_SIM_SQLS] = {
    [STRIPE_SIM_CUSTOMER_INSERT] = {.text = "INSERT INTO sandbox_stripe_customers (id, user_id, email, created_at_us, "
                                            "renewed_at_us) VALUES (?, ?, ?, ?, ?)",
                                    .in = "uusii"},
    [STRIPE_SIM_CUSTOMER_GET] = {.text = CUSTOMER_SELECT "WHERE id = ?", .in = "u", .cols = stripe_sim_customer_cols},
    [STRIPE_SIM_CUSTOMERS] = {.text = CUSTOMER_SELECT "WHERE created_at_us >= ? AND id < ? AND deleted_at_us IS NULL"
                                                      " ORDER BY id DESC LIMIT ?",
                              .in = "iui",
                              .cols = stripe_sim_customer_cols},
    [STRIPE_SIM_CUSTOMER_LOCK] = {.text = CUSTOMER_SELECT "WHERE id = ? FOR UPDATE",
                                  .in = "u",
                                  .cols = stripe_sim_customer_cols},
    [STRIPE_SIM_CUSTOMER_SAVE] = {.text = "UPDATE sandbox_stripe_customers SET email = ?, ahead_us = ?, "
                                          "deleted_at_us = ?, renewed_at_us = ? WHERE id = ?",
                                  .in = "siiiu"},
    [STRIPE_SIM_CUSTOMER_PORTAL] = {.text = "UPDATE sandbox_stripe_customers SET portal_id = ?, portal_return_url = ?, "
                                            "portal_until_us = ?, renewed_at_us = ? WHERE id = ?",
                                    .in = "usiiu"},
    [STRIPE_SIM_CUSTOMER_BY_PORTAL] = {.text = CUSTOMER_SELECT
                                       "WHERE portal_id = ? AND portal_until_us > ? AND deleted_at_us IS NULL",
                                       .in = "ui",
                                       .cols = stripe_sim_customer_cols},
    [STRIPE_SIM_CHECKOUT_INSERT] =
        {.text = "INSERT INTO sandbox_stripe_checkouts (id, customer_id, user_id, price, success_url, cancel_url, "
                 "ask_consent, trial_days, status, created_at_us, expires_at_us, next_at_us, renewed_at_us) "
                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?, ?, ?)",
         .in = "uuusssiiiiii"},
    [STRIPE_SIM_CHECKOUT_GET] = {.text = CHECKOUT_SELECT "WHERE id = ?", .in = "u", .cols = stripe_sim_checkout_cols},
    [STRIPE_SIM_CHECKOUT_LIST] =
        {.text = CHECKOUT_SELECT "WHERE customer_id = ? AND id < ? AND (? = '' OR status = ?) ORDER BY id DESC LIMIT ?",
         .in = "uussi",
         .cols = stripe_sim_checkout_cols},
    [STRIPE_SIM_CHECKOUT_SAVE] =
        {.text = "UPDATE sandbox_stripe_checkouts SET price = ?, status = ?, next_at_us = ?, renewed_at_us = ?, "
                 "life_status = ?, card = ?, now_us = ?, begun_at_us = ?, period_start_us = ?, period_end_us = ?, "
                 "trial_end_us = ?, cancel_at_us = ?, ended_at_us = ?, next_try_us = ?, tries = ?, "
                 "cancel_at_period_end = ?, trial_end_told = ?, collection_paused = ?, ends_unpaid = ? WHERE id = ?",
         .in = "ssiissiiiiiiiiiiiiiu"},
    [STRIPE_SIM_CHECKOUT_DUE] = {.text = "SELECT id, customer_id FROM sandbox_stripe_checkouts WHERE next_at_us <= ? "
                                         "ORDER BY next_at_us LIMIT ?",
                                 .in = "ii",
                                 .cols = stripe_sim_due_cols},
};
