/*
 * A secret that somebody else has issued and that is replaced now and then: its credential holds one a line, the current one first.
 * While it is replaced, old and new are both there, and it does not matter who changes over first, the other side or we.
 *
 *    e = secret_ring_read("tiktok-client-secret", SECRET_RING_WORDS, &ring, &why);     // at start; "new\nold\n"
 *    struct secret_try with = secret_try_begin(&ring);
 *    do
 *        call(secret_try_now(&with));
 *    while (refused && secret_try_next(&with));
 *    if (!refused)
 *        secret_try_taken(&with);    // from now on calls begin with it
 *
 * Threads share a ring without a lock: its secrets do not change, and which of them calls begin with is one number.
 */
#pragma once

#include <stdatomic.h>

#include "base/buf.h"
#include "base/secret.h"

#define SECRET_RING_MAX 4         /* two while one is replaced; more when that was not brought to its end */
#define SECRET_RING_LINE_MAX 1024 /* bytes: an account's password at a relay may be a token of some hundred */

struct secret_ring {
    const char *name; /* of the credential; static */
    struct secret v[SECRET_RING_MAX];
    size_t n; /* 0: the file is empty */
    atomic_size_t current;
    void (*tell)(const char *name,
                 size_t line); /* calls begin with another one now; NULL: nobody asks. For a log, by any thread */
};

enum secret_ring_form {
    SECRET_RING_LINES, /* each line as it is */
    SECRET_RING_WORDS, /* blanks around a line do not count */
};

/*
 * The credential of that name; ERR_NOT_FOUND if there is none. Lines that are empty or blank do not count, nor does one that is there already, nor a CR at its end. Not
 * OK: why says in a sentence what is wrong with it, and there is nothing to wipe.
 */
MUST_CHECK enum err secret_ring_read(const char *name, enum secret_ring_form form, struct secret_ring *ret,
                                     struct buf *why);

/* The same of a text. False: ret_why is a sentence that begins after the credential's name. */
MUST_CHECK bool secret_ring_parse(struct str text, enum secret_ring_form form, struct secret_ring *ret,
                                  const char **ret_why);
void secret_ring_done(struct secret_ring *ring); /* wipes them */

/* Is it one of them? In a time that does not depend on their bytes. */
bool secret_ring_has(const struct secret_ring *ring, struct str secret);

/* The secrets, as what takes a list of texts wants them; they live in the ring. Returns how many. */
size_t secret_ring_texts(const struct secret_ring *ring, struct str ret[static SECRET_RING_MAX]);

/* One call's way through the ring: from that with which calls begin to each of the others once. */
struct secret_try {
    struct secret_ring *ring;
    size_t at, tried;
};

struct secret_try secret_try_begin(struct secret_ring *ring);
const struct secret *secret_try_now(const struct secret_try *t); /* of an empty ring: an empty one */
MUST_CHECK bool secret_try_next(struct secret_try *t);           /* it was refused. False: so were all others */
void secret_try_taken(const struct secret_try *t);               /* it was not refused */
