/* After a rotation of token-keys: the tokens of all accounts under the ring's current key. */
#pragma once

#include "model/reseal/reseal.h"

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
