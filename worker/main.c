/* marketingcli-worker CLASS: runs the jobs of one class until SIGTERM. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/plans.h"
#include "jobs/runner.h"
#include "classes.h"
#include "kinds.h"
#include "mail/compose.h"
#include "model/privacy/journal.h"
#include "model/privacy/published.h"
#include "model/upload/upload_folder.h"
#include "service/service.h"
#include "watch.h"

#define EXIT_CONFIG 78 /* sysexits.h: a restart does not help */

static int worker_main_fail(int code, const char *why)
{
    log_event(LOG_ERROR, "cannot_start", LOG_CSTR("why", why), LOG_END);
    return code;
}

static const struct worker_class *worker_main_find_class(const char *name)
{
    for (size_t i = 0; job_class_names[i] != NULL; i++)
        if (strcmp(job_class_names[i], name) == 0)
            return &worker_classes[i];
    return NULL;
}

/* Why this database must not be worked on, or NULL. One that does not answer is no reason to stop: nothing is claimed
 * until it does, and until it is right. Nor is one that lets in fewer connections than all programs need (needed). */
static const char *worker_main_database_fault(const struct db_options *options, int needed, struct worker *worker)
{
    int64_t allowed;
    _cleanup_(db_freep) struct db *db = db_new(options);

    enum err e = db_fit(db);
    if (e == ERR_CONFLICT)
        return db_unfit(db);
    worker->after_outage = e != OK;
    if (worker->after_outage)
        alarm_raise(worker->metrics->set, ALARM_DATABASE_AWAY, LOG_CSTR("database", db_error(db)), LOG_END);
    else if (db_connections_allowed(db, &allowed) == OK && allowed < needed)
        log_event(LOG_WARNING, "max_connections_too_low", LOG_INT("needed", needed), LOG_INT("allowed", allowed),
                  LOG_END);
    return NULL;
}

struct secrets {
    struct secret password, ring_text;
    struct secret_ring client_secrets, smtp_passwords, stripe_keys, journal_keys;
    struct keyring *ring;
    struct epoch epoch;
    struct store store;
};

static void worker_main_secrets_done(struct secrets *s)
{
    secret_done(&s->password);
    secret_done(&s->ring_text);
    secret_ring_done(&s->client_secrets);
    secret_ring_done(&s->smtp_passwords);
    secret_ring_done(&s->stripe_keys);
    secret_ring_done(&s->journal_keys);
    store_done(&s->store);
    epoch_close(&s->epoch);
    keyring_free(s->ring);
}

/* One that may be replaced while it is used. NULL, or what is wrong. */
static const char *worker_main_read_ring(const char *name, enum secret_ring_form form, struct secret_ring *ring,
                                         struct buf *why)
{
    if (secret_ring_read(name, form, ring, why) != OK)
        return why->p;
    ring->tell = log_other_secret;
    return NULL;
}

static const char *worker_main_read_tiktok(const struct conf *conf, struct secrets *s, struct buf *why)
{
    const char *fault = worker_main_read_ring("tiktok-client-secret", SECRET_RING_WORDS, &s->client_secrets, why);

    if (fault != NULL)
        return fault;
    if (conf->tiktok_client_key.n > 0 && s->client_secrets.n == 0)
        return "credential tiktok-client-secret is empty, and tiktok.client_key is set";
    if (credential_read("token-keys", &s->ring_text) != OK)
        return "credential token-keys is missing or cannot be read";
    if (keyring_parse(secret_str(&s->ring_text), &s->ring) != OK)
        return "credential token-keys is not a list of keys: ID HEX64 on each line";
    return NULL;
}

static bool worker_main_can_send(const struct conf *conf)
{
    struct compose_sender sender;
    struct arena arena;

    arena_init(&arena, 64u << 10);
    bool can = compose_sender(conf, &arena, &sender);
    arena_done(&arena);
    return can;
}

