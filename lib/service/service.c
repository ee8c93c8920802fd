#include "service/service.h"

#include <string.h>

#define SERVICE_EXTRA_CONNECTIONS 2 /* of an app: the writer of last uses, a background thread */

const struct service *service_find(enum service_kind kind, const char *name)
{
    for (const struct service *s = services; s->name != NULL; s++)
        if (s->kind == kind && strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

bool service_has_database(const struct service *s)
{
    return s->kind != SERVICE_IMAGE;
}

bool service_has_credential(const struct service *s, const char *file)
{
    for (size_t i = 0; i < SERVICE_CREDENTIALS_MAX && s->credentials[i] != NULL; i++)
        if (strcmp(s->credentials[i], file) == 0)
            return true;
    return false;
}

struct str service_database(struct arena *arena, const struct service *s)
{
    return arena_printf(arena, "%s%s", s->kind == SERVICE_WORKER ? "worker_" : "", s->name);
}

int service_connections(const struct service *s, int service_threads, int worker_threads)
{
    switch (s->kind) {
    case SERVICE_APP:
        return (service_threads > 0 ? service_threads : s->threads) + SERVICE_EXTRA_CONNECTIONS;
    case SERVICE_WORKER:
        return worker_threads;
    default:
        return 0;
    }
}
