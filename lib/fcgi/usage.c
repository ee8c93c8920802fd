#include "fcgi/usage.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/point.h"
#include "model/privacy/published.h"
#include "model/usage/usage.h"
#include "fcgi/serve.h"

#define WRITE_EVERY_US US_PER_SEC
#define PROBES 32    /* places that are looked at: a bound for the time that a request takes here */
#define BATCH 200u   /* of a transaction: what it locks it has for some milliseconds */
#define LAST_TRIES 5 /* at the stop, a second each, when somebody's row is locked */

/* Counts by open addressing; .requests 0: a place that is free. */
struct usage_table {
    struct usage_count v[USAGE_PLACES];
};

/* One for the keys with the same last bits: so threads hardly ever want the same lock. A cache line of its own. */
struct usage_shard {
    pthread_mutex_t lock;
    struct usage_table *now;
    size_t n;     /* places of it that are taken */
    int64_t lost; /* requests for which there was no place */
} __attribute__((aligned(64)));

/* Whether somebody comes again for what cannot be written now: each second; or for what is locked alone; or nobody. */
enum usage_when { USAGE_GOES_ON, USAGE_STOPS, USAGE_ENDS };

struct usage {
    struct shared *shared;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop;
    bool stopping;
    bool is_careful; /* somebody's row was locked the last time: nothing waits for it */
    bool is_unfit;
    int64_t policy_looked_at_us;
    struct usage_table *spare; /* empty: takes the place of one that is written */
    struct usage_count *taken; /* room for all that there can be */
    struct usage_shard shards[USAGE_SHARDS];
};

/* The last bytes of a UUIDv7 are random, but for two bits. */
static uint64_t usage_hash(const struct usage_count *c)
{
    uint64_t h;

    memcpy(&h, c->key_id.b + sizeof c->key_id.b - sizeof h, sizeof h);
    h ^= (uint64_t)c->status << 16 ^ (uint64_t)(c->day_us / US_PER_DAY);
    return h * UINT64_C(0x9e3779b97f4a7c15) >> 32;
}

static bool usage_is_of(const struct usage_count *place, const struct usage_count *c)
{
    return uuid_eq(&place->key_id, &c->key_id) && place->day_us == c->day_us && place->status == c->status;
}

/* Under the shard's lock. */
static void usage_put(struct usage_shard *s, const struct usage_count *c)
{
    uint64_t at = usage_hash(c);

    for (uint64_t i = 0; i < PROBES; i++) {
        struct usage_count *place = &s->now->v[(at + i) % USAGE_PLACES];
        if (place->requests == 0) {
            *place = *c;
            s->n++;
            return;
        }
        if (!usage_is_of(place, c))
            continue;
        place->requests += c->requests;
        place->last_at_us = MAX(place->last_at_us, c->last_at_us);
        return;
    }
    s->lost += c->requests;
}

static struct usage_shard *usage_shard_of(struct usage *u, const struct usage_count *c)
{
    return &u->shards[c->key_id.b[sizeof c->key_id.b - 1] % USAGE_SHARDS];
}

static void usage_count_in(struct usage *u, const struct usage_count *c)
{
    struct usage_shard *s = usage_shard_of(u, c);

    lock_take(&s->lock);
    usage_put(s, c);
    lock_release(&s->lock);
}

void usage_note(struct usage *u, const struct uuid *key_id, int status, int64_t at_us)
{
    usage_count_in(
        u, &(struct usage_count){
               .key_id = *key_id, .day_us = usage_day_of(at_us), .status = status, .requests = 1, .last_at_us = at_us});
}

/* Moves the counts of a shard to the end of u->taken; the table that held them is the next spare. */
static void usage_take(struct usage *u, struct usage_shard *s, size_t *n, int64_t *lost)
{
    lock_take(&s->lock);
    struct usage_table *full = s->n > 0 ? s->now : NULL;
    if (full != NULL)
        s->now = u->spare;
    *lost += s->lost;
    s->n = 0;
    s->lost = 0;
    lock_release(&s->lock);
    if (full == NULL)
        return;
    for (size_t i = 0; i < USAGE_PLACES; i++)
        if (full->v[i].requests > 0) {
            u->taken[*n] = full->v[i];
            u->taken[(*n)++].is_left = false;
            full->v[i].requests = 0;
        }
    u->spare = full;
}

static void usage_say(const char *event, const char *code, const char *db_error, int64_t requests)
{
    log_event(LOG_WARNING, event, LOG_CSTR("code", code), LOG_CSTR("db_error", db_error), LOG_INT("requests", requests),
              LOG_END);
}

static enum err usage_write_batch(struct usage *u, struct db *db, bool careful, struct usage_count *v, size_t n)
{
    int64_t node = u->shared->conf->usage_node;

    enum err e = careful ? ERR_AGAIN : usage_add(db, node, v, n);
    return e == ERR_AGAIN ? usage_add_free(db, node, v, n) : e;
}

/* Those that surely were not written are put back, as long as somebody comes again for them. e: what became of the others. */
static void usage_settle(struct usage *u, struct db *db, struct usage_count *v, size_t n, enum err e,
                         enum usage_when when)
{
    const char *code = err_slug(e == OK ? ERR_AGAIN : e);
    int64_t kept = 0, dropped = 0;

