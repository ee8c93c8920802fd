#include "model/usage/usage.h"

#include <stdlib.h>
#include <time.h>

enum {
    USAGE_ADD,
    USAGE_USED,
    USAGE_LOCK_USER,
    USAGE_LOOK_USER,
    USAGE_LOCK_KEY,
    USAGE_OLD,
    USAGE_TO_MONTH,
    USAGE_DELETE_DAYS,
    USAGE_PURGE,
};
static const struct sql usage_sqls[], usage_groups[], usage_groups_of_key[];

int64_t usage_day_of(int64_t at_us)
{
    return at_us - at_us % US_PER_DAY;
}

int64_t usage_month_of(int64_t at_us, int months_later)
{
    time_t t = at_us / US_PER_SEC;
    struct tm tm;

    ASSERT(gmtime_r(&t, &tm) != NULL);
    struct tm begin = {.tm_year = tm.tm_year, .tm_mon = tm.tm_mon + months_later, .tm_mday = 1};
    return timegm(&begin) * US_PER_SEC;
}

struct usage_adding {
    int64_t node;
    struct usage_count *v;
    size_t n;
    bool only_free;
};

/* Finds out whose users somebody else has locked, and locks the others as a new row does. A key that is gone has none. */
static enum err usage_find_free(struct db *db, const struct usage_adding *a)
{
    enum err e = OK;

    for (size_t i = 0; e == OK && i < a->n; i++) {
        struct usage_count *c = &a->v[i];
        e = db_lock_now(db, &usage_sqls[USAGE_LOCK_USER], &usage_sqls[USAGE_LOOK_USER], DB_ARGS(db_uuid(&c->key_id)));
        c->is_left = e == ERR_AGAIN;
        if (e == ERR_AGAIN || e == ERR_CONFLICT)
            e = OK;
    }
    return e;
}

static enum err usage_note_use(struct db *db, const struct usage_adding *a, const struct usage_count *c)
{
    int64_t one;
    enum err e = a->only_free ? db_number(db, &usage_sqls[USAGE_LOCK_KEY], DB_ARGS(db_uuid(&c->key_id)), &one) : OK;

    if (e != OK)
        return e == ERR_NOT_FOUND ? OK : e;
    return db_exec(db, &usage_sqls[USAGE_USED],
                   DB_ARGS(db_i64(c->last_at_us), db_uuid(&c->key_id), db_i64(c->last_at_us),
                           db_i64(clock_now_us() + CLOCKS_DIFFER_US)),
                   NULL);
}

/* A new row locks the user's, and that comes before the key's (docs/architecture.md#one-order-of-locks). */
static enum err usage_add_tx(struct db *db, void *arg)
{
    const struct usage_adding *a = arg;

    enum err e = a->only_free ? usage_find_free(db, a) : OK;
    for (size_t i = 0; e == OK && i < a->n; i++)
        if (!a->v[i].is_left)
            e = db_exec(db, &usage_sqls[USAGE_ADD],
                        DB_ARGS(db_i64(a->v[i].day_us), db_i64(a->v[i].status), db_i64(a->node),
                                db_i64(a->v[i].requests), db_i64(a->v[i].last_at_us), db_uuid(&a->v[i].key_id)),
                        NULL);
    for (size_t i = 0; e == OK && i < a->n; i++)
        if (!a->v[i].is_left)
            e = usage_note_use(db, a, &a->v[i]);
    return e;
}

static int usage_compare(const void *a, const void *b)
{
    const struct usage_count *x = a, *y = b;
    int keys = uuid_cmp(&x->key_id, &y->key_id);

    if (keys != 0)
        return keys;
    if (x->day_us != y->day_us)
        return x->day_us < y->day_us ? -1 : 1;
    return x->status < y->status ? -1 : x->status > y->status;
}

static enum err usage_add_some(struct db *db, struct usage_adding *a)
{
    if (a->n == 0)
        return OK;
    for (size_t i = 0; i < a->n; i++)
        a->v[i].is_left = false;
    /* Every program locks the rows in this order, so they wait for each other instead of deadlocking. */
    qsort(a->v, a->n, sizeof *a->v, usage_compare);
    return db_tx(db, usage_add_tx, a);
}

enum err usage_add(struct db *db, int64_t node, struct usage_count *counts, size_t n)
{
    return usage_add_some(db, &(struct usage_adding){.node = node, .v = counts, .n = n});
}

enum err usage_add_free(struct db *db, int64_t node, struct usage_count *counts, size_t n)
{
    return usage_add_some(db, &(struct usage_adding){.node = node, .v = counts, .n = n, .only_free = true});
}

