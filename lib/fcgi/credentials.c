#include "fcgi/credentials.h"

#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "fcgi/serve.h"

void credentials_end(struct ctx *c)
{
    struct timespec left = {.tv_sec = KEY_CACHE_AGE_US / US_PER_SEC, .tv_nsec = KEY_CACHE_AGE_US % US_PER_SEC * 1000};

    ASSERT(c->shared->service->ends_credentials);
    c->ended_credentials = true;
    if (epoch_end(&c->shared->credential_epoch) == OK)
        return;
    log_event(LOG_ERROR, "epoch_not_ended", LOG_STR("request_id", c->req.id), LOG_END);
    while (nanosleep(&left, &left) != 0)
        ;
}
