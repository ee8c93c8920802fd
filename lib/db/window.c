#include "db/window.h"

#include "base/clock.h"
#include "base/window.h"

#define CONFLICT_WAIT_US (100 * US_PER_MS)

const struct db_col db_window_cols[] = {{.type = DB_BYTES}, DB_END};

/* reserve: a place in the future will do. */
static enum err db_window_try(struct db *db, struct arena *arena, const struct db_window *w, const struct uuid *id,
                              bool reserve, int64_t now_us, int64_t *ret_free_at_us)
{
    uint8_t log[WINDOW_BYTES(DB_WINDOW_CALLS_MAX)];
    struct str before = {0};

    enum err e = db_row(db, &w->read, DB_ARGS(db_uuid(id)), arena, &before);
    if (e != OK)
        return e;
    size_t n = MIN(before.n, WINDOW_BYTES(w->calls));
    if (n > 0)
        memcpy(log, before.p, n);
    bool taken = reserve ? window_reserve(log, &n, w->calls, w->period_us, now_us, ret_free_at_us)
                         : window_take(log, &n, w->calls, w->period_us, now_us, ret_free_at_us);
    if (!taken)
        return ERR_AGAIN;
    return db_change(db, &w->write,
                     DB_ARGS(db_bytes(log, n), db_uuid(id), db_bytes(before.n > 0 ? before.p : "", before.n)));
}

enum err db_window_take(struct db *db, struct arena *arena, const struct db_window *w, const struct uuid *id,
                        int64_t now_us, int64_t *ret_free_at_us)
{
    ASSERT(w->calls > 0 && w->calls <= DB_WINDOW_CALLS_MAX);
    /* Each conflict is a call of somebody else's that took a place, so there are no more of them than places. */
    for (size_t i = 0; i <= w->calls; i++) {
        enum err e = db_window_try(db, arena, w, id, false, now_us, ret_free_at_us);
        if (e != ERR_CONFLICT)
            return e;
    }
    *ret_free_at_us = now_us + CONFLICT_WAIT_US; /* the others' clocks are ahead of ours */
    return ERR_AGAIN;
}

enum err db_window_reserve(struct db *db, struct arena *arena, const struct db_window *w, const struct uuid *id,
                           int64_t now_us, int64_t *ret_at_us)
{
    ASSERT(w->calls > 0 && w->calls <= DB_WINDOW_CALLS_MAX);
    for (size_t i = 0; i <= DB_WINDOW_CALLS_MAX; i++) {
        enum err e = db_window_try(db, arena, w, id, true, now_us, ret_at_us);
        if (e != ERR_CONFLICT)
            return e;
    }
    return ERR_DB_UNAVAILABLE; /* so many others at once cannot be */
}
