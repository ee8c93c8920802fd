#include "model/key/key_cache.h"

#include <stdlib.h>

#include "base/lock.h"

#define SETS 256 /* with all places taken, a quarter of a MB */

struct place {
    struct sha256 hash;
    struct key_cache_view read; /* is_known false: free */
    struct key key;             /* without its strings */
    size_t name_n, prefix_n;
    char name[KEY_NAME_MAX_BYTES], prefix[KEY_PREFIX_CHARS];
    char subscribed[PLAN_NAME_MAX_BYTES + 1], granted[PLAN_NAME_MAX_BYTES + 1]; /* "": none */
};

struct key_cache {
    const struct epoch *epoch;
    pthread_mutex_t lock;
    struct place places[SETS][KEY_CACHE_WAYS];
};

struct key_cache *key_cache_new(const struct epoch *epoch)
{
    struct key_cache *c = xcalloc(1, sizeof *c);

    c->epoch = epoch;
    lock_init(&c->lock);
    return c;
}

void key_cache_free(struct key_cache *c)
{
    if (c == NULL)
        return;
    lock_done(&c->lock);
    free(c);
}

struct key_cache_view key_cache_look(const struct key_cache *c)
{
    struct key_cache_view v = {.at_us = clock_mono_us()};

    v.is_known = epoch_now(c->epoch, &v.epoch);
    return v;
}

static struct place *key_cache_set_of(struct key_cache *c, const struct sha256 *hash)
{
    return c->places[hash->b[0] % SETS];
}

static bool key_cache_is_of(const struct place *p, const struct sha256 *hash)
{
    return p->read.is_known && memcmp(&p->hash, hash, sizeof *hash) == 0;
}

/* The key's own place, else a free one, else the one that was read first. */
static struct place *key_cache_place_for(struct place *set, const struct sha256 *hash)
{
    struct place *first = set;

    for (size_t i = 0; i < KEY_CACHE_WAYS; i++) {
        if (key_cache_is_of(&set[i], hash))
            return &set[i];
        if (set[i].read.at_us < first->read.at_us) /* 0 in a free one */
            first = &set[i];
    }
    return first;
}

static bool key_cache_is_good(const struct place *p, const struct key_cache_view *now, const struct sha256 *hash)
{
    return key_cache_is_of(p, hash) && memcmp(&p->read.epoch, &now->epoch, sizeof now->epoch) == 0 &&
           now->at_us - p->read.at_us < KEY_CACHE_AGE_US;
}

static struct str key_cache_plan(struct arena *arena, const char *name)
{
    return arena_str(arena, str_from(name[0] != '\0' ? name : NULL));
}

/* The place is zero. */
static void key_cache_keep_plan(char *place, struct str name)
{
    memcpy(place, name.n > 0 ? name.p : "", name.n);
}

bool key_cache_get(struct key_cache *c, const struct key_cache_view *view, const struct sha256 *hash,
                   struct arena *arena, struct key *ret_key)
{
    if (!view->is_known)
        return false;
    lock_take(&c->lock);
    const struct place *p = key_cache_place_for(key_cache_set_of(c, hash), hash);
    bool good = key_cache_is_good(p, view, hash);
    if (good) {
        *ret_key = p->key;
        ret_key->name = arena_str(arena, str_of(p->name, p->name_n));
        ret_key->prefix = arena_str(arena, str_of(p->prefix, p->prefix_n));
        ret_key->plan.subscribed = key_cache_plan(arena, p->subscribed);
        ret_key->plan.granted = key_cache_plan(arena, p->granted);
        ret_key->revoked_reason = (struct str){0};
    }
    lock_release(&c->lock);
    return good;
}

void key_cache_put(struct key_cache *c, const struct key_cache_view *view, const struct sha256 *hash,
                   const struct key *key)
{
    /* A row that somebody changed by hand may hold more than we would have written. */
    bool fits = key->name.n <= KEY_NAME_MAX_BYTES && key->prefix.n <= KEY_PREFIX_CHARS &&
                key->plan.subscribed.n <= PLAN_NAME_MAX_BYTES && key->plan.granted.n <= PLAN_NAME_MAX_BYTES;

    if (!view->is_known || !fits)
        return;
    lock_take(&c->lock);
    struct place *p = key_cache_place_for(key_cache_set_of(c, hash), hash);
    *p = (struct place){.hash = *hash, .read = *view, .key = *key, .name_n = key->name.n, .prefix_n = key->prefix.n};
    memcpy(p->name, key->name.p, key->name.n);
    memcpy(p->prefix, key->prefix.p, key->prefix.n);
    key_cache_keep_plan(p->subscribed, key->plan.subscribed);
    key_cache_keep_plan(p->granted, key->plan.granted);
    lock_release(&c->lock);
}
