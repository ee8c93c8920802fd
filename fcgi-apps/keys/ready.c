#include "keys/ready.h"

#include <stdlib.h>

#include "base/lock.h"
#include "db/schema.h"
#include "fcgi/app.h"
#include "model/job/heartbeat.h"
#include "net/probe.h"
#include "service/service.h"

#define LOOK_EVERY_US US_PER_SEC
#define PROBE_MS 2000             /* most programs that are restarted are back by then */
#define START_US (2 * US_PER_SEC) /* how long the next process takes until it answers */
#define SLEEP_MS 200              /* how long the thread sleeps before it checks whether to stop, or has other work */
#define WAITING_MAX 2             /* threads that may wait for READY_WAIT_MS: the others are for API keys */
#define CROWD_MS 1000             /* of a look: so long all who ask may wait for it. While all is well it takes less */
#define OLD_US (LOOK_EVERY_US + READY_WAIT_MS * US_PER_MS) /* older than any look that does not hang */

enum { PART_DATABASE, PART_SCHEMA, PARTS_OWN }; /* then a part for each service */

struct ready_watch {
    const struct conf *conf;
    struct arena arena;
    const struct service *services[READY_PARTS_MAX]; /* by part; NULL for our own */
    struct probe probes[READY_PARTS_MAX];            /* by part; those without a path are not asked */
    pthread_mutex_t lock;
    pthread_cond_t asked, looked;
    int64_t silent_us[READY_PARTS_MAX]; /* by part: since when it has not answered, by clock_patience_us; 0: it does */
    struct ready now;                   /* what the look under way has found out, or all of the last one */
    struct ready last;                  /* the last one */
    int64_t looked_us;                  /* when that ended, by clock_mono_us; 0: none has */
    int64_t asked_us;                   /* when somebody first asked for the one to come; 0: nobody has */
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

/*
 * A program that stops does not answer, and one that is being started does not yet. While one is away systemd holds its
 * socket; the image service and the intake have none for what they are asked here.
 */
static enum ready_state ready_state_of(struct ready_watch *w, size_t i, enum probe_state state, int64_t asked_us)
{
    int64_t patience_us = app_stop_us(w->conf) + START_US;

    if (state == PROBE_REFUSED)
        return READY_UNKNOWN;
    if (state == PROBE_ANSWERS) {
        w->silent_us[i] = 0;
        return READY_UP;
    }
    if (state == PROBE_GONE && w->services[i]->kind == SERVICE_APP)
        w->silent_us[i] = asked_us - patience_us; /* no restart: what is silent next is still away */
    else if (w->silent_us[i] == 0)
        w->silent_us[i] = asked_us;
    return clock_patience_us() - w->silent_us[i] >= patience_us ? READY_DOWN : READY_UNKNOWN;
}

static void ready_look_at_sockets(struct ready_watch *w)
{
    struct probe asked[READY_PARTS_MAX];
    size_t part[READY_PARTS_MAX], n = 0;
    int64_t asked_us = clock_patience_us();

    for (size_t i = 0; i < w->now.n; i++)
        if (w->probes[i].path != NULL) {
            part[n] = i;
            asked[n++] = w->probes[i];
        }
    probe_all(asked, n, PROBE_MS);
    lock_take(&w->lock);
    for (size_t i = 0; i < n; i++)
        w->now.parts[part[i]].state = ready_state_of(w, part[i], asked[i].state, asked_us);
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

void ready_look(struct ready_watch *w, struct db *db, struct arena *arena)
{
    lock_take(&w->lock);
    if (!w->wanted)
        (void)cond_wait_until(&w->asked, &w->lock, clock_mono_us() + SLEEP_MS * US_PER_MS);
    bool wanted = w->wanted;
    if (wanted)
        ready_begin_look(w);
    lock_release(&w->lock);
    if (!wanted)
        return;
    ready_look_at_sockets(w);
    ready_look_at_database(w, db, arena);
    lock_take(&w->lock);
    w->last = w->now;
    w->looked_us = clock_mono_us();
    w->asked_us = 0;
    w->wanted = false; /* who asked meanwhile has this answer */
    cond_signal_all(&w->looked);
    lock_release(&w->lock);
}

static bool ready_is_younger(const struct ready_watch *w, int64_t age_us)
{
    return w->looked_us != 0 && clock_mono_us() - w->looked_us < age_us;
}

/* Meanwhile a look is on its way. */
static bool ready_wait(struct ready_watch *w, int64_t until_us)
{
    while (!ready_is_younger(w, LOOK_EVERY_US) && cond_wait_until(&w->looked, &w->lock, until_us))
        ;
    return ready_is_younger(w, LOOK_EVERY_US);
}

static void ready_want(struct ready_watch *w, int64_t now_us)
{
    if (w->asked_us == 0)
        w->asked_us = now_us;
    w->wanted = true;
    cond_signal(&w->asked);
}

enum err ready_ask(struct ready_watch *w, struct ready *ret)
{
    int64_t now_us = clock_mono_us();
    enum err e = OK;

    lock_take(&w->lock);
    if (!ready_is_younger(w, LOOK_EVERY_US))
        ready_want(w, now_us);
    if (ready_is_younger(w, LOOK_EVERY_US)) {
        *ret = w->last;
    } else if (w->waiting < WAITING_MAX) {
        w->waiting++;
        (void)ready_wait(w, now_us + READY_WAIT_MS * US_PER_MS);
        w->waiting--;
        *ret = w->now;
    } else if (ready_is_younger(w, OLD_US) || ready_wait(w, w->asked_us + CROWD_MS * US_PER_MS)) {
        *ret = w->last;
    } else {
        e = ERR_BUSY;
    }
    lock_release(&w->lock);
    return e;
}
