/* What comes: is it known, whose is it, and its row with its job. Several at once cost as many statements as one. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/billing/provider_event_private.h"

#define TYPE_MAX_BYTES 64 /* of the column; ours are shorter */

enum { ADD_LOOK, ADD_CLAIMED, ADD_PUT };
static const struct sql add_sqls[];

/* What is there of events that come: themselves, or the owner of a customer. */
struct add_row {
    struct str name;            /* the event's, or the customer's */
    struct uuid event, user_id; /* event none: the user is the owner of the customer */
    int state, why;             /* of the event */
};
#define ROWS_MAX (2 * DB_MANY_MAX)

/* Whom metadata of events name. */
struct add_claimed {
    struct uuid user_id;
    bool has_customer;
};

static enum provider_event_why add_not_ours(const struct conf *conf, const struct stripe_event *event)
{
    if (event->account.p != NULL)
        return PROVIDER_EVENT_OTHER_ACCOUNT;
    if (event->livemode != conf->stripe_livemode)
        return PROVIDER_EVENT_OTHER_MODE;
    return event->kind == NULL ? PROVIDER_EVENT_UNKNOWN_TYPE : PROVIDER_EVENT_HAS_NO_WHY;
}

static bool add_is_ours(const struct event_new *new)
{
    return new->seen.is_new &&new->seen.why == PROVIDER_EVENT_HAS_NO_WHY;
}

/* The events themselves, and whose their customers are, in one statement for all. */
static enum err add_look(struct db *db, struct arena *arena, struct event_new *const *news, size_t n,
                         struct add_row **ret_rows, size_t *ret_n)
{
    struct db_arg args[ROWS_MAX];
    void *rows;

    for (size_t i = 0; i < DB_MANY_MAX; i++) {
        args[i] = db_str(i < n ? news[i]->event->id : (struct str){0});
        args[DB_MANY_MAX + i] = db_str(i < n ? news[i]->event->customer : (struct str){0});
    }
    enum err e = db_rows(db, &add_sqls[ADD_LOOK], args, ROWS_MAX, arena, sizeof **ret_rows, ROWS_MAX, &rows, ret_n);
    if (e == OK)
        *ret_rows = rows;
    return e;
}

static struct event_seen add_seen(const struct conf *conf, const struct stripe_event *event, const struct add_row *rows,
                                  size_t n)
{
    struct event_seen seen = {.is_new = true, .why = add_not_ours(conf, event)};

    for (size_t i = 0; i < n; i++) {
        bool is_known = !uuid_is_none(&rows[i].event);
        if (is_known && str_eq(rows[i].name, event->id))
            return (struct event_seen){
                .state = rows[i].state, .why = rows[i].why, .id = rows[i].event, .user_id = rows[i].user_id};
        if (!is_known && seen.why == PROVIDER_EVENT_HAS_NO_WHY && str_eq(rows[i].name, event->customer))
            seen.user_id = rows[i].user_id;
    }
    seen.id = uuid_new();
    return seen;
}

/* Nobody has its customer, but its metadata name somebody. */
static bool add_claims(const struct event_new *new)
{
    return add_is_ours(new) && uuid_is_none(&new->seen.user_id) && !uuid_is_none(&new->event->user_id);
}

static bool add_is_claimed(const struct event_new *new, const struct add_claimed *claimed)
{
    bool may_have = !claimed->has_customer || new->event->customer.p == NULL;

    return add_claims(new) && may_have && uuid_eq(&new->event->user_id, &claimed->user_id);
}

/* Those whom metadata name get the event, if they may have this customer. */
static enum err add_claim(struct db *db, struct arena *arena, struct event_new *const *news, size_t n)
{
    struct db_arg args[DB_MANY_MAX];
    struct uuid ids[DB_MANY_MAX];
    size_t ids_n = 0, claimed_n;
    void *rows;

    for (size_t i = 0; i < n; i++)
        if (add_claims(news[i]))
            ids[ids_n++] = news[i]->event->user_id;
    if (ids_n == 0)
        return OK;
    db_many_ids(args, ids, ids_n);
    enum err e = db_rows(db, &add_sqls[ADD_CLAIMED], args, DB_MANY_MAX, arena, sizeof(struct add_claimed), DB_MANY_MAX,
                         &rows, &claimed_n);
    if (e != OK)
        return e;
    const struct add_claimed *claimed = rows;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < claimed_n; k++)
            if (add_is_claimed(news[i], &claimed[k]))
                news[i]->seen.user_id = claimed[k].user_id;
    return OK;
}

/* Of one that is new: in which state it begins. */
static void add_decide(struct event_new *new)
{
    const struct stripe_event *event = new->event;
    struct event_seen *seen = &new->seen;
    bool is_somebodys = !uuid_is_none(&seen->user_id);

    new->by_charge = add_is_ours(new) && !is_somebodys && event->kind->by_charge && event->customer.p == NULL &&
                     event->charge.p != NULL;
    if (add_is_ours(new) && !is_somebodys && !new->by_charge)
        seen->why = PROVIDER_EVENT_UNKNOWN_CUSTOMER;
    seen->state = seen->why == PROVIDER_EVENT_HAS_NO_WHY ? PROVIDER_EVENT_WAITING : PROVIDER_EVENT_IGNORED;
}

/* It is among them twice: then the first one is stored. */
static bool add_is_twice(struct event_new *const *news, size_t i)
{
    return i > 0 && str_eq(news[i]->event->id, news[i - 1]->event->id);
}

