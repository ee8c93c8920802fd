#include "fcgi/outside.h"

#include "fcgi/serve.h"

enum err outside_enter(struct ctx *c)
{
    if (atomic_fetch_add(&c->shared->outside, 1) < c->conf->service_outside_max)
        return OK;
    (void)atomic_fetch_sub(&c->shared->outside, 1);
    return ERR_BUSY;
}

void outside_leave(struct ctx *c)
{
    ASSERT(atomic_fetch_sub(&c->shared->outside, 1) > 0);
}
