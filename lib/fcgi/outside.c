#include "fcgi/outside.h"

#include "fcgi/serve.h"

#define THREADS_KEPT 2 /* stay free for light requests while others call and wait to call */

struct gate *outside_gate(const struct conf *conf)
{
    int line = (int)(conf->service_threads - conf->service_outside_max) - THREADS_KEPT;

    return gate_new((int)conf->service_outside_max, MAX(0, line), (int)conf->service_queue_sec * 1000);
}

enum err outside_enter(struct ctx *c)
{
    return gate_enter(c->shared->outside);
}

void outside_leave(struct ctx *c)
{
    gate_leave(c->shared->outside);
}
