#include "base/clock.h"
#include "model/billing/jobs.h"
#include "model/billing/provider_event_private.h"
#include "model/user/activity.h"

enum {
    EVENT_BY_ID,
    EVENT_LOCK,
    EVENT_WAITING,
    EVENT_END,
    EVENT_IS_OF,
    EVENT_REPLAY,
    EVENT_FORGET,
    EVENT_PURGE,
    EVENT_LIST,
    EVENT_LIST_OF_STATE,
    EVENT_LIST_OF_USER,
};
static const struct sql provider_event_sqls[];

static void provider_event_complete(struct provider_event *event)
{
    event->kind = stripe_event_find(event->type);
}

enum err provider_event_read(struct db *db, struct arena *arena, const struct uuid *id,
                             struct provider_event *ret_event)
{
    struct provider_event event = {.state = 0};

    enum err e = db_row(db, &provider_event_sqls[EVENT_BY_ID], DB_ARGS(db_uuid(id)), arena, &event);
    if (e != OK)
        return e;
    provider_event_complete(&event);
    *ret_event = event;
    return OK;
}

static enum err provider_events_of(struct db *db, const struct sql *q, const struct db_arg *args, size_t args_n,
                                   struct arena *arena, size_t max, struct provider_event **ret_events, size_t *ret_n)
{
    void *rows;

    enum err e = db_rows(db, q, args, args_n, arena, sizeof(struct provider_event), max, &rows, ret_n);
    if (e != OK)
        return e;
    *ret_events = rows;
    for (size_t i = 0; i < *ret_n; i++)
        provider_event_complete(&(*ret_events)[i]);
    return OK;
}

enum err provider_events_waiting(struct db *db, struct arena *arena, const struct uuid *user_id, size_t max,
                                 struct provider_event **ret_events, size_t *ret_n)
{
    const struct db_arg args[] = {db_uuid(user_id), db_i64((int64_t)max)};

    return provider_events_of(db, &provider_event_sqls[EVENT_WAITING], args, ARRAY_LEN(args), arena, max, ret_events,
                              ret_n);
}

/* Whoever else ends some of them locks them in the same order. */
static enum err provider_events_end(struct db *db, const struct provider_event *events, size_t n,
                                    enum provider_event_state state, enum provider_event_why why)
{
    struct db_arg now = db_i64(clock_now_us());
    enum err e = OK;

    for (size_t done = 0; e == OK && done < n;) {
        struct db_many many = {.n = 0};
        for (; done < n && many.rows < DB_MANY_MAX; done++)
            db_many_add(&many, DB_ARGS(db_cstr(provider_event_state_names[state]), provider_event_why_arg(why), now,
                                       db_uuid(&events[done].id)));
        db_many_sort(&many, 3);
        e = db_exec_many(db, &provider_event_sqls[EVENT_END], &many);
    }
    return e;
}

enum err provider_events_done(struct db *db, const struct provider_event *events, size_t n)
{
    return provider_events_end(db, events, n, PROVIDER_EVENT_DONE, PROVIDER_EVENT_HAS_NO_WHY);
}

enum err provider_events_ignore(struct db *db, const struct provider_event *events, size_t n,
                                enum provider_event_why why)
{
    ASSERT(why != PROVIDER_EVENT_HAS_NO_WHY);
    return provider_events_end(db, events, n, PROVIDER_EVENT_IGNORED, why);
}

enum err provider_event_is_of(struct db *db, const struct uuid *id, const struct uuid *user_id, struct str customer_id)
{
    return db_exec(db, &provider_event_sqls[EVENT_IS_OF], DB_ARGS(db_uuid(user_id), db_str(customer_id), db_uuid(id)),
                   NULL);
}

enum err provider_events_forget(struct db *db, const struct uuid *user_id)
{
    return db_exec(db, &provider_event_sqls[EVENT_FORGET], DB_ARGS(db_uuid(user_id)), NULL);
}

enum err provider_events_purge(struct db *db, int64_t now_us, size_t max, uint64_t *ret_n)
{
    return db_exec(db, &provider_event_sqls[EVENT_PURGE],
                   DB_ARGS(db_i64(now_us - PROVIDER_EVENT_KEEP_US), db_i64((int64_t)max)), ret_n);
}

struct provider_events_shown {
    struct arena *arena;
    const struct uuid *user_id;
    int state;
    size_t max, n;
    struct provider_event *v;
};

