/*
 * The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07, 2.1): a string of structured fields (RFC 8941,
 * 3.3.3), in double quotes, with \" and \\ in it, and without parameters. Many clients leave the quotes out, so a bare key is
 * taken, too: visible ASCII without quotes, and without commas, which is how two headers look that somebody made one of.
 *
 *    "order 17"   and   order-17   and   9a0a3a61-2d4f-4f5a-8f0b-3c1b3f3e6d11
 *
 * The key is what the quotes hold: 1 to 255 characters, ' ' to '~'. So abc and "abc" are the same one.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#define IDEMPOTENCY_KEY_MAX 255

/* ERR_IDEMPOTENCY_KEY. ret_key lives in the arena or in header. */
MUST_CHECK enum err idempotency_key_parse(struct arena *arena, struct str header, struct str *ret_key);
