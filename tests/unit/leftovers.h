/*
 * How often a secret stands in this process's memory, freed memory included: for tests that it was wiped. With
 * AddressSanitizer the search is thorough, because what is freed is not used again soon.
 *
 *    struct buf b = BUF_MAX(1000);
 *    leftovers_put(&b, 1);    // the secret number 1
 *    ...
 *    assert_int_equal(leftovers_of(1), 0);
 *
 * A secret is a formula, so that nothing here holds it.
 */
#pragma once

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"

#define LEFTOVERS_BYTES 40
#define LEFTOVERS_REGION_MAX (UINT64_C(1) << 30) /* AddressSanitizer's own are larger */
#define LEFTOVERS_WINDOW (1u << 20)

static inline char leftovers_char(int secret, size_t i)
{
    return (char)('a' + (i * i + 7 * i * (size_t)secret + 11 * (size_t)secret) % 26);
}

static inline void leftovers_put(struct buf *b, int secret)
{
    for (size_t i = 0; i < LEFTOVERS_BYTES; i++)
        buf_putc(b, leftovers_char(secret, i));
}

static inline bool leftovers_is_at(const char *p, int secret)
{
    for (size_t i = 0; i < LEFTOVERS_BYTES; i++)
        if (p[i] != leftovers_char(secret, i))
            return false;
    return true;
}

/* window: what was read of the address at. What lies in the window itself does not count. */
static inline size_t leftovers_in(const char *window, size_t n, uint64_t at, int secret)
{
    size_t found = 0;

    for (const char *p = window; n >= LEFTOVERS_BYTES && p != NULL; p++) {
        p = memchr(p, leftovers_char(secret, 0), n - LEFTOVERS_BYTES + 1 - (size_t)(p - window));
        if (p == NULL)
            break;
        uint64_t here = at + (uint64_t)(p - window);
        bool own = here + LEFTOVERS_BYTES > (uintptr_t)window && here < (uintptr_t)window + LEFTOVERS_WINDOW;
        found += !own && leftovers_is_at(p, secret);
        if (p == window + n - LEFTOVERS_BYTES)
            break;
    }
    return found;
}

static inline size_t leftovers_of(int secret)
{
    char line[512], rights[5];
    uint64_t from, to;
    size_t found = 0;
    char *window = xmalloc(LEFTOVERS_WINDOW);
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    FILE *maps = fopen("/proc/self/maps", "r");

    ASSERT(memory >= 0 && maps != NULL);
    while (fgets(line, sizeof line, maps) != NULL) {
        ASSERT(sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &from, &to, rights) == 3);
        if (rights[1] != 'w' || to - from > LEFTOVERS_REGION_MAX)
            continue;
        for (uint64_t at = from; at < to; at += LEFTOVERS_WINDOW - LEFTOVERS_BYTES + 1) {
            ssize_t n = pread(memory, window, MIN(LEFTOVERS_WINDOW, to - at), (off_t)at);
            found += n > 0 ? leftovers_in(window, (size_t)n, at, secret) : 0;
        }
    }
    fclose(maps);
    close(memory);
    free(window);
    return found;
}