    for (size_t i = 0; i < n; i++) {
        bool is_locked = v[i].is_left || e == ERR_AGAIN;
        bool is_left = is_locked || (e != OK && e != ERR_OUTCOME_UNKNOWN);
        u->is_careful |= is_locked;
        if (is_left && (when == USAGE_GOES_ON || (is_locked && when == USAGE_STOPS))) {
            usage_count_in(u, &v[i]);
            kept += v[i].requests;
        } else if (is_left || e == ERR_OUTCOME_UNKNOWN) {
            dropped += v[i].requests;
        }
    }
    if (dropped > 0)
        usage_say("usage_dropped", code, db_error(db), dropped);
    if (kept > 0)
        usage_say("usage_not_written", code, db_error(db), kept);
}

/* Writes n counts of u->taken. */
static void usage_write(struct usage *u, struct db *db, size_t n, enum usage_when when)
{
    bool careful = u->is_careful;
    enum err e = OK;

    u->is_careful = false;
    for (size_t i = 0; i < n; i += BATCH) {
        struct usage_count *v = u->taken + i;
        size_t count = MIN(BATCH, n - i);
        if (e != ERR_DB_UNAVAILABLE) /* else the rest would only wait for the same */
            e = usage_write_batch(u, db, careful || u->is_careful, v, count);
        usage_settle(u, db, v, count, e, when);
    }
}

static void usage_write_all(struct usage *u, struct db *db, enum usage_when when)
{
    int64_t lost = 0;
    size_t n = 0;

    for (size_t i = 0; i < USAGE_SHARDS; i++)
        usage_take(u, &u->shards[i], &n, &lost);
    usage_write(u, db, n, when);
    if (lost > 0)
        usage_say("usage_not_counted", NULL, NULL, lost);
}

/* What is looked at once a second. */
static void usage_look_around(struct shared *s)
{
    atomic_store(&s->unchecked, point_is_set("unchecked"));
    if (s->rates == NULL)
        return;
    app_metrics_rates(s->metrics, rates_look(s->rates));
    app_metrics_rates_told(s->metrics, rates_are_told(s->rates));
}

/* Who may not start with this configuration any more ends as with SIGTERM, and then does not start (model/privacy/published.h). */
static void usage_look_at_policy(struct usage *u, struct db *db)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);

    if (u->is_unfit || published_fits_still(db, u->shared->conf, &u->policy_looked_at_us, &why))
        return;
    u->is_unfit = true;
    log_event(LOG_ERROR, "cannot_go_on", LOG_CSTR("why", why.p), LOG_END);
    (void)kill(getpid(), SIGTERM);
}

static void *usage_main(void *arg)
{
    struct usage *u = arg;
    struct db_options options = u->shared->db_options;
    options.impatient = true;
    _cleanup_(db_freep) struct db *db = db_new(&options);
    bool stopping = false;

    while (!stopping) {
        int64_t until_us = clock_mono_us() + WRITE_EVERY_US;
        lock_take(&u->lock);
        while (!u->stopping && cond_wait_until(&u->stop, &u->lock, until_us))
            ;
        stopping = u->stopping;
        lock_release(&u->lock);
        usage_look_around(u->shared);
        usage_write_all(u, db, stopping ? USAGE_STOPS : USAGE_GOES_ON);
        if (!stopping)
            usage_look_at_policy(u, db);
    }
    for (int i = 1; i <= LAST_TRIES && u->is_careful; i++) {
        u->is_careful = false; /* so it waits */
        usage_write_all(u, db, i < LAST_TRIES ? USAGE_STOPS : USAGE_ENDS);
    }
    return NULL;
}

struct usage *usage_start(struct shared *shared)
{
    struct usage *u = aligned_alloc(64, sizeof *u);

    if (u == NULL)
        abort();
    *u = (struct usage){.shared = shared};
    u->spare = xcalloc(1, sizeof *u->spare);
    u->taken = xcalloc(USAGE_SHARDS * USAGE_PLACES, sizeof *u->taken);
    for (size_t i = 0; i < USAGE_SHARDS; i++) {
        lock_init(&u->shards[i].lock);
        u->shards[i].now = xcalloc(1, sizeof *u->shards[i].now);
    }
    usage_look_around(shared); /* before the first request */
    lock_init(&u->lock);
    cond_init(&u->stop);
    ASSERT(pthread_create(&u->thread, NULL, usage_main, u) == 0);
    return u;
}

void usage_stop(struct usage *u)
{
    lock_take(&u->lock);
    u->stopping = true;
    cond_signal(&u->stop);
    lock_release(&u->lock);
    ASSERT(pthread_join(u->thread, NULL) == 0);
    cond_done(&u->stop);
    lock_done(&u->lock);
    for (size_t i = 0; i < USAGE_SHARDS; i++) {
        lock_done(&u->shards[i].lock);
        free(u->shards[i].now);
    }
    free(u->taken);
    free(u->spare);
    free(u);
}