static const char *worker_main_read_smtp(const struct conf *conf, struct secrets *s, struct buf *why)
{
    const char *fault = worker_main_read_ring("smtp-password", SECRET_RING_LINES, &s->smtp_passwords, why);

    if (fault != NULL)
        return fault;
    if (conf->smtp_user.n > 0 && s->smtp_passwords.n == 0)
        return "credential smtp-password is empty, and smtp.user is set";
    if (conf->smtp_user.n > 0 && conf->smtp_tls == NET_MAIL_PLAIN)
        return "smtp.user is set, and smtp.tls is none: a password needs TLS";
    return worker_main_can_send(conf) ? NULL
                                      : "smtp.from is no address, or is not set while service.url has no host name";
}

/* Whose row of service.def allows it. What is in the file now may be from before a change of which nobody was told. */
static const char *worker_main_open_epoch(const struct conf *conf, struct secrets *s)
{
    if (conf->keys_epoch.n == 0)
        return NULL;
    return epoch_open(conf->keys_epoch, true, &s->epoch) == OK && epoch_end(&s->epoch) == OK
               ? NULL
               : "keys.epoch cannot be written";
}

/* Without a key nothing is sold, and nothing is asked of Stripe. */
static const char *worker_main_read_stripe(struct conf *conf, struct secrets *s, struct buf *why)
{
    const char *fault = worker_main_read_ring(STRIPE_KEY_CREDENTIAL, SECRET_RING_WORDS, &s->stripe_keys, why);

    if (fault != NULL || !stripe_keys_fit(conf, &s->stripe_keys, &fault))
        return fault;
    if (plans_load(conf, why) != OK)
        return why->p;
    return worker_main_open_epoch(conf, s);
}

static const char *worker_main_read_journal(struct secrets *s, struct buf *why)
{
    const char *fault = worker_main_read_ring(JOURNAL_KEY_CREDENTIAL, SECRET_RING_LINES, &s->journal_keys, why);

    return fault != NULL || journal_keys_fit(&s->journal_keys)
               ? fault
               : "credential journal-key is empty, or has a line that is too short: 64 hexadecimal digits each";
}

/* Each class reads only what it needs, so no process holds all secrets. NULL, or the sentence that says what is
 * wrong. */
static const char *worker_main_read_secrets(const struct worker_class *class, struct conf *conf, struct secrets *s,
                                            struct buf *ret_why)
{
    const char *why = NULL;

    if (credential_read("db-password", &s->password) != OK)
        return "credential db-password is missing or cannot be read";
    if (class->uses_tiktok)
        why = worker_main_read_tiktok(conf, s, ret_why);
    if (why == NULL && class->uses_smtp)
        why = worker_main_read_smtp(conf, s, ret_why);
    if (why == NULL && class->uses_store && store_init(&s->store, conf, ret_why) != OK)
        why = ret_why->p;
    s->store.secrets.tell = log_other_secret;
    if (why == NULL && class->keeps_journal)
        why = worker_main_read_journal(s, ret_why);
    if (why == NULL && class->uses_stripe)
        why = worker_main_read_stripe(conf, s, ret_why);
    return why;
}

/* Why it must not work on the folder of images that it finds here, or NULL. When nobody knows now, its jobs look. */
static const char *worker_main_folder_fault(const struct db_options *options, const struct worker *worker)
{
    _cleanup_(db_freep) struct db *db = db_new(options);
    const char *why = NULL;
    struct arena arena;

    if (worker->store == NULL)
        return NULL;
    arena_init(&arena, 64u << 10);
    enum err e = upload_folder_start(db, &arena, worker->store, &why);
    arena_done(&arena);
    return e == ERR_CONFLICT ? why : NULL;
}

/* Why nobody may be sent anything with this configuration, or NULL (model/privacy/published.h). */
static const char *worker_main_policy_fault(const struct db_options *options, const struct worker *worker,
                                            struct buf *why)
{
    _cleanup_(db_freep) struct db *db = db_new(options);

    return published_fits_still(db, worker->conf, &(int64_t){0}, why) ? NULL : why->p;
}

