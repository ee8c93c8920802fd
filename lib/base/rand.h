/* Random bytes from the kernel. Never fails: a kernel without getrandom(2) ends the process. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *ret, size_t n);
uint64_t rand_below(uint64_t limit); /* 0 .. limit-1, for jitter; limit > 0 */
