/*
 * Whose image is next. The images that wait and those that are worked on, by user; no clock, no descriptor, no process.
 *
 *    if (!shares_add(&shares, user, need_bytes, &i)) ...        // too many wait: the user is told to come again
 *    while (shares_begin(&shares, &i)) ...                      // i's turn: give it to a process
 *    shares_end(&shares, i);                                    // it has ended, or its sender has left
 *
 * Users take turns: when one of a user's images is begun, his others go to the end of the line. And a user gets no more
 * than a share: another process only while more would stay free than he would have, and the same for memory. So one
 * user alone has half, two have a third each, and there is nearly always something left for who comes next; only
 * somebody who has nothing yet can take the last process.
 *
 * What fits does not wait for what does not fit yet. But a large image would never fit while small ones take each byte
 * that becomes free. So when it has been passed SHARES_PASSED_MAX times, the memory it needs is kept for it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/limits.h"

#define SHARES_WAITING_MAX 128     /* each holds three descriptors */
#define SHARES_USER_WAITING_MAX 16 /* more than an app lets one user send at a time */
#define SHARES_PASSED_MAX 16       /* as many as are worked on at a time, at most */
#define SHARES_MAX (SHARES_WAITING_MAX + PROCESSES_MAX)

struct share {
    enum { SHARE_NONE, SHARE_WAITING, SHARE_RUNNING } state;
    uint8_t user[16];
    uint64_t need_bytes;
    uint64_t in_line, came; /* its place in the line; a user's images that went to its end together stay in order */
    size_t passed;          /* images after it that began: its user's, and others' while that one had nothing at work */
};

struct shares {
    size_t processes;    /* at most PROCESSES_MAX */
    uint64_t need_bytes; /* of all that are worked on, at most */
    uint64_t last;       /* the end of the line */
    struct share share[SHARES_MAX];
};

void shares_init(struct shares *t, size_t processes, uint64_t need_bytes);

/* ret_i names it until shares_end. False: the line is full, or the user's part of it, or it needs more than there is. */
bool shares_add(struct shares *t, const uint8_t user[static 16], uint64_t need_bytes, size_t *ret_i);

/* The next that may begin now; it counts as worked on from here. False: nobody may. */
bool shares_begin(struct shares *t, size_t *ret_i);

void shares_end(struct shares *t, size_t i);

size_t shares_waiting(const struct shares *t);
size_t shares_running(const struct shares *t);
