/*
 * The one main of all FastCGI programs. Which app it serves is a matter of linking: APP is app_<name>.
 *
 * Exit codes: 0 stopped by SIGTERM; 78 (EX_CONFIG) a configuration or credential that is missing or wrong, said in the
 * last log line.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/plans.h"
#include "fcgi/serve.h"
#include "model/privacy/published.h"

extern const struct app APP;

static int main_refuse(const char *why)
{
    log_event(LOG_ERROR, "cannot_start", LOG_CSTR("why", why), LOG_END);
    return EX_CONFIG;
}

/* An Idempotency-Key is a user's. */
static bool main_creates_for_nobody(const struct route *r)
{
    return r->creates && r->auth != AUTH_ANY && r->auth != AUTH_SESSION;
}

/* A reader may be as slow as it likes: streams must leave threads to others. */
static bool main_streams_lightly(const struct route *r)
{
    return r->streams && r->cost == COST_LIGHT;
}

/* Nobody would ask it: nginx lets a small body in by itself. */
static bool main_looks_in_vain(const struct route *r)
{
    return r->before_body != NULL && (r->body_max_bytes <= ROUTE_SMALL_BODY_BYTES || r->body_in_memory);
}

/* A route whose row leaves out a policy column, or contradicts itself, does not serve. */
static const struct route *main_incomplete_route(const struct app *app)
{
    for (const struct route *const *t = app->routes; *t != NULL; t++)
        for (const struct route *r = *t; r->method != NULL; r++)
            if (r->auth == AUTH_UNSET || r->rate == RATE_UNSET || r->summary == NULL ||
                (r->auth == AUTH_ANY) != (r->scope != SCOPE_UNSET) || (r->recent_auth && r->auth != AUTH_SESSION) ||
                main_creates_for_nobody(r) || main_streams_lightly(r) || main_looks_in_vain(r))
                return r;
    return NULL;
}

/* Why this database must not be worked on, or NULL. One that does not answer is no reason to stop: requests are answered
 * 503 until it does, and until it is right. Nor is one that lets in fewer connections than all programs need (needed). */
static const char *main_database_fault(struct shared *s, int needed)
{
    int64_t allowed;
    _cleanup_(db_freep) struct db *db = db_new(&s->db_options);

    enum err e = db_fit(db);
    if (e == ERR_CONFLICT)
        return db_unfit(db);
    if (e != OK)
        log_event(LOG_WARNING, "started_without_database", LOG_CSTR("db_error", db_error(db)), LOG_END);
    else if (db_connections_allowed(db, &allowed) == OK && allowed < needed)
        log_event(LOG_WARNING, "max_connections_too_low", LOG_INT("needed", needed), LOG_INT("allowed", allowed),
                  LOG_END);
    return NULL;
}

/*
 * Opens the credential epoch (fcgi/credentials.h). An app that ends it must be able to, and ends it here too. The others
 * can do without it: then every request asks the database.
 */
static bool main_epoch_is_ready(struct shared *s)
{
    struct str path = s->conf->keys_epoch;

    if (path.n == 0)
        return true;
    if (epoch_open(path, s->service->ends_credentials, &s->credential_epoch) == OK)
        return !s->service->ends_credentials || epoch_end(&s->credential_epoch) == OK;
    log_event(LOG_WARNING, "epoch_not_opened", LOG_STR("path", path), LOG_CSTR("why", strerror(errno)), LOG_END);
    return !s->service->ends_credentials;
}

static struct turns *main_turns(const struct app *app, const struct conf *conf)
{
    const int share[COST__MAX] = {
        [COST_HEAVY] = app->heavy_max != NULL ? app->heavy_max(conf) : (int)conf->service_heavy_max,
        [COST_OUTSIDE] = app->outside_max != NULL ? app->outside_max(conf) : (int)conf->service_outside_max,
    };

    return turns_new((int)conf->service_threads, share);
}

static bool main_state_fits(struct shared *s, struct buf *why)
{
    _cleanup_(db_freep) struct db *db = db_new(&s->db_options);

    return s->app->fit == NULL || s->app->fit(db, s->state, why) != ERR_CONFLICT;
}

/* Nobody gets data whom the policy in force does not name. Where none is in force, nothing is known; where
 * nobody can ask now, it is asked as soon as somebody can (fcgi/usage.c). */
static bool main_policy_fits(struct shared *s, struct buf *why)
{
    _cleanup_(db_freep) struct db *db = db_new(&s->db_options);

    return published_fits_still(db, s->conf, &(int64_t){0}, why);
}

static int main_run(struct shared *s, int needed, struct buf *why)
{
    char user[80];

    if (main_incomplete_route(s->app) != NULL)
        return main_refuse(main_incomplete_route(s->app)->pattern);
    if (credential_read("db-password", &s->db_password) != OK)
        return main_refuse("the credential db-password is missing or cannot be read");
    (void)snprintf(user, sizeof user, "marketingcli_%s", s->app->name);
    s->db_options = db_options_of(s->conf);
    s->db_options.user = user;
    s->db_options.password = &s->db_password;
    s->db_options.gate = &s->db_gate;
    s->db_options.counts = &s->db_counts;
    s->db_options.must_fit = true;
    const char *fault = main_database_fault(s, needed);
    if (fault != NULL)
        return main_refuse(fault);
    if (!main_policy_fits(s, why))
        return main_refuse(why->p);
    if (!main_epoch_is_ready(s))
        return main_refuse("the file of keys.epoch is missing or cannot be written");
    s->key_cache = key_cache_new(&s->credential_epoch);
    s->turns = main_turns(s->app, s->conf);
    s->rates = s->service->counts_rates ? rates_new(s->conf) : NULL;
    if (s->app->start != NULL && s->app->start(s->conf, &s->state, why) != OK)
        return main_refuse(why->n > 0 ? why->p : "the app cannot start");
    int code = main_state_fits(s, why) ? serve_run(s) : main_refuse(why->p);
    if (s->app->stop != NULL)
        s->app->stop(s->state);
    return code;
}

int main(void)
{
    _cleanup_(conf_done) struct conf conf = {0};
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    struct shared s = {
        .app = &APP, .service = service_find(SERVICE_APP, APP.name), .conf = &conf, .credential_epoch = EPOCH_NONE};

    log_init(APP.name, LOG_INFO);
    if (conf_load(&conf, conf_path(), &why) != OK)
        return main_refuse(why.p);
    if (s.service->counts_rates && plans_load(&conf, &why) != OK) /* who knows users, knows their plans */
        return main_refuse(why.p);
    log_init(APP.name, conf.service_log_level);
    int needed = services_connections((int)conf.service_threads, (int)conf.worker_threads);
    conf.service_threads = service_threads(s.service, (int)conf.service_threads, 0);
    int code = main_run(&s, needed, &why);
    rates_free(s.rates);
    turns_free(s.turns);
    key_cache_free(s.key_cache);
    epoch_close(&s.credential_epoch);
    secret_done(&s.db_password);
    return code;
}
