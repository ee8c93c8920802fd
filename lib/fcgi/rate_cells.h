/*
 * Counting how often something is done, for very many and without locks: cells of the generic cell rate algorithm (ITU-T
 * I.371, annex A), in memory that threads and processes share.
 *
 *    struct rate_cells cells = {.v = memory, .sets = 1024, .clock = clock_mono_us};
 *    struct rate_quota quota = rate_quota(120, 60);
 *    if (!rate_cells_take(&cells, who, &quota, &left)) ... not yet
 *
 * A cell is one word: a tag of 24 bits, which says whose it is, and 40 bits of time, at which all of the quota is there
 * again. Taking one moves that time on by the quota's interval, by compare-and-swap: so no more than the quota are ever
 * taken, however many threads and processes take at a time, and a process that dies at any point leaves a whole word.
 *
 * A cell whose time has come says nothing and is free. A set of eight is a cache line. When none of a set is free, the one
 * whose time comes first is given away: its owner has the whole quota again, and nobody is refused for want of room. Two
 * whose cells are in one set and have the same tag would count together: one in 16 million of those who share a set.
 *
 * who is a hash that strangers cannot foresee: else they could choose what shares a cell.
 *
 * The memory may hold anything. A time that no quota can lead to counts as come, so nobody is locked out for longer than
 * his own window. Times are of a monotonic clock that all processes share; the file must not outlive a boot, and if it does,
 * the same holds.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"

#define RATE_CELLS_WAYS 8
#define RATE_TICK_US 100 /* what the times of cells are counted in: they wrap after 3 years */
#define RATE_WINDOW_MAX_SEC INT64_C(86400)

struct rate_cells {
    _Atomic uint64_t *v;    /* sets * RATE_CELLS_WAYS of them */
    size_t sets;            /* a power of two */
    int64_t (*clock)(void); /* in microseconds */
};

/* In ticks. */
struct rate_quota {
    int64_t interval; /* from one to the next, when it is used up */
    int64_t window;   /* until all of it is there again */
};

/* n in window_sec, which come at once or one by one; n at most a tick apart. */
struct rate_quota rate_quota(int64_t n, int64_t window_sec);

/* What is left of a quota. */
struct rate_left {
    int64_t n;       /* how many more may be taken now */
    int64_t wait_us; /* until one may; 0: now */
    int64_t all_us;  /* until all of it is there again */
    int64_t all_at;  /* the same as a time: in ticks of the clock */
};

/* Takes one, if there is one. ret_left is what is left afterwards, either way. */
MUST_CHECK bool rate_cells_take(const struct rate_cells *c, uint64_t who, const struct rate_quota *q,
                                struct rate_left *ret_left);

/*
 * Gives back one that was taken; all_at is what rate_cells_take said. It is paid off by then, and begins to be an interval
 * before: of one that was taken long ago only what is still owed is given back, so nobody ever takes more than the quota.
 */
void rate_cells_give_back(const struct rate_cells *c, uint64_t who, const struct rate_quota *q, int64_t all_at);
struct rate_left rate_cells_look(const struct rate_cells *c, uint64_t who, const struct rate_quota *q);
