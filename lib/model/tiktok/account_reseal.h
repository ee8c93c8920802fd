/* After a rotation of token-keys: the tokens of all accounts under the ring's current key. */
#pragma once

#include "model/reseal/reseal.h"

MUST_CHECK enum err accounts_try_key(struct db *db, struct arena *arena, const struct keyring *ring, int id,
                                     struct reseal_tried *ret);

MUST_CHECK enum err accounts_reseal(struct db *db, const struct keyring *ring, resealed_told *told, void *arg,
                                    struct resealed *ret);
