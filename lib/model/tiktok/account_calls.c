#include <string.h>

#include "base/clock.h"
#include "base/window.h"
#include "db/window.h"
#include "model/tiktok/account.h"

#define PERIOD_US (60 * US_PER_SEC)

/* How many: docs/tiktok.md#limits. */
static const struct db_window account_calls_windows[] = {
    [ACCOUNT_CALL_INIT] = DB_WINDOW("accounts", "init_calls", 6, PERIOD_US),
    [ACCOUNT_CALL_CREATOR] = DB_WINDOW("accounts", "creator_calls", 20, PERIOD_US),
    [ACCOUNT_CALL_POLL] = DB_WINDOW("accounts", "poll_calls", 30, PERIOD_US),
};

enum err account_reserve_poll(struct db *db, struct arena *arena, const struct uuid *id, int64_t now_us,
                              int64_t *ret_at_us)
{
    return db_window_reserve(db, arena, &account_calls_windows[ACCOUNT_CALL_POLL], id, now_us, ret_at_us);
}

enum err account_take_call(struct db *db, struct arena *arena, const struct uuid *id, enum account_call call,
                           int64_t now_us, int64_t *ret_free_at_us)
{
    return db_window_take(db, arena, &account_calls_windows[call], id, now_us, ret_free_at_us);
}

bool account_take_from(struct arena *arena, const struct uuid *id, enum account_call call, struct str log,
                       int64_t now_us, struct account_taken *ret_taken)
{
    const struct db_window *w = &account_calls_windows[call];
    uint8_t *after = arena_alloc(arena, WINDOW_BYTES(DB_WINDOW_CALLS_MAX));
    size_t n = MIN(log.n, WINDOW_BYTES(w->calls));
    int64_t free_at_us = now_us;

    if (n > 0)
        memcpy(after, log.p, n);
    if (!(call == ACCOUNT_CALL_POLL ? window_reserve(after, &n, w->calls, w->period_us, now_us, &free_at_us)
                                    : window_take(after, &n, w->calls, w->period_us, now_us, &free_at_us)))
        return false;
    *ret_taken = (struct account_taken){.id = *id, .before = log, .after = str_of((const char *)after, n)};
    return free_at_us <= now_us;
}

enum err account_write_taken(struct db *db, enum account_call call, const struct account_taken *taken, size_t n)
{
    struct db_many many = {.n = 0};

    for (size_t i = 0; i < n; i++) {
        struct str before = taken[i].before;
        db_many_add(&many, DB_ARGS(db_bytes(taken[i].after.p, taken[i].after.n), db_uuid(&taken[i].id),
                                   db_bytes(before.n > 0 ? before.p : "", before.n)));
    }
    db_many_sort(&many, 1);
    return db_change_many(db, &account_calls_windows[call].write, &many);
}
