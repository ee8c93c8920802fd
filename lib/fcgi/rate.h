/*
 * How often somebody may ask: the limits of a route's class (route_rate in http/route.h), exact over all threads and
 * programs of the machine. nginx's walls stand before these, and stop only floods.
 *
 *    e = rate_admit(c, route, false, e);    after the other columns of the route, before the handler
 *    rate_settle(c, e);                     after the handler
 *    rate_put_headers(c);                   before the answer is sent
 *
 * Who is counted:
 *    a key         what it asks by itself, and beside that what its user's keys and sessions ask together
 *    a session     what all sessions of its user ask, and beside that the same
 *    nobody known  the network (IPv6: its /64): no credential, one that is not valid, or a route that takes none
 * A class's number (base/conf.def, section rates), times what the user's plan allows (base/plans.h), is for the first of these;
 * for a network it is that number. All of a user together may
 * have RATE_USER_SHARES times as much: so a key that runs wild leaves its owner the dashboard, and other keys theirs.
 * Users and keys have their own part of the mapping, and networks theirs, so however many strangers come, no user is
 * pushed out.
 *
 * What is counted: each request that the program reads, in its route's class. Not one that waited too long for a thread,
 * or that could not be checked because the database is away; a large body is counted once, and not when nginx asks about
 * it. A request that is refused for the limit takes nothing. One of the class post takes one of write, and one of post only
 * when its handler runs, which it gets back when nothing was made; the repeat of an Idempotency-Key makes nothing, and needs none
 * to be left.
 *
 * Where a cell is depends on a secret in the file, which is made with it: nobody can choose an address or a key that shares the
 * cell of another.
 *
 * The cells are in a file that the programs share (conf.rates_file, base/mapping.h), without a database. When that cannot
 * be used, each program counts by itself, and an alarm says so: then a caller has as much from each program.
 */
#pragma once

#include "base/conf.h"
#include "base/err.h"
#include "base/uuid.h"
#include "http/route.h"

#define RATE_USER_SHARES 2

struct ctx;
struct rates;

/* The classes that have a limit, in the order in which they are shown; RATE_UNSET ends them. */
extern const enum route_rate rate_limited[];
const char *rate_name(enum route_rate rate);
int64_t rate_limit(const struct conf *conf, enum route_rate rate); /* of one that has a limit */

/* What somebody has of a class. */
struct rate_state {
    enum route_rate rate;
    int64_t limit, window_sec;
    int64_t left, reset_sec; /* how many more now; until all are there again */
    int64_t wait_sec;        /* 0: the next may come now */
    bool is_counted;         /* else only limit and window_sec are known */
};

#define RATE_SUBJECTS_MAX 2 /* of a request: its key or sessions, and its user; or its network */

/* One that a request has taken of a class, and may give back. */
struct rate_held {
    bool is_held;
    int64_t all_at[RATE_SUBJECTS_MAX]; /* of each count (fcgi/rate_cells.h) */
};

struct rates *rates_new(const struct conf *conf); /* never fails: see above */
void rates_free(struct rates *r);

/* Once a second, from one thread; it is not shared before. False: there is a file to be shared, and it cannot be used. */
MUST_CHECK bool rates_look(struct rates *r);

/* Does nginx say these limits, too (fcgi/rate_told.h)? */
MUST_CHECK bool rates_are_told(const struct rates *r);

/*
 * refused: OK, or why the request will be refused anyway. ERR_RATE_LIMITED, with a problem that says which limit it was;
 * else refused. only_looks: nothing is counted. c->caller and
 * c->network must be filled in; route may be NULL.
 */
MUST_CHECK enum err rate_admit(struct ctx *c, const struct route *route, bool only_looks, enum err refused);
void rate_settle(struct ctx *c, enum err e);

/*
 * Of a route of RATE_SIGNED, once its handler has seen that the signature is not good: the request is a stranger's, and takes one
 * of RATE_WRITE from the network. Not before: whoever shares the signer's network could use up its limit. ERR_RATE_LIMITED.
 */
MUST_CHECK enum err rate_unsigned(struct ctx *c);

/* RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10), X-RateLimit-*; as of the request. */
void rate_put_headers(struct ctx *c);

/* For c's caller, who is known. */
struct rate_state rate_state_of(const struct ctx *c, enum route_rate rate);
