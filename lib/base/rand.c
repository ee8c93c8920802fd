#include "base/rand.h"

#include <errno.h>
#include <sys/random.h>

#include "base/defs.h"

void rand_bytes(void *ret, size_t n)
{
    unsigned char *p = ret;

    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        ASSERT(got > 0);
        p += got;
        n -= (size_t)got;
    }
}

uint64_t rand_below(uint64_t limit)
{
    uint64_t v;

    ASSERT(limit > 0);
    rand_bytes(&v, sizeof v);
    return v % limit; /* the bias does not matter for jitter */
}
