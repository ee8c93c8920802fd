#include "service/service.h"

#include <string.h>

#define SERVICE_EXTRA_CONNECTIONS 3 /* of an app: the writer of usage, background threads (keys has two) */

const struct service *service_find(enum service_kind kind, const char *name)
{
    for (const struct service *s = services; s->name != NULL; s++)
        if (s->kind == kind && strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

bool service_has_database(const struct service *s)
{
    return s->kind == SERVICE_APP || s->kind == SERVICE_WORKER;
}

bool service_has_credential(const struct service *s, const char *file)
{
    for (size_t i = 0; i < SERVICE_CREDENTIALS_MAX && s->credentials[i] != NULL; i++)
        if (strcmp(s->credentials[i], file) == 0)
            return true;
    return false;
}

struct str service_label(struct arena *arena, const struct service *s)
{
    return arena_printf(arena, "%s%s", s->kind == SERVICE_WORKER ? "worker-" : "", s->name);
}

struct str service_database(struct arena *arena, const struct service *s)
{
    return arena_printf(arena, "%s%s", s->kind == SERVICE_WORKER ? "worker_" : "", s->name);
}

int service_threads(const struct service *s, int app_threads, int worker_threads)
{
    int configured = s->kind == SERVICE_APP ? app_threads : s->kind == SERVICE_WORKER ? worker_threads : 0;

    return configured > 0 ? configured : s->threads;
}

int service_connections(const struct service *s, int app_threads, int worker_threads)
{
    if (!service_has_database(s))
        return 0;
    return service_threads(s, app_threads, worker_threads) + (s->kind == SERVICE_APP ? SERVICE_EXTRA_CONNECTIONS : 0);
}

int services_connections(int app_threads, int worker_threads)
{
    int n = 0;

    for (const struct service *s = services; s->name != NULL; s++)
        n += service_connections(s, app_threads, worker_threads);
    return n;
}
