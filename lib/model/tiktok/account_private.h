/* What the account_*.c files share. */
#pragma once

#include "model/tiktok/account.h"

struct account_sealed {
    struct str access, refresh; /* absent where there is nothing to seal */
};

/* Into the arena; each value is bound to its column and the row id. */
MUST_CHECK enum err account_seal(const struct keyring *ring, struct arena *arena, const struct uuid *id,
                                 const struct account_tokens *tokens, struct account_sealed *ret_sealed);
