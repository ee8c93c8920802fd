#include "base/clock.h"
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
