/*
 * How long TikTok's fetches wait for a database that is away. TikTok fetches an image once, and fails the post when it gets an
 * error; so a fetch waits for a database that is away for a moment, as it is when it restarts. All fetches together wait
 * OUTAGE_WAIT_US from the first one that missed it, and not each: else a long outage would have every thread wait for the same
 * in vain, and what comes behind would be told later still. Where nobody has missed it for as long, it may have been back
 * meanwhile: that is another outage.
 *
 *    while (e == ERR_DB_UNAVAILABLE && outage_goes_on(&outage, began_us, clock_mono_us()))
 *        ...;                          a pause, and the same anew
 *    if (e != ERR_DB_UNAVAILABLE)
 *        outage_is_over(&outage);
 *
 * From any thread.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define OUTAGE_WAIT_US (5 * US_PER_SEC)

struct outage {
    pthread_mutex_t lock;
    int64_t since_us, missed_at_us; /* the first and the last miss, by clock_mono_us; 0: the database answers */
};

void outage_init(struct outage *o);
void outage_done(struct outage *o);

/* Somebody who asked at began_us has missed the database at now_us: may they try again? */
bool outage_goes_on(struct outage *o, int64_t began_us, int64_t now_us);
void outage_is_over(struct outage *o);
