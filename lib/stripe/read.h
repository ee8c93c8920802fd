/*
 * The rest of Stripe's answers: customers, checkout and portal sessions, charges. (Subscriptions:
 * stripe/subscription.h; events: stripe/event.h.) All return OK, what stripe_read_answer returns, or ERR_NET_UNKNOWN if
 * a success does not hold what it must.
 */
#pragma once

#include "base/uuid.h"
#include "stripe/error.h"

struct stripe_customer {
    struct str id;
    bool deleted; /* Stripe goes on answering 200 for such a one, with nothing but this; the rest is then not filled */
    bool livemode;
    struct uuid user_id; /* of its metadata; none: not there, or not one of ours */
};
MUST_CHECK enum err stripe_read_customer(const struct net_result *r, struct arena *arena, struct stripe_customer *ret,
                                         struct stripe_error *ret_error);

struct stripe_customers {
    struct stripe_customer *v; /* arena */
    size_t n;
    bool has_more;
};
MUST_CHECK enum err stripe_read_customers(const struct net_result *r, struct arena *arena, struct stripe_customers *ret,
                                          struct stripe_error *ret_error);

enum stripe_session_status { STRIPE_SESSION_OPEN, STRIPE_SESSION_COMPLETE, STRIPE_SESSION_EXPIRED };
struct stripe_session {
    struct str id, customer, subscription; /* customer and subscription: absent until there is one */
    struct uuid user_id;                   /* client_reference_id; none: not there, or not one of ours */
    enum stripe_session_status status;
    bool livemode;
    struct str url; /* https; absent unless it is open */
};
MUST_CHECK enum err stripe_read_session(const struct net_result *r, struct arena *arena, struct stripe_session *ret,
                                        struct stripe_error *ret_error);

struct stripe_sessions {
    struct stripe_session *v; /* arena */
    size_t n;
    bool has_more;
};
MUST_CHECK enum err stripe_read_sessions(const struct net_result *r, struct arena *arena, struct stripe_sessions *ret,
                                         struct stripe_error *ret_error);

MUST_CHECK enum err stripe_read_portal(const struct net_result *r, struct arena *arena, struct str *ret_url,
                                       struct stripe_error *ret_error);

/* customer: absent if the charge has none. */
MUST_CHECK enum err stripe_read_charge(const struct net_result *r, struct arena *arena, struct str *ret_customer,
                                       struct stripe_error *ret_error);
