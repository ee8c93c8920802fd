/*
 * The table of services (service.def), for the programs and for what is generated.
 *
 *    const struct service *s = service_find(SERVICE_APP, "keys");
 *    if (s->ends_credentials) ...
 *
 * Whoever runs: user marketingcli-<name> (a worker: marketingcli-worker-<name>), MariaDB user marketingcli_<name>
 * (marketingcli_worker_<name>), credentials in /etc/marketingcli/credentials/<the same after marketingcli_>/.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

enum service_kind { SERVICE_APP, SERVICE_WORKER, SERVICE_IMAGE, SERVICE_INTAKE };

enum service_host {
    HOST_MAIN,    /* the site's own name */
    HOST_SANDBOX, /* the simulator's */
};

/* Who looks at what nobody tells by itself (worker/watch.h). */
enum service_watch {
    WATCH_NOTHING,
    WATCH_MACHINE, /* all programs of this machine, its disks, its certificate, its clock */
    WATCH_WATCHER, /* whoever does that */
};

enum service_store { STORE_NONE, STORE_READ, STORE_WRITE };

#define SERVICE_CREDENTIALS_MAX 4

/* The programs use threads, host, ends_credentials, counts_rates, can_wait, watches and credentials; the rest is for what is generated. */
struct service {
    const char *name;
    enum service_kind kind;
    const char *what; /* for people: "API keys" */
    int threads;
    bool internet, asks_image, asks_apps, asks_simulator, ends_credentials, counts_rates, keeps_mail, keeps_journal,
        can_wait;
    enum service_store store;
    enum service_watch watches;
    enum service_host host;
    const char *credentials[SERVICE_CREDENTIALS_MAX]; /* ends with NULL unless full */
};

extern const struct service services[]; /* ends with a NULL name */

const struct service *service_find(enum service_kind kind, const char *name); /* NULL: there is none */
bool service_has_database(const struct service *s);
bool service_has_credential(const struct service *s, const char *file);

/* What it is called where all kinds are together (metrics, logs, /readyz): "keys", "worker-publish". */
struct str service_label(struct arena *arena, const struct service *s);

/* What its MariaDB user is called after marketingcli_, and its credentials folder: "keys", "worker_publish". */
struct str service_database(struct arena *arena, const struct service *s);

/*
 * Its threads, and the connections to MariaDB that it holds at most. app_threads, worker_threads: what the configuration
 * says; 0: what the row says.
 */
int service_threads(const struct service *s, int app_threads, int worker_threads);
int service_connections(const struct service *s, int app_threads, int worker_threads);
int services_connections(int app_threads, int worker_threads); /* of all together */
