#include "media/outage.h"

#include "base/lock.h"

void outage_init(struct outage *o)
{
    *o = (struct outage){.since_us = 0};
    lock_init(&o->lock);
}

void outage_done(struct outage *o)
{
    lock_done(&o->lock);
}

bool outage_goes_on(struct outage *o, int64_t began_us, int64_t now_us)
{
    lock_take(&o->lock);
    if (o->since_us == 0 || began_us - o->missed_at_us >= OUTAGE_WAIT_US)
        o->since_us = began_us;
    o->missed_at_us = now_us;
    bool waits = now_us - o->since_us < OUTAGE_WAIT_US;
    lock_release(&o->lock);
    return waits;
}

void outage_is_over(struct outage *o)
{
    lock_take(&o->lock);
    o->since_us = 0;
    lock_release(&o->lock);
}
