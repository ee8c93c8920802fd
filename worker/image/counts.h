/*
 * What the image service counts, and the process that shows it (lib/metrics). The figures lie in memory that all
 * processes of the service share, made before the first fork: each counts the images that it ends with; the parent, which
 * stays, counts the processes that end and the image that one had in hand then. Nobody trusts these figures: a process that
 * a picture has taken over could write anything there, and nothing but the text on the socket comes of it.
 *
 *    counts_take(c, slot);            // a connection
 *    counts_image(c, slot, e);        // its image has ended
 *    counts_leave(c, slot);            // whatever came of it
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define COUNTS_SLOTS_MAX 32

enum counts_cause { CAUSE_RECYCLED, CAUSE_TIMED_OUT, CAUSE_CRASHED, CAUSE__MAX };

extern const char *const counts_causes[]; /* their names, NULL-ended */

struct counts;

struct counts *counts_new(void);
void counts_free(struct counts *c);

/* By the process in that slot (below COUNTS_SLOTS_MAX). */
void counts_take(struct counts *c, size_t slot);
void counts_image(struct counts *c, size_t slot, enum err e);
void counts_leave(struct counts *c, size_t slot);

/* By the parent. */
void counts_started(struct counts *c);
void counts_ended(struct counts *c, size_t slot, enum counts_cause cause);

/*
 * The life of the process that shows it all, at DIR/image.sock until SIGTERM (which is blocked); the exit status. It is a
 * process and not a thread of the parent, because a process with threads cannot fork safely. When the socket cannot be
 * made, or dir is empty, nothing is shown.
 */
int counts_show(struct counts *c, struct str dir);