/* Of a user, who sees that somebody has looked. */
static enum err provider_events_show_tx(struct db *db, void *arg)
{
    struct provider_events_shown *s = arg;
    struct db_arg of_state = db_cstr(s->state < 0 ? NULL : provider_event_state_names[s->state]);
    const struct db_arg args[] = {db_uuid(s->user_id), of_state, of_state, db_i64((int64_t)s->max)};

    enum err e = provider_events_of(db, &provider_event_sqls[EVENT_LIST_OF_USER], args, ARRAY_LEN(args), s->arena,
                                    s->max, &s->v, &s->n);
    return e == OK ? activity_add(db, &(struct activity_new){.user_id = *s->user_id,
                                                             .what = ACTIVITY_ADMIN_READ,
                                                             .by = ACTIVITY_BY_ADMIN,
                                                             .about = STR("events")})
                   : e;
}

enum err provider_events_list(struct db *db, struct arena *arena, const struct uuid *user_id, int state, size_t max,
                              struct provider_event **ret_events, size_t *ret_n)
{
    struct provider_events_shown s = {.arena = arena, .user_id = user_id, .state = state, .max = max};
    enum err e;

    if (!uuid_is_none(user_id)) {
        e = db_tx(db, provider_events_show_tx, &s);
        *ret_events = s.v;
        *ret_n = s.n;
        return e;
    }
    if (state < 0)
        return provider_events_of(db, &provider_event_sqls[EVENT_LIST], DB_ARGS(db_i64((int64_t)max)), arena, max,
                                  ret_events, ret_n);
    return provider_events_of(db, &provider_event_sqls[EVENT_LIST_OF_STATE],
                              DB_ARGS(db_cstr(provider_event_state_names[state]), db_i64((int64_t)max)), arena, max,
                              ret_events, ret_n);
}

struct provider_event_replaying {
    struct arena *arena;
    struct str event_id, request_id;
    struct event_seen seen;
};

/* Of one that is locked. Its customer may have become somebody's since; nothing else can change. */
static enum err provider_event_judge_again(struct db *db, struct provider_event_replaying *r,
                                           const struct provider_event *event)
{
    struct event_seen *seen = &r->seen;

    *seen = (struct event_seen){.state = event->state, .why = event->why, .id = event->id, .user_id = event->user_id};
    if (event->why == PROVIDER_EVENT_UNKNOWN_CUSTOMER && event->customer_id.p != NULL) {
        enum err e = billing_user_of(db, r->arena, event->customer_id, &seen->user_id);
        if (e != OK && e != ERR_NOT_FOUND)
            return e;
    }
    bool is_foreign = event->why == PROVIDER_EVENT_OTHER_MODE || event->why == PROVIDER_EVENT_OTHER_ACCOUNT;
    bool by_charge = event->kind != NULL && event->kind->by_charge && event->charge_id.p != NULL && !is_foreign;
    return uuid_is_none(&seen->user_id) && !by_charge ? ERR_CONFLICT : OK;
}

static enum err provider_event_replay_tx(struct db *db, void *arg)
{
    struct provider_event_replaying *r = arg;
    struct provider_event event = {.state = 0};

    enum err e = db_row(db, &provider_event_sqls[EVENT_LOCK], DB_ARGS(db_str(r->event_id)), r->arena, &event);
    if (e != OK)
        return e;
    provider_event_complete(&event);
    e = provider_event_judge_again(db, r, &event);
    if (e != OK)
        return e;
    r->seen.state = PROVIDER_EVENT_WAITING;
    r->seen.why = PROVIDER_EVENT_HAS_NO_WHY;
    e = db_exec(db, &provider_event_sqls[EVENT_REPLAY], DB_ARGS(db_uuid_or_null(&r->seen.user_id), db_str(r->event_id)),
                NULL);
    const struct job_new job = provider_event_job(&r->seen, uuid_is_none(&r->seen.user_id), r->request_id);
    return e == OK ? job_add_many(db, JOB_BILLING, &job, 1) : e;
}

enum err provider_event_replay(struct db *db, struct arena *arena, struct str event_id, struct str request_id,
                               struct event_seen *ret_seen)
{
    struct provider_event_replaying r = {.arena = arena, .event_id = event_id, .request_id = request_id};

