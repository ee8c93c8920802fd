/* The Stripe simulator's events, and the answers that stand before its calls. */
#include "base/clock.h"
#include "model/sandbox/stripe_sim.h"

enum {
    STRIPE_SIM_EVENT_INSERT,
    STRIPE_SIM_EVENT_GET,
    STRIPE_SIM_EVENT_OLDER,
    STRIPE_SIM_EVENT_NEWER,
    STRIPE_SIM_EVENT_DUE,
    STRIPE_SIM_EVENT_CLAIM,
    STRIPE_SIM_EVENT_SENT,
    STRIPE_SIM_KEPT_GET,
    STRIPE_SIM_KEPT_OLD,
    STRIPE_SIM_KEPT_INSERT,
    STRIPE_SIM_SCRIPT_GET,
    STRIPE_SIM_SCRIPT_USE,
    STRIPE_SIM_SCRIPT_END,
    STRIPE_SIM_EVENT_SQLS
};
static const struct sql stripe_sim_event_sqls[STRIPE_SIM_EVENT_SQLS];

#define LEASE_US (60 * US_PER_SEC) /* longer than a delivery may take */

/* After so many tries, the wait for the next; Stripe's are not published. Some three days in all. */
static const int64_t stripe_sim_event_waits_sec[] = {0, 1, 5, 30, 300, 3600, 6 * 3600, 24 * 3600, 36 * 3600};

enum err stripe_sim_event_add(struct db *db, const struct stripe_sim_event *event, bool is_held)
{
    int64_t now = clock_now_us();

    return db_exec(db, &stripe_sim_event_sqls[STRIPE_SIM_EVENT_INSERT],
                   DB_ARGS(db_uuid(&event->id), db_uuid(&event->customer_id), db_str(event->type), db_str(event->body),
                           db_i64_or_null(is_held ? 0 : MAX(now, event->next_at_us)), db_i64(now),
                           db_cstr(sim_provider_names[event->provider])),
                   NULL);
}

enum err stripe_sim_event(struct db *db, struct arena *arena, const struct uuid *id, struct stripe_sim_event *ret)
{
    return db_row(db, &stripe_sim_event_sqls[STRIPE_SIM_EVENT_GET], DB_ARGS(db_uuid(id)), arena, ret);
}

enum err stripe_sim_events(struct db *db, struct arena *arena, const struct stripe_sim_events_query *q,
                           struct stripe_sim_event **ret, size_t *ret_n)
{
    bool newer = !uuid_is_none(&q->after);
    const struct uuid from = newer ? q->after : uuid_is_none(&q->before) ? UUID_LAST : q->before;

    enum err e = db_rows(db, &stripe_sim_event_sqls[newer ? STRIPE_SIM_EVENT_NEWER : STRIPE_SIM_EVENT_OLDER],
                         DB_ARGS(db_uuid(&from), db_str(q->types), db_str(q->types), db_i64(q->delivered),
                                 db_i64(q->delivered), db_i64(q->limit)),
                         arena, sizeof **ret, (size_t)q->limit, (void **)ret, ret_n);
    for (size_t i = 0; e == OK && newer && i < *ret_n / 2; i++) {
        struct stripe_sim_event swapped = (*ret)[i];
        (*ret)[i] = (*ret)[*ret_n - 1 - i];
        (*ret)[*ret_n - 1 - i] = swapped;
    }
    return e;
}

enum err stripe_sim_event_claim(struct db *db, struct arena *arena, struct str providers, struct stripe_sim_event *ret)
{
    int64_t now = clock_now_us();

    enum err e =
        db_row(db, &stripe_sim_event_sqls[STRIPE_SIM_EVENT_DUE], DB_ARGS(db_i64(now), db_str(providers)), arena, ret);
    if (e != OK)
        return e;
    e = db_change(db, &stripe_sim_event_sqls[STRIPE_SIM_EVENT_CLAIM],
                  DB_ARGS(db_i64(now + LEASE_US), db_uuid(&ret->id), db_i64(ret->next_at_us)));
    ret->next_at_us = now + LEASE_US;
    ret->tries++;
    return e;
}

