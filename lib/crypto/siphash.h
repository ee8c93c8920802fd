/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): a hash of few bytes whose value nobody can foresee
 * who does not know the key. For tables that strangers fill; it costs about as much as one miss of the cache.
 *
 *    uint64_t h = siphash(&key, &id, sizeof id);
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
    uint64_t k[2];
};

uint64_t siphash(const struct siphash_key *key, const void *p, size_t n);
