/*
 * struct secret: bytes that must not be seen: passwords, tokens, keys. It has no formatter, is wiped when freed, and
 * may contain a NUL. A NUL also follows the n bytes, for libraries that want a C string.
 *
 *    _cleanup_(secret_done) struct secret token = secret_copy(s);
 *    call(secret_str(&token));
 */
#pragma once

#include "base/defs.h"
#include "base/err.h"
#include "base/str.h"

struct secret {
    char *p;
    size_t n;
};

struct secret secret_copy(struct str s);
void secret_done(struct secret *s); /* wipes, frees, empties */

/* The bytes, for the one call that needs them. Never for a log, nor for any answer but the one that hands a new
 * secret to its owner. */
static inline struct str secret_str(const struct secret *s)
{
    return str_of(s->p, s->n);
}

/*
 * Reads the credential name: the file of that name in $CREDENTIALS_DIRECTORY (systemd's LoadCredential=), at most
 * 64 KiB, without the newline at its end. ERR_NOT_FOUND if there is none, ERR_IO if it cannot be read.
 */
MUST_CHECK enum err credential_read(const char *name, struct secret *ret_secret);
