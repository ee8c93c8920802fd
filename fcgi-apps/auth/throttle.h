/*
 * How often passwords and codes may be guessed. In memory only, so a restart forgets it, and no address is kept; all guesses
 * come to this one program.
 *
 *    struct throttle_try try = throttle_sign_in(t, &account, &network);
 *    int64_t wait_us = throttle_take(t, &try);   before the password is looked at
 *    if (wait_us > 0) ... say so: it is not looked at
 *    throttle_right(t, &try);                    it was right, and the code, too
 *    throttle_give_back(t, &try);                it could not be looked at, or nobody knows yet
 *
 * What is counted is a row of the table at the end of throttle.c: as many tries as it says are free; after each more, the
 * next one must wait, twice as long every time, and THROTTLE_WAIT_MAX_US at most, so nobody is locked out for good. An hour
 * without any forgets them all. A try counts when it begins, so many at once are no more than one after the other; one that
 * must wait counts nowhere.
 *
 * A sign-in counts three times:
 *    for the account from this network      few are free. A right one forgets these
 *    for the account from all networks      more are free: many guessers are as slow together as one
 *    for the network with all accounts      more still: one password tried with many accounts
 * A stranger who knows an address must not be able to keep its owner out. So the last two are not counted, and do not
 * matter, where the account was signed in to from this network within THROTTLE_KNOWN_US, or its owner came there by a mailed
 * link (throttle_know): a stranger elsewhere does not slow that down at all. And who is signed in stays so; typing the
 * password again (throttle_confirm) is counted by itself. What is left to a stranger is to be in the same network.
 *
 * An account is the hash of an address, whether it has a user or not; a network is as fcgi/app.h has it (IPv6: a /64). Where a
 * count is depends on a secret of the process, so nobody can choose whose place to take; a place that was not used for longest
 * goes first, and networks where an account is known have places of their own. From any thread.
 */
#pragma once

#include "base/clock.h"
#include "base/conf.h"
#include "base/uuid.h"
#include "crypto/digest.h"

#define THROTTLE_WAIT_US (30 * US_PER_SEC) /* after the first that is not free */
#define THROTTLE_WAIT_MAX_US (15 * 60 * US_PER_SEC)
#define THROTTLE_KEPT_US (3600 * US_PER_SEC)
#define THROTTLE_KNOWN_US (30 * US_PER_DAY)
#define THROTTLE_TOLD_US (US_PER_DAY) /* an owner is told once in this time */
#define THROTTLE_CONFIRM_FREE 5

enum throttle_what {
    THROTTLE_CONFIRM, /* of a user, in a session */
    THROTTLE_PAIR,    /* of an account from a network */
    THROTTLE_ACCOUNT,
    THROTTLE_NETWORK,
    THROTTLE_CODED,      /* not tries, but when the right password of an account was last given, with a wrong code */
    THROTTLE_TOLD,       /* not tries, but when the account's owner was last told */
    THROTTLE_TOLD_CODED, /* the same, that somebody has the password */
    THROTTLE_KNOWN,      /* not tries, but when the account was last signed in to from a network */
    THROTTLE__MAX
};

struct throttle_count {
    enum throttle_what what;
    uint64_t tag[2];
    int64_t before_us, taken_us; /* when one is taken: to give it back */
};

#define THROTTLE_COUNTS_MAX 3
struct throttle_try {
    size_t n;
    struct throttle_count counts[THROTTLE_COUNTS_MAX];
    struct throttle_count known, coded, told, told_coded; /* of a sign-in */
};

struct throttle;

struct throttle *throttle_new(const struct conf *conf);
void throttle_free(struct throttle *t);

struct throttle_try throttle_sign_in(struct throttle *t, const struct sha256 *account, const struct uuid *network);
struct throttle_try throttle_confirm(struct throttle *t, const struct uuid *user_id);

int64_t throttle_take(struct throttle *t, struct throttle_try *try); /* 0: try it; else how long to wait */
void throttle_right(struct throttle *t, const struct throttle_try *try);
void throttle_give_back(struct throttle *t, const struct throttle_try *try);

void throttle_wrong_code(struct throttle *t, const struct throttle_try *try); /* but the password was right */

/* Of a sign-in that must wait: whether its owner is to be told that somebody guesses. Once in THROTTLE_TOLD_US, and not when
 * only the network has guessed too often. THROTTLE_GUESSED_CODES: with the right password; that is told even if it was told before
 * that somebody guesses, and wrong passwords that come afterwards do not hide it. */
enum throttle_news { THROTTLE_NO_NEWS, THROTTLE_GUESSED, THROTTLE_GUESSED_CODES };
enum throttle_news throttle_tell(struct throttle *t, const struct throttle_try *try);

/* The account's owner is in this network: a mailed link came from there. What was tried from there is forgotten. */
void throttle_know(struct throttle *t, const struct sha256 *account, const struct uuid *network);
