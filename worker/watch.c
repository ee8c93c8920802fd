#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/lock.h"
#include "net/certificate.h"
#include "net/probe.h"

#define LOOK_EVERY_SEC 5 /* with watch.silent_sec an alarm comes within a minute */
#define TOLD_AGAIN_US US_PER_DAY
#define PROBE_MS 2000
#define DISKS_MAX 16
#define JOURNAL_COPY_MAX_US (3 * 3600 * US_PER_SEC) /* a timer takes it elsewhere each hour */
#define STEADY_PERCENT 2 /* so much more must be free before a disk that was told of has room again */

struct watched {
    const char *name; /* of a part, or the folder */
    const char *path; /* of its socket */
    int64_t since_us; /* since when it has been wrong, by clock_mono_us; 0: it is well */
    int64_t told_us;  /* when that was told last; 0: it was not */
};

struct watch {
    const struct conf *conf;
    struct metrics *metrics;
    struct arena arena;
    struct watched parts[PROBE_MAX], disks[DISKS_MAX], nginx, certificate, clock, backup, journal, backup_bad,
        credentials_bad;
    size_t parts_n, disks_n;
    bool whole; /* not only the parts */
    const char *host;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool stop;
};

enum watch_news { WATCH_QUIET, WATCH_BEGINS, WATCH_ENDS };

static enum watch_news watch_note(struct watched *x, bool is_wrong, int64_t patience_us)
{
    int64_t now_us = clock_mono_us();
    bool was_told = x->told_us != 0;

    if (!is_wrong) {
        x->since_us = x->told_us = 0;
        return was_told ? WATCH_ENDS : WATCH_QUIET;
    }
    if (x->since_us == 0)
        x->since_us = now_us;
    if (now_us - x->since_us < patience_us || (was_told && now_us - x->told_us < TOLD_AGAIN_US))
        return WATCH_QUIET;
    x->told_us = now_us;
    return WATCH_BEGINS;
}

static int64_t watch_patience_us(const struct watch *w)
{
    return w->conf->watch_silent_sec * US_PER_SEC;
}

/* Parts: each shows its metrics, on a socket that ends with it */

static void watch_tell_part(struct watch *w, struct watched *x, enum probe_state state)
{
    bool is_wrong = state == PROBE_GONE || state == PROBE_SILENT;

    switch (watch_note(x, is_wrong, watch_patience_us(w))) {
    case WATCH_BEGINS:
        alarm_raise(w->metrics, ALARM_PART_DOWN, LOG_CSTR("part", x->name),
                    LOG_CSTR("why", state == PROBE_GONE ? "nothing listens" : "no answer"), LOG_END);
        return;
    case WATCH_ENDS:
        log_event(LOG_INFO, "part_up", LOG_CSTR("part", x->name), LOG_END);
        return;
    case WATCH_QUIET:
        return;
    }
}

static void watch_look_at_parts(struct watch *w)
{
    struct probe v[PROBE_MAX];

    for (size_t i = 0; i < w->parts_n; i++)
        v[i] = (struct probe){.path = w->parts[i].path, .question = probe_metrics_question()};
    probe_all(v, w->parts_n, PROBE_MS);
    for (size_t i = 0; i < w->parts_n; i++)
        watch_tell_part(w, &w->parts[i], v[i].state);
}

/* Disks */

static int64_t watch_percent(uint64_t free, uint64_t used)
{
    return free + used == 0 ? 100 : (int64_t)(free * 100 / (free + used));
}

/* As df shows it: of what users may fill. A file system without a number of files has room for any. */
static int64_t watch_free_percent(const struct statvfs *s)
{
    int64_t bytes = watch_percent(s->f_bavail, s->f_blocks - s->f_bfree);
    int64_t files = s->f_files == 0 ? 100 : watch_percent(s->f_favail, s->f_files - s->f_ffree);

    return MIN(bytes, files);
}

static void watch_tell_disk(struct watch *w, struct watched *x, const struct statvfs *s)
{
    int64_t percent = watch_free_percent(s);
    int64_t least = w->conf->watch_free_percent + (x->told_us != 0 ? STEADY_PERCENT : 0);

    switch (watch_note(x, percent < MIN(least, 100), 0)) {
    case WATCH_BEGINS:
        alarm_raise(w->metrics, ALARM_DISK_LOW, LOG_CSTR("dir", x->name), LOG_INT("free_percent", percent),
                    LOG_INT("free_mb", (int64_t)((uint64_t)s->f_bavail * s->f_frsize >> 20)), LOG_END);
        return;
    case WATCH_ENDS:
        log_event(LOG_INFO, "disk_has_room", LOG_CSTR("dir", x->name), LOG_END);
        return;
    case WATCH_QUIET:
        return;
    }
}

