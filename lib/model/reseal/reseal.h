/*
 * After a rotation of a key ring: all rows of a table under the ring's current key. Programs go on meanwhile: DB_MANY_MAX rows at most are
 * a transaction, which does nothing where somebody has put something else there since. It can be ended at any time, and run again.
 *
 *    do
 *        e = accounts_reseal(db, ring, told, arg, &done);    // model/tiktok/account_reseal.h
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

struct reseal {
    const struct sql *each; /* of db_each */
    size_t row_bytes;
    const struct sql *put; /* changes a row as it was read, and no other */

    /* Adds put's parameters, which are the arena's; nothing where the row needs no change. ERR_SEALED: no key opens it. */
    enum err (*row)(const struct keyring *ring, struct arena *arena, const void *row, struct db_many *many);
};

MUST_CHECK enum err reseal_all(struct db *db, const struct reseal *what, const struct keyring *ring,
                               resealed_told *told, void *arg, struct resealed *ret);

/*
 * After a restore: whether a key of the ring is that under which rows were sealed, and not another one with the same number, made after the
 * ring was lost. Some of the rows of that number are tried. Both counts are 0 where there is none.
 */
#define RESEAL_TRIED_MAX 100
struct reseal_tried {
    size_t looked, opened;
};
