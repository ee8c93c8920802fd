#include "base/clock.h"
#include "base/window.h"
#include "model/tiktok/account.h"

#define PERIOD_US (60 * US_PER_SEC)
#define LIMIT_MAX 30    /* of limits below */
#define CONFLICTS_MAX 8 /* how many workers in a row may write between our read and our write */
#define CONFLICT_WAIT_US (100 * US_PER_MS)

static const struct limit {
    size_t calls; /* a minute: docs/tiktok.md#limits */
    struct sql read, write;
} account_calls_limits[];

/*
 * Compare and swap: writes the log if it is still what was read. Nothing is locked meanwhile, and a worker that dies in
 * between leaves nothing behind.
 */
static enum err account_calls_try_take(struct db *db, struct arena *arena, const struct uuid *id, const struct limit *l,
                                       int64_t now_us, int64_t *ret_free_at_us)
{
    uint8_t log[WINDOW_BYTES(LIMIT_MAX)];
    struct str before = {0};

    enum err e = db_row(db, &l->read, DB_ARGS(db_uuid(id)), arena, &before);
    if (e != OK)
        return e;
    size_t n = MIN(before.n, WINDOW_BYTES(l->calls));
    if (n > 0)
        memcpy(log, before.p, n);
    if (!window_take(log, &n, l->calls, PERIOD_US, now_us, ret_free_at_us))
        return ERR_AGAIN;
    return db_change(db, &l->write,
                     DB_ARGS(db_bytes(log, n), db_uuid(id), db_bytes(before.n > 0 ? before.p : "", before.n)));
}

enum err account_take_call(struct db *db, struct arena *arena, const struct uuid *id, enum account_call call,
                           int64_t now_us, int64_t *ret_free_at_us)
{
    for (int i = 0; i < CONFLICTS_MAX; i++) {
        enum err e = account_calls_try_take(db, arena, id, &account_calls_limits[call], now_us, ret_free_at_us);
        if (e != ERR_CONFLICT)
            return e;
    }
    *ret_free_at_us = now_us + CONFLICT_WAIT_US;
    return ERR_AGAIN;
}

static const struct db_col account_calls_log_cols[] = {{.type = DB_BYTES}, DB_END};

static const struct limit account_calls_limits[] = {
    [ACCOUNT_CALL_INIT] = {6,
                           {.text = "SELECT init_calls FROM accounts WHERE id = ?",
                            .in = "u",
                            .cols = account_calls_log_cols},
                           {.text = "UPDATE accounts SET init_calls = ? WHERE id = ? AND init_calls = ?", .in = "bub"}},
    [ACCOUNT_CALL_CREATOR] =
        {20,
         {.text = "SELECT creator_calls FROM accounts WHERE id = ?", .in = "u", .cols = account_calls_log_cols},
         {.text = "UPDATE accounts SET creator_calls = ? WHERE id = ? AND creator_calls = ?", .in = "bub"}},
    [ACCOUNT_CALL_POLL] = {30,
                           {.text = "SELECT poll_calls FROM accounts WHERE id = ?",
                            .in = "u",
                            .cols = account_calls_log_cols},
                           {.text = "UPDATE accounts SET poll_calls = ? WHERE id = ? AND poll_calls = ?", .in = "bub"}},
};
