/*
 * Stripe's events, from a webhook or from the list of those that were not delivered, reduced to what is needed: who it
 * is about, and the link that a mail needs. Never a state: that is fetched anew, so that order and repetition of events
 * cannot matter. Facts and sources: docs/stripe.md#events.
 *
 *    struct stripe_event event;
 *    e = stripe_read_event(arena, body, &event, &why);    // after its signature was found good
 *    if (e == OK && event.kind != NULL) ...
 */
#pragma once

#include "base/uuid.h"
#include "stripe/error.h"

#define STRIPE_EVENT_MAX_BYTES (1u << 20)

/* What an event is for besides: with each of them the customer's subscriptions are fetched anew. */
enum stripe_use {
    STRIPE_USE_STATE,         /* nothing more */
    STRIPE_USE_BIND,          /* a checkout is done: the user has this customer */
    STRIPE_USE_CHECKOUT_OVER, /* it came to nothing: another one can begin */
    STRIPE_USE_MAIL_TRIAL,    /* tell the user that the trial ends, if it still does */
    STRIPE_USE_MAIL_FAILED,   /* that a payment failed, with the link */
    STRIPE_USE_MAIL_ACTION,   /* that the bank wants a confirmation, with the link */
    STRIPE_USE_TELL_ADMIN,    /* somebody must look at it at Stripe */
    STRIPE_USE_CUSTOMER_GONE, /* the customer was deleted: forget its id, end its plan */
};

struct stripe_event_kind {
    const char *type;   /* Stripe's name of it */
    const char *object; /* what data.object is */
    enum stripe_use use;
    bool by_charge; /* the object names no customer: its charge does (stripe_charge_get) */
    const char *why;
};

/* Those that our endpoint is subscribed to; a type of NULL ends them. */
extern const struct stripe_event_kind stripe_event_kinds[];
const struct stripe_event_kind *stripe_event_find(struct str type); /* NULL: none of ours */

struct stripe_event {
    struct str id, type;
    struct str account;                   /* of Connect: it is about that account and not about ours; absent: ours */
    const struct stripe_event_kind *kind; /* NULL: not ours, and nothing below created_us is filled */
    bool livemode;
    int64_t created_us;
    struct str object_id; /* absent: it has none (invoice.upcoming) */
    struct str customer;  /* each absent: not said, or not an id of that kind */
    struct str subscription;
    struct str charge;
    struct uuid user_id; /* client_reference_id, or user_id of the metadata; none: not one of ours */
    struct str link;     /* hosted_invoice_url, https; of kinds with a mail */
    struct str status;   /* of a dispute, session or invoice; for the admin's mail and the log */
};

/*
 * ERR_BODY_TOO_LARGE; ERR_BAD_JSON, ERR_BAD_UTF8 or ERR_JSON_TOO_DEEP for what is no JSON object; ERR_VALIDATION when
 * it is none of Stripe's events, or has a field of another type: ret_why says what, in words for the log. Fields that
 * are unknown do not matter, nor does anything in the object of an event that is not ours.
 */
MUST_CHECK enum err stripe_read_event(struct arena *arena, struct str body, struct stripe_event *ret,
                                      const char **ret_why);

/*
 * A page of stripe_events_list, newest first. What is no event of the kind is left out, and counted: one that cannot be
 * read must not keep those that come after it from being found.
 */
struct stripe_events {
    struct stripe_event *v; /* arena */
    size_t n, unreadable_n;
    struct str newest, oldest; /* ids for the pages around it; absent: the page is empty */
    bool has_more;
};
MUST_CHECK enum err stripe_read_events(const struct net_result *r, struct arena *arena, struct stripe_events *ret,
                                       struct stripe_error *ret_error);