/* Runs until one of the signals comes. */
static int worker_main_run(struct worker *worker, const struct db_options *options, int needed, const sigset_t *stops)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    int received;

    const char *fault = worker_main_database_fault(options, needed, worker);
    if (fault == NULL)
        fault = worker_main_policy_fault(options, worker, &why);
    if (fault == NULL)
        fault = worker_main_folder_fault(options, worker);
    if (fault == NULL && runner_is_barred(worker))
        fault = "the folder of this class in worker.kept_dir must be this worker's to read and to write";
    if (fault != NULL)
        return worker_main_fail(EXIT_CONFIG, fault);

    struct runner *runner = runner_new(worker, options);
    log_event(LOG_INFO, "started", LOG_INT("threads", worker->conf->worker_threads), LOG_END);
    ASSERT(sigwait(stops, &received) == 0);
    log_event(LOG_INFO, "stopping", LOG_END);
    runner_stop(runner);
    log_event(LOG_INFO, "stopped", LOG_END);
    return 0;
}

static int worker_main_work(const struct worker_class *class, const char *program, const struct conf *conf,
                            struct secrets *s, int needed)
{
    char user[64];
    sigset_t stops;

    (void)snprintf(user, sizeof user, "marketingcli_worker_%s", job_class_names[class->class]);
    /* Blocked in all threads and taken by sigwait: without a handler there is no race. */
    (void)sigemptyset(&stops);
    (void)sigaddset(&stops, SIGTERM);
    (void)sigaddset(&stops, SIGINT);
    ASSERT(pthread_sigmask(SIG_BLOCK, &stops, NULL) == 0);
    (void)signal(SIGPIPE, SIG_IGN); /* the reader of our log or the other end of a connection may go away */
    net_init();
    struct worker_metrics *metrics = worker_metrics_start(conf, class, program, kinds);
    struct db_options options = db_options_of(conf);
    options.user = user;
    options.password = &s->password;
    options.counts = &metrics->counts;
    options.must_fit = true;
    struct worker worker = {.metrics = metrics,
                            .conf = conf,
                            .class = class,
                            .kinds = kinds,
                            .ring = s->ring,
                            .tiktok = {[MODE_LIVE] = {.conf = conf, .client_secrets = &s->client_secrets},
                                       [MODE_TEST] = {.conf = conf, .mode = MODE_TEST}},
                            .smtp_passwords = &s->smtp_passwords,
                            .journal_keys = &s->journal_keys,
                            .stripe = {.conf = conf, .keys = s->stripe_keys.n > 0 ? &s->stripe_keys : NULL},
                            .credential_epoch = &s->epoch,
                            .store = class->uses_store ? &s->store : NULL};
    struct watch *watch = watch_start(conf, service_find(SERVICE_WORKER, job_class_names[class->class]), metrics->set);
    int code = worker_main_run(&worker, &options, needed, &stops);
    watch_stop(watch);
    worker_metrics_stop(metrics);
    return code;
}

int main(int argc, char **argv)
{
    static char program[64]; /* the log keeps a pointer to it */
    _cleanup_(conf_done) struct conf conf = {0};
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    _cleanup_(worker_main_secrets_done) struct secrets secrets = {.epoch = EPOCH_NONE};
    const struct worker_class *class;

    log_init("worker", LOG_INFO);
    if (argc != 2 || (class = worker_main_find_class(argv[1])) == NULL)
        return worker_main_fail(2, "usage: marketingcli-worker publish|media|mail|billing|privacy");
    (void)snprintf(program, sizeof program, "worker-%s", argv[1]);
    if (conf_load(&conf, conf_path(), &why) != OK)
        return worker_main_fail(EXIT_CONFIG, why.p);
    log_init(program, conf.service_log_level);
    int needed = services_connections((int)conf.service_threads, (int)conf.worker_threads);
    conf.worker_threads = service_threads(service_find(SERVICE_WORKER, argv[1]), 0, (int)conf.worker_threads);
    const char *missing = worker_main_read_secrets(class, &conf, &secrets, &why);
    if (missing != NULL)
        return worker_main_fail(EXIT_CONFIG, missing);
    return worker_main_work(class, program, &conf, &secrets, needed);
}
