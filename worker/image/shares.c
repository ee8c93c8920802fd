#include "shares.h"

#include <string.h>

#include "base/defs.h"
#include "base/err.h"

/* What is in use of something, by one user and by all. */
struct shares_use {
    uint64_t user, all;
};

static bool shares_are_of_one(const struct share *a, const struct share *b)
{
    return memcmp(a->user, b->user, sizeof a->user) == 0;
}

static bool shares_is_before(const struct share *a, const struct share *b)
{
    return a->in_line != b->in_line ? a->in_line < b->in_line : a->came < b->came;
}

static size_t shares_count(const struct shares *t, int state, const uint8_t *user)
{
    size_t n = 0;

    for (size_t i = 0; i < SHARES_MAX; i++)
        n += (int)t->share[i].state == state &&
             (user == NULL || memcmp(t->share[i].user, user, sizeof t->share[i].user) == 0);
    return n;
}

size_t shares_waiting(const struct shares *t)
{
    return shares_count(t, SHARE_WAITING, NULL);
}

size_t shares_running(const struct shares *t)
{
    return shares_count(t, SHARE_RUNNING, NULL);
}

void shares_init(struct shares *t, size_t processes, uint64_t need_bytes)
{
    ASSERT(processes >= 2 && processes <= PROCESSES_MAX);
    *t = (struct shares){.processes = processes, .need_bytes = need_bytes};
}

bool shares_add(struct shares *t, const uint8_t user[static 16], uint64_t need_bytes, size_t *ret_i)
{
    size_t i = 0;

    if (need_bytes > t->need_bytes || shares_waiting(t) >= SHARES_WAITING_MAX ||
        shares_count(t, SHARE_WAITING, user) >= SHARES_USER_WAITING_MAX)
        return false;
    while (t->share[i].state != SHARE_NONE)
        i++; /* what waits and what runs is never more than SHARES_MAX */
    t->share[i] =
        (struct share){.state = SHARE_WAITING, .need_bytes = need_bytes, .in_line = t->last + 1, .came = t->last + 1};
    t->last++;
    memcpy(t->share[i].user, user, sizeof t->share[i].user);
    *ret_i = i;
    return true;
}

/* Whether a user may have so much more. Who has nothing gets what there is. */
static bool shares_allow(const struct shares_use *use, uint64_t most, uint64_t more)
{
    uint64_t left = most - use->all;

    return more <= left && (use->user == 0 || use->user + more <= left - more);
}

/* The first that has been passed too often. */
static const struct share *shares_overdue(const struct shares *t)
{
    const struct share *first = NULL;

    for (size_t i = 0; i < SHARES_MAX; i++) {
        const struct share *share = &t->share[i];
        if (share->state == SHARE_WAITING && share->passed >= SHARES_PASSED_MAX &&
            (first == NULL || shares_is_before(share, first)))
            first = share;
    }
    return first;
}

/*
 * Whether enough is left for the one that is overdue. While his user has images at work, nothing is kept for him yet, but
 * no other of theirs begins before him: soon they have none.
 */
static bool shares_leave(const struct shares *t, const struct share *overdue, const struct share *who, uint64_t left)
{
    if (overdue == NULL || overdue == who)
        return true;
    if (shares_are_of_one(overdue, who))
        return false;
    return shares_count(t, SHARE_RUNNING, overdue->user) > 0 || who->need_bytes + overdue->need_bytes <= left;
}

static bool shares_may_begin(const struct shares *t, const struct share *who, const struct share *overdue)
{
    struct shares_use processes = {0}, memory = {0};

    for (size_t i = 0; i < SHARES_MAX; i++) {
        const struct share *share = &t->share[i];
        if (share->state != SHARE_RUNNING)
            continue;
        bool same = shares_are_of_one(share, who);
        processes.all++;
        processes.user += same;
        memory.all += share->need_bytes;
        memory.user += same ? share->need_bytes : 0;
    }
    return shares_allow(&processes, t->processes, 1) && shares_allow(&memory, t->need_bytes, who->need_bytes) &&
           shares_leave(t, overdue, who, t->need_bytes - memory.all);
}

/* Counts for those that next passes, and sends its user's others to the end of the line. */
static void shares_move_line(struct shares *t, const struct share *next)
{
    t->last++;
    for (size_t i = 0; i < SHARES_MAX; i++) {
        struct share *share = &t->share[i];
        if (share->state != SHARE_WAITING || share == next)
            continue;
        bool is_passed = shares_is_before(share, next), same = shares_are_of_one(share, next);
        share->passed += is_passed && (same || shares_count(t, SHARE_RUNNING, share->user) == 0);
        if (!same)
            continue;
        share->in_line = t->last;
        if (!is_passed)
            share->passed = 0;
    }
}

bool shares_begin(struct shares *t, size_t *ret_i)
{
    const struct share *overdue = shares_overdue(t);
    struct share *next = NULL;

    for (size_t i = 0; i < SHARES_MAX; i++) {
        struct share *share = &t->share[i];
        if (share->state == SHARE_WAITING && (next == NULL || shares_is_before(share, next)) &&
            shares_may_begin(t, share, overdue))
            next = share;
    }
    if (next == NULL)
        return false;
    shares_move_line(t, next);
    next->state = SHARE_RUNNING;
    *ret_i = (size_t)(next - t->share);
    return true;
}

void shares_end(struct shares *t, size_t i)
{
    ASSERT(i < SHARES_MAX && t->share[i].state != SHARE_NONE);
    t->share[i] = (struct share){.state = SHARE_NONE};
}
