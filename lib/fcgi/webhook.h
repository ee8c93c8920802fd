/*
 * What the routes have in common by which providers tell us something (docs/architecture.md#billing): the check of their signature, what
 * is counted, and the answer. What an event is and what becomes of it is the app's.
 *
 *    enum timed_signature s = stripe_signature_check(r->stripe_signature, body, &secrets, clock_now_us());
 *    e = webhook_judge(c, r->stripe_signature_times, s, &bad, NULL);
 *    ... reads and stores it ...
 *    return webhook_taken(c, WEBHOOK_NEW, NULL);
 *
 * and .webhook_names = webhook_names in the struct app.
 */
#pragma once

#include "crypto/timed_signature.h"
#include "fcgi/app.h"

enum webhook_outcome {
    WEBHOOK_NEW,
    WEBHOOK_KNOWN,
    WEBHOOK_IGNORED,
    WEBHOOK_UNREADABLE,
    WEBHOOK_BAD_SIGNATURE,
    WEBHOOK_NOT_STORED,
    WEBHOOK__MAX
};
extern const char *const webhook_names[]; /* "new" ... NULL */

/* Signatures of the right form that were wrong, one after another. Shared by the threads. */
struct webhook_bad {
    atomic_int n;
};

/*
 * times: how often the header was sent. Two headers: the provider sends one, and who reads the first of them is told another thing than
 * who reads the last. OK; ERR_SIGNATURE or ERR_RATE_LIMITED, and it is counted. After many in a row that may have been the provider's a
 * line of the log says so, and ask (NULL: nobody can be asked) is called once, until one was good.
 */
MUST_CHECK enum err webhook_judge(struct ctx *c, int times, enum timed_signature s, struct webhook_bad *bad,
                                  enum err (*ask)(struct ctx *c));

/* For the handler's return: counts it, and says why in the request's log line (NULL: there is nothing to say). */
MUST_CHECK enum err webhook_ends(struct ctx *c, enum webhook_outcome outcome, const char *why, enum err e);
MUST_CHECK enum err webhook_taken(struct ctx *c, enum webhook_outcome outcome, const char *why);

/*
 * It could not be stored. While the database is away: 500, and not the 503 of other routes, which says that nothing was changed. Here that
 * is not always known, and need not be: whatever is not 2xx is sent again, for three days, and what is there already is not stored again.
 */
MUST_CHECK enum err webhook_not_stored(struct ctx *c, enum err e);