enum err stripe_sim_event_sent(struct db *db, const struct stripe_sim_event *event, bool delivered)
{
    int64_t now = clock_now_us(), next = 0;

    if (!delivered && event->tries < (int64_t)ARRAY_LEN(stripe_sim_event_waits_sec))
        next = now + stripe_sim_event_waits_sec[event->tries] * US_PER_SEC;
    return db_change(db, &stripe_sim_event_sqls[STRIPE_SIM_EVENT_SENT],
                     DB_ARGS(db_i64_or_null(next), db_i64_or_null(delivered ? now : 0), db_uuid(&event->id),
                             db_i64(event->next_at_us)));
}

/* Answers that stand before a call */

enum err stripe_sim_kept(struct db *db, struct arena *arena, struct str key, struct stripe_sim_answer *ret)
{
    return db_row(db, &stripe_sim_event_sqls[STRIPE_SIM_KEPT_GET],
                  DB_ARGS(db_str(key), db_i64(clock_now_us() - STRIPE_SIM_KEY_US)), arena, ret);
}

/* ERR_DB_DUPLICATE: another call with this key was first. */
enum err stripe_sim_keep(struct db *db, struct str key, const struct stripe_sim_answer *answer)
{
    int64_t now = clock_now_us();

    enum err e = db_exec(db, &stripe_sim_event_sqls[STRIPE_SIM_KEPT_OLD],
                         DB_ARGS(db_str(key), db_i64(now - STRIPE_SIM_KEY_US)), NULL);
    if (e != OK)
        return e;
    return db_exec(db, &stripe_sim_event_sqls[STRIPE_SIM_KEPT_INSERT],
                   DB_ARGS(db_str(key), db_bytes(answer->params_hash.p, answer->params_hash.n), db_i64(answer->status),
                           db_str(answer->body), db_i64(now)),
                   NULL);
}

enum err stripe_sim_script_take(struct db *db, struct arena *arena, const char *operation,
                                struct stripe_sim_script *ret)
{
    enum err e = db_row(db, &stripe_sim_event_sqls[STRIPE_SIM_SCRIPT_GET], DB_ARGS(db_cstr(operation)), arena, ret);

    if (e == OK)
        e = db_change(db, &stripe_sim_event_sqls[STRIPE_SIM_SCRIPT_USE], DB_ARGS(db_cstr(operation)));
    if (e == ERR_CONFLICT) /* another call took the last */
        return ERR_NOT_FOUND;
    return e == OK ? db_exec(db, &stripe_sim_event_sqls[STRIPE_SIM_SCRIPT_END], DB_ARGS(db_cstr(operation)), NULL) : e;
}

const char *const sim_provider_names[] = {"stripe", "tiktok", NULL};

#define EVENT_COL(field, type) DB_COL(struct stripe_sim_event, field, type)

static const struct db_col stripe_sim_event_cols[] = {
    EVENT_COL(id, UUID),
    EVENT_COL(customer_id, UUID),
    DB_COL_ENUM(struct stripe_sim_event, provider, sim_provider_names),
    EVENT_COL(type, STR),
    EVENT_COL(body, STR),
    EVENT_COL(next_at_us, I64),
    EVENT_COL(tries, I64),
    DB_END};

static const struct db_col stripe_sim_answer_cols[] = {DB_COL(struct stripe_sim_answer, params_hash, BYTES),
                                                       DB_COL(struct stripe_sim_answer, body, STR),
                                                       DB_COL(struct stripe_sim_answer, status, I64), DB_END};

static const struct db_col stripe_sim_script_cols[] = {
    DB_COL(struct stripe_sim_script, status, I64), DB_COL(struct stripe_sim_script, wait_ms, I64),
    DB_COL(struct stripe_sim_script, is_made, BOOL), DB_COL(struct stripe_sim_script, is_kept, BOOL), DB_END};

