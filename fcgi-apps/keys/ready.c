#include "keys/ready.h"

#include <stdlib.h>

#include "base/lock.h"
#include "db/schema.h"
#include "model/job/heartbeat.h"
#include "net/probe.h"
#include "service/service.h"

#define LOOK_EVERY_US US_PER_SEC
#define PROBE_MS 2000       /* a program that is restarted is back by then */
#define STOP_MS 200         /* how long the thread sleeps before it checks whether to stop */
#define WAITING_MAX 2       /* threads that may wait for READY_WAIT_MS: the others are for API keys */
#define WAIT_SHORTLY_MS 200 /* the others: longer than a look takes when all is well */

enum { PART_DATABASE, PART_SCHEMA, PARTS_OWN }; /* then a part for each service */

struct ready_watch {
    const struct conf *conf;
    struct arena arena;
    const struct service *services[READY_PARTS_MAX]; /* by part; NULL for our own */
    struct probe probes[READY_PARTS_MAX];            /* by part; those without a path are not asked */
    pthread_mutex_t lock;
    pthread_cond_t asked, looked;
    struct ready now;  /* what the look under way has found out, or all of the last one */
    int64_t looked_us; /* when the last one ended, by clock_mono_us; 0: none has */
    bool wanted;
    int waiting;
};

const char *const ready_state_names[] = {"up", "down", "unknown", NULL};

static void ready_add_part(struct ready_watch *w, const char *name, const struct service *s)
{
    size_t i = w->now.n++;

    ASSERT(i < READY_PARTS_MAX);
    w->services[i] = s;
    w->now.parts[i] = (struct ready_part){.name = name, .state = READY_UNKNOWN, .can_wait = s != NULL && s->can_wait};
    if (s == NULL || s->kind == SERVICE_WORKER)
        return;
    struct str dir = s->kind == SERVICE_APP ? w->conf->service_socket_dir : w->conf->metrics_dir;
    if (dir.n == 0)
        return;
    w->probes[i] = (struct probe){
        .path = arena_printf(&w->arena, "%.*s/%s.sock", STR_FMT(dir), s->name).p,
        .question = s->kind == SERVICE_APP ? probe_fcgi_question() : probe_metrics_question(),
    };
}

struct ready_watch *ready_new(const struct conf *conf)
{
    struct ready_watch *w = xcalloc(1, sizeof *w);

    w->conf = conf;
    arena_init(&w->arena, 64 << 10);
    lock_init(&w->lock);
    cond_init(&w->asked);
    cond_init(&w->looked);
    ready_add_part(w, "database", NULL);
    ready_add_part(w, "schema", NULL);
    for (const struct service *s = services; s->name != NULL; s++)
        if (s->host == HOST_MAIN)
            ready_add_part(w, service_label(&w->arena, s).p, s);
    return w;
}

void ready_free(struct ready_watch *w)
{
    cond_done(&w->looked);
    cond_done(&w->asked);
    lock_done(&w->lock);
    arena_done(&w->arena);
    free(w);
}

static enum ready_state ready_state_of(enum probe_state state)
{
    switch (state) {
    case PROBE_ANSWERS:
        return READY_UP;
    case PROBE_SILENT:
        return READY_DOWN;
    case PROBE_REFUSED:
        return READY_UNKNOWN;
    }
    return READY_UNKNOWN;
}

static void ready_look_at_sockets(struct ready_watch *w)
{
    struct probe asked[READY_PARTS_MAX];
    size_t part[READY_PARTS_MAX], n = 0;

    for (size_t i = 0; i < w->now.n; i++)
        if (w->probes[i].path != NULL) {
            part[n] = i;
            asked[n++] = w->probes[i];
        }
    probe_all(asked, n, PROBE_MS);
    lock_take(&w->lock);
    for (size_t i = 0; i < n; i++)
        w->now.parts[part[i]].state = ready_state_of(asked[i].state);
    lock_release(&w->lock);
}

static enum ready_state ready_state_of_worker(const char *class, const bool late[JOB_CLASS__MAX])
{
    for (int c = 0; c < JOB_CLASS__MAX; c++)
        if (strcmp(job_class_names[c], class) == 0)
            return late[c] ? READY_DOWN : READY_UP;
    return READY_UNKNOWN;
}

/* While the database is away, nobody knows about the rest; with an older schema, the rest may not be there yet. */
static void ready_look_at_database(struct ready_watch *w, struct db *db, struct arena *arena)
{
    bool late[JOB_CLASS__MAX] = {false};
    enum err schema = schema_check(db);
    enum err e = schema == OK ? heartbeat_late(db, arena, clock_now_us(), late) : schema;
    bool answers = e == OK || schema == ERR_CONFLICT;

    arena_clear(arena);
    lock_take(&w->lock);
    w->now.parts[PART_DATABASE].state = answers ? READY_UP : READY_DOWN;
    if (answers)
        w->now.parts[PART_SCHEMA].state = schema == OK ? READY_UP : READY_DOWN;
    for (size_t i = PARTS_OWN; i < w->now.n && e == OK; i++)
        if (w->services[i]->kind == SERVICE_WORKER)
            w->now.parts[i].state = ready_state_of_worker(w->services[i]->name, late);
    lock_release(&w->lock);
}

static void ready_begin_look(struct ready_watch *w)
{
    w->wanted = false;
    w->now.at_us = clock_now_us();
    for (size_t i = 0; i < w->now.n; i++)
        w->now.parts[i].state = i == PART_DATABASE ? READY_DOWN : READY_UNKNOWN; /* until it answers */
}

void ready_run(struct ready_watch *w, struct db *db, struct arena *arena, const atomic_bool *stopping)
{
    while (!atomic_load(stopping)) {
        lock_take(&w->lock);
        if (!w->wanted)
            (void)cond_wait_until(&w->asked, &w->lock, clock_mono_us() + STOP_MS * US_PER_MS);
        bool wanted = w->wanted;
        if (wanted)
            ready_begin_look(w);
        lock_release(&w->lock);
        if (!wanted)
            continue;
        ready_look_at_sockets(w);
        ready_look_at_database(w, db, arena);
        lock_take(&w->lock);
        w->looked_us = clock_mono_us();
        w->wanted = false; /* who asked meanwhile has this answer */
        cond_signal_all(&w->looked);
        lock_release(&w->lock);
    }
}

static bool ready_is_fresh(const struct ready_watch *w)
{
    return w->looked_us != 0 && clock_mono_us() - w->looked_us < LOOK_EVERY_US;
}

enum err ready_ask(struct ready_watch *w, struct ready *ret)
{
    lock_take(&w->lock);
    bool may_wait = w->waiting < WAITING_MAX;
    int64_t until_us = clock_mono_us() + (may_wait ? READY_WAIT_MS : WAIT_SHORTLY_MS) * US_PER_MS;
    w->waiting += may_wait;
    if (!ready_is_fresh(w)) {
        w->wanted = true;
        cond_signal(&w->asked);
    }
    while (!ready_is_fresh(w) && cond_wait_until(&w->looked, &w->lock, until_us))
        ;
    w->waiting -= may_wait;
    bool tell = may_wait || ready_is_fresh(w);
    if (tell)
        *ret = w->now;
    lock_release(&w->lock);
    return tell ? OK : ERR_BUSY;
}
