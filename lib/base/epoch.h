/*
 * An epoch that all processes of a machine share: a copy of what the database holds is good within the epoch in which it
 * was read. It is a file of 16 random bytes. Who changes what others may have copied ends the epoch, after the commit
 * and before the answer, by writing new ones.
 *
 *    epoch_now(&epoch, &mark); read from the database; keep what was read, with mark      in those who copy
 *    epoch_now(&epoch, &mark); use what was kept if its mark is the same
 *
 *    commit; epoch_end(&epoch); answer                                                    in the one who changes
 *
 * No counter: two writers at a time cannot write the same bytes, and no epoch ever comes back. Read by a system call and
 * not mapped, so that a file cut short is only an epoch that nobody knows. One who dies between commit and epoch_end
 * leaves copies behind that are wrong; so they also need an age (model/key/key_cache.h), and who changes ends the epoch when it starts.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct epoch {
    int fd; /* negative: there is none */
};

struct epoch_mark {
    uint8_t b[16];
};

#define EPOCH_NONE ((struct epoch){.fd = -1})

/* ERR_UNAVAILABLE when the file is not there or may not be read (ends: also written); see errno. */
MUST_CHECK enum err epoch_open(struct str path, bool ends, struct epoch *ret);
void epoch_close(struct epoch *e);

/* False when there is none, or the file does not hold one: then copies are good for nothing. */
bool epoch_now(const struct epoch *e, struct epoch_mark *ret);

MUST_CHECK enum err epoch_end(const struct epoch *e); /* ERR_UNAVAILABLE; OK when there is none: nobody copies then */
