#include "fcgi/outside.h"

#include "fcgi/serve.h"

struct gate *outside_gate(const struct conf *conf)
{
    return gate_of_threads((int)conf->service_threads, (int)conf->service_outside_max,
                           (int)conf->service_queue_sec * 1000);
}

enum err outside_enter(struct ctx *c)
{
    return gate_enter(c->shared->outside);
}

void outside_leave(struct ctx *c)
{
    gate_leave(c->shared->outside);
}
