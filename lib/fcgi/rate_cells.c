#include "fcgi/rate_cells.h"

#include "base/clock.h"

#define TIME_BITS 40
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)
#define TICKS_PER_SEC (US_PER_SEC / RATE_TICK_US)
#define FAR (2 * RATE_WINDOW_MAX_SEC * TICKS_PER_SEC) /* beyond any quota's window, wherever the clock was read */

/* Where a cell was found, and what was in it. */
struct rate_place {
    _Atomic uint64_t *at;
    uint64_t word;
    bool is_own;
};

struct rate_quota rate_quota(int64_t n, int64_t window_sec)
{
    int64_t interval = MAX(1, window_sec * TICKS_PER_SEC / n);

    ASSERT(n > 0 && window_sec > 0 && window_sec <= RATE_WINDOW_MAX_SEC);
    return (struct rate_quota){.interval = interval, .window = interval * n};
}

/* Of nobody: 0, which is what a cell holds that was never used. */
static uint64_t rate_tag(uint64_t who)
{
    uint64_t tag = who >> TIME_BITS;

    return tag == 0 ? 1 : tag;
}

static _Atomic uint64_t *rate_set_of(const struct rate_cells *c, uint64_t who)
{
    return &c->v[(who & (c->sets - 1)) * RATE_CELLS_WAYS];
}

static int64_t rate_ticks_now(const struct rate_cells *c)
{
    return c->clock() / RATE_TICK_US;
}

/*
 * How long until the time of a cell, if that is at most max; else 0. The clock must have been read after the word: then no
 * time that was written by the rules is further away than the window.
 */
static int64_t rate_until(uint64_t word, int64_t now, int64_t max)
{
    uint64_t ahead = (word - (uint64_t)now) & TIME_MASK;

    return ahead <= (uint64_t)max ? (int64_t)ahead : 0;
}

static uint64_t rate_word(uint64_t tag, int64_t at)
{
    return tag << TIME_BITS | ((uint64_t)at & TIME_MASK);
}

/* Its own cell: the first, should there be two (rate_join). Else one that is free, or whose time comes first. */
static struct rate_place rate_find(const struct rate_cells *c, uint64_t who)
{
    _Atomic uint64_t *set = rate_set_of(c, who);
    struct rate_place best = {0};
    int64_t now = rate_ticks_now(c), best_until = INT64_MAX;

    for (size_t i = 0; i < RATE_CELLS_WAYS; i++) {
        uint64_t word = atomic_load(&set[i]);
        if (word >> TIME_BITS == rate_tag(who))
            return (struct rate_place){.at = &set[i], .word = word, .is_own = true};
        int64_t until = rate_until(word, now, FAR);
        if (until < best_until) {
            best = (struct rate_place){.at = &set[i], .word = word};
            best_until = until;
        }
    }
    return best;
}

/* Adds what was taken at another cell, whatever the quota says: it has been granted. */
static void rate_add(const struct rate_cells *c, uint64_t who, _Atomic uint64_t *at, int64_t more, int64_t max)
{
    uint64_t word = atomic_load(at);

    do {
        if (word >> TIME_BITS != rate_tag(who))
            return;
        int64_t now = rate_ticks_now(c);
        int64_t until = MIN(max, rate_until(word, now, max) + more);
        if (atomic_compare_exchange_weak(at, &word, rate_word(rate_tag(who), now + until)))
            return;
    } while (true);
}

/*
 * Two that come for the first time at the same moment may have chosen two cells: what is in the later one goes to the first.
 * Each looks after it has written, so at least one of them sees both.
 */
static void rate_join(const struct rate_cells *c, uint64_t who, const struct rate_quota *q)
{
    _Atomic uint64_t *set = rate_set_of(c, who), *first = NULL;

    for (size_t i = 0; i < RATE_CELLS_WAYS; i++) {
        uint64_t word = atomic_load(&set[i]);
        if (word >> TIME_BITS != rate_tag(who))
            continue;
        if (first == NULL) {
            first = &set[i];
            continue;
        }
        while (word >> TIME_BITS == rate_tag(who) && !atomic_compare_exchange_weak(&set[i], &word, 0))
            ;
        if (word >> TIME_BITS == rate_tag(who))
            rate_add(c, who, first, rate_until(word, rate_ticks_now(c), q->window), q->window);
    }
}

static struct rate_left rate_left_of(int64_t until, int64_t now, const struct rate_quota *q)
{
    int64_t room = q->window - until;

    return (struct rate_left){.n = MAX(0, room / q->interval),
                              .wait_us = MAX(0, q->interval - room) * RATE_TICK_US,
                              .all_us = until * RATE_TICK_US,
                              .all_at = now + until};
}

bool rate_cells_take(const struct rate_cells *c, uint64_t who, const struct rate_quota *q, struct rate_left *ret_left)
{
    for (;;) {
        struct rate_place p = rate_find(c, who);
        int64_t now = rate_ticks_now(c);
        int64_t until = p.is_own ? rate_until(p.word, now, q->window) : 0;
        if (until + q->interval > q->window) {
            *ret_left = rate_left_of(until, now, q);
            return false;
        }
        uint64_t word = rate_word(rate_tag(who), now + until + q->interval);
        if (!atomic_compare_exchange_strong(p.at, &p.word, word))
            continue;
        if (!p.is_own)
            rate_join(c, who, q);
        *ret_left = rate_left_of(until + q->interval, now, q);
        return true;
    }
}

void rate_cells_give_back(const struct rate_cells *c, uint64_t who, const struct rate_quota *q, int64_t all_at)
{
    struct rate_place p = rate_find(c, who);

    while (p.is_own) {
        int64_t now = rate_ticks_now(c);
        int64_t owed = MAX(0, MIN(q->interval, all_at - now));
        int64_t until = MAX(0, rate_until(p.word, now, q->window) - owed);
        if (atomic_compare_exchange_strong(p.at, &p.word, rate_word(rate_tag(who), now + until)))
            return;
        p = rate_find(c, who);
    }
}

struct rate_left rate_cells_look(const struct rate_cells *c, uint64_t who, const struct rate_quota *q)
{
    struct rate_place p = rate_find(c, who);
    int64_t now = rate_ticks_now(c);

    return rate_left_of(p.is_own ? rate_until(p.word, now, q->window) : 0, now, q);
}
