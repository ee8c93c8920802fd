/*
 * Half of the time for others. Whoever works for long on what can take its time rests as long as it has worked, a millisecond at a
 * time, so that what is quick does not wait behind it on a machine with few processors.
 *
 *    struct rest rest = {0};
 *    for (...) {
 *        work();
 *        rest_take(&rest);
 *    }
 *
 * Time in which it waited for somebody else anyway is rest, too: rest_waited().
 */
#pragma once

#include <stdint.h>

#define REST_EVERY_US INT64_C(1000) /* of work: less than the kernel lets a thread run before the next's turn */

struct rest {
    int64_t since_us; /* the begin of the work, by clock_mono_us(); 0: it has not begun */
};

/* For how long to rest now, 0 to REST_MOST_US. The work begins anew when that is over. */
#define REST_MOST_US (100 * REST_EVERY_US) /* longer work was a wait for a processor, or the machine slept */
int64_t rest_due_us(struct rest *r, int64_t now_us);

void rest_take(struct rest *r); /* sleeps as long as is due */
void rest_waited(struct rest *r, int64_t waited_us);
