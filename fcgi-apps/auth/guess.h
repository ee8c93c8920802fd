/*
 * A try of a password or a code at the sign-in, counted (auth/throttle.h); and telling the owner when tries are refused.
 *
 *    struct guess guess;
 *    e = guess_begin(c, email, &guess);         ERR_WRONG_TOO_OFTEN
 *    if (e == OK)
 *        e = guess_end(c, &guess, sign_in(c));
 *
 * What strangers can see of it does not depend on whether an address has an account: it is counted by its hash, and the owner is
 * told by a thread of its own (guess_work), which alone looks whether there is one.
 */
#pragma once

#include "auth/throttle.h"
#include "fcgi/app.h"
#include "model/user/user.h"

struct guess {
    struct throttle_try try;
};

/* email: as it was typed. On ERR_WRONG_TOO_OFTEN, Retry-After says how long to wait. */
MUST_CHECK enum err guess_begin(struct ctx *c, struct str email, struct guess *ret_guess);

/* What came of it: OK, a wrong password or code, or something that says nothing about either. Returns e. */
MUST_CHECK enum err guess_end(struct ctx *c, const struct guess *guess, enum err e);

/* The password was right, and the code is still to come: this counts for nothing. */
void guess_give_back(struct ctx *c, const struct guess *guess);

/* A mailed link has come from this network: the account's owner is there, whoever guesses elsewhere, and need not wait for what was
 * guessed before. Not for an account with a second factor, of which a link proves nothing. */
void guess_know(struct ctx *c, const struct user *user);

/* Owners who are to be told, by the hash of the address; what is left at a stop is lost. */
struct guess_notices;
struct guess_notices *guess_notices_new(void);
void guess_notices_free(struct guess_notices *n);

/* Tells those that are there, and waits a moment for more. On a thread of its own. */
void guess_work(struct guess_notices *n, struct db *db, struct arena *arena);
