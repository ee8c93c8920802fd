/* After a rotation of totp-keys: the secrets of all authenticator apps under the ring's current key. */
#pragma once

#include "model/reseal/reseal.h"

MUST_CHECK enum err second_factors_try_key(struct db *db, struct arena *arena, const struct keyring *ring, int id,
                                           struct reseal_tried *ret);
MUST_CHECK enum err second_factors_reseal(struct db *db, const struct keyring *ring, resealed_told *told, void *arg,
                                          struct resealed *ret);
