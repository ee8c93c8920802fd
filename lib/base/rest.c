#include "base/rest.h"

#include <time.h>

#include "base/clock.h"
#include "base/defs.h"

int64_t rest_due_us(struct rest *r, int64_t now_us)
{
    if (r->since_us == 0)
        r->since_us = now_us;
    int64_t worked_us = now_us - r->since_us;
    if (worked_us < REST_EVERY_US)
        return 0;
    int64_t due_us = MIN(worked_us, REST_MOST_US);
    r->since_us = now_us + due_us;
    return due_us;
}

void rest_take(struct rest *r)
{
    int64_t due_us = rest_due_us(r, clock_mono_us());

    if (due_us > 0)
        (void)nanosleep(&(struct timespec){.tv_sec = due_us / US_PER_SEC, .tv_nsec = due_us % US_PER_SEC * 1000}, NULL);
}

void rest_waited(struct rest *r, int64_t waited_us)
{
    if (r->since_us != 0)
        r->since_us += waited_us;
}
