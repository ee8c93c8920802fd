/*
 * What a FastCGI program is: one const struct app, named app_<name>; and what a handler gets. fcgi-apps/main.c does the
 * rest.
 *
 *    static enum err keys_list(struct ctx *c) { ... return reply_list(&c->rep, ...); }
 *    const struct app app_keys = {.name = "keys", .routes = (const struct route *const[]){keys_routes, NULL}};
 *
 * A handler binds the input to a struct, calls the model, fills c->rep and returns OK. Or it returns an error: then
 * handle.c fills c->rep with that error, and c->problems as its details. In both cases handle.c sends c->rep after the
 * handler has returned. A handler never frees or logs, and takes no longer than its route's cost says.
 */
#pragma once

#include <stdatomic.h>

#include "base/conf.h"
#include "base/mode.h"
#include "base/plans.h"
#include "base/problem.h"
#include "crypto/keyring.h"
#include "db/db.h"
#include "fcgi/idempotent.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/route.h"
#include "fcgi/rate.h"

enum caller_kind { CALLER_NOBODY, CALLER_SESSION, CALLER_KEY };

/* Who asks; filled in, as the route's auth says, before the handler runs. */
struct caller {
    enum caller_kind kind;
    int mode; /* the world that it asks about: that of the key, or what ?mode= says where the route has one */
    struct uuid user_id, session_id, key_id; /* none where it does not apply */
    struct str session_token;                /* by which the session came: it may have another one by now */
    bool is_erasing;                         /* the user is being erased: a route must say that it is for them, too */
    bool is_recent;                          /* the password of the session was typed within ten minutes */
    struct str key_name, key_prefix;         /* of the key, to show them */
    int64_t key_scopes, key_expires_at_us;   /* what it may do (base/scope.h), and until when; 0: always */
    bool key_has_budget;                     /* it may have one (model/key/budget.h) */
    const struct plan *plan;                 /* of the user, now (model/billing/terms.h) */
};

/* What a provider said last of what was asked of it for this request; for the log alone. Absent: nothing. */
struct provider_said {
    struct str request_id; /* its own, by which its dashboard shows the rest */
    struct str error;      /* "404 resource_missing", or why no answer came */
};

struct shared; /* what the threads of the process share; see serve.h */

struct ctx {
    const struct app *app;
    const struct conf *conf;
    struct db *db;
    struct arena *arena; /* of this request */
    struct request req;
    struct reply rep;
    struct problems problems;
    struct caller caller;
    bool takes_mode; /* as the route says: ?mode= is one of the query's names (access.c has read it) */
    struct idempotent idempotent;
    bool ended_credentials; /* by credentials_end */
    struct uuid network;    /* what stands for it where others have a user's id: no UUIDv7 begins so. IPv6: its /64 */
    struct rate_state rate; /* of the class of its route, or of the one that refused it */
    struct rate_held rate_held; /* given back when nothing comes of the request */
    const char *log_why;        /* for the request's log line alone: what was wrong with it, in a word or two */
    struct str log_about;       /* and which thing elsewhere it was about: an id */
    int64_t retry_after_sec;    /* of a 429 that is not about the rate; 0: it is */
    struct provider_said provider_said;
    void *state; /* what app->start made; shared by the threads, so read-only or locked */
    struct shared *shared;
};

struct metrics;

struct app {
    const char *name;                  /* "keys": binary marketingcli-keys, MariaDB user marketingcli_keys */
    const struct route *const *routes; /* NULL-ended list of tables */

    /* Optional: how many threads its routes of COST_HEAVY may have; without it, service.heavy_max. And of COST_OUTSIDE; without it,
     * service.outside_max. */
    int (*heavy_max)(const struct conf *conf);
    int (*outside_max)(const struct conf *conf);

    /*
     * Optional. start reads credentials and makes the state; when it fails, the process ends and logs the sentence in
     * why.
     */
    enum err (*start)(const struct conf *conf, void **ret_state, struct buf *why);
    void (*stop)(void *state);

    /* Optional: looks, at the start, whether this database goes with the state. ERR_CONFLICT: it does not, and as above. After any other
     * error the process goes on: whoever works with the two looks again. */
    enum err (*fit)(struct db *db, void *state, struct buf *why);

    /*
     * Optional: runs on one more thread, with its own database connection and arena, until *stopping becomes true; or on
     * as many as background_n says.
     */
    void (*background)(const struct conf *conf, struct db *db, struct arena *arena, void *state,
                       const atomic_bool *stopping);
    int (*background_n)(const struct conf *conf);

    /* Optional: what becomes of webhooks, NULL-ended: the labels of METRIC_WEBHOOKS. */
    const char *const *webhook_names;

    /* Optional: answers an error with a body that is not ours, for the simulator, which speaks as TikTok does. */
    void (*answer_error)(struct ctx *c, enum err e);
};

/* Of the program: for what a handler counts by itself, and for its alarms (metrics/metrics.h). */
struct metrics *app_metrics_of(const struct ctx *c);

/* For how long a stop may leave what comes in the queue of its socket (serve.c): who is silent for longer hangs. */
int64_t app_stop_us(const struct conf *conf);
