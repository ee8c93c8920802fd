/*
 * How often a password may be guessed: of one account, wherever the guesses come from. In memory only, so a restart forgets it;
 * all guesses come to this one program.
 *
 *    int64_t wait_us = throttle_take(t, &user_id);   before the password is looked at
 *    if (wait_us > 0) ... say so: it is not looked at
 *    throttle_forget(t, &user_id);                   it was right
 *    throttle_give_back(t, &user_id);                it could not be looked at
 *
 * THROTTLE_FREE are free. After each more, the next one must wait, twice as long every time, and THROTTLE_WAIT_MAX_US at most:
 * so nobody is locked out for good. A right one, or an hour without any, forgets them all. A try counts when it begins, so
 * many at once are no more than one after the other.
 *
 * THROTTLE_PLACES accounts are known; one more takes the place of the one that tried longest ago. From any thread.
 */
#pragma once

#include "base/clock.h"
#include "base/uuid.h"

#define THROTTLE_FREE 5
#define THROTTLE_WAIT_US (30 * US_PER_SEC) /* after the first that is not free */
#define THROTTLE_WAIT_MAX_US (15 * 60 * US_PER_SEC)
#define THROTTLE_KEPT_US (3600 * US_PER_SEC)
#define THROTTLE_PLACES 1024

struct throttle;

struct throttle *throttle_new(void);
void throttle_free(struct throttle *t);

int64_t throttle_take(struct throttle *t, const struct uuid *user_id); /* 0: try it; else how long to wait */
void throttle_forget(struct throttle *t, const struct uuid *user_id);
void throttle_give_back(struct throttle *t, const struct uuid *user_id);
