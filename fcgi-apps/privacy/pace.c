#include "privacy/pace.h"

#include "base/clock.h"

void pace_note(struct pace *p, size_t bytes, int64_t waited_us)
{
    p->bytes += (int64_t)bytes;
    p->waited_us += waited_us;
}

bool pace_is_too_slow(const struct pace *p, int64_t kb_sec)
{
    int64_t sec = p->waited_us / US_PER_SEC - PACE_FREE_SEC;

    return sec > 0 && p->bytes < sec * kb_sec * 1000;
}