enum err usage_each(struct db *db, const struct usage_asked *asked, enum err (*fn)(const void *row, void *arg),
                    void *arg)
{
    const struct db_arg args[] = {db_uuid(&asked->user_id), db_i64(asked->from_us), db_i64(asked->to_us),
                                  db_uuid(&asked->key_id)};
    const struct sql *groups = asked->has_key ? usage_groups_of_key : usage_groups;

    return db_each(db, &groups[asked->group], args, asked->has_key ? 4 : 3, sizeof(struct usage_row), fn, arg);
}

struct usage_old {
    struct uuid user_id;
    int64_t starts_at_us;
};

static enum err usage_roll_up_month(struct db *db, const struct usage_old *old, int64_t before_us)
{
    int64_t from_us = usage_month_of(old->starts_at_us, 0);
    int64_t to_us = MIN(before_us, usage_month_of(old->starts_at_us, 1));

    enum err e = db_exec(db, &usage_sqls[USAGE_TO_MONTH],
                         DB_ARGS(db_i64(from_us), db_uuid(&old->user_id), db_i64(from_us), db_i64(to_us)), NULL);
    if (e == OK)
        e = db_exec(db, &usage_sqls[USAGE_DELETE_DAYS], DB_ARGS(db_uuid(&old->user_id), db_i64(from_us), db_i64(to_us)),
                    NULL);
    return e;
}

enum err usage_roll_up(struct db *db, struct arena *arena, int64_t before_us, size_t max, size_t *ret_n)
{
    struct usage_old old;
    enum err e = OK;
    size_t n = 0;

    while (n < max && e == OK) {
        e = db_row(db, &usage_sqls[USAGE_OLD], DB_ARGS(db_i64(before_us)), arena, &old);
        if (e == OK)
            e = usage_roll_up_month(db, &old, before_us);
        n += e == OK;
    }
    if (e == ERR_NOT_FOUND)
        e = OK;
    if (e == OK)
        *ret_n = n;
    return e;
}

enum err usage_purge(struct db *db, int64_t before_us, size_t max, size_t *ret_n)
{
    uint64_t n;

    enum err e = db_exec(db, &usage_sqls[USAGE_PURGE], DB_ARGS(db_i64(before_us), db_i64((int64_t)max)), &n);
    if (e == OK)
        *ret_n = (size_t)n;
    return e;
}

const char *const usage_group_names[] = {
    [USAGE_BY_DAY] = "day", [USAGE_BY_KEY] = "key", [USAGE_BY_STATUS] = "status", NULL};
const char *const usage_span_names[] = {"day", "month", NULL};

static const struct db_col usage_old_cols[] = {DB_COL(struct usage_old, user_id, UUID),
                                               DB_COL(struct usage_old, starts_at_us, I64), DB_END};

static const struct sql usage_sqls[] = {
    /* Of a key that is gone, nothing comes back. */
    [USAGE_ADD] = {.text = "INSERT INTO usage_daily (user_id, starts_at_us, span, key_id, status, node, requests,"
                           " last_at_us) SELECT k.user_id, ?, 'day', k.id, ?, ?, ?, ? FROM api_keys k WHERE k.id = ?"
                           " ON DUPLICATE KEY UPDATE requests = usage_daily.requests + VALUES(requests),"
                           " last_at_us = GREATEST(usage_daily.last_at_us, VALUES(last_at_us))",
                   .in = "iiiiiu"},
    [USAGE_USED] = {.text = "UPDATE api_keys SET last_used_at_us = ? WHERE id = ? AND"
                            " (last_used_at_us IS NULL OR last_used_at_us < ? OR last_used_at_us > ?)",
                    .in = "iuii"},
#define USER_OF_KEY "SELECT 1 FROM users WHERE id = (SELECT user_id FROM api_keys WHERE id = ?)"
    [USAGE_LOCK_USER] = {.text = USER_OF_KEY " LOCK IN SHARE MODE SKIP LOCKED", .in = "u", .cols = db_number_cols},
    [USAGE_LOOK_USER] = {.text = USER_OF_KEY, .in = "u", .cols = db_number_cols},
    [USAGE_LOCK_KEY] = {.text = "SELECT 1 FROM api_keys WHERE id = ? FOR UPDATE SKIP LOCKED",
                        .in = "u",
                        .cols = db_number_cols},
    [USAGE_OLD] = {.text = "SELECT user_id, starts_at_us FROM usage_daily WHERE span = 'day' AND starts_at_us < ?"
                           " ORDER BY starts_at_us LIMIT 1",
                   .in = "i",
                   .cols = usage_old_cols},
    [USAGE_TO_MONTH] = {.text = "INSERT INTO usage_daily (user_id, starts_at_us, span, key_id, status, node, requests,"
                                " last_at_us) SELECT d.user_id, ?, 'month', d.key_id, d.status, 0, SUM(d.requests),"
                                " MAX(d.last_at_us) FROM usage_daily d WHERE d.user_id = ? AND d.span = 'day' AND"
                                " d.starts_at_us >= ? AND d.starts_at_us < ? GROUP BY d.user_id, d.key_id, d.status"
                                " ON DUPLICATE KEY UPDATE requests = usage_daily.requests + VALUES(requests),"
                                " last_at_us = GREATEST(usage_daily.last_at_us, VALUES(last_at_us))",
                        .in = "iuii"},
    [USAGE_DELETE_DAYS] = {.text =
                               "DELETE FROM usage_daily WHERE user_id = ? AND span = 'day' AND starts_at_us >= ? AND"
                               " starts_at_us < ?",
                           .in = "uii"},
    [USAGE_PURGE] = {.text = "DELETE FROM usage_daily WHERE span = 'month' AND starts_at_us < ? ORDER BY starts_at_us"
                             " LIMIT ?",
                     .in = "ii"},
};