/* A file system is told of once, by the first of its folders. One that is not there is somebody else's matter. */
static void watch_look_at_disks(struct watch *w)
{
    unsigned long seen[DISKS_MAX];
    struct statvfs s;
    size_t n = 0, k;

    for (size_t i = 0; i < w->disks_n; i++) {
        if (statvfs(w->disks[i].name, &s) != 0)
            continue;
        for (k = 0; k < n && (seen[k] != s.f_fsid || s.f_fsid == 0); k++)
            ;
        if (k < n)
            continue;
        seen[n++] = s.f_fsid;
        watch_tell_disk(w, &w->disks[i], &s);
    }
}

/* nginx, and the certificate that it shows */

static void watch_look_at_nginx(struct watch *w)
{
    int64_t ends_us = 0;
    enum probe_state state = certificate_look(w->nginx.path, w->host, PROBE_MS, &ends_us);
    char text[TIME_TEXT_SIZE];

    if (w->conf->watch_silent_sec > 0)
        watch_tell_part(w, &w->nginx, state);
    if (state != PROBE_ANSWERS || w->conf->watch_certificate_days == 0)
        return;
    int64_t left_us = ends_us - clock_now_us();
    switch (watch_note(&w->certificate, left_us < w->conf->watch_certificate_days * US_PER_DAY, 0)) {
    case WATCH_BEGINS:
        time_format(ends_us, text);
        alarm_raise(w->metrics, ALARM_CERTIFICATE_ENDS, LOG_CSTR("host", w->host), LOG_CSTR("ends_at", text),
                    LOG_INT("left_hours", left_us / (INT64_C(3600) * US_PER_SEC)), LOG_END);
        return;
    case WATCH_ENDS:
        log_event(LOG_INFO, "certificate_renewed", LOG_CSTR("host", w->host), LOG_END);
        return;
    case WATCH_QUIET:
        return;
    }
}

static void watch_look_at_clock(struct watch *w)
{
    switch (watch_note(&w->clock, clock_is_unset(), watch_patience_us(w))) {
    case WATCH_BEGINS:
        alarm_raise(w->metrics, ALARM_CLOCK_UNSET, LOG_END);
        return;
    case WATCH_ENDS:
        log_event(LOG_INFO, "clock_set", LOG_END);
        return;
    case WATCH_QUIET:
        return;
    }
}

/* Backups: marketingcli-admin leaves stamps beside them */

/* When it was made; 0: it is not there. */
static int64_t watch_stamp_us(struct str dir, const char *name)
{
    char path[256];
    struct stat st;

    (void)snprintf(path, sizeof path, "%.*s/%s", STR_FMT(dir), name);
    return stat(path, &st) == 0 ? st.st_mtim.tv_sec * US_PER_SEC + st.st_mtim.tv_nsec / 1000 : 0;
}

/* A stamp of the future would say for a long time that all is well. */
static void watch_tell_age(struct watch *w, struct watched *x, const char *stamp, int64_t max_us)
{
    int64_t age_us = clock_now_us() - watch_stamp_us(w->conf->backup_dir, stamp);
    bool is_of_future = age_us < -CLOCKS_DIFFER_US;

    switch (watch_note(x, age_us > max_us || is_of_future, 0)) {
    case WATCH_BEGINS:
        alarm_raise(w->metrics, ALARM_BACKUP_OLD, LOG_CSTR("what", x->name), LOG_CSTR("dir", w->conf->backup_dir.p),
                    LOG_CSTR("why", is_of_future ? "its stamp is of the future" : NULL), LOG_END);
        return;
    case WATCH_ENDS:
        log_event(LOG_INFO, "backup_new", LOG_CSTR("what", x->name), LOG_END);
        return;
    case WATCH_QUIET:
        return;
    }
}

static void watch_look_at_backups(struct watch *w)
{
    watch_tell_age(w, &w->backup, "made", w->conf->backup_max_age_hours * 3600 * US_PER_SEC);
    if (w->conf->backup_copy.n > 0)
        watch_tell_age(w, &w->journal, "journal-copied", JOURNAL_COPY_MAX_US);
    switch (watch_note(&w->backup_bad, watch_stamp_us(w->conf->backup_dir, "bad") != 0, 0)) {
    case WATCH_BEGINS:
        alarm_raise(w->metrics, ALARM_BACKUP_BAD, LOG_CSTR("dir", w->conf->backup_dir.p), LOG_END);
        return;
    case WATCH_ENDS:
        log_event(LOG_INFO, "backup_good", LOG_END);
        return;
    case WATCH_QUIET:
        return;
    }
}

