/* What the targets share. A broken invariant is an ASSERT: libFuzzer reports the abort with its input. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define FUZZ_ARENA_BYTES (4u << 20) /* as a request has */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A number from the input itself, so that a finding repeats. */
static inline uint32_t fuzz_next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}
