/*
 * The Stripe simulator's objects as Stripe writes them (docs/stripe.md). Pure: the
 * handlers and the sender take what they store from the model, and these for the wire.
 *
 *    struct stripe_object_subscription s = {.id = id, .customer = customer, .life = &life, ...};
 *    stripe_object_put_subscription(&object, &s);
 *    stripe_object_put_event(&body, &event, buf_str(&object));
 *
 * All is of the test mode: the simulator moves no money. What our programs do not read is left out, where Stripe's own
 * client takes that too.
 */
#pragma once

#include "base/buf.h"
#include "model/sandbox/stripe_life.h"
#include "stripe/read.h"

#define STRIPE_OBJECT_MAX_BYTES (16u << 10)

struct stripe_object_customer {
    struct str id, email;
    struct uuid user_id;
    int64_t created_us;
};
void stripe_object_put_customer(struct buf *b, const struct stripe_object_customer *c);
void stripe_object_put_deleted_customer(struct buf *b, struct str id);

struct stripe_object_subscription {
    struct str id, item_id, customer, price;
    struct uuid user_id;
    const struct stripe_life *life;
};
void stripe_object_put_subscription(struct buf *b, const struct stripe_object_subscription *s);

struct stripe_object_session {
    struct str id, customer, subscription,
        url; /* subscription absent until it is complete; url only while it is open */
    struct uuid user_id;
    enum stripe_session_status status;
    bool is_unpaid; /* of a complete one: its first bill waits for the buyer */
    int64_t created_us, expires_at_us;
};
void stripe_object_put_session(struct buf *b, const struct stripe_object_session *s);

struct stripe_object_invoice {
    struct str id, customer, subscription, status, link; /* link: its page, where it can be paid */
    struct uuid user_id;
    int64_t created_us, amount_cents;
    int tries;
};
void stripe_object_put_invoice(struct buf *b, const struct stripe_object_invoice *i);

struct stripe_object_charge {
    struct str id, customer;
    int64_t amount_cents, created_us;
    bool is_refunded;
};
void stripe_object_put_charge(struct buf *b, const struct stripe_object_charge *c);

/* A dispute, or an early fraud warning. */
struct stripe_object_of_charge {
    const char *object;
    struct str id, charge, status; /* status absent: it has none */
    int64_t created_us;
};
void stripe_object_put_of_charge(struct buf *b, const struct stripe_object_of_charge *o);

void stripe_object_put_portal(struct buf *b, struct str id, struct str customer, struct str url, int64_t created_us);

/* items: objects with commas between them. */
void stripe_object_put_list(struct buf *b, const char *url, struct str items, bool has_more);

struct stripe_object_event {
    struct str id;
    const char *type;
    int64_t created_us;
};
void stripe_object_put_event(struct buf *b, const struct stripe_object_event *e, struct str object);

/* code and param: NULL: none. */
void stripe_object_put_error(struct buf *b, const char *type, const char *code, const char *param, const char *message);