#define EVENT_SELECT "SELECT id, customer_id, provider, type, body, next_at_us, tries FROM sandbox_stripe_events "
#define EVENT_WANTED \
    "AND provider = 'stripe' AND (? = '' OR FIND_IN_SET(type, ?) > 0) AND (? < 0 OR (delivered_at_us IS NOT NULL) = " \
    "?) "

static const struct sql stripe_sim_event_sqls[STRIPE_SIM_EVENT_SQLS] = {
    [STRIPE_SIM_EVENT_INSERT] = {.text = "INSERT INTO sandbox_stripe_events (id, customer_id, type, body, next_at_us, "
                                         "created_at_us, provider) VALUES (?, ?, ?, ?, ?, ?, ?)",
                                 .in = "uussiis"},
    [STRIPE_SIM_EVENT_GET] = {.text = EVENT_SELECT "WHERE id = ? AND provider = 'stripe'",
                              .in = "u",
                              .cols = stripe_sim_event_cols},
    [STRIPE_SIM_EVENT_OLDER] = {.text = EVENT_SELECT "WHERE id < ? " EVENT_WANTED "ORDER BY id DESC LIMIT ?",
                                .in = "ussiii",
                                .cols = stripe_sim_event_cols},
    [STRIPE_SIM_EVENT_NEWER] = {.text = EVENT_SELECT "WHERE id > ? " EVENT_WANTED "ORDER BY id LIMIT ?",
                                .in = "ussiii",
                                .cols = stripe_sim_event_cols},
    [STRIPE_SIM_EVENT_DUE] = {.text = EVENT_SELECT "WHERE next_at_us <= ? AND FIND_IN_SET(provider, ?) > 0"
                                                   " ORDER BY next_at_us, id LIMIT 1",
                              .in = "is",
                              .cols = stripe_sim_event_cols},
    [STRIPE_SIM_EVENT_CLAIM] = {.text = "UPDATE sandbox_stripe_events SET next_at_us = ?, tries = tries + 1 "
                                        "WHERE id = ? AND next_at_us = ?",
                                .in = "iui"},
    [STRIPE_SIM_EVENT_SENT] = {.text = "UPDATE sandbox_stripe_events SET next_at_us = ?, delivered_at_us = ? "
                                       "WHERE id = ? AND next_at_us = ?",
                               .in = "iiui"},
    /* The columns are ASCII, and MariaDB compares them with nothing else. */
    [STRIPE_SIM_KEPT_GET] = {.text = "SELECT params_hash, body, status FROM sandbox_stripe_calls WHERE kind = 'kept' "
                                     "AND call_key = CONVERT(? USING ascii) AND created_at_us > ?",
                             .in = "si",
                             .cols = stripe_sim_answer_cols},
    [STRIPE_SIM_KEPT_OLD] = {.text = "DELETE FROM sandbox_stripe_calls WHERE kind = 'kept' AND "
                                     "call_key = CONVERT(? USING ascii) AND created_at_us <= ?",
                             .in = "si"},
    [STRIPE_SIM_KEPT_INSERT] = {.text = "INSERT INTO sandbox_stripe_calls (kind, call_key, params_hash, status, body, "
                                        "created_at_us) VALUES ('kept', ?, ?, ?, ?, ?)",
                                .in = "sbisi"},
    [STRIPE_SIM_SCRIPT_GET] = {.text = "SELECT status, wait_ms, is_made, is_kept FROM sandbox_stripe_calls WHERE "
                                       "kind = 'scripted' AND call_key = CONVERT(? USING ascii) AND times > 0",
                               .in = "s",
                               .cols = stripe_sim_script_cols},
    [STRIPE_SIM_SCRIPT_USE] = {.text = "UPDATE sandbox_stripe_calls SET times = times - 1 WHERE kind = 'scripted' AND "
                                       "call_key = CONVERT(? USING ascii) AND times > 0",
                               .in = "s"},
    [STRIPE_SIM_SCRIPT_END] = {.text = "DELETE FROM sandbox_stripe_calls WHERE kind = 'scripted' AND "
                                       "call_key = CONVERT(? USING ascii) AND times = 0",
                               .in = "s"},
};