static enum err add_judge(struct db *db, struct arena *arena, const struct conf *conf, struct event_new *const *news,
                          size_t n)
{
    struct add_row *rows;
    size_t rows_n;

    enum err e = add_look(db, arena, news, n, &rows, &rows_n);
    if (e != OK)
        return e;
    for (size_t i = 0; i < n; i++)
        news[i]->seen = add_seen(conf, news[i]->event, rows, rows_n);
    e = add_claim(db, arena, news, n);
    for (size_t i = 0; i < n && e == OK; i++)
        if (news[i]->seen.is_new)
            add_decide(news[i]);
    for (size_t i = 0; i < n && e == OK; i++)
        if (add_is_twice(news, i)) {
            news[i]->seen = news[i - 1]->seen;
            news[i]->seen.is_new = false;
        }
    return e;
}

struct db_arg provider_event_why_arg(int why)
{
    return db_cstr(why == PROVIDER_EVENT_HAS_NO_WHY ? NULL : provider_event_why_names[why]);
}

struct job_new provider_event_job(const struct event_seen *seen, bool by_charge, struct str request_id)
{
    return (struct job_new){.kind = by_charge ? PROVIDER_EVENT_JOB_CHARGE : PROVIDER_EVENT_JOB_CUSTOMER,
                            .subject_id = by_charge ? seen->id : seen->user_id,
                            .run_at_us = clock_now_us(),
                            .request_id = request_id};
}

static void add_put_one(struct db_many *many, const struct event_new *new)
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

struct add_some {
    struct arena *arena;
    const struct conf *conf;
    struct event_new *news[DB_MANY_MAX]; /* in the order of their names: so are they locked */
    size_t n;
};

static enum err add_put(struct db *db, struct event_new *const *news, size_t n)
{
    struct job_new jobs[DB_MANY_MAX];
    struct db_many many;
    size_t jobs_n = 0;

    many.rows = 0;
    for (size_t i = 0; i < n; i++) {
        const struct event_new *new = news[i];
        if (!new->seen.is_new)
            continue;
        add_put_one(&many, new);
        if (new->seen.state == PROVIDER_EVENT_WAITING)
            jobs[jobs_n++] = provider_event_job(&new->seen, new->by_charge, new->request_id);
    }
    enum err e = db_exec_many(db, &add_sqls[ADD_PUT], &many);
    return e == OK && jobs_n > 0 ? job_add_many(db, JOB_BILLING, jobs, jobs_n) : e;
}

static enum err add_tx(struct db *db, void *arg)
{
    const struct add_some *a = arg;

    enum err e = add_judge(db, a->arena, a->conf, a->news, a->n);
    return e == OK ? add_put(db, a->news, a->n) : e;
}

static int add_compare(const void *a, const void *b)
{
    struct str x = (*(struct event_new *const *)a)->event->id, y = (*(struct event_new *const *)b)->event->id;
    int order = memcmp(x.p, y.p, MIN(x.n, y.n));

    return order != 0 ? order : (x.n > y.n) - (x.n < y.n);
}

enum err provider_events_add(struct db *db, struct arena *arena, const struct conf *conf, struct event_new *const *news,
                             size_t n)
{
    struct add_some a = {.arena = arena, .conf = conf, .n = n};

    ASSERT(n <= DB_MANY_MAX);
    memcpy(a.news, news, n * sizeof *news);
    qsort(a.news, n, sizeof *a.news, add_compare);
    return db_tx(db, add_tx, &a);
}

enum err provider_event_add(struct db *db, struct arena *arena, const struct conf *conf,
                            const struct stripe_event *event, enum provider_event_via via, struct str request_id,
                            struct event_seen *ret_seen)
{
    struct event_new new = {.event = event, .via = via, .request_id = request_id}, *const news[] = {&new};

    enum err e = provider_events_add(db, arena, conf, news, 1);
    if (e == ERR_DB_DUPLICATE) /* it has come on two connections at once: now it is known */
        e = provider_events_add(db, arena, conf, news, 1);
    if (e == OK)
        *ret_seen = new.seen;
    return e;
}

static const struct db_col add_row_cols[] = {DB_COL(struct add_row, name, STR),
                                             DB_COL(struct add_row, event, UUID),
                                             DB_COL(struct add_row, user_id, UUID),
                                             DB_COL_ENUM(struct add_row, state, provider_event_state_names),
                                             DB_COL_ENUM(struct add_row, why, provider_event_why_names),
                                             DB_END};

static const struct db_col add_claimed_cols[] = {DB_COL(struct add_claimed, user_id, UUID),
                                                 DB_COL(struct add_claimed, has_customer, BOOL), DB_END};

static const struct sql add_sqls[] = {
    [ADD_LOOK] = {.text = "SELECT event_id, id, user_id, state, why FROM provider_events WHERE event_id IN " DB_MANY_IDS
                          " UNION ALL SELECT customer_id, NULL, user_id, NULL, NULL FROM subscriptions"
                          " WHERE customer_id IN " DB_MANY_IDS,
                  .in = "ssssssssssssssssssssssssssssssss",
                  .cols = add_row_cols},
    [ADD_CLAIMED] = {.text = "SELECT u.id, s.customer_id IS NOT NULL FROM users u LEFT JOIN subscriptions s"
                             " ON s.user_id = u.id WHERE u.state = 'active' AND u.id IN " DB_MANY_IDS,
                     .in = DB_MANY_IDS_IN,
                     .cols = add_claimed_cols},
    [ADD_PUT] = {.text = "INSERT INTO provider_events (event_id, id, type, created_at_us, received_at_us, user_id,"
                         " object_id, customer_id, subscription_id, charge_id, link, status, state, why, via,"
                         " done_at_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                 .in = "susiiusssssssssi"},
};
