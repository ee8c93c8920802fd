#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"

#define CREDENTIAL_MAX_BYTES (64u << 10) /* a key ring is the largest: a few hundred bytes */

struct secret secret_copy(struct str s)
{
    struct secret c = {.p = xcalloc(s.n + 1, 1), .n = s.n};

    if (s.n > 0)
        memcpy(c.p, s.p, s.n);
    return c;
}

void secret_done(struct secret *s)
{
    if (s->p != NULL)
        explicit_bzero(s->p, s->n);
    free(s->p);
    *s = (struct secret){0};
}

static enum err secret_read_all(int fd, struct secret *ret_secret)
{
    char *p = xcalloc(CREDENTIAL_MAX_BYTES + 1, 1);
    size_t n = 0;
    ssize_t got;

    while ((got = read(fd, p + n, CREDENTIAL_MAX_BYTES - n)) > 0)
        n += (size_t)got;
    if (got < 0 || n == CREDENTIAL_MAX_BYTES) {
        explicit_bzero(p, n);
        free(p);
        return ERR_IO;
    }
    if (n > 0 && p[n - 1] == '\n')
        p[--n] = '\0';
    *ret_secret = (struct secret){.p = p, .n = n};
    return OK;
}

enum err credential_read(const char *name, struct secret *ret_secret)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    char path[1024];

    if (dir == NULL)
        return ERR_NOT_FOUND;
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return ERR_IO;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    enum err e = secret_read_all(fd, ret_secret);
    (void)close(fd);
    return e;
}
