/* The resources of the app media, and what its threads share. */
#pragma once

#include <pthread.h>

#include "fcgi/app.h"

/*
 * TikTok fetches an image once, and fails the post when it gets an error. So a fetch waits for a database that is away for a
 * moment, as it is when it restarts. All fetches together wait for so long from the first one that missed it, and not each:
 * else a long outage would have every thread wait for the same in vain, and what comes behind would be told later still. Where
 * nobody has missed it for as long, it may have been back meanwhile: that is another outage.
 */
#define MEDIA_WAIT_US (5 * US_PER_SEC)

struct media {
    pthread_mutex_t lock;
    int64_t away_since_us, missed_at_us; /* of clock_mono_us: the first and the last miss; 0: the database answers */
};

extern const struct route delivery_routes[]; /* delivery.c */
