/*
 * Verified keys of the last second, so that a client that sends one request after another is not looked up for each. A
 * revoked key stops with the next request on this machine (base/epoch.h) and within a second on others, whose epoch
 * nobody here can end. Refusals are not kept. A key that expires meanwhile is given all the same: whoever takes it looks
 * at its time.
 *
 *    struct key_cache_view view = key_cache_look(cache);       before the database is asked
 *    if (key_cache_get(cache, &view, &hash, arena, &key)) ...
 *    else read it, check it, key_cache_put(cache, &view, &hash, &key);
 *
 * 1024 places, four for keys whose hashes begin alike; a fifth takes the place of the one that was read first. From any
 * thread.
 */
#pragma once

#include "base/epoch.h"
#include "crypto/digest.h"
#include "model/key/key.h"

#define KEY_CACHE_AGE_US US_PER_SEC
#define KEY_CACHE_WAYS 4

/* When, and in which epoch, the database was asked or the cache is. */
struct key_cache_view {
    struct epoch_mark epoch;
    int64_t at_us; /* of the monotonic clock */
    bool is_known; /* the epoch is: else nothing is kept, and nothing that was kept is good */
};

struct key_cache *key_cache_new(const struct epoch *epoch); /* the epoch stays the caller's, and open */
void key_cache_free(struct key_cache *c);

struct key_cache_view key_cache_look(const struct key_cache *c);

/* The key's strings are copied into the arena. */
bool key_cache_get(struct key_cache *c, const struct key_cache_view *view, const struct sha256 *hash,
                   struct arena *arena, struct key *ret_key);
void key_cache_put(struct key_cache *c, const struct key_cache_view *view, const struct sha256 *hash,
                   const struct key *key);
