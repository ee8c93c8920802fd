/*
 * A file that the processes of a machine share by mapping it: for counts that are quick to change and may be lost.
 *
 *    struct mapping m;
 *    mapping_init(&m, path, STR("my counts 1\n"), size);
 *    use(m.p);                              size bytes, zero at first; atomics, because others use them, too
 *    if (mapping_look(&m) == MAPPING_OWN)   once a second, from one thread
 *        say that nobody shares it
 *    mapping_done(&m);
 *
 * m.p is there from mapping_init to mapping_done and never moves, whatever becomes of the file. While the file is missing,
 * is not a regular file, begins with another head or cannot be used, m.p is memory of this process alone; so it is when the
 * file is cut short while it is used (a SIGBUS, which is taken here) or its disk is full. mapping_look goes back to the file
 * as soon as that can be used, and makes a file that is too short as long as it must be. Either way the bytes begin anew.
 * What others have written there is theirs: trust none of it.
 *
 * Whoever lays out the bytes in another way uses another file and head, so that programs of two releases can run at a time.
 *
 * Limit: one mapping in a process, because a signal handler gets no argument.
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"

#define MAPPING_HEAD_BYTES 64 /* before the first of the bytes */

enum mapping_state {
    MAPPING_SHARED,
    MAPPING_OWN, /* of this process alone */
};

struct mapping {
    void *p; /* aligned for a cache line */
    size_t size;
    struct str path, head;
    int fd; /* the file that p is mapped from; negative: none */
    char *base;
};

/* path (empty: no file, only this process) and head live as long as m; head has at most MAPPING_HEAD_BYTES. */
void mapping_init(struct mapping *m, struct str path, struct str head, size_t size);
void mapping_done(struct mapping *m);

/* Looks after the file, as above. Other threads may use m->p meanwhile. */
MUST_CHECK enum mapping_state mapping_look(struct mapping *m);