/* Secrets: marketingcli-admin credentials check --tell, which may look at them, leaves word of it, and no more */
static void watch_look_at_credentials(struct watch *w)
{
    switch (watch_note(&w->credentials_bad, watch_stamp_us(w->conf->service_socket_dir, "credentials-bad") != 0, 0)) {
    case WATCH_BEGINS:
        alarm_raise(w->metrics, ALARM_CREDENTIALS_BAD, LOG_END);
        return;
    case WATCH_ENDS:
        log_event(LOG_INFO, "credentials_good", LOG_END);
        return;
    case WATCH_QUIET:
        return;
    }
}

static void watch_look(struct watch *w)
{
    if (w->conf->watch_silent_sec > 0)
        watch_look_at_parts(w);
    if (!w->whole)
        return;
    if (w->conf->watch_free_percent > 0)
        watch_look_at_disks(w);
    if (w->conf->watch_silent_sec > 0 || w->conf->watch_certificate_days > 0)
        watch_look_at_nginx(w);
    if (w->conf->backup_certificate.n > 0)
        watch_look_at_backups(w);
    watch_look_at_credentials(w);
    if (w->conf->watch_clock)
        watch_look_at_clock(w);
}

/* What is silent is looked at twice before it is told. */
static int64_t watch_pause_us(const struct watch *w)
{
    int64_t patience_sec = w->conf->watch_silent_sec;

    return (patience_sec == 0 ? LOOK_EVERY_SEC : MIN(MAX(patience_sec / 2, 1), LOOK_EVERY_SEC)) * US_PER_SEC;
}

static void *watch_thread(void *arg)
{
    struct watch *w = arg;
    bool stop = false;

    while (!stop) {
        watch_look(w);
        int64_t until_us = clock_mono_us() + watch_pause_us(w);
        lock_take(&w->lock);
        while (!w->stop && cond_wait_until(&w->stopped, &w->lock, until_us))
            ;
        stop = w->stop;
        lock_release(&w->lock);
    }
    return NULL;
}

static void watch_add_part(struct watch *w, const char *name)
{
    ASSERT(w->parts_n < PROBE_MAX);
    w->parts[w->parts_n++] = (struct watched){
        .name = name, .path = arena_printf(&w->arena, "%.*s/%s.sock", STR_FMT(w->conf->metrics_dir), name).p};
}

static void watch_add_disk(struct watch *w, struct str dir)
{
    if (dir.n > 0 && w->disks_n < DISKS_MAX)
        w->disks[w->disks_n++] = (struct watched){.name = arena_strdup(&w->arena, dir)};
}

static void watch_add_disks(struct watch *w)
{
    struct str rest = w->conf->watch_dirs, dir;

    watch_add_disk(w, w->conf->store_dir);
    watch_add_disk(w, w->conf->store_spool_dir);
    watch_add_disk(w, w->conf->privacy_spool_dir);
    while (str_next(&rest, ',', &dir))
        watch_add_disk(w, dir);
}

/* https://HOST or https://HOST:PORT, as the configuration has it. */
static const char *watch_host(struct watch *w)
{
    struct str rest = str_skip(w->conf->service_url, strlen("https://")), host;

    return arena_strdup(&w->arena, str_cut(&rest, ':', &host) ? host : rest);
}

struct watch *watch_start(const struct conf *conf, const struct service *self, struct metrics *metrics)
{
    if (self->watches == WATCH_NOTHING)
        return NULL;
    struct watch *w = xcalloc(1, sizeof *w);
    w->conf = conf;
    w->metrics = metrics;
    w->whole = self->watches == WATCH_MACHINE;
    arena_init(&w->arena, 64u << 10);
    for (const struct service *s = services; s->name != NULL && conf->metrics_dir.n > 0; s++)
        if (s != self && (w->whole || s->watches == WATCH_MACHINE))
            watch_add_part(w, service_label(&w->arena, s).p);
    watch_add_disks(w);
    w->host = watch_host(w);
    w->nginx = (struct watched){
        .name = "nginx", .path = arena_printf(&w->arena, "%.*s/nginx/tls.sock", STR_FMT(conf->service_socket_dir)).p};
    w->backup.name = "backup";
    w->journal.name = "journal";
    lock_init(&w->lock);
    cond_init(&w->stopped);
    ASSERT(pthread_create(&w->thread, NULL, watch_thread, w) == 0);
    return w;
}

void watch_stop(struct watch *w)
{
    if (w == NULL)
        return;
    lock_take(&w->lock);
    w->stop = true;
    cond_signal(&w->stopped);
    lock_release(&w->lock);
    ASSERT(pthread_join(w->thread, NULL) == 0);
    cond_done(&w->stopped);
    lock_done(&w->lock);
    arena_done(&w->arena);
    free(w);
}
