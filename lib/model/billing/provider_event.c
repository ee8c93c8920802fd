#include "model/billing/provider_event.h"

#include "base/clock.h"
#include "model/job/job.h"
#include "model/user/activity.h"

#define TYPE_MAX_BYTES 64 /* of the column; ours are shorter */

enum {
    EVENT_LOOK,
    EVENT_ADD,
    EVENT_BY_ID,
    EVENT_BY_NAME,
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

/* Who it may be about. */
struct provider_event_found {
    struct uuid known;   /* its own row */
    struct uuid owner;   /* of the customer */
    struct uuid claimed; /* whom its metadata names, if that is somebody who may have this customer */
};

static enum provider_event_why provider_event_not_ours(const struct conf *conf, const struct stripe_event *event)
{
    if (event->account.p != NULL)
        return PROVIDER_EVENT_OTHER_ACCOUNT;
    if (event->livemode != conf->stripe_livemode)
        return PROVIDER_EVENT_OTHER_MODE;
    return event->kind == NULL ? PROVIDER_EVENT_UNKNOWN_TYPE : PROVIDER_EVENT_HAS_NO_WHY;
}

static enum err provider_event_look(struct db *db, struct arena *arena, const struct stripe_event *event,
                                    struct provider_event_found *ret_found)
{
    *ret_found = (struct provider_event_found){.known = {{0}}};
    return db_row(
        db, &provider_event_sqls[EVENT_LOOK],
        DB_ARGS(db_str(event->id), db_str(event->customer), db_uuid_or_null(&event->user_id), db_str(event->customer)),
        arena, ret_found);
}

/* What is to become of it: whose it is, and in which state it begins. */
static void provider_event_decide(const struct conf *conf, const struct provider_event_found *found,
                                  struct event_new *new)
{
    const struct stripe_event *event = new->event;
    struct event_seen *seen = &new->seen;

    *seen = (struct event_seen){.is_new = true, .id = uuid_new(), .why = provider_event_not_ours(conf, event)};
    if (seen->why == PROVIDER_EVENT_HAS_NO_WHY) {
        seen->user_id = uuid_is_none(&found->owner) ? found->claimed : found->owner;
        new->by_charge = uuid_is_none(&seen->user_id) && event->kind->by_charge && event->customer.p == NULL &&
                         event->charge.p != NULL;
        if (uuid_is_none(&seen->user_id) && !new->by_charge)
            seen->why = PROVIDER_EVENT_UNKNOWN_CUSTOMER;
    }
    seen->state = seen->why == PROVIDER_EVENT_HAS_NO_WHY ? PROVIDER_EVENT_WAITING : PROVIDER_EVENT_IGNORED;
}

static struct db_arg provider_event_why_arg(int why)
{
    return db_cstr(why == PROVIDER_EVENT_HAS_NO_WHY ? NULL : provider_event_why_names[why]);
}

static struct job_new provider_event_job(const struct event_seen *seen, bool by_charge, struct str request_id)
{
    return (struct job_new){.kind = by_charge ? PROVIDER_EVENT_JOB_CHARGE : PROVIDER_EVENT_JOB_CUSTOMER,
                            .subject_id = by_charge ? seen->id : seen->user_id,
                            .run_at_us = clock_now_us(),
                            .request_id = request_id};
}

static void provider_event_put(struct db_many *many, const struct event_new *new)
{
    const struct stripe_event *event = new->event;
    int64_t now_us = clock_now_us();
    bool waits = new->seen.state == PROVIDER_EVENT_WAITING;

    db_many_add(many,
                DB_ARGS(db_str(event->id), db_uuid(&new->seen.id),
                        db_str(str_of(event->type.p, MIN(event->type.n, (size_t)TYPE_MAX_BYTES))),
                        db_i64(event->created_us), db_i64(now_us), db_uuid_or_null(&new->seen.user_id),
                        db_str(event->object_id), db_str(event->customer), db_str(event->subscription),
                        db_str(event->charge), db_str(waits ? event->link : (struct str){0}), db_str(event->status),
                        db_cstr(provider_event_state_names[new->seen.state]), provider_event_why_arg(new->seen.why),
                        db_cstr(provider_event_via_names[new->via]), db_i64_or_null(waits ? 0 : now_us)));
}

struct provider_event_storing {
    struct event_new *const *v;
    size_t n;
};

static enum err provider_events_store_tx(struct db *db, void *arg)
{
    const struct provider_event_storing *s = arg;
    struct job_new jobs[DB_MANY_MAX];
    struct db_many many = {.n = 0};
    size_t jobs_n = 0;

