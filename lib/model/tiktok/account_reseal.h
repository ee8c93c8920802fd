/*
 * After a rotation of token-keys: all tokens under the ring's current key. Programs go on meanwhile; each account is a small
 * transaction of its own, which does nothing where they have put other tokens there since. It can be ended at any time, and run again.
 *
 *    do
 *        e = accounts_reseal(db, ring, told, arg, &done);
 *    while (e == OK && done.sealed > 0);    a second time, until none is left that somebody has put there meanwhile
 */
#pragma once

#include "crypto/keyring.h"
#include "db/db.h"

struct resealed {
    uint64_t looked, sealed; /* rows */
    uint64_t unopened;       /* that no key of the ring opens: they stay as they are */
};

/* Is told of all rows so far, after each of them. */
typedef void resealed_told(const struct resealed *so_far, void *arg);

/*
 * After a restore: whether a key of the ring is that under which rows were sealed, and not another one with the same number, made after the
 * ring was lost. Some of the rows of that number are tried. Both counts are 0 where there is none.
 */
#define RESEAL_TRIED_MAX 100
struct reseal_tried {
    size_t looked, opened;
};
MUST_CHECK enum err accounts_try_key(struct db *db, struct arena *arena, const struct keyring *ring, int id,
                                     struct reseal_tried *ret);

MUST_CHECK enum err accounts_reseal(struct db *db, const struct keyring *ring, resealed_told *told, void *arg,
                                    struct resealed *ret);
