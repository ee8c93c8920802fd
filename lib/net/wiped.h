/*
 * Memory for libcurl, wiped when it is freed: its buffers hold the heads and bodies of calls, and with them tokens and the
 * client secret. Of lib/net alone.
 */
#pragma once

#include <stddef.h>

void *wiped_malloc(size_t n);
void wiped_free(void *p);
void *wiped_realloc(void *p, size_t n);
char *wiped_strdup(const char *s);
void *wiped_calloc(size_t n, size_t size);
