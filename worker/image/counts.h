/*
 * What the image service counts, and the process that shows it (lib/metrics). The figures are in memory that all
 * processes of the service share, made before the first fork. Each process counts the images that it finishes; the
 * parent counts the processes that end, and the image that such a process was working on. Nobody trusts these figures:
 * a process that a picture has taken over could write anything there, and only the text on the socket would be wrong.
 *
 *    counts_take(c, slot);             // an image
 *    counts_image(c, slot, e);         // it has ended
 *    counts_leave(c, slot);            // in any case
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
void counts_waiting(struct counts *c, int64_t n);
void counts_told_busy(struct counts *c);

/*
 * Shows the figures at DIR/image.sock until SIGTERM, which must be blocked; returns the exit status. For a process of
 * its own, because a parent with threads cannot fork safely. When the socket cannot be made, or dir is empty, nothing
 * is shown.
 */
int counts_show(struct counts *c, struct str dir);