    enum err e = db_tx(db, provider_event_replay_tx, &r);
    if (e == OK || e == ERR_CONFLICT)
        *ret_seen = r.seen;
    return e;
}

const char *const provider_event_state_names[] = {"waiting", "done", "ignored", NULL};

const char *const provider_event_why_names[] = {
    [PROVIDER_EVENT_HAS_NO_WHY] = "none",
    [PROVIDER_EVENT_UNKNOWN_TYPE] = "unknown_type",
    [PROVIDER_EVENT_OTHER_MODE] = "other_mode",
    [PROVIDER_EVENT_OTHER_ACCOUNT] = "other_account",
    [PROVIDER_EVENT_UNKNOWN_CUSTOMER] = "unknown_customer",
    [PROVIDER_EVENT_FOREIGN_PRICE] = "foreign_price",
    [PROVIDER_EVENT_GONE] = "gone",
    NULL,
};

const char *const provider_event_via_names[] = {"webhook", "reconciliation", NULL};

#define COLS \
    "SELECT id, event_id, type, created_at_us, received_at_us, done_at_us, user_id, object_id, customer_id," \
    " subscription_id, charge_id, link, status, state, why, via FROM provider_events "

static const struct db_col provider_event_cols[] = {
    DB_COL(struct provider_event, id, UUID),
    DB_COL(struct provider_event, event_id, STR),
    DB_COL(struct provider_event, type, STR),
    DB_COL(struct provider_event, created_at_us, I64),
    DB_COL(struct provider_event, received_at_us, I64),
    DB_COL(struct provider_event, done_at_us, I64),
    DB_COL(struct provider_event, user_id, UUID),
    DB_COL(struct provider_event, object_id, STR),
    DB_COL(struct provider_event, customer_id, STR),
    DB_COL(struct provider_event, subscription_id, STR),
    DB_COL(struct provider_event, charge_id, STR),
    DB_COL(struct provider_event, link, STR),
    DB_COL(struct provider_event, status, STR),
    DB_COL_ENUM(struct provider_event, state, provider_event_state_names),
    DB_COL_ENUM(struct provider_event, why, provider_event_why_names),
    DB_COL_ENUM(struct provider_event, via, provider_event_via_names),
    DB_END};

static const struct sql provider_event_sqls[] = {
    [EVENT_BY_ID] = {.text = COLS "WHERE id = ?", .in = "u", .cols = provider_event_cols},
    [EVENT_LOCK] = {.text = COLS "WHERE event_id = ? FOR UPDATE", .in = "s", .cols = provider_event_cols},
    [EVENT_WAITING] = {.text = COLS "WHERE user_id = ? AND state = 'waiting' ORDER BY id LIMIT ?",
                       .in = "ui",
                       .cols = provider_event_cols},
    [EVENT_END] = {.text = "UPDATE provider_events SET state = ?, why = ?, link = IF(state = 'done', link, NULL),"
                           " done_at_us = ?"
                           " WHERE id = ? AND state = 'waiting'",
                   .in = "ssiu"},
    [EVENT_IS_OF] = {.text = "UPDATE provider_events SET user_id = ?, customer_id = ?"
                             " WHERE id = ? AND state = 'waiting'",
                     .in = "usu"},
    [EVENT_REPLAY] = {.text = "UPDATE provider_events SET state = 'waiting', why = NULL, done_at_us = NULL,"
                              " user_id = ? WHERE event_id = ?",
                      .in = "us"},
    [EVENT_FORGET] = {.text = "DELETE FROM provider_events WHERE user_id = ?", .in = "u"},
    [EVENT_PURGE] = {.text = "DELETE FROM provider_events WHERE received_at_us < ? ORDER BY received_at_us LIMIT ?",
                     .in = "ii"},
    [EVENT_LIST] = {.text = COLS "ORDER BY id DESC LIMIT ?", .in = "i", .cols = provider_event_cols},
    [EVENT_LIST_OF_STATE] = {.text = COLS "WHERE state = ? ORDER BY id DESC LIMIT ?",
                             .in = "si",
                             .cols = provider_event_cols},
    [EVENT_LIST_OF_USER] = {.text = COLS "WHERE user_id = ? AND (ISNULL(?) OR state = ?) ORDER BY id DESC LIMIT ?",
                            .in = "ussi",
                            .cols = provider_event_cols},
};