    for (size_t i = 0; i < s->n; i++) {
        const struct event_new *new = s->v[i];
        provider_event_put(&many, new);
        if (new->seen.state == PROVIDER_EVENT_WAITING)
            jobs[jobs_n++] = provider_event_job(&new->seen, new->by_charge, new->request_id);
    }
    enum err e = db_exec_many(db, &provider_event_sqls[EVENT_ADD], &many);
    return e == OK && jobs_n > 0 ? job_add_many(db, JOB_BILLING, jobs, jobs_n) : e;
}

enum err provider_events_store(struct db *db, struct event_new *const *news, size_t n)
{
    struct provider_event_storing s = {.v = news, .n = n};

    ASSERT(n <= DB_MANY_MAX);
    return db_tx(db, provider_events_store_tx, &s);
}

static enum err provider_event_known(struct db *db, struct arena *arena, struct str event_id,
                                     struct event_seen *ret_seen)
{
    struct provider_event known = {.state = 0};

    enum err e = db_row(db, &provider_event_sqls[EVENT_BY_NAME], DB_ARGS(db_str(event_id)), arena, &known);
    if (e == OK)
        *ret_seen =
            (struct event_seen){.state = known.state, .why = known.why, .id = known.id, .user_id = known.user_id};
    return e;
}

enum err provider_event_judge(struct db *db, struct arena *arena, const struct conf *conf,
                              const struct stripe_event *event, enum provider_event_via via, struct str request_id,
                              struct event_new *ret_new)
{
    struct event_new new = {.event = event, .via = via, .request_id = request_id};
    struct provider_event_found found;

    enum err e = provider_event_look(db, arena, event, &found);
    if (e == OK && !uuid_is_none(&found.known))
        e = provider_event_known(db, arena, event->id, &new.seen);
    else if (e == OK)
        provider_event_decide(conf, &found, &new);
    if (e == OK)
        *ret_new = new;
    return e;
}

enum err provider_event_add(struct db *db, struct arena *arena, const struct conf *conf,
                            const struct stripe_event *event, enum provider_event_via via, struct str request_id,
                            struct event_seen *ret_seen)
{
    struct event_new new, *const news[] = {&new};

    enum err e = provider_event_judge(db, arena, conf, event, via, request_id, &new);
    if (e == OK && new.seen.is_new)
        e = provider_events_store(db, news, 1);
    if (e == ERR_DB_DUPLICATE) /* it has come on two connections at once */
        return provider_event_known(db, arena, event->id, ret_seen);
    if (e == OK)
        *ret_seen = new.seen;
    return e;
}

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
        const struct stripe_event named = {.id = event->event_id, .customer = event->customer_id};
        struct provider_event_found found;
        enum err e = provider_event_look(db, r->arena, &named, &found);
        if (e != OK)
            return e;
        seen->user_id = found.owner;
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

static const struct db_col provider_event_found_cols[] = {DB_COL(struct provider_event_found, known, UUID),
                                                          DB_COL(struct provider_event_found, owner, UUID),
                                                          DB_COL(struct provider_event_found, claimed, UUID), DB_END};

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
    [EVENT_LOOK] = {.text = "SELECT (SELECT e.id FROM provider_events e WHERE e.event_id = ?),"
                            " (SELECT s.user_id FROM subscriptions s WHERE s.customer_id = ?),"
                            " (SELECT u.id FROM users u LEFT JOIN subscriptions s ON s.user_id = u.id"
                            " WHERE u.id = ? AND u.state = 'active' AND (ISNULL(s.customer_id) OR ISNULL(?)))",
                    .in = "ssus",
                    .cols = provider_event_found_cols},
    [EVENT_ADD] = {.text = "INSERT INTO provider_events (event_id, id, type, created_at_us, received_at_us, user_id,"
                           " object_id, customer_id, subscription_id, charge_id, link, status, state, why, via,"
                           " done_at_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   .in = "susiiusssssssssi"},
    [EVENT_BY_ID] = {.text = COLS "WHERE id = ?", .in = "u", .cols = provider_event_cols},
    [EVENT_BY_NAME] = {.text = COLS "WHERE event_id = ?", .in = "s", .cols = provider_event_cols},
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
