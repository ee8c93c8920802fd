#include "net/wiped.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

void *wiped_malloc(size_t n)
{
    return xmalloc(n);
}

void wiped_free(void *p)
{
    if (p != NULL)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

/* Never in place: realloc may move, and then frees the old memory as it is. */
void *wiped_realloc(void *p, size_t n)
{
    void *grown = xmalloc(n);

    if (p != NULL)
        memcpy(grown, p, MIN(n, malloc_usable_size(p)));
    wiped_free(p);
    return grown;
}

char *wiped_strdup(const char *s)
{
    size_t n = strlen(s) + 1;

    return memcpy(xmalloc(n), s, n);
}

void *wiped_calloc(size_t n, size_t size)
{
    return xcalloc(n, size);
}