static const struct db_col usage_day_cols[] = {
    DB_COL(struct usage_row, starts_at_us, I64), DB_COL_ENUM(struct usage_row, span, usage_span_names),
    DB_COL(struct usage_row, requests, I64),     DB_COL(struct usage_row, errors, I64),
    DB_COL(struct usage_row, last_at_us, I64),   DB_END,
};

static const struct db_col usage_key_cols[] = {
    DB_COL(struct usage_row, key_id, UUID),
    DB_COL(struct usage_row, key_name, STR),
    DB_COL(struct usage_row, key_prefix, STR),
    DB_COL(struct usage_row, requests, I64),
    DB_COL(struct usage_row, errors, I64),
    DB_COL(struct usage_row, last_at_us, I64),
    DB_END,
};

static const struct db_col usage_status_cols[] = {
    DB_COL(struct usage_row, status, I64),
    DB_COL(struct usage_row, requests, I64),
    DB_COL(struct usage_row, errors, I64),
    DB_COL(struct usage_row, last_at_us, I64),
    DB_END,
};

#define SUMS \
    "CAST(SUM(u.requests) AS SIGNED), CAST(SUM(IF(u.status >= 400, u.requests, 0)) AS SIGNED), MAX(u.last_at_us)"
#define OF_USER " WHERE u.user_id = ? AND u.starts_at_us >= ? AND u.starts_at_us < ?"

#define BY_DAY(where) \
    "SELECT u.starts_at_us, MAX(u.span), " SUMS " FROM usage_daily u" where \
    " AND u.starts_at_us > ? GROUP BY u.starts_at_us ORDER BY u.starts_at_us LIMIT ?"
/* In the order of by_key, so that a chunk ends at its limit: else each would walk all days. */
#define BY_KEY(where) \
    "SELECT STRAIGHT_JOIN u.key_id, MAX(k.name), MAX(k.prefix), " SUMS \
    " FROM usage_daily u FORCE INDEX (by_key) JOIN api_keys k ON k.id = u.key_id" where \
    " AND u.key_id > ? GROUP BY u.key_id ORDER BY u.key_id LIMIT ?"
#define BY_STATUS(where) \
    "SELECT u.status, " SUMS " FROM usage_daily u" where " AND u.status > ? GROUP BY u.status ORDER BY u.status " \
    "LIMIT ?"

static const struct sql usage_groups[] = {
    [USAGE_BY_DAY] = {.text = BY_DAY(OF_USER), .in = "uiiii", .cols = usage_day_cols},
    [USAGE_BY_KEY] = {.text = BY_KEY(OF_USER), .in = "uiiui", .cols = usage_key_cols},
    [USAGE_BY_STATUS] = {.text = BY_STATUS(OF_USER), .in = "uiiii", .cols = usage_status_cols},
};

#define OF_KEY OF_USER " AND u.key_id = ?"
static const struct sql usage_groups_of_key[] = {
    [USAGE_BY_DAY] = {.text = BY_DAY(" FORCE INDEX (by_key)" OF_KEY), .in = "uiiuii", .cols = usage_day_cols},
    [USAGE_BY_KEY] = {.text = BY_KEY(OF_KEY), .in = "uiiuui", .cols = usage_key_cols},
    [USAGE_BY_STATUS] = {.text = BY_STATUS(" FORCE INDEX (by_key)" OF_KEY), .in = "uiiuii", .cols = usage_status_cols},
};
