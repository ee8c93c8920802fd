/*
 * What a refusal of Stripe's says, and whether a call is made again. Facts and sources: docs/stripe.md#errors.
 *
 *    e = stripe_read_answer(&result, arena, &error);
 *    if (e == ERR_STRIPE_REFUSED && stripe_error_is_missing(&error)) ...    // it was deleted, or is somebody else's
 *    log(error.request_id, error.code)
 */
#pragma once

#include "base/arena.h"
#include "net/call.h"

/* Where the headers stand that a call asks for (net_result.headers). */
enum stripe_header { STRIPE_HEADER_REQUEST_ID, STRIPE_HEADER_SHOULD_RETRY, STRIPE_HEADER_REPLAYED };

/* Stripe's own sentence is not here: it is for developers, and may repeat an address. Its dashboard shows it by the
 * request's id. */
struct stripe_error {
    struct str type, code, param; /* "invalid_request_error", "resource_missing", "customer"; absent: not said */
    struct str request_id;        /* Stripe's, of successes too; for the log */
    int http_status;
};

/*
 * OK: a success, whose body the caller reads. ERR_NET_*: no whole answer came. ERR_STRIPE_REFUSED: a 4xx with an error
 * object, so Stripe itself has said no (error filled). ERR_NET_UNKNOWN: anything else: a 5xx, a page of something in
 * between, a redirect.
 */
MUST_CHECK enum err stripe_read_answer(const struct net_result *r, struct arena *arena, struct stripe_error *ret_error);

/* What was asked for is not there: never was, was deleted, or is of another account or mode. */
bool stripe_error_is_missing(const struct stripe_error *e);

/* It is about our key or our rights, and about no customer: the kind pauses with an alarm. */
bool stripe_error_is_about_us(const struct stripe_error *e);

/*
 * What to do after a call. LOOK: it may have been carried out, and the same call again would not tell: its key would
 * bring the same answer, or it has none. Read the state, and if it has to be done, do it with a new key. DONE says
 * nothing of the body: if its reader cannot use it, that is LOOK, too.
 */
enum stripe_next { STRIPE_DONE, STRIPE_REFUSED, STRIPE_AGAIN, STRIPE_LOOK };
enum stripe_next stripe_next(const struct net_call *call, const struct net_result *r);

/* How long to wait before the try after so many: half a second, doubled each time, 5 s at most, of which draw (any
 * number) takes up to a half, so that those who failed together do not come back together. */
int64_t stripe_retry_delay_us(int tries, uint32_t draw);
