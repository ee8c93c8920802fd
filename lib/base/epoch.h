/*
 * An epoch that all processes of a machine share: a copy of what the database holds is good only within the epoch in
 * which it was read. The epoch is a file of 16 random bytes; writing new ones ends it.
 *
 * Who copies:
 *    epoch_now(&epoch, &mark); read from the database; keep what was read, together with mark
 *    epoch_now(&epoch, &mark); use what was kept if its mark is the same
 *
 * Who changes what others may have copied:
 *    commit; epoch_end(&epoch); answer
 *
 * Any number of processes, of several users, may end it at once, without a lock. Whatever mixture of their bytes is in
 * the file at any moment, it is not what was there before the first of them began to write, except with a probability
 * of 2^-128; so a mark taken before a commit is never seen again after that commit's epoch_end has returned. That is
 * also why it holds random bytes and not a counter, which two writers could both set to the same number.
 *
 * It is read by a system call, not mapped: a file cut short is then an epoch that nobody knows, and not a SIGBUS.
 *
 * Limit: a process that dies between its commit and epoch_end leaves wrong copies behind. So copies also need an age
 * (model/key/key_cache.h), and a program that ends the epoch also ends it when it starts.
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

/* ERR_UNAVAILABLE when the file is missing or may not be read (if ends: or written); see errno. */
MUST_CHECK enum err epoch_open(struct str path, bool ends, struct epoch *ret);
void epoch_close(struct epoch *e);

/* False without an epoch, or when the file does not hold one: then copies are good for nothing. */
bool epoch_now(const struct epoch *e, struct epoch_mark *ret);

/* ERR_UNAVAILABLE when the file cannot be written. OK without an epoch: then nobody keeps copies. */
MUST_CHECK enum err epoch_end(const struct epoch *e);
